//! Which versions of a resource the API server has: `/apis`, a list of groups
//! and their versions, and where none of a group's is known here, what those
//! hold (`/apis/GROUP/VERSION`). `/apis` is also the first thing that is
//! asked, so that a server that does not answer, or does not know who is
//! asking, is told as such.

use std::collections::BTreeMap;

use super::Fault;
use super::exchange::{Failure, Session, seconds};
use super::fault::Trouble;
use super::list::single;
use crate::fact::Json;
use crate::fact::cluster::Resource;

/// The API groups of a server; none where that is not to be seen.
#[derive(Debug, Default)]
pub(super) struct Served {
    groups: Option<BTreeMap<String, Vec<String>>>,
}

/// Asks a server for its groups.
pub(super) async fn ask(session: &Session, url: &str) -> Result<Served, Fault> {
    let url = url.to_owned();
    let bytes = match single(session, "/apis", "application/json").await {
        Ok(bytes) => bytes,
        Err(Failure::Status(status)) => match status.code {
            401 => return Err(Fault::Unauthorized { url, cause: status.message }),
            // Whoever may not see it may still see what it lists.
            403 => return Ok(Served::default()),
            code => return Err(Fault::Foreign { url, cause: format!("{code} {}", status.message) }),
        },
        Err(Failure::Bad(cause)) => return Err(Fault::Foreign { url, cause }),
        Err(Failure::Trouble(trouble)) => return Err(fault(url, trouble)),
        Err(Failure::Late(cause)) => return Err(Fault::TooLate { url, limit: seconds(session.limit), cause }),
    };
    let json: Option<Json> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match json.as_ref().and_then(parse_groups) {
        Some(groups) => Ok(Served { groups: Some(groups) }),
        None => Err(Fault::Foreign { url, cause: "it has no list of API groups at /apis".to_owned() }),
    }
}

fn fault(url: String, trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Untrusted(cause) => Fault::Untrusted { url, cause },
        Trouble::Credentials(cause) => Fault::Credentials { url, cause },
        Trouble::Unreachable(cause) | Trouble::Broken(cause) => Fault::Unreachable { url, cause },
    }
}

fn parse_groups(json: &Json) -> Option<BTreeMap<String, Vec<String>>> {
    let groups = json.get("groups")?.as_array()?.iter().filter_map(|group| {
        let versions = group.get("versions")?.as_array()?;
        let versions = versions.iter().filter_map(|version| version.get("version")?.as_str().map(str::to_owned));
        Some((group.get("name")?.as_str()?.to_owned(), versions.collect()))
    });
    Some(groups.collect())
}

impl Served {
    /// The versions of a resource to try, the best first; none where its group
    /// has none of them.
    pub(super) fn versions(&self, resource: &Resource) -> Vec<&'static str> {
        // `/apis` does not hold the core group, which is always there.
        let Some(groups) = self.groups.as_ref().filter(|_| !resource.group.is_empty()) else {
            return resource.versions.to_vec();
        };
        let Some(served) = groups.get(resource.group) else { return Vec::new() };
        resource.versions.iter().filter(|version| served.iter().any(|served| served == *version)).copied().collect()
    }

    /// The versions that a resource is served in where none of them is known.
    /// A group that is served in other versions need not hold it there: alpha
    /// kinds share their groups with kinds that everybody has.
    pub(super) async fn unknown_versions(
        &self,
        session: &Session,
        resource: &Resource,
    ) -> Result<Vec<String>, Failure> {
        let mut holding = Vec::new();
        let Some(versions) = self.groups.as_ref().and_then(|groups| groups.get(resource.group)) else {
            return Ok(holding);
        };
        for version in versions {
            let Some(bytes) =
                single(session, &format!("/apis/{}/{version}", resource.group), "application/json").await?
            else {
                continue;
            };
            let json: Option<Json> = serde_json::from_slice(&bytes).ok();
            let Some(names) = json.as_ref().and_then(parse_resources) else {
                return Err(Failure::Bad(format!("it has no list of resources at /apis/{}/{version}", resource.group)));
            };
            if names.contains(&resource.plural) {
                holding.push(version.clone());
            }
        }
        Ok(holding)
    }
}

/// The names of the resources that a version of a group has.
fn parse_resources(json: &Json) -> Option<Vec<&str>> {
    let resources = json.get("resources")?.as_array()?;
    Some(resources.iter().filter_map(|resource| resource.get("name")?.as_str()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::cluster::resource::{CRON_JOBS, PODS, STORAGE_CLASSES};

    fn served() -> Served {
        let json = serde_json::from_str(include_str!("../../../../fixtures/clusters/lab/apis.json")).unwrap();
        Served { groups: parse_groups(&json) }
    }

    #[test]
    fn a_recorded_list_of_groups_says_which_versions_to_ask_for() {
        assert_eq!(served().versions(&CRON_JOBS), ["v1"]);
        assert_eq!(served().versions(&PODS), ["v1"]);
        let absent = Resource { group: "example.org", ..STORAGE_CLASSES };
        assert!(served().versions(&absent).is_empty());
    }

    #[test]
    fn a_version_of_a_group_names_its_resources() {
        let json = r#"{"kind":"APIResourceList","groupVersion":"scheduling.k8s.io/v1","resources":[
            {"name":"priorityclasses","kind":"PriorityClass","namespaced":false,"verbs":["list"]}]}"#;
        assert_eq!(parse_resources(&serde_json::from_str(json).unwrap()), Some(vec!["priorityclasses"]));
        assert_eq!(parse_resources(&serde_json::from_str(r#"{"kind":"Status"}"#).unwrap()), None);
    }

    #[test]
    fn a_server_that_hides_its_groups_is_asked_for_every_version() {
        assert_eq!(Served::default().versions(&CRON_JOBS), ["v1", "v1beta1"]);
    }
}
