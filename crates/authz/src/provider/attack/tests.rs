#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::{Demand, Ground, Outcome, Report, TABLE, Tried};
use crate::resource::Resource;
use crate::token::{Algorithm, KeySet, Signer};

fn ground() -> (Ground, KeySet) {
    let signer = Signer::generate(Algorithm::Es256).unwrap();
    let keys = KeySet(vec![signer.public().clone()]);
    let resource = Resource::parse("https://hop1.a.test/mcp").unwrap();
    let ground = Ground::new(signer, "https://as.a.test", &resource, None, "a", 1_795_600_000);
    (ground.unwrap(), keys)
}

#[test]
fn every_attack_can_be_made_and_has_a_name_of_its_own() {
    let (ground, _) = ground();
    let good = ground.good().unwrap().token;
    let names: BTreeSet<_> = TABLE.iter().map(|attack| attack.id).collect();
    assert_eq!(names.len(), TABLE.len());
    for attack in TABLE {
        let shown = (attack.make)(&ground).unwrap_or_else(|| panic!("{} is not made", attack.id));
        let is_other = shown.token.expose() != good.expose();
        assert!(is_other || shown.is_in_query, "{} is good", attack.id);
    }
}

#[test]
fn a_token_is_wrong_in_what_its_row_says_and_is_the_issuers_in_all_else() {
    let (ground, keys) = ground();
    for attack in TABLE.iter().filter(|attack| !attack.id.starts_with("key.")) {
        let token = (attack.make)(&ground).unwrap().token;
        let jwt = crate::token::Jwt::parse(token.expose(), 8192).unwrap();
        assert!(jwt.verify_by(&keys).is_ok(), "{}: not the issuer's signature", attack.id);
    }
}

#[test]
fn what_a_standard_forbids_is_a_hole_and_what_we_forbid_is_not() {
    let tried = |demand| {
        let attack = TABLE.iter().find(|attack| attack.demand == demand).unwrap();
        Tried { attack, outcome: Outcome::Accepted, status: Some(200) }
    };
    let tried = vec![tried(Demand::Standard), tried(Demand::Ours)];
    let report = Report { subject: "https://a.test/mcp".to_owned(), is_bound: false, tried };
    assert_eq!(report.to_value()["holes"], 1);
}
