/* Real processes, real files: a writer that is killed at any moment loses nothing it acknowledged (P2, P3, P10).
 *
 * Goal: what the simulator proves on a disk in memory, seen once with the program, pipes, signals and the file system.
 *
 * Method: 200 sessions on one directory. In each a child `kaya-wal append` is fed lines through a pipe, in pieces that end
 * anywhere; the LSNs it prints are gathered; at a moment drawn from the seed it gets SIGKILL. Beside it run `cat` and
 * `verify`, begun at drawn moments, recovery included, and a second writer that must be refused. Afterwards the directory
 * is read and compared with what was fed:
 *   - every acknowledged line is there, byte for byte, at its LSN;
 *   - whatever else is there is what was fed next, in order: nothing invented, left out or twice;
 *   - nothing is ever called damaged;
 *   - the next session goes on behind exactly what was found (P3);
 *   - the directory holds live bytes plus a constant, also once the log was opened after many crashes with nothing appended;
 *   - no file is longer than a segment: what recovery carries always fits a spare.
 * Each session writes by another of the sync methods that can be had here. Some sessions end with a trim; some more run on a second log, in padding mode. A line is a function of its number, so the model is one number a record.
 *
 * Usage: plain_kill [SESSIONS [SEED]] */
#define _GNU_SOURCE
#include "harness.h"

#include <time.h>

enum {
    SESSIONS = 200,
    PADDED_SESSIONS = 30,           /* more, on a log for disks without power-safe overwrite */
    PADDED_RECORD_BYTES = 2 * 4096, /* at most: a record alone in its sync, and a claim */
    LINES_MAX = 400000,
    SEGMENT_BYTES = 64 * 1024, /* small, so that sessions rotate, recycle and carry */
    LINE_BYTES_MAX = 12000,    /* spans blocks */
    STREAM_BYTES = 96 * 1024,  /* fed in one session, at most */
    SIDES_MAX = 4,
    METHODS_MAX = 5,
    TRIM_EVERY = 7,
    EMPTY_CRASHES = 40,
    LONGEST_START_US = 5000000,
    LINES_APART = 100000, /* more than one session is fed: no line that was lost looks like a later one */
};
#define SEGMENT_OPTION "--segment-bytes=65536"

static char workplace[HARNESS_PATH_BYTES];
static char directory[HARNESS_PATH_BYTES + 16];

/* The model: record LSN holds line line_of[LSN]; records first_lsn .. last_lsn are there. */
static uint32_t line_of[LINES_MAX];
static uint32_t session_of[LINES_MAX]; /* that appended it */
static uint64_t first_lsn = 1;
static uint64_t last_lsn;
static uint32_t next_line = 1;
static bool is_padded;

/* The sync methods that can be had here: each session takes one, and goes on behind another's. */
static const char *method_options[METHODS_MAX];
static uint64_t method_count;

static struct {
    uint64_t sessions_by_method[METHODS_MAX];
    uint64_t acknowledged, found_more, live_looks, busy_looks, refused_writers, trims, early_kills;
} seen;

/* A line ------------------------------------------------------------------------------------------------------------ */

/* Its number as text, then bytes of any value but newline. */
static size_t make_line(uint32_t number, char line[LINE_BYTES_MAX])
{
    uint64_t random = mix(number);
    size_t length = (size_t)snprintf(line, LINE_BYTES_MAX, "line %" PRIu32 " ", number);
    size_t more = random % 64 == 0 ? random / 64 % (LINE_BYTES_MAX - 64) : random / 64 % 300;

    if (random % 37 == 0)
        return 0; /* an empty record is a record */
    for (size_t i = 0; i < more; i++) {
        char byte = (char)mix(random + i);
        line[length++] = byte == '\n' ? ' ' : byte;
    }
    return length;
}

/* Check that `output` holds the lines of the model's records from first_lsn on, then of `more` lines fed behind them from
 * `next_line_then` on. Returns how many records it holds. */
static uint64_t check_lines(const char *what, const char *output, size_t length, uint32_t next_line_then)
{
    static char line[LINE_BYTES_MAX];
    uint64_t lsn = first_lsn;

    for (size_t at = 0; at < length; lsn++) {
        uint32_t number = lsn <= last_lsn ? line_of[lsn] : next_line_then + (uint32_t)(lsn - last_lsn - 1);
        size_t line_length = make_line(number, line);
        CHECK(length - at > line_length, "%s: record %" PRIu64 " is cut short", what, lsn);
        CHECK(memcmp(output + at, line, line_length) == 0 && output[at + line_length] == '\n',
              "%s: record %" PRIu64 " is not line %" PRIu32 " that was appended there", what, lsn, number);
        at += line_length + 1;
    }
    return lsn - first_lsn;
}

