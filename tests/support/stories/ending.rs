use std::sync::Arc;

use serde_json::{Value, json};
use tower_bearer::clock::Clock;
use tower_bearer::issue::{JwtIssuer, NewJwt, NewToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::store::MemoryStore;

use super::fresh::{DAY, HOUR, MILLI, MINUTE, SECOND, clock, shape, someone};
use super::house::{ACCESS, IDLE, REALM, WEEK, WEEKS};
use super::site::Site;

/// Good at the last millisecond at every node, and at none at the next one.
pub async fn each_token_is_over_at_its_exact_end(site: Site) {
    let alice = someone();
    let session = site.first().login(&alice).await.token;
    let minute = json!({"secs": 60});
    let token = site
        .first()
        .make("new_token", &session, minute.clone())
        .await;
    let key = site.second().make("new_key", &session, minute).await;
    let (token, key) = (token.unwrap().token, key.unwrap().token);
    let pair = site.third().login_for_pair(&alice).await.token;
    let begun = site.clock.now();
    for (after, ending) in [(MINUTE, vec![&token, &key]), (ACCESS, vec![&pair])] {
        let end = begun.saturating_add(after);
        site.clock.set(end.saturating_sub(MILLI));
        for token in &ending {
            site.admits(token).await;
        }
        site.clock.set(end);
        for token in &ending {
            site.refuses(token).await;
        }
    }
}

/// A key and an access token by whoever owns them, a JWT by whoever may; and none by another.
pub async fn a_token_is_ended_by_its_id_whatever_its_kind(site: Site) {
    let (alice, bob) = (someone(), someone());
    let session = site.first().login(&alice).await.token;
    let stranger = site.first().login(&bob).await.token;
    let keeper = json!({"subject": bob, "scopes": "vault"});
    let keeper = site.first().login_with(keeper).await.token;
    let hour = json!({"secs": HOUR.as_secs()});
    let token = site.first().make("new_token", &session, hour.clone()).await;
    let key = site.first().make("new_key", &session, hour).await;
    let (token, key) = (token.unwrap(), key.unwrap());
    let jwt = site.first().login_for_week(&alice).await;
    let kept = site.first().login_for_week(&alice).await;
    for (verb, given, owner) in [
        ("revoke_token", &token, &session),
        ("revoke_key", &key, &session),
        ("revoke_jwt", &jwt, &keeper),
    ] {
        site.admits(&given.token).await;
        let id = json!({"id": given.id});
        let refused = site.second().call(verb, &stranger, id.clone()).await;
        refused.unwrap_err();
        site.admits(&given.token).await;
        site.second().tell(verb, owner, id).await;
        site.hears_the_end_at(site.second(), &given.token).await;
    }
    for good in [&session, &kept.token] {
        site.admits(good).await;
    }
}

/// Unknown, malformed, forged, expired, idle, logged out, switched off, rotated and revoked: every node
/// answers all of them in the same words.
pub async fn nobody_can_tell_why_a_token_is_refused(site: Site) {
    let alice = someone();
    let door = site.first();
    let session = door.login(&alice).await.token;
    let key = async || door.make("new_key", &session, Value::Null).await.unwrap();
    let (switched_off, rotated, revoked) = (key().await, key().await, key().await);
    let id = |given: &super::site::Given| json!({"id": given.id});
    door.tell("disable", &session, id(&switched_off)).await;
    door.tell("rotate", &session, id(&rotated)).await;
    door.tell("revoke_key", &session, id(&revoked)).await;
    let short = door.make("new_token", &session, json!({"secs": 60})).await;
    let logged_out = door.login(&alice).await.token;
    door.tell("logout", &logged_out, Value::Null).await;
    let jwt_ended = door.login_for_week(&alice).await.token;
    door.tell("logout", &jwt_ended, Value::Null).await;
    let jwt_expired = door.login_for_pair(&alice).await.token;
    let good = door.login_for_week(&alice).await.token;
    let foreign = foreign_jwt(&alice);
    let unknown = unknown_session(&alice).await;

    site.clock.advance(IDLE);
    site.admits(&good).await;
    let refused = door.refuses("st_nonsense").await;
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    for token in [
        &unknown,
        &foreign,
        &forged,
        &session,
        &logged_out,
        &jwt_ended,
        &jwt_expired,
        &short.unwrap().token,
        &switched_off.token,
        &rotated.token,
        &revoked.token,
    ] {
        for door in site.doors() {
            assert_eq!(door.refuses(token).await, refused);
        }
    }
}

/// Nonsense, unknown, logged out, and over: one answer.
pub async fn nobody_can_tell_why_a_refresh_token_is_refused(site: Site) {
    let alice = someone();
    let over = site.first().login_for_pair(&alice).await.refresh;
    site.clock.advance(30 * DAY - SECOND);
    let ended = site.first().login_for_pair(&alice).await;
    site.second()
        .tell("logout", &ended.token, Value::Null)
        .await;
    site.clock.advance(SECOND);
    let nonsense = site.first().renew("rt_nonsense").await.unwrap_err();
    nonsense.assert_invalid_grant();
    let unknown = unknown_session(&alice).await.replacen("st_", "rt_", 1);
    for door in site.doors() {
        for refresh in [&over, &ended.refresh, &unknown] {
            assert_eq!(door.renew(refresh).await.unwrap_err(), nonsense);
        }
    }
}

/// A session in the right shape, of a store that nobody here knows.
async fn unknown_session(subject: &str) -> String {
    let elsewhere = TokenIssuer::opaque(Arc::new(MemoryStore::new()), shape("st_"));
    let new = NewToken::session(subject).lifetime(DAY);
    let minted = elsewhere.with_clock(clock()).mint(new).await;
    minted.unwrap().token.reveal()
}

/// A JWT of the right issuer, signed by a key of somebody else's.
fn foreign_jwt(subject: &str) -> String {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let jwts = JwtIssuer::builder(key).issuer(WEEKS).audience(REALM);
    let jwts = jwts.lifetime(WEEK).clock(clock()).build().unwrap();
    let issued = jwts.issue(NewJwt::new(subject)).unwrap();
    issued.token.reveal()
}
