//! What can be seen of the keys' state, and how the task ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};
use tower_bearer::Reason;
use tower_bearer::clock::Clock;
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, Fault};
use tower_bearer::testing::verifier;
use tower_bearer::verifier::{Answer, Issuers};

use crate::service::{MINUTE, SECOND, Service, assert_admitted, assert_refused, keys_of, provider};

#[tokio::test]
async fn the_status_tells_age_errors_and_what_comes_next() {
    let service = Service::started().await;
    let (start, token) = (service.clock.now(), service.token());
    let status = service.keys.status();
    assert!(status.is_usable && !status.is_failing);
    assert_eq!(status.age, Some(Duration::ZERO));
    assert_eq!(status.last_success, Some(start));
    assert_eq!((status.last_failure, status.last_error), (None, None));
    assert_eq!(status.usable_until, Some(start.saturating_add(60 * MINUTE)));
    assert_eq!((status.keys, status.fetches, status.failures), (1, 1, 0));

    service.provider.fail_at(Endpoint::Jwks, Fault::Html);
    service.refresh_by_time(&token).await;
    let failed_at = service.clock.now();
    let status = service.keys.status();
    assert!(status.is_usable && status.is_failing);
    assert_eq!(status.age, Some(5 * MINUTE));
    assert_eq!(status.last_success, Some(start));
    assert_eq!(status.last_failure, Some(failed_at));
    assert!(status.last_error.unwrap().contains("no JWK Set"));
    let pause = status.next_refresh.since(failed_at);
    assert!((30 * SECOND..=38 * SECOND).contains(&pause), "{pause:?}");
    assert_eq!((status.keys, status.fetches, status.failures), (1, 2, 1));

    service.provider.recover();
    service.refresh_by_time(&token).await;
    let status = service.keys.status();
    assert!(!status.is_failing);
    assert_eq!(status.last_success, Some(service.clock.now()));
    // What went wrong last stays to be seen.
    assert_eq!(status.last_failure, Some(failed_at));
    assert!(status.last_error.is_some());
}

#[tokio::test]
async fn metrics_tell_the_same() {
    let seen = recorded();
    let service = Service::started().await;
    let name = service.provider.url(Endpoint::Jwks);
    let of = |metric: &str, label: &str| seen.of(metric, &name, label);
    assert_eq!(of("tower_bearer_jwks_fetches_total", "changed"), Some(1.0));
    assert_eq!(of("tower_bearer_jwks_up", ""), Some(1.0));
    assert_eq!(of("tower_bearer_jwks_keys", ""), Some(1.0));
    assert_eq!(of("tower_bearer_jwks_skipped_keys", ""), Some(0.0));
    let now = service.clock.now().as_unix_secs() as f64;
    let last = "tower_bearer_jwks_last_success_timestamp_seconds";
    assert_eq!(of(last, ""), Some(now));
    let next = of("tower_bearer_jwks_next_refresh_timestamp_seconds", "").unwrap();
    assert!((now + 200.0..now + 300.0).contains(&next), "{next}");

    service.ask(&service.forged("x")).await.unwrap_err();
    service.ask(&service.forged("x")).await.unwrap_err();
    service.provider.fail(Fault::Down);
    service.refresh_by_time(&service.token()).await;
    assert_eq!(
        of("tower_bearer_jwks_fetches_total", "unchanged"),
        Some(1.0)
    );
    assert_eq!(of("tower_bearer_jwks_fetches_total", "failed"), Some(1.0));
    assert_eq!(of("tower_bearer_jwks_up", ""), Some(0.0));
    assert_eq!(of("tower_bearer_jwks_age_seconds", ""), Some(300.0));
    let unknown = "tower_bearer_jwks_unknown_keys_total";
    assert_eq!(of(unknown, "fetched"), Some(1.0));
    assert_eq!(of(unknown, "refused"), Some(1.0));
}

#[tokio::test]
async fn keys_of_issuers_that_tokens_name_are_measured_under_one_label() {
    let seen = recorded();
    let (provider, clock) = provider();
    let issuers = Issuers::builder(|_| true)
        .clock(clock.clone())
        .http(HttpSettings::new().allow_plain_http())
        .discover(|jwt, _| jwt.audience("https://api.example.com"))
        .build()
        .unwrap();
    let token = provider.token("alice").issue();
    let presented = crate::service::presented(&token, clock.now());
    assert_admitted(Answer::of(&Arc::new(issuers), &presented).wait().await);
    let fetches = seen.of("tower_bearer_jwks_fetches_total", "many", "changed");
    assert_eq!(fetches, Some(1.0));
    let metrics = seen.0.lock().unwrap();
    let names_it = |(_, keys, _): &(String, String, String)| keys == provider.issuer();
    assert!(!metrics.keys().any(names_it));
}

