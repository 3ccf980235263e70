/* What tests need that stand in front of the C library's calls: the call itself. */
#ifndef TESTS_REAL_CALLS_H
#define TESTS_REAL_CALLS_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>

static inline void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (function == NULL)
        abort();
    return function;
}

/* openat, but for calls of which `fails` holds; that sets errno. */
#define REPLACE_OPENAT(fails)                                                                                \
    int openat(int directory, const char *name, int flags, ...)                                              \
    {                                                                                                        \
        va_list arguments;                                                                                   \
        unsigned mode;                                                                                       \
                                                                                                             \
        va_start(arguments, flags);                                                                          \
        mode = (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;                                     \
        va_end(arguments);                                                                                   \
        if (fails)                                                                                           \
            return -1;                                                                                       \
        return ((int (*)(int, const char *, int, ...))next("openat64"))(directory, name, flags, mode);       \
    }

#endif
