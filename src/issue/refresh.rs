use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{IssueError, IssuedJwt, JwtIssuer, Login, Minted, NewJwt, SecretToken, TokenIssuer};
use crate::audit::AuditTrail;
use crate::clock::{Clock, Timestamp};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::revocation::Revocations;
use crate::store::{
    Digests, REFRESH_KINDS, StoreError, SubjectLimit, TokenFormat, TokenKey, TokenRecord,
    TokenSeed, TokenStore,
};

/// Gives out access tokens, which are JWTs and live for minutes, and refresh tokens, which buy the next
/// (RFC 6749 §1.5), each once (RFC 9700 §4.14).
///
/// 1. A login begins a family: all refresh tokens that follow one another belong to one session (`sid`), and
///    end with it at the latest.
/// 2. An access token ends with its session at the latest, in whole seconds.
/// 3. A refresh token that is presented is spent, and a successor takes its place in the same moment.
/// 4. One that is presented again within the [`grace`](Self::with_grace) gets the same successor, as long as
///    that is not spent either: two tabs that renew at once, and an answer that was lost, log nobody out.
/// 5. One that is presented again later was stolen, or its successor was: the whole family ends, and with
///    [`Revocations`] so do its access tokens.
///
/// Of each refresh token a digest is kept. The successor's text is worked out from the token's and a random
/// seed in its record; neither alone tells anything of it.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tower_bearer::credential::BearerToken;
/// use tower_bearer::issue::{JwtIssuer, Login, RefreshTokens, SigningKey};
/// use tower_bearer::keys::Algorithm;
/// use tower_bearer::store::{MemoryStore, TokenFormat};
///
/// # #[cfg(feature = "aws-lc-rs")]
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let access = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA)?)
///     .issuer("https://id.example.com")
///     .audience("https://api.example.com")
///     .lifetime(Duration::from_secs(600))
///     .build()?;
/// let (store, format) = (Arc::new(MemoryStore::new()), TokenFormat::new("rt_")?);
/// let a_month = Duration::from_secs(30 * 24 * 60 * 60);
/// let tokens = RefreshTokens::new(store, format, access, a_month)?;
///
/// let pair = tokens.login(Login::new("alice")).await?;
/// let refresh = BearerToken::new(&pair.refresh.reveal())?;
/// let next = tokens.renew(&refresh).await?;
/// assert_eq!(next.session_id, pair.session_id);
/// # Ok(()) }
/// # #[cfg(not(feature = "aws-lc-rs"))] fn main() {}
/// ```
#[derive(Clone)]
pub struct RefreshTokens {
    pub(super) tokens: TokenIssuer,
    pub(super) access: JwtIssuer,
    pub(super) revocations: Option<Revocations>,
    lifetime: Duration,
    idle: Option<Duration>,
    pub(super) grace: Duration,
    shape: Shape,
}

type Shape = Arc<dyn Fn(&TokenRecord, NewJwt) -> NewJwt + Send + Sync>;

/// An access token and a refresh token.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "tokens that are not revealed are lost"]
pub struct TokenPair {
    /// The access token.
    pub access: IssuedJwt,
    /// The refresh token, to be read once.
    pub refresh: SecretToken,
    /// The session that both belong to (`sid`).
    pub session_id: Box<str>,
    /// When the family of refresh tokens ends, however much it is used.
    pub session_ends: Option<Timestamp>,
}

impl RefreshTokens {
    /// Keeps refresh tokens of this format in `store`, for families that live for `lifetime`, and gives out
    /// access tokens by `access`.
    ///
    /// # Errors
    /// If the lifetime is none.
    pub fn new(
        store: Arc<dyn TokenStore>,
        format: TokenFormat,
        access: JwtIssuer,
        lifetime: Duration,
    ) -> Result<Self, ConfigError> {
        if lifetime.is_zero() {
            return Err(ConfigError::new("lifetime", "no session would live"));
        }
        Ok(Self {
            tokens: TokenIssuer::of(REFRESH_KINDS, store, format),
            access,
            revocations: None,
            lifetime,
            idle: None,
            grace: Duration::from_secs(10),
            shape: Arc::new(|_, jwt| jwt),
        })
    }

