use std::time::Duration;

use super::asked::{self, AskedLogin};
use super::{Node, Policy};
use crate::clock::Timestamp;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};
use crate::scope::ScopeSet;

/// How far ahead of our clock an `auth_time` may be.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

pub(super) fn judge(
    node: &Node,
    caller: Option<&Identity>,
    head: Option<&RequestHead<'_>>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match node {
        Node::Anyone => Ok(()),
        Node::Anonymous => met_or(caller.is_none(), forbidden),
        Node::Authenticated => named(caller).map(|_| ()),
        Node::Scopes(needed) => {
            let held = named(caller)?.scopes();
            met_or(held.contains_all(needed), || {
                Refusal::insufficient_scope(needed.clone())
            })
        }
        Node::Role(role) => met_or(named(caller)?.has_role(role), forbidden),
        Node::RoleOn(role, resource) => {
            met_or(named(caller)?.has_role_on(role, resource), forbidden)
        }
        Node::RoleOnRequested(role, resource_of) => {
            let identity = named(caller)?;
            let holds = match head.and_then(resource_of) {
                Some(resource) => identity.has_role_on(role, &resource),
                None => identity.has_role(role),
            };
            met_or(holds, forbidden)
        }
        Node::Kinds(kinds) => {
            let kind = named(caller)?.credential_kind();
            met_or(kinds.contains(&kind), forbidden)
        }
        Node::MaxAge(age) => met_or(is_fresh(named(caller)?, *age, now), || {
            Refusal::insufficient_authentication([] as [&str; 0], Some(*age))
        }),
        Node::Acr(values) => {
            let acr = named(caller)?.acr();
            let strong = acr.is_some_and(|acr| values.iter().any(|value| **value == *acr));
            met_or(strong, || {
                Refusal::insufficient_authentication(values.iter().cloned(), None)
            })
        }
        Node::Check(check) => met_or(check(named(caller)?, head), forbidden),
        Node::All(policies) => all(policies, caller, head, now),
        Node::Any(policies) => any(policies, caller, head, now),
        Node::Not(policy) => {
            named(caller)?;
            if head.is_none() && needs_request(&policy.node) {
                return Err(forbidden());
            }
            match judge(&policy.node, caller, head, now) {
                Err(refusal) if refusal.reason() == Reason::Misconfigured => Err(refusal),
                judged => met_or(judged.is_err(), forbidden),
            }
        }
        Node::ByPath(by_path, otherwise) => {
            let Some(path) = head.map(|head| head.uri.path()) else {
                named(caller)?;
                return Err(forbidden());
            };
            let policy = by_path.get(path).unwrap_or(otherwise);
            judge(&policy.node, caller, head, now)
        }
        Node::Wrong(_) => Err(Refusal::new(
            Reason::Misconfigured,
            "the policy cannot be right",
        )),
    }
}

fn named(caller: Option<&Identity>) -> Result<&Identity, Refusal> {
    caller.ok_or(Refusal::new(
        Reason::Anonymous,
        "the policy asks for a caller",
    ))
}

fn met_or(met: bool, refusal: impl FnOnce() -> Refusal) -> Result<(), Refusal> {
    if met { Ok(()) } else { Err(refusal()) }
}

/// Whether a condition in it cannot be decided without a request. That is unmet, and so is its opposite.
fn needs_request(node: &Node) -> bool {
    match node {
        Node::RoleOnRequested(..) | Node::ByPath(..) => true,
        Node::All(policies) | Node::Any(policies) => {
            policies.iter().any(|policy| needs_request(&policy.node))
        }
        Node::Not(policy) => needs_request(&policy.node),
        _ => false,
    }
}

fn forbidden() -> Refusal {
    Refusal::forbidden("the policy is not met")
}

fn is_fresh(identity: &Identity, age: Duration, now: Timestamp) -> bool {
    identity
        .auth_time()
        .is_some_and(|at| at <= now.saturating_add(CLOCK_SKEW) && now.since(at) <= age)
}

/// The hardest refusal to cure is the answer; what a new token can cure is asked for all at once.
fn all(
    policies: &[Policy],
    caller: Option<&Identity>,
    head: Option<&RequestHead<'_>>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mut worst: Option<Refusal> = None;
    for policy in policies {
        let Err(refusal) = judge(&policy.node, caller, head, now) else {
            continue;
        };
        worst = Some(match worst {
            None => refusal,
            Some(held) if is_curable(&held) && is_curable(&refusal) => both(&held, &refusal),
            Some(held) if ease(&refusal) < ease(&held) => refusal,
            Some(held) => held,
        });
    }
    let Some(refusal) = worst else { return Ok(()) };
    if !is_curable(&refusal) {
        return Err(refusal);
    }
    Err(named_whole(refusal, policies, head))
}

/// Names what the new token must have, and not only what this one lacks (RFC 6750 §3.1): in place of this
/// one it must meet all conditions.
fn named_whole(refusal: Refusal, policies: &[Policy], head: Option<&RequestHead<'_>>) -> Refusal {
    let path = head.map(|head| head.uri.path());
    let scopes = refusal.scope().map(|missed| {
        let needed = policies.iter().fold(ScopeSet::new(), |needed, policy| {
            needed.union(&asked::certain_scopes(&policy.node, path))
        });
        needed.union(missed)
    });
    let named = match refusal.reason() {
        Reason::InsufficientAuthentication => {
            let mut login = AskedLogin::of_all(policies);
            login.add(&login_missed(&refusal));
            Refusal::insufficient_authentication(login.acr, login.max_age)
        }
        _ => refusal,
    };
    match scopes {
        Some(scopes) => named.with_scope(scopes),
        None => named,
    }
}

/// The refusal that is easiest to cure is the answer.
fn any(
    policies: &[Policy],
    caller: Option<&Identity>,
    head: Option<&RequestHead<'_>>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mut easiest: Option<Refusal> = None;
    for policy in policies {
        match judge(&policy.node, caller, head, now) {
            Ok(()) => return Ok(()),
            Err(refusal) if refusal.reason() == Reason::Misconfigured => return Err(refusal),
            Err(refusal) => match &easiest {
                Some(held) if ease(&refusal) <= ease(held) => {}
                _ => easiest = Some(refusal),
            },
        }
    }
    easiest.map_or(Ok(()), Err)
}

/// One refusal for what two ask of a new token. A scope and a login are asked for together (RFC 9470 §3).
fn both(one: &Refusal, other: &Refusal) -> Refusal {
    let none = ScopeSet::new();
    let scopes = one.scope().unwrap_or(&none);
    let scopes = scopes.union(other.scope().unwrap_or(&none));
    let logins = [one, other].map(Refusal::reason);
    if !logins.contains(&Reason::InsufficientAuthentication) {
        return Refusal::insufficient_scope(scopes);
    }
    let mut login = login_missed(one);
    login.add(&login_missed(other));
    Refusal::insufficient_authentication(login.acr, login.max_age).with_scope(scopes)
}

fn login_missed(refusal: &Refusal) -> AskedLogin {
    AskedLogin {
        acr: refusal.acr_values().map(Into::into).collect(),
        max_age: refusal.max_age(),
    }
}

/// Whether a new token for the same caller can cure it.
fn is_curable(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason(),
        Reason::InsufficientAuthentication | Reason::InsufficientScope
    )
}

fn ease(refusal: &Refusal) -> u8 {
    match refusal.reason() {
        Reason::InsufficientAuthentication if refusal.scope().is_none() => 3,
        Reason::InsufficientAuthentication | Reason::InsufficientScope => 2,
        Reason::Misconfigured => 0,
        _ => 1,
    }
}
