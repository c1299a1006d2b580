//! What a stored token looks like, to the letter.

use tower_bearer::store::{TokenDigest, TokenFormat};

const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn a_checksum_is_the_crc_32_of_what_stands_before_it() {
    // By Python's zlib.crc32, written in base62 by hand.
    for (prefix, text) in [
        (
            "ak_",
            "ak_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4XSolN",
        ),
        (
            "acme_",
            "acme_0123456789abcdefghijklmnopqrstuvwxyzABCDEFA3UV53W",
        ),
        ("", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx80NaC39"),
        (
            "ak_",
            "ak_000000000000000000000000000000000000000171A00U8W3",
        ),
    ] {
        let format = TokenFormat::new(prefix).expect("a prefix");
        assert!(format.matches_shape(text.as_bytes()), "{text}");
        assert!(!format.without_checksum().matches_shape(text.as_bytes()));
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let format = TokenFormat::new("ak_").expect("a prefix");
    let good = *b"ak_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4XSolN";
    for place in 0..good.len() {
        for byte in 0..=u8::MAX {
            let mut text = good;
            text[place] = byte;
            assert_eq!(
                format.matches_shape(&text),
                text == good,
                "{place}: {byte:#x}"
            );
        }
        assert!(!format.matches_shape(&good[..place]));
        assert!(!format.matches_shape(&good[place + 1..]));
    }
    assert!(!format.matches_shape(&[&good[..], b"="].concat()));
}

#[test]
fn without_a_checksum_the_alphabet_and_the_last_character_are_all() {
    let format = TokenFormat::new("ak_")
        .expect("a prefix")
        .without_checksum();
    for byte in 0..=u8::MAX {
        let mut text = *b"ak_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let value = BASE64URL.iter().position(|b| *b == byte);
        text[20] = byte;
        assert_eq!(format.matches_shape(&text), value.is_some(), "{byte:#x}");
        text[20] = b'A';
        // 43 characters hold 258 bits, and the last two are zero.
        text[45] = byte;
        let canonical = value.is_some_and(|value| value % 4 == 0);
        assert_eq!(format.matches_shape(&text), canonical, "{byte:#x}");
    }
}

#[test]
fn a_prefix_is_made_of_what_a_bearer_token_can_begin_with() {
    for prefix in ["", "ak_", "a.b-c~d+e/f", &"x".repeat(32)] {
        let format = TokenFormat::new(prefix).expect(prefix);
        assert_eq!(format.prefix(), prefix);
    }
    for prefix in ["ak ", "ak=", "ä", "a\n", "a\"", "a,b", &"x".repeat(33)] {
        let error = TokenFormat::new(prefix).expect_err(prefix);
        assert_eq!(error.setting(), "prefix");
    }
}

#[test]
fn a_digest_is_the_sha_256_of_the_text() {
    // FIPS 180-4's example.
    let expected = [
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
        0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
        0x15, 0xad,
    ];
    let digest = TokenDigest::of(b"abc");
    assert_eq!(digest.as_bytes(), &expected);
    assert_eq!(digest, TokenDigest::from_bytes(expected));
    assert_eq!(format!("{digest:?}"), "TokenDigest([REDACTED])");
}
