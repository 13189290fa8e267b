/* An uncertain job settled by somebody's word, and the pages that find such jobs. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/job_page.h"
#include "redis/resolve.h"

TestSuite(resolve_script, .init = stage_set_up, .fini = stage_tear_down);

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

/* How many changes there have been. */
static int64_t
changes(void)
{
    static const char name[] = "rdb_changes_since_last_save:";
    redisReply *reply = script_redis_command(&stage.redis, "INFO persistence");
    const char *found = strstr(reply->str, name);
    cr_assert_not_null(found);
    int64_t count = strtoll(found + strlen(name), NULL, 10);
    cr_assert_gt(count, 0);
    freeReplyObject(reply);
    return count;
}

static const char *
status(const char *field)
{
    return text("HGET bellhop:{q}:status:id1 %s", field);
}

static size_t
claim(const char *owner)
{
    return stage_claim(owner, &(struct bh_claim_command){.count = 10});
}

static enum bh_admit_code
admit(struct bh_claim_ref job, bool first)
{
    struct bh_admit_command admit = stage_admission(job, "id1");
    admit.first = first;
    if (!first)
        admit.fields_count = 0;
    return stage_admit("me", admit).code;
}

static enum bh_settle_code
settle(struct bh_settle_command settle)
{
    return stage_settle("me", settle).code;
}

static struct bh_settle_command
settlement(struct bh_claim_ref job, enum bh_disposition disposition, const char *state)
{
    bool waits = disposition == BH_SETTLE_WAIT;
    return (struct bh_settle_command){.claim = job,
                                      .disposition = disposition,
                                      .delay_ms = 45000,
                                      .waiting = waits ? BH_WAITING_UNCERTAIN : BH_WAITING_RETRY,
                                      .reason = waits ? "uncertain" : "",
                                      .attempts = 1,
                                      .uncertain_since = {waits ? T0 : 0},
                                      .memo = bh_str_from("r=1"),
                                      .id = "id1",
                                      .state = state,
                                      .ledger_ms = 190000};
}

/* ---- the places of an uncertain job -------------------------------------------------------------- */

enum place {
    IN_DUE,
    IN_READY, /* recovered from a dead worker */
    PROMOTED, /* from due into the line */
    HELD,     /* uncertain, and held for another cause */
    IN_DEAD,
    DEAD_LATE, /* died by a late result while its old handle waited in the line */
};

#define PLACES 6

/* Bring one job there; returns the claim of whoever had it last. */
static struct bh_claim_ref
put(enum place place)
{
    script_redis_reset(&stage.redis, T0);
    RUN("LPUSH bellhop:{q} payload");
    claim("me");
    struct bh_claim_ref job = stage_ref(0);
    cr_assert_eq(admit(job, true), BH_ADMIT_OK);
    struct bh_settle_command waits = settlement(job, BH_SETTLE_WAIT, "retrying");
    if (place == HELD) {
        waits.waiting = BH_WAITING_HELD;
        waits.reason = "credit";
    }
    if (place == IN_DUE || place == HELD || place == PROMOTED)
        cr_assert_eq(settle(waits), BH_SETTLED_OK);
    RUN("HSET bellhop:{q}:control paused 1");
    if (place == IN_READY || place == DEAD_LATE || place == PROMOTED) {
        script_redis_set_clock(&stage.redis, T0 + LEASE + 45000);
        cr_assert_eq(claim("other"), 0);
    }
    if (place == IN_DEAD || place == DEAD_LATE) {
        struct bh_settle_command dies = settlement(job, BH_SETTLE_DEAD, "unknown");
        const struct bh_field error = {"error", bh_str_from("its answer was lost")};
        dies.fields = &error;
        dies.fields_count = 1;
        dies.first_error = error.value;
        cr_assert_eq(settle(dies), place == IN_DEAD ? BH_SETTLED_OK : BH_SETTLED_LATE);
    }
    RUN("HDEL bellhop:{q}:control paused");
    return job;
}

static redisReply *resolved_reply; /* what the last answer borrows from */

static struct bh_resolved
resolve(const struct bh_resolve *resolve)
{
    struct bh_resolved resolved;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &stage.keys, resolve);
    freeReplyObject(resolved_reply);
    resolved_reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_resolve(resolved_reply, &resolved), BH_OK);
    return resolved;
}

static struct bh_resolve
word(enum bh_resolve_word word)
{
    return (struct bh_resolve){
        .id = "id1", .word = word, .who = bh_str_from("eve"), .retention_ms = DAY};
}

static struct bh_resolved
say(enum bh_resolve_word the_word)
{
    struct bh_resolve said = word(the_word);
    return resolve(&said);
}

static struct bh_resolved
report(const char *recipient)
{
    static const struct bh_field fields[] = {
        {"message_id", {"77", 2}       },
        {"delivery",   {"DELIVERED", 9}},
        {"price",      {"0.075", 5}    }
    };
    struct bh_resolve said = word(BH_RESOLVE_SENT);
    said.source = BH_RESOLVE_BY_REPORT;
    said.recipient = bh_str_from(recipient);
    said.fields = fields;
    said.fields_count = 3;
    return resolve(&said);
}

/* Each job lies in one place, and the gauges tell which waits. */
static void
expect_counts(const char *name, int64_t jobs, int64_t dead, int64_t waiting)
{
    cr_expect_eq(stage_int("HLEN bellhop:{q}:%s", "heads"), jobs, "%s", name);
    cr_expect_eq(stage_int("HLEN bellhop:{q}:%s", "jobs"), jobs, "%s", name);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "dead"), dead, "%s", name);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "due"), 0, "%s", name);
    cr_expect_eq(stage_counter("now:uncertain"), 0, "%s", name);
    cr_expect_eq(stage_counter("now:held:credit"), 0, "%s", name);
    cr_expect_eq(stage_counter("now:retrying"), waiting, "%s", name);
}

static const char *const place_names[PLACES] = {"in due", "in ready", "promoted",
                                                "held",   "in dead",  "dead, late"};

/* ---- words --------------------------------------------------------------------------------------- */

