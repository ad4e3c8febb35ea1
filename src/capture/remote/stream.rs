//! A program that runs in a container: its stdout and stderr come here, and it
//! is told that somebody is there.
//!
//! The streams share a WebSocket; the first byte of a message is the number of its
//! stream, and the last message is a `Status` with the exit code
//! (`v4.channel.k8s.io`, `v5.channel.k8s.io` in
//! <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/remotecommand/constants.go>).

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use kube::client::Connection;
use serde_json::Value as Json;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::api::{elements, text};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// How long nothing may come. Captures write their counters every ten seconds.
const LONGEST_SILENCE: Duration = Duration::from_secs(45);

/// How long a program that was asked to end may take for it.
const LONGEST_END: Duration = Duration::from_secs(15);

/// How long it may take to say goodbye.
const LONGEST_CLOSE: Duration = Duration::from_secs(1);

/// The longest line of stderr.
const MAX_LINE: usize = 16 << 10;

/// How much the end is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It is not.
    Capturing,
    /// In order: what was captured is still fetched.
    Ending,
    /// At once.
    Hurrying,
}

/// What a program on a node ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with its exit code.
    Code(i64),
    /// It could not be started, in the server's words.
    NotStarted(String),
    /// The connection was cut before it ended.
    Lost(String),
    /// It was not waited for.
    Left,
}

/// What tells a program that somebody is there, and what asks it to end.
pub(super) struct Attention {
    pub(super) sign: u8,
    pub(super) every: Duration,
    pub(super) end: u8,
}

/// Relays a program's output until it ends.
pub(super) async fn relay(
    connection: Connection,
    attention: &Attention,
    stdout: &mpsc::Sender<Bytes>,
    stderr: &mut Lines<'_>,
    mut stage: watch::Receiver<Stage>,
) -> Outcome {
    let (mut sender, mut receiver) = connection.into_stream().split();
    let signs = async {
        let is_over = |stage: &Stage| *stage > Stage::Capturing;
        loop {
            // Where it cannot be sent the connection is gone, as reading finds out too.
            let _ = sender.send(Message::binary(vec![STDIN, attention.sign])).await;
            if let Ok(Ok(_)) = timeout(attention.every, stage.wait_for(is_over)).await {
                break;
            }
        }
        // Version 4 cannot close stdin alone.
        let _ = sender.send(Message::binary(vec![STDIN, attention.end])).await;
        let _ = timeout(LONGEST_END, stage.wait_for(|stage| *stage == Stage::Hurrying)).await;
        let _ = timeout(LONGEST_CLOSE, sender.close()).await;
        Outcome::Left
    };
    let output = async {
        loop {
            let message = match timeout(LONGEST_SILENCE, receiver.next()).await {
                Err(_) => return Outcome::Lost(format!("nothing came for {}s", LONGEST_SILENCE.as_secs())),
                Ok(None | Some(Ok(Message::Close(_)))) => return Outcome::Lost("it was closed".to_owned()),
                Ok(Some(Err(error))) => return Outcome::Lost(error.to_string()),
                Ok(Some(Ok(message))) => message,
            };
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
                _ => continue,
            };
            match bytes.first() {
                // Who reads has read enough: the end was asked for, and the rest is not wanted.
                Some(&STDOUT) if bytes.len() > 1 => drop(stdout.send(bytes.slice(1..)).await),
                Some(&STDERR) => stderr.take(bytes.get(1..).unwrap_or_default()),
                Some(&STATUS) => return outcome(bytes.get(1..).unwrap_or_default()),
                _ => {}
            }
        }
    };
    tokio::select! {
        outcome = output => outcome,
        outcome = signs => outcome,
    }
}

/// What the last message says.
fn outcome(bytes: &[u8]) -> Outcome {
    let status: Json = serde_json::from_slice(bytes).unwrap_or_default();
    if text(&status, "/status") == "Success" {
        return Outcome::Code(0);
    }
    let mut causes = elements(&status, "/details/causes").iter();
    let code = causes
        .find(|cause| text(cause, "/reason") == "ExitCode")
        .and_then(|cause| text(cause, "/message").parse().ok());
    match code {
        Some(code) => Outcome::Code(code),
        None => Outcome::NotStarted(text(&status, "/message").chars().take(1000).collect()),
    }
}

/// Lines of stderr as they come, and the error among them.
pub struct Lines<'a> {
    rest: Vec<u8>,
    note: &'a (dyn Fn(&str) + Sync),
    error: Vec<String>,
}

/// What every error of this program begins with.
const ERROR: &str = "error: failed to ";

impl<'a> Lines<'a> {
    /// Lines go to `note`, but an error and what follows it are kept.
    pub fn new(note: &'a (dyn Fn(&str) + Sync)) -> Self {
        Lines { rest: Vec::new(), note, error: Vec::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' || self.rest.len() >= MAX_LINE {
                self.line();
            }
            if *byte != b'\n' {
                self.rest.push(*byte);
            }
        }
    }

    fn line(&mut self) {
        let line = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest.clear();
        if !self.error.is_empty() || line.starts_with(ERROR) {
            if self.error.len() < 16 {
                self.error.push(line);
            }
        } else {
            (self.note)(&line);
        }
    }

    /// The error, without the words that begin each.
    pub(super) fn error(mut self) -> Option<String> {
        if !self.rest.is_empty() {
            self.line();
        }
        let error = self.error.join("\n");
        error.strip_prefix(ERROR).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn the_last_message_has_the_exit_code() {
        let ended = br#"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"130"}]}}"#;
        assert_eq!(outcome(ended), Outcome::Code(130));
        assert_eq!(outcome(br#"{"metadata":{},"status":"Success"}"#), Outcome::Code(0));
        let refused =
            br#"{"status":"Failure","message":"error executing command: executable file not found in $PATH"}"#;
        assert!(matches!(outcome(refused), Outcome::NotStarted(text) if text.contains("not found")));
        assert_eq!(outcome(b"garbage"), Outcome::NotStarted(String::new()));
    }

    #[test]
    fn lines_come_whole_and_the_error_is_kept() {
        let told = Mutex::new(Vec::new());
        let note = |line: &str| told.lock().unwrap().push(line.to_owned());
        let mut lines = Lines::new(&note);
        for part in ["listening on sh", "op/web-0:eth0\nerror: fail", "ed to capture on x\nhelp: run as root\n"] {
            lines.take(part.as_bytes());
        }
        assert_eq!(lines.error().as_deref(), Some("capture on x\nhelp: run as root"));
        assert_eq!(*told.lock().unwrap(), ["listening on shop/web-0:eth0"]);
    }
}
