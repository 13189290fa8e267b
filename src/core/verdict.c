#include "core/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/money.h"
#include "core/redis_error.h"
#include "core/span.h"
#include "core/verdict_own.h"

/* Of maxmemory: from here on a burst of a producer may fill it. */
#define NEARLY_FULL_PERCENT 90

static const char *const cause_names[] = {
    [BH_CAUSE_REDIS_DOWN] = "redis_down",
    [BH_CAUSE_REDIS_LOADING] = "redis_loading",
    [BH_CAUSE_REDIS_REPLICA] = "redis_replica",
    [BH_CAUSE_REDIS_DISK] = "redis_disk",
    [BH_CAUSE_REDIS_FULL] = "redis_full",
    [BH_CAUSE_NO_PROCESS] = "no_process",
    [BH_CAUSE_WORKERS_STALLED] = "workers_stalled",
    [BH_CAUSE_WORKERS_CUT_OFF] = "workers_cut_off",
    [BH_CAUSE_PROCESS_SILENT] = "process_silent",
    [BH_CAUSE_ACCOUNT_PAUSED] = "account_paused",
    [BH_CAUSE_GATEWAY_DOWN] = "gateway_down",
    [BH_CAUSE_QUEUE_PAUSED] = "queue_paused",
    [BH_CAUSE_QUEUE_STUCK] = "queue_stuck",
    [BH_CAUSE_TOO_SLOW] = "too_slow",
    [BH_CAUSE_TOO_OLD] = "too_old",
    [BH_CAUSE_JOBS_FAIL] = "jobs_fail",
    [BH_CAUSE_CLOCK] = "clock",
    [BH_CAUSE_BALANCE_LOW] = "balance_low",
    [BH_CAUSE_UNCERTAIN] = "uncertain",
    [BH_CAUSE_UNKNOWN] = "unknown",
    [BH_CAUSE_EXPIRED] = "expired",
    [BH_CAUSE_REPORTS_SILENT] = "reports_silent",
    [BH_CAUSE_CALLBACKS] = "callbacks",
    [BH_CAUSE_REDIS_UNSAFE] = "redis_unsafe",
    [BH_CAUSE_REDIS_NEARLY_FULL] = "redis_nearly_full",
    [BH_CAUSE_DEAD] = "dead",
    [BH_CAUSE_NONE] = "none",
};
_Static_assert(BH_ARRAY_LEN(cause_names) == BH_CAUSE_COUNT, "a cause without a name");

const char *
bh_cause_name(enum bh_cause cause)
{
    return cause_names[cause];
}

const char *
bh_gravity_name(enum bh_gravity gravity)
{
    switch (gravity) {
    case BH_GRAVITY_FINE: return "fine";
    case BH_GRAVITY_NOTE: return "note";
    case BH_GRAVITY_WARN: return "warning";
    case BH_GRAVITY_ALARM: return "alarm";
    }
    return "note";
}

void
bh_verdict_add(struct bh_verdict_list *list, enum bh_cause cause, enum bh_gravity gravity,
               const char *queue, const char *format, ...)
{
    struct bh_judgement *row = &list->rows[list->count++];
    va_list args;
    row->cause = cause;
    row->gravity = gravity;
    row->queue = queue;
    row->todo[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(row->text, sizeof(row->text), format, args);
    va_end(args);
}

void
bh_verdict_advise(struct bh_verdict_list *list, const char *format, ...)
{
    struct bh_judgement *row = &list->rows[list->count - 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(row->todo, sizeof(row->todo), format, args);
    va_end(args);
}

struct bh_verdict_words
bh_verdict_jobs(uint64_t count)
{
    struct bh_verdict_words words;
    (void)snprintf(words.text, sizeof(words.text), "%" PRIu64 " job%s", count,
                   count == 1 ? "" : "s");
    return words;
}

struct bh_verdict_words
bh_verdict_jobs_wait(uint64_t count)
{
    struct bh_verdict_words words;
    (void)snprintf(words.text, sizeof(words.text), "%" PRIu64 " job%s", count,
                   count == 1 ? " waits" : "s wait");
    return words;
}

/* ---- Redis ---- */

static uint64_t
sum_waiting(const struct bh_verdict_facts *facts)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < facts->queues_count; i++)
        sum += facts->queues[i].waiting + facts->queues[i].later;
    return sum;
}

