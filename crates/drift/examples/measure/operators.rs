//! Attack pairs made from real benign surfaces: the operators of `drift.md`'s list, by number.
//!
//! 37 (served only later, or to others) is a difference in time and not in shape: any of the
//! others, seen by the guard at another moment. It has no row here.

mod carriers;
mod hide;
mod structure;

use std::collections::BTreeMap;

use drift::Neighbour;
use serde_json::{Value, json};
use surface::{Kind, Place, Surface};

use crate::Pair;
use crate::data::Server;
use crate::payload::{self, Payloads};
use crate::random::Random;

/// What an operator works on.
pub(crate) struct Case<'a> {
    pub(crate) before: Surface,
    pub(crate) after: Surface,
    pub(crate) neighbours: Vec<Neighbour>,
    pub(crate) payloads: &'a Payloads,
    pub(crate) random: Random,
}

/// Makes the attack, or finds that the surface cannot carry it.
type Operator = fn(&mut Case<'_>) -> Option<()>;

/// Attack pairs of every operator.
pub(crate) fn all(servers: &[Server], payloads: &Payloads) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (number, (name, operator)) in OPERATORS.iter().enumerate() {
        let mut made = 0;
        for attempt in 0..ATTEMPTS {
            let seed = u64::try_from(number * ATTEMPTS + attempt).unwrap_or_default() + 1;
            let mut random = Random::seeded(seed);
            let Some(server) = servers.get(random.below(servers.len())) else { continue };
            let (before, after) = (server.surface.clone(), server.surface.clone());
            let mut case = Case { before, after, neighbours: Vec::new(), payloads, random };
            if made < PAIRS_EACH && operator(&mut case).is_some() && case.before != case.after {
                made += 1;
                pairs.push(Pair {
                    source: "generated".to_owned(),
                    server: server.name.clone(),
                    label: (*name).to_owned(),
                    before: case.before,
                    after: case.after,
                    neighbours: case.neighbours,
                });
            }
        }
    }
    pairs
}

impl Case<'_> {
    /// The place of a random tool that `fits`.
    pub(crate) fn tool(&mut self, fits: impl Fn(&Value) -> bool) -> Option<Place> {
        let tools = self.after.items.iter().filter(|(place, _)| place.kind == Kind::Tool);
        let places: Vec<Place> =
            tools.filter(|(_, tool)| fits(tool)).map(|(place, _)| place.clone()).collect();
        places.get(self.random.below(places.len())).cloned()
    }

    /// The tool as the attacker will show it.
    pub(crate) fn after(&mut self, place: &Place) -> Option<&mut Value> {
        self.after.items.get_mut(place)
    }

    /// Puts an item into both surfaces and gives it as the attacker will show it.
    pub(crate) fn carrier(&mut self, kind: Kind, name: &str, value: Value) -> Option<&mut Value> {
        let place = Place::new(kind, name);
        self.before.items.insert(place.clone(), value.clone());
        self.after.items.insert(place.clone(), value);
        self.after.items.get_mut(&place)
    }

    /// Adds an order to a text, at its end.
    pub(crate) fn order(&mut self) -> String {
        self.payloads.order(&mut self.random)
    }
}

/// The text at `pointer`, if it is one.
pub(crate) fn text_at<'v>(value: &'v mut Value, pointer: &str) -> Option<&'v mut String> {
    match value.pointer_mut(pointer) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Adds to the description of a random tool.
pub(crate) fn describe(case: &mut Case<'_>, added: &str) -> Option<()> {
    let place = case.tool(|tool| tool.get("description").is_some_and(Value::is_string))?;
    let text = text_at(case.after(&place)?, "/description")?;
    text.push(' ');
    text.push_str(added);
    Some(())
}

/// The member `key` of an object, made if it is not there.
pub(crate) fn member<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Value> {
    Some(value.as_object_mut()?.entry(key).or_insert_with(|| json!({})))
}

