/* One field of a structure, to be changed by itself: rows of lies. */
#ifndef TESTS_SCENARIOS_ONE_FIELD_H
#define TESTS_SCENARIOS_ONE_FIELD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct one_field {
    const char *name;
    size_t offset, size; /* 1, 4 or 8 bytes are a number, of others the first byte counts */
};

#define ONE_FIELD(type, field)                                                                               \
    {                                                                                                        \
#field, offsetof(type, field), sizeof(((type *)0)->field)                                            \
    }

static inline void one_field_set(void *object, const struct one_field *field, uint64_t value)
{
    char *place = (char *)object + field->offset;

    if (field->size == sizeof(uint64_t))
        memcpy(place, &value, sizeof value);
    else if (field->size == sizeof(uint32_t))
        memcpy(place, &(uint32_t){ (uint32_t)value }, sizeof(uint32_t));
    else
        memcpy(place, &(uint8_t){ (uint8_t)value }, 1);
}

static inline uint64_t one_field_get(const void *object, const struct one_field *field)
{
    const char *place = (const char *)object + field->offset;
    uint32_t word;
    uint64_t value;

    if (field->size == sizeof value)
        return memcpy(&value, place, sizeof value), value;
    if (field->size == sizeof word)
        return memcpy(&word, place, sizeof word), word;
    return *(const uint8_t *)place;
}

#endif
