#include "cli/top_look.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "cli/who.h"
#include "core/alloc.h"
#include "core/fault.h"

/* Whoever looks every two seconds has no use for an answer that takes longer. */
#define ANSWER_MS (3 * BH_SECOND_MS)

struct bh_top_look {
    struct bh_cli *cli;                   /* borrowed; the thread's */
    const struct bh_queue_choice *queues; /* borrowed */
    char who[BH_WHO_MAX];
    int64_t looked_at; /* the thread's; our monotonic clock */
    void (*on_news)(void *arg);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bh_ms interval_ms;
    bool stopping;
    bool fresh; /* `picture` was not taken yet */
    struct bh_picture picture;
    bool asked; /* for a change */
    size_t asked_queue;
    enum bh_top_act_kind asked_kind;
    char note[BH_TOP_NOTE_MAX];
};

/* ---- In the thread ---- */

static int64_t
mono_ms(void)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    BH_ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
look_once(struct bh_top_look *look)
{
    struct bh_picture picture;
    look->looked_at = mono_ms();
    bh_picture_take(look->cli, look->queues, ANSWER_MS, &picture);
    (void)pthread_mutex_lock(&look->lock);
    if (look->fresh)
        bh_picture_release(&look->picture);
    look->picture = picture;
    look->fresh = true;
    (void)pthread_mutex_unlock(&look->lock);
    look->on_news(look->arg);
}

/* Until the interval is over, or somebody asks for something.  Holds the lock. */
static void
rest(struct bh_top_look *look)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(look->interval_ms / 1000);
    until.tv_nsec += (long)(look->interval_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!look->stopping && !look->asked &&
           pthread_cond_timedwait(&look->wake, &look->lock, &until) != ETIMEDOUT) {
    }
}

/* Many jobs take a while: the picture stays fresh meanwhile. */
static bool
go_on(void *arg)
{
    struct bh_top_look *look = arg;
    (void)pthread_mutex_lock(&look->lock);
    bool stopping = look->stopping;
    bool late = mono_ms() - look->looked_at >= look->interval_ms;
    (void)pthread_mutex_unlock(&look->lock);
    if (!stopping && late)
        look_once(look);
    return !stopping;
}

/* Do what was asked for. */
static void
serve(struct bh_top_look *look)
{
    char note[BH_TOP_NOTE_MAX] = "";
    (void)pthread_mutex_lock(&look->lock);
    bool asked = look->asked;
    const struct bh_top_act act = {
        .cli = look->cli,
        .queues = look->queues,
        .queue = look->asked_queue,
        .kind = look->asked_kind,
        .who = look->who,
        .timeout_ms = ANSWER_MS,
        .go_on = go_on,
        .arg = look,
    };
    look->asked = false;
    (void)pthread_mutex_unlock(&look->lock);
    if (!asked)
        return;
    bh_top_act(&act, note);
    (void)pthread_mutex_lock(&look->lock);
    (void)snprintf(look->note, sizeof(look->note), "%s", note);
    (void)pthread_mutex_unlock(&look->lock);
}

static void *
run(void *arg)
{
    struct bh_top_look *look = arg;
    bool stopping = false;
    while (!stopping) {
        serve(look);
        look_once(look);
        (void)pthread_mutex_lock(&look->lock);
        rest(look);
        stopping = look->stopping;
        (void)pthread_mutex_unlock(&look->lock);
    }
    return NULL;
}

/* ---- For the others ---- */

struct bh_top_look *
bh_top_look_start(struct bh_cli *cli, const struct bh_queue_choice *queues, bh_ms interval_ms,
                  void (*on_news)(void *arg), void *arg)
{
    struct bh_top_look *look = bh_alloc_zero(sizeof(*look));
    if (look == NULL)
        return NULL;
    look->cli = cli;
    look->queues = queues;
    bh_who(look->who);
    look->interval_ms = interval_ms;
    look->on_news = on_news;
    look->arg = arg;
    (void)pthread_mutex_init(&look->lock, NULL);
    (void)pthread_cond_init(&look->wake, NULL);
    if (pthread_create(&look->thread, NULL, run, look) != 0) {
        (void)pthread_cond_destroy(&look->wake);
        (void)pthread_mutex_destroy(&look->lock);
        bh_free(look);
        return NULL;
    }
    return look;
}

void
bh_top_look_stop(struct bh_top_look *look)
{
    if (look == NULL)
        return;
    (void)pthread_mutex_lock(&look->lock);
    look->stopping = true;
    (void)pthread_cond_signal(&look->wake);
    (void)pthread_mutex_unlock(&look->lock);
    (void)pthread_join(look->thread, NULL);
    if (look->fresh)
        bh_picture_release(&look->picture);
    (void)pthread_cond_destroy(&look->wake);
    (void)pthread_mutex_destroy(&look->lock);
    bh_free(look);
}

bool
bh_top_look_take(struct bh_top_look *look, struct bh_picture *ret_picture)
{
    (void)pthread_mutex_lock(&look->lock);
    bool fresh = look->fresh;
    if (fresh)
        *ret_picture = look->picture;
    look->fresh = false;
    (void)pthread_mutex_unlock(&look->lock);
    return fresh;
}

void
bh_top_look_set_interval(struct bh_top_look *look, bh_ms interval_ms)
{
    (void)pthread_mutex_lock(&look->lock);
    look->interval_ms = interval_ms;
    (void)pthread_mutex_unlock(&look->lock);
}

void
bh_top_look_ask(struct bh_top_look *look, size_t queue, enum bh_top_act_kind kind)
{
    (void)pthread_mutex_lock(&look->lock);
    look->asked = true;
    look->asked_queue = queue;
    look->asked_kind = kind;
    (void)pthread_cond_signal(&look->wake);
    (void)pthread_mutex_unlock(&look->lock);
}

bool
bh_top_look_note(struct bh_top_look *look, char note[BH_TOP_NOTE_MAX])
{
    (void)pthread_mutex_lock(&look->lock);
    bool any = look->note[0] != '\0';
    if (any)
        (void)snprintf(note, BH_TOP_NOTE_MAX, "%s", look->note);
    look->note[0] = '\0';
    (void)pthread_mutex_unlock(&look->lock);
    return any;
}
