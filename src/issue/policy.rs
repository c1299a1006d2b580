use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity, RoleGrant};
use crate::refusal::Refusal;
use crate::scope::ScopeSet;
#[cfg(feature = "tokens")]
use crate::store::TokenRecord;

type MayGrant = Arc<dyn Fn(&Identity, &RoleGrant) -> bool + Send + Sync>;
type MayIssueFor = Arc<dyn Fn(&Identity, &str) -> bool + Send + Sync>;

/// Who may have a token issued, for whom, and what it may hold.
///
/// Held against the caller by [`TokenIssuer::mint_as`](super::TokenIssuer::mint_as) and
/// [`JwtIssuer::issue_as`](super::JwtIssuer::issue_as). What is not allowed by name is refused:
///
/// 1. The caller came by a session. [`by_kinds`](Self::by_kinds) names other kinds of credential.
/// 2. The token is for the caller themselves; [`may_issue_for`](Self::may_issue_for) widens that. Subjects
///    are compared as they stand, whoever vouches for them.
/// 3. The caller holds one of the roles that [`by_roles`](Self::by_roles) names, if any: on the resource of
///    each role that is granted, and everywhere for a role that is granted everywhere, or if none is.
/// 4. Each scope is one of the caller's own, unless [`allow_any_scope`](Self::allow_any_scope) is said.
/// 5. Each role is held by the caller on that resource, or everywhere;
///    [`may_grant`](Self::may_grant) says which others may be granted.
/// 6. The token tells of no later and no other login (`auth_time`, `acr`) than the caller's credential.
/// 7. A session or refresh token, which stands for a login, is issued by a session alone.
/// 8. A JWT has no claims of the service's own, which nobody here could weigh, unless
///    [`allow_own_claims`](Self::allow_own_claims) is said.
///
/// For which client and session is not weighed, nor for how long: a token may well outlive the session that issued it, as one for a script
/// has to. It is held to the limit that it was given, and to the longest that a
/// [`JwtIssuer`](super::JwtIssuer) gives out.
///
/// ```
/// use tower_bearer::identity::CredentialKind;
/// use tower_bearer::issue::IssuePolicy;
///
/// // Only an owner's or admin's session, never an access token; and an owner may make editors.
/// let policy = IssuePolicy::strict()
///     .by_roles(["owner", "admin"])
///     .may_grant(|issuer, grant| {
///         let site = grant.resource().unwrap_or_default();
///         grant.role() == "editor" && issuer.has_role_on("owner", site)
///     });
/// ```
#[derive(Clone)]
#[must_use = "a policy does nothing until an issuer holds it"]
pub struct IssuePolicy {
    kinds: Vec<CredentialKind>,
    roles: Vec<Box<str>>,
    any_scope: bool,
    own_claims: bool,
    may_grant: Option<MayGrant>,
    may_issue_for: Option<MayIssueFor>,
}

impl IssuePolicy {
    /// Sessions issue for themselves, and no more than they may themselves. It is what an issuer goes by
    /// that was given no policy.
    pub fn strict() -> Self {
        Self {
            kinds: vec![CredentialKind::Session],
            roles: Vec::new(),
            any_scope: false,
            own_claims: false,
            may_grant: None,
            may_issue_for: None,
        }
    }

