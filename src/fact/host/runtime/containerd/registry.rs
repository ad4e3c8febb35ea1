//! Registries: mirrors, hosts without verified TLS, credentials in files.
//!
//! In: effective settings, and the `hosts.toml` files beneath `config_path`.
//! Out: facts. A secret is never read into one; that it is there, is. Truth:
//! `docs/cri/registry.md` and `docs/hosts.md` of containerd.

use std::sync::Arc;

use crate::fact::host::document::parse_toml;
use crate::fact::host::root::{HostRoot, Outcome};
use crate::fact::{Fact, Source, Value};

use super::effective::Effective;
use super::facts::{group, list};
use super::property::Property;
use super::release::{Merging, Release};

/// The most folders of hosts that are looked into.
const MAX_HOSTS: usize = 1024;

/// The most folders that `config_path` is taken to name.
const MAX_FOLDERS: usize = 16;

/// Properties of `auth` tables that hold a secret.
const SECRETS: &[&str] = &["password", "auth", "identitytoken"];

/// `registry.config_path`, or the default of the release.
pub(super) fn config_path(effective: &Effective, release: Release) -> Fact {
    let registry = effective.images.as_ref().and_then(|section| section.get("registry"));
    let set = registry.and_then(|registry| registry.get("config_path")).filter(|path| path.filled_text().is_some());
    if let Some(path) = set {
        return path.fact(path.text().unwrap_or_default());
    }
    let has_mirrors = registry.and_then(|registry| registry.get("mirrors")).is_some_and(Property::is_set);
    match release.default_registry_path() {
        Some(path) if !has_mirrors => Fact::known(path, default_source()),
        _ => Fact::absent(default_source()),
    }
}

fn default_source() -> Source {
    Source::default_of("containerd docs/cri/config.md, registry.config_path")
}

/// `registry.mirrors`.
pub(super) fn mirrors(effective: &Effective) -> Fact {
    let mirrors = effective.images.as_ref().and_then(|section| section.at(&["registry", "mirrors"]));
    list(mirrors.and_then(Property::members).into_iter().flatten().map(|(host, mirror)| {
        let endpoints = mirror.get("endpoint").map(Property::elements).unwrap_or_default();
        let endpoints = endpoints.iter().filter_map(|url| Some(url.fact(without_credentials(url.text()?))));
        group([("host", mirror.fact(host.as_str())), ("endpoints", list(endpoints))])
    }))
}

/// Hosts without verified TLS: in the tables of this release, and in
/// `hosts.toml` files where `config_path` is used.
pub(super) fn insecure(root: &HostRoot, effective: &Effective, release: Release) -> Fact {
    let mut found = Vec::new();
    insecure_tables(effective, release, &mut found);
    if let Some(path) = config_path(effective, release).text() {
        for folder in path.split(':').filter(|folder| !folder.is_empty()).take(MAX_FOLDERS) {
            if let Err(reason) = insecure_hosts(root, folder, &mut found) {
                return Fact::unreadable(Source::file(folder), reason);
            }
        }
    }
    Fact::group(found)
}

fn insecure_tables(effective: &Effective, release: Release, found: &mut Vec<Fact>) {
    let Some(registry) = effective.images.as_ref().and_then(|section| section.get("registry")) else { return };
    for (_, mirror) in registry.get("mirrors").and_then(Property::members).into_iter().flatten() {
        for url in mirror.get("endpoint").map(Property::elements).unwrap_or_default() {
            if let Some(text) = url.text().filter(|text| is_plain_http(text)) {
                found.push(remark(host_of(text), "http", &url.source()));
            }
        }
    }
    // `configs.*.tls` is gone in 2.x: the registry is verified there, see the removed properties.
    if release.merging() != Merging::ReplaceSections {
        return;
    }
    for (host, settings) in registry.get("configs").and_then(Property::members).into_iter().flatten() {
        let skip = settings.at(&["tls", "insecure_skip_verify"]).filter(|skip| skip.bool() == Some(true));
        if let Some(skip) = skip {
            found.push(remark(host, "skip_verify", &skip.source()));
        }
    }
}