/* What runs beside the writer --------------------------------------------------------------------------------------- */

enum side_kind { SIDE_CAT, SIDE_VERIFY, SIDE_WRITER };

struct side {
    enum side_kind kind;
    struct child child;
    uint64_t acknowledged_before; /* by this session's writer when the side began */
};

static struct side begin_side(enum side_kind kind, uint64_t acknowledged_before)
{
    static const char *const commands[] = { "cat", "verify", "append" };
    const char *argv[] = { program("kaya-wal"), commands[kind], directory, NULL };
    struct side side = { .kind = kind, .acknowledged_before = acknowledged_before };

    side.child = spawn(argv);
    return side;
}

static void end_side(struct side *side, uint64_t fed)
{
    struct result result = finish(&side->child, NULL, 0);

    if (side->kind == SIDE_WRITER) {
        CHECK(result.code == 3 && strstr(result.error, "another writer"),
              "a second writer was not refused: exit %d, %s", result.code, result.error);
        seen.refused_writers++;
        release(&result);
        return;
    }
    seen.live_looks++;
    bool may_be_no_log = last_lsn == 0 && side->acknowledged_before == 0; /* not begun yet */
    if (may_be_no_log && result.code == 3 && strstr(result.error, "there is no log here")) {
        release(&result);
        return;
    }
    if (result.code == 3 && strstr(result.error, "KAYA_BUSY")) {
        seen.busy_looks++;
    } else if (side->kind == SIDE_CAT) {
        CHECK(result.code == 0, "cat beside a writer: exit %d, %s", result.code, result.error);
        uint64_t count = check_lines("cat beside a writer", result.output, result.output_length, next_line);
        uint64_t known = last_lsn + 1 - first_lsn;
        CHECK(count >= known + side->acknowledged_before,
              "cat beside a writer shows %" PRIu64 " records, but %" PRIu64 " were acknowledged before it began",
              count, known + side->acknowledged_before);
        CHECK(count <= known + fed, "cat beside a writer shows more than was fed");
    } else {
        CHECK(result.code == 0 || result.code == 1, "verify beside a writer: exit %d\n%s%s", result.code,
              result.output, result.error);
    }
    release(&result);
}

/* A session ---------------------------------------------------------------------------------------------------------- */

struct session {
    struct child writer;
    char *stream; /* lines to feed */
    size_t stream_length;
    size_t fed_bytes;
    uint64_t acknowledged;
    char partial[32]; /* of a number in the writer's output */
    size_t partial_length;
    struct side sides[SIDES_MAX];
    size_t side_count;
};

static uint64_t now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void fill_stream(struct session *session)
{
    static char line[LINE_BYTES_MAX];
    size_t room = 1 + draw(STREAM_BYTES);

    session->stream = malloc(STREAM_BYTES + LINE_BYTES_MAX + 1);
    CHECK(session->stream, "no memory");
    for (uint32_t number = next_line; session->stream_length < room; number++) {
        size_t length = make_line(number, line);
        memcpy(session->stream + session->stream_length, line, length);
        session->stream[session->stream_length + length] = '\n';
        session->stream_length += length + 1;
    }
}

/* Lines that were fed whole. */
static uint64_t fed_lines(const struct session *session)
{
    uint64_t count = 0;

    for (size_t i = 0; i < session->fed_bytes; i++)
        count += session->stream[i] == '\n';
    return count;
}

/* Whole numbers in the writer's output, each one above the last. A number without its newline is no acknowledgement. */
static void take_acknowledgements(struct session *session, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            CHECK(session->partial_length < sizeof(session->partial) - 1,
                  "append prints something that is no LSN");
            session->partial[session->partial_length++] = bytes[i];
            continue;
        }
        session->partial[session->partial_length] = 0;
        session->partial_length = 0;
        session->acknowledged++;
        CHECK(strtoull(session->partial, NULL, 10) == last_lsn + session->acknowledged,
              "append prints LSN %s where %" PRIu64 " comes next: recovery and cat do not agree",
              session->partial, last_lsn + session->acknowledged);
    }
}

static void read_acknowledgements(struct session *session)
{
    char bytes[4096];
    ssize_t count;

    while ((count = read(session->writer.output, bytes, sizeof(bytes))) > 0)
        take_acknowledgements(session, bytes, (size_t)count);
}

