//! `countersign watch`: the state changes of a registry, as they happen.

mod events;

use std::time::Duration;

use registry::feed::Change;
use reqwest::{Response, StatusCode, Url};
use tokio::time::{sleep, timeout};
use wire::{Document, Policy};

use self::events::{Event, Events};
use crate::args::service as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::log::reader::{self, Reader};
use crate::output::{safe, style};

/// Prints changes until it is interrupted, nobody reads them, or with `--once` nothing is left.
///
/// # Errors
/// A registry that never answered, or that refuses what is asked.
pub(super) async fn run(desk: &Desk, arguments: &args::Watch) -> Result<Exit, Failure> {
    let Reader::Url { prefix, client } = Reader::of(&arguments.registry)? else {
        return Err(Failure::usage("a registry is watched at its URL"));
    };
    let mut watch = Watch { desk, arguments, prefix, client, last: arguments.since };
    if arguments.once { watch.once().await } else { watch.follow().await }
}

struct Watch<'a> {
    desk: &'a Desk,
    arguments: &'a args::Watch,
    prefix: Url,
    client: reqwest::Client,
    /// The number after which everything is still to come.
    last: Option<u64>,
}

/// Why a stream ended.
enum Ended {
    /// Nobody reads what is printed.
    Unread,
    /// It may go on later.
    Lost(String),
}

