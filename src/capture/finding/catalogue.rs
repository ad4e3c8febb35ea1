//! What can be found: each kind with its weight, what it means, and the rules
//! of the audit that explain it or are worth a look.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing.
    Info,
    /// Seldom the cause of trouble.
    Low,
    /// Something does not work as it should.
    Medium,
    /// Packets or connections are lost.
    High,
}

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Connections are asked for and nothing comes back.
    SynUnanswered,
    /// Connections are answered, and the third packet of the handshake is not seen.
    HandshakeIncomplete,
    /// Connections are refused.
    ConnectionRefused,
    /// Established connections are reset.
    ConnectionReset,
    /// Full-sized segments are lost while small ones pass.
    MtuBlackHole,
    /// A router asks for smaller packets.
    FragmentationNeeded,
    /// Data is sent again and never acknowledged.
    DataUnacknowledged,
    /// Data is sent again.
    Retransmission,
    /// A router or host says that something cannot be reached.
    Unreachable,
    /// Packets run out of hops.
    TtlExceeded,
    /// Names are asked for and nothing comes back.
    DnsTimeout,
    /// Name servers fail or refuse.
    DnsFailure,
    /// Name servers answer late.
    DnsSlow,
    /// Names do not exist, under any suffix that was tried.
    DnsNoSuchName,
    /// Pings are not answered.
    EchoUnanswered,
    /// Hardware addresses are asked for and nothing comes back.
    ArpUnanswered,
    /// Two stations answer for one address.
    DuplicateAddress,
    /// The capture itself has lost packets.
    KernelDrops,
    /// The interface has dropped packets.
    InterfaceDrops,
}

/// What is the same for all findings of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// Its name in reports.
    pub name: &'static str,
    /// How much it weighs, if nothing else speaks against it.
    pub weight: Weight,
    /// What it means and where to look.
    pub meaning: &'static str,
    /// Rules that explain it, the likeliest first.
    pub rules: &'static [&'static str],
}

/// Faults of packets that are too long for a link on their way.
const MTU: &[&str] = &["network/mtu-exceeds-uplink", "network/mtu-inconsistent", "network/docker-bridge-mtu"];

/// Faults that make packets vanish without a word.
const SILENT: &[&str] =
    &["network/conntrack-table-full", "node/firewalld-active", "kernel/ip-forward-off", "kernel/bridge-netfilter-off"];