Test(resolve_script, sent_ends_the_job_wherever_it_waits)
{
    for (int place = 0; place < PLACES; place++) {
        const char *name = place_names[place];
        struct bh_claim_ref job = put((enum place)place);
        struct bh_resolved resolved = say(BH_RESOLVE_SENT);
        cr_expect_eq(resolved.code, BH_RESOLVED_DONE, "%s: %d", name, (int)resolved.code);
        cr_expect(bh_str_equal_text(resolved.after, "sent"), "%s", name);
        cr_expect_geq(resolved.since.ms, T0, "%s", name);
        cr_expect_eq(resolved.attempts, 1, "%s", name);
        expect_counts(name, 0, 0, 0);
        cr_expect_str_eq(status("state"), "sent", "%s", name);
        cr_expect_str_eq(status("confirmed_by"), "operator", "%s", name);
        cr_expect_str_eq(status("attempts"), "1", "%s", name);
        cr_expect_gt(strtoll(status("sent_at"), NULL, 10), 0, "%s", name);
        cr_expect_str_eq(status("error"), "(none)", "%s", name);
        cr_expect_str_eq(status("next_at"), "(none)", "%s", name);
        cr_expect_str_eq(status("reason"), "(none)", "%s", name);
        cr_expect_str_eq(status("handle"), "(none)", "%s", name);
        cr_expect_gt(stage_int("PTTL bellhop:{q}:status:%s", "id1"), DAY - 60000, "%s", name);
        cr_expect_eq(stage_counter("outcome:sent"), 1, "%s", name);
        cr_expect_eq(stage_counter("uncertain:operator"), 1, "%s", name);
        /* Nobody can take it up any more, and nobody can have a say about it. */
        cr_expect_eq(claim("me"), 0, "%s", name);
        cr_expect_eq(stage_int("LLEN bellhop:{q}:%s", "ready"), 0, "%s", name);
        cr_expect_eq(settle(settlement(job, BH_SETTLE_FINAL, "failed")), BH_SETTLED_GONE, "%s",
                     name);
        cr_expect_str_eq(status("state"), "sent", "%s", name);
        cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_ALREADY, "%s", name);
        cr_expect_eq(say(BH_RESOLVE_RESEND).code, BH_RESOLVED_CERTAIN, "%s", name);
        cr_expect_eq(stage_counter("outcome:sent"), 1, "%s", name);
    }
}

Test(resolve_script, failed_keeps_the_job_among_the_dead)
{
    for (int place = 0; place < PLACES; place++) {
        const char *name = place_names[place];
        struct bh_claim_ref job = put((enum place)place);
        struct bh_resolved resolved = say(BH_RESOLVE_FAILED);
        cr_expect_eq(resolved.code, BH_RESOLVED_DONE, "%s: %d", name, (int)resolved.code);
        cr_expect(bh_str_equal_text(resolved.after, "failed"), "%s", name);
        expect_counts(name, 1, 1, 0);
        cr_expect_str_eq(status("state"), "failed", "%s", name);
        cr_expect_not_null(strstr(status("error"), "not sent, by the word of an operator"), "%s",
                           status("error"));
        cr_expect_str_eq(status("confirmed_by"), "(none)", "%s", name);
        cr_expect_not_null(text("HGET bellhop:{q}:heads %s", status("handle")), "%s", name);
        cr_expect_not_null(strstr(text("HGET bellhop:{q}:heads %s", status("handle")), " id1\n"),
                           "%s: its status names the handle of its record", name);
        cr_expect_eq(stage_counter("outcome:failed"), 1, "%s", name);
        cr_expect_eq(claim("me"), 0, "%s: the dead are not claimed", name);
        cr_expect_eq(settle(settlement(job, BH_SETTLE_FINAL, "sent")), BH_SETTLED_GONE, "%s", name);
        cr_expect_str_eq(status("state"), "failed", "%s", name);
        cr_expect_eq(say(BH_RESOLVE_FAILED).code, BH_RESOLVED_ALREADY, "%s", name);
        cr_expect_eq(say(BH_RESOLVE_RESEND).code, BH_RESOLVED_CERTAIN,
                     "%s: that is another command", name);
    }
}

Test(resolve_script, resend_puts_the_job_into_the_line_once)
{
    for (int place = 0; place < PLACES; place++) {
        const char *name = place_names[place];
        struct bh_claim_ref job = put((enum place)place);
        /* Of when a worker had it in hand; the word that is said now is the newer one. */
        RUN("SET bellhop:{q}:cancel:id1 1");
        struct bh_resolved resolved = say(BH_RESOLVE_RESEND);
        cr_expect_eq(resolved.code, BH_RESOLVED_DONE, "%s: %d", name, (int)resolved.code);
        cr_expect(bh_str_equal_text(resolved.after, "retrying"), "%s", name);
        expect_counts(name, 1, 0, 1);
        cr_expect_str_eq(status("state"), "retrying", "%s", name);
        cr_expect_str_eq(status("reason"), "operator", "%s", name);
        cr_expect_str_eq(status("error"), "(none)", "%s", name);
        cr_expect_eq(stage_int("PTTL bellhop:{q}:status:%s", "id1"), -1, "%s: it is not over",
                     name);
        cr_expect_eq(say(BH_RESOLVE_RESEND).code, BH_RESOLVED_ALREADY, "%s", name);
        cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_CERTAIN, "%s", name);
        for (int disposition = BH_SETTLE_FINAL; disposition <= BH_SETTLE_READY; disposition++)
            cr_expect_geq(settle(settlement(job, (enum bh_disposition)disposition, "sent")),
                          BH_SETTLED_GONE, "%s: a result from before", name);
        cr_expect_str_eq(status("state"), "retrying", "%s", name);

        cr_assert_eq(claim("me"), 1, "%s", name);
        cr_expect(bh_str_equal_text(stage.claimed.jobs[0].payload, "payload"), "%s", name);
        struct bh_job_head head;
        cr_assert_eq(bh_job_head_parse(stage.claimed.jobs[0].head, &head), BH_OK);
        cr_expect_eq(head.waiting, BH_WAITING_RETRY, "%s", name);
        cr_expect_eq(head.reason, BH_REASON_OPERATOR, "%s", name);
        cr_expect_eq(head.uncertain_since.ms, 0, "%s", name);
        cr_expect_eq(head.attempts, 1, "%s", name);
        cr_expect_eq(head.recoveries, 0, "%s: a person's word is a new beginning", name);
        cr_expect_eq(stage_counter("now:retrying"), 0, "%s", name);
        struct bh_claim_ref again = stage_ref(0);
        cr_expect_eq(admit(again, false), BH_ADMIT_OK, "%s: it is no duplicate of itself", name);
        cr_expect_eq(settle(settlement(again, BH_SETTLE_FINAL, "sent")), BH_SETTLED_OK, "%s", name);
        expect_counts(name, 0, 0, 0);
        cr_expect_eq(claim("me"), 0, "%s", name);
    }
}

