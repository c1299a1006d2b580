//! Everybody at once, at a service that has not read the key yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;
use tower_bearer::keys::RemoteKeySet;
use tower_bearer::testing::provider::{Endpoint, Fault, Gate, IdentityProvider};

use crate::site::Site;
use crate::tally::{Answers, Tally};

pub(crate) async fn run(tally: &Tally, requests: u32) {
    println!("crowd: {requests} good requests at once");
    let provider = IdentityProvider::start();
    let gate = hold(&provider);
    let keys = RemoteKeySet::builder(provider.url(Endpoint::Jwks));
    let site = Site::start_cold(provider.issuer(), keys);
    let crowd = Crowd::of(&provider, &site, &gate, requests).await;
    crowd.tell(tally, "no key was read before");

    let gate = hold(&provider);
    provider.rotate();
    let crowd = Crowd::of(&provider, &site, &gate, requests).await;
    crowd.tell(tally, "the keys were rotated");
}

/// Answers are held until everybody is there.
fn hold(provider: &IdentityProvider) -> Gate {
    let gate = Gate::new();
    provider.fail(Fault::Held(gate.clone()));
    gate
}

/// What came of one.
struct Crowd {
    answers: Answers,
    fetches: u64,
}

impl Crowd {
    async fn of(provider: &IdentityProvider, site: &Site, gate: &Gate, requests: u32) -> Self {
        // The cold one has begun to fetch by itself, and waits at the gate.
        let before = if site.keys.status().keys == 0 {
            0
        } else {
            provider.count(Endpoint::Jwks)
        };
        let token = provider.token("alice").issue();
        let arrived = Arc::new(AtomicU32::new(0));
        let mut clients = JoinSet::new();
        for _ in 0..requests {
            let (site, token, arrived) = (site.clone(), token.clone(), Arc::clone(&arrived));
            clients.spawn(async move {
                arrived.fetch_add(1, Ordering::Relaxed);
                let mut answers = Answers::default();
                site.door.note(&token, &mut answers).await;
                answers
            });
        }
        while arrived.load(Ordering::Relaxed) < requests {
            tokio::task::yield_now().await;
        }
        gate.reached(1).await;
        let opened = Instant::now();
        gate.open();
        let mut answers = Answers::default();
        for of_client in clients.join_all().await {
            answers.join(of_client);
        }
        println!(
            "  all answered {:.0} ms after the provider",
            opened.elapsed().as_secs_f64() * 1000.0
        );
        Self {
            answers,
            fetches: provider.count(Endpoint::Jwks) - before,
        }
    }

    fn tell(&self, tally: &Tally, name: &str) {
        let told = self.answers.told();
        println!("  {name}: {} fetch, {told}", self.fetches);
        tally.hold(self.fetches == 1, || {
            format!("{name}: {} fetches in place of one", self.fetches)
        });
        tally.hold(self.answers.admitted == self.answers.all(), || {
            format!("{name}: of good ones were {told}")
        });
    }
}
