/* An operator's hand on jobs in every state: what each operation does, and what it leaves alone. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/steer.h"

TestSuite(steer_script, .init = stage_set_up, .fini = stage_tear_down);

/* ---- shorthands ---------------------------------------------------------------------------------- */

/* Kept until the next but seven. */
static const char *
text(const char *format, const char *argument)
{
    static char texts[8][512];
    static unsigned next;
    char *kept = texts[next++ % BH_ARRAY_LEN(texts)];
    redisReply *reply = script_redis_command(&stage.redis, format, argument);
    (void)snprintf(kept, sizeof(texts[0]), "%s", reply->str != NULL ? reply->str : "(none)");
    freeReplyObject(reply);
    return kept;
}

static const char *
status(const char *field)
{
    return text("HGET bellhop:{q}:status:id1 %s", field);
}

static size_t
claim(void)
{
    return stage_claim("me", &(struct bh_claim_command){.count = 10, .alone = true});
}

static redisReply *steered_reply; /* what the last answer borrows from */
static char audit_line[BH_STEER_LINE_MAX];

static struct bh_steered
steer_by(enum bh_steering operation, const char *id, const char *handle)
{
    const struct bh_steer_job job = {id, bh_str_from(handle)};
    const struct bh_steer steer = {
        .operation = operation,
        .who = bh_str_from("eve"),
        .chosen_by = bh_str_from("id1"),
        .line = {"", 0},
        .retention_ms = DAY,
        .events_cap = 100,
        .jobs = &job,
        .count = 1
    };
    struct bh_steered steered;
    struct bh_str line;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_STEER);
    bh_encode_steer(&call, &stage.keys, &steer);
    freeReplyObject(steered_reply);
    steered_reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_steer(steered_reply, 1, &steered, &line), BH_OK);
    (void)snprintf(audit_line, sizeof(audit_line), "%.*s", BH_STR_ARGS(line));
    return steered;
}

static struct bh_steered
steer(enum bh_steering operation)
{
    return steer_by(operation, "id1", "");
}

/* ---- the states of a job ------------------------------------------------------------------------- */

enum kind {
    RAW,      /* nobody has claimed it */
    IN_HAND,  /* being sent */
    DELAYED,  /* its delay is not over */
    RETRYING, /* in due */
    PROMOTED, /* retrying, in the line */
    HELD,     /* for credit */
    BY_HAND,  /* held by an operator */
    UNCERTAIN,
    LOST, /* uncertain, in the line: its worker died */
    SENT,
    FAILED,
    UNKNOWN,
    INVALID, /* never admitted, with an id */
    KINDS,
};

static const char *const kind_names[KINDS] = {
    "raw",       "in hand", "delayed", "retrying", "promoted", "held",   "held by hand",
    "uncertain", "lost",    "sent",    "failed",   "unknown",  "invalid"};

static void
settle_as(struct bh_claim_ref job, enum kind kind)
{
    bool waits = kind == RETRYING || kind == PROMOTED || kind == HELD || kind == BY_HAND ||
                 kind == UNCERTAIN;
    const struct bh_settle_command settle = {.claim = job,
                                             .disposition = waits          ? BH_SETTLE_WAIT
                                                            : kind == SENT ? BH_SETTLE_FINAL
                                                                           : BH_SETTLE_DEAD,
                                             .delay_ms = 45000,
                                             .waiting = kind == UNCERTAIN ? BH_WAITING_UNCERTAIN
                                                        : kind == HELD    ? BH_WAITING_HELD
                                                                          : BH_WAITING_RETRY,
                                             .reason = kind == UNCERTAIN ? "uncertain"
                                                       : kind == HELD    ? "credit"
                                                                         : "",
                                             .attempts = kind == INVALID ? 0 : 3,
                                             .uncertain_since = {kind == UNCERTAIN ? T0 : 0},
                                             .memo = bh_str_from("r=1"),
                                             .id = "id1",
                                             .state = kind == SENT      ? "sent"
                                                      : kind == FAILED  ? "failed"
                                                      : kind == UNKNOWN ? "unknown"
                                                      : kind == INVALID ? "invalid"
                                                      : kind == HELD    ? "held"
                                                                        : "retrying",
                                             .sent = kind != INVALID,
                                             .ledger_ms = 190000};
    cr_assert_eq(stage_settle("me", settle).code, BH_SETTLED_OK);
}

