use axum::Router;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;

const HTML: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/page.css");
const SCRIPT: &str = include_str!("../page/page.js");

/// Nothing from elsewhere, and nothing sent elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The page for people at `/`, which does what `description` says that this server can be asked for.
///
/// The description is JSON:
///
/// ```json
/// {
///   "title": "…", "about": "…",
///   "probe": {"method": "GET", "path": "/whoami"},
///   "actions": [{
///     "group": "Keys", "label": "Make a key", "method": "POST", "path": "/keys/{team}",
///     "send": "json, form, multipart, text or nothing",
///     "anonymous": false, "open": false, "forget": false, "also": {"kind": "key"},
///     "fields": [{"name": "team", "label": "Team", "value": "a", "type": "text, number, list, checkbox, token"}],
///     "tokens": [{"at": "/data/key", "name": "key of {team}"}],
///     "rows": {"at": "/data", "columns": ["id"], "actions": [{"label": "Delete", "method": "DELETE", "path": "/keys/{id}"}]}
///   }]
/// }
/// ```
///
/// `probe` is what each token in hand is tried on. A field that the path names goes there, the others into
/// the body, or the query of a GET. `tokens` are where the answer has tokens, by JSON pointer; `rows` is the
/// list to show as a table. An action with `"ceremony": {"kind": "create" or "get", "begin": {…},
/// "options": "/publicKey", "field": "…"}` has the browser make or show a passkey first.
pub fn page(description: &'static str) -> Router {
    Router::new()
        .route("/", file("text/html; charset=utf-8", HTML))
        .route("/page.css", file("text/css; charset=utf-8", STYLE))
        .route("/page.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/page.json", file("application/json", description))
}

fn file(content_type: &'static str, text: &'static str) -> axum::routing::MethodRouter {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    get(async move || (headers, text))
}
