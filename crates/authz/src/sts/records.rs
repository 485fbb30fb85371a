//! Decisions on the disk: a line of JSON each, written and synced before a token leaves. Those that come
//! together share one sync.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::exchange::{Record, Records, Unrecorded};
use crate::limits;

/// Records in a file. The file is its owner's alone: it says who called whom.
#[derive(Debug)]
pub(super) struct InFile {
    lines: mpsc::Sender<(String, oneshot::Sender<Result<(), String>>)>,
}

impl InFile {
    /// Goes on after what is there.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let (lines, waiting) = mpsc::channel(limits::RECORDS_WAITING_MAX);
        std::thread::Builder::new().name("records".to_owned()).spawn(|| write(file, waiting))?;
        Ok(Self { lines })
    }
}

#[async_trait]
impl Records for InFile {
    async fn keep(&self, record: &Record) -> Result<(), Unrecorded> {
        let mut line = serde_json::to_string(record).map_err(|error| Unrecorded(error.into()))?;
        line.push('\n');
        let (done, kept) = oneshot::channel();
        let failed = |what: &str| Unrecorded(what.into());
        self.lines.send((line, done)).await.map_err(|_| failed("the writer ended"))?;
        match kept.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(failed(&why)),
            Err(_) => Err(failed("the writer ended")),
        }
    }
}

/// Writes until nobody records any more.
fn write(
    mut file: File,
    mut waiting: mpsc::Receiver<(String, oneshot::Sender<Result<(), String>>)>,
) {
    while let Some((mut text, done)) = waiting.blocking_recv() {
        let mut all = vec![done];
        while all.len() < limits::RECORDS_WAITING_MAX
            && let Ok((line, done)) = waiting.try_recv()
        {
            text.push_str(&line);
            all.push(done);
        }
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if let Err(error) = &written {
            tracing::error!("decisions cannot be recorded: {error}");
        }
        let written = written.map_err(|error| error.to_string());
        for done in all {
            let _ = done.send(written.clone());
        }
    }
}
