//! The text of a policy, line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::{Member, Policy, PolicyError};
use crate::limits;
use crate::note::{Algorithm, VerifierKey};

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        if text.len() > limits::POLICY_SIZE_MAX {
            return Err(PolicyError::Malformed { line: 1, what: "a policy larger than the limit" });
        }
        let mut reader = Reader::default();
        for (index, line) in text.split('\n').enumerate() {
            reader.line(line).map_err(|what| PolicyError::Malformed { line: index + 1, what })?;
        }
        let last = text.split('\n').count();
        reader.finish().map_err(|what| PolicyError::Malformed { line: last, what })
    }
}

enum Quorum {
    Nobody,
    Of(usize),
}

#[derive(Default)]
struct Reader {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    members: Vec<Member>,
    urls: Vec<(VerifierKey, String)>,
    names: BTreeMap<String, usize>,
    /// Members that are in a group already.
    grouped: BTreeSet<usize>,
    /// The public keys that have a line, of logs and of witnesses.
    keys: BTreeSet<(bool, Vec<u8>)>,
    quorum: Option<Quorum>,
    groups: usize,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if line.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err("a control character");
        }
        let words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key, url @ ..] if url.len() <= 1 => self.log(key, url.first().copied()),
            ["witness", name, key, url @ ..] if url.len() <= 1 => {
                self.witness(name, key, url.first().copied())
            }
            ["group", name, threshold, members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => Err("not a line of a policy"),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), &'static str> {
        let key = self.key(key, true, url)?;
        if key.algorithm() == Algorithm::Cosignature {
            return Err("a log does not sign with a key for cosignatures");
        }
        self.logs.push(key);
        within(self.logs.len())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), &'static str> {
        let key = self.key(key, false, url)?;
        if key.algorithm() == Algorithm::Ed25519 {
            return Err("a witness cosigns with a key of type 4 or 6");
        }
        self.witnesses.push(key);
        within(self.witnesses.len())?;
        let member = Member::Witness(self.witnesses.len() - 1);
        self.define(name, member)
    }

    fn key(
        &mut self,
        text: &str,
        is_log: bool,
        url: Option<&str>,
    ) -> Result<VerifierKey, &'static str> {
        let key: VerifierKey = text.parse().map_err(|_| "not a verifier key")?;
        if !self.keys.insert((is_log, key.public_key().to_vec())) {
            return Err("a public key that has a line already");
        }
        self.urls.extend(url.map(|url| (key.clone(), url.to_owned())));
        Ok(key)
    }

    fn group(&mut self, name: &str, threshold: &str, names: &[&str]) -> Result<(), &'static str> {
        let mut members = Vec::with_capacity(names.len());
        for member in names {
            let member = *self.names.get(*member).ok_or("a member that no line above defines")?;
            if !self.grouped.insert(member) {
                return Err("a member that is in a group already");
            }
            members.push(member);
        }
        let threshold = match threshold {
            "any" => Some(1),
            "all" => Some(members.len()),
            number => crate::checkpoint::decimal(number).and_then(|k| usize::try_from(k).ok()),
        };
        let threshold = threshold.filter(|k| (1..=members.len()).contains(k));
        let threshold = threshold.ok_or("a threshold that is not from 1 to the group's members")?;
        self.groups += 1;
        within(self.groups)?;
        self.define(name, Member::Group { threshold, members })
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), &'static str> {
        if name == "none" {
            return Err("`none` cannot be defined");
        }
        if self.names.insert(name.to_owned(), self.members.len()).is_some() {
            return Err("a name that has a line already");
        }
        self.members.push(member);
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), &'static str> {
        let quorum = match name {
            "none" => Quorum::Nobody,
            name => {
                let member = self.names.get(name).ok_or("a quorum that no line above defines")?;
                Quorum::Of(*member)
            }
        };
        if self.quorum.replace(quorum).is_some() {
            return Err("a second quorum");
        }
        Ok(())
    }

    fn finish(self) -> Result<Policy, &'static str> {
        let quorum = match self.quorum.ok_or("no quorum")? {
            Quorum::Nobody => None,
            Quorum::Of(member) => Some(member),
        };
        let Self { logs, witnesses, members, urls, .. } = self;
        Ok(Policy { logs, witnesses, members, quorum, urls })
    }
}

const fn within(count: usize) -> Result<(), &'static str> {
    if count <= limits::POLICY_MEMBERS_MAX { Ok(()) } else { Err("more lines than the limit") }
}
