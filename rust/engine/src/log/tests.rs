//! Tests of splitting, redaction and the queue.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::Engine as _;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// Cuts `text` into chunks of the given sizes, again from the start when they are used up.
fn chunks<'a>(text: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut sizes = sizes.iter().copied().chain([1]).cycle();
    let mut rest = text;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

fn split(text: &[u8], sizes: &[usize], longest: usize) -> Vec<(Vec<u8>, bool)> {
    let mut splitter = LineSplitter::with_longest(longest);
    let mut lines = Vec::new();
    for chunk in chunks(text, sizes) {
        splitter.buffer().extend_from_slice(chunk);
        splitter.split(|text, continued| lines.push((text.to_vec(), continued)));
    }
    splitter.finish(|text, continued| lines.push((text.to_vec(), continued)));
    lines
}

fn redactor(secrets: &[&str]) -> Redactor {
    Redactor::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap()
}

fn redact(secrets: &[&str], text: &str) -> String {
    String::from_utf8(redactor(secrets).redact(Bytes::copy_from_slice(text.as_bytes())).to_vec()).unwrap()
}

#[test]
fn lines_are_split_as_the_reference_splits_them() {
    let check = |text: &str, lines: &[&str]| {
        let found: Vec<_> = split(text.as_bytes(), &[3], 100).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>(), "{text:?}");
    };
    check("", &[]);
    check("\n", &[""]);
    check("a\nb", &["a", "b"]);
    check("a\r\n\r\nb\r", &["a", "", "b"]);
    check("a\rb\r\r\n", &["a\rb\r"]);
    check("\n\n\n", &["", "", ""]);
}

#[test]
fn over_long_lines_are_cut_at_characters() {
    assert_eq!(
        split("aaaa\u{e4}\u{20ac}bbbb\nend".as_bytes(), &[100], 5),
        [
            (b"aaaa".to_vec(), true),
            ("\u{e4}\u{20ac}".into(), true),
            (b"bbbb".to_vec(), false),
            (b"end".to_vec(), false)
        ]
    );
    assert_eq!(split(b"aaaaa\n", &[100], 5), [(b"aaaaa".to_vec(), false)]);
    // Not UTF-8: cut where it must be.
    assert_eq!(split(&[0x80; 7], &[100], 5), [(vec![0x80; 5], true), (vec![0x80; 2], false)]);
}

proptest! {
    #[test]
    fn splitting_does_not_depend_on_chunks(
        text in proptest::collection::vec(proptest::sample::select(&b"ab\n\r\xc3\xa4\x80"[..]), 0..200),
        sizes in proptest::collection::vec(1_usize..40, 0..20),
        longest in 1_usize..20,
    ) {
        let whole = split(&text, &[text.len().max(1)], longest);
        prop_assert_eq!(&split(&text, &sizes, longest), &whole);
        prop_assert!(whole.iter().all(|(line, _)| line.len() <= longest && !line.contains(&b'\n')));
        // Nothing is lost but line ends.
        let kept = whole.iter().flat_map(|(line, _)| line).filter(|byte| **byte != b'\r').count();
        prop_assert_eq!(kept, text.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')).count());
        let lines = text.split(|byte| *byte == b'\n').count() - usize::from(text.last().is_none_or(|byte| *byte == b'\n'));
        prop_assert_eq!(whole.iter().filter(|(_, continued)| !continued).count(), lines);
    }

    #[test]
    fn redaction_hides_secrets_in_any_chunking(
        text in "[abcd\n]{0,120}",
        secrets in proptest::collection::vec("[abc]{4,7}", 0..4),
        sizes in proptest::collection::vec(1_usize..30, 0..20),
    ) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let (log, mut reader) = channel::<()>(LogOptions { redactor: redactor(&secrets), ..LogOptions::default() });
        let mut lines = log.lines(Stream::Stdout);
        for chunk in chunks(text.as_bytes(), &sizes) {
            lines.write(chunk);
        }
        drop((lines, log));
        let shown: Vec<String> = drain(&mut reader).iter().map(|record| record.lossy().into_owned()).collect();
        let expected: Vec<String> = text.lines().map(|line| mask_slowly(line, &secrets)).collect();
        prop_assert_eq!(&shown, &expected);
        prop_assert!(shown.iter().all(|line| secrets.iter().all(|secret| !line.contains(secret))));
    }

    /// The parts of an over-long line show together what the line would show.
    #[test]
    fn redaction_sees_over_the_cuts_of_long_lines(
        text in "[ab]{1,160}",
        secrets in proptest::collection::vec("[ab]{4,9}", 1..4),
        sizes in proptest::collection::vec(1_usize..25, 1..20),
    ) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mut line = redactor(&secrets).line();
        let parts = chunks(text.as_bytes(), &sizes);
        let mut shown = Vec::new();
        for (position, part) in parts.iter().enumerate() {
            shown.extend_from_slice(&line.part(Bytes::copy_from_slice(part), position + 1 < parts.len()));
        }
        prop_assert_eq!(String::from_utf8(shown).unwrap(), mask_slowly(&text, &secrets));
        // The state is that of a new line now.
        prop_assert_eq!(line.part(Bytes::from_static(b"cccc"), false), Bytes::from_static(b"cccc"));
    }
}

