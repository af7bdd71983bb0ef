/* Threads of POSIX: their beginning and their end. */
#ifndef LOCALRANK_THREADS_STARTED_H
#define LOCALRANK_THREADS_STARTED_H

#include <pthread.h>
#include <stddef.h>

typedef struct {
    pthread_t is;
    work does;
    void *given;
} thread;

static void *begin(void *of)
{
    thread *self = of;
    self->does(self->given);
    return NULL;
}

/* Whether it began. What `of` points to must outlive it. */
static int thread_start(thread *of, work does, void *given)
{
    of->does = does;
    of->given = given;
    return !pthread_create(&of->is, NULL, begin, of);
}

static void thread_join(thread *of) { pthread_join(of->is, NULL); }

#endif
