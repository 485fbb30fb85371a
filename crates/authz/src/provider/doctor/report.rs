//! What was found, for people and programs.

use serde_json::{Value, json};

use super::Finding;

/// What an examination gave.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Who was examined.
    pub subject: String,
    /// Whether it was declared the asker's own.
    pub is_own: bool,
    /// The status of the call without a token, if there was one.
    pub status: Option<u16>,
    /// The places of resource metadata.
    pub places: Vec<Row>,
    /// The issuers.
    pub issuers: Vec<IssuerRow>,
    /// Findings, root causes first.
    pub findings: Vec<Finding>,
    /// What was not looked at.
    pub unverified: Vec<Unverified>,
}

/// A place that was asked.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub form: &'static str,
    /// Where.
    pub url: String,
    /// Whether a document was there that counts.
    pub is_good: bool,
    /// What was there instead.
    pub said: String,
}

/// An issuer and its places.
#[derive(Debug, Clone)]
pub struct IssuerRow {
    /// The issuer.
    pub issuer: String,
    /// Its profile.
    pub profile: String,
    /// Whether the profile was measured.
    pub is_measured: bool,
    /// Its places.
    pub forms: Vec<Row>,
}

/// Something that was not looked at.
#[derive(Debug, Clone)]
pub struct Unverified {
    /// Which probe.
    pub probe: u8,
    /// What.
    pub what: String,
    /// Why not.
    pub why: &'static str,
}

impl Report {
    /// The worst rank that was found, consequences included.
    pub fn worst(&self) -> Option<u8> {
        let all = self.findings.iter().flat_map(|it| std::iter::once(it).chain(&it.consequences));
        all.map(|finding| finding.kind.rank).min()
    }

    /// As JSON: `docs/schema/auth-doctor.json`.
    pub fn to_value(&self) -> Value {
        let row = |row: &Row| json!({ "form": row.form, "url": row.url, "good": row.is_good, "said": row.said });
        let rows = |rows: &[Row]| rows.iter().map(row).collect::<Vec<_>>();
        let issuers = self.issuers.iter().map(|it| {
            json!({
                "issuer": it.issuer, "profile": it.profile, "measured": it.is_measured,
                "forms": rows(&it.forms),
            })
        });
        let unverified = self.unverified.iter();
        let unverified =
            unverified.map(|it| json!({ "probe": it.probe, "what": it.what, "why": it.why }));
        json!({
            "schema": "countersign.auth-doctor/1",
            "subject": self.subject,
            "own": self.is_own,
            "status": self.status,
            "worst": self.worst(),
            "resource_metadata": rows(&self.places),
            "issuers": issuers.collect::<Vec<_>>(),
            "findings": self.findings.iter().map(Finding::to_value).collect::<Vec<_>>(),
            "unverified": unverified.collect::<Vec<_>>(),
        })
    }
}
