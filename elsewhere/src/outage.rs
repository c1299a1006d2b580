//! A real identity provider that is killed under load, stays away past the stated age, and comes back.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::time::MissedTickBehavior;
use tower_bearer::keys::RemoteKeySet;

use crate::servers::OidcProvider;
use crate::site::{AUDIENCE, Site};
use crate::tally::{Answers, Tally};

/// Between two rounds of requests.
const EACH: Duration = Duration::from_millis(2);

pub(crate) async fn run(tally: &Tally, length: Duration) {
    let Some(mut provider) = OidcProvider::start().await else {
        tally.broke("oidc-provider is not installed, so nothing was shown");
        return;
    };
    // Half a minute and a minute, in an outage of ten.
    let (cool_down, interval) = (length / 20, length / 10);
    let stated = length + interval;
    let keys = RemoteKeySet::discover(provider.issuer())
        .refresh_interval(interval)
        .cool_down(cool_down)
        .max_stale(stated);
    let site = Site::start(&provider.issuer(), keys).await;
    println!(
        "outage: of {length:?}, with keys refreshed each {interval:?}, tried again each {cool_down:?}, and \
         good for {stated:?}"
    );
    let mut load = Load {
        site,
        good: (0..10).map(|_| provider.token(AUDIENCE)).collect(),
        // By a key that nobody here has seen when the provider dies.
        unseen: {
            provider.rotate();
            provider.token(AUDIENCE)
        },
    };

    provider.kill().await;
    let killed = Instant::now();
    let (mut good, unseen) = load.until(killed + length).await;
    println!(
        "  good tokens meanwhile: {}; {}",
        good.told(),
        good.spread()
    );
    println!("  by a key not seen before: {}", unseen.told());
    let fetches = load.site.keys.status().failures;
    println!("  {fetches} fetches failed");
    tally.hold(good.admitted == good.all(), || {
        format!("good tokens during the outage: {}", good.told())
    });
    tally.hold(unseen.unavailable == unseen.all(), || {
        format!(
            "tokens that may be good, during the outage: {}",
            unseen.told()
        )
    });
    tally.hold(fetches > 1, || {
        "the provider was not missed, so nothing was shown".to_owned()
    });

    // Until the keys are too old, whenever they were read last.
    let (good, unseen) = load.until(killed + stated).await;
    tally.hold(good.refused + unseen.refused == 0, || {
        format!(
            "as the keys grew too old: {}; {}",
            good.told(),
            unseen.told()
        )
    });
    let (good, unseen) = load.until(killed + stated + cool_down).await;
    println!("  past the stated age: {}", good.told());
    tally.hold(good.unavailable == good.all(), || {
        format!("good tokens past the stated age: {}", good.told())
    });
    tally.hold(unseen.unavailable == unseen.all(), || {
        format!(
            "tokens that may be good, past the stated age: {}",
            unseen.told()
        )
    });

    provider.restart().await;
    let back = Instant::now();
    let patience = back + 2 * cool_down + Duration::from_secs(5);
    let mut status = StatusCode::SERVICE_UNAVAILABLE;
    while status != StatusCode::OK && Instant::now() < patience {
        tokio::time::sleep(EACH).await;
        status = load.site.door.ask(&load.unseen).await;
        tally.hold(status != StatusCode::UNAUTHORIZED, || {
            "a token that may be good was refused while the provider came back".to_owned()
        });
    }
    let took = back.elapsed();
    println!(
        "  good again {:.1} s after the provider",
        took.as_secs_f64()
    );
    tally.hold(status == StatusCode::OK, || {
        format!("not good again {took:?} after the provider")
    });
    load.unseen = provider.token(AUDIENCE);
    let (good, unseen) = load.until(Instant::now() + Duration::from_secs(1)).await;
    tally.hold(
        good.admitted == good.all() && unseen.admitted == unseen.all(),
        || format!("after the outage: {}; {}", good.told(), unseen.told()),
    );
}

struct Load {
    site: Site,
    good: Vec<String>,
    unseen: String,
}

impl Load {
    /// What the good ones and the unseen one were answered until then.
    async fn until(&self, end: Instant) -> (Answers, Answers) {
        let (mut good, mut unseen) = (Answers::default(), Answers::default());
        let mut tick = tokio::time::interval(EACH);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while Instant::now() < end {
            tick.tick().await;
            for token in &self.good {
                self.site.door.note(token, &mut good).await;
            }
            // It may be the one that waits for a fetch, and is no measure of how long the others take.
            self.site.door.note(&self.unseen, &mut unseen).await;
        }
        (good, unseen)
    }
}
