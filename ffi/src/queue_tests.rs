#![allow(clippy::unwrap_used)]
use std::os::fd::FromRawFd as _;

use super::*;
use crate::{
    code::{SEMAPHORE_FRAME_FLUSHED, SEMAPHORE_FRAME_OP_DONE, SEMAPHORE_FRAME_RT_CLOSED},
    frame::{self, decode},
};

const LOG: u64 = 42;

fn queue(bound: usize) -> EventQueue {
    #[expect(unsafe_code, reason = "eventfd has no safe wrapper without further features of nix")]
    // SAFETY: no pointer is involved, and the new descriptor belongs to nobody else.
    let descriptor = unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) };
    EventQueue::new(descriptor, bound)
}

/// Records with one time, numbered from `first_seq`.
fn batch(lines: &[&str], unix_ns: i64, first_seq: u64) -> Batch {
    let mut batch = Batch { unix_ns, first_seq, ..Batch::default() };
    for line in lines {
        frame::append_bytes(&mut batch.payload, line.as_bytes());
        batch.records += 1;
    }
    batch
}

fn poll(queue: &EventQueue) -> Vec<(Head, Vec<u8>)> {
    let mut out = vec![0; 2 << 20];
    let used = queue.poll(&mut out).unwrap();
    decode::frames(&out[..used])
}

fn readable(queue: &EventQueue) -> bool {
    let mut counter = [0_u8; 8];
    nix::unistd::read(&queue.descriptor, &mut counter).is_ok()
}

#[test]
fn records_of_one_time_share_a_frame_and_are_numbered_without_gaps() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    queue.push_records(LOG, batch(&["a", "b"], 1, 5)).unwrap();
    queue.push_records(LOG, batch(&["c"], 1, 7)).unwrap();
    queue.push_records(LOG, batch(&["d"], 2, 8)).unwrap();
    let frames = poll(&queue);
    let told: Vec<_> = frames.iter().map(|(head, payload)| (head.seq, decode::lines(payload))).collect();
    assert_eq!(told, [(5, vec!["a".into(), "b".into(), "c".into()]), (8, vec!["d".into()])]);
    assert!(poll(&queue).is_empty());
}

#[test]
fn the_descriptor_is_armed_by_an_empty_poll_only() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    assert!(poll(&queue).is_empty());
    assert!(!readable(&queue));
    queue.push_records(LOG, batch(&["a"], 1, 0)).unwrap();
    queue.push_records(LOG, batch(&["b"], 2, 1)).unwrap();
    assert!(readable(&queue));
    assert!(!readable(&queue), "one wake for any number of events");
    assert_eq!(poll(&queue).len(), 2);
    queue.push_records(LOG, batch(&["c"], 3, 2)).unwrap();
    assert!(!readable(&queue), "not armed before the host saw the queue empty");
    assert_eq!(poll(&queue).len(), 1);
}

#[test]
fn a_log_without_credit_stops_itself_only() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    queue.open_source(43, 0).unwrap();
    let long = "x".repeat(100_000);
    for time in 0..20 {
        queue.push_records(LOG, batch(&[&long], time, time as u64)).unwrap();
    }
    let handed = poll(&queue);
    assert_eq!(handed.len(), 3, "the window and the rest of one frame");
    for time in 0..100 {
        queue.push_records(43, batch(&["line"], time, time as u64)).unwrap();
        assert_eq!(poll(&queue).iter().filter(|(head, _)| head.source == 43).count(), 1);
    }
    assert_eq!(queue.depth().without_credit, 1);
    queue.credit(LOG, 3 * frame::size(100_004)).unwrap();
    let next = poll(&queue);
    assert_eq!(next.iter().map(|(head, _)| head.seq).collect::<Vec<_>>(), [3, 4, 5]);
}

#[test]
fn credit_wakes_a_waiting_host() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    let long = "x".repeat(300_000);
    queue.push_records(LOG, batch(&[&long], 1, 0)).unwrap();
    queue.push_records(LOG, batch(&["after"], 2, 1)).unwrap();
    assert_eq!(poll(&queue).len(), 1);
    assert!(poll(&queue).is_empty());
    assert!(!readable(&queue));
    queue.credit(LOG, usize::MAX).unwrap();
    assert!(readable(&queue));
    assert_eq!(poll(&queue).len(), 1);
}

