//! Security events (RFC 8417) that end grants: CAEP over the Shared Signals Framework.
//!
//! Deliberately absent: stream management. A transmitter is told of us by its operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::grant::{GrantError, Grants};
use crate::limits;
use crate::token::{Claims, Jwt, JwtError, KeySet, Subject};

/// Who may tell us events.
#[derive(Debug, Clone)]
pub struct Transmitter {
    /// Its issuer, compared byte for byte.
    pub iss: String,
    /// Its keys now.
    pub keys: Arc<watch::Sender<KeySet>>,
    /// Who we are to it.
    pub audience: String,
    /// The issuers of whose subjects it may speak: nobody ends what is another's.
    pub subjects: BTreeSet<String>,
}

/// An event that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name, unique for its issuer.
    pub jti: String,
    /// Who told it.
    pub iss: String,
    /// Whose grants end, and from when on; `None` if nothing ends.
    pub ends: Option<(Subject, u64)>,
}

impl Event {
    /// Reads and verifies a security event token.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(
        text: &str,
        transmitters: &[Transmitter],
        now_s: u64,
    ) -> Result<Self, EventError> {
        let jwt =
            Jwt::parse(text.trim(), limits::EVENT_CHARS_MAX).map_err(EventError::Malformed)?;
        if jwt.typ() != Some("secevent+jwt") {
            return Err(EventError::Type);
        }
        let known = jwt.issuer_unverified();
        let from = transmitters.iter().find(|one| Some(one.iss.as_str()) == known);
        let from = from.ok_or(EventError::Issuer)?;
        let claims = jwt.verify_by(&from.keys.borrow()).map_err(EventError::Key)?;
        if claims.audience() != Some(from.audience.as_str()) {
            return Err(EventError::Audience);
        }
        let jti =
            claims.text("jti").filter(|jti| !jti.is_empty()).ok_or(EventError::Claim("jti"))?;
        if jti.len() > limits::NAME_BYTES_MAX {
            return Err(EventError::Claim("jti"));
        }
        let told_s = claims.seconds("iat").ok_or(EventError::Time)?;
        if told_s > now_s.saturating_add(limits::SKEW_S_MAX) {
            return Err(EventError::Time);
        }
        let ends = ends(&claims, from, told_s, now_s)?;
        Ok(Self { jti: jti.to_owned(), iss: from.iss.clone(), ends })
    }

    /// Ends what the event ends. Durable when it returns: whoever told it may forget it then.
    ///
    /// Told twice, it has the effect of once: a subject's epoch only ever grows. So the epoch comes
    /// first, and a failure between the two costs a repetition and no event.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn apply(&self, grants: &dyn Grants, now_s: u64) -> Result<bool, GrantError> {
        if let Some((subject, event_s)) = &self.ends {
            grants.end_before(subject, *event_s).await?;
        }
        let key = format!("set {} {}", self.iss, self.jti);
        match grants.once(&key, now_s.saturating_add(limits::EVENT_MEMORY_S)).await {
            Ok(()) => Ok(true),
            Err(crate::token::ReplayError::Used) => Ok(false),
            Err(crate::token::ReplayError::Store(source)) => Err(GrantError::Store(source)),
        }
    }
}

/// The newest end that the events of a token say.
fn ends(
    claims: &Claims,
    from: &Transmitter,
    told_s: u64,
    now_s: u64,
) -> Result<Option<(Subject, u64)>, EventError> {
    let events = claims.0.get("events").and_then(Value::as_object).ok_or(EventError::Type)?;
    if events.is_empty() || events.len() > limits::EVENTS_MAX {
        return Err(EventError::Type);
    }
    let occurred_s = claims.seconds("toe").unwrap_or(told_s);
    let mut newest: Option<(Subject, u64)> = None;
    for (kind, event) in events {
        let event = event.as_object().ok_or(EventError::Type)?;
        if !is_end(kind, event) {
            continue;
        }
        let event_s = match event.get("event_timestamp") {
            Some(time) => time.as_u64().ok_or(EventError::Time)?,
            None => occurred_s,
        };
        if event_s > now_s.saturating_add(limits::SKEW_S_MAX) {
            return Err(EventError::Time);
        }
        // Before it was final, SSF had the subject in the event.
        let named = claims.0.get("sub_id").or_else(|| event.get("subject"));
        let subject = named.and_then(subject).ok_or(EventError::Subject)?;
        if !from.subjects.contains(&subject.iss) {
            return Err(EventError::Issuer);
        }
        match &newest {
            Some((other, _)) if *other != subject => return Err(EventError::Subject),
            Some((_, known_s)) if *known_s >= event_s => {}
            _ => newest = Some((subject, event_s)),
        }
    }
    Ok(newest)
}

/// Whether an event ends what was granted before it. Unknown ones do not: a transmitter may tell more
/// than we asked for.
fn is_end(kind: &str, event: &Map<String, Value>) -> bool {
    match kind.strip_prefix("https://schemas.openid.net/secevent/caep/event-type/") {
        Some("session-revoked" | "credential-change" | "token-claims-change") => true,
        // A device that is as it should be again takes nothing away.
        Some("device-compliance-change") => {
            event.get("current_status").and_then(Value::as_str) != Some("compliant")
        }
        _ => false,
    }
}

/// A subject by issuer and name (RFC 9493 §3.2.3), alone or as the user of a complex one (SSF 1.0).
fn subject(named: &Value) -> Option<Subject> {
    let format = named.get("format").and_then(Value::as_str)?;
    let named = match format {
        "iss_sub" => named,
        "complex" => {
            let user = named.get("user")?;
            (user.get("format").and_then(Value::as_str) == Some("iss_sub")).then_some(user)?
        }
        _ => return None,
    };
    let text = |name: &str| {
        let text = named.get(name).and_then(Value::as_str)?;
        (1..=limits::NAME_BYTES_MAX).contains(&text.len()).then(|| text.to_owned())
    };
    Some(Subject { iss: text("iss")?, sub: text("sub")? })
}

/// Why an event does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// No JWT.
    #[error("the event is malformed: {0}")]
    Malformed(JwtError),
    /// Another kind of token, or no events in it.
    #[error("it is no security event token")]
    Type,
    /// A transmitter that is not configured, or that speaks of a subject that is not its own.
    #[error("this issuer may not tell this event here")]
    Issuer,
    /// A wrong signature.
    #[error("the event's key is refused: {0}")]
    Key(JwtError),
    /// For another.
    #[error("the event is not for this receiver alone")]
    Audience,
    /// A subject in another form, or two.
    #[error("the event does not name one subject by issuer and name")]
    Subject,
    /// No time, or one of the future.
    #[error("the event does not say when it was, or it is of the future")]
    Time,
    /// A claim that is not what it has to be.
    #[error("the event's claim `{0}` is not what it has to be")]
    Claim(&'static str),
}

impl EventError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Claim(_) => "authz.federation.event-malformed",
            Self::Type => "authz.federation.event-type",
            Self::Issuer => "authz.federation.event-issuer",
            Self::Key(_) => "authz.federation.event-key",
            Self::Audience => "authz.federation.event-audience",
            Self::Subject => "authz.federation.event-subject",
            Self::Time => "authz.federation.event-time",
        }
    }

    /// The word of RFC 8935 §2.4.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Issuer => "invalid_issuer",
            Self::Key(_) => "invalid_key",
            Self::Audience => "invalid_audience",
            _ => "invalid_request",
        }
    }
}

#[cfg(test)]
mod tests;
