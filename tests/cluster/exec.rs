//! Programs in containers, as an API server and a kubelet give their streams:
//! by WebSocket, each message of one stream.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Ask;

/// What a program does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Stdout(Bytes),
    Stderr(String),
    /// It goes on when it is asked to end.
    UntilEnd,
    Wait(Duration),
    /// It ends with this code.
    Exit(i32),
    /// It is not there.
    NotFound,
    /// The connection is cut.
    Cut,
    /// What was asked for is really run, as a kubelet would.
    Run,
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Switches protocols, and goes through the steps.
pub(super) fn upgrade(
    mut request: Request<Incoming>,
    ask: Ask,
    steps: Vec<Step>,
) -> Response<BoxBody<Bytes, std::io::Error>> {
    let accept = derive_accept_key(ask.header("sec-websocket-key").as_bytes());
    let offered = ask.header("sec-websocket-protocol").to_owned();
    assert!(offered.contains("v5.channel.k8s.io") && offered.contains("v4.channel.k8s.io"), "{offered}");
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = TokioIo::new(upgraded.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        for step in steps {
            if !perform(&mut socket, step, &ask).await {
                return;
            }
        }
        let _ = socket.close(None).await;
        // What was not read would have the connection reset, and with it what was sent.
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
    });
    let response = Response::builder().status(101).header("connection", "Upgrade").header("upgrade", "websocket");
    let response =
        response.header("sec-websocket-accept", accept).header("sec-websocket-protocol", "v4.channel.k8s.io");
    response.body(Empty::new().map_err(|never| match never {}).boxed()).unwrap()
}

async fn send(socket: &mut Socket, channel: u8, bytes: &[u8]) {
    let _ = socket.send(Message::binary([&[channel], bytes].concat())).await;
}

async fn perform(socket: &mut Socket, step: Step, ask: &Ask) -> bool {
    match step {
        Step::Stdout(bytes) => send(socket, 1, &bytes).await,
        Step::Stderr(text) => send(socket, 2, text.as_bytes()).await,
        Step::Wait(pause) => tokio::time::sleep(pause).await,
        Step::UntilEnd => {
            while !matches!(socket.next().await, Some(Ok(Message::Binary(bytes))) if bytes.contains(&3)) {}
        }
        Step::Exit(code) => exit(socket, code).await,
        Step::NotFound => {
            let message = "error executing command in container: executable file not found in $PATH";
            let status = json!({"status": "Failure", "message": message, "reason": "InternalError", "code": 500});
            send(socket, 3, status.to_string().as_bytes()).await;
        }
        Step::Cut => return false,
        Step::Run => run(socket, ask).await,
    }
    true
}

async fn exit(socket: &mut Socket, code: i32) {
    let cause = json!({"reason": "ExitCode", "message": code.to_string()});
    let status = match code {
        0 => json!({"metadata": {}, "status": "Success"}),
        _ => json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}),
    };
    send(socket, 3, status.to_string().as_bytes()).await;
}

/// Runs what was asked for; where the client leaves, stdin ends and no more.
async fn run(socket: &mut Socket, ask: &Ask) {
    let mut command = ask.parameters("command");
    // This machine is the node.
    command.iter_mut().filter(|argument| *argument == "/host").for_each(|root| "/".clone_into(root));
    let mut child = std::process::Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let file = |descriptor: std::os::fd::OwnedFd| tokio::fs::File::from_std(std::fs::File::from(descriptor));
    let mut stdin = Some(file(child.stdin.take().unwrap().into()));
    let mut stdout = file(child.stdout.take().unwrap().into());
    let mut stderr = file(child.stderr.take().unwrap().into());
    let (mut sender, mut receiver) = socket.split();
    let (mut out, mut err) = (vec![0; 8192], vec![0; 8192]);
    let (mut has_out, mut has_err) = (true, true);
    while has_out || has_err {
        tokio::select! {
            read = stdout.read(&mut out), if has_out => {
                let read = read.unwrap();
                has_out = read > 0;
                let _ = sender.send(Message::binary([&[1], &out[..read]].concat())).await;
            }
            read = stderr.read(&mut err), if has_err => {
                let read = read.unwrap();
                has_err = read > 0;
                let _ = sender.send(Message::binary([&[2], &err[..read]].concat())).await;
            }
            message = receiver.next(), if stdin.is_some() => match message {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&0) => {
                    let open = stdin.as_mut().unwrap();
                    let _ = open.write_all(&bytes[1..]).await;
                    let _ = open.flush().await;
                }
                Some(Ok(_)) => {}
                None | Some(Err(_)) => stdin = None,
            },
        }
    }
    let code = tokio::task::spawn_blocking(move || child.wait().unwrap().code().unwrap_or(-1)).await.unwrap();
    // Both halves are of the socket, which is whole again once they are gone.
    drop((sender, receiver));
    exit(socket, code).await;
}
