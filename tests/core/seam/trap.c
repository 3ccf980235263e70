#include "trap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

bool kaya_tests_traps(void (*code)(void *), void *argument)
{
    const struct rlimit no_core = { .rlim_cur = 0, .rlim_max = 0 };
    pid_t child = fork();
    int status;

    if (child < 0)
        abort();
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGILL, SIG_DFL);
        (void)signal(SIGTRAP, SIG_DFL);
        code(argument);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child)
        abort();
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}