static bool
is_full(const struct bh_redis_survey *server, int percent)
{
    return server->memory_max > 0 && server->memory_used >= 0 &&
           server->memory_used / percent >= server->memory_max / 100;
}

/* It answers, but with an error that we know: its first sentence, and what helps. */
static bool
judge_refusal_of_redis(struct bh_verdict_list *list, const struct bh_verdict_facts *facts,
                       const char *since)
{
    size_t at;
    const struct bh_redis_error *row = bh_redis_error_search(facts->redis_trouble, &at);
    if (row == NULL)
        return false;
    const char *words = facts->redis_trouble + at, *end = strstr(words, ". ");
    size_t len = end != NULL ? (size_t)(end - words) : strlen(words);
    size_t quoted = strcspn(words, "\"");
    len = quoted < len ? quoted : len;
    bh_verdict_add(list, BH_CAUSE_REDIS_DOWN, BH_GRAVITY_ALARM, NULL,
                   "Redis refuses us%s: %.*s.  Nothing is sent without it.", since,
                   len < 160 ? (int)len : 160, words);
    bh_verdict_advise(list, "%s", row->advice);
    return true;
}

static void
judge_absence_of_redis(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    char since[64] = "";
    const char *trouble = facts->redis_trouble;
    size_t len = strlen(trouble);
    /* It may be a sentence of its own, with a full stop. */
    bool ends = len > 0 && len <= 280 && trouble[len - 1] == '.';
    if (facts->redis_down_ms > 0)
        (void)snprintf(since, sizeof(since), ", for %s now",
                       bh_span_format(facts->redis_down_ms).text);
    if (judge_refusal_of_redis(list, facts, since))
        return;
    bh_verdict_add(
        list, BH_CAUSE_REDIS_DOWN, BH_GRAVITY_ALARM, NULL,
        "Redis cannot be asked%s: %.280s%s  Nothing is sent without it; bellhopd goes on "
        "by itself when it is back.",
        since, trouble, ends ? "" : ".");
    bh_verdict_advise(list, "Bring it back, or mend [redis] url; bellhop doctor tells more.");
}

static void
judge_redis(struct bh_verdict_list *list, const struct bh_redis_survey *server)
{
    if (server->loading == BH_YES)
        bh_verdict_add(list, BH_CAUSE_REDIS_LOADING, BH_GRAVITY_ALARM, NULL,
                       "Redis is reading its data from disk and answers nothing else until it has; "
                       "bellhopd waits and goes on by itself.");
    if (strcmp(server->role, "slave") == 0) {
        bh_verdict_add(list, BH_CAUSE_REDIS_REPLICA, BH_GRAVITY_ALARM, NULL,
                       "Redis is read-only here: this server is a replica.");
        bh_verdict_advise(list, "Let [redis] url name the master.");
    }
    if (server->append_writes == BH_NO) {
        bh_verdict_add(list, BH_CAUSE_REDIS_DISK, BH_GRAVITY_ALARM, NULL,
                       "Redis cannot write its append-only file and refuses every change.");
        bh_verdict_advise(list, "Look at its disk and at its log.");
    }
    if (is_full(server, 100)) {
        bh_verdict_add(list, BH_CAUSE_REDIS_FULL, BH_GRAVITY_ALARM, NULL,
                       "Redis is full: %" PRId64 " of %" PRId64
                       " MiB are used, and producers cannot push.  Queues still drain.",
                       server->memory_used >> 20, server->memory_max >> 20);
        bh_verdict_advise(list, "Raise maxmemory (CONFIG SET maxmemory), or remove other keys.");
    }
}

static void
judge_safety(struct bh_verdict_list *list, const struct bh_redis_survey *server)
{
    bool evicts = server->memory_max > 0 && server->eviction[0] != '\0' &&
                  strcmp(server->eviction, "noeviction") != 0;
    if (evicts) {
        bh_verdict_add(list, BH_CAUSE_REDIS_UNSAFE, BH_GRAVITY_WARN, NULL,
                       "Redis may throw jobs away: maxmemory-policy is %s and must be noeviction.",
                       server->eviction);
        bh_verdict_advise(list, "CONFIG SET maxmemory-policy noeviction, and CONFIG REWRITE.");
    } else if (server->appendonly == BH_NO) {
        bh_verdict_add(list, BH_CAUSE_REDIS_UNSAFE, BH_GRAVITY_NOTE, NULL,
                       "Redis keeps no append-only file: a crash of it loses jobs.");
        bh_verdict_advise(list, "Set appendonly yes.");
    }
    if (is_full(server, NEARLY_FULL_PERCENT) && !is_full(server, 100)) {
        bh_verdict_add(list, BH_CAUSE_REDIS_NEARLY_FULL, BH_GRAVITY_WARN, NULL,
                       "Redis is nearly full: %" PRId64 " of %" PRId64 " MiB are used.",
                       server->memory_used >> 20, server->memory_max >> 20);
        bh_verdict_advise(list, "Find out what fills it, or raise maxmemory.");
    }
}

