//! What the scopes of a pinned tool (G13) and policy (G14) add to letting one call in, beside the check of
//! its token (G1 to G6), without which nobody is let in.

use std::collections::BTreeSet;
use std::sync::Arc;

use authz::net::{Client, Renewals, Rules, System};
use authz::resource::{Call, Policing, Protection, Resource};
use authz::token::replay::Memory;
use authz::token::{Access, Algorithm, Issuer, KeySet, Signer, Typ, Verifier};
use policy::{Policies, Source};
use serde_json::json;
use surface::{Era, Kind, Place, Surface};
use wire::Document;
use wire::request::Subject;

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::measure::{interleave, keep};
use crate::table::{Cell, Report, Table};

/// One check is too short for a clock.
const REPEATS: u32 = 50;

const NOW_S: u64 = 1_795_600_000;
const ISSUER: &str = "https://sts.a.test";
const RESOURCE: &str = "https://hop1.a.test/mcp";

/// Tools of the pinned surface.
const TOOLS: usize = 40;

pub(in crate::measure) fn run(
    options: &Options,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let title =
        "One call at a guard, of 40 pinned tools: token, scopes of the tool, policy; one core";
    let columns =
        ["mapping", "token µs", "+ G13 µs", "+ G13, G14 µs", "G13 × token", "both × token"];
    let mut table = Table::new(title, &columns);
    for (name, tool) in [("none", "tool0"), ("one question", "mapped"), ("two questions", "twice")]
    {
        let plain = Guarded::new(false)?;
        let policed = Guarded::new(true)?;
        if !plain.is_permitted(tool) || !policed.is_permitted(tool) {
            return Err("the call is not permitted".into());
        }
        let many = |work: &dyn Fn()| (0..REPEATS).for_each(|_| work());
        let times = interleave(
            options.pick(20, 200),
            [
                &mut || many(&|| keep(plain.access())),
                &mut || many(&|| keep(plain.access().is_some() && plain.is_permitted(tool))),
                &mut || many(&|| keep(policed.access().is_some() && policed.is_permitted(tool))),
            ],
        );
        let [token, scopes, both] = times.map(|time| time / f64::from(REPEATS) * 1e6);
        let cells = [token, scopes - token, both - token, scopes / token, both / token];
        table.row(name, cells.map(Cell::from));
        if name == "none" {
            bars.at_most("scopes of a tool and policy, of one call", both - token, 50.0, "µs");
        }
    }
    report.tables.push(table);
    Ok(())
}

/// A protected server, its pin, and a token that may do everything there.
struct Guarded {
    protection: Protection,
    pinned: authz::resource::Pinned,
    access: Access,
    token: String,
}

impl Guarded {
    fn new(is_policed: bool) -> Outcome<Self> {
        let signer = Signer::generate(Algorithm::Es256)?;
        let trusted = Issuer {
            iss: ISSUER.to_owned(),
            keys: Arc::new(tokio::sync::watch::Sender::new(KeySet(vec![signer.public().clone()]))),
            typ: Typ::AtJwt,
            scope_claim: "scope".to_owned(),
            client_claims: vec!["client_id".to_owned()],
            is_own: true,
        };
        let policies = Policies::parse(&[Source { name: "bench", text: policy::DEFAULT }])?;
        let protection = Protection {
            resource: Resource::parse(RESOURCE)?,
            verifier: Verifier { issuers: vec![trusted], audience: RESOURCE.to_owned() },
            scopes: BTreeSet::from(["mail".to_owned()]),
            must_be_bound: false,
            nonces: None,
            renewals: Renewals::new(Client::new(Rules::default(), Arc::new(System))?, Vec::new()),
            opaque: None,
            terminator: None,
            ended: None,
            allowed: None,
            is_for_apps: false,
            denied: BTreeSet::new(),
            policing: is_policed.then_some(Policing { policies, edges: None }),
            replay: Arc::new(Memory::new(|| NOW_S)),
            now_s: || NOW_S,
        };
        let claims = json!({
            "iss": ISSUER, "sub": "user-4711", "aud": RESOURCE, "client_id": "agent",
            "scope": "mail mail.read mail.send", "iat": NOW_S, "exp": NOW_S + 300, "jti": "1",
        });
        let token = signer.sign("at+jwt", &claims)?.expose().to_owned();
        let access = protection.verifier.verify(&token, NOW_S)?;
        let pinned = protection.pinned(&surface())?;
        Ok(Self { protection, pinned, access, token })
    }

    fn access(&self) -> Option<Access> {
        self.protection.verifier.verify(&self.token, NOW_S).ok()
    }

    /// With the parameters read, as the guard has them at hand.
    fn is_permitted(&self, tool: &str) -> bool {
        let Ok(document) = Document::parse(PARAMS.as_bytes(), &wire::Policy::default()) else {
            return false;
        };
        let (subject, places) = (Subject::Tool(tool.into()), [Place::new(Kind::Tool, tool)]);
        let call = Call { subject: &subject, places: &places, params: Some(document.root()) };
        self.protection.permit(&self.pinned, &self.access, &call).is_ok()
    }
}

fn surface() -> Surface {
    let schemes = json!([{"type": "oauth2", "scopes": ["mail.send"]}]);
    let question = |argument: &str| json!({"action": {"name": "write"}, "resource": {"type": "person", "id": argument}});
    let one = json!({"evaluation": question("$params.arguments.to")});
    let entries = [question("$params.arguments.to"), question("$params.arguments.from")];
    let two = json!({"evaluations": {"evaluations": entries}});
    let mut surface = Surface::empty(Era::Modern);
    let mut pin = |name: &str, schema: serde_json::Value| {
        let tool = json!({"name": name, "inputSchema": schema, "securitySchemes": schemes});
        surface.items.insert(Place::new(Kind::Tool, name), tool);
    };
    for index in 0..TOOLS {
        pin(&format!("tool{index}"), json!({"type": "object"}));
    }
    pin("mapped", json!({"type": "object", "x-authzen-mapping": one}));
    pin("twice", json!({"type": "object", "x-authzen-mapping": two}));
    surface
}

const PARAMS: &str = r#"{"name": "mapped", "arguments": {"to": "Ann", "from": "Bob"}}"#;
