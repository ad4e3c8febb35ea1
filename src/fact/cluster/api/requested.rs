//! Deprecated APIs that someone requested since the API server started, by its
//! metric `apiserver_requested_deprecated_apis`, which is stable since 1.27
//! (<https://kubernetes.io/docs/reference/instrumentation/metrics/>).
//!
//! The gauge says no client and is never cleared; `apiserver_request_total`
//! counts the requests themselves, so that two scrapes tell whether they still
//! come. One API server answers for itself alone.
//!
//! Up to 1.21 the garbage collector of kube-controller-manager lists and
//! watches ingresses in every group that serves them, so the mark of
//! extensions/v1beta1 is set in each cluster, whatever its clients do.

use std::collections::{BTreeMap, BTreeSet};

use super::lifecycle;
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::cluster::{Collector, Listing, Lists, Object, Reader, Request};
use crate::fact::{Fact, Facts, ObjectReference, Source};

pub(in crate::fact::cluster) const COLLECTOR: Collector =
    Collector { name: "requested", facts: FACTS, requests: &[REQUEST], start: || Box::new(Requested::default()) };

const REQUEST: Request = Request::path("/metrics");

const REQUESTED: &[Field] = &[
    Field::new("name", Type::Text, "The API and resource, such as `batch/v1beta1 cronjobs`."),
    Field::new("api_version", Type::Text, "The API version."),
    Field::new("resource", Type::Text, "The resource, such as `cronjobs`."),
    Field::new("removed", Type::Text, "The first minor that no longer serves it; absent where none is known."),
    Field::new("replacement", Type::Text, "What serves the kind instead; absent where it is gone or not known."),
    Field::new(
        "is_of_a_client",
        Type::Bool,
        "Always true; unreadable where all may be requests of kube-controller-manager itself.",
    ),
    Field::new("requests", Type::Int, "How many requests this API server counted since its start."),
    Field::new(
        "recent",
        Type::Int,
        "How many came between two scrapes; absent where only one was made (--watch-requests).",
    ),
];

const FACTS: &[FactDoc] = &[FactDoc::new(
    "api.requests",
    Type::List(&Type::Object(REQUESTED)),
    "Deprecated APIs that someone requested since the API server started. Absent for files, which hold no metrics.",
)];

#[derive(Default)]
struct Requested {
    /// Group, version and resource, with the release that removes it.
    apis: BTreeMap<[String; 3], String>,
    totals: BTreeMap<[String; 3], i64>,
    /// Those that were asked for in another way than controllers watch.
    used: BTreeSet<[String; 3]>,
}

impl Reader for Requested {
    fn see(&mut self, object: &Object<'_>) {
        for line in object.json.as_str().unwrap_or_default().lines() {
            self.line(line);
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        let source = Source::default_of("/metrics of the API server");
        facts.set(
            "api.requests",
            match lists.of(&REQUEST) {
                Listing::Complete => Fact::group(self.elements()),
                Listing::NotRecorded(_) => Fact::absent(source),
                Listing::NotServed => Fact::unreadable(source, "get /metrics: the API server has no metrics"),
                Listing::Unreadable(reason) => Fact::unreadable(source, reason.clone()),
            },
        );
        facts
    }
}

impl Requested {
    fn line(&mut self, line: &str) {
        let is_gauge = line.starts_with("apiserver_requested_deprecated_apis{");
        if !is_gauge && !line.starts_with("apiserver_request_total{") {
            return;
        }
        let Some((labels, value)) = parse_sample(line) else { return };
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let key = [label("group"), label("version"), label("resource")];
        if !is_gauge {
            // Counters are written as floats: 1.234e+06.
            #[expect(clippy::cast_possible_truncation, reason = "a count of requests; what is lost is a fraction")]
            let count = value.clamp(0.0, 9e15) as i64;
            let watches = matches!(label("verb").as_str(), "LIST" | "WATCH") && label("scope") == "cluster";
            if !watches && count > 0 {
                self.used.insert(key.clone());
            }
            *self.totals.entry(key).or_default() += count;
        // Evictions of policy/v1beta1 are still accepted.
        } else if value > 0.0 && label("subresource") != "eviction" {
            self.apis.insert(key, label("removed_release"));
        }
    }