/* Which of the two is wrong, nobody can tell here. */
static void
judge_clock(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    bool ahead = facts->clock_ahead_ms > 0;
    bh_ms by_ms = ahead ? facts->clock_ahead_ms : -facts->clock_ahead_ms;
    if (by_ms < BH_VERDICT_CLOCK_MS)
        return;
    bh_verdict_add(list, BH_CAUSE_CLOCK,
                   by_ms < BH_VERDICT_CLOCK_ALARM_MS ? BH_GRAVITY_WARN : BH_GRAVITY_ALARM, NULL,
                   "Redis' clock is %s %s this machine's: messages with a delay leave that much "
                   "%s, and ttls end by it, too.",
                   bh_span_format(by_ms).text, ahead ? "ahead of" : "behind",
                   ahead ? "early" : "late");
    bh_verdict_advise(list, "Set the wrong one of the two: timedatectl on both machines.");
}

/* ---- Processes ---- */

static void
judge_absence(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    const struct bh_verdict_words waits = bh_verdict_jobs_wait(sum_waiting(facts));
    if (facts->awaited_name != NULL) {
        bh_verdict_add(list, BH_CAUSE_NO_PROCESS, BH_GRAVITY_ALARM, NULL,
                       "This bellhopd waits for its instance's name, %s, which another one held "
                       "last; %s.",
                       facts->awaited_name, waits.text);
        bh_verdict_advise(list, "It starts by itself when that one is certainly over, within 15 s; "
                                "two that run need two names: [pool] instance.");
    } else if (facts->silent_ms < 0) {
        bh_verdict_add(list, BH_CAUSE_NO_PROCESS, BH_GRAVITY_ALARM, NULL,
                       "No bellhopd is running: the last one was stopped in order, or none has "
                       "reported within a day; %s.",
                       waits.text);
        bh_verdict_advise(list, "Start it: systemctl start bellhopd.");
    } else {
        bh_verdict_add(list, BH_CAUSE_NO_PROCESS, BH_GRAVITY_ALARM, NULL,
                       "No bellhopd is running: the last one was heard %s ago; %s.",
                       bh_span_format(facts->silent_ms).text, waits.text);
        bh_verdict_advise(list, "See journalctl -u bellhopd, then systemctl start bellhopd.");
    }
}

static void
judge_processes(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    if (!facts->processes_known)
        return;
    if (facts->processes == 0)
        judge_absence(list, facts);
    else if (facts->draining == facts->processes)
        bh_verdict_add(
            list, BH_CAUSE_NO_PROCESS, BH_GRAVITY_ALARM, NULL,
            "Every bellhopd is draining and claims nothing any more; %s for one that is started.",
            bh_verdict_jobs_wait(sum_waiting(facts)).text);
}

/* "1 of 8 workers", "1 of 1 worker". */
static struct bh_verdict_words
workers_of(size_t count, const struct bh_verdict_facts *facts)
{
    struct bh_verdict_words words;
    (void)snprintf(words.text, sizeof(words.text), "%zu of %zu worker%s", count, facts->workers,
                   facts->workers == 1 ? "" : "s");
    return words;
}

static const char *
they_go_on(size_t count)
{
    return count == 1 ? "It goes on by itself" : "They go on by themselves";
}

static void
judge_workers(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    if (facts->workers_stalled > 0) {
        bh_verdict_add(list, BH_CAUSE_WORKERS_STALLED, BH_GRAVITY_ALARM, NULL, "%s %s.",
                       workers_of(facts->workers_stalled, facts).text,
                       facts->workers_stalled == 1 ? "stands still: its loop does not turn"
                                                   : "stand still: their loops do not turn");
        bh_verdict_advise(list, "See bellhop workers; restart the process if it stays so.");
    }
    if (facts->workers_cut_off > 0) {
        bool all = facts->workers_cut_off == facts->workers;
        bh_verdict_add(list, BH_CAUSE_WORKERS_CUT_OFF, all ? BH_GRAVITY_ALARM : BH_GRAVITY_WARN,
                       NULL, "%s %s no connection to Redis, which answers here.",
                       workers_of(facts->workers_cut_off, facts).text,
                       facts->workers_cut_off == 1 ? "has" : "have");
        bh_verdict_advise(list, "See their log: journalctl -u bellhopd.");
    }
}

