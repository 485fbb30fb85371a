//! The table: what was measured, as people and machines read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use drift::tripwire::{self, Class};
use drift::{Change, Severity};
use serde_json::json;

use crate::Outcome;
use crate::data::Server;
use crate::random::Random;
use crate::speed::{Speed, collect};

/// Everything that was measured.
pub(crate) struct Report {
    bumps: Vec<Outcome>,
    recorded: Vec<Outcome>,
    generated: Vec<Outcome>,
    tripwires: Tripwires,
}

/// Hits of rules in real surfaces.
struct Tripwires {
    tools: usize,
    servers: usize,
    /// By rule: tools and servers with a hit.
    rules: BTreeMap<&'static str, (usize, usize)>,
    blocking_tools: usize,
    blocking_servers: usize,
    /// Each blocking hit, to be read.
    blocking: Vec<String>,
}

/// A share, with the ends of its interval.
struct Share {
    part: usize,
    whole: usize,
    low: f64,
    high: f64,
}

impl Report {
    pub(crate) fn new(
        bumps: Vec<Outcome>,
        recorded: Vec<Outcome>,
        generated: Vec<Outcome>,
        servers: &[Server],
    ) -> Self {
        Self { bumps, recorded, generated, tripwires: Tripwires::of(servers) }
    }

    pub(crate) fn markdown(&self, speed: &Speed) -> String {
        let mut out = String::new();
        self.write_bumps(&mut out);
        self.write_attacks(&mut out);
        self.write_curve(&mut out);
        self.write_operators(&mut out);
        self.tripwires.write(&mut out);
        let _ = writeln!(
            out,
            "\nScan: {:.0} MB/s over {} bytes of real text.",
            speed.mb_per_second(),
            speed.bytes
        );
        out
    }

    pub(crate) fn json(&self, speed: &Speed) -> String {
        let alarmed = |outcomes: &[Outcome], severity| {
            let share = share(outcomes, |one| one.reaches(severity));
            json!({ "part": share.part, "whole": share.whole, "low": share.low, "high": share.high })
        };
        let noise: Vec<_> = self.bumps.iter().filter(|one| one.noise_only).collect();
        let value = json!({
            "bumps": { "warning": alarmed(&self.bumps, Severity::Warning),
                "critical": alarmed(&self.bumps, Severity::Critical) },
            "noiseOnly": { "bumps": noise.len(),
                "alerts": noise.iter().filter(|one| one.reaches(Severity::Warning)).count() },
            "recorded": alarmed(&self.recorded, Severity::Warning),
            "generated": alarmed(&self.generated, Severity::Warning),
            "rankedAbove95": { "recorded": self.ranked(&self.recorded), "generated": self.ranked(&self.generated) },
            "precisionAt20": self.precision_at_20(),
            "blockingTools": self.tripwires.blocking_tools,
            "tools": self.tripwires.tools,
            "scanMbPerSecond": speed.mb_per_second(),
        });
        format!("{value:#}\n")
    }

    /// `docs/tripwires.md`, with the rates that were measured.
    pub(crate) fn rules(&self) -> String {
        let all = &self.tripwires;
        tripwire::page(|rule| {
            let (tools, servers) = all.rules.get(rule).copied().unwrap_or_default();
            Some(format!(
                "{tools} of {} real tools ({:.2} %), {servers} of {} servers",
                all.tools,
                100.0 * ratio(tools, all.tools),
                all.servers
            ))
        })
    }

    /// One line for each change: the set, the server, what it is, its severity and score, and the
    /// rules that earned them. What weights are fitted to.
    pub(crate) fn features(&self) -> String {
        let sets =
            [("real", &self.bumps), ("recorded", &self.recorded), ("generated", &self.generated)];
        let mut out = String::new();
        for (set, outcomes) in sets {
            for one in outcomes {
                for change in &one.changes {
                    let met = |rule: &&tripwire::Rule| {
                        change
                            .because
                            .iter()
                            .any(|why| why.starts_with(&format!("{}:", rule.sentence)))
                    };
                    let rules: Vec<_> =
                        tripwire::RULES.iter().filter(met).map(|rule| rule.code).collect();
                    let line = json!({ "set": set, "server": one.server, "label": one.label,
                        "code": change.code, "place": change.place, "severity": change.severity,
                        "score": change.score, "rules": rules, "isNew": change.before.is_none() });
                    let _ = writeln!(out, "{line}");
                }
            }
        }
        out
    }

    /// Every real alert and every attack below warning, to be read.
    pub(crate) fn explain(&self) -> String {
        let mut out = String::new();
        let mut real: Vec<_> =
            self.bumps.iter().filter(|one| one.reaches(Severity::Warning)).collect();
        real.sort_by_key(|one| std::cmp::Reverse(one.top()));
        for one in real {
            let _ = writeln!(out, "REAL {} {} {}", one.source, one.server, one.label);
            write_changes(&mut out, &one.changes, Severity::Warning);
        }
        let attacks = self.recorded.iter().chain(&self.generated);
        for one in attacks.filter(|one| !one.reaches(Severity::Warning)) {
            let _ = writeln!(out, "MISSED {} {} {}", one.source, one.server, one.label);
            write_changes(&mut out, &one.changes, Severity::Info);
        }
        for hit in &self.tripwires.blocking {
            let _ = writeln!(out, "BLOCKING {hit}");
        }
        out
    }

