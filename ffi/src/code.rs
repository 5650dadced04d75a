//! Numbers of the C interface: statuses of calls, statuses of tasks, kinds and flags of frames, feature bits.
//!
//! Not for logic. Invariant: a number that was released is never given another meaning; gaps are reserved.

/// Names an object; 0 = none. Not a pointer: a number that was closed never names an object again.
pub type SemaphoreHandle = u64;

/// Result of a call: `SEMAPHORE_OK` or one of `SEMAPHORE_E_*`, which are negative.
pub type SemaphoreStatus = i32;

/// The call did what it says.
pub const SEMAPHORE_OK: i32 = 0;
/// An argument is missing, malformed or out of range.
pub const SEMAPHORE_E_ARG: i32 = -1;
/// The handle is stale, closed or of another kind.
pub const SEMAPHORE_E_HANDLE: i32 = -2;
/// The object is not in a state in which the call is possible.
pub const SEMAPHORE_E_STATE: i32 = -3;
/// The operation was cancelled.
pub const SEMAPHORE_E_CANCELLED: i32 = -4;
/// The deadline of the operation has passed.
pub const SEMAPHORE_E_TIMEOUT: i32 = -5;
/// A file, program or directory does not exist.
pub const SEMAPHORE_E_NOT_FOUND: i32 = -6;
/// Something exists already.
pub const SEMAPHORE_E_EXISTS: i32 = -7;
/// The operating system refuses access.
pub const SEMAPHORE_E_PERM: i32 = -8;
/// Credentials are wrong or missing.
pub const SEMAPHORE_E_AUTH: i32 = -9;
/// Any other failure of the operating system.
pub const SEMAPHORE_E_IO: i32 = -10;
/// The network or the other side failed.
pub const SEMAPHORE_E_NET: i32 = -11;
/// The child ended with a code other than 0, or by a signal.
pub const SEMAPHORE_E_EXIT: i32 = -12;
/// The child could not be started.
pub const SEMAPHORE_E_SPAWN: i32 = -13;
/// A document could not be understood.
pub const SEMAPHORE_E_PARSE: i32 = -14;
/// A bound was reached: a buffer too small, a text too long.
pub const SEMAPHORE_E_LIMIT: i32 = -15;
/// This build or this machine cannot do it.
pub const SEMAPHORE_E_UNSUPPORTED: i32 = -16;
/// Header and library do not belong together.
pub const SEMAPHORE_E_ABI: i32 = -17;
/// The library met a defect of its own; the object must only be closed, the process goes on.
pub const SEMAPHORE_E_PANIC: i32 = -99;

/// Status of a task: in the queue.
pub const SEMAPHORE_TASK_WAITING: i32 = 0;
/// Status of a task: taken from the queue.
pub const SEMAPHORE_TASK_STARTING: i32 = 1;
/// Status of a task: a plan waits for a person.
pub const SEMAPHORE_TASK_WAITING_CONFIRMATION: i32 = 2;
/// Status of a task: a person accepted the plan.
pub const SEMAPHORE_TASK_CONFIRMED: i32 = 3;
/// Status of a task: a person refused the plan.
pub const SEMAPHORE_TASK_REJECTED: i32 = 4;
/// Status of a task: being executed.
pub const SEMAPHORE_TASK_RUNNING: i32 = 5;
/// Status of a task: a stop is under way.
pub const SEMAPHORE_TASK_STOPPING: i32 = 6;
/// Status of a task: ended by a stop.
pub const SEMAPHORE_TASK_STOPPED: i32 = 7;
/// Status of a task: ended with exit code 0.
pub const SEMAPHORE_TASK_SUCCESS: i32 = 8;
/// Status of a task: anything else.
pub const SEMAPHORE_TASK_ERROR: i32 = 9;

/// Rule of statuses: the Go server's table, only `stopped` is sticky.
pub const SEMAPHORE_FLAVOUR_REFERENCE: i32 = 0;
/// Rule of statuses: all final statuses are final.
pub const SEMAPHORE_FLAVOUR_STRICT: i32 = 1;
/// Rule of statuses: none, as the logger of the Go runner.
pub const SEMAPHORE_FLAVOUR_NONE: i32 = 2;

