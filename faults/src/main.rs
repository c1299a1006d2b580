//! Kills what tokens are kept by, again and again, under load, and tells what came of it.
//!
//! `tower-bearer-faults postgres|redis [rounds [rate]]` sends so many requests a second through the layers
//! of three nodes, 2,000 unless told, while tokens are issued and revoked, and kills and restarts the server
//! once a round, a hundred times unless told. `tower-bearer-faults sqlite [rounds]` kills the very process
//! that issues and revokes. `all` is each of them in turn. A promise that was broken is printed, and then the
//! status is 1.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod ledger;
mod load;
mod nodes;
mod process;
mod pulse;
mod rounds;
#[path = "../../tests/support/servers/mod.rs"]
mod servers;
mod tally;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

const KNOWN: [&str; 3] = ["postgres", "redis", "sqlite"];

/// How many panics there were, on whatever thread.
static PANICS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [process::NAME, path] = arguments[..] {
        return process::run(path).await;
    }
    let number = |place: usize, default: u32| match arguments.get(place) {
        Some(text) => text.parse().ok().filter(|number| *number > 0),
        None => Some(default),
    };
    let which = arguments.first().copied().unwrap_or_default();
    let is_known = KNOWN.contains(&which) || which == "all";
    let (Some(rounds), Some(rate), true, ..=3) =
        (number(1, 100), number(2, 2_000), is_known, arguments.len())
    else {
        eprintln!(
            "usage: tower-bearer-faults postgres|redis|sqlite|all [rounds [requests a second]]"
        );
        return ExitCode::from(2);
    };
    count_panics();
    let mut broken = 0;
    for name in KNOWN
        .into_iter()
        .filter(|name| [name, "all"].contains(&which))
    {
        broken += match name {
            "postgres" => rounds::postgres(rounds, rate).await,
            "redis" => rounds::redis(rounds, rate).await,
            _ => process::kill_again_and_again(rounds).await,
        };
    }
    let panics = PANICS.load(Ordering::Relaxed);
    println!("{broken} promises broken, {panics} panics");
    if broken + panics == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A panic of a task ends that task alone, and would go unseen.
fn count_panics() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        told(panic);
    }));
}
