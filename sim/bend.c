/* A list of decisions that steers a run which asks other questions than those it was made for.
 *
 * The list is a tree: parts (boots, operations) within parts, and decisions in them. Whoever asks is always in some part; the list is
 * read where it stands at the same place:
 *
 *   list   names 2 1 | begin | operation 9 3 | end | begin | operation 9 0 | end
 *   asked  names?    begin  operation? length?  end begin    operation?      end
 *   answer 1                3          0                     0
 *
 * What an operation leaves unasked is skipped where it ends, and what it asks beyond is answered 0: so to cut, change or add
 * something in one part moves nothing in any other. Within a part each stream has its own place, and a question takes the next
 * decision with its label: others that stand before it were for questions which are asked no more.
 *
 * Labels are compared as pointers first: in one program they mostly are the same. */
#include "bend.h"

#include <stdlib.h>
#include <string.h>

static bool is_label(const char *one, const char *other)
{
    return one == other || strcmp(one, other) == 0;
}

/* Ends that are missing stand behind the list; those that close nothing are passed over. */
static void find_ends(struct kaya_bend *bend, size_t count)
{
    size_t open[KAYA_PARTS_DEEP_MAX];
    size_t depth = 0;

    for (size_t i = 0; i < count; i++) {
        if (bend->decisions[i].count == KAYA_PART_BEGINS) {
            KAYA_ASSERT(depth < KAYA_PARTS_DEEP_MAX);
            open[depth++] = i;
        } else if (bend->decisions[i].count == KAYA_PART_ENDS && depth > 0) {
            bend->ends[open[--depth]] = i;
        }
    }
    while (depth > 0)
        bend->ends[open[--depth]] = count;
}

static void start_level(struct kaya_bend *bend, size_t from, size_t end)
{
    struct kaya_bend_level *level = &bend->levels[bend->depth];

    for (size_t i = 0; i <= KAYA_STREAMS; i++)
        level->next[i] = from;
    level->end = end;
}

bool kaya_bend_start(struct kaya_bend *bend, const struct kaya_decision *decisions, size_t count)
{
    bend->decisions = decisions;
    bend->depth = 0;
    start_level(bend, 0, 0);
    if (count > bend->capacity) {
        size_t *ends = realloc(bend->ends, count * sizeof *ends);

        if (ends == NULL)
            return false;
        bend->ends = ends;
        bend->capacity = count;
    }
    find_ends(bend, count);
    start_level(bend, 0, count);
    return true;
}

void kaya_bend_release(struct kaya_bend *bend)
{
    free(bend->ends);
    bend->ends = NULL;
    bend->capacity = 0;
}

/* Behind item `i` of a level: parts within are passed over. */
static size_t behind(const struct kaya_bend *bend, size_t i)
{
    return bend->decisions[i].count == KAYA_PART_BEGINS ? bend->ends[i] + 1 : i + 1;
}

void kaya_bend_enter(struct kaya_bend *bend, const char *label)
{
    struct kaya_bend_level *level = &bend->levels[bend->depth];
    size_t i = level->next[KAYA_STREAMS];

    KAYA_ASSERT(bend->depth + 1 < KAYA_PARTS_DEEP_MAX);
    while (i < level->end &&
           (bend->decisions[i].count != KAYA_PART_BEGINS || !is_label(bend->decisions[i].label, label)))
        i = behind(bend, i);
    bend->depth++;
    if (i >= level->end) {
        start_level(bend, 0, 0);
        return;
    }
    level->next[KAYA_STREAMS] = behind(bend, i);
    start_level(bend, i + 1, bend->ends[i]);
}

void kaya_bend_leave(struct kaya_bend *bend)
{
    KAYA_ASSERT(bend->depth > 0);
    bend->depth--;
}

uint64_t kaya_bend_answer(struct kaya_bend *bend, enum kaya_stream stream, const char *label, uint64_t count)
{
    struct kaya_bend_level *level = &bend->levels[bend->depth];

    for (size_t i = level->next[stream]; i < level->end; i = behind(bend, i)) {
        const struct kaya_decision *decision = &bend->decisions[i];

        if (decision->count <= KAYA_PART_ENDS || decision->stream != stream || !is_label(decision->label, label))
            continue;
        level->next[stream] = i + 1;
        return decision->answer < count ? decision->answer : count - 1;
    }
    return 0;
}
