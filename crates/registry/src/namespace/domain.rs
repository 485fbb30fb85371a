//! Domains, the namespaces they are in reverse, and what a proof grants.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::error::NamespaceError;

/// A part of the names that a proof grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The namespace, in lower case: `com.example`.
    pub namespace: String,
    /// Whether `com.example.x` is granted too.
    pub with_subdomains: bool,
    /// Whether another key or account proved it than the one first seen.
    #[serde(default)]
    pub is_rekeyed: bool,
}

impl Grant {
    /// What a domain grants.
    pub fn of_domain(domain: &str, with_subdomains: bool) -> Self {
        Self { namespace: reversed(domain), with_subdomains, is_rekeyed: false }
    }

    /// What an account of GitHub grants.
    pub fn of_github(account: &str) -> Self {
        let namespace = format!("{GITHUB}.{}", account.to_ascii_lowercase());
        Self { namespace, with_subdomains: false, is_rekeyed: false }
    }

    /// Whether the name of a server is granted. Names that differ in case alone are one name.
    pub fn covers(&self, name: &str) -> bool {
        let namespace = name.split('/').next().unwrap_or_default().to_ascii_lowercase();
        match namespace.strip_prefix(&self.namespace) {
            Some("") => true,
            // INVARIANT: `com.example` covers `com.example.x`, never `com.examplex`.
            Some(rest) => self.with_subdomains && rest.starts_with('.'),
            None => false,
        }
    }

    /// The pattern as people and statements write it.
    pub fn pattern(&self) -> String {
        format!("{}/*", self.namespace)
    }
}

/// A domain that can prove a namespace, in lower case.
///
/// # Errors
/// What is no domain, and what belongs to nobody in particular: single labels, addresses, public
/// suffixes; and GitHub's, for which GitHub speaks.
pub fn checked(domain: &str) -> Result<String, NamespaceError> {
    let refused = |why| Err(NamespaceError::Domain { why });
    let domain = domain.to_ascii_lowercase();
    let is_label = |label: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(is_label) {
        return refused("it is no domain name");
    }
    let last = domain.rsplit('.').next().unwrap_or_default();
    if domain.parse::<IpAddr>().is_ok() || last.bytes().all(|b| b.is_ascii_digit()) {
        return refused("it is an address");
    }
    if !domain.contains('.') {
        return refused("it is a single label");
    }
    // Where anybody registers names, nobody owns the level above.
    if psl::domain_str(&domain).is_none() {
        return refused("it is a public suffix");
    }
    let namespace = reversed(&domain);
    if is_github(&namespace) {
        return refused("`io.github` is proved by GitHub alone");
    }
    Ok(domain)
}

/// Whether a namespace is one for which GitHub alone speaks.
pub fn is_github(namespace: &str) -> bool {
    namespace.strip_prefix(GITHUB).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// `example.com` as `com.example`.
pub fn reversed(domain: &str) -> String {
    domain.rsplit('.').collect::<Vec<_>>().join(".")
}

const GITHUB: &str = "io.github";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_domain_that_belongs_to_nobody_in_particular_proves_nothing() {
        for domain in [
            "",
            "localhost",
            "127.0.0.1",
            "1.2.3.4.5",
            "[::1]",
            "com",
            "co.uk",
            "github.io",
            "GitHub.io",
            "alice.github.io",
            "vercel.app",
            "-a.com",
            "a..com",
            "a.com.",
            "a b.com",
            "exämple.com",
            "user@example.com",
        ] {
            assert_eq!(checked(domain).unwrap_err().code(), "namespace.domain", "{domain}");
        }
        let long = format!("{}.com", "a".repeat(64));
        assert!(checked(&long).is_err());
        for (domain, namespace) in [
            ("example.com", "com.example"),
            ("Example.CO.uk", "uk.co.example"),
            ("a.b.example.com", "com.example.b.a"),
            ("xn--exmple-cua.com", "com.xn--exmple-cua"),
            ("shop.vercel.app", "app.vercel.shop"),
        ] {
            assert_eq!(reversed(&checked(domain).unwrap()), namespace);
        }
    }

    #[test]
    fn a_grant_covers_its_namespace_and_only_by_dns_what_is_below() {
        let http = Grant::of_domain("example.com", false);
        let dns = Grant::of_domain("example.com", true);
        for name in ["com.example/a", "COM.Example/a"] {
            assert!(http.covers(name) && dns.covers(name), "{name}");
        }
        assert!(dns.covers("com.example.x/a") && !http.covers("com.example.x/a"));
        for name in ["com.examplex/a", "com/a", "org.example/a", "com.exampl/a", "", "/com.example"]
        {
            assert!(!dns.covers(name), "{name}");
        }
        let github = Grant::of_github("Octo-Org");
        assert!(github.covers("io.github.octo-org/a") && github.covers("io.github.Octo-Org/a"));
        assert!(!github.covers("io.github.octo-org.x/a") && !github.covers("io.github.octo/a"));
    }
}
