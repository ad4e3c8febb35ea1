//! Why no cluster could be judged: errors of the way to the API server.
//!
//! What fails after the first answer is no error: the kinds that could not be
//! read are unknown, and the rest is judged.

use std::error::Error;
use std::io;
use std::path::Path;

use kube::client::AuthError;
use kube::config::{KubeconfigError, LoadDataError};
use rustls::{AlertDescription, CertificateError};
use thiserror::Error;

/// Why no cluster could be asked; completes "failed to …".
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Fault {
    /// There is no kubeconfig, and no service account either.
    #[error("find a kubeconfig: there is none at {looked_at}")]
    NoKubeconfig {
        /// The files that could have been there.
        looked_at: String,
    },
    /// A kubeconfig cannot be read or parsed.
    #[error("read the kubeconfig {path}: {cause}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No context is named, and the kubeconfig sets none.
    #[error("choose a context: the kubeconfig sets no current one")]
    NoContext {
        /// Those that there are.
        existing: String,
    },
    /// There is no such context.
    #[error("find the context {name:?} in the kubeconfig")]
    UnknownContext {
        /// The one that was asked for.
        name: String,
        /// Those that there are.
        existing: String,
    },
    /// A context names a cluster that is not there.
    #[error("find the cluster {cluster:?} of the context {context:?} in the kubeconfig")]
    UnknownCluster {
        /// The context.
        context: String,
        /// The cluster that it names.
        cluster: String,
    },
    /// A context cannot be used.
    #[error("use the context {context:?}: {cause}")]
    Context {
        /// The context.
        context: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The URL of a server is none.
    #[error("read the URL of the API server: {url:?} is no URL")]
    Url {
        /// What is there instead.
        url: String,
    },
    /// A proxy cannot be used.
    #[error("use the proxy {url:?}: a proxy is http://, https:// or socks5:// and a host")]
    Proxy {
        /// Its URL, without a password.
        url: String,
    },
    /// There are no credentials to send.
    #[error("get the credentials for {url}: {cause}")]
    Credentials {
        /// The API server.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// The API server could not be reached.
    #[error("reach the API server {url}: {cause}")]
    Unreachable {
        /// The API server.
        url: String,
        /// Why not.
        cause: String,
    },
    /// Its certificate is not to be trusted.
    #[error("trust the certificate of {url}: {cause}")]
    Untrusted {
        /// The API server.
        url: String,
        /// Why not.
        cause: String,
    },
    /// It does not know who is asking.
    #[error("log in to {url}: 401 {cause}")]
    Unauthorized {
        /// The API server.
        url: String,
        /// Its words.
        cause: String,
    },
    /// It answers as no API server does.
    #[error("talk to {url}: this is no Kubernetes API server: {cause}")]
    Foreign {
        /// The server.
        url: String,
        /// What it answers.
        cause: String,
    },
    /// It did not answer in time.
    #[error("get an answer from {url} within the --timeout of {limit}: {cause}")]
    TooLate {
        /// The API server.
        url: String,
        /// The time that it had.
        limit: String,
        /// The last trouble.
        cause: String,
    },
}

impl Fault {
    /// What can be done.
    pub fn help(&self) -> Option<String> {
        let contexts = |existing: &String| match existing.as_str() {
            "" => "it has no context".to_owned(),
            names => format!("name one with --context: {names}"),
        };
        Some(match self {
            Fault::NoKubeconfig { .. } => {
                "name one with --kubeconfig or KUBECONFIG, or judge objects from files with --objects".to_owned()
            }
            Fault::NoContext { existing } | Fault::UnknownContext { existing, .. } => contexts(existing),
            Fault::Unreachable { .. } => "is this the right --context, and does kubectl reach it?".to_owned(),
            Fault::Untrusted { .. } => {
                "check certificate-authority, tls-server-name and server of this cluster in the kubeconfig".to_owned()
            }
            Fault::Unauthorized { .. } => {
                "the credentials of this context are not accepted, or are no longer; renew them".to_owned()
            }
            Fault::TooLate { .. } => "give it more time with --timeout".to_owned(),
            _ => return None,
        })
    }

    /// What is wrong with one exchange, in a few words.
    pub fn words(error: &kube::Error) -> String {
        Trouble::of(error).text().to_owned()
    }

    pub(super) fn kubeconfig(path: &Path, error: &KubeconfigError) -> Self {
        Fault::Kubeconfig { path: path.display().to_string(), cause: kubeconfig_cause(error) }
    }

    pub(super) fn context(name: &str, error: &KubeconfigError) -> Self {
        Fault::Context { context: name.to_owned(), cause: kubeconfig_cause(error) }
    }

    /// An error of the library before anything was sent.
    pub(super) fn setup(url: &str, error: &kube::Error, plugin: Option<&str>, hint: Option<&str>) -> Self {
        let cause = match error {
            kube::Error::Auth(AuthError::AuthExecStart(error)) => {
                let hint = hint.map(|hint| format!(" ({})", hint.trim())).unwrap_or_default();
                format!("start the credential plugin {}: {}{hint}", plugin.unwrap_or_default(), innermost(error))
            }
            kube::Error::Auth(error) => auth_cause(error),
            kube::Error::InferKubeconfig(error) => kubeconfig_cause(error),
            error => innermost(error),
        };
        Fault::Credentials { url: url.to_owned(), cause }
    }
}

/// What went wrong with one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody is there, or the name is not known.
    Unreachable(String),
    /// The certificate of the server, or what it says of ours.
    Untrusted(String),
    /// The credentials could not be made.
    Credentials(String),
    /// Anything else, which may pass.
    Broken(String),
}

impl Trouble {
    /// What it is in words.
    pub(super) fn text(&self) -> &str {
        let (Trouble::Unreachable(text)
        | Trouble::Untrusted(text)
        | Trouble::Credentials(text)
        | Trouble::Broken(text)) = self;
        text
    }

    /// Looks through the wrappings of an error for what it is about.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut connects = false;
        let mut current = Some(error);
        while let Some(error) = current {
            if let Some(kube::Error::Auth(error)) = error.downcast_ref() {
                return Trouble::Credentials(auth_cause(error));
            }
            if let Some(error) = error.downcast_ref::<AuthError>() {
                return Trouble::Credentials(auth_cause(error));
            }
            if let Some(error) = tls_error(error) {
                return of_tls(error);
            }
            connects |= error.to_string().contains("(Connect)");
            current = error.source();
        }
        let text = innermost(error);
        if connects { Trouble::Unreachable(text) } else { Trouble::Broken(text) }
    }
}

