//! What it costs to check an access token and a proof of possession, beside the bare signature checks
//! without which nobody can.

use std::sync::Arc;

use authz::token::proof::Expected;
use authz::token::{
    Access, Algorithm, Credential, Holder, Issuer, KeySet, Proof, Scheme, Signer, TokenHash, Typ,
    Verifier,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::measure::{interleave, keep};
use crate::table::{Cell, Report, Table};

/// One check is too short for a clock.
const REPEATS: u32 = 20;

const NOW_S: u64 = 1_795_600_000;
const ISSUER: &str = "https://sts.a.test";
const RESOURCE: &str = "https://hop1.a.test/mcp";

pub(in crate::measure) fn run(
    options: &Options,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let title = "Access token and proof: one core, the issuer's key at hand";
    let columns = ["keys", "two bare signatures µs", "token µs", "proof µs", "both µs", "× bare"];
    let mut table = Table::new(title, &columns);
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let shown = Shown::new(algorithm)?;
        let expected = self::expected();
        let hash = TokenHash::of(shown.credential.token.expose());
        let of_token = Expected { token: Some(&hash), ..expected };
        let proof = shown.credential.proof.as_ref().ok_or("a proof is shown")?;
        let many = |work: &dyn Fn()| (0..REPEATS).for_each(|_| work());
        let times = interleave(
            options.pick(20, 200),
            [
                &mut || many(&|| keep(shown.bare())),
                &mut || many(&|| keep(shown.verify())),
                &mut || many(&|| keep(Proof::verify(proof.expose(), &of_token, NOW_S))),
                &mut || many(&|| keep(shown.both(&expected))),
            ],
        );
        let [bare, token, proof, both] = times.map(|time| time / f64::from(REPEATS) * 1e6);
        let cells = [bare, token, proof, both, both / bare].map(Cell::from);
        table.row(algorithm.as_str(), cells);
        if algorithm == Algorithm::Es256 {
            bars.at_most("verify a token and its proof, ES256", both, 150.0, "µs");
        }
    }
    report.tables.push(table);
    Ok(())
}

/// A bound token and its proof, and who verifies them.
struct Shown {
    verifier: Verifier,
    credential: Credential,
    issuer: Signer,
    holder: Signer,
    /// What is signed and the signature, of the token and of the proof.
    parts: [(Vec<u8>, Vec<u8>); 2],
}

impl Shown {
    fn new(algorithm: Algorithm) -> Outcome<Self> {
        let (issuer, holder) = (Signer::generate(algorithm)?, Signer::generate(algorithm)?);
        let token = issuer.sign(
            "at+jwt",
            &json!({
                "iss": ISSUER, "sub": "user-4711", "aud": RESOURCE, "client_id": "hop1",
                "scope": "files:read files:write", "iat": NOW_S, "exp": NOW_S + 300,
                "act": {"iss": ISSUER, "sub": "hop1", "act": {"iss": ISSUER, "sub": "agent"}},
                "cnf": {"jkt": holder.public().thumbprint().0},
                "txn": "q83vEjRWeJASNFZ4kBI0Vg", "jti": "q83vEjRWeJASNFZ4kBI0Vg",
                "pth": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
            }),
        )?;
        let hash = TokenHash::of(token.expose());
        let proof = Proof::make(&holder, "POST", RESOURCE, Some(&hash), None, NOW_S)?;
        let part = |text: &str| -> Outcome<_> {
            let (signed, signature) = text.rsplit_once('.').ok_or("a JWT has a signature")?;
            Ok((signed.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(signature)?))
        };
        let parts = [part(token.expose())?, part(proof.expose())?];
        let keys = KeySet(vec![issuer.public().clone()]);
        let trusted = Issuer {
            iss: ISSUER.to_owned(),
            keys: Arc::new(tokio::sync::watch::Sender::new(keys)),
            typ: Typ::AtJwt,
            scope_claim: "scope".to_owned(),
            client_claims: vec!["client_id".to_owned()],
            is_own: true,
        };
        let verifier = Verifier { issuers: vec![trusted], audience: RESOURCE.to_owned() };
        let credential = Credential { scheme: Scheme::Dpop, token, proof: Some(proof) };
        let shown = Self { verifier, credential, issuer, holder, parts };
        // What fails is fast.
        if shown.bare() && shown.both(&expected()) { Ok(shown) } else { Err("they verify".into()) }
    }

    /// The signatures alone, both keys ready.
    fn bare(&self) -> bool {
        let keys = [self.issuer.public(), self.holder.public()];
        let parts = keys.into_iter().zip(&self.parts);
        parts.fold(true, |holds, (key, (signed, signature))| key.verify(signed, signature) && holds)
    }

    fn verify(&self) -> Option<Access> {
        self.verifier.verify(self.credential.token.expose(), NOW_S).ok()
    }

    fn both(&self, expected: &Expected<'_>) -> bool {
        let holder = Holder {
            credential: &self.credential,
            certificate: None,
            expected: *expected,
            must_be_bound: true,
        };
        self.verify().is_some_and(|access| access.held_by(&holder, NOW_S).is_ok())
    }
}

fn expected() -> Expected<'static> {
    Expected { method: "POST", uri: RESOURCE, token: None, age_s_max: 300, nonce: None }
}
