//! Which APIs are deprecated or no longer served, from
//! `rules/data/api-lifecycle.yaml`, which names its sources.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../../rules/data/api-lifecycle.yaml");

#[derive(Debug, Default, Deserialize)]
struct Table {
    reaches: String,
    apis: BTreeMap<String, Api>,
}

/// What becomes of one kind of one API version.
#[derive(Debug, Deserialize)]
pub struct Api {
    /// The first minor that calls it deprecated.
    pub deprecated: Option<String>,
    /// The first minor that no longer serves it.
    pub removed: Option<String>,
    /// The API version that serves the kind instead, with the kind if that
    /// changed; none where the kind is gone.
    pub replacement: Option<String>,
}

/// The newest minor that the table covers, such as `1.37`.
pub fn reaches() -> &'static str {
    &table().reaches
}

/// What becomes of a kind of an API version; none where nothing does.
pub fn find(api_version: &str, kind: &str) -> Option<&'static Api> {
    table().apis.get(&format!("{api_version}/{kind}"))
}

/// Whether objects end with that version instead of being served in another:
/// the kind is gone or became another one, or the version is alpha, whose
/// objects have to be deleted before.
pub fn has_no_successor(api_version: &str, api: &Api) -> bool {
    let is_alpha = api_version.rsplit('/').next().is_some_and(|version| version.contains("alpha"));
    api.removed.is_some() && (is_alpha || api.replacement.as_ref().is_none_or(|other| other.contains(' ')))
}

/// What becomes of every API version of a kind.
pub fn of_kind(kind: &str) -> impl Iterator<Item = (&'static str, &'static Api)> {
    let versions = move |(key, api): (&'static String, &'static Api)| {
        key.rsplit_once('/').filter(|(_, own)| *own == kind).map(|(version, _)| (version, api))
    };
    table().apis.iter().filter_map(versions)
}

/// The kinds that the table has.
#[cfg(test)]
pub(super) fn kinds() -> std::collections::BTreeSet<&'static str> {
    table().apis.keys().filter_map(|key| key.rsplit_once('/').map(|(_, kind)| kind)).collect()
}

/// What becomes of any kind whose name in paths is this, such as `ingresses`.
pub fn find_resource(api_version: &str, plural: &str) -> Option<(&'static str, &'static Api)> {
    let within = format!("{api_version}/");
    let rows = table().apis.range(within.clone()..).take_while(|(key, _)| key.starts_with(&within));
    rows.filter_map(|(key, api)| Some((key.strip_prefix(&within)?, api))).find(|(kind, _)| is_plural_of(plural, kind))
}

/// Whether a resource is named as the API names that of a kind.
fn is_plural_of(plural: &str, kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let stem = kind.strip_suffix('y').map(|stem| format!("{stem}ies"));
    plural == format!("{kind}s") || plural == format!("{kind}es") || stem.is_some_and(|stem| plural == stem)
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    // A test reads the file that is compiled in.
    READ.get_or_init(|| serde_saphyr::from_str(TABLE).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::version::Version;

    #[test]
    fn every_row_of_the_table_can_be_compared() {
        assert!(Version::parse(reaches()).is_some());
        assert!(table().apis.len() > 100, "{}", table().apis.len());
        for (key, api) in &table().apis {
            assert!(api.deprecated.is_some() || api.removed.is_some(), "{key} says nothing");
            for minor in api.deprecated.iter().chain(&api.removed) {
                assert!(minor.starts_with("1.") && Version::parse(minor).is_some(), "{key}: {minor}");
            }
        }
    }

    #[test]
    fn the_code_holds_where_notes_and_peers_disagree() {
        let removed = |api_version, kind| find(api_version, kind).and_then(|api| api.removed.as_deref());
        assert_eq!(removed("resource.k8s.io/v1beta1", "ResourceClaim"), Some("1.38"));
        assert_eq!(removed("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema"), Some("1.26"));
        assert_eq!(removed("policy/v1beta1", "PodDisruptionBudget"), Some("1.25"));
        assert_eq!(removed("v1", "Endpoints"), None);
        assert!(find("policy/v1beta1", "Eviction").is_none(), "still accepted in 1.36.2");
        assert!(find("apps/v1", "Deployment").is_none());
    }

    #[test]
    fn a_resource_is_found_by_its_plural() {
        let kind = |api_version, plural| find_resource(api_version, plural).map(|(kind, _)| kind);
        assert_eq!(kind("networking.k8s.io/v1beta1", "ingresses"), Some("Ingress"));
        assert_eq!(kind("policy/v1beta1", "podsecuritypolicies"), Some("PodSecurityPolicy"));
        assert_eq!(kind("batch/v1beta1", "cronjobs"), Some("CronJob"));
        assert_eq!(kind("batch/v1", "cronjobs"), None);
    }
}
