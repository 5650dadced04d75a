/* The C interface of Semaphore's engine. Generated from the crate semaphore-ffi: `cargo run -p xtask -- header`; do not edit.
 *
 * Every pointer is borrowed for the time of the call and may be NULL only where its length is 0 or the text says so. Functions
 * may be called from any thread at any time; a handle that was closed is SEMAPHORE_E_HANDLE, never undefined behaviour.
 * Functions marked "Fast" return within microseconds, and nothing but semaphore_rt_wait blocks.
 *
 * Events are frames: u32 len | u16 kind | u16 flags | u64 source | u64 seq | i64 unix_ns | payload, little endian. len counts
 * head and payload; the next frame begins at the next multiple of 8.
 */

#ifndef SEMAPHORE_FFI_H
#define SEMAPHORE_FFI_H

#include <stddef.h>
#include <stdint.h>

// The call did what it says.
#define SEMAPHORE_OK 0

// An argument is missing, malformed or out of range.
#define SEMAPHORE_E_ARG -1

// The handle is stale, closed or of another kind.
#define SEMAPHORE_E_HANDLE -2

// The object is not in a state in which the call is possible.
#define SEMAPHORE_E_STATE -3

// The operation was cancelled.
#define SEMAPHORE_E_CANCELLED -4

// The deadline of the operation has passed.
#define SEMAPHORE_E_TIMEOUT -5

// A file, program or directory does not exist.
#define SEMAPHORE_E_NOT_FOUND -6

// Something exists already.
#define SEMAPHORE_E_EXISTS -7

// The operating system refuses access.
#define SEMAPHORE_E_PERM -8

// Credentials are wrong or missing.
#define SEMAPHORE_E_AUTH -9

// Any other failure of the operating system.
#define SEMAPHORE_E_IO -10

// The network or the other side failed.
#define SEMAPHORE_E_NET -11

// The child ended with a code other than 0, or by a signal.
#define SEMAPHORE_E_EXIT -12

// The child could not be started.
#define SEMAPHORE_E_SPAWN -13

// A document could not be understood.
#define SEMAPHORE_E_PARSE -14

// A bound was reached: a buffer too small, a text too long.
#define SEMAPHORE_E_LIMIT -15

// This build or this machine cannot do it.
#define SEMAPHORE_E_UNSUPPORTED -16

// Header and library do not belong together.
#define SEMAPHORE_E_ABI -17

// The library met a defect of its own; the object must only be closed, the process goes on.
#define SEMAPHORE_E_PANIC -99

// Status of a task: in the queue.
#define SEMAPHORE_TASK_WAITING 0

// Status of a task: taken from the queue.
#define SEMAPHORE_TASK_STARTING 1

// Status of a task: a plan waits for a person.
#define SEMAPHORE_TASK_WAITING_CONFIRMATION 2

// Status of a task: a person accepted the plan.
#define SEMAPHORE_TASK_CONFIRMED 3

// Status of a task: a person refused the plan.
#define SEMAPHORE_TASK_REJECTED 4

// Status of a task: being executed.
#define SEMAPHORE_TASK_RUNNING 5

// Status of a task: a stop is under way.
#define SEMAPHORE_TASK_STOPPING 6

// Status of a task: ended by a stop.
#define SEMAPHORE_TASK_STOPPED 7

// Status of a task: ended with exit code 0.
#define SEMAPHORE_TASK_SUCCESS 8

// Status of a task: anything else.
#define SEMAPHORE_TASK_ERROR 9

// Rule of statuses: the Go server's table, only `stopped` is sticky.
#define SEMAPHORE_FLAVOUR_REFERENCE 0

// Rule of statuses: all final statuses are final.
#define SEMAPHORE_FLAVOUR_STRICT 1

// Rule of statuses: none, as the logger of the Go runner.
#define SEMAPHORE_FLAVOUR_NONE 2

// Stream of a record: standard output of a child.
#define SEMAPHORE_STREAM_STDOUT 0

// Stream of a record: standard error of a child.
#define SEMAPHORE_STREAM_STDERR 1

// Stream of a record: a line of the library or its host.
#define SEMAPHORE_STREAM_SYSTEM 2

