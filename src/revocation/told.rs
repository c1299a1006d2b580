use super::{Revocation, Target};
use crate::audit::{Attempt, AuditAction, AuditTarget, Common};
use crate::clock::Timestamp;

/// What the audit trail calls the end of these tokens: begun, done, and of which tokens.
pub(super) fn told(revocation: &Revocation) -> (Attempt, AuditAction, AuditTarget) {
    let mut target = AuditTarget::default();
    let before = revocation.before;
    target.issued_before = (before != Timestamp::MAX).then_some(before);
    let common = name(&mut target, &revocation.target);
    match common {
        Some(common) => {
            let (attempt, done) = (Attempt::RevokeBy(common), AuditAction::RevokedBy(common));
            (attempt, done, target)
        }
        None => (Attempt::Revoke, AuditAction::Revoked, target),
    }
}

/// Names in `told` what is meant by `target`. Says what the tokens have in common if it is not one alone.
fn name(told: &mut AuditTarget, target: &Target) -> Option<Common> {
    let Some((what, issuer, name)) = target.parts() else {
        // Made by another version, and kept as it is.
        told.id = Some(target.as_str().into());
        return None;
    };
    told.issuer = (!issuer.is_empty()).then(|| issuer.into());
    let name = Some(name.into());
    match what {
        "session" => {
            told.session_id = name;
            Some(Common::Session)
        }
        "subject" => {
            told.subject = name;
            Some(Common::Subject)
        }
        "client" => {
            told.client_id = name;
            Some(Common::Client)
        }
        "key" => {
            told.key_id = name;
            Some(Common::Key)
        }
        "all" => Some(Common::Issuer),
        _ => {
            told.id = name;
            None
        }
    }
}
