/* Many figures of one thing as three: the median and the quartiles. */
#ifndef KAYA_MEASURE_SPREAD_H
#define KAYA_MEASURE_SPREAD_H

#include <stddef.h>

struct kaya_spread {
    double low, median, high; /* quartiles; all zero where there are no figures */
};

/* Sorts `figures`. */
struct kaya_spread kaya_spread_of(double *figures, size_t count);

#endif
