//! How many requests a protected server answers for each that an unprotected one does, over loopback.
//!
//! ```console
//! $ cargo bench -p tower-bearer-benches --bench loopback
//! ```
//!
//! One thread serves the same routes twice, within the layer and without it; another is the client, on
//! connections that stay open and have one request under way each. Both send the same API key. The servers are
//! called in turn, in many short rounds; each round gives one ratio, and the median of the rounds is reported.
//!
//! What a server does with a core to itself is measured by its thread's CPU time, system calls included, and
//! with requests always at hand: it is held until one is on each connection. Left to itself it mostly waits for
//! the client, which is as dear as itself, and a slower server then sleeps and wakes at other times. So
//! the figures of both running freely stand beside it, by the clock on the wall and in CPU time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use axum::routing::get;
use cpu_time::ThreadTime;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server as TonicServer};
use tower_bearer::BearerAuthLayer;
use tower_bearer_benches::greeter::greeter_client::GreeterClient;
use tower_bearer_benches::greeter::greeter_server::GreeterServer;
use tower_bearer_benches::greeter::{Hello, HelloRequest};
use tower_bearer_benches::{check, credentials, median, rounds, verdict};

const CONNECTIONS: u32 = 20;
const REQUESTS: u32 = 2_000;
const ROUNDS: u32 = 201;
const LIMIT: f64 = 0.93;

fn main() {
    let runtime = runtime();
    let credential = runtime.block_on(credentials::api_key());
    let layer = BearerAuthLayer::new(credential.verifier.clone());
    let good = format!("Bearer {}", credential.good);
    let forged = format!("Bearer {}", credential.forged);

    println!("| API key, memory store | unprotected | protected | ratio | goal | |");
    println!("|---|---|---|---|---|---|");

    let server = Server::start(layer.clone(), serve_http);
    check_http(&server, &good, &forged);
    let [without, with] =
        [server.without, server.with].map(|address| HttpClient::new(address, &good));
    server
        .compare(
            |n| without.send_held(&server, n),
            |n| with.send_held(&server, n),
        )
        .row_of_cpu("axum, HTTP/1.1, requests at hand", true);
    server
        .compare(|n| without.send(n), |n| with.send(n))
        .rows("axum, HTTP/1.1, free", true);

    let server = Server::start(layer, serve_grpc);
    let [without, with] =
        [server.without, server.with].map(|address| runtime.block_on(GrpcClient::new(address)));
    for (client, status) in [(&without, [Ok(()); 3]), (&with, [Ok(()), Err(16), Err(16)])] {
        let credentials = [Some(&good), Some(&forged), None];
        let answered = credentials.map(|credential| {
            let call = client.clone().call(credential.map(String::as_str));
            runtime.block_on(call)
        });
        check(answered == status, "a good key is let in, and no other");
    }
    server
        .compare(
            |n| runtime.block_on(without.send(&good, n)),
            |n| runtime.block_on(with.send(&good, n)),
        )
        .rows("tonic, unary, free", false);
}

/// A thread that serves at two addresses.
struct Server {
    without: SocketAddr,
    with: SocketAddr,
    orders: mpsc::Sender<Order>,
}

enum Order {
    /// Tell the CPU time that the thread has taken until now.
    Cpu(oneshot::Sender<Duration>),
    /// Stand still until the other end is dropped.
    Hold(Receiver<()>),
}

