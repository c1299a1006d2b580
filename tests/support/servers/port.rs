use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};

use super::process::user_id;

/// A port of 127.0.0.1 that is ours while this value lives: no other test's server gets it, also
/// while our own is down.
///
/// It is none of those that the kernel gives to whoever asks for any port: a listener of another
/// test could be given this one meanwhile, and the server could not come back.
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// A port that nobody listens on, nor on the one of a Redis cluster that belongs to it.
    pub fn free() -> Self {
        // Processes begin at places of their own, and seldom meet.
        let begin = std::process::id() % COUNT;
        let numbers = (0..COUNT).map(|step| FIRST + ((begin + step) % COUNT) as u16);
        numbers
            .into_iter()
            .find_map(Self::take)
            .expect("a free port")
    }

    fn take(number: u16) -> Option<Self> {
        // One place for all processes of a user, whatever their folder for other things.
        let folder = format!("/tmp/tower-bearer-ports-{}", user_id());
        std::fs::create_dir_all(&folder).unwrap();
        let lock = File::create(format!("{folder}/{number}")).unwrap();
        lock.try_lock().ok()?;
        let is_free = |number| TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
        (is_free(number) && is_free(number + TO_BUS)).then_some(Self {
            number,
            _lock: lock,
        })
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

/// With those of the clusters they end at 30000; the kernel's begin at 32768.
const FIRST: u16 = 10_000;
const COUNT: u32 = 10_000;

/// From a Redis server's port to that on which it speaks to its cluster.
const TO_BUS: u16 = 10_000;