static void feed(struct session *session)
{
    size_t left = session->stream_length - session->fed_bytes;
    size_t piece = 1 + draw(draw(4) == 0 ? 9000 : 400);
    ssize_t count =
        write(session->writer.input, session->stream + session->fed_bytes, piece < left ? piece : left);

    CHECK(count > 0 || errno == EAGAIN || errno == EINTR, "the writer takes no more: %s", strerror(errno));
    session->fed_bytes += count > 0 ? (size_t)count : 0;
}

static void maybe_begin_side(struct session *session)
{
    if (session->side_count == SIDES_MAX || draw(40) != 0)
        return;
    enum side_kind kind = (enum side_kind)draw(3);
    if (kind == SIDE_WRITER && session->acknowledged == 0)
        return; /* the first one may not hold the lock yet */
    session->sides[session->side_count++] = begin_side(kind, session->acknowledged);
}

/* Feed and gather until the drawn moment: so long after the start, or after the first acknowledgement, or so many of them. */
static void run_until_the_moment(struct session *session)
{
    bool from_start = draw(4) == 0;
    uint64_t patience_us = from_start ? draw(60000) : draw(draw(2) == 0 ? 4000 : 60000);
    uint64_t acknowledged_max = draw(4) == 0 ? draw(20) : UINT64_MAX;
    uint64_t deadline_us = now_us() + (from_start ? patience_us : LONGEST_START_US);

    while (now_us() < deadline_us && session->acknowledged <= acknowledged_max) {
        bool more = session->fed_bytes < session->stream_length;
        struct pollfd files[2] = { { .fd = session->writer.output, .events = POLLIN },
                                   { .fd = more ? session->writer.input : -1, .events = POLLOUT } };
        poll(files, 2, 1);
        bool first = session->acknowledged == 0;
        read_acknowledgements(session);
        if (first && session->acknowledged > 0 && !from_start)
            deadline_us = now_us() + patience_us;
        if (files[1].revents & POLLERR)
            return; /* the writer has ended: what it said is looked at below */
        if (files[1].revents)
            feed(session);
        maybe_begin_side(session);
        if (draw(8) == 0)
            usleep((useconds_t)draw(800));
    }
}

static void kill_writer(struct session *session)
{
    /* A second writer must meet the lock of the first: wait for it before the kill lets go of it. */
    for (size_t i = 0; i < session->side_count; i++)
        if (session->sides[i].kind == SIDE_WRITER) {
            end_side(&session->sides[i], 0);
            session->sides[i] = session->sides[--session->side_count];
            i--;
        }
    kill(session->writer.pid, SIGKILL);
    fcntl(session->writer.output, F_SETFL, 0);
    read_acknowledgements(session);
    close_input(&session->writer);
    struct result result = finish(&session->writer, NULL, 0);
    CHECK(result.code == 128 + SIGKILL, "the writer ended by itself: exit %d, %s", result.code, result.error);
    CHECK(result.error_length == 0, "the writer complains: %s", result.error);
    if (session->acknowledged == 0)
        seen.early_kills++;
    release(&result);
}

/* Read the directory as recovery would; adopt what it holds. */
static void compare(uint64_t session, uint64_t acknowledged, uint64_t fed)
{
    struct result verify = run("verify", NULL, 0, directory, NULL);
    CHECK(verify.code == 0 || verify.code == 1 || (verify.code == 3 && last_lsn == 0 && acknowledged == 0),
          "after a kill verify says %d\n%s%s", verify.code, verify.output, verify.error);
    bool no_log_yet = verify.code == 3;
    release(&verify);
    if (no_log_yet)
        return;

    struct result cat = run("cat", NULL, 0, directory, NULL);
    if (cat.code == 3 && last_lsn == 0 && acknowledged == 0) {
        release(&cat);
        return; /* killed before there was a log */
    }
    CHECK(cat.code == 0, "after a kill cat says %d, %s", cat.code, cat.error);
    uint64_t known = last_lsn + 1 - first_lsn;
    uint64_t found = check_lines("after a kill", cat.output, cat.output_length, next_line);
    CHECK(found >= known + acknowledged,
          "%" PRIu64 " records are there, %" PRIu64 " were acknowledged or recovered", found,
          known + acknowledged);
    CHECK(found <= known + fed, "%" PRIu64 " records are there, only %" PRIu64 " were ever fed", found,
          known + fed);
    release(&cat);

    uint64_t fresh = found - known;
    CHECK(last_lsn + fresh < LINES_MAX, "the test's model is too small");
    for (uint64_t i = 0; i < fresh; i++) {
        line_of[++last_lsn] = next_line++;
        session_of[last_lsn] = (uint32_t)session;
    }
    next_line += LINES_APART;
    seen.acknowledged += acknowledged;
    seen.found_more += fresh - acknowledged;
}

