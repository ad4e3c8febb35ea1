//! Why a command could not run, and what to do about it.

use std::fmt;
use std::path::Path;

use crate::rule::Diagnostic;

/// An error that ends the command with exit code 2.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A lowercase fragment that completes "failed to …", with the cause.
    what: String,
    /// What can be done.
    help: Option<String>,
    /// More lines, shown first: the faults of a file, each with its place.
    details: Vec<Diagnostic>,
}

impl Failure {
    /// `read /etc/x: permission denied`
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Failure { what: what.into(), help: None, details: Vec::new() }
    }

    /// The failure of an operation on a file that the user named.
    pub(crate) fn file(operation: &str, path: &Path, error: &std::io::Error) -> Self {
        Failure::new(format!("{operation} {}: {}", path.display(), cause(error)))
    }

    /// Faults in rule or waiver files.
    pub(crate) fn faults(what: &str, details: Vec<Diagnostic>) -> Self {
        let faults = if details.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", details.len()) };
        Failure { what: format!("{what}: {faults}"), help: None, details }
    }

    /// What failed, and why, without what can be done.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Says what can be done.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what can be done, where something is known.
    pub(crate) fn with_help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The text for stderr, with its last line break.
    pub(crate) fn render(&self, color: bool) -> String {
        use fmt::Write;
        let mut text = String::new();
        for detail in &self.details {
            let _ = writeln!(text, "{}\n", detail.render(color));
        }
        let _ = writeln!(text, "error: failed to {}", self.what);
        if let Some(help) = &self.help {
            let _ = writeln!(text, "help: {help}");
        }
        text
    }
}

/// The words of the operating system, in lowercase and without a number.
pub(crate) fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_failed_and_what_to_do() {
        let error = std::io::Error::from_raw_os_error(13);
        let failure = Failure::file("read", Path::new("/etc/x"), &error).with_help("run as root");
        assert_eq!(failure.render(false), "error: failed to read /etc/x: permission denied\nhelp: run as root\n");
    }
}
