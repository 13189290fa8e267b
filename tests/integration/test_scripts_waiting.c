/* Reports that wait in Redis for their job, and the inbox of SMS to us. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "integration/script_redis.h"
#include "redis/inbox.h"
#include "redis/waiting.h"

#define T0  ((bh_ms)1700000000000)
#define DAY ((bh_ms)86400000)

static struct script_redis redis;
static struct bh_waiting_keys keys;

static void
set_up(void)
{
    cr_assert_eq(bh_waiting_keys_init(&keys, "bellhop"), BH_OK);
    script_redis_start(&redis);
    script_redis_reset(&redis, T0);
}

static void
tear_down(void)
{
    script_redis_stop(&redis);
}

TestSuite(waiting_script, .init = set_up, .fini = tear_down);

static long long
integer(const char *command)
{
    redisReply *reply = script_redis_command(&redis, command);
    cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", command);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

static struct bh_delivery_report
a_report(const char *message, const char *foreign, enum bh_delivery status)
{
    struct bh_delivery_report report = {
        .event = status >= BH_DELIVERY_CALL_INITIATED ? BH_WEBHOOK_VOICE : BH_WEBHOOK_DLR,
        .status = status,
        .at = {T0 - 1500},
        .duration_s = -1,
        .price_per_minute_micro = -1,
    };
    (void)snprintf(report.message_id, sizeof(report.message_id), "%s", message);
    (void)snprintf(report.foreign_id, sizeof(report.foreign_id), "%s", foreign);
    return report;
}

static bool
keep(const struct bh_delivery_report *report, enum bh_waiting_why why)
{
    struct bh_call call;
    bool is_new = false;
    bh_call_init(&call, BH_SCRIPT_WAITING);
    bh_encode_waiting_keep(&call, &keys, report, why);
    redisReply *reply = script_redis_run(&redis, &call);
    cr_assert_eq(bh_decode_waiting_kept(reply, &is_new), BH_OK);
    freeReplyObject(reply);
    return is_new;
}

/* What was taken; the names are copies, the reports are gone. */
static char names[BH_WAITING_TAKE_MAX][BH_WAITING_NAME_MAX + 1];
static struct bh_delivery_report reports[BH_WAITING_TAKE_MAX];

static size_t
take(bh_ms now, bh_ms *ret_next_ms)
{
    struct bh_call call;
    struct bh_waiting_taken taken = {.count = 0};
    script_redis_set_clock(&redis, now);
    bh_call_init(&call, BH_SCRIPT_WAITING);
    bh_encode_waiting_take(&call, &keys);
    redisReply *reply = script_redis_run(&redis, &call);
    cr_assert_eq(bh_decode_waiting_taken(reply, &taken), BH_OK);
    for (size_t i = 0; i < taken.count; i++) {
        const struct bh_webhook_post post = {.body = taken.letters[i].report};
        (void)snprintf(names[i], sizeof(names[i]), "%.*s", BH_STR_ARGS(taken.letters[i].name));
        cr_assert_eq(bh_delivery_report_parse(&post, NULL, &reports[i], NULL), BH_OK);
    }
    *ret_next_ms = taken.next_ms;
    freeReplyObject(reply);
    return taken.count;
}

static bool
done(const char *name, bool found)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_WAITING);
    bh_encode_waiting_done(&call, &keys, name, found);
    redisReply *reply = script_redis_run(&redis, &call);
    bool was_there = false;
    cr_assert_eq(bh_decode_waiting_kept(reply, &was_there), BH_OK);
    freeReplyObject(reply);
    return was_there;
}

static struct bh_waiting_view
look(void)
{
    struct bh_call call;
    struct bh_waiting_view view = {.waiting = 99};
    bh_call_init(&call, BH_SCRIPT_WAITING);
    bh_encode_waiting_look(&call, &keys);
    redisReply *reply = script_redis_run(&redis, &call);
    cr_assert_eq(bh_decode_waiting_look(reply, &view), BH_OK);
    freeReplyObject(reply);
    return view;
}

