/* Threads of Windows, which sleep by one condition of the process. */
#ifndef LOCALRANK_THREADS_WINDOWS_H
#define LOCALRANK_THREADS_WINDOWS_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

typedef struct {
    HANDLE is;
    work does;
    void *given;
} thread;

static DWORD WINAPI begin(void *of)
{
    thread *self = of;
    self->does(self->given);
    return 0;
}

/* Whether it began. What `of` points to must outlive it. */
static int thread_start(thread *of, work does, void *given)
{
    of->does = does;
    of->given = given;
    of->is = CreateThread(NULL, 0, begin, of, 0, NULL);
    return of->is != NULL;
}

static void thread_join(thread *of)
{
    WaitForSingleObject(of->is, INFINITE);
    CloseHandle(of->is);
}

static SRWLOCK of_sleepers = SRWLOCK_INIT;
static CONDITION_VARIABLE some_word_changed = CONDITION_VARIABLE_INIT;

static void sleep_while(atomic_uint *word, unsigned value)
{
    AcquireSRWLockExclusive(&of_sleepers);
    while (atomic_load(word) == value) SleepConditionVariableSRW(&some_word_changed, &of_sleepers, INFINITE, 0);
    ReleaseSRWLockExclusive(&of_sleepers);
}

/* Whoever saw the old word is asleep once this has the lock. */
static void wake_all(atomic_uint *word)
{
    (void)word;
    AcquireSRWLockExclusive(&of_sleepers);
    WakeAllConditionVariable(&some_word_changed);
    ReleaseSRWLockExclusive(&of_sleepers);
}

#endif
