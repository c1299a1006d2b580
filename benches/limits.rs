//! What the most expensive single requests demand: heap at its highest, and CPU time.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench limits
//! ```
//!
//! The credentials are those of `tests/limits.rs`: whatever fits into a header of 8 KiB, some of it signed
//! with the service's own key. Each goes through the layer over a bare service, by way of a router that
//! reads the issuer before anything is trusted; "typed" reads the claims as a `serde_json::Value` besides.
//! The bench fails where a request demands more than 1 MiB or 5 ms. The last rows, for a cap that was
//! raised, are only shown.

#[path = "../tests/support/hostile.rs"]
mod hostile;

use std::hint::black_box;
use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;
use cpu_time::ThreadTime;
use hostile::{AUDIENCE, Hostile, ISSUER, NOW};
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::{aws_lc, sign};
use tower_bearer::BearerAuthLayer;
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::credential::DEFAULT_MAX_LEN;
use tower_bearer::keys::{Algorithm, VerificationKey};
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{OpaqueTokenVerifier, TokenRouter};
use tower_bearer_benches::Call;
use tower_bearer_benches::stacks::{Stack, with};

const SECRET: [u8; 32] = [7; 32];
const RAISED: usize = 128 * 1024;

fn main() {
    aws_lc::DEFAULT_PROVIDER
        .install_default()
        .expect("the first to choose");
    println!("| request | bytes | heap | CPU | heap, typed | CPU, typed |");
    println!("|---|---|---|---|---|---|");
    let mut within = true;
    for (name, text, status) in credentials(DEFAULT_MAX_LEN) {
        within &= row(name, &text, status, DEFAULT_MAX_LEN);
    }
    let dearest = ["members", "scopes in an array", "roles", "audiences"];
    for (name, text, status) in credentials(RAISED) {
        if dearest.contains(&name) {
            row(&format!("{name}, cap of 128 KiB"), &text, status, RAISED);
        }
    }
    assert!(within, "a request demands more than 1 MiB or 5 ms");
}

/// Names, `Authorization` values, and the statuses that they are answered with.
fn credentials(max_len: usize) -> Vec<(&'static str, String, u16)> {
    let signed = |token: Hostile| {
        let status = if token.admitted { 200 } else { 401 };
        (token.name, signed(&token), status)
    };
    let tokens = hostile::tokens(max_len).into_iter().map(signed);
    let texts = hostile::texts(max_len, encode);
    let texts = texts.into_iter().map(|(name, text)| (name, text, 401));
    tokens.chain(texts).collect()
}

/// Prints what the request demands, and says whether that is within the limits.
fn row(name: &str, token: &str, status: u16, max_len: usize) -> bool {
    let authorization = format!("Bearer {token}");
    let plain = demand(
        with(Stack::Bare, &layer(max_len, false), Some(&authorization)),
        Some(status),
    );
    let typed = demand(
        with(Stack::Bare, &layer(max_len, true), Some(&authorization)),
        None,
    );
    let cells = [plain, typed].map(|demand| {
        format!(
            "{:.1} KiB | {:.0} µs",
            demand.heap as f64 / 1024.0,
            demand.micros
        )
    });
    println!(
        "| {name} | {} | {} | {} |",
        authorization.len(),
        cells[0],
        cells[1]
    );
    [plain, typed]
        .iter()
        .all(|demand| demand.heap <= 1024 * 1024 && demand.micros <= 5_000.0)
}

#[derive(Clone, Copy)]
struct Demand {
    heap: u64,
    micros: f64,
}

fn demand(mut call: Call, status: Option<u16>) -> Demand {
    const ROUNDS: usize = 21;
    let answered = call();
    assert!(status.is_none_or(|status| status == answered), "{answered}");
    let mut micros = [0.0; ROUNDS];
    for round in &mut micros {
        let start = ThreadTime::now();
        black_box(call());
        *round = start.elapsed().as_secs_f64() * 1e6;
    }
    micros.sort_by(f64::total_cmp);
    Demand {
        heap: allocation_counter::measure(|| _ = black_box(call())).bytes_max,
        micros: micros[ROUNDS / 2],
    }
}

fn layer(max_len: usize, typed: bool) -> BearerAuthLayer {
    let key = VerificationKey::from_secret(Algorithm::HS256, SECRET).expect("a key");
    let jwts = JwtVerifier::builder(key)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .roles_claim("roles");
    let jwts = if typed {
        jwts.claims::<serde_json::Value>()
    } else {
        jwts
    };
    let format = TokenFormat::new("st_").expect("a prefix");
    let sessions = OpaqueTokenVerifier::new(Arc::new(MemoryStore::new()), format);
    let router = TokenRouter::builder()
        .prefix("st_", sessions)
        .jwt_issuer(ISSUER, jwts.build().expect("a verifier"))
        .build()
        .expect("a router");
    BearerAuthLayer::builder(router)
        .max_header_len(max_len)
        .clock(ManualClock::new(Timestamp::from_unix_secs(NOW)))
        .build()
        .expect("a layer")
}

fn signed(token: &Hostile) -> String {
    let text = format!("{}.{}", encode(&token.header), encode(&token.payload));
    let key = EncodingKey::from_secret(&SECRET);
    let signature = sign(text.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    format!("{text}.{}", signature.expect("a signature"))
}

fn encode(part: &str) -> String {
    URL_SAFE_NO_PAD.encode_to_string(part)
}
