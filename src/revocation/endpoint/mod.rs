mod form;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use self::form::Problem;
use super::Revoker;
use crate::audit::AuditTarget;
use crate::caller::AuthenticatedUser;
use crate::challenge::ResponseBody;
use crate::credential::{BearerToken, DEFAULT_MAX_LEN};
use crate::error::ConfigError;
use crate::head::RequestHead;
#[cfg(feature = "jwt")]
use crate::identity::CredentialKind;
#[cfg(feature = "jwt")]
use crate::issue::{RefreshTokens, RenewError};
use crate::refusal::{Reason, Refusal};
use crate::store::StoreError;
use crate::verifier::{Answer, Presented, TokenVerifier};

/// Ends the token that a form names: the revocation endpoint of RFC 7009.
///
/// It goes inside a [`BearerAuthLayer`](crate::BearerAuthLayer), which says who asks. The rules, in the order
/// in which they are applied:
///
/// 1. What is no `POST` is answered 405, and whom no layer named as the layer would: 401.
/// 2. The body is a form with one `token`, and perhaps a `token_type_hint`, which is not needed here. Anything
///    else is 400 `invalid_request`, and what is longer than 32 KiB is 413.
/// 3. The verifier judges the token. One that it refuses is not good any more, or never was, and is answered
///    200 (RFC 7009 §2.2); whether it was ever issued is not told. So is one that is switched off, or whose
///    time has not come, and it is left as it is: end such a token by its id.
/// 4. Somebody else's is answered 403, and goes on to be good (RFC 7009 §2.1). To say 200 would tell whoever
///    found a token that it was ended. What is told by it they could learn from any other request with it.
///    Whose it may be, [`Revoker::permits`] says.
/// 5. A token is ended: 200 with an empty body. Where no way to end it was set up, it is 400
///    `unsupported_token_type`.
///
/// What is ended, and who was refused to, is told to the revoker's audit trail, with the name of the caller.
///
/// If a store gives no answer on the way, it is 503 with `Retry-After`, and the client is to try again.
///
#[cfg_attr(feature = "axum", doc = "```")]
#[cfg_attr(not(feature = "axum"), doc = "```ignore")]
/// use axum::Router;
/// use std::sync::Arc;
/// use tower_bearer::revocation::{RevocationEndpoint, Revoker};
/// use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier};
///
/// fn routes(verifier: Arc<dyn TokenVerifier>, revoker: Revoker) -> Result<Router, ConfigError> {
///     let endpoint = RevocationEndpoint::new(verifier.clone(), revoker)?;
///     Ok(Router::new()
///         .route_service("/oauth/revoke", endpoint)
///         .layer(BearerAuthLayer::new(verifier)))
/// }
/// ```
///
/// In plain tower the body is `Full<Bytes>` of `http-body-util`, or the one that
/// [`with_body`](Self::with_body) names.
pub struct RevocationEndpoint<B = Full<Bytes>> {
    desk: Desk,
    body: PhantomData<fn() -> B>,
}

#[derive(Debug, Clone)]
struct Desk {
    verifier: Arc<dyn TokenVerifier>,
    revoker: Revoker,
    #[cfg(feature = "jwt")]
    refresh: Option<RefreshTokens>,
}

impl RevocationEndpoint {
    /// Ends those tokens that `verifier` accepts, by `revoker`. The verifier may be the one of the layer.
    ///
    /// # Errors
    /// If the policy for administrators cannot be right.
    pub fn new(
        verifier: impl TokenVerifier + 'static,
        revoker: Revoker,
    ) -> Result<Self, ConfigError> {
        if let Some(policy) = revoker.administrators() {
            policy.no_mistake()?;
        }
        Ok(Self {
            desk: Desk {
                verifier: Arc::new(verifier),
                revoker,
                #[cfg(feature = "jwt")]
                refresh: None,
            },
            body: PhantomData,
        })
    }
}

impl<B: ResponseBody> RevocationEndpoint<B> {
    /// Takes refresh tokens as well, which no verifier accepts. The whole session of one ends, as by
    /// [`RefreshTokens::end`].
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn with_refresh_tokens(mut self, tokens: RefreshTokens) -> Self {
        self.desk.refresh = Some(tokens);
        self
    }

    /// Answers with bodies of another type.
    #[must_use]
    pub fn with_body<C: ResponseBody>(self) -> RevocationEndpoint<C> {
        RevocationEndpoint {
            desk: self.desk,
            body: PhantomData,
        }
    }
}

