use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use redis::PushInfo;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::error::unavailable;
use crate::store::StoreError;

/// What the connections of a feed have pushed, in a queue of bounded length.
///
/// A connection cannot be made to wait, so that what does not fit is lost. From then on the subscription
/// fails: whoever hears it has missed something, and begins anew.
pub(super) struct Heard {
    queue: Receiver<(usize, PushInfo)>,
    is_full: Arc<AtomicBool>,
}

/// A connection's way into the queue.
#[derive(Clone)]
pub(super) struct Mouth {
    queue: Sender<(usize, PushInfo)>,
    is_full: Arc<AtomicBool>,
}

impl Heard {
    /// A queue of this length, and the way into it.
    pub(super) fn new(len: usize) -> (Mouth, Self) {
        let (said, queue) = channel(len);
        let mouth = Mouth {
            queue: said,
            is_full: Arc::default(),
        };
        let is_full = Arc::clone(&mouth.is_full);
        (mouth, Self { queue, is_full })
    }

    /// The next push, and by which connection it came.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(usize, PushInfo), StoreError>> {
        if self.is_full.load(Ordering::SeqCst) {
            let problem = "more came by the feed than could be heard";
            return Poll::Ready(Err(unavailable(problem)));
        }
        let next = self.queue.poll_recv(context);
        next.map(|next| next.ok_or_else(|| unavailable("the connections of the feed are closed")))
    }
}

impl Mouth {
    pub(super) fn say(&self, number: usize, push: PushInfo) -> Result<(), ()> {
        match self.queue.try_send((number, push)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                // Whoever hears has a full queue to go on with, and sees this at the next push.
                self.is_full.store(true, Ordering::SeqCst);
                Err(())
            }
            Err(TrySendError::Closed(_)) => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use redis::PushKind;

    use super::*;

    fn push() -> PushInfo {
        PushInfo {
            kind: PushKind::Message,
            data: Vec::new(),
        }
    }

    #[tokio::test]
    async fn what_is_more_than_can_wait_ends_the_subscription_though_there_is_room_again() {
        let (one, mut heard) = Heard::new(3);
        let two = one.clone();
        for number in 0..30 {
            one.say(number, push()).expect("there is room");
            let next = poll_fn(|context| heard.poll_next(context)).await;
            assert_eq!(next.expect("a push").0, number);
        }
        for mouth in [&one, &two, &one] {
            mouth.say(0, push()).expect("there is room");
        }
        two.say(0, push()).expect_err("three wait");
        for _ in 0..2 {
            let next = poll_fn(|context| heard.poll_next(context)).await;
            assert!(matches!(next, Err(StoreError::Unavailable { .. })));
        }
    }

    #[tokio::test]
    async fn once_all_connections_are_gone_the_subscription_ends() {
        let (mouth, mut heard) = Heard::new(3);
        drop(mouth);
        let next = poll_fn(|context| heard.poll_next(context)).await;
        assert!(matches!(next, Err(StoreError::Unavailable { .. })));
    }
}
