//! The service that the stories are told of: a house with logins of every sort, whatever carries the calls.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tower_bearer::caller::Denied;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::{
    Extension, IssueError, JwtIssuer, Login, NewJwt, NewToken, RefreshTokens, RenewError,
    SigningKeys, TokenIssuer, TokenPair,
};
use tower_bearer::policy::Policy;
use tower_bearer::revocation::{Revocations, Revoker, Target};
use tower_bearer::store::{Page, StoreError, TokenFilter, TokenKey, TokenStore};
use tower_bearer::verifier::{
    ApiKeyVerifier, CacheSettings, OpaqueTokenVerifier, TokenRouter, TokenVerifierExt,
};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer};

use super::fresh::{HOUR, shape};

pub const REALM: &str = "house";
/// The limits of a session.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
pub const AT_MOST: Duration = Duration::from_secs(4 * 60 * 60);
/// How long an access token is good that comes with a refresh token.
pub const ACCESS: Duration = Duration::from_secs(10 * 60);
/// How long a JWT is good that can be extended, and up to how long after the login.
pub const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
pub const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What needs no token.
pub const OPEN: [&str; 2] = ["login", "renew"];
const PAIRS: &str = "https://pairs.example.com";
pub const WEEKS: &str = "https://weeks.example.com";

/// Why a call came to nothing.
pub enum Wrong {
    /// As the layer says it.
    Denied(Denied),
    /// The refresh token is not good (RFC 6749 §5.2).
    InvalidGrant,
    NoSuchToken,
    Failed(String),
}

/// What one node's issuers and verifiers are set up with.
pub struct Setting {
    pub tokens: Arc<dyn TokenStore>,
    pub revocations: Revocations,
    pub keys: SigningKeys,
    pub clock: ManualClock,
}

#[derive(Clone)]
pub struct House {
    clock: ManualClock,
    tokens: Arc<dyn TokenStore>,
    sessions: TokenIssuer,
    api_keys: TokenIssuer,
    pairs: RefreshTokens,
    pair_jwts: JwtIssuer,
    weeks: JwtIssuer,
    revocations: Revocations,
    revoker: Revoker,
}

