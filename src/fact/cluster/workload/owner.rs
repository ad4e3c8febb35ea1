//! Who a pod belongs to in the end.
//!
//! Source: `metadata.ownerReferences`, of which one is the controller. A
//! replica set's name ends with the label `pod-template-hash` of its pods,
//! which tells its deployment where the replica set itself was not read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fact::cluster::Object;
use crate::fact::{Json, ObjectReference};

/// The controller of an object, in the same namespace.
pub(in crate::fact::cluster) fn controller(object: &Object<'_>) -> Option<ObjectReference> {
    let owners = object.list("metadata.ownerReferences");
    let is_controller = |owner: &&Json| owner.get("controller").and_then(Json::as_bool) == Some(true);
    let owner = owners.iter().find(is_controller).or(match owners {
        [only] => Some(only),
        _ => None,
    })?;
    let text = |key: &str| owner.get(key).and_then(Json::as_str).map(str::to_owned);
    Some(ObjectReference {
        api_version: text("apiVersion")?,
        kind: text("kind")?,
        namespace: object.namespace().map(str::to_owned),
        name: text("name")?,
    })
}

/// What stands between pods and their topmost owners: replica sets and jobs,
/// with their controllers, if they have one.
#[derive(Default)]
pub(in crate::fact::cluster) struct Owners {
    controllers: BTreeMap<Key, Option<ObjectReference>>,
}

/// Kind, namespace and name.
pub(super) type Key = (String, String, String);

/// What an object is found by.
pub(super) fn key(reference: &ObjectReference) -> Key {
    (reference.kind.clone(), reference.namespace.clone().unwrap_or_default(), reference.name.clone())
}

impl Owners {
    /// Takes a replica set or a job.
    pub(in crate::fact::cluster) fn see(&mut self, object: &Object<'_>) {
        self.controllers.insert(key(object.reference()), controller(object));
    }

    /// The topmost owner of pods whose controller is given, and whose label
    /// `pod-template-hash` is. A kind that is not known here is not climbed.
    pub(in crate::fact::cluster) fn topmost(
        &self,
        owner: &ObjectReference,
        hash: Option<&str>,
    ) -> Arc<ObjectReference> {
        if !matches!(owner.kind.as_str(), "ReplicaSet" | "Job") {
            return Arc::new(owner.clone());
        }
        let topmost = match self.controllers.get(&key(owner)) {
            // A job that a workflow engine made is a workload of its own.
            Some(Some(above)) if owner.kind == "ReplicaSet" || above.kind == "CronJob" => above.clone(),
            Some(_) => owner.clone(),
            None => deployment(owner, hash).unwrap_or_else(|| owner.clone()),
        };
        Arc::new(topmost)
    }
}

/// The deployment of a replica set that was not read.
fn deployment(owner: &ObjectReference, hash: Option<&str>) -> Option<ObjectReference> {
    let name = owner.name.strip_suffix(hash?)?.strip_suffix('-')?;
    let is_made_by_deployment = owner.kind == "ReplicaSet" && !name.is_empty();
    is_made_by_deployment.then(|| ObjectReference {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: owner.namespace.clone(),
        name: name.to_owned(),
    })
}
