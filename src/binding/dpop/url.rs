//! URLs, and whether a proof's is that of the request (RFC 9449 §4.3, RFC 3986 §6.2).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HOST;

use crate::binding::proxy::TrustedProxy;
use crate::head::RequestHead;

/// Under which URLs clients reach what the layer guards.
#[derive(Debug, Default)]
pub(super) struct Sites {
    pub(super) stated: Vec<Url>,
    pub(super) proxy: Option<TrustedProxy>,
    /// The scheme that goes with the host which the request names.
    pub(super) own_scheme: Option<&'static str>,
}

impl Sites {
    /// Whether `url` is that of the request.
    pub(super) fn check(&self, url: &Url, head: &RequestHead<'_>) -> Result<(), &'static str> {
        // Dots are left as they are: a client asks for what its proof names, in which they are resolved.
        let path = unescaped(head.uri.path());
        let is_at = |site: &Url| site.leads_to(&path, url);
        if self.stated.iter().any(is_at) {
            return Ok(());
        }
        let told = match &self.proxy {
            Some(proxy) if proxy.sent(head) => forwarded(head.headers),
            _ => self.own_scheme.and_then(|scheme| named(scheme, head)),
        };
        if told.as_ref().is_some_and(is_at) {
            return Ok(());
        }
        Err("the proof is for another URL")
    }
}

/// The origin that a proxy tells of.
fn forwarded(headers: &HeaderMap) -> Option<Url> {
    let scheme = only(headers, "x-forwarded-proto")?;
    let host = only(headers, "x-forwarded-host")?;
    Url::origin(scheme, host)
}

/// The origin that the request itself names.
fn named(scheme: &str, head: &RequestHead<'_>) -> Option<Url> {
    match head.uri.authority() {
        Some(authority) => Url::origin(scheme, authority.as_str()),
        None => Url::origin(scheme, only(head.headers, HOST.as_str())?),
    }
}

/// The value of a header that stands once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A URL of HTTP without query and fragment, in the one spelling of those that mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// Scheme and authority, in lower case and without the scheme's own port.
    origin: String,
    /// Begins with a slash.
    path: String,
}

impl Url {
    /// `None` if `text` is no `http` or `https` URL, or has a user in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text.find(['?', '#']).unwrap_or(text.len());
        let (scheme, rest) = text[..end].split_once("://")?;
        let path_at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        let mut url = Self::origin(scheme, authority)?;
        if !path.is_empty() {
            url.path = without_dots(&unescaped(path));
        }
        Some(url)
    }

    fn origin(scheme: &str, authority: &str) -> Option<Self> {
        let scheme = scheme.to_ascii_lowercase();
        let default_port: u16 = match &*scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let (host, port) = host_and_port(authority)?;
        let port = match port {
            "" => default_port,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            _ => return None,
        };
        let mut origin = format!("{scheme}://{}", host.to_ascii_lowercase());
        if port != default_port {
            origin.push_str(&format!(":{port}"));
        }
        Some(Self {
            origin,
            path: "/".to_owned(),
        })
    }

    /// Whether `url` is what `path` is below this one.
    fn leads_to(&self, path: &str, url: &Self) -> bool {
        let base = self.path.strip_suffix('/').unwrap_or(&self.path);
        let rest = url.path.strip_prefix(base);
        url.origin == self.origin && rest.is_some_and(|rest| rooted(rest) == rooted(path))
    }
}

/// An empty path is that of the root.
fn rooted(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

fn host_and_port(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            let address: IpAddr = rest[..end].parse().ok()?;
            let after = &rest[end + 1..];
            let port = match after.strip_prefix(':') {
                Some(port) => port,
                None if after.is_empty() => "",
                None => return None,
            };
            address.is_ipv6().then_some((&authority[..end + 2], port))?
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let is_strange = |byte: u8| {
        !byte.is_ascii_graphic() || matches!(byte, b'@' | b'/' | b'\\' | b'?' | b'#' | b',')
    };
    let is_whole = !host.is_empty() && !host.bytes().any(is_strange);
    is_whole.then_some((host, port))
}

/// Escapes of what needs none undone, and the others in capitals (RFC 3986 §6.2.2.1, §6.2.2.2).
fn unescaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escape = rest.get(at..at + 3);
        let byte = escape.and_then(|escape| {
            let digits = escape[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
            digits.then(|| u8::from_str_radix(&escape[1..], 16).ok())?
        });
        let (Some(escape), Some(byte)) = (escape, byte) else {
            out.push('%');
            rest = &rest[at + 1..];
            continue;
        };
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&escape.to_ascii_uppercase());
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    out
}

