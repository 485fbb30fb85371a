//! Asks a server for everything it shows.

pub(crate) mod opening;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use authz::broker::Broker;
use bytes::Bytes;
use serde_json::{Map, Value};
use surface::{Assembly, AssemblyError, Digest, Era, List, Observation, Surface};
use wire::rpc::Outcome;
use wire::{Document, Frame, Message, Refusal};

use crate::channel::{Channel, ChannelError};
use crate::target::Target;
use crate::{http, limits, stdio};

/// A surface and the conditions under which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The surface.
    pub observation: Observation,
    /// The protocol version that was spoken.
    pub protocol_version: String,
}

/// How to capture.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// How long to wait for one answer. The first has twice as long: a server may have to be
    /// downloaded before it runs.
    pub answer_time_max: Duration,
    /// The `clientInfo` to show, name and version; the guard's own if `None`.
    pub client: Option<(String, String)>,
    /// The addresses of a remote server, which somebody has checked: only these are dialled, and its
    /// name is not resolved again. It is if `None`.
    pub addresses: Option<Vec<SocketAddr>>,
    /// Where tokens for a remote server come from: for the guard itself, never for a person who calls.
    pub outbound: Option<Arc<Broker>>,
}

impl Default for Conditions {
    fn default() -> Self {
        let answer_time_max = Duration::from_secs(30);
        Self { answer_time_max, client: None, addresses: None, outbound: None }
    }
}

/// Why there is no surface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The server could not be run.
    #[error("running `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server ended before it had shown everything.
    #[error("the server ended ({status}){}", said(.stderr))]
    Ended {
        /// How it ended.
        status: String,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// An exchange failed.
    #[error("asking for {method}")]
    Exchange {
        /// The method that was asked.
        method: String,
        /// Why.
        #[source]
        source: ChannelError,
    },
    /// The server answered with an error.
    #[error("{method}: the server answered error {code}: {message}")]
    Answered {
        /// The method that was asked.
        method: String,
        /// The code of the error.
        code: i64,
        /// Its message.
        message: String,
    },
    /// What came as an answer is no response.
    #[error("{method}: the server sent no response")]
    NoResponse {
        /// The method that was asked.
        method: String,
    },
    /// An answer holds what parsers read differently.
    #[error("the answer to {method}")]
    Refused {
        /// The method that was asked.
        method: String,
        /// What is wrong.
        #[source]
        source: Refusal,
    },
    /// The answers make no surface.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The lists changed under every walk.
    #[error("the lists changed during each of {walks} walks")]
    Torn {
        /// How often it was tried.
        walks: u32,
    },
    /// The whole took too long.
    #[error("listing the server took longer than {} s", limits::LISTING_TIME_MAX.as_secs())]
    TimedOut,
    /// A legacy server whose session the client has not opened cannot be listed.
    #[error("the client has not opened the session")]
    NotOpened,
}

impl CaptureError {
    /// The stable code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Start { .. } => "capture.start",
            Self::Ended { .. } => "capture.ended",
            Self::Exchange { source: ChannelError::TimedOut(_), .. } | Self::TimedOut => {
                "capture.timed-out"
            }
            Self::Exchange { source: ChannelError::Status { .. }, .. } => "capture.http-status",
            Self::Exchange { .. } | Self::NoResponse { .. } => "capture.exchange",
            Self::Answered { .. } => "capture.answered-error",
            Self::Assembly(AssemblyError::Duplicate { .. }) => "capture.duplicate-item",
            Self::Assembly(AssemblyError::CursorLoop { .. }) => "capture.cursor-loop",
            Self::Assembly(AssemblyError::PastLimit { .. }) => "capture.past-limit",
            Self::Refused { .. } | Self::Assembly(AssemblyError::Refused { .. }) => {
                "capture.refused"
            }
            Self::Assembly(_) => "capture.malformed",
            Self::Torn { .. } => "capture.torn",
            Self::NotOpened => "capture.not-opened",
        }
    }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("; it said: {stderr}") }
}

