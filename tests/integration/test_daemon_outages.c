/*
 * The log while the gateway is unreachable, the account paused, or Redis away, with hundreds of jobs waiting: one line per
 * change, one job as an example, summaries.
 */
#include <criterion/criterion.h>

#include "engine/breaker.h"
#include "support/cli_stage.h"
#include "support/linecut.h"
#include "support/rig.h"

#define JOBS      400
#define LONG_MS   120000
#define OUTAGE_MS 60000

static void
push(struct bh_rig *rig, int count)
{
    for (int i = 0; i < count; i++)
        bh_rig_push(rig, "sms",
                    bh_rig_text(rig, "{\"id\":\"j%d\",\"to\":\"4917199930%02d\",\"text\":\"t%d\"}",
                                i, i % 100, i));
}

static unsigned
lines(const struct bh_rig *rig, const char *part)
{
    return bh_process_count(&rig->daemons[0].process, part);
}

/* Nothing listens where the gateway should be, until a linecut does with what is in *ret_to_sim. */
static void
start_without_gateway(struct bh_rig *rig, const struct bh_rig_options *options,
                      struct bh_linecut_options *ret_to_sim)
{
    bh_rig_start(rig, options);
    struct bh_linecut *nobody = bh_linecut_start(&(struct bh_linecut_options){0});
    *ret_to_sim = (struct bh_linecut_options){.listen_port = bh_linecut_port(nobody),
                                              .upstream_port = rig->gateway_port};
    bh_linecut_stop(nobody);
    rig->gateway_port = ret_to_sim->listen_port;
    bh_rig_start_daemon(rig, NULL, NULL);
}

static void
cancel_what_waits(struct bh_rig *rig)
{
    static const char *const cancel[] = {"cancel", "queue=sms", "--yes", NULL};
    const char *variable = bh_rig_text(rig, "BELLHOP_CONFIG=%s", rig->daemons[0].config);
    struct run_result result;
    cli_run_at(rig->dir, variable, cancel, NULL, &result);
    cr_expect_eq(result.exit_status, 0, "%s%s", result.out, result.err);
    run_release(&result);
}

Test(daemon_outages, of_the_gateway_are_summed_up, .timeout = 280)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.pool = "workers = 2", .without_daemon = true};
    struct bh_linecut_options to_sim;
    start_without_gateway(&rig, &options, &to_sim);
    push(&rig, JOBS);
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

Test(daemon_outages, of_the_gateway_end_without_a_job_when_it_tells_the_balance, .timeout = 280)
{
    struct bh_rig rig;
    struct bh_linecut_options to_sim;
    const struct bh_rig_options options = {.gateway = "balance_interval = 10s",
                                           .without_daemon = true};
    start_without_gateway(&rig, &options, &to_sim);
    push(&rig, BH_BREAKER_OPENS_AFTER);
    BH_RIG_UNTIL_MS(&rig, OUTAGE_MS, lines(&rig, " gateway_down ") == 1);
    cancel_what_waits(&rig);
    cr_assert_eq(bh_rig_unfinished(&rig, "sms"), 0);
    struct bh_linecut *line = bh_linecut_start(&to_sim);
    BH_RIG_UNTIL_MS(&rig, LONG_MS, lines(&rig, " gateway_up ") == 1);
    cr_expect_eq(bh_rig_counter(&rig, "sms", "outcome:sent"), 0);
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
    push(&rig, JOBS);
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
    push(&rig, JOBS);
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
    push(&rig, JOBS);
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