/// `<folder>/<host>/hosts.toml`: `server`, and `[host."url"]` tables.
fn insecure_hosts(root: &HostRoot, folder: &str, found: &mut Vec<Fact>) -> Result<(), String> {
    let names = match root.read_folder(folder) {
        Outcome::Found(names) => names,
        Outcome::Absent => return Ok(()),
        Outcome::Unreadable(reason) => return Err(reason),
    };
    for name in names.iter().take(MAX_HOSTS) {
        let path = format!("{folder}/{name}/hosts.toml");
        let Some(document) = read_hosts(root, &path)? else { continue };
        if let Some(server) = document.get("server")
            && let Some(url) = server.text().filter(|url| is_plain_http(url))
        {
            found.push(remark(host_of(url), "http", &server.source()));
        }
        if let Some(skip) = document.get("skip_verify").filter(|skip| skip.bool() == Some(true)) {
            let server = document.get("server").and_then(Property::text).unwrap_or(name);
            found.push(remark(host_of(server), "skip_verify", &skip.source()));
        }
        for (url, host) in document.get("host").and_then(Property::members).into_iter().flatten() {
            if is_plain_http(url) {
                found.push(remark(host_of(url), "http", &host.source()));
            }
            if let Some(skip) = host.get("skip_verify").filter(|skip| skip.bool() == Some(true)) {
                found.push(remark(host_of(url), "skip_verify", &skip.source()));
            }
        }
    }
    Ok(())
}

fn read_hosts(root: &HostRoot, path: &str) -> Result<Option<Property>, String> {
    match root.read_text(path) {
        Outcome::Found(text) => match parse_toml(&text) {
            Ok(node) => Ok(Some(Property::of(&node, &Arc::from(path)))),
            Err(fault) => Err(format!("read {path}: {fault}")),
        },
        Outcome::Absent => Ok(None),
        Outcome::Unreadable(reason) => Err(reason),
    }
}

/// Credentials in the tables and in the headers of `hosts.toml` files.
pub(super) fn credentials(root: &HostRoot, effective: &Effective, release: Release) -> Fact {
    let mut found = Vec::new();
    let registry = effective.images.as_ref().and_then(|section| section.get("registry"));
    let hosts = |name: &str| registry.and_then(|registry| registry.get(name)?.members()).into_iter().flatten();
    for (host, settings) in hosts("configs") {
        credentials_of(root, host, settings.get("auth"), &mut found);
    }
    for (host, auth) in hosts("auths") {
        credentials_of(root, host, Some(auth), &mut found);
    }
    if let Some(path) = config_path(effective, release).text() {
        for folder in path.split(':').filter(|folder| !folder.is_empty()).take(MAX_FOLDERS) {
            if let Err(reason) = credential_headers(root, folder, &mut found) {
                return Fact::unreadable(Source::file(folder), reason);
            }
        }
    }
    Fact::group(found)
}

fn credentials_of(root: &HostRoot, host: &str, auth: Option<&Property>, found: &mut Vec<Fact>) {
    for kind in SECRETS {
        if let Some(secret) = auth.and_then(|auth| auth.get(kind)).filter(|secret| secret.is_set()) {
            found.push(credential(root, host, kind, secret));
        }
    }
}

/// An `Authorization` header of a host is a credential too.
fn credential_headers(root: &HostRoot, folder: &str, found: &mut Vec<Fact>) -> Result<(), String> {
    let Outcome::Found(names) = root.read_folder(folder) else { return Ok(()) };
    for name in names.iter().take(MAX_HOSTS) {
        let Some(document) = read_hosts(root, &format!("{folder}/{name}/hosts.toml"))? else { continue };
        let hosts = document.get("host").and_then(Property::members).into_iter().flatten();
        for (url, host) in hosts {
            let headers = host.get("header").and_then(Property::members).into_iter().flatten();
            for (header, value) in headers {
                if header.eq_ignore_ascii_case("authorization") && value.is_set() {
                    found.push(credential(root, host_of(url), "header", value));
                }
            }
        }
    }
    Ok(())
}

fn credential(root: &HostRoot, host: &str, kind: &str, secret: &Property) -> Fact {
    let mode = match root.metadata(&secret.file) {
        Outcome::Found(metadata) => Fact::known(format!("{:04o}", metadata.mode & 0o7777), Source::file(&*secret.file)),
        Outcome::Absent => Fact::absent(Source::file(&*secret.file)),
        Outcome::Unreadable(reason) => Fact::unreadable(Source::file(&*secret.file), reason),
    };
    group([("host", secret.fact(host_of(host))), ("kind", secret.fact(kind)), ("mode", mode)])
}

fn remark(host: &str, problem: &str, source: &Source) -> Fact {
    let fact = |value: Value| Fact::known(value, source.clone());
    group([
        ("host", fact(host.into())),
        ("problem", fact(problem.into())),
        ("is_loopback", fact(is_loopback(host).into())),
    ])
}

fn is_plain_http(url: &str) -> bool {
    url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// The host and port of a URL, without credentials and path.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A URL whose user and password, if it has any, are taken out.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
