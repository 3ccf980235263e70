#include "threads.h"

#include <pthread.h>
#include <stdlib.h>

struct work {
    void (*run)(void *);
    void *argument;
};

static void *run(void *argument)
{
    const struct work *work = argument;

    work->run(work->argument);
    return NULL;
}

void kaya_tests_thread_pair(void *user, void (*first)(void *), void (*second)(void *), void *argument)
{
    struct work work = { .run = second, .argument = argument };
    pthread_t thread;

    (void)user;
    if (pthread_create(&thread, NULL, run, &work) != 0)
        abort();
    first(argument);
    if (pthread_join(thread, NULL) != 0)
        abort();
}
