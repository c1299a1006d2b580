use bytes::Bytes;
use http::{HeaderValue, StatusCode};

/// The answer to a refused HTTP request, for the refusal hook to look at and change.
///
/// The challenge, `Cache-Control` and `Retry-After` are not part of it: they are written whatever the
/// hook does.
#[derive(Debug)]
pub struct RefusalAnswer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    // Of a body that the hook has set.
    pub(super) own_content_type: Option<HeaderValue>,
}

impl RefusalAnswer {
    /// The status that will be answered.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body that will be answered.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Answers another status, in the problem document too. A refusal stays a refusal: a status that is
    /// neither a client's nor a server's error changes nothing.
    pub fn set_status(&mut self, status: StatusCode) {
        if status.is_client_error() || status.is_server_error() {
            self.status = status;
        }
    }

    /// Answers another body; `content_type` is its media type, such as `application/json`.
    pub fn set_body(&mut self, content_type: &'static str, body: impl Into<Bytes>) {
        let content_type = HeaderValue::try_from(content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        self.own_content_type = Some(content_type);
        self.body = body.into();
    }

    pub(super) fn new(status: StatusCode, body: Bytes) -> Self {
        Self {
            status,
            body,
            own_content_type: None,
        }
    }
}
