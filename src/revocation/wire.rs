//! What is said on a feed, as text.

use serde::{Deserialize, Serialize};

use super::{Beat, Ending, FeedMessage, Revocation, Target};
use crate::clock::Timestamp;
use crate::identity::CredentialKind;
use crate::store::TokenFilter;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Token(Box<str>, Box<str>),
    Changed(Box<str>, Box<str>),
    Tokens {
        subject: Box<str>,
        kinds: Option<Vec<Box<str>>>,
        session_id: Option<Box<str>>,
        except: Option<Box<str>>,
    },
    Revocation(Box<str>, i64, i64),
    Anything,
    Beat(u64, u64),
}

impl FeedMessage {
    /// The message as a line of JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        let said = match self {
            Self::Ending(Ending::Token { subject, id }) => Said::Token(subject.clone(), id.clone()),
            Self::Ending(Ending::Changed { subject, id }) => {
                Said::Changed(subject.clone(), id.clone())
            }
            Self::Ending(Ending::Tokens { subject, filter }) => Said::Tokens {
                subject: subject.clone(),
                kinds: filter.only_kinds().map(names),
                session_id: filter.only_session().map(Into::into),
                except: filter.excepted().map(Into::into),
            },
            Self::Ending(Ending::Revocation(revocation)) => Said::Revocation(
                revocation.target.as_str().into(),
                revocation.before.as_unix_millis(),
                revocation.until.as_unix_millis(),
            ),
            Self::Ending(Ending::Anything) => Said::Anything,
            Self::Beat(Beat { node, number }) => Said::Beat(*node, *number),
        };
        serde_json::to_string(&said).unwrap_or_else(|_| r#""anything""#.to_owned())
    }

    /// Reads a message. One that is not understood, as from a newer version, is an ending of
    /// [`Anything`](Ending::Anything).
    #[must_use]
    pub fn decode(text: &str) -> Self {
        let said = serde_json::from_str(text).unwrap_or(Said::Anything);
        Self::Ending(match said {
            Said::Token(subject, id) => Ending::Token { subject, id },
            Said::Changed(subject, id) => Ending::Changed { subject, id },
            Said::Tokens {
                subject,
                kinds,
                session_id,
                except,
            } => match filter(kinds, session_id, except) {
                Some(filter) => Ending::Tokens { subject, filter },
                None => Ending::Anything,
            },
            Said::Revocation(target, before, until) => Ending::Revocation(Revocation::new(
                Target::from_stored(target),
                Timestamp::from_unix_millis(before),
                Timestamp::from_unix_millis(until),
            )),
            Said::Anything => Ending::Anything,
            Said::Beat(node, number) => return Self::Beat(Beat { node, number }),
        })
    }
}

fn names(kinds: &[CredentialKind]) -> Vec<Box<str>> {
    kinds.iter().map(|kind| kind.as_str().into()).collect()
}

/// The filter, or `None` if it names a kind that is not known here.
fn filter(
    kinds: Option<Vec<Box<str>>>,
    session_id: Option<Box<str>>,
    except: Option<Box<str>>,
) -> Option<TokenFilter> {
    let mut filter = TokenFilter::all();
    if let Some(kinds) = kinds {
        let kinds: Result<Vec<CredentialKind>, _> = kinds.iter().map(|kind| kind.parse()).collect();
        filter = filter.kinds(kinds.ok()?);
    }
    if let Some(session_id) = session_id {
        filter = filter.session(session_id);
    }
    if let Some(except) = except {
        filter = filter.except(except);
    }
    Some(filter)
}
