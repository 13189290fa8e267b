/*
 * api_internal - what the files of the API share.
 *
 * api.c         who asks for what; pictures that are made once for all; life
 * api_task.c    one request that takes Redis: commands out, replies in, then its answer
 * api_jobs.c    pages of jobs
 * api_shape.c   how old jobs are
 * api_job.c     one job and its history
 * api_words.c   what strangers and people wrote, as it may be shown
 * api_change.c  changes, and those of queues and the account
 * api_change_job.c  those of jobs
 */
#ifndef BH_DAEMON_API_INTERNAL_H
#define BH_DAEMON_API_INTERNAL_H

#include "core/json.h"
#include "daemon/api.h"
#include "daemon/api_words.h"
#include "daemon/hush.h"
#include "daemon/settings.h"
#include "http/access.h"
#include "http/api_route.h"
#include "redis/account_codec.h"
#include "redis/call.h"
#include "redis/connection.h"
#include "redis/keys.h"

#define BH_API_ETAG_MAX   40
#define BH_API_PAGE_JOBS  100
#define BH_API_REPLIES    (BH_API_PAGE_JOBS + 8)
#define BH_API_REASON_MAX 120
#define BH_API_WHO_MAX    (BH_HTTP_ADDRESS_MAX + 16)

/* An answer that is kept for all who ask for it. */
struct bh_api_picture {
    char queue[BH_QUEUE_NAME_MAX + 1]; /* of a history or a shape */
    struct bh_buf body;                /* owned */
    char etag[BH_API_ETAG_MAX];
    struct bh_mono made_at; /* 0: never */
};

struct bh_api {
    struct bh_api_options options;
    const struct bh_config *config; /* owned reference */
    struct bh_access_guard guard;
    struct bh_hush hush;
    struct bh_api_picture overviews[2];                    /* a stranger's, the administrator's */
    struct bh_api_picture histories[BH_CONFIG_QUEUES_MAX]; /* by place in the configuration */
    struct bh_api_picture shapes[BH_CONFIG_QUEUES_MAX];    /* likewise */
    char who[160];
    struct bh_settings settings;
    struct bh_redis_connection connection;
    struct bh_account_keys account_keys;
    unsigned tasks;
    int64_t begun_in_second, second;
    bool stopping;
};

struct bh_api_task;

/* One command of a task, and its reply. */
struct bh_api_slot {
    struct bh_api_task *task;
    struct redisReply *reply; /* owned; NULL: not there yet */
};

/* A request that waits for Redis. */
struct bh_api_task {
    struct bh_api *api;
    uint64_t ticket;
    struct bh_api_route route;
    bool admin;
    struct bh_queue_keys keys; /* of the route's queue, if it has one */
    char who[BH_API_WHO_MAX];
    char reason[BH_API_REASON_MAX + 1]; /* of a change, in the operator's words */
    int word;                           /* of a resolve: enum bh_resolve_word */
    struct bh_api_slot slots[BH_API_REPLIES];
    unsigned asked, awaited;
    bool lost; /* Redis did not answer, or with an error */
    char trouble[160];
    /* All that was asked is answered: ask on, or fill the answer. */
    void (*next)(struct bh_api_task *task, struct bh_http_answer *answer);
};

/* ---- api_task.c ---- */

/* Begin with a task that has no command yet; `begin` asks.  Answers 503 at once when nothing could be asked. */
void bh_api_task_begin(struct bh_api *api, const struct bh_http_request *request,
                       const struct bh_api_route *route, bool admin,
                       void (*begin)(struct bh_api_task *task), const struct bh_api_task *more,
                       struct bh_http_answer *ret_answer);

/* One command more; its reply is slots[asked before the call]. */
void bh_api_ask(struct bh_api_task *task, size_t argc, const struct bh_str *argv);

/* The same with a whole script call, which is let go of. */
void bh_api_ask_script(struct bh_api_task *task, struct bh_call *call);

/* ---- answers ---- */

/* {"error": text} */
void bh_api_refuse(struct bh_http_answer *answer, unsigned status, const char *text);

/* Of how old jobs are; the next who ask within ten seconds are given the same. */
void bh_api_keep_shape(struct bh_api *api, const char *queue, struct bh_str json);

/* ---- api_jobs.c, api_job.c, api_change.c: what a task asks first ---- */

/* One page of jobs with a record more to ask for; `waiting` as in redis/job_page.h. */
void bh_api_ask_page(struct bh_api_task *task, enum bh_key place, unsigned count,
                     const char *cursor, const char *waiting);

void bh_api_begin_jobs(struct bh_api_task *task);
void bh_api_begin_shape(struct bh_api_task *task);
void bh_api_begin_job(struct bh_api_task *task);
void bh_api_begin_change(struct bh_api_task *task);

/* Reads the body of a change into `ret_task` (reason, word).  False: the answer is filled. */
bool bh_api_read_change(const struct bh_http_request *request, const struct bh_api_route *route,
                        struct bh_api_task *ret_task, struct bh_http_answer *ret_answer);

void bh_api_ask_steer(struct bh_api_task *task);
void bh_api_ask_resolve(struct bh_api_task *task);

/* What became of a change: it is told in the log, too.  Not done is 404 or 409, with a sentence. */
void bh_api_answer_done(const struct bh_api_task *task, bool done, const char *text,
                        struct bh_http_answer *answer);
void bh_api_answer_not_done(const struct bh_api_task *task, unsigned status, const char *text,
                            struct bh_http_answer *answer);
void bh_api_answer_nonsense(struct bh_http_answer *answer);

#endif
