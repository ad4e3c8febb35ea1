//! What the terminal can show, from flags and the environment.
//!
//! Colour: `--color` decides, then `NO_COLOR` (no-color.org), then
//! `CLICOLOR_FORCE` and `CLICOLOR` (bixense.com/clicolors), then whether
//! there is a terminal that is not a dumb one.

use std::io::{self, IsTerminal, Write};

use clap::{ArgAction, Args, ValueEnum};
use terminal_size::{Width, terminal_size_of};

use crate::report::{View, escape};

/// Flags of every command about what it shows.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DisplayArgs {
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Display")]
    color: ColorWhen,
    /// Write nothing to stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Display")]
    quiet: bool,
    /// Show passes, what does not apply, and lists in full
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Display")]
    verbose: u8,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// The terminal, as far as this run is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// How results look on stdout.
    pub(crate) view: View,
    /// Whether stderr may be coloured.
    pub(crate) color_stderr: bool,
    /// Whether notes are wanted on stderr.
    pub(crate) is_quiet: bool,
    /// Whether a progress line is of use.
    pub(crate) shows_progress: bool,
}

/// What the environment says of colour and width.
#[derive(Clone, Debug, Default)]
struct Environment {
    no_color: Option<String>,
    clicolor: Option<String>,
    clicolor_force: Option<String>,
    term: Option<String>,
    columns: Option<String>,
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment enters")]
    fn read() -> Self {
        let get = |name| std::env::var(name).ok();
        Environment {
            no_color: get("NO_COLOR"),
            clicolor: get("CLICOLOR"),
            clicolor_force: get("CLICOLOR_FORCE"),
            term: get("TERM"),
            columns: get("COLUMNS"),
        }
    }

    fn wants_color(&self, when: ColorWhen, is_terminal: bool) -> bool {
        let is_on = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty() && text != "0");
        match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto if self.no_color.as_deref().is_some_and(|text| !text.is_empty()) => false,
            ColorWhen::Auto if is_on(&self.clicolor_force) => true,
            ColorWhen::Auto if self.clicolor.as_deref() == Some("0") => false,
            ColorWhen::Auto => is_terminal && self.term.as_deref() != Some("dumb"),
        }
    }
}

impl Terminal {
    /// Looks at the terminal.
    pub(crate) fn new(display: DisplayArgs) -> Self {
        let environment = Environment::read();
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let width = if stdout.is_terminal() {
            let stated = environment.columns.as_deref().and_then(|columns| columns.parse().ok());
            stated.or_else(|| terminal_size_of(&stdout).map(|(Width(columns), _)| usize::from(columns)))
        } else {
            None
        };
        Terminal {
            view: View {
                color: environment.wants_color(display.color, stdout.is_terminal()),
                width: width.filter(|columns| *columns > 0),
                verbose: display.verbose > 0,
            },
            color_stderr: environment.wants_color(display.color, stderr.is_terminal()),
            is_quiet: display.quiet,
            shows_progress: !display.quiet && stderr.is_terminal() && environment.term.as_deref() != Some("dumb"),
        }
    }

    /// The same terminal, for a command of which `-q` and `-v` mean something else.
    pub(crate) fn with_notes(self) -> Self {
        let view = View { verbose: false, ..self.view };
        Terminal { is_quiet: false, view, ..self }
    }

    /// Says what is wrong on stderr, also where notes are not wanted.
    #[expect(clippy::unused_self, reason = "what is said, is said on this terminal")]
    pub(crate) fn error(&self, text: &str) {
        // Who closed stderr does not want to hear of it.
        let _ = writeln!(io::stderr(), "{}", escape::lines(text));
    }

    /// Says something on stderr that is not an error.
    pub(crate) fn note(&self, text: &str) {
        if !self.is_quiet {
            // Who closed stderr does not want to hear of it.
            let _ = writeln!(io::stderr(), "{}", escape::lines(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_decides_before_the_environment() {
        let environment = Environment { no_color: Some("1".to_owned()), ..Environment::default() };
        assert!(environment.wants_color(ColorWhen::Always, false));
        let environment = Environment { clicolor_force: Some("1".to_owned()), ..Environment::default() };
        assert!(!environment.wants_color(ColorWhen::Never, true));
    }

    #[test]
    fn no_color_decides_before_clicolor_force() {
        let environment = Environment {
            no_color: Some("1".to_owned()),
            clicolor_force: Some("1".to_owned()),
            ..Environment::default()
        };
        assert!(!environment.wants_color(ColorWhen::Auto, true));
    }

    #[test]
    fn an_empty_no_color_and_a_zero_force_say_nothing() {
        let environment = Environment {
            no_color: Some(String::new()),
            clicolor_force: Some("0".to_owned()),
            ..Environment::default()
        };
        assert!(environment.wants_color(ColorWhen::Auto, true));
        assert!(!environment.wants_color(ColorWhen::Auto, false));
    }

    #[test]
    fn clicolor_force_colours_a_pipe() {
        let environment = Environment { clicolor_force: Some("1".to_owned()), ..Environment::default() };
        assert!(environment.wants_color(ColorWhen::Auto, false));
    }

    #[test]
    fn a_dumb_terminal_has_no_colour() {
        let environment = Environment { term: Some("dumb".to_owned()), ..Environment::default() };
        assert!(!environment.wants_color(ColorWhen::Auto, true));
    }
}
