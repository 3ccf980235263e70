/* Does a piece of code run into an assertion? */
#ifndef KAYA_TESTS_TRAP_H
#define KAYA_TESTS_TRAP_H

#include <stdbool.h>

/* Run `code` in a child: true if it ended by the signal that __builtin_trap raises on this machine. */
bool kaya_tests_traps(void (*code)(void *), void *argument);

#endif
