//! The doctor: what is wrong with a protected server and the issuers that it names, the root cause
//! first.
//!
//! INVARIANT: no credential goes where it does not belong. A secret goes to the token and the
//! introspection endpoint of the issuer that it is for, as that issuer's own origin names them, and
//! nowhere else; a token goes to its issuer, or to the server that it is for. What a document of the
//! examined server names gets neither.
//!
//! Probes that forge or misuse a token run against a server that its owner declares his own, alone.

pub(super) mod call;
mod finding;
mod keys;
mod look;
pub(super) mod own;
mod report;
pub(super) mod token;

use std::collections::BTreeSet;

use url::Url;

pub use finding::{CODES, Finding, Kind};
pub use report::{IssuerRow, Report, Row, Unverified};

use self::call::Called;
use super::discovery::Discovery;
use super::profile::{Profile, ProfileError};
use crate::limits;
use crate::net::{Client, NetError};
use crate::resource::{Metadata, Resource};
use crate::token::{KeySet, Secret};

/// Who is examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A protected server, and the issuers that it names.
    Server(Resource),
    /// One issuer.
    Issuer(String),
}

/// A client that the issuer knows, for probes that need a token.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The one issuer that it is known to.
    pub issuer: String,
    /// Its identifier.
    pub client_id: String,
    /// Its secret.
    pub secret: Secret,
}

/// How to examine.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether the server is the asker's own, so that it may be attacked.
    pub is_own: bool,
    /// A client.
    pub client: Option<Registered>,
    /// The scopes to ask for; empty = none.
    pub scopes: BTreeSet<String>,
    /// The audience to expect, where the profile leaves it to configuration.
    pub audience: Option<String>,
    /// Another server that the client may have a token for, whose token has to be refused.
    pub foreign: Option<Resource>,
    /// The profile, where the issuer's form does not say which.
    pub profile: Option<Profile>,
}

/// Examines.
pub struct Doctor {
    client: Client,
    options: Options,
    now_s: fn() -> u64,
}

/// Why nothing could be examined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoctorError {
    /// Nobody answers, or nobody may be asked.
    #[error("asking the server under examination")]
    Net(#[source] NetError),
    /// A text that is no issuer.
    #[error("the issuer is none")]
    Issuer(#[source] crate::resource::ResourceError),
    /// A profile that is none: a defect of this program.
    #[error("reading the profiles")]
    Profile(#[from] ProfileError),
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    report: Report,
    findings: Vec<Finding>,
    called: Option<Called>,
    metadata: Option<Metadata>,
    issuers: Vec<Issuer>,
}

/// One issuer.
#[derive(Debug)]
struct Issuer {
    discovery: Discovery,
    profile: Profile,
    keys: Option<KeySet>,
}

impl Doctor {
    /// A doctor that asks through `client`.
    pub const fn new(client: Client, options: Options, now_s: fn() -> u64) -> Self {
        Self { client, options, now_s }
    }

    /// Examines; `tell` hears what is being done.
    ///
    /// # Errors
    /// A subject that cannot be asked at all.
    pub async fn examine(
        &self,
        subject: &Subject,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<Report, DoctorError> {
        let mut seen = Seen::default();
        let issuers = match subject {
            Subject::Issuer(issuer) => {
                issuer.clone_into(&mut seen.report.subject);
                vec![issuer.clone()]
            }
            Subject::Server(resource) => {
                resource.as_str().clone_into(&mut seen.report.subject);
                tell("calling without a token");
                self.call(resource, &mut seen).await?;
                tell("reading the resource metadata");
                self.resource(resource, &mut seen).await
            }
        };
        for issuer in issuers.iter().take(limits::DOCTOR_ISSUERS_MAX) {
            tell(&format!("reading the metadata of {issuer}"));
            self.issuer(issuer, &mut seen).await?;
        }
        for issuer in issuers.iter().skip(limits::DOCTOR_ISSUERS_MAX) {
            seen.unverified(3, issuer, "eight issuers are looked at");
        }
        if let Subject::Issuer(_) = subject {
            seen.is_reached()?;
        }
        let resource = match subject {
            Subject::Server(resource) => Some(resource),
            Subject::Issuer(_) => None,
        };
        let tokens = token::probe(self, resource, &mut seen, tell).await;
        own::probe(self, resource, tokens.as_ref(), &mut seen, tell).await;
        Ok(self.finish(seen))
    }

    fn finish(&self, mut seen: Seen) -> Report {
        for finding in &mut seen.findings {
            let of = seen.issuers.iter().find(|it| it.discovery.issuer == finding.about);
            let profile = of.map(|issuer| &issuer.profile);
            finding.hints = profile.map(|it| it.fixes_for(finding.kind.code)).unwrap_or_default();
        }
        seen.report.is_own = self.options.is_own;
        seen.report.findings = finding::ranked(&seen.findings);
        seen.report.unverified.sort_by_key(|it| it.probe);
        seen.report
    }

    /// The audience to expect of a token for `resource`, if it is known.
    fn audience(&self, profile: &Profile, resource: &Resource) -> Option<String> {
        use super::profile::Audience;
        let client_id = || self.options.client.as_ref().map(|client| client.client_id.clone());
        self.options.audience.clone().or_else(|| match profile.expected_aud {
            Audience::Resource => Some(resource.as_str().to_owned()),
            Audience::ClientId => client_id(),
            Audience::Configured | Audience::None => None,
        })
    }
}

impl Seen {
    fn find(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn unverified(&mut self, probe: u8, what: &str, why: &'static str) {
        self.report.unverified.push(Unverified { probe, what: finding::quoted(what), why });
    }

    /// What a failed fetch of a document or of an endpoint's address means.
    fn missed(&mut self, about: &str, url: &Url, error: &NetError) {
        let kind = match error {
            NetError::Url { .. } | NetError::Address(_) | NetError::Redirect { .. } => {
                finding::UNSAFE_FETCH
            }
            NetError::TooLarge { .. } => finding::DOCUMENT_TOO_LARGE,
            NetError::TimedOut { .. } => finding::DOCUMENT_SLOW,
            NetError::Port { .. } => {
                let why = "its port is dialled only for an address that `--allow` names";
                return self.unverified(17, &crate::net::shown(url), why);
            }
            _ => finding::UNREACHABLE,
        };
        // The other places of the same document, for the same reason, are no news.
        let is_same = |it: &Finding| it.kind == kind && it.about == finding::quoted(about);
        if self.findings.iter().any(is_same) {
            return;
        }
        let place = crate::net::shown(url);
        self.find(Finding::new(kind, about, place).said(format!("{error} [{}]", error.code())));
    }

    /// An issuer of whom no place answered at all cannot be examined.
    fn is_reached(&mut self) -> Result<(), DoctorError> {
        use super::discovery::Miss;
        let Some(issuer) = self.issuers.first_mut() else { return Ok(()) };
        let is_silent = issuer.discovery.asked.iter().all(|asked| match &asked.found {
            Err(Miss::Net(error)) => error.is_transient() || is_ours(error),
            _ => false,
        });
        let first = is_silent.then(|| issuer.discovery.asked.drain(..).next()).flatten();
        match first.map(|asked| asked.found) {
            Some(Err(Miss::Net(error))) => Err(DoctorError::Net(error)),
            _ => Ok(()),
        }
    }
}

/// Whether an address that a person typed is refused, rather than one that somebody else named.
const fn is_ours(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Url { .. } | NetError::Port { .. } | NetError::Address(_) | NetError::Setup(_)
    )
}
