/* Payloads that need not be stored to be compared: each follows from a key. */
#ifndef KAYA_SCENARIOS_PAYLOAD_H
#define KAYA_SCENARIOS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The key of the `number`th payload of a run. */
uint64_t kaya_payload_key(uint64_t seed, uint64_t number);

/* Write the payload of `key` / tell whether `bytes` are it. The first bytes of a longer payload are the shorter one. A
 * sixteenth of all keys stand for zero bytes, which no log may take for an end. */
void kaya_payload_fill(uint64_t key, void *bytes, size_t length);
bool kaya_payload_equals(uint64_t key, const void *bytes, size_t length);

/* For bytes that follow from no key (a copy of the log's own files): what to remember of them. */
uint64_t kaya_payload_hash(const void *bytes, size_t length);

#endif
