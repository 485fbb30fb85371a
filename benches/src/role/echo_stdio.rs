//! The echo server over stdin and stdout.

use std::io::{BufRead as _, Write as _};

use super::echo::Echo;
use crate::Outcome;

pub(super) fn serve() -> Outcome<()> {
    let echo = Echo::new();
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if let Some(mut answer) = echo.answer(&line) {
            answer.push(b'\n');
            output.write_all(&answer)?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}
