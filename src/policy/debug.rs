use std::fmt;

use super::{Node, Policy};

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.node {
            Node::Anyone => f.write_str("Anyone"),
            Node::Anonymous => f.write_str("Anonymous"),
            Node::Authenticated => f.write_str("Authenticated"),
            Node::Scopes(scopes) => f.debug_tuple("Scopes").field(scopes).finish(),
            Node::Role(role) => f.debug_tuple("Role").field(role).finish(),
            Node::RoleOn(role, on) => f.debug_tuple("RoleOn").field(role).field(on).finish(),
            Node::RoleOnRequested(role, _) => f.debug_tuple("RoleOnRequested").field(role).finish(),
            Node::Kinds(kinds) => f.debug_tuple("Kinds").field(kinds).finish(),
            Node::MaxAge(age) => f.debug_tuple("MaxAge").field(age).finish(),
            Node::Acr(values) => f.debug_tuple("Acr").field(values).finish(),
            Node::Check(_) => f.write_str("Check(..)"),
            Node::All(policies) => f.debug_tuple("All").field(policies).finish(),
            Node::Any(policies) => f.debug_tuple("Any").field(policies).finish(),
            Node::Not(policy) => f.debug_tuple("Not").field(policy).finish(),
            Node::ByPath(by_path, otherwise) => f
                .debug_tuple("ByPath")
                .field(by_path)
                .field(otherwise)
                .finish(),
            Node::Wrong(error) => f.debug_tuple("Wrong").field(error).finish(),
        }
    }
}