static void run_session(uint64_t number)
{
    const char *argv[] = { program("kaya-wal"), "append", directory, SEGMENT_OPTION, NULL, NULL, NULL, NULL };
    size_t count = 4;
    struct session session = { .stream = NULL };

    if (is_padded)
        argv[count++] = "--padded";
    bool relaxed = draw(2);
    if (relaxed)
        argv[count++] = "--relaxed";
    unsigned method = (unsigned)draw(method_count);
    argv[count] = method_options[method];
    CONTEXT("session %" PRIu64 "%s%s, %s", number, relaxed ? ", relaxed" : ", strict",
            is_padded ? ", padded" : "", method_options[method]);
    seen.sessions_by_method[method]++;
    fill_stream(&session);
    session.writer = spawn(argv);
    fcntl(session.writer.input, F_SETFL, O_NONBLOCK);
    fcntl(session.writer.output, F_SETFL, O_NONBLOCK);
    run_until_the_moment(&session);
    kill_writer(&session);
    uint64_t fed = fed_lines(&session);
    for (size_t i = 0; i < session.side_count; i++)
        end_side(&session.sides[i], fed);
    compare(number, session.acknowledged, fed);
    free(session.stream);
}

/* Room --------------------------------------------------------------------------------------------------------------- */

/* What the live records need: payloads, at most 32 bytes of frame each, a frame header for each block a record spans. */
static uint64_t live_bytes(void)
{
    static char line[LINE_BYTES_MAX];
    uint64_t sum = 0;

    for (uint64_t lsn = first_lsn; lsn <= last_lsn; lsn++) {
        size_t length = make_line(line_of[lsn], line);
        sum += length + 32 + 80 * (length / 512) + (is_padded ? PADDED_RECORD_BYTES : 0);
    }
    return sum;
}

/* Where what is to be carried fits no spare, recovery makes one that is longer. */
static void check_lengths(void)
{
    DIR *stream = opendir(directory);
    char path[sizeof directory + sizeof(((struct dirent *)NULL)->d_name) + 1];
    struct dirent *entry;
    struct stat facts;

    if (!stream && errno == ENOENT) /* who was killed had not come so far */
        return;
    CHECK(stream, "%s: %s", directory, strerror(errno));
    while ((entry = readdir(stream))) {
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        CHECK(stat(path, &facts) == 0 && (!S_ISREG(facts.st_mode) || facts.st_size <= SEGMENT_BYTES),
              "%s is longer than a segment", entry->d_name);
    }
    closedir(stream);
}

/* Two blocks of eight hold headers, so full segments take a third more than what is in them. Each session since the first
 * live record begins a segment of its own; however little is in that, it reaches to the second copy of its header, which
 * stands in the block behind the middle. The constant is the segment in use, two spares, one that is on its way in or out,
 * and the part of the first segment that is trimmed but not freed. */
static void check_room(uint64_t session)
{
    uint64_t first_session = first_lsn <= last_lsn ? session_of[first_lsn] : session;
    uint64_t segments_begun = session - first_session + 1;
    uint64_t shortest = SEGMENT_BYTES / 2 + SEGMENT_BYTES / 8;
    uint64_t allowed = live_bytes() * 4 / 3 + segments_begun * shortest + 5 * SEGMENT_BYTES;
    uint64_t used = directory_bytes(directory);

    CHECK(used <= allowed,
          "the directory has grown to %" PRIu64 " bytes; %" PRIu64 " are live, %" PRIu64 " allowed", used,
          live_bytes(), allowed);
    check_lengths();
}

static void trim(uint64_t session)
{
    char lsn_text[32];
    uint64_t wanted = last_lsn - draw((last_lsn - first_lsn) / 4 + 1);

    CONTEXT("trim to %" PRIu64 " after session %" PRIu64, wanted, session);
    snprintf(lsn_text, sizeof(lsn_text), "%" PRIu64, wanted);
    struct result result = run("trim", NULL, 0, directory, lsn_text, NULL);
    CHECK(result.code == 0, "trim says %d, %s", result.code, result.error);
    uint64_t low_water = strtoull(result.output, NULL, 10);
    CHECK(low_water >= first_lsn && low_water <= wanted, "trim to %" PRIu64 " ended at %" PRIu64, wanted,
          low_water);
    first_lsn = low_water;
    seen.trims++;
    release(&result);
    compare(session, 0, 0);
    check_room(session);
}

