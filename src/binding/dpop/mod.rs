//! Tokens bound to a key, and the proofs that come with them (RFC 9449).

mod builder;
mod nonce;
mod proof;
mod url;

use std::sync::Arc;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use self::nonce::{Nonces, Standing};
use self::proof::Proof;
use self::url::{Sites, Url};
use crate::clock::Timestamp;
use crate::error::StoreError;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::keys::Algorithm;
use crate::refusal::{Reason, Refusal};
use crate::replay::{ReplayId, ReplayStore};
use crate::verifier::{Answer, Presented};

pub use builder::DpopBuilder;
pub use nonce::NonceKey;

/// The header that the proof is in.
pub(super) const HEADER: HeaderName = HeaderName::from_static("dpop");

/// Has possession of a key proved by a signature over each request (RFC 9449); a way for a
/// [`Binding`](super::Binding). What a proof must be, in the order in which it is looked at:
///
/// 1. There is one `DPoP` header, of at most 8 KiB, and it is a JWT: three parts, each canonical base64url.
/// 2. Its header has `typ` `dpop+jwt`, an `alg` that is [allowed](DpopBuilder::algorithms) and never that of
///    a shared secret, and a `jwk` that is a public key for it, as good as a key of a
///    [`KeySet`](crate::keys::KeySet) must be, without a private part. It has no `crit`, `b64`, `zip` or `cty`.
/// 3. The key is the one that the token is bound to: the thumbprint of the `jwk` (RFC 7638) is its `jkt`.
/// 4. The signature is good.
/// 5. `htm` is the request's method, and `htu` its [URL](DpopBuilder::url).
/// 6. `ath` is the SHA-256 of the token.
/// 7. It is recent: `now < iat + max_age` and `iat <= now + leeway`. Where
///    [nonces](DpopBuilder::require_nonce) are asked for, its `nonce` says so in place of `iat`.
/// 8. Its `jti`, of 1 to 256 bytes, is one that this key has not used before. This is said by the
///    [store](ReplayStore), and remembered for as long as the proof would be good.
///
/// The query is no part of `htu`, and the body of nothing: a proof says who sends a request, and not all of
/// what it says.
#[derive(Debug)]
pub struct Dpop {
    replays: Arc<dyn ReplayStore>,
    sites: Sites,
    algorithms: Box<[Algorithm]>,
    max_age: Duration,
    leeway: Duration,
    nonces: Option<Nonces>,
}

/// A proof that is good if it comes for the first time.
pub(super) struct Proved {
    pub(super) first: First,
    pub(super) renewed_nonce: Option<Box<HeaderValue>>,
}

impl Dpop {
    /// Begins one, with the store that knows which proofs were used: one for all processes that take tokens
    /// of the same issuer under the same URL. Their settings are the same, or one forgets a proof that another
    /// would still take.
    pub fn builder(replays: Arc<dyn ReplayStore>) -> DpopBuilder {
        DpopBuilder::new(replays)
    }

    pub(super) fn algorithm_names(&self) -> Vec<&'static str> {
        self.algorithms.iter().map(|alg| alg.as_str()).collect()
    }

    /// Whether the request has a proof by the key with the thumbprint `jkt`.
    pub(super) fn check(
        &self,
        jkt: &str,
        presented: &Presented,
        head: &RequestHead<'_>,
    ) -> Result<Proved, Refusal> {
        let text = proof_in(head)?;
        let proof = Proof::verify(text, jkt, &self.algorithms)?;
        let claims = proof.claims().map_err(invalid)?;
        if claims.method != head.method.as_str() {
            return Err(invalid("the proof is for another method"));
        }
        let url = Url::parse(&claims.url).ok_or(invalid("the proof's htu is no URL"))?;
        self.sites.check(&url, head).map_err(invalid)?;
        let token = Sha256::digest(presented.token.expose_bytes());
        if *claims.token_hash != *URL_SAFE_NO_PAD.encode_to_string(token) {
            return Err(invalid("the proof is for another token"));
        }
        let now = presented.now;
        let (until, renewed_nonce) = match &self.nonces {
            Some(nonces) => self.check_nonce(nonces, claims.nonce.as_deref(), now)?,
            None => (self.check_age(claims.issued_at, now)?, None),
        };
        Ok(Proved {
            first: First {
                replays: Arc::clone(&self.replays),
                id: ReplayId::of("dpop", [jkt, &*claims.id]),
                // Another node's clock may be behind by as much.
                until: until.saturating_add(self.leeway),
                now,
            },
            renewed_nonce,
        })
    }

    /// Until when the proof is good.
    fn check_age(&self, issued_at: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
        if issued_at > now.saturating_add(self.leeway) {
            return Err(invalid("the proof is of the future"));
        }
        let until = issued_at.saturating_add(self.max_age);
        if now >= until {
            return Err(invalid("the proof is too old"));
        }
        Ok(until)
    }

    /// The same by its nonce, and the nonce to use from now on, if that is another.
    fn check_nonce(
        &self,
        nonces: &Nonces,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<(Timestamp, Option<Box<HeaderValue>>), Refusal> {
        let fresh = || {
            let failed = Refusal::unavailable("no nonce could be made");
            nonces.at(now).ok_or(failed)
        };
        let problem = match nonce.map(|nonce| nonces.judge(nonce, now)) {
            Some(Standing::Current { until }) => return Ok((until, None)),
            Some(Standing::Aging { until }) => return Ok((until, Some(Box::new(fresh()?)))),
            Some(Standing::Unknown) => "the proof's nonce is too old, or none of ours",
            None => "the proof has no nonce",
        };
        Err(Refusal::new(Reason::NonceRequired, problem).with_dpop_nonce(fresh()?))
    }
}

/// Asks whether a proof comes for the first time.
pub(super) struct First {
    replays: Arc<dyn ReplayStore>,
    id: ReplayId,
    until: Timestamp,
    now: Timestamp,
}

impl First {
    pub(super) fn begin(self, identity: Identity) -> Answer {
        let Self { id, until, now, .. } = self;
        if let Some(first) = self.replays.remember_once_now(&id, until, now) {
            return Answer::Now(judge(first, identity));
        }
        Answer::Later(Box::pin(async move {
            let first = self.replays.remember_once(&id, until, now).await;
            judge(first, identity)
        }))
    }
}

fn judge(first: Result<bool, StoreError>, identity: Identity) -> Result<Identity, Refusal> {
    let refusal = match first {
        Ok(true) => return Ok(identity),
        Ok(false) => Refusal::new(Reason::Replayed, "the proof was used before"),
        Err(error) => {
            Refusal::unavailable("the store of used proofs gave no answer").with_source(error)
        }
    };
    Err(refusal.naming(identity.credential_id()))
}

fn proof_in<'a>(head: &RequestHead<'a>) -> Result<&'a str, Refusal> {
    const MAX_LEN: usize = 8 * 1024;
    let mut values = head.headers.get_all(HEADER).iter();
    let value = values.next().ok_or(invalid("there is no proof"))?;
    if values.next().is_some() {
        return Err(invalid("there are several proofs"));
    }
    if value.len() > MAX_LEN {
        return Err(invalid("the proof is too long"));
    }
    value.to_str().map_err(|_| invalid("the proof is no JWT"))
}

fn invalid(detail: &'static str) -> Refusal {
    Refusal::new(Reason::InvalidProof, detail)
}
