//! The two forms of a message: text, and HTML with the same words. What is put in is text; nothing of it is read as HTML.

use std::fmt::Write;

/// A part of a message.
#[derive(Clone, Copy, Debug)]
pub enum Paragraph<'a> {
    /// Words.
    Words(&'a str),
    /// Something that shall be easy to find, such as a code.
    Large(&'a str),
    /// An address to open.
    Link(&'a str),
}

/// The text and the HTML.
pub(super) fn render(content: &[Paragraph<'_>]) -> (String, String) {
    let (mut text, mut html) = (String::new(), String::from("<!doctype html><html><body>\n"));
    for paragraph in content {
        let (words, marked) = match paragraph {
            Paragraph::Words(words) => (words, escape(words)),
            Paragraph::Large(words) => (words, format!("<b style=\"font-size: 150%\">{}</b>", escape(words))),
            Paragraph::Link(address) => (address, format!("<a href=\"{0}\">{0}</a>", escape(address))),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "{words}\r\n\r\n");
        let _ = writeln!(html, "<p>{marked}</p>");
    }
    html.push_str("</body></html>\n");
    (text, html)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_html() {
        let (text, html) = render(&[Paragraph::Words("<b>Project</b> & co"), Paragraph::Link("https://x/?a=\"b\"")]);
        assert_eq!(text, "<b>Project</b> & co\r\n\r\nhttps://x/?a=\"b\"\r\n\r\n");
        assert!(html.contains("&lt;b&gt;Project&lt;/b&gt; &amp; co"), "{html}");
        assert!(html.contains("href=\"https://x/?a=&quot;b&quot;\""), "{html}");
    }
}
