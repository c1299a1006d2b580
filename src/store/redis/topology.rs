use redis::{Cmd, Value};

use super::error::{fault, malformed};
use crate::store::StoreError;

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Which master has which slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology {
    ranges: Vec<(u16, u16, Node)>,
}

impl Topology {
    pub(super) fn question() -> Cmd {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        command
    }

    pub(super) fn read(answer: Value) -> Result<Self, StoreError> {
        let answer: Vec<Vec<Value>> =
            redis::from_redis_value(answer).map_err(|error| fault(error.into()))?;
        let ranges = answer
            .into_iter()
            .map(read_range)
            .collect::<Option<Vec<_>>>();
        let mut ranges = ranges.ok_or_else(|| malformed("the list of a cluster's slots"))?;
        ranges.sort();
        Ok(Self { ranges })
    }

    pub(super) fn masters(&self) -> Vec<Node> {
        let mut masters: Vec<_> = self
            .ranges
            .iter()
            .map(|(_, _, node)| node.clone())
            .collect();
        masters.sort();
        masters.dedup();
        masters
    }
}

/// First and last slot, then the master's address, port and more, then the replicas'.
fn read_range(range: Vec<Value>) -> Option<(u16, u16, Node)> {
    let mut range = range.into_iter();
    let first = redis::from_redis_value(range.next()?).ok()?;
    let last = redis::from_redis_value(range.next()?).ok()?;
    let mut master = range.next()?.into_sequence().ok()?.into_iter();
    let host: String = redis::from_redis_value(master.next()?).ok()?;
    let port = redis::from_redis_value(master.next()?).ok()?;
    (!host.is_empty()).then_some((first, last, Node { host, port }))
}
