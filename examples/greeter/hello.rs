use tokio_stream::Empty;
use tonic::{Request, Response, Status};
use tower_bearer::AuthenticatedUser;

use super::greeter_server::Greeter;
use super::{HelloReply, HelloRequest};

/// Greets whoever the layer let in, and counts nothing.
#[derive(Debug)]
pub struct Hello;

#[tonic::async_trait]
impl Greeter for Hello {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let user = request.extensions().get::<AuthenticatedUser>();
        let name = user.map_or("stranger", |user| user.subject());
        let message = format!("hello, {name}\n");
        Ok(Response::new(HelloReply { message }))
    }

    type CountStream = Empty<Result<HelloReply, Status>>;

    async fn count(&self, _: Request<HelloRequest>) -> Result<Response<Self::CountStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}
