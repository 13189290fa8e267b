/*
 * Two processes under one instance name.  Where the local lock reaches, the second does not start at all; here it does
 * not reach, because the second daemon spells the address of the same Redis in another way, as one on another
 * machine would.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "support/rig_jobs.h"

#define ALL_MS (5 * BH_RIG_WAIT_MS) /* for all jobs; no measure of speed */

/* Above the time for which a registration counts. */
#define LAPSE_MS (BH_RIG_WAIT_MS + 15000)

/* For those who hold the name, and for those who come from elsewhere. */
struct places {
    struct bh_rig_options here, elsewhere;
};

static struct places
begin(struct bh_rig *rig)
{
    static const struct bh_rig_options base = {
        .without_daemon = true,
        .pool = "instance = same\nlease = 5s",
        .redis = "command_timeout = 2s",
        .gateway = "reload_lock = 60s\ntimeout = 2s\nconnect_timeout = 1s",
        .sim = "[lock]\nseconds = 60\n[gateway]\nanswer_delay_ms = 100\n",
    };
    struct places places = {base, base};
    bh_rig_start(rig, &base);
    cr_assert(strncmp(rig->redis.url, "unix:///", 8) == 0);
    places.elsewhere.redis =
        bh_rig_text(rig, "url = unix:////%s\ncommand_timeout = 2s", rig->redis.url + 8);
    return places;
}

static bool
has_registered(struct bh_rig *rig)
{
    return bh_rig_integer(rig, "EXISTS bellhop:{@instance:same}") == 1;
}

static void
wait_registered(struct bh_rig *rig)
{
    BH_RIG_UNTIL(rig, has_registered(rig));
}

Test(daemon_instance, the_second_of_two_living_ones_is_refused, .timeout = 100)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, NULL);
    wait_registered(&rig);
    struct bh_daemon *second = bh_rig_start_daemon(&rig, &places.elsewhere, NULL);
    cr_assert(bh_process_wait(&second->process, BH_RIG_WAIT_MS));
    cr_expect_eq(second->process.end, 4);
    cr_expect_eq(bh_process_count(&second->process, "waiting until it is certain"), 1);
    cr_expect_eq(
        bh_process_count(&second->process, "another bellhopd with the instance name \\\"same\\\""),
        1);
    cr_expect_eq(bh_process_count(&second->process, "give one of them another [pool] instance"), 1);
    cr_expect_eq(bh_process_count(&first->process, "instance_refused"), 0);
    bh_rig_push_jobs(&rig, "sms", "i", 0, 5);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 5, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_instance, a_name_that_was_given_back_is_free_at_once)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, NULL);
    wait_registered(&rig);
    cr_expect_eq(bh_daemon_stop(first, BH_RIG_WAIT_MS), 0);
    struct bh_daemon *second = bh_rig_start_daemon(&rig, &places.elsewhere, NULL);
    bh_rig_push_jobs(&rig, "sms", "i", 0, 5);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 5, ALL_MS);
    cr_expect_eq(bh_process_count(&second->process, "instance_taken"), 0);
    bh_rig_stop(&rig);
}

/* The lock is free, so whoever held it is gone: nobody waits, and its leases are given back at once. */
Test(daemon_instance, a_killed_one_of_the_same_machine_is_succeeded_at_once, .timeout = 100)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    places.here.pool = "instance = same\nlease = 10m";
    const char *environment[] = {"BELLHOP_CRASH_POINT=after_claim", NULL};
    bh_rig_push_jobs(&rig, "sms", "i", 0, 5);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, environment);
    cr_assert(bh_process_wait(&first->process, BH_RIG_WAIT_MS));
    bh_rig_restart_daemon(&rig, first);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 5, ALL_MS);
    cr_expect_eq(bh_process_count(&first->process, "instance_taken"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_instance, a_killed_one_of_another_machine_is_waited_for, .timeout = 150)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    const char *environment[] = {"BELLHOP_CRASH_POINT=after_claim", NULL};
    bh_rig_push_jobs(&rig, "sms", "i", 0, 5);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, environment);
    cr_assert(bh_process_wait(&first->process, BH_RIG_WAIT_MS));
    struct bh_daemon *second = bh_rig_start_daemon(&rig, &places.elsewhere, NULL);
    cr_expect(bh_process_wait_line(&second->process, "instance_taken", BH_RIG_WAIT_MS));
    cr_expect_eq(bh_rig_counter(&rig, "sms", "recovered"), 0, "nothing is taken before");
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 5, ALL_MS);
    bh_rig_stop(&rig);
}

