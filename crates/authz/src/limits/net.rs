//! The bounds of the HTTP client.

use std::time::Duration;

/// How long a connection may take to stand, its name resolved and TLS agreed.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long the first byte of an answer may take once there is a connection.
pub const FIRST_BYTE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a request may take in all, where its asker says nothing else.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a body may be, where its asker says nothing else: more than any metadata document.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What is reserved for a body that announces its length; a lie costs no more than this.
pub const BODY_BYTES_RESERVED_MAX: usize = 64 << 10;

/// Redirects that are followed, each checked like the first.
pub const REDIRECTS_MAX: u8 = 3;

/// Origins whose connections are kept; the one unused for longest makes room.
pub const ORIGINS_MAX: usize = 64;

/// Idle connections that are kept to one origin.
pub const IDLE_CONNECTIONS_MAX: usize = 4;

/// How long an idle connection is kept.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// How often keys are fetched where they are pinned by a URL: what is withdrawn there ends here.
pub const JWKS_REFRESH: Duration = Duration::from_mins(1);

/// How soon after a fetch that failed.
pub const JWKS_RETRY: Duration = Duration::from_secs(5);

/// How often they are fetched because a token names a key that nobody knows: made-up names are cheap.
pub const JWKS_GAP: Duration = Duration::from_mins(1);

/// How long such a fetch may take: a request may be waiting for it.
pub const JWKS_TIME_MAX: Duration = Duration::from_secs(5);
