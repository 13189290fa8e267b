/*
 * The log while the gateway is unreachable, the account paused, or Redis away, with hundreds of jobs waiting: one line per
 * change, one job as an example, summaries.
 */
#include <criterion/criterion.h>

#include "support/linecut.h"
#include "support/rig.h"

#define JOBS      400
#define LONG_MS   120000
#define OUTAGE_MS 60000

static void
push_all(struct bh_rig *rig)
{
    for (int i = 0; i < JOBS; i++)
        bh_rig_push(rig, "sms",
                    bh_rig_text(rig, "{\"id\":\"j%d\",\"to\":\"4917199930%02d\",\"text\":\"t%d\"}",
                                i, i % 100, i));
}

static unsigned
lines(const struct bh_rig *rig, const char *part)
{
    return bh_process_count(&rig->daemons[0].process, part);
}

Test(daemon_outages, of_the_gateway_are_summed_up, .timeout = 280)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "workers = 2", .without_daemon = true};
    bh_rig_start(&rig, &options);
    struct bh_linecut *nobody = bh_linecut_start(&(struct bh_linecut_options){0});
    const struct bh_linecut_options to_sim = {.listen_port = bh_linecut_port(nobody),
                                              .upstream_port = rig.gateway_port};
    bh_linecut_stop(nobody);
    rig.gateway_port = to_sim.listen_port;
    bh_rig_start_daemon(&rig, NULL, NULL);
    push_all(&rig);
    BH_RIG_UNTIL_MS(&rig, OUTAGE_MS, lines(&rig, " outage what=gateway ") == 1);
    cr_expect_eq(lines(&rig, " gateway_down "), 1);
    cr_expect_eq(lines(&rig, " held "), 1);
    cr_expect_eq(lines(&rig, " jobs wait, next try in "), 1);
    cr_expect_eq(lines(&rig, "kept_back=0"), 0, "the others were counted");
    struct bh_linecut *line = bh_linecut_start(&to_sim);
    BH_RIG_UNTIL_MS(&rig, LONG_MS, bh_rig_counter(&rig, "sms", "outcome:sent") == JOBS);
    BH_RIG_UNTIL(&rig, lines(&rig, " outage_over what=gateway ") == 1);
    cr_expect_eq(lines(&rig, " gateway_up "), 1);
    cr_expect_leq(lines(&rig, " held "), 1);
    bh_rig_stop(&rig);
    bh_linecut_stop(line);
}

Test(daemon_outages, of_the_account_are_summed_up, .timeout = 280)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "workers = 2",
                                           .gateway = "balance_interval = 10s",
                                           .sim = "[account]\nbalance = 0\n"};
    bh_rig_start(&rig, &options);
    push_all(&rig);
    BH_RIG_UNTIL_MS(&rig, OUTAGE_MS, lines(&rig, " outage what=account ") == 1);
    cr_expect_eq(lines(&rig, "warn  account_paused "), 1, "for both workers");
    cr_expect_eq(lines(&rig, "error account_paused "), 1);
    cr_expect_eq(lines(&rig, " held ") + lines(&rig, " given_back "), 1);
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":1000}}");
    BH_RIG_UNTIL_MS(&rig, LONG_MS, bh_rig_counter(&rig, "sms", "outcome:sent") == JOBS);
    BH_RIG_UNTIL(&rig, lines(&rig, " outage_over what=account ") == 1);
    cr_expect_eq(lines(&rig, " account_open "), 1);
    bh_rig_stop(&rig);
}

Test(daemon_outages, are_not_hidden_from_who_debugs, .timeout = 280)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .pool = "workers = 2", .log = "level = debug", .sim = "[account]\nbalance = 0\n"};
    bh_rig_start(&rig, &options);
    push_all(&rig);
    BH_RIG_UNTIL_MS(&rig, OUTAGE_MS, lines(&rig, " held ") + lines(&rig, " given_back ") >= 2);
    bh_rig_stop(&rig);
}

/* Longer than the leases, so that what was in hand is given up. */
Test(daemon_outages, of_redis_are_summed_up, .timeout = 280)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .pool = "workers = 2\nlease = 25s",
        .gateway = "timeout = 5s\nconnect_timeout = 2s",
        .sim = "[gateway]\nanswer_delay_ms = 500\n",
    };
    bh_rig_start(&rig, &options);
    push_all(&rig);
    BH_RIG_UNTIL(&rig, bh_rig_counter(&rig, "sms", "outcome:sent") > 0);
    bh_redis_process_pause(&rig.redis);
    BH_RIG_UNTIL_MS(&rig, OUTAGE_MS, lines(&rig, " outage what=redis ") == 1);
    cr_expect_leq(lines(&rig, " dropped ") + lines(&rig, " lease_lost "), 1);
    cr_expect_leq(lines(&rig, " redis_down "), 1);
    bh_redis_process_resume(&rig.redis);
    BH_RIG_UNTIL_MS(&rig, LONG_MS, bh_rig_counter(&rig, "sms", "outcome:sent") == JOBS);
    BH_RIG_UNTIL(&rig, lines(&rig, " outage_over what=redis ") == 1);
    bh_rig_stop(&rig);
}
