//! The command lines of init, plan and apply.
//!
//! Reference: `LocalJob.getTerraformArgs` and `TerraformApp.Run`. Order and spelling are kept, variables are sorted. Secret
//! variables do not stand in argument lists, which every user of the machine can read: the program gets them as if they did
//! through `TF_CLI_ARGS_plan` and `TF_CLI_ARGS_apply`. Neither `TF_VAR_` variables nor a file of variables could replace them:
//! the first lose against `terraform.tfvars`, and both treat undeclared names otherwise; in a file the type of a value would
//! have to be known.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use zeroize::Zeroizing;

use crate::{
    app::{Environment, variable},
    job::{JobSpec, SecretSet, SecretVar, SecretVarKind, TerraformParams},
};

/// The two programs that get the job's variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Plan,
    Apply,
}

/// `init`. Arguments of other stages do not reach it.
pub(super) fn init(parameters: &TerraformParams) -> Vec<String> {
    let mut arguments = vec!["init".to_owned(), "-lock=false".to_owned()];
    if parameters.upgrade {
        arguments.push("-upgrade".to_owned());
    }
    let state = if parameters.reconfigure { "-reconfigure" } else { "-migrate-state" };
    arguments.push(state.to_owned());
    arguments.extend(parameters.stage_arguments.get("init").into_iter().flatten().cloned());
    arguments
}

/// What plan and apply have in common.
pub(super) struct Run<'a> {
    spec: &'a JobSpec,
    secrets: Vec<(&'a SecretVar, &'a [u8])>,
}

impl<'a> Run<'a> {
    pub(super) fn new(spec: &'a JobSpec, values: &'a SecretSet) -> Self {
        let secrets = spec.environment.secrets.iter().filter(|secret| secret.kind == SecretVarKind::Var);
        let secrets = secrets.map(|secret| (secret, values.get(&secret.value).unwrap_or_default())).collect();
        Self { spec, secrets }
    }

    /// Arguments of the program.
    pub(super) fn arguments(&self, stage: Stage) -> Vec<String> {
        let fixed = match stage {
            Stage::Plan => &["plan", "-lock=false"][..],
            Stage::Apply => &["apply", "-auto-approve", "-lock=false"],
        };
        let mut arguments: Vec<String> = fixed.iter().map(|&argument| argument.to_owned()).collect();
        // Reference: without arguments for the stage (`{"plan": [...]}` and then apply) these and the variables are left out
        // there, so that something else is applied than what was planned and confirmed.
        if self.spec.terraform.destroy {
            arguments.push("-destroy".to_owned());
        }
        // Secrets come from the environment, which the program reads before its arguments, and must win over these.
        let (_, given) = self.given_parts(stage);
        arguments.extend(given.into_iter().cloned());
        // Reference: a secret comes behind the variables and so wins over one with its name.
        let hidden: BTreeSet<&str> = self.secrets.iter().map(|(secret, _)| secret.name.as_str()).collect();
        let mut variables = self.spec.environment.extra_vars.clone();
        variables.retain(|name, _| !hidden.contains(name.as_str()));
        for assignment in variable::assignments(&variables) {
            arguments.extend(["-var".to_owned(), assignment]);
        }
        arguments
    }

