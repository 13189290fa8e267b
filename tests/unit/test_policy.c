#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/gateway_answer.h"
#include "core/schedule.h"
#include "engine/policy.h"
#include "support/tzif.h"

#define NOON    (INT64_C(1781524800) * 1000) /* 2026-06-15 12:00 UTC, 14:00 in Berlin */
#define PEOPLE  3
#define SILENT  (-1)
#define SECONDS *BH_SECOND_MS

/* A job and all that a decision about it depends on; the request began at NOON and was answered a second later. */
struct desk {
    struct bh_job job;
    struct bh_recipient people[PEOPLE];
    struct bh_queue_config queue;
    struct bh_schedule schedule;
    struct bh_config_gateway gateway;
    struct bh_progress progress;
    size_t asked[PEOPLE];
    struct bh_case about;
};

static const char *const numbers[PEOPLE] = {"491710000001", "491710000002", "491710000003"};

static void
sit_down(struct desk *desk, enum bh_job_type type, size_t people)
{
    *desk = (struct desk){0};
    for (size_t i = 0; i < people; i++) {
        desk->people[i] = (struct bh_recipient){numbers[i], numbers[i]};
        desk->asked[i] = i;
    }
    desk->job = (struct bh_job){
        .type = type, .recipients = desk->people, .recipients_count = people, .text = "x"};
    cr_assert_eq(
        bh_schedule_parse(bh_str_from("5s, 15s, 45s, 2m, 5m, 10m, 30m*"), &desk->schedule, NULL),
        BH_OK);
    desk->queue.type = type;
    desk->queue.retry = &desk->schedule;
    desk->queue.on_uncertain = type == BH_JOB_SMS ? BH_ON_UNCERTAIN_RESEND : BH_ON_UNCERTAIN_HOLD;
    desk->gateway.reload_lock_ms = 180 SECONDS;
    desk->gateway.timeout_ms = 20 SECONDS;
    cr_assert_eq(bh_progress_init(&desk->progress, people), BH_OK);
    desk->about = (struct bh_case){
        .job = &desk->job,
        .queue = &desk->queue,
        .gateway = &desk->gateway,
        .progress = &desk->progress,
        .asked = desk->asked,
        .asked_count = people,
        .ledger_held = type == BH_JOB_SMS,
        .waiting = BH_WAITING_NEW,
        .journal = BH_JOURNAL_DENIED,
        .began = {NOON},
        .expires = {NOON + 2 * BH_DAY_MS},
        .now = {NOON + 1 SECONDS},
    };
}

/* A request of `ago_ms` ago was not answered, nor a later one, and plain resending is due. */
static void
be_uncertain(struct desk *desk, bh_ms ago_ms)
{
    int64_t since_ms = NOON - ago_ms;
    desk->about.uncertain_since.ms = since_ms;
    desk->progress.first_lost_s = desk->progress.last_lost_s = (unsigned)(since_ms / 1000);
    desk->progress.resend_due_s = (unsigned)(since_ms / 1000);
    for (size_t i = 0; i < desk->progress.recipients_count; i++)
        desk->progress.recipients[i].state = BH_RECIPIENT_UNCERTAIN;
    desk->about.try = BH_TRY_RESENT;
}

static void
stand_up(struct desk *desk)
{
    bh_progress_release(&desk->progress);
}

/* ---- answers, read as the worker reads them ---- */

static void
judge(struct desk *desk, const struct bh_exchange *exchange, struct bh_verdict *ret_verdict)
{
    const struct bh_recipient *asked[PEOPLE];
    for (size_t i = 0; i < desk->about.asked_count; i++)
        asked[i] = &desk->people[desk->asked[i]];
    const struct bh_gateway_asked request = {
        .type = desk->job.type, .recipients = asked, .recipients_count = desk->about.asked_count};
    struct bh_outcome outcome;
    cr_assert_eq(bh_gateway_answer_read(exchange, &request, &outcome), BH_OK);
    bh_policy_answer(&desk->about, &outcome, ret_verdict);
    bh_outcome_release(&outcome);
}

static struct bh_exchange
answer(int http_status, const char *body)
{
    return (struct bh_exchange){
        .handed_over = BH_HANDED_ALL,
        .http_status = http_status,
        .headers_complete = true,
        .body_complete = true,
        .retry_after_ms = -1,
        .body = bh_str_from(body),
    };
}

static void
judge_body(struct desk *desk, const char *body, struct bh_verdict *ret_verdict)
{
    struct bh_exchange exchange = answer(200, body);
    judge(desk, &exchange, ret_verdict);
}

static void
judge_code(struct desk *desk, int code, struct bh_verdict *ret_verdict)
{
    char body[16];
    snprintf(body, sizeof(body), "%d", code);
    judge_body(desk, body, ret_verdict);
}

/* An answer with a code for each that was asked; 0 leaves him out. */
static void
judge_each(struct desk *desk, const int *codes, struct bh_verdict *ret_verdict)
{
    struct bh_buf body;
    bool all = true, first = true;
    bh_buf_init(&body, 4096);
    for (size_t i = 0; i < desk->about.asked_count; i++)
        all = all && codes[i] == 100;
    bh_buf_printf(&body, "{\"success\":\"%d\",\"messages\":[", all ? 100 : 101);
    for (size_t i = 0; i < desk->about.asked_count; i++) {
        if (codes[i] == 0)
            continue;
        bh_buf_printf(&body, "%s{\"recipient\":\"%s\",\"success\":%s,\"error\":", first ? "" : ",",
                      numbers[desk->asked[i]], codes[i] == 100 ? "true" : "false");
        if (codes[i] == 100)
            bh_buf_printf(&body, "null,\"id\":\"7%zu\",\"price\":0.075,\"parts\":1}", i);
        else
            bh_buf_printf(&body, "\"%d\"}", codes[i]);
        first = false;
    }
    bh_buf_append_text(&body, "]}");
    judge_body(desk, bh_buf_text(&body), ret_verdict);
    bh_buf_release(&body);
}

/* The next attempt asks only those who are open. */
static void
ask_again(struct desk *desk)
{
    desk->about.asked_count = bh_progress_open(&desk->progress, desk->asked);
}

static void
later(struct desk *desk, bh_ms by_ms)
{
    desk->about.began.ms += by_ms;
    desk->about.now.ms += by_ms;
}

/* ---- what is wanted ---- */

struct wanted {
    enum bh_state state;
    enum bh_reason reason;
    enum bh_disposition disposition;
    bh_ms least_ms, most_ms; /* with the lowest and the highest dice */
    unsigned attempts;
    enum bh_ledger_action ledger;
    enum bh_gateway_mood mood;
    int account; /* enum bh_account_word or SILENT */
    const char *confirmed_by;
};

#define SENT                                                                                       \
    {                                                                                              \
        BH_STATE_SENT, BH_REASON_NONE, BH_SETTLE_FINAL, 0, 0, 1, BH_LEDGER_ARM, BH_MOOD_GOOD,      \
            BH_ACCOUNT_SAYS_GOOD, "response"                                                       \
    }
#define REFUSED                                                                                    \
    {                                                                                              \
        BH_STATE_FAILED, BH_REASON_NONE, BH_SETTLE_DEAD, 0, 0, 1, BH_LEDGER_FREE, BH_MOOD_GOOD,    \
            SILENT, NULL                                                                           \
    }
#define CARRIER(least, most, ledger)                                                               \
    {                                                                                              \
        BH_STATE_RETRYING, BH_REASON_NONE, BH_SETTLE_WAIT, least, most, 1, ledger, BH_MOOD_GOOD,   \
            SILENT, NULL                                                                           \
    }
#define LOCKED                                                                                     \
    {                                                                                              \
        BH_STATE_HELD, BH_REASON_RELOAD_LOCK, BH_SETTLE_WAIT, 190000, 199500, 0, BH_LEDGER_KEEP,   \
            BH_MOOD_GOOD, SILENT, NULL                                                             \
    }
#define TOMORROW                                                                                   \
    {                                                                                              \
        BH_STATE_HELD, BH_REASON_DAILY_LIMIT, BH_SETTLE_WAIT, 35999000, 37799000, 0,               \
            BH_LEDGER_FREE, BH_MOOD_GOOD, SILENT, NULL                                             \
    }
#define PAUSED(reason, word)                                                                       \
    {                                                                                              \
        BH_STATE_HELD, reason, BH_SETTLE_READY, 0, 0, 0, BH_LEDGER_FREE, BH_MOOD_GOOD, word, NULL  \
    }
#define CREDIT PAUSED(BH_REASON_CREDIT, BH_ACCOUNT_SAYS_CREDIT)
#define AUTH   PAUSED(BH_REASON_AUTH, BH_ACCOUNT_SAYS_AUTH)
#define UNCERTAIN(least, most, mood)                                                               \
    {                                                                                              \
        BH_STATE_RETRYING, BH_REASON_UNCERTAIN, BH_SETTLE_WAIT, least, most, 1, BH_LEDGER_KEEP,    \
            mood, SILENT, NULL                                                                     \
    }
#define GUARDED UNCERTAIN(44000, 44000, BH_MOOD_BAD)
#define RESENT  UNCERTAIN(189000, 198450, BH_MOOD_BAD)
#define UNKNOWN                                                                                    \
    {                                                                                              \
        BH_STATE_UNKNOWN, BH_REASON_NONE, BH_SETTLE_DEAD, 0, 0, 1, BH_LEDGER_KEEP, BH_MOOD_BAD,    \
            SILENT, NULL                                                                           \
    }