/* ---- what is not to be settled ------------------------------------------------------------------- */

Test(resolve_script, a_job_that_is_not_uncertain_stays_as_it_is)
{
    static const struct {
        const char *name;
        enum bh_disposition disposition;
        const char *state;
        enum bh_resolve_word word;
        enum bh_resolve_code wanted;
    } rows[] = {
        {"sent, sent",         BH_SETTLE_FINAL, "sent",      BH_RESOLVE_SENT,   BH_RESOLVED_ALREADY},
        {"sent, failed",       BH_SETTLE_FINAL, "sent",      BH_RESOLVE_FAILED, BH_RESOLVED_CERTAIN},
        {"sent, resend",       BH_SETTLE_FINAL, "sent",      BH_RESOLVE_RESEND, BH_RESOLVED_CERTAIN},
        {"partial, sent",      BH_SETTLE_FINAL, "partial",   BH_RESOLVE_SENT,   BH_RESOLVED_CERTAIN},
        {"expired, resend",    BH_SETTLE_FINAL, "expired",   BH_RESOLVE_RESEND, BH_RESOLVED_CERTAIN},
        {"failed, sent",       BH_SETTLE_DEAD,  "failed",    BH_RESOLVE_SENT,   BH_RESOLVED_CERTAIN},
        {"failed, resend",     BH_SETTLE_DEAD,  "failed",    BH_RESOLVE_RESEND, BH_RESOLVED_CERTAIN},
        {"invalid, resend",    BH_SETTLE_DEAD,  "invalid",   BH_RESOLVE_RESEND, BH_RESOLVED_CERTAIN},
        {"given back, sent",   BH_SETTLE_READY, "held",      BH_RESOLVE_SENT,   BH_RESOLVED_CERTAIN},
        {"given back, resend", BH_SETTLE_READY, "held",      BH_RESOLVE_RESEND, BH_RESOLVED_CERTAIN},
        {"retrying, failed",   BH_SETTLE_WAIT,  "retrying",  BH_RESOLVE_FAILED, BH_RESOLVED_CERTAIN},
        {"cancelled, resend",  BH_SETTLE_FINAL, "cancelled", BH_RESOLVE_RESEND, BH_RESOLVED_CERTAIN},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        script_redis_reset(&stage.redis, T0);
        RUN("LPUSH bellhop:{q} payload");
        claim("me");
        struct bh_claim_ref job = stage_ref(0);
        admit(job, true);
        struct bh_settle_command command = settlement(job, rows[i].disposition, rows[i].state);
        command.waiting = BH_WAITING_RETRY;
        command.uncertain_since.ms = 0;
        settle(command);
        int64_t before = changes();
        struct bh_resolved resolved = say(rows[i].word);
        cr_expect_eq(resolved.code, rows[i].wanted, "%s: %d", rows[i].name, (int)resolved.code);
        cr_expect(bh_str_equal_text(resolved.before, rows[i].state), "%s", rows[i].name);
        cr_expect_eq(changes(), before, "%s: something has changed", rows[i].name);
    }
}

Test(resolve_script, what_is_not_there_is_said_to_be_so)
{
    cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_NONE);
    cr_expect_eq(stage_int("DBSIZE%s", ""), 1, "nothing but the clock");
}

Test(resolve_script, a_job_in_a_workers_hand_is_left_there)
{
    put(IN_DUE);
    script_redis_set_clock(&stage.redis, T0 + 45000);
    cr_assert_eq(claim("me"), 1);
    struct bh_claim_ref job = stage_ref(0);
    script_redis_set_clock(&stage.redis, T0 + 46000);
    struct bh_resolved resolved = say(BH_RESOLVE_SENT);
    cr_expect_eq(resolved.code, BH_RESOLVED_LEASED);
    cr_expect_eq(resolved.wait_ms, LEASE - 1000);
    script_redis_set_clock(&stage.redis, T0 + 45000 + 2 * LEASE);
    resolved = say(BH_RESOLVE_SENT);
    cr_expect_eq(resolved.code, BH_RESOLVED_LEASED, "until somebody has taken it back");
    cr_expect_eq(resolved.wait_ms, 0);
    cr_expect_eq(settle(settlement(job, BH_SETTLE_FINAL, "sent")), BH_SETTLED_OK,
                 "the worker's own result came first");
    cr_expect_eq(say(BH_RESOLVE_FAILED).code, BH_RESOLVED_CERTAIN);
}

/* It waits in the worker's hand for a token, say, to be sent a second time. */
Test(resolve_script, a_report_takes_a_job_from_who_has_not_begun_to_send_it_again)
{
    for (int asked = 0; asked < 3; asked++) {
        put(IN_DUE);
        script_redis_set_clock(&stage.redis, T0 + 45000);
        cr_assert_eq(claim("me"), 1);
        struct bh_claim_ref job = stage_ref(0);
        if (asked == 1)
            cr_assert_eq(admit(job, false), BH_ADMIT_OK);
        struct bh_resolved resolved = asked == 2 ? say(BH_RESOLVE_SENT) : report("");
        cr_expect_eq(resolved.code, asked == 0 ? BH_RESOLVED_DONE : BH_RESOLVED_LEASED, "%d",
                     asked);
        if (asked > 0)
            continue;
        cr_expect_str_eq(status("state"), "sent");
        cr_expect_str_eq(status("confirmed_by"), "report");
        expect_counts("taken away", 0, 0, 0);
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "leases"), 0);
        cr_expect_eq(stage_int("LLEN bellhop:{q}:%s", "ready"), 0);
        cr_expect_eq(admit(job, false), BH_ADMIT_LOST);
        cr_expect_eq(settle(settlement(job, BH_SETTLE_WAIT, "retrying")), BH_SETTLED_GONE);
        cr_expect_str_eq(status("state"), "sent");
    }
    /* What has not been sent yet is proven by no report. */
    script_redis_reset(&stage.redis, T0);
    RUN("LPUSH bellhop:{q} payload");
    cr_assert_eq(claim("me"), 1);
    cr_assert_eq(admit(stage_ref(0), true), BH_ADMIT_OK);
    struct bh_settle_command waits = settlement(stage_ref(0), BH_SETTLE_WAIT, "retrying");
    waits.uncertain_since.ms = 0;
    waits.waiting = BH_WAITING_RETRY;
    cr_assert_eq(settle(waits), BH_SETTLED_OK);
    script_redis_set_clock(&stage.redis, T0 + 45000);
    cr_assert_eq(claim("me"), 1);
    cr_expect_eq(report("").code, BH_RESOLVED_LEASED);
    cr_expect_eq(admit(stage_ref(0), false), BH_ADMIT_OK);
}

