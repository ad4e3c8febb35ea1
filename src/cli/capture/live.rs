//! Live capture: from targets to open interfaces, with the rights that this
//! needs, which are given up before the first packet is read.

use std::path::Path;

use super::live_option::LiveArgs;
use super::run::{Capturing, Watched};
use super::signal::Signals;
use super::{SharedSinks, link_name};
use crate::capture::direction::Side;
use crate::capture::live::{ANY, Live, OpenInterface, drop_capabilities, open};
use crate::capture::netns::interface::{Devices, Interface, main_interface, peer_of, read_devices};
use crate::capture::netns::{Namespace, Socket};
use crate::capture::packet::LinkType;
use crate::capture::sink::{CapturePoint, Hop};
use crate::capture::target::{Resolved, Target, resolve, select};
use crate::capture::workload::{Inventory, Places, read};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::fact::host::root::HostRoot;

/// What a live capture needs beside its own arguments.
pub(super) struct Run<'a> {
    pub(super) words: &'a [String],
    pub(super) packets: Option<u64>,
    pub(super) keeps_files: bool,
    pub(super) sinks: &'a SharedSinks,
    pub(super) signals: &'a Signals,
    pub(super) terminal: Terminal,
}

/// The machine that this program runs on.
pub(super) fn open_root() -> Result<HostRoot, Failure> {
    HostRoot::open(Path::new("/")).map_err(|error| Failure::file("open the root", Path::new("/"), &error))
}

/// Makes another root this program's own, chroot(2): the node's, as a pod sees it.
pub(super) fn enter_root(root: &Path) -> Result<(), Failure> {
    let failed = |error: rustix::io::Errno| {
        let failure = Failure::file("enter the root", root, &error.into());
        failure.with_help(
            "needed are CAP_SYS_CHROOT and, for /proc/1/root, CAP_SYS_PTRACE and the node's processes (hostPID)",
        )
    };
    rustix::process::chroot(root).map_err(failed)?;
    rustix::process::chdir("/").map_err(failed)
}

/// Captures until something ends it.
pub(super) fn run(args: &LiveArgs, run: &Run<'_>) -> Result<Exit, Failure> {
    let (targets, filter) = args.targets(run.words)?;
    check_filter(&filter)?;
    let resolved = find(&targets, args, run.terminal)?;
    let node = resolve(&Target::Node, None).map_err(|error| Failure::new(error.to_string()))?;
    let mut lives = Vec::new();
    let mut watched = Vec::new();
    let plans = plans(args, &resolved, &node, run.terminal)?;
    let settings = args.settings(&filter, plans.iter().map(|plan| plan.points.len()).sum());
    for plan in plans {
        let opened = open(plan.namespace, plan.points, &plan.devices.interfaces, &settings);
        let opened = opened.map_err(|error| not_opened(error, &filter))?;
        watched.extend(opened.iter().map(|_| plan.target));
        lives.extend(opened);
    }
    name_points(&mut lives);
    for live in &lives {
        run.terminal.note(&format!(
            "listening on {}, link-type {}, snapshot length {} bytes",
            live.point.name.as_deref().unwrap_or_default(),
            link_name(live.point.link_type),
            live.point.snap_length
        ));
    }
    drop_capabilities(run.keeps_files)
        .map_err(|error| Failure::new(format!("give up capabilities: {}", super::super::failure::cause(&error))))?;
    let watched = lives.into_iter().zip(watched).map(|(live, target)| Watched { live, target }).collect();
    Capturing::new(watched, args.duration, run).run()
}

/// Tells a bad filter before anything is opened, whatever the interfaces turn out to be.
pub(super) fn check_filter(filter: &str) -> Result<(), Failure> {
    if filter.is_empty() {
        return Ok(());
    }
    let compiled = super::compile(filter, LinkType::Ethernet);
    compiled.or_else(|failure| super::compile(filter, LinkType::RawIp).or(Err(failure))).map(drop)
}

/// The targets' namespaces, each once.
fn find(targets: &[Target], args: &LiveArgs, terminal: Terminal) -> Result<Vec<Resolved>, Failure> {
    let inventory = if targets.iter().any(Target::needs_workloads) {
        read(&open_root()?, &Places { socket: args.runtime_endpoint.clone() })
    } else {
        Inventory::default()
    };
    let mut found: Vec<Resolved> = Vec::new();
    for target in targets {
        let workloads = select(target, &inventory.workloads).map_err(|reason| {
            let silent: Vec<String> = inventory.silent.iter().map(|reason| format!("no answer: {reason}")).collect();
            let help = (!silent.is_empty()).then(|| silent.join("\n      "));
            Failure::new(format!("find the target: {reason}")).with_help_if(help)
        })?;
        let meant = if workloads.is_empty() { vec![None] } else { workloads.into_iter().map(Some).collect() };
        for workload in meant {
            let resolved = resolve(target, workload)
                .map_err(|error| needs_root(Failure::new(error.to_string()), &error.to_string()))?;
            if resolved.is_of_node && workload.is_some() {
                terminal.note(&format!(
                    "{} uses the node's network: packets of the node and of others like it are captured too",
                    resolved.name
                ));
            }
            if !found.iter().any(|known| known.namespace.inode == resolved.namespace.inode) {
                found.push(resolved);
            }
        }
    }
    Ok(found)
}

/// Says what is missing where rights are.
fn needs_root(failure: Failure, text: &str) -> Failure {
    let is_refused = ["denied", "not permitted", "permission"].iter().any(|word| text.contains(word));
    failure.with_help_if(is_refused.then(|| {
        "run as root; needed are CAP_NET_RAW to capture, and CAP_SYS_ADMIN and CAP_SYS_PTRACE to enter a namespace"
            .to_owned()
    }))
}