impl House {
    pub fn new(setting: Setting) -> Self {
        let Setting {
            tokens,
            revocations,
            keys,
            clock,
        } = setting;
        let jwts = |issuer: &'static str, lifetime| {
            let jwts = JwtIssuer::builder(&keys).issuer(issuer).audience(REALM);
            jwts.lifetime(lifetime)
                .clock(clock.clone())
                .build()
                .unwrap()
        };
        let pair_jwts = jwts(PAIRS, ACCESS);
        let pairs = RefreshTokens::new(tokens.clone(), shape("rt_"), pair_jwts.clone(), MONTH);
        let pairs = pairs.unwrap().with_clock(clock.clone());
        let api_keys = TokenIssuer::api_keys(tokens.clone(), shape("ak_")).unwrap();
        let sessions = TokenIssuer::opaque(tokens.clone(), shape("st_"));
        let revoker = Revoker::new().with_tokens(tokens.clone());
        Self {
            sessions: sessions.with_clock(clock.clone()),
            api_keys: api_keys.with_clock(clock.clone()),
            pairs: pairs.with_revocations(revocations.clone()),
            pair_jwts,
            weeks: jwts(WEEKS, WEEK),
            revoker: revoker
                .with_revocations(revocations.clone())
                .with_clock(clock.clone()),
            revocations,
            tokens,
            clock,
        }
    }

    /// Who may call what. It remembers for so long that a node hears of an end or does not know it.
    pub fn layer(&self) -> BearerAuthLayer {
        let jwts = |issuer: &JwtIssuer| {
            let verifier = issuer.verifier().build().unwrap();
            verifier.revocable(self.revocations.clone())
        };
        let sessions = OpaqueTokenVerifier::new(self.tokens.clone(), shape("st_"));
        let api_keys = ApiKeyVerifier::new(self.tokens.clone(), shape("ak_")).unwrap();
        let verifier = TokenRouter::builder()
            .prefix("st_", sessions)
            .prefix("ak_", api_keys)
            .jwt_issuer(PAIRS, jwts(&self.pair_jwts))
            .jwt_issuer(WEEKS, jwts(&self.weeks))
            .build()
            .unwrap();
        let verifier = verifier.cached(CacheSettings::new().max_age(HOUR)).unwrap();
        let elsewhere =
            Policy::check(|_, head| head.is_some_and(|head| !head.uri.path().ends_with("/vault")));
        let mut layer = BearerAuthLayer::builder(verifier)
            .realm(REALM)
            .clock(self.clock.clone())
            .require(elsewhere.or(Policy::scope("vault")));
        for verb in OPEN {
            layer = layer.open_grpc_method(super::grpc::path(verb));
        }
        layer.build().unwrap()
    }

    /// A call that needs no token.
    pub async fn open(&self, verb: &str, asked: &Value) -> Result<Value, Wrong> {
        if verb == "renew" {
            let refresh = BearerToken::new(text(asked, "refresh"));
            let refresh = refresh.map_err(|_| Wrong::InvalidGrant)?;
            return Ok(shown(self.pairs.renew(&refresh).await?));
        }
        // Where a password would be looked at.
        let subject = text(asked, "subject");
        Ok(match text(asked, "for") {
            "pair" => shown(self.pairs.login(Login::new(subject)).await?),
            "week" => {
                let new = NewJwt::new(subject).auth_time(self.clock.now());
                let issued = self.weeks.issue(new)?;
                json!({"token": issued.token.reveal(), "id": issued.id})
            }
            _ => {
                let scopes = text(asked, "scopes").parse().unwrap();
                let new = NewToken::session(subject).idle(IDLE).lifetime(AT_MOST);
                let new = new.attribute("device", text(asked, "device"));
                given(self.sessions.mint(new.scopes(scopes)).await?)
            }
        })
    }

    /// A call of somebody whom the layer let in.
    pub async fn guarded(
        &self,
        verb: &str,
        user: &AuthenticatedUser,
        asked: &Value,
    ) -> Result<Value, Wrong> {
        let (subject, id) = (user.subject(), text(asked, "id"));
        let after = Duration::from_secs(asked["secs"].as_u64().unwrap_or_default());
        let key = TokenKey { subject, id };
        match verb {
            "whoami" | "vault" => return Ok(json!(subject)),
            "sessions" => return self.listed(user).await,
            "logout" => self.log_out(user).await?,
            "logout_others" => {
                let others = only([CredentialKind::Session]);
                let others = others.except(user.credential_id().unwrap_or_default());
                self.sessions.revoke_all(subject, &others).await?;
            }
            "logout_everywhere" => self.log_out_everywhere(subject).await?,
            "extend" => {
                let extension = Extension::leaving_the_old_one_valid(self.weeks.clone());
                let issued = match extension.within(MONTH).extend(user) {
                    Err(IssueError::NotAllowed(refusal)) => return Err(user.deny(refusal).into()),
                    issued => issued?,
                };
                return Ok(json!({"token": issued.token.reveal(), "id": issued.id}));
            }
            "new_key" => {
                let new = match after {
                    Duration::ZERO => NewToken::api_key(subject),
                    after => NewToken::api_key(subject).lifetime(after),
                };
                return Ok(given(self.api_keys.mint(new).await?));
            }
            "new_token" => {
                let new = NewToken::access_token(subject).lifetime(after);
                return Ok(given(self.sessions.mint(new).await?));
            }
            "rotate" => return Ok(given(self.api_keys.rotate(key, after).await?)),
            "disable" => drop(self.api_keys.disable(key).await?),
            "revoke_key" => drop(self.api_keys.revoke(key).await?),
            "revoke_token" => drop(self.sessions.revoke(key).await?),
            // By its id alone nobody knows whose it is.
            "revoke_jwt" => {
                user.require(&Policy::scope("vault"))?;
                self.revocations.revoke(Target::token(WEEKS, id)).await?;
            }
            other => return Err(Wrong::Failed(format!("no such verb: {other}"))),
        }
        Ok(Value::Null)
    }

    async fn log_out(&self, user: &AuthenticatedUser) -> Result<(), StoreError> {
        match user.session_id() {
            Some(session) => self.pairs.end(user.subject(), session).await,
            None => self.revoker.revoke(user).await,
        }
    }

    /// Ends what came of logins, and no keys.
    async fn log_out_everywhere(&self, subject: &str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let sessions = only([CredentialKind::Session]);
        self.tokens.revoke_all(subject, &sessions, now).await?;
        self.pairs.end_all(subject).await?;
        let target = Target::subject(WEEKS, subject);
        self.revocations.revoke_issued_before(target, now).await?;
        Ok(())
    }

    async fn listed(&self, user: &AuthenticatedUser) -> Result<Value, Wrong> {
        let (sessions, page) = (only([CredentialKind::Session]), Page::first(99));
        let listed = self.sessions.list(user.subject(), &sessions, &page).await?;
        let live = listed.iter().filter(|it| it.is_live(self.clock.now()));
        let shown = live.map(|it| {
            json!([
                it.attributes["device"],
                it.last_used.map(Timestamp::as_unix_millis)
            ])
        });
        Ok(shown.collect())
    }
}

fn only(kinds: impl IntoIterator<Item = CredentialKind>) -> TokenFilter {
    TokenFilter::all().kinds(kinds)
}

fn text<'a>(asked: &'a Value, name: &str) -> &'a str {
    asked[name].as_str().unwrap_or_default()
}

fn given(minted: tower_bearer::issue::Minted) -> Value {
    json!({"token": minted.token.reveal(), "id": minted.record.id})
}

fn shown(pair: TokenPair) -> Value {
    json!({
        "token": pair.access.token.reveal(),
        "refresh": pair.refresh.reveal(),
        "id": pair.session_id,
    })
}

impl From<Denied> for Wrong {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound | StoreError::Ended => Self::NoSuchToken,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<IssueError> for Wrong {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Store(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<RenewError> for Wrong {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Issue(error) => error.into(),
            _ => Self::InvalidGrant,
        }
    }
}
