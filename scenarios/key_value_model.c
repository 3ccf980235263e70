/* The model of a map.
 *
 *     base                       pending: changes in the order in which they were asked
 *   +-------------------------+---------------------------+-----------------------------+
 *   | fixed: survives all     | 0 .. kept: must           | kept .. count: may          |
 *   +-------------------------+---------------------------+-----------------------------+
 *
 * Every acknowledgement covers all earlier changes, so what an engine may hold is the base with the first n pending changes made,
 * for some n from kept to count that splits no batch. A strict acknowledgement, a sync or a snapshot folds everything into the
 * base; a relaxed one moves `kept`, and a power loss or a failed sync moves it back to 0. A recovery is compared with each of these
 * maps; the last that fits becomes the base, and nothing is pending. (Two n may give equal maps, as a put and its deletion do;
 * what follows cannot tell them apart either.)
 *
 * Values are compared by what made them, so that nothing is stored; each is made anew, so no two are alike but short ones. */
#include "kaya/scenarios/key_value_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/words.h"

enum { PENDING_MIN = 64 };

/* Why a value of the base must be there. */
enum reason { REASON_ACKNOWLEDGED, REASON_RETURNED };

struct value {
    uint64_t payload_key;
    uint32_t length;
    bool exists;
    uint8_t reason;
};

struct pending {
    struct kaya_key_value_change change;
    bool ends_group;
};

struct kaya_key_value_model {
    struct value base[KAYA_KEYS_MAX];
    struct pending *pending;
    size_t count, kept, capacity;
    size_t asked; /* of them, in the operation under way */
    bool exists;
    bool ended;
    bool may_have_ended; /* a snapshot failed: its own file may have, or the log */
    struct kaya_oracle_counts counts;
};

#define BREAK(violation, promise, ...) kaya_violation_set(violation, kaya_promise_name(promise), __VA_ARGS__)

static void count(struct kaya_key_value_model *model, enum kaya_promise promise)
{
    model->counts.promises.checked[promise]++;
}

/* --- Life --- */

struct kaya_key_value_model *kaya_key_value_model_create(void)
{
    struct kaya_key_value_model *model = calloc(1, sizeof *model);

    if (model == NULL)
        return NULL;
    model->pending = calloc(PENDING_MIN, sizeof *model->pending);
    model->capacity = PENDING_MIN;
    if (model->pending != NULL)
        return model;
    free(model);
    return NULL;
}

void kaya_key_value_model_destroy(struct kaya_key_value_model *model)
{
    if (model == NULL)
        return;
    free(model->pending);
    free(model);
}

void kaya_key_value_model_reset(struct kaya_key_value_model *model)
{
    *model = (struct kaya_key_value_model){ .pending = model->pending, .capacity = model->capacity };
}

static enum kaya_status make_room(struct kaya_key_value_model *model, size_t wanted)
{
    size_t capacity = model->capacity;
    struct pending *pending;

    while (capacity < wanted)
        capacity *= 2;
    if (capacity == model->capacity)
        return KAYA_OK;
    pending = realloc(model->pending, capacity * sizeof *pending);
    if (pending == NULL)
        return KAYA_NO_MEMORY;
    model->pending = pending;
    model->capacity = capacity;
    return KAYA_OK;
}

enum kaya_status kaya_key_value_model_copy(const struct kaya_key_value_model *from,
                                           struct kaya_key_value_model *to)
{
    struct pending *pending;
    size_t capacity;

    if (make_room(to, from->count) != KAYA_OK)
        return KAYA_NO_MEMORY;
    pending = to->pending;
    capacity = to->capacity;
    *to = *from;
    to->pending = pending;
    to->capacity = capacity;
    memcpy(to->pending, from->pending, from->count * sizeof *pending);
    return KAYA_OK;
}

static void add_change(struct kaya_words *words, const struct pending *pending)
{
    const struct kaya_key_value_change *change = &pending->change;

    kaya_words_add(words, change->payload_key);
    kaya_words_add(words, (uint64_t)change->key | (uint64_t)change->length << 32);
    kaya_words_add(words, (uint64_t)change->is_deletion | (uint64_t)pending->ends_group << 1);
}

