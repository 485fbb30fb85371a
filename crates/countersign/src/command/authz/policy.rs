//! `countersign policy`: check, test and explain policies by the engine that decides exchanges and
//! calls.

mod cases;
mod shown;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use policy::limits::POLICIES_BYTES_MAX;
use policy::{LoadError, Policies, Source};
use serde_json::json;

use self::cases::{Case, Cases};
use crate::args::policy as args;
use crate::codes;
use crate::command::Desk;
use crate::command::statement::read_bounded;
use crate::failure::{Exit, Failure};
use crate::output::{safe, style};
use crate::report::human::counted;

/// Runs one of the commands.
///
/// # Errors
/// Files that cannot be read, cases that are none.
pub(super) fn run(desk: &Desk, arguments: &args::Policy) -> Result<Exit, Failure> {
    match arguments {
        args::Policy::Check(arguments) => check(desk, arguments),
        args::Policy::Test(arguments) => test(desk, arguments),
        args::Policy::Explain(arguments) => explain(desk, arguments),
        args::Policy::Init(arguments) => init(desk, arguments),
    }
}

fn check(desk: &Desk, arguments: &args::PolicyCheck) -> Result<Exit, Failure> {
    match load(&arguments.files)? {
        Ok(policies) => {
            let ids = policies.ids();
            if arguments.json {
                desk.output.json(&json!({ "schema": CHECK, "policies": ids, "faults": [] }))?;
            } else {
                let listed: String = ids.iter().fold(String::new(), |mut text, id| {
                    let _ = writeln!(text, "{}", safe::line(id));
                    text
                });
                desk.output.data(&listed)?;
                let all = if ids.len() == 1 { "policy" } else { "policies" };
                desk.output.note(&format!("{} {all}, valid", ids.len()));
            }
            Ok(Exit::Same)
        }
        Err(error) => {
            if arguments.json {
                desk.output.json(
                    &json!({ "schema": CHECK, "policies": [], "faults": shown::faults(&error) }),
                )?;
            } else {
                desk.output.data(&shown::faults_text(&error))?;
                desk.output
                    .note(&format!("{}, nothing is loaded", counted(error.faults.len(), "fault")));
            }
            Ok(Exit::Drift)
        }
    }
}

fn test(desk: &Desk, arguments: &args::PolicyTest) -> Result<Exit, Failure> {
    let cases = Cases::read(&arguments.cases, &arguments.policies)?;
    let results: Vec<_> =
        cases.cases.iter().map(|case| (case, cases.engine.decide(&case.request))).collect();
    let failed = results.iter().filter(|(case, verdict)| !case.is_met(verdict)).count();
    if arguments.json {
        let listed: Vec<_> =
            results.iter().map(|(case, verdict)| shown::result(case, verdict)).collect();
        desk.output.json(&json!({ "schema": TEST, "cases": listed, "failed": failed }))?;
    } else {
        desk.output.data(&shown::table(&results))?;
        let count = counted(results.len(), "case");
        desk.output.note(&match failed {
            0 => format!("{count}, all as expected"),
            _ => format!("{count}, {failed} not as expected"),
        });
    }
    Ok(if failed == 0 { Exit::Same } else { Exit::Drift })
}

fn explain(desk: &Desk, arguments: &args::PolicyExplain) -> Result<Exit, Failure> {
    let cases = Cases::read(&arguments.cases, &arguments.policies)?;
    let case = chosen(&cases, arguments.case.as_deref())?;
    let explanation = cases.engine.explain(&case.request);
    if arguments.json {
        desk.output.json(&shown::explanation(case, &explanation))?;
    } else {
        desk.output.data(&shown::explanation_text(case, &explanation))?;
    }
    Ok(if explanation.verdict.is_allowed() { Exit::Same } else { Exit::Drift })
}

fn chosen<'a>(cases: &'a Cases, name: Option<&str>) -> Result<&'a Case, Failure> {
    let names = || cases.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, cases.cases.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => {
            Err(Failure::usage("say which case to explain").hint(format!("one of: {}", names())))
        }
        (Some(name), all) => all.iter().find(|case| case.name == name).ok_or_else(|| {
            Failure::usage(format!("there is no case `{name}`"))
                .hint(format!("one of: {}", names()))
        }),
    }
}

fn init(desk: &Desk, arguments: &args::PolicyInit) -> Result<Exit, Failure> {
    let text = if arguments.schema { policy::SCHEMA } else { policy::DEFAULT };
    let Some(path) = &arguments.file else {
        desk.output.data(text)?;
        return Ok(Exit::Same);
    };
    let failed = |error| Failure::new(format!("writing {}", path.display())).because(error);
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    desk.output.note(&format!("wrote {}", style::paint(style::NAME, path.display())));
    Ok(Exit::Same)
}

/// Reads policy files as one set; the inner error is what is wrong with what they say.
fn load(files: &[PathBuf]) -> Result<Result<Policies, LoadError>, Failure> {
    let read = files.iter().map(|path| Ok((path.display().to_string(), text_of(path)?)));
    let read = read.collect::<Result<Vec<_>, Failure>>()?;
    let sources = read.iter().map(|(name, text)| Source { name, text });
    Ok(Policies::parse(&sources.collect::<Vec<_>>()))
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = read_bounded(path, POLICIES_BYTES_MAX)?;
    String::from_utf8(bytes).map_err(|error| {
        let what = format!("{} is not UTF-8", path.display());
        Failure::refusal(codes::POLICY_FILE, what).because(error)
    })
}

const CHECK: &str = "countersign.policy-check/1";
const TEST: &str = "countersign.policy-test/1";
