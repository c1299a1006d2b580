//! The store in PostgreSQL, by the contract and on real servers.

#[path = "support/servers/mod.rs"]
mod servers;
#[path = "support/shared.rs"]
mod shared;
#[path = "support/tokens.rs"]
mod support;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use servers::{Fault, Postgres, Proxy};
use shared::{
    a_call_that_is_given_up_leaves_nothing_half_done, a_large_batch_of_uses_is_recorded,
    assert_nothing_of, get, insert, mint_some, races_between_nodes_keep_every_promise, session,
    session_of, some_lines, what_one_ends_the_other_sees_and_hears,
    who_is_told_that_a_digest_is_taken_finds_it_so,
};
use support::secs;
use tower_bearer::audit::AuditWriter;
use tower_bearer::identity::CredentialKind;
use tower_bearer::replay::{ReplayId, ReplayStore};
use tower_bearer::revocation::{Beat, Feed, Revocation, RevocationStore, Target};
use tower_bearer::store::{
    Page, PostgresStore, StoreError, TokenChange, TokenFilter, TokenStore, TokenUse,
};
use tower_bearer::testing;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_meets_the_contract() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = open(&server).await;
    testing::store::conformance(&store).await;
    testing::revocation::conformance(&store).await;
    testing::store::conformance(&Arc::new(store)).await;

    let store = open(&server).await;
    let listening = testing::feed::conformance(&store);
    let heard = tokio::time::timeout(Duration::from_secs(60), listening).await;
    heard.expect("all is heard in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_agree() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let nodes = [Arc::new(open(&server).await), Arc::new(open(&server).await)];
    what_one_ends_the_other_sees_and_hears(&*nodes[0], &*nodes[1]).await;
    a_call_that_is_given_up_leaves_nothing_half_done(&*nodes[0], &*nodes[1]).await;
    who_is_told_that_a_digest_is_taken_finds_it_so(nodes.to_vec()).await;
    races_between_nodes_keep_every_promise(nodes).await;
}

#[tokio::test]
async fn a_large_batch_is_recorded() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    a_large_batch_of_uses_is_recorded(&open(&server).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_uses_that_cross_do_not_wait_for_one_another() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = Arc::new(open(&server).await);
    let records: Vec<_> = (0..40).map(|id| session(&format!("{id}"))).collect();
    for record in &records {
        insert(&*store, record).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4_i64 {
        let (store, mut records) = (Arc::clone(&store), records.clone());
        if task % 2 == 0 {
            records.reverse();
        }
        tasks.spawn(async move {
            for round in 0..25 {
                let at = secs(round * 4 + task);
                let uses = records.iter().map(|record| TokenUse {
                    key: record.key(),
                    at,
                });
                let uses: Vec<_> = uses.collect();
                store.touch(&uses).await.expect("touching");
            }
        });
    }
    tasks.join_all().await;
    for record in &records {
        let used = get(&*store, &record.id).await.expect("a record").last_used;
        assert_eq!(used, Some(secs(24 * 4 + 3)));
    }
}

#[tokio::test]
async fn a_server_that_dies_is_unavailable_in_time_and_loses_nothing() {
    let Some(mut server) = Postgres::start().await else {
        return;
    };
    let store = PostgresStore::connect(&server.url())
        .await
        .expect("connecting");
    let mut acknowledged = Vec::new();
    for id in 0..20 {
        let record = session(&id.to_string());
        if store.insert(record.clone()).await.is_ok() {
            acknowledged.push(record);
        }
    }
    assert!(!acknowledged.is_empty());
    let mut ear = store.subscribe().await.expect("subscribing");
    server.kill().await;

    let lost = tokio::time::timeout(Duration::from_secs(20), ear.next()).await;
    lost.expect("it is noticed").expect_err("the feed is lost");
    ear.next().await.expect_err("and stays lost");
    let started = Instant::now();
    let found = store.find(&session("0").digest).await;
    assert_unavailable(found);
    assert_unavailable(store.insert(session("new")).await);
    assert_unavailable(store.subscribe().await);
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );

    server.restart().await;
    // As often as there may be connections that do not know it yet.
    let mut tries = 0;
    while store
        .insert(session_of("bob", &tries.to_string()))
        .await
        .is_err()
    {
        tries += 1;
        assert!(tries < 30, "it stays unavailable");
    }
    for record in acknowledged {
        assert_eq!(get(&store, &record.id).await, Some(record));
    }
    store.subscribe().await.expect("subscribing again");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_in_time() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = PostgresStore::connect(&server.url())
        .await
        .expect("connecting");
    insert(&store, &session("1")).await;
    server.freeze();
    for _ in 0..3 {
        let started = Instant::now();
        assert_unavailable(store.find(&session("1").digest).await);
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    assert_unavailable(store.revoke(session("1").key(), secs(1)).await);
    server.thaw();
    let mut tries = 0;
    while store.find(&session("1").digest).await.is_err() {
        tries += 1;
        assert!(tries < 30, "it stays unavailable");
    }
}

#[tokio::test]
async fn a_lookup_outlives_the_loss_of_its_connection() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = open(&server).await;
    insert(&store, &session("1")).await;
    server.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'tower-bearer'",
    );
    let found = store.find(&session("1").digest).await;
    assert!(found.expect("finding").is_some());
}

