use serde_json::Value;
use tower_bearer::clock::Clock;

use super::answers::Told;
use super::fresh::{DAY, MILLI, SECOND, someone};
use super::house::{ACCESS, MONTH, WEEK};
use super::site::Site;

/// The access token is over after ten minutes, the session is not. Who did not get the answer asks again,
/// somewhere else, and has the same.
pub async fn a_refresh_token_buys_the_next_and_a_retry_the_same(site: Site) {
    let alice = someone();
    let mut pair = site.first().login_for_pair(&alice).await;
    for round in 0..4 {
        site.admits(&pair.token).await;
        site.clock.advance(ACCESS);
        site.refuses(&pair.token).await;
        let next = site.door(round + 1).renew(&pair.refresh).await.unwrap();
        assert_ne!(next.refresh, pair.refresh);
        assert_eq!(next.id, pair.id, "one session");
        site.clock.advance(9 * SECOND);
        let retry = site.door(round + 2).renew(&pair.refresh).await.unwrap();
        assert_eq!(retry.refresh, next.refresh);
        site.admits(&next.token).await;
        site.admits(&retry.token).await;
        site.clock.advance(SECOND);
        pair = retry;
    }
    let month = site.clock.now().saturating_add(MONTH);
    site.clock.set(month);
    let refused = site.first().renew(&pair.refresh).await.unwrap_err();
    refused.assert_invalid_grant();
}

/// Whoever comes first, all leave with the same refresh token and good access tokens.
pub async fn tabs_that_renew_at_several_nodes_at_once_log_nobody_out(site: Site) {
    let mut refresh = site.first().login_for_pair(&someone()).await.refresh;
    for _ in 0..5 {
        let (one, two, three, four) = tokio::join!(
            site.first().renew(&refresh),
            site.second().renew(&refresh),
            site.third().renew(&refresh),
            site.first().renew(&refresh),
        );
        let tabs = [one, two, three, four].map(Result::unwrap);
        for tab in &tabs {
            assert_eq!(tab.refresh, tabs[0].refresh);
            site.admits(&tab.token).await;
        }
        assert_ne!(tabs[0].refresh, refresh);
        refresh.clone_from(&tabs[0].refresh);
        site.clock.advance(ACCESS);
    }
}

/// A refresh token that comes again after the grace was stolen, or its successor was: that session is over,
/// whoever has it, and the same person's other one goes on.
pub async fn a_spent_refresh_token_ends_its_family_and_no_other(site: Site) {
    let alice = someone();
    let stolen = site.first().login_for_pair(&alice).await;
    let other = site.first().login_for_pair(&alice).await;
    let next = site.second().renew(&stolen.refresh).await.unwrap();
    for token in [&stolen.token, &next.token, &other.token] {
        site.admits(token).await;
    }
    site.clock.advance(10 * SECOND);
    let refused = site.third().renew(&stolen.refresh).await.unwrap_err();
    refused.assert_invalid_grant();
    for token in [&stolen.token, &next.token] {
        site.hears_the_end_at(site.third(), token).await;
    }
    for door in site.doors() {
        let also = door.renew(&next.refresh).await.unwrap_err();
        assert_eq!(also, refused);
    }
    site.admits(&other.token).await;
    let other = site.second().renew(&other.refresh).await.unwrap();
    site.admits(&other.token).await;
}

pub async fn logging_out_ends_the_access_token_and_the_renewals(site: Site) {
    let alice = someone();
    let ended = site.first().login_for_pair(&alice).await;
    let other = site.first().login_for_pair(&alice).await;
    site.admits(&ended.token).await;
    site.admits(&other.token).await;
    site.second()
        .tell("logout", &ended.token, Value::Null)
        .await;
    site.hears_the_end_at(site.second(), &ended.token).await;
    for door in site.doors() {
        let refused = door.renew(&ended.refresh).await.unwrap_err();
        refused.assert_invalid_grant();
    }
    site.admits(&other.token).await;
    site.third().renew(&other.refresh).await.unwrap();
}

/// Whoever renews elsewhere while the session is ended is out as well, whichever came first.
pub async fn a_logout_wins_over_renewals_at_other_nodes(site: Site) {
    for _ in 0..5 {
        let pair = site.first().login_for_pair(&someone()).await;
        site.admits(&pair.token).await;
        let (one, two, ()) = tokio::join!(
            site.second().renew(&pair.refresh),
            site.third().renew(&pair.refresh),
            site.first().tell("logout", &pair.token, Value::Null),
        );
        site.hears_the_end_at(site.first(), &pair.token).await;
        for renewal in [one, two] {
            let next = match renewal {
                Ok(next) => next,
                Err(refused) => {
                    refused.assert_invalid_grant();
                    continue;
                }
            };
            site.hears_the_end_at(site.first(), &next.token).await;
            let refused = site.second().renew(&next.refresh).await.unwrap_err();
            refused.assert_invalid_grant();
        }
    }
}

/// A JWT of a week buys another, and both are good until their own ends; but a month after the login it
/// buys nothing that would live longer. Ended by a logout is the one that was brought.
pub async fn an_extended_jwt_leaves_the_old_one_good_and_ends_with_the_login(site: Site) {
    let begun = site.clock.now();
    let after = |time| begun.saturating_add(time);
    let old = site.first().login_for_week(&someone()).await.token;
    site.clock.set(after(6 * DAY));
    let extend = async |number: usize, token: &str| {
        let door = site.door(number);
        door.make("extend", token, Value::Null).await.unwrap().token
    };
    let mut token = extend(1, &old).await;
    let copy = extend(2, &old).await;
    site.clock.set(after(WEEK).saturating_sub(MILLI));
    for good in [&old, &token, &copy] {
        site.admits(good).await;
    }
    site.clock.advance(MILLI);
    site.refuses(&old).await;
    site.admits(&token).await;
    site.third().tell("logout", &copy, Value::Null).await;
    site.hears_the_end_at(site.third(), &copy).await;
    site.admits(&token).await;

    for (number, day) in [12, 18, 24, 29].into_iter().enumerate() {
        site.clock.set(after(day * DAY));
        token = extend(number, &token).await;
    }
    site.clock.set(after(MONTH).saturating_sub(MILLI));
    site.admits(&token).await;
    let late = site.second().make("extend", &token, Value::Null).await;
    late.unwrap_err().assert(Told::FORBIDDEN);
    site.clock.set(after(MONTH));
    site.refuses(&token).await;
}
