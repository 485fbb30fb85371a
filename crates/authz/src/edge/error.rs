//! Why an edge file is refused.

use wire::Refusal;

use crate::resource::ResourceError;

/// Why an edge file is refused: where, what is wrong, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("edge file, at `{place}`: {fault}")]
pub struct EdgeError {
    /// Where, as a JSON pointer; empty for the file as a whole.
    pub place: String,
    /// What is wrong, and the fix.
    pub fault: Fault,
}

impl EdgeError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "authz.edges.invalid"
    }
}

/// What is wrong with an edge file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No strict JSON.
    #[error("it is not strict JSON: {0}")]
    Json(Refusal),
    /// Another type than it has to be.
    #[error("write {0} here")]
    Type(&'static str),
    /// A member that has to be there.
    #[error("add the member `{0}`")]
    Missing(&'static str),
    /// A member that nobody reads.
    #[error("the member `{0}` is not known here: remove it, or mend its spelling")]
    Unknown(String),
    /// Too much.
    #[error("it is more than {0}")]
    TooMany(usize),
    /// A number out of its range.
    #[error("write a number from {min} to {max}")]
    Range {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A text that is empty or longer than 512 bytes.
    #[error("write a text of 1 to 512 bytes")]
    Length,
    /// No resource identifier.
    #[error("{0}")]
    Resource(ResourceError),
    /// No scope token of RFC 6749.
    #[error("a scope is visible ASCII without space, quotation mark and backslash")]
    Scope,
    /// Said twice.
    #[error("`{0}` is there twice: remove one")]
    Twice(String),
    /// Two servers with one audience: a token for one would be good at the other.
    #[error("the audience `{0}` is another server's too: give each server its own")]
    Audience(String),
    /// A client that acts for two servers.
    #[error("the client `{0}` acts for another server already: give each server its own")]
    Client(String),
    /// A scope that means something and nothing.
    #[error("the scope `{0}` is among the server's scopes: it cannot be neutral as well")]
    Neutral(String),
    /// A server that is not listed.
    #[error("no server is listed as `{0}`: add it under `servers`, or mend its spelling")]
    Server(String),
    /// A client that does not act for the server.
    #[error("`{client}` is not the client of `{server}`: write that server's `client`")]
    NotItsClient {
        /// As written.
        client: String,
        /// Whose it should be.
        server: String,
    },
    /// A scope that the server does not list.
    #[error("the server `{server}` lists no scope `{scope}`: add it there, or mend its spelling")]
    UnknownScope {
        /// The scope.
        scope: String,
        /// The server.
        server: String,
    },
    /// An edge from a server to itself.
    #[error("an edge leads to another server than it comes from")]
    ToItself,
    /// Two edges of one pair.
    #[error("there is an edge from `{from}` to `{to}` already: make one of the two")]
    Pair {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// A word that is not one of those that are known.
    #[error("write one of {0}")]
    Word(&'static str),
    /// A profile where there is none.
    #[error("`via` is `local`: remove `profile`")]
    LocalProfile,
}
