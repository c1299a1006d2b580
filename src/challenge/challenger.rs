use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use super::answer::RefusalAnswer;
use super::body::ResponseBody;
use super::grpc;
use super::header::Challenge;
use super::table::{Row, row};
use super::written::{Written, problem};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::credential::Scheme;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::observe::{AuthEvent, AuthListener, Outcome, report};
use crate::refusal::{Reason, Refusal};

type Hook = dyn Fn(&Refusal, Option<&RequestHead<'_>>, &mut RefusalAnswer) + Send + Sync;

/// Speaks the refusals of one layer: its realm, its hook, its clock.
///
/// A layer leaves it with each caller, so that a refusal from deeper inside, be it by a route's policy or
/// in a handler, speaks as the layer does.
pub(crate) struct Challenger {
    realm: Option<Box<str>>,
    schemes: Schemes,
    hook: Option<Box<Hook>>,
    retry_after: Duration,
    speaks_grpc: bool,
    // What is answered where the refusal tells no more than its reason, in the order of `Reason::ALL`.
    fixed: Vec<Written>,
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
        let written = self.written(&row, &refusal);
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
        let written = self.written(&row(refusal.reason()), refusal);
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
            answer.body = problem(row, answer.status, refusal);
        }
        if answer.status == StatusCode::UNAUTHORIZED && !headers.contains_key(WWW_AUTHENTICATE) {
            for challenge in self.bare_challenges() {
                headers.append(WWW_AUTHENTICATE, challenge.to_header_value());
            }
        }
        written.body = answer.body;
        (answer.status, written)
    }

    fn written(&self, row: &Row, refusal: &Refusal) -> Written {
        if refusal.has_parameters() {
            return self.write(row, refusal);
        }
        self.fixed[refusal.reason() as usize].clone()
    }

    fn write(&self, row: &Row, refusal: &Refusal) -> Written {
        let bare = row.challenged.then(|| self.bare_challenges());
        let challenges = bare.into_iter().flatten();
        let challenges = challenges.map(|bare| Self::challenge(bare, row, refusal));
        Written::new(row, challenges, self.retry_after(refusal), refusal)
    }

    fn challenge(mut challenge: Challenge, row: &Row, refusal: &Refusal) -> HeaderValue {
        if let Some(error) = row.error
            && (challenge.scheme() == Scheme::Dpop || !error.is_about_a_proof())
        {
            challenge = challenge.error(error).error_description(row.description);
        }
        if let Some(scope) = refusal.scope() {
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
        let bearer = (!self.schemes.without_bearer).then(Challenge::new);
        let with_algs =
            |algs: &Vec<&'static str>| Challenge::of(Scheme::Dpop).algs(algs.iter().copied());
        let dpop = self.schemes.dpop.as_ref().map(with_algs);
        let named = |challenge: Challenge| match &self.realm {
            Some(realm) => challenge.realm(realm),
            None => challenge,
        };
        bearer.into_iter().chain(dpop).map(named)
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
            .field("retry_after", &self.retry_after)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// The schemes to challenge in; by default `Bearer` alone.
#[derive(Default)]
pub(crate) struct Schemes {
    pub(crate) without_bearer: bool,
    /// The algorithms of proofs, by name, where `DPoP` is one of them.
    pub(crate) dpop: Option<Vec<&'static str>>,
}

/// The settings of a [`Challenger`], checked by whoever takes them from the user.
pub(crate) struct ChallengerBuilder {
    pub(crate) realm: Option<Box<str>>,
    pub(crate) schemes: Schemes,
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
        let mut challenger = Challenger {
            realm: self.realm,
            schemes: self.schemes,
            hook: self.hook,
            retry_after: self.retry_after,
            speaks_grpc: self.speaks_grpc,
            fixed: Vec::new(),
            clock: self.clock,
            listeners: self.listeners,
        };
        challenger.fixed = Reason::ALL
            .into_iter()
            .map(|reason| challenger.write(&row(reason), &Refusal::new(reason, "")))
            .collect();
        challenger
    }
}
