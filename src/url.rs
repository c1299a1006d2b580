//! URLs that others are told: checked, and taken as they are written.

use http::Uri;

use crate::error::ConfigError;

/// Checks that `text`, the value of `setting`, is an absolute `https` or `http` URL without user information
/// and fragment.
pub(crate) fn check_url(setting: &'static str, text: &str) -> Result<(), ConfigError> {
    let bad = |problem| Err(ConfigError::new(setting, problem));
    // RFC 3986 §2: what must be percent-encoded.
    let is_uri_byte = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    if !text.bytes().all(is_uri_byte) {
        return bad("it has a character that no URL has");
    }
    if text.contains('#') {
        return bad("it has a fragment");
    }
    if !is_https(text) && !text.starts_with("http://") {
        return bad("it is no absolute https URL");
    }
    let Ok(uri) = text.parse::<Uri>() else {
        return bad("it is no URL");
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return bad("it has user information");
    }
    let host = uri.host().unwrap_or_default();
    let port = authority.strip_prefix(host).unwrap_or_default();
    let is_port = port.is_empty() || uri.port_u16().is_some();
    if host.is_empty() || !is_port {
        return bad("its host or port is none");
    }
    Ok(())
}

/// Whether a URL is one by TLS.
pub(crate) fn is_https(url: &str) -> bool {
    url.starts_with("https://")
}

/// The URL up to its host and port, and its path with its query.
pub(crate) fn split_origin(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |scheme| scheme + "://".len());
    let end = url[host..].find(['/', '?']);
    url.split_at(end.map_or(url.len(), |end| host + end))
}
