//! What the lines of init and plan mean.

use semaphore_model::{PlanSummary, ansi};

/// What was seen of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    no_changes: bool,
    outputs_change: bool,
    /// The program's count; of several modules, whose lines have a name before them, the sum.
    counted: Option<PlanSummary>,
    has_counts: bool,
}

impl Plan {
    /// Takes the next line of the output.
    pub(super) fn line(&mut self, line: &str) {
        let line = plain(line);
        self.no_changes |= line.contains("No changes.");
        self.outputs_change |= line.contains("Changes to Outputs:");
        for (position, words) in line.match_indices(COUNTS) {
            let counts = &line[position + words.len()..];
            if !counts.starts_with(|c: char| c.is_ascii_digit()) {
                continue;
            }
            self.has_counts = true;
            let before = line[..position].trim();
            // The value of an attribute that looks like it.
            if before.contains(['"', '=']) {
                continue;
            }
            let so_far = self.counted.filter(|_| !before.is_empty()).unwrap_or_default();
            self.counted = Some(with_counts(so_far, counts));
        }
    }

    /// What would change, as far as the program has said anything about it.
    pub(super) fn summary(self) -> Option<PlanSummary> {
        self.counted.or_else(|| (self.no_changes || self.outputs_change).then(PlanSummary::default))
    }

    /// Whether there is nothing to apply.
    ///
    /// Reference: a line with `No changes.` suffices there, also when it is the value of an attribute in a plan with changes,
    /// or that of one module of several.
    pub(super) fn has_no_changes(self) -> bool {
        self.no_changes && !self.outputs_change && !self.has_counts
    }
}

/// What stands before the counts: `Plan: 1 to import, 2 to add, 0 to change, 0 to destroy.`
const COUNTS: &str = "Plan: ";

/// Adds the counts of a line; parts that later versions may have besides are passed over.
fn with_counts(mut plan: PlanSummary, counts: &str) -> PlanSummary {
    for part in counts.split(',') {
        let mut words = part.split_whitespace();
        let (Some(count), Some("to"), Some(what)) = (words.next(), words.next(), words.next()) else { continue };
        let Ok(count) = count.parse::<u32>() else { continue };
        let field = match what.trim_end_matches('.') {
            "add" => &mut plan.add,
            "change" => &mut plan.change,
            "destroy" => &mut plan.destroy,
            "import" => &mut plan.import,
            _ => continue,
        };
        *field = field.saturating_add(count);
    }
    plan
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

    fn summary(lines: &[&str]) -> Option<[u32; 4]> {
        let mut plan = Plan::default();
        for line in lines {
            plan.line(line);
        }
        plan.summary().map(|plan| [plan.add, plan.change, plan.destroy, plan.import])
    }

    #[test]
    fn the_counts_of_a_plan_are_kept() {
        assert_eq!(summary(&["Plan: 1 to add, 2 to change, 3 to destroy."]), Some([1, 2, 3, 0]));
        let coloured = "\u{1b}[1mPlan:\u{1b}[0m \u{1b}[0m4 to import, 1 to add, 0 to change, 20 to destroy.\u{1b}[0m";
        assert_eq!(summary(&[coloured]), Some([1, 0, 20, 4]));
        assert_eq!(summary(&["Plan: 1 to add, 0 to change, 2 to destroy, 7 to forget."]), Some([1, 0, 2, 0]));
        assert_eq!(summary(&["No changes. Your infrastructure matches the configuration."]), Some([0; 4]));
        assert_eq!(summary(&["Changes to Outputs:", "  + a = 1"]), Some([0; 4]));
        assert_eq!(summary(&["Planning failed.", "Plan: nothing"]), None);
        let huge = format!("Plan: {} to add, 99999999999 to change, 1 to destroy.", u32::MAX);
        assert_eq!(summary(&[&huge]), Some([u32::MAX, 0, 1, 0]));
    }

    #[test]
    fn the_program_counts_and_not_the_values_of_the_plan() {
        let plan = "Plan: 1 to add, 0 to change, 0 to destroy.";
        let value = "  + note = \"Plan: 9 to add, 9 to change, 9 to destroy.\"";
        assert_eq!(summary(&[value, plan]), Some([1, 0, 0, 0]));
        // A text of several lines has no quotes; the program has the last word.
        assert_eq!(summary(&["Plan: 9 to add, 9 to change, 9 to destroy.", plan]), Some([1, 0, 0, 0]));
        // Several modules, each with its name before the line.
        let module = |name: &str| format!("12:00:00.123 STDOUT [{name}] tofu: {plan}");
        let quiet = "12:00:00.123 STDOUT [c] tofu: No changes.";
        assert_eq!(summary(&[&module("a"), quiet, &module("b")]), Some([2, 0, 0, 0]));
    }
}
