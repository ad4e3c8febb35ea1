//! The interfaces of a network namespace, and which one is the other end of
//! which.

use ipnet::IpNet;

use super::{Namespace, Socket};

/// An interface, as rtnetlink(7) describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What kind of device it is: `veth`, `bridge`; none of hardware.
    pub kind: Option<String>,
    /// Its hardware address, where it is one of Ethernet.
    pub hardware_address: Option<[u8; 6]>,
    /// The longest packet.
    pub mtu: u32,
    /// Whether it is up.
    pub is_up: bool,
    /// Whether it is a loopback device.
    pub is_loopback: bool,
    /// The number of the device beneath it or at its other end.
    pub link: Option<u32>,
    /// The namespace of that device, by the number that this namespace has for
    /// it; none where it is the same one.
    pub link_namespace: Option<i32>,
    /// The number of the bridge or bond that it belongs to.
    pub master: Option<u32>,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
    /// Packets that passed it.
    pub counters: Counters,
}

/// What an interface has counted since it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Received and sent packets.
    pub packets: u64,
    /// Received packets that there was no room for, before anybody could see
    /// them: `rx_missed_errors` and `rx_fifo_errors`.
    pub missed: u64,
}

impl Interface {
    /// Whether packets of others may pass it.
    pub fn is_usable(&self) -> bool {
        self.is_up && !self.is_loopback
    }
}

/// The interface that is looked at where none is named: that of the default
/// route, else the first that is up, else any.
pub fn main_interface(interfaces: &[Interface], default_device: Option<u32>) -> Option<&Interface> {
    let by_route = interfaces.iter().find(|interface| Some(interface.index) == default_device && interface.is_up);
    let first = || interfaces.iter().filter(|interface| interface.is_usable()).min_by_key(|interface| interface.index);
    let any = || interfaces.iter().find(|interface| interface.is_up).or(interfaces.first());
    by_route.or_else(first).or_else(any)
}

/// The other end of a veth or netkit pair, among the interfaces of `host`.
///
/// Both numbers must agree: that of the peer, and that which `host` has for the
/// namespace of the near end. `eth0` has number 2 in every pod.
pub fn peer_of<'a>(near: &Interface, namespace_id: Option<i32>, host: &'a [Interface]) -> Option<&'a Interface> {
    let far = host.iter().find(|interface| Some(interface.index) == near.link)?;
    let is_pair = near.link_namespace.is_some() && far.link == Some(near.index);
    (is_pair && far.link_namespace.is_some() && far.link_namespace == namespace_id).then_some(far)
}

/// What a namespace has, read by a thread within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// The number of the device of its default route.
    pub default_device: Option<u32>,
}

/// Reads what a namespace has.
///
/// # Errors
/// If it cannot be entered, or rtnetlink fails.
pub fn read_devices(namespace: &Namespace) -> Result<Devices, String> {
    let read = || -> std::io::Result<Devices> {
        let mut socket = Socket::open()?;
        Ok(Devices { interfaces: socket.interfaces()?, default_device: socket.default_device()? })
    };
    let read = namespace.inside(read).map_err(|error| error.to_string())?;
    read.map_err(|error| format!("list the interfaces of {}: {error}", namespace.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veth(index: u32, link: u32, link_namespace: i32) -> Interface {
        Interface { index, link: Some(link), link_namespace: Some(link_namespace), is_up: true, ..Interface::default() }
    }

    #[test]
    fn a_peer_agrees_in_both_numbers() {
        // Two pods whose eth0 is number 2; the host calls their namespaces 0 and 1.
        let host = [veth(24, 2, 0), veth(25, 2, 1)];
        assert_eq!(peer_of(&veth(2, 25, 0), Some(1), &host).map(|peer| peer.index), Some(25));
        assert_eq!(peer_of(&veth(2, 25, 0), Some(0), &host), None, "the host's 25 belongs to another pod");
        assert_eq!(peer_of(&veth(2, 25, 0), None, &host), None);
        let macvlan = Interface { link_namespace: Some(0), ..veth(2, 24, 0) };
        assert_eq!(peer_of(&Interface { index: 7, ..macvlan }, Some(0), &host), None, "a parent is no peer");
    }

    #[test]
    fn the_default_routes_device_is_the_main_one() {
        let eth = |index, is_up| Interface { index, is_up, ..Interface::default() };
        let loopback = Interface { index: 1, is_up: true, is_loopback: true, ..Interface::default() };
        let all = [loopback.clone(), eth(4, true), eth(3, true), eth(2, false)];
        let main = |all: &[Interface], route| main_interface(all, route).map(|interface| interface.index);
        assert_eq!(main(&all, Some(4)), Some(4));
        assert_eq!(main(&all, None), Some(3));
        assert_eq!(main(&all, Some(2)), Some(3), "that of the route is down");
        assert_eq!(main(&[loopback], None), Some(1));
        assert_eq!(main(&[], None), None);
    }
}