proptest! {
    /// What is shown of an unfinished line is the beginning of what the line will show, however it goes on; so neither a
    /// secret nor the beginning of one is ever seen.
    #[test]
    fn what_is_shown_early_is_shown_in_the_end(
        parts in proptest::collection::vec("[abc]{1,12}", 0..4),
        rest in "[abc]{0,40}",
        end in "[abc]{0,20}",
        secrets in proptest::collection::vec("[abc]{4,9}", 0..4),
    ) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mut line = redactor(&secrets).line();
        let mut shown = Vec::new();
        for part in &parts {
            shown.extend_from_slice(&line.part(Bytes::copy_from_slice(part.as_bytes()), true));
        }
        let early = [shown.clone(), line.provisional(rest.as_bytes(), 4096).to_vec()].concat();
        shown.extend_from_slice(&line.part(Bytes::from(format!("{rest}{end}")), false));
        let (early, shown) = (String::from_utf8(early).unwrap(), String::from_utf8(shown).unwrap());
        prop_assert!(shown.starts_with(&early), "{early:?} is not the beginning of {shown:?}");
        prop_assert_eq!(shown, mask_slowly(&format!("{}{rest}{end}", parts.concat()), &secrets));
    }

    /// The same where only the end of a long line is shown: it is a piece of what the line shows.
    #[test]
    fn the_end_of_a_long_line_shows_no_piece_of_a_secret(
        text in "[abc]{0,200}",
        end in "[abc]{0,20}",
        secrets in proptest::collection::vec("[abc]{4,9}", 1..4),
        longest in 1_usize..60,
    ) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let early = redactor(&secrets).line().provisional(text.as_bytes(), longest);
        let early = String::from_utf8(early.to_vec()).unwrap();
        let shown = mask_slowly(&format!("{text}{end}"), &secrets);
        prop_assert!(shown.contains(&early), "{early:?} is not in {shown:?}");
    }
}

#[test]
fn what_could_become_a_secret_is_held_back() {
    let line = redactor(&["hunter2"]).line();
    assert_eq!(line.provisional(b"Password: hun", 4096), "Password: ");
    assert_eq!(line.provisional(b"Password: hunk", 4096), "Password: hunk");
    assert_eq!(line.provisional(b"Password: hunter2 h", 4096), "Password: *** ");
    // Not in the middle of a character, and not more than asked for.
    let plain = Redactor::default().line();
    assert_eq!(plain.provisional("ab\u{20ac}c".as_bytes(), 3), "c");
    assert_eq!(plain.provisional(b"abc", 2), "bc");
}

