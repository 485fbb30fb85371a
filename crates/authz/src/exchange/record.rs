//! One record for each decision, with hashes for tokens.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Serialize;

use crate::token::TokenHash;

/// What was decided, and by what. Never a token, a proof or a person's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// When, in seconds since 1970.
    pub time_s: u64,
    /// The grant, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn: Option<String>,
    /// The server that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop: Option<String>,
    /// Its client, authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Actors behind the presenter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// The target, if it is a server that was declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The scopes asked for, of those that the target has.
    pub requested: BTreeSet<String>,
    /// The scopes given.
    pub granted: BTreeSet<String>,
    /// The hash of the subject token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pth: Option<String>,
    /// The hash of the new token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The checks that passed, in their order.
    pub checks: Vec<&'static str>,
    /// What was let pass because an edge says so.
    pub lapses: Vec<&'static str>,
    /// The policies that decided.
    pub policies: Vec<String>,
    /// The exact code of a refusal; none if a token was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The digest of the edge file that it was decided by.
    pub configuration: String,
    /// The trace that it belongs to (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Where records go.
#[async_trait]
pub trait Records: Send + Sync + std::fmt::Debug {
    /// Keeps a record. Durable when it returns: a token is handed out after that alone.
    ///
    /// # Errors
    /// A record that may be lost.
    async fn keep(&self, record: &Record) -> Result<(), Unrecorded>;
}

/// A record that may be lost.
#[derive(Debug, thiserror::Error)]
#[error("keeping the record of a decision")]
pub struct Unrecorded(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl Record {
    pub(crate) fn new(configuration: &str, traceparent: Option<&str>, time_s: u64) -> Self {
        Self {
            time_s,
            txn: None,
            hop: None,
            actor: None,
            depth: None,
            aud: None,
            requested: BTreeSet::new(),
            granted: BTreeSet::new(),
            pth: None,
            hash: None,
            checks: Vec::new(),
            lapses: Vec::new(),
            policies: Vec::new(),
            code: None,
            configuration: configuration.to_owned(),
            traceparent: traceparent.filter(|text| is_traceparent(text)).map(str::to_owned),
        }
    }

    pub(crate) fn passed(&mut self, check: &'static str) {
        self.checks.push(check);
    }

    pub(crate) fn issued(&mut self, token: &str) {
        self.hash = Some(TokenHash::of(token).0);
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`: whatever else a header holds stays out of the record.
fn is_traceparent(text: &str) -> bool {
    let lengths = [2, 32, 16, 2];
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| part.len() == length && is_hex(part))
}
