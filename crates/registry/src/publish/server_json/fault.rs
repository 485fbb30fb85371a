//! What can be wrong with an entry: a code, a sentence and a place for each.

use std::fmt;

/// One fault of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: Code,
    /// Where: a JSON pointer into the entry.
    pub pointer: String,
}

macro_rules! codes {
    ($($variant:ident = $code:literal, $sentence:literal;)*) => {
        /// The stable name of a fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $(#[doc = $sentence] $variant,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// One sentence for a person.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }

        /// The codes of entries, with their sentences.
        pub const CODES: &[(&str, &str)] = &[$(($code, $sentence),)*];
    };
}

codes! {
    Missing = "server-json.missing", "a required member is missing";
    Type = "server-json.type", "the value has another JSON type than the schema asks for";
    Short = "server-json.short", "the text is empty or shorter than the schema allows";
    Long = "server-json.long", "the text is longer than the schema allows";
    Many = "server-json.many", "the list has more elements than the limit";
    Choice = "server-json.choice", "the value is none of those that the schema names";
    SchemaUnknown = "server-json.schema-unknown", "`$schema` names no schema from 2025-09-29 to 2025-12-11";
    NamePattern = "server-json.name-pattern", "a name is a reverse DNS name, one `/` and a name of letters, digits, `.`, `_` and `-`";
    NameEdges = "server-json.name-edges", "both halves of a name begin and end with a letter or digit, without two dots in a row";
    VersionRange = "server-json.version-range", "a version is one version, not a range";
    VersionReserved = "server-json.version-reserved", "`latest`, `.` and `..` are no versions";
    VersionCharacters = "server-json.version-characters", "a version has no control characters and no white space at its ends";
    Uri = "server-json.uri", "the text is no absolute URI";
    HttpsOnly = "server-json.https-only", "the URL has to begin with `https://`";
    TitleBlank = "server-json.title-blank", "a title of nothing but white space";
    IconSize = "server-json.icon-size", "an icon's size is written `48x48` or `any`";
    Subfolder = "server-json.subfolder", "a subfolder is a clean relative path";
    Sha256 = "server-json.sha256", "a SHA-256 is written as 64 lower-case hexadecimal digits";
    PackageRegistry = "server-json.package-registry", "the package registry is none of npm, pypi, nuget, oci, mcpb, cargo and maven";
    PackageIdentifier = "server-json.package-identifier", "an identifier has no white space";
    PackageVersion = "server-json.package-version", "a package of this registry has an exact version of its own";
    PackageVersionTwice = "server-json.package-version-twice", "the version of an image belongs into its identifier and nowhere else";
    ImageReference = "server-json.image-reference", "an image is named with a digest, or with a tag that is not `latest`";
    BundleUrl = "server-json.bundle-url", "a bundle is named by the https URL from which it is downloaded";
    BundleHash = "server-json.bundle-hash", "a bundle has a `fileSha256`";
    Argument = "server-json.argument", "an argument is `named` or `positional`";
    ArgumentName = "server-json.argument-name", "the name of an argument has no space, `<`, `>` or `$`";
    ArgumentValue = "server-json.argument-value", "a positional argument has a `value` or a `valueHint`";
    ArgumentRepeatsName = "server-json.argument-repeats-name", "the value of a named argument begins with its name";
    Transport = "server-json.transport", "the transport is none that is allowed here";
    TransportUrl = "server-json.transport-url", "a transport's URL begins with `http://` or `https://`, names a host and has no white space";
    StdioUrl = "server-json.stdio-url", "the transport `stdio` has no URL";
    TemplateVariable = "server-json.template-variable", "a variable of the URL is declared nowhere";
    RemoteUrl = "server-json.remote-url", "a remote is reached by https, and not on the client's own machine";
    PublisherMetaLong = "server-json.publisher-meta-long", "the publisher's `_meta` is longer than 4,096 bytes";
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the entry" } else { &self.pointer };
        write!(f, "{place}: {}", self.code.sentence())
    }
}

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerJsonError {
    /// The bytes are no strict JSON.
    #[error("server.json is refused")]
    Json(#[from] wire::Refusal),
    /// The entry breaks rules; there is at least one.
    #[error("server.json: {}", shown(.0))]
    Faults(Vec<Fault>),
}

impl ServerJsonError {
    /// The stable code: of the JSON, or of the first fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(refusal) => refusal.code.as_str(),
            Self::Faults(faults) => {
                faults.first().map_or(Code::Type.as_str(), |fault| fault.code.as_str())
            }
        }
    }

    /// The faults, where it is JSON at all.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Json(_) => &[],
            Self::Faults(faults) => faults,
        }
    }
}

impl From<Vec<Fault>> for ServerJsonError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Faults(faults)
    }
}

fn shown(faults: &[Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
