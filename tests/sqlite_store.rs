//! The store in an SQLite file, by the contract and over several processes.

#[path = "support/shared.rs"]
mod shared;
#[path = "support/tokens.rs"]
mod support;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use shared::{
    a_call_that_is_given_up_leaves_nothing_half_done, a_large_batch_of_uses_is_recorded,
    assert_nothing_of, ending_of, get, insert, mint_some, next_ending,
    races_between_nodes_keep_every_promise, session, some_lines,
    what_one_ends_the_other_sees_and_hears, who_is_told_that_a_digest_is_taken_finds_it_so,
};
use sqlx::{Connection as _, SqliteConnection};
use support::secs;
use tower_bearer::audit::AuditWriter;
use tower_bearer::identity::CredentialKind;
use tower_bearer::revocation::{Feed, Revocation, RevocationStore, Target};
use tower_bearer::store::{
    SqliteStore, StoreError, TokenChange, TokenFilter, TokenRecord, TokenStore, TokenUse,
};
use tower_bearer::testing;

/// By which a test tells its own process, started again, what to open.
const FILE: &str = "TOWER_BEARER_TEST_FILE";

#[tokio::test]
async fn it_meets_the_contract() {
    let file = File::new();
    let store = open(&file).await;
    testing::store::conformance(&store).await;
    testing::revocation::conformance(&store).await;
    testing::store::conformance(&Arc::new(store)).await;
}

