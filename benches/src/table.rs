//! What a bench prints: tables as text, Markdown or JSON. The one module that writes to stdout.

use std::io::Write as _;

use serde::Serialize;

use crate::args::Format;
use crate::machine::Machine;

/// Everything one run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The shape of this object.
    pub(crate) schema: &'static str,
    /// How it was made.
    pub(crate) command: String,
    /// When, in UTC.
    pub(crate) time: jiff::Timestamp,
    /// Where.
    pub(crate) machine: Machine,
    /// What was not measured, and why.
    pub(crate) missing: Vec<String>,
    /// The figures.
    pub(crate) tables: Vec<Table>,
}

/// One table; the first column names the row.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Text(String),
    Number(f64),
    /// There is nothing to say here.
    Empty,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        let command: Vec<String> = std::env::args().skip(1).collect();
        Self {
            schema: "countersign.bench/1",
            command: format!("bench {}", command.join(" ")),
            time: jiff::Timestamp::now(),
            machine,
            missing: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Prints to stdout.
    pub(crate) fn print(&self, format: Format) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if format == Format::Json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return writeln!(out);
        }
        writeln!(out, "`{}`, {:.0}; {}\n", self.command, self.time, self.machine)?;
        for missing in &self.missing {
            writeln!(out, "Not measured: {missing}\n")?;
        }
        for table in &self.tables {
            let lines = if format == Format::Text { table.text() } else { table.markdown() };
            writeln!(out, "{lines}")?;
        }
        Ok(())
    }
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = Cell>) {
        let name = Cell::Text(name.into());
        self.rows.push(std::iter::once(name).chain(cells).collect());
    }

    fn text(&self) -> String {
        let rows = self.printed();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let mut text = format!("\n{}\n", self.title);
        for row in &rows {
            for (column, cell) in row.iter().enumerate() {
                let width = width(column).unwrap_or_default();
                let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (left, right) = if column == 0 { ("", &*fill) } else { (&*fill, "") };
                text.extend(["  ", left, cell, right]);
            }
            text.push('\n');
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", self.title);
        for (index, row) in self.printed().iter().enumerate() {
            text.extend(["| ", &row.join(" | "), " |\n"]);
            if index == 0 {
                text.extend(["|---", &"|--:".repeat(row.len().saturating_sub(1)), "|\n"]);
            }
        }
        text
    }

    fn printed(&self) -> Vec<Vec<String>> {
        let head = self.columns.iter().map(ToString::to_string).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::printed).collect());
        std::iter::once(head).chain(rows).collect()
    }
}

impl Cell {
    fn printed(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Empty => String::new(),
            Self::Number(value) if value.abs() >= 100.0 => format!("{value:.0}"),
            Self::Number(value) if value.abs() >= 10.0 => format!("{value:.1}"),
            Self::Number(value) => format!("{value:.2}"),
        }
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Empty }
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::from)
    }
}

/// One line of progress or trouble, to stderr.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