    /// The given arguments that set variables (`-var`, `-var-file`), and the others. Without secrets all are others.
    fn given_parts(&self, stage: Stage) -> (Vec<&String>, Vec<&String>) {
        let (mut variables, mut others) = (vec![], vec![]);
        let mut given = self.given(stage).iter();
        while let Some(argument) = given.next() {
            let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).unwrap_or_default();
            if self.secrets.is_empty() {
                others.push(argument);
            } else if ["var", "var-file"].contains(&name) {
                variables.push(argument);
                variables.extend(given.next());
            } else if name.starts_with("var=") || name.starts_with("var-file=") {
                variables.push(argument);
            } else {
                others.push(argument);
            }
        }
        (variables, others)
    }

    /// The arguments that template and task give for a stage: plan falls back to those of apply, then to the default; apply to
    /// the default only.
    ///
    /// Reference: with arguments for apply alone plan gets none, so that something else is planned than what is applied.
    fn given(&self, stage: Stage) -> &[String] {
        let stages = match stage {
            Stage::Plan => &["plan", "apply", "default"][..],
            Stage::Apply => &["apply", "default"],
        };
        let all = &self.spec.terraform.stage_arguments;
        stages.iter().find_map(|&stage| all.get(stage)).map_or(&[], Vec::as_slice)
    }

    /// The variable of the environment that gives the secrets to the program; one of the user's is continued.
    pub(super) fn secret_environment(
        &self,
        stage: Stage,
        environment: &Environment,
    ) -> Option<(&'static str, OsString)> {
        if self.secrets.is_empty() {
            return None;
        }
        let name = match stage {
            Stage::Plan => "TF_CLI_ARGS_plan",
            Stage::Apply => "TF_CLI_ARGS_apply",
        };
        let own = environment.get(name).map(OsStr::as_bytes).unwrap_or_default();
        let given = self.given_parts(stage).0;
        // Room for all of it, with `'\\''` in place of each byte: a text that grows leaves copies behind.
        let quoted = |length: usize| length * 4 + " -var ''".len();
        let room: usize = given.iter().map(|argument| quoted(argument.len())).sum::<usize>()
            + self.secrets.iter().map(|(secret, value)| quoted(secret.name.len() + 1 + value.len())).sum::<usize>();
        let mut text = Vec::with_capacity(own.len() + room);
        text.extend_from_slice(own);
        for argument in given {
            if !text.is_empty() {
                text.push(b' ');
            }
            push_quoted(&mut text, argument.as_bytes());
        }
        for (secret, value) in &self.secrets {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(b"-var ");
            push_quoted(&mut text, &Zeroizing::new([secret.name.as_bytes(), b"=", value].concat()));
        }
        Some((name, OsString::from_vec(text)))
    }
}

/// Secrets as they stand in `TF_CLI_ARGS` if that differs from what they are: a program that prints its environment shows them.
pub(crate) fn quoted_secrets(spec: &JobSpec, values: &SecretSet) -> Vec<Zeroizing<Vec<u8>>> {
    let secrets = spec.environment.secrets.iter().filter(|secret| secret.kind == SecretVarKind::Var);
    let values = secrets.filter_map(|secret| values.get(&secret.value)).filter(|value| value.contains(&b'\''));
    values
        .map(|value| {
            let mut text = Zeroizing::new(Vec::with_capacity(value.len() * 4));
            push_escaped(&mut text, value);
            text
        })
        .collect()
}

/// One word for the program's reader of `TF_CLI_ARGS`, which reads like a shell: in single quotes everything is itself.
fn push_quoted(text: &mut Vec<u8>, word: &[u8]) {
    text.push(b'\'');
    push_escaped(text, word);
    text.push(b'\'');
}