void kaya_key_value_model_hash(const struct kaya_key_value_model *model, uint64_t hash[2])
{
    struct kaya_words words;

    kaya_words_begin(&words);
    for (size_t key = 0; key < KAYA_KEYS_MAX; key++) {
        const struct value *value = &model->base[key];

        if (!value->exists)
            continue;
        kaya_words_add(&words, key << 8 | value->reason);
        kaya_words_add(&words, value->payload_key);
        kaya_words_add(&words, value->length);
    }
    kaya_words_add(&words, model->count);
    kaya_words_add(&words, model->kept);
    kaya_words_add(&words, model->asked);
    kaya_words_add(&words, (uint64_t)model->exists | (uint64_t)model->ended << 1 |
                               (uint64_t)model->may_have_ended << 2);
    for (size_t index = 0; index < model->count; index++)
        add_change(&words, &model->pending[index]);
    kaya_words_end(&words, hash);
}

/* --- Maps --- */

static void make_change(struct value *map, const struct kaya_key_value_change *change, enum reason reason)
{
    map[change->key] = (struct value){ .payload_key = change->payload_key,
                                       .length = change->length,
                                       .exists = !change->is_deletion,
                                       .reason = (uint8_t)reason };
}

/* The first n pending changes are fixed; the others are gone. */
static void fold(struct kaya_key_value_model *model, size_t n, enum reason reason)
{
    for (size_t i = 0; i < n; i++)
        make_change(model->base, &model->pending[i].change, reason);
    model->count = 0;
    model->kept = 0;
}

static bool value_is(const struct value *value, const void *bytes, size_t length)
{
    if (!value->exists || bytes == NULL)
        return !value->exists && bytes == NULL;
    return value->length == length && kaya_payload_equals(value->payload_key, bytes, length);
}

static bool shows(const struct kaya_key_value_view *view, uint32_t key, const struct value *value)
{
    return value_is(value, view->values[key].bytes, view->values[key].length);
}

/* --- What was asked and answered --- */

enum kaya_status kaya_key_value_change_begin(struct kaya_key_value_model *model,
                                             const struct kaya_key_value_change *changes, size_t change_count)
{
    if (make_room(model, model->count + change_count) != KAYA_OK)
        return KAYA_NO_MEMORY;
    for (size_t i = 0; i < change_count; i++)
        model->pending[model->count + i] =
            (struct pending){ .change = changes[i], .ends_group = i + 1 == change_count };
    model->count += change_count;
    model->asked = change_count;
    model->counts.appended += change_count;
    return KAYA_OK;
}

#define FAMILY(NAME) ((uint64_t)1 << KAYA_FAULT_##NAME)

/* Each status says what stood in the way, so each is an answer to some faults only. */
static bool is_excused(enum kaya_status status, uint64_t struck)
{
    const uint64_t errors = FAMILY(SYNC_FAILURE) | FAMILY(IO_ERROR) | FAMILY(NO_ROOM);

    if (status == KAYA_IO || status == KAYA_FULL)
        return (struck & errors) != 0;
    if (status == KAYA_LIMIT)
        return (struck & FAMILY(LIMIT)) != 0;
    return status == KAYA_NO_MEMORY && (struck & FAMILY(OUT_OF_MEMORY)) != 0;
}

/* May the engine answer so? It needs an excuse (P7), and one that has ended may not say yes (P6). */
static void judge_status(struct kaya_key_value_model *model, const char *operation, enum kaya_status status,
                         uint64_t struck, struct kaya_violation *violation)
{
    if (status == KAYA_GONE)
        return;
    count(model, model->ended ? KAYA_PROMISE_P6 : KAYA_PROMISE_P7);
    if (model->ended && status == KAYA_OK)
        BREAK(violation, KAYA_PROMISE_P6,
              "after a failed write or sync the engine takes nothing more, but %s answered OK", operation);
    else if (status == KAYA_ENDED && (model->ended || model->may_have_ended))
        model->ended = true;
    else if (status == KAYA_OK)
        model->may_have_ended = false;
    else if (!is_excused(status, struck))
        BREAK(violation, KAYA_PROMISE_P7, "%s answered %s, and nothing stood in its way", operation,
              kaya_status_name(status));
}

static void forget_handle(struct kaya_key_value_model *model)
{
    model->ended = false;
    model->may_have_ended = false;
}

/* The cache may have been dropped. */
static void doubt_cache(struct kaya_key_value_model *model, enum kaya_status status, uint64_t struck)
{
    if ((struck & FAMILY(SYNC_FAILURE)) != 0 &&
        status != KAYA_OK) /* KAYA_GONE too: it may have failed before the crash */
        model->kept = 0;
}

void kaya_key_value_change_end(struct kaya_key_value_model *model, enum kaya_durability_mode mode,
                               enum kaya_status status, uint64_t struck, struct kaya_violation *violation)
{
    size_t asked = model->asked;

