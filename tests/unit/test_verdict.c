/*
 * What is wrong, the cause first: each cause by itself, and those that go before others.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/verdict.h"

/* A whole that is well; each row breaks something of it. */
struct whole {
    struct bh_verdict_facts facts;
    struct bh_redis_survey server;
    struct bh_verdict_queue queues[3];
};

/* clang-format off */
static void
make_well(struct whole *whole)
{
    *whole = (struct whole){
        .server = {.role = "master", .appendonly = BH_YES, .append_writes = BH_YES,
                   .loading = BH_NO, .eviction = "noeviction", .memory_used = 1 << 20},
        .queues = {{.name = "sms", .waiting = 5, .ttl_ms = BH_HOUR_MS, .flow_known = true,
                    .in_milli = 2000, .out_milli = 2500, .oldest_ms = BH_SECOND_MS},
                   {.name = "voice", .ttl_ms = BH_HOUR_MS},
                   {.name = "bulk"}},
        .facts = {.redis_up = true, .redis_trouble = "", .processes_known = true, .processes = 2,
                  .silent_ms = -1, .workers = 8, .account_known = true, .account_open = true,
                  .account_reason = "", .account_text = "", .probe_wait_ms = -1,
                  .balance_micro = 50000000, .low_balance_micro = 10000000, .queues_count = 3},
    };
    whole->facts.server = &whole->server;
    whole->facts.queues = whole->queues;
}

/* ---- What breaks it ---- */

