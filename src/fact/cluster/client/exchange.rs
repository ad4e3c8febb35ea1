//! One request to the API server: sent again while that is of use, until the
//! deadline.
//!
//! In: a path. Out: an answer whose body is still to be read, or why there is
//! none. `429` is obeyed, `5xx` and broken connections are waited for; what
//! the server decides (`401`, `403`, `404`, `410`) is final. But a server that
//! has just come back refuses everybody until it has read who may do what, so
//! that soon after an interruption a refusal is asked again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value as Json;
use tokio::time::{Instant, sleep, timeout};

use super::Tally;
use super::fault::Trouble;

/// The most bytes that are read of an answer that is an error.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// How long to wait before the first and before any further attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long after an interruption a refusal is not believed.
const DOUBT: Duration = Duration::from_secs(10);

/// Connections to one API server.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) tally: Arc<Tally>,
    pub(super) deadline: Instant,
    /// The time for all of it, as the user set it.
    pub(super) limit: Duration,
    /// How long to wait for one answer, or for more of it.
    pub(super) patience: Duration,
    /// When the server was last away.
    pub(super) interrupted: Mutex<Option<Instant>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server decided.
    Status(Status),
    /// The exchange failed in a way that waiting does not mend.
    Trouble(Trouble),
    /// The deadline came; with the last trouble.
    Late(String),
    /// The answer is of no use.
    Bad(String),
}

/// An answer that is an error, as a `Status` of the API has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u16,
    /// The server's words; its reason phrase where it has none.
    pub(super) message: String,
    /// The token by which an expired list goes on.
    pub(super) token: Option<String>,
}

impl Failure {
    /// Why, in words.
    pub(super) fn text(&self) -> String {
        match self {
            Failure::Status(status) => match status.code {
                401 => format!("401 {}", status.message),
                403 => {
                    let message = status.message.as_str();
                    format!("forbidden: {}", message.split_once("is forbidden: ").map_or(message, |(_, rest)| rest))
                }
                code => format!("{code} {}", status.message),
            },
            Failure::Trouble(trouble) => trouble.text().to_owned(),
            Failure::Late(text) | Failure::Bad(text) => text.clone(),
        }
    }
}

/// Waits longer from one time to the next.
pub(super) struct Pause(Duration);

impl Pause {
    pub(super) fn new() -> Self {
        Pause(FIRST_PAUSE)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

impl Session {
    /// An answer to `GET path` that is not an error.
    pub(super) async fn send(&self, path: &str, accept: &str) -> Result<Response<Body>, Failure> {
        let mut pause = Pause::new();
        let mut refused = None;
        loop {
            let (trouble, wait) = match self.attempt(path, accept).await {
                Ok(response) if response.status() == StatusCode::OK => {
                    self.tally.is_reached.store(true, std::sync::atomic::Ordering::Relaxed);
                    return Ok(response);
                }
                Ok(response) => {
                    let retry_after = retry_after(&response);
                    let status = self.status(response).await;
                    match status.code {
                        401 | 403
                            if self.is_in_doubt() && refused.get_or_insert_with(Instant::now).elapsed() < DOUBT => {}
                        429 | 500 | 502..=504 => {}
                        _ => return Err(Failure::Status(status)),
                    }
                    (Failure::Status(status).text(), retry_after)
                }
                Err(trouble) if self.is_final(&trouble) => return Err(Failure::Trouble(trouble)),
                Err(trouble) => {
                    self.interrupt();
                    (trouble.text().to_owned(), None)
                }
            };
            self.wait(wait.unwrap_or_else(|| pause.next()), &trouble).await?;
        }
    }

    /// Remembers that the server was away just now.
    pub(super) fn interrupt(&self) {
        *self.interrupted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_in_doubt(&self) -> bool {
        let interrupted = *self.interrupted.lock().unwrap_or_else(PoisonError::into_inner);
        interrupted.is_some_and(|at| at.elapsed() < DOUBT)
    }

    /// Waits, unless the deadline comes first.
    pub(super) async fn wait(&self, pause: Duration, trouble: &str) -> Result<(), Failure> {
        if Instant::now() + pause >= self.deadline {
            return Err(Failure::Late(trouble.to_owned()));
        }
        sleep(pause).await;
        Ok(())
    }

    /// That the time was too short, as the beginning of a reason.
    pub(super) fn late(&self) -> String {
        format!("no whole answer within the --timeout of {}: ", seconds(self.limit))
    }

    /// How long to wait for the next sign of life.
    pub(super) fn patience(&self) -> Duration {
        self.patience.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// What is read of a body, or how it broke.
    pub(super) async fn frame(&self, body: &mut Body) -> Option<Result<bytes::Bytes, String>> {
        loop {
            let Ok(frame) = timeout(self.patience(), body.frame()).await else {
                return Some(Err(format!("no more of the answer came for {}", seconds(self.patience))));
            };
            match frame? {
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.tally.add_bytes(bytes.len());
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => {
                    self.interrupt();
                    return Some(Err(Trouble::of(&error).text().to_owned()));
                }
            }
        }
    }

    async fn attempt(&self, path: &str, accept: &str) -> Result<Response<Body>, Trouble> {
        let request = Request::get(path).header(ACCEPT, accept).body(Body::empty());
        let request = request.map_err(|error| Trouble::Broken(error.to_string()))?;
        self.tally.add_request();
        match timeout(self.patience(), self.client.send(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Trouble::of(&error)),
            Err(_) => Err(Trouble::Broken(format!("no answer came for {}", seconds(self.patience)))),
        }
    }

    /// A server that was there may be on its way back; one that never was is
    /// the wrong one.
    fn is_final(&self, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Broken(_) => false,
            Trouble::Unreachable(_) => !self.tally.is_reached.load(std::sync::atomic::Ordering::Relaxed),
            Trouble::Untrusted(_) | Trouble::Credentials(_) => true,
        }
    }

    async fn status(&self, response: Response<Body>) -> Status {
        let code = response.status();
        let body = Limited::new(response.into_body(), MAX_ERROR_BYTES).collect();
        let body = timeout(self.patience(), body).await.ok().and_then(Result::ok);
        let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let json: Json = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |pointer: &str| json.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty());
        let phrase = code.canonical_reason().unwrap_or("with no reason").to_owned();
        Status {
            code: code.as_u16(),
            message: text("/message").map_or(phrase, |message| message.chars().take(500).collect()),
            token: text("/metadata/continue").map(str::to_owned),
        }
    }
}

/// `30s`, or `300ms` where it is less than one.
pub(super) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{}ms", duration.as_millis())
    } else {
        format!("{}s", duration.as_secs())
    }
}

/// Only the form in seconds is known to be used by API servers.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
