use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a [`Proxy`] does to those who come through it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every connection is cut, and new ones are closed at once.
    Cut,
    /// What is sent is swallowed, either way.
    Hang,
    /// What is sent comes so much later.
    Delay(Duration),
}

/// Stands before a server, on a port of its own, and fails as the test says.
pub struct Proxy {
    port: u16,
    fault: watch::Sender<Fault>,
}

impl Proxy {
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (fault, seen) = watch::channel(Fault::None);
        tokio::spawn(accept(
            listener,
            SocketAddr::from(([127, 0, 0, 1], port)),
            seen,
        ));
        Self { port: own, fault }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, fault: watch::Receiver<Fault>) {
    while let Ok((client, _)) = listener.accept().await {
        // The proxy is gone.
        if fault.has_changed().is_err() {
            return;
        }
        if *fault.borrow() == Fault::Cut {
            continue;
        }
        let Ok(server) = TcpStream::connect(server).await else {
            continue;
        };
        let (client_in, client_out) = client.into_split();
        let (server_in, server_out) = server.into_split();
        tokio::spawn(carry(client_in, server_out, fault.clone()));
        tokio::spawn(carry(server_in, client_out, fault.clone()));
    }
}

async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut fault: watch::Receiver<Fault>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            cut = fault.wait_for(|fault| *fault == Fault::Cut) => {
                drop(cut);
                return;
            }
            read = from.read(&mut buffer) => read,
        };
        let Ok(read @ 1..) = read else { return };
        let now = *fault.borrow();
        match now {
            Fault::Hang => continue,
            Fault::Delay(by) => tokio::time::sleep(by).await,
            Fault::None | Fault::Cut => {}
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
