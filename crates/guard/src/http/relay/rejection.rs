//! Answers that never reach a server: an HTTP status with a JSON-RPC error.

use std::io;

use authz::broker;
use authz::resource::Refused;
use http::header::{CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use surface::Era;

use super::outgoing::Outgoing;
use crate::answer;
use crate::event::Reason;
use crate::http::body::BodyError;

/// An HTTP request that is answered here.
pub(super) struct Rejection(Box<Parts>);

struct Parts {
    status: StatusCode,
    body: Vec<u8>,
    header: Option<(HeaderName, HeaderValue)>,
    /// The nonce that the next proof has to have.
    nonce: Option<HeaderValue>,
    /// What is still to be recorded.
    reason: Option<Reason>,
}

impl Rejection {
    /// An error without an id, with a stable code.
    pub(super) fn new(status: StatusCode, code: &str, sentence: &str) -> Self {
        Self::to(b"null", status, code, sentence)
    }

    /// An error that answers the request `id`.
    pub(super) fn to(id: &[u8], status: StatusCode, code: &str, sentence: &str) -> Self {
        let reason = Reason::new(code, sentence);
        let text = format!("Countersign refused this request: {sentence}.");
        let body = answer::error(id, TRANSPORT, &text, &json!(reason));
        Self::because(status, body, reason)
    }

    /// An error with a code that the protocol knows.
    pub(super) fn protocol(id: &[u8], error: i64, reason: Reason, evidence: &Value) -> Self {
        let body = answer::error(id, error, &format!("{}.", reason.sentence), evidence);
        Self::because(StatusCode::BAD_REQUEST, body, reason)
    }

    /// A message that `wire` refuses.
    pub(super) fn refused(refusal: wire::Refusal) -> Self {
        let reason = Reason::from(refusal);
        let body = answer::refused(None, &reason);
        Self::because(StatusCode::BAD_REQUEST, body, reason)
    }

    /// An answer of the session, which has recorded why.
    pub(super) fn answer(status: StatusCode, body: Vec<u8>) -> Self {
        Self(Box::new(Parts { status, body, header: None, nonce: None, reason: None }))
    }

    /// The server could not be asked, or its answer not be read. The causes are named: they hold
    /// no header and no body.
    pub(super) fn upstream(id: &[u8], error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<broker::Refused>());
        if let Some(refused) = inner {
            return Self::outbound(id, refused);
        }
        let (status, code) = match error.kind() {
            io::ErrorKind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "http.upstream-time"),
            io::ErrorKind::InvalidData => (StatusCode::BAD_GATEWAY, "http.upstream-answer"),
            _ => (StatusCode::BAD_GATEWAY, "http.upstream"),
        };
        let error: &dyn std::error::Error = error;
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let sentence = format!("the server gave no answer: {error}");
        let sentence = causes.fold(sentence, |text, cause| format!("{text}: {cause}"));
        Self::to(id, status, code, &sentence)
    }

    /// There is no token for the server. Its challenge is ours to the caller: the server's own says how
    /// to authorize there.
    fn outbound(id: &[u8], refused: &broker::Refused) -> Self {
        let error: &dyn std::error::Error = refused;
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let sentence = format!("there is no token for the server: {error}");
        let sentence = causes.fold(sentence, |text, cause| format!("{text}: {cause}"));
        let status = match refused {
            broker::Refused::StepUp(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_GATEWAY,
        };
        let rejection = Self::to(id, status, refused.code(), &sentence);
        rejection.with_challenge(refused.challenge().as_deref())
    }

    fn because(status: StatusCode, body: Vec<u8>, reason: Reason) -> Self {
        Self(Box::new(Parts { status, body, header: None, nonce: None, reason: Some(reason) }))
    }

    /// Who shows no token that counts.
    pub(super) fn unauthorized(refused: Refused) -> Self {
        let Refused { status, code, sentence, challenge, nonce } = refused;
        let mut rejection = Self::new(status, code, &sentence).with_challenge(challenge.as_deref());
        rejection.0.nonce = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok());
        rejection
    }

    /// The same as the result of the call `id`: where clients of Apps look for the challenge.
    pub(super) fn in_result(id: &[u8], era: Era, refused: Refused) -> Self {
        let challenge = refused.for_apps().unwrap_or_default();
        let reason = Reason::new(refused.code, &refused.sentence);
        let rejection = Self::unauthorized(refused);
        let text = format!("Countersign refused this call: {}.", reason.sentence);
        let body = answer::challenged(id, era, &text, &challenge);
        let status = StatusCode::OK;
        Self(Box::new(Parts { status, body, reason: Some(reason), ..*rejection.0 }))
    }

    /// The same with another reason for the record, which may say more.
    pub(super) fn because_of(mut self, reason: Reason) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// A request that its caller may not make; `reason` is for the record, and may say more.
    pub(super) fn forbidden(id: &[u8], refused: Refused, reason: Reason) -> Self {
        let Refused { status, code, sentence, challenge, .. } = refused;
        let mut rejection = Self::to(id, status, code, &sentence);
        rejection.0.reason = Some(reason);
        rejection.with_challenge(challenge.as_deref())
    }

    /// What is still to be recorded.
    pub(super) fn reason(&self) -> Option<&Reason> {
        self.0.reason.as_ref()
    }

    /// With the way to authorize.
    pub(super) fn with_challenge(mut self, challenge: Option<&str>) -> Self {
        let value = challenge.and_then(|challenge| HeaderValue::from_str(challenge).ok());
        self.0.header = value.map(|value| (WWW_AUTHENTICATE, value));
        self
    }

    /// With one more header.
    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.header = Some((name, HeaderValue::from_static(value)));
        self
    }
}

impl From<BodyError> for Rejection {
    fn from(error: BodyError) -> Self {
        let (status, code) = match error {
            BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "wire.json.size"),
            BodyError::TimedOut(_) => (StatusCode::REQUEST_TIMEOUT, "http.body-time"),
            BodyError::Failed(_) => (StatusCode::BAD_REQUEST, "http.body"),
        };
        Self::new(status, code, &error.to_string())
    }
}

impl From<Rejection> for Response<Outgoing> {
    fn from(rejection: Rejection) -> Self {
        let Parts { status, body, header, nonce, .. } = *rejection.0;
        let mut response = Self::new(Outgoing::whole(body.into()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(header);
        headers.extend(nonce.map(|nonce| (HeaderName::from_static("dpop-nonce"), nonce)));
        response
    }
}

/// The error code of what HTTP, not JSON-RPC, refuses. Outside -32768 to -32000.
const TRANSPORT: i64 = -31_400;
