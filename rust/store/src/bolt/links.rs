//! Addresses of the page in texts, with numbers that an import changes: `/project/2/templates/7`, `...?t=2147483646`.
//!
//! Only addresses of this installation: those that begin with its `web_host`, and those that begin with `/project/` where a
//! text or a word begins. Everything else stays as it is.

/// The new number of an object: the table, the project it belongs to, its old number.
pub(super) type Lookup<'a> = &'a dyn Fn(&str, i64, i64) -> Option<i64>;

/// What follows the number of the project in an address, with the table whose numbers come next.
const PARTS: &[(&str, &str)] = &[
    ("templates", "project__template"),
    ("views", "project__view"),
    ("inventory", "project__inventory"),
    ("environment", "project__environment"),
    ("repositories", "project__repository"),
    ("keys", "access_key"),
    ("schedules", "project__schedule"),
    ("integrations", "project__integration"),
    ("tasks", "task"),
];

/// Columns with texts of people.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("project__template", "description"),
    ("project__template", "survey_vars"),
    ("task", "message"),
    ("event", "description"),
];

/// The text with new numbers; `None` if nothing changes.
pub(super) fn renumbered(text: &str, web_host: &str, lookup: Lookup<'_>) -> Option<String> {
    let web_host = web_host.trim_end_matches('/');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/project/") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from.find(|letter: char| letter.is_whitespace() || "\"'<>()[]{}\\".contains(letter));
        let (address, behind) = from.split_at(end.unwrap_or(from.len()));
        let base = out.strip_suffix("/api").unwrap_or(&out);
        let begins = base.chars().next_back().is_none_or(|last| last.is_whitespace() || "\"'<([{".contains(last));
        let is_ours = begins || !web_host.is_empty() && base.ends_with(web_host);
        out.push_str(&if is_ours { address_of(address, lookup) } else { address.to_owned() });
        rest = behind;
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

/// An address that begins with `/project/`.
fn address_of(address: &str, lookup: Lookup<'_>) -> String {
    let (path, query) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let Some(project) = parts.get(2).and_then(|number| number.parse::<i64>().ok()) else {
        return address.to_owned();
    };
    for index in 3..parts.len() {
        let Some((_, table)) = PARTS.iter().find(|(word, _)| *word == parts[index]) else { continue };
        let Some(number) = parts.get_mut(index + 1) else { continue };
        if let Some(new) = number.parse().ok().and_then(|old| lookup(table, project, old)) {
            *number = new.to_string();
        }
    }
    let mut out = parts.join("/");
    // The page opens a task by its number behind `t=`.
    for (index, part) in query.split_inclusive(['?', '&', '#']).enumerate() {
        let digits = part.strip_prefix("t=").filter(|_| index > 0);
        let digits =
            digits.map(|rest| rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len())));
        match digits.and_then(|(old, rest)| Some((lookup("task", project, old.parse().ok()?)?, rest))) {
            Some((new, rest)) => out.extend(["t=", &new.to_string(), rest]),
            None => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_installation_get_new_numbers() {
        let lookup = |table: &str, project: i64, old: i64| match (table, project, old) {
            ("project__template", 2, 7) => Some(23),
            ("project__view", 2, 1) => Some(9),
            ("task", 2, 2_147_483_640) => Some(7),
            _ => None,
        };
        let host = "https://ci.example.test/semaphore/";
        let table = [
            (
                "see https://ci.example.test/semaphore/project/2/templates/7",
                Some("see https://ci.example.test/semaphore/project/2/templates/23"),
            ),
            (
                "/project/2/views/1/templates/7/tasks?t=2147483640&x=1.",
                Some("/project/2/views/9/templates/23/tasks?t=7&x=1."),
            ),
            (
                "(/api/project/2/templates/7) and (/project/1/templates/7)",
                Some("(/api/project/2/templates/23) and (/project/1/templates/7)"),
            ),
            (r#"[{"title":"/project/2/templates/7"}]"#, Some(r#"[{"title":"/project/2/templates/23"}]"#)),
            ("https://git.example.test/project/2/templates/7", None),
            ("/project/2/templates/8 /project/x/templates/7 /project/", None),
            ("/project/2/templates/7é", None),
        ];
        for (text, expected) in table {
            assert_eq!(renumbered(text, host, &lookup).as_deref(), expected, "{text}");
        }
    }
}