/* Frozen for longer than its registration counts: somebody else may have begun, and does its work. */
Test(daemon_instance, a_frozen_one_whose_name_was_taken_ends_without_harm, .timeout = 250)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, NULL);
    bh_rig_push_jobs(&rig, "sms", "i", 0, 300);
    BH_RIG_UNTIL(&rig, bh_rig_sim_number(&rig, "stats?limit=0", "accepted") >= 20);
    bh_process_signal(&first->process, SIGSTOP);
    struct bh_daemon *second = bh_rig_start_daemon(&rig, &places.elsewhere, NULL);
    cr_expect(bh_process_wait_line(&second->process, "instance_taken", BH_RIG_WAIT_MS));
    BH_RIG_UNTIL_MS(&rig, LAPSE_MS,
                    bh_rig_sim_number(&rig, "stats?limit=0", "accepted") >= 300 ||
                        bh_rig_counter(&rig, "sms", "recovered") > 0);
    bh_process_signal(&first->process, SIGCONT);
    cr_assert(bh_process_wait(&first->process, 2 * BH_RIG_WAIT_MS));
    cr_expect_eq(first->process.end, 4);
    cr_expect_eq(bh_process_count(&first->process, "while this one was cut off"), 1);
    cr_expect_eq(bh_process_count(&second->process, "instance_refused"), 0);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 300, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_instance, a_frozen_one_whose_name_is_still_free_goes_on, .timeout = 150)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, NULL);
    wait_registered(&rig);
    bh_process_signal(&first->process, SIGSTOP);
    BH_RIG_UNTIL_MS(&rig, LAPSE_MS,
                    bh_rig_integer(&rig, "EVAL %s 1 bellhop:{@instance:same}",
                                   "return tonumber(redis.call('HGET',KEYS[1],'until'))<"
                                   "redis.call('TIME')[1]*1000 and 1 or 0") == 1);
    bh_process_signal(&first->process, SIGCONT);
    bh_rig_push_jobs(&rig, "sms", "i", 0, 5);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 5, ALL_MS);
    bh_rig_stop(&rig);
}

Test(daemon_instance, a_redis_that_has_forgotten_everything_is_told_again, .timeout = 60)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    struct bh_daemon *first = bh_rig_start_daemon(&rig, &places.here, NULL);
    wait_registered(&rig);
    bh_rig_integer(&rig, "DEL bellhop:{@instance:same}");
    wait_registered(&rig);
    cr_expect_eq(bh_process_count(&first->process, "instance_"), 0);
    bh_rig_stop(&rig);
}

/* Redis goes back to the moment before the restart: what it knows then is the run that was killed. */
Test(daemon_instance, a_redis_that_went_back_in_time_is_told_again, .timeout = 60)
{
    struct bh_rig rig;
    struct places places = begin(&rig);
    struct bh_daemon *daemon = bh_rig_start_daemon(&rig, &places.here, NULL);
    wait_registered(&rig);
    redisReply *before = bh_rig_command(&rig, "DUMP bellhop:{@instance:same}");
    bh_process_kill(&daemon->process);
    bh_rig_restart_daemon(&rig, daemon);
    bh_rig_push_jobs(&rig, "sms", "i", 0, 5);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 5, ALL_MS);
    long long pid = bh_rig_integer(&rig, "HGET bellhop:{@instance:same} pid");
    freeReplyObject(bh_rig_command(&rig, "RESTORE bellhop:{@instance:same} 86400000 %b REPLACE",
                                   before->str, before->len));
    freeReplyObject(before);
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "HGET bellhop:{@instance:same} pid") == pid);
    bh_rig_push_jobs(&rig, "sms", "i", 5, 10);
    bh_rig_expect_all_sent_once(&rig, "sms", "i", 10, ALL_MS);
    bh_rig_stop(&rig);
}
