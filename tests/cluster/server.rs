//! An API server for the tests: HTTPS, and as unfriendly as a test wants it.
//!
//! A test gives a function from what is asked to what is answered; pages,
//! denials and faults are its business. Everything that was asked is kept.

#[path = "exec.rs"]
mod exec;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) use exec::Step;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Ask {
    /// A parameter of the query, unescaped.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    /// All parameters of a name, unescaped.
    pub(crate) fn parameters(&self, name: &str) -> Vec<String> {
        let found = self.query.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let unescaped = found.map(|found| {
            let (mut bytes, mut rest) = (Vec::new(), found);
            while let Some((before, after)) = rest.split_once('%') {
                bytes.extend(before.bytes());
                bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
                rest = &after[2..];
            }
            bytes.extend(rest.bytes());
            String::from_utf8(bytes).unwrap()
        });
        unescaped.collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers_of(name).next().unwrap_or_default()
    }

    /// All values of a header.
    pub(crate) fn headers_of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A status, further headers, and a body.
    Body(u16, Vec<(&'static str, String)>, Bytes),
    /// The beginning of a longer body; then the connection is cut.
    Cut(Bytes),
    /// Nothing, for a long time.
    Never,
    After(Duration, Box<Reply>),
    /// The streams of a program in a container, by WebSocket.
    Exec(Vec<Step>),
}

impl Reply {
    pub(crate) fn json(value: &Value) -> Self {
        Reply::Body(200, Vec::new(), Bytes::from(value.to_string()))
    }

    pub(crate) fn text(text: &str) -> Self {
        Reply::Body(200, Vec::new(), Bytes::from(text.to_owned()))
    }

    /// A `Status` of the API.
    pub(crate) fn status(code: u16, reason: &str, message: &str) -> Self {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code});
        Reply::Body(code, Vec::new(), Bytes::from(status.to_string()))
    }

    pub(crate) fn not_found() -> Self {
        Reply::status(404, "NotFound", "the server could not find the requested resource")
    }
}

/// How the server is set up.
pub(crate) struct Setup {
    /// The host name of its certificate.
    pub(crate) name: &'static str,
    /// Until when the certificate is valid.
    pub(crate) until_year: i32,
    /// Whether it wants a certificate of the client.
    pub(crate) wants_client: bool,
    /// Until when that is valid.
    pub(crate) client_until_year: i32,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { name: "127.0.0.1", until_year: 2200, wants_client: false, client_until_year: 2200 }
    }
}

type Answer = dyn Fn(&Ask) -> Reply + Send + Sync;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The authority that signed its certificate.
    pub(crate) authority: String,
    /// A certificate of a client, and its key.
    pub(crate) client: (String, String),
    asked: Arc<Mutex<Vec<Ask>>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(&Setup::default(), answer)
    }

    pub(crate) fn start_with(setup: &Setup, answer: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new([setup.name.to_owned()]).unwrap();
        own.not_after = rcgen::date_time_ymd(setup.until_year, 1, 1);
        let own = own.signed_by(&key, &authority).unwrap();
        let client_key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::default();
        client.distinguished_name.push(rcgen::DnType::CommonName, "tester");
        client.not_after = rcgen::date_time_ymd(setup.client_until_year, 1, 1);
        client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&client_key, &authority).unwrap();

        let builder = rustls::ServerConfig::builder();
        let builder = if setup.wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let tls = builder.with_single_cert(vec![own.der().clone()], private).unwrap();

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, answer): (_, Arc<Answer>) = (Arc::default(), Arc::new(answer));
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&asked), answer));
        Server {
            address,
            authority: authority.pem(),
            client: (client.pem(), client_key.serialize_pem()),
            asked,
            runtime: Some(runtime),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Everything that was asked by now.
    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked of one path.
    pub(crate) fn asked_of(&self, path: &str) -> Vec<Ask> {
        self.asked().into_iter().filter(|ask| ask.path == path).collect()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, asked: Arc<Mutex<Vec<Ask>>>, answer: Arc<Answer>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, asked, answer) = (tls.clone(), Arc::clone(&asked), Arc::clone(&answer));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                async move {
                    let mut request = request;
                    let mut ask = ask(&request);
                    ask.body =
                        request.body_mut().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                    asked.lock().unwrap().push(ask.clone());
                    match answer(&ask) {
                        Reply::Exec(steps) => Ok(exec::upgrade(request, ask, steps)),
                        reply => respond(reply).await,
                    }
                }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.with_upgrades().await;
        });
    }
}

fn ask(request: &Request<Incoming>) -> Ask {
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    Ask {
        method: request.method().to_string(),
        body: Bytes::new(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
    }
}

async fn respond(mut reply: Reply) -> io::Result<Response<BoxBody<Bytes, io::Error>>> {
    while let Reply::After(pause, then) = reply {
        tokio::time::sleep(pause).await;
        reply = *then;
    }
    match reply {
        Reply::Body(code, headers, body) => {
            let mut response = Response::builder().status(code).header("content-type", "application/json");
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(body).map_err(|never| match never {}).boxed()).unwrap())
        }
        Reply::Cut(body) => {
            let cut = Err(io::Error::other("cut"));
            let frames = Frames(vec![Ok(Frame::data(body)), cut].into_iter());
            Ok(Response::new(BodyExt::boxed(StreamBody::new(frames))))
        }
        _ => std::future::pending().await,
    }
}

/// Frames of a body, one after the other.
struct Frames(std::vec::IntoIter<io::Result<Frame<Bytes>>>);

impl futures_core::Stream for Frames {
    type Item = io::Result<Frame<Bytes>>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
