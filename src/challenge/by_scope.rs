use std::collections::HashMap;

use crate::head::RequestHead;
use crate::policy::AskedScopes;
use crate::scope::ScopeSet;

/// Something held once for each set of scopes that a layer asks for.
pub(super) struct ByScope<T> {
    entries: Vec<Entry<T>>,
    // Places among the entries; the first is for where there is no request.
    elsewhere: usize,
    by_path: HashMap<Box<str>, usize>,
}

pub(super) struct Entry<T> {
    pub(super) scope: ScopeSet,
    pub(super) held: T,
}

impl ByScope<()> {
    /// The sets that are asked for, each with `always` added.
    pub(super) fn new(asked: &AskedScopes, always: &ScopeSet) -> Self {
        let mut by_scope = Self::default();
        by_scope.place(always.union(&asked.without_request));
        by_scope.elsewhere = by_scope.place(always.union(&asked.elsewhere));
        for (path, scope) in &asked.by_path {
            let place = by_scope.place(always.union(scope));
            by_scope.by_path.insert(path.clone(), place);
        }
        by_scope
    }

    /// What is held for each is made by `make`.
    pub(super) fn map<T>(self, make: impl Fn(&ScopeSet) -> T) -> ByScope<T> {
        let entries = self.entries.into_iter().map(|Entry { scope, .. }| Entry {
            held: make(&scope),
            scope,
        });
        ByScope {
            entries: entries.collect(),
            elsewhere: self.elsewhere,
            by_path: self.by_path,
        }
    }

    fn place(&mut self, scope: ScopeSet) -> usize {
        let known = self.entries.iter().position(|entry| entry.scope == scope);
        known.unwrap_or_else(|| {
            self.entries.push(Entry { scope, held: () });
            self.entries.len() - 1
        })
    }
}

impl<T> ByScope<T> {
    /// What is held for the scopes that are asked for where this request goes.
    pub(super) fn at(&self, head: Option<&RequestHead<'_>>) -> &Entry<T> {
        let place = match head {
            None => 0,
            Some(_) if self.by_path.is_empty() => self.elsewhere,
            Some(head) => *self.by_path.get(head.uri.path()).unwrap_or(&self.elsewhere),
        };
        &self.entries[place]
    }
}

impl<T> Default for ByScope<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            elsewhere: 0,
            by_path: HashMap::new(),
        }
    }
}
