//! The processes that a run starts: the echo server and our own forwarder, over both transports.

mod echo;
mod echo_http;
mod echo_stdio;
mod forward_http;
mod forward_stdio;

use std::io::Write as _;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::Outcome;
use crate::args::Role;

/// Plays a role until the other side ends.
///
/// One thread each: the server as Node has, the forwarder as the guard has.
pub(crate) fn run(role: Role) -> Outcome<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match role {
        Role::EchoHttp => runtime.block_on(async { echo_http::serve(listen().await?).await }),
        Role::EchoStdio => echo_stdio::serve(),
        Role::ForwardHttp { upstream } => {
            runtime.block_on(async { forward_http::serve(listen().await?, upstream).await })
        }
        Role::ForwardStdio { command } => runtime.block_on(forward_stdio::run(&command)),
        Role::OpenLog { folder } => runtime.block_on(crate::measure::open(&folder)),
    }
}

/// Listens on a free port and says which on stdout.
async fn listen() -> Outcome<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(std::io::stdout().lock(), "{}", listener.local_addr()?.port())?;
    Ok(listener)
}
