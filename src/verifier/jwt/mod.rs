//! JSON Web Tokens (RFC 7519) and the access tokens of RFC 9068.
//!
//! What a token must be, in the order in which it is looked at; each step is met before the next:
//!
//! 1. **Shape.** Three parts between two dots, each canonical base64url without padding (RFC 7515 §7.1).
//! 2. **Header.** One JSON object with unique members. `alg` and perhaps `kid` are read; `typ` must be
//!    absent, `JWT` or `at+jwt`, or one of what [`token_type`](JwtVerifierBuilder::token_type) says. A
//!    header with `crit`, `b64`, `zip` or `cty` is refused, and what it says of keys (`jwk`, `jku`,
//!    `x5u`, `x5c`) is passed over.
//! 3. **Key.** The one key that `kid` and `alg` mean, as [`KeySet`] says. The algorithm is the key's.
//! 4. **Signature.**
//! 5. **Claims.** One JSON object in UTF-8 with unique members and nothing after it. Every claim that is
//!    known has its right type: `iss`, `sub`, `jti`, `client_id`, `acr`, `sid` strings; `aud` a string
//!    or a non-empty array of strings; `exp`, `nbf`, `iat`, `auth_time` numbers; scopes a string or an array
//!    of strings, roles an array of strings, what names a subject, client or tenant a string. Claims that are
//!    read inside of others stand in objects with unique members. A claim with stated values has one of them.
//! 6. `iss` is one of those trusted, `aud` names this service, the subject is not empty, `exp` is there,
//!    `jti` and the tenant are not empty where they are there, and what was required besides is there.
//! 7. **Time.** The token is good if and only if `now < exp + leeway`; `nbf` and `iat`, where there, are
//!    at most `now + leeway`. Fractions count to the millisecond. From `iat` to `exp` it is no longer than
//!    [`max_lifetime`](JwtVerifierBuilder::max_lifetime) says, if anything.
//! 8. A token with `cnf` is bound to its holder (RFC 7800): to a key by `jkt` (RFC 9449 §6.1), to a
//!    certificate by `x5t#S256` (RFC 8705 §3.1), or to both. One that is bound to anything else, too, is
//!    refused as [`Reason::Unproved`](crate::Reason::Unproved).
//! 9. The claims fit the service's own type, where [`claims`](JwtVerifierBuilder::claims) names one.
//! 10. A bound token is refused as [`Reason::Unproved`](crate::Reason::Unproved), unless whoever presents
//!     it [checks the proof](Presented::checks_proof), as a layer with a [`binding`](crate::binding) does.
//!
//! The identity has `sub` as its subject, `jti` as its credential id, `client_id`, scopes, `auth_time`,
//! `acr`, `sid` as its session id, the `kid` of the key that verified it (also where the token names none),
//! and as its end `exp` as it stands; the leeway comes on top. It has roles and a tenant where settings say
//! from where, and a subject, client and scopes from other claims (`azp`, `scp`) where those say so.
//!
//! It was issued at `iat`; more exactly at `iat_ms`, where that is a whole number of milliseconds since
//! the epoch within the second that `iat` names. Anything else in `iat_ms` is passed over. The issuer of
//! this crate writes it, so that two logins within one second can be told apart.
//!
//! Where its keys may change (a [`SharedKeySet`], [`SigningKeys`](crate::issue::SigningKeys)), an identity
//! is good for as long as its key is held: once that is withdrawn, it is not let in any more, not even from
//! a cache. Such a verifier uses the place of [`Identity::with_on_admitted`].
//!
//! Where they are somebody else's, by URL (a [`RemoteKeySet`]), a token that means a key which is not held may
//! have it fetched, and waits meanwhile, but only if its claims (5 to 9) are such that it would be let in; how
//! often that may be, and what is answered otherwise, is said [there](crate::keys::remote). Keys that are too
//! old to be gone by let nobody in: the answer is [`Reason::Unavailable`](crate::Reason::Unavailable).
//!
//! ```
//! use tower_bearer::keys::{Algorithm, VerificationKey};
//! use tower_bearer::verifier::jwt::JwtVerifier;
//!
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
//! # let pem = "-----BEGIN PUBLIC KEY-----
//! # MCowBQYDK2VwAyEArfJW5Hnwl3HQKkZnAUnuylRhk4mgo/qCFodsmRi2qec=
//! # -----END PUBLIC KEY-----";
//! let verifier = JwtVerifier::builder(VerificationKey::from_pem(Algorithm::EdDSA, pem)?)
//!     .issuer("https://id.example.com")
//!     .audience("https://api.example.com")
//!     .require_claim("type", "access")
//!     .build()?;
//! # }
//! # Ok::<(), tower_bearer::ConfigError>(())
//! ```
//!
//! | an issuer that | takes |
//! |---|---|
//! | follows RFC 9068 | [`JwtVerifier::rfc9068`] |
//! | signs other kinds of token with the same keys | [`require_claim`](JwtVerifierBuilder::require_claim), such as `token_use` with `access` |
//! | writes scopes elsewhere, such as in `scp` | [`scope_claim`](JwtVerifierBuilder::scope_claim) |
//! | writes scopes into several claims | [`scopes_at`](JwtVerifierBuilder::scopes_at) |
//! | writes roles or groups into an array of its own | [`roles_claim`](JwtVerifierBuilder::roles_claim) |
//! | writes roles deeper inside | [`roles_at`](JwtVerifierBuilder::roles_at) |
//! | names callers elsewhere, or by the client alone | [`subject_claim`](JwtVerifierBuilder::subject_claim), [`subject_fallback`](JwtVerifierBuilder::subject_fallback) |
//! | names the client in `azp` | [`client_id_fallback`](JwtVerifierBuilder::client_id_fallback) |
//! | has tenants | [`tenant_claim`](JwtVerifierBuilder::tenant_claim), [`issuer_template`](JwtVerifierBuilder::issuer_template) |
//! | writes no `aud`, but `client_id` | [`audience_fallback`](JwtVerifierBuilder::audience_fallback) |
//! | publishes RSA keys without `alg` | [`KeySet::from_jwks_for`] |
//!
//! [`KeySet`]: crate::keys::KeySet
//! [`RemoteKeySet`]: crate::keys::RemoteKeySet
//! [`KeySet::from_jwks_for`]: crate::keys::KeySet::from_jwks_for
//! [`SharedKeySet`]: crate::keys::SharedKeySet