/// The error of TLS within an error of input and output, which may hold
/// another one.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let Some(outer) = error.downcast_ref::<io::Error>() else { return error.downcast_ref() };
    let mut inner = outer.get_ref()?;
    while let Some(next) = inner.downcast_ref::<io::Error>() {
        inner = next.get_ref()?;
    }
    inner.downcast_ref()
}

fn of_tls(error: &rustls::Error) -> Trouble {
    let text = match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            // An authority of the same name, such as kubeadm's of another cluster, gives a bad signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "no authority that is trusted for this cluster has signed it".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is not for this host name".to_owned()
            }
            fault => fault.to_string(),
        },
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a client certificate, and the kubeconfig has none".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
            "the client certificate of the kubeconfig has expired".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("it refuses the connection or our certificate ({alert:?})"),
        rustls::Error::InvalidMessage(_) => return Trouble::Broken("it does not speak TLS".to_owned()),
        error => error.to_string(),
    };
    Trouble::Untrusted(text)
}

/// The words of the innermost error, in lowercase and without a number.
fn innermost(error: &dyn Error) -> String {
    let mut last: &dyn Error = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    let text = last.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if !text.starts_with("HTTP") => first.to_lowercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}

fn kubeconfig_cause(error: &KubeconfigError) -> String {
    let load = |what: &str, error: &LoadDataError| match error {
        LoadDataError::ReadFile(error, path) => format!("read {}: {}", path.display(), innermost(error)),
        LoadDataError::DecodeBase64(_) => format!("{what}-data is no base64"),
        LoadDataError::NoBase64DataOrFile => format!("there is no {what}"),
    };
    match error {
        KubeconfigError::ReadConfig(error, _) => innermost(error),
        // The parser draws a picture of the place, which may hold a secret.
        KubeconfigError::Parse(error) => match error.location() {
            Some(location) => format!("line {}: {}", location.line(), error.without_snippet()),
            None => error.without_snippet().to_string(),
        },
        KubeconfigError::MissingClusterUrl => "its cluster has no server".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => "the server of its cluster is no URL".to_owned(),
        KubeconfigError::LoadCertificateAuthority(error) => load("certificate-authority", error),
        KubeconfigError::LoadClientCertificate(error) => load("client-certificate", error),
        KubeconfigError::LoadClientKey(error) => load("client-key", error),
        error => error.to_string(),
    }
}

fn auth_cause(error: &AuthError) -> String {
    match error {
        AuthError::ReadTokenFile(error, path) => format!("read {}: {}", path.display(), innermost(error)),
        AuthError::AuthExecStart(error) => format!("start the credential plugin: {}", innermost(error)),
        AuthError::AuthExecRun { out, .. } => {
            // What it prints on stdout may be a token, and so may its arguments.
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it says nothing");
            let last: String = last.chars().take(200).collect();
            format!("the credential plugin ended with {}: {last}", out.status)
        }
        AuthError::AuthExecParse(_) => "the credential plugin printed no ExecCredential".to_owned(),
        AuthError::InvalidBearerToken(_) => "the token holds characters that no token may hold".to_owned(),
        error => error.to_string(),
    }
}
