use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::endpoint::Endpoint;
use super::fault::{Fault, Outcome};
use crate::clock::{Clock, Timestamp};
use crate::issue::SigningKeys;
use crate::keys::VerificationKey;

/// How many requests are remembered for each endpoint.
const REMEMBERED: usize = 100;

/// What the server and the test share.
pub(super) struct State {
    /// Scheme, host and port.
    pub(super) origin: String,
    /// The path of the issuer.
    pub(super) path: String,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) keys: SigningKeys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) client_secret: String,
    pub(super) client_key: Option<VerificationKey>,
    /// How many requests there were, in the order of [`Endpoint::ALL`].
    pub(super) counts: watch::Sender<[u64; Endpoint::ALL.len()]>,
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    desks: HashMap<Endpoint, Desk>,
    /// JWKs that stand in the set beside the provider's own, as text.
    jwks: Vec<String>,
    /// Members of the metadata, in place of the right ones.
    metadata: Map<String, Value>,
    /// The claims of opaque tokens.
    opaque: HashMap<String, Map<String, Value>>,
    revoked: HashSet<String>,
    assertions: HashSet<String>,
}

/// One endpoint.
#[derive(Default)]
struct Desk {
    fault: Option<Fault>,
    /// How many requests there were since it has this fault, or none.
    since: u64,
    /// What stands in the head of right answers, and what does not.
    headers: Vec<(HeaderName, Option<HeaderValue>)>,
    last: VecDeque<Request<Bytes>>,
}

impl State {
    pub(super) fn new(origin: String, path: String, keys: SigningKeys) -> Self {
        Self {
            issuer: format!("{origin}{path}"),
            origin,
            path,
            audience: String::new(),
            keys,
            clock: Arc::new(crate::clock::SystemClock),
            client_secret: random(),
            client_key: None,
            counts: watch::Sender::new([0; Endpoint::ALL.len()]),
            changing: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn url(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.origin, endpoint.path(&self.path))
    }

    /// Counts and remembers a request, and says what comes of it.
    pub(super) fn note(&self, endpoint: Endpoint, mut request: Request<Bytes>) -> Outcome {
        if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        let mut changing = self.lock();
        let desk = changing.desks.entry(endpoint).or_default();
        if desk.last.len() == REMEMBERED {
            desk.last.pop_front();
        }
        desk.last.push_back(request);
        let number = desk.since;
        desk.since += 1;
        let outcome = Outcome::of(desk.fault.as_ref(), number);
        drop(changing);
        self.counts
            .send_modify(|counts| counts[endpoint as usize] += 1);
        outcome
    }

    pub(super) fn count(&self, endpoint: Endpoint) -> u64 {
        self.counts.borrow()[endpoint as usize]
    }

    pub(super) fn last(&self, endpoint: Endpoint) -> Vec<Request<Bytes>> {
        let changing = self.lock();
        let desk = changing.desks.get(&endpoint);
        desk.map_or_else(Vec::new, |desk| desk.last.iter().cloned().collect())
    }

    pub(super) fn set_fault(&self, endpoint: Endpoint, fault: Option<Fault>) {
        let mut changing = self.lock();
        let desk = changing.desks.entry(endpoint).or_default();
        desk.fault = fault;
        desk.since = 0;
    }

    /// Whether no endpoint answers.
    pub(super) fn is_down(&self) -> bool {
        let changing = self.lock();
        Endpoint::ALL.iter().all(|endpoint| {
            let desk = changing.desks.get(endpoint);
            desk.is_some_and(|desk| matches!(desk.fault, Some(Fault::Down)))
        })
    }

    pub(super) fn set_header(
        &self,
        endpoint: Endpoint,
        name: HeaderName,
        value: Option<HeaderValue>,
    ) {
        let mut changing = self.lock();
        let headers = &mut changing.desks.entry(endpoint).or_default().headers;
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
    }

    pub(super) fn headers(&self, endpoint: Endpoint) -> Vec<(HeaderName, Option<HeaderValue>)> {
        let changing = self.lock();
        let desk = changing.desks.get(&endpoint);
        desk.map_or_else(Vec::new, |desk| desk.headers.clone())
    }

    pub(super) fn add_jwk(&self, jwk: String) {
        self.lock().jwks.push(jwk);
    }

    /// The JWK Set, with what was added to it.
    pub(super) fn jwks(&self) -> String {
        let own: Vec<String> = self
            .keys
            .verification_keys()
            .iter()
            .filter_map(VerificationKey::to_jwk)
            .collect();
        let all = [own, self.lock().jwks.clone()].concat();
        format!(r#"{{"keys":[{}]}}"#, all.join(","))
    }

    pub(super) fn set_metadata(&self, name: &str, value: Value) {
        self.lock().metadata.insert(name.to_owned(), value);
    }

    pub(super) fn metadata(&self) -> Map<String, Value> {
        self.lock().metadata.clone()
    }

    pub(super) fn keep(&self, token: String, claims: Map<String, Value>) {
        self.lock().opaque.insert(token, claims);
    }

    /// The claims of an opaque token.
    pub(super) fn opaque(&self, token: &str) -> Option<Map<String, Value>> {
        self.lock().opaque.get(token).cloned()
    }

    pub(super) fn revoke(&self, token: &str) {
        self.lock().revoked.insert(token.to_owned());
    }

    pub(super) fn is_revoked(&self, token: &str) -> bool {
        self.lock().revoked.contains(token)
    }

    /// Whether a client's assertion of this `jti` is met for the first time.
    pub(super) fn is_new_assertion(&self, id: &str) -> bool {
        self.lock().assertions.insert(id.to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().expect("what the provider knows")
    }
}

/// 256 random bits.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("random bytes");
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}