#[test]
fn unfinished_lines_wait_behind_everything_and_go_when_their_line_comes() {
    let (log, mut reader) = channel::<(Stream, String)>(options(1 << 20, 1 << 20));
    let mut out = log.lines(Stream::Stdout);
    let mut error = log.lines(Stream::Stderr);
    out.write(b"nobody looks");
    out.show_partial();
    assert_eq!(reader.try_batch(), Err(Empty::Open));
    log.show_partials(|stream, text| (stream, text));
    out.write(b"\n10%\r20% hunter2\r");
    out.show_partial();
    error.write(b"Password: hunt");
    error.show_partial();
    error.show_partial();
    out.write(b"30");
    out.show_partial();
    let Ok(Batch::Records(records)) = reader.try_batch() else { panic!("no records") };
    assert_eq!(records[0].lossy(), "nobody looks");
    assert_eq!(reader.try_batch(), Ok(Batch::Marker((Stream::Stdout, "30".into()))));
    out.write(b"%\r");
    out.show_partial();
    assert_eq!(reader.try_batch(), Ok(Batch::Marker((Stream::Stdout, "30%".into()))));
    assert_eq!(reader.try_batch(), Ok(Batch::Marker((Stream::Stderr, "Password: ".into()))));
    // The line takes the place of what was shown of it, if that was not read yet.
    out.show_partial();
    out.write(b"\n");
    let Ok(Batch::Records(records)) = reader.try_batch() else { panic!("no records") };
    assert_eq!(records[0].lossy(), "10%\r20% ***\r30%");
    assert_eq!(reader.try_batch(), Err(Empty::Open));
    error.show_partial();
    log.close();
    assert_eq!(reader.try_batch(), Err(Empty::Closed));
}

#[test]
fn encoded_secrets_are_hidden() {
    let secret = "p\u{e4}ss w/rd?&>>1";
    let shows_nothing = |text: &str| {
        let shown = redact(&[secret, "robot:p\u{e4}ss w/rd?&>>1"], text);
        assert!(shown.len() <= 10 && shown.contains("***"), "{text} shows {shown}");
    };
    // base64, base64url, with the line feed of echo; urllib.parse.quote and quote_plus, encodeURIComponent, a form, curl.
    for text in [
        "cMOkc3Mgdy9yZD8mPj4x",
        "cMOkc3Mgdy9yZD8mPj4xCg==",
        "cMOkc3Mgdy9yZD8mPj4x\n",
        "p%C3%A4ss%20w/rd%3F%26%3E%3E1",
        "p%C3%A4ss+w%2Frd%3F%26%3E%3E1",
        "p%C3%A4ss%20w%2Frd%3F%26%3E%3E1",
        "p%c3%a4ss%20w%2frd%3f%26%3e%3e1",
        "cm9ib3Q6cMOkc3Mgdy9yZD8mPj4x",
    ] {
        shows_nothing(text);
    }
    // Both alphabets: these bytes give `+` and `/`, or `-` and `_`.
    for text in ["fn5+fn5/fn9+fw", "fn5-fn5_fn9-fw"] {
        assert_eq!(redact(&["~~~~~\u{7f}~\u{7f}~\u{7f}"], text), "***");
    }
    // Inside the encoding of something longer (user:token), wherever it stands there: up to two bytes at each end are left.
    let token = "ghp_0123456789abcdef";
    for text in
        ["eDpnaHBfMDEyMzQ1Njc4OWFiY2RlZg==", "eHg6Z2hwXzAxMjM0NTY3ODlhYmNkZWY=", "eHh4OmdocF8wMTIzNDU2Nzg5YWJjZGVm"]
    {
        let shown = redact(&[token], text);
        assert!(shown.contains("***") && shown.len() <= 15, "{shown}");
    }
    // The lines of an encoded file.
    let key = format!("-----BEGIN KEY-----\n{}\n-----END KEY-----\n", "abcdefghij".repeat(20));
    let encoded = base64::engine::general_purpose::STANDARD.encode(&key);
    for length in [64, 76, 1000] {
        for line in encoded.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()) {
            let shown = redact(&[&key], line);
            assert!(shown.replace("***", "").len() <= 4, "{line} shows {shown}");
        }
    }
    // Not what merely begins alike.
    assert_eq!(redact(&["hunter2"], "aHVudGluZw== hunting%20"), "aHVudGluZw== hunting%20");
}

