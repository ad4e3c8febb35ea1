//! The URLs that etcd listens on and is reached by, and which of them speak
//! without TLS beyond this host.
//!
//! `--listen-metrics-urls` is left out: plain HTTP on the loopback is usual
//! there, and it serves no keys.

use super::DOCUMENTED;
use crate::fact::host::k3s::K3s;
use crate::fact::host::kubelet::{Flag, element, last};
use crate::fact::{Fact, Facts, Source};

/// Settings of a member that hold URLs.
const SETTINGS: &[&str] =
    &["listen-client-urls", "advertise-client-urls", "listen-peer-urls", "initial-advertise-peer-urls"];

/// Every URL of the member, of the API server here, and of k3s' data store.
pub(super) fn find_urls(settings: &[Flag], earlier: &Facts, k3s: Option<&K3s>) -> Vec<Fact> {
    let mut urls = Vec::new();
    for name in SETTINGS {
        if let Some(flag) = last(settings, name) {
            urls.extend(split(&flag.value).map(|url| fact(url, name, &flag.source)));
        }
    }
    for flag in earlier.get("control_plane.flags").and_then(Fact::list).unwrap_or_default() {
        if flag.member("name").and_then(Fact::text) == Some("etcd-servers")
            && let Some(value) = flag.member("value").and_then(Fact::text)
            && let Some(source) = flag.source()
        {
            urls.extend(split(value).map(|url| fact(url, "etcd-servers", source)));
        }
    }
    // Other data stores than etcd have schemes of their own, and passwords.
    if let Some(endpoint) = k3s.and_then(|k3s| k3s.setting("datastore-endpoint")) {
        let urls_of_etcd = split(&endpoint.value).filter(|url| url.starts_with("http"));
        urls.extend(urls_of_etcd.map(|url| fact(url, "datastore-endpoint", &endpoint.source)));
    }
    urls
}

/// Whether a list of listening URLs reaches beyond this host; the loopback
/// alone is the default.
pub(super) fn reach_beyond_host(settings: &[Flag], name: &str) -> Fact {
    match last(settings, name) {
        Some(flag) => Fact::known(split(&flag.value).any(|url| !is_local(url)), flag.source.clone()),
        None => Fact::known(false, Source::default_of(DOCUMENTED)),
    }
}

fn split(urls: &str) -> impl Iterator<Item = &str> {
    urls.split(',').map(str::trim).filter(|url| !url.is_empty())
}

fn fact(url: &str, setting: &str, source: &Source) -> Fact {
    let is_plaintext = url.starts_with("http://") && !is_local(url);
    let members = vec![
        ("url", Fact::known(without_credentials(url), source.clone())),
        ("setting", Fact::known(format!("--{setting}"), source.clone())),
        ("is_plaintext", Fact::known(is_plaintext, source.clone())),
    ];
    element(members, source)
}

fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

fn is_local(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    scheme.starts_with("unix")
        || host.starts_with("127.")
        || host.starts_with("[::1]")
        || host.split([':', '/']).next() == Some("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plaintext(url: &str) -> Option<bool> {
        fact(url, "listen-client-urls", &Source::file("/etc/systemd/system/etcd.service"))
            .member("is_plaintext")
            .and_then(Fact::bool)
    }

    #[test]
    fn only_http_that_leaves_the_host_is_plaintext() {
        for (url, expected) in [
            ("http://10.0.0.5:2379", true),
            ("http://0.0.0.0:2379", true),
            ("http://127.0.0.1:2379", false),
            ("http://[::1]:2379", false),
            ("http://localhost:2379", false),
            ("http://localhost.example.org:2379", true),
            ("https://10.0.0.5:2379", false),
            ("unix:///var/run/etcd.sock", false),
        ] {
            assert_eq!(plaintext(url), Some(expected), "{url}");
        }
    }

    #[test]
    fn credentials_in_a_url_never_become_a_value() {
        assert_eq!(without_credentials("http://root:s3cret@10.0.0.5:2379"), "http://10.0.0.5:2379");
    }
}
