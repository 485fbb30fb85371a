//! What a person names, resolved: a command to run, an endpoint to reach, a file to read.

pub(crate) mod outbound;
mod record;
mod secret;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use guard::capture::{self, CaptureError, Conditions};
use guard::http::identity;
use guard::{ChannelError, Command, Endpoint, Target};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use surface::{AssemblyError, Observation, document};

use crate::args;
use crate::artefact::{self, Artefact, Unknown};
use crate::codes;
use crate::failure::Failure;
use crate::lock::entry::{Origin, Protocol};
pub(crate) use record::{origin_of_command, target_of, words_shown};

/// Something that shows a surface.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one for each server that was named")]
pub(crate) enum Source {
    /// A server to ask.
    Live(Target, Origin),
    /// A file with what a server showed.
    File(PathBuf),
    /// The same on stdin.
    Stdin,
}

/// A surface, and what was spoken to get it.
#[derive(Debug)]
pub(crate) struct Observed {
    /// What was shown.
    pub(crate) observation: Observation,
    /// The protocol version; empty where a file does not say.
    pub(crate) protocol_version: String,
}

/// How to reach servers, as resolved from the arguments.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// How to ask.
    pub(crate) conditions: Conditions,
    headers: HeaderMap,
    /// Headers whose values are in environment variables.
    variables: Vec<(String, String)>,
}

impl Reach {
    /// What `--header`, `--header-env` and `--timeout` say.
    ///
    /// # Errors
    /// A header that cannot be sent, a variable that is not set.
    pub(crate) fn of(arguments: &args::Reach) -> Result<Self, Failure> {
        let mut reach = Self::with(&arguments.headers, &arguments.header_variables)?;
        reach.conditions.answer_time_max = Duration::from_secs(arguments.timeout_s);
        Ok(reach)
    }

    /// Headers as typed, and the conditions that nobody changed.
    ///
    /// # Errors
    /// As [`Reach::of`].
    pub(crate) fn with(plain: &[String], variables: &[String]) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        for header in plain {
            // The text may hold a secret: no message repeats it.
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| Failure::usage("a header is written `NAME: VALUE`"))?;
            add_header(&mut headers, name.trim(), value.trim())?;
        }
        let mut named = Vec::new();
        for variable in variables {
            let (name, variable) = variable
                .split_once('=')
                .ok_or_else(|| Failure::usage("`--header-env` takes `NAME=VAR`"))?;
            add_header(&mut headers, name, &secret::variable(variable)?)?;
            named.push((name.to_owned(), variable.to_owned()));
        }
        Ok(Self { conditions: Conditions::default(), headers, variables: named })
    }
}

impl Source {
    /// The server that a command line names, as arguments have it.
    ///
    /// # Errors
    /// A URL that cannot be reached.
    pub(crate) fn of_arguments(
        server: &args::Server,
        reach: &Reach,
        root: Option<&Path>,
    ) -> Result<Self, Failure> {
        match &server.source {
            Some(text) => Self::of_text(text, reach),
            None => Ok(Self::of_command(&server.command, root)),
        }
    }

    /// A command to run here.
    pub(crate) fn of_command(words: &[OsString], root: Option<&Path>) -> Self {
        let mut rest = words.iter().cloned();
        let program = rest.next().unwrap_or_default();
        let command = Command { program, args: rest.collect(), directory: None };
        let origin = origin_of_command(words, root);
        Self::Live(Target::Command(command), origin)
    }

    /// A URL, `-` for stdin, or else a file.
    ///
    /// # Errors
    /// A URL that cannot be reached.
    pub(crate) fn of_text(text: &str, reach: &Reach) -> Result<Self, Failure> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if !is_url(text) {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let endpoint = endpoint(text, reach.headers.clone())?;
        let headers = reach.variables.iter().cloned().collect();
        let origin = Origin::Url { url: secret::url_recorded(&endpoint.url), headers };
        Ok(Self::Live(Target::Url(endpoint), origin))
    }