/// The meaning of redaction, written down the slow way: each byte that any occurrence covers is hidden, and occurrences
/// that overlap share one mask.
fn mask_slowly(text: &str, secrets: &[&str]) -> String {
    let mut spans: Vec<(usize, usize)> = secrets.iter().flat_map(|secret| text_positions(text, secret)).collect();
    spans.sort_unstable();
    let (mut shown, mut end) = (String::new(), 0);
    for (from, to) in spans {
        if from >= end {
            shown.push_str(&text[end..from]);
            shown.push_str("***");
        }
        end = end.max(to);
    }
    shown + &text[end..]
}

fn text_positions(text: &str, secret: &str) -> Vec<(usize, usize)> {
    (0..text.len()).filter(|&at| text[at..].starts_with(secret)).map(|at| (at, at + secret.len())).collect()
}

#[test]
fn values_are_hidden_in_all_their_forms() {
    assert_eq!(redact(&["hunter2"], "pw=hunter2, again hunter2."), "pw=***, again ***.");
    assert_eq!(redact(&["abcdef", "defghi"], "xabcdefghix"), "x***x");
    assert_eq!(redact(&["pass", "password"], "password pass"), "*** ***");
    // Several lines: each of them; the white space around does not count.
    assert_eq!(
        redact(&["-----BEGIN KEY-----\n  b3BlbnNz\r\nQw==\n"], "b3BlbnNz Qw== -----BEGIN KEY-----"),
        "*** *** ***"
    );
    // Trailing line feed of a file.
    assert_eq!(redact(&["hunter2\n"], "hunter2"), "***");
    // As JSON writes it.
    assert_eq!(redact(&["a\"b\\c"], r#"{"p": "a\"b\\c", "q": a"b\c}"#), r#"{"p": "***", "q": ***}"#);
    assert_eq!(redact(&["one\ntwo two"], r#"msg: "one\ntwo two""#), r#"msg: "one\n***""#);
    // Too short to hide.
    assert_eq!(redact(&["no", "", "\n\n", "abc"], "no abc"), "no abc");
    assert!(!format!("{:?}", redactor(&["hunter2"])).contains("hunter2"));
    let text = Bytes::from_static(b"nothing here");
    assert_eq!(redactor(&["hunter2"]).redact(text.clone()).as_ptr(), text.as_ptr(), "not copied");
}

#[test]
fn a_secret_on_the_border_of_a_mebibyte_is_hidden() {
    let (log, mut reader) = channel::<()>(LogOptions { redactor: redactor(&["hunter2"]), ..LogOptions::default() });
    let mut lines = log.lines(Stream::Stdout);
    let long =
        [vec![b'x'; LONGEST_LINE_BYTES - 3], b"hunter2".to_vec(), vec![b'y'; 10], b"\nnext hunter2".to_vec()].concat();
    lines.write(&long);
    lines.flush();
    let records = drain(&mut reader);
    assert_eq!(records.iter().map(|record| record.continued).collect::<Vec<_>>(), [true, false, false]);
    let text: Vec<u8> = records[..2].iter().flat_map(|record| record.text.to_vec()).collect();
    assert_eq!(text, [vec![b'x'; LONGEST_LINE_BYTES - 3], b"***".to_vec(), vec![b'y'; 10]].concat());
    assert_eq!(records[2].lossy(), "next ***");
}

fn drain(reader: &mut LogReader<()>) -> Vec<LogRecord> {
    let mut all = Vec::new();
    while let Ok(batch) = reader.try_batch() {
        if let Batch::Records(records) = batch {
            all.extend(records);
        }
    }
    all
}

fn options(bytes: usize, records: usize) -> LogOptions {
    LogOptions { first_seq: 7, limits: Limits { bytes, records }, redactor: redactor(&["hunter2"]) }
}

#[tokio::test]
async fn markers_keep_their_place_between_numbered_records() {
    let (log, mut reader) = channel::<&str>(options(1 << 20, 1 << 20));
    let mut out = log.lines(Stream::Stdout);
    log.line(Stream::System, "with hunter2\n");
    out.write(b"begun");
    log.marker("running");
    out.write(b" late\nb\n");
    log.clone().marker("done");
    drop(out);
    drop(log);
    let mut seen = Vec::new();
    while let Some(batch) = reader.next_batch().await {
        match batch {
            Batch::Marker(marker) => seen.push(marker.to_owned()),
            Batch::Records(records) => {
                seen.extend(
                    records.iter().map(|record| format!("{} {:?} {}", record.seq, record.stream, record.lossy())),
                );
            }
        }
    }
    assert_eq!(
        seen,
        ["7 System with ***\n", "running", "8 Stdout begun late", "9 Stdout b", "done"].map(str::to_owned)
    );
    assert_eq!(reader.try_batch(), Err(Empty::Closed));
}

#[tokio::test]
async fn batches_are_bounded_and_wait_for_nothing() {
    let (log, mut reader) = channel::<()>(options(1 << 30, 1 << 20));
    assert_eq!(reader.try_batch(), Err(Empty::Open));
    let mut out = log.lines(Stream::Stdout);
    out.write("x\n".repeat(10_000).as_bytes());
    out.write(["y".repeat(160_000), "z".repeat(160_000), "w".repeat(400_000)].join("\n").as_bytes());
    drop(out);
    let mut sizes = Vec::new();
    while let Ok(Batch::Records(records)) = reader.try_batch() {
        sizes.push((records.len(), records.iter().map(|record| record.text.len()).sum::<usize>()));
    }
    assert_eq!(sizes, [(4096, 4096), (4096, 4096), (1809, 161_808), (1, 160_000), (1, 400_000)]);
    assert_eq!(reader.queued(), (0, 0));
}

#[tokio::test]
async fn a_full_queue_waits_until_it_is_half_empty_or_abandoned() {
    let is_ready = |log: &LogWriter<()>| {
        let log = log.clone();
        async move { tokio::time::timeout(std::time::Duration::from_millis(20), log.ready()).await.is_ok() }
    };
    for (bytes, records) in [(6000, 1 << 20), (1 << 20, 3000)] {
        let (log, mut reader) = channel::<()>(options(bytes, records));
        assert!(is_ready(&log).await);
        log.lines(Stream::Stdout).write("x\n".repeat(2999).as_bytes());
        assert!(is_ready(&log).await);
        log.line(Stream::System, "y".repeat(3001));
        assert!(!is_ready(&log).await);
        log.line(Stream::System, "never refused");
        let waiting = tokio::spawn({
            let log = log.clone();
            async move { log.ready().await }
        });
        tokio::task::yield_now().await;
        let mut taken = 0;
        while !waiting.is_finished() {
            let Ok(Batch::Records(records)) = reader.try_batch() else { panic!("still full") };
            taken += records.len();
            tokio::task::yield_now().await;
        }
        assert!(taken >= 2000, "{taken}");
        log.lines(Stream::Stdout).write("x\n".repeat(9000).as_bytes());
        assert!(!is_ready(&log).await);
        drop(reader);
        assert!(is_ready(&log).await);
        log.line(Stream::System, "to nobody");
    }
}

/// A line that arrives while the queue is between full and half empty must not make the reader forget who waits.
#[tokio::test]
async fn who_waits_for_room_is_woken_although_others_wrote_meanwhile() {
    let (log, mut reader) = channel::<()>(options(1 << 20, 10_000));
    log.lines(Stream::Stdout).write("x\n".repeat(10_000).as_bytes());
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.ready().await }
    });
    tokio::task::yield_now().await;
    assert!(reader.try_batch().is_ok());
    log.line(Stream::System, "in between");
    assert_eq!(drain(&mut reader).len(), 5905);
    tokio::time::timeout(std::time::Duration::from_secs(5), waiting).await.expect("woken").unwrap();
}

#[tokio::test]
async fn a_waiting_reader_is_woken_and_a_closed_queue_is_read_to_its_end() {
    let (log, mut reader) = channel::<()>(options(10, 10));
    let reading = tokio::spawn(async move {
        let mut count = 0;
        while let Some(Batch::Records(records)) = reader.next_batch().await {
            count += records.len();
        }
        count
    });
    tokio::task::yield_now().await;
    std::thread::spawn(move || {
        log.line(Stream::System, "one");
        log.clone().close();
        log.line(Stream::System, "too late");
    })
    .join()
    .unwrap();
    assert_eq!(reading.await.unwrap(), 1);
}

#[test]
fn secrets_can_be_set_while_the_log_is_open() {
    let (log, mut reader) = channel::<()>(LogOptions::default());
    log.line(Stream::System, "open sesame");
    log.set_redactor(redactor(&["sesame"]));
    log.line(Stream::System, "open sesame");
    let shown: Vec<_> = drain(&mut reader).iter().map(|record| record.lossy().into_owned()).collect();
    assert_eq!(shown, ["open sesame", "open ***"]);
}

/// A hundred secrets of ten kilobytes, as private keys are.
fn large_secrets() -> Vec<Vec<u8>> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..100)
        .map(|_| {
            let raw: Vec<u8> = (0..7_500).map(|_| byte()).collect();
            let text = base64::engine::general_purpose::STANDARD.encode(raw);
            let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")).into_bytes()
        })
        .collect()
}

