/* What an operator does while bellhopd works: the command, a daemon, a gateway. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base.h"
#include "support/cli_stage.h"
#include "support/rig.h"

static struct bh_rig rig;

/* The command must end with `wanted`, and say `piece`. */
static void
run(const char *const *args, int wanted, const char *piece)
{
    struct run_result result;
    const char *variable = bh_rig_text(&rig, "BELLHOP_CONFIG=%s", rig.daemons[0].config);
    cli_run_at(rig.dir, variable, args, NULL, &result);
    cr_expect_eq(result.exit_status, wanted, "%s: exit %d: %s%s", args[0], result.exit_status,
                 result.out, result.err);
    cr_expect(strstr(result.out, piece) != NULL || strstr(result.err, piece) != NULL, "%s: %s%s",
              args[0], result.out, result.err);
    run_release(&result);
}

#define RUN(wanted, piece, ...) run((const char *const[]){__VA_ARGS__, NULL}, wanted, piece)

static void
push(const char *id, const char *more)
{
    bh_rig_push(&rig, "sms",
                bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"491719998001\",\"text\":\"%s\"%s}", id,
                            id, more));
}

static long long
milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An idle worker would look by itself after five seconds; it is woken, so that five times take less than two waits. */
Test(daemon_steer, a_retry_goes_at_once, .timeout = 120)
{
    bh_rig_start(&rig, &(struct bh_rig_options){.tap = true});
    long long all = 0;
    for (int i = 0; i < 5; i++) {
        const char *id = bh_rig_text(&rig, "later-%d", i);
        push(id, ",\"delay\":\"+2h\"");
        bh_rig_wait_state(&rig, "sms", id, "scheduled");
        long long begin = milliseconds();
        RUN(0, "goes as soon as a worker is free", "retry", id);
        bh_rig_wait_state(&rig, "sms", id, "sent");
        all += milliseconds() - begin;
        cr_expect_eq(bh_tap_count(rig.tap, "text", id), 1);
    }
    printf("five retries took %lld ms, command included\n", all);
    cr_expect_lt(all, 10000);
    bh_rig_stop(&rig);
}

Test(daemon_steer, what_is_held_is_not_sent_before_its_release, .timeout = 120)
{
    bh_rig_start(&rig, &(struct bh_rig_options){.tap = true});
    push("a", ",\"delay\":\"+2h\"");
    bh_rig_wait_state(&rig, "sms", "a", "scheduled");
    RUN(0, "a: goes as soon", "retry", "a");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    push("b", ",\"delay\":\"+2h\"");
    bh_rig_wait_state(&rig, "sms", "b", "scheduled");
    RUN(0, "b: held", "hold", "b");
    push("c", ",\"delay\":\"+1s\"");
    bh_rig_wait_state(&rig, "sms", "c", "sent");
    cr_expect(bh_rig_is(&rig, "sms", "b", "state", "held"));
    cr_expect_eq(bh_rig_counter(&rig, "sms", "now:held:operator"), 1);
    RUN(1, "is held by an operator", "retry", "b");
    RUN(0, "b: released", "release", "reason=operator");
    cr_expect(bh_rig_is(&rig, "sms", "b", "state", "scheduled"), "its delay is not over");
    RUN(0, "b: goes as soon", "retry", "b");
    bh_rig_wait_state(&rig, "sms", "b", "sent");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "b"), 1);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "now:held:operator"), 0);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "now:scheduled"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_steer, a_word_before_the_claim_cancels, .timeout = 120)
{
    bh_rig_start(&rig, &(struct bh_rig_options){.tap = true});
    RUN(0, "sms: paused", "pause", "sms", "--reason", "wrong text");
    push("wrong", "");
    push("right", "");
    RUN(0, "wrong: is cancelled when a worker claims it", "cancel", "wrong", "--queue", "sms");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "right"), 0, "it is paused");
    RUN(0, "sms: goes on", "resume", "sms");
    bh_rig_wait_state(&rig, "sms", "right", "sent");
    bh_rig_wait_state(&rig, "sms", "wrong", "cancelled");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "wrong"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_steer, the_dead_begin_anew, .timeout = 120)
{
    bh_rig_start(&rig, &(struct bh_rig_options){.tap = true});
    bh_rig_tell(&rig, "fault", "{\"kind\":\"code\",\"code\":305,\"match\":{\"text\":\"again\"}}");
    push("again", "");
    bh_rig_push(&rig, "sms", "{\"id\":\"bad\",\"to\":\"491719998001\",\"txet\":\"bad\"}");
    bh_rig_wait_state(&rig, "sms", "again", "failed");
    bh_rig_wait_state(&rig, "sms", "bad", "invalid");
    RUN(0, "again: begins anew", "dead", "retry", "again");
    bh_rig_wait_state(&rig, "sms", "again", "sent");
    cr_expect_eq(bh_rig_number(&rig, "sms", "again", "attempts"), 1, "it counts anew");
    cr_expect_eq(bh_tap_count(rig.tap, "text", "again"), 2);
    RUN(0, "bad: begins anew", "requeue", "bad");
    bh_rig_wait_state(&rig, "sms", "bad", "invalid");
    RUN(0, "bad: deleted", "dead", "purge", "state=dead");
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:dead"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "HLEN bellhop:{sms}:jobs"), 0);
    cr_expect_eq(bh_rig_integer(&rig, "HLEN bellhop:{sms}:heads"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_steer, a_drain_waits_for_what_is_in_flight, .timeout = 120)
{
    bh_rig_start(
        &rig, &(struct bh_rig_options){.tap = true, .sim = "[gateway]\nanswer_delay_ms = 1500\n"});
    for (int i = 0; i < 5; i++)
        push(bh_rig_text(&rig, "slow-%d", i), "");
    bh_rig_wait_state(&rig, "sms", "slow-0", "sending");
    RUN(0, "sms: paused, and nothing of it is in flight", "drain");
    cr_expect_eq(bh_rig_integer(&rig, "ZCARD bellhop:{sms}:leases"), 0);
    push("after", "");
    RUN(0, "goes on", "resume", "--all");
    bh_rig_wait_state(&rig, "sms", "after", "sent");
    for (int i = 0; i < 5; i++) {
        const char *id = bh_rig_text(&rig, "slow-%d", i);
        bh_rig_wait_state(&rig, "sms", id, "sent");
        cr_expect_eq(bh_tap_count(rig.tap, "text", id), 1, "%s", id);
    }
    bh_rig_stop(&rig);
}