/// The path with its dots resolved (RFC 3986 §5.2.4).
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut pieces = path.split('/').skip(1).peekable();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        match piece {
            "." | ".." => {
                if piece == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            _ => segments.push(piece),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        Url::parse(one).expect("a URL") == Url::parse(other).expect("a URL")
    }

    /// RFC 3986 §6.2.2 and §6.2.3.
    #[test]
    fn spellings_that_mean_the_same_are_one() {
        for other in [
            "HTTPS://api.example.com/a",
            "https://API.Example.COM/a",
            "https://api.example.com:443/a",
            "https://api.example.com:/a",
            "https://api.example.com:0443/a",
            "https://api.example.com/%61",
            "https://api.example.com/b/../a",
            "https://api.example.com/./a",
            "https://api.example.com/b/%2e%2E/a",
            "https://api.example.com/../a",
            "https://api.example.com/a?b=c",
            "https://api.example.com/a#b",
        ] {
            assert!(same("https://api.example.com/a", other), "{other}");
        }
        assert!(same("https://api.example.com", "https://api.example.com/"));
        assert!(same(
            "https://api.example.com?a",
            "https://api.example.com/"
        ));
        assert!(same("http://[::1]:80/", "http://[::1]"));
        assert!(same("https://a.example/%c3%a9", "https://a.example/%C3%A9"));
        assert!(same("https://a.example/b/c/..", "https://a.example/b/"));
    }

    #[test]
    fn spellings_that_mean_something_else_are_not() {
        for other in [
            "http://api.example.com/a",
            "https://api.example.org/a",
            "https://api.example.com.evil.example/a",
            "https://api.example.com:8443/a",
            "https://api.example.com/A",
            "https://api.example.com/a/",
            "https://api.example.com//a",
            "https://api.example.com/a%2F",
            "https://api.example.com/a%3Fb",
            "https://api.example.com/",
        ] {
            assert!(!same("https://api.example.com/a", other), "{other}");
        }
    }

    #[test]
    fn what_is_no_url_of_http_is_none() {
        for text in [
            "",
            "/a",
            "//api.example.com/a",
            "api.example.com/a",
            "https:/api.example.com",
            "https://",
            "https:///a",
            "https://:443/a",
            "ftp://api.example.com/a",
            "https://user@api.example.com/a",
            "https://user:secret@api.example.com/a",
            "https://api.example.com:443x/a",
            "https://api.example.com:+443/a",
            "https://api.example.com:99999/a",
            "https://api.example.com\\@evil.example/a",
            "https://api.example.com, https://evil.example",
            "https://a b/",
            "https://[::1/a",
            "https://[::1]x/a",
            "https://[1.2.3.4]/a",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_below_another_is_found_there_and_nowhere_else() {
        let leads = |base: &str, path: &str, url: &str| {
            Url::parse(base)
                .expect("a URL")
                .leads_to(&unescaped(path), &Url::parse(url).expect("a URL"))
        };
        assert!(leads(
            "https://a.example/v1",
            "/x",
            "https://a.example/v1/x"
        ));
        assert!(leads(
            "https://a.example/v1/",
            "/x",
            "https://a.example/v1/x"
        ));
        assert!(leads("https://a.example/v1", "/", "https://a.example/v1"));
        assert!(leads("https://a.example/v1", "/", "https://a.example/v1/"));
        assert!(!leads("https://a.example/v1", "/x", "https://a.example/x"));
        assert!(!leads(
            "https://a.example/v1",
            "/x",
            "https://a.example/v11/x"
        ));
        assert!(!leads(
            "https://a.example/v1",
            "/1/x",
            "https://a.example/v11/x"
        ));
        // Whoever asks for dots gets no proof for where they lead.
        assert!(!leads(
            "https://a.example",
            "/b/../x",
            "https://a.example/x"
        ));
        assert!(!leads(
            "https://a.example",
            "/b/%2e%2e/x",
            "https://a.example/x"
        ));
        assert!(!leads(
            "https://a.example",
            "/b/../x",
            "https://a.example/b/../x"
        ));
    }
}