#define BROKEN                                                                                     \
    {                                                                                              \
        BH_STATE_RETRYING, BH_REASON_NONE, BH_SETTLE_WAIT, 5000, 6000, 1, BH_LEDGER_FREE,          \
            BH_MOOD_BAD, SILENT, NULL                                                              \
    }
#define TURNED_AWAY(mood)                                                                          \
    {                                                                                              \
        BH_STATE_HELD, BH_REASON_GATEWAY_DOWN, BH_SETTLE_WAIT, 0, 0, 0, BH_LEDGER_FREE, mood,      \
            SILENT, NULL                                                                           \
    }

static void
expect(const char *name, const struct wanted *wanted, const struct bh_verdict *got)
{
    cr_expect_eq(got->state, wanted->state, "%s: state %s", name, bh_state_name(got->state));
    cr_expect_eq(got->reason, wanted->reason, "%s: reason %s", name, bh_reason_name(got->reason));
    cr_expect_eq(got->disposition, wanted->disposition, "%s: disposition %d", name,
                 got->disposition);
    cr_expect(got->delay_ms >= wanted->least_ms && got->delay_ms <= wanted->most_ms,
              "%s: delay %lld", name, (long long)got->delay_ms);
    cr_expect_eq(got->attempts, wanted->attempts, "%s: attempts %u", name, got->attempts);
    cr_expect_eq(got->ledger, wanted->ledger, "%s: ledger %d", name, got->ledger);
    cr_expect_eq(got->mood, wanted->mood, "%s: mood %d", name, got->mood);
    int account = got->account_speaks ? (int)got->account : SILENT;
    cr_expect_eq(account, wanted->account, "%s: account %d", name, account);
    cr_expect_eq(got->confirmed_by == NULL, wanted->confirmed_by == NULL, "%s: confirmed", name);
    if (got->confirmed_by != NULL && wanted->confirmed_by != NULL)
        cr_expect_str_eq(got->confirmed_by, wanted->confirmed_by, "%s", name);
    cr_expect_eq(got->state == BH_STATE_SENT, got->error[0] == '\0', "%s: \"%s\"", name,
                 got->error);
    cr_expect_eq(got->delay_from_breaker, got->reason == BH_REASON_GATEWAY_DOWN, "%s", name);
}

/* Judge the same with the lowest, a middle and the highest dice. */
static void
expect_exchange(const char *name, enum bh_job_type type, size_t people,
                const struct bh_exchange *exchange, const struct wanted *wanted)
{
    static const uint32_t dice[] = {0, 0x7fffffff, UINT32_MAX};
    struct bh_zone *zone = tzif_load("Europe/Berlin");
    for (size_t i = 0; i < BH_ARRAY_LEN(dice); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, type, people);
        desk.gateway.zone = zone;
        desk.about.dice = dice[i];
        judge(&desk, exchange, &verdict);
        expect(name, wanted, &verdict);
        if (dice[i] == 0)
            cr_expect_eq(verdict.delay_ms, wanted->least_ms, "%s: %lld", name,
                         (long long)verdict.delay_ms);
        cr_expect_eq(verdict.uncertain_since.ms, verdict.reason == BH_REASON_UNCERTAIN ? NOON : 0,
                     "%s", name);
        stand_up(&desk);
    }
    bh_zone_free(zone);
}

/* ---- every answer there is ---- */

Test(policy, has_a_verdict_for_every_code)
{
    static const struct {
        int code;
        bool unclassified;
        struct wanted single, several, voice;
    } rows[] = {
        {100,     false,           SENT,           SENT,                      SENT                                          },
        {101,     false,           REFUSED,        RESENT,                    REFUSED                                       },
        {11,      false,           CARRIER(185000, 194250,                    BH_LEDGER_KEEP),
         CARRIER(185000, 194250, BH_LEDGER_KEEP), CARRIER(120000, 144000, BH_LEDGER_KEEP)},
        {201, false, REFUSED, REFUSED,                    REFUSED                                                  },
        {202,     false,               REFUSED,                      REFUSED,                                        REFUSED                                                           },
        {300,     true,           REFUSED,    REFUSED, REFUSED},
        {301,     false,            REFUSED,         REFUSED,                        REFUSED                                                              },
        {302,     true,           REFUSED,       REFUSED,                 REFUSED                                },
        {303,     true,            REFUSED,         REFUSED,                     REFUSED                                           },
        {304,     true,            REFUSED,        REFUSED,                  REFUSED                                    },
        {305,     false,            REFUSED,        REFUSED,                   REFUSED                                        },
        {306,     true,           REFUSED,       REFUSED,                  REFUSED                                      },
        {307,     true,            REFUSED,         REFUSED,                     REFUSED                                          },
        {308,     true,            REFUSED,        REFUSED,                  REFUSED                                    },
        {400,     true,            REFUSED,        REFUSED,                   REFUSED                                        },
        {401,     false,            REFUSED,        REFUSED,                   REFUSED                                       },
        {402,     false,           LOCKED,       LOCKED,                  LOCKED                                      },
        {403,     false,           TOMORROW,         TOMORROW,                      TOMORROW                                            },
        {500,     false,           CREDIT,       CREDIT,                CREDIT                                },
        {600,     false,           CARRIER(185000,         194250,                      BH_LEDGER_KEEP),
         CARRIER(185000, 194250, BH_LEDGER_KEEP), CARRIER(60000, 72000, BH_LEDGER_KEEP)},
        {700,     false,           GUARDED, RESENT,            UNKNOWN                     },
        {801, false, GUARDED,  RESENT,                      UNKNOWN                                                    },
        {802,     false,           REFUSED,        REFUSED,                           REFUSED                                                      },
        {803,     true,               REFUSED,                      REFUSED,                                        REFUSED                                                         },
        {900,     false,           AUTH,        AUTH,                   AUTH                               },
        {901,     false,            AUTH,     AUTH,  AUTH },
        {902,     false,           AUTH,           AUTH,                         AUTH                                                },
        {903,     false,           AUTH,          AUTH,                           AUTH                                                                   },
        {999,     true,           REFUSED,           REFUSED,                      REFUSED                                       },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char body[16], name[32];
        snprintf(body, sizeof(body), "%d", rows[i].code);
        struct bh_exchange exchange = answer(200, body);
        snprintf(name, sizeof(name), "%d, single", rows[i].code);
        expect_exchange(name, BH_JOB_SMS, 1, &exchange, &rows[i].single);
        snprintf(name, sizeof(name), "%d, several", rows[i].code);
        expect_exchange(name, BH_JOB_SMS, PEOPLE, &exchange, &rows[i].several);
        snprintf(name, sizeof(name), "%d, voice", rows[i].code);
        expect_exchange(name, BH_JOB_VOICE, 1, &exchange, &rows[i].voice);

        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_SMS, 1);
        judge(&desk, &exchange, &verdict);
        cr_expect_eq(verdict.unclassified, rows[i].unclassified, "%d", rows[i].code);
        cr_expect_eq(verdict.code, rows[i].code, "%d: shows %d", rows[i].code, verdict.code);
        stand_up(&desk);
    }
}

Test(policy, has_a_verdict_for_every_http_status)
{
    static const struct {
        const char *name;
        int status;
        bh_ms retry_after_ms;
        struct wanted wanted, voice;
    } rows[] = {
        {"unreadable 200",  200, -1,   GUARDED,                        UNKNOWN                       },
        {"204",             204, -1,   GUARDED,                        UNKNOWN                       },
        {"301",             301, -1,   BROKEN,                         BROKEN                        },
        {"307",             307, -1,   BROKEN,                         BROKEN                        },
        {"400",             400, -1,   BROKEN,                         BROKEN                        },
        {"401",             401, -1,   AUTH,                           AUTH                          },
        {"403",             403, -1,   AUTH,                           AUTH                          },
        {"404",             404, -1,   BROKEN,                         BROKEN                        },
        {"405",             405, -1,   BROKEN,                         BROKEN                        },
        {"408",             408, -1,   GUARDED,                        UNKNOWN                       },
        {"413",             413, -1,   BROKEN,                         BROKEN                        },
        {"429",             429, -1,   TURNED_AWAY(BH_MOOD_THROTTLED), TURNED_AWAY(BH_MOOD_THROTTLED)},
        {"429 with a wish", 429, 7000, TURNED_AWAY(BH_MOOD_THROTTLED),
         TURNED_AWAY(BH_MOOD_THROTTLED)                                                              },
        {"500",             500, -1,   GUARDED,                        UNKNOWN                       },
        {"502",             502, -1,   GUARDED,                        UNKNOWN                       },
        {"503",             503, -1,   GUARDED,                        UNKNOWN                       },
        {"503 with a wish", 503, 0,    TURNED_AWAY(BH_MOOD_THROTTLED), TURNED_AWAY(BH_MOOD_THROTTLED)},
        {"504",             504, -1,   GUARDED,                        UNKNOWN                       },
        {"599",             599, 5000, GUARDED,                        UNKNOWN                       },
        {"777",             777, -1,   GUARDED,                        UNKNOWN                       },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answer(rows[i].status, "<html>");
        exchange.retry_after_ms = rows[i].retry_after_ms;
        expect_exchange(rows[i].name, BH_JOB_SMS, 1, &exchange, &rows[i].wanted);
        expect_exchange(rows[i].name, BH_JOB_VOICE, 1, &exchange, &rows[i].voice);

        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_SMS, 1);
        judge(&desk, &exchange, &verdict);
        cr_expect_eq(verdict.retry_after_ms, rows[i].retry_after_ms, "%s", rows[i].name);
        stand_up(&desk);
    }
}

