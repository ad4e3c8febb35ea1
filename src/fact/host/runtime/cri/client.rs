//! Asking one socket.
//!
//! In: the path of a Unix socket and a deadline. Out: what it answered, or
//! the way in which it did not. Each call ends at the deadline; answers have a
//! longest length.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::codegen::http::Uri;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::message::{
    RuntimeConfigRequest, RuntimeConfigResponse, StatusRequest, StatusResponse, VersionRequest, VersionResponse,
};

/// The services, newest first.
const SERVICES: [(&str, &str); 2] =
    [("v1", "runtime.v1.RuntimeService"), ("v1alpha2", "runtime.v1alpha2.RuntimeService")];

/// The longest answer that is read, as the kubelet has it: lists of pods are long.
const MAX_ANSWER: usize = 16 << 20;

/// How a socket does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no socket.
    Missing,
    /// There is a socket, and nobody listens.
    Refused(String),
    /// A gRPC server answers that it has no CRI.
    Unimplemented(String),
    /// It was connected to, and did not answer in this time.
    Timeout(Duration),
    /// It answered something else.
    Error(String),
    /// This process may not ask.
    Forbidden(String),
}

/// What a runtime says of itself.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// `v1` or `v1alpha2`.
    pub(super) api: &'static str,
    /// Who it is.
    pub(super) version: VersionResponse,
    /// Conditions and configuration, or why not; not asked of mere neighbours.
    pub(super) status: Option<Result<StatusResponse, String>>,
    /// The shared configuration; none where it is not implemented.
    pub(super) runtime_config: Option<Result<Option<RuntimeConfigResponse>, String>>,
}

/// Asks a socket who it is, and with `wants_all` for everything.
pub(super) fn ask(path: &Path, deadline: Instant, wants_all: bool) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::Forbidden(format!("start asking: {error}")))?;
    runtime.block_on(ask_all(path.to_owned(), deadline, wants_all))
}

async fn ask_all(path: PathBuf, deadline: Instant, wants_all: bool) -> Result<Answer, Failure> {
    let mut client = connect(path, deadline).await?;
    let (api, service, version) = ask_version(&mut client, deadline).await?;
    let mut answer = Answer { api, version, status: None, runtime_config: None };
    if wants_all {
        let status: Result<StatusResponse, _> =
            call(&mut client, service, "Status", StatusRequest { verbose: true }, deadline).await;
        answer.status = Some(status.map_err(|failure| failure.describe()));
        let config: Result<RuntimeConfigResponse, _> =
            call(&mut client, service, "RuntimeConfig", RuntimeConfigRequest {}, deadline).await;
        answer.runtime_config = Some(match config {
            Ok(config) => Ok(Some(config)),
            Err(Failure::Unimplemented(_)) => Ok(None),
            Err(failure) => Err(failure.describe()),
        });
    }
    Ok(answer)
}

/// A client of a socket that somebody listens at.
pub(super) async fn connect(path: PathBuf, deadline: Instant) -> Result<Grpc<Channel>, Failure> {
    within(deadline, UnixStream::connect(&path)).await?.map_err(|error| refusal(&error))?;
    let endpoint = Endpoint::from_static("http://localhost");
    let connector = service_fn(move |_: Uri| {
        let path = path.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
    });
    Ok(Grpc::new(endpoint.connect_with_connector_lazy(connector)).max_decoding_message_size(MAX_ANSWER))
}

/// The newest service that answers. A server that knows neither has no CRI.
pub(super) async fn ask_version(
    client: &mut Grpc<Channel>,
    deadline: Instant,
) -> Result<(&'static str, &'static str, VersionResponse), Failure> {
    let mut first = None;
    for (api, service) in SERVICES {
        match call(client, service, "Version", VersionRequest::default(), deadline).await {
            Ok(version) => return Ok((api, service, version)),
            Err(failure @ Failure::Unimplemented(_)) => {
                first.get_or_insert(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(first.unwrap_or_else(|| Failure::Error("no service was asked".to_owned())))
}

pub(super) async fn call<Q, A>(
    client: &mut Grpc<Channel>,
    service: &str,
    method: &str,
    request: Q,
    deadline: Instant,
) -> Result<A, Failure>
where
    Q: prost::Message + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let path: PathAndQuery =
        format!("/{service}/{method}").parse().map_err(|error| Failure::Error(format!("ask {method}: {error}")))?;
    let codec: ProstCodec<Q, A> = ProstCodec::default();
    let asking = async {
        client.ready().await.map_err(|error| Status::unavailable(describe_error(&error)))?;
        client.unary(Request::new(request), path, codec).await
    };
    match within(deadline, asking).await? {
        Ok(response) => Ok(response.into_inner()),
        Err(status) if status.code() == Code::Unimplemented => Err(Failure::Unimplemented(status.message().to_owned())),
        Err(status) => Err(Failure::Error(format!("{:?}: {}", status.code(), status.message()))),
    }
}

/// The innermost cause, which is the one that says something.
fn describe_error(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

async fn within<T>(deadline: Instant, future: impl Future<Output = T>) -> Result<T, Failure> {
    let started = Instant::now();
    tokio::time::timeout_at(deadline.into(), future).await.map_err(|_| Failure::Timeout(started.elapsed()))
}

fn refusal(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::Missing,
        io::ErrorKind::PermissionDenied => Failure::Forbidden("permission denied".to_owned()),
        _ => Failure::Refused(error.to_string()),
    }
}

impl Failure {
    /// The failure in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Failure::Missing => "there is no such socket".to_owned(),
            Failure::Timeout(waited) => format!("no answer within {:.1} s", waited.as_secs_f64()),
            Failure::Refused(message)
            | Failure::Unimplemented(message)
            | Failure::Error(message)
            | Failure::Forbidden(message) => message.clone(),
        }
    }
}
