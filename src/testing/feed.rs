//! The contract of a [`Feed`], as a test of a store that has one.
//!
//! A store that tells nothing at all leaves the test waiting: give it a limit of time.

use std::time::Duration;

use super::store::{a_record, a_subject, end_oldest};
use super::support::{at, random};
use crate::revocation::{
    Beat, Ending, Feed, FeedMessage, Revocation, RevocationStore, Subscription, Target,
};
use crate::store::{TokenChange, TokenFilter, TokenRecord, TokenStore};

/// How many of its own beats a subscription may hear before it hears of an ending that came before them.
const PATIENCE: u64 = 20;

/// Whatever is ended is heard of on every subscription that was made before, and so are beats.
///
/// # Panics
/// Where the contract is broken.
pub async fn conformance<S>(store: &S)
where
    S: Feed + TokenStore + RevocationStore,
{
    let subject = a_subject();
    let [revoked, switched_off, replaced, oldest, one, two] =
        ["revoked", "switched off", "replaced", "a", "one", "two"].map(|id| a_record(&subject, id));
    for record in [&revoked, &switched_off, &replaced, &oldest] {
        store.insert(record.clone()).await.expect("inserting");
    }
    let mut ears = Vec::new();
    for _ in 0..2 {
        ears.push(Ear::new(store).await);
    }
    for ear in &mut ears {
        ear.hear_own_beat().await;
    }

    let ended = store.revoke(revoked.key(), at(1)).await.expect("revoking");
    assert!(ended);
    for ear in &mut ears {
        ear.hear_the_end_of(&revoked).await;
    }
    let change = TokenChange::new().disabled(true);
    let changed = store.update(switched_off.key(), &change).await;
    let changed = changed.expect("switching off");
    assert!(changed.disabled);
    for ear in &mut ears {
        ear.hear("a token that is switched off", |ending| {
            *ending == Ending::of_update(&changed) || *ending == Ending::Anything
        })
        .await;
    }
    let heir = a_record(&subject, "heir");
    let done = store.replace("replaced", heir, Duration::ZERO, at(1)).await;
    done.expect("replacing");
    for ear in &mut ears {
        ear.hear_the_end_of(&replaced).await;
    }
    // Of those that are left to be ended: the first, and what was switched off or came in another's place.
    let new = a_record(&subject, "new");
    let ended = store.insert_within(new.clone(), end_oldest(1), at(1)).await;
    assert_eq!(ended.expect("making room").len(), 3);
    for ear in &mut ears {
        ear.hear_the_end_of(&oldest).await;
    }
    for record in [&one, &two] {
        store.insert(record.clone()).await.expect("inserting");
    }
    let others = TokenFilter::all().except("new");
    let ended = store.revoke_all(&subject, &others, at(1)).await;
    assert_eq!(ended.expect("revoking all"), 2);
    for ear in &mut ears {
        ear.hear_the_end_of(&two).await;
    }

    // Long enough to overrun a message of limited size.
    let name = format!("{subject}\u{1f511}{}", "x".repeat(10_000));
    for target in [
        Target::session("iss", &subject),
        Target::token("iss", &name),
    ] {
        let revocation = Revocation::new(target.clone(), at(1), at(2));
        store.put(&revocation).await.expect("revoking");
        for ear in &mut ears {
            ear.hear("a revocation", |ending| match ending {
                Ending::Revocation(heard) => heard.target == target,
                other => *other == Ending::Anything,
            })
            .await;
        }
    }
}

struct Ear<'a, S> {
    store: &'a S,
    subscription: Box<dyn Subscription>,
    beat: Beat,
}

impl<'a, S: Feed> Ear<'a, S> {
    async fn new(store: &'a S) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = random();
        let node = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Self {
            store,
            subscription: store.subscribe().await.expect("subscribing"),
            beat: Beat { node, number: 0 },
        }
    }

    async fn hear_own_beat(&mut self) {
        self.beat.number += 1;
        self.store.beat(self.beat).await.expect("beating");
        while self.next().await != FeedMessage::Beat(self.beat) {}
    }

    async fn hear_the_end_of(&mut self, record: &TokenRecord) {
        self.hear(&record.id, |ending| match ending {
            Ending::Token { subject, id } => *subject == record.subject && *id == record.id,
            Ending::Tokens { subject, filter } => {
                *subject == record.subject && filter.matches(record)
            }
            other => *other == Ending::Anything,
        })
        .await;
    }

    async fn hear(&mut self, what: &str, is_it: impl Fn(&Ending) -> bool) {
        let last = self.beat.number + PATIENCE;
        while self.beat.number < last {
            self.beat.number += 1;
            self.store.beat(self.beat).await.expect("beating");
            let mut heard = false;
            loop {
                match self.next().await {
                    FeedMessage::Beat(beat) if beat == self.beat => break,
                    FeedMessage::Beat(_) => {}
                    FeedMessage::Ending(ending) => heard |= is_it(&ending),
                }
            }
            if heard {
                return;
            }
        }
        panic!("the end of {what:?} was not heard of");
    }

    async fn next(&mut self) -> FeedMessage {
        self.subscription.next().await.expect("listening")
    }
}