Test(resolve_script, a_resend_after_its_time_would_only_expire)
{
    for (int place = 0; place < PLACES; place++) {
        put((enum place)place);
        script_redis_set_clock(&stage.redis, T0 + DAY);
        struct bh_resolved resolved = say(BH_RESOLVE_RESEND);
        cr_expect_eq(resolved.code, BH_RESOLVED_EXPIRED, "%s", place_names[place]);
        cr_expect_eq(resolved.expired.ms, T0 + DAY, "%s", place_names[place]);
        cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_DONE, "%s", place_names[place]);
    }
}

Test(resolve_script, a_job_trimmed_from_the_dead_can_only_be_written_off)
{
    static const enum bh_resolve_word words[] = {BH_RESOLVE_SENT, BH_RESOLVE_FAILED};
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        put(IN_DEAD);
        RUN("DEL bellhop:{q}:dead bellhop:{q}:heads bellhop:{q}:jobs");
        cr_expect_eq(say(BH_RESOLVE_RESEND).code, BH_RESOLVED_GONE);
        struct bh_resolved resolved = say(words[i]);
        cr_expect_eq(resolved.code, BH_RESOLVED_DONE);
        cr_expect_eq(resolved.since.ms, T0);
        cr_expect_str_eq(status("state"), i == 0 ? "sent" : "failed");
        expect_counts("trimmed", 0, 0, 0);
    }
}

Test(resolve_script, a_job_outlives_its_status_and_can_still_be_settled)
{
    static const struct {
        const char *name, *id, *handle;
        enum bh_resolve_word word;
        enum bh_resolve_code wanted;
        const char *state;
    } rows[] = {
        {"sent",             "id1", "1",  BH_RESOLVE_SENT,   BH_RESOLVED_DONE, "sent"    },
        {"failed",           "id1", "1",  BH_RESOLVE_FAILED, BH_RESOLVED_DONE, "failed"  },
        {"resend",           "id1", "1",  BH_RESOLVE_RESEND, BH_RESOLVED_DONE, "retrying"},
        {"no handle",        "id1", "",   BH_RESOLVE_SENT,   BH_RESOLVED_NONE, "(none)"  },
        {"no such handle",   "id1", "99", BH_RESOLVE_SENT,   BH_RESOLVED_NONE, "(none)"  },
        {"another's handle", "id2", "1",  BH_RESOLVE_SENT,   BH_RESOLVED_NONE, "(none)"  },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        put(IN_DEAD);
        cr_assert_str_eq(status("handle"), "1");
        RUN("DEL bellhop:{q}:status:id1");
        struct bh_resolve said = word(rows[i].word);
        said.id = rows[i].id;
        said.handle = bh_str_from(rows[i].handle);
        struct bh_resolved resolved = resolve(&said);
        cr_expect_eq(resolved.code, rows[i].wanted, "%s: %d", rows[i].name, (int)resolved.code);
        cr_expect_str_eq(status("state"), rows[i].state, "%s", rows[i].name);
        if (rows[i].wanted != BH_RESOLVED_DONE)
            continue;
        cr_expect(bh_str_equal_text(resolved.before, "unknown"), "%s", rows[i].name);
        cr_expect_eq(resolved.since.ms, T0, "%s", rows[i].name);
        cr_expect_str_eq(status("created_at"), "1700000000000", "%s", rows[i].name);
        cr_expect_eq(claim("me"), rows[i].word == BH_RESOLVE_RESEND, "%s", rows[i].name);
    }
    /* Only the unknown: nothing tells how another one ended. */
    put(IN_DEAD);
    say(BH_RESOLVE_FAILED);
    RUN("DEL bellhop:{q}:status:id1");
    struct bh_resolve said = word(BH_RESOLVE_SENT);
    said.handle = bh_str_from("1");
    cr_expect_eq(resolve(&said).code, BH_RESOLVED_NONE);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "dead"), 1);
}

Test(resolve_script, a_handle_that_names_another_job_now_is_not_followed)
{
    put(IN_DEAD);
    RUN("HSET bellhop:{q}:heads %s %s", status("handle"),
        "1 u uncertain 1 0 - 0 0 0 0 1700086400000 0 other\n");
    cr_expect_eq(say(BH_RESOLVE_RESEND).code, BH_RESOLVED_GONE);
    cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_DONE);
    cr_expect_eq(stage_int("HLEN bellhop:{q}:%s", "heads"), 1, "the other one's");
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "dead"), 1);
}

Test(resolve_script, a_cancelled_job_that_may_have_been_sent_is_unknown)
{
    static const enum bh_resolve_word words[] = {BH_RESOLVE_SENT, BH_RESOLVE_FAILED,
                                                 BH_RESOLVE_RESEND};
    static const char *const states[] = {"sent", "failed", "retrying"};
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        put(IN_DUE);
        script_redis_set_clock(&stage.redis, T0 + 45000);
        cr_assert_eq(claim("me"), 1);
        struct bh_claim_ref job = stage_ref(0);
        RUN("SET bellhop:{q}:cancel:id1 1 PX 100000");
        cr_expect_eq(admit(job, false), BH_ADMIT_CANCELLED);
        cr_expect_str_eq(status("state"), "unknown");
        cr_expect_not_null(strstr(status("error"), "cancelled"), "%s", status("error"));
        cr_expect_eq(stage_counter("outcome:unknown"), 1);
        cr_expect_eq(stage_counter("outcome:cancelled"), 0);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:cancel:%s", "id1"), 0, "it is used up");
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:%s", "leases"), 0);
        cr_expect_eq(claim("me"), 0, "nobody sends it again by himself");
        cr_expect_eq(settle(settlement(job, BH_SETTLE_FINAL, "sent")), BH_SETTLED_GONE);
        expect_counts("cancelled", 1, 1, 0);
        cr_expect_eq(say(words[i]).code, BH_RESOLVED_DONE, "%s", states[i]);
        cr_expect_str_eq(status("state"), states[i]);
    }
}