// Stream of a PARTIAL frame: what a program asks on its terminal; no record has it.
#define SEMAPHORE_STREAM_TERMINAL 3

// Added to a stream in `semaphore_log_write`: the bytes are one record, line feeds in them are kept.
#define SEMAPHORE_STREAM_WHOLE 256

// Kind of a frame: records of a log; the payload is `u32 length, bytes`, repeated. `seq` and `unix_ns` are those of the first record.
#define SEMAPHORE_FRAME_LOG 1

// Kind of a frame: the status of a log's task changed; payload `i32 status, i32 previous`.
#define SEMAPHORE_FRAME_STATUS 2

// Kind of a frame: how far git is, for who asked for it; at most ten in a second. The source is the operation; payload `u64 done,
// u64 total` (0 = unknown) and what is counted as text.
#define SEMAPHORE_FRAME_PROGRESS 3

// Kind of a frame: an operation ended; payload `i32 status, i32 exit code, i32 signal, i32 0, u64 seq`: every record of it precedes `seq` in its log.
#define SEMAPHORE_FRAME_OP_DONE 4

// Kind of a frame: a commit was checked out; payload `u32 length, hash, u32 length, message`.
#define SEMAPHORE_FRAME_COMMIT 5

// Kind of a frame: the child of an operation runs; payload `i64 pid`.
#define SEMAPHORE_FRAME_CHILD_STARTED 6

// Kind of a frame: the library met a defect of its own; payload text.
#define SEMAPHORE_FRAME_PANIC 7

// Kind of a frame: a message of the library about itself, the level is in the flags; payload text.
#define SEMAPHORE_FRAME_LIB_LOG 8

// Kind of a frame: the runtime is down; always the last frame.
#define SEMAPHORE_FRAME_RT_CLOSED 9

// Kind of a frame: the barrier of `semaphore_log_flush`; `seq` is the next record's.
#define SEMAPHORE_FRAME_FLUSHED 10

// Kind of a frame: what there is of a line that is not complete, for live viewers only; the stream is in the flags, the whole line
// follows as a record; payload text.
#define SEMAPHORE_FRAME_PARTIAL 11

// Kind of a frame: why a job cannot do well; payload `u32 length, code, u32 length, sentence`. The sentence is in the log as well.
#define SEMAPHORE_FRAME_PROBLEM 12

// Kind of a frame: lines of known_hosts that a job added, to be kept for the project; payload text.
#define SEMAPHORE_FRAME_KNOWN_HOSTS 13

// Kind of a frame: from here on this stage of a job works (`workspace`, `keys`, `checkout`, `inventory`, `requirements`, `run`);
// payload `i64 begin` (nanoseconds since 1970, UTC) and the stage's name as text.
#define SEMAPHORE_FRAME_STAGE 14

// Kind of a frame: a job of a pool may begin, see `semaphore_pool_start`; the source is its operation, payload `i64 id`.
#define SEMAPHORE_FRAME_READY 15

// Kind of a frame: a pool that is drained holds no job any more; it leaves after the OP_DONE of every job. The source is the pool.
#define SEMAPHORE_FRAME_DRAINED 16

// Flags of a LOG frame: mask of the stream's number.
#define SEMAPHORE_FLAG_STREAM 3

// Flag of a LOG frame: the records hold carriage returns.
#define SEMAPHORE_FLAG_CARRIAGE_RETURN 4

// Flag of a LOG frame: the record goes on in the next one of its stream.
#define SEMAPHORE_FLAG_CONTINUED 8

// Flag of a STATUS frame: the change was made by `semaphore_log_set_status`, so the host knows it already.
#define SEMAPHORE_FLAG_HOST 1

// Level of a LIB_LOG frame: something failed.
#define SEMAPHORE_LEVEL_ERROR 1

// Level of a LIB_LOG frame: something is unusual.
#define SEMAPHORE_LEVEL_WARN 2

// Bytes of a frame's head.
#define SEMAPHORE_FRAME_HEAD 32

// Frames begin at multiples of this number of bytes.
#define SEMAPHORE_FRAME_ALIGN 8

