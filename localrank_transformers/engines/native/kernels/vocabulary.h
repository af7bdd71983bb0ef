/* The pieces of a Unigram tokenizer out of its file, where JSON writes them as [["piece", -1.5], ...]. */
#ifndef LOCALRANK_VOCABULARY_H
#define LOCALRANK_VOCABULARY_H

#include <stdint.h>

/* Where pieces are written: their bytes one after another, with room for as many as are read, and of each how many bytes
   it has and its score, with room for a sixth as many. */
typedef struct {
    char *pieces;
    int32_t *lengths;
    double *scores;
} given_room;

/* Reads the array that `text` begins with, writes how many bytes it has, and returns how many pieces; -1 where it is no
   such array. Scores are rounded as serde_json rounds them, which is not always to the nearest number: of paths that are
   as good as equal the last bit decides. Whether pieces are valid UTF-8 is left to the caller. */
int64_t vocabulary_read(const char *text, int64_t bytes, const given_room *room, int64_t *read);

#endif