/// Runs or reaches the server, asks for everything, and ends what it started.
///
/// # Errors
/// Anything short of a whole surface.
pub async fn capture(target: &Target, conditions: &Conditions) -> Result<Captured, CaptureError> {
    match target {
        Target::Command(command) => stdio::capture(command, conditions).await,
        Target::Url(endpoint) => http::capture(endpoint, conditions).await,
    }
}

/// How much is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Everything,
    One(List),
}

/// What listing one list again found.
#[derive(Debug)]
pub(crate) enum Again {
    /// The bytes are those of the last time.
    Same,
    /// A surface with the list as it is now, and what to know the answer by the next time: the
    /// digest of its bytes, when one page was all.
    Read(Observation, Option<Digest>),
}

/// A way to ask one server, in one era, for one client.
pub(crate) struct Ask<'c, C, D> {
    pub(crate) channel: &'c C,
    pub(crate) era: Era,
    /// What every request carries as `_meta` in the modern era.
    pub(crate) meta: Option<Map<String, Value>>,
    /// Counts what says that a list changed; a walk during which it rises is torn.
    pub(crate) doubts: D,
}

impl<C: Channel, D: Fn() -> u64 + Send + Sync> Ask<'_, C, D> {
    /// Walks every list, until nothing changed meanwhile, a bounded number of times. `opening` is
    /// the result of `initialize`; a modern server can be asked.
    pub(crate) async fn observe(
        &self,
        opening: Option<&Bytes>,
    ) -> Result<Observation, CaptureError> {
        for _ in 0..=limits::LISTING_RESTARTS_MAX {
            let doubts = (self.doubts)();
            let walked = self.everything(opening).await;
            if !self.is_torn(doubts, &walked) {
                return walked;
            }
        }
        Err(CaptureError::Torn { walks: limits::LISTING_RESTARTS_MAX + 1 })
    }

    /// Walks one list in the same way; the rest is as it was `known`. `page_before` is the digest by which
    /// the answer of the last time is known.
    pub(crate) async fn observe_again(
        &self,
        known: &Surface,
        list: List,
        page_before: Option<Digest>,
    ) -> Result<Again, CaptureError> {
        for _ in 0..=limits::LISTING_RESTARTS_MAX {
            let doubts = (self.doubts)();
            let walked = self.list(known, list, page_before).await;
            if !self.is_torn(doubts, &walked) {
                return walked;
            }
        }
        Err(CaptureError::Torn { walks: limits::LISTING_RESTARTS_MAX + 1 })
    }

    fn is_torn<T>(&self, doubts: u64, walked: &Result<T, CaptureError>) -> bool {
        (self.doubts)() != doubts || walked.as_ref().is_err_and(is_stale_cursor)
    }

    async fn everything(&self, opening: Option<&Bytes>) -> Result<Observation, CaptureError> {
        let answer;
        let opening = match (self.era, opening) {
            (_, Some(opening)) => opening,
            (Era::Modern, None) => {
                answer = self.ask("server/discover", Map::new()).await?;
                &answer
            }
            (Era::Legacy, None) => return Err(CaptureError::NotOpened),
        };
        let mut assembly = read(opening, "opening", |result| Assembly::open(self.era, result))?;
        for list in assembly.lists() {
            self.walk(&mut assembly, list).await?;
        }
        for uri in assembly.missing_ui() {
            let params = Map::from_iter([("uri".to_owned(), Value::from(uri.as_str()))]);
            match self.ask("resources/read", params).await {
                Ok(body) => {
                    read(&body, "resources/read", |body| assembly.ui_body(&uri, body))?;
                }
                Err(CaptureError::Answered { code, .. }) => assembly.absent_ui(&uri, code)?,
                Err(error) => return Err(error),
            }
        }
        Ok(assembly.finish())
    }

    async fn list(
        &self,
        known: &Surface,
        list: List,
        page_before: Option<Digest>,
    ) -> Result<Again, CaptureError> {
        if !known.declares(list) {
            return Ok(Again::Same);
        }
        let first = self.first_page(list).await?;
        let digest = first.as_ref().map(|page| Digest::of_bytes(page));
        if digest.is_some() && digest == page_before {
            return Ok(Again::Same);
        }
        let mut assembly = Assembly::again(known, list);
        let pages = self.follow(&mut assembly, list, first).await?;
        Ok(Again::Read(assembly.finish(), digest.filter(|_| pages == 1)))
    }

    async fn walk(&self, assembly: &mut Assembly, list: List) -> Result<(), CaptureError> {
        let first = self.first_page(list).await?;
        self.follow(assembly, list, first).await.map(drop)
    }

    /// Adds the pages of a list from the first one on; gives how many there are.
    async fn follow(
        &self,
        assembly: &mut Assembly,
        list: List,
        first: Option<Bytes>,
    ) -> Result<u32, CaptureError> {
        let Some(mut page) = first else {
            assembly.absent(list, METHOD_NOT_FOUND)?;
            return Ok(0);
        };
        let mut pages = 1;
        while let Some(cursor) = read(&page, list.method(), |page| assembly.page(list, page))? {
            let params = Map::from_iter([("cursor".to_owned(), Value::from(cursor))]);
            page = self.ask(list.method(), params).await?;
            pages += 1;
        }
        Ok(pages)
    }

    /// The first page of a list; `None` when the server does not know the list.
    async fn first_page(&self, list: List) -> Result<Option<Bytes>, CaptureError> {
        match self.ask(list.method(), Map::new()).await {
            Err(CaptureError::Answered { code: METHOD_NOT_FOUND, .. }) => Ok(None),
            asked => asked.map(Some),
        }
    }

    /// Asks one method; gives the bytes of the result.
    async fn ask(
        &self,
        method: &str,
        mut params: Map<String, Value>,
    ) -> Result<Bytes, CaptureError> {
        if let Some(meta) = &self.meta {
            params.insert("_meta".to_owned(), Value::Object(meta.clone()));
        }
        ask(self.channel, method, params).await
    }
}

