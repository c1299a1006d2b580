//! How much heap the entries of a cache take, by what they remember.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tower_bearer::TokenVerifier;
use tower_bearer::clock::{Clock, SystemClock};
use tower_bearer::credential::BearerToken;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::store::{MemoryStore, TokenFormat, TokenStore};
use tower_bearer::verifier::{
    Answer, CacheSettings, OpaqueTokenVerifier, Presented, TokenVerifierExt,
};

use crate::check;
use crate::credentials::{jwt_of_800, new_jwt_of_800};
use crate::databases::Database;

/// So many are minted at a time.
const AT_A_TIME: usize = 500;
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// How many entries there are.
    pub entries: usize,
    /// What they take, with the cache itself.
    pub bytes: i64,
}

/// JWTs of 800 bytes.
#[must_use]
pub fn jwts(entries: usize) -> Judged {
    let (issuer, ballast) = jwt_of_800();
    let verifier = issuer.verifier().build().expect("a verifier");
    let token = |_| {
        let issued = issuer.issue(new_jwt_of_800(ballast)).expect("a token");
        issued.token.reveal()
    };
    // With what issuer and verifier set up once.
    judge(&runtime(), Arc::new(verifier), (0..entries).map(token))
}

/// Sessions in the memory store, which shares its records with the cache.
#[must_use]
pub fn sessions(entries: usize) -> Judged {
    let runtime = runtime();
    let store: Arc<dyn TokenStore> = Arc::new(MemoryStore::new());
    let (verifier, tokens) = runtime.block_on(minted(&store, entries));
    judge(&runtime, verifier, tokens.iter())
}

/// Sessions in a Redis, behind a node. `None` without a Redis.
#[must_use]
pub fn sessions_far(entries: usize) -> Option<Judged> {
    let runtime = runtime();
    let (_database, _node, verifier, tokens) = runtime.block_on(async {
        let database = Database::redis().await?;
        let node = Node::builder(database.tokens.clone());
        let node = node.start().expect("a node");
        let (verifier, tokens) = minted(&node.tokens(), entries).await;
        Some((database, node, verifier, tokens))
    })?;
    Some(judge(&runtime, verifier, tokens.iter()))
}

async fn minted(
    store: &Arc<dyn TokenStore>,
    entries: usize,
) -> (Arc<OpaqueTokenVerifier>, Vec<String>) {
    let format = TokenFormat::new("st_").expect("a prefix");
    let issuer = TokenIssuer::opaque(Arc::clone(store), format.clone());
    let mut tokens = Vec::with_capacity(entries);
    while tokens.len() < entries {
        let mut minting = JoinSet::new();
        for number in tokens.len()..entries.min(tokens.len() + AT_A_TIME) {
            let session = NewToken::session(format!("user-{number}"));
            let (issuer, session) = (issuer.clone(), session.idle(HALF_AN_HOUR));
            minting.spawn(async move { issuer.mint(session).await.expect("a token") });
        }
        let minted = minting.join_all().await.into_iter();
        tokens.extend(minted.map(|minted| minted.token.reveal()));
    }
    let verifier = Arc::new(OpaqueTokenVerifier::new(Arc::clone(store), format));
    (verifier, tokens)
}

/// Lets all through a new cache, on this thread, where the allocator counts.
fn judge<V: TokenVerifier + 'static>(
    runtime: &Runtime,
    verifier: Arc<V>,
    tokens: impl ExactSizeIterator<Item: AsRef<str>>,
) -> Judged {
    let entries = tokens.len();
    let settings = CacheSettings::new().capacity(2 * entries);
    let mut cache = None;
    let counted = allocation_counter::measure(|| {
        let cached = Arc::new(verifier.cached(settings).expect("a cache"));
        runtime.block_on(async {
            for token in tokens {
                let token = BearerToken::new(token.as_ref()).expect("a token");
                let presented = Presented::new(token, SystemClock.now());
                let answer = Answer::of(&cached, &presented).wait().await;
                check(answer.is_ok(), "a good token is let in");
            }
        });
        cache = Some(cached);
    });
    let kept = cache.map_or(0, |cache| cache.handle().len());
    check(kept == entries, "all are remembered");
    Judged {
        entries,
        bytes: counted.bytes_current,
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