fn push_escaped(text: &mut Vec<u8>, word: &[u8]) {
    for &byte in word {
        if byte == b'\'' {
            text.extend_from_slice(b"'\\''");
        } else {
            text.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Words as a shell reads them: white space separates, quotes keep, a backslash outside of them keeps one character.
    fn words(text: &[u8]) -> Vec<Vec<u8>> {
        let (mut words, mut word, mut quote) = (vec![], None::<Vec<u8>>, None);
        let mut bytes = text.iter().copied();
        while let Some(byte) = bytes.next() {
            match byte {
                _ if quote == Some(byte) => quote = None,
                b'\'' | b'"' if quote.is_none() => {
                    quote = Some(byte);
                    word.get_or_insert_default();
                }
                b' ' | b'\t' | b'\n' if quote.is_none() => words.extend(word.take()),
                b'\\' if quote.is_none() => word.get_or_insert_default().extend(bytes.next()),
                other => word.get_or_insert_default().push(other),
            }
        }
        words.extend(word);
        words
    }

    proptest! {
        #[test]
        fn every_secret_is_one_word(values in prop::collection::vec("[a'\"$`\\\\ ;\\n]{0,8}|\\PC{0,8}", 1..4)) {
            let values: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).collect();
            let mut text = Vec::new();
            for value in &values {
                text.push(b' ');
                push_quoted(&mut text, value);
            }
            prop_assert_eq!(words(&text), values);
        }
    }

    fn spec(terraform: &Value, environment: &Value) -> JobSpec {
        serde_json::from_value(json!({
            "task_id": 1, "project_id": 1, "template_id": 1, "app": "tofu", "playbook": "", "details": {},
            "repository": {"id": 1, "name": "", "url": "/r", "branch": "", "key": {"id": 1, "kind": {"type": "none"}}},
            "terraform": terraform, "environment": environment,
        }))
        .unwrap()
    }

    /// Arguments of template and task behind the fixed ones.
    #[track_caller]
    fn check(given: &Value, plan: &[&str], apply: &[&str]) {
        let spec = spec(&json!({"stage_arguments": given, "destroy": true}), &json!({"extra_vars": {"n": 5}}));
        let secrets = SecretSet::default();
        let run = Run::new(&spec, &secrets);
        for (stage, fixed, own) in [
            (Stage::Plan, &["plan", "-lock=false"][..], plan),
            (Stage::Apply, &["apply", "-auto-approve", "-lock=false"], apply),
        ] {
            let expected = [fixed, &["-destroy"], own, &["-var", "n=5"]].concat();
            assert_eq!(run.arguments(stage), expected, "{stage:?} with {given}");
        }
    }

    #[test]
    fn each_stage_falls_back_as_in_the_reference() {
        check(&json!({}), &[], &[]);
        check(&json!({"default": ["-d"]}), &["-d"], &["-d"]);
        check(&json!({"default": ["-d"], "plan": ["-p"]}), &["-p"], &["-d"]);
        check(&json!({"default": ["-d"], "apply": ["-a"]}), &["-a"], &["-a"]);
        check(&json!({"plan": ["-p"], "apply": ["-a"]}), &["-p"], &["-a"]);
        check(&json!({"plan": ["-p"]}), &["-p"], &[]);
        check(&json!({"apply": ["-a"]}), &["-a"], &["-a"]);
        check(&json!({"init": ["-i"]}), &[], &[]);
        check(&json!({"plan": [], "default": ["-d"]}), &[], &["-d"]);
    }

    #[test]
    fn init_has_arguments_of_its_own() {
        let of = |parameters: Value| init(&spec(&parameters, &json!({})).terraform).join(" ");
        assert_eq!(of(json!({"stage_arguments": {"default": ["-d"]}})), "init -lock=false -migrate-state");
        assert_eq!(
            of(json!({"upgrade": true, "reconfigure": true, "stage_arguments": {"init": ["-i", "-j"]}})),
            "init -lock=false -upgrade -reconfigure -i -j"
        );
    }

    /// The program reads its environment first, and the last value of a variable counts: the secret's, as in the reference.
    #[test]
    fn secrets_win_over_variables_of_the_given_arguments() {
        let mut secrets = SecretSet::default();
        let secret = secrets.insert("s", b"hidden".to_vec());
        let given = ["-var-file=prod.tfvars", "-lock-timeout=1s", "-var", "s=x y", "--var-file", "b c", "--var=z=1"];
        let spec = spec(
            &json!({"stage_arguments": {"default": given}}),
            &json!({"secrets": [{"name": "s", "kind": "var", "value": secret}]}),
        );
        let run = Run::new(&spec, &secrets);
        assert_eq!(run.arguments(Stage::Apply), ["apply", "-auto-approve", "-lock=false", "-lock-timeout=1s"]);
        let (_, text) = run.secret_environment(Stage::Apply, &Environment::default()).unwrap();
        assert_eq!(text, "'-var-file=prod.tfvars' '-var' 's=x y' '--var-file' 'b c' '--var=z=1' -var 's=hidden'");
    }

    #[test]
    fn secrets_are_words_of_the_environment_and_never_arguments() {
        let mut secrets = SecretSet::default();
        let mut secret =
            |name: &str, value: &str| json!({"name": name, "kind": "var", "value": secrets.insert(name, value.into())});
        let list = json!([secret("a", "it's $x `y` \\ \"z\""), secret("b", ""), secret("d", "it's")]);
        let spec = spec(&json!({}), &json!({"secrets": list, "extra_vars": {"a": "plain", "c": "d"}}));
        let run = Run::new(&spec, &secrets);
        assert_eq!(run.arguments(Stage::Plan), ["plan", "-lock=false", "-var", "c=d"]);
        let mut environment = Environment::default();
        environment.set("TF_CLI_ARGS_apply", "-compact-warnings");
        let text = |stage, environment: &Environment| {
            let (name, value) = run.secret_environment(stage, environment).unwrap();
            format!("{name}:{}", value.into_string().unwrap())
        };
        let words = r#"-var 'a=it'\''s $x `y` \ "z"' -var 'b=' -var 'd=it'\''s'"#;
        assert_eq!(text(Stage::Plan, &environment), format!("TF_CLI_ARGS_plan:{words}"));
        assert_eq!(text(Stage::Apply, &environment), format!("TF_CLI_ARGS_apply:-compact-warnings {words}"));
    }
}
