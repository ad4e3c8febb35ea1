//! Certificates of Kubernetes on this host and their dates.
//!
//! In come PEM files of the control plane, of the kubelet, of etcd and of k3s
//! and RKE2, and those embedded in kubeconfigs. Keys are never read into a
//! value. kubeadm's are listed at
//! <https://kubernetes.io/docs/setup/best-practices/certificates/>.

mod parse;

use jiff::Timestamp;

use super::kubelet::element;
use super::root::{HostRoot, Outcome};
use super::{Collector, Host};
use crate::fact::catalogue::{FactDoc, Field, Type};
use crate::fact::{Fact, Facts, Source};
pub(in crate::fact) use parse::parse_pem;
use parse::{Certificate, Reference};

const CERTIFICATE: Type = Type::Object(&[
    Field::new("path", Type::Text, "file that holds it"),
    Field::new("subject", Type::Text, "subject, such as `CN=kube-apiserver`"),
    Field::new("not_before", Type::Text, "start of its validity, RFC 3339"),
    Field::new("not_after", Type::Text, "end of its validity, RFC 3339"),
    Field::new("is_ca", Type::Bool, "it signs other certificates"),
    Field::new("purpose", Type::Text, "`client`, `serving` or `ca`"),
    Field::new("is_rotated", Type::Bool, "the kubelet renews it by itself"),
    Field::new(
        "rotation_deadline",
        Type::Text,
        "nine tenths of its life: by then the kubelet has renewed it, or cannot; RFC 3339",
    ),
]);

/// What this collector delivers.
const FACTS: &[FactDoc] = &[
    FactDoc::new(
        "certificate.control_plane",
        Type::List(&CERTIFICATE),
        "certificates of the control plane and of etcd; absent on hosts without either",
    ),
    FactDoc::new(
        "certificate.kubelet",
        Type::List(&CERTIFICATE),
        "the kubelet's client and serving certificates that are in use; absent without a kubelet",
    ),
];

/// The collector of `certificate.*`.
pub(super) const COLLECTOR: Collector =
    Collector { name: "certificate", facts: FACTS, needs: &["kubelet", "control_plane", "etcd"], collect };

/// Folders of certificates, by who made them; subfolders are listed apart.
const FOLDERS: &[&str] = &[
    "/etc/kubernetes/pki",
    "/etc/kubernetes/pki/etcd",
    "/etc/kubernetes/ssl",
    "/etc/ssl/etcd/ssl",
    "/etc/etcd/pki",
    "/etc/etcd/ssl",
    "/var/lib/rancher/k3s/server/tls",
    "/var/lib/rancher/k3s/server/tls/etcd",
    "/var/lib/rancher/rke2/server/tls",
    "/var/lib/rancher/rke2/server/tls/etcd",
    "/var/lib/k0s/pki",
    "/var/lib/k0s/pki/etcd",
    "/var/snap/microk8s/current/certs",
];

/// Kubeconfigs of the control plane that embed a certificate.
const KUBECONFIGS: &[&str] = &[
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/super-admin.conf",
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/scheduler.conf",
    "/etc/rancher/k3s/k3s.yaml",
    "/etc/rancher/rke2/rke2.yaml",
];

fn collect(host: &Host, earlier: &Facts) -> Facts {
    let mut facts = Facts::default();
    let is = |path: &str| earlier.bool(path);
    let control_plane = match (is("control_plane.present"), is("etcd.present")) {
        (Some(true), _) | (_, Some(true)) => Fact::group(of_control_plane(&host.root, earlier)),
        (Some(false), Some(false)) => Fact::absent(Source::file("/etc/kubernetes/pki")),
        (None, _) => unreadable_as(earlier, "control_plane.present"),
        (_, None) => unreadable_as(earlier, "etcd.present"),
    };
    facts.set("certificate.control_plane", control_plane);
    let kubelet = match is("kubelet.present") {
        Some(true) => Fact::group(of_kubelet(&host.root, earlier)),
        Some(false) => Fact::absent(Source::file("/var/lib/kubelet/pki")),
        None => unreadable_as(earlier, "kubelet.present"),
    };
    facts.set("certificate.kubelet", kubelet);
    facts
}

fn unreadable_as(earlier: &Facts, path: &str) -> Fact {
    match earlier.get(path) {
        Some(fact @ Fact::Unreadable { .. }) => fact.clone(),
        _ => Fact::unreadable(Source::file("/etc/kubernetes"), format!("tell {path}")),
    }
}

fn of_control_plane(root: &HostRoot, earlier: &Facts) -> Vec<Fact> {
    let of_kubelet = earlier.text("kubelet.tls_cert_file");
    let mut certificates = Vec::new();
    for folder in FOLDERS {
        match root.read_folder(folder) {
            Outcome::Found(names) => {
                let paths = names.iter().filter(|name| is_certificate(name)).map(|name| format!("{folder}/{name}"));
                for path in paths.filter(|path| Some(path.as_str()) != of_kubelet) {
                    certificates.extend(read_file(root, &path, false));
                }
            }
            Outcome::Absent => {}
            Outcome::Unreadable(why) => certificates.push(Fact::unreadable(Source::file(*folder), why)),
        }
    }
    for path in KUBECONFIGS {
        certificates.extend(read_kubeconfig(root, path, false));
    }
    certificates
}

