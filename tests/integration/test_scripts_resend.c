/* Who takes the right to send a message again, pushes it, and nobody does twice. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/resend_codec.h"

#define KEPT   "bellhop:{q}:kept:old"
#define STATUS "bellhop:{q}:status:old"
#define RAW    "bellhop:{q}"

TestSuite(resend_script, .init = stage_set_up, .fini = stage_tear_down);

static enum bh_resend_code
resend(const char *new_id, const char *payload, int64_t events_cap)
{
    struct bh_call call;
    enum bh_resend_code code = BH_RESEND_CODE_TAKEN;
    bh_call_init(&call, BH_SCRIPT_RESEND);
    bh_encode_resend(&call, &stage.keys, "old", new_id, bh_str_from(payload), events_cap);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_resend(reply, &code), BH_OK);
    freeReplyObject(reply);
    return code;
}

static void
expect_text(const char *wanted, const char *command)
{
    redisReply *reply = script_redis_command(&stage.redis, command);
    cr_expect(reply->str != NULL && strcmp(reply->str, wanted) == 0, "%s: %s", command,
              reply->str != NULL ? reply->str : "nothing");
    freeReplyObject(reply);
}

static void
keep(void)
{
    RUN("SET " KEPT " old-payload PX 60000");
    RUN("HSET " STATUS " state sent attempts 1 code 100 updated_at 5");
}

Test(resend_script, pushes_once_and_says_as_what)
{
    keep();
    RUN("RPUSH " RAW " oldest");
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    cr_expect_eq(stage_int("EXISTS " KEPT), 0);
    expect_text("new", "HGET " STATUS " resent_as");
    expect_text("sent", "HGET " STATUS " state");
    expect_text("5", "HGET " STATUS " updated_at");
    /* Where producers push, so that what waits there comes first. */
    expect_text("{new}", "LINDEX " RAW " 0");
    cr_expect_eq(stage_counter("resent"), 1);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:events"), 0);

    cr_expect_eq(resend("newer", "{newer}", 0), BH_RESEND_CODE_TAKEN);
    expect_text("new", "HGET " STATUS " resent_as");
    cr_expect_eq(stage_int("LLEN " RAW), 2);
    cr_expect_eq(stage_counter("resent"), 1);
}

Test(resend_script, does_nothing_where_nothing_was_kept)
{
    RUN("HSET " STATUS " state sent");
    cr_expect_eq(resend("new", "{new}", 100), BH_RESEND_CODE_TAKEN);
    cr_expect_eq(stage_int("LLEN " RAW), 0);
    cr_expect_eq(stage_int("HEXISTS " STATUS " resent_as"), 0);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:events"), 0);
    cr_expect_eq(stage_counter("resent"), 0);
}

Test(resend_script, lets_the_right_lapse)
{
    keep();
    cr_expect_eq(resend("", "", 100), BH_RESEND_CODE_LAPSED);
    cr_expect_eq(stage_int("EXISTS " KEPT), 0);
    cr_expect_eq(stage_int("LLEN " RAW), 0);
    cr_expect_eq(stage_int("HEXISTS " STATUS " resent_as"), 0);
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_TAKEN);
    cr_expect_eq(stage_int("LLEN " RAW), 0);
}

Test(resend_script, makes_no_status_of_one_that_has_been_forgotten)
{
    RUN("SET " KEPT " old-payload");
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    cr_expect_eq(stage_int("EXISTS " STATUS), 0);
    cr_expect_eq(stage_int("LLEN " RAW), 1);
}

Test(resend_script, tells_those_who_read_the_events)
{
    keep();
    cr_expect_eq(resend("new", "{new}", 100), BH_RESEND_CODE_PUSHED);
    redisReply *reply = script_redis_command(&stage.redis, "XRANGE bellhop:{q}:events - +");
    cr_assert_eq(reply->elements, 1);
    const redisReply *fields = reply->element[0]->element[1];
    static const char *const wanted[] = {"id", "old", "state", "sent", "reason", "resent"};
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++)
        cr_expect_str_eq(fields->element[i]->str, wanted[i]);
    freeReplyObject(reply);
}

Test(resend_script, tells_the_jobs_own_address_what_comes_next)
{
    keep();
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:callbacks"), 0);
    keep();
    RUN("HSET " STATUS " callback_url https://h.example/");
    RUN("HSET bellhop:{q}:callbacks:tries old 3");
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    cr_expect_eq(stage_int("ZSCORE bellhop:{q}:callbacks old"), T0);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:callbacks:tries"), 0);
}

Test(resend_script, goes_on_when_memory_is_full)
{
    keep();
    RUN("CONFIG SET maxmemory 1");
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    RUN("CONFIG SET maxmemory 0");
    cr_expect_eq(stage_int("LLEN " RAW), 1);
    expect_text("new", "HGET " STATUS " resent_as");
}

Test(resend_script, carries_any_bytes)
{
    static const char payload[] = "{\"text\":\"\\u0000 \xc3\xa4 %s \r\n\"}";
    keep();
    cr_expect_eq(resend("new", payload, 0), BH_RESEND_CODE_PUSHED);
    expect_text(payload, "LINDEX " RAW " 0");
}

/* ---- called back ---- */

static char recall_next[BH_JOB_ID_MAX + 1]; /* of the last call: what was pushed in its place */

static enum bh_recall_code
recall(bh_ms retention_ms)
{
    struct bh_call call;
    struct bh_str next;
    enum bh_recall_code code = BH_RECALL_CODE_TOO_LATE;
    bh_call_init(&call, BH_SCRIPT_RECALL);
    bh_encode_recall(&call, &stage.keys, "new", retention_ms);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_recall(reply, &code, &next), BH_OK);
    (void)snprintf(recall_next, sizeof(recall_next), "%.*s", BH_STR_ARGS(next));
    freeReplyObject(reply);
    return code;
}

