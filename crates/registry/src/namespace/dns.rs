//! The TXT records of a domain, from the resolvers that the operator chose.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError as DnsNetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData};

use super::error::NamespaceError;
use crate::limits;

/// Asks for TXT records, without a cache: a proof is of now.
pub struct Resolver {
    resolver: TokioResolver,
}

impl Resolver {
    /// A resolver that asks `servers` in their order, or the system's if there is none.
    ///
    /// # Errors
    /// Nobody to ask.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, NamespaceError> {
        let servers = if servers.is_empty() { system() } else { servers.to_vec() };
        let servers: Vec<_> = servers.into_iter().map(server).collect();
        let config = ResolverConfig::from_name_servers(servers);
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        let options = builder.options_mut();
        options.cache_size = 0;
        options.attempts = 1;
        options.timeout = limits::DNS_TIME_MAX;
        options.edns0 = true;
        options.case_randomization = true;
        let resolver = builder.build().map_err(|error| unresolved("", &error))?;
        Ok(Self { resolver })
    }

    /// The TXT records of a domain, the strings of each joined.
    ///
    /// # Errors
    /// Nobody who says what there is; a domain without records is no error.
    pub async fn texts(&self, domain: &str) -> Result<Vec<String>, NamespaceError> {
        let name = Name::from_ascii(format!("{domain}."))
            .map_err(|_| NamespaceError::Domain { why: "it is no domain name" })?;
        let found = match self.resolver.txt_lookup(name).await {
            Ok(found) => found,
            Err(error) if is_empty(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unresolved(domain, &error)),
        };
        let text = |data: &RData| match data {
            RData::TXT(text) => {
                let joined: Vec<u8> = text.txt_data.iter().flatten().copied().collect();
                String::from_utf8(joined).ok()
            }
            _ => None,
        };
        Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect())
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.into_iter().map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.collect())
}

/// The resolvers of the system.
fn system() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let addresses = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let addresses = addresses.filter_map(|address| address.trim().parse::<IpAddr>().ok());
    addresses.map(|ip| SocketAddr::new(ip, 53)).collect()
}

/// Whether the answer is that there is nothing. A failure of a server is no such answer.
fn is_empty(error: &DnsNetError) -> bool {
    match error {
        DnsNetError::Dns(DnsError::NoRecordsFound(found)) => {
            matches!(found.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        }
        _ => false,
    }
}

fn unresolved(domain: &str, error: &DnsNetError) -> NamespaceError {
    NamespaceError::Unresolved { domain: domain.to_owned(), why: error.to_string() }
}
