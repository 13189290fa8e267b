/* An operator's word about one waiting job: try it at once, or never. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/change.h"

TestSuite(change_script, .init = stage_set_up, .fini = stage_tear_down);

/* ---- the places of a job ------------------------------------------------------------------------- */

enum place {
    SCHEDULED,
    RETRYING,
    HELD,
    UNCERTAIN,
    OVERDUE,      /* its next try is due, and nobody has claimed it */
    PROMOTED,     /* from due into the line */
    LOST_IN_LINE, /* uncertain: its worker died while sending, and it is in the line again */
    LEASED,
    DEAD,
    ENDED,
    NOBODY,
};

#define PLACES (NOBODY + 1)

static const char *const place_names[PLACES] = {
    "scheduled",         "retrying", "held", "uncertain", "overdue",   "promoted",
    "lost, in the line", "leased",   "dead", "ended",     "never seen"};

static struct bh_settle_command
settlement(struct bh_claim_ref job, enum place place)
{
    bool dead = place == DEAD, ends = place == ENDED;
    bool uncertain = place == UNCERTAIN, held = place == HELD;
    return (struct bh_settle_command){
        .claim = job,
        .disposition = dead   ? BH_SETTLE_DEAD
                       : ends ? BH_SETTLE_FINAL
                              : BH_SETTLE_WAIT,
        .delay_ms = 45000,
        .waiting = uncertain ? BH_WAITING_UNCERTAIN
                   : held    ? BH_WAITING_HELD
                             : BH_WAITING_RETRY,
        .reason = uncertain ? "uncertain"
                  : held    ? "credit"
                            : "",
        .attempts = 1,
        .uncertain_since = {uncertain ? T0 : 0},
        .memo = bh_str_from("r=1"),
        .id = "id1",
        .state = dead   ? "failed"
                 : ends ? "sent"
                 : held ? "held"
                        : "retrying",
        .ledger_ms = 190000,
    };
}

static void
put(enum place place)
{
    script_redis_reset(&stage.redis, T0);
    if (place == NOBODY)
        return;
    RUN("LPUSH bellhop:{q} payload");
    cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 10}), 1);
    struct bh_claim_ref job = stage_ref(0);
    struct bh_admit_command admit = stage_admission(job, "id1");
    if (place == SCHEDULED) {
        admit.mode = BH_ADMIT_SCHEDULE;
        admit.due = (struct bh_wall){T0 + 60000};
    }
    (void)stage_admit("me", admit);
    if (place != SCHEDULED && place != LEASED && place != LOST_IN_LINE)
        cr_assert_eq(stage_settle("me", settlement(job, place)).code, BH_SETTLED_OK);
    if (place == OVERDUE)
        script_redis_set_clock(&stage.redis, T0 + 50000);
    if (place == PROMOTED || place == LOST_IN_LINE) {
        RUN("HSET bellhop:{q}:control paused 1");
        script_redis_set_clock(&stage.redis, T0 + LEASE + 50000);
        cr_assert_eq(stage_claim("other", &(struct bh_claim_command){.count = 10}), 0);
        RUN("HDEL bellhop:{q}:control paused");
    }
}

static redisReply *reply; /* what the last answer borrows from */

static struct bh_changed
say(enum bh_change_word word)
{
    const struct bh_change change = {.id = "id1",
                                     .word = word,
                                     .who = bh_str_from("eve"),
                                     .retention_ms = DAY,
                                     .events_cap = 10};
    struct bh_changed changed;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CHANGE);
    bh_encode_change(&call, &stage.keys, &change);
    freeReplyObject(reply);
    reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_change(reply, &changed), BH_OK);
    return changed;
}

static bool
status_is(const char *field, const char *wanted)
{
    redisReply *got = script_redis_command(&stage.redis, "HGET bellhop:{q}:status:id1 %s", field);
    bool is = strcmp(got->str != NULL ? got->str : "", wanted) == 0;
    freeReplyObject(got);
    return is;
}

/* Jobs that wait, by the gauges. */
static int64_t
gauged(void)
{
    return stage_counter("now:scheduled") + stage_counter("now:retrying") +
           stage_counter("now:held:credit") + stage_counter("now:uncertain");
}

/* ---- words --------------------------------------------------------------------------------------- */

