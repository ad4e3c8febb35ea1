//! Whether the API server here records requests,
//! <https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/>: it does with a
//! policy and a place to write to, a log or a webhook.

use crate::fact::{Fact, Facts, Source};

const NAME: &str = "kube-apiserver";

/// `facts` holds what its policy says.
pub(super) fn is_recording(facts: &Facts, earlier: &Facts) -> Fact {
    match earlier.get("control_plane.has_apiserver") {
        Some(has) if has.bool() == Some(true) => {}
        Some(has) if has.bool().is_none() => return has.clone(),
        _ => return Fact::absent(Source::default_of("there is no API server here")),
    }
    let Some(flags) = earlier.get("control_plane.flags") else {
        return Fact::absent(Source::default_of("there is no API server here"));
    };
    let Some(list) = flags.list() else { return flags.clone() };
    if let Some(unreadable) = list.iter().find(|flag| matches!(flag, Fact::Unreadable { .. })) {
        return unreadable.clone();
    }
    let find = |names: &[&str]| list.iter().rev().find(|flag| is_flag(flag, names));
    let policy = find(&["audit-policy-file"]);
    let place = find(&["audit-log-path", "audit-webhook-config-file"]);
    match (policy, place) {
        (Some(policy), Some(_)) => {
            let source = policy.source().cloned().unwrap_or_else(|| Source::default_of(NAME));
            // With a policy that is missing or empty it would not start, so that
            // only one which is seen to record nothing speaks against the flags.
            let nothing = facts.get("audit_policy.records_nothing").filter(|nothing| nothing.bool() == Some(true));
            match nothing {
                Some(nothing) => Fact::known(false, nothing.source().cloned().unwrap_or(source)),
                None => Fact::known(true, source),
            }
        }
        _ if earlier.text("k3s.distribution") == Some("rke2") => rke2(list),
        _ => excerpt(earlier).unwrap_or_else(|| {
            let source = policy.or(place).and_then(Fact::source).or(flags.source());
            Fact::known(false, source.cloned().unwrap_or_else(|| Source::default_of(NAME)))
        }),
    }
}

/// RKE2 writes the manifest, with a policy of its own; without that manifest
/// its settings do not tell.
fn rke2(flags: &[Fact]) -> Fact {
    let source = Source::default_of("https://docs.rke2.io/security/audit_log");
    if flags.iter().any(|flag| is_flag(flag, &["etcd-servers"])) {
        return Fact::known(false, source);
    }
    Fact::unreadable(source, "tell whether RKE2 gives kube-apiserver an audit policy: its manifest is not recorded")
}

/// The reason why a missing flag says nothing: without --etcd-servers no API
/// server starts, so that a command line that lacks it was not recorded whole.
pub(super) fn excerpt(earlier: &Facts) -> Option<Fact> {
    // k3s and RKE2 give the flags that they do not show.
    if earlier.text("k3s.distribution").is_some() {
        return None;
    }
    let flags = earlier.get("control_plane.flags")?;
    if flags.list()?.iter().any(|flag| is_flag(flag, &["etcd-servers"])) {
        return None;
    }
    let source = flags.source().cloned().unwrap_or_else(|| Source::default_of(NAME));
    Some(Fact::unreadable(
        source,
        "tell what kube-apiserver is not given: its command line lacks --etcd-servers, without which it does not start, so it is not all of it",
    ))
}

fn is_flag(flag: &Fact, names: &[&str]) -> bool {
    let text = |member: &str| flag.member(member).and_then(Fact::text);
    text("component") == Some(NAME) && text("name").is_some_and(|name| names.contains(&name))
}