/// The properties of a tool's input.
pub(crate) fn properties(tool: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    member(member(tool, "inputSchema")?, "properties")?.as_object_mut()
}

/// A random property of a random tool: the tool's place and the property's name.
pub(crate) fn property(case: &mut Case<'_>) -> Option<(Place, String)> {
    let has = |tool: &Value| {
        let properties = tool.pointer("/inputSchema/properties").and_then(Value::as_object);
        properties.is_some_and(|properties| !properties.is_empty())
    };
    let place = case.tool(has)?;
    let names: BTreeMap<_, _> = {
        let properties = properties(case.after.items.get_mut(&place)?)?;
        properties.iter().map(|(name, value)| (name.clone(), value.is_object())).collect()
    };
    let names: Vec<String> =
        names.into_iter().filter(|(_, object)| *object).map(|(name, _)| name).collect();
    let name = names.get(case.random.below(names.len()))?.clone();
    Some((place, name))
}

fn prepended(case: &mut Case<'_>) -> Option<()> {
    let order = case.order();
    let place = case.tool(|tool| tool.get("description").is_some_and(Value::is_string))?;
    let text = text_at(case.after(&place)?, "/description")?;
    *text = format!("{order} {text}");
    Some(())
}

fn appended(case: &mut Case<'_>) -> Option<()> {
    let order = payload::imperative(&mut case.random);
    describe(case, &order)
}

fn held_out(case: &mut Case<'_>) -> Option<()> {
    let order = case.payloads.held_out(&mut case.random);
    describe(case, &order)
}

fn narrative(case: &mut Case<'_>) -> Option<()> {
    let text = payload::narrative(&mut case.random);
    describe(case, &text)
}

fn translated(case: &mut Case<'_>) -> Option<()> {
    let text = payload::translated(&mut case.random);
    describe(case, &text)
}

/// Pairs of each operator.
const PAIRS_EACH: usize = 20;

/// Surfaces that an operator may try.
const ATTEMPTS: usize = 120;

const OPERATORS: [(&str, Operator); 41] = [
    ("01 prepended order", prepended),
    ("02a appended order, held-out text", held_out),
    ("02b appended order, grammar", appended),
    ("03 property description", carriers::property_description),
    ("04 enum value", carriers::enum_value),
    ("05 default", carriers::default_value),
    ("06 example", carriers::example),
    ("07 title", carriers::title),
    ("08 annotations title", carriers::annotations_title),
    ("09 output schema", carriers::output_schema),
    ("10 instructions", carriers::instructions),
    ("11 prompt description", carriers::prompt),
    ("12 prompt argument", carriers::prompt_argument),
    ("13 resource description", carriers::resource),
    ("14 resource template", carriers::template),
    ("15 ui body", carriers::ui_body),
    ("16 skill text", carriers::skill),
    ("17 meta text", carriers::meta),
    ("18 icon", carriers::icon),
    ("19 tag characters", hide::tags),
    ("20a zero-width", hide::zero_width),
    ("20b bidi", hide::bidi),
    ("20c homoglyph order", hide::homoglyphs),
    ("21 terminal escape", hide::escape),
    ("22 markup", hide::markup),
    ("23 encoded", hide::encoded),
    ("24a optional side parameter", structure::side_optional),
    ("24b required side parameter", structure::side_required),
    ("25 claims read-only", structure::claims_read_only),
    ("26a look-alike tool", structure::look_alike),
    ("26b same tool, near name", structure::near_name),
    ("27 shadows a neighbour", structure::shadow),
    ("28 precedence", structure::precedence),
    ("29 redirect", structure::redirect),
    ("30 auth weakened", structure::auth_weakened),
    ("31 header on a secret", structure::header),
    ("32 split over two items", structure::split_items),
    ("33 split over versions", structure::split_versions),
    ("34 translated order", translated),
    ("35 narrative", narrative),
    ("36 noise cover", structure::noise_cover),
];
