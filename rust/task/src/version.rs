//! Versions that build templates give to their tasks.

/// The version after `current` for a build template that starts at `start`.
///
/// Reference: `getNextBuildVersion`: the last number of `start` counts; what stands before and after it must be the same in
/// `current`, otherwise the count begins again at `start`. A higher number in `start` wins.
pub fn next_build_version(start: &str, current: &str) -> String {
    let Some((prefix, number, suffix)) = split(start) else { return start.to_owned() };
    let middle = current
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(suffix))
        .filter(|digits| !digits.is_empty())
        .and_then(|digits| digits.parse::<u64>().ok());
    match (middle, number.parse::<u64>()) {
        (Some(current), Ok(first)) => format!("{prefix}{}{suffix}", first.max(current.saturating_add(1))),
        _ => start.to_owned(),
    }
}

/// Splits a text at its last run of digits.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = text[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    Some((&text[..start], &text[start..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::next_build_version;

    #[test]
    fn versions_count_as_in_the_reference() {
        for (start, current, next) in [
            ("1", "1", "2"),
            ("v1.9", "v1.9", "v1.10"),
            ("v1.20", "v1.9", "v1.20"),
            ("1.0-beta", "1.4-beta", "1.5-beta"),
            ("2.0", "1.7", "2.0"),
            ("alpha", "alpha", "alpha"),
            ("é1ü", "é9ü", "é10ü"),
            ("v1", "v", "v1"),
        ] {
            assert_eq!(next_build_version(start, current), next, "{start} after {current}");
        }
    }
}
