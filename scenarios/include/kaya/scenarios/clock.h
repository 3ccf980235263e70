/* The machine's clock, for reports, progress and the end of a time box. Nothing that a run decides hangs on it: runs know the virtual time of
 * their simulated machine only. */
#ifndef KAYA_SCENARIOS_CLOCK_H
#define KAYA_SCENARIOS_CLOCK_H

double kaya_clock_seconds(void); /* since some moment; never goes back. Any thread */

#endif
