use super::{a_full_record, a_record, a_subject, at, insert, listing, read};
use crate::identity::CredentialKind;
use crate::store::{Page, StoreError, TokenFilter, TokenKey, TokenStore, TokenUse};

/// Subjects and ids that a key built by gluing texts together would confuse.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "á",
    "a\u{301}",
    "a:b",
    "a}b",
    "{a}",
    "a/../b",
    "*",
    "%",
    "_",
    "'; DROP TABLE tokens; --",
    "\\",
    "a\r\nDEL x",
    "\u{1f511}",
    "null",
];

/// What was inserted is read back as it was, by key, by digest and in a listing; and nothing else is there.
///
/// # Panics
/// Where the contract is broken.
pub async fn records_come_back_whole(store: &dyn TokenStore) {
    let subject = a_subject();
    let (full, plain) = (a_full_record(&subject, "1"), a_record(&subject, "2"));
    assert_eq!(read(store, &full).await, None, "before it is inserted");
    insert(store, &full).await;
    insert(store, &plain).await;
    assert_eq!(read(store, &full).await.as_ref(), Some(&full));
    assert_eq!(read(store, &plain).await.as_ref(), Some(&plain));
    assert_eq!(listing(store, &subject).await, [full, plain]);
    assert_eq!(listing(store, &a_subject()).await, []);
}

/// A digest is refused a second time anywhere, an id a second time for its subject only.
///
/// # Panics
/// Where the contract is broken.
pub async fn digests_and_ids_are_unique(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let first = a_record(&alice, "1");
    insert(store, &first).await;

    let same_id = a_record(&alice, "1");
    let refused = store.insert(same_id.clone()).await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists)),
        "an id that is taken: {refused:?}"
    );
    let found = store.find(&same_id.digest).await.expect("finding");
    assert!(found.is_none(), "a record that was refused is found");

    let mut same_digest = a_record(&bob, "2");
    same_digest.digest = first.digest;
    let refused = store.insert(same_digest.clone()).await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists)),
        "a digest that is taken: {refused:?}"
    );
    let got = store.get(same_digest.key()).await.expect("getting");
    assert_eq!(got, None, "a record that was refused");

    insert(store, &a_record(&bob, "1")).await;
    assert_eq!(read(store, &first).await.as_ref(), Some(&first));
}

/// Subjects and ids may be any text, and are told apart byte by byte.
///
/// # Panics
/// Where the contract is broken.
pub async fn any_text_is_a_subject_and_an_id(store: &dyn TokenStore) {
    let unique = a_subject();
    let mut records = Vec::new();
    for text in HOSTILE {
        records.push(a_record(&unique, text));
        records.push(a_record(&format!("{unique}{text}?"), "x"));
        records.push(a_record(&format!("{text}/{unique}"), text));
    }
    // Two that are one when glued together.
    records.push(a_record(&format!("{unique}:a"), "b"));
    records.push(a_record(&format!("{unique}:"), "a:b"));
    // The empty subject may be in use, so its id must not be.
    records.push(a_record("", &unique));
    for record in &records {
        insert(store, record).await;
    }
    for record in &records {
        let revoked = store.revoke(record.key(), at(1)).await;
        assert!(revoked.expect("revoking"), "{:?}", record.key());
    }
    for record in &mut records {
        record.revoked = Some(at(1));
        assert_eq!(read(store, record).await.as_ref(), Some(&*record));
    }
}

/// Pages follow one another in the order of the ids' bytes, whole but for the last, and go on where the
/// record that a page begins after is no longer there.
///
/// # Panics
/// Where the contract is broken.
pub async fn listing_pages_in_the_order_of_ids(store: &dyn TokenStore) {
    let subject = a_subject();
    let ids = ["", "1", "10", "2", "B", "a", "b", "é"];
    for (place, id) in ids.iter().enumerate().rev() {
        let mut record = a_record(&subject, id);
        if place % 2 == 1 {
            record.kind = CredentialKind::BotToken;
        }
        insert(store, &record).await;
    }
    insert(store, &a_record(&format!("{subject}1"), "3")).await;

    let sessions = TokenFilter::all().kinds([CredentialKind::Session]);
    let others = TokenFilter::all().except("2");
    let cases: [(TokenFilter, Page, &[&str]); 9] = [
        (TokenFilter::all(), Page::first(9), &ids),
        (TokenFilter::all(), Page::first(8), &ids),
        (TokenFilter::all(), Page::first(3), &["", "1", "10"]),
        (
            TokenFilter::all(),
            Page::first(3).after("10"),
            &["2", "B", "a"],
        ),
        (TokenFilter::all(), Page::first(3).after("a"), &["b", "é"]),
        (TokenFilter::all(), Page::first(2).after("11"), &["2", "B"]),
        (TokenFilter::all(), Page::first(0), &[]),
        (sessions, Page::first(3).after(""), &["10", "B", "b"]),
        (others, Page::first(3).after("1"), &["10", "B", "a"]),
    ];
    for (filter, page, expected) in cases {
        let records = store.list(&subject, &filter, &page).await.expect("listing");
        let listed: Vec<&str> = records.iter().map(|record| &*record.id).collect();
        assert_eq!(listed, expected, "{filter:?} {page:?}");
    }
    let none = TokenFilter::all().kinds([]);
    let listed = store.list(&subject, &none, &Page::first(9)).await;
    assert_eq!(listed.expect("listing"), [], "of no kind");
}

/// The latest use stays, in whatever order uses come, and nothing else changes.
///
/// # Panics
/// Where the contract is broken.
pub async fn touching_never_goes_back(store: &dyn TokenStore) {
    let subject = a_subject();
    let (mut one, mut two) = (a_record(&subject, "1"), a_full_record(&subject, "2"));
    insert(store, &one).await;
    insert(store, &two).await;

    let gone = TokenKey {
        subject: &subject,
        id: "gone",
    };
    let uses = [
        (one.key(), at(20)),
        (gone, at(20)),
        (two.key(), at(500)),
        (one.key(), at(10)),
    ];
    let uses = uses.map(|(key, at)| TokenUse { key, at });
    store.touch(&uses).await.expect("touching");
    one.last_used = Some(at(20));
    // Past its absolute limit, of which a store knows nothing.
    two.last_used = Some(at(500));
    assert_eq!(read(store, &one).await.as_ref(), Some(&one));
    assert_eq!(read(store, &two).await.as_ref(), Some(&two));
    assert_eq!(store.get(gone).await.expect("getting"), None);

    let earlier = [TokenUse {
        key: one.key(),
        at: at(19),
    }];
    store.touch(&earlier).await.expect("touching");
    store.touch(&[]).await.expect("touching nothing");
    assert_eq!(read(store, &one).await.as_ref(), Some(&one));
}
