//! What stands for a binding where signatures cannot be checked: nothing, so that the door reads the same.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::credential::Scheme;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::verifier::{Answer, Presented};

/// There is none.
#[derive(Debug)]
pub(crate) enum Binding {}

impl Binding {
    pub(crate) fn schemes(&self) -> &'static [Scheme] {
        match *self {}
    }

    pub(crate) fn pretended(&self, _: &RequestHead<'_>) -> &[HeaderName] {
        match *self {}
    }

    pub(crate) fn remove_proof(&self, _: &mut HeaderMap) {
        match *self {}
    }

    pub(crate) fn begin(
        &self,
        _: Identity,
        _: &Presented,
        _: &RequestHead<'_>,
        _: &mut Option<Box<HeaderValue>>,
    ) -> Answer {
        match *self {}
    }
}
