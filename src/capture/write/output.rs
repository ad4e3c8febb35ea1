//! Where blocks go: a file of ours, or a stream.
//!
//! Only whole blocks are written, many at once. Where the disk is full in the
//! middle of one, the file is cut back to the last whole block, so that what
//! is there can be read.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fchmod, fstat, openat};

use super::WriteCapture;

/// How much is gathered before it is written.
const BUFFER: usize = 256 << 10;

/// Something that blocks are written to.
pub(super) struct Output {
    name: String,
    sink: Sink,
    buffer: Vec<u8>,
    /// Where the blocks in the buffer end.
    ends: Vec<usize>,
    /// What was written of whole blocks.
    committed: u64,
}

enum Sink {
    File(File),
    Stream(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Output {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Output").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Output {
    /// Writes to a stream, which is called `name` in errors.
    pub(super) fn stream(name: &str, stream: Box<dyn Write + Send>) -> Self {
        Output::new(name, Sink::Stream(stream))
    }

    /// Opens a file and empties it, if it is new or ours.
    pub(super) fn file(path: &str) -> Result<Self, WriteCapture> {
        let file = open(path)?;
        Ok(Output::new(path, Sink::File(file)))
    }

    fn new(name: &str, sink: Sink) -> Self {
        Output { name: name.to_owned(), sink, buffer: Vec::with_capacity(BUFFER), ends: Vec::new(), committed: 0 }
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How long it is, with what is still to be written.
    pub(super) fn length(&self) -> u64 {
        self.committed.saturating_add(u64::try_from(self.buffer.len()).unwrap_or(u64::MAX))
    }

    /// Adds a block; writes when there are enough of them.
    pub(super) fn block(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), WriteCapture> {
        encode(&mut self.buffer);
        self.ends.push(self.buffer.len());
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result<(), WriteCapture> {
        let (written, result) = write_all(&mut self.sink, &self.buffer);
        let whole = if result.is_ok() { written } else { last_end(&self.ends, written) };
        self.committed = self.committed.saturating_add(u64::try_from(whole).unwrap_or(0));
        self.buffer.clear();
        self.ends.clear();
        let Err(source) = result else { return Ok(()) };
        if source.kind() == ErrorKind::BrokenPipe {
            return Err(WriteCapture::ReaderGone { path: self.name.clone() });
        }
        if let Sink::File(file) = &mut self.sink {
            // Were it to fail, readers would still find all but the last packet.
            let _ = file.set_len(self.committed);
        }
        Err(WriteCapture::Write { path: self.name.clone(), source, kept_bytes: self.committed })
    }

    /// Writes everything and makes it last.
    pub(super) fn finish(mut self) -> Result<(), WriteCapture> {
        self.flush()?;
        let Sink::File(file) = &self.sink else { return Ok(()) };
        match file.sync_data() {
            // Devices and pipes cannot be told to.
            Err(source) if !matches!(source.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                Err(WriteCapture::Write { path: self.name, source, kept_bytes: self.committed })
            }
            _ => Ok(()),
        }
    }
}

fn write_all(sink: &mut Sink, bytes: &[u8]) -> (usize, io::Result<()>) {
    let writer: &mut dyn Write = match sink {
        Sink::File(file) => file,
        Sink::Stream(stream) => stream,
    };
    let mut written = 0;
    while let Some(left) = bytes.get(written..).filter(|left| !left.is_empty()) {
        match writer.write(left) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, writer.flush())
}

/// The end of the last whole block among the first `written` bytes.
fn last_end(ends: &[usize], written: usize) -> usize {
    ends.iter().copied().take_while(|end| *end <= written).last().unwrap_or(0)
}

/// Opens what stands at a path for writing: a new file that only we may read,
/// or one of ours. Whoever may write to the folder could else have placed a
/// link there, and have root write, or read what is written.
fn open(path: &str) -> Result<File, WriteCapture> {
    let failed = |source: rustix::io::Errno| WriteCapture::Open { path: path.to_owned(), source: source.into() };
    let refused = |reason: String| WriteCapture::Refused { path: path.to_owned(), reason };
    let mode = Mode::RUSR | Mode::WUSR;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    let opened = match openat(rustix::fs::CWD, Path::new(path), flags, mode) {
        Err(rustix::io::Errno::LOOP) => return Err(refused("it is a symbolic link, which is not followed".to_owned())),
        opened => opened.map_err(failed)?,
    };
    let stat = fstat(&opened).map_err(failed)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::CharacterDevice {
        return Ok(opened.into());
    }
    let own = rustix::process::geteuid().as_raw();
    if stat.st_uid != own {
        return Err(refused(format!("it belongs to user {}, and this is user {own}", stat.st_uid)));
    }
    match kind {
        FileType::Fifo => return Ok(opened.into()),
        FileType::RegularFile => {}
        _ => return Err(refused("it is no file".to_owned())),
    }
    if stat.st_nlink > 1 {
        return Err(refused(format!("it has {} names (hard links)", stat.st_nlink)));
    }
    fchmod(&opened, mode).map_err(failed)?;
    let file = File::from(opened);
    file.set_len(0).map_err(|source| WriteCapture::Open { path: path.to_owned(), source })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the files are of the tests")]

    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn path(folder: &tempfile::TempDir, name: &str) -> String {
        folder.path().join(name).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_file_is_for_its_owner_alone_also_where_it_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(&folder, "a");
        std::fs::write(&path, "a longer text that was there before").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let mut output = Output::file(&path).unwrap();
        output.block(|out| out.extend_from_slice(b"block")).unwrap();
        output.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"block");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = path(&folder, "target");
        std::fs::write(&target, "precious").unwrap();
        symlink(&target, path(&folder, "link")).unwrap();
        let error = Output::file(&path(&folder, "link")).unwrap_err().to_string();
        assert!(error.ends_with("it is a symbolic link, which is not followed"), "{error}");
        std::fs::hard_link(&target, path(&folder, "hard")).unwrap();
        let error = Output::file(&path(&folder, "hard")).unwrap_err().to_string();
        assert!(error.ends_with("it has 2 names (hard links)"), "{error}");
        assert_eq!(std::fs::read(&target).unwrap(), b"precious");
    }

    #[test]
    fn a_full_disk_is_an_error_that_says_what_was_kept() {
        // Every write to this device fails so.
        let mut output = Output::file("/dev/full").unwrap();
        output.block(|out| out.extend_from_slice(b"block")).unwrap();
        let error = output.flush().unwrap_err();
        assert!(error.help().unwrap().contains("-C"), "{error}");
        assert!(error.to_string().contains("its first 0 bytes"), "{error}");
    }

    #[test]
    fn the_end_of_the_last_whole_block_is_found() {
        assert_eq!(last_end(&[10, 20, 30], 29), 20);
        assert_eq!(last_end(&[10, 20, 30], 9), 0);
        assert_eq!(last_end(&[], 9), 0);
    }
}
