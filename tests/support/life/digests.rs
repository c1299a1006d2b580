use tower_bearer::clock::ManualClock;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{Digests, Pepper, TokenRecord};
use tower_bearer::verifier::ApiKeyVerifier;

use super::{Store, clock, crowd, shape, someone, verify};

fn pepper(name: &str) -> Pepper {
    Pepper::new(name, name.repeat(32).into_bytes()).unwrap()
}

fn verifier(store: &Store, digests: Digests) -> ApiKeyVerifier {
    let verifier = ApiKeyVerifier::new(store.clone(), shape("ak_")).unwrap();
    verifier.with_digests(digests)
}

async fn key(store: &Store, digests: Digests, clock: &ManualClock) -> (String, TokenRecord) {
    let keys = TokenIssuer::api_keys(store.clone(), shape("ak_")).unwrap();
    let keys = keys.with_clock(clock.clone()).with_digests(digests);
    let minted = keys.mint(NewToken::api_key(someone())).await.unwrap();
    (minted.token.reveal(), minted.record)
}

/// Waits for what is done in the background: bounded by a real time that no test comes near.
async fn stored_under(store: &Store, record: &TokenRecord, pepper: &str) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let stored = store.get(record.key()).await.unwrap().unwrap();
        if stored.pepper.as_deref() == Some(pepper) {
            return;
        }
        assert!(
            std::time::Instant::now() < patience,
            "still {:?}",
            stored.pepper
        );
        tokio::task::yield_now().await;
    }
}

/// Plain first, then under one pepper, then under the next: a key that is used moves along, and the older
/// ways can go.
pub async fn an_older_digest_is_renewed_on_use(store: Store) {
    let clock = clock();
    let (token, record) = key(&store, Digests::plain(), &clock).await;
    assert_eq!(record.pepper, None);
    let first = Digests::peppered(pepper("a")).also_plain().unwrap();
    let second = Digests::peppered(pepper("b")).also(pepper("a")).unwrap();
    for (digests, name) in [(first, "a"), (second, "b")] {
        verify(&verifier(&store, digests), &token, &clock)
            .await
            .unwrap();
        stored_under(&store, &record, name).await;
    }
    let last = verifier(&store, Digests::peppered(pepper("b")));
    verify(&last, &token, &clock).await.unwrap();
    let gone = verifier(&store, Digests::peppered(pepper("a")));
    verify(&gone, &token, &clock).await.unwrap_err();
}

/// A crowd that looks for a key by both peppers while it moves from one to the other finds it, whoever moves
/// it and however far each has looked.
pub async fn a_key_is_good_at_every_moment_of_a_change_of_pepper(store: Store) {
    let clock = clock();
    let old = Digests::peppered(pepper("a"));
    let both = Digests::peppered(pepper("b")).also(pepper("a")).unwrap();
    let verifier = verifier(&store, both);
    for _ in 0..20 {
        let (token, record) = key(&store, old.clone(), &clock).await;
        let looks = crowd(|number| {
            let (verifier, token, clock) = (verifier.clone(), token.clone(), clock.clone());
            async move {
                for _ in 0..number {
                    tokio::task::yield_now().await;
                }
                verify(&verifier, &token, &clock).await.map(drop)
            }
        });
        for look in looks.await {
            look.unwrap();
        }
        stored_under(&store, &record, "b").await;
    }
}

/// On a node that knows the next pepper and does not use it yet, keys of nodes that do are good and stay as
/// they are.
pub async fn a_pepper_that_is_to_come_is_known_and_left_alone(store: Store) {
    let clock = clock();
    let ahead = Digests::peppered(pepper("b")).also(pepper("a")).unwrap();
    let behind = Digests::peppered(pepper("a")).also_plain().unwrap();
    let behind = behind.upcoming(pepper("b")).unwrap();
    let (new, new_record) = key(&store, ahead, &clock).await;
    let (oldest, oldest_record) = key(&store, Digests::plain(), &clock).await;
    let verifier = verifier(&store, behind);
    verify(&verifier, &new, &clock).await.unwrap();
    // What is older is renewed there as ever, and was asked for later.
    verify(&verifier, &oldest, &clock).await.unwrap();
    stored_under(&store, &oldest_record, "a").await;
    let stored = store.get(new_record.key()).await.unwrap().unwrap();
    assert_eq!(stored.pepper.as_deref(), Some("b"));
    assert_eq!(stored.digest, new_record.digest);
}