/* Move what is due, or was lost, into the line, and claim nothing. */
static void
turn(void)
{
    RUN("HSET bellhop:{q}:control paused 1");
    script_redis_set_clock(&stage.redis, T0 + LEASE + 45000);
    cr_assert_eq(claim(), 0);
    RUN("HDEL bellhop:{q}:control paused");
}

static void
put(enum kind kind)
{
    script_redis_reset(&stage.redis, T0);
    RUN("LPUSH bellhop:{q} payload");
    if (kind == RAW)
        return;
    claim();
    struct bh_claim_ref job = stage_ref(0);
    struct bh_admit_command admit = stage_admission(job, "id1");
    if (kind == DELAYED) {
        admit.mode = BH_ADMIT_SCHEDULE;
        admit.due.ms = T0 + 100000;
        admit.expires.ms = T0 + 100000 + DAY;
    }
    if (kind != INVALID)
        (void)stage_admit("me", admit);
    if (kind != IN_HAND && kind != DELAYED && kind != LOST)
        settle_as(job, kind);
    if (kind == PROMOTED || kind == LOST)
        turn();
    if (kind == BY_HAND)
        cr_assert_eq(steer(BH_STEER_HOLD).code, BH_STEERED_DONE);
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define D  BH_STEERED_DONE
#define N  BH_STEERED_NONE
#define IH BH_STEERED_IN_HAND
#define ST BH_STEERED_STATE
#define AL BH_STEERED_ALREADY
#define UC BH_STEERED_UNCERTAIN
#define UK BH_STEERED_UNKNOWN
#define HD BH_STEERED_HELD
#define LE BH_STEERED_LEFT

/* clang-format off */
static const enum bh_steer_code wanted[KINDS][BH_STEERINGS] = {
                 /* hold release cancel expire retry requeue delete */
    [RAW]       = {N,  N,  LE, N,  N,  N,  N },
    [IN_HAND]   = {IH, IH, LE, IH, IH, IH, IH},
    [DELAYED]   = {D,  ST, D,  D,  D,  D,  ST},
    [RETRYING]  = {D,  ST, D,  D,  D,  D,  ST},
    [PROMOTED]  = {D,  ST, D,  D,  AL, D,  ST},
    [HELD]      = {D,  D,  D,  D,  D,  D,  ST},
    [BY_HAND]   = {AL, D,  D,  D,  HD, HD, ST},
    [UNCERTAIN] = {UC, ST, UK, UC, D,  UC, ST},
    [LOST]      = {UC, ST, UK, UC, AL, UC, ST},
    [SENT]      = {ST, ST, ST, ST, ST, ST, ST},
    [FAILED]    = {ST, ST, ST, ST, ST, D,  D },
    [UNKNOWN]   = {ST, ST, ST, ST, ST, UC, UC},
    [INVALID]   = {ST, ST, ST, ST, ST, D,  D },
};

/* What is said the second time, where the first time something was done. */
static const enum bh_steer_code again[BH_STEERINGS] = {
    AL, ST, AL, AL, AL, AL, BH_STEERED_GONE,
};

static const char *const gauges[] = {"now:scheduled", "now:retrying", "now:uncertain", "now:suspects", "now:held:credit", "now:held:operator"};
/* clang-format on */

/* Counts the gauges anew from the records of what waits; every job lies in one place. */
static void
expect_gauges(const char *name)
{
    static const char script[] =
        "local Q, n = 'bellhop:{q}', {}\n"
        "local function look(handle)\n"
        "  local r = redis.call('HGET', Q .. ':heads', handle)\n"
        "  local w, why = string.match(r or '', '^1 (%l) (%S+)')\n"
        "  local g = ({s='now:scheduled', r='now:retrying', u='now:uncertain'})[w]\n"
        "  if w == 'h' then g = 'now:held:' .. why end\n"
        "  if g then n[g] = (n[g] or 0) + 1 end\n"
        "end\n"
        "for _, h in ipairs(redis.call('ZRANGE', Q .. ':due', 0, -1)) do look(h) end\n"
        "for _, h in ipairs(redis.call('LRANGE', Q .. ':ready', 0, -1)) do look(h) end\n"
        "return n[ARGV[1]] or 0";
    for (size_t i = 0; i < BH_ARRAY_LEN(gauges); i++)
        cr_expect_eq(stage_counter(gauges[i]), stage_int("EVAL %s 0 %s", script, gauges[i]),
                     "%s: %s is %lld", name, gauges[i], (long long)stage_counter(gauges[i]));
    cr_expect_eq(stage_int("HLEN bellhop:{q}:%s", "heads"),
                 stage_int("HLEN bellhop:{q}:%s", "jobs"), "%s", name);
}

Test(steer_script, does_to_each_state_what_it_should_and_nothing_else)
{
    for (int kind = 0; kind < KINDS; kind++) {
        for (int operation = 0; operation < BH_STEERINGS; operation++) {
            char name[64];
            (void)snprintf(name, sizeof(name), "%s, %s", kind_names[kind],
                           bh_steering_name((enum bh_steering)operation));
            put((enum kind)kind);
            int64_t lines = stage_int("XLEN bellhop:{q}:%s", "audit");
            struct bh_steered got = steer((enum bh_steering)operation);
            enum bh_steer_code code = wanted[kind][operation];
            bool done = code == D || code == UK || code == LE;
            cr_expect_eq(got.code, code, "%s: %d, wanted %d", name, (int)got.code, (int)code);
            cr_expect_eq(stage_int("XLEN bellhop:{q}:%s", "audit"), lines + done, "%s", name);
            cr_expect_eq(audit_line[0] != '\0', done, "%s", name);
            expect_gauges(name);
            if (code != D || (kind == INVALID && operation == BH_STEER_REQUEUE))
                continue;
            enum bh_steer_code second = steer((enum bh_steering)operation).code;
            enum bh_steer_code twice = again[operation];
            if (operation == BH_STEER_RELEASE && second == AL)
                twice = AL; /* in the line by an operator's word */
            cr_expect_eq(second, twice, "%s, again: %d", name, (int)second);
            expect_gauges(name);
        }
    }
}

/* ---- each operation ------------------------------------------------------------------------------ */

Test(steer_script, what_is_held_is_claimed_by_nobody_until_it_is_released)
{
    static const enum kind kinds[] = {DELAYED, RETRYING, PROMOTED, HELD};
    for (size_t i = 0; i < BH_ARRAY_LEN(kinds); i++) {
        const char *name = kind_names[kinds[i]];
        put(kinds[i]);
        cr_assert_eq(steer(BH_STEER_HOLD).code, D, "%s", name);
        cr_expect_str_eq(status("state"), "held", "%s", name);
        cr_expect_str_eq(status("reason"), "operator", "%s", name);
        cr_expect_str_eq(status("next_at"), "(none)", "%s", name);
        script_redis_set_clock(&stage.redis, T0 + 300 * DAY);
        cr_expect_eq(claim(), 0, "%s", name);
        script_redis_set_clock(&stage.redis, T0 + 200000);
        cr_assert_eq(steer(BH_STEER_RELEASE).code, D, "%s", name);
        cr_assert_eq(claim(), 1, "%s", name);
        cr_expect(bh_str_equal_text(stage.claimed.jobs[0].payload, "payload"), "%s", name);
        cr_expect_eq(claim(), 0, "%s: once", name);
        expect_gauges(name);
    }
}

Test(steer_script, a_delay_that_is_not_over_goes_on_after_the_release)
{
    put(DELAYED);
    cr_assert_eq(steer(BH_STEER_HOLD).code, D);
    cr_assert_eq(steer(BH_STEER_RELEASE).code, D);
    cr_expect_str_eq(status("state"), "scheduled");
    cr_expect_eq(claim(), 0);
    script_redis_set_clock(&stage.redis, T0 + 100001);
    cr_expect_eq(claim(), 1);
}

Test(steer_script, what_was_ended_is_found_by_no_handle_that_stayed_behind)
{
    static const enum bh_steering operations[] = {BH_STEER_CANCEL, BH_STEER_EXPIRE};
    static const char *const states[] = {"cancelled", "expired"};
    for (size_t i = 0; i < BH_ARRAY_LEN(operations); i++) {
        put(PROMOTED);
        cr_assert_eq(steer(operations[i]).code, D);
        cr_expect_str_eq(status("state"), states[i]);
        cr_expect_gt(stage_int("PTTL bellhop:{q}:status:%s", "id1"), 0);
        cr_expect_eq(claim(), 0);
        cr_expect_eq(stage_int("HLEN bellhop:{q}:%s", "jobs"), 0);
        char counter[32];
        (void)snprintf(counter, sizeof(counter), "outcome:%s", states[i]);
        cr_expect_eq(stage_counter(counter), 1);
    }
    put(LOST);
    cr_assert_eq(steer(BH_STEER_CANCEL).code, UK);
    cr_expect_str_eq(status("state"), "unknown");
    cr_expect_eq(claim(), 0);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "dead"), 1);
    cr_expect_not_null(strstr(text("HGET bellhop:{q}:heads %s", status("handle")), " id1\n"));
}