#[test]
fn an_event_waits_for_the_records_before_it_but_not_for_credit() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    queue.push_records(LOG, batch(&["a"], 1, 0)).unwrap();
    queue.push_event(SEMAPHORE_FRAME_OP_DONE, 0, 77, vec![0; 4], Some((LOG, 1)));
    let kinds: Vec<u16> = poll(&queue).iter().map(|(head, _)| head.kind).collect();
    assert_eq!(kinds, [SEMAPHORE_FRAME_LOG, SEMAPHORE_FRAME_OP_DONE]);

    queue.push_records(LOG, batch(&[&"x".repeat(300_000)], 2, 1)).unwrap();
    queue.push_records(LOG, batch(&["kept back"], 3, 2)).unwrap();
    queue.push_event(SEMAPHORE_FRAME_OP_DONE, 0, 78, vec![0; 4], Some((LOG, 3)));
    let frames = poll(&queue);
    assert_eq!(frames.iter().map(|(head, _)| head.source).collect::<Vec<_>>(), [LOG, 78]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_log_makes_its_writer_wait_until_half_is_gone() {
    let queue = Arc::new(queue(1000));
    queue.open_source(LOG, 0).unwrap();
    for time in 0..10 {
        queue.push_records(LOG, batch(&[&"x".repeat(96)], time, time as u64)).unwrap();
    }
    assert!(queue.is_full(LOG));
    let waiting = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.wait_for_room(LOG).await }
    });
    tokio::task::yield_now().await;
    let mut out = vec![0; 4 * 136];
    queue.poll(&mut out).unwrap();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "600 of 1000 bytes still wait");
    queue.poll(&mut out).unwrap();
    waiting.await.unwrap();
    assert!(!queue.is_full(LOG));
}

#[test]
fn closing_a_log_hands_out_the_rest_without_credit() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    for time in 0..10 {
        queue.push_records(LOG, batch(&[&"x".repeat(100_000)], time, time as u64)).unwrap();
    }
    poll(&queue);
    queue.end_source(LOG);
    assert_eq!(queue.push_records(LOG, batch(&["late"], 1, 10)), Err(Closed));
    assert_eq!(poll(&queue).len(), 7);
    assert_eq!(queue.depth(), Depth::default());
}

#[test]
fn the_runtime_s_end_is_the_last_frame() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    for time in 0..10 {
        queue.push_records(LOG, batch(&[&"x".repeat(100_000)], time, time as u64)).unwrap();
    }
    queue.push_in_order(LOG, SEMAPHORE_FRAME_FLUSHED, 0, 10, Vec::new()).unwrap();
    queue.push_event(SEMAPHORE_FRAME_OP_DONE, 0, 77, Vec::new(), Some((LOG, 10)));
    queue.finish(1);
    queue.push_event(SEMAPHORE_FRAME_OP_DONE, 0, 78, Vec::new(), None);
    let mut kinds = Vec::new();
    let mut out = vec![0; 150_000];
    loop {
        let used = queue.poll(&mut out).unwrap();
        if used == 0 {
            break;
        }
        kinds.extend(decode::frames(&out[..used]).iter().map(|(head, _)| head.kind));
    }
    assert_eq!(kinds[10..], [SEMAPHORE_FRAME_FLUSHED, SEMAPHORE_FRAME_OP_DONE, SEMAPHORE_FRAME_RT_CLOSED]);
    assert_eq!(queue.wait(&mut out, None), Ok(0), "a closed queue is not waited for");
}

#[test]
fn a_buffer_smaller_than_the_next_frame_is_refused_and_nothing_is_lost() {
    let queue = queue(1 << 20);
    queue.open_source(LOG, 0).unwrap();
    queue.push_records(LOG, batch(&["0123456789"], 1, 0)).unwrap();
    assert_eq!(queue.poll(&mut [0; 40]), Err(TooSmall(48)));
    assert_eq!(poll(&queue).len(), 1);
}

#[test]
fn a_waiting_host_is_woken_by_a_writer() {
    let queue = Arc::new(queue(1 << 20));
    queue.open_source(LOG, 0).unwrap();
    let reader = std::thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.wait(&mut [0; 100], Some(Duration::from_secs(20)))
    });
    queue.push_records(LOG, batch(&["a"], 1, 0)).unwrap();
    assert_eq!(reader.join().unwrap(), Ok(40));
    assert_eq!(queue.wait(&mut [0; 100], Some(Duration::from_millis(1))), Ok(0));
}