    fn elements(self) -> Vec<Fact> {
        let Requested { apis, totals, used } = self;
        let element = |(key, release): ([String; 3], String)| {
            let total = totals.get(&key).copied();
            let is_of_a_client = !is_watched_by_kubernetes(&key) || used.contains(&key);
            let [group, version, resource] = key;
            let api_version = if group.is_empty() { version } else { format!("{group}/{version}") };
            let known = lifecycle::find_resource(&api_version, &resource).map(|(_, api)| api);
            let removed = Some(release).filter(|release| !release.is_empty());
            let removed = removed.or_else(|| known.and_then(|api| api.removed.clone()));
            let metric = ObjectReference {
                api_version: String::new(),
                kind: "metric".to_owned(),
                namespace: None,
                name: "apiserver_requested_deprecated_apis".to_owned(),
            }
            .into();
            let source = || Source::object(&metric, "/metrics");
            let optional =
                |text: Option<String>| text.map_or(Fact::Absent { source: None }, |text| Fact::known(text, source()));
            let members = BTreeMap::from(
                [
                    ("name", Fact::known(format!("{api_version} {resource}"), source())),
                    ("api_version", Fact::known(api_version, source())),
                    ("resource", Fact::known(resource, source())),
                    ("removed", optional(removed)),
                    ("replacement", optional(known.and_then(|api| api.replacement.clone()))),
                    (
                        "is_of_a_client",
                        if is_of_a_client {
                            Fact::known(true, source())
                        } else {
                            Fact::unreadable(source(), OWN_WATCH)
                        },
                    ),
                    ("requests", total.map_or(Fact::Absent { source: None }, |total| Fact::known(total, source()))),
                    ("recent", Fact::Absent { source: None }),
                ]
                .map(|(name, fact)| (name.to_owned(), fact)),
            );
            Fact::group(members)
        };
        apis.into_iter().map(element).collect()
    }
}

const OWN_WATCH: &str = "kube-controller-manager watches extensions/v1beta1 ingresses itself up to 1.21, and only such \
                         requests were counted: whether a client makes them too, the audit log tells (userAgent)";

/// Whether Kubernetes itself asks for it in each cluster: kinds that two
/// groups serve have the garbage collector watch both.
fn is_watched_by_kubernetes([group, version, resource]: &[String; 3]) -> bool {
    group == "extensions" && version == "v1beta1" && resource == "ingresses"
}

/// Puts into the first scrape how many requests came until the second.
pub fn compare(first: &mut Fact, second: &Fact) {
    let later: BTreeMap<String, i64> = second
        .list()
        .unwrap_or_default()
        .iter()
        .filter_map(|api| Some((api.member("name")?.text()?.to_owned(), api.member("requests")?.int()?)))
        .collect();
    let Fact::Known { value: crate::fact::Value::List(apis), .. } = first else { return };
    for api in apis {
        let Fact::Known { value: crate::fact::Value::Map(members), .. } = api else { continue };
        let before = members.get("requests").and_then(Fact::int);
        let after = members.get("name").and_then(Fact::text).and_then(|name| later.get(name)).copied();
        // A count that fell is that of a server which was started anew, or of another one.
        if let Some((before, after)) = before.zip(after).filter(|(before, after)| after >= before) {
            let source = Source::default_of("two scrapes of apiserver_request_total");
            members.insert("recent".to_owned(), Fact::known(after - before, source));
        }
    }
}

/// The labels and the value of one line in the text format of Prometheus
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
fn parse_sample(line: &str) -> Option<(BTreeMap<String, String>, f64)> {
    let mut labels = BTreeMap::new();
    let mut rest = line.split_once('{')?.1;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(characters.next()?.1),
                (_, character) => value.push(character),
            }
        };
        labels.insert(name.trim_matches([',', ' ']).to_owned(), value);
        rest = after.get(end + 1..)?;
        if rest.starts_with('}') {
            break;
        }
    }
    let value = rest.trim_start_matches('}').split_whitespace().next()?.parse().ok()?;
    Some((labels, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Json;

    const METRICS: &str = r#"# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="pods",subresource="eviction",version="v1beta1"} 1
apiserver_request_total{code="200",component="apiserver",group="batch",resource="cronjobs",scope="cluster",verb="LIST",version="v1beta1"} 1.2e+01
apiserver_request_total{code="200",component="apiserver",group="batch",resource="cronjobs",scope="cluster",verb="WATCH",version="v1beta1"} 3
"#;

    fn read(text: &str) -> Fact {
        let mut requested = Requested::default();
        requested.see(&Object::new(&REQUEST, &Json::from(text)));
        Fact::group(requested.elements())
    }

    #[test]
    fn the_gauge_names_the_api_and_the_release_that_removes_it() {
        let fact = read(METRICS);
        let apis = fact.list().unwrap();
        let shown: Vec<_> = apis
            .iter()
            .map(|api| (api.member("name").and_then(Fact::text), api.member("removed").and_then(Fact::text)))
            .collect();
        assert_eq!(shown, [(Some("v1 endpoints"), None), (Some("batch/v1beta1 cronjobs"), Some("1.25"))]);
        assert_eq!(apis[1].member("requests").and_then(Fact::int), Some(15));
    }

    #[test]
    fn what_the_controller_manager_watches_is_told_from_what_clients_do() {
        let gauge = "apiserver_requested_deprecated_apis{group=\"extensions\",removed_release=\"1.22\",resource=\"ingresses\",subresource=\"\",version=\"v1beta1\"} 1\n";
        let counted = |verb: &str, scope: &str| {
            format!(
                "{gauge}apiserver_request_total{{code=\"200\",group=\"extensions\",resource=\"ingresses\",scope=\"{scope}\",verb=\"{verb}\",version=\"v1beta1\"}} 4\n"
            )
        };
        let is_of_a_client = |text: &str| {
            let facts = read(text);
            facts.list().unwrap().first().unwrap().member("is_of_a_client").unwrap().clone()
        };
        assert!(matches!(is_of_a_client(&counted("LIST", "cluster")), Fact::Unreadable { .. }));
        assert!(matches!(is_of_a_client(gauge), Fact::Unreadable { .. }));
        for (verb, scope) in [("POST", "namespace"), ("LIST", "namespace"), ("GET", "resource")] {
            assert_eq!(is_of_a_client(&counted(verb, scope)).bool(), Some(true), "{verb}");
        }
    }

    #[test]
    fn two_scrapes_tell_whether_requests_still_come() {
        let mut first = read(METRICS);
        compare(&mut first, &read(&METRICS.replace("} 3", "} 5")));
        let recent = |fact: &Fact| fact.list().unwrap()[1].member("recent").and_then(Fact::int);
        assert_eq!(recent(&first), Some(2));
        let mut first = read(METRICS);
        compare(&mut first, &read(&METRICS.replace("} 3", "} 1")));
        assert_eq!(recent(&first), None, "another server answered");
    }

    #[test]
    fn lines_that_are_no_samples_are_passed_over() {
        for text in
            ["", "apiserver_requested_deprecated_apis{", "apiserver_requested_deprecated_apis{a=\"\\", "\u{0}{}"]
        {
            assert_eq!(read(text).list().map(<[Fact]>::len), Some(0), "{text}");
        }
    }
}
