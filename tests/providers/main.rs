//! Tokens as providers send them, judged as their pages in docs/providers say.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

mod config {
    pub mod auth0;
    pub mod cognito;
    pub mod entra_id;
    pub mod github_actions;
    pub mod google;
    pub mod keycloak;
    pub mod kubernetes;
    pub mod okta;
}
mod companies;
mod machines;
mod pages;
mod people;
mod site;