/// Which interfaces of a namespace to open.
struct Plan<'a> {
    namespace: &'a Namespace,
    devices: Devices,
    points: Vec<(String, CapturePoint)>,
    /// Whose end is the end of these; none of the node's own interfaces.
    target: Option<&'a Resolved>,
}

fn plans<'a>(
    args: &LiveArgs,
    resolved: &'a [Resolved],
    node: &'a Resolved,
    terminal: Terminal,
) -> Result<Vec<Plan<'a>>, Failure> {
    let mut plans = Vec::new();
    let mut host_side: Vec<(String, CapturePoint)> = Vec::new();
    for target in resolved {
        let devices =
            read_devices(&target.namespace).map_err(|error| needs_root(Failure::new(error.clone()), &error))?;
        let names = chosen(args, target, &devices)?;
        note_others(args, target, &devices, &names, terminal);
        let point = |name: &String| {
            let mut point = CapturePoint::new(0, LinkType::Ethernet, 0);
            point.name = Some(format!("{}:{name}", target.name));
            point.description = Some(target.description.clone());
            point.pod = target.pod.as_ref().map(|pod| (pod.namespace.clone(), pod.name.clone()));
            point.hop = if args.path { Hop::Inside } else { Hop::None };
            (name.clone(), point)
        };
        let points = names.iter().map(point).collect();
        if args.path && !target.is_of_node {
            for name in &names {
                let inside = devices.interfaces.iter().find(|interface| interface.name == *name);
                match inside.and_then(|inside| host_end(&target.namespace, inside)) {
                    Some(end) => {
                        let what = format!("the end on the node of {}:{name}", target.name);
                        let mut end = node_point(&end.name, Hop::HostSide, what);
                        if let Some(far) = inside.and_then(|inside| inside.hardware_address) {
                            end.1.side = Side::Far(far);
                        }
                        host_side.push(end);
                    }
                    None => terminal.note(&format!(
                        "{}:{name} has no end on the node (only veth and netkit pairs have)",
                        target.name
                    )),
                }
            }
        }
        plans.push(Plan { namespace: &target.namespace, devices, points, target: Some(target) });
    }
    if args.path {
        plans.extend(node_plan(node, host_side, resolved, terminal)?);
    }
    Ok(plans)
}

/// The interfaces that are named, or the main one.
fn chosen(args: &LiveArgs, target: &Resolved, devices: &Devices) -> Result<Vec<String>, Failure> {
    if !args.interfaces.is_empty() {
        let mut names = args.interfaces.clone();
        names.sort();
        names.dedup();
        return Ok(names);
    }
    match main_interface(&devices.interfaces, devices.default_device) {
        Some(interface) => Ok(vec![interface.name.clone()]),
        None => Err(Failure::new(format!("capture on {}: it has no interfaces", target.name))),
    }
}

/// What is not captured, though somebody may look for it.
fn note_others(args: &LiveArgs, target: &Resolved, devices: &Devices, chosen: &[String], terminal: Terminal) {
    if !args.interfaces.is_empty() || target.is_of_node {
        return;
    }
    let is_other = |interface: &&Interface| interface.is_usable() && !chosen.contains(&interface.name);
    let others: Vec<&str> =
        devices.interfaces.iter().filter(is_other).map(|interface| interface.name.as_str()).collect();
    if !others.is_empty() {
        terminal.note(&format!("{} also has {} (-i any for all)", target.name, others.join(", ")));
    }
}

/// The end on the node of an interface within a namespace.
fn host_end(namespace: &Namespace, inside: &Interface) -> Option<Interface> {
    let mut socket = Socket::open().ok()?;
    let id = socket.id_of(namespace).ok()?;
    let ends = socket.interfaces().ok()?;
    peer_of(inside, id, &ends).cloned()
}

fn node_point(name: &str, hop: Hop, description: String) -> (String, CapturePoint) {
    let mut point = CapturePoint::new(0, LinkType::Ethernet, 0);
    point.name = Some(format!("node:{name}"));
    point.description = Some(description);
    point.hop = hop;
    (name.to_owned(), point)
}

/// The ends on the node and its uplink, but what is a target of its own.
fn node_plan<'a>(
    node: &'a Resolved,
    mut points: Vec<(String, CapturePoint)>,
    resolved: &[Resolved],
    terminal: Terminal,
) -> Result<Option<Plan<'a>>, Failure> {
    let devices = read_devices(&node.namespace).map_err(Failure::new)?;
    let uplink = devices.interfaces.iter().find(|interface| Some(interface.index) == devices.default_device);
    let is_target = resolved.iter().any(|target| target.namespace.inode == node.namespace.inode);
    match uplink {
        // Then the node's main interface is captured, which is the same one.
        Some(_) if is_target => {}
        Some(uplink) => points.push(node_point(&uplink.name, Hop::Uplink, "the node's uplink".to_owned())),
        None => terminal.note("the node has no default route, hence no uplink"),
    }
    Ok((!points.is_empty()).then_some(Plan { namespace: &node.namespace, devices, points, target: None }))
}

fn not_opened(error: OpenInterface, filter: &str) -> Failure {
    match error {
        OpenInterface::Filter(bad) => super::show_bad_filter(filter, &bad),
        error => needs_root(Failure::new(error.to_string()), &error.to_string()),
    }
}

/// Numbers the points, and gives them labels where there are several.
fn name_points(lives: &mut [Live]) {
    let is_alone = lives.len() == 1;
    for (number, live) in lives.iter_mut().enumerate() {
        live.point.number = number;
        let name = live.point.name.as_deref().unwrap_or_default();
        // Lines of `any` name the interface themselves.
        let label = name.strip_suffix(&format!(":{ANY}")).unwrap_or(name);
        live.point.label = (!is_alone).then(|| label.to_owned());
    }
}
