//! The write side of a pipe: whole lines, in order, from several senders.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Sends lines to a pipe. A full queue makes senders wait: backpressure.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Bytes>,
}

/// The other end of the pipe is closed.
#[derive(Debug)]
pub(crate) struct Closed;

impl Outbox {
    /// An outbox and the task that writes what is sent until the end is asked for.
    pub(crate) fn to(
        pipe: impl AsyncWrite + Unpin + Send + 'static,
    ) -> (Self, JoinHandle<io::Result<()>>) {
        let (queue, lines) = mpsc::channel(QUEUED_LINES_MAX);
        (Self { queue }, tokio::spawn(write(pipe, lines)))
    }

    /// Sends one line; its ending is added here.
    pub(crate) async fn send(&self, line: Bytes) -> Result<(), Closed> {
        self.queue.send(line).await.map_err(|_| Closed)
    }

    /// Closes the pipe after what was sent so far. No line is empty, so an empty one is the sign.
    pub(crate) async fn end(&self) {
        // A pipe that is closed already needs no end.
        let _ = self.queue.send(Bytes::new()).await;
    }
}

/// Writes lines as few writes: whatever waits goes together, up to a size.
async fn write(
    mut pipe: impl AsyncWrite + Unpin,
    mut lines: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    let mut together = BytesMut::new();
    while let Some(line) = lines.recv().await {
        let mut next = Some(line);
        let mut is_end = false;
        while let Some(line) = next.take() {
            if line.is_empty() {
                is_end = true;
                break;
            }
            together.extend_from_slice(&line);
            together.extend_from_slice(b"\n");
            if together.len() < WRITE_BYTES_MAX {
                next = lines.try_recv().ok();
            }
        }
        pipe.write_all(&together).await?;
        pipe.flush().await?;
        if together.capacity() > KEPT_BYTES_MAX {
            together = BytesMut::new();
        } else {
            together.clear();
        }
        if is_end {
            break;
        }
    }
    pipe.shutdown().await
}

/// Lines that wait for a slow reader before its senders wait too.
const QUEUED_LINES_MAX: usize = 64;

/// From this size on, what is gathered is written.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// A larger buffer is given back after a write.
const KEPT_BYTES_MAX: usize = 256 << 10;