    fn write_bumps(&self, out: &mut String) {
        let _ = writeln!(out, "## Real version bumps\n");
        let _ = writeln!(
            out,
            "| source | bumps | changed | ≥ warning | critical |\n|---|---|---|---|---|"
        );
        let sources: BTreeSet<_> = self.bumps.iter().map(|one| one.source.as_str()).collect();
        for source in sources {
            let of_source = self.bumps.iter().filter(|one| one.source == source);
            write_row(out, source, &of_source.collect::<Vec<_>>());
        }
        write_row(out, "all", &self.bumps.iter().collect::<Vec<_>>());
        let warning = share(&self.bumps, |one| one.reaches(Severity::Warning));
        let critical = share(&self.bumps, |one| one.reaches(Severity::Critical));
        let noise: Vec<_> = self.bumps.iter().filter(|one| one.noise_only).collect();
        let _ = writeln!(
            out,
            "\nAll: {warning} at warning or above, {critical} critical (95 % intervals by bootstrap over servers). Serialiser-only bumps: {}, with {} changes.",
            noise.len(),
            noise.iter().map(|one| one.changes.len()).sum::<usize>()
        );
    }

    fn write_attacks(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n## Attack pairs\n\n| set | pairs | ≥ warning | critical | ranked above 95 % of real changes |\n|---|---|---|---|---|"
        );
        for (name, set) in [("recorded", &self.recorded), ("generated", &self.generated)] {
            let warning = share(set, |one| one.reaches(Severity::Warning));
            let critical = share(set, |one| one.reaches(Severity::Critical));
            let _ = writeln!(
                out,
                "| {name} | {} | {warning} | {critical} | {:.1} % |",
                set.len(),
                100.0 * self.ranked(set)
            );
        }
        let _ = writeln!(
            out,
            "\nPrecision at 20, with 20 attacks among all real bumps: {:.2}.",
            self.precision_at_20()
        );
    }

    /// Recall against alarms, wherever the line is drawn through the scores.
    fn write_curve(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n## The curve\n\nThe line of a warning at another score of the text; structural warnings stay.\n\n| score of the text | real bumps | recorded | generated |\n|---|---|---|---|"
        );
        for line in [5, 8, 10, 13, 15, 18, 20, 23, 25, 30, 35, 40, 50, 60, 80] {
            let reach = |set: &[Outcome]| {
                let above = |one: &&Outcome| {
                    one.changes
                        .iter()
                        .any(|change| change.score / 100 >= line || is_structural(change))
                };
                100.0 * ratio(set.iter().filter(above).count(), set.len())
            };
            let _ = writeln!(
                out,
                "| {line} | {:.1} % | {:.1} % | {:.1} % |",
                reach(&self.bumps),
                reach(&self.recorded),
                reach(&self.generated)
            );
        }
    }

    fn write_operators(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n## Recall by operator\n\n| operator | pairs | ≥ warning | critical |\n|---|---|---|---|"
        );
        let kinds = |one: &Outcome| -> String {
            if one.source == "generated" {
                one.label.clone()
            } else {
                format!("recorded: {}", one.label.split_once(' ').map_or("", |(_, kind)| kind))
            }
        };
        let mut rows: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
        for one in self.recorded.iter().chain(&self.generated) {
            let row = rows.entry(kinds(one)).or_default();
            row.0 += 1;
            row.1 += usize::from(one.reaches(Severity::Warning));
            row.2 += usize::from(one.reaches(Severity::Critical));
        }
        for (kind, (pairs, warning, critical)) in rows {
            let _ = writeln!(out, "| {kind} | {pairs} | {warning} | {critical} |");
        }
    }

    /// The share of attacks that stand above 95 % of all real changes.
    fn ranked(&self, attacks: &[Outcome]) -> f64 {
        let mut real: Vec<_> = self
            .bumps
            .iter()
            .flat_map(|one| &one.changes)
            .map(|change| (change.severity, change.score))
            .collect();
        real.sort_unstable();
        let above = |one: &&Outcome| {
            let below = one.top().map_or(0, |top| real.partition_point(|change| *change < top));
            ratio(below, real.len()) >= 0.95
        };
        ratio(attacks.iter().filter(above).count(), attacks.len())
    }

    /// The mean, over draws, of the share of attacks among the first 20 when 20 of them are mixed
    /// into all real bumps; of equals the real one comes first.
    fn precision_at_20(&self) -> f64 {
        let attacks: Vec<_> =
            self.recorded.iter().chain(&self.generated).map(Outcome::top).collect();
        let mut random = Random::seeded(20);
        let mut found = 0;
        for _ in 0..DRAWS {
            let drawn = (0..20).map(|_| (random.pick(&attacks), true));
            let mut all: Vec<_> =
                self.bumps.iter().map(|one| (one.top(), false)).chain(drawn).collect();
            all.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            found += all.iter().take(20).filter(|(_, attack)| *attack).count();
        }
        ratio(found, 20 * DRAWS)
    }
}

