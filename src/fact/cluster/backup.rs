//! What saves etcd, as far as the API shows it: cron jobs that take snapshots,
//! and the programs that back up whole clusters.
//!
//! A timer on a node, or a job of another system, is not seen here.

use super::image::Image;
use super::resource::{CRON_JOBS, DEPLOYMENTS};
use super::{Collector, Element, Lists, Object, Reader, Request};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Json, Source};

pub(super) const COLLECTOR: Collector = Collector {
    name: "backup",
    facts: FACTS,
    requests: &[ALL_CRON_JOBS, ALL_DEPLOYMENTS],
    start: || Box::new(Backups::default()),
};

const ALL_CRON_JOBS: Request = Request::all(&CRON_JOBS);
const ALL_DEPLOYMENTS: Request = Request::all(&DEPLOYMENTS);

const BACKUP: Type = Type::Object(&[
    Field::new("name", Type::Text, "Name of the object."),
    Field::new("namespace", Type::Text, "Its namespace."),
    Field::new("subject", Type::Map(&Type::Text), "Its identity, for `subject`."),
    Field::new("image", Type::Text, "The image by which it was recognised."),
    Field::new("suspended", Type::Bool, "Whether it is a cron job that is suspended."),
]);

const FACTS: &[FactDoc] = &[FactDoc::new(
    "etcd_backups",
    Type::List(&BACKUP),
    "Cron jobs that take snapshots of etcd, and backup programs that run.",
)];

/// Repositories, by their last part, of programs that back clusters up.
const PROGRAMS: &[&str] =
    &["velero", "etcd-backup-restore", "backup-restore-operator", "k10", "executor-server", "etcd-operator"];

#[derive(Default)]
struct Backups {
    seen: Vec<Fact>,
}

impl Reader for Backups {
    fn see(&mut self, object: &Object<'_>) {
        let is_job = object.is(&CRON_JOBS);
        let spec = if is_job { "spec.jobTemplate.spec.template.spec" } else { "spec.template.spec" };
        for list in ["initContainers", "containers"] {
            for (at, container) in object.list(&format!("{spec}.{list}")).iter().enumerate() {
                let image = container.get("image").and_then(Json::as_str).unwrap_or_default();
                if is_backup(image, container, is_job) {
                    let place = object.source(format!(".{spec}.{list}[{at}].image"));
                    let suspended = match object.get("spec.suspend").and_then(Json::as_bool) {
                        Some(suspended) if is_job => Fact::known(suspended, object.source(".spec.suspend")),
                        _ => Fact::known(false, Source::default_of("CronJobSpec, suspend")),
                    };
                    let element = Element::of(object.reference())
                        .with("image", Fact::known(image, place))
                        .with("suspended", suspended);
                    self.seen.push(element.done());
                    return;
                }
            }
        }
    }

    fn finish(self: Box<Self>, lists: &Lists) -> Facts {
        let mut facts = Facts::default();
        facts.set("etcd_backups", lists.fact_with_gaps(&[&ALL_CRON_JOBS, &ALL_DEPLOYMENTS], self.seen));
        facts
    }
}

/// A program that is made for it, or a job that calls etcdctl or etcdutl to
/// save a snapshot.
fn is_backup(image: &str, container: &Json, is_job: bool) -> bool {
    let repository = Image::parse(image).repository;
    let program = repository.rsplit('/').next().unwrap_or_default();
    if PROGRAMS.contains(&program) || program.contains("etcd-backup") || program.contains("etcd-snapshot") {
        return true;
    }
    let words =
        ["command", "args"].iter().filter_map(|key| container.get(key)?.as_array()).flatten().filter_map(Json::as_str);
    let text = words.collect::<Vec<_>>().join(" ");
    is_job
        && text.contains("snapshot")
        && (text.contains("etcdctl") || text.contains("etcdutl") || text.contains("save") || text.contains("etcd"))
}

#[cfg(test)]
mod tests {
    use crate::fact::json::json;

    use super::*;

    #[test]
    fn a_job_that_saves_a_snapshot_is_a_backup() {
        let job = json!({"command": ["/bin/sh", "-c", "etcdctl --endpoints=$E snapshot save /backup/s.db"]});
        assert!(is_backup("registry.k8s.io/etcd:3.5.21-0", &job, true));
        assert!(is_backup("velero/velero:v1.16.0", &json!({}), false));
        let other = json!({"command": ["sh", "-c", "etcdctl endpoint health"]});
        assert!(!is_backup("registry.k8s.io/etcd:3.5.21-0", &other, true));
        assert!(!is_backup(
            "registry.k8s.io/sig-storage/snapshot-controller:v8.2.0",
            &json!({"args": ["--leader-election"]}),
            false
        ));
    }
}
