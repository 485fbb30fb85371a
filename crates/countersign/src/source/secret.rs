//! What must not be recorded or shown: values in commands and URLs that look like secrets.
//!
//! A value is withheld when its name says so, when it is an assignment to an environment variable,
//! or when it has the form of a token. Its place is taken by the name of the environment variable
//! that has to hold it when the command runs again.

use std::fmt::Write as _;

use http::Uri;

use crate::failure::Failure;
use crate::lock::entry::{Withheld, Word};

/// The words of a command as they may be recorded.
pub(super) fn words_recorded(words: &[String]) -> Vec<Word> {
    let variables: Vec<(String, String)> = std::env::vars().collect();
    words_recorded_among(words, &variables)
}

fn words_recorded_among(words: &[String], variables: &[(String, String)]) -> Vec<Word> {
    let mut recorded = Vec::with_capacity(words.len());
    let mut flag: Option<&str> = None;
    for (index, word) in words.iter().enumerate() {
        let Some((before, value, name)) = secret_in(word, flag, index) else {
            recorded.push(Word::Plain(word.clone()));
            flag = word.starts_with('-').then_some(word.as_str());
            continue;
        };
        let same = |(name, held): &&(String, String)| held == value && is_secret_name(name);
        let env = variables.iter().find(same).map_or(name, |(name, _)| name.clone());
        recorded.push(Word::Withheld(Withheld { before: before.to_owned(), env }));
        flag = None;
    }
    recorded
}

/// What precedes the secret in `word`, the secret, and a name for it.
fn secret_in<'w>(
    word: &'w str,
    flag: Option<&str>,
    index: usize,
) -> Option<(&'w str, &'w str, String)> {
    let (before, value) = match word.split_once('=').filter(|_| word.starts_with('-')) {
        Some((name, value)) => (word.get(..=name.len()).unwrap_or_default(), value),
        None => ("", word),
    };
    let flag = if before.is_empty() { flag } else { Some(before.trim_end_matches('=')) };
    if before.is_empty() && word.starts_with('-') {
        return None;
    }
    if value.contains(char::is_whitespace) && !flag.is_some_and(is_header_flag) {
        let holds = holds_secret(value) || flag.is_some_and(is_secret_name);
        return holds.then(|| (before, value, format!("SECRET_{index}")));
    }
    if let Some((name, assigned)) = value.split_once('=').filter(|(name, _)| is_variable(name)) {
        return cut(word, assigned).map(|(before, value)| (before, value, name.to_owned()));
    }
    if flag.is_some_and(is_header_flag) {
        let (name, content) = value.split_once(':').unwrap_or(("header", value));
        return cut(word, content.trim_start())
            .map(|(before, value)| (before, value, variable_name(name)));
    }
    if let Some(flag) = flag.filter(|flag| is_secret_name(flag)) {
        return Some((before, value, variable_name(flag)));
    }
    is_secret_value(value).then(|| (before, value, format!("SECRET_{index}")))
}

/// Whether a script or another text of several words holds a secret: then all of it is withheld.
fn holds_secret(text: &str) -> bool {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ';'));
    let mut flag = None;
    words.filter(|word| !word.is_empty()).any(|word| {
        let value = word.split_once('=').map_or(word, |(_, value)| value);
        let named = word.split_once('=').is_some_and(|(name, _)| is_secret_name(name));
        let follows = flag.is_some_and(is_secret_name) && !word.starts_with('-');
        flag = word.starts_with('-').then_some(word);
        named || follows || is_secret_value(value)
    })
}

fn is_header_flag(flag: &str) -> bool {
    matches!(flag, "-H" | "--header" | "--headers")
}

/// `word` before its end `value`, and that end.
fn cut<'w>(word: &'w str, value: &str) -> Option<(&'w str, &'w str)> {
    word.split_at_checked(word.len().checked_sub(value.len())?)
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Whether one of the words of `name` says that its value is secret, and the last does not say
/// that it is only about one.
fn is_secret_name(name: &str) -> bool {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let is_start = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if is_start {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase();
    }
    let is_about = words.last().is_some_and(|word| ABOUT_WORDS.contains(&word.as_str()));
    !is_about && words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
}

fn is_secret_value(value: &str) -> bool {
    let has_user = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        authority.contains('@')
    });
    let query = value.split_once('?').filter(|_| super::is_url(value)).map(|(_, query)| query);
    let mut parameters = query.unwrap_or_default().split('&').filter_map(|p| p.split_once('='));
    has_user
        || TOKEN_STARTS
            .iter()
            .any(|start| value.starts_with(start) && value.len() > start.len() + 8)
        || parameters.any(|(name, value)| is_secret_name(name) || is_random(value))
        || is_random(value)
}

/// Whether a text is long, and mixed as no word or path is.
fn is_random(text: &str) -> bool {
    let all = |test: fn(char) -> bool| text.chars().all(test);
    let any = |test: fn(char) -> bool| text.chars().any(test);
    let is_hex = text.len() >= 32 && all(|c| c.is_ascii_hexdigit()) && any(|c| c.is_ascii_digit());
    let is_mixed = text.len() >= 24
        && all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '='))
        && any(|c| c.is_ascii_digit())
        && any(|c| c.is_ascii_uppercase())
        && any(|c| c.is_ascii_lowercase());
    is_hex || is_mixed
}

fn variable_name(name: &str) -> String {
    let name: String = name
        .trim_start_matches('-')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { "SECRET".to_owned() }
}