static void nothing(struct whole *w) { (void)w; }
static void redis_down(struct whole *w) { w->facts.redis_up = false; w->facts.redis_trouble = "connection refused"; w->facts.server = NULL; }
static void redis_down_for_a_while(struct whole *w) { redis_down(w); w->facts.redis_down_ms = 7 * BH_SECOND_MS; }
static void redis_refuses(struct whole *w) { redis_down(w); w->facts.redis_trouble = "it says \"NOPERM you may not run the 'evalsha' command\" - Extend the user's ACL."; }
static void redis_cannot_save(struct whole *w) { redis_down_for_a_while(w); w->facts.redis_trouble = "no connection to Redis: not ready: MISCONF Redis is unable to persist to disk. Commands that (/tmp/r.sock)"; }
static void redis_sentence(struct whole *w) { redis_down(w); w->facts.redis_trouble = "It has gone."; }
static void one_worker(struct whole *w) { w->facts.workers = w->facts.processes = 1; }
static void redis_loading(struct whole *w) { w->facts.redis_up = false; w->server.loading = BH_YES; }
static void redis_replica(struct whole *w) { snprintf(w->server.role, sizeof(w->server.role), "slave"); }
static void redis_disk(struct whole *w) { w->server.append_writes = BH_NO; }
static void redis_full(struct whole *w) { w->server.memory_max = 1000000; w->server.memory_used = 1000001; }
static void redis_nearly_full(struct whole *w) { w->server.memory_max = 1000000; w->server.memory_used = 950000; }
static void no_process(struct whole *w) { w->facts.processes = 0; w->facts.workers = 0; }
static void lost_process(struct whole *w) { no_process(w); w->facts.silent_ms = 125 * BH_SECOND_MS; }
static void draining(struct whole *w) { w->facts.draining = 2; }
static void one_drains(struct whole *w) { w->facts.draining = 1; }
static void stalled(struct whole *w) { w->facts.workers_stalled = 1; }
static void cut_off(struct whole *w) { w->facts.workers_cut_off = 8; }
static void paused_for(struct whole *w, const char *reason) { w->facts.account_open = false; w->facts.account_reason = reason; w->facts.account_paused_ms = 3 * BH_HOUR_MS; w->facts.probe_wait_ms = 42 * BH_SECOND_MS; w->facts.balance_micro = 0; }
static void no_credit(struct whole *w) { paused_for(w, "credit"); w->facts.account_text = "code 500"; }
static void bad_key(struct whole *w) { paused_for(w, "auth"); }
static void by_hand_with_words(struct whole *w) { paused_for(w, "paused"); w->facts.account_text = "the invoice is unclear."; }
static void by_hand(struct whole *w) { paused_for(w, "paused"); }
static void holding(struct whole *w) { w->facts.workers_holding = 8; }
static void held(struct whole *w) { w->queues[1].held_gateway = 7; }
static void ill(struct whole *w, const struct bh_gateway_illness *illness) { w->facts.workers_ill = 8; w->facts.ill_ms = 12 * BH_MINUTE_MS; w->facts.ill_wait_ms = 20 * BH_SECOND_MS; w->facts.illness = *illness; }
static void holding_by_dns(struct whole *w) { holding(w); ill(w, &(struct bh_gateway_illness){BH_TROUBLE_RESOLVE, 0, 0, false}); }
static void holding_by_500(struct whole *w) { holding(w); ill(w, &(struct bh_gateway_illness){BH_TROUBLE_NONE, 500, 0, false}); }
static void patience(struct whole *w) { held(w); ill(w, &(struct bh_gateway_illness){BH_TROUBLE_NONE, 429, 0, true}); }
static void short_patience(struct whole *w) { patience(w); w->facts.ill_ms = BH_SECOND_MS; }
static void queue_paused(struct whole *w) { w->queues[0].paused = true; w->queues[0].paused_ms = BH_MINUTE_MS; w->queues[0].pause_by = BH_STR_LITERAL("root"); w->queues[0].pause_reason = BH_STR_LITERAL("works"); }
static void retrying_paused(struct whole *w) { queue_paused(w); w->queues[0].waiting = 0; w->queues[0].oldest_ms = 0; w->queues[0].later = 7; }
static void retrying_alone(struct whole *w) { no_process(w); w->queues[0].later = 7; }
static void empty_paused(struct whole *w) { queue_paused(w); w->queues[0].waiting = 0; w->queues[0].oldest_ms = 0; }
static void stuck(struct whole *w) { w->queues[0].out_milli = 0; w->queues[0].oldest_ms = 2 * BH_MINUTE_MS; }
static void flooded(struct whole *w) { w->queues[0].waiting = 50000; }
static void flooded_by_limit(struct whole *w) { w->queues[0].waiting = 50000; w->queues[0].flow_known = false; w->queues[0].rate = 2; }
static void limit_is_lower(struct whole *w) { w->queues[0].waiting = 50000; w->queues[0].out_milli = 100000; w->queues[0].rate = 1; }
static void old(struct whole *w) { w->queues[0].oldest_ms = 11 * BH_MINUTE_MS; }
static void old_by_limit(struct whole *w) { w->facts.oldest_limit_ms = 500; }
static void short_life(struct whole *w) { w->queues[0].ttl_ms = BH_MINUTE_MS; w->queues[0].oldest_ms = 31 * BH_SECOND_MS; }
static void low(struct whole *w) { w->facts.balance_micro = 9999999; }
static void unknown_balance(struct whole *w) { w->facts.balance_micro = INT64_MIN; }
static void uncertain(struct whole *w) { w->queues[0].uncertain = 1; w->queues[1].uncertain = 3; }
static void evicts(struct whole *w) { snprintf(w->server.eviction, sizeof(w->server.eviction), "allkeys-lru"); w->server.memory_max = (int64_t)1 << 30; }
static void evicts_never(struct whole *w) { snprintf(w->server.eviction, sizeof(w->server.eviction), "allkeys-lru"); }
static void no_file(struct whole *w) { w->server.appendonly = BH_NO; }
static void dead(struct whole *w) { w->queues[2].dead = 4; }
static void account_hidden(struct whole *w) { no_credit(w); w->facts.account_known = false; }
static void processes_hidden(struct whole *w) { no_process(w); w->facts.processes_known = false; }
static void nothing_known(struct whole *w) { memset(&w->facts, 0, sizeof(w->facts)); w->facts.redis_trouble = ""; }

static void silent(struct whole *w) { w->facts.silent = 1; w->facts.silent_ms = 65 * BH_SECOND_MS; w->facts.silent_name = "night-2"; }
static void two_silent(struct whole *w) { silent(w); w->facts.silent = 2; }
static void silent_and_alone(struct whole *w) { no_process(w); silent(w); }
static void silent_and_hidden(struct whole *w) { silent(w); w->facts.processes_known = false; }
static void awaits(struct whole *w) { no_process(w); w->facts.awaited_name = "night-1"; }
static void awaits_beside(struct whole *w) { w->facts.awaited_name = "night-1"; }
static void unknown(struct whole *w) { w->queues[1].unknown_lately = 2; }
static void expired(struct whole *w) { w->queues[0].expired_lately = 7; w->queues[2].expired_lately = 9; }

