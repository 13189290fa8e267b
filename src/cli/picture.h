/*
 * picture - everything that Redis tells about queues, account, processes and itself, at one moment; for the commands that
 * show it, and for judging it.
 *
 * Tells nobody: what could not be read is `trouble`, because a screen that is drawn again and again must neither end nor be
 * written into when Redis is away.  Costs the same for queues of any length.
 */
#ifndef BH_CLI_PICTURE_H
#define BH_CLI_PICTURE_H

#include <bellhop/error.h>
#include <bellhop/state.h>

#include "cli/cli.h"
#include "cli/configuration.h"
#include "core/redis_survey.h"
#include "core/verdict.h"
#include "redis/account_codec.h"
#include "redis/facts.h"
#include "redis/minutes.h"
#include "redis/processes.h"
#include "redis/queue_view.h"

/* A queue; the view borrows from the reply. */
struct bh_picture_queue {
    const char *name;                     /* borrowed */
    const struct bh_queue_config *config; /* borrowed; NULL: not configured here */
    struct redisReply *reply;             /* owned */
    struct bh_queue_view view;
    struct bh_minutes minutes; /* owned */
    struct bh_tally tally;
    uint64_t ready, held; /* may run now and was never tried; held, for whatever reason */
    bh_ms oldest_ms;      /* 0: nothing waits, or not known */
    bool flow_known;      /* over the last minute */
    struct bh_flow flow;
    bh_ms drain_ms; /* until it is empty at this pace; -1: not known, or never */
};

/* Zeroed: nothing is known. */
struct bh_picture {
    bool redis_up; /* everything could be read */
    struct bh_error trouble;
    struct bh_wall server_now; /* 0: not known */
    bh_ms clock_ahead_ms;      /* that clock less ours; 0: not known */
    bool server_known;
    struct bh_redis_survey server;
    bool account_known; /* the API key is, and so is the account's name */
    struct bh_account_view account;
    bool processes_known;
    struct bh_processes processes;   /* owned */
    struct bh_picture_queue *queues; /* owned */
    size_t queues_count;
    int64_t low_balance_micro;
    bh_ms oldest_limit_ms;
};

/* Look; `timeout_ms` bounds each wait for Redis, 0: as configured.  The configuration has been loaded. */
void bh_picture_take(struct bh_cli *cli, const struct bh_queue_choice *queues, bh_ms timeout_ms,
                     struct bh_picture *ret_picture);
void bh_picture_release(struct bh_picture *picture);

/*
 * One command, silently: *ret_reply is the caller's and no error.  False: `trouble` has a sentence.  Makes the
 * connection when there is none.
 */
bool bh_picture_ask(struct bh_cli *cli, size_t argc, const struct bh_str *argv, bh_ms timeout_ms,
                    struct redisReply **ret_reply, struct bh_error *trouble) BH_MUST_CHECK;
bool bh_picture_call(struct bh_cli *cli, struct bh_call *call, bh_ms timeout_ms,
                     struct redisReply **ret_reply, struct bh_error *trouble) BH_MUST_CHECK;

/* What all processes that live tell together. */
struct bh_process_sum bh_picture_sum(const struct bh_picture *picture);

/* See bh_verdict_find. */
size_t bh_picture_judge(const struct bh_picture *picture,
                        struct bh_judgement verdicts[BH_CAUSE_COUNT]);

/* The queue's facts for a verdict. */
struct bh_verdict_queue bh_picture_queue_facts(const struct bh_picture_queue *queue);

/* A gauge or counter of now; see queue_view.h. */
int64_t bh_picture_find(const struct bh_picture_queue *queue, const char *name);
uint64_t bh_picture_held(const struct bh_picture_queue *queue, enum bh_reason reason);
int64_t bh_picture_outcome(const struct bh_picture_queue *queue, enum bh_state state);

/*
 * How much a counter has grown in that time, and *ret_over_ms how long that really is; -1 when no minute reaches back.
 */
int64_t bh_picture_grown(const struct bh_picture_queue *queue, const char *name, bh_ms window_ms,
                         bh_ms *ret_over_ms);

/* For how long messages have gone out without a report, as of the look; 0: there is no such silence. */
int64_t bh_picture_silence_ms(const struct bh_queue_view *view);

/* What all queues have cost within the last hour, per hour, in millionths; -1: not known. */
int64_t bh_picture_spend_micro(const struct bh_picture *picture);

#endif
