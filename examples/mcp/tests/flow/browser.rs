//! The part that a browser plays: it keeps cookies, and goes where it is sent.

use reqwest::Client;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;

pub(crate) struct Browser {
    http: Client,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let http = Client::builder()
            .cookie_store(true)
            .redirect(Policy::none());
        Self {
            http: http.build().unwrap(),
        }
    }

    /// Opens `url`, and follows until it is sent to `end`: the whole of that URL.
    pub(crate) async fn follow(&self, url: &str, end: &str) -> String {
        let mut url: reqwest::Url = url.parse().unwrap();
        for _ in 0..20 {
            let answer = self.http.get(url.clone()).send().await.unwrap();
            let Some(location) = answer.headers().get(LOCATION) else {
                panic!(
                    "{url}: {} {}",
                    answer.status(),
                    answer.text().await.unwrap()
                );
            };
            url = url.join(location.to_str().unwrap()).unwrap();
            if url.as_str().starts_with(end) {
                return url.into();
            }
        }
        panic!("sent from one to the next without end: {url}");
    }
}

/// A parameter of a URL.
pub(crate) fn query(url: &str, name: &str) -> Option<String> {
    let url: reqwest::Url = url.parse().unwrap();
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(held, _)| held == name)?;
    Some(value.into_owned())
}