/* ---- reports ------------------------------------------------------------------------------------- */

#define ONE(n, success) "{\"recipient\":\"49170000000" n "\",\"success\":" success ",\"code\":700}"

/* clang-format off */

static const struct report_row {
    const char *name, *to, *recipients, *recipient;
    enum bh_resolve_code wanted;
    const char *state, *left; /* NULL: the recipients as they were */
} report_rows[] = {
    {"one recipient", "491700000001", NULL, "491700000001", BH_RESOLVED_DONE, "sent", NULL},
    {"one, and no number", "491700000001", NULL, "", BH_RESOLVED_DONE, "sent", NULL},
    {"a group's member", "friends", NULL, "491700000001", BH_RESOLVED_DONE, "sent", NULL},
    {"several, none told", "491700000001,491700000002", NULL, "491700000001", BH_RESOLVED_SEVERAL, "unknown", NULL},
    {"one of two open", "491700000001,491700000002", "[" ONE("1", "null") "," ONE("2", "null") "]", "491700000001",
     BH_RESOLVED_SEVERAL, "unknown", NULL},
    {"the only one open", "491700000001,491700000002", "[" ONE("1", "null") "," ONE("2", "true") "]", "491700000001",
     BH_RESOLVED_DONE, "sent", "[" ONE("1", "true") "," ONE("2", "true") "]"},
    {"beside a refused one", "491700000001,491700000002", "[" ONE("1", "null") "," ONE("2", "false") "]", "491700000001",
     BH_RESOLVED_DONE, "partial", "[" ONE("1", "true") "," ONE("2", "false") "]"},
    {"about the reached one", "491700000001,491700000002", "[" ONE("1", "null") "," ONE("2", "true") "]", "491700000002",
     BH_RESOLVED_SEVERAL, "unknown", NULL},
    {"a name that pretends", "a,491700000002", "[{\"recipient\":\"\\\"success\\\":null\",\"success\":false}," ONE("2", "null") "]",
     "491700000002", BH_RESOLVED_DONE, "partial",
     "[{\"recipient\":\"\\\"success\\\":null\",\"success\":false}," ONE("2", "true") "]"},
    {"several, and no number", "491700000001,491700000002", "[" ONE("1", "null") "," ONE("2", "true") "]", "",
     BH_RESOLVED_SEVERAL, "unknown", NULL},
    {"not our text", "491700000001", "nonsense", "491700000001", BH_RESOLVED_SEVERAL, "unknown", NULL},
};

/* clang-format on */

Test(resolve_script, a_report_proves_what_it_is_about)
{
    const struct report_row *rows = report_rows;
    for (size_t i = 0; i < BH_ARRAY_LEN(report_rows); i++) {
        put(IN_DEAD);
        RUN("HSET bellhop:{q}:status:id1 to %s", rows[i].to);
        if (rows[i].recipients != NULL)
            RUN("HSET bellhop:{q}:status:id1 recipients %s", rows[i].recipients);
        struct bh_resolved resolved = report(rows[i].recipient);
        const char *left = rows[i].left != NULL         ? rows[i].left
                           : rows[i].recipients != NULL ? rows[i].recipients
                                                        : "(none)";
        cr_expect_eq(resolved.code, rows[i].wanted, "%s: %d", rows[i].name, (int)resolved.code);
        cr_expect_str_eq(status("state"), rows[i].state, "%s", rows[i].name);
        cr_expect_str_eq(status("recipients"), left, "%s", rows[i].name);
        if (rows[i].wanted != BH_RESOLVED_DONE)
            continue;
        cr_expect_str_eq(status("confirmed_by"), "report", "%s", rows[i].name);
        cr_expect_str_eq(status("message_id"), "77", "%s", rows[i].name);
        cr_expect_str_eq(status("delivery"), "DELIVERED", "%s", rows[i].name);
        cr_expect_eq(stage_counter("uncertain:report"), 1, "%s", rows[i].name);
        cr_expect_eq(stage_counter("spend_micro"), 75000, "%s", rows[i].name);
        cr_expect_eq(report(rows[i].recipient).code, BH_RESOLVED_ALREADY, "%s", rows[i].name);
        cr_expect_eq(stage_counter("spend_micro"), 75000, "%s", rows[i].name);
    }
}

Test(resolve_script, an_operator_speaks_for_all_recipients)
{
    put(IN_DEAD);
    RUN("HSET bellhop:{q}:status:id1 recipients %s",
        "[" ONE("1", "null") "," ONE("2", "true") "," ONE("3", "null") "]");
    cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_DONE);
    cr_expect_str_eq(status("state"), "sent");
    cr_expect_str_eq(status("recipients"),
                     "[" ONE("1", "true") "," ONE("2", "true") "," ONE("3", "true") "]");
    put(IN_DEAD);
    RUN("HSET bellhop:{q}:status:id1 recipients %s",
        "[" ONE("1", "false") "," ONE("2", "null") "]");
    struct bh_resolved resolved = say(BH_RESOLVE_SENT);
    cr_expect(bh_str_equal_text(resolved.after, "partial"));
    cr_expect_eq(stage_counter("outcome:partial"), 1);
    cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_ALREADY);
    cr_expect_eq(say(BH_RESOLVE_FAILED).code, BH_RESOLVED_CERTAIN);
}

#define LATER(n) "{\"recipient\":\"49170000000" n "\",\"code\":500}"
#define NAMED    "{\"recipient\":\"a\\\\\\\",\\\"success\\\":null\"}"

