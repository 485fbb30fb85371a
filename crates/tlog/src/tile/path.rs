//! The path of a tile (tlog-tiles, "Parameters"): its index in groups of three digits.

use std::fmt;
use std::str::FromStr;

use super::{FULL, LEVELS_MAX, Tile};

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (position, group) in groups.iter().enumerate().rev() {
            let (mark, end) = if position > 0 { ("x", "/") } else { ("", "") };
            write!(f, "{mark}{group:03}{end}")?;
        }
        if self.width < FULL { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = NotATile;

    fn from_str(path: &str) -> Result<Self, NotATile> {
        let tile = parse(path).ok_or(NotATile)?;
        // One path for each tile: no leading zeros, signs or empty groups.
        if tile.to_string() == path { Ok(tile) } else { Err(NotATile) }
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let level = if level == "entries" { None } else { Some(level.parse::<u8>().ok()?) };
    if level.is_some_and(|level| level >= LEVELS_MAX) {
        return None;
    }
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|w| (1..FULL).contains(w))?),
        None => (rest, FULL),
    };
    let mut value = 0_u64;
    for group in index.split('/') {
        let group = group.strip_prefix('x').unwrap_or(group).parse::<u16>().ok()?;
        value = value.checked_mul(1000)?.checked_add(group.into())?;
    }
    Some(Tile { level, index: value, width })
}

/// A path that names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile, such as `tile/0/x001/234.p/5`")]
pub struct NotATile;
