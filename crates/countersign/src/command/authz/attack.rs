//! `countersign auth attack`: what a protected server lets in that it has to refuse.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use authz::net::{Client, Rules, System};
use authz::provider::attack::{self, AttackError, Ground, Outcome, Report};
use authz::resource::{Resource, check_issuer};
use authz::token::{Algorithm, KeySet, Signer, scope};
use zeroize::Zeroizing;

use crate::args::authz as args;
use crate::command::Desk;
use crate::command::statement::key_file;
use crate::failure::{Exit, Failure};
use crate::output::progress::Doing;
use crate::output::{safe, style};

/// Attacks, or makes the key for it.
///
/// # Errors
/// Arguments that make no sense, a server that cannot be reached or refuses a good token.
pub(super) async fn run(desk: &Desk, arguments: &args::Attack) -> Result<Exit, Failure> {
    if arguments.init {
        return init(desk, &arguments.key);
    }
    let (resource, ground) = ground(arguments)?;
    let rules = Rules { exceptions: arguments.allow.clone(), ..Rules::default() };
    let client = Client::new(rules, Arc::new(System))
        .map_err(|error| Failure::new("starting to ask others").because(error))?;
    let doing = Doing::new();
    let report = attack::run(&client, &resource, &ground, &|what| doing.say(what)).await;
    drop(doing);
    let report = report.map_err(|error| failed(arguments, error))?;
    if arguments.json {
        desk.output.json(&report.to_value())?;
    } else {
        desk.output.data(&shown(&report))?;
    }
    let is_open = report.tried.iter().any(attack::Tried::is_hole);
    Ok(if is_open { Exit::Drift } else { Exit::Same })
}

fn ground(arguments: &args::Attack) -> Result<(Resource, Ground), Failure> {
    let wrong = |text: &str| Failure::usage(format!("`{}` cannot be attacked", safe::line(text)));
    let url = &arguments.url;
    let resource = Resource::parse(url).map_err(|error| wrong(url).because(error))?;
    let issuer = arguments.issuer.as_deref().unwrap_or_default();
    check_issuer(issuer).map_err(|error| {
        Failure::usage(format!("`{}` is no issuer", safe::line(issuer))).because(error)
    })?;
    let scopes = scope::collect(arguments.scopes.iter().map(String::as_str));
    let scopes =
        scopes.ok_or_else(|| Failure::usage("a `--scope` is one word of visible ASCII"))?;
    let scopes: Vec<_> = scopes.into_iter().collect();
    let path = &arguments.key;
    let unread = || Failure::usage(format!("the key `{}` cannot be read", path.display()));
    let pem = std::fs::read_to_string(path).map(Zeroizing::new);
    let pem = pem.map_err(|error| unread().because(error).hint("`--init` makes one"))?;
    let signer = Signer::from_pem(&pem).map_err(|error| unread().because(error))?;
    let audience = arguments.expect_audience.as_deref();
    let ground = Ground::new(signer, issuer, &resource, audience, &scopes.join(" "), now_s());
    let ground = ground.map_err(|error| Failure::new("drawing keys").because(error))?;
    Ok((resource, ground))
}

fn init(desk: &Desk, path: &Path) -> Result<Exit, Failure> {
    let failed = || Failure::new(format!("the key `{}` cannot be made", path.display()));
    let signer = Signer::generate(Algorithm::Es256).map_err(|error| failed().because(error))?;
    let pem = signer.to_pem().map_err(|error| failed().because(error))?;
    key_file::create(path, pem.expose())?;
    desk.output.json(&KeySet(vec![signer.public().clone()]).jwks())?;
    desk.output.note("Let the server trust this key for an issuer that is for nothing else.");
    Ok(Exit::Same)
}

fn failed(arguments: &args::Attack, error: AttackError) -> Failure {
    let hint = match &error {
        AttackError::GoodRefused(_) => {
            "let the server trust the issuer and the JWKS that `--init` printed, for its URL as audience"
        }
        AttackError::Net(_) => {
            "`--allow ADDR` names an address and port that you vouch for, such as 127.0.0.1:9000"
        }
        _ => "nothing is proven by a server in this state",
    };
    let what = format!("`{}` cannot be attacked", safe::line(&arguments.url));
    Failure::new(what).because(error).hint(hint)
}

fn shown(report: &Report) -> String {
    let mut text = format!("{}\n", style::paint(style::NAME, safe::line(&report.subject)));
    for it in &report.tried {
        let look = match it.outcome {
            Outcome::Refused => style::SAME,
            Outcome::DoesNotApply => style::FAINT,
            _ if it.is_hole() => style::ERROR,
            _ => style::HINT,
        };
        let status = it.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let outcome = style::paint(look, format!("{}{status}", it.outcome.as_str()));
        let _ = writeln!(text, "  {:22} {}: {outcome}", it.attack.id, it.attack.what);
        if it.outcome == Outcome::Accepted {
            let _ = writeln!(text, "    {} ({})", it.attack.section, it.attack.demand.as_str());
        }
    }
    let holes = report.tried.iter().filter(|it| it.is_hole()).count();
    let _ = match holes {
        0 => writeln!(
            text,
            "\n{}",
            style::paint(style::SAME, "Nothing that a standard forbids was let in.")
        ),
        1 => writeln!(text, "\nOne thing that a standard forbids was let in."),
        _ => writeln!(text, "\n{holes} things that standards forbid were let in."),
    };
    text
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
