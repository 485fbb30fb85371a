//! `countersign reference`: the command line as Markdown, for `docs/reference/cli.md`.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::args::Cli;
use crate::codes;
use crate::env;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Prints the reference.
///
/// # Errors
/// A stdout that cannot be written.
pub(super) fn run(output: Output) -> Result<Exit, Failure> {
    let mut cli = Cli::command();
    cli.build();
    let mut text = format!("# `countersign`\n\n{GENERATED}\n\n");
    if let Some(about) = cli.get_long_about() {
        let _ = writeln!(text, "{about}\n");
    }
    if let Some(after) = cli.get_after_help() {
        let _ = writeln!(text, "{after}\n");
    }
    let everywhere: Vec<&Arg> = cli.get_arguments().filter(|a| a.is_global_set()).collect();
    text.push_str("## Options of every command\n\n");
    text.push_str(&everywhere.iter().copied().map(argument).collect::<String>());
    let shown = cli.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help");
    text.push_str(&shown.map(command).collect::<String>());
    text.push_str("\n## Environment\n\n| Variable | What it does |\n|---|---|\n");
    for (name, what) in env::DOCUMENTED {
        let _ = writeln!(text, "| `{name}` | {what} |");
    }
    text.push_str("\n## Codes of refusals and failures\n\n| Code | Meaning |\n|---|---|\n");
    for (code, meaning) in refusals() {
        let _ = writeln!(text, "| `{code}` | {meaning} |");
    }
    text.push_str("\n## State changes\n\n| Code | Severity | Meaning |\n|---|---|---|\n");
    for (code, severity, meaning) in registry::service::codes::CHANGES {
        let _ = writeln!(text, "| `{code}` | {severity} | {meaning} |");
    }
    output.data(&text)?;
    Ok(Exit::Same)
}

/// Every code of a refusal or failure, with its sentence.
fn refusals() -> impl Iterator<Item = (&'static str, String)> {
    let own = codes::ALL.iter().chain(guard::event::codes::ALL).chain(seal::codes::CODES);
    let own = own.chain(seal::bundle::CHECKS).chain(super::statement::sigstore::CODES);
    let own = own.chain(registry::service::codes::CODES).chain(registry::publish::CODES);
    let own = own.chain(registry::publish::server_json::CODES).chain(registry::namespace::CODES);
    let own =
        own.chain(authz::net::CODES).chain(authz::broker::CODES).chain(registry::mirror::CODES);
    let own = own.chain(registry::feed::CODES).chain(registry::feed::webhook::CODES);
    let own = own.chain(registry::monitor::CODES).chain(registry::witness::CODES);
    let own = own.chain(store::codes::CODES).chain(registry::service::codes::FINDINGS);
    let own = own.chain(policy::CODES).chain(authz::token::CODES).chain(authz::exchange::CODES);
    let own = own.chain(authz::federation::CODES).chain(authz::sts::CODES);
    let own = own.chain(authz::sts::authzen::CODES).chain(authz::provider::doctor::CODES);
    let own = own.chain(audit::codes::CODES);
    let of_wire = wire::Code::ALL.iter().map(|code| (code.as_str(), sentence(*code)));
    own.map(|(code, meaning)| (*code, (*meaning).to_owned())).chain(of_wire)
}

/// What `wire` says of a code, as a sentence of its own.
fn sentence(code: wire::Code) -> String {
    let text = code.sentence();
    let (first, rest) = text.split_at_checked(1).unwrap_or((text, ""));
    format!("{}{rest}.", first.to_uppercase())
}

fn command(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let own = command.get_arguments().filter(|a| !a.is_global_set() && a.get_id() != "help");
    let arguments: String = own.map(argument).collect();
    let text = format!(
        "\n## `{}`\n\n{about}.\n\n```text\n{usage}\n```\n\n{arguments}",
        command_name(command)
    );
    let nested = command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help");
    nested.map(self::command).fold(text, |text, nested| text + &nested)
}

/// The name with those of the commands that it stands below.
fn command_name(command: &Command) -> String {
    let whole = command.get_bin_name().unwrap_or_else(|| command.get_name());
    whole.trim_start_matches("countersign ").to_owned()
}

fn argument(argument: &Arg) -> String {
    let values = || {
        let names = argument.get_value_names().unwrap_or_default();
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let takes_value = !matches!(argument.get_action(), ArgAction::SetTrue | ArgAction::Help);
    let name = match argument.get_long() {
        Some(long) if takes_value => format!("--{long} {}", values()),
        Some(long) => format!("--{long}"),
        None if argument.is_last_set() => format!("-- {}…", values()),
        None => values(),
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let mut notes = Vec::new();
    let choices = argument.get_possible_values();
    if takes_value && !choices.is_empty() {
        let names: Vec<_> =
            choices.iter().map(|choice| format!("`{}`", choice.get_name())).collect();
        notes.push(format!("one of {}", names.join(", ")));
    }
    let defaults = argument.get_default_values().iter().filter_map(|value| value.to_str());
    notes.extend(defaults.filter(|_| takes_value).map(|value| format!("default `{value}`")));
    let variable = argument.get_env().and_then(|variable| variable.to_str());
    notes.extend(variable.map(|variable| format!("environment `{variable}`")));
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("- `{name}`: {help}{notes}\n")
}

const GENERATED: &str = "\
<!-- Generated by `countersign reference`; a test fails when it is not current. -->";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_code_stands_once_and_none_is_given_that_does_not() {
        let listed: Vec<_> = refusals().map(|(code, _)| code).collect();
        let distinct: BTreeSet<_> = listed.iter().copied().collect();
        assert_eq!(distinct.len(), listed.len(), "a code stands twice");
        let families: BTreeSet<_> = listed.iter().filter_map(|it| it.split_once('.')).collect();
        let families: BTreeSet<_> = families.iter().map(|(family, _)| *family).collect();
        let mut given = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &families, &mut given);
        assert!(given.contains("sigstore.verified") && given.contains("log.forked"), "{given:?}");
        let unlisted: Vec<_> = given.iter().filter(|it| !distinct.contains(it.as_str())).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
    }

    fn collect(folder: &Path, families: &BTreeSet<&str>, given: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, families, given);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let is_word = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let is_code = |text: &&str| match text.split_once('.') {
                Some((family, rest)) => {
                    families.contains(family) && is_word(rest) && !FILES.contains(text)
                }
                None => false,
            };
            given.extend(text.split('"').filter(is_code).map(str::to_owned));
        }
    }

    const FILES: [&str; 4] = ["server.json", "server.py", "surface.json", "witness.db"];
}
