use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The body of an answer: whole, cut off, or long.
pub(super) struct Body {
    next: Option<Bytes>,
    then: Then,
}

/// What follows the first piece.
enum Then {
    End,
    /// A cut, once the first piece had the time to go out.
    Cut {
        is_due: bool,
    },
    /// So many spaces.
    Spaces(usize),
}

/// A connection that the provider ends on purpose.
#[derive(Debug)]
pub(super) struct OnPurpose;

impl Body {
    /// These bytes, and then the connection is cut.
    pub(super) fn cut_off(begin: &'static str) -> Self {
        Self {
            then: Then::Cut { is_due: false },
            ..Self::from(begin)
        }
    }

    /// These bytes, and then so many spaces.
    pub(super) fn spaces(begin: &'static str, spaces: usize) -> Self {
        Self {
            then: Then::Spaces(spaces),
            ..Self::from(begin)
        }
    }
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        let bytes = bytes.into();
        Self {
            next: (!bytes.is_empty()).then_some(bytes),
            then: Then::End,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = OnPurpose;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OnPurpose>>> {
        static SPACES: [u8; 64 * 1024] = [b' '; 64 * 1024];
        if let Some(bytes) = self.next.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        Poll::Ready(match &mut self.then {
            Then::End | Then::Spaces(0) => None,
            Then::Cut { is_due: true } => Some(Err(OnPurpose)),
            Then::Cut { is_due } => {
                *is_due = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Then::Spaces(left) => {
                let len = SPACES.len().min(*left);
                *left -= len;
                Some(Ok(Frame::data(Bytes::from_static(&SPACES[..len]))))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && matches!(self.then, Then::End)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.then, &self.next) {
            (Then::End, next) => SizeHint::with_exact(next.as_ref().map_or(0, Bytes::len) as u64),
            _ => SizeHint::default(),
        }
    }
}

impl fmt::Display for OnPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut on purpose")
    }
}

impl std::error::Error for OnPurpose {}
