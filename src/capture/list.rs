//! Every network on this node: who is in it, its interfaces, and where their
//! other ends are.

use ipnet::IpNet;

use super::netns::interface::{Devices, Interface, peer_of, read_devices};
use super::netns::{Namespace, Socket, inode_of};
use super::target::{Resolved, Target, resolve};
use super::workload::Workload;

/// A network namespace and who is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Its inode; none where it could not be opened.
    pub inode: Option<u64>,
    /// Whether it is the node's own.
    pub is_of_node: bool,
    /// Its name among those of ip-netns(8), if it has one.
    pub name: Option<String>,
    /// The pods and containers in it.
    pub workloads: Vec<Workload>,
    /// Its interfaces but loopback.
    pub interfaces: Vec<Listed>,
    /// Why it could not be looked at.
    pub problem: Option<String>,
}

/// An interface as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its addresses, those of the link alone left out.
    pub addresses: Vec<IpNet>,
    /// Its longest packet.
    pub mtu: u32,
    /// The other end, on the node.
    pub host_side: Option<String>,
}

/// Lists the node's network and those of pods, containers and names.
pub fn list(workloads: Vec<Workload>) -> Vec<Network> {
    let mut networks: Vec<Network> = Vec::new();
    add(&mut networks, None, resolve(&Target::Node, None).map_err(|error| error.to_string()));
    for workload in workloads {
        let resolved = resolve(&Target::Node, Some(&workload)).map_err(|error| error.to_string());
        add(&mut networks, Some(workload), resolved);
    }
    for name in super::target::named_there() {
        let inode = inode_of(&format!("/run/netns/{name}")).ok();
        match networks.iter_mut().find(|network| inode.is_some() && network.inode == inode) {
            Some(known) => known.name = known.name.take().or(Some(name)),
            None => {
                let resolved = resolve(&Target::Netns(name.clone()), None).map_err(|error| error.to_string());
                add(&mut networks, None, resolved);
                if let Some(new) = networks.last_mut() {
                    new.name = Some(name);
                }
            }
        }
    }
    networks
}

fn add(networks: &mut Vec<Network>, workload: Option<Workload>, resolved: Result<Resolved, String>) {
    let (namespace, is_of_node) = match resolved {
        Ok(Resolved { namespace, is_of_node, .. }) => (namespace, is_of_node),
        Err(problem) => {
            let workloads = workload.into_iter().collect();
            networks.push(Network { workloads, problem: Some(problem), ..Network::default() });
            return;
        }
    };
    if let Some(known) = networks.iter_mut().find(|network| network.inode == Some(namespace.inode)) {
        known.workloads.extend(workload);
        return;
    }
    let (interfaces, problem) = match read_devices(&namespace) {
        Ok(devices) => (listed(&namespace, &devices), None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let workloads = workload.into_iter().collect();
    networks.push(Network { inode: Some(namespace.inode), is_of_node, name: None, workloads, interfaces, problem });
}

fn listed(namespace: &Namespace, devices: &Devices) -> Vec<Listed> {
    let host = host_ends(namespace);
    let is_of_link = |network: &IpNet| match network {
        IpNet::V6(network) => network.addr().is_unicast_link_local(),
        IpNet::V4(_) => false,
    };
    let listed = |interface: &Interface| {
        let (id, ends) = host.as_ref().map_or((None, [].as_slice()), |(id, ends)| (*id, ends.as_slice()));
        Listed {
            name: interface.name.clone(),
            addresses: interface.addresses.iter().filter(|network| !is_of_link(network)).copied().collect(),
            mtu: interface.mtu,
            host_side: peer_of(interface, id, ends).map(|end| end.name.clone()),
        }
    };
    devices.interfaces.iter().filter(|interface| !interface.is_loopback).map(listed).collect()
}

/// The node's interfaces, and its number for a namespace.
pub fn host_ends(namespace: &Namespace) -> Option<(Option<i32>, Vec<Interface>)> {
    let mut socket = Socket::open().ok()?;
    let id = socket.id_of(namespace).ok()?;
    Some((id, socket.interfaces().ok()?))
}
