//! Whether a server shows two clients two things: asked back to back, in random order, with nothing
//! else that differs.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde::Serialize;
use surface::Digest;

use super::{Monitor, MonitorError, Seen, Target};
use crate::limits;

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// What each look saw, in order: the client, and the semantic digest or `None`.
    pub looks: Vec<(String, Option<Digest>)>,
    /// `same`, `differs`, `mixed` or `unknown`: whether what is shown is tied to the client.
    pub finding: &'static str,
}

/// Looks as each client in turn, at least [`limits::ALTERNATIONS_MIN`] rounds, the order of each round
/// by chance, so that a server which counts cannot tell who comes next.
pub(super) async fn probe(
    monitor: &Monitor,
    target: &Target,
    clients: [&str; 2],
) -> Result<Probe, MonitorError> {
    let mut looks = Vec::new();
    for round in 0..limits::ALTERNATIONS_MIN {
        // The hasher's keys come from the operating system's randomness.
        let is_swapped = RandomState::new().hash_one(round) % 2 == 0;
        let [first, second] = clients;
        for client in if is_swapped { [second, first] } else { [first, second] } {
            let seen = super::look::look(monitor, target, client).await?;
            let Seen { digests, .. } = seen;
            looks.push((client.to_owned(), digests.map(|digests| digests.semantic)));
        }
    }
    let finding = finding(&looks, clients);
    if finding == "differs" && target.credentials.is_none() {
        let both = clients.map(|client| monitor.witness(client));
        monitor.court(target).accuse_by_probe(both).await?;
    }
    Ok(Probe { looks, finding })
}

fn finding(looks: &[(String, Option<Digest>)], clients: [&str; 2]) -> &'static str {
    let shown = clients.map(|client| {
        let of_client = looks.iter().filter(|(who, _)| who == client);
        of_client.map(|(_, digest)| *digest).collect::<std::collections::BTreeSet<_>>()
    });
    let [first, second] = &shown;
    match (first.iter().next(), second.iter().next()) {
        _ if shown.iter().any(|shown| shown.contains(&None)) => "unknown",
        _ if first.len() > 1 || second.len() > 1 => "mixed",
        (first, second) if first == second => "same",
        _ => "differs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_difference_that_holds_is_tied_to_the_client() {
        for (sequence, expected) in [
            ("xAyAyAxA", "same"),
            ("xAyByBxAxAyB", "differs"),
            ("xAyByAxA", "mixed"),
            ("xAy-", "unknown"),
        ] {
            let looks: Vec<_> = sequence
                .as_bytes()
                .chunks(2)
                .map(|look| {
                    let shown = look.get(1).filter(|shown| **shown != b'-');
                    let digest = shown.map(|shown| Digest::of_bytes(&[*shown]));
                    (String::from_utf8_lossy(look.get(..1).unwrap_or_default()).into(), digest)
                })
                .collect();
            assert_eq!(finding(&looks, ["x", "y"]), expected, "{sequence}");
        }
    }
}
