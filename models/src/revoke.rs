//! Once `revoke` has returned, nothing that was verified before or is verified later is let in.

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::sync::RwLock;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;
use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::revocation::{Ending, Revocation, RevocationStore, Revocations, Target};
use tower_bearer::store::StoreError;
use tower_bearer::verifier::{Answer, CacheSettings, Presented, TokenVerifierExt, verify_fn};
use tower_bearer::{Refusal, TokenVerifier, async_trait};

pub(crate) const LET_IN: &str = "let in after revoke had returned";

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// A store of one token: each access is a moment at which another may come before.
#[derive(Debug, Default)]
struct Store {
    is_revoked: RwLock<bool>,
    /// The answer of a lookup that took place too early, in place of one in time.
    early: RwLock<Option<bool>>,
    /// Says that it failed, once it has written.
    fails: bool,
}

impl Store {
    fn look(&self) -> bool {
        *self.is_revoked.read().expect("whole")
    }

    fn look_early(&self) {
        let seen = self.look();
        *self.early.write().expect("whole") = Some(seen);
    }
}

#[async_trait]
impl RevocationStore for Store {
    async fn put(&self, _: &Revocation) -> Result<(), StoreError> {
        *self.is_revoked.write().expect("whole") = true;
        if self.fails {
            return Err(StoreError::Unavailable {
                store: "model",
                source: "the answer was lost".into(),
            });
        }
        Ok(())
    }

    async fn latest_before(&self, _: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        let early = *self.early.read().expect("whole");
        let is_revoked = early.unwrap_or_else(|| self.look());
        Ok(is_revoked.then_some(Timestamp::MAX))
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// One token, a verifier of it, and whether its revocation has returned.
struct Desk {
    store: Arc<Store>,
    revocations: Revocations,
    verifier: Arc<dyn TokenVerifier>,
    has_returned: AtomicBool,
}

impl Desk {
    fn new(store: Store, is_cached: bool) -> Arc<Self> {
        let store = Arc::new(store);
        let revocations =
            Revocations::new(store.clone(), Duration::from_secs(3600)).expect("an hour");
        let tokens = verify_fn(async |_| Ok(alice())).revocable(revocations.clone());
        let verifier: Arc<dyn TokenVerifier> = if is_cached {
            let settings = CacheSettings::new().capacity(8).refused_capacity(0);
            Arc::new(tokens.cached(settings).expect("a cache"))
        } else {
            Arc::new(tokens)
        };
        Arc::new(Self {
            store,
            revocations,
            verifier,
            has_returned: AtomicBool::new(false),
        })
    }

    fn verify(&self) -> Result<Identity, Refusal> {
        let token = BearerToken::new("token").expect("a token68");
        block_on(Answer::of(&self.verifier, &Presented::new(token, NOW)).wait())
    }

    /// What the layer does with a request: verify, and let in.
    fn request(&self) {
        let Ok(identity) = self.verify() else {
            return;
        };
        let is_over = self.has_returned.load(Ordering::SeqCst);
        let is_let_in = identity.admitted(NOW).is_ok();
        assert!(!(is_over && is_let_in), "{LET_IN}");
    }

    fn revoke(&self) {
        block_on(self.revocations.revoke_credential(&alice())).expect("writing");
        self.has_returned.store(true, Ordering::SeqCst);
    }
}

fn alice() -> Identity {
    Identity::new("alice", CredentialKind::Jwt)
        .with_credential_id("t-1")
        .with_issued_at(NOW)
}

/// Requests beside something that ends the token, and one more after all of it.
fn beside(desk: &Arc<Desk>, requests: usize, end: impl FnOnce(&Desk) + Send + 'static) {
    let mut threads: Vec<_> = (0..requests)
        .map(|_| {
            let desk = Arc::clone(desk);
            thread::spawn(move || desk.request())
        })
        .collect();
    let ending = Arc::clone(desk);
    threads.push(thread::spawn(move || end(&ending)));
    for thread in threads {
        thread.join().expect("no panic");
    }
    desk.request();
}

pub(crate) fn in_order() {
    beside(&Desk::new(Store::default(), false), 2, Desk::revoke);
}

pub(crate) fn remembered() {
    let desk = Desk::new(Store::default(), true);
    desk.verify().expect("not revoked yet");
    beside(&desk, 1, Desk::revoke);
}

pub(crate) fn crowd() {
    beside(&Desk::new(Store::default(), true), 2, Desk::revoke);
}

/// It is not known whether the write took place, so whoever comes afterwards must look.
pub(crate) fn given_up() {
    let store = Store {
        fails: true,
        ..Store::default()
    };
    let desk = Desk::new(store, true);
    beside(&desk, 1, |desk| {
        let given_up = block_on(desk.revocations.revoke_credential(&alice()));
        given_up.expect_err("the answer was lost");
    });
    let judged = desk.verify();
    assert!(judged.is_err(), "remembered though it was in doubt");
}

// --- mistakes

pub(crate) fn noted_before_written() {
    beside(&Desk::new(Store::default(), false), 1, |desk| {
        desk.revocations.note(ending());
        *desk.store.is_revoked.write().expect("whole") = true;
        desk.has_returned.store(true, Ordering::SeqCst);
    });
}

pub(crate) fn never_noted() {
    beside(&Desk::new(Store::default(), false), 1, |desk| {
        *desk.store.is_revoked.write().expect("whole") = true;
        desk.has_returned.store(true, Ordering::SeqCst);
    });
}

pub(crate) fn looked_up_before_read() {
    let desk = Desk::new(Store::default(), false);
    let ending = Arc::clone(&desk);
    let thread = thread::spawn(move || ending.revoke());
    desk.store.look_early();
    desk.request();
    thread.join().expect("no panic");
}

fn ending() -> Ending {
    let target = Target::of_identity(&alice()).remove(0);
    Ending::Revocation(Revocation::new(target, Timestamp::MAX, Timestamp::MAX))
}