    /// What a pin recorded, to be asked again.
    ///
    /// # Errors
    /// A secret that the environment does not have; a pin that cannot be asked again.
    pub(crate) fn of_origin(
        origin: &Origin,
        reach: &Reach,
        root: Option<&Path>,
    ) -> Result<Self, Failure> {
        match origin {
            Origin::File(path) => Ok(Self::File(root.unwrap_or(Path::new(".")).join(path))),
            _ => Ok(Self::Live(target_of(origin, reach.headers.clone(), root)?, origin.clone())),
        }
    }

    /// How the lock file of the folder `root` records this source.
    pub(crate) fn origin(&self, root: Option<&Path>) -> Origin {
        match self {
            Self::Live(_, origin) => origin.clone(),
            Self::File(path) => record::origin_of_file(path, root),
            Self::Stdin => Origin::Unknown,
        }
    }

    /// What a command runs, where that can be known.
    pub(crate) fn artefact(&self) -> Option<Artefact> {
        let Self::Live(Target::Command(command), _) = self else { return None };
        let here = command.directory.clone().or_else(|| std::env::current_dir().ok())?;
        artefact::of_command(&words_of(command)?, &here)
    }

    /// What the server is: `None` for an endpoint that names nobody who authorizes it.
    ///
    /// # Errors
    /// [`Unknown`], whatever keeps it from being found out.
    pub(crate) async fn identity(
        &self,
        conditions: &Conditions,
    ) -> Result<Option<Artefact>, Unknown> {
        let Self::Live(Target::Url(endpoint), _) = self else {
            return self.artefact().map(Some).ok_or(Unknown);
        };
        let time_max = conditions.answer_time_max.min(IDENTITY_TIME_MAX);
        let found = Box::pin(identity::authorization(endpoint, time_max)).await;
        found.map(|found| found.map(artefact::of_authorization)).map_err(|_| Unknown)
    }

    /// A short name for the server.
    ///
    /// # Errors
    /// A source that suggests no name.
    pub(crate) fn alias(&self) -> Result<String, Failure> {
        let name = match self {
            Self::Live(Target::Command(command), _) => {
                words_of(command).map(|words| artefact::name_of(&words))
            }
            Self::Live(Target::Url(endpoint), _) => endpoint.url.host().map(str::to_owned),
            Self::File(path) => path.file_stem().and_then(|s| s.to_str()).map(str::to_owned),
            Self::Stdin => None,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let name: String = name
            .unwrap_or_default()
            .chars()
            .map(|c| if allowed(c) { c } else { '-' })
            .skip_while(|c| !c.is_ascii_alphanumeric())
            .take(crate::lock::limits::NAME_CHARS_MAX)
            .collect();
        if name.is_empty() {
            return Err(Failure::usage("nothing suggests an alias; choose one with `--name`"));
        }
        Ok(name)
    }

    /// Asks for the surface, or reads it.
    ///
    /// # Errors
    /// Anything short of a whole surface.
    pub(crate) async fn observe(&self, conditions: &Conditions) -> Result<Observed, Failure> {
        match self {
            Self::Live(target, _) => {
                // On the heap: a capture holds the buffers of a whole conversation.
                let captured = Box::pin(capture::capture(target, conditions)).await;
                let captured = captured.map_err(not_captured)?;
                let (observation, protocol_version) =
                    (captured.observation, captured.protocol_version);
                Ok(Observed { observation, protocol_version })
            }
            Self::File(path) => {
                let what = || Failure::new(format!("reading {}", path.display()));
                let file = std::fs::File::open(path).map_err(|error| what().because(error))?;
                read(file, &path.display().to_string())
            }
            Self::Stdin => read(std::io::stdin().lock(), "stdin"),
        }
    }
}

impl Observed {
    /// What was spoken, as a pin records it.
    pub(crate) fn protocol(&self) -> Protocol {
        Protocol {
            era: self.observation.surface.era,
            version: self.protocol_version.clone(),
            cache_scope: self.observation.cache_scope,
        }
    }
}

/// Whether a text is meant as a URL.
pub(crate) fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("http") || s.eq_ignore_ascii_case("https"))
}

