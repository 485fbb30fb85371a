//! The rules: the official schema's, and below each what a registry adds.

use serde_json::Value;
use surface::canonical;

use super::fault::{Code, Fault};
use super::place::{Faults, Place};
use super::text;
use super::{PUBLISHER_PROVIDED, SCHEMA};
use crate::limits;

/// Every rule that an entry breaks.
pub(super) fn entry(value: &Value) -> Vec<Fault> {
    let faults = Faults::default();
    let entry = Place::root(value, &faults);
    if entry.object().is_some() {
        identity(&entry);
        shown_to_people(&entry);
        repository(&entry);
        meta(&entry);
        entry.optional_list("packages").iter().for_each(package);
        entry.optional_list("remotes").iter().for_each(remote);
    }
    drop(entry);
    faults.into_inner()
}

fn identity(entry: &Place<'_>) {
    if let Some(schema) = entry.required("$schema")
        && let Some(text) = schema.text()
        && !SCHEMAS.contains(&text)
    {
        schema.fault(Code::SchemaUnknown);
    }
    if let Some(name) = entry.required("name")
        && let Some(text) = name.text_within(3, 200)
    {
        if !text::is_name(text) {
            name.fault(Code::NamePattern);
        } else if !text::has_clean_edges(text) {
            name.fault(Code::NameEdges);
        }
    }
    if let Some(version) = entry.required("version")
        && let Some(text) = version.text_within(1, 255)
    {
        exact_version(&version, text);
    }
}

fn exact_version(version: &Place<'_>, text: &str) {
    // A dot segment cannot be asked for in a path.
    if matches!(text, "latest" | "." | "..") {
        version.fault(Code::VersionReserved);
    } else if text.contains(char::is_control) || text.trim() != text {
        version.fault(Code::VersionCharacters);
    } else if text::is_range(text) {
        version.fault(Code::VersionRange);
    }
}

fn shown_to_people(entry: &Place<'_>) {
    if let Some(description) = entry.required("description") {
        description.text_within(1, 100);
    }
    if let Some(title) = entry.optional("title")
        && let Some(text) = title.text_within(1, 100)
        && text.trim().is_empty()
    {
        title.fault(Code::TitleBlank);
    }
    if let Some(url) = entry.optional("websiteUrl") {
        https(&url, usize::MAX);
    }
    for icon in entry.optional_list("icons") {
        if icon.object().is_none() {
            continue;
        }
        if let Some(src) = icon.required("src") {
            https(&src, 255);
        }
        choice(&icon, "mimeType", IMAGE_TYPES);
        choice(&icon, "theme", &["light", "dark"]);
        for size in icon.optional_list("sizes") {
            if size.text().is_some_and(|text| !text::is_icon_size(text)) {
                size.fault(Code::IconSize);
            }
        }
    }
}

fn repository(entry: &Place<'_>) {
    let Some(repository) = entry.optional("repository") else { return };
    if repository.object().is_none() {
        return;
    }
    if let Some(url) = repository.required("url") {
        uri(&url);
    }
    if let Some(source) = repository.required("source") {
        source.text();
    }
    repository.optional_text("id");
    if let Some(subfolder) = repository.optional("subfolder")
        && let Some(text) = subfolder.text()
        && !text.is_empty()
        && !text::is_clean_path(text)
    {
        subfolder.fault(Code::Subfolder);
    }
}

fn meta(entry: &Place<'_>) {
    let Some(meta) = entry.optional("_meta") else { return };
    if meta.object().is_none() {
        return;
    }
    if let Some(own) = meta.optional(PUBLISHER_PROVIDED)
        && own.object().is_some()
        && canonical::to_vec(own.value).len() > limits::PUBLISHER_META_BYTES_MAX
    {
        own.fault(Code::PublisherMetaLong);
    }
}

fn package(package: &Place<'_>) {
    if package.object().is_none() {
        return;
    }
    let registry = package.required("registryType").and_then(|member| member.text());
    if registry.is_some_and(|registry| !REGISTRIES.contains(&registry)) {
        package.fault_of("registryType", Code::PackageRegistry);
    }
    let identifier = package.required("identifier");
    let identifier = identifier.and_then(|member| member.text_within(1, usize::MAX));
    if identifier.is_some_and(|text| text.contains(char::is_whitespace)) {
        package.fault_of("identifier", Code::PackageIdentifier);
    }
    if let Some(version) = package.optional("version")
        && let Some(text) = version.text_within(1, usize::MAX)
    {
        exact_version(&version, text);
    }
    if let Some(url) = package.optional("registryBaseUrl") {
        uri(&url);
    }
    if let Some(hash) = package.optional("fileSha256")
        && hash.text().is_some_and(|text| !text::is_sha256(text))
    {
        hash.fault(Code::Sha256);
    }
    package.optional_text("runtimeHint");
    if let (Some(registry), Some(identifier)) = (registry, identifier) {
        artefact(package, registry, identifier);
    }
    let variables = package_variables(package);
    if let Some(transport) = package.required("transport") {
        self::transport(&transport, &["stdio", "streamable-http", "sse"], &variables);
    }
}

/// What each package registry needs so that the bytes are fixed.
fn artefact(package: &Place<'_>, registry: &str, identifier: &str) {
    let has_version = package.value.get("version").is_some();
    match registry {
        "oci" => {
            if has_version {
                package.fault_of("version", Code::PackageVersionTwice);
            }
            if !text::is_exact_image(identifier) {
                package.fault_of("identifier", Code::ImageReference);
            }
        }
        "mcpb" => {
            let is_https = identifier.starts_with("https://") && text::is_uri(identifier);
            if !is_https {
                package.fault_of("identifier", Code::BundleUrl);
            }
            if package.value.get("fileSha256").is_none() {
                package.fault_of("fileSha256", Code::BundleHash);
            }
        }
        _ if !has_version => package.fault_of("version", Code::PackageVersion),
        _ => {}
    }
}

