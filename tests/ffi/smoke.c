/* A C host: opens a runtime, runs a program into a log, reads the events, meets every kind of error, and closes cleanly. */

#include <semaphore_ffi.h>
#include <semaphore_ffi.h> /* twice, on purpose */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(semaphore_handle) == 8 && sizeof(semaphore_status) == 4, "integers of the interface");
_Static_assert(offsetof(semaphore_err, code) == 4 && offsetof(semaphore_err, json) == 16, "layout of semaphore_err");
_Static_assert(sizeof(semaphore_buf) == 3 * sizeof(void *), "layout of semaphore_buf");

uint32_t version_of_second_unit(void);

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

struct events {
    char lines[4096];
    int count_of_lines;
    int done_status;
    int done_exit_code;
    int64_t pid;
    int is_done, is_flushed, is_closed, has_commit, status, stages;
};

static const uint8_t *bytes(const char *text) { return (const uint8_t *)text; }

static int holds(const uint8_t *text, size_t length, const char *part) {
    size_t wanted = strlen(part);
    for (size_t at = 0; at + wanted <= length; at++)
        if (memcmp(text + at, part, wanted) == 0) return 1;
    return 0;
}

static semaphore_err new_error(void) {
    semaphore_err error;
    memset(&error, 0, sizeof error);
    error.size = sizeof error;
    return error;
}

/* Takes one buffer of frames apart; gives the log credit for what it took. */
static void take(const uint8_t *buffer, size_t used, semaphore_handle log, struct events *events) {
    size_t at = 0;
    while (at < used) {
        uint32_t length;
        uint16_t kind;
        uint64_t source;
        memcpy(&length, buffer + at, 4);
        memcpy(&kind, buffer + at + 4, 2);
        memcpy(&source, buffer + at + 8, 8);
        const uint8_t *payload = buffer + at + SEMAPHORE_FRAME_HEAD, *end = buffer + at + length;
        size_t size = (length + SEMAPHORE_FRAME_ALIGN - 1) / SEMAPHORE_FRAME_ALIGN * SEMAPHORE_FRAME_ALIGN;
        CHECK(length >= SEMAPHORE_FRAME_HEAD && at % SEMAPHORE_FRAME_ALIGN == 0 && at + size <= used);
        CHECK(!events->is_closed);
        switch (kind) {
        case SEMAPHORE_FRAME_LOG:
            while (payload < end) {
                uint32_t n;
                memcpy(&n, payload, 4);
                CHECK(strlen(events->lines) + n + 2 < sizeof events->lines);
                strncat(events->lines, (const char *)payload + 4, n);
                strcat(events->lines, "|");
                events->count_of_lines++;
                payload += 4 + n;
            }
            break;
        case SEMAPHORE_FRAME_STATUS: memcpy(&events->status, payload, 4); break;
        case SEMAPHORE_FRAME_COMMIT: events->has_commit = 1; break;
        case SEMAPHORE_FRAME_CHILD_STARTED: memcpy(&events->pid, payload, 8); break;
        case SEMAPHORE_FRAME_STAGE:
            CHECK(end - payload > 8); /* when it began, and its name */
            events->stages++;
            break;
        case SEMAPHORE_FRAME_FLUSHED: events->is_flushed = 1; break;
        case SEMAPHORE_FRAME_RT_CLOSED: events->is_closed = 1; break;
        case SEMAPHORE_FRAME_OP_DONE:
            memcpy(&events->done_status, payload, 4);
            memcpy(&events->done_exit_code, payload + 4, 4);
            events->is_done = 1;
            break;
        default: CHECK(!"a kind of frame that was not expected");
        }
        if (source == log) CHECK(semaphore_log_credit(log, (uint32_t)size) != SEMAPHORE_E_ARG);
        at += size;
    }
}

static uint8_t buffer[SEMAPHORE_FRAME_MAX];

static void wait_for(semaphore_handle rt, semaphore_handle log, struct events *events, const int *flag) {
    for (int round = 0; !*flag && round < 30; round++) {
        ptrdiff_t used = semaphore_rt_wait(rt, buffer, sizeof buffer, 1000);
        CHECK(used >= 0);
        take(buffer, (size_t)used, log, events);
    }
    CHECK(*flag);
}

static semaphore_handle start(semaphore_handle rt, semaphore_handle log, const char *spec) {
    semaphore_handle op = 0;
    semaphore_err error = new_error();
    semaphore_status status = semaphore_exec_start(rt, bytes(spec), strlen(spec), NULL, 0, log, &op, &error);
    if (status != SEMAPHORE_OK) fprintf(stderr, "%.*s\n", (int)error.json.len, (const char *)error.json.ptr);
    CHECK(status == SEMAPHORE_OK && op != 0);
    return op;
}

