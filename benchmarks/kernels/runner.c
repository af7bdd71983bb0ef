/* Runs a library's kernels over cases from files and compares bits: runner LIBRARY NAME,… KERNELS THREADS CASE…

   A case is written by `cases.py`, by a process of the same byte order and width of a pointer: a head, what it is of
   with offsets for pointers, and what that led to elsewhere: an encoder with documents, a query's vectors with those
   that they are compared with, or vectors that are packed. Runs KERNELS, or `all`, on one thread and on THREADS. Prints
   a line for each run that differs and the number of runs; ends with 1 if one differs, and with 2 if the kernels that
   this processor can run are not those named. */
#include "door.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN /* or `interface` is a macro */
#include <windows.h>
#define dlopen(path, how) ((void *)LoadLibraryA(path))
#define dlsym(library, name) ((void *)GetProcAddress(library, name))
#else
#include <dlfcn.h>
#define LOAD_NOW RTLD_NOW
#endif

typedef struct {
    int64_t given, documents, ids, types, lengths, expected, numbers;
    int64_t places, query; /* of MaxSim, which has no encoder: where the documents lie, and a query */
    int64_t packing;       /* of vectors that are packed: what they are */
} head;

/* Vectors that are packed as a document's and as a query's, and the bytes of both. */
typedef struct {
    const float *vectors;
    const int64_t *counted;
    int64_t tokens, width, kept, bits, document, query;
} packing;

typedef struct {
    int32_t (*version)(void);
    const char *(*name)(int32_t);
    int32_t (*is_supported)(int32_t);
    encoder *(*new)(const given_encoder *, int32_t);
    void (*free)(encoder *);
    int64_t (*room)(const encoder *, const int32_t *, int32_t, int32_t);
    int32_t (*run)(const encoder *, void *, const int64_t *, const int64_t *, const int32_t *, int32_t, int32_t,
                   float *, const volatile int32_t *);
    void (*compare)(const token_vectors *, const void *const *, const int32_t *, int32_t, double *, int32_t);
    int32_t (*pack)(const float *, const int64_t *, int32_t, int32_t, int32_t, int32_t, void *, int32_t);
    int32_t (*pack_query)(const float *, int32_t, int32_t, int32_t, uint8_t *, float *, int32_t);
} door;

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "%s: %s\n", what, which);
    exit(2);
}

static void *found(void *library, const char *name)
{
    void *function = dlsym(library, name);
    if (!function) fail("not in the library", name);
    return function;
}

static door opened(const char *path)
{
    void *library = dlopen(path, LOAD_NOW);
    if (!library) fail("cannot be loaded", path);
    door all;
    *(void **)&all.version = found(library, "localrank_interface");
    *(void **)&all.name = found(library, "localrank_name");
    *(void **)&all.is_supported = found(library, "localrank_is_supported");
    *(void **)&all.new = found(library, "localrank_encoder_new");
    *(void **)&all.free = found(library, "localrank_encoder_free");
    *(void **)&all.room = found(library, "localrank_room");
    *(void **)&all.run = found(library, "localrank_run");
    *(void **)&all.compare = found(library, "localrank_compare");
    *(void **)&all.pack = found(library, "localrank_pack");
    *(void **)&all.pack_query = found(library, "localrank_pack_query");
    if (all.version() != LOCALRANK_INTERFACE) fail("of other sources", path);
    return all;
}

static char *content_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail("cannot be read", path);
    const size_t size = (size_t)ftell(file);
    char *memory = malloc(size);
    rewind(file);
    if (!memory || fread(memory, 1, size, file) != size) fail("cannot be read", path);
    fclose(file);
    return memory;
}

static void point(const void *place, int64_t count, char *base)
{
    char **pointers = (char **)place;
    for (int64_t n = 0; n < count; n++)
        if (pointers[n]) pointers[n] += base - (char *)0;
}

/* Offsets become pointers. */
static given_encoder *placed(char *base, const head *is)
{
    given_encoder *given = (given_encoder *)(base + is->given);
    point(&given->words, (int64_t)((sizeof(*given) - offsetof(given_encoder, words)) / sizeof(void *)), base);
    given_layer *layer = (given_layer *)given->layer;
    for (int n = 0; n < given->layers; n++, layer++)
        point(layer, (int64_t)(offsetof(given_layer, input_scales) / sizeof(void *)), base);
    return given;
}

