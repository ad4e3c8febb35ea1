//! The files of cluster objects that the user names: files, folders, stdin.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::fact::cluster::Collection;
use crate::fact::cluster::file::{Files, Held};

/// Reads everything that the paths name.
#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
pub(super) fn read(paths: &[PathBuf], collection: &Collection) -> Result<Held, Failure> {
    let mut files = Files::new(collection);
    for path in paths {
        files.add_input(&path.display().to_string());
        if path == Path::new("-") {
            let read = files.read_from("-", std::io::stdin().lock());
            read.map_err(|error| Failure::file("read", path, &error))?;
            continue;
        }
        let metadata = fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
        if !metadata.is_dir() {
            read_file(&mut files, path, true)?;
            continue;
        }
        let mut found = Vec::new();
        walk(path, &mut BTreeSet::new(), &mut found)?;
        for file in found {
            read_file(&mut files, &file, holds_objects(&file))?;
        }
    }
    Ok(files.end())
}

#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
fn read_file(files: &mut Files<'_>, path: &Path, holds_objects: bool) -> Result<(), Failure> {
    let name = path.display().to_string();
    let read = File::open(path)
        .and_then(|file| if holds_objects { files.read_from(&name, file) } else { files.read_if_known(&name, file) });
    read.map_err(|error| Failure::file("read", path, &error))
}

/// Whether a file of a folder is to hold objects, by its name.
fn holds_objects(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

/// The files beneath a folder, in order. Links are followed, each folder once.
#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
fn walk(folder: &Path, seen: &mut BTreeSet<(u64, u64)>, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let fault = |error: std::io::Error| Failure::file("read the folder", folder, &error);
    let metadata = fs::metadata(folder).map_err(fault)?;
    if !seen.insert((metadata.dev(), metadata.ino())) {
        return Ok(());
    }
    let entries: Result<Vec<PathBuf>, _> =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut entries = entries.map_err(fault)?;
    entries.sort();
    for entry in entries {
        // A link that leads nowhere holds nothing.
        match fs::metadata(&entry) {
            Ok(metadata) if metadata.is_dir() => walk(&entry, seen, found)?,
            Ok(metadata) if metadata.is_file() => found.push(entry),
            _ => {}
        }
    }
    Ok(())
}
