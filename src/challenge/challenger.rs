use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use super::answer::RefusalAnswer;
use super::body::ResponseBody;
use super::by_scope::ByScope;
use super::grpc;
use super::header::Challenge;
use super::table::{Row, row};
use super::written::{Written, problem};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::credential::Scheme;
use crate::credential::Schemes;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::observe::{AuthEvent, AuthListener, Outcome, report};
use crate::policy::AskedScopes;
use crate::refusal::{Reason, Refusal};
use crate::scope::ScopeSet;

type Hook = dyn Fn(&Refusal, Option<&RequestHead<'_>>, &mut RefusalAnswer) + Send + Sync;

/// Speaks the refusals of one layer: its realm, its metadata, its scopes, its hook, its clock.
///
/// A layer leaves it with each caller, so that a refusal from deeper inside, be it by a route's policy or
/// in a handler, speaks as the layer does.
pub(crate) struct Challenger {
    realm: Option<Box<str>>,
    schemes: Schemes,
    resource_metadata: Option<Box<str>>,
    hook: Option<Box<Hook>>,
    retry_after: Duration,
    speaks_grpc: bool,
    prepared: ByScope<Vec<Written>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) listeners: Vec<Arc<dyn AuthListener>>,
}

impl Challenger {
    /// The answer to a request that is refused.
    pub(crate) fn answer<B: ResponseBody>(
        &self,
        refusal: Refusal,
        head: Option<&RequestHead<'_>>,
    ) -> Response<B> {
        let row = row(refusal.reason());
        let written = self.written(&row, &refusal, head);
        let mut response = match head {
            Some(head) if self.speaks_grpc && grpc::is_grpc(head.headers) => {
                let metadata = grpc::metadata(&written.headers, self.retry_after(&refusal));
                grpc::answer(&row, metadata, head.headers)
            }
            _ => self.http_answer(&row, written, &refusal, head),
        };
        response.extensions_mut().insert(refusal);
        response
    }

    /// Makes known a refusal from inside of the layer: by an extractor, or by a policy there.
    pub(crate) fn report(
        &self,
        refusal: &Refusal,
        identity: Option<&Identity>,
        head: Option<&RequestHead<'_>>,
        at: Timestamp,
    ) {
        let event = AuthEvent {
            outcome: Outcome::Refused(refusal.reason()),
            identity,
            refusal: Some(refusal),
            head,
            at,
        };
        report(&self.listeners, &event);
    }

    /// What a gRPC refusal made in code says besides its status.
    #[cfg(feature = "tonic")]
    pub(crate) fn grpc_metadata(&self, refusal: &Refusal) -> http::HeaderMap {
        let written = self.written(&row(refusal.reason()), refusal, None);
        grpc::metadata(&written.headers, self.retry_after(refusal))
    }

    fn http_answer<B: ResponseBody>(
        &self,
        row: &Row,
        written: Written,
        refusal: &Refusal,
        head: Option<&RequestHead<'_>>,
    ) -> Response<B> {
        let (status, written) = match &self.hook {
            Some(hook) => self.ask(hook, row, written, refusal, head),
            None => (row.status, written),
        };
        let mut response = Response::new(B::from_bytes(written.body));
        *response.status_mut() = status;
        *response.headers_mut() = written.headers;
        response
    }

    fn ask(
        &self,
        hook: &Hook,
        row: &Row,
        mut written: Written,
        refusal: &Refusal,
        head: Option<&RequestHead<'_>>,
    ) -> (StatusCode, Written) {
        let mut answer = RefusalAnswer::new(row.status, written.body);
        hook(refusal, head, &mut answer);
        let headers = &mut written.headers;
        if let Some(content_type) = answer.own_content_type {
            headers.insert(CONTENT_TYPE, content_type);
        } else if answer.status != row.status {
            // RFC 9457 §3.1.2: the document has the status of the response.
            answer.body = problem(row, answer.status, &self.scope(row, refusal, head));
        }
        if answer.status == StatusCode::UNAUTHORIZED && !headers.contains_key(WWW_AUTHENTICATE) {
            for challenge in self.bare_challenges() {
                headers.append(WWW_AUTHENTICATE, challenge.to_header_value());
            }
        }
        written.body = answer.body;
        (answer.status, written)
    }

    fn written(&self, row: &Row, refusal: &Refusal, head: Option<&RequestHead<'_>>) -> Written {
        if refusal.has_parameters() {
            return self.write(row, refusal, &self.scope(row, refusal, head));
        }
        self.prepared.at(head).held[refusal.reason() as usize].clone()
    }

