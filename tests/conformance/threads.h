/* Two threads for the conformance test of runtimes. */
#ifndef KAYA_TESTS_THREADS_H
#define KAYA_TESTS_THREADS_H

/* A kaya_conformance_pair: `first` in this thread, `second` in another. */
void kaya_tests_thread_pair(void *user, void (*first)(void *), void (*second)(void *), void *argument);

#endif