// No frame is longer (bytes, head included): a buffer of this size always takes one.
#define SEMAPHORE_FRAME_MAX 1114112

// Bytes that a log hands out beyond what was credited.
#define SEMAPHORE_CREDIT_WINDOW 262144

// Bit 0 of `semaphore_err.flags`: the same call may succeed later.
#define SEMAPHORE_ERR_RETRYABLE 1

// Mode of `semaphore_op_cancel`: follow the stop plan.
#define SEMAPHORE_CANCEL_GRACEFUL 0

// Mode of `semaphore_op_cancel`: kill at once.
#define SEMAPHORE_CANCEL_NOW 1

// Mode of `semaphore_pool_drain`: no new job is taken; those that wait or run go on to their end.
#define SEMAPHORE_DRAIN_ALL 0

// Mode of `semaphore_pool_drain`: jobs that have not begun are given back, those that run go on to their end.
#define SEMAPHORE_DRAIN_RUNNING 1

// Mode of `semaphore_pool_drain`: jobs that have not begun are given back, those that run are stopped by their plan.
#define SEMAPHORE_DRAIN_STOP 2

// Kind of git's work: make the clone, with submodules.
#define SEMAPHORE_GIT_CLONE 1

// Kind of git's work: bring clone and submodules to the head of the branch.
#define SEMAPHORE_GIT_PULL 2

// Kind of git's work: check out a commit, tag or branch.
#define SEMAPHORE_GIT_CHECKOUT 3

// Kind of git's work: fetch, and say whether the branch only went forward.
#define SEMAPHORE_GIT_CAN_BE_PULLED 4

// Kind of git's work: the hash of what is checked out.
#define SEMAPHORE_GIT_LAST_COMMIT_HASH 5

// Kind of git's work: the subject of what is checked out.
#define SEMAPHORE_GIT_LAST_COMMIT_MESSAGE 6

// Kind of git's work: the hash of the branch at the remote repository; needs no clone.
#define SEMAPHORE_GIT_REMOTE_HASH 7

// Kind of git's work: the branches of the remote repository; needs no clone.
#define SEMAPHORE_GIT_REMOTE_BRANCHES 8

// Version of the interface this header belongs to: major.
#define SEMAPHORE_ABI_MAJOR 1

// Version of the interface this header belongs to: minor, raised by every addition.
#define SEMAPHORE_ABI_MINOR 2

// Feature bit: the task logger.
#define SEMAPHORE_FEATURE_LOG 1

// Feature bit: execution of programs.
#define SEMAPHORE_FEATURE_EXEC 2

// Feature bit: whole jobs.
#define SEMAPHORE_FEATURE_JOB 4

// Feature bit: operations of git.
#define SEMAPHORE_FEATURE_GIT 8

// Feature bit: keys and agents.
#define SEMAPHORE_FEATURE_KEY 16

// Feature bit: task pools.
#define SEMAPHORE_FEATURE_POOL 32

// Bytes owned by the library: give them back with `semaphore_buf_free`.
typedef struct {
    // First byte; NULL if empty.
    uint8_t *ptr;
    // Bytes in use.
    size_t len;
    // Bytes allocated; not for the host.
    size_t cap;
} semaphore_buf;

// Result of a call: `SEMAPHORE_OK` or one of `SEMAPHORE_E_*`, which are negative.
typedef int32_t semaphore_status;

// Names an object; 0 = none. Not a pointer: a number that was closed never names an object again.
typedef uint64_t semaphore_handle;

// What went wrong. The caller sets `size` to `sizeof(semaphore_err)` and everything else to zero; a library that is older
// than the header leaves the fields it does not know alone. `json` is owned by the library: give it back with
// `semaphore_buf_free` before the structure is used again.
typedef struct {
    // Bytes of this structure, set by the caller.
    uint32_t size;
    // One of `SEMAPHORE_E_*`.
    int32_t code;
    // `errno`, 0 = none.
    int32_t os_errno;
    // Bit 0: the same call may succeed later.
    int32_t flags;
    // `{"msg","op","chain":[..],"exit_code","signal","stderr_tail"}`.
    semaphore_buf json;
} semaphore_err;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Version of the interface, `major << 16 | minor`. A host works with a library of the same major and at least its minor. Fast.
uint32_t semaphore_abi_version(void);

