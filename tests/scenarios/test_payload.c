/* Payloads out of keys: made alike each time, told apart from any change, and never each other's. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/payload.h"

enum { LENGTH_MAX = 200 };

Test(payload, any_changed_byte_of_any_length_is_seen)
{
    unsigned char bytes[LENGTH_MAX];

    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        uint64_t key = kaya_payload_key(5, length);

        kaya_payload_fill(key, bytes, length);
        cr_assert(kaya_payload_equals(key, bytes, length), "%zu", length);
        for (size_t at = 0; at < length; at++) {
            bytes[at] ^= 1;
            cr_assert(not(kaya_payload_equals(key, bytes, length)), "%zu at %zu", length, at);
            bytes[at] ^= 1;
        }
    }
}

Test(payload, no_byte_behind_the_length_is_touched)
{
    unsigned char bytes[LENGTH_MAX + 1];

    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        memset(bytes, 0xaa, sizeof bytes);
        kaya_payload_fill(kaya_payload_key(6, length), bytes, length);
        for (size_t at = length; at < sizeof bytes; at++)
            cr_assert(eq(u8, bytes[at], 0xaa), "%zu at %zu", length, at);
    }
}

Test(payload, the_shorter_one_begins_the_longer_one)
{
    unsigned char bytes[LENGTH_MAX];
    uint64_t key = kaya_payload_key(7, 1);

    kaya_payload_fill(key, bytes, LENGTH_MAX);
    for (size_t length = 0; length <= LENGTH_MAX; length++)
        cr_assert(kaya_payload_equals(key, bytes, length), "%zu", length);
}

Test(payload, other_keys_are_other_bytes_but_for_zeros)
{
    unsigned char bytes[16];
    unsigned zeros = 0;

    for (uint64_t number = 0; number < 1000; number++) {
        kaya_payload_fill(kaya_payload_key(8, number), bytes, sizeof bytes);
        if (memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizeof bytes) == 0) {
            zeros++;
            continue;
        }
        for (uint64_t other = number + 1; other < number + 20; other++)
            cr_assert(not(kaya_payload_equals(kaya_payload_key(8, other), bytes, sizeof bytes)));
        cr_assert(not(kaya_payload_equals(kaya_payload_key(9, number), bytes, sizeof bytes)));
    }
    cr_expect(all(lt(u32, 30, zeros), lt(u32, zeros, 100)), "a sixteenth are zeros: %u", zeros);
}

Test(payload, keys_and_bytes_are_the_same_on_every_machine)
{
    /* Worked out apart: the finish of splitmix64 over the number 3, little-endian. */
    unsigned char bytes[8];

    kaya_payload_fill(3, bytes, sizeof bytes);
    cr_expect(eq(int, memcmp(bytes, (unsigned char[]){ 0xf0, 0x28, 0x14, 0xe3, 0xed, 0x5e, 0x53, 0x1e }, 8), 0),
              "%02x %02x %02x %02x %02x %02x %02x %02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
              bytes[5], bytes[6], bytes[7]);
}