/* With nobody left that is another cause. */
static void
judge_silence(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    if (!facts->processes_known || facts->processes == 0 || facts->silent == 0)
        return;
    bh_verdict_add(
        list, BH_CAUSE_PROCESS_SILENT, BH_GRAVITY_WARN, NULL,
        "bellhopd %.100s has not reported for %s%s: it was killed, or cut off from Redis.  "
        "What it had in hand is taken over when its leases run out.",
        facts->silent_name, bh_span_format(facts->silent_ms).text,
        facts->silent > 1 ? ", others for longer" : "");
    bh_verdict_advise(list, "Look at that host: journalctl -u bellhopd.");
}

/* ---- The account and the gateway ---- */

static const char *
what_to_do(const char *reason)
{
    if (strcmp(reason, "credit") == 0)
        return "Top it up";
    if (strcmp(reason, "auth") == 0)
        return "Repair key, signature or rights (bellhop doctor tells which)";
    return "It stays so until somebody resumes it (bellhop resume --account)";
}

static const char *
what_happened(const char *reason)
{
    if (strcmp(reason, "credit") == 0)
        return "The gateway account is out of credit";
    if (strcmp(reason, "auth") == 0)
        return "The gateway refuses our key or its rights";
    if (strcmp(reason, "paused") == 0)
        return "The gateway account was paused by hand";
    return "The gateway account is paused";
}

static void
judge_account(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    char balance[64] = "", again[96] = "", why[200] = "";
    size_t len = facts->account_known ? strlen(facts->account_text) : 0;
    if (!facts->account_known || facts->account_open)
        return;
    if (facts->balance_micro != INT64_MIN && strcmp(facts->account_reason, "credit") == 0)
        (void)snprintf(balance, sizeof(balance), " (balance %s)",
                       bh_money_format(facts->balance_micro).text);
    if (strcmp(facts->account_reason, "paused") != 0 && facts->probe_wait_ms >= 0)
        (void)snprintf(again, sizeof(again), "; it is tried again by itself, next in %s",
                       bh_span_format(facts->probe_wait_ms).text);
    if (len > 0)
        (void)snprintf(why, sizeof(why), "  The reason: %.160s%s", facts->account_text,
                       len <= 160 && facts->account_text[len - 1] == '.' ? "" : ".");
    bh_verdict_add(list, BH_CAUSE_ACCOUNT_PAUSED, BH_GRAVITY_ALARM, NULL,
                   "%s%s, and nothing has been sent for %s: %s.%s",
                   what_happened(facts->account_reason), balance,
                   bh_span_format(facts->account_paused_ms).text,
                   bh_verdict_jobs_wait(sum_waiting(facts)).text, why);
    bh_verdict_advise(list, "%s%s.", what_to_do(facts->account_reason), again);
}

struct why {
    char text[220];
};

/* " (REASON, for TIME)"; "" where nobody tells. */
static struct why
why_ill(const struct bh_verdict_facts *facts)
{
    struct why why = {""};
    if (facts->workers_ill > 0)
        (void)snprintf(why.text, sizeof(why.text), " (%s, for %s)",
                       bh_gateway_illness_text(&facts->illness).text,
                       bh_span_format(facts->ill_ms).text);
    return why;
}

/* It answers, and wants nothing for now. */
static void
add_patience(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    bool lasts =
        facts->ill_ms >= BH_VERDICT_PATIENCE_MS || facts->ill_wait_ms >= BH_VERDICT_PATIENCE_MS;
    bh_verdict_add(list, BH_CAUSE_GATEWAY_DOWN, lasts ? BH_GRAVITY_ALARM : BH_GRAVITY_WARN, NULL,
                   "The gateway asks for patience%s: %s %s nothing; %s.", why_ill(facts).text,
                   workers_of(facts->workers_ill, facts).text,
                   facts->workers_ill == 1 ? "sends" : "send",
                   bh_verdict_jobs_wait(sum_waiting(facts)).text);
    bh_verdict_advise(list, "%s in %s, as it asked.", they_go_on(facts->workers_ill),
                      bh_span_format(facts->ill_wait_ms).text);
}

