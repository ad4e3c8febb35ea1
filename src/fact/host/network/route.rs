//! Routes of the main table, from `/proc/net/route` and `ipv6_route`.
//!
//! `proc_net(5)`; the kernel writes them in `fib_route_seq_show` and
//! `rt6_info_route`. Rejecting routes are left out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `RTF_REJECT` of `linux/route.h`: an unreachable or blackhole route.
const REJECT: u32 = 0x200;

/// One route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) interface: String,
    pub(super) destination: IpAddr,
    pub(super) prefix_length: u32,
    pub(super) gateway: Option<IpAddr>,
    pub(super) metric: u32,
    pub(super) line: u32,
}

impl Route {
    pub(super) fn is_default(&self) -> bool {
        self.prefix_length == 0
    }

    pub(super) fn holds(&self, address: IpAddr) -> bool {
        ipnet::IpNet::new(self.destination, u8::try_from(self.prefix_length).unwrap_or(u8::MAX))
            .is_ok_and(|network| network.contains(&address))
    }
}

/// Parses `/proc/net/route`: hexadecimal words in the byte order of the
/// machine that wrote it (little-endian on every platform that we run on).
pub(super) fn parse_route(text: &str) -> Vec<Route> {
    let mut routes = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()).skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [interface, destination, gateway, flags, _, _, metric, mask, ..] = fields.as_slice() else { continue };
        let word = |text: &str| u32::from_str_radix(text, 16).ok();
        let (Some(destination), Some(gateway), Some(flags), Some(mask), Ok(metric)) =
            (word(destination), word(gateway), word(flags), word(mask), metric.parse())
        else {
            continue;
        };
        if flags & REJECT != 0 || *interface == "*" {
            continue;
        }
        routes.push(Route {
            interface: (*interface).to_owned(),
            destination: Ipv4Addr::from(destination.swap_bytes()).into(),
            prefix_length: mask.count_ones(),
            gateway: (gateway != 0).then(|| Ipv4Addr::from(gateway.swap_bytes()).into()),
            metric,
            line: number,
        });
    }
    routes
}

/// Parses `/proc/net/ipv6_route`, which has no header line.
pub(super) fn parse_ipv6_route(text: &str) -> Vec<Route> {
    let mut routes = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [destination, length, _, _, gateway, metric, _, _, flags, interface] = fields.as_slice() else { continue };
        let address = |text: &str| u128::from_str_radix(text, 16).ok().map(Ipv6Addr::from);
        let word = |text: &str| u32::from_str_radix(text, 16).ok();
        let (Some(destination), Some(prefix_length), Some(gateway), Some(metric), Some(flags)) =
            (address(destination), word(length), address(gateway), word(metric), word(flags))
        else {
            continue;
        };
        if flags & REJECT != 0 || *interface == "lo" {
            continue;
        }
        routes.push(Route {
            interface: (*interface).to_owned(),
            destination: destination.into(),
            prefix_length,
            gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
            metric,
            line: number,
        });
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                         eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                         *\t00F4A8C0\t00000000\t0200\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                         tunl0\t0002F40A\t0B02A8C0\t0003\t0\t0\t0\tC0FFFFFF\t0\t0\t0\n";

    #[test]
    fn addresses_are_read_in_the_byte_order_of_the_kernel() {
        let routes = parse_route(TABLE);
        assert_eq!(routes.len(), 2);
        assert!(routes[0].is_default());
        assert_eq!(routes[0].gateway, "192.168.2.1".parse().ok());
        assert_eq!((routes[1].destination, routes[1].prefix_length), ("10.244.2.0".parse().unwrap(), 26));
    }

    #[test]
    fn a_blackhole_route_is_left_out() {
        assert!(parse_route(TABLE).iter().all(|route| route.interface != "*"));
    }

    #[test]
    fn garbage_gives_no_route() {
        assert_eq!(parse_route("\u{fffd}\u{fffd}\nzz zz zz zz zz zz zz zz\n"), []);
        assert_eq!(parse_ipv6_route("00 zz\n"), []);
    }

    #[test]
    fn an_ipv6_default_route_is_found_and_the_rejecting_one_is_not() {
        let text = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                    fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n\
                    00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                    00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
        let routes = parse_ipv6_route(text);
        assert_eq!(routes.len(), 1);
        assert_eq!((routes[0].interface.as_str(), routes[0].metric, routes[0].line), ("eth0", 1024, 1));
    }
}
