//! `scanner capture list`: the pods and containers of this node, and the ways
//! into their networks.

use std::path::PathBuf;

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::json;

use super::live::{enter_root, open_root};
use crate::capture::list::{Listed, Network, list};
use crate::capture::workload::{Places, Workload, read};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Destination, ListFormat};
use crate::cli::terminal::Terminal;
use crate::report::{escape, write_pretty};

/// What the JSON document is.
const SCHEMA: &str = "scanner.capture-list/v1";

/// How to list what can be captured.
#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    /// Ask the runtime at this socket in place of the usual ones
    #[arg(long, value_name = "SOCKET")]
    runtime_endpoint: Option<PathBuf>,
    /// Look at the node whose root is DIR: /proc/1/root, or /host, in a pod that sees the node's processes
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Form of the list: table or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table)]
    format: ListFormat,
}

/// Runs the command.
pub(super) fn run(args: &ListArgs, terminal: Terminal) -> Result<Exit, Failure> {
    if let Some(root) = &args.root {
        enter_root(root)?;
    }
    let inventory = read(&open_root()?, &Places { socket: args.runtime_endpoint.clone() });
    let networks = list(inventory.workloads);
    let mut bytes = Vec::new();
    match args.format {
        ListFormat::Table => bytes.extend(table(&networks).into_bytes()),
        ListFormat::Json => {
            let networks: Vec<_> = networks.iter().map(network_json).collect();
            let document = json!({"schema": SCHEMA, "networks": networks, "silent": inventory.silent});
            write_pretty(&document, &mut bytes).map_err(|error| Failure::new(format!("write the list: {error}")))?;
        }
    }
    Destination::Stdout.write(&bytes)?;
    for reason in &inventory.silent {
        terminal.note(&format!("no answer: {reason}"));
    }
    Ok(Exit::Clean)
}

const NOTHING: &str = "-";

/// A line for each container, pod or name, and interface.
fn table(networks: &[Network]) -> String {
    let mut table = Table::new();
    let header = ["TARGET", "CONTAINER", "PID", "NETNS", "INTERFACE", "HOST SIDE", "ADDRESSES", "RUNTIME"];
    table.load_style(presets::NOTHING).set_header(header);
    for network in networks {
        for [target, container, pid, runtime] in inhabitants(network) {
            let inode = network.inode.map_or_else(|| NOTHING.to_owned(), |inode| inode.to_string());
            // The node has hundreds; they are listed once, for itself.
            let interfaces: &[Listed] = if network.is_of_node && target != "node" { &[] } else { &network.interfaces };
            let mut lines: Vec<[String; 3]> = interfaces.iter().map(interface_cells).collect();
            if lines.is_empty() {
                let why = network.problem.clone().unwrap_or_else(|| NOTHING.to_owned());
                let place =
                    if network.is_of_node && target != "node" { "(the node's)".to_owned() } else { NOTHING.to_owned() };
                lines.push([place, NOTHING.to_owned(), why]);
            }
            for [interface, host_side, addresses] in lines {
                let cells = [&target, &container, &pid, &inode, &interface, &host_side, &addresses, &runtime];
                table.add_row(cells.map(|cell| escape::line(cell).into_owned()));
            }
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        text.push('\n');
    }
    text
}

fn interface_cells(interface: &Listed) -> [String; 3] {
    let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
    let or_nothing = |text: String| if text.is_empty() { NOTHING.to_owned() } else { text };
    [
        interface.name.clone(),
        or_nothing(interface.host_side.clone().unwrap_or_default()),
        or_nothing(addresses.join(",")),
    ]
}

/// Target, container, process and runtime of everybody in a network.
fn inhabitants(network: &Network) -> Vec<[String; 4]> {
    let nothing = || NOTHING.to_owned();
    let mut all = Vec::new();
    if network.is_of_node {
        all.push(["node".to_owned(), nothing(), nothing(), nothing()]);
    } else if let (true, Some(name)) = (network.workloads.is_empty(), &network.name) {
        all.push([format!("netns/{name}"), nothing(), nothing(), nothing()]);
    }
    for workload in &network.workloads {
        let pid = |pid: Option<u32>| pid.map_or_else(nothing, |pid| pid.to_string());
        let target = target_name(workload);
        if workload.containers.is_empty() {
            all.push([target.clone(), nothing(), pid(workload.pid), workload.runtime.clone()]);
        }
        for container in &workload.containers {
            let short = || container.id.chars().take(12).collect();
            let name = if container.name.is_empty() { short() } else { container.name.clone() };
            all.push([target.clone(), name, pid(container.pid.or(workload.pid)), workload.runtime.clone()]);
        }
    }
    all
}

/// As it is typed: `shop/web-0` of a pod, `container/registry`.
fn target_name(workload: &Workload) -> String {
    match workload.pod {
        Some(_) => workload.name(),
        None => format!("container/{}", workload.name()),
    }
}

fn network_json(network: &Network) -> serde_json::Value {
    let interface = |interface: &Listed| {
        json!({
            "name": interface.name, "mtu": interface.mtu, "host_side": interface.host_side,
            "addresses": interface.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    let workload = |workload: &Workload| {
        let containers: Vec<_> = workload
            .containers
            .iter()
            .map(|container| json!({"id": container.id, "name": container.name, "pid": container.pid}))
            .collect();
        let pod = workload.pod.as_ref().map(
            |pod| json!({"namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "labels": workload.labels}),
        );
        json!({
            "target": target_name(workload), "runtime": workload.runtime, "pod": pod, "pid": workload.pid,
            "sandbox_id": workload.sandbox_id, "containers": containers,
        })
    };
    json!({
        "inode": network.inode, "node": network.is_of_node, "name": network.name, "problem": network.problem,
        "interfaces": network.interfaces.iter().map(interface).collect::<Vec<_>>(),
        "workloads": network.workloads.iter().map(workload).collect::<Vec<_>>(),
    })
}
