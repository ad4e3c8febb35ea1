//! Traces of pod networks on the node: their devices, programs and files.

use super::known;
use crate::fact::host::Host;
use crate::fact::host::network::read::{interfaces, interfaces_unreadable};
use crate::fact::host::root::Outcome;
use crate::fact::{Facts, Source};

/// Flannel writes it when it starts, below `/run`, so it is of this boot.
const SUBNET_FILE: &str = "/run/flannel/subnet.env";

/// The networks that left traces.
#[derive(Default)]
pub(super) struct Traces {
    /// Each network with its first trace, in the order: processes, devices, files.
    pub(super) networks: Vec<(&'static str, Source)>,
    /// Whether devices and processes could be looked at, so that no trace means no network.
    pub(super) is_complete: bool,
}

impl Traces {
    /// Looks for traces.
    pub(super) fn look(host: &Host, earlier: &Facts) -> Self {
        let mut traces = Traces::default();
        if let Outcome::Found(processes) = host.processes() {
            traces.is_complete = interfaces_unreadable(earlier).is_none();
            for process in processes {
                if let Some(network) = known::of_program(process.program()) {
                    traces.add(network, Source::file(process.command_line_path()));
                }
            }
        }
        for (device, _) in interfaces(earlier) {
            if let Some(network) = known::of_device(device) {
                traces.add(network, Source::file(format!("/sys/class/net/{device}")));
            }
        }
        if host.root.metadata(SUBNET_FILE).is_found() {
            traces.add("flannel", Source::file(SUBNET_FILE));
        }
        traces
    }

    fn add(&mut self, network: &'static str, source: Source) {
        if !self.networks.iter().any(|(known, _)| *known == network) {
            self.networks.push((network, source));
        }
    }

    /// Whether nothing of that network is on the node, as far as all was looked at.
    pub(super) fn is_idle(&self, network: Option<&str>) -> bool {
        let leaves_traces = network.and_then(known::by_name).is_some_and(known::Network::leaves_traces);
        // Where no network at all shows itself, the look was not good enough to prove anything.
        let sees_one = !self.networks.is_empty();
        let is_seen = self.networks.iter().any(|(known, _)| Some(*known) == network);
        self.is_complete && leaves_traces && sees_one && !is_seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_idle_only_where_all_was_looked_at() {
        let mut traces = Traces { is_complete: true, ..Traces::default() };
        traces.add("calico", Source::file("/sys/class/net/cali0"));
        assert!(traces.is_idle(Some("flannel")));
        assert!(!traces.is_idle(Some("calico")));
        traces.is_complete = false;
        assert!(!traces.is_idle(Some("flannel")));
        let nothing = Traces { is_complete: true, ..Traces::default() };
        assert!(!nothing.is_idle(Some("flannel")));
    }

    #[test]
    fn a_network_that_leaves_no_traces_is_never_idle() {
        let traces = Traces { is_complete: true, ..Traces::default() };
        assert!(!traces.is_idle(Some("bridge")));
        assert!(!traces.is_idle(Some("somebodys-cni")));
    }
}