#[tokio::test]
async fn a_server_that_is_long_in_connecting_is_used_once_it_is_connected() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let near = open(&server).await;
    insert(&near, &session("1")).await;
    let proxy = Proxy::before(server.port()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    // A lookup takes two round trips the first time, and connecting as many: more than a call may.
    let store = PostgresStore::builder(url).timeout(Duration::from_millis(500));
    let store = store.connect().await.expect("connecting");
    proxy.set(Fault::Delay(Duration::from_millis(100))).await;
    let mut tries = 0;
    while store.find(&session("1").digest).await.is_err() {
        tries += 1;
        assert!(tries < 20, "it is never connected");
    }
    let mut ear = None;
    while ear.is_none() {
        ear = store.subscribe().await.ok();
        tries += 1;
        assert!(tries < 40, "it is never heard");
    }
}

#[tokio::test]
async fn nothing_of_a_token_is_in_a_dump() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let texts = mint_some(Arc::new(open(&server).await)).await;
    let dump = server.dump();
    assert!(dump.contains("user 19"), "the dump has what was written");
    assert_nothing_of(&texts, dump.as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_nodes_that_start_at_once_make_the_tables_once() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = server.url();
        nodes.spawn(async move { PostgresStore::connect(&url).await.map(drop) });
    }
    for connected in nodes.join_all().await {
        connected.expect("connecting");
    }
    let versions = server.psql("SELECT version FROM tower_bearer_migrations");
    assert_eq!(versions, "1\n2\n3");
}

#[tokio::test]
async fn tables_are_refused_that_are_missing_or_too_new() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let url = server.url();
    let by_hand = async || {
        let builder = PostgresStore::builder(&*url).without_migrations();
        builder.connect().await
    };
    let said = source_of(&by_hand().await.expect_err("no tables"));
    assert!(said.contains("tables are missing"), "{said}");
    server.psql(include_str!("../docs/sql/postgres.sql"));
    let said = source_of(&by_hand().await.expect_err("the first version"));
    assert!(said.contains("version 1, 3 is needed"), "{said}");
    server.psql(include_str!("../docs/sql/postgres.2.sql"));
    server.psql(include_str!("../docs/sql/postgres.3.sql"));
    insert(
        &by_hand().await.expect("tables made by hand"),
        &session("1"),
    )
    .await;

    server.psql("INSERT INTO tower_bearer_migrations VALUES (7, 5)");
    let said = source_of(&PostgresStore::connect(&url).await.expect_err("too new"));
    assert!(
        said.contains("version 7") && said.contains("version 5"),
        "{said}"
    );
    server.psql("UPDATE tower_bearer_migrations SET compatible_from = 1");
    PostgresStore::connect(&url).await.expect("it may be used");
}

