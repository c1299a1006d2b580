//! The server behind the provider, on a thread of its own.

use std::future::pending;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::runtime::{Builder, Handle};
use tokio::task::AbortHandle;

use super::answer;
use super::body::{Body, OnPurpose};
use super::endpoint::Endpoint;
use super::fault::Outcome;
use super::state::State;

/// What of a request's body is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// One thread for every provider of the process: a test that blocks its own does not hold them up.
static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.expect("a runtime for the identity provider");
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("identity-provider".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))
        .expect("a thread for the identity provider");
    handle
});

/// Serves until it is dropped.
pub(super) struct Server {
    accepting: AbortHandle,
    connections: Arc<Mutex<Connections>>,
}

#[derive(Default)]
struct Connections {
    open: Vec<AbortHandle>,
    has_ended: bool,
}

/// A free port of 127.0.0.1, and what listens on it from now on.
pub(super) fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port of 127.0.0.1");
    let address = listener.local_addr().expect("the listener's address");
    (listener, address.port())
}

impl Server {
    pub(super) fn start(listener: TcpListener, state: Arc<State>) -> Self {
        listener
            .set_nonblocking(true)
            .expect("a listener that does not block");
        let connections = Arc::default();
        let accepting = RUNTIME.spawn(accept(listener, state, Arc::clone(&connections)));
        Self {
            accepting: accepting.abort_handle(),
            connections,
        }
    }

    /// Cuts every connection.
    pub(super) fn cut_all(&self) {
        let mut connections = lock(&self.connections);
        let open = connections.open.drain(..);
        open.for_each(|connection| connection.abort());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        lock(&self.connections).has_ended = true;
        self.cut_all();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, connections: Arc<Mutex<Connections>>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    loop {
        // It fails where the process has no more files: those who wait may get one later.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut connections = lock(&connections);
        if connections.has_ended || state.is_down() {
            continue;
        }
        let state = Arc::clone(&state);
        let service = service_fn(move |request| serve(Arc::clone(&state), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // How it ends is the client's matter, or the fault's.
        let task = tokio::spawn(async move { drop(connection.await) });
        let open = &mut connections.open;
        open.retain(|connection| !connection.is_finished());
        open.push(task.abort_handle());
    }
}

async fn serve(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, OnPurpose> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body: Bytes = body.map_err(|_| OnPurpose)?.to_bytes();
    let request = Request::from_parts(parts, body);
    let endpoint = Endpoint::asked_for(request.uri().path(), &state.path);
    match state.note(endpoint, request.clone()) {
        Outcome::Closed => Err(OnPurpose),
        Outcome::Right => Ok(answer::right(&state, endpoint, &request)),
        Outcome::RightOnceOpen(gate) => {
            let answer = answer::right(&state, endpoint, &request);
            gate.pass().await;
            Ok(answer)
        }
        Outcome::Wrong(answer) => Ok(answer),
    }
}

fn lock(connections: &Mutex<Connections>) -> MutexGuard<'_, Connections> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}
