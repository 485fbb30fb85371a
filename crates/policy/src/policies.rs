//! Policies: read strictly, asked as one set.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Authorizer, Decision, Policy, PolicyId, PolicySet, ValidationMode, Validator};

use crate::fault::{Fault, LoadError};
use crate::limits::{ID_BYTES_MAX, POLICIES_BYTES_MAX, POLICIES_MAX};
use crate::request::Request;
use crate::verdict::{Reason, Verdict};
use crate::vocabulary::Vocabulary;
use crate::world::World;

/// A policy file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// How faults name it.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A set of policies, each valid under the schema and named by its `@id`.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(crate) set: PolicySet,
    pub(crate) words: Vocabulary,
    authorizer: Authorizer,
}

impl Policies {
    /// Reads policy files as one set.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place: what is not Cedar, what the schema does
    /// not allow, what can never apply, a policy without an `@id` or with one that another has.
    pub fn parse(sources: &[Source<'_>]) -> Result<Self, LoadError> {
        let words = Vocabulary::read().map_err(|what| {
            let fault = Fault::at("policy.invalid", "the built-in schema", "", 0, what);
            LoadError { faults: vec![fault] }
        })?;
        let validator = Validator::new(words.schema.clone());
        let mut read = Read::default();
        let mut bytes = 0_usize;
        for source in sources {
            bytes = bytes.saturating_add(source.text.len());
            if bytes > POLICIES_BYTES_MAX {
                let what = format!("the policies are longer than {POLICIES_BYTES_MAX} bytes");
                read.faults.push(Fault::at("policy.size", source.name, "", 0, what));
                break;
            }
            let own = read.file(*source);
            read.faults.extend(invalid(*source, &validator, &own));
        }
        let Read { set, faults } = read;
        if !faults.is_empty() {
            return Err(LoadError { faults });
        }
        Ok(Self { set, words, authorizer: Authorizer::new() })
    }

    /// The policies that are built in.
    ///
    /// # Errors
    /// None, while the tests hold.
    pub fn built_in() -> Result<Self, LoadError> {
        Self::parse(&[Source { name: "default.cedar", text: DEFAULT }])
    }

    /// The `@id` of each policy, in the order of the files.
    pub fn ids(&self) -> Vec<String> {
        self.set.policies().map(|policy| policy.id().to_string()).collect()
    }

    /// The answer to a request.
    pub fn decide(&self, world: &World, request: &Request) -> Verdict {
        match request.cedar(&self.words) {
            Ok(request) => self.answer(world, &request),
            Err(error) => {
                let (code, what) = (error.code(), error.to_string());
                Verdict { reason: Reason::Refused { code, what } }
            }
        }
    }

    /// INVARIANT: an entry in the diagnostics' errors denies, whatever Cedar decided: it skips a
    /// policy that errs, and what it skipped may have been a `forbid`.
    pub(crate) fn answer(&self, world: &World, request: &cedar_policy::Request) -> Verdict {
        let response = self.authorizer.is_authorized(request, &self.set, &world.entities);
        let mut by: Vec<_> = response.diagnostics().reason().map(PolicyId::to_string).collect();
        by.sort_unstable();
        let errors = response.diagnostics().errors().map(|error| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            (error.policy_id().to_string(), error.inner().to_string())
        });
        let mut errors: Vec<_> = errors.collect();
        errors.sort_unstable();
        let reason = match response.decision() {
            _ if !errors.is_empty() => Reason::Failed { errors },
            Decision::Allow => Reason::Permitted { by },
            Decision::Deny if by.is_empty() => Reason::Unmatched,
            Decision::Deny => Reason::Forbidden { by },
        };
        Verdict { reason }
    }
}

/// What was read so far.
#[derive(Default)]
struct Read {
    set: PolicySet,
    faults: Vec<Fault>,
}