static void check_program(semaphore_handle rt, semaphore_handle log) {
    struct events events = {0};
    semaphore_handle op =
        start(rt, log, "{\"argv\":[\"/bin/sh\",\"-c\",\"echo one; echo two; printf three; exit 4\"],\"dir\":\"/\"}");
    wait_for(rt, log, &events, &events.is_done);
    CHECK(strcmp(events.lines, "one|two|three|") == 0);
    CHECK(events.pid > 0 && events.done_status == SEMAPHORE_E_EXIT && events.done_exit_code == 4);

    semaphore_buf json = {0};
    semaphore_err error = new_error();
    semaphore_status status = semaphore_op_result(op, &json, &error);
    CHECK(status == SEMAPHORE_E_EXIT && error.code == SEMAPHORE_E_EXIT);
    CHECK(holds(json.ptr, json.len, "exit status 4") && holds(error.json.ptr, error.json.len, "\"op_result\""));
    semaphore_buf_free(&json);
    semaphore_buf_free(&json);
    semaphore_buf_free(&error.json);
    CHECK(json.ptr == NULL && error.json.ptr == NULL);
    CHECK(semaphore_op_result(op, NULL, NULL) == SEMAPHORE_E_HANDLE);
}

static void check_log(semaphore_handle rt, semaphore_handle log) {
    struct events events = {0};
    int32_t changed = 0;
    int pipe_ends[2];
    CHECK(semaphore_log_write(log, SEMAPHORE_STREAM_SYSTEM, 0, bytes("a\nb"), 3) == SEMAPHORE_OK);
    CHECK(semaphore_log_set_status(log, SEMAPHORE_TASK_RUNNING, &changed) == SEMAPHORE_OK && changed == 1);
    CHECK(semaphore_log_set_status(log, SEMAPHORE_TASK_WAITING, &changed) == SEMAPHORE_OK && changed == 0);
    CHECK(semaphore_log_status(log) == SEMAPHORE_TASK_RUNNING);
    CHECK(semaphore_log_set_commit(log, bytes("abc"), 3, bytes("why"), 3) == SEMAPHORE_OK);
    CHECK(pipe(pipe_ends) == 0);
    CHECK(semaphore_log_attach_fd(log, pipe_ends[0], SEMAPHORE_STREAM_STDOUT) == SEMAPHORE_OK);
    CHECK(write(pipe_ends[1], "from a pipe\n", 12) == 12);
    close(pipe_ends[1]);
    CHECK(semaphore_log_flush(log, 10000) == SEMAPHORE_OK);
    wait_for(rt, log, &events, &events.is_flushed);
    CHECK(strcmp(events.lines, "a|b|from a pipe|") == 0);
    CHECK(events.has_commit && events.status == SEMAPHORE_TASK_RUNNING);
    CHECK(semaphore_status_next(SEMAPHORE_TASK_STOPPED, SEMAPHORE_TASK_RUNNING, SEMAPHORE_FLAVOUR_REFERENCE) ==
          SEMAPHORE_TASK_STOPPED);
}

static void check_errors(semaphore_handle rt, semaphore_handle log) {
    semaphore_handle none = 7;
    semaphore_err error = new_error();
    CHECK(semaphore_rt_open(bytes("{not json"), 9, &none, &error) == SEMAPHORE_E_PARSE);
    CHECK(none == 0 && error.code == SEMAPHORE_E_PARSE && holds(error.json.ptr, error.json.len, "\"rt_open\""));
    semaphore_buf_free(&error.json);
    CHECK(semaphore_exec_start(rt, bytes("[]"), 2, NULL, 0, log, &none, &error) == SEMAPHORE_E_PARSE);
    semaphore_buf_free(&error.json);
    CHECK(semaphore_exec_start(rt, NULL, 5, NULL, 0, log, &none, NULL) == SEMAPHORE_E_ARG);
    CHECK(semaphore_rt_open(NULL, 0, NULL, NULL) == SEMAPHORE_E_ARG);
    CHECK(semaphore_log_write(0, 0, 0, NULL, 0) == SEMAPHORE_E_HANDLE);
    CHECK(semaphore_log_write(rt, 0, 0, NULL, 0) == SEMAPHORE_E_HANDLE);
    CHECK(semaphore_op_cancel(log, SEMAPHORE_CANCEL_NOW) == SEMAPHORE_E_HANDLE);
    CHECK(semaphore_rt_poll(~(semaphore_handle)0, buffer, sizeof buffer) == SEMAPHORE_E_HANDLE);

    semaphore_handle other = 0;
    CHECK(semaphore_log_open(rt, NULL, 0, &other, NULL) == SEMAPHORE_OK);
    CHECK(semaphore_handle_close(other) == SEMAPHORE_OK);
    CHECK(semaphore_handle_close(other) == SEMAPHORE_E_HANDLE);
    CHECK(semaphore_log_status(other) == SEMAPHORE_E_HANDLE);
}

static void check_cancel(semaphore_handle rt, semaphore_handle log) {
    struct events events = {0};
    semaphore_handle op = start(rt, log, "{\"argv\":[\"/bin/sleep\",\"60\"],\"dir\":\"/\"}");
    CHECK(semaphore_op_result(op, NULL, NULL) == SEMAPHORE_E_STATE);
    CHECK(semaphore_op_cancel(op, SEMAPHORE_CANCEL_NOW) == SEMAPHORE_OK);
    wait_for(rt, log, &events, &events.is_done);
    CHECK(events.done_status == SEMAPHORE_E_CANCELLED);
    CHECK(semaphore_op_result(op, NULL, NULL) == SEMAPHORE_E_CANCELLED);
}

