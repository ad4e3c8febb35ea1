//! Operating system, kernel and runtime of a node, from the texts that the
//! kubelet reports; the same readers take apart those of a host.

use super::identity::managed_by;
use crate::fact::cluster::{Element, Object};
use crate::fact::host::{System, has_cgroup_accounting_fixes, is_distribution_build, parse_pretty_name, parse_release};
use crate::fact::version::Version;
use crate::fact::{Fact, Source};

pub(super) fn add(element: Element, object: &Object<'_>) -> Element {
    element.with("os", os(object)).with("kernel", kernel(object)).with("runtime", runtime(object))
}

fn optional<V: Into<crate::fact::Value>>(value: Option<V>, source: &Source) -> Fact {
    match value {
        Some(value) => Fact::known(value, source.clone()),
        None => Fact::absent(source.clone()),
    }
}

/// The group of an element, or why there is none.
fn os(object: &Object<'_>) -> Fact {
    let source = object.source(".status.nodeInfo.osImage");
    let Some(image) = object.text("status.nodeInfo.osImage").map(str::trim).filter(|image| !image.is_empty()) else {
        return Fact::absent(source);
    };
    let Some(System { id, version_id, product, cycle, is_stream, is_interim, is_rolling, is_desktop, is_vendor_dated }) =
        parse_pretty_name(image)
    else {
        return Fact::unreadable(source, format!("`{image}` names no operating system that is known"));
    };
    let truth = |truth: bool| Fact::known(truth, source.clone());
    Element::new()
        .with("pretty_name", Fact::known(image, source.clone()))
        .with("id", Fact::known(id, source.clone()))
        .with("version_id", optional(version_id, &source))
        .with("product", optional(product, &source))
        .with("cycle", optional(cycle, &source))
        .with("is_stream", truth(is_stream))
        .with("is_interim", truth(is_interim))
        .with("is_rolling", truth(is_rolling))
        .with("is_desktop", truth(is_desktop))
        .with("is_vendor_dated", truth(is_vendor_dated))
        .done()
}

fn kernel(object: &Object<'_>) -> Fact {
    let source = object.source(".status.nodeInfo.kernelVersion");
    let Some(release) = object.text("status.nodeInfo.kernelVersion").map(str::trim).filter(|text| !text.is_empty())
    else {
        return Fact::absent(source);
    };
    let Some(parsed) = parse_release(release, "", "") else {
        return Fact::unreadable(source, format!("`{release}` does not begin with a version"));
    };
    let text = |text: &str| Fact::known(text, source.clone());
    let upstream = if parsed.is_backported() {
        Fact::unreadable(
            source.clone(),
            format!(
                "the vendor's kernel {} carries features of newer kernels, so its number does not tell which",
                parsed.version
            ),
        )
    } else {
        text(&parsed.version)
    };
    Element::new()
        .with("release", text(release))
        .with("version", text(&parsed.version))
        .with("line", text(&parsed.line))
        .with("upstream_version", upstream)
        .with("flavour", text(parsed.flavour))
        .with("vendor", optional(parsed.vendor.clone(), &source))
        .with("build", optional(parsed.build, &source))
        .with("is_backported", Fact::known(parsed.is_backported(), source.clone()))
        .with("is_upstream", Fact::known(parsed.is_upstream(), source.clone()))
        .with("has_cgroup_accounting_fixes", has_cgroup_accounting_fixes(&source, &parsed))
        .done()
}

