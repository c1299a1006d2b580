//! How the benches measure: what a contender adds to a request, as a difference within one run.
//!
//! Two services that differ in one thing are called in turn, in many short rounds, on one thread; each
//! round gives the difference of their CPU times per request, and the median of the rounds is reported.
//! Allocations are counted apart, over one batch of calls.

use std::hint::black_box;

pub mod bare;
pub mod copied;
pub mod credentials;
pub mod databases;
pub mod entries;
#[path = "../../examples/greeter/mod.rs"]
pub mod greeter;
pub mod junk;
pub mod stacks;
pub mod stations;

use cpu_time::ThreadTime;

/// One way of answering a request; the number it returns is the HTTP or gRPC status.
pub type Call = Box<dyn FnMut() -> u16>;

/// What one contender costs over another.
#[derive(Debug, Clone, Copy)]
pub struct Added {
    /// Median of the rounds, in nanoseconds of CPU time per request.
    pub nanos: f64,
    /// Heap allocations per request.
    pub allocations: f64,
}

/// How many rounds to run: `full`, or what `BENCH_ROUNDS` in the environment says, for a run that only
/// shows that it runs.
#[must_use]
pub fn rounds(full: u32) -> u32 {
    let rounds = std::env::var("BENCH_ROUNDS").ok();
    rounds
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(full)
        .max(1)
}

/// What a table says beside a goal. A run cut short by `BENCH_ROUNDS` says nothing of it.
#[must_use]
pub fn verdict(met: bool) -> &'static str {
    match (std::env::var_os("BENCH_ROUNDS").is_some(), met) {
        (true, _) => "short run",
        (false, true) => "met",
        (false, false) => "not met",
    }
}

/// Ends the bench unless what it measures does what it is measured for.
///
/// # Panics
/// If it does not.
pub fn check(holds: bool, what: &str) {
    assert!(holds, "not so: {what}");
}

/// The middle one.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What `with` costs more than `without`.
pub fn added(without: &mut Call, with: &mut Call, calls: u32, rounds: u32) -> Added {
    let differences = (0..rounds)
        .map(|round| {
            // The order changes from round to round, so that neither is always the warmer one.
            if round % 2 == 0 {
                let base = nanos_per_call(without, calls);
                nanos_per_call(with, calls) - base
            } else {
                let full = nanos_per_call(with, calls);
                full - nanos_per_call(without, calls)
            }
        })
        .collect();
    Added {
        nanos: median(differences),
        allocations: allocations_per_call(with) - allocations_per_call(without),
    }
}

fn nanos_per_call(call: &mut Call, calls: u32) -> f64 {
    let start = ThreadTime::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn allocations_per_call(call: &mut Call) -> f64 {
    const CALLS: u32 = 200;
    let counted = allocation_counter::measure(|| {
        for _ in 0..CALLS {
            black_box(call());
        }
    });
    counted.count_total as f64 / f64::from(CALLS)
}
