/* What the commands of kaya-wal share: exit codes, where a log stands, and how things are said.
 *
 * Exit codes are part of the interface, one meaning for all commands; each command's --help says when it gives which. */
#ifndef KAYA_TOOL_H
#define KAYA_TOOL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "kaya/event.h"
#include "kaya/inspect.h"
#include "kaya/posix.h"
#include "kaya/wal.h"

enum kaya_exit {
    KAYA_EXIT_DONE = 0,
    KAYA_EXIT_PARTLY =
        1, /* append: stopped early; verify: recovery would cut or mend beyond every claim; salvage: gaps */
    KAYA_EXIT_DAMAGED = 2, /* durable bytes are missing or wrong */
    KAYA_EXIT_OTHER = 3, /* usage, no such log, locked, unsupported, no memory, a disk that does not answer */
};

/* The commands: argv[0] is "kaya-wal NAME". */
int kaya_command_append(int argc, char **argv);
int kaya_command_cat(int argc, char **argv);
int kaya_command_inspect(int argc, char **argv);
int kaya_command_verify(int argc, char **argv);
int kaya_command_salvage(int argc, char **argv);
int kaya_command_trim(int argc, char **argv);
int kaya_command_bench(int argc, char **argv);

/* place.c: from a path to an environment ------------------------------------------------------------------------ */

struct kaya_place {
    struct kaya_wal_environment environment; /* disk NULL: nothing is open */
    const char *path;                        /* as the user gave it, for messages; not owned */
    char *directory;
    char *file_name; /* NULL: the whole directory */
};

#define KAYA_PLACE_NONE ((struct kaya_place){ .path = "" })

/* Stand before the directory `path`; where `file_allowed`, also before one file in it. KAYA_OK, or the status was said. */
KAYA_MUST_CHECK enum kaya_status kaya_place_open(struct kaya_place *place, const char *path,
                                                 bool file_allowed, bool power_safe_overwrite);
/* The same with a sync method: for who writes. */
KAYA_MUST_CHECK enum kaya_status kaya_place_open_by(struct kaya_place *place, const char *path,
                                                    bool file_allowed, bool power_safe_overwrite,
                                                    enum kaya_posix_sync_method method);
void kaya_place_close(struct kaya_place *place);
/* The size of the newest segment: what new ones get where the user does not say. 0: there is none, or it does not tell. */
uint64_t kaya_place_segment_bytes(const struct kaya_place *place);

/* lines.c: records from standard input ----------------------------------------------------------------------------- */

struct kaya_lines {
    int descriptor;
    char delimiter;
    size_t length_max;
    uint64_t number; /* of the line last given, from 1 */
    char *buffer;
    size_t capacity;
    size_t start; /* of what was not given yet */
    size_t end;   /* of what was read */
    bool at_end_of_input;
};

enum kaya_line_result {
    KAYA_LINE,
    KAYA_LINE_END,
    KAYA_LINE_TOO_LONG,
    KAYA_LINE_READ_FAILED,
    KAYA_LINE_NO_MEMORY
};

void kaya_lines_init(struct kaya_lines *lines, int descriptor, char delimiter, size_t length_max);
void kaya_lines_release(struct kaya_lines *lines);
/* The next line without its delimiter, valid until the next call; reads only where no whole line is at hand. */
enum kaya_line_result kaya_lines_next(struct kaya_lines *lines, const char **bytes, size_t *length);
/* Will kaya_lines_next give a line without reading? */
bool kaya_lines_at_hand(const struct kaya_lines *lines);

/* explain.c: from facts to sentences ------------------------------------------------------------------------------- */

/* Which frame or link vouches for the damaged bytes, and in which file they stand. */
struct kaya_claimer {
    bool found;
    enum kaya_wal_item_kind kind;
    uint64_t segment;
    uint64_t offset_bytes;
    char damaged_file[KAYA_NAME_BYTES_MAX + 1]; /* "": no such file */
    const char *reason;    /* which check fails at the damaged place; "": it does not tell */
    uint64_t whole_behind; /* lost records that stand whole behind the damage, where nothing leads to them */
};

/* Look through the directory for it. Fills in what it can. */
void kaya_find_claimer(const struct kaya_place *place, const struct kaya_wal_recovery_report *report,
                       struct kaya_claimer *claimer);

/* What is wrong and what that costs, in a few indented lines. `claimer` may be NULL. */
void kaya_explain_damage(FILE *stream, const struct kaya_wal_recovery_report *report,
                         const struct kaya_claimer *claimer);

