/* A target that asks nothing: what the engine itself costs, and the mutator of decode_frame.c, which is linked beside it under another
 * name (tools/bench-fuzz). */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}
