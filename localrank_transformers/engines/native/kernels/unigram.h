/* Pieces of a text by a unigram language model (Kudo 2018): of all ways to cut a word into known pieces the one whose
   logarithms of probability have the greatest sum. */
#ifndef LOCALRANK_UNIGRAM_H
#define LOCALRANK_UNIGRAM_H

#include <stdint.h>

/* The caller keeps nothing of it. Of equal pieces the last one counts. */
typedef struct {
    const char *pieces;     /* UTF-8, one after another */
    const int32_t *lengths; /* of each, in bytes */
    const double *scores;   /* natural logarithms, finite */
    int32_t count;
    int32_t unknown;   /* the id of what is no piece */
    int32_t at_blanks; /* whether texts are split at Unicode's white space, which is dropped */
} given_pieces;

typedef struct unigram unigram;

/* NULL where there is no memory. The pieces together are of fewer than 2^31 bytes. */
unigram *unigram_new(const given_pieces *given);
void unigram_free(unigram *self);

/* The id of a piece; -1 if it is none. */
int32_t unigram_id(const unigram *self, const char *piece, int32_t bytes);

/* Writes the ids of a text in UTF-8 and returns how many; -1 where there is no memory. `ids` has room for
   2 * bytes + 2. For many callers at once.

   A word begins with U+2581, which stands for a blank and is put before the first word, and before each behind white
   space, where it is not there. Letters without a piece that follow each other are one unknown piece. */
int64_t unigram_read(const unigram *self, const char *text, int64_t bytes, int32_t *ids);

#endif
