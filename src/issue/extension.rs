use std::time::Duration;

use super::{IssueError, IssuedJwt, JwtIssuer, NewJwt};
use crate::identity::{CredentialKind, Identity};
use crate::refusal::Refusal;

/// Gives the holder of a good JWT another one that ends later, and leaves the old one good.
///
/// It is renewal at its simplest, and its weakness is in the name: whoever got hold of one token can go on for
/// ever. Bound that by [`within`](Self::within), or use [`RefreshTokens`](super::RefreshTokens).
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::AuthenticatedUser;
/// use tower_bearer::issue::{Extension, IssueError, JwtIssuer};
///
/// fn extend(user: &AuthenticatedUser, issuer: &JwtIssuer) -> Result<String, IssueError> {
///     let extension = Extension::leaving_the_old_one_valid(issuer.clone())
///         .within(Duration::from_secs(30 * 24 * 60 * 60));
///     Ok(extension.extend(user)?.token.reveal())
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is extended by the policy alone"]
pub struct Extension {
    issuer: JwtIssuer,
    longest: Option<Duration>,
}

impl Extension {
    /// By this issuer.
    pub fn leaving_the_old_one_valid(issuer: JwtIssuer) -> Self {
        Self {
            issuer,
            longest: None,
        }
    }

    /// So long after the login at most (`auth_time`). A token that does not say when that was is not extended
    /// then.
    pub fn within(mut self, longest: Duration) -> Self {
        self.longest = Some(longest);
        self
    }

    /// Gives out another token for the same subject, client, scopes and session, bound to the same key.
    ///
    /// # Errors
    /// [`IssueError::NotAllowed`] if the caller came by no JWT of this issuer, or their login is too long ago;
    /// and as for [`JwtIssuer::issue`].
    pub fn extend(&self, holder: &Identity) -> Result<IssuedJwt, IssueError> {
        self.extend_with(holder, |jwt| jwt)
    }

    /// As [`extend`](Self::extend), with claims of the service's own, which are not taken over by themselves.
    ///
    /// # Errors
    /// As for [`extend`](Self::extend).
    pub fn extend_with(
        &self,
        holder: &Identity,
        shape: impl FnOnce(NewJwt) -> NewJwt,
    ) -> Result<IssuedJwt, IssueError> {
        match self.bounded(holder) {
            Ok(jwt) => self.issuer.renew(holder, shape(jwt)),
            Err(refusal) => {
                self.issuer.tell_not_renewed(holder, &refusal);
                Err(IssueError::NotAllowed(refusal))
            }
        }
    }

    /// What the holder may have.
    fn bounded(&self, holder: &Identity) -> Result<NewJwt, Refusal> {
        if holder.credential_kind() != CredentialKind::Jwt {
            return Err(Refusal::forbidden("only a JWT is extended"));
        }
        // Elsewhere the same name may be somebody else's.
        if holder.issuer() != Some(self.issuer.issuer_name()) {
            let detail = "a JWT of another issuer is not extended";
            return Err(Refusal::forbidden(detail));
        }
        let mut jwt = NewJwt::new(holder.subject()).scopes(holder.scopes().clone());
        if let Some(client) = holder.client_id() {
            jwt = jwt.client_id(client);
        }
        if let Some(session) = holder.session_id() {
            jwt = jwt.session_id(session);
        }
        if let Some(confirmation) = holder.confirmation() {
            jwt = jwt.bound_to(confirmation.clone());
        }
        if let Some(acr) = holder.acr() {
            jwt = jwt.acr(acr);
        }
        if let Some(login) = holder.auth_time() {
            jwt = jwt.auth_time(login);
        }
        let Some(longest) = self.longest else {
            return Ok(jwt);
        };
        let Some(login) = holder.auth_time() else {
            let detail = "token does not say when the login was";
            return Err(Refusal::forbidden(detail));
        };
        let end = login.saturating_add(longest);
        let left = end.since(self.issuer.clock().now());
        if left < Duration::from_secs(1) {
            return Err(Refusal::forbidden("login is too long ago"));
        }
        Ok(jwt.lifetime(left.min(self.issuer.lifetime())))
    }
}
