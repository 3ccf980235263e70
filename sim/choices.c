/* Where decisions come from: a seed, a fuzzer's bytes, a tape, a list that bends (bend.c), an odometer. Nothing above can tell which.
 *
 * Invariants:
 *   1. An answer is below its count, and 0 is the tamest. A question with one answer is no question: no driver spends
 *      anything on it, and no tape holds it.
 *   2. Seed: answer number n of a stream hangs on the seed, the stream, n and the mood of the turn, and on nothing else. So a
 *      question more in one stream shifts no other, and the same seed gives the same answers on every machine: only
 *      additions, shifts and products of 64 bits.
 *   3. Odometer: a depth-first walk. The answers of a pass stand in a row of digits; advancing drops the digits at their last
 *      value from the end and counts up the one before. Which questions follow may hang on the answers so far.
 *
 *          pass 1   0/3 0/2          pass 3   1/3 0/2 0/4
 *          pass 2   0/3 1/2          pass 4   1/3 0/2 1/4
 *
 *   4. Tape: each stream has its own row. The first question that does not fit ends the tape for all streams: everything
 *      behind it would answer questions that were never asked.
 *
 *   5. The end of bytes is an end of the run: what follows would be tame throughout. A recording says at each place whether it was
 *      the end, so that the list and the tape made from it end there as well. Where nothing is said, the run goes on.
 *
 * Moods: uniform answers make every crash a bad one in every sector, which is never how the interesting bugs look. So a turn
 * (a crash) draws once how often its answers are 0: one turn in ten is calm throughout. */
#include "kaya/sim/choices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bend.h"

enum driver { DRIVER_SEED, DRIVER_BYTES, DRIVER_TAPE, DRIVER_BEND, DRIVER_ODOMETER };

enum { END_UNSAID, END_LATER, END_HERE, END_ANSWERS };

enum {
    LINE_BYTES_MAX = 512,  /* of a tape */
    LABEL_BYTES_MAX = 200, /* of a decision on a tape */
    MISFIT_BYTES_MAX = 640,
    FIRST_ROW_COUNT = 64,
    TAME_SCALE = 16,
    TAME_ALWAYS = TAME_SCALE,
};

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio: splitmix64's step */
static const uint64_t TURN_KEY =
    0x6a09e667f3bcc908; /* the square root of 2, so that moods and answers share no number */

struct row {
    struct kaya_decision *decisions;
    size_t count;
    size_t capacity;
    size_t next; /* the one that is asked next, when the row is read */
};

struct stream_state {
    uint64_t key;
    uint64_t index;
    uint64_t turn;
    uint64_t tame; /* answers of TAME_SCALE that are 0 before any is drawn */
};

struct digit {
    uint64_t count; /* 0: not asked yet */
    uint64_t answer;
    const char *label;
    uint64_t when; /* what the clock showed */
    enum kaya_stream stream;
};

struct kaya_choices {
    enum driver driver;
    bool recording;
    bool recording_failed;
    uint64_t given;
    struct stream_state streams[KAYA_STREAMS];

    const uint8_t *bytes;
    size_t length, position;

    struct digit *digits;
    size_t digit_count, digit_capacity, digit_next, digits_kept;
    bool has_dice;            /* of an odometer: new digits are drawn ... */
    struct stream_state dice; /* ... from here; else they are 0 */
    bool has_stopped;
    const uint64_t *clock; /* borrowed; NULL: none */

    struct kaya_bend bend;

    struct row record;

    struct row tape[KAYA_STREAMS];
    bool is_misfit;
    char misfit[MISFIT_BYTES_MAX];
};

static const char tape_head[] = "kaya tape 1";

static const char *const stream_names[KAYA_STREAMS] = {
#define STREAM_NAME(NAME, name) [KAYA_STREAM_##NAME] = #name,
    KAYA_STREAM_LIST(STREAM_NAME)
#undef STREAM_NAME
};

const char *kaya_stream_name(enum kaya_stream stream)
{
    return (unsigned)stream < KAYA_STREAMS ? stream_names[stream] : "?";
}

/* ---- seed ---- */

