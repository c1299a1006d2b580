//! The locks and counters of the protocols that `models/` explores. There they are those of shuttle, which
//! tries one order of events after another.

#[cfg(tower_bearer_model)]
use shuttle::sync;
#[cfg(not(tower_bearer_model))]
use std::sync;

#[cfg(feature = "tokens")]
pub(crate) use sync::RwLockReadGuard;
#[cfg(feature = "tokens")]
pub(crate) use sync::atomic::AtomicBool;
#[cfg(feature = "cache")]
pub(crate) use sync::{Mutex, MutexGuard};
pub(crate) use sync::{
    RwLock,
    atomic::{AtomicU64, Ordering},
};
