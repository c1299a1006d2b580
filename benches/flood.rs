//! What a flood of tokens that nobody gave out leaves behind in memory, and how fast it is refused.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench flood
//! ```
//!
//! A router of API keys, sessions and RS256 JWTs stands behind the layer, over a bare service. Each shape in
//! the table has its share of a million texts, of which no two are alike. The resident memory is
//! read after each round, on Linux alone (`/proc/self/status`). One round comes before the first reading, so
//! that what is set up once does not count; what the bench itself needs does. Speed is CPU time, with the
//! making of the request.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use cpu_time::ThreadTime;
use http::HeaderValue;
use jsonwebtoken::crypto::aws_lc;
use tower_bearer::BearerAuthLayer;
use tower_bearer::issue::{JwtIssuer, NewJwt, NewToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::{ApiKeyVerifier, OpaqueTokenVerifier, TokenRouter};
use tower_bearer_benches::junk::{self, Numbers};
use tower_bearer_benches::stacks::{Stack, with, with_each};
use tower_bearer_benches::{Call, check, rounds, verdict};

const RSA: &str = include_str!("../tests/fixtures/rsa2048.pk8.pem");
const ISSUER: &str = "https://id.example.com";
const ROUNDS: u32 = 100;
const PER_ROUND: u32 = 1_000;
const LIMIT_KIB: u64 = 32 * 1024;

fn main() {
    aws_lc::DEFAULT_PROVIDER
        .install_default()
        .expect("the first to choose");
    let service = Service::new();
    service.check();
    let mut numbers = Numbers::new(1);
    let mut shares = SHAPES.map(|shape| Share::new(shape, &service.layer));

    for share in &mut shares {
        share.round(&service, &mut numbers);
        (share.refused, share.took) = (0, Duration::ZERO);
    }
    let before = resident_kib();
    let mut most = before;
    for _ in 0..rounds(ROUNDS) {
        for share in &mut shares {
            share.round(&service, &mut numbers);
        }
        most = most.max(resident_kib());
    }
    service.check();

    println!("| shape | answered | tokens | refused per second of CPU |");
    println!("|---|---|---|---|");
    for share in &shares {
        share.row();
    }
    let tokens: u32 = shares.iter().map(|share| share.refused).sum();
    println!("\n| tokens | resident memory before | at its most | grew by | goal | |");
    println!("|---|---|---|---|---|---|");
    match (before, most) {
        (Some(before), Some(most)) => println!(
            "| {tokens} | {before} KiB | {most} KiB | {} KiB | at most {LIMIT_KIB} KiB | {} |",
            most - before,
            verdict(most - before <= LIMIT_KIB)
        ),
        _ => println!("| {tokens} | not read: this is not Linux | - | - | - | - |"),
    }
}

/// What is flooded.
struct Service {
    layer: BearerAuthLayer,
    keys: TokenFormat,
    sessions: TokenFormat,
    /// The header and the payload of a good JWT.
    header: String,
    payload: String,
    /// A good one of each.
    good: [String; 3],
}

impl Service {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let keys = TokenFormat::new("ak_").expect("a prefix");
        let sessions = TokenFormat::new("st_").expect("a prefix");
        let issuer = TokenIssuer::api_keys(store.clone(), keys.clone()).expect("an issuer");
        let key = mint(&issuer, NewToken::api_key("alice"));
        let issuer = TokenIssuer::opaque(store.clone(), sessions.clone());
        let session = NewToken::session("alice").idle(Duration::from_secs(1800));
        let session = mint(&issuer, session);
        let signing = SigningKey::from_pem(Algorithm::RS256, RSA).expect("a key");
        let jwts = JwtIssuer::builder(signing.with_kid("one"))
            .issuer(ISSUER)
            .audience("https://api.example.com")
            .lifetime(Duration::from_secs(3600))
            .build()
            .expect("an issuer");
        let jwt = jwts.issue(NewJwt::new("alice")).expect("a token");
        let jwt = jwt.token.reveal();
        let mut parts = jwt.split('.').map(str::to_owned);
        let router = TokenRouter::builder()
            .prefix(
                keys.prefix(),
                ApiKeyVerifier::new(store.clone(), keys.clone()).expect("a verifier"),
            )
            .prefix(
                sessions.prefix(),
                OpaqueTokenVerifier::new(store, sessions.clone()),
            )
            .jwt_issuer(ISSUER, jwts.verifier().build().expect("a verifier"))
            .build()
            .expect("a router");
        Self {
            layer: BearerAuthLayer::new(router),
            keys,
            sessions,
            header: parts.next().expect("a header"),
            payload: parts.next().expect("a payload"),
            good: [key, session, jwt],
        }
    }

    fn check(&self) {
        let status = |authorization: Option<&str>| with(Stack::Bare, &self.layer, authorization)();
        check(status(None) == 401, "a missing credential is refused");
        for good in &self.good {
            let status = status(Some(&format!("Bearer {good}")));
            check(status == 200, "a good one is let in");
        }
    }
}