impl Server {
    fn start(layer: BearerAuthLayer, serve: fn(TcpListener, Option<BearerAuthLayer>)) -> Self {
        let (orders, mut given) = mpsc::channel(1);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            runtime().block_on(async {
                for layer in [None, Some(layer)] {
                    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                    let address = listener.local_addr().expect("an address");
                    serve(listener, layer);
                    tell.send(address).expect("a client");
                }
                while let Some(order) = given.recv().await {
                    match order {
                        Order::Cpu(answer) => _ = answer.send(ThreadTime::now().as_duration()),
                        // It blocks the thread, and with it all that it serves.
                        Order::Hold(held) => while held.recv().is_ok() {},
                    }
                }
            });
        });
        Self {
            without: told.recv().expect("an address"),
            with: told.recv().expect("an address"),
            orders,
        }
    }

    fn compare(&self, mut without: impl FnMut(u32), mut with: impl FnMut(u32)) -> Figures {
        let mut figures = Figures::default();
        // Both are warm before the first round, which is one of those that count.
        without(REQUESTS);
        with(REQUESTS);
        for round in 0..rounds(ROUNDS) {
            let (a, b);
            if round % 2 == 0 {
                a = self.slice(&mut without);
                b = self.slice(&mut with);
            } else {
                b = self.slice(&mut with);
                a = self.slice(&mut without);
            }
            figures.0.push([a, b]);
        }
        figures
    }

    fn slice(&self, send: &mut impl FnMut(u32)) -> Slice {
        let server = self.cpu();
        let client = ThreadTime::now();
        let start = Instant::now();
        send(REQUESTS);
        Slice {
            wall: per_request(start.elapsed()),
            client: per_request(client.elapsed()),
            server: per_request(self.cpu() - server),
        }
    }

    fn cpu(&self) -> Duration {
        let (ask, told) = oneshot::channel();
        self.order(Order::Cpu(ask));
        told.blocking_recv().expect("a server")
    }

    /// Holds the server until what is returned is dropped.
    fn hold(&self) -> SyncSender<()> {
        let (hold, held) = sync_channel(0);
        self.order(Order::Hold(held));
        // Taken once the server stands still.
        hold.send(()).expect("a server");
        hold
    }

    fn order(&self, order: Order) {
        let given = self.orders.blocking_send(order);
        given.expect("a server");
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn per_request(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6 / f64::from(REQUESTS)
}

fn serve_http(listener: TcpListener, layer: Option<BearerAuthLayer>) {
    let mut app = axum::Router::new().route("/", get(async || "ok"));
    if let Some(layer) = layer {
        app = app.layer(layer);
    }
    tokio::spawn(async { axum::serve(listener, app).await });
}

fn serve_grpc(listener: TcpListener, layer: Option<BearerAuthLayer>) {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let greeter = GreeterServer::new(Hello);
    match layer {
        Some(layer) => {
            let server = TonicServer::builder().layer(layer).add_service(greeter);
            tokio::spawn(server.serve_with_incoming(incoming));
        }
        None => {
            let server = TonicServer::builder().add_service(greeter);
            tokio::spawn(server.serve_with_incoming(incoming));
        }
    }
}

/// A client that does as little as one can, so that the server is what it waits for.
struct HttpClient {
    connections: Vec<TcpStream>,
    request: String,
}

impl HttpClient {
    fn new(address: SocketAddr, authorization: &str) -> Self {
        let connect = |_| {
            let connection = TcpStream::connect(address).expect("a connection");
            connection.set_nodelay(true).expect("a connection");
            connection
        };
        Self {
            connections: (0..CONNECTIONS).map(connect).collect(),
            request: request(Some(authorization)),
        }
    }

    /// With one request under way on each connection until the last.
    fn send(&self, requests: u32) {
        let connections = self.connections.iter().cycle();
        for (place, connection) in (0..requests + CONNECTIONS).zip(connections) {
            if place >= CONNECTIONS {
                read_ok(connection);
            }
            if place < requests {
                self.write(connection);
            }
        }
    }

    /// With the server held until there is a request on each connection.
    fn send_held(&self, server: &Server, requests: u32) {
        for _ in 0..requests / CONNECTIONS {
            let hold = server.hold();
            for connection in &self.connections {
                self.write(connection);
            }
            drop(hold);
            for connection in &self.connections {
                read_ok(connection);
            }
        }
    }

    fn write(&self, mut connection: &TcpStream) {
        let written = connection.write_all(self.request.as_bytes());
        written.expect("a connection");
    }
}

fn request(authorization: Option<&str>) -> String {
    let authorization = authorization.map(|value| format!("authorization: {value}\r\n"));
    format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\n{}\r\n",
        authorization.unwrap_or_default()
    )
}

fn read_ok(mut connection: &TcpStream) {
    let mut buffer = [0; 1024];
    let mut len = 0;
    while !buffer[..len].ends_with(b"\r\n\r\nok") {
        let read = connection.read(&mut buffer[len..]).expect("a response");
        check(read > 0, "the connection stays open");
        len += read;
    }
    check(buffer.starts_with(b"HTTP/1.1 200 "), "it is let in");
}

