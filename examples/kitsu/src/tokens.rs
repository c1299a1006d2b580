//! All that is about tokens: what is in them, who may come in with them, and how they end.

use std::time::Duration;

use common::{Settings, StartError, Stores};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tower_bearer::challenge::RefusalAnswer;
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::{Identity, RoleGrant};
use tower_bearer::issue::{IssueError, JwtIssuer, NewJwt, NewToken, TokenIssuer};
use tower_bearer::revocation::{Revocations, Target};
use tower_bearer::store::{StoreError, TokenFilter, TokenFormat};
use tower_bearer::verifier::{TokenRouter, TokenVerifierExt};
use tower_bearer::{BearerAuthLayer, ConfigError, Reason, Refusal, TokenVerifier};
use uuid::Uuid;

use crate::error::ApiError;
use crate::people::{People, Person};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ACCESS: Duration = Duration::from_secs(7 * DAY.as_secs());
const REFRESH: Duration = Duration::from_secs(15 * DAY.as_secs());
/// A token that is renewed on the last of its session's days outlives that.
pub const LONGEST: Duration = Duration::from_secs(ACCESS.as_secs() + REFRESH.as_secs());
/// Until the year 9999, in which dates end.
const BOTS_LONGEST: Duration = Duration::from_secs(3_000_000 * DAY.as_secs());

/// Who vouches for the tokens: people's and bots' are told apart by it, and from those of other services.
const PEOPLE: &str = "kitsu";
const BOTS: &str = "kitsu-bots";

/// Gives tokens out, and ends them.
#[derive(Debug, Clone)]
pub struct Tokens {
    access: JwtIssuer,
    refresh: JwtIssuer,
    bot_jwts: JwtIssuer,
    bots: TokenIssuer,
    revocations: Revocations,
}

/// What a login gives.
pub struct Pair {
    pub access: String,
    pub refresh: String,
}

impl Tokens {
    pub fn new(settings: &Settings, stores: &Stores) -> Result<Self, StartError> {
        let issuer = |name, lifetime| {
            JwtIssuer::builder(settings.jwt_key())
                .issuer(name)
                .audience("kitsu")
                .token_type("JWT")
                .lifetime(lifetime)
                .clock(settings.clock())
        };
        let bots = TokenIssuer::opaque(stores.tokens.clone(), TokenFormat::new("")?);
        Ok(Self {
            access: issuer(PEOPLE, ACCESS).build()?,
            refresh: issuer(PEOPLE, REFRESH).build()?,
            bot_jwts: issuer(BOTS, ACCESS).max_lifetime(BOTS_LONGEST).build()?,
            bots: bots.with_clock(settings.clock()),
            revocations: stores.revocations.clone(),
        })
    }

    /// A session begins: a login.
    pub fn begin(&self, person: &Person, now: Timestamp) -> Result<Pair, IssueError> {
        let session = Uuid::new_v4().to_string();
        let new = NewJwt::new(&*person.id).session_id(session.as_str());
        let refresh = self.refresh.issue(marked(new, "refresh", "person", now))?;
        let access = self.access_token(&person.id, &session, &refresh.id, now)?;
        let refresh = refresh.token.reveal();
        Ok(Pair { access, refresh })
    }

    /// Another access token for the session of a refresh token. Those before it stay good.
    pub fn renew(&self, refresh: &Identity, now: Timestamp) -> Result<String, IssueError> {
        let session = refresh.session_id().unwrap_or_default();
        let jti = refresh.credential_id().unwrap_or_default();
        self.access_token(refresh.subject(), session, jti, now)
    }

    /// The session ends: its refresh token, and every access token that came of it.
    pub async fn end(&self, user: &Identity) -> Result<(), StoreError> {
        let session = user.session_id().ok_or(StoreError::NotFound)?;
        let session = Target::session(PEOPLE, session);
        self.revocations.revoke(session).await
    }

    /// Whatever a person or a bot has ends.
    pub async fn end_all(&self, person: &Person, now: Timestamp) -> Result<(), StoreError> {
        let everything = TokenFilter::all();
        self.bots.revoke_all(&person.id, &everything).await?;
        let person = Target::subject(PEOPLE, &person.id);
        self.revocations.revoke_issued_before(person, now).await
    }

    /// The one token of a bot. The one before it ends.
    pub async fn regenerate(&self, bot: &Person, now: Timestamp) -> Result<String, IssueError> {
        let new = NewToken::bot_token(&*bot.id).name(bot.full_name.as_str());
        let new = match bot.expiration_date {
            Some(date) => new.expires_at(end_of(date)),
            None => new.without_expiry(),
        };
        let shape = |jwt| marked(jwt, "access", "bot", now);
        let minted = self.bots.regenerate_jwt(new, &self.bot_jwts, shape).await?;
        Ok(minted.token.reveal())
    }

