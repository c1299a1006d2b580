//! Which claims are read by a setting, and as what.

use super::value::ClaimValue;

/// The claims that are read by a setting: those whose names the service chooses, and those with a stated
/// value. A claim that holds others is a node with nodes inside, and is gone through once.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    nodes: Vec<Node>,
    /// How many texts are kept.
    pub(super) kept: usize,
    /// How many claims have a stated value.
    pub(super) stated: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    name: Box<str>,
    reading: Reading,
}

/// What a claim is read as.
#[derive(Debug, Clone)]
pub(super) enum Reading {
    Scopes,
    Roles,
    Plain {
        /// The place at which its text is kept, if it is.
        kept: Option<usize>,
        /// The values that it may have, if they are stated.
        stated: Option<Box<[ClaimValue]>>,
    },
    Inside(Vec<Node>),
}

/// Names of members, from the outermost to the claim itself.
pub(super) type Path = [Box<str>];

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Subject,
    ClientId,
    /// What was kept at this place.
    Kept(usize),
}

/// Claims whose type and use no setting changes.
const WITH_A_SETTING: [&str; 9] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "iat_ms",
    "jti",
    "auth_time",
    "cnf",
];
/// Claims that are strings, and may have a stated value.
const STRINGS: [&str; 4] = ["sub", "client_id", "acr", "sid"];

const OWN_MEANING: &str = "that claim has a meaning of its own";
const OWN_SETTING: &str = "that claim is checked by a setting of its own";
const A_STRING: &str = "that claim is a string";

impl Sources {
    /// What the claim `name` is read as, if a setting says so.
    pub(super) fn find(&self, name: &str) -> Option<&Reading> {
        find(&self.nodes, name)
    }

    /// Has scopes read from `path`, or says why they cannot be.
    pub(super) fn add_scopes(&mut self, path: &Path) -> Result<(), &'static str> {
        *self.unused(path)? = Reading::Scopes;
        Ok(())
    }

    /// Has roles read from `path`, or says why they cannot be.
    pub(super) fn add_roles(&mut self, path: &Path) -> Result<(), &'static str> {
        *self.unused(path)? = Reading::Roles;
        Ok(())
    }

    /// Has the text at `path` kept, or says why it cannot be.
    pub(super) fn keep(&mut self, path: &Path) -> Result<Origin, &'static str> {
        match check_names(path)? {
            "sub" if path.len() == 1 => return Ok(Origin::Subject),
            "client_id" if path.len() == 1 => return Ok(Origin::ClientId),
            top if is_known(top) => return Err(OWN_MEANING),
            _ => {}
        }
        let next = self.kept;
        let Reading::Plain { kept, stated } = place(&mut self.nodes, path)? else {
            return Err(OWN_MEANING);
        };
        if stated.as_deref().is_some_and(|values| !are_texts(values)) {
            return Err(A_STRING);
        }
        let place = *kept.get_or_insert(next);
        self.kept = self.kept.max(place + 1);
        Ok(Origin::Kept(place))
    }

    /// Has the claim at `path` compared with `values`, or says why it cannot be.
    pub(super) fn state(
        &mut self,
        path: &Path,
        values: Box<[ClaimValue]>,
    ) -> Result<(), &'static str> {
        if values.is_empty() {
            return Err("no value is stated");
        }
        let top = check_names(path)?;
        let is_string = path.len() == 1 && STRINGS.contains(&top);
        if is_known(top) && !is_string {
            return Err(OWN_SETTING);
        }
        match place(&mut self.nodes, path)? {
            Reading::Scopes => Err(OWN_SETTING),
            Reading::Roles => Err("that claim holds the roles"),
            Reading::Inside(_) => Err("that claim holds others that are read"),
            Reading::Plain {
                stated: Some(_), ..
            } => Err("that claim has two stated values"),
            Reading::Plain { kept, stated } => {
                if (is_string || kept.is_some()) && !are_texts(&values) {
                    return Err(A_STRING);
                }
                *stated = Some(values);
                self.stated += 1;
                Ok(())
            }
        }
    }

    fn unused(&mut self, path: &Path) -> Result<&mut Reading, &'static str> {
        if is_known(check_names(path)?) {
            return Err(OWN_MEANING);
        }
        let reading = place(&mut self.nodes, path)?;
        match reading {
            Reading::Plain {
                kept: None,
                stated: None,
            } => Ok(reading),
            _ => Err("that claim is read already"),
        }
    }
}

/// What the member `name` is read as, if it is one of `nodes`.
pub(super) fn find<'n>(nodes: &'n [Node], name: &str) -> Option<&'n Reading> {
    nodes
        .iter()
        .find_map(|node| (*node.name == *name).then_some(&node.reading))
}

/// The node at `path`; a plain one without any use where there was none.
fn place<'n>(nodes: &'n mut Vec<Node>, path: &Path) -> Result<&'n mut Reading, &'static str> {
    let Some((name, below)) = path.split_first() else {
        return Err(NO_NAME);
    };
    let at = nodes.iter().position(|node| node.name == *name);
    let at = at.unwrap_or_else(|| {
        nodes.push(Node {
            name: name.clone(),
            reading: match below {
                [] => Reading::Plain {
                    kept: None,
                    stated: None,
                },
                _ => Reading::Inside(Vec::new()),
            },
        });
        nodes.len() - 1
    });
    match (&mut nodes[at].reading, below) {
        (reading, []) => Ok(reading),
        (Reading::Inside(inside), _) => place(inside, below),
        _ => Err("a claim around it is read as something else"),
    }
}

const NO_NAME: &str = "it names no claim";

/// The outermost name, none of all being empty.
fn check_names(path: &Path) -> Result<&str, &'static str> {
    match path.first() {
        Some(top) if path.iter().all(|name| !name.is_empty()) => Ok(top),
        _ => Err(NO_NAME),
    }
}

fn is_known(name: &str) -> bool {
    WITH_A_SETTING.contains(&name) || STRINGS.contains(&name)
}

fn are_texts(values: &[ClaimValue]) -> bool {
    values.iter().all(ClaimValue::is_text)
}
