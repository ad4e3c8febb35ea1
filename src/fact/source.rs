//! Where a fact was read: a file and line, a CRI call, an API object, or the
//! documentation of a default.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The place that a fact was read from, in the four forms of the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// A Kubernetes object. It stands before files, since both have a path and
    /// the first form that fits is taken when a source is read.
    Object {
        /// Which object; shared by all facts that were read from it.
        object: Arc<ObjectReference>,
        /// The field, as a JSONPath such as `.spec.podCIDR`.
        path: Cow<'static, str>,
    },
    /// A file of the host, by its path beneath the root.
    File {
        /// Absolute path as the host itself names it, never the scanner's.
        path: String,
        /// Line, counted from 1; none for a whole file, folder or link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    /// A call of the Container Runtime Interface.
    Cri {
        /// The method, such as `Status` or `RuntimeConfig`.
        cri: String,
    },
    /// Nothing is set, so the documented default holds.
    Default {
        /// Where the default is documented.
        default: String,
    },
}

/// The identity of a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectReference {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Namespace; none for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl Source {
    /// A file as a whole.
    pub fn file(path: impl Into<String>) -> Self {
        Source::File { path: path.into(), line: None }
    }

    /// A line of a file; lines are counted from 1.
    pub fn line(path: impl Into<String>, line: u32) -> Self {
        Source::File { path: path.into(), line: Some(line) }
    }

    /// A CRI call, by the name of its method.
    pub fn cri(method: impl Into<String>) -> Self {
        Source::Cri { cri: method.into() }
    }

    /// A field of a Kubernetes object, as a JSONPath such as `.spec.podCIDR`.
    pub fn object(object: &Arc<ObjectReference>, path: impl Into<Cow<'static, str>>) -> Self {
        Source::Object { object: Arc::clone(object), path: path.into() }
    }

    /// A documented default, by where it is documented.
    pub fn default_of(documented: impl Into<String>) -> Self {
        Source::Default { default: documented.into() }
    }
}