Test(policy, judges_silence_by_what_was_handed_over)
{
    static const struct {
        enum bh_trouble trouble;
        enum bh_gateway_mood unsent, uncertain;
    } rows[] = {
        {BH_TROUBLE_NONE,        BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_RESOLVE,     BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_CONNECT,     BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_TLS,         BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_CERTIFICATE, BH_MOOD_BROKEN,  BH_MOOD_BAD    },
        {BH_TROUBLE_TIMEOUT,     BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_RESET,       BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_GARBAGE,     BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_TOO_BIG,     BH_MOOD_BAD,     BH_MOOD_BAD    },
        {BH_TROUBLE_CANCELLED,   BH_MOOD_NEUTRAL, BH_MOOD_NEUTRAL},
        {BH_TROUBLE_INTERNAL,    BH_MOOD_NEUTRAL, BH_MOOD_NEUTRAL},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const char *name = bh_trouble_name(rows[i].trouble);
        struct bh_exchange exchange = {.trouble = rows[i].trouble, .retry_after_ms = -1};
        const struct wanted unsent = TURNED_AWAY(rows[i].unsent);
        const struct wanted uncertain = UNCERTAIN(44000, 44000, rows[i].uncertain);
        struct wanted call = UNKNOWN;
        call.mood = rows[i].uncertain;
        exchange.handed_over = BH_HANDED_NOTHING;
        expect_exchange(name, BH_JOB_SMS, 1, &exchange, &unsent);
        expect_exchange(name, BH_JOB_VOICE, 1, &exchange, &unsent);
        exchange.handed_over = BH_HANDED_PART;
        expect_exchange(name, BH_JOB_SMS, PEOPLE, &exchange, &unsent);
        exchange.handed_over = BH_HANDED_ALL;
        expect_exchange(name, BH_JOB_SMS, 1, &exchange, &uncertain);
        expect_exchange(name, BH_JOB_VOICE, 1, &exchange, &call);
    }
}

/* ---- schedules, ttl ---- */

Test(policy, takes_the_schedule_that_somebody_wrote_before_the_codes_own)
{
    static const struct {
        const char *name;
        const char *of_the_job, *of_the_queue;
        bool written;
        int code;
        unsigned retries;
        bh_ms delay_ms; /* 0: used up */
    } rows[] = {
        {"the code's own",                NULL,  "5s*",     false, 600, 0, 60 SECONDS       },
        {"its second step",               NULL,  "5s*",     false, 600, 1, 300 SECONDS      },
        {"its end",                       NULL,  "5s*",     false, 600, 3, 0                },
        {"the patient one's own",         NULL,  "5s*",     false, 11,  2, 30 * BH_MINUTE_MS},
        {"the patient one's end",         NULL,  "5s*",     false, 11,  3, 0                },
        {"the queue's, written",          NULL,  "5s*",     true,  600, 9, 5 SECONDS        },
        {"the queue's, written, used up", NULL,  "5s",      true,  600, 1, 0                },
        {"the job's before the queue's",  "7s",  "5s*",     true,  600, 0, 7 SECONDS        },
        {"the job's before the code's",   "7s",  "5s*",     false, 600, 0, 7 SECONDS        },
        {"the job's, used up",            "7s",  "5s*",     true,  600, 1, 0                },
        {"a code without one",            NULL,  "5s, 15s", false, 0,   1, 15 SECONDS       },
        {"a code without one, used up",   NULL,  "5s, 15s", false, 0,   2, 0                },
        {"the job's for that too",        "9s*", "5s, 15s", true,  0,   7, 9 SECONDS        },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_VOICE, 1);
        cr_assert_eq(bh_schedule_parse(bh_str_from(rows[i].of_the_queue), &desk.schedule, NULL),
                     BH_OK);
        desk.job.retry = rows[i].of_the_job;
        desk.queue.retry_written = rows[i].written;
        desk.progress.retries = rows[i].retries;
        if (rows[i].code != 0) {
            judge_code(&desk, rows[i].code, &verdict);
        } else {
            struct bh_exchange exchange = answer(404, "");
            judge(&desk, &exchange, &verdict);
        }
        cr_expect_eq(verdict.state, rows[i].delay_ms > 0 ? BH_STATE_RETRYING : BH_STATE_FAILED,
                     "%s", rows[i].name);
        cr_expect_eq(verdict.delay_ms, rows[i].delay_ms, "%s: %lld", rows[i].name,
                     (long long)verdict.delay_ms);
        cr_expect_eq(desk.progress.retries, rows[i].retries + (rows[i].delay_ms > 0), "%s",
                     rows[i].name);
        cr_expect_eq(verdict.attempts, 1);
        stand_up(&desk);
    }
}

Test(policy, never_plans_a_try_behind_the_ttl)
{
    static const struct {
        const char *name;
        int code;
        bh_ms left_ms;
        bool uncertain; /* an earlier request is without an answer */
        enum bh_state state;
    } rows[] = {
        {"a retry that fits",           600, 60001,    false, BH_STATE_RETRYING},
        {"a retry at the last moment",  600, 60000,    false, BH_STATE_EXPIRED },
        {"a retry behind it",           600, 59999,    false, BH_STATE_EXPIRED },
        {"after an uncertain one",      600, 59999,    true,  BH_STATE_UNKNOWN },
        {"a lock that fits",            402, 190001,   false, BH_STATE_HELD    },
        {"a lock that does not",        402, 190000,   false, BH_STATE_EXPIRED },
        {"the same after an uncertain", 402, 190000,   true,  BH_STATE_UNKNOWN },
        {"a day that fits",             403, 36000000, false, BH_STATE_HELD    },
        {"a day that does not",         403, 35999000, false, BH_STATE_FAILED  },
        {"the same after an uncertain", 403, 35999000, true,  BH_STATE_UNKNOWN },
    };
    struct bh_zone *zone = tzif_load("Europe/Berlin");
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_VOICE, 1);
        desk.queue.on_uncertain = BH_ON_UNCERTAIN_RESEND;
        desk.gateway.zone = zone;
        desk.about.expires.ms = desk.about.now.ms + rows[i].left_ms;
        if (rows[i].uncertain)
            be_uncertain(&desk, BH_HOUR_MS);
        judge_code(&desk, rows[i].code, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                     bh_state_name(verdict.state));
        if (bh_state_is_final(verdict.state)) {
            cr_expect_eq(verdict.code, rows[i].code, "%s", rows[i].name);
            cr_expect_neq(verdict.error[0], '\0', "%s", rows[i].name);
        }
        stand_up(&desk);
    }
    bh_zone_free(zone);
}

/* What an answer says about this request says nothing about an earlier one that was never answered. */
Test(policy, does_not_call_failed_what_may_have_been_sent)
{
    static const struct {
        int code;
        enum bh_state state;
    } rows[] = {
        {600, BH_STATE_UNKNOWN},
        {11,  BH_STATE_UNKNOWN},
        {403, BH_STATE_UNKNOWN},
        {302, BH_STATE_UNKNOWN},
        {999, BH_STATE_UNKNOWN},
        {402, BH_STATE_UNKNOWN},
        {202, BH_STATE_FAILED }, /* the same content would have been refused before */
        {401, BH_STATE_FAILED },
        {100, BH_STATE_SENT   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_SMS, 1);
        be_uncertain(&desk, BH_HOUR_MS);
        desk.progress.retries = 3;
        desk.progress.daily_waits = desk.progress.lock_waits = 1;
        judge_code(&desk, rows[i].code, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%d: %s", rows[i].code,
                     bh_state_name(verdict.state));
        cr_expect_eq(verdict.uncertain_since.ms, 0, "%d", rows[i].code);
        stand_up(&desk);
    }
}

/* ---- the reload lock ---- */

Test(policy, waits_for_a_foreign_lock_once)
{
    struct desk desk;
    struct bh_verdict verdict;
    sit_down(&desk, BH_JOB_SMS, 1);
    judge_code(&desk, 402, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_HELD);
    cr_expect_eq(verdict.waiting, BH_WAITING_HELD);
    later(&desk, verdict.delay_ms);
    judge_code(&desk, 402, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_DUPLICATE);
    cr_expect_eq(verdict.disposition, BH_SETTLE_FINAL);
    cr_expect_eq(verdict.attempts, 0);
    cr_expect_eq(verdict.code, 402);
    cr_expect_not_null(strstr(verdict.error, "somebody else"));
    stand_up(&desk);
}

Test(policy, waits_for_a_twin_of_ours_as_long_as_the_ledger_says)
{
    struct desk desk;
    struct bh_verdict verdict;
    sit_down(&desk, BH_JOB_SMS, 1);
    for (unsigned i = 0; i < 3; i++) {
        bh_policy_locked(&desk.about, 100 SECONDS, &verdict);
        cr_expect_eq(verdict.state, BH_STATE_HELD);
        cr_expect_eq(verdict.reason, BH_REASON_RELOAD_LOCK);
        cr_expect(verdict.delay_ms >= 100 SECONDS && verdict.delay_ms <= 105 SECONDS);
        cr_expect_eq(verdict.ledger, BH_LEDGER_KEEP, "the entry is not ours");
        cr_expect_eq(verdict.attempts, 0);
        desk.about.dice = UINT32_MAX;
    }
    desk.about.expires.ms = desk.about.now.ms + 100 SECONDS;
    bh_policy_locked(&desk.about, 100 SECONDS, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_EXPIRED);
    stand_up(&desk);
}

