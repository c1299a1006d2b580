use crate::clock::Timestamp;
use crate::store::Found;

/// Of how many uses it is known that they go first.
const SPARE: usize = 1024;

/// What it does to a token if the use that waits is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Harm {
    /// Nothing: it is written.
    None,
    /// A listing shows an older use. The token has no idle limit.
    Shown,
    /// The token may seem idle sooner, by so many thousandths of its limit.
    Idle(u64),
}

impl Harm {
    /// Of the use at `at` of a token that was `found`, with a use that is `written`.
    pub(super) fn of(found: &Found, written: Option<Timestamp>, at: Timestamp) -> Self {
        if written.is_some_and(|written| written >= at) {
            return Self::None;
        }
        let record = found.record();
        let Some(idle) = record.idle else {
            return Self::Shown;
        };
        let known = written.or(found.last_used()).unwrap_or(record.created);
        let lost = at.since(known).as_millis().saturating_mul(1000);
        let share = lost / idle.as_millis().max(1);
        Self::Idle(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

/// The uses whose loss hurts the least, by name, worked out for many at once: to look at all of them for each
/// one that is lost would take too long.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<(Harm, u64)>);

impl Spare {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn fill(&mut self, harms: impl Iterator<Item = (Harm, u64)>) {
        let mut harms: Vec<_> = harms.collect();
        if harms.len() > SPARE {
            harms.select_nth_unstable(SPARE);
            harms.truncate(SPARE);
        }
        harms.sort_unstable_by(|one, other| other.cmp(one));
        self.0 = harms;
    }

    /// The next to go, if its loss hurts less.
    pub(super) fn next_below(&mut self, than: Harm) -> Option<(Harm, u64)> {
        self.0.pop_if(|(harm, _)| *harm < than)
    }
}
