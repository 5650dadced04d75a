//! The pseudo terminal and its prompts.

use proptest::prelude::*;

use super::{super::input::Conversation, *};

fn pty(prompts: &[(&str, &str)]) -> Stdin {
    Stdin::Pty { prompts: prompts.iter().map(|&(prompt, answer)| Prompt::new(prompt, answer)).collect() }
}

#[tokio::test]
async fn only_the_input_is_a_terminal_and_it_controls_the_session() {
    let _shared = shared().await;
    let script = "test -t 0 && ! test -t 1 && ! test -t 2 && echo ok; readlink /proc/$$/fd/0; echo to-terminal > /dev/tty && echo tty; ps -o sid=,tty= -p $$ 2>/dev/null || :";
    let (exit, records) = run(sh(script).stdin(pty(&[]))).await;
    let lines = texts(&records, Stream::Stdout);
    assert!(exit.success() && exit.problem.is_none(), "{exit:?}");
    assert_eq!(lines[0], "ok");
    assert!(lines[1].starts_with("/dev/pts/"));
    assert_eq!(lines[2], "tty");
    assert!(!lines.iter().any(|line| line == "to-terminal"));
}

#[tokio::test]
async fn prompts_of_getpass_are_answered_each_with_its_own() {
    let _shared = shared().await;
    let script = "import getpass\nfor p in ['SSH password: ', 'BECOME password[defaults to SSH password]: ', 'Vault password (a): ', 'Vault password (ab): ']:\n  print(getpass.getpass(p), flush=True)";
    let prompts = [
        ("SSH password:", "s1"),
        ("BECOME password", "b \u{e4}"),
        ("Vault password (a):", "v1"),
        ("Vault password (ab):", "v2"),
    ];
    let (exit, records) = run(python(script).env("PYTHONUTF8", "1").stdin(pty(&prompts))).await;
    assert_eq!(texts(&records, Stream::Stdout), ["s1", "b \u{e4}", "v1", "v2"]);
    assert_eq!((exit.code, exit.problem), (Some(0), None));
    assert!(texts(&records, Stream::Stderr).is_empty(), "{records:?}");
}

#[tokio::test]
async fn a_prompt_in_two_writes_is_answered_once_it_is_complete() {
    let _shared = shared().await;
    let script = "import sys, time\nt = open('/dev/tty', 'r+b', buffering=0)\nt.write(b'hello\\r\\n  BECOME pass')\ntime.sleep(0.2)\nt.write(b'word[defaults')\ntime.sleep(0.2)\nt.write(b' to it]: ')\nprint(t.readline().decode().strip())";
    let (exit, records) = run(python(script).stdin(pty(&[("BECOME password", "open sesame")]))).await;
    assert_eq!(texts(&records, Stream::Stdout), ["open sesame"]);
    assert_eq!(exit.problem, None);
}

#[tokio::test]
async fn a_wrong_password_ends_the_program_instead_of_looping() {
    let _shared = shared().await;
    let script = "import getpass\nwhile getpass.getpass('Vault password (x): ') != 'right': print('wrong', flush=True)";
    let spec = python(script).stdin(pty(&[("Vault password (x):", "left")])).stop(StopPlan::Ansible);
    let begin = Instant::now();
    let (exit, records) = run(spec).await;
    assert_eq!(
        exit.problem,
        Some(Problem::PromptRepeated { prompt: "Vault password (x):".into() }),
        "{exit:?} {records:?}"
    );
    assert_eq!((exit.success(), exit.stopped), (false, None));
    assert_eq!(texts(&records, Stream::Stdout), ["wrong"]);
    assert!(begin.elapsed() < Duration::from_secs(3));
    let text = exit.problem.unwrap().to_string();
    assert!(text.contains("stored password is wrong") && !text.contains("left"), "{text}");
}

#[tokio::test]
async fn a_terminal_full_of_other_text_is_read_all_the_while() {
    let _shared = shared().await;
    let script = "import getpass\nt = open('/dev/tty', 'wb', buffering=0)\nfor n in range(3):\n  for i in range(400): t.write(b'x' * 799 + b': \\n')\n  t.write(b'y' * 100000)\n  t.write(b'\\n')\n  print(getpass.getpass('Vault password (%d): ' % n), flush=True)\nfor i in range(400): t.write(b'z' * 799 + b'\\n')\nprint('end')";
    let prompts = [("Vault password (0):", "v0"), ("Vault password (1):", "v1"), ("Vault password (2):", "v2")];
    let (exit, records) = run(python(script).stdin(pty(&prompts))).await;
    assert_eq!((exit.code, exit.problem), (Some(0), None));
    assert_eq!(texts(&records, Stream::Stdout), ["v0", "v1", "v2", "end"]);
}

