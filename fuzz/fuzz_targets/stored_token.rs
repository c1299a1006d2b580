//! Stored tokens: their shape, and who is let in by one.
//!
//! The input is a text, perhaps with a prefix on a line before it.
//!
//! - A prefix is taken if, and only if, a token can begin with it.
//! - A text has the shape of a format if, and only if, a second reader of that format says so.
//! - Of all texts, the two that the store knows are let in, each by its own verifier. What comes close is
//!   tried as well: the text with the checksum that belongs to it.
#![no_main]

use std::sync::{Arc, LazyLock};

use futures_executor::block_on;
use libfuzzer_sys::fuzz_target;
use tower_bearer::Reason;
use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{MemoryStore, TokenDigest, TokenFormat, TokenRecord, TokenStore};
use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier, Presented, TokenVerifier};

/// What the store knows: a session, and an API key whose format has no checksum.
const SESSION: &str = "st_0123456789abcdefghijklmnopqrstuvwxyzABCDEFA0b54VL";
const API_KEY: &str = "ak_zyxwvutsrqponmlkjihgfedcba9876543210-_ABCDE";

fuzz_target!(|input: &[u8]| {
    let (prefix, text) = match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&b"st_"[..], input),
    };
    check_shapes(prefix, text);
    check_admission(text);
    if let Some(body) = text.len().checked_sub(6).map(|end| &text[..end]) {
        let repaired = [body, &checksum(body)].concat();
        check_shapes(prefix, &repaired);
        check_admission(&repaired);
    }
});

fn check_shapes(prefix: &[u8], text: &[u8]) {
    let Ok(prefix) = std::str::from_utf8(prefix) else {
        return;
    };
    let Ok(format) = TokenFormat::new(prefix) else {
        assert!(prefix.len() > 32 || BearerToken::new(&format!("{prefix}x")).is_err());
        return;
    };
    assert!(prefix.len() <= 32 && BearerToken::new(&format!("{prefix}x")).is_ok());
    assert_eq!(format.matches_shape(text), has_shape(prefix, true, text));
    let without = format.without_checksum();
    assert_eq!(without.matches_shape(text), has_shape(prefix, false, text));
}

fn check_admission(text: &[u8]) {
    let Some(token) = std::str::from_utf8(text).ok().map(BearerToken::new) else {
        return;
    };
    let Ok(token) = token else {
        return;
    };
    let presented = Presented::new(token, NOW);
    let desk = &*DESK;
    for (verifier, known, subject) in [
        (&desk.sessions as &dyn TokenVerifier, SESSION, "alice"),
        (&desk.api_keys, API_KEY, "bob"),
    ] {
        match block_on(verifier.verify(&presented)) {
            Ok(identity) => {
                assert_eq!(text, known.as_bytes());
                assert_eq!(identity.subject(), subject);
            }
            Err(refusal) => {
                assert_ne!(text, known.as_bytes());
                assert_eq!(refusal.reason(), Reason::Invalid);
            }
        }
    }
}

/// Prefix, 32 bytes in canonical base64url, and the checksum of both, read one after another.
fn has_shape(prefix: &str, with_checksum: bool, text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(prefix.as_bytes()) else {
        return false;
    };
    let Some((random, rest)) = rest.split_at_checked(43) else {
        return false;
    };
    let mut bits = 0_u32;
    for character in random {
        match BASE64URL.iter().position(|digit| digit == character) {
            Some(digit) => bits = bits << 6 | digit as u32,
            None => return false,
        }
    }
    // 43 digits have two bits more than 32 bytes.
    if bits & 0b11 != 0 {
        return false;
    }
    if with_checksum {
        rest == checksum(&text[..prefix.len() + 43])
    } else {
        rest.is_empty()
    }
}

/// CRC-32 (reflected, polynomial 0xEDB88320) bit by bit, as six base62 digits.
fn checksum(body: &[u8]) -> [u8; 6] {
    let mut crc = u32::MAX;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    let crc = !crc;
    [5, 4, 3, 2, 1, 0].map(|place| BASE62[(crc / 62_u32.pow(place) % 62) as usize])
}

struct Desk {
    sessions: OpaqueTokenVerifier,
    api_keys: ApiKeyVerifier,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let store = Arc::new(MemoryStore::new());
    let format = TokenFormat::new("st_").expect("a prefix");
    let key_format = TokenFormat::new("ak_").expect("a prefix");
    let key_format = key_format.without_checksum();
    for (text, kind, subject) in [
        (SESSION, CredentialKind::Session, "alice"),
        (API_KEY, CredentialKind::ApiKey, "bob"),
    ] {
        let digest = TokenDigest::of(text.as_bytes());
        let record = TokenRecord::new("t-1", digest, kind, subject, NOW);
        block_on(store.insert(record)).expect("room for it");
    }
    let desk = Desk {
        sessions: OpaqueTokenVerifier::new(store.clone(), format.clone()),
        api_keys: ApiKeyVerifier::new(store.clone(), key_format).expect("a prefix"),
    };
    // What is really minted has the shape that is read here, so that the rest is not about nothing.
    let issuer = TokenIssuer::opaque(store, format);
    for _ in 0..100 {
        let new = NewToken::session("carol").without_expiry();
        let minted = block_on(issuer.mint(new)).expect("a token").token.reveal();
        assert!(has_shape("st_", true, minted.as_bytes()));
        let token = BearerToken::new(&minted).expect("a token68");
        let identity = block_on(desk.sessions.verify(&Presented::new(token, NOW)));
        assert_eq!(identity.expect("let in").subject(), "carol");
    }
    assert!(has_shape("st_", true, SESSION.as_bytes()));
    desk
});

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
