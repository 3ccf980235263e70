/* The seam once more, over the one of handle.c, with time: a call begins, waits, takes effect at one moment, waits, and answers.
 *
 *     begins |-------- before -------* effect ----- after -----| answers          of one thread
 *               others run                    others run
 *
 * When the effect comes is drawn: at the end, at the beginning, or half-way. A device may do what it was asked for at any time until it
 * answers, and these are the two ends of it: a sync that takes effect when it begins covers nothing that is written while it lasts, and one that
 * does so at its end has made nothing durable when the power fails under it.
 *
 * A write whose effect is still to come is under way: a crash of the process finds it copied in part (crash.c). Of one whose effect has come, a
 * power loss takes what it takes of any write that was not synced. Whoever comes back to a machine that crashed meanwhile is told KAYA_GONE.
 *
 * Here is only what takes time; closing, sizes and the lock go to handle.c straight. A disk without latencies has the plain seam, and is asked
 * nothing. */
#include "slow.h"

#include "handle.h"

enum effect { EFFECT_AT_END, EFFECT_AT_BEGIN, EFFECT_HALF_WAY, EFFECTS };

/* A call that takes time. */
struct delay {
    struct kaya_sim_boot *boot;
    uint64_t after_ns;
};

bool kaya_latencies_are_possible(const struct kaya_sim_disk *disk)
{
    for (unsigned kind = 0; kind < KAYA_LATENCIES; kind++)
        if (!kaya_latency_is_none(&disk->latencies[kind]))
            return true;
    return false;
}

static bool is_over(const struct kaya_sim_boot *boot)
{
    return !boot->disk->is_running || boot->number != boot->disk->boot_number;
}

static void pass(const struct kaya_sim_boot *boot, uint64_t nanoseconds)
{
    const struct kaya_sim_disk *disk = boot->disk;

    if (nanoseconds > 0 && disk->delay != NULL && !is_over(boot))
        disk->delay(disk->delay_user, nanoseconds);
}

static struct delay begin(struct kaya_disk *seam, enum kaya_latency_kind kind)
{
    struct delay delay = { .boot = (struct kaya_sim_boot *)seam };
    const struct kaya_sim_disk *disk = delay.boot->disk;
    const struct kaya_latency *latency = &disk->latencies[kind];
    uint64_t taken, effect;

    if (is_over(delay.boot) || kaya_latency_is_none(latency))
        return delay;
    taken = kaya_latency_draw(latency, disk->choices);
    effect = kaya_choose(disk->choices, KAYA_STREAM_SCHEDULE, EFFECTS, "effect");
    delay.after_ns = effect == EFFECT_AT_END ? 0 : effect == EFFECT_AT_BEGIN ? taken : taken / 2;
    pass(delay.boot, taken - delay.after_ns);
    return delay;
}

static enum kaya_status end(const struct delay *delay, enum kaya_status status)
{
    pass(delay->boot, delay->after_ns);
    return is_over(delay->boot) ? KAYA_GONE : status;
}

/* ---- the slots ---- */

static enum kaya_status slow_open(struct kaya_disk *seam, const char *name, unsigned flags,
                                  struct kaya_file **file)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);
    enum kaya_status status = end(&delay, kaya_sim_disk_operations.open(seam, name, flags, file));

    if (status != KAYA_OK)
        *file = NULL; /* the handle ended with the boot */
    return status;
}

static void slow_close(struct kaya_disk *seam, struct kaya_file *file)
{
    kaya_sim_disk_operations.close(seam, file);
}

static enum kaya_status slow_size(struct kaya_disk *seam, struct kaya_file *file, uint64_t *bytes)
{
    return kaya_sim_disk_operations.size(seam, file, bytes);
}

static enum kaya_status slow_read(struct kaya_disk *seam, struct kaya_file *file, uint64_t offset,
                                  const struct kaya_span *spans, size_t span_count, unsigned flags, size_t *done)
{
    struct delay delay = begin(seam, KAYA_LATENCY_READ);

    return end(&delay, kaya_sim_disk_operations.read(seam, file, offset, spans, span_count, flags, done));
}

