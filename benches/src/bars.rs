//! The bars that the project holds itself to, and whether this run cleared them.

use crate::table::{Cell, Table};

/// Bars in the order they were measured.
#[derive(Debug, Default)]
pub(crate) struct Bars(Vec<Bar>);

#[derive(Debug)]
struct Bar {
    what: String,
    limit: f64,
    unit: &'static str,
    at_least: bool,
    measured: f64,
}

impl Bars {
    /// `measured` should be `limit` at most.
    pub(crate) fn at_most(
        &mut self,
        what: impl Into<String>,
        measured: f64,
        limit: f64,
        unit: &'static str,
    ) {
        self.0.push(Bar { what: what.into(), limit, unit, at_least: false, measured });
    }

    /// `measured` should be `limit` at least.
    pub(crate) fn at_least(
        &mut self,
        what: impl Into<String>,
        measured: f64,
        limit: f64,
        unit: &'static str,
    ) {
        self.0.push(Bar { what: what.into(), limit, unit, at_least: true, measured });
    }

    /// As a table.
    pub(crate) fn table(self) -> Table {
        let mut table = Table::new("Bars", &["what", "bar", "measured", "cleared"]);
        for Bar { what, limit, unit, at_least, measured } in self.0 {
            let cleared = if at_least { measured >= limit } else { measured <= limit };
            let sign = if at_least { "≥" } else { "≤" };
            table.row(
                what,
                [
                    Cell::Text(format!("{sign} {limit} {unit}")),
                    Cell::from(measured),
                    Cell::Text(if cleared { "yes" } else { "no" }.to_owned()),
                ],
            );
        }
        table
    }
}
