//! Finding a unit, its drop-ins and what enables it, systemd.unit(5).

use std::collections::BTreeMap;

use super::syntax::parse_unit_file;
use super::{Setting, Unit};
use crate::fact::host::root::{HostRoot, Outcome};

/// Where units lie, the first winning, "Unit File Load Path" of systemd.unit(5).
const FOLDERS: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Reads one unit by its name (`kubelet.service`), drop-ins merged.
pub fn read_unit(root: &HostRoot, name: &str) -> Outcome<Unit> {
    find(root, name).and_then(|path| {
        let mut unit = Unit { name: name.to_owned(), path: path.clone(), ..Unit::default() };
        if is_mask(root, &path) {
            unit.is_masked = true;
            return Outcome::Found(unit);
        }
        let names = names_of(root, name, &path);
        let text = match root.read_text(&path) {
            Outcome::Found(text) => text,
            // A link whose target was not recorded says that the unit is there.
            Outcome::Absent => {
                return Outcome::Unreadable(format!("read {path}: the file that it links to is missing"));
            }
            Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
        };
        if text.is_empty() {
            unit.is_masked = true;
            return Outcome::Found(unit);
        }
        unit.is_enabled = is_enabled(root, &names);
        let mut settings = parse_unit_file(&text, &path);
        for path in find_drop_ins(root, &names) {
            match root.read_text(&path) {
                Outcome::Found(text) => settings.extend(parse_unit_file(&text, &path)),
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
            }
        }
        unit.settings = without_reset(settings);
        Outcome::Found(unit)
    })
}

/// The path of the unit file that wins; of its template where the unit
/// itself has none.
fn find(root: &HostRoot, name: &str) -> Outcome<String> {
    let mut refusal = Outcome::Absent;
    for name in std::iter::once(name.to_owned()).chain(template_of(name)) {
        for folder in FOLDERS {
            match lies_in(root, folder, &name) {
                Outcome::Found(()) => return Outcome::Found(format!("{folder}/{name}")),
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => refusal = Outcome::Unreadable(reason),
            }
        }
    }
    refusal
}

/// Whether a folder holds a name. Most units that are asked for lie in none of
/// the folders, so each folder is listed once; one that may be searched and
/// not listed is asked for the name itself.
fn lies_in(root: &HostRoot, folder: &str, name: &str) -> Outcome<()> {
    match root.read_folder_once(folder) {
        Outcome::Found(names) if names.iter().any(|inner| inner == name) => Outcome::Found(()),
        Outcome::Found(_) if !name.contains('/') => Outcome::Absent,
        Outcome::Absent => Outcome::Absent,
        _ => root.link_metadata(&format!("{folder}/{name}")).map(|_| ()),
    }
}

/// `getty@.service` for `getty@tty1.service`.
fn template_of(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// The unit's name and, where its file is a link, the name it is an alias of.
fn names_of(root: &HostRoot, name: &str, path: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let target = root.resolve(path).found();
    if let Some(alias) = target.as_deref().and_then(|target| target.rsplit('/').next())
        && !names.iter().any(|known| known == alias)
    {
        names.push(alias.to_owned());
    }
    names
}

/// The drop-ins of a unit in the order in which they apply: by file name,
/// whatever folder they lie in; of two with one name the first folder's wins.
fn find_drop_ins(root: &HostRoot, names: &[String]) -> Vec<String> {
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    let kind = names.first().and_then(|name| name.rsplit_once('.')).map(|(_, kind)| kind.to_owned());
    let specific = names.iter().map(|name| drop_in_names(name));
    for names in specific.chain(kind.map(|kind| vec![kind])) {
        for folder in FOLDERS {
            for name in &names {
                let inner = format!("{name}.d");
                if lies_in(root, folder, &inner) == Outcome::Absent {
                    continue;
                }
                let folder = format!("{folder}/{inner}");
                for file in root.read_folder_once(&folder).found().iter().flat_map(|names| names.iter()) {
                    if file.ends_with(".conf") && !file.starts_with('.') {
                        chosen.entry(file.clone()).or_insert_with(|| format!("{folder}/{file}"));
                    }
                }
            }
        }
    }
    chosen.into_values().filter(|path| !is_mask(root, path)).collect()
}

/// The names whose `.d` folders concern a unit: its own, its template's, and
/// those of its prefixes that end with a dash.
fn drop_in_names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    names.extend(template_of(name));
    if let Some((stem, kind)) = name.rsplit_once('.') {
        let dashes: Vec<usize> = stem.match_indices('-').map(|(at, _)| at).collect();
        for at in dashes.into_iter().rev() {
            let prefix = stem.get(..=at).unwrap_or(stem);
            if prefix.len() < stem.len() {
                names.push(format!("{prefix}.{kind}"));
            }
        }
    }
    names
}

/// Whether a file is masked: a link to `/dev/null`.
fn is_mask(root: &HostRoot, path: &str) -> bool {
    root.read_link(path).found().is_some_and(|target| target.ends_with("/dev/null"))
}

/// Whether a unit that is started at boot wants one of these names.
fn is_enabled(root: &HostRoot, names: &[String]) -> bool {
    let is_wish = |name: &&String| [".wants", ".requires", ".upholds"].iter().any(|end| name.ends_with(end));
    FOLDERS.iter().any(|folder| {
        let inner = root.read_folder_once(folder).found();
        inner.iter().flat_map(|inner| inner.iter()).filter(is_wish).any(|inner| {
            let folder = format!("{folder}/{inner}");
            names
                .iter()
                .any(|name| lies_in(root, &folder, name).is_found() && !is_mask(root, &format!("{folder}/{name}")))
        })
    })
}

