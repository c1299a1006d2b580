use serde_json::{Value, json};
use tower_bearer::clock::Clock;

use super::answers::Told;
use super::fresh::{HOUR, MILLI, MINUTE, SECOND, someone};
use super::house::{AT_MOST, IDLE};
use super::site::Site;

/// Logged in at one node, known at all of them; without a token, or by another's name, nobody is.
pub async fn a_login_is_good_at_every_node(site: Site) {
    let (alice, bob) = (someone(), someone());
    let (hers, his) = (
        site.first().login(&alice).await,
        site.second().login(&bob).await,
    );
    for door in site.doors() {
        assert_eq!(door.whoami(&hers.token).await.unwrap(), json!(alice));
        assert_eq!(door.whoami(&his.token).await.unwrap(), json!(bob));
        let refused = door.whoami("").await.unwrap_err();
        refused.assert(Told::NO_CREDENTIAL);
    }
}

/// A session of 30 idle minutes that is used somewhere every 29 lives to its absolute limit, at the nodes
/// too that remember it from its beginning; and no longer, however much it is used.
pub async fn each_use_slides_a_session_up_to_its_absolute_limit(site: Site) {
    let end = site.clock.now().saturating_add(AT_MOST);
    let token = site.first().login(&someone()).await.token;
    site.admits(&token).await;
    for step in 0..8 {
        site.clock.advance(29 * MINUTE);
        site.door(step).admits(&token).await;
        site.flush().await;
    }
    site.clock.set(end.saturating_sub(MILLI));
    site.admits(&token).await;
    site.clock.set(end);
    site.refuses(&token).await;
}

/// The last moment is a use still, the next is none. What happens at one node needs nobody to write it.
pub async fn a_session_left_alone_is_over_to_the_millisecond(site: Site) {
    let token = site.first().login(&someone()).await.token;
    let unused = site.first().login(&someone()).await.token;
    let at_one = site.third().login(&someone()).await.token;
    site.clock.advance(IDLE - MILLI);
    site.second().admits(&token).await;
    site.third().admits(&at_one).await;
    site.flush().await;
    site.clock.advance(MILLI);
    site.refuses(&unused).await;

    site.clock.advance(IDLE - 2 * MILLI);
    site.third().admits(&at_one).await;
    site.third().admits(&token).await;
    site.flush().await;
    site.clock.advance(IDLE - MILLI);
    site.third().admits(&at_one).await;
    site.clock.advance(MILLI);
    site.refuses(&token).await;
    site.third().admits(&at_one).await;
    site.clock.advance(IDLE);
    site.third().refuses(&at_one).await;
}

/// A caller who knocks at doors that are not theirs, the layer's or the service's own, keeps no session alive.
pub async fn a_request_that_is_turned_away_is_no_use(site: Site) {
    let knocking = site.first().login(&someone()).await.token;
    let asking = site.first().login(&someone()).await.token;
    let working = site.first().login(&someone()).await.token;
    site.clock.advance(20 * MINUTE);
    let vault = site.second().call("vault", &knocking, Value::Null).await;
    vault.unwrap_err().assert(Told::FORBIDDEN);
    let own = site.second().call("revoke_jwt", &asking, Value::Null).await;
    own.unwrap_err().assert(Told::FORBIDDEN);
    site.second().admits(&working).await;
    site.flush().await;
    site.clock.advance(10 * MINUTE);
    site.refuses(&knocking).await;
    site.refuses(&asking).await;
    site.admits(&working).await;
}

pub async fn logging_out_here_ends_this_session_alone(site: Site) {
    let alice = someone();
    let phone = site.first().login(&alice).await.token;
    let laptop = site.second().login(&alice).await.token;
    site.admits(&phone).await;
    site.admits(&laptop).await;
    site.third().tell("logout", &phone, Value::Null).await;
    site.hears_the_end_at(site.third(), &phone).await;
    site.admits(&laptop).await;
}

/// Device and last use of each session are shown at every node, and the others than one's own are ended. A
/// listing is a use once it is given, and so no part of itself.
pub async fn a_listing_tells_sessions_apart_and_the_others_are_ended(site: Site) {
    let (alice, begun) = (someone(), site.clock.now().as_unix_millis());
    let mut tokens = Vec::new();
    for device in ["phone", "laptop", "kiosk"] {
        let asked = json!({"subject": alice, "device": device});
        tokens.push(site.first().login_with(asked).await.token);
        // Listings are in the order of the logins.
        site.clock.advance(SECOND);
    }
    site.second().admits(&tokens[1]).await;
    site.flush().await;
    site.clock.advance(SECOND);
    let mut last = None;
    for door in site.doors() {
        site.clock.advance(SECOND);
        let listed = door.call("sessions", &tokens[0], Value::Null).await;
        let expected = json!([["phone", last], ["laptop", begun + 3000], ["kiosk", null]]);
        assert_eq!(listed.unwrap(), expected);
        last = Some(site.clock.now().as_unix_millis());
        site.flush().await;
    }
    site.third()
        .tell("logout_others", &tokens[0], Value::Null)
        .await;
    for other in &tokens[1..] {
        site.hears_the_end_at(site.third(), other).await;
    }
    site.admits(&tokens[0]).await;
}

/// Sessions, access tokens, renewals and JWTs of whoever asks for it end, at all nodes; their keys, other
/// people and the next login do not, though it be in the same millisecond.
pub async fn logging_out_everywhere_ends_what_came_of_logins(site: Site) {
    let (alice, bob) = (someone(), someone());
    let phone = site.first().login(&alice).await.token;
    let laptop = site.second().login(&alice).await.token;
    let pair = site.second().login_for_pair(&alice).await;
    let week = site.third().login_for_week(&alice).await.token;
    let key = site.first().make("new_key", &phone, Value::Null).await;
    let key = key.unwrap().token;
    let others = [
        site.first().login(&bob).await.token,
        site.first().login_for_pair(&bob).await.token,
        site.first().login_for_week(&bob).await.token,
    ];
    let hers = [&phone, &laptop, &pair.token, &week];
    for token in hers.into_iter().chain(&others).chain([&key]) {
        site.admits(token).await;
    }
    site.clock.advance(MILLI);
    site.third()
        .tell("logout_everywhere", &phone, Value::Null)
        .await;
    let again = [
        site.third().login(&alice).await.token,
        site.third().login_for_pair(&alice).await.token,
        site.third().login_for_week(&alice).await.token,
    ];
    for token in hers {
        site.hears_the_end_at(site.third(), token).await;
    }
    for door in site.doors() {
        let refused = door.renew(&pair.refresh).await.unwrap_err();
        refused.assert_invalid_grant();
    }
    for token in again.iter().chain(&others).chain([&key]) {
        site.admits(token).await;
    }
    site.clock.advance(HOUR);
    site.admits(&key).await;
}
