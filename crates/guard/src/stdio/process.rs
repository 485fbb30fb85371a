//! A local server as a child: its own process group, so that nothing it starts outlives it.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use crate::limits;
use crate::target::Command;

/// A running server. Dropping it kills its whole process group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
}

/// Our ends of a server's pipes.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    /// `None` when the server writes to our own stderr.
    pub(crate) stderr: Option<ChildStderr>,
}

impl Process {
    /// Starts `command`. Its stderr is ours, or a pipe when `stderr_piped`.
    ///
    /// # Errors
    /// A program that cannot be run.
    pub(crate) fn start(command: &Command, stderr_piped: bool) -> io::Result<(Self, Pipes)> {
        let mut builder = tokio::process::Command::new(&command.program);
        builder
            .args(&command.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if stderr_piped { Stdio::piped() } else { Stdio::inherit() })
            .process_group(0);
        if let Some(directory) = &command.directory {
            builder.current_dir(directory);
        }
        let mut child = builder.spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        let pipes = Pipes {
            stdin: child.stdin.take().ok_or_else(closed)?,
            stdout: child.stdout.take().ok_or_else(closed)?,
            stderr: child.stderr.take(),
        };
        Ok((Self { child, group }, pipes))
    }

    /// Ends the server after its stdin was closed: waits, unless it is urgent, then asks, then kills,
    /// and in any case ends whatever is left of its process group.
    ///
    /// # Errors
    /// An operating system that cannot tell how it ended.
    pub(crate) async fn end(&mut self, is_urgent: bool) -> io::Result<ExitStatus> {
        if is_urgent {
            self.signal(Signal::TERM);
        }
        for signal in [Signal::TERM, Signal::KILL].into_iter().skip(usize::from(is_urgent)) {
            let ended = tokio::time::timeout(limits::END_GRACE, self.child.wait()).await;
            if let Ok(status) = ended {
                self.end_group().await;
                return status;
            }
            self.signal(signal);
        }
        let status = self.child.wait().await;
        self.end_group().await;
        status
    }

    /// Sends a signal to the whole group.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // The group may be gone already.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Ends what the server left behind in its group.
    async fn end_group(&mut self) {
        let Some(group) = self.group else { return };
        if test_kill_process_group(group).is_ok() {
            self.signal(Signal::TERM);
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if test_kill_process_group(group).is_err() {
                    break;
                }
            }
            self.signal(Signal::KILL);
        }
        // The number may name another group from now on.
        self.group = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
