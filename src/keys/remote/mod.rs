//! Keys that somebody else publishes as a JWK Set by URL (RFC 7517 §5), fetched and kept up to date.
//!
//! A [`RemoteKeySet`] is built from the URL of the set, or from an issuer whose metadata name it
//! ([`discovery`](super::discovery)). One task fetches, one fetch at a time, on tokio; verifiers go by what is
//! held and judge at once. The rules, in the order in which they are applied:
//!
//! 1. **Where to.** The URL that was given, by the rules of [`remote`](crate::remote): HTTPS, a deadline, a
//!    size limit, no redirect to elsewhere. With [`discover`](RemoteKeySet::discover): the issuer's own host,
//!    and the `jwks_uri` that its metadata name, which may be on another host and is https too. Nothing else
//!    is contacted, whatever a token says.
//! 2. **When.** An answer is good for as long as its `Cache-Control: max-age` (less its `Age`) or `Expires`
//!    say, within [bounds](RemoteKeySetBuilder::min_refresh_interval), and for the
//!    [refresh interval](RemoteKeySetBuilder::refresh_interval) where it says nothing: a year and no time
//!    at all are both brought within them. It is renewed ahead of that, by an eighth to a quarter of the time,
//!    at random, so that processes that were started together do not ask together. An `ETag` is sent along,
//!    and a 304 renews what is held.
//! 3. **What is an answer.** Status 200 and a JSON object with `keys`, or a 304 to an `ETag`. Anything else is a
//!    failure: another status, a page, a body that is too long, a redirect elsewhere, no answer in time.
//! 4. **Which keys are taken.** One by one: a key that is not good is skipped and [told of](SkippedKey), and the
//!    others are taken. Skipped are secrets and private keys, keys for encryption, of an unknown type or curve,
//!    weak ones ([`keys`](super) says which), ones whose algorithm is not
//!    [allowed](RemoteKeySetBuilder::algorithms), ones whose `kid` and algorithm another key before them has,
//!    and keys without `kid` beside another of their algorithm.
//! 5. **No key is no answer.** A set that is empty, or of which no key can be used, is a failure, and the keys
//!    that are held go on: an issuer that withdrew every key could not issue a token any more, so that is far
//!    more often a database that came back empty.
//! 6. **A newer answer takes the place of an older one,** as a whole, and never the other way round: no fetch
//!    begins before the one before is over. What was withdrawn is refused from then on, in caches too; what
//!    stays is not disturbed.
//! 7. **Failures.** The keys that are held go on until [`max_stale`](RemoteKeySetBuilder::max_stale) after
//!    they were last known to be right. After that they let nobody in, and whoever comes is answered
//!    [`Reason::Unavailable`](crate::Reason::Unavailable): never as if their token were bad. It is tried
//!    again each [cool-down](RemoteKeySetBuilder::cool_down); without usable keys, after a second, two, four,
//!    up to the cool-down.
//! 8. **A token that means an unknown key** has the set fetched at once, and waits, if it would be let in by
//!    its claims. A fetch that is under way, or about to begin, is joined by all who wait. One such
//!    fetch is made in each cool-down, also if it failed, so a flood of made-up `kid`s cannot become a
//!    flood of fetches; and none of them is waited for by a token whose key is held. Junk has no share in
//!    this: what is no JWT, of another issuer or audience, over, or with `alg` of a secret is refused without
//!    a look. A fetch that failed begins a cool-down whatever it was for. One that did bring a new key is not counted, so a key that was really rotated is taken up
//!    even if another was a moment ago.
//! 9. **Within a cool-down** an unknown `kid` is refused as invalid where the last fetch was
//!    answered: the key was not there a moment ago. Where that fetch failed nobody knows, and the answer is
//!    [`Reason::Unavailable`](crate::Reason::Unavailable), with the time to wait.
//!
//! A key that takes the place of another under the same `kid` and algorithm is taken up with the next
//! refresh, not at sight.
//!
//! ```no_run
//! use tower_bearer::keys::RemoteKeySet;
//! use tower_bearer::verifier::jwt::JwtVerifier;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = RemoteKeySet::discover("https://id.example.com").start().await?;
//! let verifier = JwtVerifier::builder(&keys)
//!     .issuer("https://id.example.com")
//!     .audience("https://api.example.com")
//!     .build()?;
//! # Ok(()) }
//! ```
//!
//! # A cold start
//!
//! [`start`](RemoteKeySetBuilder::start) fetches first and is an error without keys: for a service that is not
//! to come up then. [`start_lazily`](RemoteKeySetBuilder::start_lazily) comes up at once; requests wait for the
//! first fetch and are answered 503 if it fails, until one succeeds.
//!
//! # In a test
//!
//! Give clones of one [`ManualClock`](crate::clock::ManualClock) to the
//! [builder](RemoteKeySetBuilder::clock) and to the layer. The first request at which a refresh is due has it
//! begin, without waiting for it; [`settled`](RemoteKeySet::settled) waits. With another clock than the layer's
//! nothing here is right.
//!
//! # State
//!
//! [`status`](RemoteKeySet::status) says how it is. With the feature `tracing`, a change from answers to
//! failures is a warning, once, and the way back an event. With the feature `metrics`, through the facade of
//! that name, with a label `keys` that is the URL (without its query) or the issuer (for those of
//! [`Issuers`](crate::verifier::Issuers) it is `many`, and there are counters alone):
//!
//! | metric | |
//! |---|---|
//! | `tower_bearer_jwks_fetches_total` | counter, with a label `outcome`: `changed`, `unchanged`, `failed` |
//! | `tower_bearer_jwks_unknown_keys_total` | counter of tokens that meant an unknown key, with a label `answer`: `fetched` (who joins a fetch is not counted), `refused`, `unavailable` |
//! | `tower_bearer_jwks_up` | gauge: 1 where the last fetch was answered, 0 where it failed |
//! | `tower_bearer_jwks_keys` | gauge: keys that are held |
//! | `tower_bearer_jwks_skipped_keys` | gauge: keys of the last set that were skipped |
//! | `tower_bearer_jwks_age_seconds` | gauge: age of the keys, as of the last fetch |
//! | `tower_bearer_jwks_last_success_timestamp_seconds` | gauge: when they were last known to be right |
//! | `tower_bearer_jwks_next_refresh_timestamp_seconds` | gauge: when they are next fetched |

mod builder;
mod error;
mod fetcher;
mod freshness;
mod gate;
mod handle;
mod pace;
mod place;
mod published;
mod report;
mod settle;
mod shared;
mod status;
mod waiting;

pub use builder::RemoteKeySetBuilder;
pub use error::{FetchError, SetupError};
pub use handle::RemoteKeySet;
pub use published::SkippedKey;
pub use status::RemoteKeyStatus;
pub(crate) use waiting::Waiting;
