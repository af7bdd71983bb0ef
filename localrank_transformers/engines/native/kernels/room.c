/* Where a run keeps what it computes: one piece of memory, divided by the lengths of its documents. */
#include "room.h"

#include "attention.h"

extent extent_of(const int32_t *lengths, int documents)
{
    extent found = {lengths, documents, 0, 0};
    for (int d = 0; d < documents; d++) {
        found.tokens += lengths[d];
        if (lengths[d] > found.longest) found.longest = lengths[d];
    }
    return found;
}

own_room take_own(const encoder *self, arena *from, const extent *of)
{
    const int64_t rows = of->tokens < CHUNK ? of->tokens : CHUNK;
    return (own_room){
        .inner = take(from, rows * (self->is.is_int8 ? rounded_room(self->is.inner) : (int64_t)self->is.inner * 4)),
        .attention = take(from, attention_room((int)of->longest, self->is.width / self->is.heads) * 4),
    };
}

shared_room take_shared(const encoder *self, arena *from, const extent *of, int threads)
{
    const int64_t width = self->is.width, documents = of->documents;
    const int64_t bytes = self->is.is_int8 ? rounded_room(self->is.width) : 0; /* of a rounded row */
    arena of_one = {0, 0};
    take_own(self, &of_one, of);
    return (shared_room){
        .hidden = take(from, of->tokens * width * 4),
        .qkv = take(from, of->tokens * width * 12),
        .context = take(from, of->tokens * width * 4),
        .rounded = take(from, of->tokens * bytes),
        .first_hidden = take(from, documents * width * 4),
        .first_query = take(from, documents * width * 4),
        .first_rounded = take(from, documents * bytes),
        .own = take(from, of_one.used * threads),
        .bytes_of_one = of_one.used,
    };
}
