//! Judging a JWT.
//!
//! The input is a token as it stands, or three lines to make one of: header, payload and the key to sign
//! with. A line that begins with `=` is put into the token as it is, and the others are encoded; after
//! the name of a key may come `^` and the number of a bit to flip in the signature, or `twin` for the
//! other signature that ECDSA or a careless EdDSA would take.
//!
//! The token is held against three sets of keys. On both back ends each must say the same of it, and let
//! it in if, and only if, a second reading of the rules does, in which jsonwebtoken checks the signature.
#![no_main]

use std::sync::LazyLock;

use futures_executor::block_on;
use jsonwebtoken::crypto::{aws_lc, sign, verify};
use jsonwebtoken::{DecodingKey, EncodingKey, Validation, decode, decode_header};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use tower_bearer::TokenVerifier;
use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::keys::{Algorithm, CryptoBackend, KeySet, VerificationKey};
use tower_bearer::verifier::Presented;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer_fuzz::making::{part, twin};
use tower_bearer_fuzz::rules::{AUDIENCE, Header, ISSUER, NOW, are_good, texts};
use tower_bearer_fuzz::{Object, base64url, from_base64url};

fuzz_target!(|input: &[u8]| {
    let world = &*WORLD;
    let token = world.token(input);
    let Ok(presented) = BearerToken::new(&token) else {
        return;
    };
    let presented = Presented::new(presented, Timestamp::from_unix_secs(NOW));
    for ring in &world.rings {
        let [one, other] = &ring.verifiers;
        let judged = block_on(one.verify(&presented));
        let again = block_on(other.verify(&presented));
        match (&judged, &again) {
            (Ok(this), Ok(that)) => assert_eq!(format!("{this:?}"), format!("{that:?}")),
            (Err(this), Err(that)) => assert_eq!(this.to_string(), that.to_string(), "{token}"),
            _ => panic!("the back ends differ on {token}: {judged:?} and {again:?}"),
        }
        let read = ring.read(&token);
        assert_eq!(judged.is_ok(), read.is_some(), "{judged:?} for {token}");
        if let (Ok(identity), Some(payload)) = (judged, read) {
            check_identity(&identity, &Object::read(&payload).expect("claims"));
        }
    }
});

fn check_identity(identity: &Identity, claims: &Object<'_>) {
    let text = |name| claims.get::<String>(name).expect("a string");
    assert_eq!(Some(identity.subject()), text("sub").as_deref());
    assert_eq!(identity.issuer(), Some(ISSUER));
    assert_eq!(identity.credential_id(), text("jti").as_deref());
    assert_eq!(identity.client_id(), text("client_id").as_deref());
    assert_eq!(identity.acr(), text("acr").as_deref());
    assert_eq!(identity.session_id(), text("sid").as_deref());
    let moment = |name| {
        let seconds = claims.get::<f64>(name).expect("a number")?;
        // Larger ones are not told apart by an f64, and stop at the end of time besides.
        (seconds.abs() < 1e12).then(|| Timestamp::from_unix_millis((seconds * 1e3).floor() as i64))
    };
    for (read, name) in [
        (identity.expires_at(), "exp"),
        (identity.auth_time(), "auth_time"),
    ] {
        assert_eq!(read.is_some(), claims.has(name), "{name}");
        assert!(
            moment(name).is_none_or(|moment| read == Some(moment)),
            "{name}"
        );
    }
    let issued = identity.issued_at();
    assert_eq!(issued.is_some(), claims.has("iat"));
    let millis = claims.get::<i64>("iat_ms").ok().flatten();
    let exact = millis.map(Timestamp::from_unix_millis);
    let same_second = |exact: &Timestamp| {
        moment("iat").is_some_and(|iat| iat.as_unix_secs() == exact.as_unix_secs())
    };
    if let Some(expected) = exact.filter(same_second).or(moment("iat")) {
        assert_eq!(issued, Some(expected));
    }
    let mut scopes: Vec<&str> = identity.scopes().iter().collect();
    scopes.sort();
    let mut expected = texts(claims, "scope").expect("scopes").unwrap_or_default();
    expected = expected
        .iter()
        .flat_map(|text| text.split(' '))
        .map(str::to_owned)
        .collect();
    expected.retain(|scope| !scope.is_empty());
    expected.sort();
    expected.dedup();
    assert_eq!(scopes, expected);
}

/// The keys that one service knows.
struct Ring {
    keys: Vec<&'static Key>,
    /// On one back end and on the other.
    verifiers: [JwtVerifier; 2],
}

impl Ring {
    fn new(keys: Vec<&'static Key>) -> Self {
        let set = KeySet::new(keys.iter().map(|key| key.ours.clone())).expect("a set");
        let verifiers = [CryptoBackend::AwsLcRs, CryptoBackend::RustCrypto].map(|backend| {
            JwtVerifier::builder(set.clone().with_backend(backend).expect("the back end"))
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .build()
                .expect("a verifier")
        });
        Self { keys, verifiers }
    }

    /// The payload of a token that is to be let in.
    fn read(&self, token: &str) -> Option<String> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            return None;
        };
        let decoded = [header, payload, signature].map(from_base64url);
        let [Some(header), Some(payload), Some(_)] = decoded else {
            return None;
        };
        let key = self.key(&Header::read(&header)?)?;
        let signed = token.rsplit_once('.')?.0.as_bytes();
        if !verify(signature, signed, &key.public, key.theirs).is_ok_and(|good| good) {
            return None;
        }
        let payload = String::from_utf8(payload).ok()?;
        if !are_good(&Object::read(&payload)?)? {
            return None;
        }
        check_jsonwebtoken(token, key);
        Some(payload)
    }

    /// The one key that a header means.
    fn key(&self, header: &Header) -> Option<&'static Key> {
        let named = self.keys.iter().any(|key| key.ours.kid().is_some());
        let mut meant = self.keys.iter().filter(|key| match &header.kid {
            Some(kid) if named => key.ours.kid() == Some(kid),
            _ => key.ours.algorithm().as_str() == header.alg,
        });
        let key = meant.next().filter(|_| meant.next().is_none())?;
        (key.ours.algorithm().as_str() == header.alg).then_some(key)
    }
}

