//! A reader of the little DER (X.690) that keys are wrapped in.
//!
//! Lengths are definite and minimal, integers positive and minimal, and nothing may be left over.

use super::algorithm::Curve;

/// What an algorithm identifier of a key names (RFC 3279 §2.3, RFC 5480 §2.1.1, RFC 8410 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    Rsa,
    Ec(Curve),
    Ed25519,
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The bytes are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The contents of the one sequence that `bytes` is.
    pub(crate) fn sequence(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outer = Self(bytes);
        let contents = outer.value(SEQUENCE)?;
        outer.end()?;
        Ok(Self(contents))
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The contents of the next value, which has `tag`.
    pub(crate) fn value(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let [found, first, rest @ ..] = self.0 else {
            return Err(Malformed);
        };
        if *found != tag {
            return Err(Malformed);
        }
        let (len, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            0x81 => match rest {
                [len @ 0x80..=0xff, rest @ ..] => (usize::from(*len), rest),
                _ => return Err(Malformed),
            },
            0x82 => match rest {
                [high @ 1..=0xff, low, rest @ ..] => {
                    (usize::from(*high) << 8 | usize::from(*low), rest)
                }
                _ => return Err(Malformed),
            },
            _ => return Err(Malformed),
        };
        let (value, rest) = rest.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(value)
    }

    /// The next value, an integer that is not negative, as big-endian bytes without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], Malformed> {
        match self.value(INTEGER)? {
            [0] => Ok(&[]),
            [0, value @ ..] if value[0] >= 0x80 => Ok(value),
            value @ [1..=0x7f, ..] => Ok(value),
            _ => Err(Malformed),
        }
    }

    /// The next value, a bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], Malformed> {
        match self.value(BIT_STRING)? {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    /// The next value, an algorithm identifier with the parameters that belong to it.
    pub(crate) fn key_type(&mut self) -> Result<KeyType, Malformed> {
        let mut identifier = Self(self.value(SEQUENCE)?);
        let key_type = match identifier.value(OID)? {
            // rsaEncryption, 1.2.840.113549.1.1.1
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => {
                match identifier.value(NULL)? {
                    [] => KeyType::Rsa,
                    _ => return Err(Malformed),
                }
            }
            // id-ecPublicKey, 1.2.840.10045.2.1
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => match identifier.value(OID)? {
                [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => KeyType::Ec(Curve::P256),
                [0x2b, 0x81, 0x04, 0x00, 0x22] => KeyType::Ec(Curve::P384),
                [0x2b, 0x81, 0x04, 0x00, 0x23] => KeyType::Ec(Curve::P521),
                _ => return Err(Malformed),
            },
            // id-Ed25519, 1.3.101.112
            [0x2b, 0x65, 0x70] => KeyType::Ed25519,
            _ => return Err(Malformed),
        };
        identifier.end()?;
        Ok(key_type)
    }

    /// That nothing is left.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minimal_and_within_bounds() {
        let mut long = vec![0x30, 0x81, 0x80];
        long.extend([0; 0x80]);
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x01],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x30, 0x81, 0x01, 0x00],
            &[0x30, 0x82, 0x00, 0x01, 0x00],
            &[0x30, 0x83, 0x00, 0x00, 0x01, 0x00],
            &[0x30, 0x00, 0x00],
            &[0x31, 0x00],
        ] {
            assert!(Reader::sequence(bad).is_err(), "{bad:x?}");
        }
        assert!(Reader::sequence(&[0x30, 0x00]).is_ok());
        assert!(Reader::sequence(&long).is_ok());
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        for (bytes, value) in [
            (&[2, 1, 0][..], Some(&[][..])),
            (&[2, 1, 0x7f], Some(&[0x7f])),
            (&[2, 2, 0, 0x80], Some(&[0x80])),
            (&[2, 0], None),
            (&[2, 1, 0x80], None),
            (&[2, 2, 0, 0x7f], None),
            (&[2, 3, 0, 0, 0x80], None),
        ] {
            assert_eq!(Reader(bytes).unsigned().ok(), value, "{bytes:x?}");
        }
    }

    #[test]
    fn bit_strings_have_no_odd_bits() {
        assert_eq!(Reader(&[3, 2, 0, 9]).bits(), Ok(&[9][..]));
        assert_eq!(Reader(&[3, 2, 1, 8]).bits(), Err(Malformed));
        assert_eq!(Reader(&[3, 0]).bits(), Err(Malformed));
    }

    #[test]
    fn algorithm_parameters_are_those_that_belong_to_the_algorithm() {
        let ed25519 = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
        let ed25519_with_null = [0x30, 7, 6, 3, 0x2b, 0x65, 0x70, 5, 0];
        let x25519 = [0x30, 5, 6, 3, 0x2b, 0x65, 0x6e];
        assert_eq!(Reader(&ed25519).key_type(), Ok(KeyType::Ed25519));
        assert_eq!(Reader(&ed25519_with_null).key_type(), Err(Malformed));
        assert_eq!(Reader(&x25519).key_type(), Err(Malformed));
    }
}
