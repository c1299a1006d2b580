use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client};

use super::endpoint::Endpoint;
use super::error::RemoteError;
use super::settings::HttpSettings;
use crate::error::ConfigError;

/// How often a redirect is followed.
const MAX_REDIRECTS: usize = 3;

/// An HTTP client with limits. Clones share its connections.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client,
    max_body: usize,
    plain_http: bool,
}

/// An answer, whole.
pub(crate) struct Fetched {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpClient {
    pub(super) fn new(settings: &HttpSettings) -> Result<Self, ConfigError> {
        let (connect_timeout, timeout, max_body) = settings.limits();
        // As long as reqwest does by itself.
        let idle = settings.idle_limit().unwrap_or(Duration::from_secs(90));
        let client = Client::builder()
            .pool_idle_timeout(idle)
            .user_agent(concat!("tower-bearer/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .redirect(Policy::custom(stay_at_home))
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .tls_certs_merge(certificates(settings.roots())?)
            .build()
            .map_err(|_| ConfigError::new("http", "TLS could not be set up"))?;
        Ok(Self {
            client,
            max_body,
            plain_http: settings.takes_plain_http(),
        })
    }

    /// The endpoint that `text`, the value of `setting`, names.
    ///
    /// # Errors
    /// If it may not be asked by these settings.
    pub(crate) fn endpoint(
        &self,
        setting: &'static str,
        text: &str,
    ) -> Result<Endpoint, ConfigError> {
        Endpoint::parse(setting, text, self.plain_http)
    }

    /// Gets what is at `endpoint`, in one of the types that `headers` may name.
    #[cfg(feature = "jwks")]
    pub(crate) async fn get(
        &self,
        endpoint: &Endpoint,
        headers: HeaderMap,
    ) -> Result<Fetched, RemoteError> {
        self.send(Method::GET, endpoint, headers, Bytes::new())
            .await
    }

    /// Posts `body`, whose type `headers` name.
    #[cfg(feature = "introspection")]
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Fetched, RemoteError> {
        self.send(Method::POST, endpoint, headers, body).await
    }

    async fn send(
        &self,
        method: Method,
        endpoint: &Endpoint,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Fetched, RemoteError> {
        let request = self
            .client
            .request(method, endpoint.url().clone())
            .headers(headers)
            .body(body);
        let mut response = request.send().await.map_err(RemoteError::transport)?;
        if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
            return Err(RemoteError::redirected());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(RemoteError::transport)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(RemoteError::too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
        })
    }
}

/// Follows what stays on the same scheme, host and port.
fn stay_at_home(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let home = attempt.previous().first().map(reqwest::Url::origin);
    if home != Some(attempt.url().origin()) {
        attempt.error("elsewhere")
    } else if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("too often")
    } else {
        attempt.follow()
    }
}

fn certificates(pems: &[String]) -> Result<Vec<Certificate>, ConfigError> {
    let bad = || ConfigError::new("add_root_certificates", "it holds no certificate in PEM");
    let mut certificates = Vec::new();
    for pem in pems {
        let read = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| bad())?;
        if read.is_empty() {
            return Err(bad());
        }
        certificates.extend(read);
    }
    Ok(certificates)
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("max_body", &self.max_body)
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}