/// Stream of a record: standard output of a child.
pub const SEMAPHORE_STREAM_STDOUT: i32 = 0;
/// Stream of a record: standard error of a child.
pub const SEMAPHORE_STREAM_STDERR: i32 = 1;
/// Stream of a record: a line of the library or its host.
pub const SEMAPHORE_STREAM_SYSTEM: i32 = 2;
/// Stream of a PARTIAL frame: what a program asks on its terminal; no record has it.
pub const SEMAPHORE_STREAM_TERMINAL: i32 = 3;
/// Added to a stream in `semaphore_log_write`: the bytes are one record, line feeds in them are kept.
pub const SEMAPHORE_STREAM_WHOLE: i32 = 256;

/// Kind of a frame: records of a log; the payload is `u32 length, bytes`, repeated. `seq` and `unix_ns` are those of the first record.
pub const SEMAPHORE_FRAME_LOG: u16 = 1;
/// Kind of a frame: the status of a log's task changed; payload `i32 status, i32 previous`.
pub const SEMAPHORE_FRAME_STATUS: u16 = 2;
/// Kind of a frame: how far git is, for who asked for it; at most ten in a second. The source is the operation; payload `u64 done,
/// u64 total` (0 = unknown) and what is counted as text.
pub const SEMAPHORE_FRAME_PROGRESS: u16 = 3;
/// Kind of a frame: an operation ended; payload `i32 status, i32 exit code, i32 signal, i32 0, u64 seq`: every record of it precedes `seq` in its log.
pub const SEMAPHORE_FRAME_OP_DONE: u16 = 4;
/// Kind of a frame: a commit was checked out; payload `u32 length, hash, u32 length, message`.
pub const SEMAPHORE_FRAME_COMMIT: u16 = 5;
/// Kind of a frame: the child of an operation runs; payload `i64 pid`.
pub const SEMAPHORE_FRAME_CHILD_STARTED: u16 = 6;
/// Kind of a frame: the library met a defect of its own; payload text.
pub const SEMAPHORE_FRAME_PANIC: u16 = 7;
/// Kind of a frame: a message of the library about itself, the level is in the flags; payload text.
pub const SEMAPHORE_FRAME_LIB_LOG: u16 = 8;
/// Kind of a frame: the runtime is down; always the last frame.
pub const SEMAPHORE_FRAME_RT_CLOSED: u16 = 9;
/// Kind of a frame: the barrier of `semaphore_log_flush`; `seq` is the next record's.
pub const SEMAPHORE_FRAME_FLUSHED: u16 = 10;
/// Kind of a frame: what there is of a line that is not complete, for live viewers only; the stream is in the flags, the whole line
/// follows as a record; payload text.
pub const SEMAPHORE_FRAME_PARTIAL: u16 = 11;
/// Kind of a frame: why a job cannot do well; payload `u32 length, code, u32 length, sentence`. The sentence is in the log as well.
pub const SEMAPHORE_FRAME_PROBLEM: u16 = 12;
/// Kind of a frame: lines of known_hosts that a job added, to be kept for the project; payload text.
pub const SEMAPHORE_FRAME_KNOWN_HOSTS: u16 = 13;
/// Kind of a frame: from here on this stage of a job works (`workspace`, `keys`, `checkout`, `inventory`, `requirements`, `run`);
/// payload `i64 begin` (nanoseconds since 1970, UTC) and the stage's name as text.
pub const SEMAPHORE_FRAME_STAGE: u16 = 14;
/// Kind of a frame: a job of a pool may begin, see `semaphore_pool_start`; the source is its operation, payload `i64 id`.
pub const SEMAPHORE_FRAME_READY: u16 = 15;
/// Kind of a frame: a pool that is drained holds no job any more; it leaves after the OP_DONE of every job. The source is the pool.
pub const SEMAPHORE_FRAME_DRAINED: u16 = 16;

/// Flags of a LOG frame: mask of the stream's number.
pub const SEMAPHORE_FLAG_STREAM: u16 = 3;
/// Flag of a LOG frame: the records hold carriage returns.
pub const SEMAPHORE_FLAG_CARRIAGE_RETURN: u16 = 4;
/// Flag of a LOG frame: the record goes on in the next one of its stream.
pub const SEMAPHORE_FLAG_CONTINUED: u16 = 8;
/// Flag of a STATUS frame: the change was made by `semaphore_log_set_status`, so the host knows it already.
pub const SEMAPHORE_FLAG_HOST: u16 = 1;

