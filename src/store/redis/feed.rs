use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::RedisStore;
use super::error::{fault, unavailable};
use super::heard::Heard;
use super::link::{Link, together, understood, within};
use super::topology::Topology;
use crate::revocation::{Beat, Ending, Feed, FeedMessage, Subscription};
use crate::store::StoreError;

/// How often a subscription asks whether the masters of a cluster are still the same.
const CHECKED_EACH: Duration = Duration::from_secs(1);
/// How many pushes may wait to be heard.
const QUEUE: usize = 65_536;
/// Of how many beats it is known which masters have passed them on.
const REMEMBERED: usize = 1024;

#[async_trait]
impl Feed for RedisStore {
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        let topology = match &self.inner.link {
            Link::Single(_) => None,
            Link::Cluster(_) => {
                let question = Topology::question();
                let answer = self.within(self.inner.link.ask(&question)).await?;
                Some(Topology::read(answer)?)
            }
        };
        let nodes = match &topology {
            None => vec![None],
            Some(topology) => topology.masters().into_iter().map(Some).collect(),
        };
        let (mouth, heard) = Heard::new(QUEUE);
        let timeout = self.inner.timeout;
        let ears = nodes.into_iter().enumerate().map(|(number, node)| {
            let said = mouth.clone();
            let push = move |push| said.say(number, push);
            async move {
                let ear = self.inner.origin.ear(node.as_ref(), timeout, push);
                listen(ear.await?, &self.inner.channel).await
            }
        });
        let ears = together(ears).await?;
        drop(mouth);
        let mut check = interval(CHECKED_EACH);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Box::new(Ears {
            beats: Beats::new(ears.len()),
            ears,
            heard,
            topology: topology.map(|topology| (topology, check)),
            timeout,
        }))
    }

    async fn beat(&self, beat: Beat) -> Result<(), StoreError> {
        let message = FeedMessage::Beat(beat).encode();
        self.within(async {
            let masters = self.inner.link.masters().await?;
            let calls = masters.iter().map(|node| {
                let mut publish = redis::cmd("PUBLISH");
                publish.arg(&self.inner.channel).arg(&message);
                self.inner.link.ask_node(node.as_ref(), publish)
            });
            together(calls).await.map(drop)
        })
        .await
    }
}

async fn listen(
    mut ear: MultiplexedConnection,
    channel: &str,
) -> Result<MultiplexedConnection, StoreError> {
    // No key is read here, so that of all invalidations those of a flush alone are told. A server or user
    // without tracking tells none.
    let tracking: Result<Value, _> = redis::cmd("CLIENT")
        .arg("TRACKING")
        .arg("ON")
        .query_async(&mut ear)
        .await;
    if let Err(error) = tracking
        && error.is_io_error()
    {
        return Err(fault(error));
    }
    ear.subscribe(channel).await.map_err(fault)?;
    Ok(ear)
}

/// A connection to each master.
struct Ears {
    ears: Vec<MultiplexedConnection>,
    heard: Heard,
    beats: Beats,
    topology: Option<(Topology, Interval)>,
    timeout: Duration,
}

#[async_trait]
impl Subscription for Ears {
    async fn next(&mut self) -> Result<FeedMessage, StoreError> {
        loop {
            let mut changed = pin!(changed(&mut self.topology, &self.ears, self.timeout));
            let heard = &mut self.heard;
            let push = poll_fn(|context| match heard.poll_next(context) {
                Poll::Ready(push) => Poll::Ready(push),
                Poll::Pending => changed.as_mut().poll(context).map(Err),
            });
            let (number, push) = push.await?;
            if let Some(message) = understand(&mut self.beats, number, &push)? {
                return Ok(message);
            }
        }
    }
}

fn understand(
    beats: &mut Beats,
    number: usize,
    push: &PushInfo,
) -> Result<Option<FeedMessage>, StoreError> {
    match push.kind {
        PushKind::Message => {
            let text = match push.data.last() {
                Some(Value::BulkString(text)) => String::from_utf8_lossy(text),
                _ => "".into(),
            };
            Ok(match FeedMessage::decode(&text) {
                FeedMessage::Beat(beat) if !beats.hear(number, beat) => None,
                message => Some(message),
            })
        }
        // No keys are tracked, so that all were flushed.
        PushKind::Invalidate => Ok(Some(FeedMessage::Ending(Ending::Anything))),
        PushKind::Disconnection | PushKind::Unsubscribe => {
            Err(unavailable("a connection of the feed was lost"))
        }
        _ => Ok(None),
    }
}

/// Waits until the masters are not those any more, or do not say so.
async fn changed(
    topology: &mut Option<(Topology, Interval)>,
    ears: &[MultiplexedConnection],
    timeout: Duration,
) -> StoreError {
    let Some((topology, check)) = topology else {
        return std::future::pending().await;
    };
    let question = Topology::question();
    loop {
        check.tick().await;
        let answers = ears.iter().map(|ear| {
            let (mut ear, question) = (ear.clone(), &question);
            async move {
                let answer = understood(ear.send_packed_command(question).await)?;
                Topology::read(answer)
            }
        });
        match within(timeout, together(answers)).await {
            Ok(seen) if seen.iter().all(|seen| seen == topology) => {}
            Ok(_) => return unavailable("the masters of the cluster have changed"),
            Err(error) => return error,
        }
    }
}

/// Which beats have come by which way.
///
/// A beat that all masters have passed on shows that what was ended before was heard: each connection keeps
/// its order.
struct Beats {
    ways: usize,
    open: HashMap<(u64, u64), Vec<bool>>,
    order: VecDeque<(u64, u64)>,
}

impl Beats {
    fn new(ways: usize) -> Self {
        Self {
            ways,
            open: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Whether the beat has come by every way just now.
    fn hear(&mut self, way: usize, beat: Beat) -> bool {
        if self.ways == 1 {
            return true;
        }
        let name = (beat.node, beat.number);
        let heard = self.open.entry(name).or_insert_with(|| {
            self.order.push_back(name);
            vec![false; self.ways]
        });
        let was_whole = heard.iter().all(|heard| *heard);
        heard[way] = true;
        let is_whole = !was_whole && heard.iter().all(|heard| *heard);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_heard_once_when_every_way_has_brought_it() {
        let mut beats = Beats::new(3);
        let beat = Beat { node: 1, number: 7 };
        let ways = [0, 0, 1, 0, 2, 1, 2];
        let heard = ways.map(|way| beats.hear(way, beat));
        assert_eq!(heard, [false, false, false, false, true, false, false]);
        for number in 0..2 * REMEMBERED as u64 {
            beats.hear(0, Beat { node: 2, number });
        }
        assert_eq!(beats.open.len(), REMEMBERED);
    }
}