/// Settings without those that a later empty assignment removed. The lists of
/// dependencies in `[Unit]` cannot be emptied, systemd.unit(5).
fn without_reset(settings: Vec<Setting>) -> Vec<Setting> {
    let mut kept: Vec<Setting> = Vec::new();
    for setting in settings {
        if !setting.value.is_empty() {
            kept.push(setting);
        } else if setting.section != "Unit" || setting.key.starts_with("Condition") || setting.key.starts_with("Assert")
        {
            kept.retain(|earlier| earlier.section != setting.section || earlier.key != setting.key);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn write(tree: &Path, path: &str, text: &str) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(tree: &Path, path: &str, target: &str) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn unit(tree: &Path, name: &str) -> Outcome<Unit> {
        read_unit(&HostRoot::open(tree).unwrap(), name)
    }

    #[test]
    fn drop_ins_apply_by_file_name_and_the_first_folder_of_a_name_wins() {
        let tree = tempfile::tempdir().unwrap();
        let tree = tree.path();
        write(
            tree,
            "usr/lib/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n",
        );
        write(tree, "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", "[Service]\nEnvironment=A=vendor\n");
        write(
            tree,
            "etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
            "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet $A\n",
        );
        write(tree, "run/systemd/system/kubelet.service.d/05-first.conf", "[Service]\nRestart=no\n");
        write(tree, "etc/systemd/system/service.d/20-all.conf", "[Service]\nLimitNOFILE=10\n");
        write(tree, "etc/systemd/system/kubelet.service.d/ignored.txt", "[Service]\nLimitNOFILE=11\n");
        link(
            tree,
            "etc/systemd/system/multi-user.target.wants/kubelet.service",
            "/usr/lib/systemd/system/kubelet.service",
        );
        let unit = unit(tree, "kubelet.service").found().unwrap();
        assert_eq!(unit.path, "/usr/lib/systemd/system/kubelet.service");
        assert!(unit.is_enabled && !unit.is_masked);
        let commands: Vec<_> = unit.all("Service", "ExecStart").map(|setting| setting.value.as_str()).collect();
        assert_eq!(commands, ["/usr/bin/kubelet $A"]);
        assert_eq!(unit.last("Service", "Environment"), None);
        assert_eq!(unit.last("Service", "Restart").unwrap().value, "no");
        let limit = unit.last("Service", "LimitNOFILE").unwrap();
        assert_eq!(
            (limit.value.as_str(), limit.path.as_str(), limit.line),
            ("10", "/etc/systemd/system/service.d/20-all.conf", 2)
        );
    }

    #[test]
    fn an_administrator_s_unit_replaces_the_vendor_s() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "lib/systemd/system/a.service", "[Service]\nExecStart=/vendor\n");
        write(tree.path(), "etc/systemd/system/a.service", "[Service]\nExecStart=/own\n");
        assert_eq!(unit(tree.path(), "a.service").found().unwrap().last("Service", "ExecStart").unwrap().value, "/own");
    }

    #[test]
    fn a_link_to_dev_null_and_an_empty_file_mask() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "usr/lib/systemd/system/a.service", "[Service]\nExecStart=/vendor\n");
        link(tree.path(), "etc/systemd/system/a.service", "/dev/null");
        write(tree.path(), "etc/systemd/system/b.service", "");
        assert!(unit(tree.path(), "a.service").found().unwrap().is_masked);
        assert!(unit(tree.path(), "b.service").found().unwrap().is_masked);
        assert_eq!(unit(tree.path(), "c.service"), Outcome::Absent);
    }

    #[test]
    fn an_alias_has_the_drop_ins_of_both_names() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "usr/lib/systemd/system/chrony.service", "[Service]\nExecStart=/x\n");
        link(tree.path(), "etc/systemd/system/chronyd.service", "/usr/lib/systemd/system/chrony.service");
        write(tree.path(), "etc/systemd/system/chrony.service.d/a.conf", "[Service]\nNice=1\n");
        assert_eq!(unit(tree.path(), "chronyd.service").found().unwrap().last("Service", "Nice").unwrap().value, "1");
    }

    #[test]
    fn an_instance_takes_its_template() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "usr/lib/systemd/system/etcd@.service", "[Service]\nExecStart=/etcd %i\n");
        write(tree.path(), "etc/systemd/system/etcd@a.service.d/x.conf", "[Service]\nNice=2\n");
        let unit = unit(tree.path(), "etcd@a.service").found().unwrap();
        assert_eq!(unit.last("Service", "ExecStart").unwrap().value, "/etcd %i");
        assert_eq!(unit.last("Service", "Nice").unwrap().value, "2");
    }

    #[test]
    fn dependencies_cannot_be_emptied() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "etc/systemd/system/a.service", "[Unit]\nAfter=b.service\nAfter=\nConditionPathExists=/x\n");
        write(tree.path(), "etc/systemd/system/a.service.d/x.conf", "[Unit]\nConditionPathExists=\n");
        let unit = unit(tree.path(), "a.service").found().unwrap();
        assert_eq!(unit.all("Unit", "After").count(), 1);
        assert_eq!(unit.all("Unit", "ConditionPathExists").count(), 0);
    }

    #[test]
    fn prefixes_with_a_dash_have_drop_ins() {
        assert_eq!(drop_in_names("a-b-c.service"), ["a-b-c.service", "a-b-.service", "a-.service"]);
    }
}
