//! What it costs to verify by keys that were published, over the same keys when they are fixed.

use cpu_time::ThreadTime;
use http::StatusCode;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, KeySet, RemoteKeySet};
use tower_bearer::testing::provider::{Endpoint, IdentityProvider};

use crate::site::{Door, Site};
use crate::tally::Tally;

const ROUNDS: usize = 401;
const CALLS: u32 = 100;
/// Of a verification, what the difference may be.
const SHARE: f64 = 0.05;

const RSA: &str = include_str!("../../tests/fixtures/rsa2048.pk8.pem");
const P256: &str = include_str!("../../tests/fixtures/p256.pk8.pem");
const ED25519: &str = include_str!("../../tests/fixtures/ed25519.pk8.pem");

pub(crate) async fn run(tally: &Tally) {
    println!(
        "cost: of a request, with fixed keys and with published ones (median of {ROUNDS} rounds)"
    );
    for (algorithm, pem) in [
        (Algorithm::RS256, RSA),
        (Algorithm::EdDSA, ED25519),
        (Algorithm::ES256, P256),
    ] {
        let key = SigningKey::from_pem(algorithm, pem).expect("a key");
        let provider = IdentityProvider::builder().signing_key(key).start();
        let keys = KeySet::from_jwks(&provider.jwks()).expect("the same keys");
        let fixed = Door::of_issuer(provider.issuer(), keys);
        let published = RemoteKeySet::builder(provider.url(Endpoint::Jwks));
        let published = Site::start(provider.issuer(), published).await.door;
        let token = provider.token("alice").scope("orders:read").issue();
        let mut times = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // The order changes from round to round, so that neither is always the warmer one.
            if round % 2 == 0 {
                times.0.push(call(tally, &fixed, &token).await);
                times.1.push(call(tally, &published, &token).await);
            } else {
                times.1.push(call(tally, &published, &token).await);
                times.0.push(call(tally, &fixed, &token).await);
            }
        }
        let differences = times.0.iter().zip(&times.1);
        let difference = median(differences.map(|(fixed, published)| published - fixed));
        let fixed = median(times.0.into_iter());
        let published = median(times.1.into_iter());
        println!(
            "  {algorithm}: {fixed:.0} ns fixed, {published:.0} ns published, {difference:+.0} ns in a round"
        );
        tally.hold(difference < SHARE * fixed, || {
            format!("{algorithm}: published keys cost {difference:.0} ns over {fixed:.0}")
        });
    }
}

/// Nanoseconds of processor time that a request takes. None of them waits, so all is done on this thread.
async fn call(tally: &Tally, door: &Door, token: &str) -> f64 {
    let begun = ThreadTime::now();
    for _ in 0..CALLS {
        let status = door.ask(token).await;
        tally.hold(status == StatusCode::OK, || {
            format!("a good token was answered {status}")
        });
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
