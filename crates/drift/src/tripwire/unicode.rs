//! Rules over code points: what a person cannot see, or sees in another order.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use unicode_security::RestrictionLevel;

use super::Report;

/// Runs every code point rule over `text`.
pub(super) fn scan(text: &str, report: &mut Report<'_>) {
    if !text.bytes().any(|b| !matches!(b, b'\t' | b'\n' | b' '..=b'~')) {
        return;
    }
    let mut walk = Walk { text, report, before: None, bidi: Bidi::default(), flags: 0 };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = walk.step(c, rest);
        rest = rest.get(taken..).unwrap_or_default();
    }
    walk.close_paragraph();
}

/// Code points that show nothing at all and so carry what nobody reads.
pub(crate) fn is_invisible(c: char) -> bool {
    !c.is_ascii()
        && (is_joiner(c)
            || is_zero_width(c)
            || is_selector(c)
            || is_filler(c)
            || is_bidi(c)
            || is_tag(c)
            || is_mark_of_direction(c))
}

/// Private-use code points and noncharacters.
pub(super) fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..='\u{10ffff}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// Whether `name` mixes scripts beyond the moderately restrictive level of UTS #39.
pub(super) fn mixes_scripts(name: &str) -> bool {
    use unicode_security::RestrictionLevelDetection;
    name.split(|c: char| !c.is_alphanumeric() && !is_invisible(c))
        .any(|word| !word.check_restriction_level(RestrictionLevel::ModeratelyRestrictive))
}

struct Walk<'t, 'r, 'h> {
    text: &'t str,
    report: &'r mut Report<'h>,
    before: Option<char>,
    bidi: Bidi,
    /// Emoji flags of regions outside the recommended set; each could carry five letters.
    flags: usize,
}

/// Open embeddings and isolates of one paragraph.
#[derive(Default)]
struct Bidi {
    open: Vec<(char, usize)>,
    first: Option<usize>,
    unbalanced: bool,
    /// Something forces a direction that its content may not have.
    forced: bool,
    right_to_left: bool,
}