/* The write is under way from its beginning on. */
static struct delay begin_write(struct kaya_disk *seam, enum kaya_latency_kind kind, struct kaya_file *file,
                                uint64_t offset, const struct kaya_span *spans, size_t span_count)
{
    struct kaya_sim_disk *disk = ((struct kaya_sim_boot *)seam)->disk;
    struct kaya_sim_inflight inflight;
    struct delay delay;

    kaya_write_under_way(disk, &inflight, file, kind == KAYA_LATENCY_SYNC, offset, spans, span_count);
    delay = begin(seam, kind);
    kaya_inflight_end(disk, &inflight);
    return delay;
}

static enum kaya_status slow_write(struct kaya_disk *seam, struct kaya_file *file, uint64_t offset,
                                   const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct delay delay = begin_write(seam, KAYA_LATENCY_WRITE, file, offset, spans, span_count);

    return end(&delay, kaya_sim_disk_operations.write(seam, file, offset, spans, span_count, done));
}

static enum kaya_status slow_write_durable(struct kaya_disk *seam, struct kaya_file *file, uint64_t offset,
                                           const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct delay delay = begin_write(seam, KAYA_LATENCY_SYNC, file, offset, spans, span_count);

    return end(&delay, kaya_sim_disk_operations.write_durable(seam, file, offset, spans, span_count, done));
}

static enum kaya_status slow_sync(struct kaya_disk *seam, struct kaya_file *file)
{
    struct delay delay = begin(seam, KAYA_LATENCY_SYNC);

    return end(&delay, kaya_sim_disk_operations.sync(seam, file));
}

static enum kaya_status slow_sync_directory(struct kaya_disk *seam, enum kaya_directory which)
{
    struct delay delay = begin(seam, KAYA_LATENCY_SYNC);

    return end(&delay, kaya_sim_disk_operations.sync_directory(seam, which));
}

static enum kaya_status slow_truncate(struct kaya_disk *seam, struct kaya_file *file, uint64_t bytes)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);

    return end(&delay, kaya_sim_disk_operations.truncate(seam, file, bytes));
}

static enum kaya_status slow_allocate(struct kaya_disk *seam, struct kaya_file *file, uint64_t bytes)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);

    return end(&delay, kaya_sim_disk_operations.allocate(seam, file, bytes));
}

static enum kaya_status slow_rename(struct kaya_disk *seam, const char *from, const char *to)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);

    return end(&delay, kaya_sim_disk_operations.rename(seam, from, to));
}

static enum kaya_status slow_unlink(struct kaya_disk *seam, const char *name)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);

    return end(&delay, kaya_sim_disk_operations.unlink(seam, name));
}

static enum kaya_status slow_create_directory(struct kaya_disk *seam)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);

    return end(&delay, kaya_sim_disk_operations.create_directory(seam));
}

static enum kaya_status slow_list(struct kaya_disk *seam, kaya_list_visitor *visit, void *user)
{
    struct delay delay = begin(seam, KAYA_LATENCY_NAMES);

    return end(&delay, kaya_sim_disk_operations.list(seam, visit, user));
}

static enum kaya_status slow_lock(struct kaya_disk *seam)
{
    return kaya_sim_disk_operations.lock(seam);
}

static void slow_unlock(struct kaya_disk *seam)
{
    kaya_sim_disk_operations.unlock(seam);
}

static enum kaya_status slow_probe_lock(struct kaya_disk *seam, bool *held)
{
    return kaya_sim_disk_operations.probe_lock(seam, held);
}

const struct kaya_disk_operations kaya_slow_disk_operations = {
    .open = slow_open,
    .close = slow_close,
    .size = slow_size,
    .read = slow_read,
    .write = slow_write,
    .write_durable = slow_write_durable,
    .sync = slow_sync,
    .sync_directory = slow_sync_directory,
    .truncate = slow_truncate,
    .allocate = slow_allocate,
    .rename = slow_rename,
    .unlink = slow_unlink,
    .create_directory = slow_create_directory,
    .list = slow_list,
    .lock = slow_lock,
    .unlock = slow_unlock,
    .probe_lock = slow_probe_lock,
};