// What this build can do: a set of `SEMAPHORE_FEATURE_*`. Fast.
uint64_t semaphore_abi_features(void);

// A number that tells builds of the library apart. A host that is linked statically can compare it with the number of the build that it means:
// the file of the library holds it as text, 16 hexadecimal digits behind `semaphore-build-id:`. Fast.
uint64_t semaphore_build_id(void);

// Does nothing: a host refers to it, so that a library of another major version does not link. Fast.
void semaphore_ffi_abi_v1(void);

// Gives a buffer back and empties the structure; its bytes are wiped. NULL and an emptied structure are harmless. Fast.
void semaphore_buf_free(semaphore_buf *b);

// Closes a handle of any kind; a second close is `SEMAPHORE_E_HANDLE` and harmless. Calls that are under way finish.
//
// A log ends: attached pipes are closed and what it holds is handed out without credit. An operation that still runs is
// killed; its OP_DONE comes nevertheless. A pool gives its waiting jobs back and kills those that run. A runtime closes without grace, and its events are lost. Fast.
semaphore_status semaphore_handle_close(semaphore_handle h);

// The status that a task has after `to` was set while it had `from`, by the rule `flavour` (`SEMAPHORE_FLAVOUR_*`): `to` if
// the change is allowed, else `from`. A pure function. `SEMAPHORE_E_ARG` for a number that is none. Fast.
int32_t semaphore_status_next(int32_t from,
                              int32_t to,
                              int32_t flavour);

// Opens a runtime: one thread of the library and one queue of events.
//
// `cfg` is a JSON document or nothing: `{"version":1,"queue_bytes":4194304,"child_nofile":1024}`, every field optional:
// bytes that a log holds before the pipes of its programs are no longer read; soft limit of open files of children.
semaphore_status semaphore_rt_open(const uint8_t *cfg, size_t n, semaphore_handle *rt, semaphore_err *e);

// Begins the end of a runtime: programs are stopped, after `grace_ms` killed, logs run empty without credit, RT_CLOSED is the
// last event. The handle stays, so that the events can be read; close it when RT_CLOSED came. Fast.
semaphore_status semaphore_rt_close(semaphore_handle rt,
                                    uint32_t grace_ms);

// A descriptor that becomes readable when events arrive after `semaphore_rt_poll` has answered 0: eventfd, non-blocking,
// close-on-exec. It belongs to the runtime: duplicate it to keep it. Negative status on failure. Fast.
int32_t semaphore_rt_event_fd(semaphore_handle rt);

// Takes events: whole frames, one behind the other, each beginning at a multiple of 8 bytes of `out`.
//
// Answers the bytes written; 0 = nothing is there, and the descriptor will tell; `SEMAPHORE_E_LIMIT` = the next frame is
// larger than `cap` (`SEMAPHORE_FRAME_MAX` is always enough). One thread at a time should poll. Fast.
ptrdiff_t semaphore_rt_poll(semaphore_handle rt,
                            uint8_t *out,
                            size_t cap);

// As `semaphore_rt_poll`, but waits for events up to `timeout_ms` (negative = for ever); 0 = the time is over, or RT_CLOSED
// was taken before. The only function that blocks: for hosts that cannot wait for a descriptor.
ptrdiff_t semaphore_rt_wait(semaphore_handle rt,
                            uint8_t *out,
                            size_t cap,
                            int32_t timeout_ms);

// Sets a function that is called, on any thread and with no lock held, when events arrive after `semaphore_rt_poll` has
// answered 0; it must be short and must not call the library. NULL removes it. `destroy` is called once, when `user` is no
// longer needed. Not needed by hosts that wait for the descriptor.
semaphore_status semaphore_rt_set_wakeup(semaphore_handle rt,
                                         void (*wake)(void *user),
                                         void *user,
                                         void (*destroy)(void *user));

// Figures of a runtime as JSON, for tests of leaks: open handles, children, attached descriptors, threads, queue.
semaphore_status semaphore_stats(semaphore_handle rt, semaphore_buf *json);

