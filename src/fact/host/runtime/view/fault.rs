//! Why containerd does not serve CRI, and which handlers cannot start a pod.
//!
//! In: what the socket answered, what the files say, and the programs that are
//! there. Out: `runtime.cri_faults`, `runtime.broken_handlers`. A running
//! daemon's answer comes before its files, which it read when it started.

use crate::fact::host::Host;
use crate::fact::host::root::Outcome;
use crate::fact::host::runtime::containerd::{group, list};
use crate::fact::host::runtime::presence::PROGRAM_FOLDERS;
use crate::fact::{Fact, Facts, Source};

/// Why CRI is not served. Of what the files say, the daemon's refusal to start
/// is left out where the socket shows that it does not run: that is the
/// unreachable endpoint's fault.
pub(super) fn cri_faults(earlier: &Facts) -> Fact {
    match earlier.text("cri.status") {
        Some("answering" | "old") => Fact::known(Vec::new(), Source::cri("Version")),
        Some("unimplemented") => match of_files(earlier, true) {
            Ok(faults) if faults.is_empty() && !is_stopped_by_registry(earlier) => list([said_by_socket(earlier)]),
            Ok(faults) => Fact::group(faults),
            Err(_) => list([said_by_socket(earlier)]),
        },
        Some(_) => of_files(earlier, false).map_or_else(|fact| *fact, Fact::group),
        None => of_files(earlier, true).map_or_else(|fact| *fact, Fact::group),
    }
}

fn said_by_socket(earlier: &Facts) -> Fact {
    let message = earlier.text("cri.message").unwrap_or("unknown service runtime.v1.RuntimeService");
    group([
        ("problem", Fact::known(message, Source::cri("Version"))),
        ("setting", Fact::absent(Source::cri("Version"))),
    ])
}

/// Faults of the files; registry tables are left to their own rule.
fn of_files(earlier: &Facts, with_start: bool) -> Result<Vec<Fact>, Box<Fact>> {
    let mut faults = Vec::new();
    for element in elements(earlier, "containerd.cri.disabled_by")? {
        let source = element.source().cloned().unwrap_or_else(|| Source::file("/etc/containerd/config.toml"));
        let problem = format!("disabled_plugins holds \"{}\"", element.text().unwrap_or_default());
        faults.push(group([
            ("problem", Fact::known(problem, source.clone())),
            ("setting", Fact::known("disabled_plugins", source)),
        ]));
    }
    faults.extend(elements(earlier, "containerd.cri.load_faults")?.iter().cloned());
    if with_start {
        faults.extend(elements(earlier, "containerd.start_faults")?.iter().cloned());
    }
    Ok(faults)
}

fn elements<'a>(earlier: &'a Facts, path: &str) -> Result<&'a [Fact], Box<Fact>> {
    match earlier.get(path) {
        Some(fact) => fact.list().ok_or_else(|| Box::new(fact.clone())),
        None => Err(Box::new(super::part::take(earlier, path))),
    }
}

fn is_stopped_by_registry(earlier: &Facts) -> bool {
    elements(earlier, "containerd.cri.registry_faults").is_ok_and(|faults| !faults.is_empty())
}

/// Handlers without a shim, or whose shim or binary is not on the host.
/// nvidia's is left to gpu/runtime-not-configured.
pub(super) fn broken_handlers(host: &Host, earlier: &Facts, handlers: &Fact) -> Fact {
    let Some(handlers) = handlers.list() else { return handlers.clone() };
    let can_judge = earlier.text("containerd.supervisor") == Some("systemd") && are_programs_recorded(host);
    list(handlers.iter().filter_map(|handler| {
        let name = handler.member("name")?;
        let (problem, place) = find_problem(host, handler, can_judge)?;
        let source = place.source().cloned().or_else(|| name.source().cloned());
        let problem = Fact::known(problem, source.unwrap_or_else(|| Source::file("/etc/containerd/config.toml")));
        Some(group([("name", name.clone()), ("problem", problem)]))
    }))
}

