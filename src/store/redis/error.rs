use std::error::Error;
use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

pub(super) const NAME: &str = "redis";

/// What Redis said, without what it says of the command: a key holds a digest, perhaps.
#[derive(Debug)]
struct Said {
    code: String,
    what: &'static str,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.code)
    }
}

impl Error for Said {}

/// What a failure of Redis is to those who use the store.
// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn fault(error: RedisError) -> StoreError {
    if let Some(code) = error.code() {
        let (is_unavailable, what) = meaning(code, error.detail().unwrap_or_default());
        let said = Said {
            code: code.to_owned(),
            what,
        };
        return if is_unavailable {
            unavailable(said)
        } else {
            generic(said)
        };
    }
    match error.kind() {
        ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::AuthenticationFailed => {
            unavailable(error)
        }
        ErrorKind::Server(ServerErrorKind::ExecAbort) => unavailable(error),
        // Its text may be a part of a URL's.
        ErrorKind::InvalidClientConfig => generic("the address of Redis is malformed"),
        _ => generic(error),
    }
}

/// Whether what the server refuses may be well in a while, and what it means.
fn meaning(code: &str, detail: &str) -> (bool, &'static str) {
    match code {
        "LOADING" => (true, "the server is loading its data"),
        "READONLY" => (true, "the server is a replica, which takes no writes"),
        "MASTERDOWN" => (true, "the server has lost its master"),
        "CLUSTERDOWN" => (true, "the cluster is down"),
        "MOVED" | "ASK" | "TRYAGAIN" => (true, "the slot is moving to another node"),
        "OOM" => (true, "the server has no memory left"),
        "MISCONF" => (true, "the server cannot write to its disk"),
        "NOREPLICAS" => (true, "the server has too few replicas to take writes"),
        "BUSY" => (true, "the server is busy with a script"),
        "NOAUTH" | "WRONGPASS" => (false, "the server does not take the password"),
        "NOPERM" => (false, "the user lacks a permission"),
        "NOSCRIPT" => (true, "the server has forgotten a script"),
        "WRONGTYPE" => (false, "a key of the store holds something else"),
        "CROSSSLOT" => (false, "the server is a cluster, and was not named as one"),
        _ if detail.contains("non local key") => (true, "the slot is moving to another node"),
        _ => (false, "the server refused a command"),
    }
}

pub(super) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable {
        store: NAME,
        source: source.into(),
    }
}

pub(super) fn generic(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Generic {
        store: NAME,
        source: source.into(),
    }
}

/// That something in the store is not as any version writes it.
pub(super) fn malformed(what: &str) -> StoreError {
    generic(format!("{what} in the store is malformed"))
}