/* A request without an answer at NOON, and its guarded retry `by_ms` later. */
static void
sit_down_uncertain(struct desk *desk, bh_ms by_ms)
{
    struct bh_verdict verdict;
    struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
    sit_down(desk, BH_JOB_SMS, 1);
    judge(desk, &silence, &verdict);
    cr_assert_eq(verdict.reason, BH_REASON_UNCERTAIN);
    desk->about.uncertain_since = verdict.uncertain_since;
    desk->about.attempts = verdict.attempts;
    desk->about.try = BH_TRY_GUARDED;
    later(desk, by_ms);
}

/* Our ledger was another job's, so the lock may be, too; and a guarded retry that stays due would go round for ever. */
Test(policy, makes_no_guarded_retry_any_more_when_a_twin_of_ours_has_the_ledger)
{
    struct desk desk;
    struct bh_plan plan;
    struct bh_verdict verdict;
    sit_down_uncertain(&desk, 45 SECONDS);
    bh_policy_locked(&desk.about, 100 SECONDS, &verdict);
    cr_expect_geq(verdict.delay_ms, 100 SECONDS);
    cr_expect_eq(verdict.uncertain_since.ms, NOON);
    later(&desk, 50 SECONDS);
    cr_expect_eq(bh_policy_next(&desk.about, &plan, &verdict), BH_NEXT_SETTLE);
    stand_up(&desk);
}

Test(policy, takes_a_402_for_proof_only_when_nothing_else_explains_it)
{
    enum violation {
        NOTHING,
        TWO_PEOPLE,
        CONTACT,
        FILES,
        TRACKING,
        NO_LEDGER,
        TOO_LATE,
        AT_THE_LAST_MOMENT,
        NO_QUESTION,
        REFUSED_BETWEEN,
        REFUSED_BEFORE,
        REFUSED_LONG_BEFORE,
        TWIN_ELSEWHERE,
        NOBODY_TOLD,
    };
    static const struct {
        const char *name;
        enum violation violation;
        enum bh_state state;
    } rows[] = {
        {"all conditions hold",                    NOTHING,             BH_STATE_SENT    },
        {"two recipients",                         TWO_PEOPLE,          BH_STATE_HELD    },
        {"a contact may be several",               CONTACT,             BH_STATE_HELD    },
        {"files rewrite the text",                 FILES,               BH_STATE_HELD    },
        {"tracking rewrites the text",             TRACKING,            BH_STATE_HELD    },
        {"the ledger does not exclude twins",      NO_LEDGER,           BH_STATE_HELD    },
        {"the lock may have lapsed",               TOO_LATE,            BH_STATE_HELD    },
        {"just before that",                       AT_THE_LAST_MOMENT,  BH_STATE_SENT    },
        {"no request is without an answer",        NO_QUESTION,         BH_STATE_HELD    },
        {"a refusal since may have armed it",      REFUSED_BETWEEN,     BH_STATE_HELD    },
        {"a refusal just before, too",             REFUSED_BEFORE,      BH_STATE_HELD    },
        {"one whose lock had lapsed by then, not", REFUSED_LONG_BEFORE, BH_STATE_SENT    },
        {"another queue's message explains it",    TWIN_ELSEWHERE,      BH_STATE_RETRYING},
        {"the other queues could not be asked",    NOBODY_TOLD,         BH_STATE_RETRYING},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        struct bh_progress two;
        sit_down_uncertain(&desk, 45 SECONDS);
        cr_assert_eq(bh_progress_init(&two, 2), BH_OK);
        switch (rows[i].violation) {
        case NOTHING: break;
        case TWO_PEOPLE:
            desk.people[1] = (struct bh_recipient){numbers[1], numbers[1]};
            desk.job.recipients_count = desk.about.asked_count = 2;
            desk.asked[1] = 1;
            desk.about.progress = &two;
            two.recipients[0].state = two.recipients[1].state = BH_RECIPIENT_UNCERTAIN;
            two.last_lost_s = two.resend_due_s = desk.progress.last_lost_s;
            break;
        case CONTACT: desk.people[0].msisdn = NULL; break;
        case FILES: desk.job.files_count = 1; break;
        case TRACKING: desk.job.performance_tracking = true; break;
        case NO_LEDGER: desk.about.ledger_held = false; break;
        case TOO_LATE: later(&desk, 135 SECONDS); break;
        case AT_THE_LAST_MOMENT: later(&desk, 135 SECONDS - 1); break;
        case NO_QUESTION:
            desk.about.uncertain_since.ms = 0;
            desk.progress.recipients[0].state = BH_RECIPIENT_OPEN;
            break;
        case REFUSED_BETWEEN: desk.progress.refused_at_s = NOON / 1000 + 20; break;
        case REFUSED_BEFORE: desk.progress.refused_at_s = NOON / 1000 - 179; break;
        case REFUSED_LONG_BEFORE: desk.progress.refused_at_s = NOON / 1000 - 180; break;
        case TWIN_ELSEWHERE:
            desk.about.twins = BH_TWINS_HELD;
            desk.about.twins_ms = 60 SECONDS;
            break;
        case NOBODY_TOLD: desk.about.twins = BH_TWINS_UNKNOWN; break;
        }
        judge_code(&desk, 402, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                     bh_state_name(verdict.state));
        if (rows[i].state == BH_STATE_SENT) {
            cr_expect_str_eq(verdict.confirmed_by, "reload_lock", "%s", rows[i].name);
            cr_expect_eq(verdict.ledger, BH_LEDGER_ARM, "%s", rows[i].name);
            cr_expect_eq(verdict.attempts, 1, "%s: the first one counts", rows[i].name);
            cr_expect_eq(verdict.code, 402, "%s: the gateway's last word", rows[i].name);
        } else {
            cr_expect_null(verdict.confirmed_by, "%s", rows[i].name);
        }
        bh_progress_release(&two);
        stand_up(&desk);
    }
}

/* It says as little as no answer, so that no wait for the lock is used up by it: the resend comes when the twin's has lapsed. */
Test(policy, sends_again_when_the_lock_of_another_queues_twin_has_lapsed)
{
    struct desk desk;
    struct bh_plan plan;
    struct bh_verdict verdict;
    sit_down_uncertain(&desk, 45 SECONDS);
    desk.about.twins = BH_TWINS_HELD;
    desk.about.twins_ms = 180 SECONDS;
    judge_code(&desk, 402, &verdict);
    cr_expect_eq(verdict.reason, BH_REASON_UNCERTAIN, "the second guarded retry comes before");
    cr_expect_not_null(strstr(verdict.error, "another queue"), "%s", verdict.error);
    cr_expect_eq(verdict.ledger, BH_LEDGER_KEEP);
    cr_expect_eq(verdict.attempts, 1, "the first one");
    cr_expect_eq(verdict.uncertain_since.ms, NOON);

    later(&desk, 55 SECONDS);
    desk.about.twins_ms = 125 SECONDS;
    judge_code(&desk, 402, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_HELD);
    cr_expect_eq(verdict.reason, BH_REASON_RELOAD_LOCK);
    cr_expect_geq(verdict.delay_ms, 125 SECONDS);
    cr_expect_eq(desk.progress.lock_waits, 0);
    desk.about.twins = BH_TWINS_NONE;
    later(&desk, verdict.delay_ms);
    cr_expect_eq(bh_policy_next(&desk.about, &plan, &verdict), BH_NEXT_SEND);
    cr_expect_eq(plan.try, BH_TRY_RESENT);
    stand_up(&desk);
}

/* A refusal that comes between is remembered. */
Test(policy, notes_refusals_that_may_arm_the_lock)
{
    static const struct {
        int code;
        bool noted;
    } rows[] = {
        {500, true },
        {900, true },
        {903, true },
        {403, true },
        {600, true },
        {11,  true },
        {402, false},
        {100, false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_SMS, 1);
        judge_code(&desk, rows[i].code, &verdict);
        cr_expect_eq(desk.progress.refused_at_s, rows[i].noted ? NOON / 1000 + 1 : 0, "%d",
                     rows[i].code);
        stand_up(&desk);
    }
}

/* A second request was lost, too: what became of it is known better by the journal than by a lock that nobody has seen to work. */
Test(policy, asks_the_journal_before_it_relies_on_an_unproven_lock)
{
    static const struct {
        const char *name;
        enum bh_journal_access journal;
        enum bh_lock_knowledge lock;
        bh_ms wanted_ms;
    } rows[] = {
        {"an unproven lock",               BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN, 120000},
        {"a proven one",                   BH_JOURNAL_READABLE, BH_LOCK_ON,      110000},
        {"a journal that cannot be asked", BH_JOURNAL_DENIED,   BH_LOCK_UNKNOWN, 110000},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
        sit_down(&desk, BH_JOB_SMS, 1);
        desk.gateway.reload_lock_ms = 180 SECONDS;
        desk.gateway.timeout_ms = 20 SECONDS;
        be_uncertain(&desk, 0);
        desk.about.journal = rows[i].journal;
        desk.about.lock = rows[i].lock;
        desk.about.try = BH_TRY_GUARDED;
        desk.about.began.ms = NOON + 90 SECONDS;
        desk.about.now.ms = NOON + 91 SECONDS;
        judge(&desk, &silence, &verdict);
        cr_expect_eq(91 SECONDS + verdict.delay_ms, rows[i].wanted_ms, "%s: %lld", rows[i].name,
                     (long long)verdict.delay_ms);
        stand_up(&desk);
    }
}

