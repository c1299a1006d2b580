use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN};
use http::{Method, Request, Response};

use super::step::{Decision, Pass, Pending, Stage, Step};
use crate::binding::Binding;
use crate::caller::{Anonymous, AuthenticatedUser};
use crate::challenge::{Challenger, ResponseBody, is_grpc};
use crate::credential::{self, Scheme};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::observe::{AuthEvent, DecisionSpan, Outcome, report};
use crate::policy::Policy;
use crate::refusal::{Reason, Refusal};
use crate::verifier::{Answer, Presented, TokenVerifier};

/// Everything that a layer was set up with; decides who is let in.
pub(super) struct Door {
    pub(super) verifier: Arc<dyn TokenVerifier>,
    pub(super) challenger: Arc<Challenger>,
    pub(super) max_header_len: usize,
    pub(super) remove_credential: bool,
    pub(super) mode: Mode,
    pub(super) ignore_other_schemes: bool,
    pub(super) allow_cors_preflight: bool,
    pub(super) open_grpc_methods: HashSet<String>,
    pub(super) binding: Option<Binding>,
    pub(super) policy: Option<Policy>,
}

/// Whether a credential may be missing.
pub(super) enum Mode {
    Required,
    Optional,
    OptionalWhen(Box<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>),
}

impl Door {
    /// Decides about a request, or begins to.
    pub(super) fn enter<B, R: ResponseBody>(&self, request: &mut Request<B>) -> Step<R> {
        let credential =
            credential::read(request.headers_mut(), self.max_header_len, self.schemes());
        self.remove_pretended(request);
        let decision = Decision {
            now: self.challenger.clock.now(),
            span: DecisionSpan::new(),
            nonce: None,
        };
        if self.is_exempt(&RequestHead::of(request)) {
            self.exempt(request, &decision);
            return Step::Admitted(Pass::of_nobody());
        }
        let (scheme, token) = match credential {
            Ok(credential) => credential,
            Err(refusal) => {
                let anonymous = self.may_be_anonymous(&refusal, &RequestHead::of(request));
                let caller = if anonymous { Ok(None) } else { Err(refusal) };
                return self.decide(caller, request, decision).into();
            }
        };
        let presented = Presented {
            token,
            scheme,
            now: decision.now,
            checks_proof: self.binding.is_some(),
        };
        let answer = decision.span.run(|| Answer::of(&self.verifier, &presented));
        match answer {
            Answer::Now(verified) => self.prove(verified, &presented, request, decision),
            Answer::Later(answer) => Step::Waiting(Pending {
                answer,
                stage: Stage::Verifying(presented),
                decision,
            }),
        }
    }

    /// Goes on with an answer that was waited for.
    pub(super) fn go_on<B, R: ResponseBody>(
        &self,
        answered: Result<Identity, Refusal>,
        stage: &Stage,
        request: &mut Request<B>,
        decision: Decision,
    ) -> Step<R> {
        match stage {
            Stage::Verifying(presented) => self.prove(answered, presented, request, decision),
            Stage::Proving => self.decide(answered.map(Some), request, decision).into(),
        }
    }

    /// Has it proved that a bound token is presented by its holder, and then decides, or begins to.
    fn prove<B, R: ResponseBody>(
        &self,
        verified: Result<Identity, Refusal>,
        presented: &Presented,
        request: &mut Request<B>,
        mut decision: Decision,
    ) -> Step<R> {
        let proved = match (verified, &self.binding) {
            (Ok(identity), Some(binding)) => {
                let head = RequestHead::of(request);
                let Decision { span, nonce, .. } = &mut decision;
                span.run(|| binding.begin(identity, presented, &head, nonce))
            }
            // Whatever the verifier says of it.
            (Ok(identity), None) => Answer::Now(presented.unless_unproved(identity)),
            (Err(refusal), _) => Answer::Now(Err(refusal)),
        };
        match proved {
            Answer::Now(proved) => self.decide(proved.map(Some), request, decision).into(),
            Answer::Later(answer) => Step::Waiting(Pending {
                answer,
                stage: Stage::Proving,
                decision,
            }),
        }
    }

