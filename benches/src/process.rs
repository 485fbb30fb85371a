//! Processes: started in a group of their own, measured through `/proc`, ended with their group.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Outcome;

/// A process and everything that it started. Ended when dropped.
pub(crate) struct Group {
    child: Child,
}

/// Processor time and memory of a set of processes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// User and system time, in nanoseconds.
    pub(crate) cpu_ns: u64,
    /// Resident memory, in KiB.
    pub(crate) rss_kib: u64,
}

impl Group {
    /// Starts `command` in a group of its own.
    pub(crate) fn start(command: &mut Command) -> Outcome<Self> {
        use std::os::unix::process::CommandExt as _;
        let started = command.process_group(0).spawn();
        let child = started.map_err(|error| format!("{}: {error}", name(command)))?;
        Ok(Self { child })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        end_group(self.child.id());
        let _ = self.child.wait();
    }
}

/// Ends a process that leads a group, and all of the group.
pub(crate) fn end_group(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// This binary in another role.
pub(crate) fn role(args: &[&str]) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args).stdin(Stdio::null()).stderr(Stdio::inherit());
    Ok(command)
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// `root` and its descendants, apart from the echo server: (gateway, server).
pub(crate) fn tree(root: u32) -> (Vec<u32>, Vec<u32>) {
    let parents = parents();
    let mut family = vec![root];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    family.into_iter().partition(|pid| !is_echo(*pid))
}

/// Each process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; the parent is the second field after it.
        let (_, after) = stat.rsplit_once(") ")?;
        Some((pid, after.split(' ').nth(1)?.parse().ok()?))
    })
    .collect()
}

/// Whether a process is the echo server itself, not something that was told to run it.
fn is_echo(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let first = command.split(|byte| *byte == 0).nth(1).unwrap_or_default();
    first == b"echo-stdio" || first.ends_with(b"/echo.mjs")
}

/// What `pids` have used so far.
pub(crate) fn usage(pids: &[u32]) -> Usage {
    pids.iter().fold(Usage::default(), |sum, pid| Usage {
        cpu_ns: sum.cpu_ns + cpu_ns(*pid),
        rss_kib: sum.rss_kib + rss_kib(*pid),
    })
}

/// Time on a processor, summed over the threads that live: `stat` counts in steps of 10 ms, which
/// is too coarse for a slice of a second.
fn cpu_ns(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_task = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    of_task.sum()
}

fn rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A free port of the loopback interface. Somebody else may take it before it is used; the run then
/// fails and says so.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until somebody accepts on `port`.
pub(crate) fn wait_for_port(port: u16, group: &mut Group, at_most: Duration) -> Outcome<()> {
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if !group.is_running() {
            return Err("it ended before it listened".into());
        }
        if started.elapsed() > at_most {
            return Err(format!("it did not listen within {} s", at_most.as_secs()).into());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}