Test(policy, repeats_inside_the_locks_time_and_never_behind_five_sixths_of_it)
{
    static const struct {
        const char *name;
        bh_ms lock_ms, timeout_ms;
        unsigned tries;
        bh_ms began_ms, answered_ms; /* since the first request began */
        bh_ms wanted_ms;             /* moment of the guarded retry since then; 0: none */
    } rows[] = {
        {"the first moment",              180000, 20000,  0, 0,      1000,   45000 },
        {"after the timeout",             180000, 20000,  0, 0,      20000,  45000 },
        {"never inside the timeout",      180000, 60000,  0, 0,      1000,   60000 },
        {"late, but in time",             180000, 20000,  0, 0,      149000, 149000},
        {"at the last moment",            180000, 20000,  0, 0,      150000, 150000},
        {"too late",                      180000, 20000,  0, 0,      150001, 0     },
        {"the second moment",             180000, 20000,  1, 45000,  46000,  100000},
        {"the second, after its timeout", 180000, 70000,  1, 45000,  46000,  115000},
        {"the second, too late",          180000, 20000,  1, 131000, 132000, 0     },
        {"there is no third",             180000, 20000,  2, 100000, 101000, 0     },
        {"a short lock",                  60000,  10000,  0, 0,      1000,   15000 },
        {"a short lock's second",         60000,  10000,  1, 15000,  16000,  33333 },
        {"a lock shorter than a request", 20000,  20000,  0, 0,      1000,   0     },
        {"a long lock",                   360000, 20000,  0, 0,      1000,   90000 },
        {"no timeout fits",               180000, 160000, 0, 0,      1000,   0     },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
        sit_down(&desk, BH_JOB_SMS, 1);
        desk.gateway.reload_lock_ms = rows[i].lock_ms;
        desk.gateway.timeout_ms = rows[i].timeout_ms;
        if (rows[i].tries > 0) {
            be_uncertain(&desk, 0);
            desk.about.try = BH_TRY_GUARDED;
            desk.progress.guarded_tries = rows[i].tries - 1; /* and now this one */
        }
        desk.about.began.ms = NOON + rows[i].began_ms;
        desk.about.now.ms = NOON + rows[i].answered_ms;
        judge(&desk, &silence, &verdict);

        bh_ms lapse_ms = rows[i].lock_ms + BH_LOCK_MARGIN_MS;
        bh_ms since_ms = rows[i].began_ms > 0 && rows[i].tries == 0 ? rows[i].began_ms : 0;
        bh_ms moment_ms = rows[i].answered_ms + verdict.delay_ms;
        cr_expect_eq(moment_ms,
                     rows[i].wanted_ms > 0
                         ? rows[i].wanted_ms
                         : bh_ms_max(since_ms + lapse_ms, rows[i].answered_ms + 5 SECONDS),
                     "%s: %lld", rows[i].name, (long long)moment_ms);
        cr_expect_eq(desk.progress.guarded_tries, rows[i].tries, "%s", rows[i].name);
        cr_expect_eq(desk.progress.retries, 0, "%s", rows[i].name);
        cr_expect_eq(verdict.uncertain_since.ms, NOON, "%s", rows[i].name);
        cr_expect_eq(verdict.waiting, BH_WAITING_UNCERTAIN, "%s", rows[i].name);
        stand_up(&desk);
    }
}

/* The first one's lock has lapsed; only the second one's can tell what became of it. */
Test(policy, begins_the_locks_time_anew_with_a_later_request_without_an_answer)
{
    struct desk desk;
    struct bh_verdict verdict;
    struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
    sit_down_uncertain(&desk, 900 SECONDS);
    desk.progress.guarded_tries = 2;
    judge(&desk, &silence, &verdict);
    cr_expect_eq(verdict.uncertain_since.ms, NOON + 900 SECONDS);
    cr_expect_eq(verdict.delay_ms, 44 SECONDS, "%lld", (long long)verdict.delay_ms);
    desk.about.uncertain_since = verdict.uncertain_since;
    later(&desk, 45 SECONDS);
    judge_code(&desk, 402, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_SENT);
    stand_up(&desk);
}

Test(policy, holds_or_resends_as_the_job_says_before_the_queue)
{
    static const struct {
        const char *name;
        enum bh_job_type type;
        enum bh_on_uncertain of_the_job, of_the_queue;
        enum bh_state state;
    } rows[] = {
        {"a queue that resends",     BH_JOB_SMS,   BH_ON_UNCERTAIN_DEFAULT, BH_ON_UNCERTAIN_RESEND,
         BH_STATE_RETRYING},
        {"a queue that holds",       BH_JOB_SMS,   BH_ON_UNCERTAIN_DEFAULT, BH_ON_UNCERTAIN_HOLD,
         BH_STATE_UNKNOWN },
        {"a job that holds",         BH_JOB_SMS,   BH_ON_UNCERTAIN_HOLD,    BH_ON_UNCERTAIN_RESEND,
         BH_STATE_UNKNOWN },
        {"a job that resends",       BH_JOB_SMS,   BH_ON_UNCERTAIN_RESEND,  BH_ON_UNCERTAIN_HOLD,
         BH_STATE_RETRYING},
        {"a call is not repeated",   BH_JOB_VOICE, BH_ON_UNCERTAIN_DEFAULT, BH_ON_UNCERTAIN_HOLD,
         BH_STATE_UNKNOWN },
        {"but for one that asks so", BH_JOB_VOICE, BH_ON_UNCERTAIN_RESEND,  BH_ON_UNCERTAIN_HOLD,
         BH_STATE_RETRYING},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
        sit_down(&desk, rows[i].type, 1);
        desk.job.on_uncertain = rows[i].of_the_job;
        desk.queue.on_uncertain = rows[i].of_the_queue;
        judge(&desk, &silence, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                     bh_state_name(verdict.state));
        cr_expect_eq(verdict.attempts, 1);
        stand_up(&desk);
    }
}

Test(policy, repeats_no_call_because_a_queue_of_messages_repeats_messages)
{
    struct desk desk;
    struct bh_verdict verdict;
    struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
    sit_down(&desk, BH_JOB_VOICE, 1);
    desk.queue.type = BH_JOB_SMS;
    desk.queue.on_uncertain = BH_ON_UNCERTAIN_RESEND;
    judge(&desk, &silence, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_UNKNOWN);
    stand_up(&desk);

    sit_down(&desk, BH_JOB_VOICE, 1);
    desk.queue.on_uncertain = BH_ON_UNCERTAIN_RESEND;
    judge(&desk, &silence, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_RETRYING, "a queue of calls that asks for it");
    stand_up(&desk);
}

/* Whoever switches the reload lock off for a message takes away what keeps a second one from getting through. */
Test(policy, repeats_no_message_without_the_lock_unless_the_job_says_so)
{
    static const struct {
        enum bh_on_uncertain of_the_job;
        enum bh_state state;
    } rows[] = {
        {BH_ON_UNCERTAIN_DEFAULT, BH_STATE_UNKNOWN },
        {BH_ON_UNCERTAIN_HOLD,    BH_STATE_UNKNOWN },
        {BH_ON_UNCERTAIN_RESEND,  BH_STATE_RETRYING},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        struct bh_exchange silence = {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1};
        sit_down(&desk, BH_JOB_SMS, 1);
        desk.job.no_reload = true;
        desk.job.on_uncertain = rows[i].of_the_job;
        desk.about.ledger_held = false;
        judge(&desk, &silence, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%zu: %s", i, bh_state_name(verdict.state));
        stand_up(&desk);
    }
}

/* The first word about it comes soon, if it comes at all. */
Test(policy, waits_some_minutes_for_a_journal_of_which_nobody_knows_yet)
{
    static const struct {
        const char *name;
        enum bh_job_type type;
        bool debug;
        enum bh_journal_access journal;
        bh_ms ago_ms; /* since the request without an answer */
        enum bh_state state;
    } rows[] = {
        {"not known yet",             BH_JOB_SMS,   false, BH_JOURNAL_UNKNOWN, 20 SECONDS,      BH_STATE_RETRYING},
        {"nor after minutes",         BH_JOB_SMS,   false, BH_JOURNAL_UNKNOWN, 300 SECONDS - 1,
         BH_STATE_RETRYING                                                                                       },
        {"it never will be",          BH_JOB_SMS,   false, BH_JOURNAL_UNKNOWN, 300 SECONDS,     BH_STATE_UNKNOWN },
        {"denied",                    BH_JOB_SMS,   false, BH_JOURNAL_DENIED,  20 SECONDS,      BH_STATE_UNKNOWN },
        {"calls stand in none",       BH_JOB_VOICE, false, BH_JOURNAL_UNKNOWN, 20 SECONDS,
         BH_STATE_UNKNOWN                                                                                        },
        {"nor does what is not sent", BH_JOB_SMS,   true,  BH_JOURNAL_UNKNOWN, 20 SECONDS,
         BH_STATE_UNKNOWN                                                                                        },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_plan plan;
        struct bh_verdict verdict;
        sit_down(&desk, rows[i].type, 1);
        be_uncertain(&desk, 0);
        desk.job.debug = rows[i].debug;
        desk.queue.on_uncertain = BH_ON_UNCERTAIN_HOLD;
        desk.about.journal = rows[i].journal;
        desk.about.now.ms = NOON + rows[i].ago_ms;
        cr_expect_eq(bh_policy_next(&desk.about, &plan, &verdict), BH_NEXT_SETTLE, "%s",
                     rows[i].name);
        cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                     bh_state_name(verdict.state));
        if (rows[i].state == BH_STATE_RETRYING) {
            cr_expect_eq(verdict.reason, BH_REASON_UNCERTAIN, "%s", rows[i].name);
            cr_expect_eq(verdict.waiting, BH_WAITING_UNCERTAIN, "%s", rows[i].name);
            cr_expect_eq(verdict.delay_ms, 30 SECONDS, "%s", rows[i].name);
            cr_expect_eq(verdict.uncertain_since.ms, NOON, "%s", rows[i].name);
        }
        stand_up(&desk);
    }
}

