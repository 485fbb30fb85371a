//! Why there is no token for the next server.

use std::sync::Arc;

use crate::net::NetError;
use crate::resource::Challenge;

/// Why a call cannot be made with a token. It holds no credential.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Nobody, or nobody that counts, says who authorizes for the server.
    #[error("finding out who authorizes for the server: {0}")]
    Discovery(&'static str),
    /// RFC 9728 §3.3: the metadata is about another server.
    #[error("the server's metadata is about another resource, `{0}`")]
    Resource(String),
    /// RFC 8414 §3.3 or RFC 9207 §2.4: somebody else answers, or says to be somebody else.
    #[error("the authorization server is not who it has to be")]
    Issuer,
    /// The server names an issuer for whom nothing is configured.
    #[error("nothing is configured for the server's issuer `{0}`")]
    Unconfigured(String),
    /// Nobody answered.
    #[error("asking the authorization server")]
    Net(#[source] Arc<NetError>),
    /// The authorization server refuses; its own word for it.
    #[error("the authorization server refuses: `{error}` ({status})")]
    Denied {
        /// The HTTP status.
        status: u16,
        /// RFC 6749 §5.2.
        error: String,
    },
    /// An answer that is none.
    #[error("the authorization server's answer does not count: {0}")]
    Answer(&'static str),
    /// Something else than was asked for.
    #[error("the authorization server issued another type of token")]
    Type,
    /// RFC 9449 §5: bound was asked for, and something that anybody could use came.
    #[error("the token is not bound to our key, though that was asked for")]
    Unbound,
    /// A token that others take too.
    #[error("the token is for others than the server alone")]
    Audience,
    /// More than was asked for.
    #[error("the token has a scope that was not asked for")]
    Widened,
    /// Nothing can be asked for: the caller showed no token.
    #[error("the caller showed no token that could be exchanged")]
    Callerless,
    /// PKCE without S256.
    #[error("the authorization server has no PKCE with S256")]
    Pkce,
    /// Nobody signed in, or not in time.
    #[error("nobody signed in: {0}")]
    SignIn(&'static str),
    /// Our own side: a key, a file.
    #[error("making the request: {0}")]
    Own(String),
    /// The server takes no token that we can get.
    #[error("the server refuses the token that was issued for it")]
    Unauthorized,
    /// The server wants more than the token gives: what the caller's own token would have to give, by
    /// the caller's own names; nothing where nothing would help.
    #[error("the server asks for a scope that the token has not")]
    StepUp(Option<Box<Challenge>>),
}

impl Refused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Discovery(_) => "authz.outbound.discovery",
            Self::Resource(_) => "authz.outbound.resource-mismatch",
            Self::Issuer => "authz.outbound.issuer-mismatch",
            Self::Unconfigured(_) => "authz.outbound.issuer-unconfigured",
            Self::Net(_) => "authz.outbound.unreachable",
            Self::Denied { .. } => "authz.outbound.denied",
            Self::Answer(_) => "authz.outbound.answer-malformed",
            Self::Type => "authz.outbound.type-other",
            Self::Unbound => "authz.outbound.binding-lost",
            Self::Audience => "authz.outbound.audience-wider",
            Self::Widened => "authz.outbound.scope-wider",
            Self::Callerless => "authz.outbound.caller-unknown",
            Self::Pkce => "authz.outbound.pkce-missing",
            Self::SignIn(_) => "authz.outbound.sign-in",
            Self::Own(_) => "authz.outbound.own-fault",
            Self::Unauthorized => "authz.outbound.unauthorized",
            Self::StepUp(_) => "authz.outbound.step-up",
        }
    }

    /// What the caller is to do, as `WWW-Authenticate` says it.
    pub fn challenge(&self) -> Option<String> {
        match self {
            Self::StepUp(Some(challenge)) => challenge.text().ok(),
            _ => None,
        }
    }
}

impl From<NetError> for Refused {
    fn from(error: NetError) -> Self {
        Self::Net(Arc::new(error))
    }
}

/// The codes of this part, with what they mean.
pub const CODES: &[(&str, &str)] = &[
    ("authz.outbound.discovery", "Nobody that counts says who authorizes for the next server."),
    ("authz.outbound.resource-mismatch", "The next server's metadata is about another resource."),
    (
        "authz.outbound.issuer-mismatch",
        "An answer or metadata is of another issuer than was asked.",
    ),
    ("authz.outbound.issuer-unconfigured", "No client is configured for the next server's issuer."),
    ("authz.outbound.unreachable", "The authorization server was not asked, or did not answer."),
    ("authz.outbound.denied", "The authorization server refuses to issue a token."),
    ("authz.outbound.answer-malformed", "What the authorization server answered is no token."),
    ("authz.outbound.type-other", "A token of another type was issued than was asked for."),
    ("authz.outbound.binding-lost", "A token was asked for that is bound to our key, and is not."),
    ("authz.outbound.audience-wider", "A token was issued that is not for the next server alone."),
    ("authz.outbound.scope-wider", "A token was issued with a scope that nobody asked for."),
    ("authz.outbound.caller-unknown", "There is no token of the caller's that could be exchanged."),
    ("authz.outbound.pkce-missing", "The authorization server does not offer PKCE with S256."),
    ("authz.outbound.sign-in", "A person did not sign in, or not in time, or not by this request."),
    ("authz.outbound.own-fault", "A key or file of our own cannot be used."),
    ("authz.outbound.unauthorized", "The next server refuses the token that was issued for it."),
    ("authz.outbound.step-up", "The next server asks for more than the caller's authority gives."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_table_holds_every_code_once_and_no_other() {
        let source = include_str!("refused.rs");
        let code = source.split("/// The codes of this part").next().unwrap_or_default();
        let texts = code.split('"').skip(1).step_by(2);
        let written: BTreeSet<_> =
            texts.filter(|text| text.starts_with("authz.outbound.")).collect();
        let listed: Vec<_> = super::CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), written);
        assert_eq!(listed.len(), written.len());
    }
}
