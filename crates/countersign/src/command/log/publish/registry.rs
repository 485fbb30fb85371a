//! The registry, as a publisher asks it.

use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use wire::{Document, Policy};

use crate::codes;
use crate::failure::Failure;
use crate::log::{limits, reader};

/// A registry.
pub(in crate::command) struct Registry {
    client: reqwest::Client,
    /// Without a final slash: what a token of GitHub Actions has to name.
    pub(super) origin: String,
}

/// How the registry answered a publication.
pub(super) struct Answer {
    pub(super) index: u64,
    pub(super) verdict: String,
    pub(super) findings: Value,
    pub(super) is_known: bool,
}

impl Registry {
    /// The registry at a URL.
    ///
    /// # Errors
    /// A URL that is not https, nor http on this machine.
    pub(in crate::command) fn of(text: &str) -> Result<Self, Failure> {
        let usage = |why: &str| Failure::usage(format!("{why}: a registry has an https URL"));
        let url = Url::parse(text).map_err(|error| usage("this is no URL").because(error))?;
        let is_local = url.host_str().is_some_and(reader::is_this_machine);
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return Err(usage("a login is not sent without TLS"));
        }
        if url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(usage("this URL has more than an address"));
        }
        let client = reader::client()?;
        Ok(Self { client, origin: text.trim_end_matches('/').to_owned() })
    }

    /// Sends JSON to a path, and gives the answer.
    ///
    /// # Errors
    /// A registry that does not answer, or refuses.
    pub(in crate::command) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.origin);
        let mut request = self.client.request(Method::POST, url).body(body);
        request = request.header("content-type", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.answer(request, path).await
    }

    /// Asks an address outside the registry for JSON.
    ///
    /// # Errors
    /// Nobody who answers with it.
    pub(super) async fn ask(&self, url: Url, bearer: &str) -> Result<Value, Failure> {
        let what = url.host_str().unwrap_or_default().to_owned();
        self.answer(self.client.get(url).bearer_auth(bearer), &what).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder, what: &str) -> Result<Value, Failure> {
        let asking = || Failure::new(format!("asking {what}"));
        let sent = request.send().await;
        let answer = sent.map_err(|error| asking().because(error.without_url()))?;
        let status = answer.status();
        let bytes = reader::body(answer, limits::EVIDENCE_BYTES_MAX)
            .await
            .map_err(|error| asking().because(error))?;
        let body = read(&bytes);
        if status == StatusCode::OK {
            return body.ok_or_else(|| asking().because("its answer is no strict JSON"));
        }
        let member = |key: &str| {
            body.as_ref().and_then(|body| body.get(key)?.as_str()).unwrap_or_default().to_owned()
        };
        let (code, error) = (member("code"), member("error"));
        let error = if error.is_empty() { format!("it answers {status}") } else { error };
        if status.is_server_error() {
            return Err(asking().because(error));
        }
        Err(Failure::refusal(known(&code), "the registry refuses").because(error))
    }

    /// Publishes.
    ///
    /// # Errors
    /// As [`Registry::post`].
    pub(super) async fn publish(&self, token: &str, body: Vec<u8>) -> Result<Answer, Failure> {
        let answer = self.post("/v0.1/countersign/publish", Some(token), body).await?;
        let index = answer.get("index").and_then(Value::as_u64);
        let verdict = answer.get("verdict").and_then(Value::as_str);
        let (Some(index), Some(verdict)) = (index, verdict) else {
            return Err(Failure::new("the registry's answer names no statement or no verdict"));
        };
        Ok(Answer {
            index,
            verdict: verdict.to_owned(),
            findings: answer.get("findings").cloned().unwrap_or_default(),
            is_known: answer.get("known").and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

/// The code that a registry says, if it is one of those that this program knows.
fn known(code: &str) -> &'static str {
    let tables = [
        registry::publish::CODES,
        registry::publish::server_json::CODES,
        registry::namespace::CODES,
    ];
    let all = tables.iter().flat_map(|table| table.iter());
    let found = all.map(|(known, _)| *known).find(|known| *known == code);
    found.unwrap_or(codes::PUBLISH_REFUSED)
}

fn read(bytes: &[u8]) -> Option<Value> {
    let document = Document::parse(bytes, &Policy::default()).ok()?;
    surface::json::exact(document.root()).ok()
}