// Opens the log of a task. Its records arrive as LOG frames with this handle as source.
//
// `opts` is a JSON document or nothing: `{"flavour":0,"status":0,"first_seq":0}`: number of the rule of statuses, of the
// task's status, and of the first record.
semaphore_status semaphore_log_open(semaphore_handle rt,
                                    const uint8_t *opts,
                                    size_t n,
                                    semaphore_handle *log,
                                    semaphore_err *e);

// Writes any bytes: lines are split at line feeds, and the end of the bytes ends the last line; with
// `SEMAPHORE_STREAM_WHOLE` added to `stream` they are one record. `unix_ns` is its time, 0 = now. Never refused while the log
// is open. Fast.
semaphore_status semaphore_log_write(semaphore_handle log,
                                     int32_t stream,
                                     int64_t unix_ns,
                                     const uint8_t *p,
                                     size_t n);

// Sets the status of the task, if the log's rule allows it: `changed` becomes 1, else 0 (may be NULL). A STATUS frame
// follows; that of a final status comes behind the output of attached pipes. Fast.
semaphore_status semaphore_log_set_status(semaphore_handle log, int32_t status, int32_t *changed);

// The status of the task (`SEMAPHORE_TASK_*`), or a negative status of the call. Fast.
int32_t semaphore_log_status(semaphore_handle log);

// Notes the commit that was checked out; a COMMIT frame follows at its place among the records. Fast.
semaphore_status semaphore_log_set_commit(semaphore_handle log,
                                          const uint8_t *hash,
                                          size_t hn,
                                          const uint8_t *msg,
                                          size_t mn);

// Gives the library the read end of a pipe (or a socket, or a terminal) of a program that the host starts: its lines become
// records. The descriptor is made non-blocking and closed at its end, or with the log. It belongs to the library if and only
// if the answer is `SEMAPHORE_OK`. Fast.
semaphore_status semaphore_log_attach_fd(semaphore_handle log,
                                         int32_t fd,
                                         int32_t stream);

// Puts a barrier into the log: a FLUSHED frame comes once attached pipes and programs are at their end, or when pipes that
// somebody still holds brought nothing for `straggler_ms` after the call (at the latest after ten times that, unless the
// host is behind). To be called when the writers are believed to be gone. Fast.
semaphore_status semaphore_log_flush(semaphore_handle log,
                                     uint32_t straggler_ms);

// Says that `bytes` of this log's frames were dealt with (the sum of their lengths, each rounded up to 8). A log hands out
// `SEMAPHORE_CREDIT_WINDOW` bytes beyond what was credited, then it waits, and its programs with it. Fast.
semaphore_status semaphore_log_credit(semaphore_handle log,
                                      uint32_t bytes);

// Starts a program in a session of its own, with its output in `log`. OP_DONE with the operation's handle as source tells
// its end, also if it could not be started.
//
// `spec` is a JSON document: `{"version":1,"argv":["bash","x.sh"],"env":[["PATH","/usr/bin"]],"dir":"/srv",
// "stdin":"null","prompts":[],"stop":"shell","grace_ms":1500,"stop_timeout_ms":120000,"deadline_ms":60000,"nofile":1024,"search_path":"/usr/bin",
// "process":{"user":"ann","uid":1000,"gid":1000,"chroot":"/srv/root"}}`; `argv` and `dir` are needed. Nothing is inherited: `env` is the whole environment, and its PATH is where a bare program name is looked for.
// `stdin`: `null`; `bytes` (those at `stdin_p`, then the end); `pipe` (those at `stdin_p`, then `semaphore_exec_answer`);
// `pty` (a terminal, whose `prompts` are answered with the bytes at `stdin_p`: `u32 length, bytes` for each).
// `stop`: `shell`, `ansible` or `terraform`. `grace_ms` is how long each polite signal of the plan has before the next one, or the
// kill; 1500 unless given. The time of an orderly end of `terraform` is `stop_timeout_ms`.
// A bare program name is looked for in `search_path`, if given, before PATH.
// `process`: as whom it runs. A name gives user, primary and supplementary groups, a `uid` that the machine knows too; `gid` overrides
// the primary group; program and `dir` are meant below `chroot`. Who does not exist is `SEMAPHORE_E_PERM`: nothing runs as somebody else.
semaphore_status semaphore_exec_start(semaphore_handle rt,
                                      const uint8_t *spec,
                                      size_t n,
                                      const uint8_t *stdin_p,
                                      size_t stdin_n,
                                      semaphore_handle log,
                                      semaphore_handle *op,
                                      semaphore_err *e);

