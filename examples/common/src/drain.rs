use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How much more is read of a body that nobody wants, and for how long.
const MOST: usize = 16 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(5);

/// Has what a handler leaves of the body read and thrown away: many clients read no answer before they have
/// written their request, and would see a closed connection in place of a 413.
pub(crate) fn drained(request: Request) -> Request {
    request.map(|body| Body::new(Drained(body)))
}

struct Drained(Body);

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        let mut rest = mem::take(&mut self.0);
        tokio::spawn(timeout(LONGEST, async move {
            let mut read = 0;
            while let Some(Ok(frame)) = rest.frame().await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > MOST {
                    break;
                }
            }
        }));
    }
}
