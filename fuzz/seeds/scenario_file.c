/* The scenarios and workloads that come with the program, a replay line and a tape, as inputs of ../scenario_file.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/replay.h"
#include "kaya/scenarios/scenario_file.h"
#include "support/target.h"

enum { NAME_BYTES = 96, TEXT_BYTES_MAX = 4096 };

static void write_text(const char *folder, const char *name, char letter, const char *text, size_t length)
{
    char *bytes = malloc(length + 1);

    fuzz_must(bytes != NULL, "there is memory");
    bytes[0] = letter;
    memcpy(bytes + 1, text, length);
    fuzz_write_seed(folder, name, (const uint8_t *)bytes, length + 1);
    free(bytes);
}

static void write_texts(const char *folder, char letter, const struct kaya_scenario_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = texts[i].length < TEXT_BYTES_MAX ? texts[i].length : TEXT_BYTES_MAX;

        write_text(folder, texts[i].file_name, letter, texts[i].text, length);
    }
}

static void write_line(const char *folder)
{
    struct kaya_replay_line line = {
        .scenario = "power-loss", .seed = 7, .has_digest = true, .digest = 99, .events = 640
    };
    char text[KAYA_REPLAY_LINE_MAX];

    for (unsigned i = 0; i < KAYA_REPLAY_MARKS; i++)
        line.marks[i] = (uint8_t)(i * 5);
    kaya_replay_format(&line, text);
    write_text(folder, "line", 'l', text, strlen(text));
    write_text(folder, "line-short", 'l', "power-loss seed=0x4d2", 21);
}

static void write_tape(const char *folder)
{
    static const char text[] = "kaya tape 1\n# replay power-loss seed=0x0000000000000001\nconfig boots 5 2\n"
                               "workload operation 100 37\nfaults strike 64 63\ncrash version 3 1\n";

    write_text(folder, "tape", 't', text, sizeof text - 1);
}

int main(int argc, char **argv)
{
    const struct kaya_scenario_text *texts;
    size_t count;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    texts = kaya_scenario_texts(&count);
    write_texts(argv[1], 's', texts, count);
    texts = kaya_workload_texts(&count);
    write_texts(argv[1], 'w', texts, count);
    write_line(argv[1]);
    write_tape(argv[1]);
    return 0;
}