impl Watch<'_> {
    async fn once(&mut self) -> Result<Exit, Failure> {
        let mut exit = Exit::Same;
        loop {
            let url = self.url("changes", true)?;
            let asking = || Failure::new(format!("asking {url}"));
            let sent = self.client.get(url.clone()).send().await;
            let answer = sent.map_err(|error| asking().because(error.without_url()))?;
            let answer = accepted(answer, &asking).await?;
            let body = reader::body(answer, PAGE_BYTES_MAX).await;
            let body = body.map_err(|error| asking().because(error))?;
            let unknown = || asking().because("it answered no page of changes");
            let page = json(&body).ok_or_else(unknown)?;
            let changes = page.get("changes").and_then(|it| it.as_array()).ok_or_else(unknown)?;
            let next = page.get("next").and_then(serde_json::Value::as_u64).ok_or_else(unknown)?;
            for value in changes {
                let change = serde_json::from_value(value.clone()).map_err(|_| unknown())?;
                exit = Exit::Drift;
                if !self.print(&change)? {
                    return Ok(exit);
                }
            }
            let has_more = page.get("more").and_then(serde_json::Value::as_bool) == Some(true);
            if !has_more || self.last.is_some_and(|last| next <= last) {
                return Ok(exit);
            }
            self.last = Some(next);
        }
    }

    async fn follow(&mut self) -> Result<Exit, Failure> {
        let (mut pause, mut was_there) = (PAUSE_MIN, false);
        loop {
            let before = self.last;
            let why = match self.connect(was_there).await? {
                Ok(answer) => {
                    was_there = true;
                    match self.read(answer).await? {
                        Ended::Unread => return Ok(Exit::Same),
                        Ended::Lost(why) => why,
                    }
                }
                Err(why) => why,
            };
            if self.last != before {
                pause = PAUSE_MIN;
            }
            let seconds = pause.as_secs();
            self.desk.output.note(&format!("{}; again in {seconds} s", safe::line(&why)));
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// A stream, or why there is none now. A registry that was never there is a mistake of whoever
    /// typed its URL.
    async fn connect(&self, was_there: bool) -> Result<Result<Response, String>, Failure> {
        let url = self.url("changes/stream", false)?;
        let asking = || Failure::new(format!("asking {url}"));
        // The client's bound is for whole answers; this one ends when somebody ends it.
        let mut request = self.client.get(url.clone()).timeout(STREAM_TIME_MAX);
        if let Some(last) = self.last {
            request = request.header("last-event-id", last);
        }
        let why = match timeout(SILENCE_MAX, request.send()).await {
            Ok(Ok(answer)) if answer.status() == StatusCode::OK => return Ok(Ok(answer)),
            Ok(Ok(answer)) if is_busy(answer.status()) => {
                format!("the registry answered {}", answer.status())
            }
            Ok(Ok(answer)) => return accepted(answer, &asking).await.map(Ok),
            Ok(Err(error)) if !was_there => return Err(asking().because(error.without_url())),
            Ok(Err(_)) => "the registry cannot be reached".to_owned(),
            Err(_) if !was_there => return Err(asking().because("it does not answer")),
            Err(_) => "the registry does not answer".to_owned(),
        };
        Ok(Err(why))
    }

    /// Prints what comes, until no more does.
    async fn read(&mut self, mut answer: Response) -> Result<Ended, Failure> {
        let lost = |why: &str| Ok(Ended::Lost(why.to_owned()));
        let mut events = Events::default();
        loop {
            let chunk = match timeout(SILENCE_MAX, answer.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return lost("the registry ended the stream"),
                Ok(Err(_)) => return lost("the stream broke off"),
                Err(_) => return lost("the registry went silent"),
            };
            let Some(found) = events.read(&chunk) else {
                return lost("the registry sent an event that is too long");
            };
            for event in found {
                if !self.take(&event)? {
                    return Ok(Ended::Unread);
                }
            }
        }
    }

    /// Prints what an event says, and remembers its number; whether anybody reads it.
    fn take(&mut self, event: &Event) -> Result<bool, Failure> {
        let id = event.id.as_deref().and_then(|id| id.parse().ok());
        let is_known = id.zip(self.last).is_some_and(|(id, last): (u64, u64)| id <= last);
        if is_known {
            return Ok(true);
        }
        if event.kind == "change" && !event.data.is_empty() {
            let change = json(event.data.as_bytes()).and_then(|it| serde_json::from_value(it).ok());
            match change {
                Some(change) => {
                    if !self.print(&change)? {
                        return Ok(false);
                    }
                }
                None => self.desk.output.note("the registry sent a change that cannot be read"),
            }
        }
        self.last = id.or(self.last);
        Ok(true)
    }

    fn print(&self, change: &Change) -> Result<bool, Failure> {
        let line = if self.arguments.json {
            let text = serde_json::to_string(change)
                .map_err(|error| Failure::new("writing JSON").because(error))?;
            safe::json(&text) + "\n"
        } else {
            shown(change)
        };
        self.desk.output.line(&line)
    }

    fn url(&self, path: &str, is_page: bool) -> Result<Url, Failure> {
        let url = self.prefix.join(&format!("v0.1/countersign/{path}"));
        let mut url = url.map_err(|error| Failure::usage("this is no URL").because(error))?;
        let arguments = self.arguments;
        let severity = arguments.severity.map(|severity| severity.to_string());
        let mut asked = vec![
            ("server", arguments.server.clone()),
            ("severity", severity),
            ("kind", arguments.kind.clone()),
        ];
        if is_page {
            asked.push(("since", Some(self.last.unwrap_or_default().to_string())));
        }
        for (name, value) in asked {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        Ok(url)
    }
}

/// A change in one line: what matters most comes first.
fn shown(change: &Change) -> String {
    let severity = format!("{:<8}", change.severity.to_string());
    let severity = style::paint(style::of_severity(change.severity), severity);
    let server = style::paint(style::NAME, safe::line(&change.server));
    let version = change.version.as_deref().unwrap_or("-");
    let (version, code) = (safe::line(version), safe::line(&change.code));
    format!("{severity}  {server}  {version}  {code}  {}\n", safe::line(&change.summary))
}

/// The answer if it is one, or what the registry says against it.
async fn accepted(answer: Response, asking: &impl Fn() -> Failure) -> Result<Response, Failure> {
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let body = reader::body(answer, REFUSAL_BYTES_MAX).await.ok();
    let said = body.and_then(|body| json(&body));
    let said = said.as_ref().and_then(|it| it.get("error")).and_then(|it| it.as_str());
    let why = said.map_or_else(|| format!("it answered {status}"), str::to_owned);
    Err(asking().because(why))
}

fn is_busy(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn json(bytes: &[u8]) -> Option<serde_json::Value> {
    let document = Document::parse(bytes, &Policy::default()).ok()?;
    surface::json::exact(document.root()).ok()
}

/// A registry's heartbeat comes every 15 s: after three that are missing nobody is there.
const SILENCE_MAX: Duration = Duration::from_secs(50);
const STREAM_TIME_MAX: Duration = Duration::from_hours(24);
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// A page has 50 changes, each 20 kB with the most findings.
const PAGE_BYTES_MAX: usize = 4 << 20;
const REFUSAL_BYTES_MAX: usize = 64 << 10;
