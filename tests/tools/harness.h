/* For tests of real processes on real files: run a program, hold a directory in memory, damage it, compare.
 *
 * Plain C without a test framework: what goes wrong prints one line and ends the test with exit code 1. */
#ifndef KAYA_TEST_TOOLS_HARNESS_H
#define KAYA_TEST_TOOLS_HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HARNESS_PATH_BYTES = 4096, HARNESS_FILES_MAX = 512, HARNESS_ARGUMENTS_MAX = 16 };

static char harness_context[1024]; /* what is being tried, for the line of a failure */

__attribute__((format(printf, 3, 4), noreturn, unused)) static void harness_fail(const char *file, int line,
                                                                                 const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n  while: %s\n", harness_context[0] ? harness_context : "setting up");
    exit(1);
}

#define FAIL(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            FAIL(__VA_ARGS__);                                                                               \
    } while (0)
#define CONTEXT(...) snprintf(harness_context, sizeof(harness_context), __VA_ARGS__)

/* Seeded choices ------------------------------------------------------------------------------------------------ */

static uint64_t harness_random_state;

__attribute__((unused)) static uint64_t mix(uint64_t value) /* splitmix64 */
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

__attribute__((unused)) static uint64_t draw(uint64_t count) /* 0 .. count - 1 */
{
    harness_random_state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(harness_random_state) % count;
}

/* Programs ------------------------------------------------------------------------------------------------------- */

/* Where a program of ours stands: KAYA_BIN, the build's directory for programs. */
__attribute__((unused)) static const char *program(const char *name)
{
    static char path[HARNESS_PATH_BYTES];
    const char *bin = getenv("KAYA_BIN");

    CHECK(bin, "KAYA_BIN is not set: the directory that holds %s", name);
    snprintf(path, sizeof(path), "%s/%s", bin, name);
    return path;
}

struct result {
    int code; /* 128 + N: killed by signal N */
    char *output;
    size_t output_length;
    char *error;
    size_t error_length;
};

struct child {
    pid_t pid;
    int input; /* -1: closed */
    int output;
    int error;
};

