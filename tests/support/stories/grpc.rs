//! The house over gRPC: a tonic service with a method for each verb, and a client of tonic's.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::uri::PathAndQuery;
use http_body::Body;
use serde_json::Value;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;
use tower_bearer::{AuthenticatedUser, async_trait};

use super::caller::{Caller, Code, Refused};
use super::house::{House, OPEN, Wrong};
use super::wire::listener;

/// Serves a house, and gives a client of it.
pub async fn serve(house: House) -> Box<dyn Caller> {
    let (listener, to) = listener().await;
    let server = Server::builder()
        .layer(house.layer())
        .add_service(HouseServer(house))
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
    tokio::spawn(server);
    let endpoint = Endpoint::from_shared(format!("http://{to}")).unwrap();
    Box::new(GrpcCaller(endpoint.connect().await.unwrap()))
}

/// The path of a verb's method.
pub fn path(verb: &str) -> String {
    format!("/{}/{verb}", HouseServer::NAME)
}

/// What `tonic-build` would make of a service whose methods all take and give a `StringValue`.
#[derive(Clone)]
struct HouseServer(House);

impl NamedService for HouseServer {
    const NAME: &'static str = "stories.House";
}

impl<B> Service<http::Request<B>> for HouseServer
where
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let verb = request.uri().path().rsplit('/').next().unwrap_or_default();
        let method = Method(self.0.clone(), verb.to_owned());
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::default());
            Ok(grpc.unary(method, request).await)
        })
    }
}

struct Method(House, String);

impl UnaryService<String> for Method {
    type Response = String;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Status>> + Send>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let (house, verb) = (self.0.clone(), self.1.clone());
        Box::pin(async move {
            let asked = serde_json::from_str(request.get_ref()).unwrap();
            let answer = if OPEN.contains(&&*verb) {
                house.open(&verb, &asked).await
            } else {
                let user = AuthenticatedUser::from_extensions(request.extensions())?;
                house.guarded(&verb, &user, &asked).await
            };
            Ok(Response::new(answer.map_err(status)?.to_string()))
        })
    }
}

fn status(wrong: Wrong) -> Status {
    match wrong {
        Wrong::Denied(denied) => denied.into(),
        Wrong::InvalidGrant => Status::unauthenticated("invalid_grant"),
        Wrong::NoSuchToken => Status::not_found("no such token"),
        Wrong::Failed(what) => Status::internal(what),
    }
}

struct GrpcCaller(Channel);

#[async_trait]
impl Caller for GrpcCaller {
    async fn call(&self, verb: &str, token: Option<&str>, asked: &Value) -> Result<Value, Refused> {
        let mut request = Request::new(asked.to_string());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let path = PathAndQuery::try_from(path(verb)).unwrap();
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<String, String>::default();
        match grpc.unary(request, path, codec).await {
            Ok(answer) => Ok(serde_json::from_str(answer.get_ref()).unwrap()),
            Err(status) => {
                let headers = status.metadata().clone().into_headers();
                let words = status.message().to_owned();
                Err(Refused::new(
                    Code::Grpc(status.code() as u16),
                    headers,
                    words,
                ))
            }
        }
    }
}