    /// Whoever came by one of these kinds of credential may issue, in place of sessions.
    pub fn by_kinds(mut self, kinds: impl IntoIterator<Item = CredentialKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Whoever issues holds one of these roles where the token is to be good.
    pub fn by_roles<I>(mut self, roles: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Tokens may also be issued for those subjects of whom `is_allowed` says so, such as the bots of the
    /// one who issues.
    pub fn may_issue_for<F>(mut self, is_allowed: F) -> Self
    where
        F: Fn(&Identity, &str) -> bool + Send + Sync + 'static,
    {
        self.may_issue_for = Some(Arc::new(is_allowed));
        self
    }

    /// Roles may also be granted of which `is_allowed` says so, beside those that the issuer holds.
    pub fn may_grant<F>(mut self, is_allowed: F) -> Self
    where
        F: Fn(&Identity, &RoleGrant) -> bool + Send + Sync + 'static,
    {
        self.may_grant = Some(Arc::new(is_allowed));
        self
    }

    /// Scopes need not be the issuer's own. For services whose sessions have no scopes, because they may
    /// do everything.
    pub fn allow_any_scope(mut self) -> Self {
        self.any_scope = true;
        self
    }

    /// JWTs may have claims of the service's own, which are not looked at.
    pub fn allow_own_claims(mut self) -> Self {
        self.own_claims = true;
        self
    }

    /// Whether `issuer` may have this issued.
    pub(super) fn judge(&self, issuer: &Identity, wanted: &Wanted<'_>) -> Result<(), Refusal> {
        let kind = issuer.credential_kind();
        if !self.kinds.contains(&kind) {
            return Err(Refusal::forbidden(
                "no token is issued to callers with such a credential",
            ));
        }
        if kind != CredentialKind::Session && stands_for_a_login(wanted.kind) {
            return Err(Refusal::forbidden("a session is issued by a login alone"));
        }
        if !self.may_be_for(issuer, wanted.subject) {
            return Err(Refusal::forbidden("the token is for somebody else"));
        }
        if !self.has_a_role(issuer, wanted.roles) {
            return Err(Refusal::forbidden("the issuer lacks the role to issue"));
        }
        if !self.any_scope && !issuer.scopes().contains_all(wanted.scopes) {
            return Err(Refusal::forbidden(
                "the token has a scope that its issuer lacks",
            ));
        }
        if !wanted
            .roles
            .iter()
            .all(|grant| self.is_granted(issuer, grant))
        {
            return Err(Refusal::forbidden(
                "the token has a role that its issuer lacks",
            ));
        }
        if wanted.auth_time > issuer.auth_time() || !is_no_other(wanted.acr, issuer.acr()) {
            return Err(Refusal::forbidden(
                "the token tells of another login than its issuer's",
            ));
        }
        if wanted.own_claims && !self.own_claims {
            return Err(Refusal::forbidden(
                "the token has claims that nobody can weigh",
            ));
        }
        Ok(())
    }

    fn may_be_for(&self, issuer: &Identity, subject: &str) -> bool {
        let may_issue_for = self.may_issue_for.as_deref();
        issuer.subject() == subject || may_issue_for.is_some_and(|may| may(issuer, subject))
    }

    fn has_a_role(&self, issuer: &Identity, grants: &[RoleGrant]) -> bool {
        let holds_one = |resource| self.roles.iter().any(|role| holds(issuer, role, resource));
        if self.roles.is_empty() {
            true
        } else if grants.is_empty() {
            holds_one(None)
        } else {
            grants.iter().all(|grant| holds_one(grant.resource()))
        }
    }

    fn is_granted(&self, issuer: &Identity, grant: &RoleGrant) -> bool {
        let may_grant = self.may_grant.as_deref();
        holds(issuer, grant.role(), grant.resource())
            || may_grant.is_some_and(|may| may(issuer, grant))
    }
}

impl Default for IssuePolicy {
    /// [`strict`](Self::strict).
    fn default() -> Self {
        Self::strict()
    }
}

impl fmt::Debug for IssuePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuePolicy")
            .field("kinds", &self.kinds)
            .field("roles", &self.roles)
            .field("any_scope", &self.any_scope)
            .field("own_claims", &self.own_claims)
            .finish_non_exhaustive()
    }
}

/// What is weighed of a token that is to be issued.
pub(super) struct Wanted<'a> {
    pub(super) kind: CredentialKind,
    pub(super) subject: &'a str,
    pub(super) scopes: &'a ScopeSet,
    pub(super) roles: &'a [RoleGrant],
    pub(super) auth_time: Option<Timestamp>,
    pub(super) acr: Option<&'a str>,
    pub(super) own_claims: bool,
}

#[cfg(feature = "tokens")]
impl<'a> Wanted<'a> {
    /// A stored token.
    pub(super) fn of_record(record: &'a TokenRecord) -> Self {
        Self {
            kind: record.kind,
            subject: &record.subject,
            scopes: &record.scopes,
            roles: &record.roles,
            auth_time: record.auth_time,
            acr: record.acr.as_deref(),
            own_claims: false,
        }
    }
}

fn stands_for_a_login(kind: CredentialKind) -> bool {
    matches!(kind, CredentialKind::Session | CredentialKind::RefreshToken)
}

fn holds(issuer: &Identity, role: &str, resource: Option<&str>) -> bool {
    match resource {
        Some(resource) => issuer.has_role_on(role, resource),
        None => issuer.has_role(role),
    }
}

fn is_no_other(wanted: Option<&str>, held: Option<&str>) -> bool {
    wanted.is_none() || wanted == held
}
