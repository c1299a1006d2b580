//! Keys by HTTPS: whom the service trusts to hand them out.
#![allow(clippy::unwrap_used)]

#[path = "support/servers/mod.rs"]
mod servers;

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use servers::{Folder, Port, Process, make_certificates, program, until};
use tower_bearer::issue::{SigningKey, SigningKeys};
use tower_bearer::keys::remote::{RemoteKeySetBuilder, SetupError};
use tower_bearer::keys::{Algorithm, RemoteKeySet};
use tower_bearer::remote::HttpSettings;

/// Serves a JWK Set as a file, by a certificate for `localhost` and 127.0.0.1.
struct Site {
    _process: Process,
    folder: Folder,
    port: Port,
}

impl Site {
    async fn start() -> Option<Self> {
        program("openssl", &[])?;
        let (folder, port) = (Folder::new("jwks"), Port::free());
        make_certificates(folder.path());
        let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
        let keys = SigningKeys::new(key.with_kid("1"));
        std::fs::write(folder.path().join("jwks"), keys.public_jwks().unwrap()).unwrap();
        let number = port.number();
        let command =
            format!("openssl s_server -WWW -4 -accept {number} -cert server.crt -key server.key");
        let command: Vec<_> = command.split(' ').map(str::to_owned).collect();
        let process = Process::start(&command, None, folder.path());
        until("it listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, number)).is_ok()
        })
        .await;
        Some(Self {
            _process: process,
            folder,
            port,
        })
    }

    fn keys_at(&self, host: &str, is_trusted: bool) -> RemoteKeySetBuilder {
        let mut http = HttpSettings::new()
            .connect_timeout(Duration::from_secs(20))
            .timeout(Duration::from_secs(60));
        if is_trusted {
            let ca = std::fs::read_to_string(self.folder.path().join("ca.crt")).unwrap();
            http = http.add_root_certificates(ca);
        }
        let port = self.port.number();
        RemoteKeySet::builder(format!("https://{host}:{port}/jwks")).http(http)
    }
}

#[tokio::test]
async fn keys_are_taken_from_whom_a_trusted_certificate_names_and_from_nobody_else() {
    let Some(site) = Site::start().await else {
        return;
    };
    for host in ["localhost", "127.0.0.1"] {
        let keys = site.keys_at(host, true).start().await.unwrap();
        assert_eq!(keys.load().iter().count(), 1);
    }
    // A certificate of an unknown authority, and one for other names.
    for (host, is_trusted) in [("localhost", false), ("127.0.0.2", true)] {
        let error = site.keys_at(host, is_trusted).start().await.unwrap_err();
        let SetupError::Fetch(error) = error else {
            panic!("{error}");
        };
        let told = format!("{error:?}").to_lowercase();
        assert!(told.contains("certificate"), "{host}: {told}");
    }
}
