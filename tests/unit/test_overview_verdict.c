/*
 * What the daemon's own picture says is wrong: the same as the command line, out of what this process knows.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/api_words.h"
#include "daemon/overview_verdict.h"
#include "support/config_fixture.h"

static struct bh_overview_counter counters[] = {
    {"now:held:gateway_down", 2},
    {"now:uncertain",         1},
    {"outcome:unknown",       9},
};

static struct bh_overview_queue queue;
static struct bh_process_row others[2];
static struct bh_overview_snapshot snapshot;

/* A process that is well, with one queue, and two others that are. */
static void
make_well(void)
{
    memset(&snapshot, 0, sizeof(snapshot));
    memset(others, 0, sizeof(others));
    queue = (struct bh_overview_queue){
        .name = "sms", .known = true, .at = {1700000000000}, .rate = BH_QUEUE_LIMIT_UNSET};
    snapshot.queues = &queue;
    snapshot.queues_count = 1;
    snapshot.mono.ms = 101000;
    snapshot.answered_at.ms = 100000;
    snapshot.server_now.ms = 1700000000000;
    snapshot.workers_started = snapshot.loops_turn = snapshot.redis_up = true;
    snapshot.account_known = snapshot.processes_known = true;
    snapshot.account.balance_micro = INT64_MIN;
    snapshot.self.workers_count = 1;
    snapshot.self.workers[0].store_up = true;
    (void)snprintf(snapshot.self.instance, sizeof(snapshot.self.instance), "night-1");
    for (size_t i = 0; i < BH_ARRAY_LEN(others); i++) {
        others[i].at = snapshot.server_now;
        (void)snprintf(others[i].report.instance, sizeof(others[i].report.instance), "day-%zu", i);
    }
    snapshot.processes = (struct bh_processes){others, BH_ARRAY_LEN(others)};
}

/* ---- what breaks it ---- */

/* clang-format off */
static void nothing(void) { }
static void redis_down(void) { snapshot.redis_up = false; (void)snprintf(snapshot.redis_trouble, sizeof(snapshot.redis_trouble), "connection refused"); }
static void redis_refuses(void) { (void)snprintf(snapshot.redis_trouble, sizeof(snapshot.redis_trouble), "MISCONF it cannot save"); }
static void redis_silent(void) { snapshot.answered_at.ms = 0; }
static void redis_full(void) { snapshot.server_known = true; snapshot.server = (struct bh_redis_survey){.role = "master", .memory_used = 100 << 20, .memory_max = 100 << 20}; }
static void waits_alone(void) { snapshot.workers_started = false; snapshot.processes.count = 0; }
static void waits_beside(void) { snapshot.workers_started = false; }
static void stalled(void) { snapshot.self.workers[0].turned_ms_ago = 11 * BH_SECOND_MS; }
static void stalled_in_report(void) { others[0].report = snapshot.self; others[0].report.workers[0].turned_ms_ago = BH_HOUR_MS; }
static void silent(void) { others[1].at.ms -= BH_MINUTE_MS; }
static void all_drain(void) { snapshot.self.draining = true; snapshot.processes.count = 0; }
static void no_credit(void) { snapshot.account.state = BH_ACCOUNT_PAUSED; (void)snprintf(snapshot.account.reason, sizeof(snapshot.account.reason), "credit"); (void)snprintf(snapshot.account.text, sizeof(snapshot.account.text), "ask +49 170 1234567"); }
static void paused(void) { queue.paused = true; (void)snprintf(queue.reason, sizeof(queue.reason), "for +491701234567"); (void)snprintf(queue.by, sizeof(queue.by), "eve"); queue.raw = 3; }
static void clock_jumped(void) { snapshot.now.ms = 1700000000000 + 1000 - BH_HOUR_MS; }
static void clock_is_right(void) { snapshot.now.ms = 1700000000000 + 1000; }
static void clock_not_heard_of(void) { clock_jumped(); snapshot.answered_at.ms -= 20000; }
static void held(void) { queue.counters = counters; queue.counters_count = 1; queue.due = 2; }
static void uncertain(void) { queue.counters = counters + 1; queue.counters_count = 1; queue.due = 1; }
static void never_read(void) { queue.known = false; queue.dead = 5; queue.paused = true; }
static void unknown_ever(void) { queue.counters = counters + 2; queue.counters_count = 1; }
/* clang-format on */