    /// By this clock in place of the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.tokens = self.tokens.with_clock(clock);
        self
    }

    /// With digests that are made in another way than by a plain SHA-256.
    #[must_use]
    pub fn with_digests(mut self, digests: Digests) -> Self {
        self.tokens = self.tokens.with_digests(digests);
        self
    }

    /// Told to this audit trail, whatever is given out, refused and ended. The access tokens are told by
    /// their own issuer, if it has a trail.
    #[must_use]
    pub fn with_audit(mut self, trail: AuditTrail) -> Self {
        self.tokens = self.tokens.with_audit(trail);
        self
    }

    /// A copy whose audit trail names `caller` as the one who acts, such as who ends a session. It changes
    /// nothing about what may be done.
    #[must_use]
    pub fn acting_for(&self, caller: &Identity) -> Self {
        let revocations = self.revocations.as_ref();
        Self {
            tokens: self.tokens.acting_for(caller),
            revocations: revocations.map(|revocations| revocations.acting_for(caller)),
            ..self.clone()
        }
    }

    /// Ends the access tokens of a family with it, where the verifier is
    /// [`revocable`](crate::verifier::TokenVerifierExt::revocable) by the same revocations.
    #[must_use]
    pub fn with_revocations(mut self, revocations: Revocations) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// Ends a family that was not renewed for so long.
    #[must_use]
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// With a limit on how many sessions a subject has at a time. The oldest is the one that was renewed, or
    /// begun, the longest ago; it ends as by [`end`](Self::end).
    #[must_use]
    pub fn with_limit(mut self, limit: SubjectLimit) -> Self {
        self.tokens = self.tokens.with_limit(limit);
        self
    }

    /// For how long a spent token still gets its successor: 10 seconds unless set, and not at all if zero.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Adds to each access token what the service wants in it, by the record of its refresh token.
    #[must_use]
    pub fn with_access_tokens(
        mut self,
        shape: impl Fn(&TokenRecord, NewJwt) -> NewJwt + Send + Sync + 'static,
    ) -> Self {
        self.shape = Arc::new(shape);
        self
    }

    /// Begins a session.
    ///
    /// # Errors
    /// If a setting of the tokens cannot be right, or the source of random numbers or the store failed.
    /// Nothing that was made for the session is good then. A session that was to end for it may have ended
    /// all the same; if its access tokens could not be ended, they are good until they end by themselves.
    /// [`StoreError::LimitReached`] if the subject has as many sessions as they may, and none is ended.
    pub async fn login(&self, login: Login) -> Result<TokenPair, IssueError> {
        let now = self.tokens.clock.now();
        let mut record = login.into_record(now)?;
        record.session_id = Some(hex(&random()?[..16]));
        record.expires = Some(now.saturating_add(self.lifetime));
        record.idle = self.idle;
        record.seed = Some(TokenSeed::from_bytes(random()?));
        let text = self.tokens.format.generate().map_err(IssueError::random)?;
        let minted = self.tokens.dress(record, text, now)?;
        let access = self.access_token(&minted.record, now)?;
        let minted = self.tokens.add(minted, self.tokens.limit).await?;
        if let Err(error) = self.end_sessions_of(&minted).await {
            // Nobody gets this one, and it should not stand in the way of the next try.
            let key = minted.record.key();
            let _ = self.tokens.store.revoke(key, now).await;
            return Err(error.into());
        }
        Ok(pair(access, minted.token, &minted.record))
    }

    /// Ends the access tokens of the sessions that ended for this one: of as many as can be.
    async fn end_sessions_of(&self, minted: &Minted) -> Result<(), StoreError> {
        let mut ended = Ok(());
        for id in &minted.ended {
            let subject = &minted.record.subject;
            let end = async {
                let record = self.tokens.get(TokenKey { subject, id }).await?;
                match record.and_then(|record| record.session_id) {
                    Some(session) => self.end_access(&session).await,
                    None => Ok(()),
                }
            };
            ended = ended.and(end.await);
        }
        ended
    }

    pub(super) fn access_token(
        &self,
        record: &TokenRecord,
        now: Timestamp,
    ) -> Result<IssuedJwt, IssueError> {
        let mut jwt = NewJwt::of_record(record);
        let left = record.expires.map(|end| end.since(now));
        if let Some(left) = left.filter(|left| *left < self.access.lifetime()) {
            jwt = jwt.lifetime(left.max(Duration::from_secs(1)));
        }
        self.access.issue((self.shape)(record, jwt))
    }
}

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokens")
            .field("tokens", &self.tokens)
            .field("access", &self.access)
            .field("lifetime", &self.lifetime)
            .field("idle", &self.idle)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

pub(super) fn pair(access: IssuedJwt, refresh: SecretToken, record: &TokenRecord) -> TokenPair {
    TokenPair {
        access,
        refresh,
        session_id: record.session_id.clone().unwrap_or_default(),
        session_ends: record.expires,
    }
}

pub(super) fn random() -> Result<[u8; 32], IssueError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(IssueError::random)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> Box<str> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into()
}