/// What is typed before the question is thrown away by whoever asks for a password, so nothing is typed ahead.
#[tokio::test]
async fn answers_wait_for_their_questions_even_if_input_is_flushed_late() {
    let _shared = shared().await;
    let script = "import getpass, termios, time\nfor p in 'SSH password: ', 'BECOME password: ':\n  time.sleep(0.2)\n  termios.tcflush(0, termios.TCIFLUSH)\n  print(getpass.getpass(p), flush=True)";
    let prompts = [("SSH password:", "one"), ("BECOME password", "two")];
    let (exit, records) = run(python(script).stdin(pty(&prompts))).await;
    assert_eq!(texts(&records, Stream::Stdout), ["one", "two"]);
    assert_eq!((exit.code, exit.problem), (Some(0), None));
}

/// A read that ends behind a colon is no prompt as long as its line goes on.
#[tokio::test]
async fn ordinary_text_that_looks_like_a_prompt_for_a_moment_is_not_answered() {
    let _shared = shared().await;
    let script = "import getpass, time\nt = open('/dev/tty', 'wb', buffering=0)\nfor i in range(3):\n  t.write(b'SSH password:')\n  time.sleep(0.002)\n  t.write(b' is asked for soon\\n')\n  time.sleep(0.05)\nprint(getpass.getpass('SSH password: '))";
    let (exit, records) = run(python(script).stdin(pty(&[("SSH password:", "one")]))).await;
    assert_eq!(texts(&records, Stream::Stdout), ["one"]);
    assert_eq!((exit.code, exit.problem), (Some(0), None));
}

/// The password must not be typed into whatever reads next, here in the open.
#[test]
fn a_conversation_answers_what_stands_at_the_end_only() {
    let mut conversation = Conversation::new(vec![Prompt::new("SSH password:", "one")]);
    conversation.heard(b"SSH password:");
    assert!(conversation.is_at_prompt());
    conversation.heard(b" asked for soon");
    assert!(!conversation.is_at_prompt() && conversation.answer().unwrap().is_none());
    conversation.heard(b"\r\nSSH password: ");
    assert_eq!(conversation.answer().unwrap().unwrap().as_slice(), b"one\n");
    assert!(conversation.answer().unwrap().is_none());
}

#[tokio::test]
async fn the_terminal_has_the_usual_size() {
    let _shared = shared().await;
    let (_, records) = run(sh("stty size").stdin(pty(&[]))).await;
    assert_eq!(texts(&records, Stream::Stdout), ["24 80"]);
}

#[tokio::test]
async fn a_host_can_type_and_a_closed_terminal_is_no_end() {
    let _shared = shared().await;
    let script = "read a; echo got $a; exec 0<&-; sleep 0.1; exec 0</dev/tty; read b; echo got $b; cat; echo end";
    let mut running = Running::start(sh(script).stdin(pty(&[])));
    running.control.write_stdin(b"one\n".to_vec()).unwrap();
    running.line("got one").await;
    running.control.write_stdin(b"two\n".to_vec()).unwrap();
    running.line("got two").await;
    running.control.close_stdin().unwrap();
    running.line("end").await;
    let (exit, _, _) = running.end().await;
    assert_eq!((exit.code, exit.problem), (Some(0), None));
}

proptest! {
    /// However the terminal's text is cut, the same answers are given.
    #[test]
    fn conversations_do_not_depend_on_chunks(cuts in proptest::collection::vec(1_usize..9, 0..60)) {
        let text = b"banner: x\r\nSSH password: \r\n\r\n  BECOME password[defaults to SSH password]: \n50%: \rVault password (a): ";
        let prompts = [("SSH password:", "1"), ("BECOME password", "2"), ("Vault password (a):", "3")];
        let mut conversation = Conversation::new(prompts.iter().map(|&(prompt, answer)| Prompt::new(prompt, answer)).collect());
        let mut answers = Vec::new();
        let (mut rest, mut cuts) = (&text[..], cuts.into_iter());
        while !rest.is_empty() {
            let count = cuts.next().unwrap_or(1).min(rest.len());
            // A program stops at its prompt until it is answered, so a read never spans two prompts.
            let count = rest.iter().position(|byte| *byte == b':').map_or(count, |colon| count.min(colon + 2)).min(rest.len());
            conversation.heard(&rest[..count]);
            // Whoever waits for an answer writes no more.
            let is_silent = rest[..count].ends_with(b": ") || rest[..count].ends_with(b":");
            if is_silent && let Some(answer) = conversation.answer().unwrap() {
                answers.extend_from_slice(&answer);
            }
            rest = &rest[count..];
        }
        prop_assert_eq!(String::from_utf8(answers).unwrap(), "1\n2\n3\n");
    }
}
