/* Time that calls take, by distributions that are the same on every machine: whole numbers only.
 *
 * Log-normal: the logarithm of a latency is drawn from a normal distribution, by a table of its quantiles. `from_ns` and `to_ns` are 1.96
 * deviations away from the middle, which is their geometric mean; the tail goes on to 3.3. Logarithms and powers of two have 16 bits behind the
 * point, so a latency is right to one part in thousands, which is more than anybody knows of a disk.
 *
 * What kinds of tails real devices have, and that a rare stall matters more than the shape of the rest: Hao et al., "The Tail at Store", FAST
 * 2016. */
#include "kaya/sim/latency.h"

#include "kaya/seam/status.h"

enum {
    ANSWERS = 1024, /* to the question for a log-normal latency */
    KNOTS = 33,
    STEPS = ANSWERS / (KNOTS - 1), /* from one knot to the next */
    DEVIATION = 1000,              /* one, in the table */
    BOUND = 1960,                  /* of 95 in 100 */
    POINT = 16,                    /* bits behind it */
};

/* Of the normal distribution, at 0/32, 1/32, ..., 32/32; the outermost at 1/2048 and 2047/2048. */
static const int32_t quantiles[KNOTS] = {
    -3297, -1863, -1534, -1318, -1150, -1010, -887, -776, -674, -579, -489, -402, -319, -237, -157, -78,  0,
    78,    157,   237,   319,   402,   489,   579,  674,  776,  887,  1010, 1150, 1318, 1534, 1863, 3297,
};

bool kaya_latency_is_none(const struct kaya_latency *latency)
{
    return latency->to_ns == 0 && latency->stall_in == 0;
}

bool kaya_latency_is_valid(const struct kaya_latency *latency)
{
    if (latency->shape >= KAYA_LATENCY_SHAPES || latency->from_ns > latency->to_ns)
        return false;
    if (latency->to_ns > KAYA_LATENCY_NS_MAX || latency->stall_ns > KAYA_LATENCY_NS_MAX)
        return false;
    if (latency->shape == KAYA_LATENCY_SHAPE_LOG_NORMAL && latency->from_ns == 0)
        return false;
    return latency->stall_in <= KAYA_LATENCY_STALL_IN_MAX && (latency->stall_in > 0) == (latency->stall_ns > 0);
}

/* ---- logarithms ---- */

/* Of `value` > 0, to the base of 2: the place of its highest bit, and behind the point one bit for each squaring that passes 2. */
static int64_t logarithm(uint64_t value)
{
    int64_t result = 63 - __builtin_clzll(value);
    uint64_t rest = result >= 31 ? value >> (result - 31) : value << (31 - result); /* in [2^31, 2^32) */

    for (unsigned bit = 0; bit < POINT; bit++) {
        rest = rest * rest >> 31;
        result *= 2;
        if (rest >> 32 != 0) {
            rest >>= 1;
            result++;
        }
    }
    return result;
}

/* 2 to the power of `exponent`, which is not negative. */
static uint64_t power(int64_t exponent)
{
    /* 2 ^ (1/2), (1/4), ..., with 31 bits behind the point */
    static const uint32_t roots[POINT] = { 3037000500, 2553802834, 2341847524, 2242560872,
                                           2194507417, 2170868212, 2159144272, 2153306067,
                                           2150392887, 2148937775, 2148210589, 2147847087,
                                           2147665360, 2147574502, 2147529075, 2147506361 };
    uint64_t mantissa = (uint64_t)1 << 31;
    uint64_t whole = (uint64_t)exponent >> POINT;

    for (unsigned bit = 0; bit < POINT; bit++)
        if (((uint64_t)exponent >> (POINT - 1 - bit) & 1) != 0)
            mantissa = mantissa * roots[bit] >> 31;
    return whole >= 31 ? mantissa << (whole - 31) : mantissa >> (31 - whole);
}

static uint64_t log_normal(const struct kaya_latency *latency, uint64_t answer)
{
    int64_t from = logarithm(latency->from_ns);
    int64_t width = logarithm(latency->to_ns) - from;
    int64_t knot = quantiles[answer / STEPS];
    int64_t next = quantiles[answer / STEPS + 1];
    int64_t deviations = knot + (next - knot) * (int64_t)(answer % STEPS) / STEPS;
    int64_t exponent = from + width * (deviations + BOUND) / (2 * BOUND);

    return power(exponent > 0 ? exponent : 0);
}

uint64_t kaya_latency_draw(const struct kaya_latency *latency, struct kaya_choices *choices)
{
    uint64_t taken;

    if (latency->stall_in > 0 && kaya_chance(choices, KAYA_STREAM_SCHEDULE, 1, latency->stall_in, "stall"))
        return latency->stall_ns;
    if (latency->from_ns == latency->to_ns)
        return latency->from_ns;
    if (latency->shape == KAYA_LATENCY_SHAPE_LOG_NORMAL)
        return log_normal(latency, kaya_choose(choices, KAYA_STREAM_SCHEDULE, ANSWERS, "latency"));
    taken = kaya_choose(choices, KAYA_STREAM_SCHEDULE, latency->to_ns - latency->from_ns + 1, "latency");
    return latency->from_ns + taken;
}
