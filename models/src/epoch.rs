//! Once a cache was told to forget, what was judged before does not come back.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;
use tower_bearer::Refusal;
use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::verifier::{
    Answer, CacheSettings, Cached, Presented, TokenVerifierExt, verify_with,
};

pub(crate) const REMEMBERED: &str = "remembered when the call had returned";
pub(crate) const CAME_BACK: &str = "remembered by a fill that came late";

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

/// A verifier that knows of no generation, so that the cache has nothing but its own epoch.
fn desk() -> (Arc<AtomicBool>, Arc<Cached>) {
    let is_ended = Arc::new(AtomicBool::new(false));
    let verifier = verify_with(is_ended.clone(), async |is_ended: Arc<AtomicBool>, _| {
        if is_ended.load(Ordering::SeqCst) {
            return Err(Refusal::revoked("ended"));
        }
        Ok(Identity::new("alice", CredentialKind::Other))
    });
    let settings = CacheSettings::new().capacity(8).refused_capacity(0);
    (
        is_ended,
        Arc::new(verifier.cached(settings).expect("a cache")),
    )
}

fn ask(verifier: &Arc<Cached>) -> bool {
    let token = BearerToken::new("token").expect("a token68");
    block_on(Answer::of(verifier, &Presented::new(token, NOW)).wait()).is_ok()
}

fn beside(end: fn(&AtomicBool, &Cached)) {
    let (is_ended, verifier) = desk();
    let mut threads: Vec<_> = (0..2)
        .map(|_| {
            let verifier = verifier.clone();
            thread::spawn(move || {
                ask(&verifier);
            })
        })
        .collect();
    let ending = verifier.clone();
    threads.push(thread::spawn(move || {
        end(&is_ended, &ending);
        assert!(!ask(&ending), "{REMEMBERED}");
    }));
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert!(!ask(&verifier), "{CAME_BACK}");
}

pub(crate) fn forgotten() {
    beside(|is_ended, verifier| {
        is_ended.store(true, Ordering::SeqCst);
        verifier.handle().forget_all();
    });
}

pub(crate) fn forgotten_before_ended() {
    beside(|is_ended, verifier| {
        verifier.handle().forget_all();
        is_ended.store(true, Ordering::SeqCst);
    });
}