/* The finalizer of splitmix64: a bijection in which every bit of the result hangs on every bit of `value`. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/* A number below `count` from 64 random bits; without 128-bit products, and the remainder's bias is below 2^-32. */
static uint64_t scale(uint64_t random, uint64_t count)
{
    return count <= UINT32_MAX ? ((random >> 32) * count) >> 32 : random % count;
}

static uint64_t answer_from_seed(struct stream_state *stream, uint64_t count)
{
    uint64_t random = mix(stream->key + stream->index++ * GOLDEN);

    return random % TAME_SCALE < stream->tame ? 0 : scale(random, count);
}

static void start_from(struct kaya_choices *choices, uint64_t seed)
{
    for (unsigned stream = 0; stream < KAYA_STREAMS; stream++)
        choices->streams[stream] =
            (struct stream_state){ .key = mix(mix(seed + GOLDEN) + (stream + 1) * GOLDEN) };
}

static uint64_t mood_of(struct stream_state *state)
{
    static const uint8_t moods[] = { TAME_ALWAYS, 0, 0, 2, 4, 4, 8, 8, 12, 14 };

    return moods[scale(mix((state->key ^ TURN_KEY) + state->turn++ * GOLDEN), sizeof moods)];
}

void kaya_choices_begin_turn(struct kaya_choices *choices, enum kaya_stream stream)
{
    struct stream_state *state = &choices->streams[stream];

    if (choices->driver == DRIVER_SEED)
        state->tame = mood_of(state);
}

/* ---- bytes ---- */

/* As few bytes as the count needs, so that a fuzzer's single byte steers a single decision. */
static uint64_t answer_from_bytes(struct kaya_choices *choices, uint64_t count)
{
    uint64_t value = 0;

    for (uint64_t rest = count - 1; rest != 0 && choices->position < choices->length; rest >>= 8)
        value = value << 8 | choices->bytes[choices->position++];
    return value % count;
}

/* ---- odometer ---- */

static void *grown(void *array, size_t *capacity, size_t item_bytes)
{
    *capacity = *capacity ? *capacity * 2 : FIRST_ROW_COUNT;
    return realloc(array, *capacity * item_bytes);
}

static void add_digit(struct kaya_choices *choices, struct digit digit)
{
    if (choices->digit_count == choices->digit_capacity) {
        choices->digits = grown(choices->digits, &choices->digit_capacity, sizeof *choices->digits);
        KAYA_ASSERT(choices->digits != NULL); /* an enumeration with a gap would prove nothing */
    }
    choices->digits[choices->digit_count++] = digit;
}

static uint64_t answer_from_odometer(struct kaya_choices *choices, enum kaya_stream stream, uint64_t count,
                                     const char *label)
{
    struct digit *digit;

    if (choices->has_stopped)
        return 0;
    if (choices->digit_next == choices->digit_count) {
        uint64_t answer = choices->has_dice ? answer_from_seed(&choices->dice, count) : 0;

        add_digit(choices, (struct digit){ .answer = answer });
    }
    digit = &choices->digits[choices->digit_next++];
    if (digit->count == 0) {
        digit->count = count;
        digit->label = label;
        digit->stream = stream;
        digit->when = choices->clock != NULL ? *choices->clock : 0;
        digit->answer = digit->answer < count ? digit->answer : count - 1;
    }
    KAYA_ASSERT(digit->count == count); /* whoever asks must be a function of the answers */
    KAYA_ASSERT(digit->answer < count);
    return digit->answer;
}

bool kaya_choices_advance(struct kaya_choices *choices)
{
    KAYA_ASSERT(choices->driver == DRIVER_ODOMETER);
    choices->digit_count = choices->digit_next; /* a pass that ended early never asked the rest */
    choices->digit_next = 0;
    choices->digits_kept = 0;
    choices->has_stopped = false;
    while (choices->digit_count > 0) {
        struct digit *last = &choices->digits[choices->digit_count - 1];

        if (last->answer + 1 < last->count) {
            last->answer++;
            choices->digits_kept = choices->digit_count - 1;
            return true;
        }
        choices->digit_count--;
    }
    return false;
}