// Sends a signal to the program's process group; `SEMAPHORE_E_STATE` once it has ended. Never reaches a stranger. Fast.
semaphore_status semaphore_exec_signal(semaphore_handle op, int32_t sig);

// Writes bytes to the program's input (`stdin` is `pipe`), or types them on its terminal (`pty`); they are copied, and wiped
// when they were written. Fast.
semaphore_status semaphore_exec_answer(semaphore_handle op,
                                       const uint8_t *p,
                                       size_t n);

// Ends the program's input behind everything that was written. Fast.
semaphore_status semaphore_exec_close_stdin(semaphore_handle op);

// Asks an operation to end: `SEMAPHORE_CANCEL_GRACEFUL` by its stop plan, `SEMAPHORE_CANCEL_NOW` by killing. Its end is told
// by OP_DONE. Repeating it changes nothing. Fast.
semaphore_status semaphore_op_cancel(semaphore_handle op,
                                     int32_t mode);

// Takes the result of an operation after OP_DONE and closes its handle. Answers the operation's own status and fills `e` if
// that is a failure; `json` (may be NULL) becomes the result's document in both cases. Before OP_DONE: `SEMAPHORE_E_STATE`,
// and nothing is closed. Fast.
//
// The document of a program: `{"pid","text","exit_code","signal","core_dumped","stopped","deadline","stragglers","problem"}`,
// or `{"error"}` if it did not start. Of a job: `{"outcome":"success|failed|stopped|broken","status":"success|error|stopped",
// "problems":[{"code","message"}],"known_hosts":".."}`, with `commit` (`{"hash","message"}`), `plan` (of Terraform and its kin:
// `{"add","change","destroy","import"}`, numbers of resources), `text` (what the Go server says),
// `reason` (of a stop), `stage` and `error` where they apply, and `programs` if the job was started with `tell_programs`: before each
// start `{"argv","dir","env","files"}`; of variables and of files that arguments name the SHA-256 is told. Of git: see `semaphore_git_start`.
semaphore_status semaphore_op_result(semaphore_handle op,
                                     semaphore_buf *json,
                                     semaphore_err *e);

// Does one piece of git's work (`SEMAPHORE_GIT_*`) and tells its end by OP_DONE. What git says goes to `log`, or nowhere if that is
// 0; `inst` is an installed key of the same runtime for the remote repository, or 0.
//
// `spec` is a JSON document: `{"version":1,"config":{..},"url":"https://host/x.git","branch":"main","parent":"/srv","directory":"x",
// "commit":"v1.0","host_key_mode":"off","known_hosts_file":null,"deadline_ms":null,"progress":false}`; `config` is that of `semaphore_job_start`;
// `commit` is for checkout; `host_key_mode` is `off`, `accept-new` or `strict`. The clone is `parent`/`directory`. With
// `progress`, PROGRESS frames (source: the operation) tell how far git is; the log says the same as without. The client `go_git` tells it
// of clones only.
//
// Results: `{}` of clone, pull and checkout; `{"can_be_pulled":true}`; `{"hash":".."}`; `{"message":".."}`; `{"branches":[".."]}`.
semaphore_status semaphore_git_start(semaphore_handle rt,
                                     int32_t kind,
                                     const uint8_t *spec,
                                     size_t n,
                                     semaphore_handle inst,
                                     semaphore_handle log,
                                     semaphore_handle *op,
                                     semaphore_err *e);

