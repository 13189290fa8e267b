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
