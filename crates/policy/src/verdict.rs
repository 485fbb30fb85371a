//! The answer to a request, and what decided it.

use std::fmt;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What decided it.
    pub reason: Reason,
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Policies that permit it, and none that forbids it, and none that failed.
    Permitted {
        /// By `@id`, sorted.
        by: Vec<String>,
    },
    /// Policies that forbid it.
    Forbidden {
        /// By `@id`, sorted.
        by: Vec<String>,
    },
    /// No policy permits it. Cedar names none; the facts say why.
    Unmatched,
    /// Policies that could not be evaluated, whatever the others say.
    Failed {
        /// Each policy's `@id` and what went wrong, sorted.
        errors: Vec<(String, String)>,
    },
    /// The request is none that the schema allows.
    Refused {
        /// The stable code.
        code: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl Verdict {
    /// Whether it is allowed.
    pub const fn is_allowed(&self) -> bool {
        matches!(self.reason, Reason::Permitted { .. })
    }

    /// The policies that determined it: those that permit, forbid or failed.
    pub fn policies(&self) -> Vec<&str> {
        match &self.reason {
            Reason::Permitted { by } | Reason::Forbidden { by } => {
                by.iter().map(String::as_str).collect()
            }
            Reason::Failed { errors } => errors.iter().map(|(id, _)| id.as_str()).collect(),
            Reason::Unmatched | Reason::Refused { .. } => Vec::new(),
        }
    }

    /// The stable code of a denial.
    pub const fn code(&self) -> Option<&'static str> {
        match &self.reason {
            Reason::Permitted { .. } => None,
            Reason::Forbidden { .. } => Some("policy.forbidden"),
            Reason::Unmatched => Some("policy.unmatched"),
            Reason::Failed { .. } => Some("policy.failed"),
            Reason::Refused { code, .. } => Some(code),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |names: &[String]| format!("`{}`", names.join("`, `"));
        match &self.reason {
            Reason::Permitted { by } => write!(f, "permitted by {}", listed(by)),
            Reason::Forbidden { by } => write!(f, "forbidden by {}", listed(by)),
            Reason::Unmatched => f.write_str("no policy permits it"),
            Reason::Failed { errors } => {
                for (at, (policy, what)) in errors.iter().enumerate() {
                    let before = if at == 0 { "" } else { "; " };
                    write!(f, "{before}`{policy}` could not be evaluated, which denies: {what}")?;
                }
                Ok(())
            }
            Reason::Refused { what, .. } => f.write_str(what),
        }
    }
}