#[tokio::test]
async fn the_task_ends_with_the_last_handle_and_goes_on_for_a_verifier() {
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let service = Service::started().await;
    assert!(alive() > 0);
    let identity = service.ask(&service.token()).await.unwrap();
    drop(service.keys);
    service.provider.rotate();
    let token = service.provider.token("alice").issue();
    let presented = crate::service::presented(&token, service.clock.now());
    let verifier = service.verifier;
    let asked = Answer::of(&verifier, &presented);
    assert_admitted(asked.wait().await);

    // An identity that is still somewhere keeps nothing going.
    drop(verifier);
    let ended = async {
        while alive() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    ended.expect("the tasks end");
    assert!(identity.is_current());
}

#[tokio::test]
async fn after_a_shutdown_held_keys_go_on_and_nothing_is_fetched() {
    let service = Service::started().await;
    let (token, unknown) = (service.token(), service.forged("x"));
    service.keys.shutdown().await;
    assert_admitted(service.at_once(&token).unwrap());
    service.clock.advance(6 * MINUTE);
    assert_admitted(service.at_once(&token).unwrap());
    service.keys.settled().await;
    assert_refused(service.ask(&unknown).await, Reason::Unavailable);
    service.keys.refresh().await.unwrap_err();
    assert_eq!(service.fetches(), 1);
}

#[tokio::test]
async fn the_contract_of_verifiers_is_kept() {
    let service = Service::started().await;
    let (good, now) = (service.token(), service.clock.now());
    let bad = [
        service.forged("x"),
        service.provider.token("alice").expired().issue(),
        good[..good.len() - 1].to_owned(),
        good.to_uppercase(),
    ];
    let bad: Vec<_> = bad.iter().map(String::as_str).collect();
    verifier::conformance(service.verifier.clone(), now, &good, &bad).await;

    let (provider, clock) = provider();
    provider.fail(Fault::Down);
    let keys = keys_of(&provider, &clock).start_lazily().unwrap();
    let cold = Service::with(provider, clock, keys);
    verifier::outage(cold.verifier.clone(), cold.clock.now(), &cold.token()).await;
}

// --- what is measured

type Values = Arc<Mutex<HashMap<(String, String, String), f64>>>;

/// Keeps each metric by its name, its `keys` and its other label.
#[derive(Clone, Default)]
struct Seen(Values);

impl Seen {
    fn of(&self, metric: &str, keys: &str, label: &str) -> Option<f64> {
        let key = (metric.to_owned(), keys.to_owned(), label.to_owned());
        self.0.lock().unwrap().get(&key).copied()
    }

    fn place(&self, key: &Key) -> Arc<Place> {
        let (mut keys, mut label) = (String::new(), String::new());
        for one in key.labels() {
            let slot = if one.key() == "keys" {
                &mut keys
            } else {
                &mut label
            };
            *slot = one.value().to_owned();
        }
        Arc::new(Place {
            values: Arc::clone(&self.0),
            key: (key.name().to_owned(), keys, label),
        })
    }
}

/// The recorder of this process.
fn recorded() -> &'static Seen {
    static SEEN: OnceLock<Seen> = OnceLock::new();
    SEEN.get_or_init(|| {
        let seen = Seen::default();
        metrics::set_global_recorder(seen.clone()).expect("the only recorder");
        seen
    })
}

struct Place {
    values: Values,
    key: (String, String, String),
}

impl Place {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(
            self.values
                .lock()
                .unwrap()
                .entry(self.key.clone())
                .or_default(),
        );
    }
}

impl CounterFn for Place {
    fn increment(&self, by: u64) {
        self.change(|value| *value += by as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|held| *held = value as f64);
    }
}

impl GaugeFn for Place {
    fn increment(&self, by: f64) {
        self.change(|value| *value += by);
    }

    fn decrement(&self, by: f64) {
        self.change(|value| *value -= by);
    }

    fn set(&self, value: f64) {
        self.change(|held| *held = value);
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.place(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.place(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
