//! Kernel parameters as they are now; for what the files say see [`file`].
//!
//! Source: `/proc/sys`, sysctl(8). Those under `net` belong to a network
//! namespace, and procfs shows the reader's: in a container that does not use
//! the host's, they are unreadable, not the host's.

mod file;
mod line;

use std::collections::BTreeMap;

use super::absence::fact_of;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Type};
use crate::fact::{Fact, Facts, Source, Value};

pub(super) const COLLECTOR: Collector = Collector { name: "sysctl", facts: FACTS, needs: &[], collect };

const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "sysctl",
        Type::Map(&Type::Text),
        "Running values by key, `sysctl[\"net.ipv4.ip_forward\"] == \"1\"`, as the kernel prints them. Source: `/proc/sys`. \
         Absent: the kernel has no such key (for net.bridge.*: br_netfilter is not there).",
    ),
    FactDoc::new(
        "sysctl_persisted",
        Type::Map(&Type::Text),
        "Values by key that the next boot sets: the last line of sysctl.d(5) in its order. Absent: no file sets the key.",
    ),
];

/// Keys that rules ask for.
const KEYS: &[&str] = &[
    "fs.file-max",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.may_detach_mounts",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.hung_task_timeout_secs",
    "kernel.keys.root_maxbytes",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.pid_max",
    "kernel.unprivileged_userns_clone",
    "net.bridge.bridge-nf-call-arptables",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-iptables",
    "net.core.somaxconn",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_tw_recycle",
    "net.ipv4.vs.conn_reuse_mode",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.forwarding",
    "net.netfilter.nf_conntrack_max",
    "user.max_user_namespaces",
    "vm.max_map_count",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "vm.swappiness",
];

/// Asks the network what the pods need; apart, since that is known later.
pub(super) const NEED: Collector =
    Collector { name: "sysctl_need", facts: NEED_FACTS, needs: &["cni"], collect: collect_need };

const NEED_FACTS: &[FactDoc] = &[FactDoc::new(
    "kernel.must_forward_ipv6",
    Type::Bool,
    "Whether the pods are known to have IPv6 addresses. False too where that is not known: then forwarding of IPv6 is no demand.",
)];

fn collect_need(_: &Host, earlier: &Facts) -> Facts {
    let pod_ipv6 = earlier.get("network.pod_ipv6");
    let source = pod_ipv6.and_then(Fact::source).cloned().unwrap_or(Source::file("/etc/cni/net.d"));
    let mut facts = Facts::default();
    facts.set("kernel.must_forward_ipv6", Fact::known(pod_ipv6.and_then(Fact::bool) == Some(true), source));
    facts
}

fn collect(host: &Host, _: &Facts) -> Facts {
    let root = &host.root;
    let foreign = foreign_network(root);
    let running: BTreeMap<String, Fact> =
        KEYS.iter().map(|key| ((*key).to_owned(), read_running(root, key, foreign.as_deref()))).collect();
    let files = file::read_files(root);
    let persisted: BTreeMap<String, Fact> = KEYS.iter().map(|key| ((*key).to_owned(), files.value_of(key))).collect();
    let mut facts = Facts::default();
    facts.set("sysctl", Fact::group(Value::Map(running)));
    facts.set("sysctl_persisted", Fact::group(Value::Map(persisted)));
    facts
}

fn read_running(root: &HostRoot, key: &str, foreign: Option<&str>) -> Fact {
    let path = path_of(key);
    let source = Source::line(path.as_str(), 1);
    if let Some(reason) = foreign.filter(|_| key.starts_with("net.")) {
        return Fact::unreadable(source, reason);
    }
    let value = root.read_kernel_text(&path).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let value = match value {
        // The folder is the module's own, so it is missing with it; the one above tells whether anybody looked.
        Outcome::Unreadable(_) if is_module_folder(key) && root.metadata("/proc/sys/net").is_found() => {
            if root.metadata(&path).is_found() { value } else { Outcome::Absent }
        }
        value => value,
    };
    fact_of(source, value)
}

fn is_module_folder(key: &str) -> bool {
    ["net.bridge.", "net.netfilter.", "net.ipv4.vs."].iter().any(|prefix| key.starts_with(prefix))
}

/// `/proc/sys/net/ipv4/ip_forward`. None of our keys has a dot in a name.
fn path_of(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

/// Why `/proc/sys/net` is not the host's, where our network namespace is another.
fn foreign_network(root: &HostRoot) -> Option<String> {
    let own = root.read_link("/proc/self/ns/net").found()?;
    let of_first = root.read_link("/proc/1/ns/net").found()?;
    (own != of_first).then(|| {
        "read /proc/sys/net: it shows this process's network namespace, not the host's; run in the host's network (hostNetwork)".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_path_below_proc_sys() {
        assert_eq!(path_of("net.bridge.bridge-nf-call-iptables"), "/proc/sys/net/bridge/bridge-nf-call-iptables");
    }
}
