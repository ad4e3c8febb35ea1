//! What a repository holds, by the address that it is fetched from.

use super::Repository;

/// What kind of packages a repository has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Kubernetes,
    Runtime,
    Other,
}

impl Content {
    pub(super) fn name(self) -> &'static str {
        match self {
            Content::Kubernetes => "kubernetes",
            Content::Runtime => "runtime",
            Content::Other => "other",
        }
    }

    /// Judges by the address, since mirrors keep the names of what they copy,
    /// and by the section's name, which a private mirror's address may lack.
    pub(super) fn of(repository: &Repository) -> Self {
        let address = format!("{} {}", address(repository), repository.name.to_lowercase());
        let holds = |parts: &[&str]| parts.iter().any(|part| address.contains(part));
        // cri-o is published beside Kubernetes, so it is asked first.
        if holds(&[
            "/cri-o",
            ":cri-o",
            "addons:/cri-o",
            "docker.com/linux",
            "docker-ce",
            "libcontainers",
            "/containerd",
        ]) {
            Content::Runtime
        } else if holds(&["pkgs.k8s.io", "packages.k8s.io", "kubernetes"]) {
            Content::Kubernetes
        } else {
            Content::Other
        }
    }
}

/// Whether it is the repository that Google hosted until March 2024, or a
/// copy of it: <https://kubernetes.io/blog/2023/08/31/legacy-package-repository-deprecation/>.
pub(super) fn is_legacy_kubernetes(repository: &Repository) -> bool {
    let address = address(repository);
    let is_google = ["//apt.kubernetes.io", "//yum.kubernetes.io"].iter().any(|host| address.contains(host))
        || (address.contains("//packages.cloud.google.com") && address.contains("kubernetes"));
    // The old layout: suites named kubernetes-xenial, folders kubernetes-el7-x86_64.
    is_google
        || repository.suites.iter().any(|suite| suite.starts_with("kubernetes-"))
        || address.contains("/kubernetes-el")
        || address.contains("/kubernetes-xenial")
}

/// Addresses in lower case, with an apt repository's suites.
fn address(repository: &Repository) -> String {
    let words: Vec<&str> = repository.urls.iter().chain(&repository.suites).map(String::as_str).collect();
    words.join(" ").to_lowercase()
}

/// Whether packages are fetched over plain HTTP.
pub(super) fn is_plain_http(repository: &Repository) -> bool {
    repository.urls.iter().any(|url| url.to_ascii_lowercase().starts_with("http://"))
}

/// Whether every address is on the host itself.
pub(super) fn is_local(repository: &Repository) -> bool {
    let local = ["file:", "cdrom:", "copy:", "dir:", "iso:", "/"];
    repository.urls.iter().all(|url| local.iter().any(|scheme| url.starts_with(scheme)))
}

#[cfg(test)]
mod tests {
    use super::super::Manager;
    use super::super::apt::parse_list;
    use super::super::yum::{Main, parse_repo};
    use super::*;

    fn judged(line: &str) -> (Content, bool) {
        let repository = parse_list(line, "/x").remove(0);
        (Content::of(&repository), is_legacy_kubernetes(&repository))
    }

    #[test]
    fn repositories_are_known_by_their_addresses() {
        for (line, content, is_legacy) in [
            ("deb https://apt.kubernetes.io/ kubernetes-xenial main", Content::Kubernetes, true),
            ("deb https://packages.cloud.google.com/apt kubernetes-xenial main", Content::Kubernetes, true),
            ("deb https://packages.cloud.google.com/apt cloud-sdk main", Content::Other, false),
            ("deb https://mirrors.aliyun.com/kubernetes/apt/ kubernetes-xenial main", Content::Kubernetes, true),
            ("deb https://mirrors.aliyun.com/kubernetes-new/core/stable/v1.30/deb/ /", Content::Kubernetes, false),
            ("deb https://pkgs.k8s.io/core:/stable:/v1.30/deb/ /", Content::Kubernetes, false),
            ("deb https://pkgs.k8s.io/addons:/cri-o:/stable:/v1.30/deb/ /", Content::Runtime, false),
            ("deb https://download.docker.com/linux/ubuntu jammy stable", Content::Runtime, false),
            ("deb http://mirrors.aliyun.com/docker-ce/linux/ubuntu jammy stable", Content::Runtime, false),
            ("deb http://archive.ubuntu.com/ubuntu jammy main", Content::Other, false),
            ("deb https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /", Content::Other, false),
        ] {
            assert_eq!(judged(line), (content, is_legacy), "{line}");
        }
    }

    #[test]
    fn a_private_mirror_is_known_by_its_sections_name() {
        let text = "[kubernetes]\nbaseurl=http://10.0.0.5/k8s/\n[docker-ce-stable]\nbaseurl=http://10.0.0.5/d/\n\
                    [baseos]\nbaseurl=http://10.0.0.5/os/\n";
        let repositories = parse_repo(text, "/x.repo", Manager::Dnf, &Main::default());
        let contents: Vec<_> = repositories.iter().map(Content::of).collect();
        assert_eq!(contents, [Content::Kubernetes, Content::Runtime, Content::Other]);
    }
}
