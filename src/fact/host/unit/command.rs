//! The command that a unit starts, systemd.service(5) "Command lines".

use std::collections::HashMap;

use super::syntax::{is_variable, parse_environment_file, split_words};
use super::{Setting, Unit};
use crate::fact::Source;
use crate::fact::host::root::{HostRoot, Outcome};

/// The arguments of the unit's last `ExecStart`, environment variables from
/// `Environment=` and `EnvironmentFile=` put in, quotes resolved, each with
/// the file and line that it came from. None where an environment file could
/// not be read: ask [`read_command_line`] where that makes a difference.
pub fn read_command(root: &HostRoot, unit: &Unit) -> Vec<(String, Source)> {
    read_command_line(root, unit).found().unwrap_or_default()
}

/// As [`read_command`]. Absent: the unit starts no program. Unreadable: one
/// of its environment files may not be read.
pub fn read_command_line(root: &HostRoot, unit: &Unit) -> Outcome<Vec<(String, Source)>> {
    let Some(start) = unit.last("Service", "ExecStart") else { return Outcome::Absent };
    let (prefixes, command) = split_prefixes(&start.value);
    // A `;` of its own begins another command.
    let mut words = split_words(command).into_iter().take_while(|word| word != ";");
    let source = Source::line(&start.path, start.line);
    let mut arguments: Vec<(String, Source)> =
        words.next().map(|program| (program, source.clone())).into_iter().collect();
    if prefixes.contains('@') {
        // What follows the program is the name that it is told to have.
        words.next();
    }
    if prefixes.contains(':') {
        arguments.extend(words.map(|word| (word, source.clone())));
        return Outcome::Found(arguments);
    }
    read_environment(root, unit).map(|environment| {
        for word in words {
            put_in(&word, &source, &environment, &mut arguments);
        }
        arguments
    })
}

type Environment = HashMap<String, (String, Source)>;

/// The prefixes of a command, and the command.
fn split_prefixes(value: &str) -> (&str, &str) {
    let command = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    (value.strip_suffix(command).unwrap_or(""), command)
}

/// The variables of a unit; what files set wins over `Environment=`, systemd.exec(5).
fn read_environment(root: &HostRoot, unit: &Unit) -> Outcome<Environment> {
    let mut environment = Environment::new();
    for setting in unit.all("Service", "Environment") {
        for word in split_words(&setting.value) {
            if let Some((name, value)) = word.split_once('=')
                && is_variable(name)
            {
                let source = Source::line(&setting.path, setting.line);
                environment.insert(name.to_owned(), (value.to_owned(), source));
            }
        }
    }
    for setting in unit.all("Service", "EnvironmentFile") {
        for path in environment_files(root, setting) {
            match root.read_text(&path) {
                Outcome::Found(text) => {
                    for (name, value, line) in parse_environment_file(&text) {
                        environment.insert(name, (value, Source::line(&path, line)));
                    }
                }
                Outcome::Absent => {}
                Outcome::Unreadable(reason) => return Outcome::Unreadable(reason),
            }
        }
    }
    Outcome::Found(environment)
}

/// The files that a setting names; its last part may be a glob.
fn environment_files(root: &HostRoot, setting: &Setting) -> Vec<String> {
    let path = setting.value.trim_start_matches('-').trim_matches('"');
    let Some((folder, pattern)) = path.rsplit_once('/') else { return Vec::new() };
    if !pattern.contains(['*', '?', '[']) {
        return vec![path.to_owned()];
    }
    let Ok(glob) = globset::Glob::new(pattern) else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let names = root.read_folder(folder).found().unwrap_or_default();
    names.iter().filter(|name| matcher.is_match(name)).map(|name| format!("{folder}/{name}")).collect()
}

