//! Probes 1 to 7, 17 and 19: what can be seen without a credential.

use std::fmt::Display;

use http::HeaderMap;
use serde_json::json;
use url::Url;

use super::call::{self, Called};
use super::finding::{self, Finding};
use super::report::{IssuerRow, Row};
use super::{Doctor, DoctorError, Issuer, Seen, is_ours, keys};
use crate::limits;
use crate::net::{NetError, shown};
use crate::provider::discovery::{self, Asked, Discovery, Miss, Place};
use crate::provider::profile::{Audience, Basis, Pkce, Profile, Registration, Token};
use crate::provider::server::{Server, ServerError};
use crate::resource::{Metadata, MetadataError, Resource};

impl Doctor {
    /// Probe 1.
    pub(super) async fn call(
        &self,
        resource: &Resource,
        seen: &mut Seen,
    ) -> Result<(), DoctorError> {
        let Ok(url) = resource.as_str().parse::<Url>() else { return Ok(()) };
        let called = match call::call(&self.client, &url, HeaderMap::new()).await {
            Ok(called) => called,
            Err(error) if error.is_transient() || is_ours(&error) => {
                return Err(DoctorError::Net(error));
            }
            Err(error) => {
                let finding = Finding::new(finding::NOT_CHALLENGED, resource.as_str(), shown(&url));
                seen.find(finding.said(format!("{error} [{}]", error.code())));
                return Ok(());
            }
        };
        seen.report.status = Some(called.status);
        self.clock(resource.as_str(), &shown(&url), called.date.as_deref(), seen);
        challenged(resource, &called, seen);
        seen.called = Some(called);
        Ok(())
    }

    /// Probe 2. Gives the issuers to look at.
    pub(super) async fn resource(&self, resource: &Resource, seen: &mut Seen) -> Vec<String> {
        let about = resource.as_str();
        let named = seen.called.as_ref().and_then(Called::challenge);
        let named = named.and_then(|challenge| challenge.resource_metadata.clone());
        let asked = discovery::resource(&self.client, resource, named.as_deref()).await;
        let mut known: Vec<(Place, &Metadata)> = Vec::new();
        for one in &asked {
            let is_own = one.found.as_ref().is_ok_and(|it| it.resource == about);
            seen.report.places.push(row(one.place.as_str(), one, is_own));
            match &one.found {
                // Metadata at the root may be that of another resource there.
                Ok(metadata) if is_own || one.place != Place::Root => {
                    known.push((one.place, metadata));
                }
                Ok(_) | Err(Miss::Status(_)) => {}
                Err(Miss::Invalid(error)) => {
                    let kind = finding::RESOURCE_METADATA_INVALID;
                    seen.find(Finding::new(kind, about, shown(&one.url)).said(error.to_string()));
                }
                Err(Miss::Net(error)) => seen.missed(about, &one.url, error),
            }
        }
        judge_resource(resource, &asked, &known, seen);
        let first = known.first().map(|(_, metadata)| (*metadata).clone());
        let issuers = match &first {
            Some(metadata) => metadata.authorization_servers.clone(),
            // Before 2025-06-18 a server's own origin was its issuer.
            None => vec![resource.split().0.to_owned()],
        };
        let is_guess = first.is_none();
        seen.metadata = first;
        if is_guess { self.guessed(issuers).await } else { issuers }
    }

    /// The server's own origin, if it is an issuer: else there is none to speak of.
    async fn guessed(&self, issuers: Vec<String>) -> Vec<String> {
        let mut real = Vec::new();
        for issuer in issuers {
            let found = Discovery::of(&self.client, &issuer).await;
            if found.is_ok_and(|found| found.server().is_some()) {
                real.push(issuer);
            }
        }
        real
    }

