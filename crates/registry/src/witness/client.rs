//! A witness of ours, over HTTP.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::StatusCode;
use store::log::{CosignError, Cosigner};
use tlog::witness::AddCheckpoint;
use tlog::{Hash, VerifierKey};
use url::Url;

use super::server::hash_of;
use crate::limits;
use crate::net::{Client, Request, Response};

/// A witness, asked by C2SP tlog-witness.
pub struct HttpCosigner {
    client: Client,
    /// The submission prefix, with a final slash; the monitoring prefix too.
    prefix: Url,
    keys: Vec<VerifierKey>,
    /// The sizes that it was last heard to hold, by origin: a witness of version 1.0.0 of the
    /// specification has no monitoring read.
    heard: Mutex<HashMap<String, u64>>,
}

impl HttpCosigner {
    /// The witness at `prefix` with `keys`. An address that is private or without TLS has to be an
    /// exception of the client's rules.
    pub fn new(client: Client, mut prefix: Url, keys: Vec<VerifierKey>) -> Self {
        if !prefix.path().ends_with('/') {
            let path = format!("{}/", prefix.path());
            prefix.set_path(&path);
        }
        Self { client, prefix, keys, heard: Mutex::default() }
    }

    async fn ask(&self, path: &str, body: Option<Bytes>) -> Result<Response, CosignError> {
        let unreachable = |why: String| CosignError::Unreachable { why };
        let url = self.prefix.join(path).map_err(|error| unreachable(error.to_string()))?;
        let mut request = match body {
            Some(body) => Request::post(url, body),
            None => Request::get(url),
        };
        request.bytes_max = limits::WITNESS_ANSWER_BYTES_MAX;
        request.time_max = limits::WITNESS_ANSWER_TIME_MAX;
        self.client.send(request).await.map_err(|error| unreachable(error.to_string()))
    }

    fn hear(&self, origin: &str, size: u64) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(origin.to_owned(), size);
    }
}

#[async_trait]
impl Cosigner for HttpCosigner {
    fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    async fn add_checkpoint(
        &self,
        old_size: u64,
        proof: &[Hash],
        checkpoint: &str,
    ) -> Result<Vec<String>, CosignError> {
        let (proof, checkpoint) = (proof.to_vec(), checkpoint.to_owned());
        let request = AddCheckpoint { old_size, proof, checkpoint };
        let refused = |status: StatusCode| CosignError::Refused { status: status.as_u16() };
        let claimed = request.claimed().map_err(|_| refused(StatusCode::BAD_REQUEST))?;
        let answer = self.ask("add-checkpoint", Some(request.to_string().into())).await?;
        match answer.status {
            StatusCode::OK => {
                let lines = lines(&answer.body).ok_or_else(|| refused(answer.status))?;
                self.hear(&claimed.origin, claimed.size);
                Ok(lines)
            }
            StatusCode::CONFLICT => {
                let size = size(&answer.body).ok_or_else(|| refused(answer.status))?;
                self.hear(&claimed.origin, size);
                Err(CosignError::Size { size })
            }
            status => Err(refused(status)),
        }
    }

    async fn newest(&self, origin: &str) -> Result<Option<String>, CosignError> {
        let answer = self.ask(&format!("{}/checkpoint", hash_of(origin)), None).await?;
        match answer.status {
            StatusCode::OK => {
                let note = String::from_utf8(answer.body.to_vec());
                let malformed = |_| CosignError::Refused { status: answer.status.as_u16() };
                note.map(Some).map_err(malformed)
            }
            StatusCode::NOT_FOUND => {
                let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                match heard.get(origin) {
                    Some(size) if *size > 0 => Err(CosignError::Size { size: *size }),
                    _ => Ok(None),
                }
            }
            status => Err(CosignError::Refused { status: status.as_u16() }),
        }
    }
}

/// The signature lines of an answer, each with its newline as notes have them; not verified.
fn lines(body: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(body).ok()?;
    let lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
    let is_line = |line: &String| line.starts_with('\u{2014}') && line.ends_with('\n');
    (!lines.is_empty() && lines.iter().all(is_line)).then_some(lines)
}

/// The size in a conflict: decimal, without leading zeros, and a newline.
fn size(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let digits = text.strip_suffix('\n').unwrap_or(text);
    let size: u64 = digits.parse().ok()?;
    (size.to_string() == digits && size <= i64::MAX.unsigned_abs()).then_some(size)
}
