//! What the state of a pod says: whether it runs, may still start, or never will.

use serde_json::Value as Json;

use super::api::{elements, text};

/// How far a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its container runs.
    Running,
    /// It may start; with what it waits for.
    Starting(String),
    /// It will not run, or not any more; with the reason.
    Over(String),
}

/// Reasons of a container that waits, and will wait for ever without help.
const HOPELESS: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
];

/// Reason and message of a state or condition, as far as there are any.
pub(super) fn said(of: &Json) -> String {
    let parts = [text(of, "/reason"), text(of, "/message").trim()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// How far a pod is with a container.
pub(super) fn state(pod: &Json, container: &str) -> State {
    if matches!(text(pod, "/status/phase"), "Failed" | "Succeeded") {
        return State::Over(end(pod));
    }
    if !text(pod, "/metadata/deletionTimestamp").is_empty() {
        return State::Over("somebody deletes it".to_owned());
    }
    let statuses = elements(pod, "/status/containerStatuses");
    let Some(status) = statuses.iter().find(|status| text(status, "/name") == container) else {
        return State::Starting("the kubelet has not taken it yet".to_owned());
    };
    if status.pointer("/state/running").is_some() {
        return State::Running;
    }
    if let Some(terminated) = status.pointer("/state/terminated") {
        return State::Over(terminated_text(terminated));
    }
    let waiting = status.pointer("/state/waiting").cloned().unwrap_or_default();
    let told = said(&waiting);
    if HOPELESS.contains(&text(&waiting, "/reason")) { State::Over(told) } else { State::Starting(told) }
}

/// Why a pod has ended.
fn end(pod: &Json) -> String {
    let own = said(pod.pointer("/status").unwrap_or(&Json::Null));
    if !own.is_empty() {
        // Evicted, DeadlineExceeded, OutOfcpu.
        return own;
    }
    let mut statuses = elements(pod, "/status/containerStatuses").iter();
    let terminated = statuses.find_map(|status| status.pointer("/state/terminated"));
    terminated.map_or_else(|| "it has ended".to_owned(), terminated_text)
}

fn terminated_text(terminated: &Json) -> String {
    let code = terminated.pointer("/exitCode").and_then(Json::as_i64);
    let code = code.map_or_else(|| "it has ended".to_owned(), |code| format!("it has ended with code {code}"));
    match said(terminated).as_str() {
        "" => code,
        told => format!("{code}: {told}"),
    }
}

/// Why nothing can be captured of a pod that is a target; none where it can.
pub(super) fn not_there(pod: &Json) -> Option<String> {
    if text(pod, "/spec/nodeName").is_empty() {
        let mut conditions = elements(pod, "/status/conditions").iter();
        let scheduled = conditions.find(|condition| text(condition, "/type") == "PodScheduled");
        let told = scheduled.map(said).filter(|told| !told.is_empty());
        return Some(
            told.map_or_else(|| "it is on no node yet".to_owned(), |told| format!("it is on no node yet: {told}")),
        );
    }
    match text(pod, "/status/phase") {
        "Failed" | "Succeeded" => Some(end(pod)),
        // Init containers use the network of a pod that is pending.
        "Pending" if text(pod, "/status/podIP").is_empty() => {
            Some("it has no network yet: the kubelet is about to start it".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn waiting(reason: &str, message: &str) -> Json {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        json!({"status": {"phase": "Pending", "containerStatuses": [{"name": "capture", "state": state}]}})
    }

    #[test]
    fn a_container_that_is_made_is_waited_for_and_one_without_an_image_is_not() {
        let state = |pod: &Json| state(pod, "capture");
        assert_eq!(state(&json!({})), State::Starting("the kubelet has not taken it yet".to_owned()));
        assert_eq!(state(&waiting("ContainerCreating", "")), State::Starting("ContainerCreating".to_owned()));
        let pull = waiting("ErrImagePull", "rpc error: not found");
        assert_eq!(state(&pull), State::Over("ErrImagePull: rpc error: not found".to_owned()));
        let running = json!({"status": {"phase": "Running", "containerStatuses": [{"name": "capture", "state": {"running": {}}}]}});
        assert_eq!(state(&running), State::Running);
    }

    #[test]
    fn a_pod_that_is_over_says_why() {
        let evicted = json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. "}});
        assert_eq!(
            state(&evicted, "capture"),
            State::Over("Evicted: The node was low on resource: memory.".to_owned())
        );
        let terminated = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: not found"}});
        let failed =
            json!({"status": {"phase": "Failed", "containerStatuses": [{"name": "capture", "state": terminated}]}});
        assert_eq!(
            state(&failed, "capture"),
            State::Over("it has ended with code 128: StartError: exec: not found".to_owned())
        );
    }

    #[test]
    fn a_target_must_be_on_a_node_and_have_a_network() {
        let unscheduled = json!({"status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]}});
        assert_eq!(
            not_there(&unscheduled).as_deref(),
            Some("it is on no node yet: Unschedulable: 0/3 nodes are available")
        );
        let pending = json!({"spec": {"nodeName": "a"}, "status": {"phase": "Pending"}});
        assert!(not_there(&pending).is_some());
        let init = json!({"spec": {"nodeName": "a"}, "status": {"phase": "Pending", "podIP": "10.0.0.7"}});
        assert_eq!(not_there(&init), None);
        let done = json!({"spec": {"nodeName": "a"}, "status": {"phase": "Succeeded"}});
        assert_eq!(not_there(&done).as_deref(), Some("it has ended"));
    }
}
