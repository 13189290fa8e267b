/*
 * A worker that has work and does not claim: noticed, helped, and if that is in vain, given up.  The same test looks at
 * workers that do not claim for good reasons, because each takes more than half a minute.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "support/rig.h"

/* Beyond the bound of half a minute: one pulse, one look, and a slow machine. */
#define NOTICED_MS 60000

static void
push(struct bh_rig *rig, const char *id)
{
    char json[128];
    snprintf(json, sizeof(json), "{\"id\":\"%s\",\"to\":\"+491710000001\",\"text\":\"%s\"}", id,
             id);
    bh_rig_push(rig, "sms", json);
}

static struct bh_process *
process(struct bh_rig *rig)
{
    return &rig->daemons[0].process;
}

static void
start(struct bh_rig *rig, const char *crash_point)
{
    const struct bh_rig_options options = {
        .without_daemon = true,
        .queues = "[queue sms]\n",
        .pool = "workers = 1\nlease = 8s",
        .gateway = "timeout = 4s\nconnect_timeout = 1s",
        .redis = "command_timeout = 3s",
    };
    const char *environment[] = {"WATCHDOG_USEC=2000000", crash_point, NULL};
    bh_rig_start(rig, &options);
    bh_rig_start_daemon(rig, NULL, environment);
}

/* How many notices hold `part` in so long a time. */
static unsigned
hear(struct bh_rig *rig, const char *part, long long for_ms)
{
    unsigned count = 0;
    char text[512];
    for (long long until = bh_now_ms() + for_ms; bh_now_ms() < until; bh_sleep_ms(20)) {
        ssize_t len;
        while ((len = recv(rig->daemons[0].notices, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
            text[len] = '\0';
            count += strstr(text, part) != NULL;
        }
    }
    return count;
}

Test(not_claiming, is_noticed_and_helped_and_at_last_given_up_and_never_imagined, .timeout = 400)
{
    static struct bh_rig helped, lost, paused, frozen;
    start(&helped, "BELLHOP_CRASH_POINT=lose_claim=lost");
    start(&lost, "BELLHOP_CRASH_POINT=lose_claims");
    start(&paused, NULL);
    start(&frozen, NULL);

    /* Good reasons: an operator's pause, a Redis and a process that stand still. */
    freeReplyObject(bh_rig_command(&paused, "HSET bellhop:{sms}:control paused 1"));
    push(&paused, "later");
    push(&frozen, "before");
    bh_rig_wait_state(&frozen, "sms", "before", "sent");
    bh_process_signal(process(&frozen), SIGSTOP);
    push(&frozen, "meanwhile");
    bh_redis_process_pause(&paused.redis);

    /* A claim takes this job, and nobody hears of it; what comes behind it waits. */
    push(&helped, "lost");
    BH_RIG_UNTIL(&helped, bh_rig_integer(&helped, "ZCARD bellhop:{sms}:leases") == 1);
    push(&helped, "two");
    push(&lost, "one");
    push(&lost, "two");

    BH_RIG_UNTIL_MS(&helped, NOTICED_MS, bh_process_count(process(&helped), "not_claiming") > 0);
    bh_rig_wait_state(&helped, "sms", "lost", "sent");
    bh_rig_wait_state(&helped, "sms", "two", "sent");
    cr_expect_eq(bh_process_count(process(&helped), "not_claiming"), 1);
    cr_expect_eq(bh_process_count(process(&helped), "not_claiming queue=sms"), 1, "and where");
    bh_redis_process_resume(&paused.redis);
    bh_process_signal(process(&frozen), SIGCONT);
    bh_rig_wait_state(&frozen, "sms", "meanwhile", "sent");

    BH_RIG_UNTIL_MS(&lost, NOTICED_MS, bh_process_count(process(&lost), "not_claiming") == 1);
    cr_expect_gt(hear(&lost, "WATCHDOG=1", 2500), 0, "there is hope");
    BH_RIG_UNTIL_MS(&lost, NOTICED_MS, bh_process_count(process(&lost), "not_claiming") == 2);
    (void)hear(&lost, "", 1500);
    cr_expect_eq(hear(&lost, "WATCHDOG=1", 4000), 0, "a service manager would end it now");
    bh_process_kill(process(&lost));
    bh_rig_restart_daemon(&lost, &lost.daemons[0]);
    bh_rig_wait_state(&lost, "sms", "one", "sent");
    bh_rig_wait_state(&lost, "sms", "two", "sent");

    cr_expect_eq(bh_process_count(process(&paused), "not_claiming"), 0);
    cr_expect_eq(bh_process_count(process(&frozen), "not_claiming"), 0);
    freeReplyObject(bh_rig_command(&paused, "HDEL bellhop:{sms}:control paused"));
    bh_rig_wait_state(&paused, "sms", "later", "sent");
    bh_rig_stop(&helped);
    bh_rig_stop(&lost);
    bh_rig_stop(&paused);
    bh_rig_stop(&frozen);
}