/* Crash after crash with nothing appended: what is there stays, and one opening that is let be takes the directory back to
 * the size it had. */
static void crash_with_nothing_to_append(void)
{
    const char *argv[] = { program("kaya-wal"), "append", directory, SEGMENT_OPTION, NULL };
    uint64_t most = directory_bytes(directory) + 2 * SEGMENT_BYTES;

    for (int i = 0; i < EMPTY_CRASHES; i++) {
        CONTEXT("crash %d with nothing appended", i);
        struct child writer = spawn(argv);
        usleep((useconds_t)draw(20000));
        kill(writer.pid, SIGKILL);
        struct result result = finish(&writer, NULL, 0);
        CHECK(result.code == 128 + SIGKILL || result.code == 0, "exit %d, %s", result.code, result.error);
        release(&result);
        compare(0, 0, 0);
    }
    CONTEXT("a whole opening after %d crashes with nothing appended", EMPTY_CRASHES);
    struct result result = run("append", NULL, 0, directory, SEGMENT_OPTION, NULL);
    CHECK(result.code == 0, "exit %d, %s", result.code, result.error);
    release(&result);
    compare(0, 0, 0);
    CHECK(directory_bytes(directory) <= most,
          "the directory has grown to %" PRIu64 " bytes, at most %" PRIu64 " are due",
          directory_bytes(directory), most);
}

static void begin_log(const char *name, bool padded)
{
    snprintf(directory, sizeof(directory), "%s/%s", workplace, name);
    is_padded = padded;
    first_lsn = 1;
    last_lsn = 0;
}

static void run_sessions(uint64_t sessions)
{
    for (uint64_t session = 1; session <= sessions; session++) {
        run_session(session);
        check_room(session);
        if (session % TRIM_EVERY == 0 && last_lsn > first_lsn)
            trim(session);
    }
    crash_with_nothing_to_append();
}

static void find_methods(void)
{
    static const char *const options[METHODS_MAX] = { "--sync-method=fdatasync", "--sync-method=dsync",
                                                      "--sync-method=direct-fdatasync",
                                                      "--sync-method=direct-dsync", "--sync-method=io_uring" };

    begin_log("asked", false);
    for (size_t i = 0; i < METHODS_MAX; i++) {
        struct result result = run("append", NULL, 0, directory, options[i], NULL);
        CONTEXT("%s", options[i]);
        CHECK(result.code == 0 || (result.code == 3 && strstr(result.error, "not to be had here")),
              "exit %d, %s", result.code, result.error);
        if (result.code == 0)
            method_options[method_count++] = options[i];
        else
            printf("%s\n", result.error);
        release(&result);
    }
    remove_directory(directory);
    CHECK(method_count >= 2, "fdatasync and dsync can be had anywhere");
}

int main(int argc, char **argv)
{
    uint64_t sessions = argc > 1 ? strtoull(argv[1], NULL, 10) : SESSIONS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    signal(SIGPIPE, SIG_IGN);
    harness_random_state = seed;
    make_workplace(workplace, false);
    printf("seed %" PRIu64 ", %" PRIu64 " sessions in %s\n", seed, sessions, workplace);
    find_methods();
    begin_log("log", false);
    run_sessions(sessions);
    uint64_t bytes = directory_bytes(directory);
    remove_directory(directory);
    begin_log("padded", true);
    run_sessions(sessions < PADDED_SESSIONS ? sessions : PADDED_SESSIONS);
    remove_directory(directory);
    printf("%" PRIu64 " acknowledged and all there, %" PRIu64 " more found, %" PRIu64
           " kills before the first acknowledgement, %" PRIu64 " looks beside the writer (%" PRIu64
           " busy), %" PRIu64 " second writers refused, %" PRIu64 " trims, %" PRIu64 " bytes in the end\n",
           seen.acknowledged, seen.found_more, seen.early_kills, seen.live_looks, seen.busy_looks,
           seen.refused_writers, seen.trims, bytes);
    CHECK(seen.acknowledged > 10 * sessions && seen.live_looks > sessions / 4 &&
              seen.refused_writers > sessions / 20,
          "this run looked at too little to mean anything");
    for (size_t i = 0; i < method_count; i++) {
        printf("%" PRIu64 " sessions with %s\n", seen.sessions_by_method[i], method_options[i]);
        CHECK(seen.sessions_by_method[i] > sessions / 20, "hardly a session with %s", method_options[i]);
    }
    CHECK(seen.busy_looks * 2 <= seen.live_looks, "readers beside a writer were busy more often than not");
    rmdir(workplace);
    return 0;
}
