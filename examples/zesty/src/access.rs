//! Who may do what: the system roles, each held on an instance.

use common::Kv;
use serde::{Deserialize, Serialize};
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::issue::IssuePolicy;
use tower_bearer::policy::Policy;
use tower_bearer::{ConfigError, Refusal, RequestHead, RequireLayer};

/// Zesty's own roles, and what each allows. A custom role is one of these under another name.
#[rustfmt::skip] // A table.
pub(crate) static SYSTEM_ROLES: [SystemRole; 7] = [
    SystemRole::new("31-71cfc74-0wn3r",       OWNER,         [true,  true, true,  true,  true,  true]),
    SystemRole::new("31-71cfc74-4dm13",       ADMIN,         [true,  true, true,  true,  true,  true]),
    SystemRole::new("31-71cfc74-d3v3l0p3r",   "Developer",   [true,  true, true,  true,  true,  false]),
    SystemRole::new("31-71cfc74-p0bl1shr",    "Publisher",   [true,  true, true,  true,  true,  false]),
    SystemRole::new("31-71cfc74-c0ntr1b9t0r", "Contributor", [true,  true, true,  false, false, false]),
    SystemRole::new("31-71cfc74-s30",         "SEO",         [false, true, true,  false, false, false]),
    SystemRole::new("31-71cfc74-r3ad3r",      "Reader",      [false, true, false, false, false, false]),
];

const OWNER: &str = "Owner";
const ADMIN: &str = "Admin";

#[derive(Debug, Serialize)]
pub(crate) struct SystemRole {
    #[serde(rename = "ZUID")]
    pub(crate) zuid: &'static str,
    pub(crate) name: &'static str,
    create: bool,
    read: bool,
    update: bool,
    delete: bool,
    publish: bool,
    grant: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Right {
    Create,
    Read,
    Update,
    Delete,
    Publish,
    /// To see to who else may do what.
    Grant,
}

/// A role of an instance.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Role {
    #[serde(rename = "ZUID")]
    pub(crate) zuid: String,
    pub(crate) name: String,
    #[serde(rename = "entityZUID")]
    pub(crate) instance: String,
    #[serde(rename = "systemRoleZUID")]
    pub(crate) system_role: String,
}

/// Somebody with a password.
#[derive(Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) zuid: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// Under Argon2id.
    pub(crate) password: String,
    /// One on each of their instances.
    pub(crate) roles: Vec<Role>,
}

impl SystemRole {
    const fn new(zuid: &'static str, name: &'static str, rights: [bool; 6]) -> Self {
        let [create, read, update, delete, publish, grant] = rights;
        Self {
            zuid,
            name,
            create,
            read,
            update,
            delete,
            publish,
            grant,
        }
    }

    pub(crate) fn find(zuid: &str) -> Option<&'static Self> {
        SYSTEM_ROLES.iter().find(|role| role.zuid == zuid)
    }

    fn allows(&self, right: Right) -> bool {
        match right {
            Right::Create => self.create,
            Right::Read => self.read,
            Right::Update => self.update,
            Right::Delete => self.delete,
            Right::Publish => self.publish,
            Right::Grant => self.grant,
        }
    }
}

impl Role {
    /// The role as whoever has it holds it: the system role behind it, on the instance.
    pub(crate) fn grant(&self) -> RoleGrant {
        let system_role = SystemRole::find(&self.system_role).map_or("", |role| role.name);
        RoleGrant::on(system_role, self.instance.as_str())
    }
}

/// Asks for a right on an instance.
pub(crate) fn may(right: Right, instance: &str) -> Policy {
    Policy::any(with(right).map(|role| Policy::role_on(role.name, instance)))
}

/// Asks for a right on the instance that the path names.
pub(crate) fn requires(right: Right) -> Result<RequireLayer, ConfigError> {
    let role_there = |role: &SystemRole| Policy::role_on_requested(role.name, requested_instance);
    RequireLayer::new(Policy::any(with(right).map(role_there)))
}

fn requested_instance(head: &RequestHead<'_>) -> Option<String> {
    instance_in(head.uri.path()).map(str::to_owned)
}

/// Of `/v1/instances/ZUID/…` and `/ZUID/v1/…`.
pub(crate) fn instance_in(path: &str) -> Option<&str> {
    let mut parts = path.split('/').skip(1);
    match (parts.next()?, parts.next()?) {
        ("v1", "instances") => parts.next(),
        (instance, "v1") => Some(instance),
        _ => None,
    }
}

/// The instances on which a caller has a right.
pub(crate) fn instances_of(caller: &Identity, right: Right) -> impl Iterator<Item = &str> {
    let allows = move |grant: &&RoleGrant| with(right).any(|role| role.name == grant.role());
    let grants = caller.roles().iter().filter(allows);
    grants.filter_map(RoleGrant::resource)
}

fn with(right: Right) -> impl Iterator<Item = &'static SystemRole> {
    SYSTEM_ROLES.iter().filter(move |role| role.allows(right))
}

/// Access tokens are issued, and renewed, by the sessions of an instance's owners and admins, for the instance;
/// and an admin makes no owner.
pub(crate) fn who_may_issue() -> IssuePolicy {
    IssuePolicy::strict()
        .by_kinds([CredentialKind::Session])
        .by_roles([OWNER, ADMIN])
        .may_issue_for(|issuer, instance| {
            instances_of(issuer, Right::Grant).any(|it| it == instance)
        })
        .may_grant(|issuer, grant| {
            let is_owner = |instance| issuer.has_role_on(OWNER, instance);
            grant.role() != OWNER || grant.resource().is_some_and(is_owner)
        })
}

/// Gives a session the roles that its user has now, and none where there is no such user any more. What an
/// access token may do stands in its record.
pub(crate) async fn with_roles(kv: Kv, caller: Identity) -> Result<Identity, Refusal> {
    if caller.credential_kind() != CredentialKind::Session {
        return Ok(caller);
    }
    match kv.get::<User>("users", caller.subject()).await {
        Ok(Some(user)) => Ok(caller.with_roles(user.roles.iter().map(Role::grant))),
        Ok(None) => Err(Refusal::disabled("there is no such user any more")),
        Err(error) => Err(Refusal::unavailable("the accounts gave no answer").with_source(error)),
    }
}
