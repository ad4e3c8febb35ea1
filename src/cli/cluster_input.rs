//! The cluster that is judged: objects from files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::input::read_named;
use super::terminal::Terminal;
use crate::fact::Facts;
use crate::fact::cluster::Collection;
use crate::fact::cluster::file::Files;

/// Which cluster.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterArgs {
    /// Judge cluster objects from files: YAML or JSON, single objects, Lists, or folders of these; `-` is stdin (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Input")]
    pub(crate) objects: Vec<PathBuf>,
}

/// The facts of a cluster and its name.
#[derive(Debug)]
pub(crate) struct NamedCluster {
    pub(crate) name: String,
    pub(crate) facts: Facts,
}

impl ClusterArgs {
    /// Whether a cluster is to be judged.
    pub(crate) fn is_named(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Reads the wanted facts; none where no cluster is named.
    pub(crate) fn read(&self, wanted: &BTreeSet<String>, terminal: Terminal) -> Result<Option<NamedCluster>, Failure> {
        if !self.is_named() {
            return Ok(None);
        }
        let collection = Collection::new(wanted);
        let mut files = Files::new(&collection);
        for path in &self.objects {
            for file in files_of(path)? {
                files.read(&file.display().to_string(), &read_named(&file)?);
            }
        }
        let (objects, faults) = files.finish();
        for fault in &faults {
            let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
            terminal.note(&format!("warning: {}{line}: {}", fault.file, fault.message));
        }
        if objects == 0 {
            return Err(Failure::new(
                "read the objects: there is no Kubernetes object in what --objects names".to_owned(),
            ));
        }
        let facts = collection.into_facts("it was not read");
        Ok(Some(NamedCluster { name: "cluster".to_owned(), facts }))
    }
}

/// The file itself, or the files of a folder that may hold objects, in order.
#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path == Path::new("-") || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let fault = |error: &std::io::Error| Failure::file("read the folder", path, error);
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|error| fault(&error))?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files.extend(files_of(&entry)?);
        } else if entry.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json") {
            files.push(entry);
        }
    }
    Ok(files)
}
