use tower_bearer::Reason;
use tower_bearer::issue::{IssueError, NewToken, TokenIssuer};
use tower_bearer::store::{StoreError, TokenFilter, WhenFull};
use tower_bearer::verifier::OpaqueTokenVerifier;

use super::{CROWD, DAY, Store, at_most, clock, crowd, shape, someone, verify};

/// However many log in at once, no more sessions than allowed are live; with `Refuse` the others are told.
pub async fn logins_that_race_keep_to_the_limit(store: Store) {
    const MAX: usize = 3;
    for when_full in [WhenFull::Refuse, WhenFull::EndOldest] {
        let (clock, alice) = (clock(), someone());
        let desk = TokenIssuer::opaque(store.clone(), shape("st_"))
            .with_clock(clock.clone())
            .with_limit(at_most(MAX, when_full));
        let verifier = OpaqueTokenVerifier::new(store.clone(), shape("st_"));
        let logins = crowd(|_| {
            let (desk, new) = (desk.clone(), NewToken::session(&*alice).lifetime(DAY));
            async move { desk.mint(new).await }
        });
        let (mut refused, mut good) = (0, 0);
        for login in logins.await {
            match login {
                Ok(minted) => {
                    let token = minted.token.reveal();
                    good += usize::from(verify(&verifier, &token, &clock).await.is_ok());
                }
                Err(IssueError::Store(StoreError::LimitReached)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(good, MAX, "{when_full:?}");
        let expected = match when_full {
            WhenFull::Refuse => CROWD - MAX,
            WhenFull::EndOldest => 0,
        };
        assert_eq!(refused, expected);
    }
}

/// Tokens that were minted for one session are ended by its id, and others are not.
pub async fn the_tokens_of_one_session_end_together(store: Store) {
    let (clock, alice) = (clock(), someone());
    let desk = TokenIssuer::opaque(store.clone(), shape("st_")).with_clock(clock.clone());
    let verifier = OpaqueTokenVerifier::new(store, shape("st_"));
    let mut tokens = Vec::new();
    for (new, session) in [
        (NewToken::session(&*alice), "login-1"),
        (NewToken::access_token(&*alice), "login-1"),
        (NewToken::session(&*alice), "login-2"),
    ] {
        let minted = desk.mint(new.session_id(session).lifetime(DAY)).await;
        tokens.push(minted.unwrap().token.reveal());
    }
    let first = verify(&verifier, &tokens[0], &clock).await.unwrap();
    assert_eq!(first.session_id(), Some("login-1"));
    let session = TokenFilter::all().session("login-1");
    assert_eq!(desk.revoke_all(&alice, &session).await.unwrap(), 2);
    for token in &tokens[..2] {
        let refusal = verify(&verifier, token, &clock).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::Revoked);
    }
    verify(&verifier, &tokens[2], &clock).await.unwrap();
}