    /// Probes 3 to 7 and 17 of one issuer.
    pub(super) async fn issuer(&self, issuer: &str, seen: &mut Seen) -> Result<(), DoctorError> {
        let discovery = Discovery::of(&self.client, issuer).await.map_err(DoctorError::Issuer)?;
        let profile = match &self.options.profile {
            Some(profile) => profile.clone(),
            None => Profile::of(issuer)?,
        };
        let forms = discovery
            .asked
            .iter()
            .map(|one| row(one.place.as_str(), one, one.found.is_ok()))
            .collect();
        seen.report.issuers.push(IssuerRow {
            issuer: issuer.to_owned(),
            profile: profile.id.clone(),
            is_measured: profile.basis == Basis::Measured,
            forms,
        });
        if let Some(date) = discovery.asked.iter().find_map(|one| one.date.as_deref()) {
            let place = discovery.asked.first().map(|one| shown(&one.url)).unwrap_or_default();
            self.clock(issuer, &place, Some(date), seen);
        }
        judge_discovery(&discovery, &profile, seen);
        let mut keys = None;
        if let Some(server) = discovery.server().cloned() {
            judge_server(issuer, &server, &profile, self.options.client.is_some(), seen);
            self.endpoints(issuer, &server, seen).await;
            keys = self.keys(issuer, &server, &profile, seen).await;
            judge_dpop(issuer, &server, seen);
        }
        seen.issuers.push(Issuer { discovery, profile, keys });
        Ok(())
    }

    /// Probe 17: where each endpoint leads, without asking it.
    async fn endpoints(&self, issuer: &str, server: &Server, seen: &mut Seen) {
        for (member, text) in server.endpoints() {
            let Ok(url) = text.parse::<Url>() else {
                seen.find(Finding::new(finding::ENDPOINT_PLAIN, issuer, member).said(text));
                continue;
            };
            let resolved = self.client.resolve(&url).await;
            let kind = match &resolved {
                Ok(_) => continue,
                Err(NetError::Url { .. }) => finding::ENDPOINT_PLAIN,
                Err(NetError::Address(denied)) if denied.is_plain() => finding::ENDPOINT_PLAIN,
                Err(NetError::Address(_)) => finding::ENDPOINT_PRIVATE,
                Err(NetError::Port { .. }) => {
                    let why = "its port is dialled only for an address that `--allow` names";
                    seen.unverified(17, member, why);
                    continue;
                }
                Err(_) => finding::UNREACHABLE,
            };
            seen.find(Finding::new(kind, issuer, member).said(text));
        }
    }

    /// Probe 7.
    async fn keys(
        &self,
        issuer: &str,
        server: &Server,
        profile: &Profile,
        seen: &mut Seen,
    ) -> Option<crate::token::KeySet> {
        let Some(text) = &server.jwks_uri else {
            if profile.token != Token::Opaque {
                seen.find(Finding::new(finding::JWKS_MISSING, issuer, "jwks_uri"));
            }
            return None;
        };
        let url = text.parse::<Url>().ok()?;
        let unreadable = || Finding::new(finding::JWKS_UNREADABLE, issuer, shown(&url));
        match discovery::get(&self.client, &url, limits::JWKS_BYTES_MAX).await {
            Ok(answer) if answer.status.as_u16() == 200 => {
                let (keys, faults) = keys::examine(&answer.body);
                for (kind, which) in faults {
                    seen.find(Finding::new(kind, issuer, which));
                }
                keys
            }
            Ok(answer) => {
                seen.find(unreadable().said(format!("it answers {}", answer.status.as_u16())));
                None
            }
            Err(error) => {
                seen.missed(issuer, &url, &error);
                None
            }
        }
    }

    /// Probe 19.
    pub(super) fn clock(&self, about: &str, place: &str, date: Option<&str>, seen: &mut Seen) {
        let parsed = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let said_s = parsed.and_then(|date| u64::try_from(date.timestamp().as_second()).ok());
        let Some(said_s) = said_s else { return };
        let now_s = (self.now_s)();
        let offset_s = said_s.abs_diff(now_s);
        if offset_s > limits::SKEW_S_MAX {
            let way = if said_s > now_s { "ahead" } else { "behind" };
            let finding = Finding::new(finding::CLOCK_OFFSET, about, place);
            seen.find(finding.said(format!("{offset_s} s {way}")));
        }
    }
}

fn row<P, T, E: Display>(form: &'static str, asked: &Asked<P, T, E>, is_good: bool) -> Row {
    let said = match &asked.found {
        Ok(_) if is_good => "found".to_owned(),
        Ok(_) => "about another resource".to_owned(),
        Err(Miss::Net(error)) => format!("{error} [{}]", error.code()),
        Err(error) => error.to_string(),
    };
    Row { form, url: shown(&asked.url), is_good, said: finding::quoted(&said) }
}

