/*
 * verdict - what is wrong with the whole, the cause first.
 *
 * Somebody is woken at night and wants one sentence: what is stuck, why, for how long, what to do.  Facts in, sentences
 * out; what lies deeper goes before what follows from it: without Redis nothing can be known of the rest, without a
 * bellhopd the account does not matter, and while the account is paused every queue is late.
 *
 * Pure: whoever asks has read the facts.  Sentences quote texts of strangers as they are: what prints them sees to it that they
 * do not steer a terminal or a page.
 */
#ifndef BH_CORE_VERDICT_H
#define BH_CORE_VERDICT_H

#include "core/base.h"
#include "core/instant.h"
#include "core/outcome.h"
#include "core/redis_survey.h"
#include "core/str.h"

/* In the order of the ranking, the deepest first. */
enum bh_cause {
    BH_CAUSE_REDIS_DOWN,      /* no answer, or one that tells nothing */
    BH_CAUSE_REDIS_LOADING,   /* reads its data */
    BH_CAUSE_REDIS_REPLICA,   /* takes no writes */
    BH_CAUSE_REDIS_DISK,      /* cannot write its file, and so takes no writes */
    BH_CAUSE_REDIS_FULL,      /* at maxmemory */
    BH_CAUSE_NO_PROCESS,      /* no bellhopd reports, or all of them drain */
    BH_CAUSE_WORKERS_STALLED, /* loops that do not turn */
    BH_CAUSE_WORKERS_CUT_OFF, /* workers without Redis, which we can reach */
    BH_CAUSE_PROCESS_SILENT,  /* one of several bellhopd has ended without a word, or is cut off */
    BH_CAUSE_ACCOUNT_PAUSED,  /* credit, key, or an operator */
    BH_CAUSE_GATEWAY_DOWN,    /* unreachable, silent or failing */
    BH_CAUSE_QUEUE_PAUSED,    /* by an operator */
    BH_CAUSE_QUEUE_STUCK,     /* jobs that may run, and nothing leaves */
    BH_CAUSE_TOO_SLOW,        /* jobs expire before their turn comes */
    BH_CAUSE_TOO_OLD,         /* the oldest job waits for too long */
    BH_CAUSE_JOBS_FAIL,       /* many of those that end are refused or no valid jobs */
    BH_CAUSE_CLOCK,           /* Redis' clock, by which delays and ttl go, is not this machine's */
    BH_CAUSE_BALANCE_LOW,     /* below [gateway] low_balance */
    BH_CAUSE_UNCERTAIN,       /* nobody knows yet whether they were sent */
    BH_CAUSE_UNKNOWN,         /* nothing could tell whether they were sent: they have ended so */
    BH_CAUSE_EXPIRED,         /* jobs have ended unsent because their time was over */
    BH_CAUSE_REPORTS_SILENT,  /* messages go out, and nobody tells what becomes of them */
    BH_CAUSE_CALLBACKS,       /* producers are not told: their receiver fails, or posts are late */
    BH_CAUSE_REDIS_UNSAFE,    /* may throw jobs away or forget them */
    BH_CAUSE_REDIS_NEARLY_FULL,
    BH_CAUSE_DEAD, /* kept for a person to look at */
    BH_CAUSE_NONE, /* all is well */
};
#define BH_CAUSE_COUNT (BH_CAUSE_NONE + 1)

enum bh_gravity {
    BH_GRAVITY_FINE,
    BH_GRAVITY_NOTE,  /* somebody should look at it by day */
    BH_GRAVITY_WARN,  /* it will become worse */
    BH_GRAVITY_ALARM, /* messages are not sent, or can be lost */
};

/* A queue's facts.  Texts are borrowed. */
struct bh_verdict_queue {
    const char *name;
    uint64_t waiting; /* may run now, or are held until something outside is over */
    uint64_t later;   /* wait for their next try, or for evidence whether they were sent */
    uint64_t uncertain, dead, held_gateway;
    uint64_t unknown_lately, expired_lately; /* that ended so within the last hour */
    uint64_t ended_just_now; /* within BH_VERDICT_FAIL_WINDOW_MS, in whatever state; of these: */
    uint64_t sent_just_now, failed_just_now, invalid_just_now;
    int fail_code;   /* what the gateway said to most of the failed ones; 0: not known */
    bh_ms oldest_ms; /* of those that may run now; 0: none */
    bh_ms ttl_ms;    /* the queue's; 0: not known here */
    int64_t rate;    /* jobs per second that it is limited to; 0: no limit */
    bool
        flow_known; /* in_milli and out_milli are: thousandths of a job per second, over the last minute */
    int64_t in_milli, out_milli;
    bh_ms
        served_ms; /* since who looks after it wrote its figures, as he does each minute; -1: nobody has */
    bool paused;
    struct bh_str pause_reason, pause_by;
    bh_ms paused_ms;           /* for how long */
    bh_ms silent_ms;           /* messages have gone out, and no report has come; 0: not so */
    uint64_t messages_lately;  /* that went out within the last hour, where reports are awaited */
    struct bh_str callback_to; /* scheme and host that callbacks are posted to; "": to none */
    struct bh_str callbacks_error; /* why the last one failed */
    uint64_t callbacks, callbacks_failing, callbacks_given_up_lately;
    bh_ms callbacks_failing_ms; /* none was taken, and posts have failed; 0: not so */
    bh_ms callbacks_late_ms;    /* the first of them should have been posted; 0: not so */
};