/* clang-format off */
Test(change_script, does_what_is_said_or_says_why_not)
{
    static const struct {
        enum place place;
        enum bh_change_code retry, cancel;
        const char *after; /* of cancel */
        int64_t due, dead, jobs, gauged; /* behind cancel */
    } rows[] = {
        {SCHEDULED,    BH_CHANGED_APART,   BH_CHANGED_DONE,   "cancelled", 0, 0, 0, 0},
        {RETRYING,     BH_CHANGED_DONE,    BH_CHANGED_DONE,   "cancelled", 0, 0, 0, 0},
        {HELD,         BH_CHANGED_DONE,    BH_CHANGED_DONE,   "cancelled", 0, 0, 0, 0},
        {UNCERTAIN,    BH_CHANGED_APART,   BH_CHANGED_DONE,   "unknown",   0, 1, 1, 0},
        {OVERDUE,      BH_CHANGED_ALREADY, BH_CHANGED_DONE,   "cancelled", 0, 0, 0, 0},
        {PROMOTED,     BH_CHANGED_ALREADY, BH_CHANGED_DONE,   "cancelled", 0, 0, 0, 0},
        {LOST_IN_LINE, BH_CHANGED_APART,   BH_CHANGED_DONE,   "unknown",   0, 1, 1, 0},
        {LEASED,       BH_CHANGED_LEASED,  BH_CHANGED_LEASED, "",          0, 0, 1, 0},
        {DEAD,         BH_CHANGED_ENDED,   BH_CHANGED_ENDED,  "",          0, 1, 1, 0},
        {ENDED,        BH_CHANGED_ENDED,   BH_CHANGED_ENDED,  "",          0, 0, 0, 0},
        {NOBODY,       BH_CHANGED_NONE,    BH_CHANGED_NONE,   "",          0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = place_names[rows[i].place];
        put(rows[i].place);
        int64_t before = gauged();
        struct bh_changed changed = say(BH_CHANGE_RETRY);
        cr_expect_eq(changed.code, rows[i].retry, "%s: %d", name, changed.code);
        cr_expect_eq(gauged(), before, "%s", name);
        put(rows[i].place);
        changed = say(BH_CHANGE_CANCEL);
        cr_expect_eq(changed.code, rows[i].cancel, "%s: %d", name, changed.code);
        cr_expect(bh_str_equal_text(changed.after, rows[i].after), "%s", name);
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:due"), rows[i].due, "%s", name);
        cr_expect_eq(stage_int("ZCARD bellhop:{q}:dead"), rows[i].dead, "%s", name);
        cr_expect_eq(stage_int("HLEN bellhop:{q}:jobs"), rows[i].jobs, "%s", name);
        cr_expect_eq(stage_int("HLEN bellhop:{q}:heads"), rows[i].jobs, "%s", name);
        cr_expect_eq(gauged(), rows[i].gauged, "%s", name);
        bool done = rows[i].cancel == BH_CHANGED_DONE;
        cr_expect(!done || status_is("state", rows[i].after), "%s", name);
        cr_expect(!done || status_is("next_at", ""), "%s", name);
        cr_expect_eq(stage_int("XLEN bellhop:{q}:audit"), done, "%s", name);
        cr_expect_eq(stage_int("XLEN bellhop:{q}:events"), done, "%s", name);
        cr_expect(!done || stage_int("PTTL bellhop:{q}:status:id1") > 0, "%s", name);
    }
}
/* clang-format on */

Test(change_script, a_retried_job_is_claimed_at_once_and_counts_on)
{
    put(RETRYING);
    cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 10}), 0);
    cr_assert_eq(say(BH_CHANGE_RETRY).code, BH_CHANGED_DONE);
    cr_assert_eq(stage_int("XLEN bellhop:{q}:audit"), 1);
    cr_assert_eq(stage_claim("me", &(struct bh_claim_command){.count = 10}), 1);
    struct bh_job_head head;
    cr_assert_eq(bh_job_head_parse(stage.claimed.jobs[0].head, &head), BH_OK);
    cr_assert_eq(head.attempts, 1);
    cr_assert_eq(gauged(), 0);
}

Test(change_script, a_cancelled_job_is_claimed_by_nobody)
{
    static const enum place places[] = {SCHEDULED, RETRYING, HELD,
                                        UNCERTAIN, PROMOTED, LOST_IN_LINE};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        put(places[i]);
        cr_assert_eq(say(BH_CHANGE_CANCEL).code, BH_CHANGED_DONE);
        script_redis_set_clock(&stage.redis, T0 + DAY / 2);
        cr_expect_eq(stage_claim("me", &(struct bh_claim_command){.count = 10, .alone = true}), 0,
                     "%s", place_names[places[i]]);
        enum bh_change_code again = say(BH_CHANGE_CANCEL).code;
        cr_expect(again == BH_CHANGED_ALREADY || again == BH_CHANGED_ENDED, "%s: %d",
                  place_names[places[i]], again);
    }
}

Test(change_script, a_record_of_another_job_is_left_alone)
{
    put(RETRYING);
    RUN("RENAME bellhop:{q}:status:id1 bellhop:{q}:status:id2");
    RUN("HSET bellhop:{q}:status:id1 state retrying handle 1");
    RUN("HSET bellhop:{q}:heads 1 nonsense");
    cr_expect_eq(say(BH_CHANGE_CANCEL).code, BH_CHANGED_ENDED);
    cr_expect_eq(stage_int("ZCARD bellhop:{q}:due"), 1);
}
