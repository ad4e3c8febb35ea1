//! What a disruption budget allows by its specification, whatever its pods are
//! doing at the moment (`PodDisruptionBudget` of policy/v1; the arithmetic is
//! that of the disruption controller: percentages round up).

use std::sync::Arc;

use super::selector::Selector;
use crate::fact::cluster::Object;
use crate::fact::{Json, ObjectReference};

/// A disruption budget, as far as a drain meets it.
pub(super) struct Budget {
    pub(super) reference: Arc<ObjectReference>,
    pub(super) selector: Selector,
    min_available: Option<Amount>,
    max_unavailable: Option<Amount>,
    pub(super) always_allows_unhealthy: bool,
    expected: Option<i64>,
    allowed: Option<i64>,
    healthy: Option<i64>,
    desired: Option<i64>,
    is_stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    Pods(i64),
    Percent(i64),
}

/// The pods that a budget selects and that an eviction would ask it about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Selected {
    /// Ready ones.
    pub(super) healthy: i64,
    /// Running, but not ready.
    pub(super) unhealthy: i64,
}

/// Whether a budget can ever allow an eviction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// It can, or there is nothing that it protects.
    Allows,
    /// Never, and why.
    Never(String),
    /// It cannot be told, and why.
    Unknown(String),
}

impl Budget {
    pub(super) fn read(object: &Object<'_>) -> Self {
        let amount = |path: &str| object.get(path).and_then(parse_amount);
        let number = |path: &str| object.get(path).and_then(Json::as_i64);
        let is_beta = object.reference().api_version == "policy/v1beta1";
        Budget {
            reference: Arc::clone(object.reference()),
            selector: Selector::read(object.get("spec.selector"), is_beta),
            min_available: amount("spec.minAvailable"),
            max_unavailable: amount("spec.maxUnavailable"),
            always_allows_unhealthy: object.text("spec.unhealthyPodEvictionPolicy") == Some("AlwaysAllow"),
            expected: number("status.expectedPods"),
            allowed: number("status.disruptionsAllowed"),
            healthy: number("status.currentHealthy"),
            desired: number("status.desiredHealthy"),
            is_stale: number("status.observedGeneration")
                .zip(number("metadata.generation"))
                .is_some_and(|(observed, present)| observed < present),
        }
    }

    /// Judges it by its specification and the pods that it selects; none where
    /// pods were not read.
    pub(super) fn answer(&self, pods: Option<Selected>) -> Answer {
        let counted = pods.map(|pods| pods.healthy + pods.unhealthy);
        if counted == Some(0) || (counted.is_none() && self.expected == Some(0)) {
            return Answer::Allows;
        }
        if self.is_stale {
            return Answer::Unknown("its status is older than its specification".to_owned());
        }
        if self.allowed.is_some_and(|allowed| allowed > 0) {
            return Answer::Allows;
        }
        let expected = self.expected.filter(|expected| *expected > 0).or(counted);
        let why = match (self.max_unavailable, self.min_available) {
            (Some(Amount::Pods(max) | Amount::Percent(max)), _) if max <= 0 => "maxUnavailable is 0".to_owned(),
            (Some(_), _) => return Answer::Allows,
            (None, Some(Amount::Percent(percent))) if percent >= 100 => format!("minAvailable is {percent}%"),
            (None, Some(amount)) => {
                let Some(expected) = expected else {
                    return Answer::Unknown("neither its status nor its pods tell how many pods it expects".to_owned());
                };
                let needed = match amount {
                    Amount::Pods(pods) => pods,
                    Amount::Percent(percent) => (percent.saturating_mul(expected) + 99) / 100,
                };
                if needed < expected {
                    return Answer::Allows;
                }
                format!("minAvailable asks for {needed} of {expected} pods")
            }
            // Nothing set means minAvailable 1.
            (None, None) => match expected {
                Some(1) => "one pod is the least that it keeps, and there is one".to_owned(),
                _ => return Answer::Allows,
            },
        };
        if counted.is_none() && self.expected.is_none() {
            return Answer::Unknown("neither its status nor its pods tell how many pods it protects".to_owned());
        }
        // Pods that are not ready may be evicted: always with AlwaysAllow, else while enough others are ready.
        let guards_ready_pods = pods.is_none_or(|pods| pods.healthy > 0);
        let frees_unready = self.always_allows_unhealthy
            || self.healthy.zip(self.desired).is_some_and(|(healthy, desired)| healthy >= desired && desired > 0);
        if !guards_ready_pods && frees_unready { Answer::Allows } else { Answer::Never(why) }
    }
}

fn parse_amount(json: &Json) -> Option<Amount> {
    match json {
        Json::Number(number) => number.as_i64().map(Amount::Pods),
        Json::String(text) => match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok().map(Amount::Percent),
            None => text.trim().parse().ok().map(Amount::Pods),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::Request;
    use crate::fact::cluster::resource::PODS;
    use crate::fact::json::json;

    const REQUEST: Request = Request::all(&PODS);

    fn answer(spec: &Json, status: &Json, healthy: i64, unhealthy: i64) -> Answer {
        let json = json!({"metadata": {"name": "web", "generation": 2}, "spec": spec, "status": status});
        Budget::read(&Object::new(&REQUEST, &json)).answer(Some(Selected { healthy, unhealthy }))
    }

    fn is_never(spec: &Json, healthy: i64) -> bool {
        matches!(answer(spec, &json!({"disruptionsAllowed": 0}), healthy, 0), Answer::Never(_))
    }

    #[test]
    fn a_budget_that_is_zero_by_its_specification_blocks() {
        assert!(is_never(&json!({"maxUnavailable": 0}), 3));
        assert!(is_never(&json!({"maxUnavailable": "0%"}), 3));
        assert!(is_never(&json!({"minAvailable": "100%"}), 3));
        assert!(is_never(&json!({"minAvailable": 1}), 1));
        assert!(is_never(&json!({"minAvailable": 3}), 3));
        // 34 % of 2 rounds up to 1, 51 % to 2.
        assert!(!is_never(&json!({"minAvailable": "34%"}), 2));
        assert!(is_never(&json!({"minAvailable": "51%"}), 2));
        // 1 % of 3 rounds up to one pod that may go.
        assert!(!is_never(&json!({"maxUnavailable": "1%"}), 3));
    }

    #[test]
    fn a_budget_that_is_zero_only_now_does_not() {
        assert_eq!(
            answer(&json!({"minAvailable": 2}), &json!({"disruptionsAllowed": 0, "expectedPods": 3}), 2, 1),
            Answer::Allows
        );
        assert_eq!(answer(&json!({"maxUnavailable": 0}), &json!({}), 0, 0), Answer::Allows, "it protects nothing");
    }

    #[test]
    fn pods_that_are_not_ready_may_be_evicted_where_the_policy_says_so() {
        let always = json!({"maxUnavailable": 0, "unhealthyPodEvictionPolicy": "AlwaysAllow"});
        assert_eq!(answer(&always, &json!({"expectedPods": 2}), 0, 2), Answer::Allows);
        assert!(matches!(answer(&json!({"maxUnavailable": 0}), &json!({"expectedPods": 2}), 0, 2), Answer::Never(_)));
    }

    #[test]
    fn a_status_that_lags_behind_tells_nothing() {
        let stale = json!({"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 3});
        assert!(matches!(answer(&json!({"maxUnavailable": 0}), &stale, 3, 0), Answer::Unknown(_)));
    }
}