/// A URL as it may be recorded: without user information, and with the names of environment
/// variables in braces for secret values of its query.
pub(super) fn url_recorded(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("https");
    let authority = url.authority().map_or("", http::uri::Authority::as_str);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let mut recorded = format!("{scheme}://{host}{}", url.path());
    for (index, parameter) in url.query().into_iter().flat_map(|q| q.split('&')).enumerate() {
        recorded.push(if index == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, value)) if is_secret_name(name) || is_secret_value(value) => {
                let _ = write!(recorded, "{name}={{{}}}", variable_name(name));
            }
            _ => recorded.push_str(parameter),
        }
    }
    recorded
}

/// A recorded URL with the secrets of the environment.
///
/// # Errors
/// A variable that is not set.
pub(super) fn url_revealed(recorded: &str) -> Result<String, Failure> {
    let mut url = String::new();
    let mut rest = recorded;
    while let Some((before, after)) = rest.split_once("={") {
        let Some((name, after)) = after.split_once('}') else { break };
        url.push_str(before);
        url.push('=');
        url.push_str(&variable(name)?);
        rest = after;
    }
    url.push_str(rest);
    Ok(url)
}

/// The words of a recorded command with the secrets of the environment.
///
/// # Errors
/// A variable that is not set.
pub(super) fn words_revealed(words: &[Word]) -> Result<Vec<String>, Failure> {
    let reveal = |word: &Word| match word {
        Word::Plain(text) => Ok(text.clone()),
        Word::Withheld(withheld) => Ok(format!("{}{}", withheld.before, variable(&withheld.env)?)),
    };
    words.iter().map(reveal).collect()
}

/// The value of an environment variable that a secret is in.
///
/// # Errors
/// A variable that is not set.
pub(super) fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| {
        Failure::new(format!("the environment variable `{name}` is not set"))
            .hint(format!("secrets are not recorded: set `{name}`, or give the server again"))
    })
}

/// The bytes that a percent-encoded text stands for.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let decoded = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(b'%'));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

const SECRET_WORDS: &[&str] = &[
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "pat",
    "pwd",
    "secret",
    "secrets",
    "session",
    "sig",
    "signature",
    "token",
];

/// How names end that only say where a secret is, or of what kind.
const ABOUT_WORDS: &[&str] = &[
    "dir", "env", "file", "id", "length", "method", "mode", "path", "timeout", "ttl", "type", "url",
];

/// How tokens of well-known services begin.
const TOKEN_STARTS: &[&str] = &[
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "eyJ",
    "npm_",
    "pypi-",
    "hf_",
    "Bearer ",
    "Basic ",
    "secret_",
    "ntn_",
    "lin_api_",
    "figd_",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let variables = [("GITHUB_TOKEN".to_owned(), "held-by-the-shell".to_owned())];
        let words = words_recorded_among(&words, &variables);
        super::super::words_shown(&words)
    }

    #[test]
    fn no_secret_of_a_command_is_recorded() {
        let secret = "Zx81mQpL0vT3bNw7";
        let cases: &[(&[&str], &str)] = &[
            (&["s", "--token", secret], "s --token <TOKEN>"),
            (&["s", "--apiKey=Zx81mQpL0vT3bNw7"], "s --apiKey=<APIKEY>"),
            (&["env", "API_KEY=Zx81mQpL0vT3bNw7", "s"], "env API_KEY=<API_KEY> s"),
            (&["docker", "run", "-e", "PASS=Zx81mQpL0vT3bNw7", "i"], "docker run -e PASS=<PASS> i"),
            (&["docker", "run", "--env=PASS=Zx81mQpL0vT3bNw7"], "docker run --env=PASS=<PASS>"),
            (&["s", "-H", "X-Auth: Zx81mQpL0vT3bNw7"], "s -H X-Auth: <X_AUTH>"),
            (&["s", "postgres://u:Zx81mQpL0vT3bNw7@db/x"], "s <SECRET_1>"),
            (&["s", "https://h/mcp?api_key=Zx81mQpL0vT3bNw7"], "s <SECRET_1>"),
            (&["s", "ghp_Zx81mQpL0vT3bNw7"], "s <SECRET_1>"),
            (&["s", "--pat", "held-by-the-shell"], "s --pat <GITHUB_TOKEN>"),
            (&["sh", "-c", "API_KEY=Zx81mQpL0vT3bNw7 serve"], "sh -c <SECRET_2>"),
            (&["sh", "-c", "serve --token 'Zx81mQpL0vT3bNw7'"], "sh -c <SECRET_2>"),
            (&["s", "--db=postgres://u:Zx81mQpL0vT3bNw7@db/x"], "s --db=<SECRET_1>"),
        ];
        for (words, expected) in cases {
            let shown = recorded(words);
            assert_eq!(&shown, expected);
            assert!(!shown.contains(secret));
        }
    }

    #[test]
    fn what_is_no_secret_is_recorded_as_it_is() {
        let words = [
            "npx",
            "-y",
            "@modelcontextprotocol/server-filesystem@2026.8.31",
            "/home/me/project",
            "--port=3000",
            "--keyboard",
            "de",
            "https://mcp.example.com/mcp?lang=de",
            "--key-file",
            "/etc/key.pem",
            "cd tools && exec serve --mode=fast",
        ];
        assert_eq!(recorded(&words), words.join(" "));
    }

    #[test]
    fn a_url_loses_its_user_and_the_secrets_of_its_query() {
        let url: Uri = "https://u:p@h.example/mcp?lang=de&api_key=abc".parse().unwrap();
        assert_eq!(url_recorded(&url), "https://h.example/mcp?lang=de&api_key={API_KEY}");
        assert_eq!(url_revealed("https://h/mcp?lang=de").unwrap(), "https://h/mcp?lang=de");
        assert!(url_revealed("https://h/?k={NOT_SET_ANYWHERE}").is_err());
        assert_eq!(percent_decoded("a%40b%"), b"a@b%");
    }
}