/// Asks one method; gives the bytes of the result.
///
/// # Errors
/// No response, a response that is refused, or an error as the answer.
pub(crate) async fn ask(
    channel: &impl Channel,
    method: &str,
    params: Map<String, Value>,
) -> Result<Bytes, CaptureError> {
    let answer = channel
        .exchange(method, params)
        .await
        .map_err(|source| CaptureError::Exchange { method: method.to_owned(), source })?;
    result_of(method, &answer)
}

/// The bytes of the result in an answer to `method`.
///
/// # Errors
/// A response that is refused, no response, or an error as the answer.
pub(crate) fn result_of(method: &str, answer: &Bytes) -> Result<Bytes, CaptureError> {
    let refused = |source| CaptureError::Refused { method: method.to_owned(), source };
    let document = Document::parse(answer, &wire::Policy::default()).map_err(refused)?;
    let frame = Frame::read(&document).map_err(refused)?;
    let Frame::One(Message::Response(response)) = frame else {
        return Err(CaptureError::NoResponse { method: method.to_owned() });
    };
    match response.outcome {
        Outcome::Result(result) => Ok(answer.slice(result.start()..result.end())),
        Outcome::Error(error) => Err(CaptureError::Answered {
            method: method.to_owned(),
            code: error.get("code").and_then(wire::Value::as_integer).unwrap_or_default(),
            message: error
                .get("message")
                .and_then(wire::Value::as_str)
                .map_or_else(String::new, |message| {
                    message.chars().take(ERROR_CHARS_SHOWN_MAX).collect()
                }),
        }),
    }
}

/// Scans a result once more on its own, because an answer outlives its document.
fn read<T>(
    result: &Bytes,
    method: &str,
    reader: impl FnOnce(wire::Value<'_>) -> Result<T, AssemblyError>,
) -> Result<T, CaptureError> {
    let document = Document::parse(result, &wire::Policy::default());
    let document =
        document.map_err(|source| CaptureError::Refused { method: method.to_owned(), source })?;
    Ok(reader(document.root())?)
}

/// A cursor that became invalid in the middle of a walk.
fn is_stale_cursor(error: &CaptureError) -> bool {
    matches!(error, CaptureError::Answered { method, code: INVALID_PARAMS, .. } if method.ends_with("/list"))
}

const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;
const ERROR_CHARS_SHOWN_MAX: usize = 500;