Test(resend_script, is_called_back_only_while_nothing_of_it_has_been_sent)
{
    static const struct {
        const char *state; /* NULL: no status */
        const char *attempts;
        enum bh_recall_code wanted;
    } rows[] = {
        {NULL,        "",  BH_RECALL_CODE_DONE    },
        {"scheduled", "0", BH_RECALL_CODE_DONE    },
        {"held",      "0", BH_RECALL_CODE_DONE    },
        {"retrying",  "0", BH_RECALL_CODE_DONE    },
        {"held",      "1", BH_RECALL_CODE_TOO_LATE},
        {"retrying",  "2", BH_RECALL_CODE_TOO_LATE},
        {"held",      "",  BH_RECALL_CODE_TOO_LATE},
        {"sending",   "0", BH_RECALL_CODE_TOO_LATE},
        {"sent",      "1", BH_RECALL_CODE_TOO_LATE},
        {"partial",   "1", BH_RECALL_CODE_TOO_LATE},
        {"unknown",   "1", BH_RECALL_CODE_TOO_LATE},
        {"cancelled", "0", BH_RECALL_CODE_ALREADY },
        {"expired",   "0", BH_RECALL_CODE_ALREADY },
        {"invalid",   "0", BH_RECALL_CODE_ALREADY },
        {"failed",    "3", BH_RECALL_CODE_ALREADY },
        {"duplicate", "1", BH_RECALL_CODE_ALREADY },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const char *name = rows[i].state != NULL ? rows[i].state : "nothing";
        script_redis_reset(&stage.redis, T0);
        if (rows[i].state != NULL)
            RUN("HSET bellhop:{q}:status:new state %s", rows[i].state);
        if (rows[i].attempts[0] != '\0')
            RUN("HSET bellhop:{q}:status:new attempts %s", rows[i].attempts);
        cr_expect_eq(recall(DAY), rows[i].wanted, "%s after %s", name, rows[i].attempts);
        cr_expect_eq(stage_int("EXISTS bellhop:{q}:cancel:new") == 1,
                     rows[i].wanted == BH_RECALL_CODE_DONE, "%s after %s", name, rows[i].attempts);
        if (rows[i].wanted == BH_RECALL_CODE_DONE)
            cr_expect_eq(recall(DAY), BH_RECALL_CODE_ALREADY, "%s", name);
    }
}

Test(resend_script, sends_no_third_when_it_is_too_late_for_the_second)
{
    RUN("HSET bellhop:{q}:status:new state sent attempts 1");
    RUN("SET bellhop:{q}:kept:new payload PX 60000");
    RUN("CONFIG SET maxmemory 1");
    cr_expect_eq(recall(DAY), BH_RECALL_CODE_TOO_LATE);
    RUN("CONFIG SET maxmemory 0");
    cr_expect_str_empty(recall_next);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:kept:new"), 0);
    cr_expect_eq(stage_int("EXISTS bellhop:{q}:cancel:new"), 0);
    RUN("HSET bellhop:{q}:status:new resent_as third");
    cr_expect_eq(recall(DAY), BH_RECALL_CODE_TOO_LATE);
    cr_expect_str_eq(recall_next, "third");
}

/* The gateway was away when it was due, say. */
Test(resend_script, is_called_back_although_a_worker_had_it_and_could_not_send_it)
{
    const struct bh_claim_command claim = {.count = 1};
    keep();
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    cr_assert_eq(stage_claim("a/1", &claim), 1);
    cr_assert_eq(stage_admit("a/1", stage_admission(stage_ref(0), "new")).code, BH_ADMIT_OK);
    const struct bh_settle_command held = {.claim = stage_ref(0),
                                           .disposition = BH_SETTLE_READY,
                                           .waiting = BH_WAITING_HELD,
                                           .reason = "gateway_down",
                                           .id = "new",
                                           .state = "held"};
    cr_assert_eq(stage_settle("a/1", held).code, BH_SETTLED_OK);
    cr_expect_eq(recall(DAY), BH_RECALL_CODE_DONE);
    cr_assert_eq(stage_claim("a/1", &claim), 1);
    struct bh_admit_command again = stage_admission(stage_ref(0), "new");
    again.first = false;
    cr_expect_eq(stage_admit("a/1", again).code, BH_ADMIT_CANCELLED);
    expect_text("cancelled", "HGET bellhop:{q}:status:new state");
}

Test(resend_script, is_called_back_for_as_long_as_it_waits)
{
    RUN("HSET bellhop:{q}:status:new state scheduled next_at %lld", (long long)(T0 + 9 * DAY));
    cr_expect_eq(recall(DAY), BH_RECALL_CODE_DONE);
    cr_expect_gt(stage_int("PTTL bellhop:{q}:cancel:new"), 10 * DAY - 60000);
}

/* What it leaves behind is what an operator's command leaves: the job is cancelled when it would be sent. */
Test(resend_script, ends_as_cancelled_when_it_was_called_back)
{
    const struct bh_claim_command claim = {.count = 1};
    keep();
    cr_expect_eq(resend("new", "{new}", 0), BH_RESEND_CODE_PUSHED);
    cr_expect_eq(recall(DAY), BH_RECALL_CODE_DONE);
    cr_assert_eq(stage_claim("a/1", &claim), 1);
    struct bh_admitted_event event = stage_admit("a/1", stage_admission(stage_ref(0), "new"));
    cr_expect_eq(event.code, BH_ADMIT_CANCELLED);
    expect_text("cancelled", "HGET bellhop:{q}:status:new state");
    cr_expect_eq(recall(DAY), BH_RECALL_CODE_ALREADY);
}
