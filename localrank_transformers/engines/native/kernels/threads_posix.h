/* Threads of POSIX, which sleep by one condition of the process: macOS and others. */
#ifndef LOCALRANK_THREADS_POSIX_H
#define LOCALRANK_THREADS_POSIX_H

#include "threads_started.h"

static pthread_mutex_t of_sleepers = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some_word_changed = PTHREAD_COND_INITIALIZER;

static void sleep_while(atomic_uint *word, unsigned value)
{
    pthread_mutex_lock(&of_sleepers);
    while (atomic_load(word) == value) pthread_cond_wait(&some_word_changed, &of_sleepers);
    pthread_mutex_unlock(&of_sleepers);
}

/* Whoever saw the old word is asleep once this has the lock. */
static void wake_all(atomic_uint *word)
{
    (void)word;
    pthread_mutex_lock(&of_sleepers);
    pthread_cond_broadcast(&some_word_changed);
    pthread_mutex_unlock(&of_sleepers);
}

#endif
