//! The fingerprint of RSA keys made by a faulty library (CVE-2017-15361, "ROCA").
//!
//! Its primes were all `k·M + (65537^a mod M)` for a product `M` of small primes, so that the modulus is a
//! power of 65537 modulo each of these. A sound modulus passes that for all of them once in 2^27 or so.
//! See Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, §4.

/// The odd primes in the `M` of the smallest keys, which divides that of all others.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether `modulus`, in big-endian bytes, bears the fingerprint.
pub(super) fn is_fingerprinted(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|&prime| is_power_of_65537(remainder(modulus, prime), prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, &byte| (rest << 8 | u32::from(byte)) % prime)
}

fn is_power_of_65537(value: u32, prime: u32) -> bool {
    let mut power = 1;
    loop {
        if power == value {
            return true;
        }
        power = power * (65537 % prime) % prime;
        if power == 1 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_among_the_powers() {
        // 65537 is 2 modulo 17, and the powers of 2 are half of what is there.
        let powers: Vec<u32> = (0..17).filter(|&v| is_power_of_65537(v, 17)).collect();
        assert_eq!(powers, [1, 2, 4, 8, 9, 13, 15, 16]);
    }

    #[test]
    fn a_power_of_65537_bears_the_fingerprint_and_its_neighbour_does_not() {
        assert!(is_fingerprinted(&[1, 0, 1]));
        assert!(is_fingerprinted(&[1, 0, 2, 0, 1]));
        assert!(!is_fingerprinted(&[1, 0, 3]));
    }
}