static void
judge_gateway(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    uint64_t held = 0;
    for (size_t i = 0; i < facts->queues_count; i++)
        held += facts->queues[i].held_gateway;
    if (facts->workers_holding > 0) {
        bool one = facts->workers_holding == 1;
        bh_verdict_add(list, BH_CAUSE_GATEWAY_DOWN, BH_GRAVITY_ALARM, NULL,
                       "The gateway does not answer as it should%s: %s %s it now and then; %s.",
                       why_ill(facts).text, workers_of(facts->workers_holding, facts).text,
                       one ? "holds back and only tries" : "hold back and only try",
                       bh_verdict_jobs_wait(sum_waiting(facts)).text);
        bh_verdict_advise(list, "%s; bellhop doctor looks at the way.",
                          they_go_on(facts->workers_holding));
    } else if (facts->workers_ill > 0) {
        add_patience(list, facts);
    } else if (held > 0) {
        bh_verdict_add(list, BH_CAUSE_GATEWAY_DOWN, BH_GRAVITY_WARN, NULL,
                       "The gateway was not reachable or asked for patience: %s %s held until it "
                       "answers again.",
                       bh_verdict_jobs(held).text, held == 1 ? "is" : "are");
    }
}

bool
bh_verdict_balance_is_low(int64_t balance_micro, int64_t low_balance_micro)
{
    return low_balance_micro > 0 && balance_micro != INT64_MIN && balance_micro < low_balance_micro;
}

static void
judge_balance(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    if (!facts->account_known || !facts->account_open ||
        !bh_verdict_balance_is_low(facts->balance_micro, facts->low_balance_micro))
        return;
    bh_verdict_add(list, BH_CAUSE_BALANCE_LOW, BH_GRAVITY_WARN, NULL,
                   "The account's balance is %s, below the %s of [gateway] low_balance.",
                   bh_money_format(facts->balance_micro).text,
                   bh_money_format(facts->low_balance_micro).text);
    bh_verdict_advise(list, "Top it up.");
}

/* ---- The whole ---- */

static void
all_is_well(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    int64_t out_milli = 0;
    bool known = false;
    char pace[64] = "their pace is not known yet";
    for (size_t i = 0; i < facts->queues_count; i++) {
        known = known || facts->queues[i].flow_known;
        out_milli += facts->queues[i].flow_known ? facts->queues[i].out_milli : 0;
    }
    if (known)
        (void)snprintf(pace, sizeof(pace), "%" PRId64 ".%" PRId64 " per second are done",
                       out_milli / 1000, out_milli % 1000 / 100);
    bh_verdict_add(list, BH_CAUSE_NONE, BH_GRAVITY_FINE, NULL,
                   "All is well: %s, %s, by %zu worker%s of %zu bellhopd.",
                   bh_verdict_jobs_wait(sum_waiting(facts)).text, pace, facts->workers,
                   facts->workers == 1 ? "" : "s", facts->processes);
}

size_t
bh_verdict_find(const struct bh_verdict_facts *facts, struct bh_judgement verdicts[BH_CAUSE_COUNT])
{
    struct bh_verdict_list list = {verdicts, 0};
    bool loading = facts->server != NULL && facts->server->loading == BH_YES;
    if (!facts->redis_up && !loading)
        judge_absence_of_redis(&list, facts);
    if (facts->server != NULL)
        judge_redis(&list, facts->server);
    if (!facts->redis_up)
        return list.count;
    judge_processes(&list, facts);
    judge_workers(&list, facts);
    judge_silence(&list, facts);
    judge_account(&list, facts);
    judge_gateway(&list, facts);
    bh_verdict_queue_paused(&list, facts);
    bh_verdict_queue_stuck(&list, facts);
    bh_verdict_too_slow(&list, facts);
    bh_verdict_too_old(&list, facts);
    bh_verdict_jobs_fail(&list, facts);
    judge_clock(&list, facts);
    judge_balance(&list, facts);
    bh_verdict_uncertain(&list, facts);
    bh_verdict_unknown(&list, facts);
    bh_verdict_expired(&list, facts);
    bh_verdict_reports_silent(&list, facts);
    bh_verdict_callbacks(&list, facts);
    if (facts->server != NULL)
        judge_safety(&list, facts->server);
    bh_verdict_dead(&list, facts);
    if (list.count == 0)
        all_is_well(&list, facts);
    return list.count;
}
