//! Writes packets to capture files: pcapng with all that is known of where
//! they were captured, or plain pcap.
//!
//! A [`Writer`] keeps what a file begins with, so that each file of a rotation
//! can be read alone. It writes whole blocks only: whatever ends the program,
//! the file is valid up to there. Files are opened for their owner alone, and
//! never through a link.

mod copy;
mod describe;
mod error;
mod output;
mod pcap;
mod pcapng;
mod rotation;

use std::io::Write;
use std::net::IpAddr;

use jiff::Timestamp;

use super::packet::Packet;
pub use crate::capture::direction::Direction;
pub use copy::Copy;
pub use describe::{FileFormat, InterfaceDescription, Notes, Section, Statistics, WriteOptions};
pub use error::WriteCapture;
use output::Output;
pub use rotation::Rotation;
use rotation::{Next, State};

/// Whether there is more to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// The packet was written.
    Packet,
    /// It was not: as many files as `-W` asks for are full.
    LastFile,
}

/// Writes packets to a file after the other, or to a stream.
#[derive(Debug)]
pub struct Writer {
    options: WriteOptions,
    /// None where a stream is written.
    rotation: Option<State>,
    output: Output,
    interfaces: Vec<InterfaceDescription>,
    names: Vec<(IpAddr, String)>,
    /// Whether a pcap file has its header, which needs an interface.
    has_header: bool,
}

impl Writer {
    /// Opens the first file.
    ///
    /// # Errors
    /// If it cannot be opened, or what stands there is not ours.
    pub fn to_file(path: &str, options: WriteOptions, now: Timestamp) -> Result<Self, WriteCapture> {
        let rotation = State::new(options.rotation, path, options.time_zone.clone(), now);
        let output = Output::file(&rotation.name())?;
        Writer::begin(options, Some(rotation), output)
    }

