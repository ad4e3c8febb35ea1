//! What to capture: how targets are named, which pods and containers a name
//! means, and the namespace that belongs to them.
//!
//! Everything is found on the node itself. Owners are recognised by the labels
//! and names that their controllers give to pods, for the API server need not
//! answer.

mod owner;
mod resolve;
mod select;
mod selector;

use std::str::FromStr;

pub use owner::OwnerKind;
pub(super) use resolve::named_there;
pub use resolve::{Resolved, UseTarget, resolve};
pub use select::select;
pub use selector::Selector;

/// What to capture, as named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The node's own network.
    Node,
    /// The namespace of a process.
    Pid(u32),
    /// A namespace by its name, path or inode.
    Netns(String),
    /// A pod.
    Pod(Named),
    /// A container, by its name or the beginning of its identifier.
    Container(String),
    /// All pods of an owner.
    Owner(OwnerKind, Named),
    /// All pods with such labels, of a namespace or of all.
    Labels(Selector, Option<String>),
    /// Whatever has that name.
    Name(Named),
}

/// A name, in a namespace or in any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The namespace, where it was given.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// The forms of targets, for whoever named none.
pub const FORMS: &str = "pod/NAME [-n NAMESPACE], NAMESPACE/POD, container/NAME_OR_ID, deploy/NAME, sts/NAME, ds/NAME, \
                         -l LABELS, pid/NUMBER, netns/NAME_OR_PATH, node";

impl Target {
    /// Reads a target; `namespace` is that of `-n`.
    ///
    /// # Errors
    /// If it is of no known form.
    pub fn parse(text: &str, namespace: Option<&str>) -> Result<Self, String> {
        let unknown = || format!("{text} is no target; targets are: {FORMS}");
        let named = |rest: &str| {
            let (of, name) = rest.split_once('/').map_or((None, rest), |(of, name)| (Some(of), name));
            let is_whole = !name.is_empty() && !name.contains('/') && of.is_none_or(|of| !of.is_empty());
            let namespace = of.or(namespace).map(str::to_owned);
            is_whole.then(|| Named { namespace, name: name.to_owned() }).ok_or_else(unknown)
        };
        let Some((kind, rest)) = text.split_once('/') else {
            return match text {
                "" => Err(unknown()),
                "node" | "host" => Ok(Target::Node),
                name => named(name).map(Target::Name),
            };
        };
        if rest.is_empty() {
            return Err(unknown());
        }
        if let Ok(owner) = OwnerKind::from_str(kind) {
            return named(rest).map(|named| Target::Owner(owner, named));
        }
        match kind {
            "pod" | "pods" | "po" => named(rest).map(Target::Pod),
            "container" | "containers" => Ok(Target::Container(rest.to_owned())),
            "pid" => match rest.parse() {
                Ok(pid) if pid > 0 => Ok(Target::Pid(pid)),
                _ => Err(format!("{rest} is no number of a process")),
            },
            "netns" => Ok(Target::Netns(rest.to_owned())),
            // A path alone can only be that of a namespace.
            "" => Ok(Target::Netns(text.to_owned())),
            _ if namespace.is_some_and(|of| of != kind) => {
                Err(format!("{text} names the namespace {kind}, and -n {}", namespace.unwrap_or_default()))
            }
            _ => named(text).map(Target::Pod),
        }
    }

    /// Whether pods and containers must be known to find it.
    pub fn needs_workloads(&self) -> bool {
        !matches!(self, Target::Node | Target::Pid(_) | Target::Netns(_))
    }
}

/// `NAME` or `NAMESPACE/NAME`, as it was meant.
impl std::fmt::Display for Named {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{namespace}/{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(namespace: Option<&str>, name: &str) -> Named {
        Named { namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    #[test]
    fn targets_are_named_as_documented() {
        let parse = |text: &str| Target::parse(text, None).unwrap();
        assert_eq!(parse("node"), Target::Node);
        assert_eq!(parse("pod/web-0"), Target::Pod(named(None, "web-0")));
        assert_eq!(parse("pod/shop/web-0"), Target::Pod(named(Some("shop"), "web-0")));
        assert_eq!(parse("shop/web-0"), Target::Pod(named(Some("shop"), "web-0")));
        assert_eq!(parse("deploy/web"), Target::Owner(OwnerKind::Deployment, named(None, "web")));
        assert_eq!(parse("sts/shop/db"), Target::Owner(OwnerKind::StatefulSet, named(Some("shop"), "db")));
        assert_eq!(parse("container/9e1b"), Target::Container("9e1b".to_owned()));
        assert_eq!(parse("pid/812"), Target::Pid(812));
        assert_eq!(parse("netns/blue"), Target::Netns("blue".to_owned()));
        assert_eq!(parse("netns//proc/1/ns/net"), Target::Netns("/proc/1/ns/net".to_owned()));
        assert_eq!(parse("/run/netns/blue"), Target::Netns("/run/netns/blue".to_owned()));
        assert_eq!(parse("web-0"), Target::Name(named(None, "web-0")));
    }

    #[test]
    fn a_namespace_goes_with_every_name_that_has_none() {
        let parse = |text: &str| Target::parse(text, Some("shop"));
        assert_eq!(parse("pod/web-0"), Ok(Target::Pod(named(Some("shop"), "web-0"))));
        assert_eq!(parse("ds/proxy"), Ok(Target::Owner(OwnerKind::DaemonSet, named(Some("shop"), "proxy"))));
        assert_eq!(parse("shop/web-0"), Ok(Target::Pod(named(Some("shop"), "web-0"))));
        assert!(parse("other/web-0").is_err(), "two namespaces");
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_forms_there_are() {
        for wrong in ["", "pod/", "/", "a/b/c", "pid/0", "pid/x", "deploy/"] {
            assert!(Target::parse(wrong, None).is_err(), "{wrong:?}");
        }
        assert!(Target::parse("pod/", None).unwrap_err().contains("netns/NAME_OR_PATH"));
    }
}
