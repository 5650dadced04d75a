/* A host that does everything wrong: every function with every kind of argument, from several threads at once. Only statuses may
 * come back, and at the end nothing may be left.
 *
 *   misuse SEED CALLS   random calls, CALLS of each function by each thread; the same SEED gives the same arguments
 *   misuse panics       against the library of the tests with SEMAPHORE_SABOTAGE_PANIC=all: every function meets a defect once
 *
 * calls.h is generated from the header, so a new function is called without a line here. */

#include <semaphore_ffi.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Random numbers of one thread; nothing = 1 gives the emptiest argument of each kind instead. */
struct dice {
    uint64_t state;
    int nothing;
};

struct function {
    const char *name;
    int64_t (*call)(struct dice *);
    int has_answer;
};

static unsigned roll(struct dice *d, unsigned sides) {
    if (d->nothing) return 0;
    uint64_t mixed = d->state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return (unsigned)((mixed ^ mixed >> 31) % sides);
}

/* Handles that were given out, open or not; all threads share them. */
enum { KEPT = 64 };
static semaphore_handle kept[KEPT];
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned kept_next;
static char directory[] = "/tmp/semaphore-misuse-XXXXXX";

static void keep(struct dice *d, semaphore_handle handle) {
    (void)d;
    if (handle == 0) return;
    pthread_mutex_lock(&kept_lock);
    semaphore_handle pushed_out = kept[kept_next % KEPT];
    kept[kept_next++ % KEPT] = handle;
    pthread_mutex_unlock(&kept_lock);
    /* So that no more than this is ever open. */
    if (pushed_out != 0) semaphore_handle_close(pushed_out);
}

