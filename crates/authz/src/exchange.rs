//! Token exchange (RFC 8693): a token for one server becomes a narrower one for the next. Checks X1
//! to X14, in the order X1 X2 X3 X12 X9 X4 X6 X7 X11 X5 X8 X10 X13 X14.

pub mod engine;

use crate::token::Secret;

/// A request to the token endpoint, its parameters as they came: each at most once, but `resource`,
/// whose number is checked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `subject_token`.
    pub subject_token: Option<Secret>,
    /// `subject_token_type`.
    pub subject_token_type: Option<String>,
    /// The proof that the hop received with the subject token (ours).
    pub subject_token_proof: Option<Secret>,
    /// `actor_token`.
    pub actor_token: Option<Secret>,
    /// `actor_token_type`.
    pub actor_token_type: Option<String>,
    /// `resource`.
    pub resource: Vec<String>,
    /// Whether there was an `audience`, which is refused.
    pub has_audience: bool,
    /// `scope`.
    pub scope: Option<String>,
    /// `authorization_details`, as it came.
    pub authorization_details: Option<String>,
    /// `requested_token_type`.
    pub requested_token_type: Option<String>,
    /// `client_assertion`.
    pub client_assertion: Option<Secret>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// The presenter's own proof: the `DPoP` header.
    pub proof: Option<Secret>,
    /// The SHA-256 of the presenter's certificate, if the terminator saw one, as Base64url.
    pub certificate: Option<String>,
}

/// What is issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The hop token.
    pub token: Secret,
    /// Whether it is bound to a DPoP key.
    pub is_dpop: bool,
    /// Its scopes, sorted.
    pub scope: String,
    /// Its life, in seconds.
    pub expires_in_s: u64,
}

/// The exchange of one service.
#[derive(Debug)]
pub struct Exchange {}

impl Exchange {
    /// X1 alone, for other endpoints of the service: the client that asks at `endpoint`.
    ///
    /// # Errors
    /// X1.
    pub async fn authenticate(
        &self,
        request: &Request,
        endpoint: &str,
        now_s: u64,
    ) -> Result<String, Refusal> {
        unimplemented!("{request:?} {endpoint} {now_s}")
    }

    /// X1 to X14.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn exchange(&self, request: &Request, now_s: u64) -> Result<Issued, Refusal> {
        unimplemented!("{request:?} {now_s}")
    }

    /// The grant that a verified root token founded, or founds now (revocation ends it).
    ///
    /// # Errors
    /// A store that fails.
    pub async fn founded(
        &self,
        access: &crate::token::Access,
        client: &str,
        now_s: u64,
    ) -> Result<crate::grant::Grant, crate::grant::GrantError> {
        unimplemented!("{access:?} {client} {now_s}")
    }
}

/// Why nothing is issued.
#[derive(Debug)]
pub struct Refusal {}
