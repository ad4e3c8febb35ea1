//! Which API server, and as whom: kubeconfig files, or the service account of
//! the pod that this program runs in.
//!
//! In: paths and names that the command line and the environment gave. Out:
//! a [`Server`]. The rules are kubectl's: the files of KUBECONFIG are merged
//! and the first that says something wins, missing ones are passed over
//! (<https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use ipnet::IpNet;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::Fault;

/// Where a pod finds its service account.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What is known of the way to a cluster before any file is read.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The kubeconfig files, the first one first.
    pub kubeconfigs: Vec<PathBuf>,
    /// Whether the user named the one file, so that it must be there.
    pub is_named: bool,
    /// The context to use instead of the current one.
    pub context: Option<String>,
    /// The user to act as.
    pub impersonate: Option<String>,
    /// The groups to act as.
    pub impersonate_groups: Vec<String>,
    /// Host and port of the API server, as the environment of a pod has them.
    pub service: Option<(String, String)>,
    /// The folder of a pod's service account: `token`, `ca.crt` and `namespace`.
    pub service_account: PathBuf,
    /// The proxy of the environment.
    pub proxy: Option<String>,
    /// Hosts that are reached without it.
    pub no_proxy: Option<String>,
}

/// An API server and the way to it.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) config: Config,
    /// The cluster's name in the kubeconfig; `cluster` from within a pod.
    pub name: String,
}

impl Server {
    /// A client of it, for what is not the reading of lists.
    ///
    /// # Errors
    /// When there are no credentials to send.
    pub fn client(&self, connect_timeout: std::time::Duration) -> Result<Client, Fault> {
        let mut config = self.config.clone();
        config.connect_timeout = Some(connect_timeout);
        Client::try_from(config).map_err(|error| self.fault(&error))
    }

    /// Why there is no client of it; names the credential plugin that is to be.
    pub(super) fn fault(&self, error: &kube::Error) -> Fault {
        let plugin = self.config.auth_info.exec.as_ref();
        let command = plugin.and_then(|plugin| plugin.command.as_deref());
        Fault::setup(&self.url(), error, command, plugin.and_then(|plugin| plugin.install_hint.as_deref()))
    }

    /// The namespace of the context, where nobody names another one.
    pub fn namespace(&self) -> &str {
        &self.config.default_namespace
    }

    /// Where it is: `https://10.0.0.1:6443`.
    pub fn url(&self) -> String {
        self.config.cluster_url.to_string().trim_end_matches('/').to_owned()
    }
}

