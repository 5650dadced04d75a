//! An error as one line of text: for log lines and for people, who need the cause as well as what failed.

use std::error::Error;

/// The error and everything behind it, separated by colons.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the book")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_what_failed() {
        let error = Outer(std::io::Error::other("the cover is glued"));
        assert_eq!(super::error_chain(&error), "cannot open the book: the cover is glued");
    }
}
