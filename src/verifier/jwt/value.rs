/// The value that a claim must have.
///
/// Made from a text, a truth value or a whole number: `"access".into()`. A claim of another JSON type has
/// another value, so `1` is neither `"1"` nor `1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimValue {
    /// A string.
    Text(Box<str>),
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction.
    Integer(i64),
}

impl ClaimValue {
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Whether the JSON text `written` is this value.
    pub(super) fn is_written_as(&self, written: &str) -> bool {
        match self {
            Self::Text(text) => {
                serde_json::from_str::<String>(written).is_ok_and(|read| *read == **text)
            }
            Self::Bool(true) => written == "true",
            Self::Bool(false) => written == "false",
            Self::Integer(number) => {
                serde_json::from_str::<i64>(written).is_ok_and(|read| read == *number)
            }
        }
    }
}

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for ClaimValue {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<bool> for ClaimValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for ClaimValue {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}