Test(steer_script, a_tombstone_ends_the_job_at_its_next_admission)
{
    put(RAW);
    cr_assert_eq(steer(BH_STEER_CANCEL).code, LE);
    cr_expect_gt(stage_int("PTTL bellhop:{q}:cancel:%s", "id1"), 0);
    claim();
    cr_expect_eq(stage_admit("me", stage_admission(stage_ref(0), "id1")).code, BH_ADMIT_CANCELLED);
    cr_expect_str_eq(status("state"), "cancelled");
    cr_expect_eq(steer(BH_STEER_CANCEL).code, AL);
}

/* Cancelled while a worker had it in hand, it died without being admitted once more; what waits still meets it. */
Test(steer_script, a_requeue_takes_an_earlier_cancel_of_the_dead_back)
{
    static const enum kind kinds[] = {FAILED, INVALID, RETRYING};
    for (size_t i = 0; i < BH_ARRAY_LEN(kinds); i++) {
        put(kinds[i]);
        RUN("SET bellhop:{q}:cancel:id1 1");
        cr_assert_eq(steer(BH_STEER_REQUEUE).code, D, "%s", kind_names[kinds[i]]);
        cr_assert_eq(claim(), 1);
        struct bh_admit_command admit = stage_admission(stage_ref(0), "id1");
        admit.first = kinds[i] == INVALID;
        cr_expect_eq(stage_admit("me", admit).code,
                     kinds[i] == RETRYING ? BH_ADMIT_CANCELLED : BH_ADMIT_OK, "%s",
                     kind_names[kinds[i]]);
    }
}

