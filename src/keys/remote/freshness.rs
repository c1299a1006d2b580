//! For how long an answer says that it is good (RFC 9111 §4.2).

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderName};

use crate::clock::Timestamp;

/// What the headers of an answer at `now` say, if anything. What cannot be read says: no time at all.
pub(super) fn lifetime(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if let Some(said) = cache_control(headers) {
        return Some(said.saturating_sub(age(headers)));
    }
    let expires = headers.get(EXPIRES)?;
    // RFC 9111 §5.3: "0", and whatever else is no date, is in the past.
    let Some(expires) = date(expires.to_str().ok()) else {
        return Some(Duration::ZERO);
    };
    let date = date(text(headers, DATE)).unwrap_or(now);
    Some(expires.since(date).saturating_sub(age(headers)))
}

/// The shortest time that `Cache-Control` names.
fn cache_control(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let directives = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','));
    directives.filter_map(directive).min()
}

fn directive(text: &str) -> Option<Duration> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "no-store" | "no-cache" => Some(Duration::ZERO),
        "max-age" => Some(seconds(value.trim().trim_matches('"'))),
        _ => None,
    }
}

fn age(headers: &HeaderMap) -> Duration {
    text(headers, AGE).map_or(Duration::ZERO, |value| seconds(value.trim()))
}

/// A number of seconds (§1.2.2), however large; 0 for what is none.
fn seconds(text: &str) -> Duration {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let most = u64::from(u32::MAX);
    let seconds = match text.parse() {
        Ok(seconds) if is_number => most.min(seconds),
        Err(_) if is_number => most,
        _ => 0,
    };
    Duration::from_secs(seconds)
}

fn date(text: Option<&str>) -> Option<Timestamp> {
    Some(httpdate::parse_http_date(text?).ok()?.into())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // 14 November 2023, 22:13:20 UTC
    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn said(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            );
        }
        lifetime(&map, NOW).map(|time| time.as_secs())
    }

    #[test]
    fn max_age_says_for_how_long_less_the_age_that_the_answer_has() {
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[("cache-control", "public, max-age=600")]), Some(600));
        assert_eq!(said(&[("cache-control", "Max-Age=\"60\"")]), Some(60));
        let aged = [("cache-control", "max-age=600"), ("age", "590")];
        assert_eq!(said(&aged), Some(10));
        let over = [("cache-control", "max-age=600"), ("age", "700")];
        assert_eq!(said(&over), Some(0));
    }

    #[test]
    fn the_shortest_of_several_times_counts_and_none_is_none() {
        let both = [
            ("cache-control", "max-age=600"),
            ("cache-control", "max-age=60"),
        ];
        assert_eq!(said(&both), Some(60));
        assert_eq!(said(&[("cache-control", "no-store, max-age=600")]), Some(0));
        assert_eq!(said(&[("cache-control", "no-cache")]), Some(0));
        assert_eq!(said(&[("cache-control", "public")]), None);
    }

    #[test]
    fn what_cannot_be_read_is_no_time_and_what_is_too_large_is_long() {
        assert_eq!(said(&[("cache-control", "max-age=-1")]), Some(0));
        assert_eq!(said(&[("cache-control", "max-age=soon")]), Some(0));
        let huge = "max-age=99999999999999999999999999";
        assert_eq!(said(&[("cache-control", huge)]), Some(u64::from(u32::MAX)));
    }

    #[test]
    fn expires_counts_from_the_answers_date_where_there_is_no_max_age() {
        let expires = ("expires", "Tue, 14 Nov 2023 22:23:20 GMT");
        assert_eq!(said(&[expires]), Some(600));
        let date = ("date", "Tue, 14 Nov 2023 22:22:20 GMT");
        assert_eq!(said(&[expires, date]), Some(60));
        assert_eq!(said(&[expires, ("cache-control", "max-age=5")]), Some(5));
        assert_eq!(said(&[("expires", "0")]), Some(0));
        assert_eq!(
            said(&[("expires", "Tue, 14 Nov 2023 22:00:00 GMT")]),
            Some(0)
        );
    }
}