    /// What is answered where the refusal tells no more than its reason, in the order of `Reason::ALL`.
    fn prepare(&self, scope: &ScopeSet) -> Vec<Written> {
        let none = ScopeSet::new();
        let prepared = Reason::ALL.into_iter().map(|reason| {
            let row = row(reason);
            let scope = if row.challenged { scope } else { &none };
            self.write(&row, &Refusal::new(reason, ""), scope)
        });
        prepared.collect()
    }

    fn write(&self, row: &Row, refusal: &Refusal, scope: &ScopeSet) -> Written {
        let bare = row.challenged.then(|| self.bare_challenges());
        let challenges = bare.into_iter().flatten();
        let challenges = challenges.map(|bare| Self::challenge(bare, row, refusal, scope));
        Written::new(row, challenges, self.retry_after(refusal), refusal, scope)
    }

    /// The scopes that are named: those that the layer asks for here, and those of the refusal. A token needs
    /// both, also where the refusal comes from further in.
    fn scope(&self, row: &Row, refusal: &Refusal, head: Option<&RequestHead<'_>>) -> ScopeSet {
        let asked = &self.prepared.at(head).scope;
        match refusal.scope() {
            _ if !row.challenged => ScopeSet::new(),
            Some(needed) => asked.union(needed),
            None => asked.clone(),
        }
    }

    fn challenge(
        mut challenge: Challenge,
        row: &Row,
        refusal: &Refusal,
        scope: &ScopeSet,
    ) -> HeaderValue {
        if let Some(error) = row.error
            && (challenge.scheme() == Scheme::Dpop || !error.is_about_a_proof())
        {
            challenge = challenge.error(error).error_description(row.description);
        }
        if !scope.is_empty() {
            challenge = challenge.scope(scope);
        }
        if refusal.acr_values().next().is_some() {
            challenge = challenge.acr_values(refusal.acr_values());
        }
        if let Some(max_age) = refusal.max_age() {
            challenge = challenge.max_age(max_age.as_secs());
        }
        challenge.to_header_value()
    }

    /// One challenge for each scheme that the layer takes.
    fn bare_challenges(&self) -> impl Iterator<Item = Challenge> {
        let named = |scheme| {
            let mut challenge = Challenge::of(scheme);
            if let Some(realm) = &self.realm {
                challenge = challenge.realm(realm);
            }
            if let Some(url) = &self.resource_metadata {
                challenge = challenge.resource_metadata(url);
            }
            challenge
        };
        let bearer = (!self.schemes.without_bearer).then(|| named(Scheme::Bearer));
        let dpop = self.schemes.dpop.as_ref();
        let dpop = dpop.map(move |algs| named(Scheme::Dpop).algs(algs.iter().copied()));
        bearer.into_iter().chain(dpop)
    }

    fn retry_after(&self, refusal: &Refusal) -> Option<Duration> {
        match (refusal.retry_after(), refusal.reason()) {
            (None, Reason::Unavailable) => Some(self.retry_after),
            (after, _) => after,
        }
    }
}

impl fmt::Debug for Challenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenger")
            .field("realm", &self.realm)
            .field("resource_metadata", &self.resource_metadata)
            .field("retry_after", &self.retry_after)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Challenger`], checked by whoever takes them from the user.
pub(crate) struct ChallengerBuilder {
    pub(crate) realm: Option<Box<str>>,
    pub(crate) schemes: Schemes,
    pub(crate) resource_metadata: Option<Box<str>>,
    /// What the layer's policy asks for.
    pub(crate) asked: AskedScopes,
    /// What is named in every challenge beside that.
    pub(crate) scope: ScopeSet,
    pub(crate) hook: Option<Box<Hook>>,
    pub(crate) retry_after: Duration,
    pub(crate) speaks_grpc: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) listeners: Vec<Arc<dyn AuthListener>>,
}

impl Default for ChallengerBuilder {
    fn default() -> Self {
        Self {
            realm: None,
            schemes: Schemes::default(),
            resource_metadata: None,
            asked: AskedScopes::default(),
            scope: ScopeSet::new(),
            hook: None,
            retry_after: Duration::from_secs(1),
            speaks_grpc: true,
            clock: Arc::new(SystemClock),
            listeners: Vec::new(),
        }
    }
}

impl ChallengerBuilder {
    pub(crate) fn build(self) -> Challenger {
        let scopes = ByScope::new(&self.asked, &self.scope);
        let mut challenger = Challenger {
            realm: self.realm,
            schemes: self.schemes,
            resource_metadata: self.resource_metadata,
            hook: self.hook,
            retry_after: self.retry_after,
            speaks_grpc: self.speaks_grpc,
            prepared: ByScope::default(),
            clock: self.clock,
            listeners: self.listeners,
        };
        challenger.prepared = scopes.map(|scope| challenger.prepare(scope));
        challenger
    }
}