fn check_http(server: &Server, good: &str, forged: &str) {
    let status = |address, authorization| {
        let mut connection = TcpStream::connect(address).expect("a connection");
        let request = request(authorization);
        let write = connection.write_all(request.as_bytes());
        write.expect("a connection");
        let mut status = [0; 12];
        connection.read_exact(&mut status).expect("a response");
        String::from_utf8_lossy(&status).into_owned()
    };
    for authorization in [Some(good), Some(forged), None] {
        let without = status(server.without, authorization);
        check(without == "HTTP/1.1 200", "the unprotected answers");
        let with = status(server.with, authorization);
        let good = authorization == Some(good);
        let expected = if good { "HTTP/1.1 200" } else { "HTTP/1.1 401" };
        check(with == expected, "a good key is let in, and no other");
    }
}

#[derive(Clone)]
struct GrpcClient(GreeterClient<Channel>);

impl GrpcClient {
    async fn new(address: SocketAddr) -> Self {
        let channel = Channel::from_shared(format!("http://{address}")).expect("an address");
        let channel = channel.connect().await.expect("a connection");
        Self(GreeterClient::new(channel))
    }

    /// One call; the error is the gRPC status.
    async fn call(mut self, authorization: Option<&str>) -> Result<(), i32> {
        let mut request = tonic::Request::new(HelloRequest::default());
        if let Some(value) = authorization {
            let value = value.parse().expect("a header value");
            request.metadata_mut().insert("authorization", value);
        }
        match self.0.hello(request).await {
            Ok(_) => Ok(()),
            Err(status) => Err(status.code() as i32),
        }
    }

    /// On one connection, with so many calls under way.
    async fn send(&self, authorization: &str, requests: u32) {
        let calls = (0..CONNECTIONS).map(|_| {
            let (client, authorization) = (self.clone(), authorization.to_owned());
            tokio::spawn(async move {
                for _ in 0..requests / CONNECTIONS {
                    let answered = client.clone().call(Some(&authorization)).await;
                    check(answered == Ok(()), "it is let in");
                }
            })
        });
        for calls in calls.collect::<Vec<_>>() {
            calls.await.expect("a client");
        }
    }
}

/// What a request took in one slice, in microseconds.
struct Slice {
    wall: f64,
    client: f64,
    server: f64,
}

/// Of each round, the unprotected and the protected.
#[derive(Default)]
struct Figures(Vec<[Slice; 2]>);

impl Figures {
    fn rows(&self, name: &str, has_goal: bool) {
        let micros = |took| format!("{took:.2} µs");
        self.row(
            &format!("{name}: requests per second"),
            |slice| slice.wall,
            |took| format!("{:.0}", 1e6 / took),
            has_goal,
        );
        self.row_of_cpu(name, false);
        let client = format!("{name}: client CPU a request");
        self.row(&client, |slice| slice.client, micros, false);
        let busy = format!("{name}: of the time, the server is busy");
        self.row(
            &busy,
            |slice| slice.server / slice.wall,
            |share| format!("{:.0} %", share * 100.0),
            false,
        );
    }

    fn row_of_cpu(&self, name: &str, has_goal: bool) {
        self.row(
            &format!("{name}: requests per second of server CPU"),
            |slice| slice.server,
            |took| format!("{:.0} ({took:.2} µs)", 1e6 / took),
            has_goal,
        );
    }

    /// The ratio is of the times, unprotected to protected: that of the rates, the other way round.
    fn row(&self, name: &str, of: fn(&Slice) -> f64, show: fn(f64) -> String, has_goal: bool) {
        let of_all = |of: &dyn Fn(&[Slice; 2]) -> f64| median(self.0.iter().map(of).collect());
        let without = of_all(&|[without, _]| of(without));
        let with = of_all(&|[_, with]| of(with));
        let ratio = of_all(&|[without, with]| of(without) / of(with));
        let goal = if has_goal {
            format!("at least {LIMIT} | {}", verdict(ratio >= LIMIT))
        } else {
            "- |".to_owned()
        };
        println!(
            "| {name} | {} | {} | {ratio:.3} | {goal} |",
            show(without),
            show(with)
        );
    }
}
