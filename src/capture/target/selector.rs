//! Selectors of labels, as `kubectl -l` takes them
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>).

use std::collections::BTreeMap;

/// All requirements must be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    /// None: that there is a label of the key.
    values: Option<Vec<String>>,
    is_negated: bool,
}

impl Selector {
    /// Reads `app=web,tier!=db,env in (a,b),env notin (c),key,!key`.
    ///
    /// # Errors
    /// If a requirement is of no such form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let requirements =
            split(text).into_iter().map(|part| requirement(part.trim())).collect::<Result<Vec<_>, _>>()?;
        if requirements.is_empty() {
            return Err("a selector of labels is empty".to_owned());
        }
        Ok(Selector { requirements })
    }

    /// Whether labels meet all requirements.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| {
            let has = labels.get(&requirement.key);
            let is_met = match &requirement.values {
                Some(values) => has.is_some_and(|value| values.contains(value)),
                None => has.is_some(),
            };
            is_met != requirement.is_negated
        })
    }
}

/// Parts between commas that stand in no parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let parts = text.split(|character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    parts.filter(|part| !part.trim().is_empty()).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let wrong = || format!("{text} selects no labels; write app=web, app!=web, app in (web,api), app or !app");
    let is_word =
        |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'));
    let of = |key: &str, values: Option<Vec<&str>>, is_negated| {
        let key = key.trim();
        let values = values.map(|values| values.into_iter().map(str::trim).collect::<Vec<_>>());
        let is_right = !key.is_empty() && is_word(key) && values.iter().flatten().all(|value| is_word(value));
        let values = values.map(|values| values.into_iter().map(str::to_owned).collect());
        is_right.then(|| Requirement { key: key.to_owned(), values, is_negated }).ok_or_else(wrong)
    };
    if let Some((key, list)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let key = key.trim();
        let values = Some(list.split(',').collect());
        return match (key.strip_suffix(" notin"), key.strip_suffix(" in")) {
            (Some(key), _) => of(key, values, true),
            (None, Some(key)) => of(key, values, false),
            (None, None) => Err(wrong()),
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return of(key, Some(vec![value]), true);
    }
    if let Some((key, value)) = text.split_once('=') {
        return of(key, Some(vec![value.strip_prefix('=').unwrap_or(value)]), false);
    }
    match text.strip_prefix('!') {
        Some(key) => of(key, None, true),
        None => of(text, None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_those_of_kubectl() {
        let labels: BTreeMap<_, _> = [("app", "web"), ("tier", "front"), ("app.kubernetes.io/name", "web")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let matches = |text: &str| Selector::parse(text).unwrap().matches(&labels);
        for right in [
            "app=web",
            "app==web",
            "app=web,tier=front",
            "app!=db",
            "none!=x",
            "app in (db, web)",
            "app notin (db)",
            "none notin (x)",
            "tier",
            "!none",
            "app.kubernetes.io/name=web",
        ] {
            assert!(matches(right), "{right}");
        }
        for wrong in ["app=db", "app=web,tier=back", "app!=web", "app in (db)", "app notin (web,db)", "none", "!tier"] {
            assert!(!matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_selects_nothing_is_refused() {
        for wrong in ["", ",", "=web", "app=(", "app within (a)", "app=a b", "!"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
