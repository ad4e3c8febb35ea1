//! The way to the target: every host, the cluster and the manifests, judged
//! for each minor on it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::cluster_input::NamedCluster;
use super::failure::Failure;
use super::gate::{HELM_OBJECTS, refuse};
use super::input::NamedFacts;
use crate::evaluate::{Named, Upgrade, gate_host, gate_manifests, gate_whole};
use crate::fact::version::Version;
use crate::fact::{self, Fact, Facts, Source};
use crate::finding::{Finding, Subject, Verdict};
use crate::gate::manifest::Manifests;
use crate::gate::plan::{PlanError, Target};
use crate::gate::usage::merge;
use crate::rule::{Rule, RuleSet};

/// The present version and whether it is exact: what the user says, else what
/// the cluster says.
pub(super) fn from_of(said: Option<&str>, cluster: Option<&NamedCluster>) -> Result<Present, Failure> {
    if let Some(said) = said {
        if Version::parse(said).is_none_or(|version| version.major() != 1) {
            return Err(refuse(&PlanError::NoVersion(said.to_owned())));
        }
        return Ok(Present { from: Fact::known(said, Source::default_of("--from")), is_exact: true });
    }
    let reason = "nothing says the present version of Kubernetes; name it with --from";
    let unknown = Present { from: Fact::Unreadable { source: None, reason: reason.to_owned() }, is_exact: false };
    let Some(cluster) = cluster else { return Ok(unknown) };
    let is_exact = cluster.facts.bool("cluster.version_is_exact").unwrap_or(false);
    let version = cluster.facts.get("cluster.version").filter(|version| version.text().is_some());
    Ok(version.map_or(unknown, |version| Present { from: version.clone(), is_exact }))
}

/// The present version.
pub(super) struct Present {
    pub(super) from: Fact,
    pub(super) is_exact: bool,
}

impl Present {
    fn upgrade(&self, target: &str) -> Upgrade {
        let from_exact = match (&self.from, self.is_exact) {
            (Fact::Known { source, .. }, false) => {
                let reason =
                    "only a kubelet tells the present version, and the API server may be newer; name it with --from";
                Fact::Unreadable { source: source.clone(), reason: reason.to_owned() }
            }
            (from, _) => from.clone(),
        };
        Upgrade { target: target.to_owned(), from: self.from.clone(), from_exact }
    }
}

/// The newer one of two facts that hold versions.
fn newer(one: Fact, other: &Fact) -> Fact {
    let version = |fact: &Fact| fact.text().and_then(Version::parse);
    if version(other) > version(&one) { other.clone() } else { one }
}

