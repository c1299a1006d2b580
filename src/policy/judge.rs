use std::time::Duration;

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

/// The hardest refusal to cure is the answer; what can be cured is asked for all at once.
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
            Some(held) if ease(&refusal) < ease(&held) => refusal,
            Some(held) if ease(&refusal) == ease(&held) => both(held, &refusal),
            Some(held) => held,
        });
    }
    let Some(refusal) = worst else { return Ok(()) };
    if refusal.reason() != Reason::InsufficientScope {
        return Err(refusal);
    }
    // RFC 6750 §3.1: the scopes necessary for the resource, not only those that are missing.
    let needed = policies.iter().fold(ScopeSet::new(), |needed, policy| {
        needed.union(&scopes_asked(&policy.node))
    });
    let missed = refusal.scope().cloned().unwrap_or_default();
    Err(Refusal::insufficient_scope(needed.union(&missed)))
}

fn scopes_asked(node: &Node) -> ScopeSet {
    match node {
        Node::Scopes(scopes) => scopes.clone(),
        Node::All(policies) => policies.iter().fold(ScopeSet::new(), |asked, policy| {
            asked.union(&scopes_asked(&policy.node))
        }),
        _ => ScopeSet::new(),
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

fn both(one: Refusal, other: &Refusal) -> Refusal {
    match one.reason() {
        Reason::InsufficientScope => {
            let none = ScopeSet::new();
            let scopes = one.scope().unwrap_or(&none);
            Refusal::insufficient_scope(scopes.union(other.scope().unwrap_or(&none)))
        }
        Reason::InsufficientAuthentication => Refusal::insufficient_authentication(
            one.acr_values().chain(other.acr_values()),
            one.max_age().into_iter().chain(other.max_age()).min(),
        ),
        _ => one,
    }
}

fn ease(refusal: &Refusal) -> u8 {
    match refusal.reason() {
        Reason::InsufficientAuthentication => 3,
        Reason::InsufficientScope => 2,
        Reason::Misconfigured => 0,
        _ => 1,
    }
}
