//! A gRPC server behind the layer: unary and streaming calls, a policy for each method, open health checks.
//!
//! ```console
//! $ cargo run --example tonic --features tonic
//! $ printf '\0\0\0\0\0' | curl -i -o - --http2-prior-knowledge http://127.0.0.1:3000/demo.Greeter/Hello \
//!     -H 'Content-Type: application/grpc' -H 'TE: trailers' -H 'Authorization: Bearer alice' --data-binary @-
//! ```

use std::error::Error;
use std::pin::Pin;

use tokio_stream::{Stream, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, transport::Server};
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::verifier::verify_fn;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Refusal};

mod greeter;
use greeter::greeter_server::{Greeter, GreeterServer};
use greeter::{HelloReply, HelloRequest};

struct Hello;

#[tonic::async_trait]
impl Greeter for Hello {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let user = AuthenticatedUser::from_extensions(request.extensions())?;
        let message = format!("{}, {}", request.get_ref().greeting, user.subject());
        Ok(Response::new(HelloReply { message }))
    }

    type CountStream = Pin<Box<dyn Stream<Item = Result<HelloReply, Status>> + Send>>;

    async fn count(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<Self::CountStream>, Status> {
        let user = AuthenticatedUser::from_extensions(request.extensions())?;
        // In code, too: the error turns into a status with the layer's own challenge.
        user.require(&Policy::role("counter"))?;
        let messages = (1..=3).map(|n| {
            let message = format!("{n}");
            Ok(HelloReply { message })
        });
        let messages: Vec<_> = messages.collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = verify_fn(async |presented| match presented.token.expose_secret() {
        "alice" => Ok(Identity::new("alice", CredentialKind::Other)),
        "carl" => Ok(Identity::new("carl", CredentialKind::Other)
            .with_scopes(ScopeSet::from_static("count"))
            .with_role(RoleGrant::new("counter"))),
        _ => Err(Refusal::invalid("unknown")),
    });
    let layer = BearerAuthLayer::builder(verifier)
        .require(Policy::by_grpc_method(
            [("/demo.Greeter/Count", Policy::scope("count"))],
            Policy::authenticated(),
        ))
        // Probes carry no token. Only this method is open; `Watch` is not.
        .open_grpc_method("/grpc.health.v1.Health/Check")
        .build()?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<GreeterServer<Hello>>().await;

    let address = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Server::builder()
        .layer(layer)
        .add_service(health_service)
        .add_service(GreeterServer::new(Hello))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}
