//! Which 32 bytes are an Ed25519 public key (RFC 8032 §5.1.3).
//!
//! AWS-LC takes any on import and refuses every signature by those that are no point; RustCrypto refuses
//! them at once. Here they are looked at before either sees them. The arithmetic is plain, since a key is
//! public and imported once.

/// Why 32 bytes are no key to rely on.
pub(super) fn problem(key: &[u8; 32]) -> Option<&'static str> {
    let mut y = *key;
    y[31] &= 0x7f;
    if LOW_ORDER.contains(&y) {
        Some("the Ed25519 key is a point of low order")
    } else if y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) && y[0] >= 0xed {
        Some("the Ed25519 key is not encoded canonically")
    } else if !is_on_curve(&y) {
        Some("the Ed25519 key is no point of the curve")
    } else {
        None
    }
}

/// Whether a point has this `y`: whether `x² = (y² - 1) / (d·y² + 1)` has a solution, which it has if the
/// product of both sides of the fraction is a square.
fn is_on_curve(y: &[u8; 32]) -> bool {
    let y = Element::from_bytes(y);
    let y_squared = y.times(y);
    let above = y_squared.plus(MINUS_ONE);
    let below = D.times(y_squared).plus(ONE);
    // Euler's criterion. Zero is only met for y = 1 and y = -1, which are of low order.
    above.times(below).to_the_half_order().is_one()
}

/// An integer modulo 2^255 - 19, in any of its forms below 2^256; the lowest limb comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Element([u64; 4]);

impl Element {
    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (place, byte) in bytes.iter().enumerate() {
            limbs[place / 8] |= u64::from(*byte) << (place % 8 * 8);
        }
        Self(limbs)
    }

    fn plus(self, other: Self) -> Self {
        let mut wide = [0; 8];
        let mut carry = 0;
        for (place, limb) in self.0.into_iter().enumerate() {
            (wide[place], carry) = split(u128::from(limb) + u128::from(other.0[place]) + carry);
        }
        (wide[4], _) = split(carry);
        Self::fold(wide)
    }

    fn times(self, other: Self) -> Self {
        let mut wide = [0; 8];
        for (i, a) in self.0.into_iter().enumerate() {
            let mut carry = 0;
            for (j, b) in other.0.into_iter().enumerate() {
                let sum = u128::from(a) * u128::from(b) + u128::from(wide[i + j]) + carry;
                (wide[i + j], carry) = split(sum);
            }
            (wide[i + 4], _) = split(carry);
        }
        Self::fold(wide)
    }

    /// Brings 512 bits below 2^256, since 2^256 is 38 here.
    fn fold(wide: [u64; 8]) -> Self {
        let mut limbs = [0; 4];
        let mut carry = 0;
        for (place, limb) in limbs.iter_mut().enumerate() {
            let sum = u128::from(wide[place]) + 38 * u128::from(wide[place + 4]) + carry;
            (*limb, carry) = split(sum);
        }
        // What is left over is small, and what is left over from that is one at most.
        while carry > 0 {
            carry *= 38;
            for limb in &mut limbs {
                (*limb, carry) = split(u128::from(*limb) + carry);
            }
        }
        Self(limbs)
    }

    /// To the power of (p - 1) / 2 = 2^254 - 10, by squaring and multiplying from the highest bit.
    fn to_the_half_order(self) -> Self {
        (0..254).rev().fold(ONE, |power, bit| {
            let power = power.times(power);
            // 2^254 - 10 is all ones but for bits 0 and 3.
            if bit == 0 || bit == 3 {
                power
            } else {
                power.times(self)
            }
        })
    }

    fn is_one(self) -> bool {
        // Each of the forms of one below 2^256.
        let [first, rest @ ..] = self.0;
        match rest {
            [0, 0, 0] => first == 1,
            [u64::MAX, u64::MAX, P_TOP] => first == P_LOW + 1,
            [u64::MAX, u64::MAX, u64::MAX] => first == 2_u64.wrapping_mul(P_LOW) + 1,
            _ => false,
        }
    }
}

/// The low 64 bits, and what is carried on.
fn split(sum: u128) -> (u64, u128) {
    (sum as u64, sum >> 64)
}

const P_LOW: u64 = 0xffff_ffff_ffff_ffed;
const P_TOP: u64 = 0x7fff_ffff_ffff_ffff;
const ONE: Element = Element([1, 0, 0, 0]);
const MINUS_ONE: Element = Element([P_LOW - 1, u64::MAX, u64::MAX, P_TOP]);
/// -121665 / 121666 (RFC 8032 §5.1).
const D: Element = Element([
    0x75eb_4dca_1359_78a3,
    0x0070_0a4d_4141_d8ab,
    0x8cc7_4079_7779_e898,
    0x5203_6cee_2b6f_fe73,
]);

/// The y coordinates of the points whose order divides 8, little-endian, the sign bit cleared: 0, 1, -1,
/// and the two of order 8.
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_y_is_on_the_curve_or_not() {
        let is_on_curve = |low: u8| {
            let mut y = [0; 32];
            y[0] = low;
            is_on_curve(&y)
        };
        // By Python's pow.
        let none: Vec<u8> = (2..40).filter(|y| !is_on_curve(*y)).collect();
        assert_eq!(none, [2, 7, 8, 11, 12, 13, 17, 20, 22, 31, 34, 36, 38]);
    }

    #[test]
    fn arithmetic_wraps_at_the_prime() {
        assert!(MINUS_ONE.times(MINUS_ONE).is_one());
        assert!(MINUS_ONE.plus(ONE).plus(ONE).is_one());
        let twice_the_prime_and_one = Element([u64::MAX - 36, u64::MAX, u64::MAX, u64::MAX]);
        assert!(twice_the_prime_and_one.is_one());
        assert!(!MINUS_ONE.is_one());
        // Fermat's little theorem.
        for number in [
            D,
            MINUS_ONE,
            Element([u64::MAX; 4]),
            Element([0, 0, 0, 1 << 63]),
        ] {
            let root = number.to_the_half_order();
            assert!(root.times(root).is_one());
        }
    }
}
