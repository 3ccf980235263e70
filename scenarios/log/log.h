/* The log as a subject, as its own files see it: log_subject.c decides what is done, these do it and tell the oracle.
 *
 * All calls: KAYA_OK, or what the runner must know: KAYA_GONE (crashed underneath), KAYA_BUSY (this boot is over), KAYA_NO_MEMORY (the
 * simulator's own), or a failure of the log that a fault asks for. */
#ifndef KAYA_SCENARIOS_LOG_LOG_H
#define KAYA_SCENARIOS_LOG_LOG_H

#include "kaya/reader.h"
#include "kaya/scenarios/log_subject.h"
#include "kaya/scenarios/look_check.h"
#include "kaya/scenarios/player.h"
#include "kaya/wal.h"

struct kaya_log {
    struct kaya_player player;
    struct kaya_log_sizes sizes; /* what the log was opened with last */
    struct kaya_oracle *oracle;
    struct kaya_wal_writer *writer;   /* of the running boot */
    struct kaya_wal_reader *follower; /* of the running boot, kept open until the log is closed; NULL: none */
    uint64_t foreign_bytes;           /* in files that somebody else put into the directory */
    struct kaya_claims *claims;       /* told of every operation that may write; NULL: nobody asks */
    struct kaya_damage_watch *damage; /* where media may be damaged; NULL: nowhere */
    struct kaya_outlook outlook;      /* of the last look at it */
    struct kaya_wal_anchor anchor;    /* of the last open, if it had one */
    bool has_anchor;
    bool is_over; /* refused, and nobody can help */
    bool fresh;   /* nothing strict was appended since the last recovery */
    uint64_t refusals;
    struct kaya_look_check *look_check; /* made when one is wanted first */
    bool counts_look;                   /* the one under way is checked by it */
};

enum { KAYA_FILES_MAX = 8 };
struct kaya_file_names {
    char names[KAYA_FILES_MAX][KAYA_NAME_BYTES_MAX + 1];
    size_t count;
};

/* --- log.c: shared by all --- */

/* What the log said, as far as anybody could hear it; the oracle is told what struck. */
enum kaya_status kaya_log_heard(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                enum kaya_status status);
static inline void kaya_log_trace(struct kaya_log *log, enum kaya_trace_kind kind, const char *text,
                                  enum kaya_status status, uint64_t a, uint64_t b, uint64_t c)
{
    kaya_player_trace(&log->player, kind, text, status, a, b, c);
}
/* `record_count` records are about to be appended (0: none), or `recovery`. */
void kaya_log_tell_claims(struct kaya_log *log, uint64_t record_count, bool recovery);
void kaya_log_tell_recovered(struct kaya_log *log, const struct kaya_wal_recovery_report *report);
/* P8: right after a trim or recovery. KAYA_NO_MEMORY. */
enum kaya_status kaya_log_judge_disk_use(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                         struct kaya_violation *violation);
struct kaya_wal_config kaya_log_config_of(struct kaya_log *log);
/* The first files of the directory in order of their names, as anybody may see them. */
void kaya_log_file_names(const struct kaya_sim_machine *machine, struct kaya_file_names *names);

/* --- looks.c: who looks --- */

/* Before anybody looks: what may be found? */
enum kaya_status kaya_log_foresee(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  uint64_t anchor_lsn);
/* F4: what an open or recovery, foreseen so, told of the bits that it mended. */
void kaya_log_judge_mended(struct kaya_log *log, enum kaya_status status, struct kaya_violation *violation);
/* P10 */
void kaya_log_expect_untouched(const struct kaya_sim_machine *machine,
                               const struct kaya_sim_disk_usage *before, struct kaya_violation *violation);
/* Who was refused, of a log that was there, has taken the lock and nothing else. */
void kaya_log_expect_refused(const struct kaya_sim_machine *machine, const struct kaya_sim_disk_usage *before,
                             const char *what, struct kaya_violation *violation);
/* Every byte of every file, as `cp` would: what the crash left undecided is decided. */
void kaya_log_copy_files(struct kaya_log *log, const struct kaya_sim_machine *machine);
/* Everything there is, against everything there should be. `beside`: as another process would, without the writer. */
enum kaya_status kaya_log_read_all(struct kaya_log *log, const struct kaya_sim_machine *machine, bool beside,
                                   struct kaya_violation *violation);
/* Only what is durable, through the writer. */
enum kaya_status kaya_log_read_durable(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                       uint64_t durable_lsn, struct kaya_violation *violation);
void kaya_log_end_follower(struct kaya_log *log);
/* A reader over further operations: opened by the first call, read on by later ones. */
enum kaya_status kaya_log_follow(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation);
/* Count what stands in the directory, before one look of so many, by the number of the last record (kaya_look_check_begin); *counted: this is one. Not where what is read may
 * be another thing than what stands there. KAYA_NO_MEMORY. */
enum kaya_status kaya_log_count(struct kaya_log *log, const struct kaya_sim_machine *machine, unsigned one_of,
                                bool *counted, struct kaya_violation *violation);
enum kaya_status kaya_log_verify(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation);
enum kaya_status kaya_log_inspect(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation);

/* --- recoveries.c --- */

/* Could somebody find the good bytes again? */
bool kaya_log_may_heal(const struct kaya_log *log);
/* Again and again where faults stand in the way. KAYA_BUSY: not on this boot. */
enum kaya_status kaya_log_open_writer(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation);
/* The first thing on a fresh boot: perhaps a look, perhaps a recovery alone, an open, and everything read back. */
enum kaya_status kaya_log_recover(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation);
/* Close; open and close once more, which writes nothing; open. */
enum kaya_status kaya_log_reopen(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation);
/* Give up so many of the last records, and go on. */
enum kaya_status kaya_log_cut_back(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                   uint64_t give_up, struct kaya_violation *violation);
/* Close, whatever that says, open, and read everything back: what was in doubt is decided now. */
enum kaya_status kaya_log_start_again(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation);

/* --- writes.c: what a program does to its open log --- */

enum kaya_status kaya_log_append(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                 const struct kaya_operation *operation, struct kaya_violation *violation);
enum kaya_status kaya_log_trim(struct kaya_log *log, const struct kaya_sim_machine *machine, uint64_t keep,
                               struct kaya_violation *violation);
enum kaya_status kaya_log_barrier(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                  enum kaya_oracle_barrier barrier, struct kaya_violation *violation);
enum kaya_status kaya_log_tend(struct kaya_log *log, const struct kaya_sim_machine *machine,
                               struct kaya_violation *violation);
/* Until it says that there is no more to do. */
enum kaya_status kaya_log_tend_out(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                   struct kaya_violation *violation);
/* The three numbers that the writer knows by heart. */
enum kaya_status kaya_log_ask(struct kaya_log *log, const struct kaya_sim_machine *machine,
                              struct kaya_violation *violation);
/* Another process opens the log, recovers it, or cuts it back; it is refused, and nothing that it did can be seen. */
enum kaya_status kaya_log_second_writer(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation);

#endif
