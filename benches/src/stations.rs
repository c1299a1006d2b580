//! Nodes on one store, each with connections, a subscription, a cache and a layer of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::BearerAuthLayer;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::store::{TokenFormat, TokenKey};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};

use crate::check;
use crate::databases::Database;

/// How many nodes there are.
pub const NODES: usize = 3;
/// How many sessions they share.
pub const SESSIONS: usize = 1_000;

/// One node with its layer.
#[derive(Debug)]
pub struct Station {
    /// The node.
    pub node: Node,
    /// What mints and ends sessions at it.
    pub issuer: TokenIssuer,
    layer: BearerAuthLayer,
}

impl Station {
    async fn new(database: &Database) -> Self {
        let (tokens, feed) = database.again().await.expect("a store that is shared");
        let node = Node::builder(tokens).feed(feed).start().expect("a node");
        while !node.state().is_trusted {
            sleep(Duration::from_millis(10)).await;
        }
        let format = TokenFormat::new("st_").expect("a prefix");
        let verifier = OpaqueTokenVerifier::new(node.tokens(), format.clone());
        // Longer than the bench, so that the feed alone ends what is remembered.
        let settings = CacheSettings::new().max_age(Duration::from_secs(3600));
        Self {
            issuer: TokenIssuer::opaque(node.tokens(), format),
            layer: BearerAuthLayer::new(verifier.cached(settings).expect("a cache")),
            node,
        }
    }

    /// A new session: its `Authorization` and its id.
    pub async fn mint(&self, subject: String) -> (HeaderValue, Box<str>) {
        let session = NewToken::session(subject).idle(Duration::from_secs(1800));
        let minted = self.issuer.mint(session).await.expect("a token");
        let text = Bytes::from(format!("Bearer {}", minted.token.reveal()));
        let value = HeaderValue::from_maybe_shared(text).expect("a header value");
        (value, minted.record.id)
    }

    /// Whether a request is let in.
    ///
    /// # Panics
    /// If it is neither let in nor refused.
    pub async fn lets_in(&self, authorization: &HeaderValue) -> bool {
        let service = self.layer.layer(service_fn(answer));
        let mut request = Request::new(Full::default());
        request
            .headers_mut()
            .insert(AUTHORIZATION, authorization.clone());
        let response = service.oneshot(request).await.expect("an answer");
        match response.status().as_u16() {
            200 => true,
            401 => false,
            status => panic!("answered by {status}"),
        }
    }
}

async fn answer(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

/// Three of them, of which each works.
pub async fn stations(database: &Database) -> Vec<Arc<Station>> {
    let mut stations = Vec::new();
    for _ in 0..NODES {
        stations.push(Arc::new(Station::new(database).await));
    }
    let (good, id) = stations[0].mint("somebody".to_owned()).await;
    let forged = HeaderValue::from_static("Bearer st_no-such-token");
    for station in &stations {
        check(station.lets_in(&good).await, "a good token is let in");
        check(!station.lets_in(&forged).await, "a forged one is refused");
    }
    let key = TokenKey {
        subject: "somebody",
        id: &id,
    };
    stations[0].issuer.revoke(key).await.expect("an end");
    check(
        !stations[0].lets_in(&good).await,
        "a revoked one is refused",
    );
    stations
}

/// Sessions that all know.
pub async fn sessions(station: &Arc<Station>) -> Arc<Vec<HeaderValue>> {
    let mut minting = JoinSet::new();
    for number in 0..SESSIONS {
        let station = Arc::clone(station);
        minting.spawn(async move { station.mint(format!("user-{number}")).await.0 });
    }
    Arc::new(minting.join_all().await)
}