mod bound;
mod build;
mod builder;
mod claims;
pub mod dangerous;
mod header;
mod jws;
mod known;
pub(crate) mod peek;
mod rules;
mod shapes;
mod sources;
mod template;
mod value;

use std::sync::Arc;

use async_trait::async_trait;

use self::header::{Header, TokenType};
use self::jws::{NO_SUCH_KEY, NOT_THREE_PARTS, Refused, choose};
use self::known::{Keys, KnownKeys};
use super::{Answer, Presented, TokenVerifier};
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::keys::{Lookup, VerifierKeys, Waiting};
use crate::refusal::Refusal;

pub use builder::JwtVerifierBuilder;
pub(crate) use header::without_application;
pub(crate) use jws::Parts;
pub(super) use rules::Rules;
pub use value::ClaimValue;

/// How often a token waits for keys: for a fetch that was under way, and for one that began since.
const MAX_WAITS: usize = 2;

/// Judges JSON Web Tokens by their signature and claims. Waits for nothing, unless a key has to be fetched.
///
/// The rules are in the [module's](self) documentation.
#[derive(Debug)]
pub struct JwtVerifier {
    keys: Keys,
    token_type: TokenType,
    rules: Rules,
}

impl JwtVerifier {
    /// Begins a verifier of tokens that are signed by one of `keys`: a
    /// [`KeySet`](crate::keys::KeySet), one in an [`Arc`], a single
    /// [`VerificationKey`](crate::keys::VerificationKey), or keys that change meanwhile, in a
    /// [`SharedKeySet`](crate::keys::SharedKeySet), [`SigningKeys`](crate::issue::SigningKeys) or
    /// [`RemoteKeySet`](crate::keys::RemoteKeySet).
    ///
    /// Issuer and audience must be stated, or waived by name, before it can be built.
    pub fn builder(keys: impl Into<VerifierKeys>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(keys.into())
    }

