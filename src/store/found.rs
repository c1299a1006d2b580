use std::fmt;
use std::sync::{Arc, OnceLock};

use super::TokenRecord;
use crate::clock::Timestamp;
use crate::identity::{Identity, OnAdmitted, Parts};

/// A record as a lookup found it, with what a store keeps apart from it. A clone shares the record.
///
/// A store in memory keeps one for each token and hands out clones, so that what is worked out from the
/// record once serves every request.
#[derive(Clone)]
pub struct Found {
    shared: Arc<Shared>,
    last_used: Option<Timestamp>,
    on_admitted: Option<Arc<dyn OnAdmitted>>,
}

struct Shared {
    record: TokenRecord,
    identity: OnceLock<Identity>,
}

impl Found {
    /// A record that was found, last used when it says.
    #[must_use]
    pub fn new(record: TokenRecord) -> Self {
        Self {
            last_used: record.last_used,
            shared: Arc::new(Shared {
                record,
                identity: OnceLock::new(),
            }),
            on_admitted: None,
        }
    }

    /// With a time of last use that is newer than the record's.
    #[must_use]
    pub fn with_last_used(mut self, at: Option<Timestamp>) -> Self {
        self.last_used = at;
        self
    }

    /// With what is to be told once a request with this token was let in. It records the use, at once or
    /// in a batch; where there is none, the verifier calls [`touch`](super::TokenStore::touch).
    #[must_use]
    pub fn with_on_admitted(mut self, listener: Arc<dyn OnAdmitted>) -> Self {
        self.on_admitted = Some(listener);
        self
    }

    /// The record. Its time of last use may be older than [`last_used`](Self::last_used).
    #[must_use]
    pub fn record(&self) -> &TokenRecord {
        &self.shared.record
    }

    /// When the token was last used.
    #[must_use]
    pub fn last_used(&self) -> Option<Timestamp> {
        self.last_used
    }

    pub(crate) fn take_on_admitted(&mut self) -> Option<Arc<dyn OnAdmitted>> {
        self.on_admitted.take()
    }

    /// Whom the token names, with neither an end nor a listener.
    pub(crate) fn identity(&self) -> Identity {
        let ready = || identity_of(self.record());
        self.shared.identity.get_or_init(ready).clone()
    }
}

fn identity_of(record: &TokenRecord) -> Identity {
    let mut parts = Parts::new(record.subject.clone(), record.kind);
    parts.client_id.clone_from(&record.client_id);
    parts.session_id.clone_from(&record.session_id);
    parts.credential_id = Some(record.id.clone());
    parts.credential_name.clone_from(&record.name);
    parts.scopes.clone_from(&record.scopes);
    parts.roles.clone_from(&record.roles);
    parts.issued_at = Some(record.created);
    parts.auth_time = record.auth_time;
    parts.acr.clone_from(&record.acr);
    parts.into_identity(None)
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("record", self.record())
            .field("last_used", &self.last_used)
            .finish_non_exhaustive()
    }
}
