//! The document of `semaphore_exec_start` and the secret bytes beside it, checked and turned into the engine's specification.

use std::time::Duration;

use semaphore_engine::{
    config::{ProcessConfig, SandboxMode},
    process::{Identity, ProcessSpec, Prompt, Stdin, StopPlan},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    code,
    failure::{Failure, check_version, parse_document},
    runtime::Runtime,
};

/// Time that the Terraform family gets for an orderly end.
const TERRAFORM_STOP_MS: u64 = 120_000;

/// The document of `semaphore_exec_start`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecSpec {
    /// Version of the document.
    #[serde(default = "crate::failure::first_version")]
    version: u32,
    /// Program and arguments.
    argv: Vec<String>,
    /// The whole environment, in order.
    #[serde(default)]
    env: Vec<(String, String)>,
    /// Where a program without a slash is looked for before the PATH of `env`.
    #[serde(default)]
    search_path: Option<String>,
    /// Working directory.
    dir: String,
    /// As whom and below which root it runs; absent = as this process.
    #[serde(default)]
    process: ProcessConfig,
    /// Kind of standard input.
    #[serde(default)]
    stdin: StdinKind,
    /// Beginnings of the prompts that the terminal may show; the answers are the call's secret bytes.
    #[serde(default)]
    prompts: Vec<String>,
    /// How it is stopped.
    #[serde(default)]
    stop: StopKind,
    /// Time of an orderly end for `terraform`.
    #[serde(default)]
    stop_timeout_ms: Option<u64>,
    /// How long each polite signal of the plan has; absent = 1.5 s.
    #[serde(default)]
    grace_ms: Option<u64>,
    /// Stop it after this time.
    #[serde(default)]
    deadline_ms: Option<u64>,
    /// Soft RLIMIT_NOFILE; absent = the runtime's.
    #[serde(default)]
    nofile: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StdinKind {
    #[default]
    Null,
    Bytes,
    Pipe,
    Pty,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StopKind {
    #[default]
    Shell,
    Ansible,
    Terraform,
}

/// Written to a pipe before anything that the host writes later.
pub type FirstInput = Option<Zeroizing<Vec<u8>>>;

/// What is started, checked.
pub struct Prepared {
    /// For the engine.
    pub process: ProcessSpec,
    /// Written to a pipe before anything that the host writes later.
    pub first_input: FirstInput,
    /// Stop it after this time.
    pub deadline: Option<Duration>,
}

impl Prepared {
    /// Reads the document and the secret bytes beside it.
    pub fn parse(document: &[u8], secret: &[u8], runtime: &Runtime) -> Result<Self, Failure> {
        let spec: ExecSpec = parse_document("specification of the program", document)?;
        check_version("program's specification", spec.version)?;
        let (program, arguments) =
            spec.argv.split_first().ok_or_else(|| Failure::argument("argv is empty: it begins with the program"))?;
        let (stdin, first_input) = input(&spec, secret)?;
        let stop = match spec.stop {
            StopKind::Shell => StopPlan::Shell,
            StopKind::Ansible => StopPlan::Ansible,
            StopKind::Terraform => StopPlan::Terraform {
                stop_timeout: Duration::from_millis(spec.stop_timeout_ms.unwrap_or(TERRAFORM_STOP_MS)),
            },
        };
        let mut process = ProcessSpec::new(program, &spec.dir)
            .args(arguments)
            .envs(spec.env)
            .stdin(stdin)
            .stop(stop)
            .grace(spec.grace_ms.map(Duration::from_millis))
            .nofile(spec.nofile.or(runtime.options().child_nofile));
        process.search_path = spec.search_path.map(Into::into);
        process.identity = identity(spec.process)?;
        Ok(Self { process, first_input, deadline: spec.deadline_ms.map(Duration::from_millis) })
    }
}

/// `None` = as this process.
fn identity(process: ProcessConfig) -> Result<Option<Identity>, Failure> {
    let ProcessConfig { user, uid, gid, chroot, sandbox, sandbox_paths: _ } = process;
    if sandbox != SandboxMode::Off {
        return Err(Failure::argument("process.sandbox is for jobs: a single program has no directories of its own"));
    }
    let identity = Identity::resolve(user.as_deref(), uid, gid, chroot)
        .map_err(|error| Failure::new(code::SEMAPHORE_E_PERM, error.to_string()))?;
    Ok((!identity.is_current()).then_some(identity))
}

fn input(spec: &ExecSpec, secret: &[u8]) -> Result<(Stdin, FirstInput), Failure> {
    if !spec.prompts.is_empty() && spec.stdin != StdinKind::Pty {
        return Err(Failure::argument("prompts are answered on a terminal only: set stdin to \"pty\""));
    }
    match spec.stdin {
        StdinKind::Null if secret.is_empty() => Ok((Stdin::Null, None)),
        StdinKind::Null => Err(Failure::argument("bytes for stdin were given, but stdin is \"null\"")),
        StdinKind::Bytes => Ok((Stdin::bytes(secret), None)),
        StdinKind::Pipe => Ok((Stdin::Pipe, (!secret.is_empty()).then(|| Zeroizing::new(secret.to_vec())))),
        StdinKind::Pty => {
            let answers = length_prefixed(secret)
                .filter(|answers| answers.len() == spec.prompts.len())
                .ok_or_else(|| Failure::argument("the secret bytes must be `u32 length, bytes` for each prompt"))?;
            let prompts = spec.prompts.iter().zip(answers).map(|(start, answer)| Prompt::new(start, answer)).collect();
            Ok((Stdin::Pty { prompts }, None))
        }
    }
}

/// Splits `u32 length, bytes`, repeated; `None` if it is something else.
pub fn length_prefixed(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        parts.push(part);
        bytes = rest;
    }
    Some(parts)
}