#[test]
fn many_long_secrets_take_little_memory() {
    let secrets = large_secrets();
    let size: usize = secrets.iter().map(Vec::len).sum();
    let redactor = Redactor::new(secrets.iter().map(Vec::as_slice)).unwrap();
    assert!(redactor.memory() < size * 60, "{} bytes", redactor.memory());
    for secret in secrets.iter().step_by(33) {
        let encoded = base64::engine::general_purpose::STANDARD.encode([b"key: ", secret.as_slice()].concat());
        assert!(redactor.redact(Bytes::from(encoded)).windows(3).any(|text| text == b"***"));
        let line = secret.split(|byte| *byte == b'\n').nth(70).unwrap();
        assert_eq!(redactor.redact(Bytes::from([b"<", line, b">"].concat())).as_ref(), b"<***>");
        // Its beginning alone is ordinary text.
        let beginning = Bytes::copy_from_slice(&line[..40]);
        assert_eq!(redactor.redact(beginning.clone()), beginning);
    }
}

proptest! {
    /// The longest of all secrets that begin at one place counts, whatever their beginnings share.
    #[test]
    fn secrets_with_one_beginning_are_hidden_as_long_as_they_are(
        endings in proptest::collection::vec("[xy]{0,12}", 1..12),
        text in "[xy]{0,3}(beginning[xy]{0,14}){0,4}",
    ) {
        let secrets: Vec<String> = endings.iter().map(|ending| format!("beginning{ending}")).collect();
        let redactor = Redactor::new(secrets.iter().map(String::as_bytes)).unwrap();
        let mut expected = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let longest = secrets.iter().filter(|secret| rest.starts_with(secret.as_str())).map(String::len).max();
            if let Some(length) = longest {
                expected.push_str("***");
                rest = &rest[length..];
            } else {
                expected.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        prop_assert_eq!(redactor.redact(Bytes::from(text.clone())), expected.as_bytes());
    }
}
