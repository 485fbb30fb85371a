//! Every environment variable that Countersign reads by name.

/// The lock file to use, as `--lock` does.
pub(crate) const LOCK: &str = "COUNTERSIGN_LOCK";

/// The authorization context to use, as `--context` does.
pub(crate) const CONTEXT: &str = "COUNTERSIGN_CONTEXT";

/// The log that has to back a pin, as `--log` does.
pub(crate) const LOG: &str = "COUNTERSIGN_LOG";

/// The registry to publish in, as `--registry` does.
pub(crate) const REGISTRY: &str = "COUNTERSIGN_REGISTRY";

/// Where GitHub Actions gives tokens to a workflow with `id-token: write`.
pub(crate) const ACTIONS_TOKEN_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

/// What GitHub Actions wants to see for them.
pub(crate) const ACTIONS_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// The trust roots, as `--trust` does.
pub(crate) const TRUST: &str = "COUNTERSIGN_TRUST";

/// Where pins outside a repository are kept, before `XDG_DATA_HOME`.
pub(crate) const DATA_DIRECTORY: &str = "COUNTERSIGN_DATA";

/// What services write to stderr, as `--log-level` does.
pub(crate) const LOG_LEVEL: &str = "COUNTERSIGN_LOG_LEVEL";

/// The user's data directory (XDG base directories); `~/.local/share` when unset.
pub(crate) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";

/// The user's cache directory (XDG base directories), where `uv` keeps what it unpacked.
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";

/// Where `uv` keeps its cache, before `XDG_CACHE_HOME`.
pub(crate) const UV_CACHE_DIR: &str = "UV_CACHE_DIR";

/// Where npm keeps its cache; `~/.npm` when unset.
pub(crate) const NPM_CACHE: &str = "npm_config_cache";

/// The user's home directory.
pub(crate) const HOME: &str = "HOME";

/// Where programs are found.
pub(crate) const PATH: &str = "PATH";

/// Who approves, where git does not know.
pub(crate) const USER: &str = "USER";

/// Any value but the empty one turns colour off (no-color.org); read by the colour library.
pub(crate) const NO_COLOR: &str = "NO_COLOR";

/// The variables a person may want to set, with what they do: for the reference.
pub(crate) const DOCUMENTED: &[(&str, &str)] = &[
    (LOCK, "The lock file to use, as `--lock` does."),
    (CONTEXT, "The authorization context to use, as `--context` does."),
    (LOG, "The log that has to back a pin, as `--log` does."),
    (TRUST, "The trust roots, as `--trust` does."),
    (REGISTRY, "The registry to publish in, as `--registry` does."),
    (LOG_LEVEL, "What services write to stderr, as `--log-level` does."),
    (DATA_DIRECTORY, "Where pins outside a repository are kept."),
    (XDG_DATA_HOME, "The data directory that holds `countersign/pins.db` otherwise."),
    (NO_COLOR, "Any value but the empty one turns colour off."),
    (NPM_CACHE, "Where npm keeps what `npx` installed; read to identify a package."),
    (UV_CACHE_DIR, "Where `uv` keeps what `uvx` installed; read to identify a package."),
    (XDG_CACHE_HOME, "The cache directory that holds `uv` otherwise."),
    (USER, "Who approves, where `git config user.email` is not set."),
];