#[tokio::test]
async fn its_feed_meets_the_contract() {
    let file = File::new();
    let store = open(&file).await;
    let listening = testing::feed::conformance(&store);
    let heard = tokio::time::timeout(Duration::from_secs(60), listening).await;
    heard.expect("all is heard in time");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_reopening() {
    let file = File::new();
    let store = open(&file).await;
    let mut record = session("1");
    insert(&store, &record).await;
    insert(&store, &session("2")).await;
    assert!(store.revoke(record.key(), secs(5)).await.expect("revoking"));
    let target = Target::session("iss", "1");
    let revocation = Revocation::new(target.clone(), secs(7), secs(9));
    store.put(&revocation).await.expect("revoking");
    // Dropped without a farewell.
    drop(store);

    let store = open(&file).await;
    record.revoked = Some(secs(5));
    assert_eq!(get(&store, "1").await, Some(record));
    assert_eq!(get(&store, "2").await, Some(session("2")));
    let before = store.latest_before(&[target]).await.expect("looking up");
    assert_eq!(before, Some(secs(7)));
    store.close().await;
    let gone = store.find(&session("2").digest).await;
    assert!(matches!(gone, Err(StoreError::Unavailable { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_have_one_file_open_agree() {
    let file = File::new();
    let nodes = [Arc::new(open(&file).await), Arc::new(open(&file).await)];
    what_one_ends_the_other_sees_and_hears(&*nodes[0], &*nodes[1]).await;
    who_is_told_that_a_digest_is_taken_finds_it_so(nodes.to_vec()).await;
    races_between_nodes_keep_every_promise(nodes).await;
}

#[tokio::test]
async fn what_another_process_ends_is_seen_and_heard() {
    let file = File::new();
    let store = open(&file).await;
    insert(&store, &session("1")).await;
    let mut ear = store.subscribe().await.expect("subscribing");
    let program = std::env::current_exe().expect("this program");
    let ended = tokio::process::Command::new(program)
        .args(["--exact", "the_other_process", "--ignored"])
        .env(FILE, file.path())
        .output()
        .await
        .expect("the other process");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(next_ending(&mut *ear).await, ending_of("1"));
    let record = get(&store, "1").await.expect("the record");
    assert_eq!(record.revoked, Some(secs(3)));
}

/// Not a test, but what another one starts.
#[tokio::test]
#[ignore = "started by what_another_process_ends_is_seen_and_heard"]
async fn the_other_process() {
    let path = std::env::var(FILE).expect("the file");
    let store = SqliteStore::open(path).await.expect("opening");
    let ended = store.revoke(session("1").key(), secs(3)).await;
    assert!(ended.expect("revoking"));
}

#[tokio::test]
async fn a_large_batch_is_recorded() {
    let file = File::new();
    a_large_batch_of_uses_is_recorded(&open(&file).await).await;
}

#[tokio::test]
async fn a_call_that_is_given_up_is_done_or_is_not() {
    let file = File::new();
    let (one, two) = (open(&file).await, open(&file).await);
    a_call_that_is_given_up_leaves_nothing_half_done(&one, &two).await;
}

#[tokio::test]
async fn nothing_of_a_token_is_in_any_byte_of_the_files() {
    let file = File::new();
    let store = Arc::new(open(&file).await);
    let texts = mint_some(store.clone()).await;
    for entry in std::fs::read_dir(file.folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        assert_nothing_of(&texts, &bytes);
    }
    let wal = std::fs::read(file.path().with_extension("db-wal")).expect("the log");
    let subject = b"user 19";
    let told = wal.windows(subject.len()).any(|it| it == subject);
    assert!(told, "the log that was searched has what was written");
}

#[tokio::test]
async fn eight_that_open_a_new_file_at_once_make_its_tables_once() {
    let file = File::new();
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let path = file.path().to_owned();
        nodes.spawn(async move { SqliteStore::open(path).await.map(drop) });
    }
    for opened in nodes.join_all().await {
        opened.expect("opening");
    }
    let versions = count(&file, "SELECT count(*) FROM tower_bearer_migrations").await;
    assert_eq!(versions, 3);
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused_unless_they_say_otherwise() {
    let file = File::new();
    drop(open(&file).await);
    alter(&file, "INSERT INTO tower_bearer_migrations VALUES (7, 5)").await;
    let refused = SqliteStore::open(file.path()).await;
    let said = source_of(&refused.expect_err("too new"));
    assert!(
        said.contains("version 7") && said.contains("version 5"),
        "{said}"
    );
    alter(
        &file,
        "UPDATE tower_bearer_migrations SET compatible_from = 1",
    )
    .await;
    SqliteStore::open(file.path())
        .await
        .expect("it may be used");
}

#[tokio::test]
async fn what_a_newer_version_wrote_stays_in_a_record_that_is_changed() {
    let file = File::new();
    let store = open(&file).await;
    insert(&store, &session("1")).await;
    let newer = "ALTER TABLE tower_bearer_tokens ADD COLUMN colour TEXT; \
         UPDATE tower_bearer_tokens SET colour = 'red', kind = 'passkey'";
    alter(&file, newer).await;

    let change = TokenChange::new().name("n");
    let changed = store.update(session("1").key(), &change).await;
    assert_eq!(changed.expect("changing").kind, CredentialKind::Other);
    let first = session("1");
    let used = [TokenUse {
        key: first.key(),
        at: secs(4),
    }];
    store.touch(&used).await.expect("touching");
    let replaced = store.replace("1", session("2"), Duration::ZERO, secs(5));
    replaced.await.expect("replacing");
    let kept = "SELECT count(*) FROM tower_bearer_tokens \
         WHERE colour = 'red' AND kind = 'passkey' AND name = 'n' AND last_used = 4000 \
         AND revoked = 5000";
    assert_eq!(count(&file, kept).await, 1);

    // To a filter, a kind that is not known is another one.
    let of_kind = async |kind| {
        let filter = TokenFilter::all().kinds([kind]);
        let page = tower_bearer::store::Page::first(9);
        let listed = store.list("alice", &filter, &page).await.expect("listing");
        listed
            .into_iter()
            .map(|it| String::from(it.id))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_kind(CredentialKind::Other).await, ["1"]);
    assert_eq!(of_kind(CredentialKind::Session).await, ["2"]);
    assert!(of_kind(CredentialKind::ApiKey).await.is_empty());
}

#[tokio::test]
async fn without_migrations_the_tables_must_be_there() {
    let file = File::new();
    let open = || {
        SqliteStore::builder(file.path())
            .without_migrations()
            .open()
    };
    let refused = open().await.expect_err("no file");
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused:?}"
    );
    std::fs::write(file.path(), b"").expect("an empty file");
    let said = source_of(&open().await.expect_err("no tables"));
    assert!(said.contains("tables are missing"), "{said}");
    alter(&file, include_str!("../docs/sql/sqlite.sql")).await;
    alter(&file, include_str!("../docs/sql/sqlite.2.sql")).await;
    alter(&file, include_str!("../docs/sql/sqlite.3.sql")).await;
    let store = open().await.expect("tables made by hand");
    insert(&store, &session("1")).await;
}

#[tokio::test]
async fn a_file_that_another_writes_to_is_unavailable_to_changes_alone() {
    let file = File::new();
    let store = SqliteStore::open(file.path()).await.expect("opening");
    insert_patiently(&store, &session("1")).await;
    let mut other = connect(&file).await;
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await;
    begin.expect("locking the file");

    let started = Instant::now();
    let refused = store.insert(session("2")).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(
        store
            .find(&session("1").digest)
            .await
            .expect("finding")
            .is_some()
    );

    sqlx::raw_sql("ROLLBACK")
        .execute(&mut other)
        .await
        .expect("unlocking");
    insert_patiently(&store, &session("3")).await;
    assert_eq!(get(&store, "2").await, None);
}

#[tokio::test]
async fn a_subscription_that_missed_something_says_so() {
    let file = File::new();
    let store = open(&file).await;
    for id in ["1", "2"] {
        insert(&store, &session(id)).await;
    }
    let mut ear = store.subscribe().await.expect("subscribing");
    for id in ["1", "2"] {
        let ended = store.revoke(session(id).key(), secs(1)).await;
        assert!(ended.expect("revoking"));
        alter(&file, "DELETE FROM tower_bearer_endings").await;
    }
    let next = tokio::time::timeout(Duration::from_secs(20), ear.next()).await;
    next.expect("in time")
        .expect_err("two endings were removed");
}

#[tokio::test]
async fn endings_are_forgotten_once_they_are_old() {
    let file = File::new();
    let store = open(&file).await;
    for id in ["1", "2", "3"] {
        insert(&store, &session(id)).await;
    }
    for id in ["1", "2"] {
        let ended = store.revoke(session(id).key(), secs(1)).await;
        assert!(ended.expect("revoking"));
    }
    alter(
        &file,
        "UPDATE tower_bearer_endings SET at = 0 WHERE seq = 1",
    )
    .await;
    let ended = store.revoke(session("3").key(), secs(1)).await;
    assert!(ended.expect("revoking"));
    let left = "SELECT count(*) FROM tower_bearer_endings WHERE seq IN (2, 3)";
    assert_eq!(count(&file, left).await, 2);
    let all = count(&file, "SELECT count(*) FROM tower_bearer_endings").await;
    assert_eq!(all, 2);
}

#[tokio::test]
async fn a_text_with_a_nul_is_kept_as_it_is() {
    let file = File::new();
    let store = open(&file).await;
    let mut record = session("a\0b");
    record.name = Some("\0".into());
    insert(&store, &record).await;
    insert(&store, &session("a")).await;
    assert_eq!(get(&store, "a\0b").await, Some(record));
    assert_eq!(get(&store, "a").await, Some(session("a")));
    assert_eq!(get(&store, "a\0").await, None);
}

#[tokio::test]
async fn tables_of_the_first_version_are_brought_to_the_newest_and_keep_what_they_hold() {
    let file = File::new();
    std::fs::write(file.path(), b"").expect("an empty file");
    let first = include_str!("../docs/sql/sqlite.sql");
    alter(&file, first).await;
    let line = "INSERT INTO tower_bearer_audit (event, at, action, outcome, lost_before) \
         VALUES ('00', 1, 'issued', 'done', 0)";
    alter(&file, line).await;
    let refused = SqliteStore::builder(file.path()).without_migrations();
    let said = source_of(&refused.open().await.expect_err("too old"));
    assert!(said.contains("version 1, 3 is needed"), "{said}");
    let store = open(&file).await;
    store.write(&some_lines()).await.expect("writing");
    let all = count(&file, "SELECT count(*) FROM tower_bearer_audit").await;
    assert_eq!(all, 3);
}

#[tokio::test]
async fn a_line_of_the_trail_is_written_once() {
    let file = File::new();
    let store = open(&file).await;
    let lines = some_lines();
    store.write(&lines[..1]).await.expect("writing");
    store.write(&lines).await.expect("writing again");
    store.write(&[]).await.expect("writing nothing");
    let first = "SELECT count(*) FROM tower_bearer_audit WHERE at = 1000 AND action = 'issued' \
         AND actor_kind = 'user' AND actor = 'alice' AND credential_id = 's-1' \
         AND credential_kind = 'session' AND token_kind = 'api_key' AND token_id = 'k-1' \
         AND ended IS NULL AND method IS NULL AND outcome = 'done' \
         AND token_replaces IS NULL AND token_issuer IS NULL AND token_session IS NULL \
         AND token_client IS NULL AND token_key IS NULL AND token_issued_before IS NULL \
         AND lost_before = 0";
    assert_eq!(count(&file, first).await, 1);
    let second = "SELECT count(*) FROM tower_bearer_audit WHERE at = 2000 AND ended = 7 \
         AND token_replaces = 'k-0' AND lost_before = 5 \
         AND token_issuer = 'https://id.example.com' AND token_session = 's' || char(65533) \
         AND token_client = 'web' AND token_key = '2026' AND token_issued_before = 9000 \
         AND actor_kind = 'token' AND actor = 'nightly' || char(65533) || ''''";
    assert_eq!(count(&file, second).await, 1);
    let all = count(&file, "SELECT count(*) FROM tower_bearer_audit").await;
    assert_eq!(all, 2);
}

async fn open(file: &File) -> SqliteStore {
    // The disks of test machines stall at times.
    let builder = SqliteStore::builder(file.path()).timeout(Duration::from_secs(10));
    builder.open().await.expect("opening")
}

/// Inserts by a store whose calls have little time.
async fn insert_patiently(store: &SqliteStore, record: &TokenRecord) {
    for _ in 0..50 {
        match store.insert(record.clone()).await {
            Ok(()) | Err(StoreError::AlreadyExists) => return,
            Err(error) => assert!(matches!(error, StoreError::Unavailable { .. })),
        }
    }
    panic!("the file stays unavailable");
}

fn source_of(error: &StoreError) -> String {
    error.source().expect("a source").to_string()
}

async fn connect(file: &File) -> SqliteConnection {
    let url = format!("sqlite://{}", file.path().display());
    SqliteConnection::connect(&url).await.expect("connecting")
}

async fn alter(file: &File, sql: &'static str) {
    let mut connection = connect(file).await;
    let done = sqlx::raw_sql(sql).execute(&mut connection).await;
    done.expect("a statement of the test's own");
}

async fn count(file: &File, sql: &'static str) -> i64 {
    let mut connection = connect(file).await;
    let counted = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
    counted.expect("counting")
}

/// A file in a folder that is removed in the end.
struct File(PathBuf);

impl File {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-bearer-sqlite-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("making a folder");
        Self(folder.join("tokens.db"))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn folder(&self) -> &Path {
        self.0.parent().expect("a folder")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_dir_all(self.folder()).ok();
    }
}
