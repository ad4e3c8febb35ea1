//! Applies one rule to facts.

use serde::{Deserialize, Serialize};

use crate::fact::Source;

/// A fact that a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The fact's path, such as `kubelet.cgroup_driver`.
    pub fact: String,
    /// Its value; null where it is absent or unreadable.
    pub value: serde_json::Value,
    /// Where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why it could not be read, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}
