//! Scopes (RFC 6749 §3.3): what a token may be used for.
//!
//! ```
//! use tower_bearer::scope::ScopeSet;
//!
//! let scopes: ScopeSet = "orders:read orders:write".parse()?;
//! assert!(scopes.contains("orders:read"));
//! assert!(!scopes.contains("orders"));
//! # Ok::<(), tower_bearer::scope::InvalidScope>(())
//! ```

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;

/// A set of scopes, in the order in which they were given, without repeats.
///
/// Each scope is one or more printable ASCII characters other than space, `"` and `\`. Comparison is
/// exact: scopes have letter case, and none contains another.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet {
    // Separated by single spaces, as on the wire.
    text: Box<str>,
}

impl ScopeSet {
    /// No scopes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Collects scopes.
    ///
    /// # Errors
    /// If one of them is empty or has a character that a scope cannot have.
    pub fn try_from_iter<I>(scopes: I) -> Result<Self, InvalidScope>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut text = String::new();
        for scope in scopes {
            let scope = scope.as_ref();
            if scope.is_empty() || !scope.bytes().all(is_scope_byte) {
                return Err(InvalidScope);
            }
            text.push_str(scope);
            text.push(' ');
        }
        Ok(Self::unique(&text))
    }

    /// Reads a list that stands in the program, separated by spaces.
    ///
    /// # Panics
    /// If one of them is no scope.
    #[must_use]
    #[track_caller]
    pub fn from_static(scopes: &'static str) -> Self {
        match scopes.parse() {
            Ok(scopes) => scopes,
            Err(error) => panic!("{scopes:?}: {error}"),
        }
    }

    /// Whether `scope` is one of them.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|held| held == scope)
    }

    /// Whether every one of `other` is among them.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|scope| self.contains(scope))
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The scopes as on the wire, separated by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// These scopes and those of `other`.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::unique(&[&*self.text, &*other.text].join(" "))
    }

    /// The scopes in `text`, each once. Allocates once, where there are few and none is repeated.
    fn unique(text: &str) -> Self {
        const FEW: usize = 16;
        let scopes = || text.split(' ').filter(|scope| !scope.is_empty());
        let mut kept = String::with_capacity(text.len());
        let mut seen = HashSet::new();
        for (place, scope) in scopes().enumerate() {
            if place == FEW {
                seen.extend(scopes().take(FEW));
            }
            let new = if place < FEW {
                holds_none(&kept, scope)
            } else {
                seen.insert(scope)
            };
            if new {
                if !kept.is_empty() {
                    kept.push(' ');
                }
                kept.push_str(scope);
            }
        }
        Self { text: kept.into() }
    }
}

impl FromStr for ScopeSet {
    type Err = InvalidScope;

    /// Reads a list separated by spaces, as in the `scope` claim of RFC 9068.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        if text.bytes().all(|byte| byte == b' ' || is_scope_byte(byte)) {
            Ok(Self::unique(text))
        } else {
            Err(InvalidScope)
        }
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A text that is no scope, or no list of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidScope;

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a scope is one or more printable ASCII characters without space, quote and backslash",
        )
    }
}

impl std::error::Error for InvalidScope {}

impl From<InvalidScope> for ConfigError {
    fn from(error: InvalidScope) -> Self {
        Self::new("scope", error.to_string())
    }
}

fn holds_none(list: &str, scope: &str) -> bool {
    // By bytes: for scopes of a few letters a search for the next character costs more than it finds.
    list.as_bytes()
        .split(|byte| *byte == b' ')
        .all(|held| held != scope.as_bytes())
}

fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_held_once_however_many_there_are() {
        let many: Vec<String> = (0..100).map(|n| format!("s{}", n % 40)).collect();
        let set: ScopeSet = many.join("  ").parse().expect("scopes");
        let expected: Vec<String> = (0..40).map(|n| format!("s{n}")).collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), expected);
        assert_eq!(ScopeSet::try_from_iter(&many), Ok(set.clone()));
        assert_eq!(set.union(&set), set);
    }
}
