/* Statuses: what a call of the log or of a seam can answer. Never stored, always returned.
 *
 * One list serves the enum, the names and the one-line explanations, so that they cannot drift apart. */
#ifndef KAYA_SEAM_STATUS_H
#define KAYA_SEAM_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, text) */
#define KAYA_STATUS_LIST(X)                                                                                  \
    X(OK, "it was done")                                                                                     \
    X(INVALID, "an argument or option is out of range; nothing was done")                                    \
    X(NOT_FOUND, "no such file or directory")                                                                \
    X(EXISTS, "the name is taken")                                                                           \
    X(IO, "the disk failed to read, write or sync")                                                          \
    X(FULL, "no room: the disk or a quota is full")                                                          \
    X(NO_MEMORY, "the allocator has no memory to give")                                                      \
    X(LIMIT, "too many open files")                                                                          \
    X(DENIED, "the operating system does not allow it")                                                      \
    X(INTERRUPTED, "interrupted before anything was done; try again")                                        \
    X(LOCKED, "another writer holds the log")                                                                \
    X(BUSY, "not now: try again")                                                                            \
    X(DAMAGED, "bytes that were durable are missing or wrong; nothing was changed")                          \
    X(UNSUPPORTED, "a format, feature or sync method that is not to be had here; nothing was changed")       \
    X(WRONG_LOG, "this is not the log that the anchor names")                                                \
    X(TRIMMED, "the record was trimmed away")                                                                \
    X(END, "no more records")                                                                                \
    X(ENDED, "this handle failed earlier and takes nothing more; open the log again")                        \
    X(GONE, "the machine behind this handle has crashed (simulated disks only)")

enum kaya_status {
#define KAYA_STATUS_ENUM(name, text) KAYA_##name,
    KAYA_STATUS_LIST(KAYA_STATUS_ENUM)
#undef KAYA_STATUS_ENUM
};

/* The name of a status, as "KAYA_IO"; "KAYA_?" for a value that is none. Static memory; any thread. */
const char *kaya_status_name(enum kaya_status status);

/* One line for people. Static memory; any thread. */
const char *kaya_status_text(enum kaya_status status);

/* Results that may not be dropped. */
#define KAYA_MUST_CHECK __attribute__((warn_unused_result))

/* Assertions state what callers owe and what the code keeps: they are for bugs, never for what a disk, a file or
 * a caller's data does. They stay on in release builds and need nothing from a C library. */
#define KAYA_ASSERT(condition)                                                                               \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            __builtin_trap();                                                                                \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
