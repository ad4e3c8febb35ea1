//! GPUs that a driver for dynamic resource allocation publishes.
//!
//! Source: `ResourceSlices` of resource.k8s.io of the driver `gpu.nvidia.com`
//! (<https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/>).
//! Its sibling `compute-domain.nvidia.com` hands out no GPUs.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::cluster::Object;

/// Products by node.
#[derive(Default)]
pub(super) struct Slices {
    by_node: BTreeMap<String, BTreeSet<String>>,
}

impl Slices {
    pub(super) fn see(&mut self, slice: &Object<'_>) {
        if slice.text("spec.driver") != Some("gpu.nvidia.com") {
            return;
        }
        let Some(node) = slice.text("spec.nodeName") else { return };
        let products = self.by_node.entry(node.to_owned()).or_default();
        for device in slice.list("spec.devices") {
            // v1beta1 has one more level.
            let attributes = device.get("attributes").or_else(|| device.pointer("/basic/attributes"));
            let product = attributes.and_then(|attributes| attributes.get("productName")?.get("string")?.as_str());
            products.extend(product.map(str::to_owned));
        }
    }

    /// The products of a node whose GPUs are published so.
    pub(super) fn of(&self, node: &str) -> Option<&BTreeSet<String>> {
        self.by_node.get(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Json;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::RESOURCE_SLICES;
    use crate::fact::json::json;

    fn seen(json: &Json) -> Slices {
        const REQUEST: Request = Request::all(&RESOURCE_SLICES);
        let mut slices = Slices::default();
        slices.see(&Object::new(&REQUEST, json));
        slices
    }

    #[test]
    fn slices_of_every_version_name_their_products() {
        let attributes = json!({"attributes": {"productName": {"string": "NVIDIA A100-SXM4-40GB"}}});
        for device in [attributes.clone(), json!({"basic": attributes})] {
            let slices = seen(&json!({"metadata": {"name": "a"},
                "spec": {"driver": "gpu.nvidia.com", "nodeName": "gpu-1", "devices": [device]}}));
            let products = slices.of("gpu-1").unwrap();
            assert!(products.contains("NVIDIA A100-SXM4-40GB"));
        }
    }

    #[test]
    fn slices_of_compute_domains_hand_out_no_gpus() {
        let slices = seen(&json!({"metadata": {"name": "a"},
            "spec": {"driver": "compute-domain.nvidia.com", "nodeName": "gpu-1", "devices": [{"name": "channel-0"}]}}));
        assert_eq!(slices.of("gpu-1"), None);
    }
}
