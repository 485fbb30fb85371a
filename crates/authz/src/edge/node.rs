//! A value of the edge file and its place, so that each refusal can say where.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{EdgeError, Fault};
use crate::limits;
use crate::resource::Resource;

/// A value at its place.
#[derive(Debug, Clone)]
pub(super) struct Node<'v> {
    value: &'v Value,
    place: String,
}

impl<'v> Node<'v> {
    /// The file.
    pub(super) const fn root(value: &'v Value) -> Self {
        Self { value, place: String::new() }
    }

    /// A refusal of what is here.
    pub(super) fn refuse(&self, fault: Fault) -> EdgeError {
        EdgeError { place: self.place.clone(), fault }
    }

    /// Checks that it is an object of known members.
    pub(super) fn known(self, names: &[&str]) -> Result<Self, EdgeError> {
        match self.object()?.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(self.refuse(Fault::Unknown(name.clone()))),
            None => Ok(self),
        }
    }

    /// A member, if it is there.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name)?;
        Some(self.below(name, value))
    }

    /// A member that has to be there.
    pub(super) fn required(&self, name: &'static str) -> Result<Self, EdgeError> {
        self.member(name).ok_or_else(|| self.refuse(Fault::Missing(name)))
    }

    /// The members, if it is an object.
    pub(super) fn members(&self) -> Result<Vec<(&'v String, Self)>, EdgeError> {
        let members = self.object()?.iter();
        Ok(members.map(|(name, value)| (name, self.below(name, value))).collect())
    }

    /// The elements, if it is an array of at most `max`.
    pub(super) fn elements(&self, max: usize) -> Result<Vec<Self>, EdgeError> {
        let Value::Array(elements) = self.value else {
            return Err(self.refuse(Fault::Type("an array")));
        };
        if elements.len() > max {
            return Err(self.refuse(Fault::TooMany(max)));
        }
        let below = |(index, value): (usize, &'v Value)| self.below(&index.to_string(), value);
        Ok(elements.iter().enumerate().map(below).collect())
    }

    /// A text that is neither empty nor long.
    pub(super) fn text(&self) -> Result<&'v str, EdgeError> {
        let text = self.value.as_str().ok_or_else(|| self.refuse(Fault::Type("a text")))?;
        let fits = (1..=limits::NAME_BYTES_MAX).contains(&text.len());
        fits.then_some(text).ok_or_else(|| self.refuse(Fault::Length))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Result<bool, EdgeError> {
        self.value.as_bool().ok_or_else(|| self.refuse(Fault::Type("`true` or `false`")))
    }

    /// A whole number.
    pub(super) fn number(&self, min: u64, max: u64) -> Result<u64, EdgeError> {
        let number = self.value.as_u64().ok_or_else(|| self.refuse(Fault::Type("a number")))?;
        let fits = (min..=max).contains(&number);
        fits.then_some(number).ok_or_else(|| self.refuse(Fault::Range { min, max }))
    }

    /// A resource identifier.
    pub(super) fn resource(&self) -> Result<Resource, EdgeError> {
        Resource::parse(self.text()?).map_err(|error| self.refuse(Fault::Resource(error)))
    }

    /// Different texts.
    pub(super) fn texts(&self, max: usize) -> Result<BTreeSet<String>, EdgeError> {
        let mut texts = BTreeSet::new();
        for element in self.elements(max)? {
            let text = element.text()?;
            if !texts.insert(text.to_owned()) {
                return Err(element.refuse(Fault::Twice(text.to_owned())));
            }
        }
        Ok(texts)
    }

    /// Different scopes.
    pub(super) fn scopes(&self) -> Result<BTreeSet<String>, EdgeError> {
        let scopes = self.texts(limits::SCOPES_MAX)?;
        let is_scope = scopes.iter().all(|scope| crate::token::scope::is_scope(scope));
        is_scope.then_some(scopes).ok_or_else(|| self.refuse(Fault::Scope))
    }

    fn object(&self) -> Result<&'v Map<String, Value>, EdgeError> {
        self.value.as_object().ok_or_else(|| self.refuse(Fault::Type("an object")))
    }

    fn below(&self, name: &str, value: &'v Value) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { value, place: format!("{}/{name}", self.place) }
    }
}
