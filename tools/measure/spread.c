/* Medians and quartiles, between two figures where no figure stands there. */
#include "measure/spread.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double at(const double *figures, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    double rest = place - (double)below;

    return below + 1 < count ? figures[below] * (1 - rest) + figures[below + 1] * rest : figures[below];
}

struct kaya_spread kaya_spread_of(double *figures, size_t count)
{
    if (count == 0)
        return (struct kaya_spread){ 0 };
    qsort(figures, count, sizeof *figures, compare);
    return (struct kaya_spread){ at(figures, count, 0.25), at(figures, count, 0.5), at(figures, count, 0.75) };
}