/* clang-format off */
static const struct {
    const char *name;
    void (*change)(void);
    enum bh_cause cause;
    const char *piece, *hidden; /* what the administrator reads, and a stranger; NULL: the same */
} rows[] = {
    {"all is well",                   nothing,           BH_CAUSE_NONE,            "0 jobs wait, their pace is not known yet, by 1 worker of 3 bellhopd.", NULL},
    {"Redis is away",                 redis_down,        BH_CAUSE_REDIS_DOWN,      "connection refused", NULL},
    {"Redis refuses",                 redis_refuses,     BH_CAUSE_REDIS_DOWN,      "MISCONF", NULL},
    {"Redis says nothing",            redis_silent,      BH_CAUSE_REDIS_DOWN,      "has not answered yet", NULL},
    {"Redis is full",                 redis_full,        BH_CAUSE_REDIS_FULL,      "100 of 100 MiB", NULL},
    {"it waits for its name",         waits_alone,       BH_CAUSE_NO_PROCESS,      "instance's name, night-1", NULL},
    {"others work meanwhile",         waits_beside,      BH_CAUSE_NONE,            "of 2 bellhopd", NULL},
    {"a loop stands still",           stalled,           BH_CAUSE_WORKERS_STALLED, "1 of 1 worker ", NULL},
    {"its own report is older",       stalled_in_report, BH_CAUSE_NONE,            "of 2 bellhopd", NULL},
    {"another one is silent",         silent,            BH_CAUSE_PROCESS_SILENT,  "day-1 has not reported for 1 min", NULL},
    {"all drain",                     all_drain,         BH_CAUSE_NO_PROCESS,      "draining", NULL},
    {"no credit",                     no_credit,         BH_CAUSE_ACCOUNT_PAUSED,  "ask +49 170 1234567", "ask +** *** *******"},
    {"a paused queue",                paused,            BH_CAUSE_QUEUE_PAUSED,    "by eve: for +491701234567; 3 jobs wait", "by eve: for +************; 3 jobs wait"},
    {"Redis' clock jumped",           clock_jumped,      BH_CAUSE_CLOCK,           "1 h ahead of this machine's", NULL},
    {"both clocks agree",             clock_is_right,    BH_CAUSE_NONE,            "All is well", NULL},
    {"its time is of long ago",       clock_not_heard_of, BH_CAUSE_NONE,           "All is well", NULL},
    {"held for the gateway",          held,              BH_CAUSE_GATEWAY_DOWN,    "2 jobs are held", NULL},
    {"an answer was lost",            uncertain,         BH_CAUSE_UNCERTAIN,       "1 job whose answer was lost", NULL},
    {"a queue that was never read",   never_read,        BH_CAUSE_NONE,            "All is well", NULL},
    {"unknown ones of long ago",      unknown_ever,      BH_CAUSE_NONE,            "All is well", NULL},
};
/* clang-format on */

Test(overview_verdict, is_found_from_what_this_process_knows)
{
    static struct bh_overview_words words;
    struct bh_config_source source =
        fixture_source(BH_STR_LITERAL("[gateway]\napi_key = k\n[queue sms]\n"));
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    cr_assert_eq(bh_config_read(&source, &report, &config), BH_OK);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_judgement verdicts[BH_CAUSE_COUNT];
        make_well();
        rows[i].change();
        cr_assert_geq(bh_overview_judge(&snapshot, config, NULL, &words, verdicts), 1);
        cr_expect_eq(verdicts[0].cause, rows[i].cause, "%s: %s", rows[i].name, verdicts[0].text);
        cr_expect_not_null(strstr(verdicts[0].text, rows[i].piece), "%s: %s", rows[i].name,
                           verdicts[0].text);
        (void)bh_overview_judge(&snapshot, config, bh_api_hide, &words, verdicts);
        const char *wanted = rows[i].hidden != NULL ? rows[i].hidden : rows[i].piece;
        cr_expect_not_null(strstr(verdicts[0].text, wanted), "%s, hidden: %s", rows[i].name,
                           verdicts[0].text);
    }
    bh_config_release(config);
    bh_config_report_release(&report);
}

Test(overview_verdict, hides_no_more_than_there_is_room_for)
{
    char hidden[8];
    bh_api_hide(BH_STR_LITERAL("call 1234567890"), hidden, sizeof(hidden));
    cr_expect_str_eq(hidden, "call 12");
    bh_api_hide((struct bh_str){NULL, 0}, hidden, sizeof(hidden));
    cr_expect_str_eq(hidden, "");
}
