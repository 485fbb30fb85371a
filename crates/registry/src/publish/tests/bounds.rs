//! The bounds of requests, at the limit and one past it.

use serde_json::json;

use super::world::{Draft, World, key};
use crate::limits;

/// A body that says nothing, of this length.
fn blank(length: usize) -> String {
    format!("{{}}{}", " ".repeat(length - 2))
}

#[tokio::test]
async fn bodies_are_read_to_their_bounds() {
    let world = World::new().await;
    let token = world.login().await;
    for (path, length_max) in [
        ("/v0/auth/dns", limits::FORM_BYTES_MAX),
        ("/v0.1/countersign/statements", limits::PUBLICATION_BYTES_MAX),
        ("/v0.1/countersign/publish", limits::PUBLICATION_BYTES_MAX),
        ("/v0/publish", limits::SERVER_JSON_BYTES_MAX),
    ] {
        let at = world.send("POST", path, Some(&token), blank(length_max)).await;
        let past = world.send("POST", path, Some(&token), blank(length_max + 1)).await;
        let says =
            |answer: &super::world::Answer| answer.body["error"].as_str().unwrap().to_owned();
        assert!(!says(&at).contains("too long"), "{path}: {}", says(&at));
        assert!(says(&past).contains("too long"), "{path}: {}", says(&past));
        past.refused(400, "publish.request");
    }
}

#[tokio::test]
async fn as_many_keys_come_as_an_envelope_may_have_signatures() {
    let world = World::new().await;
    let token = world.login().await;
    for (count, is_taken) in
        [(limits::KEYS_BROUGHT_MAX, true), (limits::KEYS_BROUGHT_MAX + 1, false)]
    {
        let mut submission = Draft::new("1.0.0").signed(&[&key(1)]);
        submission.keys = vec![submission.keys[0].clone(); count];
        let path = "/v0.1/countersign/publish";
        let answer = world.send("POST", path, Some(&token), submission.to_body()).await;
        if is_taken {
            answer.ok();
        } else {
            answer.refused(400, "publish.request");
        }
    }
}

#[tokio::test]
async fn so_many_packages_are_looked_at_and_no_more() {
    let world = World::new().await;
    let token = world.login().await;
    for (version, count) in [("1.0.0", limits::ARTEFACTS_CHECKED_MAX), ("1.0.1", 9)] {
        let mut draft = Draft::new(version);
        let package = |at: usize| {
            json!({ "registryType": "npm", "identifier": format!("@acme/p{at}"), "version": "1.0.0",
                    "transport": { "type": "stdio" } })
        };
        draft.entry["packages"] = (0..count).map(package).collect();
        let outcome = world.declare(&token, &key(1), &draft).await.ok();
        let findings = outcome["findings"].as_array().unwrap();
        let of_artefacts = findings.iter().filter(|it| it["code"] == "artefact.undeclared").count();
        assert_eq!(of_artefacts, limits::ARTEFACTS_CHECKED_MAX, "{count}: {outcome}");
    }
}