struct bh_verdict_facts {
    bool redis_up;                        /* all the rest could be read */
    const char *redis_trouble;            /* why not; borrowed */
    bh_ms redis_down_ms;                  /* since its last answer; 0: nobody here knows */
    const struct bh_redis_survey *server; /* NULL: not known */
    bh_ms clock_ahead_ms;                 /* Redis' clock less ours; 0: not known */

    bool processes_known;
    size_t processes, draining; /* that report, and how many of these end */
    bh_ms running_ms;           /* the longest of others than who asks */
    size_t silent;              /* whose report is too old; who ends in order takes his along */
    bh_ms silent_ms;            /* since the newest of these; -1: there is none */
    const char *silent_name;    /* his name; borrowed */
    const char *awaited_name;   /* who asks is a bellhopd that waits for this name; NULL: is not */
    size_t workers, workers_holding, workers_stalled,
        workers_cut_off; /* holding: the breaker is open */
    size_t workers_ill;  /* that send nothing because the gateway fails or asks for patience, and
                            tell why: */
    bh_ms ill_ms;        /* for so long */
    bh_ms ill_wait_ms;   /* until the next try */
    struct bh_gateway_illness illness;

    bool account_known;
    bool account_open;
    const char *account_reason; /* a word of enum bh_reason */
    const char *account_text;   /* the gateway's or an operator's words */
    bh_ms account_paused_ms;
    bh_ms probe_wait_ms;   /* until the account is tried again; -1: it is not */
    int64_t balance_micro; /* INT64_MIN: not known */
    int64_t low_balance_micro;

    const struct bh_verdict_queue *queues;
    size_t queues_count;
    bh_ms oldest_limit_ms; /* what is too old; 0: BH_VERDICT_OLD_MS or a part of the ttl */
};

#define BH_VERDICT_OLD_MS (10 * BH_MINUTE_MS)

/* So many ends, and so many hundredths of them bad, are no matter of one producer's slip. */
#define BH_VERDICT_FAIL_WINDOW_MS (15 * BH_MINUTE_MS)
#define BH_VERDICT_FAIL_ENDS      20
#define BH_VERDICT_FAIL_PERCENT   10

/* A queue's figures are written each minute. */
#define BH_VERDICT_UNSERVED_MS (3 * BH_MINUTE_MS)

/* Less is no matter; more is worth a look, and an alarm when delays are missed by minutes. */
#define BH_VERDICT_CLOCK_MS       (30 * BH_SECOND_MS)
#define BH_VERDICT_CLOCK_ALARM_MS (5 * BH_MINUTE_MS)

/* What the gateway asks for under load ends sooner. */
#define BH_VERDICT_PATIENCE_MS (30 * BH_SECOND_MS)

/* A receiver may be restarted; what is posted may wait for those before it; the gateway's alert rules ask for as much. */
#define BH_VERDICT_CALLBACKS_FAIL_MS (5 * BH_MINUTE_MS)
#define BH_VERDICT_CALLBACKS_LATE_MS (10 * BH_MINUTE_MS)
#define BH_VERDICT_SILENT_MS         (30 * BH_MINUTE_MS)
#define BH_VERDICT_SILENT_MESSAGES   10

/* One row of the verdict.  Not to be mixed up with engine/policy.h's verdict on one job's request. */
struct bh_judgement {
    enum bh_cause cause;
    enum bh_gravity gravity;
    const char *queue; /* the worst one, borrowed; NULL: it is about no queue */
    char text[480];    /* what, and since when: a sentence or two, with a full stop */
    char todo[256];    /* what to do: likewise; "": nothing, or what is to be done is said */
};

/* All that is wrong, at most one of each cause, the deepest first; at least one: BH_CAUSE_NONE when all is well. */
size_t bh_verdict_find(const struct bh_verdict_facts *facts,
                       struct bh_judgement verdicts[BH_CAUSE_COUNT]);

/* "redis_down", ..., "none"; for machines. */
const char *bh_cause_name(enum bh_cause cause);
const char *bh_gravity_name(enum bh_gravity gravity);

/*
 * How long the last of those that wait now has to wait for its turn at the pace of the last minute, or by the limit
 * when that is lower; -1: not known, or never.
 */
bh_ms bh_verdict_turn_ms(const struct bh_verdict_queue *queue);

/* Whether that is longer than the jobs live. */
bool bh_verdict_is_too_slow(const struct bh_verdict_queue *queue);

/* Whether its oldest job has waited for too long; `limit_ms` as oldest_limit_ms of the facts. */
bool bh_verdict_is_late(const struct bh_verdict_queue *queue, bh_ms limit_ms);

/* Whether it is known, and below what shall be warned of. */
bool bh_verdict_balance_is_low(int64_t balance_micro, int64_t low_balance_micro);

#endif
