/* Threads of one run, made for it and gone after it, which takes a hundredth of the run. */
#include "team.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 64
#define LOOKS 1000 /* Some 20 µs, as long as it takes to sleep and wake: members end a step nearly together. */

struct team {
    duty does;
    void *context;
    int members;
    pthread_mutex_t gate; /* closed until `members` is known */
    atomic_int arrived;
    atomic_uint meeting;
};

typedef struct {
    team *of;
    int member;
} place;

static void *work(void *given)
{
    const place at = *(place *)given;
    pthread_mutex_lock(&at.of->gate);
    pthread_mutex_unlock(&at.of->gate);
    at.of->does(at.of->context, at.of, at.member, at.of->members);
    return NULL;
}

void team_work(int members, duty does, void *context)
{
    team all = {.does = does, .context = context, .members = 1, .gate = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[MOST];
    place places[MOST];
    pthread_mutex_lock(&all.gate);
    for (; all.members < members && all.members < MOST; all.members++) {
        places[all.members] = (place){&all, all.members};
        if (pthread_create(&threads[all.members], NULL, work, &places[all.members])) break;
    }
    pthread_mutex_unlock(&all.gate);
    does(context, &all, 0, all.members);
    for (int n = 1; n < all.members; n++) pthread_join(threads[n], NULL);
}

static void futex(team *of, int what, unsigned value)
{
    syscall(SYS_futex, &of->meeting, what | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

void team_meet(team *of)
{
    if (of->members == 1) return;
    const unsigned meeting = atomic_load(&of->meeting);
    if (atomic_fetch_add(&of->arrived, 1) == of->members - 1) {
        atomic_store(&of->arrived, 0);
        atomic_store(&of->meeting, meeting + 1);
        futex(of, FUTEX_WAKE, MOST);
        return;
    }
    for (int n = 0; n < LOOKS; n++, _mm_pause())
        if (atomic_load(&of->meeting) != meeting) return;
    while (atomic_load(&of->meeting) == meeting) futex(of, FUTEX_WAIT, meeting);
}
