use std::future::pending;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::port::Port;

/// What a [`Proxy`] does to those who come through it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every connection is cut, and new ones are closed at once.
    Cut,
    /// Every connection is cut, and nobody listens on the port.
    Refuse,
    /// What is sent is held, either way, until the fault ends.
    Hang,
    /// What is sent comes so much later, either way.
    Delay(Duration),
    /// A connection is cut once the server has sent so many bytes on it, which still come.
    CutAfter(usize),
}

/// Stands before a server, on a port of its own, and fails as the test says.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    is_open: watch::Receiver<bool>,
}

#[derive(Clone, Copy)]
struct State {
    fault: Fault,
    /// How often all connections were cut; one ends when this is no longer what it began with.
    cuts: u64,
}

impl Proxy {
    /// A proxy before the server on that port of 127.0.0.1. Dropped, it cuts all connections.
    pub async fn before(port: u16) -> Self {
        let own = Port::free();
        let number = own.number();
        let listener = listen(&own).await;
        let (state, seen) = watch::channel(State {
            fault: Fault::None,
            cuts: 0,
        });
        let (opened, is_open) = watch::channel(true);
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        tokio::spawn(accept(listener, own, server, seen, opened));
        Self {
            port: number,
            state,
            is_open,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Fails in this way from now on: for connections that are open, and for new ones.
    pub async fn set(&self, fault: Fault) {
        self.state.send_modify(|state| {
            state.fault = fault;
            state.cuts += u64::from(matches!(fault, Fault::Cut | Fault::Refuse));
        });
        let mut is_open = self.is_open.clone();
        let waited = is_open.wait_for(|is_open| *is_open == (fault != Fault::Refuse));
        assert!(waited.await.is_ok(), "the proxy has ended");
    }

    /// Cuts the connections that are open, once.
    pub fn cut_all(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

async fn accept(
    listener: TcpListener,
    own: Port,
    server: SocketAddr,
    mut state: watch::Receiver<State>,
    opened: watch::Sender<bool>,
) {
    let mut listener = Some(listener);
    loop {
        let refuses = state.borrow_and_update().fault == Fault::Refuse;
        if refuses {
            listener.take().into_iter().for_each(close);
        } else if listener.is_none() {
            listener = Some(listen(&own).await);
        }
        opened.send_replace(!refuses);
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = state.changed() => if changed.is_err() {
                return;
            },
            accepted = accepted => if let Ok((client, _)) = accepted {
                let now = *state.borrow();
                tokio::spawn(serve(client, server, state.clone(), now));
            },
        }
    }
}

async fn listen(own: &Port) -> TcpListener {
    TcpListener::bind(("127.0.0.1", own.number()))
        .await
        .unwrap()
}

/// Nobody listens when this returns, even if a program that another thread starts just now holds a
/// copy of the socket until it runs.
fn close(listener: TcpListener) {
    let socket = OwnedFd::from(listener.into_std().unwrap());
    let socket = std::net::TcpStream::from(socket);
    socket.shutdown(Shutdown::Both).unwrap();
}

async fn serve(client: TcpStream, server: SocketAddr, state: watch::Receiver<State>, begun: State) {
    if begun.fault == Fault::Cut {
        return;
    }
    let mut cut = state.clone();
    let cut = async move {
        let _ = cut.wait_for(|state| state.cuts != begun.cuts).await;
    };
    let both = async move {
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        let (client_in, client_out) = client.into_split();
        let (server_in, server_out) = server.into_split();
        let _ = tokio::try_join!(
            carry(client_in, server_out, state.clone(), false),
            carry(server_in, client_out, state, true),
        );
    };
    tokio::select! {
        () = cut => {}
        () = both => {}
    }
}

/// A connection whose end has come in the middle.
struct Over;

/// Carries one direction to its end.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    state: watch::Receiver<State>,
    is_answer: bool,
) -> Result<(), Over> {
    let (sender, mut receiver) = mpsc::channel(64);
    let mut hang = state.clone();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let delay = match state.borrow().fault {
                Fault::Delay(by) => by,
                _ => Duration::ZERO,
            };
            let bytes = buffer[..read].to_vec();
            if sender.send((Instant::now() + delay, bytes)).await.is_err() {
                return;
            }
        }
        // The other half ends when it has written what is left.
        drop(sender);
        pending::<()>().await;
    };
    let write = async move {
        let mut written = 0;
        while let Some((due, mut bytes)) = receiver.recv().await {
            sleep_until(due).await;
            let _ = hang.wait_for(|state| state.fault != Fault::Hang).await;
            let fault = hang.borrow().fault;
            let is_last = match fault {
                Fault::CutAfter(limit) if is_answer => written + bytes.len() >= limit,
                _ => false,
            };
            if let (Fault::CutAfter(limit), true) = (fault, is_last) {
                bytes.truncate(limit.saturating_sub(written));
            }
            written += bytes.len();
            if to.write_all(&bytes).await.is_err() {
                return Ok(());
            }
            if is_last {
                return Err(Over);
            }
        }
        let _ = hang.wait_for(|state| state.fault != Fault::Hang).await;
        Ok(())
    };
    tokio::select! {
        () = read => Ok(()),
        ended = write => ended,
    }
}