/// The endpoint at a URL. User information in it becomes the header that it stands for.
///
/// # Errors
/// A text that is no URL with a host. The message does not repeat it: it may hold a secret.
pub(crate) fn endpoint(text: &str, mut headers: HeaderMap) -> Result<Endpoint, Failure> {
    let wrong = || Failure::usage("the URL cannot be read: it needs a host and no spaces");
    let text = text.split('#').next().unwrap_or(text);
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let authority = uri.authority().filter(|a| !a.host().is_empty()).ok_or_else(wrong)?;
    let Some((user, host)) = authority.as_str().rsplit_once('@') else {
        return Ok(Endpoint { url: uri, headers });
    };
    let basic = base64::engine::general_purpose::STANDARD.encode(secret::percent_decoded(user));
    add_header(&mut headers, "authorization", &format!("Basic {basic}"))?;
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(host.parse().map_err(|_| wrong())?);
    Ok(Endpoint { url: Uri::from_parts(parts).map_err(|_| wrong())?, headers })
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Failure> {
    let wrong = || Failure::usage(format!("the header `{name}` cannot be sent"));
    let parsed = HeaderName::from_bytes(name.as_bytes());
    let name = parsed.map_err(|_| Failure::usage("the name of a header cannot be sent"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    value.set_sensitive(true);
    headers.append(name, value);
    Ok(())
}

fn words_of(command: &Command) -> Option<Vec<String>> {
    let words = std::iter::once(&command.program).chain(&command.args);
    words.map(|word| word.to_str().map(str::to_owned)).collect()
}

fn read(source: impl std::io::Read, name: &str) -> Result<Observed, Failure> {
    let mut bytes = Vec::new();
    let limit = surface::limits::FILE_BYTES_MAX as u64 + 1;
    source
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("reading {name}")).because(error))?;
    let what = |code| Failure::refusal(code, format!("reading the surface in {name}"));
    let parsed = wire::Document::parse(&bytes, &document::POLICY);
    let scanned = parsed.map_err(|refusal| what(refusal.code.as_str()).because(refusal))?;
    let observation = document::read_observation(scanned.root())
        .map_err(|error| what(codes::SURFACE_UNREADABLE).because(error))?;
    let protocol_version = crate::lock::protocol_version(&observation.surface);
    Ok(Observed { observation, protocol_version })
}

/// A refusal of what a server said is not a failure to ask it.
fn not_captured(error: CaptureError) -> Failure {
    let code = match &error {
        CaptureError::Assembly(AssemblyError::Refused { refusal, .. })
        | CaptureError::Exchange { source: ChannelError::Refused(refusal), .. } => {
            Some(refusal.code.as_str())
        }
        CaptureError::Assembly(_) => Some(codes::SURFACE_UNREADABLE),
        CaptureError::Torn { .. } => Some(codes::SURFACE_TORN),
        _ => None,
    };
    let unauthorized = matches!(
        &error,
        CaptureError::Exchange { source: ChannelError::Status { status: 401 | 403, .. }, .. }
    );
    let failure = match code {
        Some(code) => Failure::refusal(code, "the server's surface is refused"),
        None => Failure::new("asking the server for its surface"),
    };
    let failure = failure.because(error);
    if unauthorized {
        return failure.hint(
            "give the server's token: `--header-env Authorization=VAR`, where VAR holds \
             `Bearer …`",
        );
    }
    failure
}

/// What a server is matters less than what it shows: a pin does not wait long for it.
const IDENTITY_TIME_MAX: Duration = Duration::from_secs(10);
