//! Where signals may go: a playbook's author, or a channel's address that was mistyped, must not
//! reach what only the inside of a network or of a machine may reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses may be reached.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    /// Public addresses, and these networks.
    pub const fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether an address may be reached.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.allow.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

/// An IPv4 address that is written as an IPv6 one, as IPv4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

/// Whether an address belongs to the public internet (RFC 6890 and the registries that it began).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_four(four),
        IpAddr::V6(six) => is_public_six(six),
    }
}

fn is_public_four(address: Ipv4Addr) -> bool {
    let [one, two, three, _] = address.octets();
    let special = address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        // This network, shared by carriers, protocol assignments, benchmarks, reserved.
        || one == 0
        || (one == 100 && (64..128).contains(&two))
        || (one == 192 && two == 0 && three == 0)
        || (one == 198 && (18..20).contains(&two))
        || one >= 240;
    !special
}

fn is_public_six(address: Ipv6Addr) -> bool {
    let [one, two, ..] = address.segments();
    // What is not handed out yet is not public; of what is, documentation, and the ways in which an
    // IPv4 address is hidden in an IPv6 one (Teredo, 6to4).
    let global = (one & 0xe000) == 0x2000;
    let hides = (one == 0x2001 && two == 0) || one == 0x2002;
    let documentation = (one == 0x2001 && two == 0x0db8) || (one == 0x3fff && two < 0x1000);
    let protocol = one == 0x2001 && two < 0x0200 && !hides;
    global && !hides && !documentation && !protocol
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these is a way into something that trusts whoever can reach it.
    #[test]
    fn only_public_addresses_and_allowed_networks_may_be_reached() {
        let nowhere = Guard::default();
        for inside in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fd00:ec2::254",
        ] {
            let address = inside.parse().expect(inside);
            assert!(!nowhere.admits(address), "{inside}");
        }
        for outside in ["1.1.1.1", "223.5.5.5", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(nowhere.admits(outside.parse().expect(outside)), "{outside}");
        }
        let ten = Guard::new(vec!["10.1.0.0/16".parse().expect("a network")]);
        assert!(ten.admits("10.1.2.3".parse().expect("an address")));
        assert!(ten.admits("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(!ten.admits("10.2.0.1".parse().expect("an address")));
    }
}