/* Start a program with pipes on its three streams. */
__attribute__((unused)) static struct child spawn(const char *const *argv)
{
    int input[2], output[2], error[2];

    CHECK(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0 && pipe2(error, O_CLOEXEC) == 0,
          "pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) {
        if (dup2(input[0], 0) < 0 || dup2(output[1], 1) < 0 || dup2(error[1], 2) < 0)
            _exit(126);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    close(error[1]);
    return (struct child){ .pid = pid, .input = input[1], .output = output[0], .error = error[0] };
}

__attribute__((unused)) static void close_input(struct child *child)
{
    if (child->input >= 0)
        close(child->input);
    child->input = -1;
}

static bool harness_gather(int descriptor, char **bytes, size_t *length)
{
    char piece[65536];
    ssize_t count = read(descriptor, piece, sizeof(piece));

    if (count < 0 && errno == EINTR)
        return true;
    if (count <= 0)
        return false;
    *bytes = realloc(*bytes, *length + (size_t)count + 1);
    CHECK(*bytes, "no memory");
    memcpy(*bytes + *length, piece, (size_t)count);
    *length += (size_t)count;
    (*bytes)[*length] = 0;
    return true;
}

static int harness_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR, "waitpid: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Feed `input`, gather what comes, wait for the end. */
__attribute__((unused)) static struct result finish(struct child *child, const char *input, size_t input_length)
{
    struct result result = { .output = calloc(1, 1), .error = calloc(1, 1) };
    size_t fed = 0;

    if (input_length == 0)
        close_input(child);
    else
        fcntl(child->input, F_SETFL, O_NONBLOCK);
    while (child->output >= 0 || child->error >= 0) {
        struct pollfd files[3] = { { .fd = child->output, .events = POLLIN },
                                   { .fd = child->error, .events = POLLIN },
                                   { .fd = child->input, .events = POLLOUT } };
        if (poll(files, 3, -1) < 0)
            continue;
        if (files[0].revents && !harness_gather(child->output, &result.output, &result.output_length)) {
            close(child->output);
            child->output = -1;
        }
        if (files[1].revents && !harness_gather(child->error, &result.error, &result.error_length)) {
            close(child->error);
            child->error = -1;
        }
        if (files[2].revents) {
            ssize_t count = write(child->input, input + fed, input_length - fed);
            fed += count > 0 ? (size_t)count : 0;
            if (fed == input_length || (count < 0 && errno != EAGAIN && errno != EINTR))
                close_input(child);
        }
    }
    close_input(child);
    result.code = harness_wait(child->pid);
    return result;
}

__attribute__((unused)) static void release(struct result *result)
{
    free(result->output);
    free(result->error);
    *result = (struct result){ 0 };
}

/* run("append", input, length, "DIR", "--relaxed", NULL): `kaya-wal append DIR --relaxed` to its end. */
__attribute__((unused, sentinel)) static struct result run(const char *command, const char *input,
                                                           size_t input_length, ...)
{
    const char *argv[HARNESS_ARGUMENTS_MAX] = { program("kaya-wal"), command };
    va_list arguments;
    size_t count = 2;

    va_start(arguments, input_length);
    while (count < HARNESS_ARGUMENTS_MAX - 1 && (argv[count] = va_arg(arguments, const char *)))
        count++;
    va_end(arguments);
    struct child child = spawn(argv);
    return finish(&child, input, input_length);
}

/* Directories ---------------------------------------------------------------------------------------------------- */

struct file_image {
    char name[256];
    uint8_t *bytes;
    size_t length;
};

/* A flat directory in memory, names in order. */
struct image {
    struct file_image files[HARNESS_FILES_MAX];
    size_t count;
};

static int harness_compare_files(const void *left, const void *right)
{
    return strcmp(((const struct file_image *)left)->name, ((const struct file_image *)right)->name);
}

__attribute__((unused)) static void image_release(struct image *image)
{
    for (size_t i = 0; i < image->count; i++)
        free(image->files[i].bytes);
    image->count = 0;
}

static void harness_load_file(const char *path, struct file_image *file)
{
    FILE *stream = fopen(path, "rb");
    struct stat facts;

    CHECK(stream && fstat(fileno(stream), &facts) == 0, "%s: %s", path, strerror(errno));
    file->length = (size_t)facts.st_size;
    file->bytes = malloc(file->length + 1);
    CHECK(file->bytes && fread(file->bytes, 1, file->length, stream) == file->length, "%s: cannot read", path);
    fclose(stream);
}

__attribute__((unused)) static void image_load(const char *directory, struct image *image)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    char path[HARNESS_PATH_BYTES];

    CHECK(stream, "%s: %s", directory, strerror(errno));
    image->count = 0;
    while ((entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        CHECK(image->count < HARNESS_FILES_MAX, "more files than a test's log may have");
        struct file_image *file = &image->files[image->count++];
        snprintf(file->name, sizeof(file->name), "%s", entry->d_name);
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        harness_load_file(path, file);
    }
    closedir(stream);
    qsort(image->files, image->count, sizeof(image->files[0]), harness_compare_files);
}

__attribute__((unused)) static void empty_directory(const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    char path[HARNESS_PATH_BYTES];

    while (stream && (entry = readdir(stream))) {
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        unlink(path);
    }
    if (stream)
        closedir(stream);
}

/* Make the directory hold exactly the image. */
__attribute__((unused)) static void image_store(const char *directory, const struct image *image)
{
    char path[HARNESS_PATH_BYTES];

    empty_directory(directory);
    mkdir(directory, 0700);
    for (size_t i = 0; i < image->count; i++) {
        const struct file_image *file = &image->files[i];
        snprintf(path, sizeof(path), "%s/%s", directory, file->name);
        int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CHECK(descriptor >= 0, "%s: %s", path, strerror(errno));
        for (size_t done = 0; done < file->length;) {
            ssize_t count = write(descriptor, file->bytes + done, file->length - done);
            CHECK(count > 0, "%s: %s", path, strerror(errno));
            done += (size_t)count;
        }
        close(descriptor);
    }
}

__attribute__((unused)) static bool image_equal(const struct image *left, const struct image *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++) {
        const struct file_image *a = &left->files[i], *b = &right->files[i];
        if (strcmp(a->name, b->name) != 0 || a->length != b->length || memcmp(a->bytes, b->bytes, a->length) != 0)
            return false;
    }
    return true;
}

__attribute__((unused)) static struct file_image *image_find(struct image *image, const char *name)
{
    for (size_t i = 0; i < image->count; i++)
        if (strcmp(image->files[i].name, name) == 0)
            return &image->files[i];
    return NULL;
}

/* A fresh directory for a test, in TMPDIR or /tmp; in memory where `in_memory` and there is such a place: for tests that
 * damage thousands of copies and have no use for a disk that syncs. */
__attribute__((unused)) static void make_workplace(char path[HARNESS_PATH_BYTES], bool in_memory)
{
    const char *parent = getenv("TMPDIR");

    if (!parent || !parent[0])
        parent = in_memory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, HARNESS_PATH_BYTES, "%s/kaya-test-XXXXXX", parent);
    CHECK(mkdtemp(path), "%s: %s", path, strerror(errno));
}

__attribute__((unused)) static void remove_directory(const char *path)
{
    empty_directory(path);
    rmdir(path);
}

/* Nothing, where there is no directory: who should have made it was killed before. */
__attribute__((unused)) static uint64_t directory_bytes(const char *directory)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    char path[HARNESS_PATH_BYTES];
    struct stat facts;
    uint64_t sum = 0;

    if (!stream && errno == ENOENT)
        return 0;
    CHECK(stream, "%s: %s", directory, strerror(errno));
    while ((entry = readdir(stream))) {
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode))
            sum += (uint64_t)facts.st_size;
    }
    closedir(stream);
    return sum;
}

#endif