// Starts a job: checks out its repository, installs keys and inventories, runs its app, and cleans up. Everything it says goes to
// `log`, in order: LOG, STATUS, COMMIT, STAGE, PARTIAL, PROBLEM and KNOWN_HOSTS frames with the log's handle as source; OP_DONE with the
// operation's handle tells its end, when no process or file of it is left.
//
// `spec` is a JSON document: `{"version":1,"config":{..},"job":{..},"deadline_ms":3600000,"tell_programs":false}`. `config`: `tmp_path`, `path` (PATH)
// and `home` are needed; `home_dir_mode` (`template_dir`, `project_home`, `user_home`), `env` (`[["NAME","value"]]`), `apps`
// (`{"bash":{"path":"/bin/bash","args":[]}}`), `ssh_config_path`, `child_nofile`, `git_client` (`cmd_git`, `go_git`), `process`
// (`{"user","uid","gid","chroot","sandbox","sandbox_paths"}`), `private_paths`, `prompt_timeout_ms`, `terraform_stop_timeout_ms`. `job`: `task_id`, `project_id`,
// `template_id`, `app`, `playbook`, `repository` (`{"id","name","url","branch","key":{"id","kind":{"type":"none"}}}`) and `details`
// are needed; the rest is described with the Go structures of the package `taskrunner`. A secret is `{"secret":"name"}` there; its value
// is in `secrets`: `u32 length, name, u32 length, value`, repeated. Secrets are hidden in all output, and wiped at the end.
//
// The log's status follows the job (`running`, `waiting_confirmation`, ...) as far as its rule allows; the final status is the
// host's to set, from the result.
semaphore_status semaphore_job_start(semaphore_handle rt,
                                     const uint8_t *spec,
                                     size_t n,
                                     const uint8_t *secrets,
                                     size_t sn,
                                     semaphore_handle log,
                                     semaphore_handle *op,
                                     semaphore_err *e);

// Answers a job whose status is `waiting_confirmation`: 1 accepts, 0 refuses. `SEMAPHORE_E_STATE` if it does not wait. Fast.
semaphore_status semaphore_job_confirm(semaphore_handle op,
                                       int32_t yes);

// Asks a job to end: `SEMAPHORE_CANCEL_GRACEFUL` by the stop plan of what it runs, `SEMAPHORE_CANCEL_NOW` by killing. As
// `semaphore_op_cancel`, but only for jobs. Fast.
semaphore_status semaphore_job_stop(semaphore_handle op,
                                    int32_t mode);

// Installs a key: a private key goes into an agent of its own on a private socket. OP_DONE with the key's handle tells that it is
// ready, or why not; the handle is open in both cases. `semaphore_handle_close` ends the agent, removes the socket and wipes the key.
//
// `spec` is a JSON document: `{"version":1,"config":{..},"key_id":5,"project_id":1,"type":"ssh","role":"git","login":"git"}`; `config`
// is that of `semaphore_job_start`. `type`: `none`, `ssh`, `login_password`, `string`. `role`: `git`, `ansible_user`,
// `ansible_become_user`, `ansible_password_vault`. `secret` is the private key (PEM), password or text, `pass` the passphrase.
semaphore_status semaphore_key_install(semaphore_handle rt,
                                       const uint8_t *spec,
                                       size_t n,
                                       const uint8_t *secret,
                                       size_t sn,
                                       const uint8_t *pass,
                                       size_t pn,
                                       semaphore_handle *inst,
                                       semaphore_err *e);

// What an installed key gives, as JSON: `{"login","socket","env":[["SSH_AUTH_SOCK",".."]],"has_password"}`. The failure of the
// installation if it failed, `SEMAPHORE_E_STATE` before its end. Fast.
semaphore_status semaphore_key_info(semaphore_handle inst,
                                    semaphore_buf *json,
                                    semaphore_err *e);

// The password or text of an installed key; `SEMAPHORE_E_NOT_FOUND` if it gives none in its role. `semaphore_buf_free` wipes it.
// A private key is never given out. Fast.
semaphore_status semaphore_key_secret(semaphore_handle inst,
                                      semaphore_buf *out);

// Opens a task pool: jobs wait in it for their turn, first come, first served, except that a job which a limit holds back does
// not hold back those behind it.
//
// `cfg` is a JSON document or nothing: `{"version":1,"max_parallel":10,"projects":{"7":2}}`: jobs that run at once in the pool and in
// a project; 0 or absent = no limit. Two jobs of one template run at once only if the later says `allow_parallel`.
semaphore_status semaphore_pool_open(semaphore_handle rt,
                                     const uint8_t *cfg,
                                     size_t n,
                                     semaphore_handle *pool,
                                     semaphore_err *e);

