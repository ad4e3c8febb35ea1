//! Findings in words: what happened between whom, with the numbers that were
//! counted.

use std::net::IpAddr;

use super::catalogue::{Kind, Weight};
use super::found::{About, Case};

/// From this share of repeats on, a connection crawls.
const MANY_PERCENT: u64 = 10;
/// From this share on, it is slowed down.
const SOME_PERCENT: u64 = 1;

/// How much a case weighs.
pub(super) fn weight(about: &About, case: &Case) -> Weight {
    let share = |percent: u64| case.cases.saturating_mul(100) >= case.of.saturating_mul(percent);
    match about.kind {
        Kind::Retransmission if case.cases >= 10 && share(MANY_PERCENT) => Weight::High,
        Kind::Retransmission if case.cases >= 3 && share(SOME_PERCENT) => Weight::Medium,
        // Health checks connect and reset.
        Kind::ConnectionReset if !case.is_confirmed => Weight::Low,
        Kind::MtuBlackHole if !case.is_confirmed => Weight::Medium,
        Kind::EchoUnanswered if case.cases < case.of => Weight::Low,
        kind => kind.entry().weight,
    }
}

/// The rules that explain a case.
pub(super) fn rules(about: &About) -> &'static [&'static str] {
    match (about.kind, about.detail.as_str()) {
        (Kind::Unreachable, "administratively prohibited") => &["node/firewalld-active"],
        (Kind::Unreachable, "network unreachable" | "host unreachable" | "no route") => &["kernel/ip-forward-off"],
        (kind, _) => kind.entry().rules,
    }
}

/// A case in one sentence.
pub(super) fn message(about: &About, case: &Case) -> String {
    let from = end(about.from, 0);
    let to = end(about.to, about.port);
    let server = end(about.to, 0);
    let n = case.cases;
    match about.kind {
        Kind::SynUnanswered => {
            let connections = counted(n, "connection");
            let packets = counted(case.evidence.count, "SYN");
            format!("{connections} from {from} to {to} without an answer ({packets})")
        }
        Kind::HandshakeIncomplete => {
            let connections = counted(n, "connection");
            format!("{connections} from {from} to {to} answered again and again, and never acknowledged")
        }
        Kind::ConnectionRefused => format!("{} from {from} to {to} refused", counted(n, "connection")),
        Kind::ConnectionReset => {
            let when = if case.is_confirmed { "" } else { ", without data" };
            format!("{} between {from} and {to} reset{when}", counted(n, "connection"))
        }
        Kind::MtuBlackHole => {
            let told = match case.least {
                0 => "and no router has said why".to_owned(),
                mtu => format!("although a router asks for at most {mtu} bytes"),
            };
            let passes =
                if case.is_confirmed { "smaller ones pass" } else { "nothing else shows whether smaller ones do" };
            format!("packets of {} bytes from {from} to {server} never arrive; {passes}, {told}", case.most)
        }
        Kind::FragmentationNeeded => {
            let source = counted(n, "message");
            let not = if case.most > case.least { format!(", not {}", case.most) } else { String::new() };
            format!("{from} asks for packets of at most {} bytes to {server}{not} ({source})", case.least)
        }
        Kind::DataUnacknowledged => {
            let times = counted(case.evidence.count, "time");
            format!(
                "{} bytes from {from} to {server} (port {}) sent again {times}, and never acknowledged",
                case.most, about.port
            )
        }
        Kind::Retransmission => {
            format!("{n} of {} data segments from {from} to {server} (port {}) sent again", case.of, about.port)
        }
        Kind::Unreachable => format!("{from} says of {to}: {} ({})", about.detail, counted(n, "message")),
        Kind::TtlExceeded => {
            format!("{from} says that packets to {server} are out of hops ({})", counted(n, "message"))
        }
        Kind::DnsTimeout => {
            let again = match (case.least, case.most) {
                (_, 0) => String::new(),
                (0, most) => format!("; asked again after {}", seconds(most)),
                (least, most) if seconds(least) == seconds(most) => format!("; asked again after {}", seconds(most)),
                (least, most) => format!("; asked again after {} to {}", seconds(least), seconds(most)),
            };
            let queries = if n == 1 { "query".to_owned() } else { format!("{n} queries") };
            format!("{queries} of {from} to {server} without an answer: {}{again}", about.detail)
        }
        Kind::DnsFailure => format!("{server} answers {from} with {} ({})", about.detail, counted(n, "time")),
        Kind::DnsSlow => {
            format!("{server} answers {from} late: {}, at most {}", counted(n, "time"), seconds(case.most))
        }
        Kind::DnsNoSuchName => {
            format!("{from} asks {server} for {}, which does not exist ({})", about.detail, counted(n, "time"))
        }
        Kind::EchoUnanswered => format!("{n} of {} pings from {from} to {server} without an answer", case.of),
        Kind::ArpUnanswered => {
            format!("{from} asks {} for the hardware address of {server}, and nobody answers", counted(n, "time"))
        }
        Kind::DuplicateAddress => format!("{} both answer for {server}", about.detail),
        Kind::KernelDrops => {
            format!("{n} of {} packets dropped by the kernel before they were captured", case.of)
        }
        Kind::InterfaceDrops => format!("{} dropped by the interface", counted(n, "packet")),
    }
}

/// Whether the kind is of something that did not come, so that the way of the
/// packet matters.
pub(super) fn is_absence(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::SynUnanswered
            | Kind::HandshakeIncomplete
            | Kind::DnsTimeout
            | Kind::EchoUnanswered
            | Kind::MtuBlackHole
            | Kind::DataUnacknowledged
    )
}

fn end(address: Option<IpAddr>, port: u16) -> String {
    match address {
        None => "?".to_owned(),
        Some(address) if port == 0 => address.to_string(),
        Some(IpAddr::V4(address)) => format!("{address}:{port}"),
        Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Milliseconds as seconds with one digit behind the point.
fn seconds(milliseconds: u64) -> String {
    let tenths = milliseconds.saturating_add(50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}
