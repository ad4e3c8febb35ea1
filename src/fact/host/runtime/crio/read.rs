//! Reads what crio is started with and its files.

use super::TRACES;
use super::config::ConfigFile;
use super::option::Options;
use crate::fact::Source;
use crate::fact::host::root::{FileKind, Outcome};
use crate::fact::host::runtime::presence::find_process;
use crate::fact::host::{Host, document, unit};

/// How deep `crio.conf.d` is walked.
const MAX_DEPTH: usize = 8;

/// Reads command line, environment and files; the path and reason of the first
/// file that cannot be read, because crio does not start with it either.
pub(super) fn read_options(host: &Host) -> Result<Options, (String, String)> {
    let mut options = Options::default();
    if let Some(unit) = TRACES.units.iter().find_map(|name| unit::read_unit(&host.root, name).found()) {
        options.arguments = unit::read_command(&host.root, &unit);
        options.environment = read_environment(host, &unit);
    }
    if let Outcome::Found(process) = find_process(host, TRACES.programs) {
        let source = Source::file(process.command_line_path());
        options.arguments = process.arguments.iter().map(|argument| (argument.clone(), source.clone())).collect();
    }
    let place = |flag: &str, short: &str, default: &str| {
        let given = options.flag(flag).pop().or_else(|| options.flag(short).pop());
        given.map_or_else(|| default.to_owned(), |(value, _)| value)
    };
    let main = place("config", "c", "/etc/crio/crio.conf");
    let folder = place("config-dir", "d", "/etc/crio/crio.conf.d");
    let mut paths = vec![main];
    paths.extend(read_drop_ins(host, &folder)?);
    for path in paths {
        match host.root.read_text(&path) {
            Outcome::Found(text) => {
                let document =
                    document::parse_toml(&text).map_err(|error| (path.clone(), format!("parse {path}: {error}")))?;
                options.files.files.push(ConfigFile { path, document });
            }
            Outcome::Absent => {}
            Outcome::Unreadable(reason) => return Err((path, reason)),
        }
    }
    Ok(options)
}

/// Every file beneath the folder in the order of Go's `filepath.Walk`: by name
/// within each folder, whatever the file's extension is.
fn read_drop_ins(host: &Host, folder: &str) -> Result<Vec<String>, (String, String)> {
    match host.root.walk(folder, MAX_DEPTH) {
        Outcome::Found(mut paths) => {
            paths.sort_by(|one, other| one.split('/').cmp(other.split('/')));
            paths.retain(
                |path| matches!(host.root.metadata(path), Outcome::Found(found) if found.kind == FileKind::File),
            );
            Ok(paths)
        }
        Outcome::Absent => Ok(Vec::new()),
        Outcome::Unreadable(reason) => Err((folder.to_owned(), reason)),
    }
}

/// `Environment=` and the files of `EnvironmentFile=`, systemd.exec(5), as far
/// as they name options of CRI-O.
fn read_environment(host: &Host, unit: &unit::Unit) -> Vec<(String, String, Source)> {
    let mut variables = Vec::new();
    for setting in unit.all("Service", "Environment") {
        for word in setting.value.split_whitespace() {
            push_variable(word.trim_matches(['"', '\'']), Source::line(&setting.path, setting.line), &mut variables);
        }
    }
    for setting in unit.all("Service", "EnvironmentFile") {
        let path = setting.value.trim_start_matches('-');
        let Outcome::Found(text) = host.root.read_text(path) else { continue };
        for (line, number) in text.lines().zip(1_u32..) {
            push_variable(line.trim(), Source::line(path, number), &mut variables);
        }
    }
    variables
}

fn push_variable(assignment: &str, source: Source, variables: &mut Vec<(String, String, Source)>) {
    if let Some((name, value)) = assignment.split_once('=')
        && name.starts_with("CONTAINER_")
    {
        variables.push((name.to_owned(), value.trim().trim_matches(['"', '\'']).to_owned(), source));
    }
}
