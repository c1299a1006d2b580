use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde::Serialize;

/// What the page for people needs to know of a server.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// The system's name.
    pub title: &'static str,
}

/// The page at `/`.
pub fn page(page: &Page) -> Router {
    let html = format!("<!doctype html><title>{}</title>", page.title);
    Router::new().route("/", get(async move || Html(html)))
}
