//! What the layer adds to a request: CPU time and allocations, by path and stack.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench added
//! ```
//!
//! "Added" is the service with the layer minus the same service without it, in one run, as
//! [`tower_bearer_benches`] says. Beside it stands the extractor that is copied from axum's JWT example.

use jsonwebtoken::crypto::aws_lc;
use tower_bearer::keys::Algorithm;
use tower_bearer::{BearerAuthLayer, TokenVerifier};
use tower_bearer_benches::credentials::{Credential, api_key, jwt, jwt_seen, opaque, session_seen};
use tower_bearer_benches::stacks::{Stack, router, with, without};
use tower_bearer_benches::{Added, added, check, copied, rounds};

const ROUNDS: u32 = 201;
const STACKS: [Stack; 3] = [Stack::Bare, Stack::Axum, Stack::Tonic];

fn main() {
    aws_lc::DEFAULT_PROVIDER
        .install_default()
        .expect("the first to choose");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let credentials = runtime.block_on(async {
        vec![
            opaque().await,
            api_key().await,
            jwt_seen(),
            session_seen().await,
            jwt(Algorithm::HS256),
            jwt(Algorithm::RS256),
            jwt(Algorithm::EdDSA),
            jwt(Algorithm::ES256),
        ]
    });

    println!("| path | bare | axum | tonic | copied extractor, axum |");
    println!("|---|---|---|---|---|");
    let first = &credentials[0];
    row(
        "no credential, refused",
        STACKS.map(|stack| refused(stack, first, None)),
        None,
    );
    let junk = Some("Bearer st_no-such-token");
    row(
        "junk, refused",
        STACKS.map(|stack| refused(stack, first, junk)),
        None,
    );
    for credential in &credentials {
        let ours = STACKS.map(|stack| admitted(stack, credential));
        row(credential.name, ours, rival(credential));
    }
}

fn admitted(stack: Stack, credential: &Credential) -> Added {
    let layer = layer(credential);
    let (good, forged) = (bearer(&credential.good), bearer(&credential.forged));
    let mut base = without(stack, Some(&good));
    let mut ours = with(stack, &layer, Some(&good));
    check(base() == ours(), "a good credential is let in");
    check(
        ours() != with(stack, &layer, Some(&forged))(),
        "a forged one is refused",
    );
    check(
        ours() != with(stack, &layer, None)(),
        "a missing one is refused",
    );
    added(&mut base, &mut ours, calls(credential), rounds(ROUNDS))
}

/// What a refusal costs in all: nothing is called, so there is nothing to take off.
fn refused(stack: Stack, credential: &Credential, authorization: Option<&str>) -> Added {
    let mut ours = with(stack, &layer(credential), authorization);
    let expected = if stack == Stack::Tonic { 16 } else { 401 };
    check(ours() == expected, "it is refused");
    // The base is the cost of making the request.
    let mut base = tower_bearer_benches::stacks::request_only(stack, authorization);
    added(&mut base, &mut ours, 2_000, rounds(ROUNDS))
}

fn rival(credential: &Credential) -> Option<Added> {
    let keys = credential.copied.as_ref()?;
    let (good, forged) = (bearer(&credential.good), bearer(&credential.forged));
    let call = |authorization: Option<&str>| router(copied::router(keys.clone()), authorization);
    let mut base = without(Stack::Axum, Some(&good));
    let mut theirs = call(Some(&good));
    check(theirs() == 200, "the rival lets a good credential in");
    check(
        call(Some(&forged))() == 401,
        "the rival refuses a forged one",
    );
    check(call(None)() == 401, "the rival refuses a missing one");
    Some(added(
        &mut base,
        &mut theirs,
        calls(credential),
        rounds(ROUNDS),
    ))
}

fn calls(credential: &Credential) -> u32 {
    match credential.name {
        "JWT new, HS256" => 500,
        name if name.starts_with("JWT new") => 50,
        _ => 2_000,
    }
}

fn layer(credential: &Credential) -> BearerAuthLayer {
    let verifier: std::sync::Arc<dyn TokenVerifier> = credential.verifier.clone();
    BearerAuthLayer::new(verifier)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn row(name: &str, ours: [Added; 3], rival: Option<Added>) {
    let [bare, axum, tonic] = ours.map(cell);
    let rival = rival.map_or("-".to_owned(), cell);
    println!("| {name} | {bare} | {axum} | {tonic} | {rival} |");
}

fn cell(added: Added) -> String {
    format!("{:.0} ns, {:.1} allocs", added.nanos, added.allocations)
}
