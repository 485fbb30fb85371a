//! A value of an entry with its place, and the faults found so far.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::fault::{Code, Fault};
use crate::limits;

/// Faults, in the order of the walk; at most [`limits::SERVER_JSON_FAULTS_MAX`].
#[derive(Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

/// A value, where it is, and where its faults go.
#[derive(Clone)]
pub(super) struct Place<'v> {
    pub(super) value: &'v Value,
    pointer: String,
    faults: &'v Faults,
}

impl Faults {
    pub(super) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

impl<'v> Place<'v> {
    pub(super) const fn root(value: &'v Value, faults: &'v Faults) -> Self {
        Self { value, pointer: String::new(), faults }
    }

    /// Reports a fault of this value.
    pub(super) fn fault(&self, code: Code) {
        self.report(code, self.pointer.clone());
    }

    /// Reports a fault of a member, present or not.
    pub(super) fn fault_of(&self, key: &str, code: Code) {
        self.report(code, self.below(key));
    }

    fn report(&self, code: Code, pointer: String) {
        let mut faults = self.faults.0.borrow_mut();
        if faults.len() < limits::SERVER_JSON_FAULTS_MAX {
            faults.push(Fault { code, pointer });
        }
    }

    /// The members, if the value is an object; else a fault.
    pub(super) fn object(&self) -> Option<&'v Map<String, Value>> {
        let object = self.value.as_object();
        if object.is_none() {
            self.fault(Code::Type);
        }
        object
    }

    /// A member that may be absent.
    pub(super) fn optional(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key)?;
        Some(Self { value, pointer: self.below(key), faults: self.faults })
    }

    /// A member that has to be there; else a fault.
    pub(super) fn required(&self, key: &str) -> Option<Self> {
        let member = self.optional(key);
        if member.is_none() {
            self.fault_of(key, Code::Missing);
        }
        member
    }

    /// The text, if the value is a string; else a fault.
    pub(super) fn text(&self) -> Option<&'v str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.fault(Code::Type);
        }
        text
    }

    /// The text, if it has from `min` to `max` characters; else a fault.
    pub(super) fn text_within(&self, min: usize, max: usize) -> Option<&'v str> {
        let text = self.text()?;
        match text.chars().count() {
            length if length < min => self.fault(Code::Short),
            length if length > max => self.fault(Code::Long),
            _ => return Some(text),
        }
        None
    }

    /// A member that is a string, if it is there; else a fault.
    pub(super) fn optional_text(&self, key: &str) -> Option<&'v str> {
        self.optional(key).and_then(|member| member.text())
    }

    /// A fault, unless the member is absent or a boolean.
    pub(super) fn optional_bool(&self, key: &str) {
        if let Some(member) = self.optional(key)
            && !member.value.is_boolean()
        {
            member.fault(Code::Type);
        }
    }

    /// The elements of a member that is a list, if it is there; else a fault.
    pub(super) fn optional_list(&self, key: &str) -> Vec<Self> {
        let Some(list) = self.optional(key) else { return Vec::new() };
        let Some(elements) = list.value.as_array() else {
            list.fault(Code::Type);
            return Vec::new();
        };
        if elements.len() > limits::SERVER_JSON_ELEMENTS_MAX {
            list.fault(Code::Many);
            return Vec::new();
        }
        let element = |(index, value)| Self {
            value,
            pointer: format!("{}/{index}", list.pointer),
            faults: self.faults,
        };
        elements.iter().enumerate().map(element).collect()
    }

    /// The members of a member that is an object, if it is there; else a fault.
    pub(super) fn optional_members(&self, key: &str) -> Vec<(&'v str, Self)> {
        let Some(member) = self.optional(key) else { return Vec::new() };
        let Some(members) = member.object() else { return Vec::new() };
        members
            .iter()
            .map(|(name, value)| {
                let pointer = member.below(name);
                (name.as_str(), Self { value, pointer, faults: self.faults })
            })
            .collect()
    }

    fn below(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"))
    }
}