/// Probe 1.
fn challenged(resource: &Resource, called: &Called, seen: &mut Seen) {
    let about = resource.as_str();
    let place = "WWW-Authenticate";
    let paste = || {
        let metadata = resource.metadata_uri();
        format!("WWW-Authenticate: Bearer resource_metadata=\"{metadata}\", scope=\"SCOPE …\"")
    };
    if called.status != 401 {
        let finding = Finding::new(finding::NOT_CHALLENGED, about, about);
        return seen.find(finding.said(format!("status {}", called.status)).paste(paste()));
    }
    match &called.challenges {
        Err(error) => {
            let finding = Finding::new(finding::CHALLENGE_MALFORMED, about, place);
            seen.find(finding.said(error.to_string()).paste(paste()));
        }
        Ok(list) if list.is_empty() => {
            seen.find(Finding::new(finding::CHALLENGE_MISSING, about, place).paste(paste()));
        }
        Ok(list) => {
            let mut find = |kind| seen.find(Finding::new(kind, about, place).paste(paste()));
            if list.iter().all(|it| it.resource_metadata.is_none()) {
                find(finding::CHALLENGE_WITHOUT_METADATA);
            }
            if list.iter().all(|it| it.scope.is_empty()) {
                find(finding::CHALLENGE_WITHOUT_SCOPE);
            }
            if list.iter().any(|it| it.error.is_some()) {
                find(finding::CHALLENGE_WITH_ERROR);
            }
        }
    }
}

/// Probe 2.
fn judge_resource(
    resource: &Resource,
    asked: &[Asked<Place, Metadata, MetadataError>],
    known: &[(Place, &Metadata)],
    seen: &mut Seen,
) {
    let about = resource.as_str();
    let Some((_, first)) = known.first() else {
        let document = json!({ "resource": about, "authorization_servers": ["https://ISSUER"] });
        let place = resource.metadata_uri();
        let finding = Finding::new(finding::RESOURCE_METADATA_MISSING, about, place);
        let told = asked.iter().map(|one| row(one.place.as_str(), one, false));
        let told: Vec<_> = told.map(|row| format!("{}: {}", row.form, row.said)).collect();
        return seen.find(finding.said(told.join("; ")).paste(format!("{document:#}")));
    };
    for (place, metadata) in known {
        if metadata.resource != about {
            let finding = Finding::new(finding::RESOURCE_MISMATCH, about, place.as_str());
            seen.find(finding.said(&metadata.resource).paste(format!("\"resource\": \"{about}\"")));
        }
    }
    let differs = |(_, other): &&(Place, &Metadata)| {
        other.resource == first.resource && other.to_vec() != first.to_vec()
    };
    if let Some((place, _)) = known.iter().find(differs) {
        seen.find(Finding::new(finding::RESOURCE_METADATA_DIFFERS, about, place.as_str()));
    }
    if first.authorization_servers.is_empty() {
        let finding = Finding::new(finding::ISSUERS_MISSING, about, "authorization_servers");
        seen.find(finding.paste("\"authorization_servers\": [\"https://ISSUER\"]"));
    }
}

/// Probe 3.
fn judge_discovery(discovery: &Discovery, profile: &Profile, seen: &mut Seen) {
    let issuer = discovery.issuer.as_str();
    let good: Vec<_> = discovery.asked.iter().filter(|one| one.found.is_ok()).collect();
    for one in &discovery.asked {
        let place = shown(&one.url);
        match &one.found {
            Err(Miss::Invalid(ServerError::Issuer(said))) => {
                let finding = Finding::new(finding::ISSUER_MISMATCH, issuer, place);
                seen.find(finding.said(said).paste(format!("\"issuer\": \"{issuer}\"")));
            }
            Err(Miss::Invalid(error)) => {
                let finding = Finding::new(finding::ISSUER_METADATA_INVALID, issuer, place);
                seen.find(finding.said(error.to_string()));
            }
            // A refusal of ours is a finding always; silence only where nothing else answers.
            Err(Miss::Net(error)) if good.is_empty() || !error.is_transient() => {
                seen.missed(issuer, &one.url, error);
            }
            Ok(_) | Err(Miss::Status(_) | Miss::Net(_)) => {}
        }
    }
    match good.as_slice() {
        [] => seen.find(Finding::new(finding::ISSUER_METADATA_MISSING, issuer, issuer)),
        [only] => {
            let finding = Finding::new(finding::ISSUER_ONE_FORM, issuer, shown(&only.url));
            seen.find(finding.said(only.place.as_str()));
        }
        _ => {}
    }
    if !profile.is_pinned(issuer) {
        seen.find(Finding::new(finding::ISSUER_UNPINNED, issuer, issuer));
    }
    if profile.expected_aud == Audience::None {
        seen.find(Finding::new(finding::ISSUER_UNFIT, issuer, issuer));
    }
}

