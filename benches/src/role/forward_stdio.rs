//! Our forwarder over stdio: the guard's stack with every check off. Lines are copied both ways.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Command;

use crate::Outcome;

pub(super) async fn run(command: &[String]) -> Outcome<()> {
    let (program, args) = command.split_first().ok_or("no command")?;
    let mut child = Command::new(program);
    child.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = child.spawn()?;
    let input = child.stdin.take().ok_or("no stdin")?;
    let output = child.stdout.take().ok_or("no stdout")?;
    let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let stdout = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let there = tokio::spawn(copy_lines(pipe::Receiver::from_file(stdin)?, input));
    let back = tokio::spawn(copy_lines(output, pipe::Sender::from_file(stdout)?));
    there.await??;
    back.await??;
    child.wait().await?;
    Ok(())
}

async fn copy_lines(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await? > 0 {
        to.write_all(&line).await?;
        line.clear();
    }
    Ok(())
}

/// The size of a pipe.
const BUFFER_BYTES: usize = 64 << 10;
