//! Says after a run that failed why, where the program's own words are hard to understand.
//!
//! Not for programs that succeed, and not for changing how a job ends. What is looked for are texts of ssh and Ansible; one that
//! they change is not recognised any more, which costs the advice and nothing else.

use super::Stages;
use crate::job::{Outcome, Problem, ProblemCode};

/// A text in the output, what it means, and what to do.
struct Sign {
    text: &'static str,
    code: ProblemCode,
    message: &'static str,
}

/// The more special ones first: of one code only the first that was seen is told.
const SIGNS: &[Sign] = &[
    Sign {
        text: "REMOTE HOST IDENTIFICATION HAS CHANGED",
        code: ProblemCode::HostKey,
        message: "a host has another key than the one that is known: if it really has a new key, replace its line in the known hosts of the project (settings of the project, host keys); otherwise somebody may be listening",
    },
    Sign {
        text: "Host key verification failed",
        code: ProblemCode::HostKey,
        message: "the key of a host is not known: add the host to the known hosts of the project (settings of the project, host keys; `ssh-keyscan HOST` prints the lines), or accept new hosts there",
    },
    Sign {
        text: "you must install the sshpass program",
        code: ProblemCode::ToolMissing,
        message: "the program `sshpass`, with which Ansible gives ssh a password, is not installed on this server: install it, or use an SSH key",
    },
    Sign {
        text: "Permission denied (publickey",
        code: ProblemCode::LoginRefused,
        message: "a host does not accept the login: check the user, and that the key of the inventory is allowed to log in there",
    },
    Sign {
        text: "Invalid/incorrect password",
        code: ProblemCode::LoginRefused,
        message: "a host does not accept the password: check login and password of the inventory's key",
    },
    Sign {
        text: "Incorrect sudo password",
        code: ProblemCode::LoginRefused,
        message: "a host does not accept the become password: check the become key of the inventory",
    },
    Sign {
        text: "Attempting to decrypt but no vault secrets found",
        code: ProblemCode::VaultPassword,
        message: "a file is encrypted with ansible-vault, and the template has no vault password: add one to the template",
    },
    Sign {
        text: "no vault secrets were found that could decrypt",
        code: ProblemCode::VaultPassword,
        message: "none of the template's vault passwords opens an encrypted file: add the one it was encrypted with to the template",
    },
];

impl Stages<'_> {
    /// From now on the output of programs is looked at.
    pub(crate) fn watch_output(&self) {
        self.programs.watch(&SIGNS.iter().map(|sign| sign.text).collect::<Vec<_>>());
    }

    /// Tells what the output of a failed run means.
    pub(crate) fn diagnose(&self, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Failed(_)) {
            return;
        }
        for (position, sign) in SIGNS.iter().enumerate() {
            if self.programs.has_seen(position) && !self.told.has(sign.code) {
                self.problem("error", &Problem::new(sign.code, sign.message));
            }
        }
    }
}