Test(waiting_script, gives_back_what_was_kept_and_leaves_it_alone_meanwhile)
{
    struct bh_delivery_report call = a_report("5", "job", BH_DELIVERY_CALL_COMPLETED);
    bh_ms next_ms = 0;
    call.duration_s = 12;
    call.price_per_minute_micro = 45000;
    (void)snprintf(call.caller_id, sizeof(call.caller_id), "4940");
    (void)snprintf(call.recipient, sizeof(call.recipient), "49171");
    cr_expect_eq(take(T0, &next_ms), 0);
    cr_expect_eq(next_ms, -1, "nothing waits");
    cr_expect(keep(&call, BH_WAITING_EARLY));
    cr_expect_eq(take(T0 + 1999, &next_ms), 0);
    cr_expect_eq(next_ms, 1);
    cr_assert_eq(take(T0 + 2000, &next_ms), 1);
    cr_expect_eq(next_ms, 5000, "the next look is pushed ahead: %" PRId64, next_ms);
    cr_expect_str_eq(names[0], "voice 5 job completed");
    cr_expect_str_eq(reports[0].message_id, "5");
    cr_expect_str_eq(reports[0].foreign_id, "job");
    cr_expect_str_eq(reports[0].caller_id, "4940");
    cr_expect_str_eq(reports[0].recipient, "49171");
    cr_expect_eq(reports[0].status, BH_DELIVERY_CALL_COMPLETED);
    cr_expect_eq(reports[0].at.ms, T0 - 1500);
    cr_expect_eq(reports[0].duration_s, 12);
    cr_expect_eq(reports[0].price_per_minute_micro, 45000);
    cr_expect_eq(take(T0 + 2000, &next_ms), 0, "somebody else finds it taken");
    cr_expect_eq(take(T0 + 7000, &next_ms), 1, "who took it has died");
    cr_expect(done(names[0], true));
    cr_expect_not(done(names[0], true), "only once");
    cr_expect_eq(take(T0 + DAY, &next_ms), 0);
    cr_expect_eq(integer("EXISTS bellhop:{@reports}:waiting bellhop:{@reports}:letters"), 0);
    struct bh_waiting_view view = look();
    cr_expect_eq(view.kept_early, 1);
    cr_expect_eq(view.home, 1);
    cr_expect_eq(view.other + view.dropped_age + view.dropped_room + view.kept_unknown, 0);
}

