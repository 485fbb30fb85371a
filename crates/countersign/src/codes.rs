//! The stable codes of refusals and failures, in one table. What `wire` refuses and what `drift`
//! finds have their own.

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) const $name: &str = $code;)*

        /// Every code with its meaning, in the order of the table.
        pub(crate) const ALL: &[(&str, &str)] = &[$(($code, $meaning),)*];
    };
}

codes! {
    LOG_CHECKPOINT = "log.checkpoint", "A checkpoint that the trust roots do not accept: a signature of the log or a quorum of witnesses is missing or wrong.";
    LOG_FORKED = "log.forked", "The log shrank, or is no longer what it was at a checkpoint that was accepted before.";
    LOG_FORGED = "log.forged", "A tile or an entry that the checkpoint does not commit to.";
    LOG_STALE = "log.stale", "The newest checkpoint of the log is older than the trust roots allow, or of the future.";
    LOG_WITHHELD = "log.withheld", "The log does not serve what its checkpoint commits to.";
    LOG_TOO_LONG = "log.too-long", "The log sends more than what was asked for can have.";
    LOG_MAP = "log.map", "The log states another map of the newest statements than its own entries make.";
    LOG_REUSED = "log.reused", "The registry admits a second declaration of a version with other content than the first.";
    LOG_EVIDENCE = "log.evidence", "The evidence about a published server does not hold.";
    LOG_DIFFERS = "log.differs", "The log fixes another surface for the version than the server shows.";
    PUBLISH_REFUSED = "publish.refused", "The registry refuses, with a code that this program does not know.";
    PUBLISH_PRIVATE = "publish.credentials", "A surface that needs credentials is not for everyone, and is not published.";
    PUBLISH_MANIFEST = "publish.manifest", "The manifest of a bundle fixes no surface.";
    PUBLISH_EVIDENCE = "publish.evidence", "The evidence that the registry gives does not hold, or is about something else.";
    PIN_MISSING = "pin.missing", "Nothing is pinned under this alias in this context.";
    PIN_EXISTS = "pin.exists", "The server is pinned, and shows something else now: `pin` does not replace an approval unasked.";
    APPROVE_DIGEST = "approve.digest-changed", "The server does not show what `--digest` says was reviewed.";
    LOCK_IO = "lock.io", "The pins, or a surface beside them, could not be read or written.";
    LOCK_SYNTAX = "lock.syntax", "The lock file cannot be read in one way only: no TOML, a line that stands there twice, an unknown member or version.";
    LOCK_SURFACE = "lock.surface-unreadable", "A surface beside the lock file is missing, or is not what the digests in it say.";
    LOCK_MISMATCH = "lock.surface-mismatch", "A surface beside the lock file is not the one whose digests were approved.";
    LOCK_MOVED = "lock.moved", "Somebody else changed the pin between the look at it and the write.";
    LOCK_CASE = "lock.case-only", "Two aliases differ only in case, which some file systems do not tell apart.";
    SURFACE_UNREADABLE = "surface.unreadable", "Answers or a file make no whole surface: a name twice, a cursor that repeats, a form that was not promised, a limit passed.";
    SURFACE_TORN = "surface.torn", "The lists of the server changed during every attempt to read them.";
    KEY_MODE = "key.file-mode", "A file with a private key or a passphrase can be read by others.";
    KEY_EXISTS = "key.file-exists", "A key file is never written over.";
    UP_MISSING = "up.missing", "There is no registry in the directory, and `--init` was not given.";
    DECLARED_SURFACE = "seal.surface", "What a file shows is not the surface that was declared.";
    POLICY_FILE = "policy.file", "A policy file that is no UTF-8.";
    POLICY_CASES = "policy.cases", "A file of cases that cannot be read in one way only, or with a case that is no request.";
    NOT_ASKED = "server.not-asked", "The server could not be asked (only in SARIF, which needs a rule for every finding).";
}
