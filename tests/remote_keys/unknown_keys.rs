//! Tokens that mean a key which is not held: rotated ones, and floods of made-up ones.

use tower_bearer::Reason;
use tower_bearer::clock::Clock;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::Algorithm;
use tower_bearer::testing::provider::{Fault, Gate};
use tower_bearer::verifier::Answer;

use crate::service::{SECOND, Service, assert_admitted, assert_refused, presented};

#[tokio::test]
async fn a_rotated_key_is_taken_up_at_sight() {
    let service = Service::started().await;
    let old = service.token();
    service.provider.rotate();
    assert_admitted(service.ask(&service.token()).await);
    assert_eq!(service.fetches(), 2);
    assert_admitted(service.at_once(&old).unwrap());
}

#[tokio::test]
async fn a_crowd_with_a_rotated_key_makes_one_fetch() {
    let service = Service::started().await;
    service.provider.rotate();
    let gate = Gate::new();
    service.provider.fail(Fault::Held(gate.clone()));
    let presented = presented(&service.token(), service.clock.now());
    let ask = || match Answer::of(&service.verifier, &presented) {
        Answer::Later(answer) => tokio::spawn(answer),
        Answer::Now(judged) => panic!("{judged:?} without the key"),
    };
    let mut crowd: Vec<_> = (0..5_000).map(|_| ask()).collect();
    gate.reached(1).await;
    crowd.extend((0..5_000).map(|_| ask()));
    gate.open();
    for one in crowd {
        assert_admitted(one.await.unwrap());
    }
    assert_eq!(service.fetches(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_kids_costs_one_fetch_and_good_tokens_nothing() {
    let service = Service::started().await;
    let good = service.token();
    let forged = service.forged("made-up");
    let (_, rest) = forged.split_once('.').unwrap();
    let mut waited = 0;
    for number in 0..100_000 {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{number}"}}"#);
        let header = base64_simd::URL_SAFE_NO_PAD.encode_to_string(header);
        let junk = format!("{header}.{rest}");
        match service.at_once(&junk) {
            Some(judged) => drop(assert_refused(judged, Reason::Invalid)),
            None => {
                waited += 1;
                assert_refused(service.ask(&junk).await, Reason::Invalid);
            }
        }
        if number % 1_000 == 0 {
            assert_admitted(service.at_once(&good).unwrap());
        }
    }
    assert_eq!((service.fetches(), waited), (2, 1));

    // And one more when the cool-down is over.
    service.clock.advance(29 * SECOND);
    assert_refused(service.at_once(&forged).unwrap(), Reason::Invalid);
    service.clock.advance(SECOND);
    assert_refused(service.ask(&forged).await, Reason::Invalid);
    assert_refused(service.at_once(&forged).unwrap(), Reason::Invalid);
    assert_eq!(service.fetches(), 3);
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_not_said_to_be_unknown_and_not_tried_at_once_again() {
    let service = Service::started().await;
    let (good, unknown) = (service.token(), service.forged("unknown"));
    service.provider.fail(Fault::Down);
    assert_refused(service.ask(&unknown).await, Reason::Unavailable);
    assert_eq!(service.keys.status().fetches, 2);
    for _ in 0..1_000 {
        let refusal = assert_refused(service.at_once(&unknown).unwrap(), Reason::Unavailable);
        assert_eq!(refusal.retry_after(), Some(30 * SECOND));
        assert_admitted(service.at_once(&good).unwrap());
    }
    assert_eq!(service.keys.status().fetches, 2);

    service.clock.advance(30 * SECOND);
    assert_refused(service.ask(&unknown).await, Reason::Unavailable);
    assert_eq!(service.keys.status().fetches, 3);

    service.provider.recover();
    service.clock.advance(30 * SECOND);
    assert_refused(service.ask(&unknown).await, Reason::Invalid);
    assert_refused(service.at_once(&unknown).unwrap(), Reason::Invalid);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_once_in_a_cool_down_whatever_for() {
    let service = Service::started().await;
    let (good, unknown) = (service.token(), service.forged("unknown"));
    service.provider.fail(Fault::Down);
    service.clock.advance(300 * SECOND);
    for _ in 0..60 {
        for _ in 0..10 {
            assert_admitted(service.at_once(&good).unwrap());
            assert_refused(service.ask(&unknown).await, Reason::Unavailable);
        }
        service.clock.advance(5 * SECOND);
    }
    service.keys.settled().await;
    // In 300 seconds, the first included.
    let attempts = service.keys.status().failures;
    assert!((8..=11).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn junk_has_nothing_looked_up_and_no_share_in_the_cool_down() {
    let service = Service::started().await;
    let stranger = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let token = || {
        service
            .provider
            .token("alice")
            .signed_by(&stranger)
            .kid("x")
    };
    let others = [
        token().expired().issue(),
        token().claim("iss", "https://other.example.com").issue(),
        token().audience("https://other.example.com").issue(),
        token().without("exp").issue(),
        token().header("alg", "HS256").issue(),
        token().header("alg", "none").issue(),
        token().header("typ", "logout+jwt").issue(),
        token().header("crit", ["b64"]).issue(),
        "not.a.jwt".to_owned(),
        "nothing".to_owned(),
    ];
    for junk in &others {
        assert_refused(service.at_once(junk).unwrap(), Reason::Invalid);
    }
    assert_eq!(service.fetches(), 1);
    service.provider.rotate();
    assert_admitted(service.ask(&service.token()).await);
}

#[tokio::test]
async fn a_wrong_signature_or_algorithm_has_nothing_looked_up() {
    let service = Service::started().await;
    let stranger = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let kid = service.provider.kid();
    let token = || service.provider.token("alice").kid(&kid);
    let forged = token().signed_by(&stranger).issue();
    let confused = token().header("alg", "ES256").issue();
    for junk in [forged, confused] {
        assert_refused(service.at_once(&junk).unwrap(), Reason::Invalid);
    }
    assert_eq!(service.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_that_brought_a_key_does_not_stand_in_the_way_of_the_next() {
    let service = Service::started().await;
    for rotations in 1..4 {
        service.provider.rotate();
        assert_admitted(service.ask(&service.token()).await);
        assert_eq!(service.fetches(), 1 + rotations);
    }
    // One that brought nothing does.
    assert_refused(service.ask(&service.forged("x")).await, Reason::Invalid);
    service.provider.rotate();
    let token = service.token();
    assert_refused(service.at_once(&token).unwrap(), Reason::Invalid);
    service.clock.advance(30 * SECOND);
    assert_admitted(service.ask(&token).await);
}

#[tokio::test]
async fn a_token_that_joined_a_fetch_of_before_its_key_has_another_made() {
    let service = Service::started().await;
    let gate = Gate::new();
    service.provider.fail(Fault::Held(gate.clone()));
    service.clock.advance(300 * SECOND);
    assert_admitted(service.at_once(&service.token()).unwrap());
    gate.reached(1).await;
    // The answer at the gate is the set of before.
    service.provider.recover();
    service.provider.rotate();
    let token = service.token();
    let (asked, ()) = tokio::join!(service.ask(&token), async {
        tokio::task::yield_now().await;
        gate.open();
    });
    assert_admitted(asked);
    assert_eq!(service.fetches(), 3);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_prolong_a_cool_down() {
    let service = Service::started().await;
    assert_refused(service.ask(&service.forged("x")).await, Reason::Invalid);
    service
        .clock
        .set(service.clock.now().saturating_sub(3600 * SECOND));
    service.provider.rotate();
    assert_admitted(service.ask(&service.token()).await);
}