    /// In front of everything but a renewal: access tokens of people, and tokens of bots.
    pub fn door(
        &self,
        settings: &Settings,
        stores: &Stores,
        people: &People,
    ) -> Result<BearerAuthLayer, ConfigError> {
        let persons = self.access.verifier().require_claim("type", "access");
        let persons = persons.require_claim("identity_type", "person").build()?;
        let bots = self.bot_jwts.verifier().require_claim("type", "access");
        let bots = bots
            .require_claim("identity_type", "bot")
            .allow_missing_exp();
        let verifier = TokenRouter::builder()
            .jwt_issuer(PEOPLE, persons.revocable(self.revocations.clone()))
            .jwt_issuer(BOTS, bots.build()?.backed(stores.tokens.clone()))
            .build()?;
        layer(verifier, settings, people)
    }

    /// In front of a renewal: refresh tokens, and nothing else.
    pub fn renewal_door(
        &self,
        settings: &Settings,
        people: &People,
    ) -> Result<BearerAuthLayer, ConfigError> {
        let verifier = self.refresh.verifier().require_claim("type", "refresh");
        let verifier = verifier.require_claim("identity_type", "person").build()?;
        layer(
            verifier.revocable(self.revocations.clone()),
            settings,
            people,
        )
    }

    fn access_token(
        &self,
        subject: &str,
        session: &str,
        refresh_jti: &str,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let new = NewJwt::new(subject).session_id(session);
        let new = marked(new, "access", "person", now).claim("refresh_jti", refresh_jti);
        Ok(self.access.issue(new)?.token.reveal())
    }
}

/// The claims that every token of Kitsu's has.
fn marked(jwt: NewJwt, kind: &str, identity: &str, now: Timestamp) -> NewJwt {
    jwt.not_before(now)
        .claim("type", kind)
        .claim("fresh", false)
        .claim("identity_type", identity)
}

/// The moment at which the day is over, in UTC; of the last days there are, the last moment there is.
pub fn end_of(date: Date) -> Timestamp {
    let next = date.saturating_add(jiff::Span::new().days(1));
    let midnight = TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0));
    Timestamp::from_unix_secs(midnight.unwrap_or(jiff::Timestamp::MAX).as_second())
}

/// A token alone is not enough: its account is looked up on each request.
fn layer(
    verifier: impl TokenVerifier + 'static,
    settings: &Settings,
    people: &People,
) -> Result<BearerAuthLayer, ConfigError> {
    let known = verifier.enriched(people.clone(), async |people, identity| {
        let found = people.get(identity.subject()).await;
        let found = found.map_err(|error| {
            Refusal::unavailable("the accounts could not be read").with_source(error)
        })?;
        match found.map(|account| account.person) {
            Some(person) if person.active => Ok(identity
                .with_roles([RoleGrant::new(person.role.as_str())])
                .with_data(person)),
            _ => Err(Refusal::disabled("no such account, or it is switched off")),
        }
    });
    BearerAuthLayer::builder(known)
        .clock(settings.clock())
        .on_refusal(|refusal, _, answer| speak(refusal.reason(), answer))
        .build()
}

/// A refusal in Kitsu's words. Its client renews a token by exactly the message of an expired one.
fn speak(reason: Reason, answer: &mut RefusalAnswer) {
    let body = match reason {
        Reason::Missing => r#"{"msg":"Missing Authorization Header"}"#,
        Reason::OtherScheme => {
            r#"{"msg":"Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"}"#
        }
        Reason::Malformed => {
            // Kitsu takes it for a credential that is not good.
            answer.set_status(axum::http::StatusCode::UNAUTHORIZED);
            r#"{"msg":"Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"}"#
        }
        Reason::Expired => r#"{"error":true,"message":"Signature has expired"}"#,
        Reason::Revoked | Reason::Disabled => r#"{"msg":"Token has been revoked"}"#,
        Reason::Forbidden => r#"{"error":true,"message":"You are not allowed to do this."}"#,
        Reason::Unavailable => r#"{"error":true,"message":"The store doesn't seem reachable."}"#,
        _ if answer.status() == axum::http::StatusCode::UNAUTHORIZED => {
            r#"{"msg":"Invalid token"}"#
        }
        _ => r#"{"error":true,"message":"The request was refused."}"#,
    };
    answer.set_body("application/json", body);
}

/// Whom the layer looked up.
pub fn person(user: &Identity) -> Result<&Person, ApiError> {
    let person = user.data::<Person>();
    person.ok_or_else(|| ApiError::internal(&"the layer looked nobody up"))
}