impl Walk<'_, '_, '_> {
    /// Judges what begins with `c` at the start of `rest`; gives how many bytes it took.
    fn step(&mut self, c: char, rest: &str) -> usize {
        let at = self.text.len() - rest.len();
        let taken = match c {
            '\n' | '\u{2029}' => {
                self.close_paragraph();
                c.len_utf8()
            }
            '\t' | ' '..='~' => 1,
            '\r' => {
                if !rest.starts_with("\r\n") {
                    self.report.hit("control.cr", at..at + 1);
                }
                1
            }
            '\u{8}' => {
                self.report.hit("control.cr", at..at + 1);
                1
            }
            _ if c.is_control() => {
                self.report.hit("control.ansi", at..at + c.len_utf8());
                c.len_utf8()
            }
            _ if is_bidi(c) => self.bidi(c, at),
            _ if is_tag(c) => self.tags(rest, at),
            _ if is_selector(c) => self.run(rest, at, is_selector, "invisible.variation", |walk| {
                !takes_selector(walk.before, c)
            }),
            _ if is_joiner(c) => self.joiner(c, rest, at),
            _ if is_zero_width(c) => {
                self.run(rest, at, is_zero_width, "invisible.zero-width", |walk| {
                    !(at == 0 && c == '\u{feff}' || walk.breaks_word(c, rest))
                })
            }
            _ if is_mark_of_direction(c) => {
                self.run(rest, at, is_mark_of_direction, "invisible.zero-width", |_| false)
            }
            _ if is_filler(c) => self.filler(c, rest, at),
            _ if is_private(c) => self.private(rest, at),
            _ => {
                self.bidi.right_to_left |= is_right_to_left(c);
                c.len_utf8()
            }
        };
        self.before = rest.get(..taken).and_then(|taken| taken.chars().next_back()).or(self.before);
        taken
    }

    /// A run of characters of one class: two or more are a hit, one is where `alone` says so.
    fn run(
        &mut self,
        rest: &str,
        at: usize,
        class: fn(char) -> bool,
        rule: &'static str,
        alone: impl Fn(&Self) -> bool,
    ) -> usize {
        let (count, taken) = run_of(rest, class);
        if count > 1 || alone(self) {
            self.report.hit(rule, at..at + taken);
        }
        taken
    }

    fn joiner(&mut self, c: char, rest: &str, at: usize) -> usize {
        let next = rest.chars().nth(1);
        let fits = c == ZWJ && joins_emoji(self.before, next) || joins_letters(self.before, next);
        self.run(rest, at, is_joiner, "invisible.zero-width", |_| !fits)
    }

    /// A zero-width space marks where a line may break in scripts written without spaces.
    fn breaks_word(&self, c: char, rest: &str) -> bool {
        let unspaced = |c: Option<char>| {
            c.is_some_and(|c| {
                matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
            })
        };
        c == '\u{200b}' && (unspaced(self.before) || unspaced(rest.chars().nth(1)))
    }

    fn tags(&mut self, rest: &str, at: usize) -> usize {
        let (_, taken) = run_of(rest, is_tag);
        let run = rest.get(..taken).unwrap_or_default();
        let region: String = run.chars().filter_map(tag_letter).collect();
        let flag = self.before == Some('\u{1f3f4}')
            && run.ends_with('\u{e007f}')
            && region.len() + 1 == run.chars().count()
            && (3..=5).contains(&region.len())
            && region.bytes().take(2).all(|b| b.is_ascii_lowercase());
        self.flags += usize::from(!matches!(region.as_str(), "gbeng" | "gbsct" | "gbwls"));
        if !flag || self.flags > FLAGS_MAX {
            self.report.hit("invisible.tag", at..at + taken);
        }
        taken
    }

    fn filler(&mut self, c: char, rest: &str, at: usize) -> usize {
        if c == BRAILLE_BLANK {
            let (count, taken) = run_of(rest, |c| c == BRAILLE_BLANK);
            let after = rest.get(taken..).and_then(|rest| rest.chars().next());
            if count > 2 && !is_braille(self.before) && !is_braille(after) {
                self.report.hit("invisible.filler", at..at + taken);
            }
            return taken;
        }
        let next = rest.chars().nth(1);
        let fits = match c {
            '\u{115f}' => matches!(next, Some('\u{1160}'..='\u{11a7}')),
            '\u{1160}' => matches!(self.before, Some('\u{1100}'..='\u{115f}')),
            _ => false,
        };
        if !fits {
            self.report.hit("invisible.filler", at..at + c.len_utf8());
        }
        c.len_utf8()
    }

    fn private(&mut self, rest: &str, at: usize) -> usize {
        let (count, taken) = run_of(rest, is_private);
        let rule = if count > 2 { "private-use" } else { "private-use.single" };
        self.report.hit(rule, at..at + taken);
        taken
    }

    fn bidi(&mut self, c: char, at: usize) -> usize {
        let taken = c.len_utf8();
        let state = &mut self.bidi;
        state.first.get_or_insert(at);
        match c {
            '\u{202d}' | '\u{202e}' => {
                self.report.hit("bidi.override", at..at + taken);
                state.open.push((PDF, at));
            }
            '\u{202a}' | '\u{202b}' => {
                state.forced |= c == '\u{202b}';
                state.open.push((PDF, at));
            }
            '\u{2066}'..='\u{2068}' => {
                state.forced |= c == '\u{2067}';
                state.open.push((PDI, at));
            }
            _ => {
                let closes = state.open.pop();
                state.unbalanced |= closes.is_none_or(|(closing, _)| closing != c);
            }
        }
        if state.open.len() > BIDI_DEPTH_MAX {
            state.unbalanced = true;
            state.open.clear();
        }
        taken
    }

    /// Directional formatting ends with the paragraph (UAX #9, P1).
    fn close_paragraph(&mut self) {
        let state = std::mem::take(&mut self.bidi);
        let open = state.open.first().map(|(_, at)| *at);
        let misleads = state.unbalanced || open.is_some() || state.forced && !state.right_to_left;
        if let Some(at) = open.or(state.first).filter(|_| misleads) {
            self.report.hit("bidi.override", at..at + '\u{202a}'.len_utf8());
        }
    }
}

/// How many characters of `class` begin `rest`, and their bytes.
fn run_of(rest: &str, class: impl Fn(char) -> bool) -> (usize, usize) {
    let run: Range<usize> = 0..rest.find(|c| !class(c)).unwrap_or(rest.len());
    (rest.get(run.clone()).map_or(0, |run| run.chars().count()), run.end)
}

