use super::JwtIssuer;
#[cfg(feature = "tokens")]
use crate::audit::{AuditAction, AuditTarget};
use crate::clock::Timestamp;
#[cfg(feature = "tokens")]
use crate::identity::CredentialKind;
use crate::identity::Identity;
use crate::refusal::Refusal;

/// What the audit trail is told.
#[cfg(feature = "tokens")]
impl JwtIssuer {
    /// Tells of a token that was given out.
    pub(super) fn tell(
        &self,
        at: Timestamp,
        subject: Box<str>,
        id: &str,
        by: Option<&Identity>,
        is_renewal: bool,
    ) {
        if let Some(trail) = &self.audit {
            let mut target = AuditTarget::new(CredentialKind::Jwt, subject);
            target.id = Some(id.into());
            target.issuer = Some((&*self.issuer).into());
            let action = if is_renewal {
                AuditAction::Renewed
            } else {
                AuditAction::Issued
            };
            trail.record(at, action, target, by);
        }
    }

    /// Tells of a holder of a token who was given no other for it.
    pub(super) fn tell_not_renewed(&self, holder: &Identity, refusal: &Refusal) {
        if let Some(trail) = &self.audit {
            let action = AuditAction::NotRenewed(refusal.reason());
            let target = AuditTarget::of_identity(holder);
            let detail = Some(refusal.detail());
            trail.tell(self.clock.now(), action, target, Some(holder), detail);
        }
    }
}

/// Without stores there is no trail.
#[cfg(not(feature = "tokens"))]
impl JwtIssuer {
    pub(super) fn tell(&self, _: Timestamp, _: Box<str>, _: &str, _: Option<&Identity>, _: bool) {}

    pub(super) fn tell_not_renewed(&self, _: &Identity, _: &Refusal) {}
}
