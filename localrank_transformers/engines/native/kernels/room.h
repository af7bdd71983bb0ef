/* Where a run keeps what it computes: one piece of memory, divided by the lengths of its documents. */
#ifndef LOCALRANK_ROOM_H
#define LOCALRANK_ROOM_H

#include "packing.h"

/* What a run reads and writes. */
typedef struct {
    const int32_t *lengths;
    int documents;
    int64_t tokens, longest;
} extent;

/* Shared by the threads of a run. */
typedef struct {
    float *hidden, *qkv, *context;     /* one row a token */
    rounded_t *rounded;                /* inputs of int8 products */
    float *first_hidden, *first_query; /* one row a document */
    rounded_t *first_rounded;
    char *own; /* `bytes_of_one` for each thread */
    int64_t bytes_of_one;
} shared_room;

/* One thread's. */
typedef struct {
    void *inner; /* between the products of the feed-forward part, CHUNK rows */
    float *attention;
} own_room;

extent extent_of(const int32_t *lengths, int documents);

/* Both only count where the arena has no start. */
shared_room take_shared(const encoder *self, arena *from, const extent *of, int threads);
own_room take_own(const encoder *self, arena *from, const extent *of);

#endif