    /// Writes to a stream that is called `name` in errors; it is never rotated.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn to_stream(name: &str, stream: Box<dyn Write + Send>, options: WriteOptions) -> Result<Self, WriteCapture> {
        Writer::begin(options, None, Output::stream(name, stream))
    }

    fn begin(options: WriteOptions, rotation: Option<State>, output: Output) -> Result<Self, WriteCapture> {
        let (interfaces, names) = (Vec::new(), Vec::new());
        let mut writer = Writer { options, rotation, output, interfaces, names, has_header: false };
        writer.begin_file()?;
        Ok(writer)
    }

    /// The name of the file that is written now.
    pub fn path(&self) -> &str {
        self.output.name()
    }

    /// How many bytes the present file has.
    pub fn length(&self) -> u64 {
        self.output.length()
    }

    /// States the most that is captured of a packet, before the first interface.
    pub fn set_snap_length(&mut self, snap_length: u32) {
        if self.interfaces.is_empty() {
            self.options.snap_length = snap_length;
        }
    }

    /// Describes an interface, and gives its number.
    ///
    /// # Errors
    /// If the format does not allow it beside the others, or writing fails.
    pub fn add_interface(&mut self, interface: InterfaceDescription) -> Result<u32, WriteCapture> {
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        if let (FileFormat::Pcap, Some(first)) = (self.options.format, self.interfaces.first())
            && first.link_type != interface.link_type
        {
            let (first, second) = (first.link_type.number(), interface.link_type.number());
            return Err(WriteCapture::MixedLinkTypes { path: self.path().to_owned(), first, second });
        }
        self.write_interface(&interface)?;
        self.interfaces.push(interface);
        Ok(number)
    }

    /// Writes the names of addresses, for those who read the file elsewhere.
    ///
    /// # Errors
    /// If writing fails.
    pub fn add_names(&mut self, names: impl IntoIterator<Item = (IpAddr, String)>) -> Result<(), WriteCapture> {
        let before = self.names.len();
        self.names.extend(names);
        self.write_names(before)
    }

    /// Writes a packet of an interface, at first to the next file where it is
    /// time for it.
    ///
    /// # Errors
    /// If writing fails, or the interface was not described.
    pub fn write(
        &mut self,
        interface: u32,
        packet: &Packet<'_>,
        notes: &Notes<'_>,
        now: Timestamp,
    ) -> Result<Written, WriteCapture> {
        let is_known = usize::try_from(interface).is_ok_and(|number| number < self.interfaces.len());
        if !is_known {
            return Err(WriteCapture::UnknownInterface { path: self.path().to_owned(), interface });
        }
        let length = self.length();
        match self.rotation.as_mut().map_or(Next::Same, |rotation| rotation.next(now, length)) {
            Next::Same => {}
            Next::New => self.next_file()?,
            Next::End => return Ok(Written::LastFile),
        }
        let limit = usize::try_from(self.options.snap_length).unwrap_or(usize::MAX);
        let bytes = packet.bytes.get(..limit).unwrap_or(packet.bytes);
        match self.options.format {
            FileFormat::Pcapng => {
                self.output.block(|out| pcapng::packet(out, interface, packet, bytes, notes))?;
            }
            FileFormat::Pcap => self.output.block(|out| pcap::packet(out, packet, bytes))?,
        }
        if self.options.is_unbuffered {
            self.flush()?;
        }
        Ok(Written::Packet)
    }

    /// Writes the counters of an interface; pcap has no place for them.
    ///
    /// # Errors
    /// If writing fails.
    pub fn statistics(&mut self, interface: u32, statistics: &Statistics) -> Result<(), WriteCapture> {
        match self.options.format {
            FileFormat::Pcapng => self.output.block(|out| pcapng::statistics(out, interface, statistics)),
            FileFormat::Pcap => Ok(()),
        }
    }

    /// Writes what was gathered, for readers that follow.
    ///
    /// # Errors
    /// If writing fails.
    pub fn flush(&mut self) -> Result<(), WriteCapture> {
        self.output.flush()
    }

    /// Writes everything and closes the file.
    ///
    /// # Errors
    /// If writing fails.
    pub fn finish(self) -> Result<(), WriteCapture> {
        self.output.finish()
    }

    /// Closes the file and begins the next one with all that stood in it
    /// before the first packet.
    fn next_file(&mut self) -> Result<(), WriteCapture> {
        let Some(rotation) = &self.rotation else { return Ok(()) };
        let name = rotation.name();
        // Not to disk: that would take longer than the packets' ring lasts.
        self.output.flush()?;
        self.output = Output::file(&name)?;
        self.has_header = false;
        self.begin_file()
    }

    fn begin_file(&mut self) -> Result<(), WriteCapture> {
        if self.options.format == FileFormat::Pcapng {
            let section = &self.options.section;
            self.output.block(|out| pcapng::section(out, section))?;
        }
        let interfaces = std::mem::take(&mut self.interfaces);
        let written = interfaces.iter().try_for_each(|interface| self.write_interface(interface));
        self.interfaces = interfaces;
        written?;
        self.write_names(0)
    }

    fn write_interface(&mut self, interface: &InterfaceDescription) -> Result<(), WriteCapture> {
        let snap_length = self.options.snap_length;
        match self.options.format {
            FileFormat::Pcapng => self.output.block(|out| pcapng::interface(out, interface, snap_length)),
            FileFormat::Pcap if self.has_header => Ok(()),
            FileFormat::Pcap => {
                self.has_header = true;
                self.output.block(|out| pcap::header(out, interface.link_type, snap_length))
            }
        }
    }

    fn write_names(&mut self, from: usize) -> Result<(), WriteCapture> {
        let Some(names) = self.names.get(from..).filter(|names| !names.is_empty()) else { return Ok(()) };
        match self.options.format {
            FileFormat::Pcapng => self.output.block(|out| pcapng::names(out, names)),
            FileFormat::Pcap => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the files are of the tests")]

    use super::*;
    use crate::capture::file::Reader;
    use crate::capture::packet::LinkType;

    fn packet(bytes: &[u8]) -> Packet<'_> {
        Packet {
            timestamp_ns: 1_700_000_000_123_456_789,
            carried_s: 0,
            length: 60,
            bytes,
            link_type: LinkType::Ethernet,
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    #[test]
    fn both_formats_are_read_back_with_nanoseconds() {
        let folder = tempfile::tempdir().unwrap();
        for format in [FileFormat::Pcapng, FileFormat::Pcap] {
            let path = folder.path().join("a").to_str().unwrap().to_owned();
            let options = WriteOptions { format, snap_length: 6, ..WriteOptions::default() };
            let mut writer = Writer::to_file(&path, options, now()).unwrap();
            let number = writer.add_interface(InterfaceDescription::new("a:eth0", LinkType::Ethernet)).unwrap();
            let notes = Notes { direction: Direction::In, packet_id: Some(7), comments: &["a comment"] };
            let written = writer.write(number, &packet(b"longer than that"), &notes, now()).unwrap();
            assert_eq!(written, Written::Packet);
            writer.finish().unwrap();
            let file = std::fs::read(&path).unwrap();
            let mut reader = Reader::new(file.as_slice()).unwrap();
            let record = reader.read().unwrap().unwrap();
            assert_eq!(record.packet.timestamp_ns, 1_700_000_000_123_456_789);
            assert_eq!((record.packet.length, record.packet.bytes), (60, &b"longer"[..]));
            assert_eq!(record.interface.snap_length, 6);
            assert!(reader.read().unwrap().is_none());
        }
    }

    #[test]
    fn what_is_said_of_an_interface_is_read_back() {
        use crate::capture::file::{Counted, HOP, INTERFACES, POD};
        use crate::capture::sink::Hop;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        let mut writer = Writer::to_file(&path, WriteOptions::default(), now()).unwrap();
        let interface = InterfaceDescription {
            description: Some("pod web-0 in namespace shop".to_owned()),
            hardware_address: Some([2, 0, 0, 0, 0, 1]),
            addresses: vec![("10.244.0.12".parse().unwrap(), 24), ("fd00::12".parse().unwrap(), 64)],
            filter: Some("tcp port 80".to_owned()),
            comments: vec![format!("{POD}shop/web-0"), format!("{HOP}inside"), format!("{INTERFACES}1=lo 2=eth0")],
            ..InterfaceDescription::new("shop/web-0:any", LinkType::LinuxCooked2)
        };
        let number = writer.add_interface(interface).unwrap();
        for dropped in [1, 3] {
            let counters =
                Statistics { dropped_by_kernel: Some(dropped), accepted_by_filter: Some(9), ..Statistics::default() };
            writer.statistics(number, &counters).unwrap();
        }
        writer.finish().unwrap();
        let file = std::fs::read(&path).unwrap();
        let mut reader = Reader::new(file.as_slice()).unwrap();
        assert!(reader.read().unwrap().is_none());
        let point = reader.interfaces()[0].1.point(0);
        assert_eq!(point.name.as_deref(), Some("shop/web-0:any"));
        assert_eq!(point.description.as_deref(), Some("pod web-0 in namespace shop"));
        assert_eq!(point.hardware_address, Some([2, 0, 0, 0, 0, 1]));
        assert_eq!(point.addresses, ["10.244.0.12/24".parse().unwrap(), "fd00::12/64".parse().unwrap()]);
        assert_eq!((point.filter.as_deref(), point.hop), (Some("tcp port 80"), Hop::Inside));
        assert_eq!(point.pod, Some(("shop".to_owned(), "web-0".to_owned())));
        assert_eq!(point.interface_names, [(1, "lo".to_owned()), (2, "eth0".to_owned())]);
        let last = Counted { accepted_by_filter: Some(9), dropped_by_kernel: Some(3), dropped_by_interface: None };
        assert_eq!((reader.counted(0), reader.counted(1)), (Some(last), None));
    }

    #[test]
    fn each_file_of_a_rotation_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        let rotation = Rotation { megabytes: Some(0), files: Some(2), ..Rotation::default() };
        let mut writer = Writer::to_file(&path, WriteOptions { rotation, ..WriteOptions::default() }, now()).unwrap();
        let number = writer.add_interface(InterfaceDescription::new("a:eth0", LinkType::Ethernet)).unwrap();
        for _ in 0..3 {
            let _ = writer.write(number, &packet(b"bytes"), &Notes::default(), now()).unwrap();
        }
        writer.finish().unwrap();
        for name in ["a0", "a1"] {
            let file = std::fs::read(folder.path().join(name)).unwrap();
            let mut reader = Reader::new(file.as_slice()).unwrap();
            let name = reader.read().unwrap().unwrap().interface.name.clone();
            assert_eq!(name.as_deref(), Some("a:eth0"));
            assert!(reader.read().unwrap().is_none());
        }
    }

    #[test]
    fn pcap_refuses_a_second_link_type_and_unknown_interfaces() {
        let options = WriteOptions { format: FileFormat::Pcap, ..WriteOptions::default() };
        let mut writer = Writer::to_stream("stdout", Box::new(std::io::sink()), options).unwrap();
        assert!(writer.write(0, &packet(b""), &Notes::default(), now()).is_err());
        writer.add_interface(InterfaceDescription::new("a", LinkType::Ethernet)).unwrap();
        let error = writer.add_interface(InterfaceDescription::new("b", LinkType::RawIp)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "write stdout: pcap holds one link type, and 1 and 101 are captured; pcapng holds both"
        );
    }
}