fn mint(issuer: &TokenIssuer, new: NewToken) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let minted = runtime.block_on(issuer.mint(new)).expect("a token");
    minted.token.reveal()
}

/// A kind of `Authorization` value, and the status that it is answered with.
struct Shape {
    name: &'static str,
    status: u16,
    next: fn(&Service, &mut Numbers) -> String,
}

const SHAPES: [Shape; 10] = [
    Shape {
        name: "API key, unknown",
        status: 401,
        next: |service, numbers| junk::token(&service.keys, &numbers.secret()),
    },
    Shape {
        name: "API key, wrong checksum",
        status: 401,
        next: |service, numbers| {
            let mut token = junk::token(&service.keys, &numbers.secret());
            token.replace_range(token.len() - 1.., "~");
            token
        },
    },
    Shape {
        name: "session, unknown",
        status: 401,
        next: |service, numbers| junk::token(&service.sessions, &numbers.secret()),
    },
    Shape {
        name: "no token of this service's",
        status: 401,
        next: |_, numbers| numbers.text(200),
    },
    Shape {
        name: "two words",
        status: 400,
        next: |_, numbers| format!("{} {}", numbers.text(40), numbers.text(40)),
    },
    Shape {
        name: "JWT, another `iss` each",
        status: 401,
        next: |service, numbers| {
            let issuer = format!("https://{}.example.com", numbers.text(22));
            let payload = encode(&claims(&issuer, "bob"));
            jwt(&service.header, &payload, numbers)
        },
    },
    Shape {
        name: "JWT, another `kid` each",
        status: 401,
        next: |service, numbers| {
            let kid = numbers.text(22);
            let header = format!(r#"{{"typ":"at+jwt","alg":"RS256","kid":"{kid}"}}"#);
            jwt(&encode(&header), &service.payload, numbers)
        },
    },
    Shape {
        name: "JWT, another header each",
        status: 401,
        next: |service, numbers| {
            let member = numbers.text(22);
            let header = format!(r#"{{"typ":"at+jwt","alg":"RS256","kid":"one","x":"{member}"}}"#);
            jwt(&encode(&header), &service.payload, numbers)
        },
    },
    Shape {
        name: "JWT, another `sub` each",
        status: 401,
        next: |service, numbers| {
            let payload = encode(&claims(ISSUER, &numbers.text(22)));
            jwt(&service.header, &payload, numbers)
        },
    },
    Shape {
        name: "JWT, another signature each",
        status: 401,
        next: |service, numbers| jwt(&service.header, &service.payload, numbers),
    },
];

fn claims(issuer: &str, subject: &str) -> String {
    format!(
        r#"{{"iss":"{issuer}","aud":"https://api.example.com","exp":4102444800,"sub":"{subject}"}}"#
    )
}

/// A JWT that nobody signed. Its signature is as long as one, and as a number below the key's modulus.
fn jwt(header: &str, payload: &str, numbers: &mut Numbers) -> String {
    let signature = encode(&numbers.text(256));
    format!("{header}.{payload}.{signature}")
}

fn encode(part: &str) -> String {
    URL_SAFE_NO_PAD.encode_to_string(part)
}

/// One shape's share of the flood.
struct Share {
    shape: Shape,
    queue: Sender<HeaderValue>,
    call: Call,
    refused: u32,
    took: Duration,
}

impl Share {
    fn new(shape: Shape, layer: &BearerAuthLayer) -> Self {
        let (queue, queued) = channel();
        Self {
            shape,
            queue,
            call: with_each(layer, queued.into_iter()),
            refused: 0,
            took: Duration::ZERO,
        }
    }

    fn round(&mut self, service: &Service, numbers: &mut Numbers) {
        for _ in 0..PER_ROUND {
            let text = format!("Bearer {}", (self.shape.next)(service, numbers));
            let value = HeaderValue::try_from(text).expect("a header value");
            self.queue.send(value).expect("a service that takes it");
        }
        let start = ThreadTime::now();
        let wrong = (0..PER_ROUND).filter(|_| (self.call)() != self.shape.status);
        let wrong = wrong.count();
        self.took += start.elapsed();
        assert_eq!(wrong, 0, "wrongly answered: {}", self.shape.name);
        self.refused += PER_ROUND;
    }

    fn row(&self) {
        println!(
            "| {} | {} | {} | {:.0} |",
            self.shape.name,
            self.shape.status,
            self.refused,
            f64::from(self.refused) / self.took.as_secs_f64()
        );
    }
}

/// The resident memory of this process, where that can be read.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
