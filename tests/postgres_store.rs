//! The store in PostgreSQL, by the contract and on a real server.

#[path = "support/servers/mod.rs"]
mod servers;
#[path = "support/tokens.rs"]
mod support;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use servers::Postgres;
use support::secs;
use tower_bearer::clock::{Clock as _, ManualClock};
use tower_bearer::identity::CredentialKind;
use tower_bearer::revocation::{
    Beat, Ending, Feed, FeedMessage, Revocation, RevocationStore, Target,
};
use tower_bearer::store::{
    Page, PostgresStore, StoreError, TokenDigest, TokenFilter, TokenKey, TokenRecord, TokenStore,
    TokenUse,
};
use tower_bearer::testing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_meets_the_contract() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = patient(&server).await;
    testing::store::conformance(&store).await;
    testing::revocation::conformance(&store).await;
    testing::store::conformance(&store).await;
    let listening = testing::feed::conformance(&store);
    let heard = tokio::time::timeout(Duration::from_secs(60), listening).await;
    heard.expect("all is heard in time");
}

async fn patient(server: &Postgres) -> PostgresStore {
    // Test machines stall at times.
    let builder = PostgresStore::builder(server.url()).timeout(Duration::from_secs(10));
    builder.connect().await.expect("connecting")
}