static void reports_silent(struct whole *w) { w->queues[0].silent_ms = 40 * BH_MINUTE_MS; w->queues[0].messages_lately = 10; }
static void few_silent(struct whole *w) { reports_silent(w); w->queues[0].messages_lately = 9; }
static void callbacks_fail(struct whole *w) { w->queues[0].callbacks = 17; w->queues[0].callbacks_failing = 3; w->queues[0].callbacks_failing_ms = 3 * BH_HOUR_MS; w->queues[0].callbacks_late_ms = BH_HOUR_MS; w->queues[0].callbacks_error = BH_STR_LITERAL("it answers with HTTP 503"); w->queues[0].callback_to = BH_STR_LITERAL("https://shop.example"); }
static void callbacks_fail_nowhere(struct whole *w) { callbacks_fail(w); w->queues[0].callback_to = BH_STR_LITERAL(""); }
static void two_receivers_fail(struct whole *w) { callbacks_fail(w); w->queues[1] = w->queues[0]; w->queues[1].name = "voice"; w->queues[1].callbacks = 1; w->queues[1].callbacks_failing_ms++; }
static void callbacks_failed_just_now(struct whole *w) { callbacks_fail(w); w->queues[0].callbacks_failing_ms = 5 * BH_MINUTE_MS - 1; w->queues[0].callbacks_late_ms = 0; }
static void callbacks_were_failing(struct whole *w) { callbacks_fail(w); w->queues[0].callbacks_failing = 0; w->queues[0].callbacks_late_ms = 0; }
static void callbacks_late(struct whole *w) { callbacks_were_failing(w); w->queues[0].callbacks_late_ms = 12 * BH_MINUTE_MS; }
static void callbacks_given_up(struct whole *w) { w->queues[0].callbacks_given_up_lately = 2; }

static void clock_ahead(struct whole *w) { w->facts.clock_ahead_ms = BH_DAY_MS; }
static void clock_behind(struct whole *w) { w->facts.clock_ahead_ms = -40 * BH_SECOND_MS; }
static void clock_nearly(struct whole *w) { w->facts.clock_ahead_ms = -29999; }

static void unserved(struct whole *w) { w->facts.running_ms = BH_MINUTE_MS; w->queues[1].served_ms = -1; w->queues[1].waiting = 4; w->queues[1].later = 3; }
static void unserved_lately(struct whole *w) { unserved(w); stuck(w); w->queues[1].served_ms = 12 * BH_MINUTE_MS; }
static void served_by_who_started_now(struct whole *w) { unserved(w); w->facts.running_ms--; }
static void served_again_soon(struct whole *w) { unserved(w); w->queues[1].served_ms = 3 * BH_MINUTE_MS - 1; }
static void unserved_and_empty(struct whole *w) { unserved(w); w->queues[1].waiting = w->queues[1].later = 0; }
static void just_started(struct whole *w) { w->queues[0].flow_known = false; }

static void ends(struct whole *w, uint64_t sent, uint64_t failed, uint64_t invalid) { w->queues[0].ended_just_now = sent + failed + invalid; w->queues[0].sent_just_now = sent; w->queues[0].failed_just_now = failed; w->queues[0].invalid_just_now = invalid; w->queues[0].fail_code = 305; }
static void all_fail(struct whole *w) { ends(w, 0, 50, 1); }
static void all_invalid(struct whole *w) { ends(w, 0, 4, 30); }
static void some_fail(struct whole *w) { ends(w, 90, 10, 0); }
static void few_fail(struct whole *w) { ends(w, 91, 9, 0); }
static void some_of_few_fail(struct whole *w) { ends(w, 0, 19, 0); }
static void fail_beyond_all(struct whole *w) { ends(w, 0, UINT64_MAX / 2, 0); }

