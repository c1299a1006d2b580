//! Where a story takes place: one node of the house, or several in front of one database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tower_bearer::clock::ManualClock;
use tower_bearer::issue::{SigningKey, SigningKeys};
use tower_bearer::keys::Algorithm;
use tower_bearer::node::Node;
use tower_bearer::revocation::Revocations;

use super::answers::Told;
use super::caller::{Caller, Refused};
use super::fresh::clock;
use super::house::{House, MONTH, Setting};
use super::{grpc, http};
use crate::nodes::Backend;

/// How soon a node hears of what another ended, by real time.
const SOON: Duration = Duration::from_secs(5);

/// What carries the calls.
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    Http,
    Grpc,
}

/// All nodes have the clock and the signing keys in common, and the database.
pub struct Site {
    pub clock: ManualClock,
    nodes: Vec<(Node, Box<dyn Caller>)>,
    // Files that are open until then.
    _backends: Vec<Backend>,
}

/// A node as its clients have it.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    number: usize,
    caller: &'a dyn Caller,
}

/// A token that was given out.
#[derive(Debug, Clone)]
pub struct Given {
    pub token: String,
    pub id: String,
    /// Empty where there is none.
    pub refresh: String,
}

impl Site {
    pub async fn open(backends: Vec<Backend>, transport: Transport) -> Self {
        let clock = clock();
        let keys = SigningKeys::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let mut nodes = Vec::new();
        for backend in &backends {
            let revocations = Revocations::new(Arc::clone(&backend.revocations), MONTH).unwrap();
            let revocations = revocations.with_clock(clock.clone());
            let mut node = Node::builder(Arc::clone(&backend.tokens)).clock(clock.clone());
            node = node.revocations(revocations.clone());
            if let Some(feed) = &backend.feed {
                node = node.feed(Arc::clone(feed));
            }
            let node = node.start().unwrap();
            let house = House::new(Setting {
                tokens: node.tokens(),
                revocations,
                keys: keys.clone(),
                clock: clock.clone(),
            });
            let caller = match transport {
                Transport::Http => http::serve(house).await,
                Transport::Grpc => grpc::serve(house).await,
            };
            nodes.push((node, caller));
        }
        // Until then it remembers nothing, and the story would say less.
        let begun = Instant::now();
        while nodes.iter().any(|(node, _)| !node.state().is_trusted) {
            assert!(begun.elapsed() < 4 * SOON, "the feed is not heard");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self {
            clock,
            nodes,
            _backends: backends,
        }
    }

    /// The node of this number, of as many as there are.
    pub fn door(&self, number: usize) -> Door<'_> {
        let number = number % self.nodes.len();
        Door {
            number,
            caller: &*self.nodes[number].1,
        }
    }

    pub fn first(&self) -> Door<'_> {
        self.door(0)
    }

    /// Another than the first, if there is one.
    pub fn second(&self) -> Door<'_> {
        self.door(1)
    }

    /// Yet another, if there is one.
    pub fn third(&self) -> Door<'_> {
        self.door(2)
    }

    pub fn doors(&self) -> impl Iterator<Item = Door<'_>> {
        (0..self.nodes.len()).map(|number| self.door(number))
    }

    /// Has every node write what it knows of uses.
    pub async fn flush(&self) {
        for (node, _) in &self.nodes {
            assert_eq!(node.flush().await, 0);
        }
    }

    pub async fn admits(&self, token: &str) {
        for door in self.doors() {
            door.admits(token).await;
        }
    }

    /// Every node refuses the token already.
    pub async fn refuses(&self, token: &str) {
        for door in self.doors() {
            door.refuses(token).await;
        }
    }

    /// The token was ended at that door, which refuses it at once; the others do soon, and none takes that
    /// back.
    pub async fn hears_the_end_at(&self, ended_at: Door<'_>, token: &str) {
        ended_at.refuses(token).await;
        let begun = Instant::now();
        for door in self.doors() {
            while door.whoami(token).await.is_ok() {
                assert!(begun.elapsed() < SOON, "node {} is deaf", door.number);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        self.refuses(token).await;
    }
}

impl Door<'_> {
    pub async fn call(self, verb: &str, token: &str, asked: Value) -> Result<Value, Refused> {
        let token = Some(token).filter(|token| !token.is_empty());
        self.caller.call(verb, token, &asked).await
    }

    /// A session of whoever it is.
    pub async fn login(self, subject: &str) -> Given {
        self.login_with(json!({"subject": subject})).await
    }

    pub async fn login_with(self, asked: Value) -> Given {
        given(&self.call("login", "", asked).await.unwrap())
    }

    /// An access token with a refresh token.
    pub async fn login_for_pair(self, subject: &str) -> Given {
        self.login_with(json!({"subject": subject, "for": "pair"}))
            .await
    }

    /// A JWT that can be extended.
    pub async fn login_for_week(self, subject: &str) -> Given {
        self.login_with(json!({"subject": subject, "for": "week"}))
            .await
    }

    pub async fn renew(self, refresh: &str) -> Result<Given, Refused> {
        let renewed = self.call("renew", "", json!({"refresh": refresh})).await;
        renewed.map(|renewed| given(&renewed))
    }

    /// What a call gives that makes a token.
    pub async fn make(self, verb: &str, token: &str, asked: Value) -> Result<Given, Refused> {
        self.call(verb, token, asked).await.map(|made| given(&made))
    }

    /// A call that must come to its end.
    pub async fn tell(self, verb: &str, token: &str, asked: Value) {
        self.call(verb, token, asked).await.unwrap();
    }

    pub async fn whoami(self, token: &str) -> Result<Value, Refused> {
        self.call("whoami", token, Value::Null).await
    }

    pub async fn admits(self, token: &str) {
        if let Err(refused) = self.whoami(token).await {
            panic!("node {} refuses: {refused:?}", self.number);
        }
    }

    /// Refuses the token, as any that is not good.
    pub async fn refuses(self, token: &str) -> Refused {
        let Err(refused) = self.whoami(token).await else {
            panic!("node {} lets it in", self.number);
        };
        refused.assert(Told::INVALID);
        refused
    }
}

fn given(value: &Value) -> Given {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Given {
        token: text("token"),
        id: text("id"),
        refresh: text("refresh"),
    }
}