/* A whole job in the directory that holds nothing but this test's script, a question to git, and a key. */
static void check_job(semaphore_handle rt, semaphore_handle log) {
    char directory[] = "/tmp/semaphore-smoke-XXXXXX", path[256], spec[2048];
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/x.sh", directory);
    FILE *script = fopen(path, "w");
    CHECK(script != NULL && fputs("echo \"secret $TOKEN\"; exit 6\n", script) >= 0 && fclose(script) == 0);
    snprintf(spec, sizeof spec,
             "{\"config\":{\"tmp_path\":\"%s\",\"path\":\"/usr/bin:/bin\",\"home\":\"%s\"},\"job\":{\"task_id\":1,\"project_id\":1,"
             "\"template_id\":1,\"app\":\"bash\",\"playbook\":\"x.sh\",\"details\":{},\"environment\":{\"secrets\":[{\"name\":\"TOKEN\","
             "\"kind\":\"env\",\"value\":{\"secret\":\"t\"}}]},\"repository\":{\"id\":1,\"name\":\"r\",\"url\":\"%s\",\"branch\":\"\","
             "\"key\":{\"id\":1,\"kind\":{\"type\":\"none\"}}}}}",
             directory, directory, directory);
    struct events events = {0};
    semaphore_handle op = 0;
    semaphore_err error = new_error();
    semaphore_status status =
        semaphore_job_start(rt, bytes(spec), strlen(spec), bytes("\1\0\0\0t\7\0\0\0hunter2"), 16, log, &op, &error);
    if (status != SEMAPHORE_OK) fprintf(stderr, "%.*s\n", (int)error.json.len, (const char *)error.json.ptr);
    CHECK(status == SEMAPHORE_OK);
    wait_for(rt, log, &events, &events.is_done);
    CHECK(events.done_status == SEMAPHORE_E_EXIT && events.done_exit_code == 6 && events.stages == 6);
    CHECK(strstr(events.lines, "secret ") != NULL && strstr(events.lines, "hunter2") == NULL);
    CHECK(semaphore_job_confirm(op, 1) == SEMAPHORE_E_STATE);
    semaphore_buf json = {0};
    CHECK(semaphore_op_result(op, &json, NULL) == SEMAPHORE_E_EXIT && holds(json.ptr, json.len, "\"outcome\":\"failed\""));
    semaphore_buf_free(&json);
    CHECK(semaphore_job_stop(op, SEMAPHORE_CANCEL_NOW) == SEMAPHORE_E_HANDLE);

    CHECK(semaphore_job_start(rt, bytes("{}"), 2, NULL, 0, log, &op, &error) == SEMAPHORE_E_PARSE && op == 0);
    semaphore_buf_free(&error.json);
    CHECK(semaphore_git_start(rt, SEMAPHORE_GIT_CLONE, bytes("{}"), 2, 0, 0, &op, NULL) == SEMAPHORE_E_PARSE);
    CHECK(semaphore_key_install(rt, bytes("{}"), 2, NULL, 0, NULL, 0, &op, NULL) == SEMAPHORE_E_PARSE);
    CHECK(semaphore_key_info(log, &json, NULL) == SEMAPHORE_E_HANDLE && semaphore_key_secret(0, &json) == SEMAPHORE_E_HANDLE);
    snprintf(spec, sizeof spec, "rm -rf '%s'", directory);
    CHECK(system(spec) == 0);
}

int main(void) {
    CHECK(semaphore_abi_version() >> 16 == SEMAPHORE_ABI_MAJOR);
    CHECK(semaphore_abi_version() == version_of_second_unit());
    CHECK((semaphore_abi_features() & SEMAPHORE_FEATURE_EXEC) != 0);
    semaphore_ffi_abi_v1();

    semaphore_handle rt = 0, log = 0;
    semaphore_err error = new_error();
    CHECK(semaphore_rt_open(bytes("{\"version\":1}"), 13, &rt, &error) == SEMAPHORE_OK && rt != 0);
    CHECK(semaphore_rt_event_fd(rt) >= 0);
    CHECK(semaphore_log_open(rt, NULL, 0, &log, &error) == SEMAPHORE_OK && log != 0);

    check_program(rt, log);
    check_log(rt, log);
    check_errors(rt, log);
    check_cancel(rt, log);
    check_job(rt, log);

    struct events events = {0};
    CHECK(semaphore_handle_close(log) == SEMAPHORE_OK);
    CHECK(semaphore_rt_close(rt, 1000) == SEMAPHORE_OK);
    wait_for(rt, log, &events, &events.is_closed);
    semaphore_buf json = {0};
    CHECK(semaphore_stats(rt, &json) == SEMAPHORE_OK && holds(json.ptr, json.len, "\"log\":0"));
    semaphore_buf_free(&json);
    CHECK(semaphore_handle_close(rt) == SEMAPHORE_OK);
    CHECK(semaphore_handle_close(rt) == SEMAPHORE_E_HANDLE);
    return 0;
}
