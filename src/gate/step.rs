//! In which order the reasons against an upgrade are dealt with: first the way
//! itself, then who calls or writes what the target no longer serves, then the
//! control plane, the nodes, and last what the drain of a node meets.

/// The steps, the first that must be done first; each with the rules that
/// belong to it, as names or areas.
const STEPS: &[(&str, &[&str])] = &[
    ("plan", &["upgrade/skips-a-minor", "cluster/version-skew", "cluster/kubernetes-end-of-life", "node/not-ready"]),
    (
        "clients",
        &[
            "upgrade/removed-api-requested",
            "upgrade/removed-api-in-use",
            "upgrade/removed-api-history",
            "upgrade/deprecated-api-in-use",
            "upgrade/pod-security-policy-in-use",
        ],
    ),
    (
        "control-plane",
        &[
            "control-plane/",
            "upgrade/conversion-webhook-down",
            "upgrade/api-service-down",
            "upgrade/crd-stored-version",
            "upgrade/static-pod-api-reference",
            "security/",
            "cluster/",
        ],
    ),
    ("nodes", &["kernel/", "os/", "node/", "runtime/", "kubelet/", "network/"]),
    ("drain", &["upgrade/drain-blocked", "upgrade/drain-loses-data"]),
    ("workloads", &[""]),
];

/// The place of a rule's step in the order, and its name.
pub fn of_rule(rule: &str) -> (usize, &'static str) {
    let is_of = |pattern: &&str| {
        if pattern.ends_with('/') || pattern.is_empty() { rule.starts_with(*pattern) } else { rule == *pattern }
    };
    let found = STEPS.iter().enumerate().find(|(_, (_, patterns))| patterns.iter().any(&is_of));
    found.map_or((STEPS.len(), "workloads"), |(place, (name, _))| (place, *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_belongs_to_one_step() {
        assert_eq!(of_rule("upgrade/skips-a-minor"), (0, "plan"));
        assert_eq!(of_rule("control-plane/removed-flag").1, "control-plane");
        assert_eq!(of_rule("node/cgroup-v1").1, "nodes");
        assert_eq!(of_rule("upgrade/drain-blocked").1, "drain");
        assert_eq!(of_rule("workload/image-registry-gone").1, "workloads");
    }
}