void kaya_choices_restart(struct kaya_choices *choices)
{
    KAYA_ASSERT(choices->driver == DRIVER_ODOMETER);
    choices->digit_count = 0;
    choices->digit_next = 0;
    choices->digits_kept = 0;
    choices->has_dice = false;
    choices->has_stopped = false;
}

void kaya_choices_restart_with(struct kaya_choices *choices, const uint64_t *answers, size_t count)
{
    kaya_choices_restart(choices);
    for (size_t index = 0; index < count; index++)
        add_digit(choices, (struct digit){ .answer = answers[index] });
}

void kaya_choices_restart_dice(struct kaya_choices *choices, uint64_t seed)
{
    kaya_choices_restart(choices);
    choices->has_dice = true;
    choices->dice = (struct stream_state){ .key = mix(seed + GOLDEN) };
    choices->dice.tame = mood_of(&choices->dice);
}

void kaya_choices_stop(struct kaya_choices *choices)
{
    KAYA_ASSERT(choices->driver == DRIVER_ODOMETER);
    choices->has_stopped = true;
}

void kaya_choices_forget(struct kaya_choices *choices, size_t given)
{
    KAYA_ASSERT(choices->driver == DRIVER_ODOMETER);
    KAYA_ASSERT(given <= choices->digit_next);
    choices->digit_next = given;
}

bool kaya_choices_is_new(const struct kaya_choices *choices)
{
    return choices->driver == DRIVER_ODOMETER && !choices->has_stopped &&
           choices->digit_next == choices->digit_count;
}

size_t kaya_choices_given(const struct kaya_choices *choices)
{
    return choices->digit_next;
}

uint64_t kaya_choices_count_at(const struct kaya_choices *choices, size_t index)
{
    KAYA_ASSERT(index < choices->digit_next);
    return choices->digits[index].count;
}

uint64_t kaya_choices_answer_at(const struct kaya_choices *choices, size_t index)
{
    KAYA_ASSERT(index < choices->digit_next);
    return choices->digits[index].answer;
}

const char *kaya_choices_label_at(const struct kaya_choices *choices, size_t index)
{
    KAYA_ASSERT(index < choices->digit_next);
    return choices->digits[index].label;
}

enum kaya_stream kaya_choices_stream_at(const struct kaya_choices *choices, size_t index)
{
    KAYA_ASSERT(index < choices->digit_next);
    return choices->digits[index].stream;
}

void kaya_choices_watch(struct kaya_choices *choices, const uint64_t *clock)
{
    choices->clock = clock;
}

void kaya_choices_go_on(struct kaya_choices *choices, size_t given)
{
    KAYA_ASSERT(choices->driver == DRIVER_ODOMETER);
    KAYA_ASSERT(given <= choices->digits_kept);
    choices->digit_next = given;
}

uint64_t kaya_choices_changed(const struct kaya_choices *choices, uint64_t *left)
{
    const struct digit *digit = &choices->digits[choices->digits_kept];

    KAYA_ASSERT(choices->digits_kept < choices->digit_count);
    *left = digit->count - digit->answer;
    return digit->when;
}

size_t kaya_choices_kept(const struct kaya_choices *choices)
{
    return choices->digits_kept;
}

/* ---- tape ---- */

static bool row_add(struct row *row, struct kaya_decision decision)
{
    if (row->count == row->capacity) {
        size_t capacity = row->capacity;
        struct kaya_decision *decisions = grown(row->decisions, &capacity, sizeof *decisions);

        if (decisions == NULL)
            return false;
        row->decisions = decisions;
        row->capacity = capacity;
    }
    row->decisions[row->count++] = decision;
    return true;
}

static void set_misfit(struct kaya_choices *choices, const struct kaya_decision *asked,
                       const struct kaya_decision *there, size_t number)
{
    int length = snprintf(choices->misfit, sizeof choices->misfit,
                          "decision %zu of stream %s: asked \"%.*s\" of %" PRIu64 ", ", number,
                          kaya_stream_name(asked->stream), LABEL_BYTES_MAX, asked->label, asked->count);
    size_t used = (size_t)length;

    choices->is_misfit = true;
    if (there == NULL)
        snprintf(choices->misfit + used, sizeof choices->misfit - used, "but the tape had ended");
    else
        snprintf(choices->misfit + used, sizeof choices->misfit - used, "the tape has \"%.*s\" of %" PRIu64,
                 LABEL_BYTES_MAX, there->label, there->count);
}

