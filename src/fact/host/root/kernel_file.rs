//! Files of `/proc` and `/sys`, where it matters who wrote them.
//!
//! The running kernel shows what it has: what is missing there is not there.
//! A recorded tree holds what somebody recorded: what is missing there was
//! perhaps only not recorded.

use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{HostRoot, MAX_FILE_BYTES, Outcome, Refusal, content, outcome_of};

/// `PROC_SUPER_MAGIC` of linux/magic.h.
const PROC_MAGIC: i64 = 0x9fa0;

const KERNEL_LOG: &str = "/dev/kmsg";

/// Its number in Documentation/admin-guide/devices.txt.
const KERNEL_LOG_NUMBER: (u32, u32) = (1, 11);

/// The longest record, `PRINTK_MESSAGE_MAX` of kernel/printk and room for
/// properties.
const MAX_RECORD_BYTES: usize = 8192;

/// The most bytes that are read of the kernel's log, whose buffer may be 2 GiB.
const MAX_LOG_BYTES: usize = 16 << 20;

impl HostRoot {
    /// Whether `/proc` is a running kernel's, of this machine or of a host
    /// that is mounted at the root.
    pub fn has_kernel_files(&self) -> bool {
        *self.has_kernel_files.get_or_init(|| self.is_live || self.magic("/proc") == Outcome::Found(PROC_MAGIC))
    }

    /// Whether this path leads into the running kernel's own `/proc` or
    /// `/sys`. Opening what lies there neither waits nor acts.
    pub(super) fn is_kernel_path(&self, path: &str) -> bool {
        self.is_live && (path.starts_with("/proc/") || path.starts_with("/sys/")) && !path.contains("/..")
    }

    /// The bytes of a file of `/proc` or `/sys`. Where it is missing from a
    /// recorded tree, and the folder that would hold it too, it is unreadable.
    pub fn read_kernel(&self, path: &str) -> Outcome<Arc<[u8]>> {
        self.read(path).or_else_absent(|| self.judge_missing(path))
    }

    /// The text of a file of `/proc` or `/sys`, by the same rule.
    pub fn read_kernel_text(&self, path: &str) -> Outcome<String> {
        self.read_kernel(path).map(|bytes| content::to_text(&bytes))
    }

    /// The names in a folder of `/proc` or `/sys`, by the same rule.
    pub fn read_kernel_folder(&self, path: &str) -> Outcome<Vec<String>> {
        self.read_folder(path).or_else_absent(|| self.judge_missing(path))
    }

    /// A file of the host's network namespace, such as `route`, and its path:
    /// `/proc/1/net/route`, or `/proc/net/route` where that is not recorded.
    pub fn read_network_file(&self, name: &str) -> (String, Outcome<String>) {
        self.read_of_first_process(&format!("/proc/1/net/{name}"), &format!("/proc/net/{name}"), &|path| {
            self.read_text(path)
        })
    }

    /// The same up to the first line with which it does not go on, where the
    /// kernel itself writes the file: some take it long to write to the end.
    pub fn read_network_lines(&self, name: &str, goes_on: fn(&str) -> bool) -> (String, Outcome<String>) {
        if !self.has_kernel_files() {
            return self.read_network_file(name);
        }
        let read = |path: &str| {
            let opened = self.open_regular(path);
            outcome_of(path, opened.and_then(|(file, _)| content::read_lines(file, goes_on, MAX_FILE_BYTES)))
        };
        self.read_of_first_process(&format!("/proc/1/net/{name}"), &format!("/proc/net/{name}"), &read)
    }

    /// The mounts that the host's first process sees, and their path.
    pub fn read_mounts(&self) -> (String, Outcome<String>) {
        self.read_of_first_process("/proc/1/mounts", "/proc/mounts", &|path| self.read_text(path))
    }

    /// `/proc/net` and `/proc/mounts` show what the reading process sees,
    /// which on a host that is mounted into a container is the container's.
    fn read_of_first_process(
        &self,
        first: &str,
        own: &str,
        read: &dyn Fn(&str) -> Outcome<String>,
    ) -> (String, Outcome<String>) {
        let of_first = read(first);
        let may_ask_own = self.is_live || !self.has_kernel_files();
        if of_first.is_found() || !may_ask_own {
            return (first.to_owned(), of_first);
        }
        match (read(own).or_else_absent(|| self.judge_missing(own)), of_first) {
            (Outcome::Absent | Outcome::Unreadable(_), refused @ Outcome::Unreadable(_)) => (first.to_owned(), refused),
            (of_own, _) => (own.to_owned(), of_own),
        }
    }

    /// The records of the running kernel's own log, `/dev/kmsg`, each as the
    /// kernel writes it (Documentation/ABI/testing/dev-kmsg): one line, and
    /// lines with a blank first for its properties. Those that are there now;
    /// it does not wait for more. Absent: this is not the running machine.
    pub fn read_kernel_log(&self) -> Outcome<Vec<u8>> {
        if !self.is_live {
            return Outcome::Absent;
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let records = self.open_at(KERNEL_LOG, flags).map_err(Refusal::from).and_then(|log| {
            let stat = rustix::fs::fstat(&log)?;
            if (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) != KERNEL_LOG_NUMBER {
                return Err(Refusal::Reason("not the kernel's log".to_owned()));
            }
            read_records(&log)
        });
        outcome_of(KERNEL_LOG, records)
    }

    fn judge_missing<T>(&self, path: &str) -> Outcome<T> {
        let folder = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(folder, _)| folder);
        if self.has_kernel_files() || self.metadata(folder).is_found() {
            Outcome::Absent
        } else {
            Outcome::Unreadable(format!("read {path}: not recorded"))
        }
    }
}

/// Each read gives one record.
fn read_records(log: &impl std::os::fd::AsFd) -> Result<Vec<u8>, Refusal> {
    let mut records = Vec::new();
    let mut record = [0; MAX_RECORD_BYTES];
    while records.len() < MAX_LOG_BYTES {
        match rustix::io::read(log, &mut record) {
            Ok(0) | Err(Errno::AGAIN) => break,
            Ok(length) => records.extend_from_slice(record.get(..length).unwrap_or_default()),
            // Overwritten meanwhile, or longer than we take: the next one follows.
            Err(Errno::PIPE | Errno::INVAL | Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(records)
}
