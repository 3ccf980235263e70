/* What the subjects over the log share.
 *
 * An answer given after the machine crashed is turned into KAYA_GONE: nobody could have heard it. What struck is asked of the disk at
 * each answer and forgotten there, so that a fault excuses the operation in which it struck and no other. */
#include "kaya/scenarios/player.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/payload.h"

void kaya_player_reset(struct kaya_player *player, const struct kaya_plan *plan, uint64_t seed)
{
    struct kaya_player fresh = { .base = player->base,
                                 .plan = plan,
                                 .seed = seed,
                                 .script_next = plan->script_first,
                                 .watch.coverage = player->watch.coverage,
                                 .bytes = player->bytes,
                                 .bytes_capacity = player->bytes_capacity };

    *player = fresh;
}

void kaya_player_release(struct kaya_player *player)
{
    free(player->bytes);
    player->bytes = NULL;
    player->bytes_capacity = 0;
}

void kaya_player_copy(const struct kaya_player *from, struct kaya_player *to)
{
    to->plan = from->plan;
    to->seed = from->seed;
    to->payload_count = from->payload_count;
    to->script_next = from->script_next;
    to->recoveries = from->recoveries;
    to->failed_syncs = from->failed_syncs;
    to->struck = from->struck;
    memcpy(to->watch.struck, from->watch.struck, sizeof to->watch.struck);
}

void kaya_player_copy_boot(const struct kaya_player *from, struct kaya_player *to)
{
    to->environment = from->environment;
    to->trace = from->trace;
    to->watch = from->watch;
}

void kaya_player_add_words(const struct kaya_player *player, struct kaya_words *words)
{
    kaya_words_add(words, player->seed);
    kaya_words_add(words, player->payload_count);
    kaya_words_add(words, player->script_next);
    kaya_words_add(words, player->failed_syncs);
}

void kaya_player_boot(struct kaya_player *player, const struct kaya_sim_machine *machine)
{
    player->environment = (struct kaya_wal_environment){ machine->disk, machine->runtime, machine->allocator };
    player->trace = machine->trace;
}

bool kaya_player_next(struct kaya_player *player, struct kaya_choices *choices, struct kaya_operation *operation)
{
    const struct kaya_plan *plan = player->plan;

    if (plan->script == NULL) {
        kaya_operation_draw(operation, plan, choices);
        return true;
    }
    if (player->script_next == plan->script_length)
        return false;
    *operation = plan->script[player->script_next++];
    if (plan->script_repeats && player->script_next == plan->script_length)
        player->script_next = 0;
    return true;
}

enum kaya_status kaya_player_heard(struct kaya_player *player, const struct kaya_sim_machine *machine,
                                   enum kaya_status status, bool *sync_failed)
{
    uint64_t failed = kaya_sim_disk_failed_syncs(machine->sim_disk);

    player->struck = kaya_sim_disk_take_struck(machine->sim_disk);
    if (failed != player->failed_syncs)
        player->struck |= (uint64_t)1 << KAYA_FAULT_SYNC_FAILURE;
    if (sync_failed != NULL)
        *sync_failed = failed != player->failed_syncs;
    player->failed_syncs = failed;
    if (kaya_sim_disk_is_crashed(machine->sim_disk))
        return KAYA_GONE;
    return status == KAYA_GONE ? KAYA_IO : status; /* a machine that stands is not gone */
}

void kaya_player_recovered(struct kaya_player *player, const struct kaya_sim_machine *machine,
                           enum kaya_status status, const struct kaya_wal_recovery_report *report)
{
    struct kaya_fault_counts counts = kaya_sim_disk_fault_counts(machine->sim_disk);

    if (status == KAYA_OK || status == KAYA_DAMAGED)
        kaya_watch_verdict(&player->watch, report, &counts);
    kaya_event_check_recovered(&player->events, status, report);
    if (kaya_is_failure(status))
        kaya_watch_mark(&player->watch, KAYA_MARK_FAILED_OPEN);
}

bool kaya_is_failure(enum kaya_status status)
{
    return status == KAYA_IO || status == KAYA_FULL || status == KAYA_ENDED || status == KAYA_LIMIT ||
           status == KAYA_NO_MEMORY;
}

enum kaya_status kaya_status_for_runner(enum kaya_status status)
{
    return status == KAYA_NO_MEMORY ? KAYA_IO : status;
}

void kaya_player_on_event(void *user, const struct kaya_event *event)
{
    struct kaya_player *player = user;

    player->event_count++;
    kaya_event_check_hear(&player->events, event);
    kaya_watch_event(&player->watch, event->kind);
    if (event->kind == KAYA_EVENT_MENDED && player->mended_count < KAYA_MENDED_BITS_MAX)
        player->mended[player->mended_count++] =
            (struct kaya_mended_bit){ event->segment, event->offset_bytes, event->detail };
    kaya_player_trace(player, KAYA_TRACE_SUBJECT, kaya_event_name(event->kind), event->status, event->segment,
                      event->offset_bytes, event->lsn);
    if (event->status != KAYA_OK && event->text[0] != '\0') /* the reason, or the field */
        kaya_player_trace(player, KAYA_TRACE_NOTE, event->text, event->status, event->segment,
                          event->offset_bytes, event->lsn);
}

uint64_t kaya_player_payload(struct kaya_player *player)
{
    return kaya_payload_key(player->seed, player->payload_count++);
}

bool kaya_player_reserve(struct kaya_player *player, size_t size)
{
    unsigned char *bytes;

    if (size <= player->bytes_capacity)
        return true;
    bytes = realloc(player->bytes, size);
    if (bytes == NULL)
        return false;
    player->bytes = bytes;
    player->bytes_capacity = size;
    return true;
}
