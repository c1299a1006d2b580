//! Many issuers, each with keys of its own, and what they take in memory.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};

use http::StatusCode;
use tower_bearer::testing::provider::IdentityProvider;
use tower_bearer::verifier::Issuers;

use crate::site::{AUDIENCE, Door, http};
use crate::tally::{Answers, Tally};

/// What tells the program to be the providers. They have a process of their own, so that their memory is not
/// counted.
pub(crate) const NAME: &str = "provide";
/// What an issuer may take, in KiB.
const LIMIT: f64 = 64.0;

/// Starts so many providers, says the name of each and a token, and ends with whoever started it.
pub(crate) fn provide(providers: &str) -> ExitCode {
    let Ok(providers) = providers.parse() else {
        return ExitCode::from(2);
    };
    let providers: Vec<_> = (0..providers).map(|_| IdentityProvider::start()).collect();
    for provider in &providers {
        println!("{}", provider.token("alice").issue());
    }
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

pub(crate) async fn run(tally: &Tally, issuers: u32) {
    let program = std::env::current_exe().expect("this program");
    let mut process = Command::new(program)
        .args([NAME, &issuers.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the providers");
    let output = BufReader::new(process.stdout.take().expect("what they say"));
    let tokens: Vec<String> = output
        .lines()
        .map_while(Result::ok)
        .take(issuers as usize)
        .collect();

    let verifier = Issuers::builder(|issuer| issuer.starts_with("http://127.0.0.1:"))
        .http(http())
        .discover(|jwt, _| jwt.audience(AUDIENCE).token_type("at+jwt"))
        .capacity(tokens.len())
        .build();
    let door = Door::new(verifier.expect("a verifier"));
    let before = resident();
    let mut first = Answers::default();
    for token in &tokens {
        door.note(token, &mut first).await;
    }
    let each = (resident() - before) / f64::from(issuers);
    let mut second = Answers::default();
    for token in &tokens {
        door.note(token, &mut second).await;
    }
    println!("issuers: {issuers}, each discovered when its first token comes");
    println!(
        "  the first token of each: {}; {}",
        first.told(),
        first.spread()
    );
    println!("  the next: {}; {}", second.told(), second.spread());
    println!(
        "  memory: {each:.1} KiB each, {:.1} MiB in all",
        each * f64::from(issuers) / 1024.0
    );
    let all = u64::from(issuers);
    tally.hold(
        first.of(StatusCode::OK) == all && second.of(StatusCode::OK) == all,
        || {
            format!(
                "good tokens of {issuers} issuers: {}, then {}",
                first.told(),
                second.told()
            )
        },
    );
    tally.hold(each <= LIMIT, || {
        format!("an issuer takes {each:.1} KiB, of {LIMIT} at most")
    });
    drop(process.stdin.take());
    let _ = process.wait();
}

/// The resident memory of this process, in KiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("kilobytes")
}
