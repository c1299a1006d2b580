//! How the benches measure: what a contender adds to a request, as a difference within one run.
//!
//! Two services that differ in one thing are called in turn, in many short rounds, on one thread; each
//! round gives the difference of their CPU times per request, and the median of the rounds is reported.
//! Allocations are counted apart, over one batch of calls.

use std::hint::black_box;

pub mod copied;
pub mod credentials;
#[path = "../../examples/greeter/mod.rs"]
pub mod greeter;
pub mod stacks;

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

/// What `with` costs more than `without`.
pub fn added(without: &mut Call, with: &mut Call, calls: u32, rounds: u32) -> Added {
    let mut differences: Vec<f64> = (0..rounds)
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
    differences.sort_by(f64::total_cmp);
    Added {
        nanos: differences[differences.len() / 2],
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