impl Read {
    /// Adds the policies of a file, each under its `@id`; gives them as a set of their own too.
    fn file(&mut self, source: Source<'_>) -> PolicySet {
        let Source { name, text } = source;
        let mut own = PolicySet::new();
        let parsed = match text.parse::<PolicySet>() {
            Ok(parsed) => parsed,
            Err(errors) => {
                let errors = DetailedError::from(&errors);
                self.faults.extend(Fault::of_cedar("policy.syntax", name, text, errors));
                return own;
            }
        };
        // Cedar names them `policy0`, `policy1`, … in the order of the file.
        let starts = starts(text);
        let number = |id: &PolicyId| -> usize {
            id.to_string().strip_prefix("policy").and_then(|n| n.parse().ok()).unwrap_or_default()
        };
        let start = |id: &PolicyId| starts.get(number(id)).copied().unwrap_or_default();
        for template in parsed.templates() {
            let what = "a policy with a slot is a template, and nothing here fills it".to_owned();
            self.faults.push(Fault::at("policy.template", name, text, start(template.id()), what));
        }
        let mut policies: Vec<&Policy> = parsed.policies().collect();
        policies.sort_unstable_by_key(|policy| number(policy.id()));
        for policy in policies {
            match self.add(policy) {
                Ok(named) => drop(own.add(named)),
                Err((code, what)) => {
                    self.faults.push(Fault::at(code, name, text, start(policy.id()), what));
                }
            }
        }
        own
    }

    fn add(&mut self, policy: &Policy) -> Result<Policy, (&'static str, String)> {
        let id = policy.annotation("id").filter(|id| !id.is_empty()).ok_or_else(|| {
            let what = "the policy has no name: put `@id(\"…\")` before it";
            ("policy.unnamed", what.to_owned())
        })?;
        if id.len() > ID_BYTES_MAX {
            return Err(("policy.size", format!("its `@id` is longer than {ID_BYTES_MAX} bytes")));
        }
        if self.set.num_of_policies() >= POLICIES_MAX {
            return Err(("policy.size", format!("there are more than {POLICIES_MAX} policies")));
        }
        let named = policy.new_id(PolicyId::new(id));
        let what = || ("policy.repeated", format!("another policy has the `@id` \"{id}\""));
        self.set.add(named.clone()).map_err(|_| what())?;
        Ok(named)
    }
}

/// What the schema does not allow; without that, what Cedar warns of: a policy that can never apply,
/// or is written in look-alike letters, is not what its author meant.
fn invalid(source: Source<'_>, validator: &Validator, own: &PolicySet) -> Vec<Fault> {
    let Source { name, text } = source;
    let result = validator.validate(own, ValidationMode::Strict);
    let errors = result.validation_errors().map(DetailedError::from);
    let mut found: Vec<_> = errors.collect();
    if found.is_empty() {
        found.extend(result.validation_warnings().map(DetailedError::from));
    }
    let faults = found.into_iter();
    let faults = faults.flat_map(|error| Fault::of_cedar("policy.invalid", name, text, error));
    let mut faults: Vec<_> = faults.collect();
    faults.sort_by(|a, b| (a.line, a.column, &a.what).cmp(&(b.line, b.column, &b.what)));
    // Once for each kind of principal that a policy is about.
    faults.dedup();
    faults
}

/// Where each policy begins. The text is Cedar already: strings, line comments, `;` after each.
fn starts(text: &str) -> Vec<usize> {
    let (mut starts, mut is_inside, mut at) = (Vec::new(), false, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match rest.chars().next() {
            Some('/') if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            Some(c) if c.is_whitespace() => c.len_utf8(),
            Some(c) => {
                if !is_inside {
                    starts.push(at);
                }
                is_inside = c != ';';
                if c == '"' { string_length(rest) } else { c.len_utf8() }
            }
            None => break,
        };
        at += length;
    }
    starts
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = true;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// The rules that hold without any policy of the user's, as Cedar.
pub const DEFAULT: &str = include_str!("../policies/default.cedar");
