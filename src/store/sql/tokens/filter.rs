use crate::identity::CredentialKind;
use crate::store::sql::{Arg, Dialect, args};
use crate::store::{StoreError, TokenFilter};

/// A filter as parameters.
pub(super) struct Filter {
    kinds: Option<String>,
    /// Whether `kinds` are those that are meant, or those that are not.
    are_meant: bool,
    session_id: Option<Box<str>>,
    except: Option<Box<str>>,
}

impl Filter {
    pub(super) fn new<D: Dialect>(filter: &TokenFilter) -> Result<Self, StoreError> {
        for text in [filter.only_session(), filter.excepted()] {
            text.map_or(Ok(()), D::check)?;
        }
        // A kind that is not known here is another one, so that others are all but those that are known.
        let only = filter.only_kinds();
        let are_meant = !only.is_some_and(|kinds| kinds.contains(&CredentialKind::Other));
        let kinds = only.map(|meant| {
            let named = KNOWN
                .iter()
                .filter(|kind| meant.contains(kind) == are_meant);
            named.fold(",".to_owned(), |list, kind| list + kind.as_str() + ",")
        });
        Ok(Self {
            kinds,
            are_meant,
            session_id: filter.only_session().map(Into::into),
            except: filter.excepted().map(Into::into),
        })
    }

    pub(super) fn args(&self) -> [Arg<'_>; 4] {
        args![
            self.kinds.as_deref(),
            self.are_meant,
            self.session_id.as_deref(),
            self.except.as_deref(),
        ]
    }
}

const KNOWN: [CredentialKind; 6] = [
    CredentialKind::Jwt,
    CredentialKind::Session,
    CredentialKind::AccessToken,
    CredentialKind::ApiKey,
    CredentialKind::BotToken,
    CredentialKind::RefreshToken,
];