impl Access {
    /// Reads the files.
    ///
    /// # Errors
    /// When there is no kubeconfig, one cannot be read, or it does not say
    /// where the API server is.
    pub fn resolve(&self) -> Result<Server, Fault> {
        let mut merged: Option<Kubeconfig> = None;
        for path in &self.kubeconfigs {
            let Some(next) = self.read(path)? else { continue };
            let fault = |error: KubeconfigError| Fault::kubeconfig(path, &error);
            merged = Some(match merged {
                Some(before) => before.merge(next).map_err(fault)?,
                None => next,
            });
        }
        let (mut config, name) = match merged {
            Some(kubeconfig) if !kubeconfig.contexts.is_empty() || self.service.is_none() || self.context.is_some() => {
                self.choose(&kubeconfig)?
            }
            _ => (self.service_account()?, "cluster".to_owned()),
        };
        if let Some(user) = &self.impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        if !self.impersonate_groups.is_empty() {
            config.auth_info.impersonate_groups = Some(self.impersonate_groups.clone());
        }
        trim_token(&mut config.auth_info);
        let agent = HeaderValue::from_static(concat!("scanner/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        // Retrying is the business of whoever knows the deadline.
        config.default_retry = false;
        Ok(Server { config, name })
    }

    fn read(&self, path: &Path) -> Result<Option<Kubeconfig>, Fault> {
        match Kubeconfig::read_from(path) {
            Ok(mut kubeconfig) => {
                kubeconfig.current_context = kubeconfig.current_context.filter(|name| !name.is_empty());
                Ok(Some(kubeconfig))
            }
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == ErrorKind::NotFound && !self.is_named => {
                Ok(None)
            }
            Err(error) => Err(Fault::kubeconfig(path, &error)),
        }
    }

    fn choose(&self, kubeconfig: &Kubeconfig) -> Result<(Config, String), Fault> {
        let existing = || {
            let mut names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
            names.sort_unstable();
            names.join(", ")
        };
        let Some(wanted) = self.context.as_ref().or(kubeconfig.current_context.as_ref()) else {
            return Err(Fault::NoContext { existing: existing() });
        };
        let context = kubeconfig.contexts.iter().find(|context| context.name == *wanted);
        let Some(context) = context.and_then(|named| named.context.as_ref()) else {
            return Err(Fault::UnknownContext { name: wanted.clone(), existing: existing() });
        };
        let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
        let Some(cluster) = cluster.and_then(|named| named.cluster.as_ref()) else {
            return Err(Fault::UnknownCluster { context: wanted.clone(), cluster: context.cluster.clone() });
        };
        let options = KubeConfigOptions { context: Some(wanted.clone()), ..KubeConfigOptions::default() };
        let mut chosen = kubeconfig.clone();
        chosen.current_context = Some(wanted.clone());
        debug_assert!(options.cluster.is_none());
        let mut config = Config::try_from(chosen).map_err(|error| Fault::context(wanted, &error))?;
        let own_proxy = cluster.proxy_url.as_deref().filter(|proxy| !proxy.is_empty());
        // The library holds NO_PROXY against the proxy, and not against the server.
        config.proxy_url = match own_proxy {
            Some(proxy) => Some(parse_proxy(proxy)?),
            None => self.environment_proxy(&config.cluster_url)?,
        };
        Ok((config, context.cluster.clone()))
    }

    fn service_account(&self) -> Result<Config, Fault> {
        let Some((host, port)) = &self.service else {
            return Err(Fault::NoKubeconfig { looked_at: listed(&self.kubeconfigs) });
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let url = format!("https://{host}:{port}");
        let url: Uri = url.parse().map_err(|_| Fault::Url { url })?;
        let mut config = Config::new(url);
        let folder = &self.service_account;
        config.root_cert_file = Some(folder.join("ca.crt"));
        config.proxy_url = self.environment_proxy(&config.cluster_url)?;
        if let Some(namespace) = read_namespace(folder) {
            config.default_namespace = namespace;
        }
        config.auth_info =
            AuthInfo { token_file: Some(folder.join("token").display().to_string()), ..AuthInfo::default() };
        Ok(config)
    }

    fn environment_proxy(&self, server: &Uri) -> Result<Option<Uri>, Fault> {
        let Some(proxy) = self.proxy.as_deref().filter(|proxy| !proxy.is_empty()) else { return Ok(None) };
        let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
        if is_exempt(host, self.no_proxy.as_deref().unwrap_or_default()) {
            return Ok(None);
        }
        parse_proxy(proxy).map(Some)
    }
}

/// A token that stands in its file with a line break, which is no part of it:
/// kubectl cuts it off, and the library does not.
#[expect(clippy::disallowed_methods, reason = "the credentials of this program, not the host that is judged")]
fn trim_token(auth: &mut AuthInfo) {
    let Some(file) = auth.token_file.as_ref().filter(|_| auth.token.is_none()) else { return };
    // What cannot be read is told by whoever needs it.
    let Ok(text) = std::fs::read_to_string(file) else { return };
    if text.trim() != text {
        auth.token = Some(text.trim().to_owned().into());
        auth.token_file = None;
    }
}

/// The namespace of the pod, where nobody names another one.
#[expect(clippy::disallowed_methods, reason = "the credentials of this program, not the host that is judged")]
fn read_namespace(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

fn parse_proxy(text: &str) -> Result<Uri, Fault> {
    let uri = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https" | "socks5")));
    // A proxy's URL may hold a password.
    let shown = text.rsplit('@').next().unwrap_or_default();
    uri.ok_or_else(|| Fault::Proxy { url: shown.to_owned() })
}

/// Whether `NO_PROXY` names a host: by name, by a domain it lies in, by
/// address or by network, as Go's `httpproxy` has it. The machine itself is
/// always reached directly.
fn is_exempt(host: &str, no_proxy: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty()).any(|part| {
        if part == "*" {
            return true;
        }
        if let (Some(address), Ok(network)) = (address, part.parse::<IpNet>()) {
            return network.contains(&address);
        }
        let name = part.split(':').next().filter(|_| address.is_none()).unwrap_or(part);
        let domain = name.trim_start_matches("*.").trim_start_matches('.');
        let is_within = || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        (host.eq_ignore_ascii_case(name)) || (!domain.is_empty() && (host == domain || is_within()))
    })
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