static uint64_t answer_from_tape(struct kaya_choices *choices, const struct kaya_decision *asked)
{
    struct row *row = &choices->tape[asked->stream];
    const struct kaya_decision *there = row->next < row->count ? &row->decisions[row->next] : NULL;

    if (choices->is_misfit)
        return 0;
    row->next++;
    if (there != NULL && there->count == asked->count && strcmp(there->label, asked->label) == 0)
        return there->answer;
    set_misfit(choices, asked, there, row->next);
    return 0;
}

const char *kaya_choices_misfit(const struct kaya_choices *choices)
{
    return choices->is_misfit ? choices->misfit : NULL;
}

static bool save_decision(const struct kaya_decision *decision, FILE *file)
{
    if (decision->count == KAYA_PART_BEGINS)
        return fprintf(file, "# begin %s\n", decision->label) > 0;
    if (decision->count == KAYA_PART_ENDS)
        return fprintf(file, "# end\n") > 0;
    return fprintf(file, "%s %s %" PRIu64 " %" PRIu64 "\n", kaya_stream_name(decision->stream),
                   decision->label, decision->count, decision->answer) > 0;
}

enum kaya_status kaya_decisions_save(const struct kaya_decision *decisions, size_t count, FILE *file)
{
    if (fprintf(file, "%s\n", tape_head) < 0)
        return KAYA_IO;
    for (size_t index = 0; index < count; index++)
        if (!save_decision(&decisions[index], file))
            return KAYA_IO;
    return KAYA_OK;
}

enum kaya_status kaya_choices_save(const struct kaya_choices *choices, FILE *file)
{
    if (choices->recording_failed)
        return KAYA_NO_MEMORY;
    return kaya_decisions_save(choices->record.decisions, choices->record.count, file);
}

/* Cut the last word off `text` and read it as a number. */
static bool take_last_number(char *text, uint64_t *number)
{
    char *space = strrchr(text, ' ');
    char *end;

    if (space == NULL || space[1] < '0' || space[1] > '9')
        return false;
    errno = 0;
    *number = strtoull(space + 1, &end, 10);
    *space = '\0';
    return *end == '\0' && errno == 0;
}

static bool stream_from_name(const char *name, size_t length, enum kaya_stream *stream)
{
    for (unsigned index = 0; index < KAYA_STREAMS; index++) {
        if (strlen(stream_names[index]) == length && memcmp(stream_names[index], name, length) == 0) {
            *stream = (enum kaya_stream)index;
            return true;
        }
    }
    return false;
}

/* "STREAM LABEL COUNT ANSWER"; a label may have spaces in it. On failure *expected is set. */
static enum kaya_status read_decision(struct kaya_choices *choices, char *line, const char **expected)
{
    struct kaya_decision decision = { 0 };
    const char *label = strchr(line, ' ');
    char *copy;

    *expected = "STREAM LABEL COUNT ANSWER, with ANSWER below COUNT";
    if (!take_last_number(line, &decision.answer) || !take_last_number(line, &decision.count))
        return KAYA_INVALID;
    if (decision.count < 2 || decision.answer >= decision.count)
        return KAYA_INVALID;
    if (label == NULL || *label == '\0' || strlen(label + 1) > LABEL_BYTES_MAX)
        return KAYA_INVALID;
    if (!stream_from_name(line, (size_t)(label - line), &decision.stream)) {
        *expected = "a stream: config, workload, schedule, faults or crash";
        return KAYA_INVALID;
    }
    *expected = NULL;
    copy = malloc(strlen(label + 1) + 1);
    if (copy == NULL)
        return KAYA_NO_MEMORY;
    strcpy(copy, label + 1);
    decision.label = copy;
    if (row_add(&choices->tape[decision.stream], decision))
        return KAYA_OK;
    free(copy);
    return KAYA_NO_MEMORY;
}