#[tokio::test]
async fn what_a_newer_version_wrote_stays_in_a_record_that_is_changed() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = open(&server).await;
    insert(&store, &session("1")).await;
    server.psql("ALTER TABLE tower_bearer_tokens ADD COLUMN colour TEXT");
    server.psql("UPDATE tower_bearer_tokens SET colour = 'red', kind = 'passkey'");

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
    let kept = server.psql(
        "SELECT colour, kind, name, last_used, revoked FROM tower_bearer_tokens WHERE id = '1'",
    );
    assert_eq!(kept, "red|passkey|n|4000|5000");

    let of_kind = async |kind| {
        let filter = TokenFilter::all().kinds([kind]);
        let listed = store.list("alice", &filter, &Page::first(9)).await;
        let listed = listed.expect("listing").into_iter();
        listed.map(|it| String::from(it.id)).collect::<Vec<_>>()
    };
    assert_eq!(of_kind(CredentialKind::Other).await, ["1"]);
    assert_eq!(of_kind(CredentialKind::Session).await, ["2"]);
}

#[tokio::test]
async fn a_text_that_cannot_be_kept_is_an_error() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = open(&server).await;
    let mut named = session("1");
    named.name = Some("a\0b".into());
    let long = noise(5_000);
    for record in [
        named,
        session("a\0b"),
        session_of("a\0", "b"),
        session(&long),
    ] {
        let refused = store.insert(record.clone()).await;
        assert!(
            matches!(refused, Err(StoreError::Generic { .. })),
            "{refused:?}"
        );
    }
    let change = TokenChange::new().name("\0");
    insert(&store, &session("1")).await;
    let refused = store.update(session("1").key(), &change).await;
    assert!(
        matches!(refused, Err(StoreError::Generic { .. })),
        "{refused:?}"
    );
    assert_eq!(get(&store, "1").await, Some(session("1")));

    // A JWT is named by whoever issued it, and must be revocable.
    let target = Target::token("iss", &(noise(5_000) + "\0"));
    let revocation = Revocation::new(target.clone(), secs(1), secs(2));
    store.put(&revocation).await.expect("revoking");
    let before = store.latest_before(&[target]).await;
    assert_eq!(before.expect("looking up"), Some(secs(1)));
}

