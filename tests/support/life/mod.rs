//! Stories of the life of a token that hold over every store, as issuers and verifiers tell them: what no
//! client sees. `support/stories` has those that clients live through. [`life_on!`] tells these over one store.
//!
//! Each makes subjects of its own, so that they can be told over one store after another and at once. Time
//! begins at the real one: a store may tidy up by its own clock.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

pub mod digests;
#[path = "../fresh.rs"]
pub mod fresh;
pub mod keys;
pub mod renewal;
pub mod sessions;

use std::num::NonZeroUsize;
use std::sync::Arc;

use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::store::{SubjectLimit, TokenStore, WhenFull};
use tower_bearer::verifier::Presented;
use tower_bearer::{Refusal, TokenVerifier};

pub use fresh::{DAY, MINUTE, SECOND, clock, shape, someone};

/// How many race.
pub const CROWD: usize = 8;

/// Has every story told over `$store`, an expression that makes an `Arc<dyn TokenStore>` (and may wait).
#[macro_export]
macro_rules! life_on {
    ($store:expr) => {
        $crate::life_on! { $store;
            digests: an_older_digest_is_renewed_on_use,
            digests: a_key_is_good_at_every_moment_of_a_change_of_pepper,
            digests: a_pepper_that_is_to_come_is_known_and_left_alone,
            keys: a_key_is_renamed_and_switched_off_and_on,
            keys: a_bot_has_one_token_however_many_ask_at_once,
            renewal: a_crowd_that_renews_at_once_gets_one_successor,
            renewal: a_spent_token_ends_its_family_and_no_other,
            renewal: a_logout_wins_over_renewals_that_race_with_it,
            renewal: a_login_too_many_ends_the_oldest_family,
            sessions: logins_that_race_keep_to_the_limit,
            sessions: the_tokens_of_one_session_end_together,
        }
    };
    ($store:expr; $($topic:ident: $story:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                life::$topic::$story($store).await;
            }
        )*
    };
}

pub fn at_most(max: usize, when_full: WhenFull) -> SubjectLimit {
    SubjectLimit {
        max: NonZeroUsize::new(max).unwrap(),
        when_full,
    }
}

pub fn present(token: &str) -> BearerToken {
    BearerToken::new(token).unwrap()
}

pub async fn verify(
    verifier: &dyn TokenVerifier,
    token: &str,
    clock: &ManualClock,
) -> Result<Identity, Refusal> {
    let presented = Presented::new(present(token), clock.now());
    verifier.verify(&presented).await
}

/// Runs `CROWD` of one task at once, and returns what each came to.
pub async fn crowd<T, F>(task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (0..CROWD)
        .map(|number| tokio::spawn(task(number)))
        .collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.unwrap());
    }
    results
}

pub type Store = Arc<dyn TokenStore>;
