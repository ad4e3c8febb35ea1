//! The HTTP API of Docker and Podman, over its Unix socket.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::UnixStream;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// Asks for JSON documents, one after another over one connection: first that
/// of `list`, then those that `further` names for it.
///
/// Each may take `wait`. A further document that is not there, because its
/// container has ended meanwhile, is left out.
pub(super) fn ask(
    socket: &Path,
    wait: Duration,
    list: &str,
    further: impl Fn(&Json) -> Vec<String>,
) -> Result<(Json, Vec<Json>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| format!("start asking: {error}"))?;
    runtime.block_on(async {
        let late = |_| format!("no answer within {} s", wait.as_secs());
        let stream = tokio::time::timeout(wait, UnixStream::connect(socket)).await.map_err(late)?;
        let stream = TokioIo::new(stream.map_err(|error| error.to_string())?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(|error| error.to_string())?;
        // It works only while somebody polls it; it ends with the runtime.
        tokio::spawn(connection);
        let first = tokio::time::timeout(wait, get(&mut sender, list)).await.map_err(late)??;
        let first = first.ok_or_else(|| format!("{list}: not found"))?;
        let mut others = Vec::new();
        for path in further(&first) {
            others.extend(tokio::time::timeout(wait, get(&mut sender, &path)).await.map_err(late)??);
        }
        Ok((first, others))
    })
}

async fn get(
    sender: &mut hyper::client::conn::http1::SendRequest<Empty<Bytes>>,
    path: &str,
) -> Result<Option<Json>, String> {
    let request = Request::get(path)
        .header(hyper::header::HOST, "localhost")
        .body(Empty::new())
        .map_err(|error| format!("{path}: {error}"))?;
    sender.ready().await.map_err(|error| format!("{path}: {error}"))?;
    let answer = sender.send_request(request).await.map_err(|error| format!("{path}: {error}"))?;
    let status = answer.status();
    let body =
        Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(|error| format!("{path}: {error}"))?;
    match status {
        StatusCode::OK => {
            serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|error| format!("{path}: {error}"))
        }
        StatusCode::NOT_FOUND => Ok(None),
        other => Err(format!("{path}: {other}")),
    }
}
