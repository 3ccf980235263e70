/* Little-endian loads and stores: what is stored is what is loaded, and lies where the format says. */
#include "bytes.h"

/*@ assigns \nothing;
    ensures \result == value; */
uint16_t there_and_back_16(uint16_t value)
{
    uint8_t bytes[2];

    store16(bytes, value);
    return load16(bytes);
}

/*@ assigns \nothing;
    ensures \result == value; */
uint32_t there_and_back_32(uint32_t value)
{
    uint8_t bytes[4];

    store32(bytes, value);
    return load32(bytes);
}

/*@ assigns \nothing;
    ensures \result == value; */
uint64_t there_and_back_64(uint64_t value)
{
    uint8_t bytes[8];

    store64(bytes, value);
    return load64(bytes);
}
