use std::sync::Arc;

use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::issue::{JwtIssuer, Login, RefreshTokens, RenewError, SigningKey};
use tower_bearer::keys::Algorithm;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{Page, TokenFilter, WhenFull};
use tower_bearer::verifier::{Revocable, TokenVerifierExt};
use tower_bearer::{Reason, Refusal};

use super::{
    CROWD, DAY, MINUTE, SECOND, Store, at_most, clock, crowd, present, shape, someone, verify,
};

/// Access tokens of ten minutes, sessions of thirty days, a grace of ten seconds.
struct House {
    clock: ManualClock,
    tokens: RefreshTokens,
    verifier: Revocable,
}

impl House {
    fn over(store: Store) -> Self {
        let clock = clock();
        let access = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer("https://id.example.com")
            .audience("https://api.example.com")
            .lifetime(10 * MINUTE)
            .clock(clock.clone())
            .build()
            .unwrap();
        let revocations = Revocations::new(Arc::new(MemoryRevocations::new()), DAY).unwrap();
        let revocations = revocations.with_clock(clock.clone());
        let verifier = access.verifier().build().unwrap();
        let tokens = RefreshTokens::new(store, shape("rt_"), access, 30 * DAY).unwrap();
        Self {
            tokens: tokens
                .with_clock(clock.clone())
                .with_revocations(revocations.clone()),
            verifier: verifier.revocable(revocations),
            clock,
        }
    }

    async fn login(&self, subject: &str) -> Tokens {
        let pair = self.tokens.login(Login::new(subject)).await.unwrap();
        Tokens {
            access: pair.access.token.reveal(),
            refresh: pair.refresh.reveal(),
            session: pair.session_id.into(),
        }
    }

    async fn is_in(&self, access: &str) -> Result<(), Refusal> {
        let identity = verify(&self.verifier, access, &self.clock).await?;
        identity.admitted(self.clock.now())
    }

    async fn live(&self, subject: &str) -> usize {
        let page = Page::first(99);
        let listed = self.tokens.list(subject, &TokenFilter::all(), &page).await;
        let now = self.clock.now();
        let live = |record: &&_| tower_bearer::store::TokenRecord::is_live(record, now);
        listed.unwrap().iter().filter(live).count()
    }
}

struct Tokens {
    access: String,
    refresh: String,
    session: String,
}

/// Two tabs, or eight, renew at once, and once more when the answer was lost: all have the same next token,
/// and it is the only one.
pub async fn a_crowd_that_renews_at_once_gets_one_successor(store: Store) {
    let (house, alice) = (House::over(store), someone());
    let mut refresh = house.login(&alice).await.refresh;
    for _ in 0..5 {
        let asked = crowd(|_| {
            let (tokens, refresh) = (house.tokens.clone(), present(&refresh));
            async move {
                let pair = tokens.renew(&refresh).await.unwrap();
                (pair.refresh.reveal(), pair.access.token.reveal())
            }
        });
        let mut answers = asked.await;
        house.clock.advance(9 * SECOND);
        let late = house.tokens.renew(&present(&refresh)).await.unwrap();
        answers.push((late.refresh.reveal(), late.access.token.reveal()));
        for (next, access) in &answers {
            assert_eq!(next, &answers[0].0);
            house.is_in(access).await.unwrap();
        }
        assert_eq!(house.live(&alice).await, 1);
        refresh = answers.swap_remove(0).0;
    }
}

/// A token that was spent comes again after the grace: everybody in that session is out, with their access
/// tokens, and in no other. Of those who bring it at once, one raises the alarm.
pub async fn a_spent_token_ends_its_family_and_no_other(store: Store) {
    let (house, alice) = (House::over(store), someone());
    let (stolen, other) = (house.login(&alice).await, house.login(&alice).await);
    let next = house.tokens.renew(&present(&stolen.refresh)).await.unwrap();
    let (access, next) = (next.access.token.reveal(), next.refresh.reveal());
    house.clock.advance(10 * SECOND);

    let again = crowd(|_| {
        let (tokens, refresh) = (house.tokens.clone(), present(&stolen.refresh));
        async move { tokens.renew(&refresh).await.unwrap_err() }
    });
    let again = again.await;
    let mut alarms = 0;
    for error in &again {
        assert_eq!(error.oauth_error(), Some("invalid_grant"));
        if let RenewError::Reused {
            subject,
            session_id,
        } = error
        {
            assert_eq!((&**subject, &**session_id), (&*alice, &*stolen.session));
            alarms += 1;
        }
    }
    assert_eq!(alarms, 1, "of {CROWD}");
    for access in [&stolen.access, &access] {
        assert_eq!(
            house.is_in(access).await.unwrap_err().reason(),
            Reason::Revoked
        );
    }
    let refused = house.tokens.renew(&present(&next)).await;
    assert!(matches!(refused, Err(RenewError::Invalid)), "{refused:?}");

    house.is_in(&other.access).await.unwrap();
    let _pair = house.tokens.renew(&present(&other.refresh)).await.unwrap();
}

/// Whoever renews while the session is being ended is out as well, whichever came first, and no alarm rings.
pub async fn a_logout_wins_over_renewals_that_race_with_it(store: Store) {
    let (house, alice) = (House::over(store), someone());
    let session = house.login(&alice).await;
    let outcome = crowd(|number| {
        let (tokens, refresh) = (house.tokens.clone(), present(&session.refresh));
        let (subject, id) = (alice.clone(), session.session.clone());
        async move {
            if number == CROWD / 2 {
                tokens.end(&subject, &id).await.unwrap();
                return None;
            }
            match tokens.renew(&refresh).await {
                Ok(pair) => Some((pair.refresh.reveal(), pair.access.token.reveal())),
                Err(RenewError::Invalid) => None,
                Err(other) => panic!("{other}"),
            }
        }
    });
    for (refresh, access) in outcome.await.into_iter().flatten() {
        let refused = house.tokens.renew(&present(&refresh)).await;
        assert!(matches!(refused, Err(RenewError::Invalid)), "{refused:?}");
        assert_eq!(
            house.is_in(&access).await.unwrap_err().reason(),
            Reason::Revoked
        );
    }
    assert_eq!(house.live(&alice).await, 0);
}

/// With a limit on sessions, the oldest ends with its access tokens; one that was renewed meanwhile is one
/// session still.
pub async fn a_login_too_many_ends_the_oldest_family(store: Store) {
    let (mut house, alice) = (House::over(store), someone());
    house.tokens = house.tokens.with_limit(at_most(2, WhenFull::EndOldest));
    let oldest = house.login(&alice).await;
    house.clock.advance(SECOND);
    let kept = house.login(&alice).await;
    house.clock.advance(SECOND);
    let kept = house.tokens.renew(&present(&kept.refresh)).await.unwrap();
    assert_eq!(house.live(&alice).await, 2);
    house.clock.advance(SECOND);
    let newest = house.login(&alice).await;
    assert_eq!(house.live(&alice).await, 2);
    let refusal = house.is_in(&oldest.access).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Revoked);
    house.is_in(&kept.access.token.reveal()).await.unwrap();
    house.is_in(&newest.access).await.unwrap();
}