impl Tripwires {
    fn of(servers: &[Server]) -> Self {
        let mut all = Self {
            tools: 0,
            servers: servers.len(),
            rules: BTreeMap::new(),
            blocking_tools: 0,
            blocking_servers: 0,
            blocking: Vec::new(),
        };
        for server in servers {
            let mut of_server = BTreeSet::new();
            let mut blocks = false;
            for (place, tool) in &server.surface.items {
                all.tools += 1;
                let hits = all.tool(&server.name, &place.name, tool);
                let blocking = hits.iter().any(|(_, class)| *class == Class::Blocking);
                all.blocking_tools += usize::from(blocking);
                blocks |= blocking;
                for (rule, _) in &hits {
                    all.rules.entry(rule).or_default().0 += 1;
                }
                of_server.extend(hits);
            }
            all.blocking_servers += usize::from(blocks);
            for (rule, _) in of_server {
                all.rules.entry(rule).or_default().1 += 1;
            }
        }
        all
    }

    fn tool(
        &mut self,
        server: &str,
        name: &str,
        tool: &serde_json::Value,
    ) -> BTreeSet<(&'static str, Class)> {
        let mut texts = Vec::new();
        collect(tool, &mut texts);
        let mut met = BTreeSet::new();
        for hit in tripwire::scan_name(name) {
            met.insert((hit.rule, hit.class));
        }
        for text in texts {
            for hit in tripwire::scan(text) {
                met.insert((hit.rule, hit.class));
                if hit.class == Class::Blocking {
                    let shown = text.get(hit.span.clone()).unwrap_or_default();
                    self.blocking.push(format!("{} {server}/{name}: {shown:?}", hit.rule));
                }
            }
        }
        met
    }

    fn write(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n## Tripwires on real tools\n\nBlocking rules hit {} of {} tools ({:.3} %), {} of {} servers.\n\n| rule | tools | servers |\n|---|---|---|",
            self.blocking_tools,
            self.tools,
            100.0 * ratio(self.blocking_tools, self.tools),
            self.blocking_servers,
            self.servers
        );
        for rule in tripwire::RULES {
            let (tools, servers) = self.rules.get(rule.code).copied().unwrap_or_default();
            let _ = writeln!(
                out,
                "| `{}` | {tools} ({:.2} %) | {servers} ({:.2} %) |",
                rule.code,
                100.0 * ratio(tools, self.tools),
                100.0 * ratio(servers, self.servers)
            );
        }
    }
}

/// A warning that no text earned.
fn is_structural(change: &Change) -> bool {
    change.severity > Severity::Notice && change.because.is_empty()
}

fn write_row(out: &mut String, source: &str, outcomes: &[&Outcome]) {
    let count = |test: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|one| test(one)).count();
    let share = |severity| {
        let part = count(&|one| one.reaches(severity));
        format!("{part} ({:.1} %)", 100.0 * ratio(part, outcomes.len()))
    };
    let _ = writeln!(
        out,
        "| {source} | {} | {} | {} | {} |",
        outcomes.len(),
        count(&|one| !one.changes.is_empty()),
        share(Severity::Warning),
        share(Severity::Critical)
    );
}

fn write_changes(out: &mut String, changes: &[Change], least: Severity) {
    for change in changes.iter().filter(|change| change.severity >= least).take(6) {
        let _ = writeln!(
            out,
            "    {} {} {} {} {}",
            change.severity, change.score, change.code, change.place, change.sentence
        );
        for why in &change.because {
            let _ = writeln!(out, "        {why}");
        }
    }
}

/// The share of outcomes that pass, with its interval by bootstrap over servers.
fn share(outcomes: &[Outcome], passes: impl Fn(&Outcome) -> bool) -> Share {
    let mut servers: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for one in outcomes {
        let server = servers.entry(&one.server).or_default();
        server.0 += usize::from(passes(one));
        server.1 += 1;
    }
    let servers: Vec<_> = servers.into_values().collect();
    let mut random = Random::seeded(7);
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let drawn = (0..servers.len()).map(|_| random.pick(&servers));
            let (part, whole) = drawn.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            ratio(part, whole)
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let end = |share: usize| draws.get(DRAWS * share / 1000).copied().unwrap_or_default();
    let (part, whole) = servers.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    Share { part, whole, low: end(25), high: end(975) }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = 100.0 * ratio(self.part, self.whole);
        let (low, high) = (100.0 * self.low, 100.0 * self.high);
        write!(f, "{} of {}, {percent:.1} % ({low:.1} to {high:.1})", self.part, self.whole)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Resamplings of an interval, and draws of a mix.
const DRAWS: usize = 1000;