impl Desk {
    async fn answer<R: Body, B: ResponseBody>(self, request: Request<R>) -> Response<B> {
        let (parts, body) = request.into_parts();
        let head = RequestHead::of_parts(&parts);
        if parts.method != Method::POST {
            return method_not_allowed();
        }
        let user = match AuthenticatedUser::from_extensions(&parts.extensions) {
            Ok(user) => user,
            Err(denied) => return denied.into_response_to(&head),
        };
        let token = match form::token(&parts.headers, body).await {
            Ok(token) => token,
            Err(problem) => return problem.answer(),
        };
        match self.end(&user, &token).await {
            Ok(()) => done(),
            Err(Unmet::Refused(refusal)) => user.deny(refusal).into_response_to(&head),
            Err(Unmet::Wrong(problem)) => problem.answer(),
        }
    }

    async fn end(&self, user: &AuthenticatedUser, token: &str) -> Result<(), Unmet> {
        if token.len() > DEFAULT_MAX_LEN {
            return Ok(());
        }
        let Ok(token) = BearerToken::new(token) else {
            return Ok(());
        };
        #[cfg(feature = "jwt")]
        if let Some(refresh) = &self.refresh
            && self.end_session(refresh, user, &token).await?
        {
            return Ok(());
        }
        let mut presented = Presented::new(token, user.challenger().clock.now());
        // Nobody is let in by it, so a bound token is ended without its proof.
        presented.checks_proof = true;
        let other = match Answer::of(&self.verifier, &presented).wait().await {
            Ok(other) => other,
            Err(refusal) if is_about_the_token(refusal.reason()) => return Ok(()),
            Err(refusal) => return Err(Unmet::Refused(refusal)),
        };
        if !self.revoker.permits(user.identity(), &other) {
            return Err(self.foreign(user, || AuditTarget::of_identity(&other)));
        }
        if !self.revoker.can_revoke(&other) {
            return Err(Unmet::Wrong(Problem::Unsupported));
        }
        match self.revoker.acting_for(user).revoke(&other).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(Unmet::unavailable(error)),
        }
    }

    fn foreign(&self, user: &AuthenticatedUser, target: impl FnOnce() -> AuditTarget) -> Unmet {
        let refusal = Refusal::forbidden("the token is somebody else's");
        self.revoker.tell_refused(user, &refusal, target);
        Unmet::Refused(refusal)
    }

    /// Ends the session of a refresh token. Says whether it is one.
    #[cfg(feature = "jwt")]
    async fn end_session(
        &self,
        refresh: &RefreshTokens,
        user: &AuthenticatedUser,
        token: &BearerToken,
    ) -> Result<bool, Unmet> {
        let (subject, session) = match refresh.session_of(token).await {
            Ok(found) => found,
            Err(error @ RenewError::Issue(_)) => return Err(Unmet::Refused(error.into())),
            Err(_) => return Ok(false),
        };
        if !self.revoker.permits_subject(user.identity(), &subject) {
            return Err(self.foreign(user, || {
                let mut target = AuditTarget::new(CredentialKind::RefreshToken, subject);
                target.session_id = Some(session);
                target
            }));
        }
        match refresh.acting_for(user).end(&subject, &session).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(true),
            Err(error) => Err(Unmet::unavailable(error)),
        }
    }
}

/// Why a token was not ended.
enum Unmet {
    Refused(Refusal),
    Wrong(Problem),
}

impl Unmet {
    fn unavailable(error: StoreError) -> Self {
        let detail = "the store of what was ended gave no answer";
        Self::Refused(Refusal::unavailable(detail).with_source(error))
    }
}

/// Whether a verifier's refusal says something about the token, and not that it cannot tell.
fn is_about_the_token(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::Unavailable | Reason::RateLimited | Reason::Misconfigured
    )
}

fn done<B: ResponseBody>() -> Response<B> {
    let mut response = Response::new(B::from_bytes(Bytes::new()));
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

fn method_not_allowed<B: ResponseBody>() -> Response<B> {
    let mut response = Response::new(B::from_bytes(Bytes::new()));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let methods = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, methods);
    response
}

impl<R, B> Service<Request<R>> for RevocationEndpoint<B>
where
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Send,
    B: ResponseBody + 'static,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let desk = self.desk.clone();
        Box::pin(async move { Ok(desk.answer(request).await) })
    }
}

impl<B> Clone for RevocationEndpoint<B> {
    fn clone(&self) -> Self {
        Self {
            desk: self.desk.clone(),
            body: PhantomData,
        }
    }
}

impl<B> fmt::Debug for RevocationEndpoint<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationEndpoint")
            .field("desk", &self.desk)
            .finish()
    }
}
