use std::mem::MaybeUninit;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};

/// Decodes canonical base64url without padding (RFC 7515 §2) into `buffer`.
///
/// `None` where `text` is anything else, or decodes to more than fits.
pub(crate) fn decode<'a>(text: &[u8], buffer: &'a mut [MaybeUninit<u8>]) -> Option<&'a [u8]> {
    let len = URL_SAFE_NO_PAD.decoded_length(text).ok()?;
    let buffer = buffer.get_mut(..len)?;
    let bytes = URL_SAFE_NO_PAD.decode(text, buffer.as_out()).ok()?;
    Some(bytes)
}

/// As [`decode`], whatever the length.
pub(crate) fn decode_to_vec(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_type(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_spelling_for_each_value() {
        let mut buffer = [const { MaybeUninit::uninit() }; 64];
        assert_eq!(decode(b"", &mut buffer), Some(&[][..]));
        assert_eq!(decode(b"AA", &mut buffer), Some(&[0][..]));
        assert_eq!(decode(b"-_8", &mut buffer), Some(&[0xfb, 0xff][..]));
        for bad in [
            "A", "AB", "AAB", "AA==", "AA=", "+/8", "A A", "AA\n", "AAAAA", "é",
        ] {
            assert_eq!(decode(bad.as_bytes(), &mut buffer), None, "{bad}");
        }
        // In every place of a long text, where other code is at work than at its end.
        let good = [b'A'; 60];
        for place in 0..good.len() {
            for bad in [b'+', b'/', b'=', b' ', b'.', 0, 0x80, 0xff] {
                let mut text = good;
                text[place] = bad;
                assert_eq!(decode(&text, &mut buffer), None, "{bad} at {place}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut buffer = [const { MaybeUninit::uninit() }; 2];
        assert_eq!(decode(b"AAAA", &mut buffer), None);
    }
}
