//! The lock against guessing: what counts, and what does not.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::{Attempts, Kv, Settings, Verdict};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

async fn three_at_most() -> Attempts {
    let kv = Kv::open("memory").await.unwrap();
    let clock = Settings::from_env().unwrap().clock();
    Attempts::new(&kv, clock, 3, Duration::from_secs(60))
}

#[tokio::test]
async fn three_wrong_guesses_lock_the_account_there_and_nowhere_else() {
    let attempts = three_at_most().await;
    for _ in 0..3 {
        assert_eq!(attempts.begin("a", HERE).await.unwrap(), Verdict::Open);
    }
    assert_eq!(attempts.begin("a", HERE).await.unwrap(), Verdict::Locked);
    assert_eq!(attempts.begin("a", ELSEWHERE).await.unwrap(), Verdict::Open);
    assert_eq!(attempts.begin("b", HERE).await.unwrap(), Verdict::Open);
}

#[tokio::test]
async fn an_undecided_guess_neither_counts_nor_forgives() {
    let attempts = three_at_most().await;
    for _ in 0..9 {
        assert_eq!(attempts.begin("a", HERE).await.unwrap(), Verdict::Open);
        attempts.undecided("a", HERE).await.unwrap();
    }
    attempts.begin("a", HERE).await.unwrap();
    attempts.begin("a", HERE).await.unwrap();
    attempts.begin("a", HERE).await.unwrap();
    attempts.undecided("a", HERE).await.unwrap();
    attempts.begin("a", HERE).await.unwrap();
    assert_eq!(attempts.begin("a", HERE).await.unwrap(), Verdict::Locked);
}
