/* Names of the promises. */
#include "kaya/scenarios/promise.h"

static const char *const names[KAYA_PROMISES] = {
#define NAME(name, text) #name,
    KAYA_PROMISE_LIST(NAME)
#undef NAME
};

static const char *const texts[KAYA_PROMISES] = {
#define TEXT(name, text) text,
    KAYA_PROMISE_LIST(TEXT)
#undef TEXT
};

const char *kaya_promise_name(enum kaya_promise promise)
{
    return (unsigned)promise < KAYA_PROMISES ? names[promise] : "?";
}

const char *kaya_promise_text(enum kaya_promise promise)
{
    return (unsigned)promise < KAYA_PROMISES ? texts[promise] : "?";
}
