use std::error::Error;
use std::fmt;

use super::Dialect;
use crate::store::StoreError;

/// What a database said, without what it says of the row: a digest, perhaps.
#[derive(Debug)]
struct Said {
    code: String,
    message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl Error for Said {}

/// What a failure of the database is to those who use the store.
pub(in crate::store) fn fault<D: Dialect>(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;

    let (unavailable, source): (bool, Box<dyn Error + Send + Sync>) = match error {
        E::Database(error) => {
            let code = error.code().unwrap_or_default().into_owned();
            let message = error.message().to_owned();
            (D::is_unavailable(&code), Said { code, message }.into())
        }
        E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
            (true, error.into())
        }
        // Its text may be a part of a URL's.
        E::Configuration(_) => (false, "the address of the database is malformed".into()),
        _ => (false, error.into()),
    };
    let store = D::NAME;
    if unavailable {
        StoreError::Unavailable { store, source }
    } else {
        StoreError::Generic { store, source }
    }
}

/// That something is wrong with what the store was given, or found.
pub(in crate::store) fn problem(
    store: &'static str,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> StoreError {
    StoreError::Generic {
        store,
        source: source.into(),
    }
}