    /// Begins a verifier of access tokens by RFC 9068 §4: of type `at+jwt`, with `iss`, `aud`, `exp`,
    /// `sub`, `client_id`, `iat` and `jti`.
    pub fn rfc9068(
        keys: impl Into<VerifierKeys>,
        issuer: impl Into<Arc<str>>,
        audience: impl Into<Box<str>>,
    ) -> JwtVerifierBuilder {
        Self::builder(keys)
            .issuer(issuer)
            .audience(audience)
            .token_type("at+jwt")
            .require_client_id()
            .require_iat()
            .require_jti()
    }

    /// Judges by the keys that are held, or says that one has to be waited for. `is_fresh` is whether they
    /// were fetched for this token.
    fn look(&self, presented: &Presented, is_fresh: bool) -> Look {
        let (token, now) = (presented.token.expose_bytes(), presented.now);
        let supply = self.keys.supply();
        let usable = supply.is_none_or(|supply| supply.attend(now));
        if usable {
            match self.keys.with(|known| self.judge_by(known, token, now)) {
                Ok(identity) => return Look::Judged(presented.unless_unproved(identity)),
                Err(Refused::For(refusal)) => return Look::Judged(Err(refusal)),
                Err(Refused::NoKey) if is_fresh => return Look::Judged(Err(NO_SUCH_KEY)),
                Err(Refused::NoKey) => {}
            }
        }
        self.look_up(presented)
    }

    #[cold]
    fn look_up(&self, presented: &Presented) -> Look {
        let Some(supply) = self.keys.supply() else {
            return Look::Judged(Err(NO_SUCH_KEY));
        };
        let refusal = match self.presume(presented) {
            Err(refusal) => refusal,
            Ok(()) => match supply.look_up(presented.now) {
                Lookup::Wait(waiting) => return Look::Wait(waiting),
                Lookup::Unknown => NO_SUCH_KEY,
                Lookup::Unavailable(refusal) => refusal,
            },
        };
        Look::Judged(Err(refusal))
    }

    /// Whether the token would be good if its signature were, so that junk has no key looked up. Of the
    /// claims of a token that nobody has vouched for, nothing is told.
    fn presume(&self, presented: &Presented) -> Result<(), Refusal> {
        let parts = Parts::of(presented.token.expose_bytes()).ok_or(NOT_THREE_PARTS)?;
        parts.with_header(|header| match header.algorithm.is_symmetric() {
            true => Err(NO_SUCH_KEY),
            false => self.check_type(&header),
        })?;
        parts.with_signature(|_| Ok::<_, Refusal>(()))?;
        parts.with_payload(|payload| {
            let payload = std::str::from_utf8(payload).map_err(|_| NO_SUCH_KEY)?;
            let judged = self.rules.judge(payload, None, presented.now);
            let judged = judged.and_then(|identity| presented.unless_unproved(identity));
            judged.map(drop).map_err(|_| NO_SUCH_KEY)
        })
    }

    fn judge_by(
        &self,
        known: &KnownKeys,
        token: &[u8],
        now: Timestamp,
    ) -> Result<Identity, Refused> {
        let parts = Parts::of(token).ok_or(NOT_THREE_PARTS)?;
        parts.with_payload(|payload| {
            let place =
                parts.with_signature(|signature| self.check_signature(known, &parts, signature))?;
            let payload = std::str::from_utf8(payload)
                .map_err(|_| Refusal::invalid("the payload is not UTF-8"))?;
            let identity = self.rules.judge(payload, Some(known.key(place)), now)?;
            Ok(match known.watch(place) {
                Some(watch) => identity.with_on_admitted(watch),
                None => identity,
            })
        })
    }