#[tokio::test]
async fn schemas_of_one_database_are_stores_of_their_own() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    server.psql("CREATE SCHEMA one");
    server.psql("CREATE SCHEMA two");
    let of_schema = async |name: &str| {
        let builder = PostgresStore::builder(server.url()).schema(name);
        builder.timeout(Duration::from_secs(10)).connect().await
    };
    let one = of_schema("one").await.expect("connecting");
    let two = of_schema("two").await.expect("connecting");
    insert(&one, &session("1")).await;
    assert_eq!(get(&two, "1").await, None);
    insert(&two, &session("1")).await;
    for name in ["", "One", "a;b", "missing"] {
        let refused = of_schema(name).await.expect_err(name);
        assert!(matches!(refused, StoreError::Generic { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn no_error_and_no_text_for_debugging_tells_the_password() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let port = server.port();
    let secret = "hunter2hunter2";
    for url in [
        format!("postgres://nobody:{secret}@127.0.0.1:{port}/postgres"),
        format!("postgres://postgres:{secret}@127.0.0.1:{port}/missing"),
        format!("postgres://postgres:{secret}@127.0.0.1:x{secret}/postgres"),
        format!("postgres://postgres:{secret}@127.0.0.1/postgres?sslmode={secret}"),
        format!("{secret}@nowhere"),
    ] {
        let builder = PostgresStore::builder(&*url);
        assert!(!format!("{builder:?}").contains(secret));
        let error = builder.connect().await.expect_err("a wrong address");
        let mut text = format!("{error:?}");
        let mut source: Option<&dyn Error> = Some(&error);
        while let Some(error) = source {
            text += &format!(" {error} {error:?}");
            source = error.source();
        }
        assert!(!text.contains(secret), "{text}");
    }
    let url = format!("postgres://postgres:{secret}@127.0.0.1:{port}/postgres");
    let store = PostgresStore::connect(&url).await.expect("connecting");
    assert!(!format!("{store:?}").contains(secret));
}

#[tokio::test]
async fn a_line_of_the_trail_is_written_once() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = open(&server).await;
    let lines = some_lines();
    store.write(&lines[..1]).await.expect("writing");
    store.write(&lines).await.expect("writing again");
    store.write(&[]).await.expect("writing nothing");
    let written = server.psql(
        "SELECT at, action, actor_kind, actor, credential_id, token_kind, token_id, \
         token_replaces, token_issuer, token_session, token_client, token_key, \
         token_issued_before, ended, outcome, lost_before \
         FROM tower_bearer_audit ORDER BY at",
    );
    let expected = "1000|issued|user|alice|s-1|api_key|k-1||||||||done|0\n\
         2000|revoked_all|token|nightly\u{fffd}'||api_key|k-1|k-0|https://id.example.com|s\u{fffd}|web|2026|9000|7|done|5";
    assert_eq!(written, expected);
}

#[tokio::test]
async fn a_change_of_one_record_takes_one_statement() {
    let settings = ["fsync=off", "log_statement=all"];
    let Some(server) = Postgres::start_with(&settings).await else {
        return;
    };
    let builder = PostgresStore::builder(server.url()).connections(1);
    let builder = builder.timeout(Duration::from_secs(10));
    let store = builder.connect().await.expect("connecting");
    // A connection that has rested is asked whether it is there.
    let is_ours = |line: &&str| !line.contains("ping");
    let said = ["LOG:  statement: ", "LOG:  execute "];
    let is_statement = |line: &&str| said.iter().any(|said| line.contains(said));
    let count = || {
        let log = server.log();
        log.lines().filter(is_statement).filter(is_ours).count()
    };
    let (record, target) = (session("1"), Target::token("iss", "jti"));
    let used = [TokenUse {
        key: record.key(),
        at: secs(1),
    }];
    let (rename, revocation) = (
        TokenChange::new().name("n"),
        Revocation::new(target, secs(1), secs(2)),
    );
    store.find(&record.digest).await.expect("a connection");

    let before = count();
    insert(&store, &record).await;
    assert_eq!(count() - before, 1, "inserting");
    store.touch(&used).await.expect("touching");
    assert_eq!(count() - before, 2, "touching");
    let renamed = store.update(record.key(), &rename).await;
    assert_eq!(renamed.expect("changing").last_used, Some(secs(1)));
    assert_eq!(count() - before, 3, "changing");
    assert!(store.revoke(record.key(), secs(2)).await.expect("revoking"));
    assert_eq!(count() - before, 4, "revoking");
    store.put(&revocation).await.expect("revoking a JWT");
    assert_eq!(count() - before, 5, "revoking a JWT");
    let beat = Beat { node: 1, number: 1 };
    store.beat(beat).await.expect("beating");
    assert_eq!(count() - before, 6, "beating");
    // The first of all has what is over removed, beside itself.
    let proof = |number: &str| ReplayId::of("test", [number]);
    let first = store.remember_once(&proof("1"), secs(9), secs(1)).await;
    assert!(first.expect("remembering"));
    let begun = Instant::now();
    while count() - before < 8 {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing removed");
        tokio::task::yield_now().await;
    }
    let second = store.remember_once(&proof("2"), secs(9), secs(1)).await;
    assert!(second.expect("remembering"));
    assert_eq!(count() - before, 9, "remembering");
}

#[tokio::test]
async fn a_change_of_what_never_lies_idle_too_long_is_no_error() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let store = open(&server).await;
    let mut record = session("1");
    record.idle = Some(Duration::from_millis(i64::MAX as u64));
    insert(&store, &record).await;
    let change = TokenChange::new().expires_at(secs(9));
    let changed = store.update(record.key(), &change).await;
    assert_eq!(changed.expect("changing").expires, Some(secs(9)));
    let removed = TokenStore::prune(&store, secs(9), 5).await;
    assert_eq!(removed.expect("pruning"), 1);
}

#[tokio::test]
async fn it_speaks_tls_to_whom_it_trusts_alone() {
    let (Some(server), Some(other)) = (Postgres::start_tls().await, Postgres::start_tls().await)
    else {
        return;
    };
    let store = open(&server).await;
    insert(&store, &session("1")).await;
    assert_eq!(get(&store, "1").await, Some(session("1")));
    let _ear = store.subscribe().await.expect("subscribing");
    let encrypted = server.psql(
        "SELECT count(*) > 1, bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE application_name = 'tower-bearer'",
    );
    assert_eq!(encrypted, "t|t");

    let url = server.url();
    let (url, other) = (without_ca(&url), other.url());
    let foreign = other.rsplit_once('=').expect("a CA").1;
    let untrusted = format!("{url}?sslmode=verify-full&sslrootcert={foreign}");
    let unknown = format!("{url}?sslmode=verify-full");
    for url in [untrusted, unknown] {
        let said = source_of(&PostgresStore::connect(&url).await.expect_err(&url));
        assert!(said.contains("certificate"), "{said}");
    }
    let plain = format!("{url}?sslmode=disable");
    let said = source_of(&PostgresStore::connect(&plain).await.expect_err("no TLS"));
    assert!(said.contains("no encryption"), "{said}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("{}?sslmode={mode}", server.url());
        let said = source_of(&PostgresStore::connect(&url).await.expect_err(mode));
        assert!(said.contains("TLS"), "{said}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_way_to_the_server_is_told() {
    let Some(mut server) = Postgres::start().await else {
        return;
    };
    let rules = server.psql("SHOW hba_file");
    let rule = "host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
    std::fs::write(rules, rule).expect("the rules");
    server.psql("CREATE ROLE app LOGIN PASSWORD 'right-canary'");
    server.restart().await;

    let port = server.port();
    let said = async |user: &str, database: &str| {
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        let error = PostgresStore::connect(&url).await.expect_err("a wrong way");
        let said = source_of(&error);
        let all = format!("{error} {error:?} {said}");
        assert!(!all.contains("canary"), "{all}");
        said
    };
    let wrong = said("app:wrong-canary", "postgres").await;
    assert!(
        wrong.contains("password") && wrong.contains("app"),
        "{wrong}"
    );
    let missing = said("app:right-canary", "missing").await;
    assert!(missing.contains("\"missing\" does not exist"), "{missing}");
    server.kill().await;
    let refused = said("app:right-canary", "postgres").await;
    assert!(refused.contains("refused"), "{refused}");
}

async fn open(server: &Postgres) -> PostgresStore {
    // Test machines stall at times.
    let builder = PostgresStore::builder(server.url()).timeout(Duration::from_secs(10));
    builder.connect().await.expect("connecting")
}

fn assert_unavailable<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Unavailable { .. }) => {}
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("the server was there"),
    }
}

fn source_of(error: &StoreError) -> String {
    error.source().expect("a source").to_string()
}

/// A text that does not compress.
fn noise(length: u32) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + (state >> 24) as u8 % 90)
    };
    (0..length).map(|_| next()).collect()
}

/// A server's URL without its settings.
fn without_ca(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}