/// Puts variables into one word: `$NAME` as a whole word is split at white
/// space and may vanish, `${NAME}` stays within its word, `$$` is a dollar.
fn put_in(word: &str, source: &Source, environment: &Environment, arguments: &mut Vec<(String, Source)>) {
    if let Some(name) = word.strip_prefix('$').filter(|name| is_variable(name)) {
        if let Some((value, source)) = environment.get(name) {
            arguments.extend(split_words(value).into_iter().map(|word| (word, source.clone())));
        }
        return;
    }
    let mut argument = String::with_capacity(word.len());
    let mut origin = source;
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        argument.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            argument.push('$');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            if let Some((value, source)) = environment.get(name) {
                argument.push_str(value);
                origin = source;
            }
            rest = after;
        } else {
            argument.push('$');
            rest = after;
        }
    }
    argument.push_str(rest);
    arguments.push((argument, origin.clone()));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::fact::host::unit::read_unit;

    fn write(tree: &Path, path: &str, text: &str) {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn words(command: &[(String, Source)]) -> Vec<&str> {
        command.iter().map(|(word, _)| word.as_str()).collect()
    }

    #[test]
    fn a_kubeadm_node_s_kubelet_gets_the_flags_of_its_environment_files() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "usr/lib/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet\n");
        write(
            tree.path(),
            "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
            "[Service]\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --v=2\"\n\
             EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\n\
             ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\n",
        );
        write(
            tree.path(),
            "var/lib/kubelet/kubeadm-flags.env",
            "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock\"\n",
        );
        let root = HostRoot::open(tree.path()).unwrap();
        let unit = read_unit(&root, "kubelet.service").found().unwrap();
        let command = read_command(&root, &unit);
        assert_eq!(
            words(&command),
            [
                "/usr/bin/kubelet",
                "--config=/var/lib/kubelet/config.yaml",
                "--v=2",
                "--container-runtime-endpoint=unix:///run/containerd/containerd.sock",
            ]
        );
        assert_eq!(command[3].1, Source::line("/var/lib/kubelet/kubeadm-flags.env", 1));
        assert_eq!(command[1].1, Source::line("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", 2));
    }

    #[test]
    fn prefixes_quotes_and_braces_are_resolved() {
        let tree = tempfile::tempdir().unwrap();
        write(
            tree.path(),
            "etc/systemd/system/a.service",
            "[Service]\nEnvironment=OPTS=\"-H fd://\" 'NAME=two words'\nExecStart=-@/usr/bin/a argv0 --x=${NAME} $$HOME \
             $NONE ${NONE} \"$NAME\" %i ; /usr/bin/b\n",
        );
        let root = HostRoot::open(tree.path()).unwrap();
        let unit = read_unit(&root, "a.service").found().unwrap();
        // systemd knows no quotes once a word was read, so a quoted variable is split as well.
        assert_eq!(
            words(&read_command(&root, &unit)),
            ["/usr/bin/a", "--x=two words", "$HOME", "", "two", "words", "%i"]
        );
    }

    #[test]
    fn files_win_over_environment_and_globs_name_several() {
        let tree = tempfile::tempdir().unwrap();
        write(
            tree.path(),
            "etc/systemd/system/a.service",
            "[Service]\nEnvironmentFile=/etc/env.d/*.env\nEnvironment=A=1\nExecStart=/a $A\n",
        );
        write(tree.path(), "etc/env.d/1.env", "A=2\n");
        write(tree.path(), "etc/env.d/2.env", "A=3\n");
        let root = HostRoot::open(tree.path()).unwrap();
        let unit = read_unit(&root, "a.service").found().unwrap();
        assert_eq!(words(&read_command(&root, &unit)), ["/a", "3"]);
    }

    #[test]
    fn an_environment_file_that_cannot_be_read_makes_the_command_unreadable() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "etc/systemd/system/a.service", "[Service]\nEnvironmentFile=/etc/env\nExecStart=/a $A\n");
        fs::create_dir_all(tree.path().join("etc/env")).unwrap();
        let root = HostRoot::open(tree.path()).unwrap();
        let unit = read_unit(&root, "a.service").found().unwrap();
        assert_eq!(
            read_command_line(&root, &unit),
            Outcome::Unreadable("read /etc/env: a folder, not a file".to_owned())
        );
    }
}
