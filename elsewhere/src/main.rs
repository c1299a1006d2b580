//! Keys that come from elsewhere, through floods, crowds, withdrawals and outages, and what came of each.
//!
//! `tower-bearer-elsewhere issuers|cost|flood|crowd|withdrawal|outage [requests [seconds]]` sends so many requests,
//! 100,000 unless told, a crowd of a tenth of them and to a hundredth as many issuers, or has the identity
//! provider down for so long, ten minutes unless told. `all` is each of them in turn. A promise that was broken
//! is printed, and then the status is 1.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod cost;
mod crowd;
mod flood;
mod issuers;
mod outage;
#[path = "../../tests/support/servers/mod.rs"]
mod servers;
mod site;
mod tally;
mod withdrawal;

use std::process::ExitCode;
use std::time::Duration;

use tally::Tally;

/// The issuers first: their memory is told apart best while none was given back.
const KNOWN: [&str; 6] = ["issuers", "cost", "flood", "crowd", "withdrawal", "outage"];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [issuers::NAME, providers] = arguments[..] {
        return issuers::provide(providers);
    }
    let number = |place: usize, default: u32| match arguments.get(place) {
        Some(text) => text.parse().ok().filter(|number| *number > 0),
        None => Some(default),
    };
    let which = arguments.first().copied().unwrap_or_default();
    let is_known = KNOWN.contains(&which) || which == "all";
    let (Some(requests), Some(seconds), true, ..=3) = (
        number(1, 100_000),
        number(2, 600),
        is_known,
        arguments.len(),
    ) else {
        eprintln!(
            "usage: tower-bearer-elsewhere {}|all [requests [seconds of outage]]",
            KNOWN.join("|")
        );
        return ExitCode::from(2);
    };
    let seconds = Duration::from_secs(seconds.into());
    let tally = Tally::default();
    for name in KNOWN
        .into_iter()
        .filter(|name| [name, "all"].contains(&which))
    {
        match name {
            "cost" => cost::run(&tally).await,
            "flood" => flood::run(&tally, requests).await,
            "crowd" => crowd::run(&tally, requests.div_ceil(10)).await,
            "withdrawal" => withdrawal::run(&tally, seconds / 20).await,
            "issuers" => issuers::run(&tally, requests.div_ceil(100)).await,
            _ => outage::run(&tally, seconds).await,
        }
    }
    println!("{} promises broken", tally.broken());
    if tally.broken() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
