//! Unfinished lines: what live viewers see before a line is complete, and questions that nobody answers.

use super::*;
use crate::log::Redactor;

type Shown = (Stream, String);

/// A supervised child of which unfinished lines are seen.
struct Seen {
    reader: LogReader<Shown>,
    control: ChildControl,
    task: tokio::task::JoinHandle<Exit>,
    records: Vec<LogRecord>,
}

impl Seen {
    fn start(spec: ProcessSpec, secrets: &[&str]) -> Self {
        let redactor = Redactor::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap();
        let (log, reader) = channel::<Shown>(LogOptions { redactor, ..LogOptions::default() });
        log.show_partials(|stream, text| (stream, text));
        let child = spawn(spec).unwrap();
        let control = child.control();
        let task = tokio::spawn(async move { child.supervise(&log, StopToken::never()).await });
        Self { reader, control, task, records: Vec::new() }
    }

    /// The next unfinished line; `None` at the end.
    async fn next(&mut self) -> Option<Shown> {
        loop {
            let batch = tokio::time::timeout(Duration::from_secs(20), self.reader.next_batch()).await;
            match batch.expect("something in time")? {
                Batch::Records(records) => self.records.extend(records),
                Batch::Marker(shown) => return Some(shown),
            }
        }
    }

    /// All that is still shown, and the end.
    async fn end(mut self) -> (Vec<Shown>, Exit, Vec<LogRecord>) {
        let mut shown = Vec::new();
        while let Some(next) = self.next().await {
            shown.push(next);
        }
        (shown, self.task.await.unwrap(), self.records)
    }
}

#[tokio::test]
async fn the_beginning_of_a_line_is_shown_and_the_line_is_one_record() {
    let _shared = shared().await;
    let mut seen = Seen::start(
        sh("printf A; read x; printf 'b\\n'; printf 'pw hunt'; read x; echo er2").stdin(Stdin::Pipe),
        &["hunter2"],
    );
    assert_eq!(seen.next().await, Some((Stream::Stdout, "A".into())));
    seen.control.write_stdin(b"\n".to_vec()).unwrap();
    assert_eq!(seen.next().await, Some((Stream::Stdout, "pw ".into())));
    seen.control.write_stdin(b"\n".to_vec()).unwrap();
    let (shown, exit, records) = seen.end().await;
    assert!(exit.success() && shown.is_empty(), "{exit:?} {shown:?}");
    assert_eq!(texts(&records, Stream::Stdout), ["Ab", "pw ***"]);
}

#[tokio::test]
async fn a_progress_line_shows_its_newest_state() {
    let _shared = shared().await;
    let script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); printf '%s of 30\\r' $i; sleep 0.02; done; echo";
    let (shown, exit, records) = Seen::start(sh(script), &[]).end().await;
    assert!(exit.success());
    assert_eq!(records.len(), 1);
    assert!(records[0].lossy().starts_with("1 of 30\r2 of 30\r"));
    // About one in 100 ms, not one for each write.
    assert!((2..=15).contains(&shown.len()), "{shown:?}");
    let states: Vec<u32> =
        shown.iter().map(|(_, text)| text.strip_suffix(" of 30").unwrap().parse().unwrap()).collect();
    assert!(states.is_sorted(), "{states:?}");
}

