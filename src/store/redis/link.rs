use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, ScriptInvocation, Value};

use super::error::{fault, unavailable};
use super::topology::{Node, Topology};
use crate::store::StoreError;

/// The way to the server, or to every node of a cluster.
#[derive(Clone)]
pub(super) enum Link {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, StoreError> {
        let mut link = self.clone();
        understood(link.req_packed_command(command).await)
    }

    pub(super) async fn run(&self, call: &ScriptInvocation<'_>) -> Result<Value, StoreError> {
        call.invoke_async(&mut self.clone()).await.map_err(fault)
    }

    /// The masters of the cluster; of a single server, one that has no address.
    pub(super) async fn masters(&self) -> Result<Vec<Option<Node>>, StoreError> {
        match self {
            Self::Single(_) => Ok(vec![None]),
            Self::Cluster(_) => {
                let topology = Topology::read(self.ask(&Topology::question()).await?)?;
                Ok(topology.masters().into_iter().map(Some).collect())
            }
        }
    }

    /// Asks one of the [`masters`](Self::masters).
    pub(super) async fn ask_node(
        &self,
        node: Option<&Node>,
        command: Cmd,
    ) -> Result<Value, StoreError> {
        match (self, node) {
            (Self::Cluster(cluster), Some(node)) => {
                let routing = SingleNodeRoutingInfo::ByAddress {
                    host: node.host.clone(),
                    port: node.port,
                };
                let routing = RoutingInfo::SingleNode(routing);
                let mut cluster = cluster.clone();
                let answer = cluster.route_command(command, routing).await;
                understood(answer)
            }
            _ => self.ask(&command).await,
        }
    }
}

/// The answer, which may hold an error of the server's.
pub(super) fn understood(answer: RedisResult<Value>) -> Result<Value, StoreError> {
    let answer = answer.and_then(Value::extract_error);
    answer.map_err(fault)
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(link) => link.req_packed_command(cmd),
            Self::Cluster(link) => link.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(link) => link.req_packed_commands(pipeline, offset, count),
            Self::Cluster(link) => link.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(link) => link.get_db(),
            Self::Cluster(link) => link.get_db(),
        }
    }
}

/// Waits for `call` as long as a call may take.
pub(super) async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(timeout, call).await {
        Ok(result) => result,
        Err(late) => Err(unavailable(late)),
    }
}

/// Has all of them under way at once, and waits for all. The first error counts.
pub(super) async fn together<T, F>(calls: impl IntoIterator<Item = F>) -> Result<Vec<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut running: Vec<Call<F, T>> = calls
        .into_iter()
        .map(|call| Call::Running(Box::pin(call)))
        .collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for call in &mut running {
            if let Call::Running(future) = call {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *call = Call::Ended(output),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let ended = running.into_iter().filter_map(|call| match call {
        Call::Ended(output) => Some(output),
        Call::Running(_) => None,
    });
    ended.collect()
}

enum Call<F, T> {
    Running(Pin<Box<F>>),
    Ended(Result<T, StoreError>),
}