/// Whether a single selector after `base` chooses a form of it.
fn takes_selector(base: Option<char>, selector: char) -> bool {
    let Some(base) = base else { return false };
    let is = |class: &Class| belongs(class, base);
    match selector {
        '\u{fe0e}' | '\u{fe0f}' => is(&EMOJI),
        '\u{fe00}'..='\u{fe0d}' => !base.is_ascii() && (base.is_alphanumeric() || is(&SYMBOL)),
        _ => is(&IDEOGRAPH),
    }
}

/// UTS #51: a joiner between two pictographs, the first perhaps with a selector or a skin tone.
fn joins_emoji(before: Option<char>, next: Option<char>) -> bool {
    let pictograph = |c: char| belongs(&PICTOGRAPH, c);
    let first = before
        .is_some_and(|c| matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') || pictograph(c));
    first && next.is_some_and(pictograph)
}

/// UAX #31, contexts A and B, by script: cursive scripts take a joiner between two letters, Indic
/// scripts after or before a virama.
fn joins_letters(before: Option<char>, next: Option<char>) -> bool {
    let cursive = |c: Option<char>| c.is_some_and(|c| belongs(&CURSIVE, c) && !c.is_numeric());
    let virama = |c: Option<char>| c.is_some_and(|c| belongs(&VIRAMA, c));
    cursive(before) && cursive(next) || virama(before) || virama(next)
}

/// A class of characters, written as a regular expression of one character.
type Class = LazyLock<Option<Regex>>;

fn class(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

fn belongs(class: &Class, c: char) -> bool {
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}

fn tag_letter(c: char) -> Option<char> {
    let letter = char::from_u32((c as u32).checked_sub(0xe0000)?)?;
    (letter.is_ascii_lowercase() || letter.is_ascii_digit()).then_some(letter)
}

const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | ZWJ)
}

const fn is_zero_width(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'
            | '\u{34f}'
            | '\u{180e}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
    )
}

/// Single ones are everyday typography in their scripts, or hyphenation.
const fn is_mark_of_direction(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
}

const fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}')
}

const fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | BRAILLE_BLANK)
}

const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn is_braille(c: Option<char>) -> bool {
    matches!(c, Some('\u{2801}'..='\u{28ff}'))
}

const ZWJ: char = '\u{200d}';
const PDF: char = '\u{202c}';
const PDI: char = '\u{2069}';
const BRAILLE_BLANK: char = '\u{2800}';
/// UAX #9 allows 125; no text of a surface nests even four.
const BIDI_DEPTH_MAX: usize = 16;
/// More flags of unlisted regions than this in one text spell something.
const FLAGS_MAX: usize = 3;

static EMOJI: Class = LazyLock::new(|| class(r"\p{Emoji}"));
static PICTOGRAPH: Class = LazyLock::new(|| class(r"\p{Extended_Pictographic}"));
static SYMBOL: Class = LazyLock::new(|| class(r"[\p{S}\p{P}]"));
static IDEOGRAPH: Class = LazyLock::new(|| class(r"\p{Han}"));
static CURSIVE: Class = LazyLock::new(|| {
    class(r"[\p{scx=Arab}\p{scx=Syrc}\p{scx=Mong}\p{scx=Nkoo}\p{scx=Mand}\p{scx=Adlm}\p{scx=Rohg}]")
});
/// Marks that join consonants (`Canonical_Combining_Class` 9) of scripts in use.
static VIRAMA: Class = LazyLock::new(|| {
    class(concat!(
        r"[\u{94D}\u{9CD}\u{A4D}\u{ACD}\u{B4D}\u{BCD}\u{C4D}\u{CCD}\u{D3B}\u{D3C}\u{D4D}\u{DCA}",
        r"\u{E3A}\u{F84}\u{1039}\u{103A}\u{1714}\u{1734}\u{17D2}\u{1A60}\u{1B44}\u{1BAA}\u{1BAB}",
        r"\u{A806}\u{A8C4}\u{A953}\u{A9C0}\u{AAF6}\u{ABED}\u{11046}\u{1107F}\u{110B9}\u{11133}]"
    ))
});