/// That jsonwebtoken takes the token as well. Time is left out, since it reads the wall clock, and so are
/// tokens whose header it cannot read because of members that nobody is to look at.
fn check_jsonwebtoken(token: &str, key: &Key) {
    let mut validation = Validation::new(key.theirs);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub"]);
    validation.validate_exp = false;
    if decode_header(token).is_ok() {
        let decoded = decode::<IgnoredAny>(token, &key.public, &validation);
        assert!(decoded.is_ok(), "{:?} for {token}", decoded.err());
    }
}

struct Key {
    name: &'static str,
    ours: VerificationKey,
    theirs: jsonwebtoken::Algorithm,
    private: EncodingKey,
    public: DecodingKey,
}

struct World {
    keys: &'static [Key],
    rings: [Ring; 3],
}

impl World {
    fn token(&self, input: &[u8]) -> String {
        let lines: Vec<&[u8]> = input.splitn(3, |byte| *byte == b'\n').collect();
        let [header, payload, signature] = lines[..] else {
            return String::from_utf8_lossy(input).into_owned();
        };
        let text = format!("{}.{}", part(header), part(payload));
        let signature = self.signature(&text, signature);
        format!("{text}.{signature}")
    }

    fn signature(&self, text: &str, line: &[u8]) -> String {
        let words = String::from_utf8_lossy(line);
        let (name, edit) = words
            .trim_end()
            .split_once(' ')
            .unwrap_or((words.trim_end(), ""));
        let Some(key) = self.keys.iter().find(|key| key.name == name) else {
            return part(line);
        };
        let signature = sign(text.as_bytes(), &key.private, key.theirs).expect("a signature");
        let mut bytes = from_base64url(&signature).expect("base64url");
        if edit == "twin" {
            twin(key.theirs, &mut bytes);
        } else if let Some(Ok(bit)) = edit.strip_prefix('^').map(str::parse::<usize>) {
            let len = bytes.len();
            bytes[bit / 8 % len] ^= 1 << (bit % 8);
        }
        base64url(bytes)
    }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    aws_lc::DEFAULT_PROVIDER
        .install_default()
        .expect("the first to choose");
    let keys: &'static [Key] = Vec::leak(vec![
        secret("a", Algorithm::HS256, [1; 32]),
        secret("b", Algorithm::HS256, [2; 32]),
        secret("c", Algorithm::HS512, [3; 64]),
        Key {
            name: "es",
            ours: pem(Algorithm::ES256, ES256_PUBLIC),
            theirs: jsonwebtoken::Algorithm::ES256,
            private: EncodingKey::from_ec_pem(ES256.as_bytes()).expect("a key"),
            public: DecodingKey::from_ec_pem(ES256_PUBLIC.as_bytes()).expect("a key"),
        },
        Key {
            name: "ed",
            ours: pem(Algorithm::EdDSA, EDDSA_PUBLIC),
            theirs: jsonwebtoken::Algorithm::EdDSA,
            private: EncodingKey::from_ed_pem(EDDSA.as_bytes()).expect("a key"),
            public: DecodingKey::from_ed_pem(EDDSA_PUBLIC.as_bytes()).expect("a key"),
        },
        secret("single", Algorithm::HS256, [4; 32]),
        // In no ring: a public key, taken for a secret.
        Key {
            private: EncodingKey::from_secret(ES256_PUBLIC.as_bytes()),
            ..secret("es-as-secret", Algorithm::HS256, [0; 32])
        },
    ]);
    let [a, b, c, es, ed, single, _] = keys else {
        unreachable!("they are listed above");
    };
    let rings = [vec![a, b, c], vec![es, ed], vec![single]].map(Ring::new);
    let world = World { keys, rings };
    // So that what follows is not about nothing.
    let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"x","exp":{NOW}}}"#);
    for (key, ring) in keys.iter().zip([0, 0, 0, 1, 1, 2]) {
        let header = format!(
            r#"{{"alg":"{}","kid":"{}"}}"#,
            key.ours.algorithm(),
            key.name
        );
        let lines = format!("{header}\n{payload}\n{}", key.name);
        let token = world.token(lines.as_bytes());
        assert!(world.rings[ring].read(&token).is_some(), "{token}");
    }
    world
});

fn secret(name: &'static str, algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Key {
    let secret = secret.as_ref();
    let ours = VerificationKey::from_secret(algorithm, secret).expect("a key");
    Key {
        name,
        ours: if name == "single" {
            ours
        } else {
            ours.with_kid(name)
        },
        theirs: algorithm.as_str().parse().expect("an algorithm"),
        private: EncodingKey::from_secret(secret),
        public: DecodingKey::from_secret(secret),
    }
}

fn pem(algorithm: Algorithm, pem: &str) -> VerificationKey {
    let key = VerificationKey::from_pem(algorithm, pem).expect("a key");
    key.with_kid(match algorithm {
        Algorithm::ES256 => "es",
        _ => "ed",
    })
}

const ES256: &str = include_str!("../../tests/fixtures/p256.pk8.pem");
const ES256_PUBLIC: &str = include_str!("../../tests/fixtures/p256.pub.pem");
const EDDSA: &str = include_str!("../../tests/fixtures/ed25519.pk8.pem");
const EDDSA_PUBLIC: &str = include_str!("../../tests/fixtures/ed25519.pub.pem");