/// Whether a name is a certificate's; keys of Kubespray and Kubernetes by hand
/// end in `-key.pem`.
fn is_certificate(name: &str) -> bool {
    name.ends_with(".crt") || (name.ends_with(".pem") && !name.ends_with("-key.pem") && !name.ends_with("key.pem"))
}

fn of_kubelet(root: &HostRoot, earlier: &Facts) -> Vec<Fact> {
    let folder = earlier.text("kubelet.cert_dir").unwrap_or("/var/lib/kubelet/pki").trim_end_matches('/').to_owned();
    let mut certificates = Vec::new();
    if let Some(distribution @ ("k3s" | "rke2")) = earlier.text("kubelet.distribution") {
        for name in ["client-kubelet.crt", "serving-kubelet.crt"] {
            certificates.extend(read_file(root, &format!("/var/lib/rancher/{distribution}/agent/{name}"), false));
        }
        return certificates;
    }
    certificates.extend(client_certificate(root, earlier, &folder));
    // The order in which the kubelet chooses its serving certificate; that of
    // its own making is the last resort.
    if earlier.bool("kubelet.server_tls_bootstrap") == Some(true) {
        certificates.extend(read_file(root, &format!("{folder}/kubelet-server-current.pem"), true));
    } else if let Some(path) = earlier.text("kubelet.tls_cert_file") {
        certificates.extend(read_file(root, path, false));
    } else {
        certificates.extend(read_file(root, &format!("{folder}/kubelet.crt"), false));
    }
    certificates
}

/// The rotated certificate wins over what the kubeconfig holds, which stays
/// as it was on the day that the node joined. Older rotated files beside the
/// link are history.
fn client_certificate(root: &HostRoot, earlier: &Facts, folder: &str) -> Option<Fact> {
    let rotates = earlier.bool("kubelet.rotate_certificates");
    let current = format!("{folder}/kubelet-client-current.pem");
    let kubeconfig = earlier.text("kubelet.kubeconfig").unwrap_or("/etc/kubernetes/kubelet.conf");
    if rotates != Some(false)
        && let Some(fact) = read_file(root, &current, rotates == Some(true))
    {
        return Some(fact);
    }
    read_kubeconfig(root, kubeconfig, rotates == Some(true)).or_else(|| read_file(root, &current, false))
}

fn read_file(root: &HostRoot, path: &str, is_rotated: bool) -> Option<Fact> {
    let source = Source::file(path);
    match root.read(path) {
        Outcome::Found(bytes) => Some(fact(parse::parse_pem(&bytes), path, source, is_rotated)),
        Outcome::Absent => None,
        Outcome::Unreadable(why) => Some(Fact::unreadable(source, why)),
    }
}

fn read_kubeconfig(root: &HostRoot, path: &str, is_rotated: bool) -> Option<Fact> {
    let text = match root.read_text(path) {
        Outcome::Found(text) => text,
        Outcome::Absent => return None,
        Outcome::Unreadable(why) => return Some(Fact::unreadable(Source::file(path), why)),
    };
    match parse::parse_kubeconfig(&text) {
        Ok(Some(Reference::Path(file, _))) => {
            let file = if file.starts_with('/') { file } else { beside(path, &file) };
            read_file(root, &file, is_rotated)
        }
        Ok(Some(Reference::Embedded(pem, line))) => {
            Some(fact(parse::parse_pem(&pem), path, Source::line(path, line), is_rotated))
        }
        Ok(None) => None,
        Err(why) => Some(Fact::unreadable(Source::file(path), format!("read {path}: {why}"))),
    }
}

/// A path in a kubeconfig is relative to the kubeconfig's own folder.
fn beside(path: &str, name: &str) -> String {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{name}")
}

fn fact(parsed: Result<Certificate, String>, path: &str, source: Source, is_rotated: bool) -> Fact {
    let certificate = match parsed {
        Ok(certificate) => certificate,
        Err(why) => return Fact::unreadable(source, format!("read {path}: {why}")),
    };
    let purpose = match (certificate.is_ca, certificate.is_for_clients) {
        (true, _) => "ca",
        (false, true) => "client",
        (false, false) => "serving",
    };
    let text = |text: String| Fact::known(text, source.clone());
    let members = vec![
        ("path", text(path.to_owned())),
        ("subject", text(certificate.subject.clone())),
        ("not_before", text(certificate.not_before.to_string())),
        ("not_after", text(certificate.not_after.to_string())),
        ("is_ca", Fact::known(certificate.is_ca, source.clone())),
        ("purpose", text(purpose.to_owned())),
        ("is_rotated", Fact::known(is_rotated, source.clone())),
        ("rotation_deadline", text(rotation_deadline(&certificate).to_string())),
    ];
    element(members, &source)
}

/// The kubelet renews between seven and nine tenths of a certificate's life
/// (`nextRotationDeadline` in client-go's certificate manager).
fn rotation_deadline(certificate: &Certificate) -> Timestamp {
    let (start, end) = (certificate.not_before.as_second(), certificate.not_after.as_second());
    let nine_tenths = end.saturating_sub(start) / 10 * 9;
    Timestamp::from_second(start.saturating_add(nine_tenths)).unwrap_or(certificate.not_after)
}
