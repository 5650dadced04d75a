//! The address of the client: that of the connection, or what a proxy that is trusted says.
//!
//! Not for access: an address proves nothing. Invariant: what a client writes into a header itself counts only behind a proxy.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, request::Parts},
};

use super::state::AppState;

/// Who a connection comes from; an extension of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// A range of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    bits: u8,
}

impl std::str::FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no address and no range such as 10.0.0.0/8");
        let (network, bits) = text.split_once('/').map_or((text, None), |(network, bits)| (network, Some(bits)));
        let network: IpAddr = network.trim().parse().map_err(|_| wrong())?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > longest { Err(wrong()) } else { Ok(Self { network, bits }) }
    }
}

impl AddressRange {
    fn contains(self, address: IpAddr) -> bool {
        let shared = |one: u128, other: u128, longest: u8| {
            one.checked_shr(u32::from(longest - self.bits)).unwrap_or(0)
                == other.checked_shr(u32::from(longest - self.bits)).unwrap_or(0)
        };
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                shared(u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => shared(network.to_bits(), address.to_bits(), 128),
            _ => false,
        }
    }
}

/// The client of a request as text: the last address of `X-Forwarded-For` that is no trusted proxy's, else `X-Real-IP`, both
/// only if the connection itself comes from a trusted proxy. Empty where there is no connection.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientAddress(pub(super) String);

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let client = client(&parts.extensions, &parts.headers, &state.edge().trusted_proxies);
        Ok(Self(client.map(|address| address.to_string()).unwrap_or_default()))
    }
}

/// The same as an address; `None` where there is no connection.
pub(super) fn client(extensions: &Extensions, headers: &HeaderMap, trusted: &[AddressRange]) -> Option<IpAddr> {
    let Peer(peer) = extensions.get()?;
    Some(behind_proxies(peer.to_canonical(), headers, trusted))
}

fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[AddressRange]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let named: Vec<_> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut last = None;
    for text in named.iter().rev() {
        let Ok(address) = text.parse::<IpAddr>() else { break };
        let address = address.to_canonical();
        last = Some(address);
        if !is_trusted(address) {
            return address;
        }
    }
    let real = || headers.get("x-real-ip").and_then(|value| value.to_str().ok()?.trim().parse::<IpAddr>().ok());
    last.or_else(real).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn headers_count_behind_a_trusted_proxy_only() {
        let trusted: Vec<AddressRange> =
            ["127.0.0.0/8", "::1", "10.1.0.0/16"].iter().map(|text| text.parse().unwrap()).collect();
        let check = |peer: &str, pairs: &[(&'static str, &str)], expected: &str| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            let found = behind_proxies(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {pairs:?}");
        };
        check("8.8.8.8", &[("x-forwarded-for", "1.2.3.4"), ("x-real-ip", "1.2.3.4")], "8.8.8.8");
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &[("x-real-ip", "1.2.3.4")], "1.2.3.4");
        check("127.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.1.2.3")], "1.2.3.4");
        check("127.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")], "1.2.3.4");
        check("::1", &[("x-forwarded-for", "nonsense, ::ffff:1.2.3.4")], "1.2.3.4");
        check("10.2.0.1", &[("x-real-ip", "1.2.3.4")], "10.2.0.1");
        for wrong in ["", "10.0.0.0/33", "::/129", "host", "10.0.0.0/x"] {
            assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
        }
    }
}
