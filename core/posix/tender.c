/* The thread that tends: spares and strides are prepared ahead of need, off the path of those who append, and what was submitted is made durable
 * without anybody waiting for it.
 *
 *   thread    await work ----> tend ----> await work ...        (kaya_wal_writer_await_work sleeps on a condition of the writer)
 *   appends         \ wakes it when they leave less than half a stride, or take a spare
 *
 * It asks for no period: a log that nobody uses wakes nobody. Only what failed for want of room is tried again after a while. */
#define _GNU_SOURCE 1

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "kaya/posix.h"
#include "kaya/wal.h"

static const uint64_t RETRY_NS = 1000000000;

struct kaya_posix_tender {
    struct kaya_wal_writer *writer;
    pthread_t thread;
};

/* What tend answers is the next wait's answer too; and appenders are told by their own calls. */
static void *tend_until_dismissed(void *argument)
{
    struct kaya_posix_tender *tender = argument;
    enum kaya_status status;

    do {
        status = kaya_wal_writer_await_work(tender->writer, RETRY_NS);
        if (status == KAYA_OK || status == KAYA_ENDED)
            (void)!kaya_wal_writer_tend(tender->writer, NULL);
    } while (status == KAYA_OK);
    return NULL;
}

/* Signals are the program's: this thread takes none. */
static enum kaya_status start_thread(struct kaya_posix_tender *tender)
{
    sigset_t all, before;
    int error;

    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return KAYA_LIMIT;
    error = pthread_create(&tender->thread, NULL, tend_until_dismissed, tender);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        (void)pthread_setname_np(tender->thread, "kaya-tender");
    return error == 0 ? KAYA_OK : KAYA_LIMIT;
}

enum kaya_status kaya_posix_tender_start(struct kaya_wal_writer *writer, struct kaya_posix_tender **tender)
{
    struct kaya_posix_tender *made = malloc(sizeof *made);
    enum kaya_status status = KAYA_NO_MEMORY;

    *tender = NULL;
    if (made == NULL)
        return KAYA_NO_MEMORY;
    made->writer = writer;
    kaya_wal_writer_dismiss(writer); /* the first wait, which may fail, is here */
    if (kaya_wal_writer_await_work(writer, 0) == KAYA_BUSY)
        status = start_thread(made);
    if (status != KAYA_OK) {
        free(made);
        return status;
    }
    *tender = made;
    return KAYA_OK;
}

void kaya_posix_tender_stop(struct kaya_posix_tender *tender)
{
    if (tender == NULL)
        return;
    kaya_wal_writer_dismiss(tender->writer);
    KAYA_ASSERT(pthread_join(tender->thread, NULL) == 0);
    free(tender);
}
