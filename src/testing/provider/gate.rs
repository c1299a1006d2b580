use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// Holds answers back until it is opened, for [`Fault::Held`](super::Fault::Held). Clones are the same gate.
///
/// A slow provider without a timer: the test says when the answer comes, and knows who waits for it.
///
/// ```
/// use tower_bearer::testing::provider::{Fault, Gate, IdentityProvider};
///
/// async fn one_waits(provider: &IdentityProvider, ask: impl Future<Output = ()> + Send + 'static) {
///     let gate = Gate::new();
///     provider.fail(Fault::Held(gate.clone()));
///     let asking = tokio::spawn(ask);
///     gate.reached(1).await; // one request waits now
///     provider.recover(); // those that follow do not
///     gate.open();
///     asking.await.expect("an answer, late");
/// }
/// ```
#[derive(Clone)]
pub struct Gate {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    is_open: bool,
    reached: usize,
}

impl Gate {
    /// A gate that is shut.
    #[must_use]
    pub fn new() -> Self {
        let (state, _) = watch::channel(State {
            is_open: false,
            reached: 0,
        });
        Self {
            state: Arc::new(state),
        }
    }

    /// Lets the answers go that wait, and every later one at once.
    pub fn open(&self) {
        self.state.send_modify(|state| state.is_open = true);
    }

    /// Waits until so many requests have come to this gate, those that have left counted too.
    pub async fn reached(&self, requests: usize) {
        self.wait_for(|state| state.reached >= requests).await;
    }

    /// Comes to the gate, and passes once it is open.
    pub(super) async fn pass(&self) {
        self.state.send_modify(|state| state.reached += 1);
        self.wait_for(|state| state.is_open).await;
    }

    async fn wait_for(&self, is_so: impl FnMut(&State) -> bool) {
        // It cannot fail: the sender is here.
        let _ = self.state.subscribe().wait_for(is_so).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = *self.state.borrow();
        f.debug_struct("Gate")
            .field("is_open", &state.is_open)
            .field("reached", &state.reached)
            .finish()
    }
}
