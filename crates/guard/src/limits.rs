//! The bounds on what the guard holds, each with its reason.

use std::time::Duration;

/// Requests in flight on one pipe; real clients keep below a hundred.
pub const IN_FLIGHT_MAX: usize = 65_536;

/// Calls of one session that wait for a listing; past it the reader waits too (backpressure).
pub const WAITING_CALLS_MAX: usize = 1_024;

/// Bytes of the lines that wait for a listing, likewise; one more may be of the size of a message.
pub const WAITING_BYTES_MAX: usize = 2 * wire::limits::MESSAGE_BYTES_MAX;

/// Sessions whose newest observation is kept; the one unused for longest makes room.
pub const SESSIONS_MAX: usize = 10_000;

/// How long a listing may take before the calls that wait for it are held.
pub const LISTING_TIME_MAX: Duration = Duration::from_secs(20);

/// How often a listing starts again because the list changed meanwhile.
pub const LISTING_RESTARTS_MAX: u32 = 5;

/// A call is decided against a listing no older than this many times what that listing took, so
/// listing never costs more than a twentieth of a session's time, and a person's pace of calls is
/// preceded by a listing each. Sessions that list at the same time share that twentieth.
pub const LISTING_AGE_FACTOR: u32 = 20;

/// How long sharing may make a listing hold that is cheap: sessions that are many must not make
/// each other blind.
pub const LISTING_SHARED_AGE_MAX: Duration = Duration::from_secs(1);

/// A call is never decided against a list older than this: a server gains nothing by being slow.
pub const LIST_AGE_MAX: Duration = Duration::from_secs(10);

/// No observation is older than this, whatever `ttlMs` claims.
pub const LISTING_AGE_MAX: Duration = Duration::from_mins(1);

/// Events that wait for a slow reader; past it the newest are counted and dropped.
pub const EVENT_BYTES_MAX: usize = 8 << 20;

/// Reasons in one event; further ones are counted. All changes of ten thousand items would crowd
/// out every other event.
pub const EVENT_REASONS_MAX: usize = 256;

/// Bytes of one text in an event.
pub const EVENT_TEXT_BYTES_MAX: usize = 1 << 10;

/// Least time between two listings that no request asked for, however often the lists change.
pub const UNASKED_LISTING_PAUSE: Duration = Duration::from_millis(500);

/// How long a server may take to end by itself after its stdin closed, and again after `SIGTERM`.
/// Twice this is less than the 4 s after which the clients of the official SDKs kill us.
pub const END_GRACE: Duration = Duration::from_millis(1_500);

/// How long a server may take over what it has not answered yet, after its client left.
pub const LAST_ANSWERS_TIME_MAX: Duration = Duration::from_secs(10);

/// Connections from clients at once; past it the next one waits to be accepted.
pub const CONNECTIONS_MAX: usize = 8_192;

/// Longest header line, URI included: room for a token, not for an attack on memory.
pub const HEADER_LINE_BYTES_MAX: usize = 8 << 10;

/// Largest head of one HTTP message.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long a client may take over the head of a request, and may keep a connection idle.
pub const HEAD_TIME_MAX: Duration = Duration::from_mins(1);

/// How long a client may take over the body of a request: 4 MiB over a slow link.
pub const BODY_TIME_MAX: Duration = Duration::from_mins(1);

/// How long connecting to a server may take, TLS included.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a server may take to begin an answer, or to end one that is not a stream; a tool may
/// work for long, and the client has its own patience.
pub const ANSWER_TIME_MAX: Duration = Duration::from_hours(1);

/// How long a server may go on answering a legacy client that hung up: the client may come back
/// for the rest of the stream.
pub const DRAIN_TIME_MAX: Duration = Duration::from_mins(5);

/// Responses of one conversation that may come on another stream than their requests'.
pub const ELSEWHERE_MAX: usize = 4_096;

/// Answers to clients that hung up which are read on; past it, a hang-up ends the request.
pub const DRAINING_MAX: usize = 1_024;

/// How long open requests may take to end after a shutdown was asked for.
pub const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// Idle connections that are kept to a server.
pub const IDLE_CONNECTIONS_MAX: usize = 128;

/// How long an idle connection to a server is kept.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes of one event stream that are read in search of one answer of our own.
pub const STREAM_BYTES_MAX: usize = 4 * wire::limits::MESSAGE_BYTES_MAX;
