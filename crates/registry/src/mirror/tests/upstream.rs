//! An upstream on loopback that lists what it is told to, and misbehaves when it is told to.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use url::Url;

use crate::mirror::page::OFFICIAL;
use harness::http::server::{CUT, Server, answer};

/// One row of the upstream.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) server: Value,
    pub(super) official: Value,
    /// What is sent instead of the two.
    pub(super) raw: Option<String>,
}

/// How the upstream misbehaves: by the number of the request, from 1.
pub(super) type Misbehave = Box<dyn Fn(usize, &Url) -> Option<Vec<u8>> + Send>;

#[derive(Default)]
pub(super) struct State {
    pub(super) rows: Vec<Listed>,
    pub(super) misbehave: Option<Misbehave>,
    pub(super) etags: bool,
    /// The URLs that were asked for.
    pub(super) asked: Vec<Url>,
}

pub(super) struct Upstream {
    pub(super) server: Server,
    pub(super) state: Arc<Mutex<State>>,
}

/// An entry whose times grow with its number.
pub(super) fn listed(name: &str, version: &str, minute: u32) -> Listed {
    let time = format!("2026-01-01T{:02}:{:02}:00Z", minute / 60, minute % 60);
    Listed {
        server: json!({ "name": name, "version": version, "description": "x",
            "packages": [{ "registryType": "npm", "identifier": "@acme/x", "version": version,
                "transport": { "type": "stdio" } }] }),
        official: json!({ "status": "active", "publishedAt": time, "updatedAt": time, "isLatest": true }),
        raw: None,
    }
}

impl Listed {
    pub(super) fn text(&self) -> String {
        let row = || json!({ "server": self.server, "_meta": { OFFICIAL: self.official } });
        self.raw.clone().unwrap_or_else(|| row().to_string())
    }

    fn is(&self, name: &str, version: &str) -> bool {
        self.server["name"] == name && self.server["version"] == version
    }
}

impl Upstream {
    /// Serves pages of three rows.
    pub(super) async fn start(rows: Vec<Listed>) -> Self {
        let state = Arc::new(Mutex::new(State { rows, ..State::default() }));
        let served = Arc::clone(&state);
        let server = Server::start(move |head| served.lock().unwrap().answer(head)).await;
        Self { server, state }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Vec<Listed>)) {
        change(&mut self.state.lock().unwrap().rows);
    }

    pub(super) fn misbehave(&self, how: impl Fn(usize, &Url) -> Option<Vec<u8>> + Send + 'static) {
        let mut state = self.state.lock().unwrap();
        state.asked.clear();
        state.misbehave = Some(Box::new(how));
    }

    pub(super) fn behave(&self) {
        self.state.lock().unwrap().misbehave = None;
    }

    /// The URLs that were asked for since the last time.
    pub(super) fn asked(&self) -> Vec<Url> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

impl State {
    fn answer(&mut self, head: &str) -> Vec<u8> {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let url: Url = format!("http://upstream.example{path}").parse().unwrap();
        self.asked.push(url.clone());
        if let Some(misbehave) = &self.misbehave
            && let Some(answer) = misbehave(self.asked.len(), &url)
        {
            return answer;
        }
        let segments: Vec<String> = url
            .path_segments()
            .unwrap()
            .map(|part| part.replace("%2F", "/").replace("%2f", "/"))
            .collect();
        match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["v0.1", "servers"] => self.page(&url, head),
            ["v0.1", "servers", name, "versions", version] => {
                let row = self.rows.iter().find(|row| row.is(name, version));
                match row {
                    Some(row) => answer("200 OK", "", row.text().as_bytes()),
                    None => answer("404 Not Found", "", br#"{"error":"not found"}"#),
                }
            }
            _ => answer("400 Bad Request", "", b""),
        }
    }

    fn page(&self, url: &Url, head: &str) -> Vec<u8> {
        let of =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let since = of("updated_since");
        let is_wanted = |row: &&Listed| match &since {
            Some(since) => row.official["updatedAt"].as_str().unwrap_or_default() >= since.as_ref(),
            None => true,
        };
        let rows: Vec<_> = self.rows.iter().filter(is_wanted).collect();
        let from: usize = of("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let page: Vec<_> = rows.iter().skip(from).take(3).map(|row| row.text()).collect();
        let next = (from + 3 < rows.len()).then(|| (from + 3).to_string());
        let body = format!(
            r#"{{"servers":[{}],"metadata":{{"count":{},"nextCursor":{}}}}}"#,
            page.join(","),
            page.len(),
            json!(next)
        );
        if !self.etags {
            return answer("200 OK", "", body.as_bytes());
        }
        let etag = format!("\"{}\"", surface::Digest::of_bytes(body.as_bytes()));
        if head.contains(&etag) {
            return format!("HTTP/1.1 304 Not Modified\r\netag: {etag}\r\n\r\n").into_bytes();
        }
        answer("200 OK", &format!("etag: {etag}\r\n"), body.as_bytes())
    }
}

/// The first half of an answer, and then nothing more.
pub(super) fn torn() -> Vec<u8> {
    let whole = answer("200 OK", "", br#"{"servers":[{"server":{"name":"a/b","version":"1"}}]}"#);
    let half = whole.len() - 20;
    [CUT, &whole[..half]].concat()
}