/// What is judged on the way to the target, hop by hop: one host after the
/// other, so that the facts of many nodes are never held at once, and the
/// cluster in the end.
pub(super) struct Journey<'a> {
    pub(super) rules: (&'a RuleSet, &'a [&'a Rule]),
    pub(super) now: Timestamp,
    pub(super) wanted: &'a BTreeSet<String>,
    pub(super) target: &'a Target,
    pub(super) named: Named,
    pub(super) present: Present,
    pub(super) cluster: Option<NamedCluster>,
    pub(super) judged_nodes: Vec<String>,
    pub(super) targets: Vec<Subject>,
    pub(super) hops: Vec<JudgedHop>,
}

/// The findings of one hop.
pub(super) struct JudgedHop {
    pub(super) target: String,
    pub(super) findings: Vec<Finding>,
}

impl Journey<'_> {
    pub(super) fn host(&mut self, mut host: NamedFacts) {
        if let Some(cluster) = &mut self.cluster {
            self.judged_nodes.extend(fact::join(&mut cluster.facts, &mut host.facts, self.wanted));
        }
        // Without a cluster only its kubelets tell.
        if self.cluster.is_none()
            && !self.present.is_exact
            && let Some(version) = host.facts.get("kubelet.version")
        {
            self.present.from = newer(self.present.from.clone(), version);
        }
        // The subject is the same for every hop.
        let mut subject = None;
        for target in self.target.hops(self.present.from.text()) {
            let upgrade = self.present.upgrade(&target);
            let beside = self.cluster.as_ref().map(|cluster| &cluster.facts);
            let (host, findings) =
                gate_host(self.rules, &mut host.facts, beside, host.name.clone(), (&upgrade, self.named), self.now);
            subject = Some(host);
            self.add(target, findings);
        }
        self.targets.extend(subject);
    }

    fn add(&mut self, target: String, findings: Vec<Finding>) {
        match self.hops.iter_mut().find(|hop| hop.target == target) {
            Some(hop) => hop.findings.extend(findings),
            None => self.hops.push(JudgedHop { target, findings }),
        }
    }

    /// Adds what manifests show: to the finding of the same object in the
    /// cluster, if there is one.
    fn add_of_manifests(&mut self, target: &str, findings: Vec<Finding>) {
        let Some(hop) = self.hops.iter_mut().find(|hop| hop.target == target) else {
            return self.add(target.to_owned(), findings);
        };
        for finding in findings {
            match hop.findings.iter_mut().find(|other| other.fingerprint == finding.fingerprint) {
                None => hop.findings.push(finding),
                Some(other) if other.verdict == finding.verdict => {
                    let new = finding.evidence.into_iter().filter(|piece| !other.evidence.contains(piece));
                    other.evidence.extend(new.collect::<Vec<_>>());
                }
                // What fails says more than what is unknown, and that more than a pass.
                Some(other) if weight(finding.verdict) > weight(other.verdict) => *other = finding,
                Some(_) => {}
            }
        }
        let place = |finding: &Finding| (finding.rule.clone(), finding.subject.clone());
        hop.findings.sort_by_cached_key(place);
    }

    /// What was judged, and the findings of each hop, the target's last.
    pub(super) fn finish(mut self, manifests: Option<Manifests>) -> (Vec<Subject>, Vec<JudgedHop>) {
        let (written_objects, mut workloads) = manifests.map(Manifests::finish).unzip();
        let (name, mut facts) = match self.cluster.take() {
            Some(cluster) => (cluster.name, cluster.facts),
            None => ("cluster".to_owned(), Facts::default()),
        };
        let no_cluster = || Fact::absent(Source::default_of("no cluster is named"));
        let written = facts.get("api_objects").cloned().unwrap_or_else(no_cluster);
        let history = facts.get("api_history").cloned();
        // Facts of a live cluster hold no histories: only the gate knows of which kinds to ask for.
        let history = history.or_else(|| {
            let is_asked = self.named.cluster && matches!(written, Fact::Absent { .. });
            let reason = "the facts of this cluster do not tell in which versions its objects were written";
            is_asked.then(|| Fact::unreadable(Source::default_of("--facts"), reason))
        });
        let releases = facts.get(HELM_OBJECTS).cloned();
        let sources = [Some(written), history, releases, written_objects];
        facts.set("gate.api_objects", merge(sources.into_iter().flatten().collect()));
        let nobody = no_cluster_facts();
        let hops = self.target.hops(self.present.from.text());
        for target in &hops {
            let upgrade = self.present.upgrade(target);
            let nodes = self.judged_nodes.clone();
            let (subject, findings) =
                gate_whole(self.rules, &mut facts, nodes, name.clone(), (&upgrade, self.named), self.now);
            self.add(target.clone(), findings);
            if let Some(workloads) = &mut workloads {
                let beside = if self.named.cluster { &facts } else { &nobody };
                let upgrade = (&upgrade, self.named);
                let findings = gate_manifests(self.rules, workloads, Some(beside), name.clone(), upgrade, self.now);
                self.add_of_manifests(target, findings);
            }
            if self.named.cluster && !self.targets.contains(&subject) {
                self.targets.push(subject);
            }
        }
        // A host with an older kubelet than the newest one was judged from further back.
        self.hops.retain(|hop| hops.contains(&hop.target));
        self.hops.sort_by_key(|hop| hops.iter().position(|target| *target == hop.target));
        (self.targets, self.hops)
    }
}

fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail | Verdict::Waived => 3,
        Verdict::Unknown => 2,
        Verdict::Pass => 1,
        Verdict::NotApplicable => 0,
    }
}

/// What rules name beside the workloads of manifests, where no cluster is judged.
fn no_cluster_facts() -> Facts {
    let mut facts = Facts::default();
    let none = || Source::default_of("no cluster is named");
    for list in ["nodes", "api_servers", "csi_drivers"] {
        facts.set(list, Fact::known(Vec::new(), none()));
    }
    facts.set("cluster.version", Fact::absent(none()));
    facts
}
