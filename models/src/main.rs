//! Explores interleavings of verifying, remembering, admitting and revoking, in the crate itself, and fails
//! where a request is let in that must not be.

mod epoch;
mod revoke;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, Runner};

/// One thing that must hold, whatever the order of events.
struct Model {
    name: &'static str,
    run: fn(),
}

const HOLD: &[Model] = &[
    Model {
        name: "a token that is judged while it is revoked",
        run: revoke::in_order,
    },
    Model {
        name: "a token that is remembered while it is revoked",
        run: revoke::remembered,
    },
    Model {
        name: "two requests with one token, remembered and revoked",
        run: revoke::crowd,
    },
    Model {
        name: "a write that was given up leaves nothing remembered",
        run: revoke::given_up,
    },
    Model {
        name: "what is forgotten while it is judged does not come back",
        run: epoch::forgotten,
    },
];

/// The same with a mistake in them, to show that the models would see it.
const FAIL: &[Model] = &[
    Model {
        name: "noted before it is written",
        run: revoke::noted_before_written,
    },
    Model {
        name: "looked up before the generation is read",
        run: revoke::looked_up_before_read,
    },
    Model {
        name: "returned before it is noted",
        run: revoke::never_noted,
    },
    Model {
        name: "forgotten before it is ended",
        run: epoch::forgotten_before_ended,
    },
];

/// What the models say where a request is let in that must not be.
const ASSERTED: &[&str] = &[revoke::LET_IN, epoch::REMEMBERED, epoch::CAME_BACK];

/// Enough for a mistake to be met many times over.
const ENOUGH: usize = 5_000;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(wanted) = wanted.filter(|wanted: &usize| *wanted >= 2 * HOLD.len()) else {
        eprintln!("how many interleavings? at least {}", 2 * HOLD.len());
        return ExitCode::FAILURE;
    };
    let unseen = FAIL.iter().filter(|model| !is_seen(model));
    let unseen: Vec<_> = unseen.map(|model| model.name).collect();
    if !unseen.is_empty() {
        eprintln!("mistakes that were not seen: {unseen:?}");
        return ExitCode::FAILURE;
    }
    println!("{} mistakes put in, each was seen", FAIL.len());
    let mut explored = 0;
    for model in HOLD {
        match explore(
            model,
            wanted.div_ceil(HOLD.len()),
            FailurePersistence::Print,
        ) {
            Ok(count) => {
                println!("{count:>9}  {}", model.name);
                explored += count;
            }
            Err(()) => {
                eprintln!("   FAILED  {}", model.name);
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{explored:>9}  interleavings explored, and each was right");
    ExitCode::SUCCESS
}

/// Whether a model fails by what it asserts itself, and not by a deadlock or a slip.
fn is_seen(model: &Model) -> bool {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    SAID.lock().expect("whole").clear();
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or_default().to_owned();
        SAID.lock().expect("whole").push(said);
    }));
    let has_failed = explore(model, ENOUGH, FailurePersistence::None).is_err();
    let _ = std::panic::take_hook();
    let said = SAID.lock().expect("whole");
    has_failed && said.first().is_some_and(|said| ASSERTED.contains(&&**said))
}

/// Half of them at random, and half with few changes of who goes on, which finds what is rare.
fn explore(model: &Model, count: usize, persistence: FailurePersistence) -> Result<usize, ()> {
    let (run, half) = (model.run, count.div_ceil(2));
    let mut config = Config::new();
    config.failure_persistence = persistence;
    let explored = catch_unwind(AssertUnwindSafe(|| {
        let random = Runner::new(RandomScheduler::new(half), config.clone()).run(run);
        random + Runner::new(PctScheduler::new(3, half), config).run(run)
    }));
    explored.map_err(drop)
}
