//! The greeter of the examples, served and called.

use std::net::SocketAddr;
use std::pin::Pin;

use tokio_stream::Stream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tower_bearer::AuthenticatedUser;

#[path = "../../examples/greeter/mod.rs"]
mod greeter;

pub use greeter::greeter_client::GreeterClient;
pub use greeter::greeter_server::{Greeter, GreeterServer};
pub use greeter::{HelloReply, HelloRequest};

pub const HELLO: &str = "/demo.Greeter/Hello";
pub const COUNT: &str = "/demo.Greeter/Count";

/// Greets the caller by name, and a caller without one as `stranger`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Polite;

#[tonic::async_trait]
impl Greeter for Polite {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(Response::new(reply(&request)))
    }

    type CountStream = Pin<Box<dyn Stream<Item = Result<HelloReply, Status>> + Send>>;

    async fn count(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<Self::CountStream>, Status> {
        let reply = reply(&request);
        let replies = (0..3).map(move |_| Ok(reply.clone()));
        Ok(Response::new(Box::pin(tokio_stream::iter(replies))))
    }
}

fn reply(request: &Request<HelloRequest>) -> HelloReply {
    let user = AuthenticatedUser::from_extensions(request.extensions());
    let name = user.map_or("stranger".to_owned(), |user| user.subject().to_owned());
    HelloReply {
        message: format!("{} {name}", request.get_ref().greeting),
    }
}

/// A client that sends `token` with each call.
pub async fn client(
    to: SocketAddr,
    token: &'static str,
) -> GreeterClient<
    tonic::service::interceptor::InterceptedService<
        Channel,
        impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone,
    >,
> {
    let channel = channel(to).await;
    GreeterClient::with_interceptor(channel, move |mut request: Request<()>| {
        if !token.is_empty() {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    })
}

pub async fn channel(to: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{to}")).unwrap();
    endpoint.connect().await.unwrap()
}

pub fn hello() -> HelloRequest {
    HelloRequest {
        greeting: "hello".to_owned(),
    }
}
