/* What every subject over the log keeps while it plays a plan, and how it hears an answer.
 *
 * The subjects differ in what they run and in the model that judges it. What they share stands here: the place in the plan, the boot's
 * seams, what the disk says struck in the operation that answered last, the trace, and a buffer for payloads. */
#ifndef KAYA_SCENARIOS_PLAYER_H
#define KAYA_SCENARIOS_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kaya/event.h"
#include "kaya/scenarios/coverage.h"
#include "kaya/scenarios/event_check.h"
#include "kaya/scenarios/words.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"
#include "kaya/wal.h"

/* How often an open that fails because of faults is tried again; how often a handle that has ended is given up at the next operation. */
enum { KAYA_OPENS_MAX = 200, KAYA_GIVE_UP_PERCENT = 40 };

/* A bit that an open said it mended: of the frame at that offset. */
struct kaya_mended_bit {
    uint64_t segment, offset_bytes, bit;
};
enum { KAYA_MENDED_BITS_MAX = 8 };

struct kaya_player {
    struct kaya_subject base;     /* a subject begins with its player */
    const struct kaya_plan *plan; /* borrowed */
    uint64_t seed;
    uint64_t payload_count;                  /* handed out; see kaya_player_payload */
    size_t script_next;                      /* index into the plan's script */
    uint64_t recoveries;                     /* that came to an end */
    struct kaya_wal_environment environment; /* of the running boot */
    struct kaya_trace *trace;                /* likewise; NULL: nobody listens */
    uint64_t failed_syncs;                   /* of the disk, by the last answer */
    uint64_t event_count;                    /* that the log told of */
    uint64_t struck; /* families, in the operation that answered last: 1 << enum kaya_fault */
    struct kaya_watch watch;
    struct kaya_mended_bit mended[KAYA_MENDED_BITS_MAX]; /* the first ones since `mended_count` was made 0 */
    size_t mended_count;
    struct kaya_event_check events;
    unsigned char *bytes; /* owned */
    size_t bytes_capacity;
};

/* As new, for a run of `plan`; what it is, memory and the place where the watch counts are kept. All zeros is a player before its first run. */
void kaya_player_reset(struct kaya_player *player, const struct kaya_plan *plan, uint64_t seed);
void kaya_player_release(struct kaya_player *player);

/* Where `from` stands in its plan, without its boot and its buffer. */
void kaya_player_copy(const struct kaya_player *from, struct kaya_player *to);

/* ... and that boot, for a copy that stands in it as well. */
void kaya_player_copy_boot(const struct kaya_player *from, struct kaya_player *to);

void kaya_player_boot(struct kaya_player *player, const struct kaya_sim_machine *machine);

/* The next operation: of the script, or drawn. false: the script is at its end. */
bool kaya_player_next(struct kaya_player *player, struct kaya_choices *choices, struct kaya_operation *operation);

/* What the code under test said, as far as anybody could hear it: KAYA_GONE once the machine has crashed, whatever was said. Sets
 * `struck`; a sync that failed counts as a fault that struck, also one that had nothing to write. *sync_failed (may be NULL): was
 * there one? */
enum kaya_status kaya_player_heard(struct kaya_player *player, const struct kaya_sim_machine *machine,
                                   enum kaya_status status, bool *sync_failed);

/* A recovery answered: if it came to a verdict, a period is over. */
void kaya_player_recovered(struct kaya_player *player, const struct kaya_sim_machine *machine,
                           enum kaya_status status, const struct kaya_wal_recovery_report *report);

/* Statuses that faults ask for; the model knows whether there was one. */
bool kaya_is_failure(enum kaya_status status);

/* For the runner KAYA_NO_MEMORY is its own; the subject's is one more failure. */
enum kaya_status kaya_status_for_runner(enum kaya_status status);

/* kaya_wal_config.on_event, with the player as its user. */
void kaya_player_on_event(void *user, const struct kaya_event *event);

/* Inline, since most texts are constants, and their lengths with them. */
static inline void kaya_player_trace(const struct kaya_player *player, enum kaya_trace_kind kind,
                                     const char *text, enum kaya_status status, uint64_t a, uint64_t b,
                                     uint64_t c)
{
    kaya_trace_say(player->trace, kind, status, a, b, c, text, strlen(text));
}

/* The key of the run's next payload (payload.h): each is made anew. */
uint64_t kaya_player_payload(struct kaya_player *player);

/* At least `size` bytes at player->bytes. false: no memory. */
bool kaya_player_reserve(struct kaya_player *player, size_t size);

/* What decides how the workload goes on, and what the next answer is told to have been struck by. */
void kaya_player_add_words(const struct kaya_player *player, struct kaya_words *words);

#endif
