//! Requests to the API server: few, small, and each with a time of its own.

use std::time::Duration;

use http::{Method, Request};
use kube::Client;
use kube::client::Connection;
use serde_json::Value as Json;
use tokio::time::timeout;

use super::Fault;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The most objects of a page.
const PAGE: usize = 500;

/// An API server that is asked.
#[derive(Clone)]
pub struct Api {
    client: Client,
    /// Errors of the client in a few words.
    words: fn(&kube::Error) -> String,
}

impl Api {
    /// An API server by its client, and what turns errors into words.
    pub fn new(client: Client, words: fn(&kube::Error) -> String) -> Self {
        Api { client, words }
    }

    /// The minor version of the API, where the server tells it.
    pub async fn minor(&self) -> Option<u32> {
        let version = self.get("/version", "get /version").await.ok()??;
        // Some providers add a sign: `32+`.
        text(&version, "/minor").trim_end_matches('+').parse().ok()
    }

    /// An object; none where there is none.
    pub(super) async fn get(&self, path: &str, what: &str) -> Result<Option<Json>, Fault> {
        match self.send(Method::GET, path, Vec::new(), what).await {
            Err(Fault::Api { code: Some(404), .. }) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// All objects of a list that a selector means, at most `limit` of them.
    pub(super) async fn list(&self, path: &str, selector: &str, limit: usize, what: &str) -> Result<Vec<Json>, Fault> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let path = format!("{path}?limit={PAGE}&labelSelector={}&continue={}", encode(selector), encode(&token));
            let mut page = self.send(Method::GET, &path, Vec::new(), what).await?;
            if let Some(Json::Array(found)) = page.get_mut("items").map(Json::take) {
                all.extend(found);
            }
            text(&page, "/metadata/continue").clone_into(&mut token);
            if token.is_empty() || all.len() >= limit {
                return Ok(all);
            }
        }
    }

    pub(super) async fn create(&self, path: &str, object: &Json, what: &str) -> Result<Json, Fault> {
        self.send(Method::POST, path, object.to_string().into_bytes(), what).await
    }

    pub(super) async fn delete(&self, path: &str, what: &str) -> Result<(), Fault> {
        match self.send(Method::DELETE, path, Vec::new(), what).await {
            Err(Fault::Api { code: Some(404), .. }) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// A connection for streams, by WebSocket.
    pub(super) async fn connect(&self, path: &str, what: &str) -> Result<Connection, Fault> {
        let fault = |code, message| Fault::Api { what: what.to_owned(), code, message };
        let request = Request::get(path).body(Vec::new()).map_err(|error| fault(None, error.to_string()))?;
        match timeout(PATIENCE, self.client.connect(request)).await {
            Ok(connected) => connected.map_err(|error| self.fault(&error, what)),
            Err(_) => Err(fault(None, late())),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>, what: &str) -> Result<Json, Fault> {
        let fault = |message| Fault::Api { what: what.to_owned(), code: None, message };
        let request = Request::builder().method(method).uri(path).header(http::header::ACCEPT, "application/json");
        let request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        let request = request.map_err(|error| fault(error.to_string()))?;
        match timeout(PATIENCE, self.client.request::<Json>(request)).await {
            Ok(answer) => answer.map_err(|error| self.fault(&error, what)),
            Err(_) => Err(fault(late())),
        }
    }

    fn fault(&self, error: &kube::Error, what: &str) -> Fault {
        let (code, message) = match error {
            kube::Error::Api(status) => (Some(status.code), refusal(&status.message, status.code)),
            error => (None, (self.words)(error)),
        };
        Fault::Api { what: what.to_owned(), code, message }
    }
}

/// The server's words, of which only the reason is new to the reader.
fn refusal(message: &str, code: u16) -> String {
    let reason = message.split_once("is forbidden: ").map_or(message, |(_, reason)| reason);
    let reason: String = reason.chars().take(1000).collect();
    match (code, reason.is_empty()) {
        (403, false) => format!("forbidden: {reason}"),
        (_, false) => reason,
        (code, true) => code.to_string(),
    }
}

fn late() -> String {
    format!("no answer came for {}s", PATIENCE.as_secs())
}

/// Escapes a value of a query, RFC 3986 section 2.3.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

/// A text within an object; empty where there is none.
pub(super) fn text<'a>(object: &'a Json, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// The elements of a list within an object.
pub(super) fn elements<'a>(object: &'a Json, pointer: &str) -> &'a [Json] {
    object.pointer(pointer).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The path of pods of a namespace, and what follows it.
pub(super) fn pods(namespace: &str, rest: &str) -> String {
    format!("/api/v1/namespaces/{}/pods{rest}", encode(namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_queries_is_escaped() {
        assert_eq!(encode("app=web,tier in (a b)"), "app%3Dweb%2Ctier%20in%20%28a%20b%29");
        assert_eq!(encode("tcp port 80 & é"), "tcp%20port%2080%20%26%20%C3%A9");
    }

    #[test]
    fn refusals_say_why_and_nothing_twice() {
        let message =
            r#"pods is forbidden: User "a" cannot create resource "pods" in API group "" in the namespace "x""#;
        assert_eq!(
            refusal(message, 403),
            r#"forbidden: User "a" cannot create resource "pods" in API group "" in the namespace "x""#
        );
        assert_eq!(refusal("", 500), "500");
    }
}
