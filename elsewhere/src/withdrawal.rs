//! Keys that a real identity provider rotates and withdraws, under load.

use std::time::{Duration, Instant};

use http::StatusCode;
use tower_bearer::keys::RemoteKeySet;

use crate::servers::OidcProvider;
use crate::site::{AUDIENCE, Site};
use crate::tally::Tally;

const ROUNDS: u32 = 5;
const EACH: Duration = Duration::from_millis(2);
/// What a fetch and a busy processor may take beyond the interval.
const SLACK: Duration = Duration::from_millis(500);

pub(crate) async fn run(tally: &Tally, interval: Duration) {
    let Some(provider) = OidcProvider::start().await else {
        tally.broke("oidc-provider is not installed, so nothing was shown");
        return;
    };
    let cool_down = interval / 4;
    let keys = RemoteKeySet::discover(provider.issuer())
        .refresh_interval(interval)
        .cool_down(cool_down);
    let site = Site::start(&provider.issuer(), keys).await;
    println!("withdrawal: {ROUNDS} times, with keys refreshed each {interval:?}");
    let mut old = provider.token(AUDIENCE);
    let (mut slowest_new, mut slowest_old) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        provider.rotate();
        let new = provider.token(AUDIENCE);
        let begun = Instant::now();
        let status = site.door.ask(&new).await;
        slowest_new = slowest_new.max(begun.elapsed());
        tally.hold(status == StatusCode::OK, || {
            format!("a rotated key was answered {status} at first sight")
        });

        provider.withdraw();
        let withdrawn = Instant::now();
        let mut last = Duration::ZERO;
        while withdrawn.elapsed() < interval + SLACK {
            match site.door.ask(&old).await {
                StatusCode::OK => last = withdrawn.elapsed(),
                StatusCode::UNAUTHORIZED => break,
                other => tally.broke(&format!("a withdrawn key was answered {other}")),
            }
            tokio::time::sleep(EACH).await;
        }
        let status = site.door.ask(&old).await;
        tally.hold(status == StatusCode::UNAUTHORIZED, || {
            format!(
                "a withdrawn key was answered {status} after {:?}",
                withdrawn.elapsed()
            )
        });
        slowest_old = slowest_old.max(last);
        old = new;
        // The withdrawn key was an unknown one in the end, and has used up the fetch of this cool-down.
        tokio::time::sleep(cool_down).await;
    }
    println!(
        "  a rotated key was taken up at first sight, within {:.1} ms at most",
        slowest_new.as_secs_f64() * 1000.0
    );
    println!(
        "  a withdrawn key was last let in {:.2} s after that at most",
        slowest_old.as_secs_f64()
    );
    tally.hold(slowest_old <= interval + SLACK, || {
        format!("a withdrawn key was let in {slowest_old:?} later")
    });
    tally.hold(!slowest_old.is_zero(), || {
        "no withdrawn key was tried while it was known, so nothing was shown".to_owned()
    });
}
