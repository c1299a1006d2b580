use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::event::acts_in_its_own_name;
use super::{Actor, AuditAction, AuditEvent, AuditSink, AuditTarget, Credential};
use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::head::RequestHead;
use crate::identity::{CredentialKind, Identity};
use crate::observe::{AuthEvent, AuthListener, Outcome};
use crate::refusal::Refusal;

/// Writes the audit trail: told of each request by the layer, and of each token by the issuers.
///
/// Requests without a credential that were let in, in optional mode or unseen, are not in it; those that were
/// refused are. A clone is the same.
///
/// ```
/// use tower_bearer::audit::{AuditTrail, ChannelSink};
/// use tower_bearer::{BearerAuthLayer, TokenVerifier};
///
/// # fn example(verifier: impl TokenVerifier + 'static) -> Result<(), tower_bearer::ConfigError> {
/// let (sink, events) = ChannelSink::new(1_000)?;
/// let trail = AuditTrail::builder().sink(sink).build()?;
/// let layer = BearerAuthLayer::builder(verifier).listener(trail).build()?;
/// # drop((layer, events));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AuditTrail {
    shared: Arc<Shared>,
}

struct Shared {
    sinks: Vec<Arc<dyn AuditSink>>,
    sampled: HashMap<CredentialKind, Sample>,
    client_addr: Option<Hook<IpAddr>>,
    resource: Option<Hook<String>>,
    panicked: AtomicU64,
}

type Hook<T> = Box<dyn Fn(&RequestHead<'_>) -> Option<T> + Send + Sync>;

/// Where a request comes from, left in its extensions by the service's server or an outer layer, which know
/// which proxies are to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// How many bytes of a path or method are recorded.
const MAX_LEN: usize = 1024;

struct Sample {
    one_in: NonZeroU32,
    seen: AtomicU32,
}

impl AuditTrail {
    /// Begins a trail.
    pub fn builder() -> AuditTrailBuilder {
        AuditTrailBuilder {
            sinks: Vec::new(),
            sampled: Vec::new(),
            client_addr: None,
            resource: None,
        }
    }

    /// How many times a sink panicked.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.shared.panicked.load(Ordering::Relaxed)
    }

    /// Writes a line about a token, for what issues, changes or ends tokens by a way of its own. `by` is who
    /// did it, where that is known.
    pub fn record(
        &self,
        at: Timestamp,
        action: AuditAction,
        target: AuditTarget,
        by: Option<&Identity>,
    ) {
        self.tell(at, action, target, by, None);
    }

    /// Writes a line about a token, with a word on why it was refused, or what was changed.
    pub(crate) fn tell(
        &self,
        at: Timestamp,
        action: AuditAction,
        target: AuditTarget,
        by: Option<&Identity>,
        detail: Option<&'static str>,
    ) {
        let mut event = blank(at, action);
        event.actor = by.map(Actor::of);
        event.credential = by.map(credential);
        event.target = Some(match by {
            Some(actor) => target.done_by(actor),
            None => target,
        });
        event.detail = detail;
        self.deliver(&event);
    }

    /// Writes a line about a caller who was not let have a token issued.
    pub(crate) fn not_issued(
        &self,
        at: Timestamp,
        refusal: &Refusal,
        target: AuditTarget,
        by: &Identity,
    ) {
        let action = AuditAction::NotIssued(refusal.reason());
        self.tell(at, action, target, Some(by), Some(refusal.detail()));
    }

    fn deliver(&self, event: &AuditEvent) {
        for sink in &self.shared.sinks {
            // What a sink leaves half done is its own.
            let recorded = catch_unwind(AssertUnwindSafe(|| sink.record(event)));
            if recorded.is_err() {
                self.shared.panicked.fetch_add(1, Ordering::Relaxed);
                #[cfg(feature = "tracing")]
                tracing::error!(target: "tower_bearer", "a sink of the audit trail panicked");
            }
        }
    }

    fn resource(&self, head: &RequestHead<'_>) -> Box<str> {
        let named = self.shared.resource.as_ref().and_then(|name| name(head));
        match named {
            Some(named) => start_of(named.split(['?', '#']).next().unwrap_or("")),
            None => start_of(head.uri.path()),
        }
    }

    /// Whether this request is one of those that are left out.
    fn is_left_out(&self, event: &AuthEvent<'_>) -> bool {
        match event.outcome {
            Outcome::Anonymous | Outcome::Exempt => true,
            Outcome::Refused(_) => false,
            Outcome::Admitted => {
                let kind = event.identity.map(Identity::credential_kind);
                let sample = kind.and_then(|kind| self.shared.sampled.get(&kind));
                sample.is_some_and(|sample| {
                    let before = sample.seen.fetch_add(1, Ordering::Relaxed);
                    before % sample.one_in != 0
                })
            }
        }
    }
}

