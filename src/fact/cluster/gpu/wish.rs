//! MIG profiles that are asked for, by pods and by nodes' labels.

use super::amount::{Kind, kind};
use super::mig::{offered, profile_of};
use super::node::GpuNode;
use super::request::Requests;
use crate::fact::Fact;
use crate::fact::cluster::Element;
use crate::fact::cluster::workload::Owners;

/// The elements of `mig_wishes`; `gap` is why not all nodes were seen.
pub(super) fn wishes(requests: &Requests, nodes: &[GpuNode], owners: &Owners, gap: Option<&str>) -> Vec<Fact> {
    let names = offered(nodes.iter());
    let is_changing = |node: &&GpuNode| matches!(node.label("mig.config.state"), Some("pending" | "rebooting"));
    let changing =
        nodes.iter().find(is_changing).map(|node| format!("Node {} is being partitioned", node.reference.name));
    let coming = requests.has_autoscaler().then(|| "an autoscaler may bring a node that offers it".to_owned());
    let doubt = gap.map(str::to_owned).or(changing).or(coming);
    let mut elements = Vec::new();
    for (top, request) in requests.of_mig(owners) {
        let place = request.source.clone();
        let is_offered = match (names.contains(&request.resource), &doubt) {
            (false, Some(reason)) => Fact::unreadable(place.clone(), reason.clone()),
            (is_offered, _) => Fact::known(is_offered, place.clone()),
        };
        let profile = match kind(&request.resource) {
            Some(Kind::Mig(profile)) => Fact::known(profile, place.clone()),
            _ => Fact::absent(place.clone()),
        };
        let offered: Vec<Fact> = names.iter().map(|name| Fact::group(name.as_str())).collect();
        let element = Element::of(&top)
            .with("wish", Fact::known(request.resource.as_str(), place.clone()))
            .with("profile", profile)
            .with("is_request", Fact::group(true))
            .with("is_offered", is_offered)
            .with("offered", Fact::group(offered))
            .with("model", Fact::absent(place));
        elements.push(element.done());
    }
    elements.extend(nodes.iter().filter_map(config_wish));
    elements
}

/// What a node's label asks for; what failed is told by its state.
fn config_wish(node: &GpuNode) -> Option<Fact> {
    let config = node.label("mig.config")?;
    let profile = profile_of(config)?;
    let is_told = node.label("mig.config.state") == Some("failed") || node.label("mig.capable") == Some("false");
    if is_told {
        return None;
    }
    let place = node.label_source("mig.config");
    let model = match node.model() {
        Some(model) => Fact::known(model, node.label_source("gpu.product")),
        None => Fact::absent(node.label_source("gpu.product")),
    };
    let element = Element::of(&node.reference)
        .with("wish", Fact::known(config, place.clone()))
        .with("profile", Fact::known(profile, place.clone()))
        .with("is_request", Fact::group(false))
        .with("is_offered", Fact::absent(place.clone()))
        .with("offered", Fact::absent(place))
        .with("model", model);
    Some(element.done())
}
