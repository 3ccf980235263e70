/* libFuzzer hears of every comparison of strings and memory, weighs it, and remembers both sides to put them into later inputs. In a tape
 * stands nothing that a comparison could ask for: it is decisions. Yet a fifteenth of all that an execution of `run` does was this, for the
 * names of files mostly. So the linker (--wrap) gives the engine these ears in place of its own. */
#include <stddef.h>

void __wrap___sanitizer_weak_hook_memcmp(void *caller, const void *one, const void *other, size_t length,
                                         int result);
void __wrap___sanitizer_weak_hook_strcmp(void *caller, const char *one, const char *other, int result);
void __wrap___sanitizer_weak_hook_strncmp(void *caller, const char *one, const char *other, size_t length,
                                          int result);

void __wrap___sanitizer_weak_hook_memcmp(void *caller, const void *one, const void *other, size_t length,
                                         int result)
{
    (void)caller, (void)one, (void)other, (void)length, (void)result;
}

void __wrap___sanitizer_weak_hook_strcmp(void *caller, const char *one, const char *other, int result)
{
    (void)caller, (void)one, (void)other, (void)result;
}

void __wrap___sanitizer_weak_hook_strncmp(void *caller, const char *one, const char *other, size_t length,
                                          int result)
{
    (void)caller, (void)one, (void)other, (void)length, (void)result;
}