static enum kaya_status read_tape(struct kaya_choices *choices, FILE *file, size_t *line, const char **expected)
{
    char text[LINE_BYTES_MAX];
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && fgets(text, sizeof text, file) != NULL) {
        size_t length = strlen(text);

        ++*line;
        if (length == sizeof text - 1 && text[length - 1] != '\n') {
            *expected = "a line of less than 512 bytes";
            return KAYA_INVALID;
        }
        if (length > 0 && text[length - 1] == '\n')
            text[length - 1] = '\0';
        if (*line == 1 && strcmp(text, tape_head) != 0) {
            *expected = tape_head;
            return KAYA_INVALID;
        }
        if (*line > 1 && text[0] != '#' && text[0] != '\0')
            status = read_decision(choices, text, expected);
    }
    if (status == KAYA_OK && ferror(file))
        status = KAYA_IO;
    if (status == KAYA_OK && *line == 0) {
        *line = 1;
        *expected = tape_head;
        status = KAYA_INVALID;
    }
    return status;
}

/* ---- objects ---- */

static struct kaya_choices *create(enum driver driver)
{
    struct kaya_choices *choices = calloc(1, sizeof *choices);

    if (choices != NULL)
        choices->driver = driver;
    return choices;
}

enum kaya_status kaya_choices_load(FILE *file, struct kaya_choices **choices, size_t *line, const char **expected)
{
    struct kaya_choices *made = create(DRIVER_TAPE);
    enum kaya_status status;

    *line = 0;
    *expected = NULL;
    if (made == NULL)
        return KAYA_NO_MEMORY;
    status = read_tape(made, file, line, expected);
    if (status != KAYA_OK)
        goto done;

    *choices = made;
    made = NULL;
done:
    kaya_choices_destroy(made);
    return status;
}

struct kaya_choices *kaya_choices_from_seed(uint64_t seed)
{
    struct kaya_choices *choices = create(DRIVER_SEED);

    if (choices != NULL)
        start_from(choices, seed);
    return choices;
}

struct kaya_choices *kaya_choices_from_bytes(const uint8_t *bytes, size_t length)
{
    struct kaya_choices *choices = create(DRIVER_BYTES);

    if (choices != NULL) {
        choices->bytes = bytes;
        choices->length = length;
    }
    return choices;
}

struct kaya_choices *kaya_choices_from_decisions(const struct kaya_decision *decisions, size_t count)
{
    struct kaya_choices *choices = create(DRIVER_BEND);

    if (choices != NULL)
        kaya_choices_redirect(choices, decisions, count);
    return choices;
}

struct kaya_choices *kaya_choices_odometer(void)
{
    return create(DRIVER_ODOMETER);
}

void kaya_choices_destroy(struct kaya_choices *choices)
{
    if (choices == NULL)
        return;
    for (unsigned stream = 0; stream < KAYA_STREAMS; stream++) {
        struct row *row = &choices->tape[stream];

        for (size_t index = 0; index < row->count; index++)
            free((char *)row->decisions[index].label); /* read_decision made it */
        free(row->decisions);
    }
    kaya_bend_release(&choices->bend);
    free(choices->record.decisions);
    free(choices->digits);
    free(choices);
}

static void drop_record(struct kaya_choices *choices)
{
    choices->given = 0;
    choices->record.count = 0;
    choices->recording_failed = false;
}

void kaya_choices_reseed(struct kaya_choices *choices, uint64_t seed)
{
    KAYA_ASSERT(choices->driver == DRIVER_SEED);
    start_from(choices, seed);
    drop_record(choices);
}

void kaya_choices_redirect(struct kaya_choices *choices, const struct kaya_decision *decisions, size_t count)
{
    KAYA_ASSERT(choices->driver == DRIVER_BEND);
    choices->recording_failed = false;
    drop_record(choices);
    if (!kaya_bend_start(&choices->bend, decisions, count))
        choices->recording_failed = true; /* answers are 0, and no tape is to be had */
}

