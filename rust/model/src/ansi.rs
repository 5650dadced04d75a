//! Removing terminal colours from output that is read as plain text.

/// Appends `text` to `out` without its control sequences.
///
/// Reference: `util.ClearFromAnsiCodes`: exactly `ESC [`, digits and semicolons, one letter. Everything else stays.
pub fn strip_into(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let body = &rest[at + 2..];
        let parameters = body.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        if body.as_bytes().get(parameters).is_some_and(u8::is_ascii_alphabetic) {
            rest = &body[parameters + 1..];
        } else {
            out.push_str("\u{1b}[");
            rest = body;
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    #[test]
    fn colours_go_and_text_stays() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\u{1b}[0;32mok: [localhost]\u{1b}[0m", "ok: [localhost]"),
            ("a\u{1b}[38;5;208mb\u{1b}[1;4mc\u{1b}[K", "abc"),
            ("\u{1b}[\u{1b}[31mü", "\u{1b}[ü"),
            ("cursor \u{1b}[?25l", "cursor \u{1b}[?25l"),
            ("tail \u{1b}", "tail \u{1b}"),
            ("tail \u{1b}[", "tail \u{1b}["),
        ] {
            let mut out = String::new();
            super::strip_into(&mut out, text);
            assert_eq!(out, plain, "{text:?}");
        }
    }
}