Test(steer_script, a_requeued_job_has_nothing_of_its_past)
{
    static const enum kind kinds[] = {RETRYING, PROMOTED, HELD, FAILED};
    for (size_t i = 0; i < BH_ARRAY_LEN(kinds); i++) {
        const char *name = kind_names[kinds[i]];
        struct bh_job_head head;
        put(kinds[i]);
        script_redis_set_clock(&stage.redis, T0 + 3 * DAY);
        cr_assert_eq(steer(BH_STEER_REQUEUE).code, D, "%s", name);
        cr_expect_str_eq(status("state"), "retrying", "%s", name);
        cr_expect_str_eq(status("attempts"), "0", "%s", name);
        cr_expect_eq(stage_int("PTTL bellhop:{q}:status:%s", "id1"), -1, "%s", name);
        cr_assert_eq(claim(), 1, "%s", name);
        cr_assert_eq(bh_job_head_parse(stage.claimed.jobs[0].head, &head), BH_OK);
        cr_expect_eq(head.attempts, 0, "%s", name);
        cr_expect_eq(head.memo.len, 0, "%s", name);
        cr_expect_eq(head.expires.ms, T0 + 4 * DAY, "%s: its ttl begins anew", name);
        struct bh_admit_command admit = stage_admission(stage_ref(0), "id1");
        admit.first = false;
        admit.fields_count = 0;
        cr_expect_eq(stage_admit("me", admit).code, BH_ADMIT_OK, "%s: no duplicate of itself",
                     name);
        cr_expect_eq(claim(), 0, "%s", name);
    }
    put(INVALID);
    cr_assert_eq(steer(BH_STEER_REQUEUE).code, D);
    cr_assert_eq(claim(), 1);
    cr_expect_eq(stage_admit("me", stage_admission(stage_ref(0), "id1")).code, BH_ADMIT_OK,
                 "corrected readers register it");
}

