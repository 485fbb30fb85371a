//! Which addresses nobody outside may make us dial.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why `address` is not dialled; `None` where it is an ordinary address of the internet. Addresses
/// that carry another one (IPv4-mapped, NAT64, 6to4, Teredo) are judged by what they carry.
pub fn denied(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => denied_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(inner) => denied_v4(inner),
            None => denied_v6(address),
        },
    }
}

/// Whether `address` is one of this machine's: the kernel answers from the address that it would
/// send from, and no packet leaves for that.
pub(super) async fn is_own(address: IpAddr) -> bool {
    let any: SocketAddr = match address {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let Ok(socket) = tokio::net::UdpSocket::bind(any).await else { return false };
    if socket.connect((address, DISCARD)).await.is_err() {
        return false;
    }
    socket.local_addr().is_ok_and(|local| local.ip() == address)
}

/// The IPv4 address that an IPv6 address stands for.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match segments {
        // IPv4-mapped (RFC 4291), IPv4-translated (RFC 2765), NAT64 with the well-known prefix
        // (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        // IPv4-compatible; `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(v4(high, low)),
        // Teredo (RFC 4380): the client's address, with every bit turned.
        [0x2001, 0, .., high, low] => Some(v4(!high, !low)),
        _ => None,
    }
}

fn denied_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => "unspecified",
        (127, ..) => "loopback",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "private",
        // The metadata service of clouds is here.
        (169, 254, _) => "link-local",
        (100, 64..=127, _) => "shared",
        (192, 0, 0) | (192, 88, 99) => "special-purpose",
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => "documentation",
        (198, 18..=19, _) => "benchmarking",
        (224..=239, ..) => "multicast",
        (240.., ..) => "reserved",
        // What a cloud reaches beside its link-local range (Azure's wire server).
        (168, 63, 129) => "cloud metadata",
        _ => return None,
    })
}

fn denied_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [a, b, ..] = address.segments();
    Some(match (a, b) {
        _ if address.is_unspecified() => "unspecified",
        _ if address.is_loopback() => "loopback",
        (0xfc00..=0xfdff, _) => "private",
        (0xfe80..=0xfebf, _) => "link-local",
        (0xfec0..=0xfeff, _) => "site-local",
        (0xff00.., _) => "multicast",
        // NAT64 with a local prefix (RFC 8215): what is behind it is not known.
        (0x64, 0xff9b) => "translated",
        (0x2001, 0xdb8) | (0x3fff, 0..=0xfff) => "documentation",
        (0x2001, 0..=0x1ff) => "special-purpose",
        (0x2000..=0x3fff, _) => return None,
        // Only 2000::/3 is given out.
        _ => "reserved",
    })
}

/// A port for a socket that never sends.
const DISCARD: u16 = 9;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_way_to_write_an_inner_address_is_denied() {
        for (address, why) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.255", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("169.254.169.254", "link-local"),
            ("100.64.0.1", "shared"),
            ("100.127.255.255", "shared"),
            ("192.0.0.1", "special-purpose"),
            ("198.18.0.1", "benchmarking"),
            ("198.19.255.255", "benchmarking"),
            ("203.0.113.7", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("168.63.129.16", "cloud metadata"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "link-local"),
            ("::ffff:0:10.0.0.1", "private"),
            ("::127.0.0.1", "loopback"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b:1::1", "translated"),
            ("2002:7f00:1::", "loopback"),
            ("2002:a9fe:a9fe::1", "link-local"),
            // Teredo for 127.0.0.1: 0x7f000001 with its bits turned.
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "documentation"),
            ("2001:20::1", "special-purpose"),
            ("4000::1", "reserved"),
            ("100::1", "reserved"),
        ] {
            assert_eq!(denied(address.parse().unwrap()), Some(why), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_dialled() {
        for address in [
            "1.1.1.1",
            "126.255.255.255",
            "128.0.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "198.17.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert_eq!(denied(address.parse().unwrap()), None, "{address}");
        }
    }

    #[tokio::test]
    async fn this_machine_knows_its_own_addresses() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()).await);
        assert!(!is_own("1.1.1.1".parse().unwrap()).await);
    }
}
