//! Encryption at rest, <https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/>:
//! the first provider of the first entry that holds Secrets writes them.

use super::Named;
use crate::fact::host::document::{self, Node};
use crate::fact::{Fact, Facts, Source};

pub(super) fn set(facts: &mut Facts, file: &Named, earlier: &Facts) {
    let (path, provider, encrypted) = match file {
        Named::No(why) => (why.clone(), why.clone(), without_flag(why, earlier)),
        Named::Unreadable { path, unreadable } => (path.clone(), unreadable.clone(), unreadable.clone()),
        Named::File { path, source, text } => match parse(text) {
            Ok(provider) => {
                let is_encrypted = provider.as_deref().is_some_and(|name| name != "identity");
                let provider = match provider {
                    Some(name) => Fact::known(name, source.clone()),
                    None => Fact::absent(source.clone()),
                };
                (path.clone(), provider, Fact::known(is_encrypted, source.clone()))
            }
            Err(why) => {
                let unreadable = Fact::unreadable(source.clone(), why);
                (path.clone(), unreadable.clone(), unreadable)
            }
        },
    };
    facts.set("encryption.config_path", path);
    facts.set(
        "encryption.uses_kms_v1",
        match file {
            Named::No(why) => why.clone(),
            Named::Unreadable { unreadable, .. } => unreadable.clone(),
            Named::File { source, text, .. } => match uses_kms_v1(text) {
                Ok(uses) => Fact::known(uses, source.clone()),
                Err(why) => Fact::unreadable(source.clone(), why),
            },
        },
    );
    facts.set("encryption.first_provider", provider);
    facts.set("encryption.secrets_are_encrypted", encrypted);
}

/// k3s has an option of its own, and RKE2 encrypts unless it is told not to.
fn without_flag(why: &Fact, earlier: &Facts) -> Fact {
    if matches!(why, Fact::Unreadable { .. }) {
        return why.clone();
    }
    match earlier.get("control_plane.has_apiserver") {
        Some(has) if has.bool() == Some(true) => {}
        Some(has) if has.bool().is_none() => return has.clone(),
        _ => return Fact::absent(Source::default_of("there is no API server here")),
    }
    let source =
        why.source().cloned().unwrap_or_else(|| Source::default_of("kube-apiserver, encryption-provider-config"));
    let Some(distribution) = earlier.text("k3s.distribution") else {
        return super::recording::excerpt(earlier).unwrap_or_else(|| Fact::known(false, source));
    };
    let Some(settings) = earlier.get("k3s.settings") else { return Fact::known(false, source) };
    let Some(list) = settings.list() else { return settings.clone() };
    let is_it = |setting: &&Fact| setting.member("name").and_then(Fact::text) == Some("secrets-encryption");
    match list.iter().rev().find(is_it) {
        Some(setting) => {
            let is_on = setting.member("value").and_then(Fact::text) == Some("true");
            Fact::known(is_on, setting.source().cloned().unwrap_or(source))
        }
        None => {
            Fact::known(distribution == "rke2", Source::default_of("https://docs.k3s.io/security/secrets-encryption"))
        }
    }
}

/// The provider that Secrets are written with; none where no entry holds them.
fn parse(text: &str) -> Result<Option<String>, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let is_it = |node: &&Node| node.get("kind").and_then(Node::text) == Some("EncryptionConfiguration");
    let is_old = |node: &&Node| node.get("kind").and_then(Node::text) == Some("EncryptionConfig");
    let configuration = documents
        .iter()
        .find(is_it)
        .or_else(|| documents.iter().find(is_old))
        .ok_or("it holds no EncryptionConfiguration")?;
    let entries = configuration.get("resources").map(Node::list).unwrap_or_default();
    let holds_secrets = |entry: &&Node| {
        let names = entry.get("resources").map(Node::list).unwrap_or_default();
        names.iter().filter_map(Node::text).any(|name| matches!(name, "secrets" | "*." | "*.*"))
    };
    let Some(entry) = entries.iter().find(holds_secrets) else { return Ok(None) };
    let first = entry.get("providers").map(Node::list).unwrap_or_default().first();
    Ok(first.and_then(|provider| provider.members().first()).map(|(name, _)| name.clone()))
}

/// Whether any provider is a KMS plugin of the first version, which is what
/// one without `apiVersion` is.
fn uses_kms_v1(text: &str) -> Result<bool, String> {
    let documents = document::parse_yaml(text).map_err(|error| error.to_string())?;
    let is_v1 = |provider: &Node| {
        let kms = provider.get("kms");
        kms.is_some_and(|kms| matches!(kms.get("apiVersion").and_then(Node::text).unwrap_or_default(), "" | "v1"))
    };
    let entries = documents.iter().flat_map(|document| document.get("resources").map(Node::list).unwrap_or_default());
    Ok(entries.flat_map(|entry| entry.get("providers").map(Node::list).unwrap_or_default()).any(is_v1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(entries: &str) -> Option<String> {
        let head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";
        parse(&format!("{head}{entries}")).expect("a configuration")
    }

    #[test]
    fn the_first_provider_writes() {
        let providers = |list: &str| format!("- resources: [secrets]\n  providers: {list}\n");
        assert_eq!(first(&providers("[{identity: {}}, {aescbc: {keys: []}}]")).as_deref(), Some("identity"));
        assert_eq!(first(&providers("[{kms: {apiVersion: v2}}, {identity: {}}]")).as_deref(), Some("kms"));
    }

    #[test]
    fn a_kms_plugin_without_a_version_is_of_the_first() {
        let uses = |kms: &str| {
            uses_kms_v1(&format!(
                "kind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers: [{{aescbc: {{keys: []}}}}, {{kms: {kms}}}]\n"
            ))
        };
        assert_eq!(uses("{name: a}"), Ok(true));
        assert_eq!(uses("{apiVersion: v1, name: a}"), Ok(true));
        assert_eq!(uses("{apiVersion: v2, name: a}"), Ok(false));
        assert_eq!(uses_kms_v1("kind: EncryptionConfiguration\n"), Ok(false));
    }

    #[test]
    fn a_wildcard_holds_secrets_and_other_resources_do_not() {
        assert_eq!(first("- resources: [configmaps]\n  providers: [{secretbox: {}}]\n"), None);
        assert_eq!(first("- resources: ['*.*']\n  providers: [{secretbox: {}}]\n").as_deref(), Some("secretbox"));
        assert!(parse("kind: Pod\n").is_err());
    }
}
