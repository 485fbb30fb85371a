//! What is found in a publication, and what the policy makes of it.

use drift::{Severity, tripwire};
use seal::PublicKey;
use seal::statement::{Finding, Verdict};
use serde_json::Value;
use surface::Surface;

use super::server_json::ServerJson;
use crate::limits;

/// The policy of admission: the section `[admission]` of the registry's configuration.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Findings of this severity or above hold a version for review.
    pub hold_at: Option<Severity>,
    /// Findings of this severity or above refuse it.
    pub deny_at: Option<Severity>,
    /// Whether server.json alone is taken.
    pub is_undeclared_taken: bool,
    /// Whose approval releases what is held.
    pub reviewers: Vec<PublicKey>,
    /// Whose observations of live servers are taken.
    pub observers: Vec<PublicKey>,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            hold_at: Some(Severity::Critical),
            deny_at: None,
            is_undeclared_taken: true,
            reviewers: Vec::new(),
            observers: Vec::new(),
        }
    }
}

/// What was found, worst first.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<(Severity, Finding)>,
    is_held: bool,
    is_denied: bool,
}

impl Findings {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        code: impl Into<String>,
        place: impl Into<String>,
    ) {
        let place: String = place.into().chars().take(limits::PLACE_CHARS_MAX).collect();
        let finding = Finding { code: code.into(), severity: severity.as_str().to_owned(), place };
        self.list.push((severity, finding));
    }

    /// A finding that no policy lets pass without review.
    pub(super) fn hold(&mut self, code: &str) {
        self.add(Severity::Critical, code, "");
        self.is_held = true;
    }

    /// A finding that no policy lets pass.
    pub(super) fn deny(&mut self, code: &str, place: &str) {
        self.add(Severity::Critical, code, place);
        self.is_denied = true;
    }

    /// The verdict of a policy, and what is said of the findings.
    pub(super) fn judge(mut self, policy: &Admission) -> (Verdict, Vec<Finding>) {
        let worst = self.list.iter().map(|(severity, _)| *severity).max();
        let reaches = |bound: Option<Severity>| {
            bound.is_some_and(|bound| worst.is_some_and(|worst| worst >= bound))
        };
        let verdict = if self.is_denied || reaches(policy.deny_at) {
            Verdict::Deny
        } else if self.is_held || reaches(policy.hold_at) {
            Verdict::Hold
        } else {
            Verdict::Allow
        };
        // Stable: what is most urgent stays when there is too much to say.
        self.list.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
        self.list.truncate(limits::FINDINGS_MAX);
        (verdict, self.list.into_iter().map(|(_, finding)| finding).collect())
    }

    /// Tripwires of the blocking class in what an entry shows to people.
    pub(super) fn of_entry(&mut self, entry: &ServerJson) {
        self.texts(entry.value(), "");
    }

    /// A first surface: tripwires of the blocking class anywhere. Of other rules only what is new
    /// against something says anything.
    pub(super) fn of_first(&mut self, surface: &Surface) {
        for (place, item) in &surface.items {
            self.hits(tripwire::scan_name(&place.name), &place.to_string());
            self.texts(item, &place.to_string());
        }
    }

    /// What changed since the version before.
    pub(super) fn of_drift(&mut self, before: &Surface, after: &Surface) {
        for change in drift::compare(before, after, &[]) {
            self.add(change.severity, change.code, change.place);
        }
    }

    /// Recursion is bounded by the depth limit of the scan.
    fn texts(&mut self, value: &Value, place: &str) {
        match value {
            Value::String(text) => self.hits(tripwire::scan(text), place),
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.texts(element, &format!("{place}/{index}"));
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    let place = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.hits(tripwire::scan_name(key), &place);
                    self.texts(member, &place);
                }
            }
            _ => {}
        }
    }

    fn hits(&mut self, hits: Vec<tripwire::Hit>, place: &str) {
        for hit in hits.into_iter().filter(|hit| hit.class == tripwire::Class::Blocking) {
            self.add(Severity::Critical, format!("tripwire.{}", hit.rule), place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(policy: &Admission, severities: &[Severity]) -> Verdict {
        let mut findings = Findings::default();
        for severity in severities {
            findings.add(*severity, "x", "");
        }
        findings.judge(policy).0
    }

    #[test]
    fn the_policy_holds_and_denies_at_its_severities_and_not_below() {
        use Severity::{Critical, Notice, Warning};
        let usual = Admission::default();
        assert_eq!(verdict(&usual, &[]), Verdict::Allow);
        assert_eq!(verdict(&usual, &[Notice, Warning]), Verdict::Allow);
        assert_eq!(verdict(&usual, &[Warning, Critical]), Verdict::Hold);
        let strict = Admission { hold_at: Some(Warning), deny_at: Some(Critical), ..usual };
        assert_eq!(verdict(&strict, &[Notice]), Verdict::Allow);
        assert_eq!(verdict(&strict, &[Warning]), Verdict::Hold);
        assert_eq!(verdict(&strict, &[Critical]), Verdict::Deny);
    }

    #[test]
    fn no_policy_passes_a_stranger_key_or_another_artefact() {
        let lax = Admission { hold_at: None, ..Admission::default() };
        let mut findings = Findings::default();
        findings.hold("key.replaced");
        assert_eq!(findings.judge(&lax).0, Verdict::Hold);
        let mut findings = Findings::default();
        findings.deny("artefact.mismatch", "npm:a@1");
        assert_eq!(findings.judge(&lax).0, Verdict::Deny);
    }

    #[test]
    fn too_many_findings_keep_the_worst() {
        let mut findings = Findings::default();
        for _ in 0..limits::FINDINGS_MAX {
            findings.add(Severity::Notice, "small", "");
        }
        findings.add(Severity::Critical, "large", "x".repeat(limits::PLACE_CHARS_MAX + 1));
        let (_, list) = findings.judge(&Admission::default());
        assert_eq!(list.len(), limits::FINDINGS_MAX);
        let first = list.first().map(|finding| (finding.code.as_str(), finding.place.len()));
        assert_eq!(first, Some(("large", limits::PLACE_CHARS_MAX)));
    }
}
