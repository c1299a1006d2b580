//! PEM (RFC 7468) around a single key.

use base64_simd::STANDARD;
use zeroize::Zeroizing;

use crate::error::ConfigError;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The label and the contents of the one block in `pem`. Text around the block is skipped.
pub(crate) fn decode(pem: &[u8]) -> Result<(&str, Zeroizing<Vec<u8>>), ConfigError> {
    let text = std::str::from_utf8(pem).map_err(|_| bad("it is no text"))?;
    let (_, block) = text
        .split_once(BEGIN)
        .ok_or_else(|| bad("it has no BEGIN line"))?;
    let (label, block) = block
        .split_once(DASHES)
        .ok_or_else(|| bad("its BEGIN line is cut short"))?;
    let (body, end) = block
        .split_once(END)
        .ok_or_else(|| bad("it has no END line"))?;
    let after = end
        .strip_prefix(label)
        .and_then(|end| end.strip_prefix(DASHES))
        .ok_or_else(|| bad("its END line does not match its BEGIN line"))?;
    if after.contains(BEGIN) {
        return Err(bad("it holds several blocks; give one key at a time"));
    }
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let der = STANDARD
        .decode_type::<Vec<u8>>(&base64[..])
        .map_err(|_| bad("its contents are not base64; an encrypted key is not read"))?;
    Ok((label, Zeroizing::new(der)))
}

fn bad(problem: &'static str) -> ConfigError {
    ConfigError::new("PEM", problem)
}
