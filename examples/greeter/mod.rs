//! The gRPC service of the examples, as `greeter.proto` describes it.
//!
//! `generated.rs` is what tonic-build makes of the description; it is kept here so that building needs no
//! `protoc`.

#![allow(dead_code, missing_docs, unused_imports, unused_qualifications)]

#[allow(rust_2018_idioms, clippy::all, clippy::pedantic)]
#[rustfmt::skip]
mod generated;
mod hello;

pub use generated::{greeter_client, greeter_server};
pub use hello::Hello;

/// Whom to greet, and how.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HelloRequest {
    /// The greeting.
    #[prost(string, tag = "1")]
    pub greeting: String,
}

/// A greeting.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HelloReply {
    /// The greeting and the name.
    #[prost(string, tag = "1")]
    pub message: String,
}
