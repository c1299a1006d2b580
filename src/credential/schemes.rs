/// The schemes that clients are challenged in; by default `Bearer` alone.
#[derive(Default)]
pub(crate) struct Schemes {
    pub(crate) without_bearer: bool,
    /// The algorithms of proofs, by name, where `DPoP` is one of them.
    pub(crate) dpop: Option<Vec<&'static str>>,
}