/// Only where runc's shim lies in a usual folder: then the others would too,
/// and a recorded tree holds the programs.
fn are_programs_recorded(host: &Host) -> bool {
    is_program(host, "containerd-shim-runc-v2")
}

fn is_program(host: &Host, name: &str) -> bool {
    PROGRAM_FOLDERS.iter().any(|folder| host.root.metadata(&format!("{folder}/{name}")).is_found())
}

fn find_problem<'a>(host: &Host, handler: &'a Fact, can_judge: bool) -> Option<(String, &'a Fact)> {
    let kind = handler.member("type")?;
    let shim = kind.text()?;
    if shim.is_empty() {
        return Some(("names no runtime_type, so containerd cannot start its shim".to_owned(), kind));
    }
    if !can_judge && !host.root.is_live() {
        return None;
    }
    let is_missing = |path: &str| {
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        host.root.metadata(folder).is_found() && matches!(host.root.metadata(path), Outcome::Absent)
    };
    if let Some(binary) =
        handler.member("binary").filter(|binary| binary.text().is_some_and(|path| path.starts_with('/')))
        && let Some(path) = binary.text()
        && !path.contains("nvidia")
        && is_missing(path)
    {
        return Some((format!("its BinaryName {path} is not there"), binary));
    }
    if let Some(path) = handler.member("path")
        && let Some(text) = path.text()
    {
        return is_missing(text).then(|| (format!("its runtime_path {text} is not there"), path));
    }
    let program = parse_shim_program(shim)?;
    let is_found = is_program(host, &program);
    // Another runtime's shim may lie in a folder of the daemon's own PATH.
    (can_judge && !is_found).then(|| (format!("its shim {program} is in no folder of programs"), kind))
}

/// `io.containerd.kata.v2` is started as `containerd-shim-kata-v2`.
fn parse_shim_program(kind: &str) -> Option<String> {
    let mut parts = kind.rsplit('.');
    let version = parts.next()?;
    let name = parts.next()?;
    parts.next()?;
    Some(format!("containerd-shim-{name}-{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(status: Option<&str>) -> Facts {
        let mut facts = Facts::default();
        if let Some(status) = status {
            facts.set("cri.status", Fact::known(status, Source::cri("Version")));
        }
        let place = Source::line("/etc/containerd/config.toml", 1);
        facts.set("containerd.cri.disabled_by", list([Fact::known("cri", place)]));
        facts.set("containerd.cri.load_faults", list([]));
        facts.set("containerd.start_faults", list([]));
        facts
    }

    fn count(facts: &Facts) -> Option<usize> {
        cri_faults(facts).list().map(<[Fact]>::len)
    }

    #[test]
    fn a_socket_that_answers_comes_before_the_files() {
        assert_eq!(count(&earlier(Some("answering"))), Some(0));
        assert_eq!(count(&earlier(Some("unimplemented"))), Some(1));
        assert_eq!(count(&earlier(None)), Some(1));
    }

    #[test]
    fn a_socket_without_cri_is_a_fault_even_where_no_file_says_why() {
        let mut facts = earlier(Some("unimplemented"));
        facts.set("containerd.cri.disabled_by", list([]));
        assert_eq!(count(&facts), Some(1));
        facts.set("containerd.cri.load_faults", Fact::unreadable(Source::file("/x"), "read /x: permission denied"));
        assert_eq!(count(&facts), Some(1));
    }

    #[test]
    fn registry_tables_are_another_rules_fault() {
        let mut facts = earlier(Some("unimplemented"));
        facts.set("containerd.cri.disabled_by", list([]));
        let setting = Fact::known("registry.mirrors", Source::file("/x"));
        facts.set("containerd.cri.registry_faults", list([group([("setting", setting)])]));
        assert_eq!(count(&facts), Some(0));
    }

    #[test]
    fn a_shim_is_named_after_its_type() {
        assert_eq!(parse_shim_program("io.containerd.kata.v2").as_deref(), Some("containerd-shim-kata-v2"));
        assert_eq!(parse_shim_program("kata"), None);
    }
}