// Replaces the limits of a pool; `cfg` as in `semaphore_pool_open`. What runs goes on.
semaphore_status semaphore_pool_limits(semaphore_handle pool, const uint8_t *cfg, size_t n, semaphore_err *e);

// Puts jobs behind those that wait, all or none, and writes the handles of their operations into `ops`, in the same order.
//
// `jobs` is a JSON document: `{"version":1,"jobs":[{"id":17,"project_id":1,"template_id":3,"allow_parallel":false}]}`. `id` is the
// host's number for the job; `SEMAPHORE_E_EXISTS` if a job of the pool has it, until that job's OP_DONE. What the job is and what
// secrets it needs is asked for when it is its turn: a READY frame (source: the operation, payload `i64 id`) is answered with
// `semaphore_pool_start`. `*ops_n` becomes the number of jobs; `SEMAPHORE_E_LIMIT` if that is more than `ops_cap`. A pool that is
// drained refuses with `SEMAPHORE_E_STATE`.
//
// An operation tells its status in STATUS frames (source: the operation): `starting` with READY, then what the job reaches, `waiting`
// when it goes back into the queue, and the final one; then OP_DONE. `semaphore_op_cancel`, `semaphore_job_confirm`,
// `semaphore_job_stop` and `semaphore_op_result` work as for `semaphore_job_start`. The result of a job that never began is
// `SEMAPHORE_E_CANCELLED`; its document says `"status":"stopped"` if it was cancelled, and `"waiting"` if the pool gave it back.
semaphore_status semaphore_pool_submit(semaphore_handle pool,
                                       const uint8_t *jobs,
                                       size_t n,
                                       semaphore_handle *ops,
                                       size_t ops_cap,
                                       size_t *ops_n,
                                       semaphore_err *e);

// Starts a job whose READY frame came: `spec`, `secrets` and `log` as in `semaphore_job_start`. `SEMAPHORE_E_STATE` if it is not
// its turn (it was cancelled, sent back or started meanwhile). After any other failure it is still its turn: start it otherwise,
// cancel it, or send it back; until then it keeps its place.
semaphore_status semaphore_pool_start(semaphore_handle op,
                                      const uint8_t *spec,
                                      size_t n,
                                      const uint8_t *secrets,
                                      size_t sn,
                                      semaphore_handle log,
                                      semaphore_err *e);

// The jobs of a pool at one moment, as JSON: `{"max_parallel":10,"drain":null,"queue":[..],"running":[..]}`, the queue in its order,
// the running (and starting) ones in the order in which they began; each
// `{"id","project_id","template_id","status","queued_ns","began_ns"}` (nanoseconds since 1970, UTC).
semaphore_status semaphore_pool_snapshot(semaphore_handle pool,
                                         semaphore_buf *json);

// Ends a job by its number, as `semaphore_op_cancel` does by its operation: one that waits never begins. `SEMAPHORE_E_NOT_FOUND`
// if the pool has no such job. Fast.
semaphore_status semaphore_pool_cancel(semaphore_handle pool,
                                       int64_t id,
                                       int32_t mode);

// Sends a job that is starting or running back behind those that wait, where it rests for at least `delay_ms`; one that runs is
// stopped first by its plan (if it succeeds nevertheless it is done). Its READY comes again; `semaphore_pool_start` may give it
// another log. `SEMAPHORE_E_STATE` if it waits or is ending, or the pool gives jobs back. Fast.
semaphore_status semaphore_pool_requeue(semaphore_handle pool,
                                        int64_t id,
                                        uint32_t delay_ms);

// The end of a pool: it takes no more jobs, and those it has end as `mode` says (`SEMAPHORE_DRAIN_*`); a stronger mode may follow.
// When every OP_DONE is told, a DRAINED frame (source: the pool) follows; then close the handle.
semaphore_status semaphore_pool_drain(semaphore_handle pool,
                                      int32_t mode);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SEMAPHORE_FFI_H */
