//! Tokens that nobody gave out, made from numbers that are the same in each run.

use tower_bearer::store::TokenFormat;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The characters of a token's secret.
pub const SECRET_LEN: usize = 43;

/// Numbers that look random: splitmix64.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The same numbers for the same `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the numbers below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A text of `len` characters of base64url.
    pub fn text(&mut self, len: usize) -> String {
        let digit = |_| char::from(BASE64URL[self.below(64)]);
        (0..len).map(digit).collect()
    }

    /// A secret of 32 bytes in base64url.
    pub fn secret(&mut self) -> String {
        let mut secret = self.text(SECRET_LEN - 1);
        secret.push(char::from(BASE64URL[4 * self.below(16)]));
        secret
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The token that has this secret, with its checksum.
#[must_use]
pub fn token(format: &TokenFormat, secret: &str) -> String {
    let mut token = format!("{}{secret}", format.prefix());
    let mut rest = crc32fast::hash(token.as_bytes());
    let mut checksum = [0; 6];
    for digit in checksum.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    token.extend(checksum.map(char::from));
    token
}

/// The secret with one character changed, wherever that leaves it a secret.
#[must_use]
pub fn near_miss(secret: &str, numbers: &mut Numbers) -> String {
    let place = numbers.below(SECRET_LEN - 1);
    let old = &secret[place..=place];
    let new = std::iter::repeat_with(|| numbers.text(1)).find(|new| new != old);
    format!(
        "{}{}{}",
        &secret[..place],
        new.unwrap_or_default(),
        &secret[place + 1..]
    )
}
