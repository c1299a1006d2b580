//! Three nodes in front of one server, each with connections and caches of its own.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::issue::{JwtIssuer, NewJwt, NewToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::node::Node;
use tower_bearer::revocation::{Feed, RevocationStore, Revocations, Target};
use tower_bearer::store::{StoreError, TokenFormat, TokenKey, TokenStore};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenRouter, TokenVerifierExt};
use tower_bearer::{BearerAuthLayer, TokenVerifier};

use crate::ledger::Token;

/// What a request may take at most, as the layer has it.
pub(crate) const DEADLINE: Duration = Duration::from_millis(250);

const HOUR: Duration = Duration::from_secs(60 * 60);
const PREFIX: &str = "fault_";
const ISSUER: &str = "https://id.example.com";
/// Of the tokens of one program alone, which are of use nowhere else.
const SECRET: &[u8; 32] = b"known to whoever reads this file";

pub(crate) type Guarded =
    BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>;

/// What one process of a service has.
pub(crate) struct Site {
    pub(crate) node: Node,
    /// A service behind a layer that remembers what it verified.
    pub(crate) door: Guarded,
    /// The same behind one that asks the store each time.
    pub(crate) plain: Guarded,
    sessions: TokenIssuer,
    jwts: JwtIssuer,
    revocations: Revocations,
}

impl Site {
    pub(crate) fn new<S>(store: Arc<S>) -> Self
    where
        S: TokenStore + RevocationStore + Feed + 'static,
    {
        let revocations = Revocations::new(store.clone(), 24 * HOUR).expect("revocations");
        let node = Node::builder(store.clone())
            .feed(store)
            .revocations(revocations.clone());
        let node = node.start().expect("a node");
        let format = TokenFormat::new(PREFIX).expect("a format");
        let key = SigningKey::from_secret(Algorithm::HS256, SECRET).expect("a key");
        let jwts = JwtIssuer::builder(key)
            .issuer(ISSUER)
            .audience("https://api.example.com")
            .lifetime(HOUR);
        let jwts = jwts.build().expect("an issuer");
        let router = || {
            let jwt = jwts.verifier().build().expect("a verifier");
            TokenRouter::builder()
                .prefix(
                    PREFIX,
                    OpaqueTokenVerifier::new(node.tokens(), format.clone()),
                )
                .jwt_issuer(ISSUER, jwt.revocable(revocations.clone()))
                .build()
                .expect("a router")
        };
        let cached = router().cached(CacheSettings::new()).expect("a cache");
        Self {
            door: guarded(cached.deadline(DEADLINE)),
            plain: guarded(router().deadline(DEADLINE)),
            sessions: TokenIssuer::opaque(node.tokens(), format.clone()),
            jwts,
            revocations,
            node,
        }
    }

    /// Issues a session, which slides with each use.
    pub(crate) async fn issue_session(&self, subject: &str) -> Option<Token> {
        let new = NewToken::session(subject).idle(HOUR).lifetime(24 * HOUR);
        let minted = self.sessions.mint(new).await.ok()?;
        Some(Token {
            session_of: Some(minted.record.subject.to_string()),
            id: minted.record.id.to_string(),
            text: minted.token.reveal(),
        })
    }

    pub(crate) fn issue_jwt(&self, subject: &str) -> Token {
        let issued = self.jwts.issue(NewJwt::new(subject)).expect("a JWT");
        Token {
            session_of: None,
            id: issued.id.to_string(),
            text: issued.token.reveal(),
        }
    }

    pub(crate) async fn revoke(
        &self,
        id: &str,
        session_of: Option<&str>,
    ) -> Result<(), StoreError> {
        match session_of {
            Some(subject) => self
                .sessions
                .revoke(TokenKey { subject, id })
                .await
                .map(drop),
            None => self.revocations.revoke(Target::token(ISSUER, id)).await,
        }
    }
}

/// Asks once.
pub(crate) async fn ask(service: &Guarded, token: &str) -> StatusCode {
    let request = Request::builder()
        .header("authorization", format!("Bearer {token}"))
        .body(Full::default())
        .expect("a request");
    let Ok(response) = service.clone().oneshot(request).await;
    response.status()
}

/// Asks until there is an answer that is none of 503, for some seconds.
pub(crate) async fn ask_patiently(service: &Guarded, token: &str) -> StatusCode {
    for _ in 0..50 {
        let status = ask(service, token).await;
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    StatusCode::SERVICE_UNAVAILABLE
}

/// A service that says 200, behind the layer.
fn guarded(verifier: impl TokenVerifier + 'static) -> Guarded {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    BoxCloneSyncService::new(BearerAuthLayer::new(verifier).layer(inner))
}
