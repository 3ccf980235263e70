/* core/scan.c: kaya_batch_next, for batches of any length. A member lies inside its batch, and each step goes forward. */
#include "bytes.h"

#include "core/scan.c"

/*@ requires \valid_read(at) && *at <= length <= 0x40000000 && \valid(at) && \valid(member);
    requires length == 0 || \valid_read(payload + (0 .. length - 1));
    requires \separated(at, member, payload + (0 .. length - 1));
    assigns *at, *member;
    ensures stays_inside: *at <= length;
    ensures member_is_inside: \result != 0 ==> \old(*at) + 4 + member->length == *at && member->bytes == payload + \old(*at) + 4;
    ensures otherwise_stays: \result == 0 ==> *at == \old(*at); */
bool kaya_batch_next(const uint8_t *payload, size_t length, size_t *at, struct batch_member *member);
