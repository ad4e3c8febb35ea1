//! Which rules to judge by, and which faults are accepted.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::input::read_named;
use crate::rule::select::Selection;
use crate::rule::waiver::Waivers;
use crate::rule::{Diagnostic, LoadOptions, Rule, RuleSet};

/// Where rules come from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RuleArgs {
    /// Add rule files or folders to the built-in set (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub(crate) rules: Vec<PathBuf>,
    /// Use only the rules of --rules
    #[arg(long, help_heading = "Rules")]
    pub(crate) no_builtin_rules: bool,
    /// Use only these rules: names or globs (runtime/*), tag:WORD, severity:WORD (repeatable, or with commas)
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',', help_heading = "Rules")]
    pub(crate) select: Vec<String>,
    /// Leave these rules out; the same selectors
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',', help_heading = "Rules")]
    pub(crate) ignore: Vec<String>,
}

impl RuleArgs {
    /// Loads the rules; every fault of every file is told at once.
    pub(crate) fn load(&self, with_examples: bool) -> Result<RuleSet, Failure> {
        load(&self.options(with_examples)?)
    }

    /// Loads the rules to judge hosts alone by; others are left out where no
    /// selection may ask for them.
    pub(crate) fn load_for_hosts(&self) -> Result<RuleSet, Failure> {
        if !self.are_all() {
            return self.load(false);
        }
        told(RuleSet::load_for_hosts(&self.options(false)?))
    }

    fn options(&self, with_examples: bool) -> Result<LoadOptions, Failure> {
        if self.no_builtin_rules && self.rules.is_empty() {
            return Err(
                Failure::new("load rules: --no-builtin-rules leaves none").with_help("add some with --rules PATH")
            );
        }
        if let Some(missing) = self.rules.iter().find(|path| !path.exists()) {
            let error = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Failure::file("read rules from", missing, &error));
        }
        Ok(LoadOptions { builtin: !self.no_builtin_rules, paths: self.rules.clone(), with_examples })
    }

    /// Whether every built-in rule is judged by.
    pub(crate) fn are_all(&self) -> bool {
        !self.no_builtin_rules && self.select.is_empty() && self.ignore.is_empty()
    }

    /// The selected rules of a set.
    pub(crate) fn select<'a>(&self, rules: &'a RuleSet) -> Result<Vec<&'a Rule>, Failure> {
        let selection = Selection { select: self.select.clone(), ignore: self.ignore.clone() };
        let selected = selection.resolve(rules).map_err(|errors| {
            let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
            let help = errors.iter().find_map(|error| error.help.clone());
            Failure::new(format!("select rules: {}", messages.join("; ")))
                .with_help("list the names with: scanner rules list")
                .with_help_if(help)
        })?;
        if selected.is_empty() {
            return Err(Failure::new("select rules: none is left").with_help("list the names with: scanner rules list"));
        }
        Ok(selected)
    }
}

/// Loads rules; every fault of every file is told at once.
pub(crate) fn load(options: &LoadOptions) -> Result<RuleSet, Failure> {
    told(RuleSet::load(options))
}

fn told(loaded: Result<RuleSet, Vec<Diagnostic>>) -> Result<RuleSet, Failure> {
    loaded.map_err(|faults| {
        Failure::faults("load rules", faults).with_help("the format is described in docs/rule-format.md")
    })
}

/// Reads waiver files.
pub(crate) fn read_waivers(paths: &[PathBuf]) -> Result<Vec<Waivers>, Failure> {
    paths
        .iter()
        .map(|path| {
            let text = read_named(path)?;
            let name = path.display().to_string();
            Waivers::parse(&text, &name).map_err(|faults| Failure::faults(&format!("read waivers from {name}"), faults))
        })
        .collect()
}
