//! Servers that listen, and clients that send what they are told to the byte.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

use super::answers::Seen;

/// Long enough for anything that will come at all.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves an axum router over HTTP/1.1 and HTTP/2.
pub async fn serve_axum(router: axum::Router) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Serves a plain tower service over HTTP/1.1 and HTTP/2.
pub async fn serve_tower<S, R>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    R: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                // A client that sends nonsense is no trouble of the server's.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

/// A request as it is written: the same for both versions of HTTP.
#[derive(Debug, Clone, Default)]
pub struct Wire {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: &'static [u8],
}

impl Wire {
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// A gRPC call whose message is empty.
    pub fn grpc(path: &str) -> Self {
        Self {
            method: "POST",
            path: path.to_owned(),
            body: b"\0\0\0\0\0",
            ..Self::default()
        }
        .header("content-type", "application/grpc")
        .header("te", "trailers")
    }

    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it over HTTP/1.1, byte for byte, on a connection of its own.
    pub async fn over_http1(&self, to: SocketAddr) -> Seen {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        let length = self.body.len().to_string().into_bytes();
        let framing = [
            ("host", b"localhost".to_vec()),
            ("connection", b"close".to_vec()),
            ("content-length", length),
        ];
        for (name, value) in framing.iter().chain(&self.headers) {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(self.body);

        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(&text).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("an answer in time")
            .unwrap();
        read_http1(&answer)
    }

    /// Sends it over HTTP/2.
    pub async fn over_http2(&self, to: &Http2) -> Seen {
        let mut request = Request::new(Full::new(Bytes::from_static(self.body)));
        *request.method_mut() = self.method.parse().unwrap();
        *request.uri_mut() = format!("http://localhost{}", self.path).parse().unwrap();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append(*name, value);
        }
        let sending = async {
            let response = to.0.clone().send_request(request).await.unwrap();
            Seen::of(response).await
        };
        tokio::time::timeout(PATIENCE, sending)
            .await
            .expect("an answer in time")
    }
}

/// A connection that speaks HTTP/2 from its first byte.
#[derive(Debug, Clone)]
pub struct Http2(http2::SendRequest<Full<Bytes>>);

impl Http2 {
    pub async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        tokio::spawn(connection);
        Self(sender)
    }
}

fn read_http1(answer: &[u8]) -> Seen {
    let end = find(answer, b"\r\n\r\n").expect("the end of the headers");
    let mut lines = answer[..end].split(|b| *b == b'\n').map(trim);
    let status_line = lines.next().unwrap();
    let status = StatusCode::from_bytes(&status_line[9..12]).unwrap();
    let headers = fields(lines);
    let mut body = &answer[end + 4..];
    let mut trailers = HeaderMap::new();
    let mut whole = Vec::new();
    if headers
        .get("transfer-encoding")
        .is_some_and(|v| v == "chunked")
    {
        loop {
            let end = find(body, b"\r\n").expect("the length of a chunk");
            let text = std::str::from_utf8(&body[..end]).unwrap();
            let length = usize::from_str_radix(text, 16).unwrap();
            body = &body[end + 2..];
            if length == 0 {
                trailers = fields(body.split(|b| *b == b'\n').map(trim));
                break;
            }
            whole.extend_from_slice(&body[..length]);
            body = &body[length + 2..];
        }
    } else {
        whole.extend_from_slice(body);
    }
    Seen {
        status,
        headers,
        extensions: http::Extensions::new(),
        body: Bytes::from(whole),
        trailers,
    }
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = find(line, b":").expect("a header");
        let name = HeaderName::from_bytes(&line[..colon]).unwrap();
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).unwrap();
        headers.append(name, value);
    }
    headers
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