/* A job whose request of NOON was not answered, claimed again `ago_ms` later. */
struct claimed_again {
    const char *name;
    bool recovered, holds, ledger;
    unsigned attempts;
    bh_ms ago_ms;
    enum bh_next next;
    enum bh_try try;
    enum bh_state state;
    bh_ms moment_ms; /* since the unanswered request; 0: not looked at */
};

static void
claim_again(struct desk *desk, const struct claimed_again *row)
{
    sit_down(desk, BH_JOB_SMS, 1);
    desk->about.attempts = row->attempts;
    desk->about.uncertain_since.ms = NOON;
    desk->about.waiting = BH_WAITING_UNCERTAIN;
    desk->about.began.ms = 0;
    desk->about.now.ms = NOON + row->ago_ms;
    desk->about.ledger_held = row->ledger;
    desk->about.recovered = row->recovered;
    /* Of a later one the record knows the first. */
    desk->progress.first_lost_s = row->attempts > 1 ? (unsigned)(NOON / 1000) : 0;
    if (row->holds)
        desk->queue.on_uncertain = BH_ON_UNCERTAIN_HOLD;
    bh_policy_take_up(&desk->about);
    cr_expect_eq(desk->progress.recipients[0].state, BH_RECIPIENT_UNCERTAIN, "%s", row->name);
}

Test(policy, thinks_again_about_an_unanswered_job_before_sending_it)
{
    static const struct claimed_again rows[] = {
        {"the guarded moment",                false, false, true,  1, 45000,  BH_NEXT_SEND,   BH_TRY_GUARDED, 0,                 0      },
        {"before it",                         false, false, true,  1, 44999,  BH_NEXT_SETTLE, BH_TRY_FRESH,   BH_STATE_RETRYING,
         45000                                                                                                                          },
        {"its last moment",                   false, false, true,  1, 150000, BH_NEXT_SEND,   BH_TRY_GUARDED, 0,                 0      },
        {"behind it",                         false, false, true,  1, 150001, BH_NEXT_SETTLE, BH_TRY_FRESH,
         BH_STATE_RETRYING,                                                                                                      190000 },
        {"in the lock's last second",         false, false, true,  1, 179000, BH_NEXT_SETTLE, BH_TRY_FRESH,
         BH_STATE_RETRYING,                                                                                                      190000 },
        {"after it has lapsed",               false, false, true,  1, 190000, BH_NEXT_SEND,   BH_TRY_RESENT,  0,                 0      },
        {"without a ledger there is no lock", false, false, false, 1, 160000, BH_NEXT_SEND,
         BH_TRY_RESENT,                                                                                       0,                 0      },
        {"held by now",                       false, true,  true,  1, 45000,  BH_NEXT_SETTLE, BH_TRY_FRESH,   BH_STATE_UNKNOWN,
         0                                                                                                                              },
        {"its worker died",                   true,  false, true,  1, 5000,   BH_NEXT_SETTLE, BH_TRY_FRESH,
         BH_STATE_RETRYING,                                                                                                      45000  },
        {"its worker died a while ago",       true,  false, true,  1, 70000,  BH_NEXT_SEND,   BH_TRY_GUARDED,
         0,                                                                                                                      0      },
        {"its worker died long ago",          true,  false, true,  1, 900000, BH_NEXT_SETTLE, BH_TRY_FRESH,
         BH_STATE_RETRYING,                                                                                                      905000 },
        {"its worker died, and it is held",   true,  true,  true,  1, 5000,   BH_NEXT_SETTLE, BH_TRY_FRESH,
         BH_STATE_UNKNOWN,                                                                                                       0      },
        {"its worker died, no ledger",        true,  false, false, 1, 2000,   BH_NEXT_SETTLE, BH_TRY_FRESH,
         BH_STATE_RETRYING,                                                                                                      7000   },
        {"its worker died with a later one",  true,  false, true,  2, 900000, BH_NEXT_SETTLE,
         BH_TRY_FRESH,                                                                                        BH_STATE_RETRYING, 1090000},
        {"and within the first one's time",   true,  false, true,  2, 60000,  BH_NEXT_SETTLE,
         BH_TRY_FRESH,                                                                                        BH_STATE_RETRYING, 80000  },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_plan plan;
        struct bh_verdict verdict = {.attempts = 77};
        claim_again(&desk, &rows[i]);
        enum bh_next next = bh_policy_next(&desk.about, &plan, &verdict);
        cr_expect_eq(next, rows[i].next, "%s: %d", rows[i].name, next);
        if (next == BH_NEXT_SEND) {
            cr_expect_eq(plan.try, rows[i].try, "%s: %d", rows[i].name, plan.try);
            cr_expect(plan.to_uncertain && !plan.to_open, "%s", rows[i].name);
            cr_expect_eq(verdict.attempts, 77, "%s: written", rows[i].name);
        } else {
            cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                         bh_state_name(verdict.state));
            cr_expect_eq(verdict.attempts, rows[i].attempts, "%s: counted already", rows[i].name);
            cr_expect_eq(verdict.mood, BH_MOOD_NEUTRAL, "%s", rows[i].name);
            cr_expect_neq(verdict.error[0], '\0', "%s", rows[i].name);
        }
        if (next == BH_NEXT_SETTLE && rows[i].moment_ms > 0)
            cr_expect_eq(rows[i].ago_ms + verdict.delay_ms, rows[i].moment_ms, "%s: %lld",
                         rows[i].name, (long long)(rows[i].ago_ms + verdict.delay_ms));
        stand_up(&desk);
    }
}

Test(policy, asks_the_journal_before_it_sends_again_but_not_while_the_request_may_be_under_way)
{
    static const struct {
        const char *name;
        bool holds, debug, contact;
        bh_ms lock_ms, timeout_ms, ago_ms;
        enum bh_journal_access journal;
        enum bh_looked looked;
        enum bh_next next;
        bh_ms moment_ms; /* of SETTLE, since the request */
    } rows[] = {
        {"too early",                                              true,  false, false, 180000, 20000, 29999,    BH_JOURNAL_READABLE,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_SETTLE,  30000  },
        {"its moment",                                             true,  false, false, 180000, 20000, 30000,    BH_JOURNAL_READABLE,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_LOOK_UP, 0      },
        {"asked, and again",                                       true,  false, false, 180000, 20000, 30000,    BH_JOURNAL_READABLE,
         BH_LOOKED_ABSENT,                                                                                                                                 BH_NEXT_SETTLE,  60000  },
        {"in vain, and again",                                     true,  false, false, 180000, 20000, 30000,    BH_JOURNAL_READABLE,
         BH_LOOKED_IN_VAIN,                                                                                                                                BH_NEXT_SETTLE,  60000  },
        {"for the last time",                                      true,  false, false, 180000, 20000, 3600000,  BH_JOURNAL_READABLE,
         BH_LOOKED_ABSENT,                                                                                                                                 BH_NEXT_SETTLE,  0      },
        {"in vain for the last time, and yet again",               true,  false, false, 180000, 20000, 3600000,
         BH_JOURNAL_READABLE,                                                                                                         BH_LOOKED_IN_VAIN,   BH_NEXT_SETTLE,  4500000},
        {"in vain for a day",                                      true,  false, false, 180000, 20000, 86400000, BH_JOURNAL_READABLE,
         BH_LOOKED_IN_VAIN,                                                                                                                                BH_NEXT_SETTLE,  0      },
        {"a longer timeout",                                       true,  false, false, 180000, 60000, 60000,    BH_JOURNAL_READABLE,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_SETTLE,  90000  },
        {"before the guarded retry",                               false, false, false, 180000, 20000, 45000,    BH_JOURNAL_READABLE,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_LOOK_UP, 0      },
        {"asked, so the guarded retry",                            false, false, false, 180000, 20000, 45000,
         BH_JOURNAL_READABLE,                                                                                                         BH_LOOKED_ABSENT,    BH_NEXT_SEND,    0      },
        {"a guarded retry that comes before the journal can know", false, false, false, 60000,
         10000,                                                                                        15000,    BH_JOURNAL_READABLE, BH_LOOKED_NOT_YET,   BH_NEXT_SEND,    0      },
        {"before it is resent",                                    false, false, false, 180000, 20000, 190000,   BH_JOURNAL_READABLE,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_LOOK_UP, 0      },
        {"absent for the first time",                              false, false, false, 180000, 20000, 190000,
         BH_JOURNAL_READABLE,                                                                                                         BH_LOOKED_ABSENT,    BH_NEXT_SETTLE,  250000 },
        {"a gateway that may be down",                             false, false, false, 180000, 20000, 301000,
         BH_JOURNAL_READABLE,                                                                                                         BH_LOOKED_UNREACHED, BH_NEXT_SETTLE,  331000 },
        {"a journal that does not answer for long",                false, false, false, 180000, 20000, 301000,
         BH_JOURNAL_READABLE,                                                                                                         BH_LOOKED_IN_VAIN,   BH_NEXT_SEND,    0      },
        {"not known to be readable",                               true,  false, false, 180000, 20000, 30000,    BH_JOURNAL_UNKNOWN,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_SETTLE,  60000  },
        {"denied",                                                 true,  false, false, 180000, 20000, 30000,    BH_JOURNAL_DENIED,   BH_LOOKED_NOT_YET,
         BH_NEXT_SETTLE,                                                                                                                                                    0      },
        {"what is not sent is in no journal",                      true,  true,  false, 180000, 20000, 30000,
         BH_JOURNAL_READABLE,                                                                                                         BH_LOOKED_NOT_YET,   BH_NEXT_SETTLE,  0      },
        {"a contact alone",                                        true,  false, true,  180000, 20000, 30000,    BH_JOURNAL_READABLE,
         BH_LOOKED_NOT_YET,                                                                                                                                BH_NEXT_LOOK_UP, 0      },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct claimed_again again = {
            .name = rows[i].name,
            .holds = rows[i].holds,
            .ledger = true,
            .attempts = 1,
            .ago_ms = rows[i].ago_ms,
        };
        struct desk desk;
        struct bh_plan plan;
        struct bh_verdict verdict = {.attempts = 77};
        claim_again(&desk, &again);
        desk.gateway.reload_lock_ms = rows[i].lock_ms;
        desk.gateway.timeout_ms = rows[i].timeout_ms;
        desk.job.debug = rows[i].debug;
        if (rows[i].contact)
            desk.people[0].msisdn = NULL;
        desk.about.journal = rows[i].journal;
        desk.about.looked = rows[i].looked;
        if (rows[i].looked != BH_LOOKED_NOT_YET)
            bh_policy_looked(&desk.about, rows[i].looked);
        enum bh_next next = bh_policy_next(&desk.about, &plan, &verdict);
        cr_expect_eq(next, rows[i].next, "%s: %d", rows[i].name, next);
        if (next == BH_NEXT_LOOK_UP)
            cr_expect(desk.progress.recipients[0].look_up, "%s", rows[i].name);
        if (next == BH_NEXT_SETTLE && rows[i].moment_ms == 0)
            cr_expect_eq(verdict.state, BH_STATE_UNKNOWN, "%s: %s", rows[i].name,
                         bh_state_name(verdict.state));
        if (next == BH_NEXT_SETTLE && rows[i].moment_ms > 0)
            cr_expect_eq(rows[i].ago_ms + verdict.delay_ms, rows[i].moment_ms, "%s: %lld",
                         rows[i].name, (long long)(rows[i].ago_ms + verdict.delay_ms));
        stand_up(&desk);
    }
}

