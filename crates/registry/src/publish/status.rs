//! The status of versions: each change is a statement, and one for all versions is one.

use seal::statement::Status;
use seal::{Predicate, Statement};

use super::known::Version;
use super::{PublishError, Publisher};
use crate::limits;
use crate::namespace::Token;

/// What a status is changed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    status: &'static str,
    message: String,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChange {
    /// The index of the statement.
    pub index: u64,
    /// The versions that have the status now.
    pub versions: Vec<String>,
}

impl Change {
    /// Reads a change.
    ///
    /// # Errors
    /// An unknown status, a message that is too long, or one for `active`.
    pub fn new(status: &str, message: Option<&str>) -> Result<Self, PublishError> {
        let refused = |why| Err(PublishError::Status { why });
        let known = ["active", "deprecated", "deleted"].into_iter().find(|known| *known == status);
        let Some(status) = known else {
            return refused("it is `active`, `deprecated` or `deleted`");
        };
        let message = message.unwrap_or_default();
        if status == "active" && !message.is_empty() {
            return refused("`active` has no message");
        }
        if message.chars().count() > limits::STATUS_MESSAGE_CHARS_MAX {
            return refused("its message is longer than 500 characters");
        }
        Ok(Self { status, message: message.to_owned() })
    }

    fn changes(&self, version: &Version) -> bool {
        version.status != self.status || version.message != self.message
    }
}

impl Publisher {
    /// Changes the status of one version, or of all that were published here.
    ///
    /// # Errors
    /// Whatever keeps it from being changed; 400 if nothing would change.
    pub async fn change_status(
        &self,
        token: &Token,
        server: &str,
        version: Option<&str>,
        change: &Change,
    ) -> Result<StatusChange, PublishError> {
        // Before the login is compared: what is not there is not there for anyone.
        let versions = self.versions(server).await?;
        let meant = |(name, _): &&(String, Version)| version.is_none_or(|version| version == name);
        let meant: Vec<_> = versions.iter().filter(meant).collect();
        if meant.is_empty() {
            return Err(PublishError::NotFound);
        }
        self.may_publish(token, server).await?;
        let versions: Vec<String> = meant.iter().map(|(name, _)| name.clone()).collect();
        if !meant.iter().any(|(_, version)| change.changes(version)) {
            return Err(PublishError::Status { why: "it is that already" });
        }
        let predicate = Predicate::Status(Status {
            version: version.map(str::to_owned),
            status: change.status.to_owned(),
            message: change.message.clone(),
        });
        let statement =
            Statement { server: server.to_owned(), time: self.now(), previous: None, predicate };
        let index = self.service.state(statement, Vec::new()).await?.receipt.index;
        Ok(StatusChange { index, versions })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_status_is_one_of_three_and_its_message_bounded() {
        let at = "x".repeat(limits::STATUS_MESSAGE_CHARS_MAX);
        Change::new("deprecated", Some(&at)).unwrap();
        let past = format!("{at}x");
        for (status, message) in [
            ("deprecated", Some(past.as_str())),
            ("active", Some("why")),
            ("Active", None),
            ("", None),
        ] {
            assert_eq!(Change::new(status, message).unwrap_err().code(), "publish.status");
        }
        Change::new("active", Some("")).unwrap();
    }
}
