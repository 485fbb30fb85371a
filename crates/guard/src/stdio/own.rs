//! Our own stdin and stdout, without a thread between where the operating system allows it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixStream, unix::pipe};

/// Our stdin.
///
/// # Errors
/// A descriptor that cannot be duplicated or watched.
pub(crate) fn stdin() -> io::Result<Box<dyn AsyncRead + Unpin + Send>> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let kind = file.metadata()?.file_type();
    Ok(if kind.is_fifo() {
        Box::new(pipe::Receiver::from_file(file)?)
    } else if kind.is_socket() {
        Box::new(socket(file.into())?)
    } else {
        Box::new(tokio::io::stdin())
    })
}

/// Our stdout.
///
/// # Errors
/// A descriptor that cannot be duplicated or watched.
pub(crate) fn stdout() -> io::Result<Box<dyn AsyncWrite + Unpin + Send>> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let kind = file.metadata()?.file_type();
    // A descriptor that stderr shares must keep blocking: the server inherits stderr.
    let is_shared = is_same(&file, &File::from(io::stderr().as_fd().try_clone_to_owned()?))?;
    Ok(if kind.is_fifo() && !is_shared {
        Box::new(pipe::Sender::from_file(file)?)
    } else if kind.is_socket() && !is_shared {
        Box::new(socket(file.into())?)
    } else {
        Box::new(tokio::io::stdout())
    })
}

fn socket(descriptor: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(descriptor);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
