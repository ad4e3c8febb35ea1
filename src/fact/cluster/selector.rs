//! Label selectors.
//!
//! Source: `LabelSelector` of meta/v1,
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use crate::fact::Json;
use std::collections::BTreeMap;

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// The labels of an object's metadata.
pub(super) fn labels(json: Option<&Json>) -> Labels {
    let members = json.and_then(Json::as_object).into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned()))).collect()
}

/// Whether a selector selects an object of these labels; one that is missing
/// or empty selects every object.
pub(super) fn selects(selector: Option<&Json>, labels: &Labels) -> bool {
    let Some(selector) = selector else { return true };
    let wanted = selector.get("matchLabels").and_then(Json::as_object).into_iter().flatten();
    let has_all = wanted.into_iter().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    let expressions = selector.get("matchExpressions").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    has_all && expressions.iter().all(|expression| holds(expression, labels))
}

fn holds(expression: &Json, labels: &Labels) -> bool {
    let key = expression.get("key").and_then(Json::as_str).unwrap_or_default();
    let own = labels.get(key);
    let values = expression.get("values").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let is_among = own.is_some_and(|own| values.iter().any(|value| value.as_str() == Some(own)));
    match expression.get("operator").and_then(Json::as_str).unwrap_or_default() {
        "In" => is_among,
        "NotIn" => !is_among,
        "Exists" => own.is_some(),
        "DoesNotExist" => own.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_by_labels_and_expressions() {
        let system = labels(Some(&crate::fact::json::json!({"kubernetes.io/metadata.name": "kube-system"})));
        let told = [
            (crate::fact::json::json!({}), true),
            (crate::fact::json::json!({"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}), true),
            (crate::fact::json::json!({"matchLabels": {"inject": "yes"}}), false),
            (
                crate::fact::json::json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}]}),
                false,
            ),
            (
                crate::fact::json::json!({"matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]}),
                true,
            ),
            (crate::fact::json::json!({"matchExpressions": [{"key": "inject", "operator": "Exists"}]}), false),
        ];
        for (selector, expected) in told {
            assert_eq!(selects(Some(&selector), &system), expected, "{selector}");
        }
        assert!(selects(None, &system));
    }
}
