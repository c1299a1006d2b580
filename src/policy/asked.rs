//! What a policy asks of a token, for challenges to name.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Node, Policy};
use crate::scope::ScopeSet;

/// The scopes that a policy asks for, by the path where it chooses by path.
#[derive(Debug, Default)]
pub(crate) struct AskedScopes {
    /// Where there is no request.
    pub(crate) without_request: ScopeSet,
    /// On a path that the policy does not name.
    pub(crate) elsewhere: ScopeSet,
    pub(crate) by_path: Vec<(Box<str>, ScopeSet)>,
}

impl AskedScopes {
    pub(super) fn of(node: &Node) -> Self {
        let mut paths = BTreeSet::new();
        collect_paths(node, &mut paths);
        Self {
            without_request: scopes(node, None),
            // No path that is named is empty.
            elsewhere: scopes(node, Some("")),
            by_path: paths
                .into_iter()
                .map(|path| (path.into(), scopes(node, Some(path))))
                .collect(),
        }
    }
}

/// The scopes with which a caller who has all else is let in (RFC 6750 §3). Of several conditions joined by
/// `or`, the first that names scopes is meant.
pub(super) fn scopes(node: &Node, path: Option<&str>) -> ScopeSet {
    match node {
        Node::Any(policies) if policies.iter().any(takes_every_caller) => ScopeSet::new(),
        Node::Any(policies) => policies
            .iter()
            .map(|policy| scopes(&policy.node, path))
            .find(|scopes| !scopes.is_empty())
            .unwrap_or_default(),
        _ => each(node, path, scopes),
    }
}

/// The scopes that no caller can do without.
pub(super) fn certain_scopes(node: &Node, path: Option<&str>) -> ScopeSet {
    each(node, path, certain_scopes)
}

fn each(node: &Node, path: Option<&str>, of: fn(&Node, Option<&str>) -> ScopeSet) -> ScopeSet {
    match node {
        Node::Scopes(scopes) => scopes.clone(),
        Node::All(policies) => policies.iter().fold(ScopeSet::new(), |asked, policy| {
            asked.union(&of(&policy.node, path))
        }),
        Node::ByPath(by_path, otherwise) => path.map_or_else(ScopeSet::new, |path| {
            of(&by_path.get(path).unwrap_or(otherwise).node, Some(path))
        }),
        _ => ScopeSet::new(),
    }
}

fn takes_every_caller(policy: &Policy) -> bool {
    matches!(&*policy.node, Node::Anyone | Node::Authenticated)
}

fn collect_paths<'a>(node: &'a Node, paths: &mut BTreeSet<&'a str>) {
    match node {
        Node::All(policies) | Node::Any(policies) => {
            for policy in policies {
                collect_paths(&policy.node, paths);
            }
        }
        Node::ByPath(by_path, otherwise) => {
            paths.extend(by_path.keys().map(|path| &**path));
            for policy in by_path.values().chain([otherwise]) {
                collect_paths(&policy.node, paths);
            }
        }
        _ => {}
    }
}

/// What is asked of the login behind a token (RFC 9470).
#[derive(Default)]
pub(super) struct AskedLogin {
    /// The context classes of which one is needed; none where any is good.
    pub(super) acr: Vec<Box<str>>,
    pub(super) max_age: Option<Duration>,
}

impl AskedLogin {
    /// What all of `policies` ask for together. Conditions under `or` are left out.
    pub(super) fn of_all(policies: &[Policy]) -> Self {
        let mut asked = Self::default();
        for policy in policies {
            match &*policy.node {
                Node::Acr(values) => asked.add_acr(values),
                Node::MaxAge(age) => asked.add_max_age(*age),
                Node::All(policies) => asked.add(&Self::of_all(policies)),
                _ => {}
            }
        }
        asked
    }

    /// Asks for `other` too.
    pub(super) fn add(&mut self, other: &Self) {
        self.add_acr(&other.acr);
        if let Some(age) = other.max_age {
            self.add_max_age(age);
        }
    }

    /// What is asked for by both. Classes that exclude each other are met by no login; the first stay.
    fn add_acr(&mut self, values: &[Box<str>]) {
        if self.acr.is_empty() {
            self.acr = values.to_vec();
            return;
        }
        if self.acr.iter().any(|value| values.contains(value)) {
            self.acr.retain(|value| values.contains(value));
        }
    }

    fn add_max_age(&mut self, age: Duration) {
        self.max_age = Some(self.max_age.map_or(age, |held| held.min(age)));
    }
}