/// Every kind, the one that explains others first.
pub const CATALOGUE: &[Entry] = &[
    Entry {
        kind: Kind::KernelDrops,
        name: "kernel-drops",
        weight: Weight::Medium,
        meaning: "The capture could not keep up: packets that are missing here may have passed. A filter, -s or a larger \
                  buffer helps",
        rules: &[],
    },
    Entry {
        kind: Kind::InterfaceDrops,
        name: "interface-drops",
        weight: Weight::Medium,
        meaning: "The device or its queue had no room for packets, so that nobody has received them",
        rules: &[],
    },
    Entry {
        kind: Kind::MtuBlackHole,
        name: "mtu-black-hole",
        weight: Weight::High,
        meaning: "A link on the way takes only smaller packets, and no ICMP that says so reaches the sender. Tunnels need \
                  50 (VXLAN), 58 or more (Geneve), 20 (IPIP) or 60 to 80 bytes (WireGuard) of the uplink's MTU",
        rules: MTU,
    },
    Entry {
        kind: Kind::FragmentationNeeded,
        name: "fragmentation-needed",
        weight: Weight::Medium,
        meaning: "A link on the way has a smaller MTU than the sender's. Path MTU discovery copes as long as this message \
                  arrives, at the cost of the first packets",
        rules: MTU,
    },
    Entry {
        kind: Kind::ArpUnanswered,
        name: "arp-unanswered",
        weight: Weight::High,
        meaning: "Nobody in this layer-2 network has the address: the station is down, in another network or VLAN, or a \
                  bridge in between is not connected",
        rules: &["network/cni-config-missing", "kernel/bridge-netfilter-off"],
    },
    Entry {
        kind: Kind::DuplicateAddress,
        name: "duplicate-address",
        weight: Weight::High,
        meaning: "Packets to the address go now to one station and now to the other",
        rules: &[],
    },
    Entry {
        kind: Kind::SynUnanswered,
        name: "syn-unanswered",
        weight: Weight::High,
        meaning: "The packet or its answer is dropped without a word: by a network policy or firewall, a missing route or \
                  return route, reverse-path filtering, a full table of connections, or there is no such host",
        rules: SILENT,
    },
    Entry {
        kind: Kind::HandshakeIncomplete,
        name: "handshake-incomplete",
        weight: Weight::High,
        meaning: "The answer does not reach the client, or its acknowledgment is lost: an asymmetric route, \
                  reverse-path filtering, or an answer that was not translated back",
        rules: SILENT,
    },
    Entry {
        kind: Kind::Unreachable,
        name: "unreachable",
        weight: Weight::Medium,
        meaning: "A router or the host itself says that it does not deliver",
        // By what it says, see `message::rules`.
        rules: &[],
    },
    Entry {
        kind: Kind::ConnectionRefused,
        name: "connection-refused",
        weight: Weight::Medium,
        meaning: "The host is there, and nothing listens on the port, or a firewall rejects",
        rules: &["network/port-in-use", "node/firewalld-active"],
    },
    Entry {
        kind: Kind::ConnectionReset,
        name: "connection-reset",
        weight: Weight::Medium,
        meaning: "One side, or a device in between, has ended the connection at once: a process that ended or closed with \
                  data unread, an idle time-out of a balancer, or a connection that it does not know (any more)",
        rules: &["network/conntrack-table-full"],
    },
    Entry {
        kind: Kind::DataUnacknowledged,
        name: "data-unacknowledged",
        weight: Weight::High,
        meaning: "The other side has gone, or the way to it or back has broken in the middle of a connection",
        rules: SILENT,
    },
    Entry {
        kind: Kind::Retransmission,
        name: "retransmission",
        weight: Weight::Low,
        meaning: "Segments or their acknowledgments are lost or late beyond this point",
        rules: &[],
    },
    Entry {
        kind: Kind::DnsTimeout,
        name: "dns-timeout",
        weight: Weight::High,
        meaning: "The query or its answer is lost. Where A and AAAA leave one port at once and one of them vanishes, two \
                  packets have raced for one entry of the table of connections. Resolvers wait 5 seconds before they ask again",
        rules: &["network/conntrack-table-full", "node/firewalld-active", "network/ipvs-modules-missing"],
    },
    Entry {
        kind: Kind::DnsFailure,
        name: "dns-failure",
        weight: Weight::Medium,
        meaning: "The name server could not ask on (SERVFAIL: its upstream or a zone of its own), or refuses this client",
        rules: &[],
    },
    Entry {
        kind: Kind::DnsSlow,
        name: "dns-slow",
        weight: Weight::Medium,
        meaning: "The name server or its upstream is overloaded or far away",
        rules: &[],
    },
    Entry {
        kind: Kind::DnsNoSuchName,
        name: "dns-no-such-name",
        weight: Weight::Info,
        meaning: "A name that is misspelt, or of a Service that does not exist or is in another namespace",
        rules: &[],
    },
    Entry {
        kind: Kind::EchoUnanswered,
        name: "echo-unanswered",
        weight: Weight::Medium,
        meaning: "The host does not answer pings, or they or their answers are dropped on the way",
        rules: SILENT,
    },
    Entry {
        kind: Kind::TtlExceeded,
        name: "ttl-exceeded",
        weight: Weight::Low,
        meaning: "Packets go round in a loop of routers, or somebody traces a route",
        rules: &[],
    },
];

impl Kind {
    /// What is known of the kind.
    pub fn entry(self) -> &'static Entry {
        const MISSING: &Entry =
            &Entry { kind: Kind::Unreachable, name: "other", weight: Weight::Info, meaning: "", rules: &[] };
        CATALOGUE.iter().find(|entry| entry.kind == self).unwrap_or(MISSING)
    }
}
