//! Names of container images, as
//! <https://github.com/distribution/reference> reads them.

/// The parts of an image's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// Host and port of the registry; `docker.io` where none is named.
    pub(super) registry: &'a str,
    /// Path in the registry, such as `library/nginx`, without the implied
    /// `library/`.
    pub(super) repository: &'a str,
    /// Tag, unless none is named.
    pub(super) tag: Option<&'a str>,
    /// Digest, such as `sha256:…`.
    pub(super) digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Reads a name. A tag stands after the last slash, so that a registry's
    /// port is none; a registry has a dot, a colon, or is `localhost`.
    pub(super) fn parse(name: &'a str) -> Self {
        let (name, digest) = name.split_once('@').map_or((name, None), |(name, digest)| (name, Some(digest)));
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let colon = name.get(last..).and_then(|rest| rest.find(':')).map(|colon| last + colon);
        let (path, tag) = match colon.and_then(|colon| Some((name.get(..colon)?, name.get(colon + 1..)?))) {
            Some((path, tag)) => (path, Some(tag)),
            None => (name, None),
        };
        match path.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
                Image { registry: host, repository: rest, tag, digest }
            }
            _ => Image { registry: "docker.io", repository: path, tag, digest },
        }
    }

    /// The version that its tag begins with, without the leading v: `1.36.2`
    /// of `v1.36.2-eksbuild.1`. None of a tag such as `latest`.
    pub(super) fn version(&self) -> Option<&'a str> {
        let tag = self.tag?;
        let tag = tag.strip_prefix('v').unwrap_or(tag);
        let is_version = tag.split(['.', '-', '_', '+']).next().is_some_and(|major| {
            !major.is_empty() && major.len() < 5 && major.bytes().all(|byte| byte.is_ascii_digit())
        });
        (is_version && tag.contains('.')).then_some(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_port_is_no_tag() {
        let image = Image::parse("registry:5000/team/app");
        assert_eq!((image.registry, image.repository, image.tag), ("registry:5000", "team/app", None));
        let image = Image::parse("registry.k8s.io/kube-proxy:v1.36.2@sha256:abc");
        assert_eq!((image.registry, image.repository), ("registry.k8s.io", "kube-proxy"));
        assert_eq!((image.version(), image.digest), (Some("1.36.2"), Some("sha256:abc")));
    }

    #[test]
    fn without_a_registry_it_is_docker_io() {
        let image = Image::parse("library/nginx:1.27");
        assert_eq!((image.registry, image.repository, image.tag), ("docker.io", "library/nginx", Some("1.27")));
        assert_eq!(Image::parse("localhost/x").registry, "localhost");
        assert_eq!(Image::parse("busybox").tag, None);
    }

    #[test]
    fn a_tag_that_is_no_version_gives_none() {
        assert_eq!(Image::parse("a:latest").version(), None);
        assert_eq!(Image::parse("a:20240101").version(), None);
        assert_eq!(Image::parse("a:3.6.8-0").version(), Some("3.6.8-0"));
    }
}
