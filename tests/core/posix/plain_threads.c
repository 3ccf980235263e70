/* One disk, many threads, each with files of its own, while others list, probe and lock. A plain program, so that
 * ThreadSanitizer can look on. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/posix.h"
#include "scratch_directory.h"

enum { THREADS = 4, ROUNDS = 200 };

struct worker {
    struct kaya_disk *disk;
    unsigned number;
    unsigned locks;
    unsigned wrong;
    pthread_t thread;
};

static bool look(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct worker *worker = user;

    if (kind != KAYA_ENTRY_FILE || (strncmp(name, "file-", 5) != 0 && strcmp(name, KAYA_LOCK_NAME) != 0))
        worker->wrong++;
    return true;
}

static void use_a_file(struct worker *worker, unsigned round)
{
    struct kaya_disk *disk = worker->disk;
    struct kaya_file *file = NULL;
    unsigned char bytes[100], read[100];
    struct kaya_span span = { .bytes = bytes, .length = sizeof bytes };
    char name[32];
    size_t done;

    (void)snprintf(name, sizeof name, "file-%u-%u", worker->number, round);
    memset(bytes, (int)(worker->number + round), sizeof bytes);
    if (kaya_disk_open(disk, name, KAYA_OPEN_CREATE, &file) != KAYA_OK ||
        kaya_disk_write(disk, file, round, &span, 1) != KAYA_OK ||
        kaya_disk_read(disk, file, round, read, sizeof read, KAYA_READ_CACHED, &done) != KAYA_OK ||
        done != sizeof read || memcmp(bytes, read, done) != 0 || kaya_disk_unlink(disk, name) != KAYA_OK)
        worker->wrong++;
    kaya_disk_close(disk, file);
}

static void use_the_lock(struct worker *worker)
{
    enum kaya_status status = kaya_disk_lock(worker->disk);
    bool held = false;

    if (status != KAYA_OK && status != KAYA_LOCKED)
        worker->wrong++;
    if (status != KAYA_OK)
        return;
    worker->locks++;
    if (kaya_disk_probe_lock(worker->disk, &held) != KAYA_OK || !held)
        worker->wrong++;
    kaya_disk_unlock(worker->disk);
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    for (unsigned round = 0; round < ROUNDS; round++) {
        use_a_file(worker, round);
        use_the_lock(worker);
        if (kaya_disk_list(worker->disk, look, worker) != KAYA_OK)
            worker->wrong++;
    }
    return NULL;
}

int main(void)
{
    struct worker workers[THREADS];
    char path[SCRATCH_PATH_BYTES];
    char log[SCRATCH_PATH_BYTES + 8];
    struct kaya_disk *disk = NULL;
    unsigned wrong = 0, locks = 0;

    if (!kaya_tests_scratch_make(path))
        return EXIT_FAILURE;
    (void)snprintf(log, sizeof log, "%s/log", path);
    if (kaya_posix_disk_create(log, true, &disk) != KAYA_OK || kaya_disk_create_directory(disk) != KAYA_OK)
        return EXIT_FAILURE;
    for (unsigned index = 0; index < THREADS; index++) {
        workers[index] = (struct worker){ .disk = disk, .number = index };
        if (pthread_create(&workers[index].thread, NULL, work, &workers[index]) != 0)
            abort();
    }
    for (unsigned index = 0; index < THREADS; index++) {
        (void)pthread_join(workers[index].thread, NULL);
        wrong += workers[index].wrong;
        locks += workers[index].locks;
    }
    kaya_posix_disk_destroy(disk);
    kaya_tests_scratch_remove(path);
    printf("%u threads: %u answers were wrong, the lock was taken %u times\n", THREADS, wrong, locks);
    return wrong == 0 && locks > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
