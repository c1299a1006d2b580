//! What a token is good for (RFC 7662), also as a signed answer (RFC 9701).

use base64_simd::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::super::jws;
use super::body::Body;
use super::endpoint::Endpoint;
use super::state::State;

/// Who may ask, by the provider's secret or by its own key.
pub(super) const CLIENT_ID: &str = "resource-server";

const SIGNED: &str = "application/token-introspection+jwt";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn answer(state: &State, request: &Request<Bytes>) -> Response<Body> {
    let form = Form::read(request.body());
    if !is_client(state, request.headers(), &form) {
        let mut response = told(
            StatusCode::UNAUTHORIZED,
            &json!({ "error": "invalid_client" }),
        );
        let challenge = HeaderValue::from_static("Basic realm=\"introspection\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return response;
    }
    let Some(token) = form.get("token") else {
        return told(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "invalid_request" }),
        );
    };
    let answer = judge(state, token);
    let accepts = request.headers().get(ACCEPT);
    if accepts.is_some_and(|types| types.to_str().is_ok_and(|types| types.contains(SIGNED))) {
        return signed(state, &answer);
    }
    let mut response = told(StatusCode::OK, &answer);
    for (name, value) in state.headers(Endpoint::Introspection) {
        match value {
            Some(value) => response.headers_mut().insert(name, value),
            None => response.headers_mut().remove(name),
        };
    }
    response
}

/// RFC 7662 §2.2. What the token claims stands in the answer, `active` not excepted.
fn judge(state: &State, token: &str) -> Value {
    let inactive = json!({ "active": false });
    if state.is_revoked(token) {
        return inactive;
    }
    let known = state.opaque(token);
    let Some(claims) = known.or_else(|| jws::open(token, &state.keys.verification_keys())) else {
        return inactive;
    };
    let now = state.now().as_unix_secs();
    let at = |name: &str| claims.get(name).and_then(Value::as_i64);
    if at("exp").is_some_and(|end| end <= now) || at("nbf").is_some_and(|start| start > now) {
        return inactive;
    }
    let is_by_proof = claims
        .get("cnf")
        .is_some_and(|cnf| cnf.get("jkt").is_some());
    let mut answer = Map::new();
    answer.insert("active".into(), json!(true));
    let token_type = if is_by_proof { "DPoP" } else { "Bearer" };
    answer.insert("token_type".into(), json!(token_type));
    answer.extend(claims);
    Value::Object(answer)
}

/// RFC 9701 §5.
fn signed(state: &State, answer: &Value) -> Response<Body> {
    let key = state.keys.signer();
    let header = json!({
        "alg": key.algorithm().as_str(),
        "typ": "token-introspection+jwt",
        "kid": key.verification_key().kid(),
    });
    let claims = json!({
        "iss": state.issuer,
        "aud": CLIENT_ID,
        "iat": state.now().as_unix_secs(),
        "token_introspection": answer,
    });
    let token = match (header, claims) {
        (Value::Object(header), Value::Object(claims)) => jws::sign(&key, &header, &claims),
        _ => String::new(),
    };
    let mut response = Response::new(Body::from(token));
    let signed = HeaderValue::from_static(SIGNED);
    response.headers_mut().insert(CONTENT_TYPE, signed);
    response
}

/// Whether the client says who it is, in one of the ways that the metadata names.
fn is_client(state: &State, headers: &HeaderMap, form: &Form) -> bool {
    let secret = state.client_secret.as_str();
    if let Some((id, told)) = basic(headers) {
        return id == CLIENT_ID && told == secret;
    }
    if form.get("client_assertion_type") == Some(ASSERTION) {
        return form
            .get("client_assertion")
            .is_some_and(|assertion| is_by_client(state, assertion));
    }
    form.get("client_id") == Some(CLIENT_ID) && form.get("client_secret") == Some(secret)
}

/// RFC 6749 §2.3.1: both parts are encoded as in a form.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, told) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let told = String::from_utf8(STANDARD.decode_to_vec(told).ok()?).ok()?;
    let (id, secret) = told.split_once(':')?;
    let decoded = |part: &str| {
        let part = format!("x={part}");
        let mut pairs = form_urlencoded::parse(part.as_bytes());
        pairs.next().map(|(_, value)| value.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

/// RFC 7523 §3: by the client, about itself, for this provider, not over and not seen before.
fn is_by_client(state: &State, assertion: &str) -> bool {
    let Some(key) = &state.client_key else {
        return false;
    };
    let Some(claims) = jws::open(assertion, std::slice::from_ref(key)) else {
        return false;
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let end = claims.get("exp").and_then(Value::as_i64);
    let endpoint = state.url(Endpoint::Introspection);
    text("iss") == Some(CLIENT_ID)
        && text("sub") == Some(CLIENT_ID)
        && text("aud").is_some_and(|aud| aud == state.issuer || aud == endpoint)
        && end.is_some_and(|end| end > state.now().as_unix_secs())
        && text("jti").is_some_and(|id| state.is_new_assertion(id))
}

fn told(status: StatusCode, answer: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// What a form says.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.as_str())
    }
}