/// Probes 4 to 6.
fn judge_server(issuer: &str, server: &Server, profile: &Profile, is_known: bool, seen: &mut Seen) {
    let mut find = |kind, place: &str, paste: &str| {
        let finding = Finding::new(kind, issuer, place);
        seen.find(if paste.is_empty() { finding } else { finding.paste(paste) });
    };
    // Without an endpoint to sign in at there is no code, and nothing to protect it.
    if server.authorization_endpoint.is_some() {
        let place = "code_challenge_methods_supported";
        let paste = "\"code_challenge_methods_supported\": [\"S256\"]";
        let methods = server.pkce_methods.as_deref().unwrap_or_default();
        let has = |method: &str| methods.iter().any(|it| it == method);
        match (has("S256"), profile.pkce, server.pkce_methods.is_some()) {
            (true, ..) => {}
            (false, Pkce::AssumeS256, false) => find(finding::PKCE_ASSUMED, place, ""),
            (false, ..) => find(finding::PKCE_MISSING, place, paste),
        }
        if has("plain") {
            find(finding::PKCE_PLAIN, place, paste);
        }
        if !server.has_iss {
            let place = "authorization_response_iss_parameter_supported";
            find(finding::ISS_MISSING, place, &format!("\"{place}\": true"));
        }
    }
    let is_by_itself = server.has_client_documents || server.registration_endpoint.is_some();
    let place = "client_id_metadata_document_supported";
    if !is_by_itself {
        // Of a deployment that nobody knows, nobody knows that it has another way.
        let is_manual = profile.registration == [Registration::Manual] && profile.id != "generic";
        let kind = if is_known || is_manual {
            finding::REGISTRATION_MANUAL
        } else {
            finding::REGISTRATION_MISSING
        };
        find(kind, place, &format!("\"{place}\": true"));
    }
    let is_open = |method: &String| matches!(method.as_str(), "none" | "private_key_jwt");
    let methods = &server.auth_methods;
    // What is left out is `client_secret_basic` (RFC 8414 §2).
    if server.has_client_documents && !methods.iter().any(is_open) {
        let place = "token_endpoint_auth_methods_supported";
        find(finding::REGISTRATION_UNUSABLE, place, &format!("\"{place}\": [\"private_key_jwt\"]"));
    }
}

/// Probe 14, of what is said.
fn judge_dpop(issuer: &str, server: &Server, seen: &mut Seen) {
    let place = "dpop_signing_alg_values_supported";
    let ours = &server.dpop_algorithms;
    let weak = ours.iter().find(|name| name.as_str() == "none" || name.starts_with("HS"));
    if let Some(weak) = weak {
        seen.find(Finding::new(finding::DPOP_ALGORITHMS, issuer, place).said(weak));
    }
    let Some(metadata) = &seen.metadata else { return };
    let theirs = &metadata.dpop_algorithms;
    let is_asked = !theirs.is_empty() || metadata.is_dpop_required;
    let has_common =
        theirs.iter().any(|name| ours.contains(name)) || (theirs.is_empty() && !ours.is_empty());
    if is_asked && !has_common {
        let said = format!("the server takes {}", theirs.join(" "));
        let finding = Finding::new(finding::DPOP_ALGORITHMS, issuer, place).said(said);
        seen.find(finding.paste(format!("\"{place}\": [\"ES256\"]")));
    }
}
