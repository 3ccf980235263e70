/* The configuration, checked and with its defaults filled in. */
#ifndef KAYA_SETTINGS_H
#define KAYA_SETTINGS_H

#include "context.h"
#include "shape.h"

struct settings {
    struct shape shape;
    uint32_t record_bytes_max;
    uint32_t stride_bytes;
    unsigned spare_count;
    uint64_t first_lsn; /* of a log that is begun */
    uint32_t buffer_bytes;
    uint32_t submitted_records_max; /* 0: any number, as is ... */
    uint64_t submitted_bytes_max;   /* ... this */
    uint64_t commit_delay_ns;
    const struct kaya_wal_anchor *anchor;
    bool must_exist;
    bool cut_is_error;
    bool full_is_busy;
};

/* KAYA_INVALID: the listener was told the field. `config` may be NULL. */
KAYA_MUST_CHECK enum kaya_status kaya_settings_make(struct settings *settings, const struct context *context,
                                                    const struct kaya_wal_config *config);

#endif
