//! As much of HTTP and CGI as git needs: heads, bodies of either length form, Basic authentication.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write},
    net::TcpStream,
};

const HEAD_LIMIT: u64 = 64 << 10;

/// Head of a request; names of headers are in lower case.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: BTreeMap<String, String>,
}

impl Head {
    /// Name and password of the Basic authentication.
    pub(super) fn credentials(&self) -> Option<(String, String)> {
        let encoded = self.headers.get("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(decode_base64(encoded.trim())?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// Reads a request with its body; `None` if the client said nothing.
pub(super) fn read(stream: &TcpStream) -> Result<Option<(Head, Vec<u8>)>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.by_ref().take(HEAD_LIMIT).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(ErrorKind::InvalidData.into()) };
    let head = Head { method: method.to_owned(), target: target.to_owned(), headers: fields(&mut reader)? };
    if head.headers.get("expect").is_some_and(|e| e.eq_ignore_ascii_case("100-continue")) {
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if head.headers.get("transfer-encoding").is_some_and(|e| e.eq_ignore_ascii_case("chunked")) {
        while read_chunk(&mut reader, &mut body)? {}
    } else if let Some(length) = head.headers.get("content-length") {
        let length = length.parse().map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
        reader.take(length).read_to_end(&mut body)?;
    }
    Ok(Some((head, body)))
}

fn read_chunk(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<bool> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let size = line.trim().split(';').next().unwrap_or_default();
    let size = u64::from_str_radix(size, 16).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
    reader.by_ref().take(size).read_to_end(body)?;
    line.clear();
    reader.read_line(&mut line)?;
    Ok(size > 0)
}

/// Header lines up to the empty one.
fn fields(reader: &mut impl BufRead) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.by_ref().take(HEAD_LIMIT).read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(found);
        }
        if let Some((name, value)) = line.split_once(':') {
            found.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
}

/// Header lines of a CGI program, and what was read beyond them.
pub(super) fn cgi_head(output: &mut impl Read) -> Result<(BTreeMap<String, String>, Vec<u8>)> {
    let mut reader = BufReader::new(output);
    let found = fields(&mut reader)?;
    Ok((found, reader.buffer().to_vec()))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}
