//! What a host is started for: machine, specification and secrets, as they go through the pipe that it inherits.
//!
//! Invariant: the bytes are wiped by whoever wrote them; they are in no file, argument or variable.

use std::io;

use bytes::Buf;
use zeroize::Zeroizing;

use super::frame::VERSION;
use crate::{
    EngineConfig,
    job::{JobSpec, SecretSet},
};

/// A job to be run.
pub(super) struct Order {
    pub(super) config: EngineConfig,
    pub(super) spec: JobSpec,
    pub(super) secrets: SecretSet,
}

/// The bytes of an order.
pub(super) fn write(config: &EngineConfig, spec: &JobSpec, secrets: &SecretSet) -> io::Result<Zeroizing<Vec<u8>>> {
    let plain = Zeroizing::new(serde_json::to_vec(&(config, spec))?);
    let of_secrets: usize = secrets.entries().map(|(name, value)| 8 + name.len() + value.len()).sum();
    // All of it at once: a text that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 + plain.len() + of_secrets));
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    put(&mut bytes, &plain)?;
    for (name, value) in secrets.entries() {
        put(&mut bytes, name.as_bytes())?;
        put(&mut bytes, value)?;
    }
    Ok(bytes)
}

/// The order that the bytes mean.
pub(super) fn read(mut bytes: &[u8]) -> io::Result<Order> {
    let version = bytes.try_get_u32()?;
    if version != VERSION {
        // The server starts its own program, so this is a program that was started by hand.
        return Err(io::Error::other(format!("an order of version {version} is not understood")));
    }
    let (config, spec) = serde_json::from_slice(take(&mut bytes)?)?;
    let mut secrets = SecretSet::default();
    while !bytes.is_empty() {
        let name = String::from_utf8_lossy(take(&mut bytes)?).into_owned();
        secrets.insert(name, take(&mut bytes)?.to_vec());
    }
    Ok(Order { config, spec, secrets })
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) -> io::Result<()> {
    bytes.extend_from_slice(&u32::try_from(part.len()).map_err(io::Error::other)?.to_be_bytes());
    bytes.extend_from_slice(part);
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let length = bytes.try_get_u32()? as usize;
    let (part, rest) = bytes.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
    *bytes = rest;
    Ok(part)
}