/* Say on standard error why `status` came back from trying to `verb` the log, and what to do about it; with the damage
 * where there is some. Returns the exit code of its class. */
int kaya_say_status(const struct kaya_place *place, const char *verb, enum kaya_status status,
                    const struct kaya_wal_recovery_report *report);

/* print.c: how it looks ------------------------------------------------------------------------------------------- */

/* Colours of a stream: all "" unless it is a terminal and NO_COLOR is not set. */
struct kaya_paint {
    const char *bad, *good, *warn, *faint, *strong, *plain;
};
struct kaya_paint kaya_paint_of(FILE *stream);

/* "kaya-wal: ..." and a newline on standard error. */
__attribute__((format(printf, 1, 2))) void kaya_complain(const char *format, ...);

/* Names from a directory may hold anything: control bytes go as \xNN. `escaped` is `room` bytes. Returns `escaped`. */
const char *kaya_escape(const char *text, char *escaped, size_t room);
enum { KAYA_ESCAPED_BYTES = 4 * KAYA_NAME_BYTES_MAX + 1 };

/* Offset, sixteen bytes in hex and as text, a line each. */
void kaya_print_hex_dump(FILE *stream, const void *bytes, size_t length);

/* Lower-case hex of `length` bytes and a NUL; `text` is 2 * length + 1 bytes. */
void kaya_hex(const void *bytes, size_t length, char *text);
enum { KAYA_LOG_ID_TEXT_BYTES = 33 };
void kaya_log_id_text(const struct kaya_wal_log_id *log_id, char text[KAYA_LOG_ID_TEXT_BYTES]);

/* An event as a note on standard error; a kaya_event_listener (`user` is unused). */
void kaya_print_event(void *user, const struct kaya_event *event);

/* Standard output: good; closed by its reader, which is no error; or failed, which was said once. Check it right after
 * printing, while errno still tells why. */
enum kaya_output { KAYA_OUTPUT_GOOD, KAYA_OUTPUT_CLOSED, KAYA_OUTPUT_FAILED };
enum kaya_output kaya_output_check(void);
enum kaya_output kaya_output_flush(void);

/* "4096", "64K", "16M", "1G". False: not a size. */
bool kaya_parse_size(const char *text, uint64_t *bytes);
/* Decimal digits only. False: not a number, or too large. */
bool kaya_parse_number(const char *text, uint64_t *number);
/* "32 hex digits:LSN". False: not an anchor. */
bool kaya_parse_anchor(const char *text, struct kaya_wal_anchor *anchor);

/* common.c: options that commands share --------------------------------------------------------------------------- */

enum { KAYA_OPTION_JSON = 0x200, KAYA_OPTION_ANCHOR, KAYA_OPTION_VERBOSE = 'v' };

struct kaya_common {
    const char *path;
    bool takes_segment; /* `path` may be a segment; set by the command */
    bool json;
    bool verbose;
    bool has_anchor;
    struct kaya_wal_anchor anchor;
};

/* For a command's argp parser: handles the keys above, the one path and its absence; ARGP_ERR_UNKNOWN for all others. */
error_t kaya_parse_common(int key, char *argument, struct argp_state *state, struct kaya_common *common);

/* A size from 1 to `max`, an LSN from 1: 0, or EINVAL and a message; `name` is the option's, with an LSN what stands before the message. */
error_t kaya_parse_size_option(struct argp_state *state, const char *name, const char *text, uint64_t max,
                               uint64_t *bytes);
error_t kaya_parse_lsn(struct argp_state *state, const char *name, const char *text, uint64_t *lsn);

/* json.c: one object a line ----------------------------------------------------------------------------------------- */

json_t *kaya_json_new(void);
void kaya_json_integer(json_t *object, const char *key, uint64_t value); /* held to INT64_MAX */
void kaya_json_bool(json_t *object, const char *key, bool value);
void kaya_json_text(json_t *object, const char *key, const char *text); /* escaped as kaya_escape does */
void kaya_json_hex(json_t *object, const char *key, const void *bytes, size_t length);
/* `key` as text where the bytes are UTF-8, else `key`_hex. */
void kaya_json_bytes(json_t *object, const char *key, const void *bytes, size_t length);
void kaya_json_object(json_t *object, const char *key, json_t *value); /* takes `value`, which may be NULL: no memory */
void kaya_json_report(json_t *object, const struct kaya_wal_recovery_report *report);
void kaya_json_print(json_t *object); /* one line on standard output; releases the object */

#endif