const struct kaya_decision *kaya_choices_recorded(const struct kaya_choices *choices, size_t *count)
{
    *count = choices->recording_failed ? 0 : choices->record.count;
    return choices->record.decisions;
}

void kaya_choices_record(struct kaya_choices *choices, bool on)
{
    choices->recording = on;
}

uint64_t kaya_choices_count(const struct kaya_choices *choices)
{
    return choices->given;
}

/* ---- asking ---- */

static uint64_t answer(struct kaya_choices *choices, enum kaya_stream stream, uint64_t count, const char *label)
{
    switch (choices->driver) {
    case DRIVER_SEED:
        return answer_from_seed(&choices->streams[stream], count);
    case DRIVER_BYTES:
        return answer_from_bytes(choices, count);
    case DRIVER_TAPE:
        return answer_from_tape(choices,
                                &(struct kaya_decision){ .stream = stream, .label = label, .count = count });
    case DRIVER_BEND:
        return kaya_bend_answer(&choices->bend, stream, label, count);
    case DRIVER_ODOMETER:
        return answer_from_odometer(choices, stream, count, label);
    }
    __builtin_unreachable();
}

static void note(struct kaya_choices *choices, struct kaya_decision decision)
{
    if (choices->recording && !row_add(&choices->record, decision))
        choices->recording_failed = true;
}

/* What a tape or list says about the end, where it was made from bytes. */
static uint64_t written_end(struct kaya_choices *choices, const struct kaya_decision *asked)
{
    const struct row *row = &choices->tape[asked->stream];

    if (choices->driver == DRIVER_BEND)
        return kaya_bend_answer(&choices->bend, asked->stream, asked->label, asked->count);
    if (row->next < row->count && strcmp(row->decisions[row->next].label, asked->label) == 0)
        return answer_from_tape(choices, asked);
    return END_UNSAID;
}

bool kaya_choices_ends(struct kaya_choices *choices)
{
    struct kaya_decision decision = { KAYA_STREAM_CONFIG, KAYA_END_LABEL, END_ANSWERS, END_UNSAID };

    if (choices->driver == DRIVER_SEED)
        return false;
    if (choices->driver == DRIVER_BYTES)
        decision.answer = choices->position == choices->length ? END_HERE : END_LATER;
    else if (choices->driver == DRIVER_BEND || choices->driver == DRIVER_TAPE)
        decision.answer = written_end(choices, &decision);
    if (decision.answer != END_UNSAID)
        note(choices, decision);
    return decision.answer == END_HERE;
}

void kaya_choices_begin_part(struct kaya_choices *choices, const char *counted_by)
{
    if (choices->driver == DRIVER_BEND)
        kaya_bend_enter(&choices->bend, counted_by);
    if (choices->recording)
        note(choices, (struct kaya_decision){ .label = counted_by, .count = KAYA_PART_BEGINS });
}

void kaya_choices_end_part(struct kaya_choices *choices)
{
    if (choices->driver == DRIVER_BEND)
        kaya_bend_leave(&choices->bend);
    if (choices->recording)
        note(choices, (struct kaya_decision){ .label = "part", .count = KAYA_PART_ENDS });
}

uint64_t kaya_choose(struct kaya_choices *choices, enum kaya_stream stream, uint64_t count, const char *label)
{
    uint64_t given;

    KAYA_ASSERT(count >= 1);
    KAYA_ASSERT((unsigned)stream < KAYA_STREAMS);
    if (count == 1)
        return 0;
    choices->given++;
    if (choices->driver == DRIVER_SEED && !choices->recording) /* most runs */
        return answer_from_seed(&choices->streams[stream], count);
    given = answer(choices, stream, count, label);
    if (choices->recording)
        note(choices, (struct kaya_decision){ stream, label, count, given });
    return given;
}

bool kaya_chance(struct kaya_choices *choices, enum kaya_stream stream, uint64_t in, uint64_t of, const char *label)
{
    KAYA_ASSERT(in <= of);
    KAYA_ASSERT(of >= 1);
    return in != 0 && kaya_choose(choices, stream, of, label) >= of - in;
}