/// `containerd://2.4.0-beta+unknown`, `cri-o://1.34.1`, `docker://20.10.24`.
fn runtime(object: &Object<'_>) -> Fact {
    let source = object.source(".status.nodeInfo.containerRuntimeVersion");
    let Some(text) = object.text("status.nodeInfo.containerRuntimeVersion").filter(|text| !text.is_empty()) else {
        return Fact::absent(source);
    };
    let Some((name, version)) = text.split_once("://") else {
        return Fact::unreadable(source, format!("`{text}` is not of the form NAME://VERSION"));
    };
    let version =
        Some(version).filter(|version| version.starts_with(['v', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']));
    Element::new()
        .with("name", Fact::known(name.to_ascii_lowercase(), source.clone()))
        .with("is_distribution_build", Fact::known(version.is_some_and(is_distribution_build), source.clone()))
        .with("version", optional(version, &source))
        .with("comes_with", comes_with(object))
        .with("product", optional(product_of(name), &source))
        .with("answers_runtime_config", answers_runtime_config(name, version, &source))
        .done()
}

/// Distributions of Kubernetes bring their own containerd and say so in the
/// kubelet's version, `v1.30.0+k3s1`; services replace the node as a whole.
fn comes_with(object: &Object<'_>) -> Fact {
    const KUBELETS: &[(&str, &str)] = &[("+k3s", "k3s"), ("+rke2", "rke2"), ("+k0s", "k0s")];
    let version = object.text("status.nodeInfo.kubeletVersion").unwrap_or_default();
    if let Some((_, name)) = KUBELETS.iter().find(|(mark, _)| version.contains(mark)) {
        return Fact::known(*name, object.source(".status.nodeInfo.kubeletVersion"));
    }
    optional(managed_by(object), &object.source(".metadata.labels"))
}

/// The key of the life-cycle table. CRI-O follows Kubernetes line by line.
fn product_of(name: &str) -> Option<&'static str> {
    match name {
        "containerd" => Some("containerd"),
        "cri-o" => Some("kubernetes"),
        "docker" => Some("docker-engine"),
        _ => None,
    }
}

/// containerd implements `RuntimeConfig` since 2.0, CRI-O since 1.28. Docker has
/// it from cri-dockerd, whose version no Node shows.
fn answers_runtime_config(name: &str, version: Option<&str>, source: &Source) -> Fact {
    let since = match name {
        "containerd" => "2.0.0",
        "cri-o" => "1.28.0",
        "docker" => return Fact::unreadable(source.clone(), "tell the version of cri-dockerd: no Node shows it"),
        _ => return Fact::absent(source.clone()),
    };
    match (version.and_then(Version::parse), Version::parse(since)) {
        (Some(version), Some(since)) => Fact::known(version >= since, source.clone()),
        _ => Fact::absent(source.clone()),
    }
}

#[cfg(test)]
mod tests {
    use crate::fact::json::json;

    use super::*;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::NODES;

    const NODE: Request = Request::all(&NODES);

    fn read(runtime: &str, kubelet: &str, labels: &crate::fact::Json) -> Fact {
        let json = json!({
            "metadata": {"name": "a", "labels": labels},
            "status": {"nodeInfo": {"containerRuntimeVersion": runtime, "kubeletVersion": kubelet,
                "kernelVersion": "4.18.0-553.el8_10.x86_64", "osImage": "Windows Server 2022 Datacenter"}},
        });
        add(Element::new(), &Object::new(&NODE, &json)).done()
    }

    /// Name, version and what brings the runtime along.
    fn summary(node: &Fact) -> String {
        let runtime = node.member("runtime").unwrap();
        let text = |name: &str| runtime.member(name).and_then(Fact::text).unwrap_or("-").to_owned();
        format!("{} {} {}", text("name"), text("version"), text("comes_with"))
    }

    #[test]
    fn a_runtime_is_known_by_its_scheme_and_what_brings_it_along() {
        for (runtime, kubelet, labels, expected) in [
            ("containerd://2.4.0-beta+unknown", "v1.36.2", json!({}), "containerd 2.4.0-beta+unknown -"),
            ("cri-o://1.34.1", "v1.34.1", json!({}), "cri-o 1.34.1 -"),
            ("containerd://2.0.4-k3s2", "v1.33.0+k3s1", json!({}), "containerd 2.0.4-k3s2 k3s"),
            (
                "containerd://1.7.27",
                "v1.33.1-eks-1de2ab1",
                json!({"eks.amazonaws.com/nodegroup": "a"}),
                "containerd 1.7.27 eks",
            ),
            ("docker://", "v1.20.1", json!({}), "docker - -"),
        ] {
            assert_eq!(summary(&read(runtime, kubelet, &labels)), expected);
        }
        let unreadable = read("containerd 1.7", "v1.30.0", &json!({}));
        assert!(matches!(unreadable.member("runtime"), Some(Fact::Unreadable { .. })));
    }

    #[test]
    fn a_vendors_kernel_does_not_tell_by_its_number_and_an_unknown_system_is_not_guessed() {
        let node = read("containerd://2.3.1", "v1.36.2", &json!({}));
        let kernel = node.member("kernel").unwrap();
        assert_eq!(kernel.member("vendor").and_then(Fact::text), Some("el8"));
        assert_eq!(kernel.member("build").and_then(Fact::int), Some(553));
        assert!(matches!(kernel.member("upstream_version"), Some(Fact::Unreadable { .. })));
        assert!(matches!(node.member("os"), Some(Fact::Unreadable { .. })));
    }
}