/* Recipients without `success` wait for their turn, unless the job has ended or its last request was lost. */
Test(resolve_script, recipients_who_wait_are_neither_reached_nor_lost)
{
    /* clang-format off */
    static const char one_waits[] = "[" ONE("1", "null") "," LATER("2") "]";
    static const char was_later[] = "{\"recipient\":\"491700000001\",\"success\":true,\"code\":500}";
    static const struct {
        const char *name;
        enum place place;
        const char *recipients, *about; /* NULL: an operator's word */
        enum bh_resolve_code wanted;
        const char *left; /* how they end after `was_later`; NULL: as they were */
    } rows[] = {
        {"in due", IN_DUE, one_waits, NULL, BH_RESOLVED_SEVERAL, NULL},
        {"promoted", PROMOTED, one_waits, NULL, BH_RESOLVED_SEVERAL, NULL},
        {"held", HELD, one_waits, NULL, BH_RESOLVED_SEVERAL, NULL},
        {"first", IN_DUE, "[" LATER("2") "," ONE("1", "null") "]", NULL, BH_RESOLVED_SEVERAL, NULL},
        {"a name alone", IN_DUE, "[" NAMED "," ONE("1", "null") "]", NULL, BH_RESOLVED_SEVERAL, NULL},
        {"a report", IN_DUE, one_waits, "491700000001", BH_RESOLVED_SEVERAL, NULL},
        {"a lost request", IN_READY, "[" LATER("1") "," NAMED "]", NULL, BH_RESOLVED_DONE,
         ",{\"recipient\":\"a\\\\\\\",\\\"success\\\":null\",\"success\":true}]"},
        {"a lost one's report", IN_READY, "[" LATER("1") "," ONE("2", "false") "]", "491700000001", BH_RESOLVED_DONE,
         "," ONE("2", "false") "]"},
        {"dead", IN_DEAD, "[" LATER("1") "," ONE("2", "true") "]", NULL, BH_RESOLVED_DONE, "," ONE("2", "true") "]"},
        {"none waits any more", IN_DEAD, "[" LATER("1") "," ONE("2", "null") "]", NULL, BH_RESOLVED_DONE,
         "," ONE("2", "true") "]"},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bool waits = rows[i].wanted == BH_RESOLVED_SEVERAL;
        put(rows[i].place);
        RUN("HSET bellhop:{q}:status:id1 recipients %s", rows[i].recipients);
        int64_t before = changes();
        struct bh_resolved resolved =
            rows[i].about != NULL ? report(rows[i].about) : say(BH_RESOLVE_SENT);
        cr_expect_eq(resolved.code, rows[i].wanted, "%s: %d", rows[i].name, (int)resolved.code);
        char left[512];
        (void)snprintf(left, sizeof(left), "[%s%s", was_later, waits ? "" : rows[i].left);
        cr_expect_str_eq(status("recipients"), waits ? rows[i].recipients : left, "%s",
                         rows[i].name);
        cr_expect_eq(stage_int("HLEN bellhop:{q}:%s", "heads"), waits, "%s", rows[i].name);
        if (waits)
            cr_expect_eq(changes(), before, "%s", rows[i].name);
    }
}

Test(resolve_script, a_job_that_reached_somebody_has_not_failed)
{
    static const char reached[] =
        "[" ONE("1", "true") "," ONE("2", "null") "," LATER("3") "," ONE("4", "false") "]";
    static const char left[] = "[" ONE("1", "true") "," ONE(
        "2", "false") ","
                      "{\"recipient\":\"491700000003\",\"success\":false,\"code\":500}," ONE(
                          "4", "false") "]";
    for (int place = 0; place < PLACES; place++) {
        const char *name = place_names[place];
        struct bh_claim_ref job = put((enum place)place);
        RUN("HSET bellhop:{q}:status:id1 recipients %s", reached);
        struct bh_resolved resolved = say(BH_RESOLVE_FAILED);
        cr_expect_eq(resolved.code, BH_RESOLVED_DONE, "%s: %d", name, (int)resolved.code);
        cr_expect(bh_str_equal_text(resolved.after, "partial"), "%s", name);
        expect_counts(name, 0, 0, 0);
        cr_expect_str_eq(status("state"), "partial", "%s", name);
        cr_expect_str_eq(status("recipients"), left, "%s", name);
        cr_expect_str_eq(status("confirmed_by"), "operator", "%s", name);
        cr_expect_str_eq(status("handle"), "(none)", "%s", name);
        cr_expect_not_null(strstr(status("error"), "not sent to the others"), "%s", name);
        cr_expect_gt(stage_int("PTTL bellhop:{q}:status:%s", "id1"), DAY - 60000, "%s", name);
        cr_expect_eq(stage_counter("outcome:partial"), 1, "%s", name);
        cr_expect_eq(stage_counter("outcome:failed"), 0, "%s", name);
        cr_expect_eq(claim("me"), 0, "%s", name);
        cr_expect_eq(settle(settlement(job, BH_SETTLE_FINAL, "sent")), BH_SETTLED_GONE, "%s", name);
        cr_expect_eq(say(BH_RESOLVE_FAILED).code, BH_RESOLVED_ALREADY, "%s", name);
        cr_expect_eq(say(BH_RESOLVE_SENT).code, BH_RESOLVED_CERTAIN, "%s", name);
        cr_expect_eq(say(BH_RESOLVE_RESEND).code, BH_RESOLVED_CERTAIN, "%s", name);
    }
    put(IN_DEAD);
    RUN("HSET bellhop:{q}:status:id1 recipients %s",
        "[" ONE("1", "null") "," ONE("2", "false") "]");
    say(BH_RESOLVE_FAILED);
    cr_expect_str_eq(status("state"), "failed", "nobody was reached");
}

