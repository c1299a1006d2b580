//! Making tokens such as no issuer would.

use crate::base64url;

/// A part of a token: encoded, or as it is where it begins with `=`.
pub fn part(line: &[u8]) -> String {
    match line {
        [b'=', encoded @ ..] => String::from_utf8_lossy(encoded).into_owned(),
        _ => base64url(line),
    }
}

/// The other signature: turns `s` into `n - s` for ECDSA, and into `s + n` for EdDSA, where `n` is the order of the group.
pub fn twin(algorithm: jsonwebtoken::Algorithm, signature: &mut [u8]) {
    const P256: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    const ED25519: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    match algorithm {
        jsonwebtoken::Algorithm::ES256 => {
            for (s, n) in signature[32..].iter_mut().zip(P256).rev() {
                let digit = i32::from(n) - i32::from(*s) - carry;
                carry = i32::from(digit < 0);
                *s = digit.rem_euclid(256) as u8;
            }
        }
        jsonwebtoken::Algorithm::EdDSA => {
            for (s, n) in signature[32..].iter_mut().zip(ED25519) {
                let digit = i32::from(n) + i32::from(*s) + carry;
                carry = digit / 256;
                *s = (digit % 256) as u8;
            }
        }
        _ => {}
    }
}
