//! Output and input: nothing lost, in order, bounded.

use super::*;
use crate::log::Limits;

/// Zombies among our children.
fn zombies() -> usize {
    let me = std::process::id().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter(|stat| {
            let rest: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            rest.first() == Some(&"Z") && rest.get(1) == Some(&me.as_str())
        })
        .count()
}

/// Pipes, terminals and process descriptors of this process; runtimes of waiting tests have others.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| {
            ["pipe:", "/dev/pt", "anon_inode:[pidfd]"].iter().any(|kind| target.to_string_lossy().starts_with(kind))
        })
        .count()
}

#[tokio::test]
async fn short_processes_lose_nothing_and_leave_nothing() {
    let _alone = PROCESS.write().await;
    let before = descriptors();
    for _ in 0..10 {
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let script = format!("echo {number}; echo two; printf three; echo error >&2; exit {number}");
                tokio::spawn(async move { (number, run(sh(&script)).await) })
            })
            .collect();
        for task in tasks {
            let (number, (exit, records)) = task.await.unwrap();
            assert_eq!((exit.code, exit.stragglers, &exit.problem), (Some(number), false, &None));
            assert_eq!(texts(&records, Stream::Stdout), [number.to_string(), "two".into(), "three".into()]);
            assert_eq!(texts(&records, Stream::Stderr), ["error"]);
            assert!(records.iter().zip(0..).all(|(record, seq)| record.seq == seq));
        }
    }
    assert_eq!((descriptors(), zombies()), (before, 0));
}

