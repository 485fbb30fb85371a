//! `countersign auth doctor`: what is wrong with a protected server, the root cause first.

mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authz::net::{Client, NetError, Rules, System};
use authz::provider::Profile;
use authz::provider::doctor::{Doctor, DoctorError, Options, Registered, Subject};
use authz::resource::{Resource, check_issuer};
use authz::token::scope;

use crate::args::authz as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::output::progress::Doing;
use crate::output::safe;

/// Examines.
///
/// # Errors
/// Arguments that make no sense, a subject that cannot be asked.
pub(super) async fn run(desk: &Desk, arguments: &args::Doctor) -> Result<Exit, Failure> {
    let subject = subject(arguments)?;
    let options = options(arguments)?;
    let rules = Rules { exceptions: arguments.allow.clone(), ..Rules::default() };
    let client = Client::new(rules, Arc::new(System))
        .map_err(|error| Failure::new("starting to ask others").because(error))?;
    let doctor = Doctor::new(client, options, now_s);
    let doing = Doing::new();
    let report = doctor.examine(&subject, &|what| doing.say(&safe::line(what))).await;
    drop(doing);
    let report = report.map_err(|error| failed(arguments, error))?;
    if arguments.json {
        desk.output.json(&report.to_value())?;
    } else {
        desk.output.data(&shown::report(&report))?;
    }
    Ok(if report.worst().is_some_and(|rank| rank <= 2) { Exit::Drift } else { Exit::Same })
}

fn subject(arguments: &args::Doctor) -> Result<Subject, Failure> {
    let url = &arguments.url;
    let wrong =
        |error| Failure::usage(format!("`{}` cannot be examined", safe::line(url))).because(error);
    if arguments.issuer {
        check_issuer(url).map_err(wrong)?;
        return Ok(Subject::Issuer(url.clone()));
    }
    Resource::parse(url).map(Subject::Server).map_err(wrong)
}

fn options(arguments: &args::Doctor) -> Result<Options, Failure> {
    let profile = arguments.profile.as_deref().map(|id| {
        let ids = || {
            let all = Profile::all().unwrap_or_default();
            all.into_iter().map(|profile| profile.id).collect::<Vec<_>>().join(", ")
        };
        Profile::named(id).map_err(|error| {
            let what = format!("there is no profile `{}`", safe::line(id));
            Failure::usage(what).because(error).hint(format!("one of: {}", ids()))
        })
    });
    let scopes = scope::collect(arguments.scopes.iter().map(String::as_str));
    let scopes: BTreeSet<String> =
        scopes.ok_or_else(|| Failure::usage("a `--scope` is one word of visible ASCII"))?;
    let foreign = arguments.foreign.as_deref().map(|url| {
        let what = || format!("`{}` is no server's URL", safe::line(url));
        Resource::parse(url).map_err(|error| Failure::usage(what()).because(error))
    });
    Ok(Options {
        is_own: arguments.own,
        client: registered(arguments)?,
        scopes,
        audience: arguments.expect_audience.clone(),
        foreign: foreign.transpose()?,
        profile: profile.transpose()?,
    })
}

fn registered(arguments: &args::Doctor) -> Result<Option<Registered>, Failure> {
    let (Some(client_id), Some(issuer), Some(variable)) =
        (&arguments.client_id, &arguments.client_issuer, &arguments.client_secret_env)
    else {
        return Ok(None);
    };
    check_issuer(issuer).map_err(|error| {
        Failure::usage(format!("`{}` is no issuer", safe::line(issuer))).because(error)
    })?;
    let secret = std::env::var(variable).ok().filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| {
        Failure::usage(format!("the variable `{}` holds no secret", safe::line(variable)))
    })?;
    Ok(Some(Registered {
        issuer: issuer.clone(),
        client_id: client_id.clone(),
        secret: secret.into(),
    }))
}

fn failed(arguments: &args::Doctor, error: DoctorError) -> Failure {
    let code = match &error {
        DoctorError::Net(error) => Some(error.code()),
        _ => None,
    };
    let is_refused = matches!(
        &error,
        DoctorError::Net(NetError::Url { .. } | NetError::Port { .. } | NetError::Address(_))
    );
    let what = format!("`{}` cannot be examined", safe::line(&arguments.url));
    let failure = Failure::new(what).because(error);
    let failure = match code {
        Some(code) => failure.code(code),
        None => failure,
    };
    if is_refused {
        let hint =
            "`--allow ADDR` names an address and port that you vouch for, such as 127.0.0.1:9000";
        return failure.hint(hint);
    }
    failure
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