#[tokio::test]
async fn a_line_without_end_is_shown_by_its_last_four_kibibytes() {
    let _shared = shared().await;
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; printf END; read x; echo";
    let mut seen = Seen::start(sh(script).stdin(Stdin::Pipe), &["hunter2"]);
    loop {
        let (_, text) = seen.next().await.unwrap();
        assert!(text.len() <= 4096, "{}", text.len());
        if text.ends_with("xEND") {
            assert_eq!(text.len(), 4096);
            break;
        }
    }
    seen.control.close_stdin().unwrap();
    let (_, exit, records) = seen.end().await;
    assert!(exit.success());
    assert_eq!(records.iter().map(|record| record.continued).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(records.iter().map(|record| record.text.len()).sum::<usize>(), 3_000_003);
}

fn pty(prompts: &[(&str, &str)]) -> Stdin {
    Stdin::Pty { prompts: prompts.iter().map(|&(prompt, answer)| Prompt::new(prompt, answer)).collect() }
}

#[tokio::test]
async fn an_unknown_question_is_shown_and_taken_back_when_it_is_answered() {
    let _shared = shared().await;
    let script = "printf 'line\\nGo on (y/n)? ' > /dev/tty; read x < /dev/tty; echo got $x; read y";
    let mut seen = Seen::start(sh(script).stdin(pty(&[])), &[]);
    assert_eq!(seen.next().await, Some((Stream::Terminal, "Go on (y/n)? ".into())));
    seen.control.write_stdin(b"y\n".to_vec()).unwrap();
    assert_eq!(seen.next().await, Some((Stream::Terminal, String::new())));
    seen.control.write_stdin(b"\n".to_vec()).unwrap();
    let (_, exit, records) = seen.end().await;
    assert!(exit.success() && exit.problem.is_none());
    assert_eq!(texts(&records, Stream::Stdout), ["got y"]);
    assert!(texts(&records, Stream::Terminal).is_empty());
}

#[tokio::test]
async fn the_echo_of_an_answer_is_never_shown() {
    let _shared = shared().await;
    // The terminal echoes; then the program repeats the answer in pieces, without an end, as some do.
    let script = "printf 'Code: ' > /dev/tty; read x < /dev/tty; stty -echo < /dev/tty; printf 'ab'> /dev/tty; sleep 0.3; printf 'c more: ' > /dev/tty; sleep 0.3";
    let (shown, exit, _) = Seen::start(sh(script).stdin(pty(&[("Code:", "abc")])), &[]).end().await;
    assert!(exit.success());
    // Shorter than what is redacted, and nothing of it is seen as long as the echo is not told from other text by a line end.
    assert!(shown.iter().all(|(stream, _)| *stream == Stream::Terminal));
    let raw = "import sys,os,tty\ntty.setraw(0)\nos.write(0, b'Code:')\nx = os.read(0, 9)\nos.write(0, x[:2])\nimport time; time.sleep(0.3)\nos.write(0, x[2:3] + b' then: ')\ntime.sleep(0.3)";
    let (shown, exit, _) = Seen::start(python(raw).stdin(pty(&[("Code:", "abc")])), &[]).end().await;
    assert!(exit.success(), "{exit:?}");
    assert_eq!(shown, [(Stream::Terminal, " then: ".to_owned())]);
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_the_program_when_patience_is_limited() {
    let _shared = shared().await;
    let script = "echo begun; printf 'token hunter2 of host (yes/no)? ' > /dev/tty; read x < /dev/tty; echo never";
    let patience = Some(Duration::from_millis(700));
    let spec = sh(script).stdin(pty(&[("Vault password:", "x")])).prompt_timeout(patience);
    let begin = Instant::now();
    let (shown, exit, records) = Seen::start(spec, &["hunter2"]).end().await;
    assert!(begin.elapsed() < Duration::from_secs(10));
    let expected = Problem::WaitsForInput { prompt: "token *** of host (yes/no)?".into(), seconds: 0 };
    assert_eq!((exit.success(), exit.stopped, exit.problem), (false, None, Some(expected)));
    assert_eq!(texts(&records, Stream::Stdout), ["begun"]);
    assert_eq!(shown[0], (Stream::Terminal, "token *** of host (yes/no)? ".into()));
}

#[tokio::test]
async fn text_that_is_no_question_and_a_known_prompt_exhaust_no_patience() {
    let _shared = shared().await;
    let script = "import getpass, time\nt = open('/dev/tty', 'wb', buffering=0)\nt.write(b'working ...')\ntime.sleep(0.6)\nt.write(b'\\n')\nprint(getpass.getpass('SSH password: '))\ntime.sleep(0.6)";
    let spec = python(script).stdin(pty(&[("SSH password:", "s1")])).prompt_timeout(Some(Duration::from_millis(200)));
    let (_, exit, records) = Seen::start(spec, &[]).end().await;
    assert_eq!((exit.code, exit.problem), (Some(0), None));
    assert_eq!(texts(&records, Stream::Stdout), ["s1"]);
}

/// Neither the end of a program nor the length of a question shows more than it should.
#[tokio::test]
async fn a_question_goes_with_its_program_and_its_length_uncovers_no_secret() {
    let _shared = shared().await;
    let (log, mut reader) = channel::<Shown>(LogOptions::default());
    log.show_partials(|stream, text| (stream, text));
    let child = spawn(sh("printf 'Go on? ' > /dev/tty; sleep 0.4").stdin(pty(&[]))).unwrap();
    child.supervise(&log, StopToken::never()).await;
    // The newest state waits, and the log goes on.
    assert_eq!(reader.try_batch(), Ok(Batch::Marker((Stream::Terminal, String::new()))));

    let secret = "open-sesame-".repeat(20);
    let script =
        format!("printf '%s\n' begun; printf '{}{secret} now? ' > /dev/tty; read x < /dev/tty", "y".repeat(300));
    let patience = Some(Duration::from_millis(300));
    let (shown, exit, _) = Seen::start(sh(&script).stdin(pty(&[])).prompt_timeout(patience), &[&secret]).end().await;
    let Some(Problem::WaitsForInput { prompt, .. }) = exit.problem else { panic!("{exit:?}") };
    assert!(prompt.ends_with("y*** now?") && !prompt.contains("sesame") && prompt.len() <= 200, "{prompt}");
    assert!(shown.iter().all(|(_, text)| !text.contains("sesame")));

    // The beginning of the line is more than is shown.
    let script = format!("printf '%s' '{secret}{}' > /dev/tty; sleep 0.4", "z".repeat(4_050));
    let (shown, _, _) = Seen::start(sh(&script).stdin(pty(&[])), &[&secret]).end().await;
    assert!(shown[0].1.ends_with("zzz") && shown.iter().all(|(_, text)| !text.contains("sesame")));
}