    model->asked = 0;
    judge_status(model, "a change", status, struck, violation);
    doubt_cache(model, status, struck);
    if (status == KAYA_INVALID || status == KAYA_FULL || status == KAYA_NO_MEMORY || status == KAYA_LIMIT ||
        status == KAYA_ENDED)
        model->count -= asked; /* nothing was written */
    else if (status != KAYA_OK)
        model->ended = status != KAYA_GONE;
    else
        model->counts.acknowledged += asked;
    if (status == KAYA_OK && mode == KAYA_STRICT)
        fold(model, model->count, REASON_ACKNOWLEDGED);
    else if (status == KAYA_OK)
        model->kept = model->count;
}

void kaya_key_value_barrier_end(struct kaya_key_value_model *model, enum kaya_key_value_barrier barrier,
                                enum kaya_status status, uint64_t struck, struct kaya_violation *violation)
{
    static const char *const names[] = { "a sync", "a snapshot", "a close" };

    judge_status(model, names[barrier], status, struck, violation);
    doubt_cache(model, status, struck);
    if (status == KAYA_OK)
        fold(model, model->count, REASON_ACKNOWLEDGED);
    else if (status == KAYA_IO && barrier == KAYA_KEY_VALUE_SYNC)
        model->ended = true;
    else if (status == KAYA_IO)
        model->may_have_ended = true;
    if (barrier == KAYA_KEY_VALUE_CLOSE)
        forget_handle(model);
}

void kaya_key_value_crash(struct kaya_key_value_model *model, enum kaya_crash crash)
{
    if (crash == KAYA_CRASH_POWER_LOSS)
        model->kept = 0;
    model->asked = 0;
    forget_handle(model);
}

/* --- What came back --- */

void kaya_key_value_opened(struct kaya_key_value_model *model, enum kaya_status status, uint64_t struck,
                           struct kaya_violation *violation)
{
    if (status == KAYA_GONE)
        return;
    count(model, KAYA_PROMISE_P4);
    doubt_cache(model, status, struck);
    forget_handle(model);
    model->exists = model->exists || status == KAYA_OK;
    if (status != KAYA_OK && !is_excused(status, struck))
        BREAK(violation, KAYA_PROMISE_P4, "the engine answered %s when it was opened: %s",
              kaya_status_name(status), kaya_status_text(status));
}

/* Was this ever asked to be under `key`, since the base was fixed? */
static bool was_asked(const struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                      uint32_t key, size_t from)
{
    struct value map[KAYA_KEYS_MAX];

    for (size_t i = from; i < model->count; i++) {
        make_change(map, &model->pending[i].change, REASON_ACKNOWLEDGED);
        if (model->pending[i].change.key == key && shows(view, key, &map[key]))
            return true;
    }
    return false;
}

/* None of the maps fits: which promise is that? */
static void explain(struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                    struct kaya_violation *violation)
{
    struct value must[KAYA_KEYS_MAX];

    memcpy(must, model->base, sizeof must);
    for (size_t i = 0; i < model->kept; i++)
        make_change(must, &model->pending[i].change, REASON_ACKNOWLEDGED);
    for (uint32_t key = 0; key < KAYA_KEYS_MAX; key++) {
        if (shows(view, key, &must[key]) || was_asked(model, view, key, model->kept))
            continue;
        BREAK(violation, must[key].reason == REASON_RETURNED ? KAYA_PROMISE_P3 : KAYA_PROMISE_P2,
              "key %u must hold %s (%u bytes, %s), or what was asked later; it holds %s (%zu bytes)", key,
              must[key].exists ? "its last value" : "nothing", must[key].length,
              must[key].reason == REASON_RETURNED ? "returned by an earlier recovery" : "acknowledged",
              view->values[key].bytes == NULL ? "nothing" : "another value", view->values[key].length);
        return;
    }
    BREAK(violation, KAYA_PROMISE_P1,
          "each key holds something that it may, but no number of the %zu changes since the last certain one (of which "
          "%zu must be there) made all of it, batches whole",
          model->count, model->kept);
}