/* Who was never asked must not be taken for somebody who may have the message. */
Test(policy, knows_a_worker_that_ended_before_it_sent_from_one_that_ended_while_it_sent)
{
    for (unsigned died_sending = 0; died_sending < 2; died_sending++) {
        struct desk desk;
        sit_down(&desk, BH_JOB_SMS, 2);
        be_uncertain(&desk, 60 SECONDS);
        desk.progress.recipients[1].state = BH_RECIPIENT_OPEN;
        desk.progress.open_due_s = (unsigned)(NOON / 1000) + 3600;
        desk.progress.looked_at_s = desk.progress.absent_at_s = (unsigned)(NOON / 1000) - 30;
        desk.progress.attempts = 1;
        desk.about.attempts = 1 + died_sending;
        desk.about.recovered = true;
        desk.about.waiting = BH_WAITING_UNCERTAIN;
        bh_policy_take_up(&desk.about);
        cr_expect_eq(desk.progress.recipients[1].state,
                     died_sending ? BH_RECIPIENT_UNCERTAIN : BH_RECIPIENT_OPEN);
        cr_expect_eq(desk.progress.absent_at_s != 0, !died_sending);
        stand_up(&desk);
    }
}

/* A failed attempt may stand in the journal, and is no proof that another one was taken. */
Test(policy, looks_in_the_journal_for_nothing_that_was_refused_before)
{
    struct desk desk;
    sit_down(&desk, BH_JOB_SMS, 1);
    const struct bh_wall created = {NOON - 600 SECONDS};
    cr_expect_eq(bh_policy_journal_window(&desk.about, created).from.ms, created.ms);
    desk.progress.refused_at_s = (unsigned)(NOON / 1000) - 200;
    cr_expect_eq(bh_policy_journal_window(&desk.about, created).from.ms,
                 NOON - 200 SECONDS + BH_JOURNAL_SLACK_MS);
    desk.progress.refused_at_s = (unsigned)(NOON / 1000) - 900;
    cr_expect_eq(bh_policy_journal_window(&desk.about, created).from.ms, created.ms);
    /* Refused after the loss: the lost one is still looked for. */
    be_uncertain(&desk, 100 SECONDS);
    desk.progress.refused_at_s = (unsigned)(NOON / 1000) - 50;
    cr_expect_eq(bh_policy_journal_window(&desk.about, created).from.ms, NOON - 100 SECONDS);
    stand_up(&desk);
}

/* ---- the daily limit ---- */

Test(policy, waits_for_midnight_where_the_gateway_is)
{
    static const struct {
        const char *name;
        int64_t now_s, midnight_s;
    } rows[] = {
        {"an afternoon in summer",       1781524800, 1781560800},
        {"the last second of the day",   1781560799, 1781560800},
        {"the day that is an hour less", 1774740600, 1774821600},
        {"the day that is an hour more", 1792881000, 1792969200},
    };
    struct bh_zone *zone = tzif_load("Europe/Berlin");
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        for (unsigned n = 0; n < 3; n++) {
            struct desk desk;
            struct bh_verdict verdict;
            sit_down(&desk, BH_JOB_SMS, 1);
            desk.gateway.zone = zone;
            desk.about.now.ms = desk.about.began.ms = rows[i].now_s * 1000;
            desk.about.expires.ms = desk.about.now.ms + 2 * BH_DAY_MS;
            desk.about.dice = n * 0x7fffffffu;
            judge_code(&desk, 403, &verdict);
            bh_ms behind_ms = desk.about.now.ms + verdict.delay_ms - rows[i].midnight_s * 1000;
            cr_expect(behind_ms >= 0 && behind_ms < 30 * BH_MINUTE_MS, "%s: %lld", rows[i].name,
                      (long long)behind_ms);

            later(&desk, verdict.delay_ms);
            judge_code(&desk, 403, &verdict);
            cr_expect_eq(verdict.state, BH_STATE_FAILED, "%s: one day is waited for", rows[i].name);
            cr_expect_not_null(strstr(verdict.error, "recipient"), "%s", rows[i].name);
            stand_up(&desk);
        }
    }
    bh_zone_free(zone);
}

/* ---- several recipients ---- */

Test(policy, adds_up_what_became_of_each_recipient)
{
    static const struct {
        const char *name;
        int codes[PEOPLE];
        enum bh_state state;
        enum bh_reason reason;
        size_t open;
        unsigned attempts;
        enum bh_ledger_action ledger;
        int account;
    } rows[] = {
        {"all",
         {100, 100, 100},
         BH_STATE_SENT,                                                   BH_REASON_NONE,
         0,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_GOOD  },
        {"some",
         {100, 202, 100},
         BH_STATE_PARTIAL,                                                BH_REASON_NONE,
         0,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_GOOD  },
        {"none",                        {202, 202, 401}, BH_STATE_FAILED, BH_REASON_NONE,        0, 1, BH_LEDGER_FREE, SILENT                },
        {"one at the carrier",
         {100, 600, 202},
         BH_STATE_RETRYING,                                               BH_REASON_NONE,
         1,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_GOOD  },
        {"one locked",
         {100, 402, 100},
         BH_STATE_HELD,                                                   BH_REASON_RELOAD_LOCK,
         1,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_GOOD  },
        {"credit ends in the middle",
         {100, 500, 500},
         BH_STATE_HELD,                                                   BH_REASON_CREDIT,
         2,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_CREDIT},
        {"the account before the lock",
         {402, 500, 600},
         BH_STATE_HELD,                                                   BH_REASON_CREDIT,
         3,                                                                                         1,
         BH_LEDGER_KEEP,                                                                                               BH_ACCOUNT_SAYS_CREDIT},
        {"the key before the credit",
         {500, 900, 100},
         BH_STATE_HELD,                                                   BH_REASON_AUTH,
         2,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_AUTH  },
        {"one left out",
         {100, 0, 100},
         BH_STATE_RETRYING,                                               BH_REASON_UNCERTAIN,
         1,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_GOOD  },
        {"one left out, one refused",
         {0, 202, 0},
         BH_STATE_RETRYING,                                               BH_REASON_UNCERTAIN,
         2,                                                                                         1,
         BH_LEDGER_KEEP,                                                                                               SILENT                },
        {"one left out, no credit",
         {100, 0, 500},
         BH_STATE_HELD,                                                   BH_REASON_CREDIT,
         2,                                                                                         1,
         BH_LEDGER_ARM,                                                                                                BH_ACCOUNT_SAYS_CREDIT},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        size_t open[PEOPLE];
        bool left_out = false;
        sit_down(&desk, BH_JOB_SMS, PEOPLE);
        judge_each(&desk, rows[i].codes, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                     bh_state_name(verdict.state));
        cr_expect_eq(verdict.reason, rows[i].reason, "%s: %s", rows[i].name,
                     bh_reason_name(verdict.reason));
        cr_expect_eq(bh_progress_open(&desk.progress, open) +
                         bh_progress_count(&desk.progress, BH_RECIPIENT_UNCERTAIN),
                     rows[i].open, "%s", rows[i].name);
        for (size_t n = 0; n < PEOPLE; n++)
            cr_expect_eq(desk.progress.recipients[n].state == BH_RECIPIENT_UNCERTAIN,
                         rows[i].codes[n] == 0, "%s: %zu", rows[i].name, n);
        cr_expect_eq(verdict.attempts, rows[i].attempts, "%s", rows[i].name);
        cr_expect_eq(verdict.ledger, rows[i].ledger, "%s", rows[i].name);
        cr_expect_eq(verdict.account_speaks ? (int)verdict.account : SILENT, rows[i].account, "%s",
                     rows[i].name);
        for (size_t n = 0; n < PEOPLE; n++)
            left_out = left_out || rows[i].codes[n] == 0;
        cr_expect_eq(verdict.uncertain_since.ms, left_out ? NOON : 0, "%s", rows[i].name);
        stand_up(&desk);
    }
}

