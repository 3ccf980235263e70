/* Tickets and completions: many records in flight for one thread. */
#ifndef KAYA_SUBMIT_H
#define KAYA_SUBMIT_H

#include "line.h"

/* Make durable, or hand to the disk, what was submitted. With the mutex, before and after. */
KAYA_MUST_CHECK enum kaya_status kaya_submit_tend(struct kaya_wal_writer *writer);

/* As kaya_line_leave, and call the completions that are due, without the mutex. */
void kaya_submit_leave(struct kaya_wal_writer *writer);

#endif
