#include "cli/top_look.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "cli/who.h"
#include "core/alloc.h"
#include "core/fault.h"
#include "redis/reply_reader.h"

/* Whoever looks every two seconds has no use for an answer that takes longer. */
#define ANSWER_MS (3 * BH_SECOND_MS)

struct bh_top_look {
    struct bh_cli *cli;                   /* borrowed; the thread's */
    const struct bh_queue_choice *queues; /* borrowed */
    char who[BH_WHO_MAX];
    void (*on_news)(void *arg);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bh_ms interval_ms;
    bool stopping;
    bool fresh; /* `picture` was not taken yet */
    struct bh_picture picture;
    bool asked; /* pause or resume */
    size_t asked_queue;
    bool asked_pause;
    char note[256];
};

/* ---- In the thread ---- */

static void
act(struct bh_top_look *look, size_t queue, bool pause, char note[256])
{
    const struct bh_queue_keys *keys = &look->queues->keys[queue];
    const char *name = look->queues->names[queue];
    struct bh_error trouble = {.text = ""};
    struct redisReply *reply;
    struct bh_call call;
    struct bh_queue_control control;
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    if (pause)
        bh_encode_queue_pause(&call, keys, bh_str_from(look->who),
                              BH_STR_LITERAL("by bellhop top"));
    else
        bh_encode_queue_resume(&call, keys, bh_str_from(look->who),
                               BH_STR_LITERAL("by bellhop top"));
    bool answered = bh_picture_call(look->cli, &call, ANSWER_MS, &reply, &trouble);
    bh_call_release(&call);
    if (!answered) {
        (void)snprintf(note, 256, "%s was not changed, or nobody knows: %.180s", name,
                       trouble.text);
        return;
    }
    if (bh_decode_control(reply, &control) != BH_OK)
        (void)snprintf(note, 256, "Redis' answer about %s cannot be read", name);
    else
        (void)snprintf(note, 256, "%s %s %s", name, control.changed ? "is" : "was already",
                       pause ? "paused" : "running");
    bh_redis_reply_free(reply);
}

static void
look_once(struct bh_top_look *look)
{
    struct bh_picture picture;
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

/* True: one was taken out and done. */
static void
serve(struct bh_top_look *look)
{
    char note[256] = "";
    (void)pthread_mutex_lock(&look->lock);
    bool asked = look->asked, pause = look->asked_pause;
    size_t queue = look->asked_queue;
    look->asked = false;
    (void)pthread_mutex_unlock(&look->lock);
    if (!asked)
        return;
    act(look, queue, pause, note);
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
bh_top_look_pause(struct bh_top_look *look, size_t queue, bool pause)
{
    (void)pthread_mutex_lock(&look->lock);
    look->asked = true;
    look->asked_queue = queue;
    look->asked_pause = pause;
    (void)pthread_cond_signal(&look->wake);
    (void)pthread_mutex_unlock(&look->lock);
}

bool
bh_top_look_note(struct bh_top_look *look, char note[256])
{
    (void)pthread_mutex_lock(&look->lock);
    bool any = look->note[0] != '\0';
    if (any)
        (void)snprintf(note, 256, "%s", look->note);
    look->note[0] = '\0';
    (void)pthread_mutex_unlock(&look->lock);
    return any;
}