impl AuthListener for AuditTrail {
    fn decided(&self, event: &AuthEvent<'_>) {
        if self.is_left_out(event) {
            return;
        }
        let mut line = blank(event.at, AuditAction::Request(event.outcome));
        line.actor = event.identity.map(Actor::of);
        let of_refusal = || {
            let id = event.refusal?.credential_id()?;
            Some(Credential {
                kind: None,
                id: Some(id.into()),
                name: None,
            })
        };
        line.credential = event.identity.map(credential).or_else(of_refusal);
        line.detail = event.refusal.map(Refusal::detail);
        if let Some(head) = event.head {
            line.method = Some(start_of(head.method.as_str()));
            line.resource = Some(self.resource(head));
            line.client_addr = match &self.shared.client_addr {
                Some(find) => find(head),
                None => head.extensions.get().map(|ClientAddr(addr)| *addr),
            };
        }
        self.deliver(&line);
    }
}

impl fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditTrail")
            .field("sinks", &self.shared.sinks.len())
            .finish_non_exhaustive()
    }
}

/// Sets up an [`AuditTrail`].
#[must_use = "nothing is recorded until it is built"]
pub struct AuditTrailBuilder {
    sinks: Vec<Arc<dyn AuditSink>>,
    sampled: Vec<(CredentialKind, NonZeroU32)>,
    client_addr: Option<Hook<IpAddr>>,
    resource: Option<Hook<String>>,
}

impl AuditTrailBuilder {
    /// Where the lines go; several are told one after another.
    pub fn sink(mut self, sink: impl AuditSink + 'static) -> Self {
        self.sinks.push(Arc::new(sink));
        self
    }

    /// Records one request of so many that credentials of this kind were let in for: the first, and so on.
    /// Refusals, and what is done to tokens, are recorded all.
    pub fn sample(mut self, kind: CredentialKind, one_in: NonZeroU32) -> Self {
        self.sampled.push((kind, one_in));
        self
    }

    /// Where a request comes from, such as from an extension that the server left, or a header that a proxy
    /// that is trusted wrote. Unless set, it is the [`ClientAddr`] among the request's extensions, if there is
    /// one.
    pub fn client_addr(
        mut self,
        find: impl Fn(&RequestHead<'_>) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.client_addr = Some(Box::new(find));
        self
    }

    /// What a request is for, where the path as it stands at the layer does not say it all: a router that
    /// nests has shortened it, and axum keeps the whole in its `OriginalUri`. From a `?` or `#` on it is cut
    /// off, as it may hold a secret; `None` is for the path as it stands.
    pub fn resource(
        mut self,
        name: impl Fn(&RequestHead<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.resource = Some(Box::new(name));
        self
    }

    /// Builds the trail.
    ///
    /// # Errors
    /// If there is no sink, or if requests by tokens that act in their own name shall be sampled: access
    /// tokens, API keys and bot tokens.
    pub fn build(self) -> Result<AuditTrail, ConfigError> {
        if self.sinks.is_empty() {
            return Err(ConfigError::new("sink", "a trail that leads nowhere"));
        }
        let mut sampled = HashMap::new();
        for (kind, one_in) in self.sampled {
            if acts_in_its_own_name(kind) {
                let problem = format!("every request by an {kind} is recorded");
                return Err(ConfigError::new("sample", problem));
            }
            let seen = AtomicU32::new(0);
            if sampled.insert(kind, Sample { one_in, seen }).is_some() {
                return Err(ConfigError::new("sample", format!("{kind} is set twice")));
            }
        }
        let shared = Shared {
            sinks: self.sinks,
            sampled,
            client_addr: self.client_addr,
            resource: self.resource,
            panicked: AtomicU64::new(0),
        };
        Ok(AuditTrail {
            shared: Arc::new(shared),
        })
    }
}

impl fmt::Debug for AuditTrailBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditTrailBuilder")
            .field("sinks", &self.sinks.len())
            .field("sampled", &self.sampled)
            .finish_non_exhaustive()
    }
}

fn blank(at: Timestamp, action: AuditAction) -> AuditEvent {
    let mut id = [0; 16];
    // Without randomness the line has a number that may stand elsewhere too, which is better than no line.
    let _ = getrandom::fill(&mut id);
    AuditEvent {
        id: u128::from_be_bytes(id),
        at,
        action,
        actor: None,
        credential: None,
        target: None,
        method: None,
        resource: None,
        client_addr: None,
        detail: None,
        lost_before: 0,
    }
}

/// The text, or as much of it as is recorded.
fn start_of(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_LEN)].into()
}

fn credential(identity: &Identity) -> Credential {
    Credential {
        kind: Some(identity.credential_kind()),
        id: identity.credential_id().map(Into::into),
        name: identity.credential_name().map(Into::into),
    }
}
