use super::{Attempt, AuditAction, AuditTarget, AuditTrail};
use crate::clock::{Clock, Timestamp};
use crate::identity::Identity;
use crate::store::StoreError;

/// Something that is being done to tokens in a store. Whatever becomes of it is told, unless it is certain
/// that nothing did: where the store gives no answer, or nobody waits for it, that it is not known.
pub(crate) struct Attempted<'a>(Option<Begun<'a>>);

struct Begun<'a> {
    trail: &'a AuditTrail,
    by: Option<&'a Identity>,
    at: Timestamp,
    attempt: Attempt,
    target: AuditTarget,
    detail: Option<&'static str>,
}

impl<'a> Attempted<'a> {
    pub(crate) fn begin(
        trail: Option<&'a AuditTrail>,
        by: Option<&'a Identity>,
        clock: &dyn Clock,
        attempt: Attempt,
        target: impl FnOnce() -> AuditTarget,
    ) -> Self {
        Self(trail.map(|trail| Begun {
            trail,
            by,
            at: clock.now(),
            attempt,
            target: target(),
            detail: None,
        }))
    }

    /// With a word on what is being done.
    pub(crate) fn in_detail(mut self, detail: &'static str) -> Self {
        if let Some(begun) = &mut self.0 {
            begun.detail = Some(detail);
        }
        self
    }

    /// Tells what the store answered: what was done, if anything was.
    pub(crate) fn end<T>(
        mut self,
        answer: &Result<T, StoreError>,
        done: impl FnOnce(&T) -> Option<AuditAction>,
    ) {
        match answer {
            Ok(answer) => {
                if let (Some(begun), Some(action)) = (self.0.take(), done(answer)) {
                    begun.tell(action);
                }
            }
            // Told as it is dropped.
            Err(StoreError::Unavailable { .. } | StoreError::Generic { .. }) => {}
            Err(_) => self.0 = None,
        }
    }
}

impl Drop for Attempted<'_> {
    fn drop(&mut self) {
        if let Some(begun) = self.0.take() {
            let uncertain = AuditAction::Uncertain(begun.attempt);
            begun.tell(uncertain);
        }
    }
}

impl Begun<'_> {
    fn tell(self, action: AuditAction) {
        self.trail
            .tell(self.at, action, self.target, self.by, self.detail);
    }
}