static void one_expired(struct whole *w) { w->queues[0].expired_lately = 1; }
static void one_dead(struct whole *w) { w->queues[2].dead = 1; }
static void one_waits(struct whole *w) { no_process(w); w->queues[0].waiting = 1; }
static void lone(struct whole *w) { w->facts.workers = w->facts.processes = 1; }
static void lone_stalled(struct whole *w) { lone(w); stalled(w); }
static void lone_cut_off(struct whole *w) { lone(w); w->facts.workers_cut_off = 1; }
static void one_holds(struct whole *w) { w->facts.workers_holding = 1; }
static void lone_holds(struct whole *w) { lone(w); one_holds(w); }
static void several(struct whole *w) { no_credit(w); old(w); dead(w); uncertain(w); }
static void all_gone(struct whole *w) { no_process(w); no_credit(w); holding(w); redis_full(w); }
static void paused_and_old(struct whole *w) { queue_paused(w); old(w); flooded(w); stuck(w); w->queues[0].waiting = 50000; }

static const struct {
    const char *name;
    void (*change)(struct whole *whole);
    enum bh_cause cause; /* the first */
    enum bh_gravity gravity;
    size_t count;
    const char *piece;
} rows[] = {
    {"all is well",               nothing,           BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well: 5 jobs wait, 2.5 per second are done, by 8 workers of 2 bellhopd."},
    {"no Redis",                  redis_down,        BH_CAUSE_REDIS_DOWN,        BH_GRAVITY_ALARM, 1, "Redis cannot be asked: connection refused."},
    {"for a while",               redis_down_for_a_while, BH_CAUSE_REDIS_DOWN,   BH_GRAVITY_ALARM, 1, "Redis cannot be asked, for 7 s now: connection refused.  Nothing"},
    {"a sentence of its own",     redis_sentence,    BH_CAUSE_REDIS_DOWN,        BH_GRAVITY_ALARM, 1, "It has gone.  Nothing"},
    {"Redis gives no right",      redis_refuses,     BH_CAUSE_REDIS_DOWN,        BH_GRAVITY_ALARM, 1, "Redis refuses us: NOPERM you may not run the 'evalsha' command.  Nothing is sent without it.  The Redis user may not run this command"},
    {"Redis cannot save",         redis_cannot_save, BH_CAUSE_REDIS_DOWN,        BH_GRAVITY_ALARM, 1, "Redis refuses us, for 7 s now: MISCONF Redis is unable to persist to disk.  Nothing is sent without it.  Redis cannot save to disk and refuses to write."},
    {"by one worker",             one_worker,        BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "by 1 worker of 1 bellhopd."},
    {"a loading Redis",           redis_loading,     BH_CAUSE_REDIS_LOADING,     BH_GRAVITY_ALARM, 1, "reading its data"},
    {"a replica",                 redis_replica,     BH_CAUSE_REDIS_REPLICA,     BH_GRAVITY_ALARM, 1, "read-only"},
    {"a full disk",               redis_disk,        BH_CAUSE_REDIS_DISK,        BH_GRAVITY_ALARM, 1, "append-only file"},
    {"a full Redis",              redis_full,        BH_CAUSE_REDIS_FULL,        BH_GRAVITY_ALARM, 1, "Redis is full"},
    {"a nearly full Redis",       redis_nearly_full, BH_CAUSE_REDIS_NEARLY_FULL, BH_GRAVITY_WARN,  1, "nearly full"},
    {"never a process",           no_process,        BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "none has reported within a day; 5 jobs wait"},
    {"a process that is gone",    lost_process,      BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "heard 2 min 5 s ago"},
    {"all drain",                 draining,          BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "draining"},
    {"one of two drains",         one_drains,        BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"a worker stands still",     stalled,           BH_CAUSE_WORKERS_STALLED,   BH_GRAVITY_ALARM, 1, "1 of 8 workers stands still: its loop does not turn."},
    {"workers without Redis",     cut_off,           BH_CAUSE_WORKERS_CUT_OFF,   BH_GRAVITY_ALARM, 1, "8 of 8 workers have no connection"},
    {"all is well with one",      lone,              BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "by 1 worker of 1 bellhopd."},
    {"the only one stands still", lone_stalled,      BH_CAUSE_WORKERS_STALLED,   BH_GRAVITY_ALARM, 1, "1 of 1 worker stands still: its loop does not turn."},
    {"the only one without Redis", lone_cut_off,     BH_CAUSE_WORKERS_CUT_OFF,   BH_GRAVITY_ALARM, 1, "1 of 1 worker has no connection"},
    {"a worker holds back",       one_holds,         BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_ALARM, 1, "1 of 8 workers holds back and only tries it now and then; 5 jobs wait.  It goes on by itself"},
    {"the only one holds back",   lone_holds,        BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_ALARM, 1, "1 of 1 worker holds back"},
    {"no credit",                 no_credit,         BH_CAUSE_ACCOUNT_PAUSED,    BH_GRAVITY_ALARM, 1, "out of credit (balance 0), and nothing has been sent for 3 h: 5 jobs wait.  The reason: code 500.  Top it up; it is tried again by itself, next in 42 s."},
    {"a refused key",             bad_key,           BH_CAUSE_ACCOUNT_PAUSED,    BH_GRAVITY_ALARM, 1, "Repair key"},
    {"paused by hand",            by_hand,           BH_CAUSE_ACCOUNT_PAUSED,    BH_GRAVITY_ALARM, 1, "until somebody resumes it (bellhop resume --account)."},
    {"somebody says why",         by_hand_with_words, BH_CAUSE_ACCOUNT_PAUSED,   BH_GRAVITY_ALARM, 1, "nothing has been sent for 3 h: 5 jobs wait.  The reason: the invoice is unclear.  It stays so"},
    {"workers hold back",         holding,           BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_ALARM, 1, "8 of 8 workers hold back"},
    {"jobs held for the gateway", held,              BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_WARN,  1, "7 jobs are held"},
    {"its name is not found",     holding_by_dns,    BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_ALARM, 1, "(the gateway's name cannot be resolved, for 12 min): 8 of 8 workers hold back"},
    {"it answers 500",            holding_by_500,    BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_ALARM, 1, "(HTTP 500), for 12 min): 8 of 8 workers hold back"},
    {"it asks for patience",      patience,          BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_ALARM, 1, "The gateway asks for patience (the gateway asks to send less often (HTTP 429), for 12 min): 8 of 8 workers send nothing; 5 jobs wait.  They go on by themselves in 20 s, as it asked."},
    {"for a moment",              short_patience,    BH_CAUSE_GATEWAY_DOWN,      BH_GRAVITY_WARN,  1, "for 1 s): 8 of 8 workers send nothing"},
    {"a paused queue",            queue_paused,      BH_CAUSE_QUEUE_PAUSED,      BH_GRAVITY_ALARM, 1, "Queue sms has been paused for 1 min by root: works; 5 jobs wait."},
    {"jobs to be retried wait in it", retrying_paused, BH_CAUSE_QUEUE_PAUSED,    BH_GRAVITY_ALARM, 1, "7 jobs wait"},
    {"and for a process",         retrying_alone,    BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "none has reported within a day; 12 jobs wait"},
    {"an empty paused queue",     empty_paused,      BH_CAUSE_QUEUE_PAUSED,      BH_GRAVITY_NOTE,  1, "0 jobs wait"},
    {"nothing leaves",            stuck,             BH_CAUSE_QUEUE_STUCK,       BH_GRAVITY_ALARM, 1, "Nothing leaves queue sms: 5 jobs wait, the oldest for 2 min."},
    {"a queue of nobody",         unserved,          BH_CAUSE_QUEUE_STUCK,       BH_GRAVITY_ALARM, 1, "No bellhopd looks after queue voice; 7 jobs wait.  Write [queue voice] into"},
    {"nobody's any more",         unserved_lately,   BH_CAUSE_QUEUE_STUCK,       BH_GRAVITY_ALARM, 1, "No bellhopd looks after queue voice, for 12 min now; 7 jobs wait."},
    {"nobody's, and empty",       unserved_and_empty, BH_CAUSE_NONE,             BH_GRAVITY_FINE,  1, "All is well"},
    {"who has it starts just now", served_by_who_started_now, BH_CAUSE_NONE,     BH_GRAVITY_FINE,  1, "All is well"},
    {"a minute is late",          served_again_soon, BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"no minute has passed yet",  just_started,      BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "5 jobs wait, their pace is not known yet, by 8 workers"},
    {"a flood",                   flooded,           BH_CAUSE_TOO_SLOW,          BH_GRAVITY_ALARM, 1, "Queue sms is flooded: 50000 jobs wait (in 2.0/s, out 2.5/s), the last needs 5 h 33 min for its turn and expires after 1 h."},
    {"a flood, by the limit",     flooded_by_limit,  BH_CAUSE_TOO_SLOW,          BH_GRAVITY_ALARM, 1, "(limited to 2/s)"},
    {"the limit is lower",        limit_is_lower,    BH_CAUSE_TOO_SLOW,          BH_GRAVITY_ALARM, 1, "needs 13 h 53 min"},
    {"late",                      old,               BH_CAUSE_TOO_OLD,           BH_GRAVITY_WARN,  1, "waited for 11 min"},
    {"late by the alert's limit", old_by_limit,      BH_CAUSE_TOO_OLD,           BH_GRAVITY_WARN,  1, "waited for 1 s"},
    {"half of a short life",      short_life,        BH_CAUSE_TOO_OLD,           BH_GRAVITY_WARN,  1, "waited for 31 s"},
    {"little credit",             low,               BH_CAUSE_BALANCE_LOW,       BH_GRAVITY_WARN,  1, "balance is 9.999999, below the 10 of"},
    {"an unknown balance",        unknown_balance,   BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"uncertain jobs",            uncertain,         BH_CAUSE_UNCERTAIN,         BH_GRAVITY_WARN,  1, "Queue voice (and 1 other queue) has 3 jobs"},
    {"Redis throws away",         evicts,            BH_CAUSE_REDIS_UNSAFE,      BH_GRAVITY_WARN,  1, "allkeys-lru"},
    {"nothing to throw away",     evicts_never,      BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"Redis forgets",             no_file,           BH_CAUSE_REDIS_UNSAFE,      BH_GRAVITY_NOTE,  1, "appendonly yes"},
    {"dead jobs",                 dead,              BH_CAUSE_DEAD,              BH_GRAVITY_NOTE,  1, "Nothing is stuck; queue bulk keeps 4 dead jobs"},
    {"one of three is silent",    silent,            BH_CAUSE_PROCESS_SILENT,    BH_GRAVITY_WARN,  1, "bellhopd night-2 has not reported for 1 min 5 s: it was killed"},
    {"two of four are silent",    two_silent,        BH_CAUSE_PROCESS_SILENT,    BH_GRAVITY_WARN,  1, "for 1 min 5 s, others for longer"},
    {"the only one is silent",    silent_and_alone,  BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "heard 1 min 5 s ago"},
    {"silent, processes not read", silent_and_hidden, BH_CAUSE_NONE,             BH_GRAVITY_FINE,  1, "All is well"},
    {"it waits for its name",     awaits,            BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "waits for its instance's name, night-1"},
    {"others work meanwhile",     awaits_beside,     BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"unknown jobs",              unknown,           BH_CAUSE_UNKNOWN,           BH_GRAVITY_WARN,  1, "Of queue voice 2 jobs ended unknown within the last hour: nothing could tell whether they were sent.  bellhop resolve --list names them; "},
    {"expired jobs",              expired,           BH_CAUSE_EXPIRED,           BH_GRAVITY_WARN,  1, "Of queue bulk (and 1 other queue) 9 jobs expired"},
    {"no reports",                reports_silent,    BH_CAUSE_REPORTS_SILENT,    BH_GRAVITY_WARN,  1, "Messages of queue sms go out, and no delivery report has come for 40 min"},
    {"no reports of a few",       few_silent,        BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"callbacks fail",            callbacks_fail,    BH_CAUSE_CALLBACKS,         BH_GRAVITY_WARN,  1, "Callbacks of queue sms fail: https://shop.example has taken none for 3 h (it answers with HTTP 503); 17 wait.  Mend that receiver"},
    {"callbacks go nowhere",      callbacks_fail_nowhere, BH_CAUSE_CALLBACKS,    BH_GRAVITY_WARN,  1, "fail: the producer has taken none for 3 h"},
    {"two receivers fail",        two_receivers_fail, BH_CAUSE_CALLBACKS,        BH_GRAVITY_WARN,  1, "queue voice (and 1 other queue) fail: https://shop.example has taken none for 3 h (it answers with HTTP 503); 1 waits."},
    {"callbacks failed just now", callbacks_failed_just_now, BH_CAUSE_NONE,      BH_GRAVITY_FINE,  1, "All is well"},
    {"no callback fails any more", callbacks_were_failing, BH_CAUSE_NONE,        BH_GRAVITY_FINE,  1, "All is well"},
    {"callbacks are late",        callbacks_late,    BH_CAUSE_CALLBACKS,         BH_GRAVITY_WARN,  1, "Callbacks of queue sms are late: 17 wait, the first should have been posted 12 min ago.  Is https://shop.example slow"},
    {"callbacks are given up",    callbacks_given_up, BH_CAUSE_CALLBACKS,        BH_GRAVITY_WARN,  1, "Of queue sms 2 callbacks were given up within the last hour: the producer was not told"},
    {"a clock that is ahead",     clock_ahead,       BH_CAUSE_CLOCK,             BH_GRAVITY_ALARM, 1, "Redis' clock is 1 d ahead of this machine's: messages with a delay leave that much early"},
    {"a clock that is behind",    clock_behind,      BH_CAUSE_CLOCK,             BH_GRAVITY_WARN,  1, "40 s behind this machine's: messages with a delay leave that much late"},
    {"clocks that agree",         clock_nearly,      BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"all jobs fail",             all_fail,          BH_CAUSE_JOBS_FAIL,         BH_GRAVITY_ALARM, 1, "Jobs of queue sms fail: 51 of the 51 that ended within the last 15 min, and none was sent, most because the gateway says: the text is missing or invalid (code 305).  bellhop dead list --queue sms"},
    {"all jobs are none",         all_invalid,       BH_CAUSE_JOBS_FAIL,         BH_GRAVITY_ALARM, 1, "34 of the 34 that ended within the last 15 min, and none was sent, most because they are no valid jobs."},
    {"one in ten fails",          some_fail,         BH_CAUSE_JOBS_FAIL,         BH_GRAVITY_WARN,  1, "10 of the 100 that ended within the last 15 min, most because"},
    {"some always fail",          few_fail,          BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"a handful",                 some_of_few_fail,  BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"more than can be reckoned", fail_beyond_all,   BH_CAUSE_JOBS_FAIL,         BH_GRAVITY_ALARM, 1, "and none was sent"},
    {"one expired job",           one_expired,       BH_CAUSE_EXPIRED,           BH_GRAVITY_WARN,  1, "Of queue sms 1 job expired"},
    {"one dead job",              one_dead,          BH_CAUSE_DEAD,              BH_GRAVITY_NOTE,  1, "keeps 1 dead job (failed"},
    {"one job waits",             one_waits,         BH_CAUSE_NO_PROCESS,        BH_GRAVITY_ALARM, 1, "within a day; 1 job waits."},
    {"no key, no account",        account_hidden,    BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"processes not read",        processes_hidden,  BH_CAUSE_NONE,              BH_GRAVITY_FINE,  1, "All is well"},
    {"nothing is known",          nothing_known,     BH_CAUSE_REDIS_DOWN,        BH_GRAVITY_ALARM, 1, "Redis cannot be asked"},
    {"credit before its effects", several,           BH_CAUSE_ACCOUNT_PAUSED,    BH_GRAVITY_ALARM, 4, "out of credit"},
    {"Redis before all",          all_gone,          BH_CAUSE_REDIS_FULL,        BH_GRAVITY_ALARM, 4, "Redis is full"},
    {"a pause explains the rest", paused_and_old,    BH_CAUSE_QUEUE_PAUSED,      BH_GRAVITY_ALARM, 1, "paused"},
};
/* clang-format on */

/* As a screen shows it. */
static const char *
whole_text(const struct bh_judgement *verdict)
{
    static char text[sizeof(verdict->text) + sizeof(verdict->todo) + 2];
    snprintf(text, sizeof(text), "%s%s%s", verdict->text, verdict->todo[0] != '\0' ? "  " : "",
             verdict->todo);
    return text;
}

Test(verdict, names_the_cause_first)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_judgement found[BH_CAUSE_COUNT];
        struct whole whole;
        make_well(&whole);
        rows[i].change(&whole);
        size_t count = bh_verdict_find(&whole.facts, found);
        cr_assert(count >= 1, "%s", rows[i].name);
        cr_expect_eq(found[0].cause, rows[i].cause, "%s: %s", rows[i].name, found[0].text);
        cr_expect_eq(found[0].gravity, rows[i].gravity, "%s: gravity %s", rows[i].name,
                     bh_gravity_name(found[0].gravity));
        cr_expect_eq(count, rows[i].count, "%s: %zu causes, the last: %s", rows[i].name, count,
                     found[count - 1].text);
        cr_expect_not_null(strstr(whole_text(&found[0]), rows[i].piece), "%s: %s", rows[i].name,
                           whole_text(&found[0]));
    }
}

