//! What to do on which node.

use super::super::CaptureArgs;
use super::super::attend;
use super::command::{Pod, command, without_own};
use crate::capture::remote::{
    Api, Fault, Helper, Job, Place, Settings, Wish, existing, locate, look_at, manifest, name,
};
use crate::capture::target::Target;
use crate::cli::failure::Failure;

/// How long a capture lasts at most if nothing is said.
const LONGEST_S: u64 = 3600;

/// A node's part.
pub(super) struct Plan {
    place: Place,
    helper: Helper,
    /// The ports of this capture's own stream.
    own_ports: Vec<u16>,
}

/// How points are named.
pub(super) struct Names {
    /// Whether there are several, so that lines say which.
    pub(super) are_several: bool,
    /// Whether they are on several nodes.
    pub(super) are_on_several: bool,
}

impl Plan {
    /// Whether several points are captured.
    pub(super) fn named(plans: &[Plan], args: &CaptureArgs) -> Names {
        let targets: usize = plans.iter().map(|plan| plan.place.words.len()).sum();
        let selects = args.live.selector.is_some() && args.remote.node.is_some();
        let are_several = targets > 1 || selects || args.live.path || args.live.interfaces.len() > 1;
        Names { are_several, are_on_several: plans.len() > 1 }
    }
}

/// What is meant by targets, in a cluster where the context has a namespace.
pub(super) fn wishes(targets: &[Target], args: &CaptureArgs, namespace: &str) -> Result<Vec<Wish>, Failure> {
    if args.remote.image.is_none() && args.remote.via.is_empty() {
        return Err(Failure::new("capture on a node: neither an image nor a pod is named").with_help(
            "name an image that holds this program by --image, or a pod that sees the node's processes by --via",
        ));
    }
    let mut wishes = Vec::new();
    for target in targets {
        let own = |of: &Option<String>| of.clone().unwrap_or_else(|| namespace.to_owned());
        wishes.push(match (&args.remote.node, target) {
            (Some(node), Target::Node) => Wish::Node(node.clone()),
            (Some(node), target) => Wish::Local(node.clone(), local_word(target, args)?),
            (None, Target::Pod(named)) if named.namespace.as_deref() == Some("node") => Wish::Node(named.name.clone()),
            (None, Target::Pod(named) | Target::Name(named)) => Wish::Pod(own(&named.namespace), named.name.clone()),
            (None, Target::Owner(kind, named)) => Wish::Owner(*kind, own(&named.namespace), named.name.clone()),
            (None, Target::Labels(_, of)) => Wish::Labels(own(of), args.live.selector.clone().unwrap_or_default()),
            (None, Target::Node) => {
                return Err(Failure::new("find the target: which node is not said").with_help("name it: node/NAME"));
            }
            (None, Target::Container(_)) => {
                return Err(Failure::new("find the target: the cluster does not know containers by name")
                    .with_help("name its pod, whose containers share one network; or say by --node where it is"));
            }
            (None, Target::Pid(_) | Target::Netns(_)) => {
                return Err(Failure::new("find the target: processes and namespaces are those of a node")
                    .with_help("say which by --node"));
            }
        });
    }
    Ok(wishes)
}

/// A target as it is typed on its node.
fn local_word(target: &Target, args: &CaptureArgs) -> Result<String, Failure> {
    Ok(match target {
        Target::Node => "node".to_owned(),
        Target::Pid(pid) => format!("pid/{pid}"),
        Target::Netns(name) => format!("netns/{name}"),
        Target::Container(name) => format!("container/{name}"),
        Target::Pod(named) => format!("pod/{named}"),
        Target::Owner(kind, named) => format!("{}/{named}", kind.short()),
        Target::Name(named) if named.namespace.is_none() => named.name.clone(),
        Target::Name(named) => format!("pod/{named}"),
        Target::Labels(_, None) => format!("--selector={}", args.live.selector.as_deref().unwrap_or_default()),
        Target::Labels(_, Some(_)) => {
            return Err(Failure::new("find the target: labels of one namespace are looked for in the cluster")
                .with_help("leave out --node, or -n"));
        }
    })
}