/* Returns how many of its runs differ. */
static int compared(const door *by, int kernels, int most, const given_encoder *given, char *base, const head *is,
                    const char *path)
{
    int differ = 0;
    encoder *self = by->new (given, kernels);
    float *out = malloc((size_t)is->numbers * 4);
    const int32_t *lengths = (const int32_t *)(base + is->lengths), documents = (int32_t)is->documents, go_on = 0;
    for (int32_t threads = 1; threads <= most; threads += most > 1 ? most - 1 : 1) {
        char *room = malloc((size_t)by->room(self, lengths, documents, threads));
        if (!self || !out || !room) fail("no memory for", path);
        const int32_t code = by->run(self, room, (const int64_t *)(base + is->ids), (const int64_t *)(base + is->types),
                                     lengths, documents, threads, out, &go_on);
        const int is_other = code || memcmp(out, base + is->expected, (size_t)is->numbers * 4);
        if (is_other) printf("%s: %s with %d threads differs, code %d\n", path, by->name(kernels), threads, code);
        differ += is_other;
        free(room);
    }
    free(out);
    by->free(self);
    return differ;
}

/* The same of MaxSim. */
static int compared_documents(const door *by, int kernels, char *base, const head *is, const char *path)
{
    const token_vectors *query = (const token_vectors *)(base + is->query);
    double *out = malloc((size_t)is->documents * 8);
    if (!out) fail("no memory for", path);
    by->compare(query, (const void *const *)(base + is->places), (const int32_t *)(base + is->lengths),
                (int32_t)is->documents, out, kernels);
    const int is_other = memcmp(out, base + is->expected, (size_t)is->documents * 8) != 0;
    if (is_other) printf("%s: %s differs\n", path, by->name(kernels));
    free(out);
    return is_other;
}

/* The same of packing: a document's bytes, a query's numbers, and what each of its tokens counts. */
static int compared_packing(const door *by, int kernels, const char *base, const head *is, const char *path)
{
    const packing *of = (const packing *)(base + is->packing);
    const int32_t tokens = (int32_t)of->tokens, width = (int32_t)of->width, bits = (int32_t)of->bits;
    const char *expected = base + is->expected, *weights = expected + of->document + of->query;
    char *document = malloc((size_t)of->document + 1);
    uint8_t *query = malloc((size_t)of->query);
    float *scales = malloc((size_t)tokens * 4);
    if (!document || !query || !scales) fail("no memory for", path);
    int is_same = by->pack(of->vectors, of->counted, tokens, width, (int32_t)of->kept, bits, document, kernels) &&
                  !memcmp(document, expected, (size_t)of->document);
    is_same &= by->pack_query(of->vectors, tokens, width, bits, query, scales, kernels) &&
               !memcmp(query, expected + of->document, (size_t)of->query);
    for (int t = 0; t < tokens; t++) {
        const double weight = 1.0 / tokens * (double)scales[t];
        is_same &= !memcmp(&weight, weights + 8 * t, 8);
    }
    if (!is_same) printf("%s: %s differs\n", path, by->name(kernels));
    free(document);
    free(query);
    free(scales);
    return !is_same;
}

int main(int count, char **arguments)
{
    if (count < 5) fail("usage", "runner LIBRARY NAME,... KERNELS THREADS CASE...");
    const int is_all = !strcmp(arguments[3], "all"), most = atoi(arguments[4]);
    const door by = opened(arguments[1]);
    char names[200] = "";
    int last = 0, differ = 0, runs = 0;
    for (; by.name(last); last++)
        if (by.is_supported(last)) strcat(strcat(names, *names ? "," : ""), by.name(last));
    if (strcmp(names, arguments[2])) fail("this processor can run other kernels", names);
    for (int n = 5; n < count; n++) {
        char *base = content_of(arguments[n]);
        const head *is = (const head *)base;
        const given_encoder *given = is->given ? placed(base, is) : NULL;
        if (is->packing)
            point(base + is->packing, 2, base);
        else if (!given) {
            point(base + is->places, is->documents, base);
            point(base + is->query, 2, base);
        }
        for (int kernels = 0; kernels < last; kernels++) {
            if (!by.is_supported(kernels) || (!is_all && strcmp(by.name(kernels), arguments[3]))) continue;
            if (given)
                differ += compared(&by, kernels, most, given, base, is, arguments[n]);
            else if (is->packing)
                differ += compared_packing(&by, kernels, base, is, arguments[n]);
            else
                differ += compared_documents(&by, kernels, base, is, arguments[n]);
            runs += given && most > 1 ? 2 : 1;
        }
        free(base);
    }
    printf("%s of %s: %d runs, %d differ\n", arguments[3], names, runs, differ);
    return differ > 0;
}