/* The largest n whose map is the one that is shown; false: none is. */
static bool find_fit(const struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                     size_t from, size_t *fit)
{
    struct value map[KAYA_KEYS_MAX];
    uint32_t wrong = 0;
    bool found = false;

    memcpy(map, model->base, sizeof map);
    for (uint32_t key = 0; key < KAYA_KEYS_MAX; key++)
        wrong += !shows(view, key, &map[key]);
    for (size_t n = 0;; n++) {
        bool is_bound = n == 0 || model->pending[n - 1].ends_group;
        if (wrong == 0 && is_bound && n >= from) {
            *fit = n;
            found = true;
        }
        if (n == model->count)
            return found;
        uint32_t key = model->pending[n].change.key;
        wrong -= !shows(view, key, &map[key]);
        make_change(map, &model->pending[n].change, REASON_ACKNOWLEDGED);
        wrong += !shows(view, key, &map[key]);
    }
}

void kaya_key_value_recovered(struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                              struct kaya_violation *violation)
{
    size_t fit = 0;

    count(model, KAYA_PROMISE_P1);
    count(model, KAYA_PROMISE_P2);
    count(model, KAYA_PROMISE_P3);
    count(model, KAYA_PROMISE_P11);
    if (!find_fit(model, view, model->kept, &fit)) {
        explain(model, view, violation);
        return;
    }
    for (uint32_t key = 0; key < KAYA_KEYS_MAX; key++)
        model->counts.recovered += view->values[key].bytes != NULL;
    fold(model, fit, REASON_RETURNED);
}

void kaya_key_value_looked(struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                           struct kaya_violation *violation)
{
    struct value map[KAYA_KEYS_MAX];

    if (model->ended)
        return; /* what was in doubt is decided by the next open */
    count(model, KAYA_PROMISE_P1);
    memcpy(map, model->base, sizeof map);
    for (size_t i = 0; i < model->count; i++)
        make_change(map, &model->pending[i].change, REASON_ACKNOWLEDGED);
    for (uint32_t key = 0; key < KAYA_KEYS_MAX; key++)
        if (!shows(view, key, &map[key]))
            BREAK(violation, KAYA_PROMISE_P1,
                  "the running engine shows another value under key %u than was put last (%u bytes)", key,
                  map[key].length);
}

void kaya_key_value_got(struct kaya_key_value_model *model, uint32_t key, const void *bytes, size_t length,
                        struct kaya_violation *violation)
{
    struct value value = model->base[key];

    if (model->ended)
        return;
    count(model, KAYA_PROMISE_P1);
    for (size_t i = model->count; i-- > 0;)
        if (model->pending[i].change.key == key) {
            struct value map[KAYA_KEYS_MAX];
            make_change(map, &model->pending[i].change, REASON_ACKNOWLEDGED);
            value = map[key];
            break;
        }
    if (!value_is(&value, bytes, length))
        BREAK(violation, KAYA_PROMISE_P1, "a get of key %u gave %s, and %s was there (%u bytes)", key,
              bytes == NULL ? "nothing" : "another value", value.exists ? "a value" : "nothing", value.length);
}

void kaya_key_value_stranger(struct kaya_key_value_model *model, struct kaya_violation *violation)
{
    count(model, KAYA_PROMISE_P1);
    BREAK(violation, KAYA_PROMISE_P1, "the engine shows a key that was never put");
}

void kaya_key_value_second(struct kaya_key_value_model *model, enum kaya_status status, uint64_t struck,
                           struct kaya_violation *violation)
{
    if (status == KAYA_GONE)
        return;
    count(model, KAYA_PROMISE_P10);
    if (status != KAYA_LOCKED && !is_excused(status, struck))
        BREAK(violation, KAYA_PROMISE_P10, "a second engine was opened beside the first, and was answered %s",
              kaya_status_name(status));
}

void kaya_key_value_disk_use(struct kaya_key_value_model *model, uint64_t bytes_stored, uint64_t bytes_max,
                             struct kaya_violation *violation)
{
    count(model, KAYA_PROMISE_P8);
    if (bytes_stored > bytes_max)
        BREAK(violation, KAYA_PROMISE_P8,
              "after a snapshot the files hold %" PRIu64 " bytes; %" PRIu64 " are bound to be enough",
              bytes_stored, bytes_max);
}

/* --- Facts --- */

bool kaya_key_value_has_ended(const struct kaya_key_value_model *model)
{
    return model->ended;
}

bool kaya_key_value_exists(const struct kaya_key_value_model *model)
{
    return model->exists;
}

uint64_t kaya_key_value_live_bytes(const struct kaya_key_value_model *model)
{
    uint64_t bytes = 0;

    for (uint32_t key = 0; key < KAYA_KEYS_MAX; key++)
        bytes += model->base[key].exists ? model->base[key].length : 0;
    return bytes;
}

struct kaya_oracle_counts kaya_key_value_counts(const struct kaya_key_value_model *model)
{
    return model->counts;
}
