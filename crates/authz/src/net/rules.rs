//! What may be asked: which URLs, and which addresses behind them.

use std::net::SocketAddr;

use url::{Host, Url};

use super::address;

/// What may be asked.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Addresses that the operator vouches for, each with its port: they may be private, spoken to
    /// without TLS, and written as they are.
    pub exceptions: Vec<SocketAddr>,
    /// The ports of all others.
    pub ports: Vec<u16>,
    /// Whether every port of this machine is vouched for: for somebody's own machine.
    pub allows_loopback: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { exceptions: Vec::new(), ports: vec![443, 8443], allows_loopback: false }
    }
}

/// An address that may not be dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` leads to an address that is not dialled: {why}")]
pub struct Denied {
    /// The host, as it was named. The address is not told to whoever named it.
    pub host: String,
    /// What kind of address it is.
    pub why: &'static str,
}

impl Denied {
    /// Whether the address would do with TLS.
    pub fn is_plain(&self) -> bool {
        self.why == PLAIN
    }
}

const PLAIN: &str = "http, without TLS";

/// Where a URL leads, before its name is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) port: u16,
    pub(super) is_plain: bool,
}

/// Why a URL is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    Url(&'static str),
    Port(u16),
    Address(Denied),
}

impl Rules {
    pub(super) fn is_exception(&self, address: SocketAddr) -> bool {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        self.allows_loopback && address.ip().is_loopback() || self.exceptions.contains(&address)
    }

    /// Whether an address that `host` leads to may be dialled.
    pub(super) fn check(
        &self,
        host: &str,
        address: SocketAddr,
        is_plain: bool,
    ) -> Result<(), Denied> {
        if self.is_exception(address) {
            return Ok(());
        }
        let denied = |why| Err(Denied { host: host.to_owned(), why });
        match address::denied(address.ip()) {
            Some(why) => denied(why),
            None if is_plain => denied(PLAIN),
            None if !self.ports.contains(&address.port()) => denied("its port"),
            None => Ok(()),
        }
    }

    /// What can be said of a URL before its name is resolved.
    pub(super) fn way(&self, url: &Url) -> Result<Way, Refused> {
        let is_plain = match url.scheme() {
            "https" => false,
            // With an exception only: that is checked for each address.
            "http" if self.allows_loopback || !self.exceptions.is_empty() => true,
            _ => return Err(Refused::Url("it is not https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Url("it carries user information"));
        }
        let port = url.port_or_known_default().ok_or(Refused::Url("it has no port"))?;
        let literal = match url.host() {
            None => return Err(Refused::Url("it has no host")),
            Some(Host::Domain(name)) if is_domain(name) => None,
            Some(Host::Domain(_)) => return Err(Refused::Url("its host is no domain name")),
            Some(Host::Ipv4(ip)) => Some(SocketAddr::new(ip.into(), port)),
            Some(Host::Ipv6(ip)) => Some(SocketAddr::new(ip.into(), port)),
        };
        match literal {
            Some(address) if self.is_exception(address) => Ok(Way { port, is_plain }),
            Some(address) => {
                let why = address::denied(address.ip()).unwrap_or("an address, not a name");
                Err(Refused::Address(Denied {
                    host: url.host_str().unwrap_or_default().to_owned(),
                    why,
                }))
            }
            None if self.is_port(port) => Ok(Way { port, is_plain }),
            None => Err(Refused::Port(port)),
        }
    }

    fn is_port(&self, port: u16) -> bool {
        let is_vouched = self.exceptions.iter().any(|known| known.port() == port);
        // Which address is behind the name is checked where it is dialled.
        self.allows_loopback || is_vouched || self.ports.contains(&port)
    }
}

fn is_domain(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}
