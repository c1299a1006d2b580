use serde_json::{Value, json};

use super::fresh::{DAY, MILLI, someone};
use super::site::Site;

/// Both keys are good for a day, at the nodes too that remember the old one from before; then the new one
/// is.
pub async fn a_rotated_key_is_good_until_the_overlap_is_over(site: Site) {
    let alice = site.first().login(&someone()).await.token;
    let old = site.first().make("new_key", &alice, Value::Null).await;
    let old = old.unwrap();
    site.admits(&old.token).await;
    let asked = json!({"id": old.id, "secs": DAY.as_secs()});
    let new = site.second().make("rotate", &alice, asked.clone()).await;
    let new = new.unwrap();
    // One successor is enough.
    let twice = site.third().make("rotate", &alice, asked).await;
    twice.unwrap_err().assert_not_found();
    site.admits(&old.token).await;
    site.admits(&new.token).await;

    site.clock.advance(DAY - MILLI);
    site.admits(&old.token).await;
    site.clock.advance(MILLI);
    site.refuses(&old.token).await;
    site.admits(&new.token).await;
}

/// Without an overlap there is no moment at which both are good where it is done, and soon none elsewhere.
pub async fn a_key_that_was_lost_is_rotated_at_once(site: Site) {
    let alice = site.first().login(&someone()).await.token;
    let lost = site.first().make("new_key", &alice, Value::Null).await;
    let kept = site.first().make("new_key", &alice, Value::Null).await;
    let (lost, kept) = (lost.unwrap(), kept.unwrap().token);
    site.admits(&lost.token).await;
    site.admits(&kept).await;
    let asked = json!({"id": lost.id, "secs": 0});
    let new = site.third().make("rotate", &alice, asked).await.unwrap();
    site.third().refuses(&lost.token).await;
    site.admits(&new.token).await;
    site.hears_the_end_at(site.third(), &lost.token).await;
    site.admits(&kept).await;
    site.admits(&new.token).await;
    // A key of somebody else is none that could be rotated.
    let bob = site.first().login(&someone()).await.token;
    let foreign = json!({"id": new.id, "secs": 0});
    let foreign = site.second().make("rotate", &bob, foreign).await;
    foreign.unwrap_err().assert_not_found();
    site.admits(&new.token).await;
}