    /// Holds the caller (`None` is anonymous) against the policy, and leaves them with the request.
    ///
    /// The error is the answer to a request that is not let in; for one that is, there is something to be
    /// done with the response.
    fn decide<B, R: ResponseBody>(
        &self,
        caller: Result<Option<Identity>, Refusal>,
        request: &mut Request<B>,
        decision: Decision,
    ) -> Result<Pass, Response<R>> {
        let head = RequestHead::of(request);
        let caller = match caller {
            Ok(caller) => caller,
            Err(refusal) => return Err(self.refuse(refusal, None, &head, &decision)),
        };
        if let Some(policy) = &self.policy
            && let Err(refusal) = policy.hold(caller.as_ref(), Some(&head), decision.now)
        {
            return Err(self.refuse(refusal, caller.as_ref(), &head, &decision));
        }
        let Some(identity) = caller else {
            self.report(Outcome::Anonymous, None, None, &head, &decision);
            self.leave_anonymous(request);
            return Ok(Pass::of_nobody());
        };
        let pending = match identity.let_in(decision.now) {
            Ok(pending) => pending,
            Err(refusal) => return Err(self.refuse(refusal, Some(&identity), &head, &decision)),
        };
        self.report(Outcome::Admitted, Some(&identity), None, &head, &decision);
        self.remove_credential(request);
        let user = AuthenticatedUser::new(identity, Arc::clone(&self.challenger));
        request.extensions_mut().remove::<Anonymous>();
        request.extensions_mut().insert(user);
        Ok(Pass {
            pending,
            nonce: decision.nonce,
        })
    }

    fn schemes(&self) -> &'static [Scheme] {
        match &self.binding {
            Some(binding) => binding.schemes(),
            None => &[Scheme::Bearer],
        }
    }

    /// Takes off what speaks for a proxy and did not come from it.
    fn remove_pretended<B>(&self, request: &mut Request<B>) {
        let Some(binding) = &self.binding else {
            return;
        };
        for name in binding.pretended(&RequestHead::of(request)) {
            request.headers_mut().remove(name);
        }
    }

    fn remove_credential<B>(&self, request: &mut Request<B>) {
        if !self.remove_credential {
            return;
        }
        request.headers_mut().remove(AUTHORIZATION);
        if let Some(binding) = &self.binding {
            binding.remove_proof(request.headers_mut());
        }
    }

    fn is_exempt(&self, head: &RequestHead<'_>) -> bool {
        (self.allow_cors_preflight && is_cors_preflight(head)) || self.is_open_grpc_method(head)
    }

    /// A call of the method, and not whatever else a server may have at that path.
    fn is_open_grpc_method(&self, head: &RequestHead<'_>) -> bool {
        !self.open_grpc_methods.is_empty()
            && self.open_grpc_methods.contains(head.uri.path())
            && head.method == Method::POST
            && is_grpc(head.headers)
    }

    fn exempt<B>(&self, request: &mut Request<B>, decision: &Decision) {
        let head = RequestHead::of(request);
        self.report(Outcome::Exempt, None, None, &head, decision);
        self.remove_credential(request);
        self.leave_anonymous(request);
    }

    fn may_be_anonymous(&self, refusal: &Refusal, head: &RequestHead<'_>) -> bool {
        let nothing_sent = match refusal.reason() {
            Reason::Missing => true,
            Reason::OtherScheme => self.ignore_other_schemes,
            _ => false,
        };
        nothing_sent
            && match &self.mode {
                Mode::Required => false,
                Mode::Optional => true,
                Mode::OptionalWhen(open) => open(head),
            }
    }

    fn leave_anonymous<B>(&self, request: &mut Request<B>) {
        let challenger = Arc::clone(&self.challenger);
        request.extensions_mut().remove::<AuthenticatedUser>();
        request.extensions_mut().insert(Anonymous { challenger });
    }

    fn refuse<R: ResponseBody>(
        &self,
        refusal: Refusal,
        caller: Option<&Identity>,
        head: &RequestHead<'_>,
        decision: &Decision,
    ) -> Response<R> {
        let outcome = Outcome::Refused(refusal.reason());
        self.report(outcome, caller, Some(&refusal), head, decision);
        self.challenger.answer(refusal, Some(head))
    }

    fn report(
        &self,
        outcome: Outcome,
        identity: Option<&Identity>,
        refusal: Option<&Refusal>,
        head: &RequestHead<'_>,
        decision: &Decision,
    ) {
        let event = AuthEvent {
            outcome,
            identity,
            refusal,
            head: Some(head),
            at: decision.now,
        };
        decision.span.record(&event);
        decision
            .span
            .run(|| report(&self.challenger.listeners, &event));
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("verifier", &self.verifier)
            .field("challenger", &self.challenger)
            .field("max_header_len", &self.max_header_len)
            .field("binding", &self.binding)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// As the Fetch standard tells a preflight: `OPTIONS` with both headers.
fn is_cors_preflight(head: &RequestHead<'_>) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