/// The names that a URL of the package's transport may use.
fn package_variables(package: &Place<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for variable in package.optional_list("environmentVariables") {
        names.extend(key_value(&variable));
    }
    for key in ["runtimeArguments", "packageArguments"] {
        for argument in package.optional_list(key) {
            names.extend(self::argument(&argument));
        }
    }
    names
}

fn argument(argument: &Place<'_>) -> Vec<String> {
    if argument.object().is_none() {
        return Vec::new();
    }
    input_with_variables(argument);
    argument.optional_bool("isRepeated");
    let kind = argument.required("type").and_then(|member| member.text());
    match kind {
        Some("positional") => {
            let hint = argument.optional_text("valueHint");
            if hint.is_none() && argument.optional("value").is_none() {
                argument.fault(Code::ArgumentValue);
            }
        }
        Some("named") => named(argument),
        Some(_) => argument.fault_of("type", Code::Argument),
        None => {}
    }
    let names = ["name", "valueHint"].map(|key| argument.value.get(key).and_then(Value::as_str));
    names.into_iter().flatten().map(str::to_owned).collect()
}

fn named(argument: &Place<'_>) {
    let Some(member) = argument.required("name") else { return };
    let Some(name) = member.text_within(1, usize::MAX) else { return };
    if name.contains([' ', '<', '>', '$']) {
        member.fault(Code::ArgumentName);
    }
    for key in ["value", "default"] {
        let value = argument.value.get(key).and_then(Value::as_str);
        if value.is_some_and(|value| value.starts_with(name)) {
            argument.fault_of(key, Code::ArgumentRepeatsName);
        }
    }
}

/// A header or an environment variable; gives its name.
fn key_value(variable: &Place<'_>) -> Option<String> {
    variable.object()?;
    input_with_variables(variable);
    variable.required("name")?.text().map(str::to_owned)
}

fn input_with_variables(input: &Place<'_>) {
    self::input(input);
    inputs(input);
}

/// The values of a member `variables`; gives their names.
fn inputs(holder: &Place<'_>) -> Vec<String> {
    let variables = holder.optional_members("variables");
    for (_, variable) in &variables {
        if variable.object().is_some() {
            input(variable);
        }
    }
    variables.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn input(input: &Place<'_>) {
    for key in ["description", "value", "default", "placeholder"] {
        input.optional_text(key);
    }
    for key in ["isRequired", "isSecret"] {
        input.optional_bool(key);
    }
    choice(input, "format", &["string", "number", "boolean", "filepath"]);
    for choice in input.optional_list("choices") {
        choice.text();
    }
}

/// A transport; `variables` are the names that its URL may use.
fn transport(transport: &Place<'_>, allowed: &[&str], variables: &[String]) {
    if transport.object().is_none() {
        return;
    }
    let Some(kind) = transport.required("type") else { return };
    let Some(name) = kind.text() else { return };
    if !allowed.contains(&name) {
        kind.fault(Code::Transport);
        return;
    }
    if name == "stdio" {
        if transport.value.get("url").is_some_and(|url| url != "") {
            transport.fault_of("url", Code::StdioUrl);
        }
        return;
    }
    for header in transport.optional_list("headers") {
        key_value(&header);
    }
    let Some(url) = transport.required("url") else { return };
    let Some(template) = url.text() else { return };
    if !text::is_transport_url(template) || text::filled(template).is_none() {
        url.fault(Code::TransportUrl);
    } else if text::variables(template).iter().any(|name| !variables.iter().any(|v| v == name)) {
        url.fault(Code::TemplateVariable);
    }
}

fn remote(remote: &Place<'_>) {
    if remote.object().is_none() {
        return;
    }
    let variables = inputs(remote);
    transport(remote, &["streamable-http", "sse"], &variables);
    let template = remote.value.get("url").and_then(Value::as_str);
    let url = template.filter(|url| text::is_transport_url(url)).and_then(text::filled);
    if url.is_some_and(|url| url.scheme() != "https" || text::is_own_machine(&url)) {
        remote.fault_of("url", Code::RemoteUrl);
    }
}

fn uri(member: &Place<'_>) {
    if member.text().is_some_and(|text| !text::is_uri(text)) {
        member.fault(Code::Uri);
    }
}

/// A URI that a person's client may open or show.
fn https(member: &Place<'_>, length_max: usize) {
    let Some(text) = member.text_within(0, length_max) else { return };
    if !text::is_uri(text) {
        member.fault(Code::Uri);
    } else if !text.starts_with("https://") {
        member.fault(Code::HttpsOnly);
    }
}

fn choice(holder: &Place<'_>, key: &str, choices: &[&str]) {
    let Some(member) = holder.optional(key) else { return };
    if member.text().is_some_and(|text| !choices.contains(&text)) {
        member.fault(Code::Choice);
    }
}

/// The schemas whose entries the newest one judges: since 2025-09-29 none took a member away.
const SCHEMAS: &[&str] = &[
    SCHEMA,
    "https://static.modelcontextprotocol.io/schemas/2025-10-17/server.schema.json",
    "https://static.modelcontextprotocol.io/schemas/2025-10-11/server.schema.json",
    "https://static.modelcontextprotocol.io/schemas/2025-09-29/server.schema.json",
];

const REGISTRIES: &[&str] = &["npm", "pypi", "nuget", "oci", "mcpb", "cargo", "maven"];

const IMAGE_TYPES: &[&str] =
    &["image/png", "image/jpeg", "image/jpg", "image/svg+xml", "image/webp"];
