//! Long lists, page by page.

use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::Failure;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub struct Listing<T> {
    data: Vec<T>,
    prev: Option<usize>,
    next: Option<usize>,
    pages: usize,
}

/// Which page is asked for: in the query, or in a body of JSON, as the documentation has it.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    page: usize,
    per_page: usize,
}

const PER_PAGE: usize = 15;
const MOST_PER_PAGE: usize = 100;

#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// From 1 on; 1 unless said.
    #[param(value_type = Option<u32>)]
    page: Option<Number>,
    /// How many on a page: 15 unless said, 100 at most.
    #[param(value_type = Option<u32>)]
    per_page: Option<Number>,
}

/// A number, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(usize),
    Text(String),
}

impl Paging {
    pub fn of<T>(self, all: impl ExactSizeIterator<Item = T>) -> Listing<T> {
        let pages = all.len().div_ceil(self.per_page).max(1);
        let before = (self.page - 1).saturating_mul(self.per_page);
        Listing {
            data: all.skip(before).take(self.per_page).collect(),
            prev: (self.page > 1).then(|| pages.min(self.page - 1)),
            next: (self.page < pages).then(|| self.page + 1),
            pages,
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Paging {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let wrong = || Failure::bad_request("page and per_page are numbers from 1 on.");
        let query: Query<Asked> = Query::try_from_uri(request.uri()).map_err(|_| wrong())?;
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| Failure::new(error.status(), error.body_text()))?;
        let body: Asked = match &*body {
            [] => Asked::default(),
            body => serde_json::from_slice(body).map_err(|_| wrong())?,
        };
        let number = |query: &Option<Number>, body: &Option<Number>, otherwise| {
            let number = match query.as_ref().or(body.as_ref()) {
                Some(Number::Number(number)) => Some(*number),
                Some(Number::Text(text)) => text.parse().ok(),
                None => Some(otherwise),
            };
            number.filter(|number| *number > 0).ok_or_else(wrong)
        };
        Ok(Self {
            page: number(&query.page, &body.page, 1)?,
            per_page: number(&query.per_page, &body.per_page, PER_PAGE)?.min(MOST_PER_PAGE),
        })
    }
}
