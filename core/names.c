/* The names of the public enums, as people and programs read them. */
#include "kaya/inspect.h"
#include "kaya/wal.h"

const char *kaya_event_name(enum kaya_event_kind kind)
{
    switch (kind) {
#define EVENT_NAME(NAME, name, text)                                                                         \
    case KAYA_EVENT_##NAME:                                                                                  \
        return #name;
        KAYA_EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
    case KAYA_EVENT_KINDS:
        break;
    }
    return "?";
}

const char *kaya_wal_record_type_name(enum kaya_wal_record_type type)
{
    switch (type) {
    case KAYA_RECORD_PUT:
        return "put";
    case KAYA_RECORD_DELETE:
        return "delete";
    case KAYA_RECORD_NOOP:
        return "noop";
    case KAYA_RECORD_OPAQUE:
        return "opaque";
    }
    return "?";
}

const char *kaya_wal_verdict_name(enum kaya_wal_verdict verdict)
{
    switch (verdict) {
    case KAYA_VERDICT_EMPTY:
        return "empty";
    case KAYA_VERDICT_CLEAN:
        return "clean";
    case KAYA_VERDICT_TORN:
        return "torn";
    case KAYA_VERDICT_DAMAGED:
        return "damaged";
    }
    return "?";
}

const char *kaya_wal_item_name(enum kaya_wal_item_kind kind)
{
    switch (kind) {
#define ITEM_NAME(NAME, name)                                                                                \
    case KAYA_ITEM_##NAME:                                                                                   \
        return #name;
        KAYA_ITEM_LIST(ITEM_NAME)
#undef ITEM_NAME
    case KAYA_ITEM_KINDS:
        break;
    }
    return "?";
}

const char *kaya_wal_segment_role_name(enum kaya_wal_segment_role role)
{
    switch (role) {
    case KAYA_ROLE_IN_USE:
        return "in use";
    case KAYA_ROLE_SPARE:
        return "spare";
    case KAYA_ROLE_LEFTOVER:
        return "leftover";
    }
    return "?";
}
