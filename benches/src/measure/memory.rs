//! Memory of the guard when idle, and for each HTTP session that is open and idle.

use std::time::Duration;

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::client::{Dial, HttpSession};
use crate::contender::{Echo, FORWARDER, GUARD, Guard, start_role};
use crate::process::{Group, usage};
use crate::table::{Cell, Report, Table, say};

pub(super) async fn run(
    options: &Options,
    guard: Option<&Guard>,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let sessions = options.pick(200, 1000);
    let title = format!("Memory, HTTP; {sessions} sessions that initialized, listed and are idle");
    let columns = ["path", "idle MiB", "with sessions MiB", "KiB/session"];
    let mut table = Table::new(title, &columns);
    let (_server, port) = Echo::http(options)?;
    let (forwarder, front) = start_role(&["forward-http", &format!("127.0.0.1:{port}")])?;
    let (_, cells) = measure(&forwarder, front, sessions).await?;
    table.row(FORWARDER, cells);
    if let Some(guard) = guard {
        let (group, front) = guard.before_http(port)?;
        let ((idle_mib, session_kib), cells) = measure(&group, front, sessions).await?;
        table.row(GUARD, cells);
        bars.at_most("guard, memory when idle", idle_mib, 20.0, "MiB");
        let what = format!("guard, memory for each of {sessions} idle HTTP sessions");
        bars.at_most(what, session_kib, 64.0, "KiB");
    }
    report.tables.push(table);
    Ok(())
}

/// Idle memory in MiB and memory for each session in KiB, and both as cells.
async fn measure(group: &Group, port: u16, count: usize) -> Outcome<((f64, f64), [Cell; 3])> {
    #[expect(clippy::cast_precision_loss, reason = "a resident set")]
    let resident_kib = || usage(&[group.pid()]).rss_kib as f64;
    tokio::time::sleep(SETTLE_TIME).await;
    let idle = resident_kib();
    say(&format!("opening {count} sessions"));
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        sessions.push(HttpSession::open(&Dial { port, path: "/mcp" }).await?);
    }
    tokio::time::sleep(SETTLE_TIME).await;
    let open = resident_kib();
    #[expect(clippy::cast_precision_loss, reason = "a count of sessions")]
    let session_kib = (open - idle) / sessions.len() as f64;
    let cells = [idle / 1024.0, open / 1024.0, session_kib].map(Cell::from);
    Ok(((idle / 1024.0, session_kib), cells))
}

const SETTLE_TIME: Duration = Duration::from_secs(1);
