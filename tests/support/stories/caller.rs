//! A client of the house, and what one that is refused gets to see.

use http::HeaderMap;
use serde_json::Value;
use tower_bearer::async_trait;

use super::answers::Told;
use super::challenge;
use super::house::REALM;

/// A client, of whichever transport.
#[async_trait]
pub trait Caller: Send + Sync {
    async fn call(&self, verb: &str, token: Option<&str>, asked: &Value) -> Result<Value, Refused>;
}

/// All that came back to somebody who was refused, but for the server's `date`.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    code: Code,
    headers: HeaderMap,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Code {
    Http(u16),
    Grpc(u16),
}

impl Refused {
    pub fn new(code: Code, mut headers: HeaderMap, words: String) -> Self {
        headers.remove("date");
        Self {
            code,
            headers,
            words,
        }
    }

    /// Holds it against what the layer is to say.
    #[track_caller]
    pub fn assert(&self, told: Told) {
        self.assert_code(told.status, told.grpc);
        let challenge = challenge::bearer(&self.headers);
        assert_eq!(challenge.get("realm"), Some(REALM));
        assert_eq!(challenge.get("error"), told.error);
        assert_eq!(self.headers["cache-control"], "no-store");
    }

    /// As the service itself refuses a refresh token.
    #[track_caller]
    pub fn assert_invalid_grant(&self) {
        self.assert_code(400, 16);
        assert!(self.words.contains("invalid_grant"), "{self:?}");
    }

    #[track_caller]
    pub fn assert_not_found(&self) {
        self.assert_code(404, 5);
    }

    #[track_caller]
    fn assert_code(&self, status: u16, grpc: u16) {
        let expected = match self.code {
            Code::Http(_) => Code::Http(status),
            Code::Grpc(_) => Code::Grpc(grpc),
        };
        assert_eq!(self.code, expected, "{self:?}");
    }
}