Test(resolve_script, message_ids_add_up)
{
    static const struct {
        const char *known, *wanted;
    } rows[] = {
        {"",       "77"       },
        {"5",      "5,77"     },
        {"5,77",   "5,77"     },
        {"77",     "77"       },
        {"777,6",  "777,6,77" },
        {"177,78", "177,78,77"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        put(IN_DEAD);
        RUN("HSET bellhop:{q}:status:id1 message_id %s", rows[i].known);
        cr_expect_eq(report("").code, BH_RESOLVED_DONE);
        cr_expect_str_eq(status("message_id"), rows[i].wanted);
    }
}

/* The path that each report of each ordinary message takes. */
Test(resolve_script, a_report_about_a_certain_job_costs_one_read)
{
    put(IN_DUE);
    report("");
    RUN("CONFIG RESETSTAT");
    cr_expect_eq(report("").code, BH_RESOLVED_ALREADY);
    redisReply *stats = script_redis_command(&stage.redis, "INFO commandstats");
    cr_expect_not_null(strstr(stats->str, "cmdstat_hmget:calls=1,"), "%s", stats->str);
    cr_expect_null(strstr(stats->str, "cmdstat_hset"), "%s", stats->str);
    cr_expect_null(strstr(stats->str, "cmdstat_hdel"), "%s", stats->str);
    cr_expect_null(strstr(stats->str, "cmdstat_hget:"), "%s", stats->str);
    freeReplyObject(stats);
}

/* ---- races, trouble ------------------------------------------------------------------------------ */

Test(resolve_script, a_word_and_a_late_result_may_come_in_either_order)
{
    static const enum bh_disposition ends[] = {BH_SETTLE_FINAL, BH_SETTLE_DEAD};
    for (int word = BH_RESOLVE_SENT; word <= BH_RESOLVE_RESEND; word++) {
        for (size_t i = 0; i < BH_ARRAY_LEN(ends); i++) {
            struct bh_claim_ref job = put(IN_READY);
            cr_expect_eq(say((enum bh_resolve_word)word).code, BH_RESOLVED_DONE);
            char state[16];
            (void)snprintf(state, sizeof(state), "%s", status("state"));
            cr_expect_geq(settle(settlement(job, ends[i], "expired")), BH_SETTLED_GONE);
            cr_expect_str_eq(status("state"), state);

            job = put(IN_READY);
            cr_expect_eq(settle(settlement(job, ends[i], "expired")), BH_SETTLED_LATE);
            cr_expect_eq(say((enum bh_resolve_word)word).code, BH_RESOLVED_CERTAIN);
            cr_expect_str_eq(status("state"), "expired");
            cr_expect_eq(claim("me"), 0);
        }
    }
}

Test(resolve_script, a_full_server_still_lets_jobs_be_resolved)
{
    for (int word = BH_RESOLVE_SENT; word <= BH_RESOLVE_RESEND; word++) {
        put(word == BH_RESOLVE_FAILED ? IN_READY : IN_DEAD);
        RUN("CONFIG SET maxmemory-policy noeviction");
        RUN("CONFIG SET maxmemory 1");
        redisReply *refused = script_redis_command(&stage.redis, "LPUSH bellhop:{q} y");
        cr_assert_eq(refused->type, REDIS_REPLY_ERROR, "the server has to be full for this test");
        freeReplyObject(refused);
        cr_expect_eq(say((enum bh_resolve_word)word).code, BH_RESOLVED_DONE);
        RUN("CONFIG SET maxmemory 0");
    }
}

/* A script that a wrong type stops must not have begun to change anything. */
Test(resolve_script, keys_of_a_wrong_type_are_met_before_anything_changes)
{
    static const char *const wrong[] = {"status:id1", "heads", "dead", "leases"};
    for (size_t i = 0; i < BH_ARRAY_LEN(wrong); i++) {
        struct bh_resolve said = word(BH_RESOLVE_SENT);
        struct bh_call call;
        put(IN_DEAD);
        RUN("RENAME bellhop:{q}:%s kept", wrong[i]);
        RUN("SET bellhop:{q}:%s text", wrong[i]);
        int64_t before = changes();
        bh_call_init(&call, BH_SCRIPT_RESOLVE);
        bh_encode_resolve(&call, &stage.keys, &said);
        script_redis_send(&stage.redis, &call);
        bh_call_release(&call);
        redisReply *reply = script_redis_reply(&stage.redis);
        bool refused = reply->type == REDIS_REPLY_ERROR;
        /* A dead job is in no lease set, so that one is never looked at. */
        cr_expect_eq(refused, strcmp(wrong[i], "leases") != 0, "%s", wrong[i]);
        if (refused)
            cr_expect_eq(changes(), before, "%s", wrong[i]);
        freeReplyObject(reply);
    }
}

/* Redis itself checks this on a cluster only: every key that is touched is among those that were announced. */
Test(resolve_script, no_key_is_made_up_inside)
{
    static const enum bh_script_id scripts[] = {BH_SCRIPT_RESOLVE, BH_SCRIPT_LIST};
    for (size_t i = 0; i < BH_ARRAY_LEN(scripts); i++) {
        static char source[32768];
        struct bh_str bytes = bh_scripts[scripts[i]].text;
        cr_assert_lt(bytes.len, sizeof(source));
        (void)snprintf(source, sizeof(source), "%.*s", BH_STR_ARGS(bytes));
        cr_expect_null(strstr(source, "'bellhop"), "%s", bh_scripts[scripts[i]].name);
        cr_expect_null(strstr(source, "':status"), "%s", bh_scripts[scripts[i]].name);
        cr_expect_null(strstr(source, "KEYS["), "%s", bh_scripts[scripts[i]].name);
    }
    struct bh_resolve said = word(BH_RESOLVE_SENT);
    const struct bh_str *argv;
    size_t argc;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &stage.keys, &said);
    cr_assert_eq(bh_call_argv(&call, &argv, &argc), BH_OK);
    cr_expect(bh_str_equal_text(argv[2], "17"));
    for (size_t i = 3; i < 20; i++)
        cr_expect(bh_str_starts_with(argv[i], BH_STR_LITERAL("bellhop:{q}:")), "%.*s",
                  BH_STR_ARGS(argv[i]));
    bh_call_release(&call);
}

Test(resolve_script, each_change_is_written_down_and_nothing_else_is)
{
    put(IN_DUE);
    say(BH_RESOLVE_RESEND);
    say(BH_RESOLVE_RESEND);
    say(BH_RESOLVE_SENT);
    cr_expect_eq(stage_int("XLEN bellhop:{q}:%s", "audit"), 1);
    redisReply *entries = script_redis_command(&stage.redis, "XRANGE bellhop:{q}:audit - +");
    const redisReply *fields = entries->element[0]->element[1];
    static const char *const wanted[] = {"who",   "eve",      "what",   "resolve resend",
                                         "id",    "id1",      "before", "retrying",
                                         "after", "retrying", "at",     "1700000000000"};
    cr_assert_eq(fields->elements, BH_ARRAY_LEN(wanted));
    for (size_t i = 0; i < fields->elements; i++)
        cr_expect_str_eq(fields->element[i]->str, wanted[i]);
    freeReplyObject(entries);
    cr_expect_gt(stage_int("PTTL bellhop:{q}:%s", "audit"), 399 * DAY);
    for (int i = 0; i < 1500; i++)
        RUN("XADD bellhop:{q}:audit * n %d", i);
    put(IN_DUE);
    say(BH_RESOLVE_RESEND);
    cr_expect_lt(stage_int("XLEN bellhop:{q}:%s", "audit"), 1200);
}

