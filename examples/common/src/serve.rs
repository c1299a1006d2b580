use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_request;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::drain::drained;
use crate::{Settings, StartError, Stores};

/// The largest body that is read.
const MAX_BODY: usize = 1024 * 1024;

/// Serves `app` until Ctrl-C or SIGTERM, and writes what is batched.
///
/// # Errors
/// If the address cannot be listened on, or something could not be written at the end.
pub async fn serve(app: Router, settings: &Settings, stores: Stores) -> Result<(), StartError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let app = app
        .merge(settings.clock().routes())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(map_request(async |request| drained(request)));
    let listener = TcpListener::bind(&settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(asked_to_stop())
        .await?;
    stores.node.shutdown(Duration::from_secs(5)).await?;
    println!("closed");
    Ok(())
}

async fn asked_to_stop() {
    let ctrl_c = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = ctrl_c => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    ctrl_c.await;
}
