use super::{Ending, Recent};
#[cfg(feature = "tokio")]
use crate::store::StoreError;

/// A write that may or may not take place: where it is given up, what is remembered is in doubt.
pub(crate) struct Doubt<'a>(Option<&'a Recent>);

impl<'a> Doubt<'a> {
    pub(crate) fn begin(recent: &'a Recent) -> Self {
        Self(Some(recent))
    }

    pub(crate) fn end(mut self) {
        self.0 = None;
    }

    /// Ends the doubt, unless the write may or may not have taken place.
    #[cfg(feature = "tokio")]
    pub(crate) fn end_unless_unknown<T>(self, result: &Result<T, StoreError>) {
        let is_unknown = matches!(
            result,
            Err(StoreError::Unavailable { .. } | StoreError::Generic { .. })
        );
        if !is_unknown {
            self.end();
        }
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(recent) = self.0 {
            recent.note(Ending::Anything);
        }
    }
}