Test(resolve_script, the_stream_of_events_hears_of_it)
{
    put(IN_DUE);
    struct bh_resolve said = word(BH_RESOLVE_SENT);
    said.events_cap = 10;
    cr_expect_eq(resolve(&said).code, BH_RESOLVED_DONE);
    cr_expect_eq(stage_int("XLEN bellhop:{q}:%s", "events"), 1);
}

/* ---- pages --------------------------------------------------------------------------------------- */

static redisReply *page_reply;

static struct bh_job_page
page(enum bh_key place, const char *cursor, unsigned count, const char *waiting)
{
    const struct bh_job_page_ask ask = {place, bh_str_from(cursor), count, waiting};
    struct bh_job_page page;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_LIST);
    bh_encode_job_page(&call, &stage.keys, &ask);
    freeReplyObject(page_reply);
    page_reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_job_page(page_reply, &page), BH_OK);
    return page;
}

/* `count` jobs, each third of them uncertain; several share a score. */
static void
fill(const char *place, int count)
{
    script_redis_reset(&stage.redis, T0);
    for (int i = 0; i < count; i++) {
        if (strcmp(place, "ready") == 0)
            RUN("LPUSH bellhop:{q}:ready %d", i);
        else
            RUN("ZADD bellhop:{q}:%s %lld %d", place, (long long)(T0 + i / 7), i);
        RUN("HSET bellhop:{q}:heads %d %b", i,
            i % 3 == 0 ? "1 u uncertain 1 0 - 0 0 0 0 0 0 a\nm" : "1 r - 1 0 - 0 0 0 0 0 0 b\n",
            i % 3 == 0 ? (size_t)34 : (size_t)26);
    }
}

Test(resolve_script, pages_tell_each_job_once_in_order)
{
    static const struct {
        const char *name;
        enum bh_key place;
        int count;
        unsigned most;
        const char *waiting;
        size_t wanted;
    } rows[] = {
        {"none",           BH_KEY_DEAD,  0,    100, "",   0   },
        {"all of a page",  BH_KEY_DEAD,  100,  100, "",   100 },
        {"one at a time",  BH_KEY_DUE,   25,   1,   "",   25  },
        {"many",           BH_KEY_DEAD,  1234, 100, "",   1234},
        {"only uncertain", BH_KEY_DUE,   1234, 100, "u",  412 },
        {"either",         BH_KEY_DUE,   30,   7,   "ur", 30  },
        {"none of these",  BH_KEY_DEAD,  1001, 10,  "h",  0   },
        {"a list",         BH_KEY_READY, 1234, 100, "u",  412 },
        {"a short list",   BH_KEY_READY, 5,    2,   "",   5   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char cursor[BH_JOB_PAGE_CURSOR_MAX + 1] = "";
        size_t found = 0;
        int64_t last = -1;
        unsigned calls = 0;
        fill(rows[i].place == BH_KEY_READY ? "ready"
             : rows[i].place == BH_KEY_DUE ? "due"
                                           : "dead",
             rows[i].count);
        do {
            struct bh_job_page one = page(rows[i].place, cursor, rows[i].most, rows[i].waiting);
            cr_expect_leq(one.count, rows[i].most, "%s", rows[i].name);
            for (size_t k = 0; k < one.count; k++) {
                struct bh_listed_job job;
                cr_assert(bh_job_page_get(&one, k, &job), "%s", rows[i].name);
                int64_t order = rows[i].place == BH_KEY_READY ? strtoll(job.handle.ptr, NULL, 10)
                                                              : job.score.ms;
                cr_expect_geq(order, last, "%s", rows[i].name);
                last = order;
                found++;
            }
            (void)snprintf(cursor, sizeof(cursor), "%.*s", BH_STR_ARGS(one.next));
            cr_assert_lt(++calls, 200, "%s", rows[i].name);
        } while (cursor[0] != '\0');
        cr_expect_eq(found, rows[i].wanted, "%s: %zu", rows[i].name, found);
    }
}

Test(resolve_script, a_page_goes_on_although_its_mark_has_gone)
{
    fill("dead", 30);
    struct bh_job_page first = page(BH_KEY_DEAD, "", 10, "");
    char cursor[BH_JOB_PAGE_CURSOR_MAX + 1];
    (void)snprintf(cursor, sizeof(cursor), "%.*s", BH_STR_ARGS(first.next));
    RUN("ZREM bellhop:{q}:dead %s", strchr(cursor, ' ') + 1);
    struct bh_job_page second = page(BH_KEY_DEAD, cursor, 100, "");
    cr_expect_geq(second.count, 20, "what has its score may come twice, nothing is left out");
    cr_expect_leq(second.count, 27);
    static const char *const nonsense[] = {"x", "-1 2", "1700000000000", "1e5 3",
                                           "99999999999999999999 1"};
    for (size_t i = 0; i < BH_ARRAY_LEN(nonsense); i++)
        cr_expect_leq(page(BH_KEY_DEAD, nonsense[i], 100, "").count, 29, "%s", nonsense[i]);
}

Test(resolve_script, an_unknown_job_can_be_told_from_other_dead_ones)
{
    put(IN_DEAD);
    struct bh_job_page dead = page(BH_KEY_DEAD, "", 10, "u");
    struct bh_listed_job job;
    cr_assert_eq(dead.count, 1);
    cr_assert(bh_job_page_get(&dead, 0, &job));
    cr_expect_str_eq(job.head.id, "id1");
    cr_expect_eq(job.score.ms, T0);
    say(BH_RESOLVE_FAILED);
    cr_expect_eq(page(BH_KEY_DEAD, "", 10, "u").count, 0);
    cr_expect_eq(page(BH_KEY_DEAD, "", 10, "").count, 1);
}
