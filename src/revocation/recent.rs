use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::PoisonError;

use super::{Ending, Target};
use crate::identity::Identity;
use crate::sync::{AtomicBool, AtomicU64, Ordering, RwLock, RwLockReadGuard};

/// How many endings are known by name. Whoever has looked at none since as many ago must look again.
const REMEMBERED: usize = 65_536;

/// What was ended of late, numbered. The number is the revocation generation.
///
/// 1. Whoever begins to judge a token reads the generation first, and looks the token up then.
/// 2. Whoever ends a token writes that to the store first, then notes it here, and returns then.
/// 3. So an ending that the lookup of (1) did not see has a higher number than was read in (1), and
///    [`since`](Self::since) finds it.
pub(crate) struct Recent {
    generation: AtomicU64,
    /// Whether all that other nodes end is heard of here.
    trusted: AtomicBool,
    hasher: RandomState,
    log: RwLock<Log>,
}

#[derive(Default)]
struct Log {
    /// By a hash of what they are about, which is why each is compared once more.
    endings: HashMap<u64, VecDeque<(u64, Ending)>>,
    order: VecDeque<(u64, u64)>,
    /// The number of the last ending of nobody knows what.
    anything: u64,
    /// The number of the last ending that is no longer known by name.
    forgotten: u64,
}

/// What has become of an identity since it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Nothing, as of this generation.
    Untouched(u64),
    /// It was ended.
    Ended,
    /// Perhaps something: what is remembered must be looked up again.
    Doubtful,
    /// Too much has happened to tell.
    Overrun,
}

impl Recent {
    /// Nothing yet, and trusted.
    pub(crate) fn new() -> Self {
        Self {
            generation: AtomicU64::new(0),
            trusted: AtomicBool::new(true),
            hasher: RandomState::new(),
            log: RwLock::default(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::SeqCst)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn trust(&self, trusted: bool) {
        self.trusted.store(trusted, Ordering::SeqCst);
    }

    pub(crate) fn note(&self, ending: Ending) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.generation.load(Ordering::SeqCst) + 1;
        match self.place(&ending) {
            None => log.anything = number,
            Some(place) => log.add(number, place, ending),
        }
        self.generation.store(number, Ordering::SeqCst);
    }

    /// What has become of `identity` since generation `seen`.
    pub(crate) fn since(&self, seen: u64, identity: &Identity) -> Since {
        if self.generation() == seen {
            return Since::Untouched(seen);
        }
        let log = self.read();
        let now = self.generation();
        let (mut is_ended, mut is_changed) = (false, false);
        for place in self.places(identity) {
            let endings = log.endings.get(&place).into_iter();
            let endings = endings.flat_map(|endings| endings.iter().rev());
            let new = endings.take_while(|(number, _)| *number > seen);
            for (_, ending) in new {
                is_ended |= ending.ends(identity);
                is_changed |= ending.changes(identity);
            }
        }
        if is_ended {
            Since::Ended
        } else if log.forgotten > seen {
            Since::Overrun
        } else if is_changed || log.anything > seen {
            Since::Doubtful
        } else {
            Since::Untouched(now)
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, ending: &Ending) -> Option<u64> {
        match ending {
            Ending::Token { subject, .. }
            | Ending::Changed { subject, .. }
            | Ending::Tokens { subject, .. } => Some(self.hasher.hash_one((0, &**subject))),
            Ending::Revocation(revocation) => Some(self.place_of(&revocation.target)),
            Ending::Anything => None,
        }
    }

    fn place_of(&self, target: &Target) -> u64 {
        self.hasher.hash_one((1, target.as_str()))
    }

    /// Where the endings stand that may be about `identity`.
    fn places(&self, identity: &Identity) -> impl Iterator<Item = u64> {
        let stored = self.hasher.hash_one((0, identity.subject()));
        let targets = Target::of_identity(identity);
        let targets: Vec<_> = targets.iter().map(|target| self.place_of(target)).collect();
        std::iter::once(stored).chain(targets)
    }
}

impl Log {
    fn add(&mut self, number: u64, place: u64, ending: Ending) {
        let endings = self.endings.entry(place).or_default();
        endings.push_back((number, ending));
        self.order.push_back((number, place));
        if self.order.len() > REMEMBERED
            && let Some((oldest, place)) = self.order.pop_front()
        {
            self.forgotten = oldest;
            // Each place is in the same order, so it is the first there.
            if let Some(endings) = self.endings.get_mut(&place) {
                endings.pop_front();
                if endings.is_empty() {
                    self.endings.remove(&place);
                }
            }
        }
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent")
            .field("generation", &self.generation())
            .field("is_trusted", &self.is_trusted())
            .finish_non_exhaustive()
    }
}