/* The first byte of a handle is its kind; 0 = any, also for names that are not known here. */
static unsigned kind_of(const char *name) {
    static const char *const names[] = {"rt", "log", "op", "inst", "pool"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return i + 1;
    return 0;
}

/* The library says that this is no handle for this call: a stale one, or one of another kind, also among operations. */
static void forget(semaphore_handle handle, const char *name) {
    if (kind_of(name) != 0 && handle >> 56 != kind_of(name)) return;
    pthread_mutex_lock(&kept_lock);
    for (int i = 0; i < KEPT; i++)
        if (kept[i] == handle) kept[i] = 0;
    pthread_mutex_unlock(&kept_lock);
    semaphore_handle_close(handle);
}

static semaphore_handle open_one(struct dice *d, const char *name) {
    semaphore_handle handle = 0;
    if (strcmp(name, "rt") == 0) {
        semaphore_rt_open(NULL, 0, &handle, NULL);
        keep(d, handle);
    }
    return handle;
}

/* Most calls shall get a handle of the right kind, or the functions behind would never run. */
static semaphore_handle any_handle(struct dice *d, const char *name) {
    if (d->nothing) return 0;
    switch (roll(d, 10)) {
    case 0: return 0;
    case 1: return (semaphore_handle)1 << roll(d, 64);
    case 2: return ~(semaphore_handle)0;
    case 3: {
        pthread_mutex_lock(&kept_lock);
        semaphore_handle any = kept[roll(d, KEPT)];
        pthread_mutex_unlock(&kept_lock);
        return any;
    }
    default: break;
    }
    unsigned kind = kind_of(name), start = roll(d, KEPT);
    pthread_mutex_lock(&kept_lock);
    semaphore_handle found = 0;
    for (unsigned i = 0; i < KEPT && found == 0; i++) {
        semaphore_handle handle = kept[(start + i) % KEPT];
        if (handle != 0 && (kind == 0 || handle >> 56 == kind)) found = handle;
    }
    pthread_mutex_unlock(&kept_lock);
    /* A stale generation of a real one, sometimes. */
    if (found != 0 && roll(d, 12) == 0) return found ^ (semaphore_handle)1 << (32 + roll(d, 24));
    return found != 0 ? found : open_one(d, name);
}

static int any_descriptor(struct dice *d) {
    int ends[2];
    switch (roll(d, 8)) {
    case 0: return -1;
    case 1: return 1000000;
    case 2: return INT32_MAX;
    case 3: return INT32_MIN;
    case 4: return open("/dev/null", O_RDONLY | O_CLOEXEC);
    case 5: return open(directory, O_RDONLY | O_CLOEXEC);
    default:
        CHECK(pipe(ends) == 0);
        if (write(ends[1], "some\noutput \xff\n rest", 18) != 18) abort();
        close(ends[1]);
        return ends[0];
    }
}

static void drop_descriptor(int fd) {
    if (fd >= 0 && fd < 1000000) close(fd);
}

static int64_t any_number(struct dice *d, const char *name) {
    static const int64_t numbers[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 64, 65, 255, 256, 258, 1000, -1, -2, -99, INT32_MAX, INT32_MIN,
                                      UINT32_MAX, INT64_MAX, INT64_MIN};
    if (strcmp(name, "fd") == 0) return any_descriptor(d);
    /* A time for which this program would wait: short ones only. */
    if (strcmp(name, "timeout_ms") == 0) return roll(d, 3);
    return numbers[roll(d, sizeof numbers / sizeof *numbers)];
}

static char documents[32][2048];
static size_t count_of_documents;

static void add_document(const char *text) {
    CHECK(count_of_documents < 32 && strlen(text) < sizeof documents[0]);
    strcpy(documents[count_of_documents++], text);
}

static void make_documents(void) {
    char text[2048];
    add_document("{}");
    add_document("null");
    add_document("[]");
    add_document("{\"version\":2}");
    add_document("{\"version\":1e400}");
    add_document("{\"queue_bytes\":65536}");
    add_document("{\"jobs\":[{\"id\":1,\"project_id\":1,\"template_id\":1},{\"id\":2,\"project_id\":1,\"template_id\":1}]}");
    add_document("{\"max_parallel\":1}");
    add_document("{\"flavour\":1,\"status\":3,\"first_seq\":18446744073709551615}");
    add_document("{\"argv\":[\"/bin/echo\",\"x\"],\"dir\":\"/\"}");
    add_document("{\"argv\":[\"/bin/cat\"],\"dir\":\"/\",\"stdin\":\"pipe\"}");
    add_document("{\"argv\":[\"cat\"],\"env\":[[\"PATH\",\"/bin\"]],\"dir\":\"/\",\"stdin\":\"pty\",\"deadline_ms\":200}");
    add_document("{\"argv\":[\"/nowhere\\u0000\"],\"dir\":\"\"}");
    add_document("{\"version\":1,\"jobs\":[{\"id\":1,\"project_id\":1,\"template_id\":1},{\"id\":2,\"project_id\":1,\"template_id\":2}]}");
    const char *config = "\"config\":{\"tmp_path\":\"%s\",\"path\":\"/usr/bin:/bin\",\"home\":\"/\"}";
    char config_of_ours[512];
    snprintf(config_of_ours, sizeof config_of_ours, config, directory);
    snprintf(text, sizeof text, "{%s,\"key_id\":1,\"project_id\":1,\"type\":\"login_password\",\"role\":\"git\",\"login\":\"x\"}", config_of_ours);
    add_document(text);
    snprintf(text, sizeof text, "{%s,\"url\":\"/nowhere\",\"branch\":\"main\",\"parent\":\"%s\",\"directory\":\"x\"}", config_of_ours, directory);
    add_document(text);
    snprintf(text, sizeof text,
             "{%s,\"job\":{\"task_id\":1,\"project_id\":1,\"template_id\":1,\"app\":\"bash\",\"playbook\":\"x.sh\",\"details\":{},\"repository\":"
             "{\"id\":1,\"name\":\"r\",\"url\":\"%s\",\"branch\":\"\",\"key\":{\"id\":1,\"kind\":{\"type\":\"none\"}}}}}",
             config_of_ours, directory);
    add_document(text);
}

/* Bytes for one call: nothing, a NULL with a length, lengths beyond all memory, no UTF-8, garbage, documents. */
static const uint8_t *any_bytes(struct dice *d, const char *name, size_t *length) {
    static const uint8_t not_text[] = "\xff\xfe\xed\xa0\x80{\"a\0\":\xc3";
    static uint8_t deep[20000];
    int is_document = strcmp(name, "p") != 0 && strncmp(name, "s", 1) != 0;
    if (deep[0] == 0) memset(deep, '[', sizeof deep);
    *length = 0;
    switch (roll(d, is_document || strcmp(name, "spec") == 0 ? 20 : 9)) {
    case 0: return NULL;
    case 1: *length = 1 + roll(d, 1000); return NULL;
    case 2: *length = SIZE_MAX - roll(d, 2); return not_text;
    case 3: *length = (size_t)PTRDIFF_MAX + 1; return not_text;
    case 4: *length = sizeof not_text; return not_text;
    case 5: *length = roll(d, sizeof deep); return deep;
    case 6: *length = 5; return (const uint8_t *)"\1\0\0\0t";
    case 7: *length = 16; return (const uint8_t *)"\1\0\0\0t\7\0\0\0hunter2";
    case 8: *length = 4; return (const uint8_t *)"a\nb\r";
    default: {
        const char *document = documents[roll(d, (unsigned)count_of_documents)];
        *length = strlen(document);
        /* Cut short, sometimes. */
        if (roll(d, 20) == 0) *length = roll(d, (unsigned)*length);
        return (const uint8_t *)document;
    }
    }
}

static uint8_t *any_room(struct dice *d, size_t *length) {
    static _Thread_local uint8_t room[SEMAPHORE_FRAME_MAX];
    static const size_t sizes[] = {0, 1, 31, 32, 64, 4096, sizeof room, sizeof room, sizeof room, SIZE_MAX};
    *length = sizes[roll(d, sizeof sizes / sizeof *sizes)];
    return roll(d, 8) ? room : NULL;
}

__attribute__((unused)) static semaphore_handle *any_places(struct dice *d, semaphore_handle *many, size_t *length) {
    static const size_t sizes[] = {0, 1, 8, 8, 8};
    *length = sizes[roll(d, 5)];
    return roll(d, 5) ? many : NULL;
}

static semaphore_err *any_error(struct dice *d, semaphore_err *error) {
    static const uint32_t sizes[] = {0, 16, sizeof(semaphore_err), sizeof(semaphore_err), sizeof(semaphore_err) + 8};
    memset(error, 0, sizeof *error);
    /* A larger structure than ours belongs to a later header; the library must not write beyond what it knows. */
    error->size = sizes[roll(d, 5)];
    return roll(d, 4) ? error : NULL;
}

static void do_nothing(void *user) { (void)user; }

static void (*any_callback(struct dice *d))(void *) { return roll(d, 2) ? do_nothing : NULL; }

static void give_back(semaphore_buf *buffer) {
    semaphore_buf_free(buffer);
    semaphore_buf_free(buffer);
    CHECK(buffer->ptr == NULL && buffer->len == 0 && buffer->cap == 0);
}

#include "calls.h"

enum { FUNCTIONS = sizeof functions / sizeof *functions, THREADS = 4 };
static int answers[FUNCTIONS];
static uint64_t seed;
static long calls_of_each;

/* A negative answer must be a status that means something to the host; a defect of the library is none. */
static int is_status(int64_t answer) { return answer >= 0 || (answer <= SEMAPHORE_E_ARG && answer >= SEMAPHORE_E_ABI); }

static unsigned rarity(const char *name) {
    if (strcmp(name, "rt_open") == 0 || strcmp(name, "rt_close") == 0) return 20;
    return strcmp(name, "handle_close") == 0 ? 5 : 1;
}

static void *misuse(void *number) {
    struct dice d = {seed * 1000003 + (uint64_t)(uintptr_t)number * 7919 + 1, 0};
    for (long round = 0; round < calls_of_each; round++) {
        for (int i = 0; i < FUNCTIONS; i++) {
            int f = (int)roll(&d, FUNCTIONS);
            /* What ends things is rarer, or nothing would ever work. */
            if (roll(&d, rarity(functions[f].name))) continue;
            int64_t answer = functions[f].call(&d);
            if (functions[f].has_answer && strcmp(functions[f].name, "build_id") && !is_status(answer)) {
                fprintf(stderr, "%s answered %" PRId64 " (seed %" PRIu64 ")\n", functions[f].name, answer, seed);
                exit(1);
            }
            if (answer >= 0) __atomic_fetch_add(&answers[f], 1, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

static int entries_of(const char *path) {
    int count = 0;
    DIR *listing = opendir(path);
    CHECK(listing != NULL);
    while (readdir(listing) != NULL) count++;
    closedir(listing);
    return count;
}

static void remove_directory(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    CHECK(system(command) == 0);
}

static int misuse_all(void) {
    int threads_before = entries_of("/proc/self/task"), descriptors_before = entries_of("/proc/self/fd");
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, misuse, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < KEPT; i++)
        if (kept[i] != 0) semaphore_handle_close(kept[i]);
    /* Closed runtimes kill what is left of their programs and end; nothing tells a host that closed the handle, so it looks. */
    int threads_after = 0, descriptors_after = 0;
    for (int round = 0; round < 1500; round++) {
        threads_after = entries_of("/proc/self/task"), descriptors_after = entries_of("/proc/self/fd");
        if (threads_after <= threads_before && descriptors_after <= descriptors_before) break;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    int worked = 0;
    for (int f = 0; f < FUNCTIONS; f++) {
        if (answers[f]) worked++;
        else printf("    %s never worked\n", functions[f].name);
    }
    printf("%d functions, %ld calls, %d functions also worked; threads %d -> %d, descriptors %d -> %d\n", FUNCTIONS,
           calls_of_each * THREADS * FUNCTIONS, worked, threads_before, threads_after, descriptors_before, descriptors_after);
    CHECK(threads_after <= threads_before && descriptors_after <= descriptors_before);
    /* Otherwise the arguments are too wrong to reach what lies behind the first look. */
    CHECK(worked * 3 >= FUNCTIONS * 2);
    return 0;
}

/* Those that have no body to fail in. */
static int cannot_panic(const char *name) {
    return strcmp(name, "abi_version") == 0 || strcmp(name, "abi_features") == 0 || strcmp(name, "build_id") == 0 ||
        strcmp(name, "ffi_abi_v1") == 0;
}

static int count_panics(semaphore_handle rt) {
    static uint8_t buffer[SEMAPHORE_FRAME_MAX];
    int count = 0;
    ptrdiff_t used;
    while ((used = semaphore_rt_poll(rt, buffer, sizeof buffer)) > 0) {
        uint32_t length;
        uint16_t kind;
        for (ptrdiff_t at = 0; at < used; at += (length + 7) / 8 * 8) {
            memcpy(&length, buffer + at, 4);
            memcpy(&kind, buffer + at + 4, 2);
            count += kind == SEMAPHORE_FRAME_PANIC;
        }
    }
    CHECK(used == 0);
    return count;
}

static int panic_everywhere(void) {
    struct dice nothing = {1, 1};
    semaphore_handle rt = 0;
    semaphore_err error = {sizeof error, 0, 0, 0, {NULL, 0, 0}};
    CHECK(semaphore_rt_open(NULL, 0, &rt, &error) == SEMAPHORE_E_PANIC && error.code == SEMAPHORE_E_PANIC && rt == 0);
    semaphore_buf_free(&error.json); /* meets its defect: the buffer stays */
    CHECK(error.json.ptr != NULL);
    semaphore_buf_free(&error.json);
    CHECK(error.json.ptr == NULL);
    CHECK(semaphore_rt_open(NULL, 0, &rt, NULL) == SEMAPHORE_OK && rt != 0);
    int met = 0;
    for (int f = 0; f < FUNCTIONS; f++) {
        const char *name = functions[f].name;
        int again = strcmp(name, "rt_open") == 0 || strcmp(name, "buf_free") == 0;
        int64_t first = functions[f].call(&nothing), second = functions[f].call(&nothing);
        if (cannot_panic(name) || again) continue;
        if (!functions[f].has_answer || first != SEMAPHORE_E_PANIC || !is_status(second)) {
            fprintf(stderr, "%s met a defect and answered %" PRId64 ", then %" PRId64 "\n", name, first, second);
            exit(1);
        }
        met++;
    }
    int told = count_panics(rt);
    printf("%d functions met a defect and worked again; %d events told of it\n", met + 2, told);
    CHECK(told == met);
    CHECK(semaphore_handle_close(rt) == SEMAPHORE_OK);
    return 0;
}

int main(int argc, char **argv) {
    CHECK(mkdtemp(directory) != NULL);
    CHECK(atexit(remove_directory) == 0);
    if (argc == 2 && strcmp(argv[1], "panics") == 0) return panic_everywhere();
    CHECK(argc == 3);
    seed = strtoull(argv[1], NULL, 10);
    calls_of_each = strtol(argv[2], NULL, 10);
    make_documents();
    printf("seed %" PRIu64 "\n", seed);
    return misuse_all();
}
