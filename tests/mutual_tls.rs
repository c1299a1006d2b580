//! A token bound to a certificate, over TLS in which the client shows one (RFC 8705 §3).
#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tower::ServiceExt;
use tower_bearer::binding::{Certificates, ClientCertificate};
use tower_bearer::identity::Confirmation;
use tower_bearer::middleware::BearerAuth;

use support::bound::{Desk, guarded};
use support::inner::Inner;
use support::wire::listener;

/// A CA, and what it vouches for: a server, and the clients `one` and `two`.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("tower-bearer-mtls-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        let key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout";
        folder.openssl(&format!(
            "{key} ca.key -x509 -days 2 -subj /CN=ca -out ca.crt"
        ));
        std::fs::write(folder.path("names"), "subjectAltName=DNS:localhost").unwrap();
        for name in ["server", "one", "two"] {
            folder.openssl(&format!(
                "{key} {name}.key -subj /CN={name} -out {name}.csr"
            ));
            folder.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
                 -extfile names -out {name}.crt"
            ));
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn openssl(&self, args: &str) {
        let mut command = Command::new("openssl");
        let output = command.args(args.split(' ')).current_dir(&self.0).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.path("ca.crt"))).unwrap();
        Arc::new(roots)
    }

    fn pair(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key"))).unwrap();
        (vec![certificate(&self.path(&format!("{name}.crt")))], key)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

/// Serves over TLS, and leaves the certificate of each client with its requests.
async fn serve(folder: &Folder, app: BearerAuth<Inner>) -> SocketAddr {
    let clients = WebPkiClientVerifier::builder(folder.roots());
    let (chain, key) = folder.pair("server");
    let config = ServerConfig::builder()
        .with_client_cert_verifier(clients.allow_unauthenticated().build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, app) = (acceptor.clone(), app.clone());
            tokio::spawn(async move {
                let tls = acceptor.accept(stream).await.unwrap();
                let leaf = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let client = leaf.map(ClientCertificate::from_der);
                let service = service_fn(move |mut request: Request<Incoming>| {
                    if let Some(client) = client {
                        request.extensions_mut().insert(client);
                    }
                    app.clone().oneshot(request)
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(tls), service)
                    .await;
            });
        }
    });
    address
}

/// Asks with `token` as this client, or as one without a certificate.
async fn ask(folder: &Folder, to: SocketAddr, client: Option<&str>, token: &str) -> StatusCode {
    let config = ClientConfig::builder().with_root_certificates(folder.roots());
    let config = match client {
        Some(name) => {
            let (chain, key) = folder.pair(name);
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get("/orders")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::new(Bytes::new()))
        .unwrap();
    sender.send_request(request).await.unwrap().status()
}

#[tokio::test]
async fn a_token_is_good_on_the_connections_of_its_client_alone() {
    let folder = Folder::new();
    let desk = Desk::new();
    let service = guarded(desk.layer(Certificates::of_connection()));
    let address = serve(&folder, service).await;
    let one = ClientCertificate::from_der(certificate(&folder.path("one.crt")));
    let token = desk.bound_to(Confirmation::certificate(one.thumbprint()).unwrap());

    assert_eq!(ask(&folder, address, Some("one"), &token).await, 200);
    assert_eq!(ask(&folder, address, Some("two"), &token).await, 401);
    assert_eq!(ask(&folder, address, None, &token).await, 401);
    let free = desk.free_token();
    assert_eq!(ask(&folder, address, None, &free).await, 200);
}
