//! What the lines of init and plan mean.

use semaphore_model::ansi;

/// What was seen of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    no_changes: bool,
    changes: bool,
}

impl Plan {
    /// Takes the next line of the output.
    pub(super) fn line(&mut self, line: &str) {
        let line = plain(line);
        self.no_changes |= line.contains("No changes.");
        self.changes |= line.contains("Changes to Outputs:")
            || line.split("Plan: ").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    }

    /// Whether there is nothing to apply.
    ///
    /// Reference: a line with `No changes.` suffices there, also when it is the value of an attribute in a plan with changes,
    /// or that of one module of several.
    pub(super) fn has_no_changes(self) -> bool {
        self.no_changes && !self.changes
    }
}

/// Whether this line of init is the beginning of a question that is answered with yes or no.
///
/// Reference: only `Do you want to copy `; any other question waited for ever there.
pub(super) fn is_question(line: &str) -> bool {
    plain(line).contains("Do you want to ")
}

/// What stands on the unfinished line on which an answer is typed.
pub(super) const PROMPT: &str = "Enter a value:";

fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    ansi::strip_into(&mut plain, line);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], no_changes: bool) {
        let mut plan = Plan::default();
        for line in lines {
            plan.line(line);
        }
        assert_eq!(plan.has_no_changes(), no_changes, "{lines:?}");
    }

    #[test]
    fn only_a_plan_without_changes_needs_no_apply() {
        check(&["\u{1b}[0m\u{1b}[1m\u{1b}[32mNo changes.\u{1b}[0m\u{1b}[1m Your infrastructure matches"], true);
        check(&["12:00:00.123 STDOUT tofu: No changes. Your infrastructure matches the configuration."], true);
        check(&["\u{1b}[1mPlan:\u{1b}[0m 1 to add, 0 to change, 0 to destroy."], false);
        check(&["  + note = \"No changes.\"", "Plan: 1 to import, 0 to add, 0 to change, 0 to destroy."], false);
        check(&["  + note = \"No changes.\"", "Changes to Outputs:"], false);
        check(&["No changes. (module a)", "Plan: 1 to add, 0 to change, 0 to destroy. (module b)"], false);
        check(&["No changes. Plan: nothing"], true);
        check(&[], false);
    }
}
