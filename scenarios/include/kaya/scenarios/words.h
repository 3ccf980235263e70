/* A row of words and its hash, 128 bits: how models are told apart. Without memory of its own; the same on every machine. */
#ifndef KAYA_SCENARIOS_WORDS_H
#define KAYA_SCENARIOS_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { KAYA_WORDS_KEPT = 128 };

struct kaya_words {
    uint64_t hash[2]; /* of the rows before */
    size_t count;
    uint64_t words[KAYA_WORDS_KEPT];
};

void kaya_words_begin(struct kaya_words *words);
void kaya_words_fold(struct kaya_words *words); /* what is kept goes into the hash */
void kaya_words_end(struct kaya_words *words, uint64_t hash[2]);

static inline void kaya_words_add(struct kaya_words *words, uint64_t word)
{
    if (words->count == KAYA_WORDS_KEPT)
        kaya_words_fold(words);
    words->words[words->count++] = word;
}

#endif
