//! The contract of a [`TokenStore`], as tests.
//!
//! ```
//! use tower_bearer::store::MemoryStore;
//! use tower_bearer::testing;
//!
//! # #[tokio::main] async fn main() {
//! testing::store::conformance(&MemoryStore::new()).await;
//! # }
//! ```
//!
//! Every test makes subjects and tokens of its own, under random names, so that a store can be tested
//! while it holds others and again after an earlier run. All of them are dated in 1970, and
//! [`pruning_is_bounded_and_takes_only_what_is_over`] prunes up to there. What races here does so on one
//! task: a store whose calls never wait needs tests of its own, with threads.

mod changing;
mod ending;
mod limit;
mod race;
mod reading;

use std::time::Duration;

use super::support::{at, random};
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, RoleGrant};
use crate::store::{Found, Page, TokenDigest, TokenFilter, TokenRecord, TokenSeed, TokenStore};

pub use changing::{
    a_change_changes_what_it_names, a_digest_moves, a_refused_change_changes_nothing,
};
pub use ending::{
    a_failed_replacement_changes_nothing, a_revoked_token_stays_revoked,
    a_session_is_ended_as_a_whole, an_overlap_leaves_the_old_one_a_while,
    pruning_is_bounded_and_takes_only_what_is_over, replacing_ends_one_and_adds_one,
    revoking_all_ends_what_the_filter_means,
};
pub use limit::{
    a_clash_makes_no_room, a_full_limit_refuses, only_live_tokens_of_the_kind_count,
    the_oldest_end_to_make_room,
};
pub use race::{
    a_lookup_during_a_replacement_sees_one_good_token, of_racing_inserts_one_succeeds,
    of_racing_replacements_one_succeeds, racing_inserts_keep_to_the_limit,
    revoking_wins_over_touching,
};
pub use reading::{
    any_text_is_a_subject_and_an_id, digests_and_ids_are_unique, listing_pages_in_the_order_of_ids,
    records_come_back_whole, touching_never_goes_back,
};

pub(super) use limit::end_oldest;

/// Runs every test of this module on `store`.
///
/// # Panics
/// Where the contract is broken.
pub async fn conformance(store: &dyn TokenStore) {
    records_come_back_whole(store).await;
    digests_and_ids_are_unique(store).await;
    any_text_is_a_subject_and_an_id(store).await;
    listing_pages_in_the_order_of_ids(store).await;
    touching_never_goes_back(store).await;
    a_revoked_token_stays_revoked(store).await;
    revoking_all_ends_what_the_filter_means(store).await;
    a_session_is_ended_as_a_whole(store).await;
    a_change_changes_what_it_names(store).await;
    a_digest_moves(store).await;
    a_refused_change_changes_nothing(store).await;
    a_full_limit_refuses(store).await;
    only_live_tokens_of_the_kind_count(store).await;
    the_oldest_end_to_make_room(store).await;
    a_clash_makes_no_room(store).await;
    replacing_ends_one_and_adds_one(store).await;
    an_overlap_leaves_the_old_one_a_while(store).await;
    a_failed_replacement_changes_nothing(store).await;
    of_racing_inserts_one_succeeds(store).await;
    of_racing_replacements_one_succeeds(store).await;
    racing_inserts_keep_to_the_limit(store).await;
    a_lookup_during_a_replacement_sees_one_good_token(store).await;
    revoking_wins_over_touching(store).await;
    pruning_is_bounded_and_takes_only_what_is_over(store).await;
}

/// A subject that no other test uses.
pub(super) fn a_subject() -> String {
    let [a, b, c, d, e, f, g, h, ..] = random();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    format!("conformance-{number:016x}")
}

/// A session with a digest of its own.
pub(super) fn a_record(subject: &str, id: &str) -> TokenRecord {
    let digest = TokenDigest::from_bytes(random());
    TokenRecord::new(id, digest, CredentialKind::Session, subject, at(0))
}

/// A record in which everything is set, to values that a careless store would spoil.
fn a_full_record(subject: &str, id: &str) -> TokenRecord {
    let mut record = a_record(subject, id);
    record.kind = CredentialKind::ApiKey;
    record.name = Some("naïve \"name\" \u{1f511}".into());
    record.pepper = Some("2026 \u{1f336}".into());
    record.client_id = Some("".into());
    record.session_id = Some("login 1:{}".into());
    record.scopes = "b:write a:read".parse().expect("scopes");
    record.roles = vec![
        RoleGrant::on("editor", "site 1/ü"),
        RoleGrant::new("editor"),
        RoleGrant::on("", ""),
    ];
    record.created = Timestamp::from_unix_millis(1_000_000_001);
    record.expires = Some(Timestamp::from_unix_millis(1_000_900_003));
    record.idle = Some(Duration::from_millis(600_007));
    record.last_used = Some(Timestamp::from_unix_millis(1_000_100_009));
    record.disabled = true;
    record.replaced_by = Some("k*?[]".into());
    record.seed = Some(TokenSeed::from_bytes(random()));
    record.display_start = "ak_aB3d".into();
    record.auth_time = Some(Timestamp::from_unix_millis(-1));
    record.acr = Some("urn:example:silver".into());
    record
        .attributes
        .insert("device".into(), "Firefox; DROP TABLE".into());
    record.attributes.insert("".into(), "".into());
    record
}

async fn insert(store: &dyn TokenStore, record: &TokenRecord) {
    let inserted = store.insert(record.clone()).await;
    inserted.expect("inserting a new record");
}

/// The first page of a subject's records.
async fn listing(store: &dyn TokenStore, subject: &str) -> Vec<TokenRecord> {
    let page = Page::first(99);
    let listed = store.list(subject, &TokenFilter::all(), &page).await;
    listed.expect("listing")
}

/// The record as read by its key, which is the one found by its digest as well.
async fn read(store: &dyn TokenStore, record: &TokenRecord) -> Option<TokenRecord> {
    let got = store.get(record.key()).await.expect("getting a record");
    let found = store.find(&record.digest).await.expect("finding a record");
    let now = store.find_now(&record.digest);
    if let Some(now) = now.map(|now| now.expect("finding a record at once")) {
        let (now, found) = (now.as_ref(), found.as_ref());
        assert_eq!(now.map(Found::record), found.map(Found::record));
        assert_eq!(now.map(Found::last_used), found.map(Found::last_used));
    }
    let found = found.map(|found| {
        let mut record = found.record().clone();
        record.last_used = found.last_used();
        record
    });
    assert_eq!(got, found, "by key and by digest");
    got
}
