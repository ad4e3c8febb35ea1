//! The manifests that the gate judges: files of a checkout.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::input::read_named;
use super::terminal::Terminal;
use crate::gate::manifest::Manifests;

/// The most levels of folders that are followed.
const MAX_DEPTH: usize = 32;

/// Reads the manifests of files and folders; none where none is named.
pub(super) fn read(paths: &[PathBuf], terminal: Terminal) -> Result<Option<Manifests>, Failure> {
    if paths.is_empty() {
        return Ok(None);
    }
    let mut manifests = Manifests::default();
    for path in paths {
        if path == Path::new("-") || !path.is_dir() {
            manifests.file(&path.display().to_string(), &read_named(path)?);
        } else {
            folder(path, 0, &mut manifests)?;
        }
    }
    let skipped = match manifests.templates {
        0 => String::new(),
        1 => "; 1 template was skipped".to_owned(),
        templates => format!("; {templates} templates were skipped"),
    };
    let hint = "render templates and judge what comes out: helm template … | scanner gate --manifests -";
    if manifests.read == 0 && manifests.faults.is_empty() {
        let what = format!("read the manifests: there is no Kubernetes object in what --manifests names{skipped}");
        return Err(Failure::new(what).with_help_if((manifests.templates > 0).then(|| hint.to_owned())));
    }
    let read = if manifests.read == 1 { "1 object".to_owned() } else { format!("{} objects", manifests.read) };
    terminal.note(&format!("manifests: {read} read{skipped}"));
    if manifests.templates > 0 {
        terminal.note(&format!("help: {hint}"));
    }
    for fault in &manifests.faults {
        terminal.note(&format!("warning: {fault}"));
    }
    Ok(Some(manifests))
}

/// Every YAML and JSON file beneath a folder, in order; links are not
/// followed, and templates of Helm charts are counted only.
#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
fn folder(path: &Path, depth: usize, manifests: &mut Manifests) -> Result<(), Failure> {
    let fault = |error: &std::io::Error| Failure::file("read the folder", path, error);
    if depth > MAX_DEPTH {
        return Err(Failure::new(format!("read the folder {}: it is nested too deeply", path.display())));
    }
    let mut entries: Vec<(PathBuf, bool)> = std::fs::read_dir(path)
        .and_then(|entries| {
            entries.map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?.is_dir())))).collect()
        })
        .map_err(|error| fault(&error))?;
    entries.sort();
    let is_chart = entries.iter().any(|(path, _)| path.ends_with("Chart.yaml"));
    for (entry, is_folder) in entries {
        let is_hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_folder && is_chart && entry.ends_with("templates") {
            manifests.templates += templates(&entry, 0);
        } else if is_folder && !is_hidden {
            folder(&entry, depth + 1, manifests)?;
        } else if !is_folder && is_yaml_or_json(&entry) && entry.is_file() {
            manifests.file(&entry.display().to_string(), &read_named(&entry)?);
        }
    }
    Ok(())
}

fn is_yaml_or_json(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
}

/// How many templates a chart's folder holds.
#[expect(clippy::disallowed_methods, reason = "the user's own input, not a file of the host that is judged")]
fn templates(path: &Path, depth: usize) -> usize {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => templates(&entry.path(), depth + 1),
        Ok(_) if is_yaml_or_json(&entry.path()) => 1,
        _ => 0,
    };
    entries.map(count).sum()
}
