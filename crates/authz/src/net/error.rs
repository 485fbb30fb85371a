//! Why nothing came back.

use std::time::Duration;

use super::rules::{Denied, Refused};

/// Why a request was not made, or its answer not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The URL is none that is asked.
    #[error("`{url}` is not asked: {why}")]
    Url {
        /// The URL, without query.
        url: String,
        /// Why.
        why: &'static str,
    },
    /// The port is none that is dialled.
    #[error("port {port} of `{url}` is not dialled")]
    Port {
        /// The URL, without query.
        url: String,
        /// The port.
        port: u16,
    },
    /// The address behind the name is none that is dialled.
    #[error(transparent)]
    Address(#[from] Denied),
    /// The name has no address, as far as anybody said.
    #[error("`{host}` was not resolved")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answer leads elsewhere, and is not followed.
    #[error("a redirect of `{url}` is not followed: {why}")]
    Redirect {
        /// The URL that was asked, without query.
        url: String,
        /// Why.
        why: &'static str,
    },
    /// The body is longer than it may be.
    #[error("the answer of `{url}` is longer than {bytes_max} bytes")]
    TooLarge {
        /// The URL, without query.
        url: String,
        /// The bound.
        bytes_max: usize,
    },
    /// The body is compressed, and nobody asked for that.
    #[error("the answer of `{url}` is encoded, which nobody asked for")]
    Encoded {
        /// The URL, without query.
        url: String,
    },
    /// It took too long.
    #[error("`{url}` took longer than {} s {phase}", time_max.as_secs_f32())]
    TimedOut {
        /// The URL, without query.
        url: String,
        /// What took too long.
        phase: &'static str,
        /// The bound.
        time_max: Duration,
    },
    /// No TLS with whoever answers.
    #[error("TLS with `{url}`")]
    Tls {
        /// The URL, without query.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Nobody answers, or the answer is no HTTP.
    #[error("asking `{url}`")]
    Unreachable {
        /// The URL, without query.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The client could not be set up.
    #[error("setting up TLS")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The codes of [`NetError`], each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("net.url-denied", "The URL is not https, or carries user information."),
    ("net.port-denied", "The port is not one that is dialled."),
    ("net.address-denied", "The name leads to an address that is private, local or reserved."),
    ("net.unresolved", "The name has no address."),
    ("net.redirect", "The answer leads elsewhere and is not followed."),
    ("net.too-large", "The answer is longer than it may be."),
    ("net.encoded", "The answer is compressed, which nobody asked for."),
    ("net.timed-out", "The answer took too long."),
    ("net.tls", "There is no TLS with whoever answers."),
    ("net.unreachable", "Nobody answers, or not in HTTP."),
    ("net.setup", "The HTTP client could not be set up."),
];

impl NetError {
    /// The stable code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "net.url-denied",
            Self::Port { .. } => "net.port-denied",
            Self::Address(_) => "net.address-denied",
            Self::Resolve { .. } => "net.unresolved",
            Self::Redirect { .. } => "net.redirect",
            Self::TooLarge { .. } => "net.too-large",
            Self::Encoded { .. } => "net.encoded",
            Self::TimedOut { .. } => "net.timed-out",
            Self::Tls { .. } => "net.tls",
            Self::Unreachable { .. } => "net.unreachable",
            Self::Setup(_) => "net.setup",
        }
    }

    /// Whether it may go better another time: the network's doing, not a refusal of ours.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::TimedOut { .. }
                | Self::Tls { .. }
                | Self::Unreachable { .. }
        )
    }

    pub(super) fn refused(url: &url::Url, refused: Refused) -> Self {
        let url = shown(url);
        match refused {
            Refused::Url(why) => Self::Url { url, why },
            Refused::Port(port) => Self::Port { url, port },
            Refused::Address(denied) => Self::Address(denied),
        }
    }
}

/// A URL for people: no user information, no query, no fragment; they may be secret.
pub fn shown(url: &url::Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // Fails only for what cannot have any.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}