Test(verdict, ranks_whatever_comes_together)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < BH_ARRAY_LEN(rows); k++) {
            struct bh_judgement found[BH_CAUSE_COUNT];
            struct whole whole;
            make_well(&whole);
            rows[i].change(&whole);
            rows[k].change(&whole);
            size_t count = bh_verdict_find(&whole.facts, found);
            cr_expect(count >= 1 && count <= BH_CAUSE_COUNT);
            for (size_t n = 0; n < count; n++) {
                size_t len = strlen(found[n].text);
                cr_expect(n == 0 || found[n].cause > found[n - 1].cause, "%s and %s", rows[i].name,
                          rows[k].name);
                cr_expect(len > 0 && found[n].text[len - 1] == '.', "%s and %s: %s", rows[i].name,
                          rows[k].name, found[n].text);
                len = strlen(found[n].todo);
                cr_expect(len == 0 || found[n].todo[len - 1] == '.', "%s and %s: %s", rows[i].name,
                          rows[k].name, found[n].todo);
            }
        }
    }
}

Test(verdict, cuts_what_strangers_say)
{
    static char words[5000];
    struct bh_judgement found[BH_CAUSE_COUNT];
    struct whole whole;
    memset(words, 'x', sizeof(words) - 1);
    make_well(&whole);
    no_credit(&whole);
    whole.facts.account_text = words;
    queue_paused(&whole);
    whole.queues[0].pause_by = whole.queues[0].pause_reason = bh_str_from(words);
    size_t count = bh_verdict_find(&whole.facts, found);
    cr_assert_eq(count, 2);
    cr_expect_not_null(strstr(found[0].todo, "Top it up"), "%s", found[0].todo);
    cr_expect_not_null(strstr(found[1].todo, "bellhop resume sms"), "%s", found[1].todo);
    whole.facts.redis_up = false;
    whole.facts.redis_trouble = words;
    (void)bh_verdict_find(&whole.facts, found);
    cr_expect_not_null(strstr(found[0].text, "goes on by itself"), "%s", found[0].text);
}

Test(verdict, reckons_the_turn_of_the_last_one)
{
    /* clang-format off */
    static const struct {
        const char *name;
        struct bh_verdict_queue queue;
        bh_ms wanted;
    } turns[] = {
        {"empty",                   {.waiting = 0, .flow_known = true},                            0     },
        {"nothing leaves",          {.waiting = 1, .flow_known = true},                            -1    },
        {"nothing known",           {.waiting = 1},                                                -1    },
        {"one per second",          {.waiting = 60, .flow_known = true, .out_milli = 1000},        60000 },
        {"by the limit",            {.waiting = 60, .rate = 10},                                   6000  },
        {"more than can be told",   {.waiting = UINT64_MAX, .flow_known = true, .out_milli = 1},   -1    },
        {"a limit beyond all",      {.waiting = 60, .rate = INT64_MAX},                            -1    },
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(turns); i++)
        cr_expect_eq(bh_verdict_turn_ms(&turns[i].queue), turns[i].wanted, "%s: %lld",
                     turns[i].name, (long long)bh_verdict_turn_ms(&turns[i].queue));
}