    /// The place of the key whose signature it is.
    fn check_signature(
        &self,
        known: &KnownKeys,
        parts: &Parts<'_>,
        signature: &[u8],
    ) -> Result<usize, Refused> {
        if let Some(place) = known.recall(parts.header) {
            parts.check(signature, known.key(place))?;
            return Ok(place);
        }
        let place = parts.with_header(|header| self.admit(known, &header))?;
        parts.check(signature, known.key(place))?;
        known.remember(parts.header, place);
        Ok(place)
    }

    fn admit(&self, known: &KnownKeys, header: &Header<'_>) -> Result<usize, Refused> {
        self.check_type(header)?;
        choose(known.keys(), header)
    }

    fn check_type(&self, header: &Header<'_>) -> Result<(), Refusal> {
        if self.token_type.admits(header.typ.as_deref()) {
            Ok(())
        } else {
            Err(Refusal::invalid("the header's typ is another"))
        }
    }
}

/// What is known of a token at first sight.
enum Look {
    Judged(Result<Identity, Refusal>),
    Wait(Waiting),
}

#[async_trait]
impl TokenVerifier for JwtVerifier {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        let mut is_fresh = false;
        for waits in 0..=MAX_WAITS {
            match self.look(presented, is_fresh) {
                Look::Judged(judged) => return judged,
                // Whatever begins after the first wait is fresh.
                Look::Wait(waiting) => is_fresh = waiting.wait(waits > 0).await?,
            }
        }
        Err(Refusal::unavailable("no keys were fetched in time"))
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        match self.look(presented, false) {
            Look::Judged(judged) => Some(Answer::Now(judged)),
            // A key is on its way: `verify` waits for it.
            Look::Wait(_) => None,
        }
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use std::time::Duration;

    use base64_simd::URL_SAFE_NO_PAD;

    use super::*;
    use crate::clock::ManualClock;
    use crate::credential::BearerToken;
    use crate::issue::{JwtIssuer, NewJwt, SigningKey};
    use crate::keys::Algorithm;

    fn judge(verifier: &JwtVerifier, token: &str) -> Result<Identity, Refusal> {
        let token = BearerToken::new(token).expect("a token");
        match verifier.begin(&Presented::new(token, Timestamp::EPOCH)) {
            Some(Answer::Now(judged)) => judged,
            _ => panic!("the key is held"),
        }
    }

    #[test]
    fn forged_tokens_leave_room_for_the_headers_of_good_ones() {
        let key = SigningKey::from_secret(Algorithm::HS256, [7; 32]).expect("a key");
        let issuer = JwtIssuer::builder(key)
            .issuer("https://id.example.com")
            .audience("https://api.example.com")
            .lifetime(Duration::from_secs(60))
            .clock(ManualClock::new(Timestamp::EPOCH));
        let issuer = issuer.build().expect("an issuer");
        let verifier = issuer.verifier().build().expect("a verifier");
        let good = issuer.issue(NewJwt::new("alice")).expect("a token");
        let good = good.token.reveal();
        let (header, rest) = good.split_once('.').expect("a dot");

        for number in 0..100 {
            let text = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{number}"}}"#);
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode_to_string(text));
            let refusal = judge(&verifier, &forged);
            assert_eq!(
                refusal.expect_err("another header").detail(),
                "the signature is not good"
            );
        }
        assert!(judge(&verifier, &good).is_ok());
        let recalled = |known: &KnownKeys| known.recall(header.as_bytes()).is_some();
        assert!(verifier.keys.with(recalled));
    }
}