/// Level of a LIB_LOG frame: something failed.
pub const SEMAPHORE_LEVEL_ERROR: u16 = 1;
/// Level of a LIB_LOG frame: something is unusual.
pub const SEMAPHORE_LEVEL_WARN: u16 = 2;

/// Bytes of a frame's head.
pub const SEMAPHORE_FRAME_HEAD: usize = 32;
/// Frames begin at multiples of this number of bytes.
pub const SEMAPHORE_FRAME_ALIGN: usize = 8;
/// No frame is longer (bytes, head included): a buffer of this size always takes one.
pub const SEMAPHORE_FRAME_MAX: usize = 1_114_112;
/// Bytes that a log hands out beyond what was credited.
pub const SEMAPHORE_CREDIT_WINDOW: usize = 262_144;

/// Bit 0 of `semaphore_err.flags`: the same call may succeed later.
pub const SEMAPHORE_ERR_RETRYABLE: i32 = 1;

/// Mode of `semaphore_op_cancel`: follow the stop plan.
pub const SEMAPHORE_CANCEL_GRACEFUL: i32 = 0;
/// Mode of `semaphore_op_cancel`: kill at once.
pub const SEMAPHORE_CANCEL_NOW: i32 = 1;

/// Mode of `semaphore_pool_drain`: no new job is taken; those that wait or run go on to their end.
pub const SEMAPHORE_DRAIN_ALL: i32 = 0;
/// Mode of `semaphore_pool_drain`: jobs that have not begun are given back, those that run go on to their end.
pub const SEMAPHORE_DRAIN_RUNNING: i32 = 1;
/// Mode of `semaphore_pool_drain`: jobs that have not begun are given back, those that run are stopped by their plan.
pub const SEMAPHORE_DRAIN_STOP: i32 = 2;

/// Kind of git's work: make the clone, with submodules.
pub const SEMAPHORE_GIT_CLONE: i32 = 1;
/// Kind of git's work: bring clone and submodules to the head of the branch.
pub const SEMAPHORE_GIT_PULL: i32 = 2;
/// Kind of git's work: check out a commit, tag or branch.
pub const SEMAPHORE_GIT_CHECKOUT: i32 = 3;
/// Kind of git's work: fetch, and say whether the branch only went forward.
pub const SEMAPHORE_GIT_CAN_BE_PULLED: i32 = 4;
/// Kind of git's work: the hash of what is checked out.
pub const SEMAPHORE_GIT_LAST_COMMIT_HASH: i32 = 5;
/// Kind of git's work: the subject of what is checked out.
pub const SEMAPHORE_GIT_LAST_COMMIT_MESSAGE: i32 = 6;
/// Kind of git's work: the hash of the branch at the remote repository; needs no clone.
pub const SEMAPHORE_GIT_REMOTE_HASH: i32 = 7;
/// Kind of git's work: the branches of the remote repository; needs no clone.
pub const SEMAPHORE_GIT_REMOTE_BRANCHES: i32 = 8;

/// Version of the interface this header belongs to: major.
pub const SEMAPHORE_ABI_MAJOR: u32 = 1;
/// Version of the interface this header belongs to: minor, raised by every addition.
pub const SEMAPHORE_ABI_MINOR: u32 = 2;
/// Feature bit: the task logger.
pub const SEMAPHORE_FEATURE_LOG: u64 = 1;
/// Feature bit: execution of programs.
pub const SEMAPHORE_FEATURE_EXEC: u64 = 2;
/// Feature bit: whole jobs.
pub const SEMAPHORE_FEATURE_JOB: u64 = 4;
/// Feature bit: operations of git.
pub const SEMAPHORE_FEATURE_GIT: u64 = 8;
/// Feature bit: keys and agents.
pub const SEMAPHORE_FEATURE_KEY: u64 = 16;
/// Feature bit: task pools.
pub const SEMAPHORE_FEATURE_POOL: u64 = 32;

const _: () = {
    assert!(SEMAPHORE_FRAME_MAX.is_multiple_of(SEMAPHORE_FRAME_ALIGN));
    assert!(SEMAPHORE_FRAME_HEAD.is_multiple_of(SEMAPHORE_FRAME_ALIGN));
};