Test(waiting_script, keeps_the_same_word_on_the_same_message_once)
{
    static const struct {
        const char *name, *message, *foreign;
        enum bh_delivery status;
        bool is_new;
    } rows[] = {
        {"the first",                "1", "a", BH_DELIVERY_ACCEPTED,    true },
        {"again",                    "1", "a", BH_DELIVERY_ACCEPTED,    false},
        {"another word",             "1", "a", BH_DELIVERY_DELIVERED,   true },
        {"another message",          "2", "a", BH_DELIVERY_ACCEPTED,    true },
        {"another name",             "1", "b", BH_DELIVERY_ACCEPTED,    true },
        {"no name",                  "1", "",  BH_DELIVERY_ACCEPTED,    true },
        {"no message",               "",  "1", BH_DELIVERY_ACCEPTED,    true },
        {"no name again",            "1", "",  BH_DELIVERY_ACCEPTED,    false},
        {"an SMS that failed",       "1", "a", BH_DELIVERY_FAILED,      true },
        {"a call that failed",       "1", "a", BH_DELIVERY_CALL_FAILED, true },
        {"a call that failed again", "1", "a", BH_DELIVERY_CALL_FAILED, false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_delivery_report report =
            a_report(rows[i].message, rows[i].foreign, rows[i].status);
        cr_expect_eq(keep(&report, BH_WAITING_UNKNOWN), rows[i].is_new, "%s", rows[i].name);
    }
    struct bh_waiting_view view = look();
    cr_expect_eq(view.waiting, 8);
    cr_expect_eq(view.kept_unknown, 8);
}

Test(waiting_script, looks_at_growing_distance_for_a_day_and_then_drops_it)
{
    const struct bh_delivery_report report = a_report("1", "", BH_DELIVERY_DELIVERED);
    bh_ms now = T0, next_ms = 2000, before_ms = 0;
    unsigned looks = 0;
    cr_expect(keep(&report, BH_WAITING_UNKNOWN));
    for (; looks < 20; looks++) {
        now += next_ms;
        cr_expect_eq(take(now - 1, &next_ms), 0, "look %u came too early", looks);
        cr_expect_eq(next_ms, 1);
        if (take(now, &next_ms) == 0)
            break;
        cr_expect(next_ms > before_ms || looks == 12, "look %u", looks);
        before_ms = next_ms;
    }
    cr_expect_eq(looks, 13);
    cr_expect_eq(now, T0 + DAY, "%" PRId64, now - T0);
    cr_expect_eq(next_ms, -1);
    struct bh_waiting_view view = look();
    cr_expect_eq(view.waiting, 0);
    cr_expect_eq(view.dropped_age, 1);
}

Test(waiting_script, has_room_for_so_many_and_drops_the_least_promising)
{
    struct bh_delivery_report report = a_report("1", "old", BH_DELIVERY_DELIVERED);
    bh_ms next_ms;
    cr_expect(keep(&report, BH_WAITING_UNKNOWN));
    cr_expect_eq(take(T0 + 2000, &next_ms), 1);
    cr_expect_eq(take(T0 + 7000, &next_ms), 1);
    /* As many as there may be, in one go. */
    redisReply *reply = script_redis_command(
        &redis, "EVAL %s 2 bellhop:{@reports}:waiting bellhop:{@reports}:letters %s %d",
        "for i = 1, ARGV[2] do redis.call('ZADD', KEYS[1], ARGV[1], 'x' .. i) "
        "redis.call('HSET', KEYS[2], 'x' .. i, '1 1 {}') end return redis.call('ZCARD', KEYS[1])",
        "1700000008000", BH_WAITING_MAX - 1);
    cr_assert_eq(reply->integer, BH_WAITING_MAX);
    freeReplyObject(reply);
    report = a_report("2", "new", BH_DELIVERY_DELIVERED);
    cr_expect(keep(&report, BH_WAITING_EARLY));
    cr_expect_eq(integer("ZCARD bellhop:{@reports}:waiting"), BH_WAITING_MAX);
    cr_expect_eq(integer("HLEN bellhop:{@reports}:letters"), BH_WAITING_MAX);
    cr_expect_eq(integer("HLEN bellhop:{@reports}:counters"), 3);
    cr_expect_eq(look().dropped_room, 1);
    cr_expect_not(done("dlr 1 old DELIVERED", true), "the one that was looked at twice has gone");
    cr_expect(done("dlr 2 new DELIVERED", false));
    cr_expect_eq(look().other, 1);
}

Test(waiting_script, gives_out_a_bounded_number_at_a_time)
{
    bh_ms next_ms;
    for (int i = 0; i < BH_WAITING_TAKE_MAX + 6; i++) {
        char message[16];
        (void)snprintf(message, sizeof(message), "%d", i + 1);
        const struct bh_delivery_report report = a_report(message, "", BH_DELIVERY_DELIVERED);
        cr_expect(keep(&report, BH_WAITING_UNKNOWN));
    }
    cr_expect_eq(take(T0 + 3000, &next_ms), BH_WAITING_TAKE_MAX);
    cr_expect_eq(next_ms, 0, "more are due");
    cr_expect_eq(take(T0 + 3000, &next_ms), 6);
    cr_expect_eq(take(T0 + 3000, &next_ms), 0);
}

Test(waiting_script, goes_on_when_a_letter_is_missing_or_redis_is_full)
{
    const struct bh_delivery_report report = a_report("1", "", BH_DELIVERY_DELIVERED);
    bh_ms next_ms;
    cr_expect(keep(&report, BH_WAITING_UNKNOWN));
    freeReplyObject(script_redis_command(&redis, "DEL bellhop:{@reports}:letters"));
    cr_expect_eq(take(T0 + 3000, &next_ms), 0);
    cr_expect_eq(next_ms, -1);
    cr_expect_eq(look().dropped_age, 1);
    cr_expect(keep(&report, BH_WAITING_UNKNOWN));
    script_redis_set_clock(&redis, T0 + 6000);
    freeReplyObject(script_redis_command(&redis, "CONFIG SET maxmemory 1"));
    const struct bh_delivery_report other = a_report("2", "", BH_DELIVERY_DELIVERED);
    cr_expect(keep(&other, BH_WAITING_UNKNOWN));
    cr_expect_eq(take(T0 + 6000, &next_ms), 1);
    cr_expect(done(names[0], true));
    freeReplyObject(script_redis_command(&redis, "CONFIG SET maxmemory 0"));
    cr_expect_eq(look().waiting, 1);
}

Test(waiting_script, believes_no_other_reply)
{
    static const char *const scripts[] = {
        "return {}",           "return {2}",       "return {0,1}",
        "return {'0'}",        "return 0",         "return {0,-2}",
        "return {0,0,'name'}", "return {0,0,1,2}", "return {1,0,'a','b'}",
        "return {0,0,'a',{}}", "return 'x'",       "return false",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(scripts); i++) {
        bool is_new;
        struct bh_waiting_taken taken = {.count = 77};
        redisReply *reply = script_redis_command(&redis, "EVAL %s 0", scripts[i]);
        cr_expect_eq(bh_decode_waiting_kept(reply, &is_new), BH_EPROTO, "%s", scripts[i]);
        if (i != 2)
            cr_expect_eq(bh_decode_waiting_taken(reply, &taken), BH_EPROTO, "%s", scripts[i]);
        cr_expect(i == 2 || taken.count == 77, "%s", scripts[i]);
        freeReplyObject(reply);
    }
}

/* ---- the inbox ---- */

static bool
put(const struct bh_inbound_sms *sms, bh_ms now)
{
    struct bh_call call;
    bool is_new = false;
    script_redis_set_clock(&redis, now);
    bh_call_init(&call, BH_SCRIPT_INBOX);
    cr_assert_eq(bh_encode_inbox(&call, "bellhop", sms, DAY), BH_OK);
    redisReply *reply = script_redis_run(&redis, &call);
    cr_assert_eq(bh_decode_inbox(reply, &is_new), BH_OK);
    freeReplyObject(reply);
    return is_new;
}

Test(waiting_script, puts_an_sms_to_us_into_the_inbox_once)
{
    static const struct {
        const char *name;
        struct bh_inbound_sms sms;
        bool is_new;
    } rows[] = {
        {"the first",
         {.id = "4", .sender = "491", .system = "492", .text = "hi", .at = {T0}, .type = "SMS"},
         true                                                                                         },
        {"again",
         {.id = "4", .sender = "491", .system = "492", .text = "hi", .at = {T0}, .type = "SMS"},
         false                                                                                        },
        {"again with another text",    {.id = "4", .sender = "491", .text = "ho"},               false},
        {"another one",                {.id = "5", .sender = "491", .text = "hi"},               true },
        {"without an id",              {.sender = "491", .text = "hi", .at = {T0}},              true },
        {"the same without an id",     {.sender = "491", .text = "hi", .at = {T0}},              false},
        {"later, without an id",       {.sender = "491", .text = "hi", .at = {T0 + 1}},          true },
        {"another text without an id",
         {.sender = "491", .text = "ho", .at = {T0}, .is_cut = true},
         true                                                                                         },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(put(&rows[i].sms, T0), rows[i].is_new, "%s", rows[i].name);
    cr_expect_eq(integer("XLEN bellhop:{@inbox}:events"), 5);
    redisReply *reply = script_redis_command(&redis, "XRANGE bellhop:{@inbox}:events - + COUNT 1");
    cr_assert_eq(reply->elements, 1);
    const redisReply *fields = reply->element[0]->element[1];
    static const char *const wanted[] = {"at",   "1700000000000", "id",   "4",    "sender",
                                         "491",  "system",        "492",  "type", "SMS",
                                         "time", "1700000000000", "text", "hi"};
    cr_assert_eq(fields->elements, BH_ARRAY_LEN(wanted));
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++)
        cr_expect_str_eq(fields->element[i]->str, wanted[i]);
    freeReplyObject(reply);
}

Test(waiting_script, does_not_remember_an_sms_for_ever)
{
    const struct bh_inbound_sms sms = {.id = "4", .sender = "491", .text = "hi"};
    const struct bh_inbound_sms other = {.id = "5", .sender = "491", .text = "hi"};
    struct bh_call call;
    cr_expect(put(&sms, T0));
    cr_expect_not(put(&sms, T0 + 3 * DAY + DAY / 2), "the gateway's last try");
    cr_expect(put(&other, T0 + 5 * DAY));
    cr_expect_eq(integer("ZCARD bellhop:{@inbox}:seen"), 1);
    cr_expect_gt(integer("PTTL bellhop:{@inbox}:events"), 0);
    bh_call_init(&call, BH_SCRIPT_INBOX);
    cr_expect_eq(bh_encode_inbox(&call, "no prefix", &sms, DAY), BH_EINVAL);
    bh_call_release(&call);
}
