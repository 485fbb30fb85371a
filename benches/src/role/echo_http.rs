//! The echo server over Streamable HTTP, one JSON body for each request.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::echo::Echo;
use crate::Outcome;

struct Server {
    echo: Echo,
    sessions: AtomicU64,
}

pub(super) async fn serve(listener: TcpListener) -> Outcome<()> {
    let server = Arc::new(Server { echo: Echo::new(), sessions: AtomicU64::new(0) });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(&server, request));
            let connection = http1::Builder::new();
            // A client that goes away is no trouble of the server.
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(
    server: &Server,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_post = request.method() == Method::POST;
    let is_delete = request.method() == Method::DELETE;
    let has_session = request.headers().contains_key("mcp-session-id");
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let mut response = Response::new(Full::default());
    let answered = body.ok().filter(|_| is_post).map(|body| server.echo.answer(&body));
    match answered {
        Some(Some(answer)) => *response.body_mut() = Full::from(answer),
        Some(None) => *response.status_mut() = StatusCode::ACCEPTED,
        None if is_delete => {}
        None => *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED,
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if is_post && !has_session {
        let session = server.sessions.fetch_add(1, Ordering::Relaxed);
        headers.insert("mcp-session-id", HeaderValue::from(session));
    }
    Ok(response)
}
