//! Tool calls in a closed loop: every contender in every round, so that what else the machine does
//! meets all alike.

use std::fmt;
use std::time::Duration;

use crate::Outcome;
use crate::args::{Options, Transport};
use crate::bars::Bars;
use crate::client::{Script, Slice, Span};
use crate::contender::{Contender, DIRECT, FORWARDER, Field, GUARD, Guard, MCP_PROXY_RUST};
use crate::stats::median;
use crate::table::{Cell, Report, Table, say};

/// The rounds of one contender at one load.
struct Series {
    name: &'static str,
    slices: Vec<Slice>,
}

/// A transport, a payload and a number of concurrent calls.
struct Load {
    transport: Transport,
    payload: usize,
    concurrency: usize,
}

pub(super) async fn run(
    options: &Options,
    guard: Option<&Guard>,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    for &transport in &options.transport {
        let field = match transport {
            Transport::Http => Field::http(options, guard).await?,
            Transport::Stdio => Field::stdio(options, guard).await?,
        };
        report.missing.extend(field.missing.iter().map(|peer| format!("{peer} ({transport})")));
        let mut contenders = field.contenders;
        for payload in options.payloads() {
            let title = format!("tools/call, {transport} server, {payload} bytes each way");
            let mut table = Table::new(title, &COLUMNS);
            for concurrency in options.concurrency() {
                let load = Load { transport, payload, concurrency };
                let (series, failures) = load.measure(options, &mut contenders).await;
                report.missing.extend(failures);
                load.rows(&series, &mut table);
                load.judge(&series, bars);
            }
            report.tables.push(table);
        }
    }
    Ok(())
}

impl Load {
    /// Every round of every contender that can bear this load, and who failed under it.
    async fn measure(
        &self,
        options: &Options,
        contenders: &mut [Contender],
    ) -> (Vec<Series>, Vec<String>) {
        let measured = Duration::from_millis(options.slice_ms.unwrap_or(options.pick(200, 1000)));
        let span = Span { warm_up: measured / 4, measured };
        let mut failures = Vec::new();
        let mut running: Vec<_> = contenders
            .iter_mut()
            .filter(|contender| contender.concurrency_max >= self.concurrency && !contender.failed)
            .map(|contender| (Series { name: contender.name, slices: Vec::new() }, contender))
            .collect();
        for round in 1..=options.rounds.unwrap_or(options.pick(3, 9)) {
            say(&format!("{self}: round {round}"));
            for (series, contender) in &mut running {
                if contender.failed {
                    continue;
                }
                let script = Script::new(contender.tool, self.payload);
                let Contender { client, side, .. } = contender;
                match client.slice(&script, self.concurrency, span, side).await {
                    Ok(slice) => series.slices.push(slice),
                    Err(error) => {
                        contender.failed = true;
                        failures.push(format!("{} from {self} on: {error}", contender.name));
                    }
                }
            }
        }
        let whole = running.into_iter().filter(|(_, contender)| !contender.failed);
        (whole.map(|(series, _)| series).collect(), failures)
    }

    fn rows(&self, all: &[Series], table: &mut Table) {
        for series in all {
            let against = |name, pick: fn(&Slice) -> f64| {
                let baseline = all.iter().find(|other| other.name == name)?;
                Some(series.ratio(baseline, pick))
            };
            let is_gateway = series.name != DIRECT;
            let added = all.iter().find(|other| other.name == FORWARDER && is_gateway);
            table.row(
                format!("{}, {} at once", series.name, self.concurrency),
                [
                    Cell::from(series.median(|slice| slice.p50_ms)),
                    series.median(|slice| slice.p99_ms).into(),
                    series.median(|slice| slice.calls_per_s).into(),
                    against(DIRECT, |slice| slice.calls_per_s).map(|share| share * 100.0).into(),
                    series.median(|slice| slice.cpu_us).into(),
                    against(FORWARDER, |slice| slice.cpu_us).filter(|_| is_gateway).into(),
                    added.map(|forwarder| series.p99_added_ms(forwarder)).into(),
                    series.median(|slice| slice.server_cpu_us).into(),
                    series.median(|slice| slice.rss_mib).into(),
                ],
            );
        }
    }

    fn judge(&self, all: &[Series], bars: &mut Bars) {
        let find = |name| all.iter().find(|series| series.name == name);
        let (Some(guard), Some(forwarder), Some(direct)) =
            (find(GUARD), find(FORWARDER), find(DIRECT))
        else {
            return;
        };
        let Self { transport, payload, concurrency } = self;
        let at = self.to_string();
        let cpu = guard.ratio(forwarder, |slice| slice.cpu_us);
        bars.at_most(format!("guard / forwarder, CPU per call: {at}"), cpu, 1.2, "×");
        if *payload == 4096 {
            let added = guard.p99_added_ms(forwarder);
            bars.at_most(format!("guard - forwarder, p99: {at}"), added, 1.0, "ms");
        }
        if *concurrency == 32 && *transport == Transport::Http {
            let share = guard.ratio(direct, |slice| slice.calls_per_s) * 100.0;
            bars.at_least(format!("guard / direct, calls per second: {at}"), share, 45.0, "%");
        }
        if let Some(peer) = find(MCP_PROXY_RUST) {
            let cpu = guard.ratio(peer, |slice| slice.cpu_us);
            bars.at_most(format!("guard / mcp-proxy (Rust), CPU per call: {at}"), cpu, 1.0, "×");
            let p50 = guard.ratio(peer, |slice| slice.p50_ms);
            bars.at_most(format!("guard / mcp-proxy (Rust), p50: {at}"), p50, 1.0, "×");
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, payload, concurrency } = self;
        write!(f, "{transport}, {payload} bytes, {concurrency} at once")
    }
}

impl Series {
    fn median(&self, pick: fn(&Slice) -> f64) -> f64 {
        median(self.slices.iter().map(pick))
    }

    /// The median of the rounds' ratios: both sides of each were measured within seconds.
    fn ratio(&self, baseline: &Self, pick: fn(&Slice) -> f64) -> f64 {
        let rounds = self.slices.iter().zip(&baseline.slices);
        median(rounds.map(|(this, other)| pick(this) / pick(other)))
    }

    fn p99_added_ms(&self, baseline: &Self) -> f64 {
        let rounds = self.slices.iter().zip(&baseline.slices);
        median(rounds.map(|(this, other)| this.p99_ms - other.p99_ms))
    }
}

const COLUMNS: [&str; 10] = [
    "path",
    "p50 ms",
    "p99 ms",
    "calls/s",
    "% of direct",
    "CPU µs/call",
    "× forwarder",
    "p99 added ms",
    "server CPU µs",
    "RSS MiB",
];
