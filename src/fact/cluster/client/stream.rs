//! The thread that a list's bytes go to: parses its objects and gives them to
//! the collectors while further bytes are on their way.
//!
//! A page that breaks off is asked for again. Lists come in the order of
//! their keys, so what was seen already is told by the last key alone.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::Tally;
use super::object;
use crate::fact::Json;
use crate::fact::cluster::page::{Part, Splitter};
use crate::fact::cluster::{Collection, Detail, Request};

/// How many chunks may wait to be parsed.
const QUEUE: usize = 32;

/// How many bytes may be held before they are cut.
const CUT_BYTES: usize = 256 << 10;

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It broke off.
    Short(String),
    /// It cannot be used, and will not be better the next time.
    Bad(String),
}

/// What the thread is told.
enum Message {
    /// A page begins; what was begun before it broke off.
    Begin {
        /// Whether some of it may have been seen before.
        is_again: bool,
        /// Told the token of the next page as soon as it is known.
        token: oneshot::Sender<String>,
    },
    Chunk(Bytes),
    /// The page is there.
    End(oneshot::Sender<Result<Option<String>, Fault>>),
}

/// The way to the thread.
pub(super) struct Stream {
    sender: mpsc::Sender<Message>,
}

impl Stream {
    /// Starts the thread; it ends when the stream is dropped.
    pub(super) fn start(request: Request, api_version: String, collection: Arc<Collection>, tally: Arc<Tally>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        std::thread::spawn(move || work(receiver, &mut Reading::new(request, api_version, collection, tally)));
        Stream { sender }
    }

    /// Begins a page; the answer is the token of the next one, if there is one.
    pub(super) async fn begin(&self, is_again: bool) -> oneshot::Receiver<String> {
        let (token, receiver) = oneshot::channel();
        // A thread that is gone is told at the page's end.
        let _ = self.sender.send(Message::Begin { is_again, token }).await;
        receiver
    }

    pub(super) async fn chunk(&self, bytes: Bytes) {
        let _ = self.sender.send(Message::Chunk(bytes)).await;
    }

    /// Ends a page: the token of the next one, or what is wrong with this one.
    pub(super) async fn end(&self) -> Result<Option<String>, Fault> {
        let (done, receiver) = oneshot::channel();
        let _ = self.sender.send(Message::End(done)).await;
        receiver.await.unwrap_or_else(|_| Err(Fault::Bad("a fault in scanner itself".to_owned())))
    }
}

fn work(mut receiver: mpsc::Receiver<Message>, reading: &mut Reading) {
    while let Some(message) = receiver.blocking_recv() {
        match message {
            Message::Begin { is_again, token } => reading.begin(is_again, token),
            Message::Chunk(bytes) => {
                reading.splitter.add(&bytes);
                // What came meanwhile is cut at once, so that few objects are halved.
                if receiver.is_empty() || reading.splitter.held() >= CUT_BYTES {
                    reading.cut();
                }
            }
            Message::End(done) => drop(done.send(reading.end())),
        }
    }
}

/// One list while it is parsed.
struct Reading {
    request: Request,
    /// The version that is listed.
    api_version: String,
    collection: Arc<Collection>,
    tally: Arc<Tally>,
    splitter: Splitter,
    fault: Option<String>,
    token: Option<oneshot::Sender<String>>,
    next: Option<String>,
    order: Order,
}

/// How far a list came.
#[derive(Default)]
struct Order {
    last: Option<String>,
    /// Whether each key came after the one before it.
    is_broken: bool,
    /// Whether objects may come that were seen already.
    is_again: bool,
}

impl Order {
    /// Whether the object of that key is new.
    fn is_new(&mut self, key: String) -> Result<bool, String> {
        if self.last.as_ref().is_some_and(|last| key <= *last) {
            if !self.is_again {
                self.is_broken = true;
            } else if self.is_broken {
                return Err("it broke off, and cannot go on because its order is not known".to_owned());
            } else {
                return Ok(false);
            }
        }
        self.last = Some(key);
        Ok(true)
    }
}

impl Reading {
    fn new(request: Request, api_version: String, collection: Arc<Collection>, tally: Arc<Tally>) -> Self {
        Reading {
            request,
            api_version,
            collection,
            tally,
            splitter: Splitter::default(),
            fault: None,
            token: None,
            next: None,
            order: Order::default(),
        }
    }

    fn begin(&mut self, is_again: bool, token: oneshot::Sender<String>) {
        self.splitter = Splitter::default();
        (self.fault, self.next, self.token) = (None, None, Some(token));
        self.order.is_again |= is_again;
    }

    fn cut(&mut self) {
        let mut splitter = std::mem::take(&mut self.splitter);
        if self.fault.is_none() {
            self.fault = splitter.cut(&mut |part| self.part(&part)).err();
            self.splitter = splitter;
        }
    }

    fn part(&mut self, part: &Part<'_>) -> Result<usize, String> {
        match part {
            Part::Member("metadata", bytes) => {
                let json: Json = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
                let token = json.get("continue").and_then(Json::as_str).filter(|token| !token.is_empty());
                self.next = token.map(str::to_owned);
                if let (Some(sender), Some(next)) = (self.token.take(), &self.next) {
                    let _ = sender.send(next.clone());
                }
                Ok(0)
            }
            Part::Member("kind", bytes) => {
                let is_list = serde_json::from_slice::<String>(bytes).is_ok_and(|kind| kind.ends_with("List"));
                if is_list { Ok(0) } else { Err("the answer is no list".to_owned()) }
            }
            Part::Member(..) => Ok(0),
            Part::Open(bytes) => match object::parse_first(bytes, self.request.history) {
                Some((json, taken)) => self.object(json).map(|()| taken),
                None => Ok(0),
            },
            Part::Item(bytes) => {
                let json = object::parse(bytes, self.request.history)?;
                self.object(json).map(|()| bytes.len())
            }
        }
    }

    fn object(&mut self, mut json: Json) -> Result<(), String> {
        // Metadata alone is of the kind PartialObjectMetadata, whatever it is of.
        if let Some(members) = json.as_object_mut().filter(|_| self.request.detail == Detail::Metadata) {
            members.remove("kind");
            members.insert("apiVersion", self.api_version.as_str());
        }
        if self.order.is_new(object::key(&json))? {
            self.tally.add_object();
            self.collection.see(&self.request, &json);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Option<String>, Fault> {
        self.cut();
        match self.fault.take() {
            Some(fault) => Err(Fault::Bad(fault)),
            None if !self.splitter.is_whole() => Err(Fault::Short("the answer breaks off".to_owned())),
            None => Ok(self.next.take()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_read_again_goes_on_where_it_broke_off() {
        let mut order = Order::default();
        for key in ["a/1", "a/2", "b/1"] {
            assert_eq!(order.is_new(key.to_owned()), Ok(true));
        }
        order.is_again = true;
        let again: Vec<_> = ["a/1", "a/2", "b/1", "b/2"].map(|key| order.is_new(key.to_owned()).unwrap()).into();
        assert_eq!(again, [false, false, false, true]);
    }

    #[test]
    fn a_list_without_an_order_is_read_once_and_never_on() {
        let mut order = Order::default();
        assert_eq!((order.is_new("b".to_owned()), order.is_new("a".to_owned())), (Ok(true), Ok(true)));
        order.is_again = true;
        assert!(order.is_new("a".to_owned()).is_err());
    }
}
