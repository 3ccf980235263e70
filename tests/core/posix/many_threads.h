/* What the plain programs with threads have in common: a condition that must hold, an end that all threads see, records that say whose they are. */
#ifndef TESTS_CORE_POSIX_MANY_THREADS_H
#define TESTS_CORE_POSIX_MANY_THREADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/reader.h"

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A flag that another thread sets under the mutex. */
static inline bool is_set(pthread_mutex_t *mutex, const bool *flag)
{
    bool answer;

    (void)pthread_mutex_lock(mutex);
    answer = *flag;
    (void)pthread_mutex_unlock(mutex);
    return answer;
}

/* "thread record ...", of any length up to `bytes_max`, longer than a buffer's rest now and then. */
static inline size_t make_record(char *bytes, size_t bytes_max, unsigned thread, unsigned record)
{
    size_t length = 12 + (thread * 131 + record * 977) % (bytes_max - 12);

    memset(bytes, 'a' + (int)(record % 26), length);
    (void)snprintf(bytes, 12, "%03u %06u", thread, record);
    return length;
}

/* A record that was read: it is whole, and the next of its thread, whose number is returned. `found`: so many of each came before. */
static inline unsigned find_record(const struct kaya_wal_record *record, size_t bytes_max, unsigned *found,
                                   unsigned thread_count)
{
    char *bytes = malloc(bytes_max);
    unsigned thread, number;

    MUST(bytes != NULL);
    MUST(sscanf(record->bytes, "%u %u", &thread, &number) == 2);
    MUST(thread < thread_count);
    MUST(number == found[thread]);
    MUST(record->length == make_record(bytes, bytes_max, thread, number));
    MUST(memcmp(record->bytes, bytes, record->length) == 0);
    found[thread]++;
    free(bytes);
    return thread;
}

#endif
