//! Label selectors (`metav1.LabelSelector`,
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>).

use crate::fact::Json;
use std::collections::BTreeMap;

/// Which labels are selected.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    requirements: Vec<Requirement>,
    /// An empty selector selects everything, a missing one nothing.
    selects_nothing: bool,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

impl Selector {
    /// Reads a selector; none where it is missing. Of policy/v1beta1 an empty
    /// one selected nothing.
    pub(super) fn read(json: Option<&Json>, is_empty_nothing: bool) -> Self {
        let Some(json) = json else { return Selector { requirements: Vec::new(), selects_nothing: true } };
        let mut requirements = Vec::new();
        for (key, value) in json.get("matchLabels").and_then(Json::as_object).into_iter().flatten() {
            let values = value.as_str().map(str::to_owned).into_iter().collect();
            requirements.push(Requirement { key: key.to_owned(), operator: "In".to_owned(), values });
        }
        for expression in json.get("matchExpressions").and_then(Json::as_array).into_iter().flatten() {
            let text = |key: &str| expression.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            let values = expression.get("values").and_then(Json::as_array).into_iter().flatten();
            let values = values.filter_map(Json::as_str).map(str::to_owned).collect();
            requirements.push(Requirement { key: text("key"), operator: text("operator"), values });
        }
        let selects_nothing = is_empty_nothing && requirements.is_empty();
        Selector { requirements, selects_nothing }
    }

    /// Whether it selects an object with these labels.
    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.selects_nothing
            && self.requirements.iter().all(|requirement| {
                let own = labels.get(&requirement.key);
                let is_listed = own.is_some_and(|own| requirement.values.contains(own));
                match requirement.operator.as_str() {
                    "In" => is_listed,
                    "NotIn" => !is_listed,
                    "Exists" => own.is_some(),
                    "DoesNotExist" => own.is_none(),
                    _ => false,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::json::json;

    fn selects(selector: &Json, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Selector::read(Some(selector), false).selects(&labels)
    }

    #[test]
    fn labels_and_expressions_all_hold() {
        let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["test"]}, {"key": "old", "operator": "DoesNotExist"}]});
        assert!(selects(&selector, &[("app", "web")]));
        assert!(!selects(&selector, &[("app", "web"), ("tier", "test")]));
        assert!(!selects(&selector, &[("app", "web"), ("old", "")]));
        assert!(!selects(&selector, &[("app", "db")]));
    }

    #[test]
    fn an_empty_selector_selects_all_in_v1_and_nothing_in_v1beta1() {
        assert!(selects(&json!({}), &[]));
        assert!(!Selector::read(Some(&json!({})), true).selects(&BTreeMap::new()));
        assert!(!Selector::read(None, false).selects(&BTreeMap::new()));
    }
}
