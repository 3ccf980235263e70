/* JSON for programs: one object a line, stable names, keys in a fixed order.
 *
 * Ids and digests go as hex strings. Other numbers are integers; the library knows none above INT64_MAX, so larger
 * ones, which only damaged bytes can hold, are held to it. Running out of memory ends the program: a line with a key
 * missing would be a lie. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static void must(bool held)
{
    if (held)
        return;
    kaya_complain("no memory for JSON");
    exit(KAYA_EXIT_OTHER);
}

json_t *kaya_json_new(void)
{
    json_t *object = json_object();

    must(object);
    return object;
}

static void set(json_t *object, const char *key, json_t *value)
{
    must(json_object_set_new(object, key, value) == 0);
}

void kaya_json_integer(json_t *object, const char *key, uint64_t value)
{
    set(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void kaya_json_bool(json_t *object, const char *key, bool value)
{
    set(object, key, json_boolean(value));
}

void kaya_json_text(json_t *object, const char *key, const char *text)
{
    char escaped[KAYA_ESCAPED_BYTES];
    json_t *value = json_string(kaya_escape(text, escaped, sizeof(escaped)));

    if (value)
        set(object, key, value);
    else /* no UTF-8: a file name of somebody else's */
        kaya_json_hex(object, key, text, strlen(text));
}

void kaya_json_object(json_t *object, const char *key, json_t *value)
{
    set(object, key, value);
}

void kaya_json_hex(json_t *object, const char *key, const void *bytes, size_t length)
{
    char *text = malloc(2 * length + 1);

    must(text);
    kaya_hex(bytes, length, text);
    set(object, key, json_string(text));
    free(text);
}

void kaya_json_bytes(json_t *object, const char *key, const void *bytes, size_t length)
{
    json_t *value = json_stringn(length ? bytes : "", length);
    char hex_key[64];

    if (value) {
        set(object, key, value);
        return;
    }
    snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
    kaya_json_hex(object, hex_key, bytes, length);
}

void kaya_json_report(json_t *object, const struct kaya_wal_recovery_report *report)
{
    char log_id[KAYA_LOG_ID_TEXT_BYTES];

    kaya_log_id_text(&report->log_id, log_id);
    kaya_json_text(object, "verdict", kaya_wal_verdict_name(report->verdict));
    kaya_json_text(object, "log_id", log_id);
    kaya_json_integer(object, "epoch", report->epoch);
    kaya_json_integer(object, "first_lsn", report->first_lsn);
    kaya_json_integer(object, "last_lsn", report->last_lsn);
    kaya_json_integer(object, "segments", report->segment_count);
    kaya_json_integer(object, "end_segment", report->segment);
    kaya_json_integer(object, "end_offset", report->end_offset);
    kaya_json_integer(object, "claim_segment", report->claim_segment);
    kaya_json_integer(object, "claim_offset", report->claim_offset);
    kaya_json_integer(object, "unvouched_bytes", report->unvouched_bytes);
    kaya_json_integer(object, "discarded_bytes", report->discarded_bytes);
    kaya_json_integer(object, "mended", report->mended_count);
    kaya_json_bool(object, "closed_cleanly", report->closed_cleanly);
    if (report->verdict != KAYA_VERDICT_DAMAGED)
        return;
    kaya_json_integer(object, "damage_segment", report->damage_segment);
    kaya_json_integer(object, "damage_offset", report->damage_offset);
    kaya_json_integer(object, "damage_end_offset", report->damage_end_offset);
    kaya_json_integer(object, "lost_first_lsn", report->lost_first_lsn);
    kaya_json_integer(object, "lost_last_lsn", report->lost_last_lsn);
    kaya_json_text(object, "damage_reason", report->damage_reason);
}

void kaya_json_print(json_t *object)
{
    must(json_dumpf(object, stdout, JSON_COMPACT) == 0 || ferror(stdout));
    fputc('\n', stdout);
    json_decref(object);
}
