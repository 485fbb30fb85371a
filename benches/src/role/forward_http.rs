//! Our forwarder over HTTP: the guard's stack with every check off. Bodies stream both ways.

use std::net::SocketAddr;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::http::uri::{Authority, Scheme, Uri};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::Outcome;

type Upstream = Client<HttpConnector, Incoming>;

pub(super) async fn serve(listener: TcpListener, upstream: SocketAddr) -> Outcome<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream = Client::builder(TokioExecutor::new()).build(connector);
    let authority: Authority = upstream.to_string().parse()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, authority) = (client.clone(), authority.clone());
        tokio::spawn(async move {
            let forward = service_fn(|request| forward(&client, &authority, request));
            let connection = http1::Builder::new();
            // Either side may go away; the next connection is what matters.
            let _ = connection.serve_connection(TokioIo::new(stream), forward).await;
        });
    }
}

async fn forward(
    client: &Upstream,
    authority: &Authority,
    mut request: Request<Incoming>,
) -> Outcome<Response<Incoming>> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.clone());
    *request.uri_mut() = Uri::from_parts(parts)?;
    request.headers_mut().remove(HOST);
    Ok(client.request(request).await?)
}
