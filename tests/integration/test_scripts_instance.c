/* Who works under an instance's name: each state that a registration can be in, met by each operation. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "integration/script_stage.h"
#include "redis/instance.h"

#define TTL   ((bh_ms)30000)
#define OURS  "aaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbb"
#define KEY   "bellhop:{@instance:one}"

TestSuite(instance_script, .init = stage_set_up, .fini = stage_tear_down);

static struct bh_instance_self
self_of(const char *life)
{
    return (struct bh_instance_self){.life = life,
                                     .host = "here",
                                     .boot = "boot",
                                     .network = "4026531840",
                                     .lock = "digest",
                                     .pid = 42};
}

static redisReply *
ask_raw(enum bh_instance_operation operation, const struct bh_instance_self *self)
{
    char key[BH_INSTANCE_KEY_MAX];
    struct bh_call call;
    cr_assert_eq(bh_instance_key(key, "bellhop", "one"), BH_OK);
    bh_call_init(&call, BH_SCRIPT_INSTANCE);
    bh_encode_instance(&call, key, operation, self, TTL);
    script_redis_send(&stage.redis, &call);
    bh_call_release(&call);
    return script_redis_reply(&stage.redis);
}

static struct bh_instance_view
ask(enum bh_instance_operation operation, const struct bh_instance_self *self)
{
    struct bh_instance_view view;
    redisReply *reply = ask_raw(operation, self);
    cr_assert_eq(bh_decode_instance(reply, &view), BH_OK, "%s",
                 reply->str != NULL ? reply->str : "no such answer");
    freeReplyObject(reply);
    return view;
}

static struct bh_instance_view
ask_as(enum bh_instance_operation operation, const char *life)
{
    const struct bh_instance_self self = self_of(life);
    return ask(operation, &self);
}

/* The life that stands in Redis; "" when there is none.  Overwritten by the next call. */
static const char *
holder(void)
{
    static char life[64];
    redisReply *reply = script_redis_command(&stage.redis, "HGET " KEY " life");
    snprintf(life, sizeof(life), "%s", reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return life;
}

Test(instance_script, a_free_name_is_taken_and_told_as_it_stands)
{
    struct bh_instance_view view = ask_as(BH_INSTANCE_REGISTER, OURS);
    cr_expect(view.ours);
    cr_expect_str_eq(view.life, "", "nobody is succeeded");
    cr_expect_str_eq(view.host, "here");
    cr_expect_str_eq(view.pid, "42");
    cr_expect_eq(view.server_now.ms, T0);
    cr_expect_eq(view.since.ms, T0);
    cr_expect_eq(view.until.ms, T0 + TTL);
    cr_expect_str_eq(holder(), OURS);
    cr_expect_gt(stage_int("PTTL " KEY), DAY - 60000);
    cr_expect_leq(stage_int("PTTL " KEY), DAY);
}

Test(instance_script, renewing_moves_the_end_and_not_the_beginning)
{
    ask_as(BH_INSTANCE_REGISTER, OURS);
    script_redis_set_clock(&stage.redis, T0 + 10000);
    for (int i = 0; i < 2; i++) {
        struct bh_instance_view view =
            ask_as(i == 0 ? BH_INSTANCE_RENEW : BH_INSTANCE_REGISTER, OURS);
        cr_expect(view.ours);
        cr_expect_str_eq(view.life, "");
        cr_expect_eq(view.since.ms, T0);
        cr_expect_eq(view.until.ms, T0 + 10000 + TTL);
    }
}

/* Another run stands there; we ask at some later time, from some place. */
Test(instance_script, another_run_keeps_its_name_until_it_is_over)
{
    /* clang-format off */
    static const struct {
        const char *name;
        bh_ms later_ms;
        const char *place[3]; /* our boot, network, lock */
        const char *others[3];
        bool released;
        bool ours;
        const char *succeeded;
    } rows[] = {
        {"alive, elsewhere",                    1,       {"boot", "net", "a"}, {"boot", "net", "b"},   false, false, ""},
        {"alive to the last millisecond",       TTL - 1, {"boot", "net", "a"}, {"boot", "net", "b"},   false, false, ""},
        {"silent for exactly its time",         TTL,     {"boot", "net", "a"}, {"boot", "net", "b"},   false, true,  ""},
        {"silent for long, perhaps frozen",     DAY / 2, {"boot", "net", "a"}, {"boot", "net", "b"},   false, true,  ""},
        {"gave the name back",                  1,       {"boot", "net", "a"}, {"boot", "net", "b"},   true,  true,  OTHER},
        {"gave it back long ago",               DAY / 2, {"boot", "net", "a"}, {"boot", "net", "b"},   true,  true,  OTHER},
        {"held the lock that we hold",          1,       {"boot", "net", "a"}, {"boot", "net", "a"},   false, true,  OTHER},
        {"likewise, and silent",                DAY / 2, {"boot", "net", "a"}, {"boot", "net", "a"},   false, true,  OTHER},
        {"same lock before the machine's boot", 1,       {"boot", "net", "a"}, {"before", "net", "a"}, false, false, ""},
        {"same lock in another container",      1,       {"boot", "net", "a"}, {"boot", "other", "a"}, false, false, ""},
        {"no boot is known",                    1,       {"", "net", "a"},     {"", "net", "a"},       false, false, ""},
        {"no network is known",                 1,       {"boot", "", "a"},    {"boot", "", "a"},      false, false, ""},
        {"no lock is held",                     1,       {"boot", "net", ""},  {"boot", "net", ""},    false, false, ""},
        {"nothing is known of the other",       1,       {"boot", "net", "a"}, {"", "", ""},           false, false, ""},
        {"nothing is known of us",              1,       {"", "", ""},         {"boot", "net", "a"},   false, false, ""},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const char *name = rows[i].name;
        struct bh_instance_self other = {
            OTHER, "there", rows[i].others[0], rows[i].others[1], rows[i].others[2], 7};
        struct bh_instance_self self = {
            OURS, "here", rows[i].place[0], rows[i].place[1], rows[i].place[2], 42};
        script_redis_reset(&stage.redis, T0);
        ask(BH_INSTANCE_REGISTER, &other);
        if (rows[i].released)
            cr_expect(ask(BH_INSTANCE_RELEASE, &other).ours, "%s", name);
        script_redis_set_clock(&stage.redis, T0 + rows[i].later_ms);

        /* Who was cut off asks to renew, and is answered the same. */
        for (int again = 0; again < 2; again++) {
            struct bh_instance_view view =
                ask(again == 0 ? BH_INSTANCE_REGISTER : BH_INSTANCE_RENEW, &self);
            cr_expect_eq(view.ours, rows[i].ours, "%s", name);
            cr_expect_eq(view.server_now.ms, T0 + rows[i].later_ms, "%s", name);
            if (rows[i].ours) {
                cr_expect_str_eq(view.life, again == 0 ? rows[i].succeeded : "", "%s: %s", name,
                                 view.life);
                cr_expect_eq(view.since.ms, T0 + rows[i].later_ms, "%s", name);
                cr_expect_str_eq(view.host, "here", "%s", name);
                cr_expect_str_eq(holder(), OURS, "%s", name);
                cr_expect_eq(stage_int("HEXISTS " KEY " ended"), 0, "%s", name);
            } else {
                cr_expect_str_eq(view.life, OTHER, "%s: %s", name, view.life);
                cr_expect_str_eq(view.host, "there", "%s", name);
                cr_expect_str_eq(view.pid, "7", "%s", name);
                cr_expect_eq(view.since.ms, T0, "%s", name);
                cr_expect_eq(view.until.ms, T0 + TTL, "%s", name);
                cr_expect_str_eq(holder(), OTHER, "%s", name);
            }
        }
    }
}

Test(instance_script, only_its_holder_gives_a_name_back)
{
    ask_as(BH_INSTANCE_REGISTER, OTHER);
    cr_expect(ask_as(BH_INSTANCE_RELEASE, OURS).ours, "there is nothing to be told");
    cr_expect_eq(stage_int("HEXISTS " KEY " ended"), 0);
    cr_expect_eq(stage_int("HGET " KEY " until"), T0 + TTL);
    ask_as(BH_INSTANCE_RELEASE, OTHER);
    cr_expect_eq(stage_int("HGET " KEY " ended"), 1);
    cr_expect_eq(stage_int("HGET " KEY " until"), 0);
    RUN("DEL " KEY);
    cr_expect(ask_as(BH_INSTANCE_RELEASE, OURS).ours);
    cr_expect_eq(stage_int("EXISTS " KEY), 0, "a name that nobody has stays free");
}

Test(instance_script, who_gave_it_back_may_take_it_again)
{
    ask_as(BH_INSTANCE_REGISTER, OURS);
    ask_as(BH_INSTANCE_RELEASE, OURS);
    struct bh_instance_view view = ask_as(BH_INSTANCE_REGISTER, OURS);
    cr_expect(view.ours);
    cr_expect_str_eq(view.life, "", "a life does not succeed itself");
    cr_expect_eq(view.until.ms, T0 + TTL);
}

Test(instance_script, a_full_server_still_lets_a_name_be_taken_kept_and_given_back)
{
    RUN("CONFIG SET maxmemory-policy noeviction");
    RUN("CONFIG SET maxmemory 1");
    redisReply *refused = script_redis_command(&stage.redis, "SET x y");
    cr_assert_eq(refused->type, REDIS_REPLY_ERROR, "the server has to be full for this test");
    freeReplyObject(refused);
    cr_expect(ask_as(BH_INSTANCE_REGISTER, OURS).ours);
    cr_expect(ask_as(BH_INSTANCE_RENEW, OURS).ours);
    cr_expect_str_eq(holder(), OURS);
    cr_expect(ask_as(BH_INSTANCE_RELEASE, OURS).ours);
    cr_expect_eq(stage_int("HGET " KEY " ended"), 1);
}

/* Somebody wrote into the key: what Redis says is an error or garbled, and never a name that is ours by mistake. */
Test(instance_script, a_damaged_registration_is_not_ours)
{
    static const char *const damages[] = {"until soon", "until 1e400", "since then", "since 1.5"};
    for (size_t i = 0; i < BH_ARRAY_LEN(damages); i++) {
        struct bh_instance_view view;
        struct bh_instance_self self = self_of(OURS);
        self.lock = "another";
        char command[128];
        script_redis_reset(&stage.redis, T0);
        ask_as(BH_INSTANCE_REGISTER, OTHER);
        snprintf(command, sizeof(command), "HSET " KEY " %s", damages[i]);
        RUN(command);
        redisReply *reply = ask_raw(BH_INSTANCE_REGISTER, &self);
        cr_expect(bh_decode_instance(reply, &view) != BH_OK || !view.ours, "%s", damages[i]);
        freeReplyObject(reply);
    }
    script_redis_reset(&stage.redis, T0);
    RUN("SET " KEY " text");
    struct bh_instance_self self = self_of(OURS);
    redisReply *reply = ask_raw(BH_INSTANCE_REGISTER, &self);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    cr_expect_eq(strncmp(reply->str, "WRONGTYPE", 9), 0, "%s", reply->str);
    freeReplyObject(reply);
}