Test(steer_script, spares_those_who_were_reached)
{
    put(RETRYING);
    RUN("HSET bellhop:{q}:status:id1 recipients %s",
        "[{\"recipient\":\"1\",\"success\":true},{\"recipient\":\"2\"}]");
    cr_expect_eq(steer(BH_STEER_REQUEUE).code, BH_STEERED_PARTLY);
    cr_expect_eq(steer(BH_STEER_CANCEL).code, D);
    cr_expect_str_eq(status("state"), "partial");
    cr_expect_str_eq(
        status("recipients"),
        "[{\"recipient\":\"1\",\"success\":true},{\"recipient\":\"2\",\"success\":false}]");
}

Test(steer_script, says_so_when_the_payload_or_the_id_has_gone)
{
    put(FAILED);
    RUN("HDEL bellhop:{q}:jobs 1");
    cr_expect_eq(steer(BH_STEER_REQUEUE).code, BH_STEERED_GONE);
    put(FAILED);
    RUN("HSET bellhop:{q}:status:id1 handle 99 state sent");
    cr_expect_eq(steer_by(BH_STEER_REQUEUE, "id1", "1").code, BH_STEERED_TAKEN);
    cr_expect_eq(steer_by(BH_STEER_DELETE, "id1", "1").code, D);
    cr_expect_str_eq(status("state"), "sent", "that is another's");
    put(FAILED);
    RUN("DEL bellhop:{q}:status:id1");
    cr_expect_eq(steer_by(BH_STEER_REQUEUE, "id1", "1").code, D, "it died long ago");
    cr_expect_str_eq(status("state"), "retrying");
    put(FAILED);
    RUN("HSET bellhop:{q}:heads 1 nonsense");
    cr_expect_eq(steer_by(BH_STEER_REQUEUE, "", "1").code, ST, "nobody can read it");
    cr_expect_eq(steer_by(BH_STEER_DELETE, "", "1").code, D);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "dead"), 0);
    cr_expect_eq(steer_by(BH_STEER_DELETE, "", "4711").code, N);
    cr_expect_eq(steer_by(BH_STEER_CANCEL, "", "").code, N, "no tombstone without id");
}

Test(steer_script, ends_jobs_when_redis_is_full)
{
    put(RETRYING);
    RUN("CONFIG SET maxmemory 1");
    cr_expect_eq(steer(BH_STEER_CANCEL).code, D);
    RUN("CONFIG SET maxmemory 0");
    cr_expect_str_eq(status("state"), "cancelled");
}

Test(steer_script, continues_its_line_of_the_audit)
{
    put(RETRYING);
    cr_assert_eq(steer(BH_STEER_HOLD).code, D);
    const struct bh_steer_job jobs[2] = {
        {"id1", {"", 0}},
        {"id9", {"", 0}}
    };
    struct bh_steer more = {.operation = BH_STEER_CANCEL,
                            .who = bh_str_from("eve"),
                            .chosen_by = bh_str_from("state=held"),
                            .line = bh_str_from(audit_line),
                            .retention_ms = DAY,
                            .jobs = jobs,
                            .count = 2};
    struct bh_steered got[2];
    struct bh_str line;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_STEER);
    bh_encode_steer(&call, &stage.keys, &more);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_steer(reply, 2, got, &line), BH_OK);
    cr_expect_eq(stage_int("XLEN bellhop:{q}:%s", "audit"), 1);
    freeReplyObject(reply);
    reply = script_redis_command(&stage.redis, "XRANGE bellhop:{q}:audit - +");
    const redisReply *fields = reply->element[0]->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, "count") == 0)
            cr_expect_str_eq(fields->element[i + 1]->str, "3");
        if (strcmp(fields->element[i]->str, "id") == 0)
            cr_expect_str_eq(fields->element[i + 1]->str, "id1 id1 id9");
    }
    freeReplyObject(reply);
}
