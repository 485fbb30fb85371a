//! What a text of an entry may look like.

/// Both halves of a name by the schema's pattern.
pub(super) fn is_name(text: &str) -> bool {
    let Some((namespace, name)) = text.split_once('/') else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let halves = !namespace.is_empty() && !name.is_empty();
    halves && namespace.chars().all(plain) && name.chars().all(|c| plain(c) || c == '_')
}

/// Both halves begin and end with a letter or digit, and no label of the namespace is empty.
pub(super) fn has_clean_edges(name: &str) -> bool {
    let clean = |half: &str| {
        half.starts_with(|c: char| c.is_ascii_alphanumeric())
            && half.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    name.split_once('/').is_some_and(|(namespace, name)| {
        clean(namespace) && clean(name) && !namespace.contains("..") && !name.contains("..")
    })
}

/// Whether a text asks for more than one version: `^1.2`, `~1`, `>=1`, `1.x`, `1 - 2`, `1 || 2`.
pub fn is_range(version: &str) -> bool {
    let version = version.trim();
    version.starts_with(['^', '~', '>', '<', '='])
        || version.contains("||")
        || version.contains(" - ")
        || is_wildcard(version)
}

/// Two or three dotted parts, numbers and at least one wildcard, whatever pre-release follows.
fn is_wildcard(version: &str) -> bool {
    let core = version.split_once('-').map_or(version, |(core, _)| core);
    let core = core.strip_prefix('v').unwrap_or(core);
    let parts: Vec<&str> = core.split('.').collect();
    let is_star = |part: &&str| matches!(*part, "x" | "X" | "*");
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (version == "*" || (2..=3).contains(&parts.len()))
        && parts.iter().all(|part| is_star(part) || is_number(part))
        && parts.iter().any(is_star)
}

/// An absolute URI by the characters and the scheme of RFC 3986.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'));
    // Brackets hold the address of an authority and nothing else.
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    is_scheme
        && path.matches('#').count() <= 1
        && is_authority(authority)
        && only(path, b"-._~!$&'()*+,;=:@/?#")
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("", port),
            _ => return false,
        },
        None => host.find(':').map_or((host, ""), |at| host.split_at(at)),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    only(user, b"-._~!$&'()*+,;=:")
        && only(host, b"-._~!$&'()*+,;=")
        && port.bytes().all(|b| b.is_ascii_digit())
}

/// Letters, digits, `marks` and whole percent escapes.
fn only(text: &str, marks: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|b| b.is_ascii_hexdigit())),
            byte => byte.is_ascii_alphanumeric() || marks.contains(&byte),
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

/// The schema's pattern of a transport's URL: a scheme and no white space, as ECMAScript has it.
pub(super) fn is_transport_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(is_ecma_space))
}

fn is_ecma_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

/// The variables of a URL template: what stands in braces.
pub(super) fn variables(url: &str) -> Vec<&str> {
    let after_braces = url.split('{').skip(1);
    after_braces.filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
}

/// The URL of a template, something plain for each variable.
pub(super) fn filled(template: &str) -> Option<url::Url> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}')?;
        filled.push_str(before);
        // A variable in the place of a port stands for a number.
        let is_port = before.ends_with(':') && (after.is_empty() || after.starts_with('/'));
        filled.push_str(if is_port { "443" } else { "x" });
        rest = after;
    }
    filled.push_str(rest);
    url::Url::parse(&filled).ok().filter(url::Url::has_host)
}

/// Whether a host is the client's own machine.
pub(super) fn is_own_machine(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => true,
    }
}

/// `48x48` or `any`.
pub(super) fn is_icon_size(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text == "any" || text.split_once('x').is_some_and(|(w, h)| is_number(w) && is_number(h))
}

/// A relative path without empty, `.` or `..` segments.
pub(super) fn is_clean_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split('/').all(|segment| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(plain)
    })
}

/// An image with a digest, or with a tag that is not `latest`.
pub(super) fn is_exact_image(identifier: &str) -> bool {
    if let Some((name, digest)) = identifier.split_once('@') {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        return !name.is_empty() && is_sha256(hex);
    }
    let last = identifier.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_some_and(|(name, tag)| {
        !name.is_empty() && !tag.is_empty() && tag != "latest" && !tag.contains(':')
    })
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
