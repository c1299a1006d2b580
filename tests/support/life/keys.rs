use tower_bearer::Reason;
use tower_bearer::clock::Clock;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{Page, TokenChange, TokenFilter};
use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier};

use super::{CROWD, Store, clock, crowd, shape, someone, verify};

/// A key is renamed, and switched off and on again. No listing shows more of it than its start.
pub async fn a_key_is_renamed_and_switched_off_and_on(store: Store) {
    let (clock, alice) = (clock(), someone());
    let keys = TokenIssuer::api_keys(store.clone(), shape("ak_")).unwrap();
    let keys = keys.with_clock(clock.clone());
    let verifier = ApiKeyVerifier::new(store, shape("ak_")).unwrap();
    let minted = keys.mint(NewToken::api_key(&*alice).name("ci"));
    let minted = minted.await.unwrap();
    let (token, id) = (minted.token.reveal(), minted.record.key());
    let renamed = keys.update(id, &TokenChange::new().name("nightly")).await;
    assert_eq!(renamed.unwrap().name.as_deref(), Some("nightly"));
    keys.disable(id).await.unwrap();
    let refusal = verify(&verifier, &token, &clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Disabled);
    keys.enable(id).await.unwrap();
    let alive = verify(&verifier, &token, &clock).await.unwrap();
    assert_eq!(alive.credential_name(), Some("nightly"));

    let page = Page::first(9);
    let listed = keys.list(&alice, &TokenFilter::all(), &page).await.unwrap();
    assert_eq!(listed.len(), 1);
    let printed = format!("{:?}", listed[0]);
    assert!(!printed.contains(&token["ak_".len() + 4..]), "{printed}");
    assert_eq!(listed[0].display_start.len(), "ak_".len() + 4);
}

/// Whatever the state of the last token, and however many ask at once, one is left, and it is one of those
/// that were given out.
pub async fn a_bot_has_one_token_however_many_ask_at_once(store: Store) {
    let (clock, bot) = (clock(), someone());
    let bots = TokenIssuer::opaque(store.clone(), shape("bot_")).with_clock(clock.clone());
    let verifier = OpaqueTokenVerifier::new(store, shape("bot_"));
    let asked = crowd(|_| {
        let (bots, new) = (bots.clone(), NewToken::bot_token(&*bot));
        async move { bots.regenerate(new).await.unwrap().token.reveal() }
    });
    let mut good = Vec::new();
    for token in asked.await {
        if verify(&verifier, &token, &clock).await.is_ok() {
            good.push(token);
        }
    }
    assert_eq!(good.len(), 1, "of {CROWD}");

    let page = Page::first(99);
    let listed = bots.list(&bot, &TokenFilter::all(), &page).await.unwrap();
    let live = listed.iter().find(|record| record.is_live(clock.now()));
    bots.disable(live.unwrap().key()).await.unwrap();
    let next = bots.regenerate(NewToken::bot_token(&*bot)).await.unwrap();
    assert_eq!(next.ended.len(), 1, "the one that is switched off");
    verify(&verifier, &next.token.reveal(), &clock)
        .await
        .unwrap();
}
