/* Pairs that survive: `kv DIR put KEY VALUE`, `kv DIR delete KEY`, `kv DIR get KEY`, `kv DIR list`, `kv DIR snapshot`. The
 * engine is scenarios/kv, on real files. */
#include <stdio.h>
#include <string.h>

#include "kaya/posix.h"
#include "kaya/scenarios/kv.h"

enum { CHANGES_BETWEEN_SNAPSHOTS = 1000 };

static bool print_pair(void *user, struct kaya_kv_key key, struct kaya_kv_value value)
{
    (void)user;
    printf("%.*s: %.*s\n", (int)key.length, (const char *)key.bytes, (int)value.length,
           (const char *)value.bytes);
    return true;
}

/* Durable when it says OK. */
static enum kaya_status change(struct kaya_kv *kv, const struct kaya_kv_change *change)
{
    enum kaya_status status = kaya_kv_change(kv, change, 1, KAYA_STRICT);

    if (status == KAYA_OK && kaya_kv_changes_since_snapshot(kv) >= CHANGES_BETWEEN_SNAPSHOTS)
        status = kaya_kv_snapshot(kv);
    return status;
}

static enum kaya_status perform(struct kaya_kv *kv, int count, char **words)
{
    struct kaya_kv_key key = { count > 1 ? words[1] : "", count > 1 ? strlen(words[1]) : 0 };
    struct kaya_kv_value value = { count > 2 ? words[2] : "", count > 2 ? strlen(words[2]) : 0 };
    enum kaya_status status = KAYA_OK;

    if (count == 3 && strcmp(words[0], "put") == 0)
        return change(kv, &(struct kaya_kv_change){ key, &value });
    if (count == 2 && strcmp(words[0], "delete") == 0)
        return change(kv, &(struct kaya_kv_change){ key, NULL });
    if (count == 1 && strcmp(words[0], "snapshot") == 0)
        return kaya_kv_snapshot(kv);
    if (count == 1 && strcmp(words[0], "list") == 0) {
        kaya_kv_visit(kv, print_pair, NULL);
    } else if (count == 2 && strcmp(words[0], "get") == 0) {
        status = kaya_kv_get(kv, key, &value);
        if (status == KAYA_OK)
            printf("%.*s\n", (int)value.length, (const char *)value.bytes);
    } else {
        status = KAYA_INVALID;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct kaya_wal_environment environment = { .runtime = kaya_posix_runtime(),
                                                .allocator = kaya_posix_allocator() };
    struct kaya_kv *kv = NULL;
    enum kaya_status status = KAYA_INVALID;
    enum kaya_status closed;

    if (argc >= 3)
        status = kaya_posix_disk_create(argv[1], true, &environment.disk);
    if (status == KAYA_OK)
        status = kaya_kv_open(&environment, NULL, &kv, NULL);
    if (status == KAYA_OK)
        status = perform(kv, argc - 2, argv + 2);
    closed = kaya_kv_close(kv); /* takes NULL */
    status = status == KAYA_OK ? closed : status;
    kaya_posix_disk_destroy(environment.disk);
    if (status != KAYA_OK)
        fprintf(stderr, "kv: %s\n", kaya_status_text(status));
    return status != KAYA_OK;
}