#[tokio::test]
async fn without_pidfd_children_are_noticed_all_the_same() {
    let _shared = shared().await;
    for _ in 0..5 {
        let child = spawn::spawn_with(sh("echo one; sleep 0.05; echo two; kill -9 $$"), false).unwrap();
        let pid = child.pid();
        let (exit, records, took) = Running::supervise(child, LogOptions::default()).end().await;
        assert_eq!((exit.signal, exit.to_string().as_str()), (Some(9), "signal: killed"));
        assert_eq!(texts(&records, Stream::Stdout), ["one", "two"]);
        assert!(!exists(pid) && took < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn many_lines_stay_in_order_and_the_queue_stays_small() {
    let _shared = shared().await;
    let limits = Limits { bytes: 64 * 1024, records: 4000 };
    let child = spawn(sh("i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done")).unwrap();
    let mut running = Running::supervise(child, LogOptions { limits, ..LogOptions::default() });
    let (mut expected, mut largest) = (0_u64, (0, 0));
    while expected < 100_000 {
        let queued = running.reader.queued();
        largest = (largest.0.max(queued.0), largest.1.max(queued.1));
        let Some(Batch::Records(records)) = running.reader.next_batch().await else { panic!("closed at {expected}") };
        for record in records {
            assert_eq!((record.seq, record.lossy().into_owned()), (expected, format!("line {expected}")));
            expected += 1;
        }
        if expected % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let (exit, rest, _) = running.end().await;
    assert!(exit.success() && rest.is_empty());
    // One read beyond the limit: 64 KiB, in lines of at least 7 bytes.
    assert!(largest.0 <= 128 * 1024 && largest.1 <= 4000 + 9400, "{largest:?}");
    assert!(largest.1 > 0);
}

#[tokio::test]
async fn a_full_log_holds_the_program_back() {
    let _shared = shared().await;
    let limits = Limits { bytes: 16 * 1024, records: 100_000 };
    let child = spawn(sh("yes 0123456789")).unwrap();
    let mut running = Running::supervise(child, LogOptions { limits, ..LogOptions::default() });
    running.line("0123456789").await;
    let mut last = running.log.next_seq();
    // It comes to rest: nobody reads.
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = running.log.next_seq();
        if now == last {
            break;
        }
        last = now;
    }
    let queued = running.reader.queued();
    assert!(queued.0 >= 16 * 1024 && queued.0 <= 16 * 1024 + 64 * 1024, "{queued:?}");
    // The engine's own lines are taken nevertheless, and a stop works.
    running.log.line(Stream::System, "still here");
    let (exit, records, took) = running.stopped().await;
    assert_eq!((exit.stopped, exit.signal), (Some(StopMode::Graceful), Some(libc::SIGTERM)));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(texts(&records, Stream::System), ["still here"]);
    assert!(records.iter().zip(0..).all(|(record, seq)| record.seq == seq));
}

#[tokio::test]
async fn a_program_ends_although_nobody_reads_the_log() {
    let _shared = shared().await;
    let limits = Limits { bytes: 1, records: 1 };
    let child = spawn(sh("echo one; sleep 0.1; echo two; echo three")).unwrap();
    let pid = child.pid();
    let running = Running::supervise(child, LogOptions { limits, ..LogOptions::default() });
    let Running { task, mut reader, log, .. } = running;
    let exit = tokio::time::timeout(Duration::from_secs(5), task).await.expect("must end").unwrap();
    assert!(exit.success() && !exists(pid));
    drop(log);
    assert_eq!(texts(&collect(&mut reader).await, Stream::Stdout), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_program_runs_on_when_the_reader_is_gone() {
    let _shared = shared().await;
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 1, records: 1 };
    let mut spec = sh("seq 1 200000; echo done > mark");
    spec.dir = dir.path().to_owned();
    let Running { task, reader, .. } =
        Running::supervise(spawn(spec).unwrap(), LogOptions { limits, ..LogOptions::default() });
    drop(reader);
    assert!(task.await.unwrap().success());
    assert_eq!(fs::read_to_string(dir.path().join("mark")).unwrap(), "done\n");
}

#[tokio::test]
async fn bytes_and_long_lines_pass_unharmed() {
    let _shared = shared().await;
    let script = "import sys\nw = sys.stdout.buffer.write\nw(b'\\xff\\xfe\\r\\n\\0mid\\rdle\\n\\n')\nw(b'x' * 2500000 + b'\\n')\nw(b'end')";
    let (exit, records) = run(python(script)).await;
    assert!(exit.success());
    assert_eq!(&records[0].text[..], b"\xff\xfe");
    assert_eq!(&records[1].text[..], b"\0mid\rdle");
    assert_eq!(&records[2].text[..], b"");
    let long = &records[3..6];
    assert_eq!(long.iter().map(|record| record.continued).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(long.iter().map(|record| record.text.len()).sum::<usize>(), 2_500_000);
    assert_eq!(&records[6].text[..], b"end");
}

#[tokio::test]
async fn input_is_fed_and_ended() {
    let _shared = shared().await;
    let (exit, records) = run(sh("wc -c; echo end").stdin(Stdin::bytes(vec![b'x'; 1_000_000]))).await;
    assert!(exit.success());
    assert_eq!(texts(&records, Stream::Stdout), ["1000000", "end"]);
    // A program that does not read is no failure.
    let (exit, _) = run(sh("exit 3").stdin(Stdin::bytes(vec![b'x'; 1_000_000]))).await;
    assert_eq!((exit.code, exit.problem), (Some(3), None));

    let mut running = Running::start(sh("read a; echo got $a; cat; echo closed").stdin(Stdin::Pipe));
    running.control.write_stdin(b"first\n".to_vec()).unwrap();
    assert_eq!(running.line("got ").await, "first");
    running.control.write_stdin(b"second\n".to_vec()).unwrap();
    running.line("second").await;
    running.control.close_stdin().unwrap();
    let control = running.control.clone();
    let (exit, records, _) = running.end().await;
    assert!(exit.success());
    assert_eq!(texts(&records, Stream::Stdout), ["got first", "second", "closed"]);
    assert!(control.write_stdin(Vec::new()).is_err() && control.signal(libc::SIGTERM).is_err());
}

#[tokio::test]
async fn short_output_is_captured_and_cut() {
    let _shared = shared().await;
    let captured = output(sh("echo out; echo err >&2; exit 4"), 100, StopToken::never()).await.unwrap();
    assert_eq!((captured.exit.code, captured.truncated), (Some(4), false));
    assert_eq!((captured.stdout.as_slice(), captured.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    let captured = output(sh("seq 1 100000"), 10, StopToken::never()).await.unwrap();
    assert!(captured.exit.success() && captured.truncated);
    assert_eq!(captured.stdout, b"1\n2\n3\n4\n5\n");
}

#[tokio::test]
async fn a_descriptor_of_somebody_else_is_pumped_and_flushed() {
    use std::io::Write;
    let _shared = shared().await;
    let (log, mut reader) = channel::<()>(LogOptions::default());
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let (flush, pump) = attach(ours.into(), log.lines(Stream::Stdout));
    let pump = tokio::spawn(pump);
    (&theirs).write_all(b"one\ntwo").unwrap();
    drop(log);
    // `theirs` stays open: only the flush ends it.
    flush.flush(Duration::from_millis(20));
    assert!(matches!(pump.await.unwrap(), OutputEnd::Straggler));
    assert_eq!(texts(&collect(&mut reader).await, Stream::Stdout), ["one", "two"]);
    drop(theirs);
}