Test(policy, gives_up_those_who_are_left_out_and_keeps_the_others_when_it_holds)
{
    static const int codes[PEOPLE] = {100, 0, 500};
    struct desk desk;
    struct bh_verdict verdict;
    sit_down(&desk, BH_JOB_SMS, PEOPLE);
    desk.queue.on_uncertain = BH_ON_UNCERTAIN_HOLD;
    judge_each(&desk, codes, &verdict);
    cr_expect_eq(verdict.reason, BH_REASON_CREDIT);
    cr_expect_eq(desk.progress.recipients[0].state, BH_RECIPIENT_ACCEPTED);
    cr_expect_eq(desk.progress.recipients[1].state, BH_RECIPIENT_UNCERTAIN, "till the job ends");
    cr_expect_eq(desk.progress.recipients[2].state, BH_RECIPIENT_OPEN);
    cr_expect_eq(verdict.uncertain_since.ms, NOON);

    ask_again(&desk);
    cr_assert_eq(desk.about.asked_count, 1);
    judge_code(&desk, 100, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_UNKNOWN);
    cr_expect_eq(verdict.disposition, BH_SETTLE_DEAD);
    stand_up(&desk);
}

Test(policy, asks_nobody_again_who_was_accepted)
{
    static const int first[PEOPLE] = {600, 100, 402}, second[PEOPLE] = {100, 402},
                     third[PEOPLE] = {100};
    struct desk desk;
    struct bh_verdict verdict;
    sit_down(&desk, BH_JOB_SMS, PEOPLE);
    judge_each(&desk, first, &verdict);
    cr_expect_eq(verdict.reason, BH_REASON_RELOAD_LOCK, "the lock's wait covers the carrier's");
    ask_again(&desk);
    cr_assert_eq(desk.about.asked_count, 2);
    cr_expect(desk.asked[0] == 0 && desk.asked[1] == 2);

    desk.about.attempts = verdict.attempts;
    later(&desk, verdict.delay_ms);
    judge_each(&desk, second, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_PARTIAL, "the lock was waited for once");
    cr_expect_eq(desk.progress.recipients[2].state, BH_RECIPIENT_DUPLICATE);
    cr_expect_eq(verdict.attempts, 2);
    cr_expect_str_eq(verdict.confirmed_by, "response");
    stand_up(&desk);

    sit_down(&desk, BH_JOB_SMS, PEOPLE);
    judge_each(&desk, (const int[]){100, 100, 600}, &verdict);
    ask_again(&desk);
    cr_assert_eq(desk.about.asked_count, 1);
    cr_expect_eq(desk.asked[0], 2);
    later(&desk, verdict.delay_ms);
    judge_each(&desk, third, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_SENT);
    cr_expect_eq(verdict.code, 100);
    stand_up(&desk);
}

Test(policy, keeps_each_recipients_own_code_when_it_gives_up)
{
    static const int codes[PEOPLE] = {100, 600, 202};
    struct desk desk;
    struct bh_verdict verdict;
    sit_down(&desk, BH_JOB_SMS, PEOPLE);
    desk.progress.retries = 3;
    judge_each(&desk, codes, &verdict);
    cr_expect_eq(verdict.state, BH_STATE_PARTIAL);
    for (size_t i = 0; i < PEOPLE; i++)
        cr_expect_eq(desk.progress.recipients[i].result.code, codes[i], "%zu: %d", i,
                     desk.progress.recipients[i].result.code);
    stand_up(&desk);
}

Test(policy, calls_a_group_partial_when_some_of_its_members_failed)
{
    struct desk desk;
    struct bh_verdict verdict;
    sit_down(&desk, BH_JOB_SMS, 1);
    desk.people[0] = (struct bh_recipient){"friends", NULL};
    judge_body(&desk,
               "{\"success\":\"101\",\"messages\":["
               "{\"recipient\":\"491\",\"success\":true,\"error\":null,\"id\":\"1\"},"
               "{\"recipient\":\"492\",\"success\":false,\"error\":\"202\"}]}",
               &verdict);
    cr_expect_eq(verdict.state, BH_STATE_PARTIAL, "%s", bh_state_name(verdict.state));
    cr_expect_eq(verdict.code, 101);
    cr_expect_neq(verdict.error[0], '\0');
    stand_up(&desk);
}

/* ---- without a request ---- */

Test(policy, lets_a_job_expire_that_nobody_can_have)
{
    static const struct {
        const char *name;
        bool uncertain, accepted;
        enum bh_state state;
        enum bh_ledger_action ledger;
    } rows[] = {
        {"never sent",        false, false, BH_STATE_EXPIRED, BH_LEDGER_FREE},
        {"perhaps sent",      true,  false, BH_STATE_UNKNOWN, BH_LEDGER_KEEP},
        {"sent to some",      false, true,  BH_STATE_PARTIAL, BH_LEDGER_FREE},
        {"some, and perhaps", true,  true,  BH_STATE_UNKNOWN, BH_LEDGER_KEEP},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_SMS, 2);
        if (rows[i].uncertain)
            be_uncertain(&desk, 0);
        if (rows[i].accepted)
            desk.progress.recipients[0].state = BH_RECIPIENT_ACCEPTED;
        bh_policy_expired(&desk.about, &verdict);
        cr_expect_eq(verdict.state, rows[i].state, "%s: %s", rows[i].name,
                     bh_state_name(verdict.state));
        cr_expect_eq(verdict.ledger, rows[i].ledger, "%s", rows[i].name);
        cr_expect_not_null(strstr(verdict.error, "ttl"), "%s", rows[i].name);
        cr_expect_eq(verdict.attempts, 0);
        stand_up(&desk);
    }
}

Test(policy, gives_a_job_back_as_it_was)
{
    static const struct {
        const char *name;
        enum bh_reason reason;
        bool silent;
        enum bh_waiting waiting;
        enum bh_reason shown;
    } rows[] = {
        {"drained",            BH_REASON_NONE,   true,  BH_WAITING_UNCERTAIN, BH_REASON_UNCERTAIN},
        {"the account pauses", BH_REASON_CREDIT, false, BH_WAITING_HELD,      BH_REASON_CREDIT   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        struct bh_verdict verdict;
        sit_down(&desk, BH_JOB_SMS, 1);
        desk.about.waiting = BH_WAITING_UNCERTAIN;
        desk.about.reason = BH_REASON_UNCERTAIN;
        be_uncertain(&desk, 0);
        desk.about.attempts = 4;
        bh_policy_give_back(&desk.about, rows[i].reason, &verdict);
        cr_expect_eq(verdict.disposition, BH_SETTLE_READY, "%s", rows[i].name);
        cr_expect_eq(verdict.silent, rows[i].silent, "%s", rows[i].name);
        cr_expect_eq(verdict.waiting, rows[i].waiting, "%s", rows[i].name);
        cr_expect_eq(verdict.reason, rows[i].shown, "%s", rows[i].name);
        cr_expect_eq(verdict.attempts, 4, "%s", rows[i].name);
        cr_expect_eq(verdict.uncertain_since.ms, NOON, "%s", rows[i].name);
        cr_expect_eq(verdict.ledger, BH_LEDGER_KEEP, "%s", rows[i].name);
        cr_expect_eq(desk.progress.recipients[0].state, BH_RECIPIENT_UNCERTAIN, "%s", rows[i].name);
        stand_up(&desk);
    }
}

Test(policy, keeps_a_ledger_only_where_the_lock_can_tell_twins_apart)
{
    static const struct {
        const char *name;
        enum bh_job_type type;
        bool no_reload, debug;
        bh_ms lock_ms;
        bool uses;
    } rows[] = {
        {"an sms",                 BH_JOB_SMS,   false, false, 180000, true },
        {"a call",                 BH_JOB_VOICE, false, false, 180000, false},
        {"without the lock",       BH_JOB_SMS,   true,  false, 180000, false},
        {"debug",                  BH_JOB_SMS,   false, true,  180000, false},
        {"an account without one", BH_JOB_SMS,   false, false, 0,      false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct desk desk;
        sit_down(&desk, rows[i].type, 1);
        desk.job.no_reload = rows[i].no_reload;
        desk.job.debug = rows[i].debug;
        desk.gateway.reload_lock_ms = rows[i].lock_ms;
        cr_expect_eq(bh_policy_uses_ledger(&desk.job, &desk.gateway), rows[i].uses, "%s",
                     rows[i].name);
        stand_up(&desk);
    }
}

Test(policy, spells_spans_for_people)
{
    static const struct {
        bh_ms ms;
        const char *wanted;
    } rows[] = {
        {0,                  "0.0 s"  },
        {9940,               "9.9 s"  },
        {10000,              "10 s"   },
        {119999,             "119 s"  },
        {2 * BH_MINUTE_MS,   "2 min"  },
        {119 * BH_MINUTE_MS, "119 min"},
        {2 * BH_HOUR_MS,     "2 h"    },
        {49 * BH_HOUR_MS,    "49 h"   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_str_eq(bh_span(rows[i].ms).text, rows[i].wanted);
}
