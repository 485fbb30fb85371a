//! The attacker: tokens and proofs that a protected server has to refuse, shown to it one by one.
//!
//! Works with the key of an issuer that the server trusts for the purpose, so that each token is wrong in
//! one way and right in all others. A good token is shown first and last: a server that refuses it has
//! proven nothing by refusing the rest.

mod ground;
mod table;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use url::Url;

pub use ground::Ground;
pub use table::{Attack, Demand, TABLE};

use self::ground::Shown;
use super::doctor::call::{Called, call};
use super::doctor::token::sensitive;
use crate::net::{Client, NetError};
use crate::resource::Resource;

/// What a server did with what it should have refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not let in.
    Refused,
    /// It was let in.
    Accepted,
    /// The server failed, or did not answer.
    Failed,
    /// The server does not take what the attack misuses.
    DoesNotApply,
}

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::DoesNotApply => "does not apply",
        }
    }
}

/// One attack, and what came of it.
#[derive(Debug)]
pub struct Tried {
    /// The attack.
    pub attack: &'static Attack,
    /// What the server did.
    pub outcome: Outcome,
    /// The status that it answered with.
    pub status: Option<u16>,
}

impl Tried {
    /// Whether a standard forbids what happened.
    pub fn is_hole(&self) -> bool {
        self.outcome == Outcome::Accepted && self.attack.demand == Demand::Standard
    }
}

/// All attacks.
#[derive(Debug)]
pub struct Report {
    /// The server.
    pub subject: String,
    /// Whether it takes tokens that are bound to a key.
    pub is_bound: bool,
    /// In the order of the table.
    pub tried: Vec<Tried>,
}

impl Report {
    /// As JSON: `docs/schema/auth-attack.json`.
    pub fn to_value(&self) -> Value {
        let row = |it: &Tried| {
            json!({
                "attack": it.attack.id, "threat": it.attack.threat, "what": it.attack.what,
                "section": it.attack.section, "demand": it.attack.demand.as_str(),
                "outcome": it.outcome.as_str(), "status": it.status,
            })
        };
        json!({
            "schema": "countersign.auth-attack/1",
            "subject": self.subject,
            "bound": self.is_bound,
            "holes": self.tried.iter().filter(|it| it.is_hole()).count(),
            "attacks": self.tried.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// Nobody answers, or nobody may be asked.
    #[error("calling the server")]
    Net(#[source] NetError),
    /// A refusal proves nothing then.
    #[error("the server refuses a good token, with status {0}")]
    GoodRefused(u16),
    /// The same, after the attacks: it may refuse everything by now.
    #[error("the server refuses a good token after the attacks, with status {0}")]
    Closed(u16),
    /// An open door cannot be forced.
    #[error("the server lets calls in without a token")]
    Open,
    /// A defect of this machine.
    #[error("the key cannot sign")]
    Key,
}

/// Shows all of the table to `resource`, through `client`.
///
/// # Errors
/// A server that cannot be reached, lets everybody in, or refuses a good token.
pub async fn run(
    client: &Client,
    resource: &Resource,
    ground: &Ground,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Report, AttackError> {
    let url: Url = resource.as_str().parse().map_err(|_| AttackError::Key)?;
    let round = Round { client, url };
    let nobody = call(client, &round.url, HeaderMap::new()).await.map_err(AttackError::Net)?;
    if nobody.is_let_in() {
        return Err(AttackError::Open);
    }
    let good = || ground.good().ok_or(AttackError::Key);
    let first = round.show(&good()?).await.map_err(AttackError::Net)?;
    if !first.is_let_in() {
        return Err(AttackError::GoodRefused(first.status));
    }
    let bound = ground.good_bound().ok_or(AttackError::Key)?;
    let is_bound = round.show(&bound).await.is_ok_and(|called| called.is_let_in());
    let mut tried = Vec::new();
    for attack in TABLE {
        tell(attack.what);
        tried.push(round.attack(attack, ground, is_bound).await);
    }
    let last = round.show(&good()?).await.map_err(AttackError::Net)?;
    if !last.is_let_in() {
        return Err(AttackError::Closed(last.status));
    }
    Ok(Report { subject: resource.as_str().to_owned(), is_bound, tried })
}

struct Round<'a> {
    client: &'a Client,
    url: Url,
}

impl Round<'_> {
    async fn attack(&self, attack: &'static Attack, ground: &Ground, is_bound: bool) -> Tried {
        let nothing = Tried { attack, outcome: Outcome::DoesNotApply, status: None };
        if attack.needs_bound && !is_bound {
            return nothing;
        }
        let Some(shown) = (attack.make)(ground) else { return nothing };
        if shown.is_twice && !self.show(&shown).await.is_ok_and(|called| called.is_let_in()) {
            return nothing;
        }
        let (outcome, status) = match self.show(&shown).await {
            Ok(called) if called.is_let_in() => (Outcome::Accepted, Some(called.status)),
            Ok(called) if called.status >= 500 => (Outcome::Failed, Some(called.status)),
            Ok(called) => (Outcome::Refused, Some(called.status)),
            Err(_) => (Outcome::Failed, None),
        };
        Tried { attack, outcome, status }
    }

    async fn show(&self, shown: &Shown) -> Result<Called, NetError> {
        let (mut url, mut headers) = (self.url.clone(), HeaderMap::new());
        if shown.is_in_query {
            url.query_pairs_mut().append_pair("access_token", shown.token.expose());
        } else if let Some(value) = sensitive(&format!("{} {}", shown.scheme, shown.token.expose()))
        {
            headers.insert(AUTHORIZATION, value);
        }
        for proof in &shown.proofs {
            if let Some(value) = sensitive(proof.expose()) {
                headers.append("dpop", value);
            }
        }
        call(self.client, &url, headers).await
    }
}

#[cfg(test)]
mod tests;