/// Finds the nodes, and looks whether something can be captured there.
pub(super) async fn plan(
    api: &Api,
    wishes: &[Wish],
    args: &CaptureArgs,
    tell: &dyn Fn(&str),
) -> Result<Vec<Plan>, Failure> {
    let failed = |fault: Fault| Failure::new(fault.to_string()).with_help_if(fault.help());
    let places = locate(api, wishes, tell).await.map_err(failed)?;
    let mut helpers = Vec::new();
    for via in &args.remote.via {
        let (namespace, name) = via.split_once('/').unwrap_or((&args.remote.pod_namespace, via));
        helpers.push(existing(api, namespace, name).await.map_err(failed)?);
    }
    let api_minor = if args.remote.image.is_some() { api.minor().await } else { None };
    let mut plans = Vec::new();
    for place in places {
        let node = look_at(api, &place.node, tell).await.map_err(failed)?;
        let helper = match &args.remote.image {
            Some(image) => Helper::Made(manifest(&settings(args, image, &place.node, api_minor))),
            None => via(&helpers, &place.node)?,
        };
        plans.push(Plan { place, helper, own_ports: node.own_ports });
    }
    Ok(plans)
}

fn via(helpers: &[(String, Helper)], node: &str) -> Result<Helper, Failure> {
    if let Some((_, helper)) = helpers.iter().find(|(at, _)| at == node) {
        return Ok(helper.clone());
    }
    let at: Vec<&str> = helpers.iter().map(|(at, _)| at.as_str()).collect();
    let text = format!("capture on the node {node}: no pod of --via is there; they are on {}", at.join(", "));
    Err(Failure::new(text).with_help("name one for each node of the targets, such as the pods of a daemon set"))
}

fn settings(args: &CaptureArgs, image: &str, node: &str, api_minor: Option<u32>) -> Settings {
    Settings {
        name: name(),
        namespace: args.remote.pod_namespace.clone(),
        node: node.to_owned(),
        image: image.to_owned(),
        program: args.remote.program.clone(),
        is_privileged: args.remote.privileged,
        api_minor,
        duration_s: seconds(args),
        start_s: args.remote.start_timeout.as_secs().max(1),
    }
}

/// How long the capture may last.
fn seconds(args: &CaptureArgs) -> u64 {
    args.live.duration.map_or(LONGEST_S, |duration| duration.as_secs().max(1))
}

/// What is run for a plan.
pub(super) fn job(plan: &Plan, args: &CaptureArgs, filter: &str, copies: bool, tell: &dyn Fn(&str)) -> Job {
    let holder = match &plan.helper {
        Helper::Made(manifest) => manifest.pointer("/metadata/name").and_then(serde_json::Value::as_str),
        Helper::Existing { .. } => None,
    };
    let sees_node = plan.place.sees_node || args.live.path || args.remote.node.is_some();
    let narrowed = if sees_node { without_own(filter, &plan.own_ports) } else { None };
    if narrowed.is_some() {
        let ports: Vec<String> = plan.own_ports.iter().map(u16::to_string).collect();
        tell(&format!(
            "{}: TCP ports {}, by which the packets come here, are left out (a filter that names them is taken as it is)",
            plan.place.node,
            ports.join(" and ")
        ));
    }
    let filter = narrowed.as_deref().unwrap_or(filter);
    let pod = Pod { root: plan.helper.root(), holder: holder.unwrap_or_default() };
    Job {
        node: plan.place.node.clone(),
        helper: plan.helper.clone(),
        command: command(args, &plan.place.words, filter, seconds(args), &pod, copies),
        start: args.remote.start_timeout,
        sign: attend::LIFE,
        every: attend::SIGN_OF_LIFE,
        end: attend::END,
    }
}
