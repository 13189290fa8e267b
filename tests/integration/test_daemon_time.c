/*
 * Time through the whole: delays, the ttl, retries, the reload lock, the daily limit.  Lower bounds are exact: nothing may
 * happen early.  Upper bounds are generous, as the machine may be slow.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon_rows.h"

#define LATE_MAX_MS 5000

/* When the gateway took the job, unix ms. */
static long long
accepted_at(struct bh_rig *rig, const char *id)
{
    const char *found = strstr(bh_rig_message(rig, id), "\"at_ms\":");
    return found != NULL ? strtoll(found + strlen("\"at_ms\":"), NULL, 10) : -1;
}

static void
expect_at(struct bh_rig *rig, const char *id, long long due_ms)
{
    bh_rig_wait_state(rig, "sms", id, "sent");
    long long at_ms = accepted_at(rig, id);
    cr_expect_geq(at_ms, due_ms, "%s: %lld ms early", id, due_ms - at_ms);
    cr_expect_leq(at_ms, due_ms + LATE_MAX_MS, "%s: %lld ms late", id, at_ms - due_ms);
    cr_expect_eq(bh_rig_accepted(rig, id), 1, "%s", id);
}

static void
push_delayed(struct bh_rig *rig, const char *id, const char *delay)
{
    bh_rig_push(
        rig, "sms",
        bh_rig_text(rig, "{\"id\":\"%s\",\"to\":\"491719990500\",\"text\":\"%s\",\"delay\":%s}", id,
                    id, delay));
}

Test(daemon_time, sends_delayed_jobs_soon_and_never_early)
{
    struct bh_rig rig;
    /* A zone without changes of its clock, five and a half hours ahead. */
    const struct bh_rig_options options = {.gateway = "timezone = Asia/Kolkata"};
    bh_rig_start(&rig, &options);
    long long now_ms = bh_unix_ms(), second = now_ms / 1000 + 3;
    char local[40];
    time_t local_s = (time_t)(second + 5 * 3600 + 1800);
    struct tm parts;
    gmtime_r(&local_s, &parts);
    strftime(local, sizeof(local), "\"%Y-%m-%d %H:%M:%S\"", &parts);

    push_delayed(&rig, "unix", bh_rig_text(&rig, "%lld", second));
    push_delayed(&rig, "unix-text", bh_rig_text(&rig, "\"%lld\"", second));
    push_delayed(&rig, "local", local);
    push_delayed(&rig, "relative", "\"+3s\"");
    for (int i = 0; i < 20; i++)
        push_delayed(&rig, bh_rig_text(&rig, "many-%d", i),
                     bh_rig_text(&rig, "%lld", second + i % 3));
    bh_rig_wait_state(&rig, "sms", "unix", "scheduled");
    daemon_check_status(&rig, "sms", "unix", "unix",
                        bh_rig_text(&rig, "next_at=%lld", second * 1000));
    daemon_check_status(&rig, "sms", "unix", "unix", "attempts=0");

    expect_at(&rig, "unix", second * 1000);
    expect_at(&rig, "unix-text", second * 1000);
    expect_at(&rig, "local", second * 1000);
    expect_at(&rig, "relative", now_ms + 3000);
    for (int i = 0; i < 20; i++)
        expect_at(&rig, bh_rig_text(&rig, "many-%d", i), (second + i % 3) * 1000);
    daemon_check_status(&rig, "sms", "unix", "unix", "!next_at");
    bh_rig_stop(&rig);
}

/* Far ahead, so that the rows do not age; the rules of the zone are those of today. */
Test(daemon_time, reads_local_times_over_both_changes_of_the_clock)
{
    static const struct {
        const char *local;
        long long due_s;
    } rows[] = {
        {"\"2090-03-26 01:59:59\"", 3794173199}, /* the last second of winter time */
        {"\"2090-03-26 02:30\"",    3794175000}, /* skipped: what the clocks then show is 03:30 */
        {"\"2090-03-26 03:00\"",    3794173200},
        {"\"2090-10-29 01:59:59\"", 3812918399},
        {"\"2090-10-29 02:30\"",    3812920200}, /* comes twice: the first, still in summer time */
        {"\"2090-10-29 03:00\"",    3812925600},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {.gateway = "timezone = Europe/Berlin"};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *id = bh_rig_text(&rig, "change-%zu", i);
        push_delayed(&rig, id, rows[i].local);
        bh_rig_wait_state(&rig, "sms", id, "scheduled");
        daemon_check_status(&rig, "sms", id, rows[i].local,
                            bh_rig_text(&rig, "next_at=%lld", rows[i].due_s * 1000));
    }
    bh_rig_stop(&rig);
}

/* Who pushes early and restarts the worker in between loses nothing. */
Test(daemon_time, keeps_delayed_jobs_over_a_restart)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_sim = false};
    bh_rig_start(&rig, &options);
    long long second = bh_unix_ms() / 1000 + 4;
    push_delayed(&rig, "kept", bh_rig_text(&rig, "%lld", second));
    bh_rig_wait_state(&rig, "sms", "kept", "scheduled");
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    expect_at(&rig, "kept", second * 1000);
    bh_rig_stop(&rig);
}

/* ---- ttl ------------------------------------------------------------------------------------------- */

Test(daemon_time, gives_up_when_no_further_try_fits_the_ttl)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .gateway = "reload_lock = off",
        .queues = "[queue sms]\ntype = sms\nretry = 1s, 1s*\n",
    };
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault", "{\"kind\":\"code\",\"code\":600,\"count\":-1}");
    bh_rig_push(&rig, "sms",
                bh_rig_text(&rig,
                            "{\"id\":\"ttl\",\"to\":\"491719990501\",\"text\":\"ttl\",\"ttl\":1,"
                            "\"enqueued_at\":%lld}",
                            bh_unix_ms() - 56000));
    bh_rig_wait_state(&rig, "sms", "ttl", "expired");
    long long attempts = bh_rig_number(&rig, "sms", "ttl", "attempts");
    cr_expect(attempts >= 1 && attempts <= 4, "%lld", attempts);
    daemon_check_status(&rig, "sms", "ttl", "ttl", "code=600");
    cr_expect_eq(bh_rig_unfinished(&rig, "sms"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_time, expires_what_waited_too_long_for_its_account)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.without_daemon = true};
    bh_rig_start(&rig, &options);
    /* In the list for 61 seconds already, by its own account, when the first worker comes. */
    bh_rig_push(&rig, "sms",
                bh_rig_text(&rig,
                            "{\"id\":\"old\",\"to\":\"491719990502\",\"text\":\"old\",\"ttl\":1,"
                            "\"enqueued_at\":%lld}",
                            bh_unix_ms() - 61000));
    bh_rig_push(&rig, "sms",
                bh_rig_text(&rig,
                            "{\"id\":\"new\",\"to\":\"491719990502\",\"text\":\"new\",\"ttl\":1,"
                            "\"enqueued_at\":%lld}",
                            bh_unix_ms()));
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_wait_state(&rig, "sms", "old", "expired");
    bh_rig_wait_state(&rig, "sms", "new", "sent");
    cr_expect_eq(bh_rig_accepted(&rig, "old"), 0);
    bh_rig_stop(&rig);
}

/* ---- retries --------------------------------------------------------------------------------------- */

Test(daemon_time, retries_by_the_schedule)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true,
        .gateway = "reload_lock = off",
        .queues = "[queue sms]\ntype = sms\nretry = 1s, 2s\n",
    };
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"code\",\"code\":600,\"count\":2,\"match\":{\"text\":\"twice\"}}");
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"code\",\"code\":600,\"count\":-1,\"match\":{\"text\":\"always\"}}");
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"code\",\"code\":600,\"count\":-1,\"match\":{\"text\":\"own\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"twice\",\"to\":\"491719990503\",\"text\":\"twice\"}");
    bh_rig_push(&rig, "sms", "{\"id\":\"always\",\"to\":\"491719990503\",\"text\":\"always\"}");
    bh_rig_push(&rig, "sms",
                "{\"id\":\"own\",\"to\":\"491719990503\",\"text\":\"own\",\"retry\":\"1s\"}");
    bh_rig_wait_state(&rig, "sms", "twice", "sent");
    bh_rig_wait_state(&rig, "sms", "always", "failed");
    bh_rig_wait_state(&rig, "sms", "own", "failed");
    daemon_check_status(&rig, "sms", "twice", "twice", "attempts=3");
    daemon_check_status(&rig, "sms", "twice", "twice", "first_error~carrier");
    daemon_check_status(&rig, "sms", "twice", "twice", "!error");
    daemon_check_status(&rig, "sms", "always", "always", "attempts=3");
    daemon_check_status(&rig, "sms", "own", "own", "attempts=2");

    const struct bh_tap_request *tries[3];
    for (unsigned i = 0; i < 3; i++)
        cr_assert_not_null(tries[i] = bh_tap_find(rig.tap, "foreign_id", "twice", i));
    cr_expect_geq(tries[1]->at_ms - tries[0]->at_ms, 1000);
    cr_expect_geq(tries[2]->at_ms - tries[1]->at_ms, 2000);
    cr_expect_leq(tries[2]->at_ms - tries[1]->at_ms, 2400 + LATE_MAX_MS);
    cr_expect_str_eq(tries[0]->body, tries[2]->body, "each try says the same");
    bh_rig_stop(&rig);
}

/* ---- the reload lock ------------------------------------------------------------------------------- */

Test(daemon_time, holds_a_twin_until_the_lock_has_lapsed, .timeout = 100)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true, .gateway = "reload_lock = 2s", .sim = "[lock]\nseconds = 2\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"0171999990504\",\"text\":\"Ring!\"}");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    bh_rig_push(&rig, "sms", "{\"id\":\"b\",\"to\":\"+49171999990504\",\"text\":\"Ring!\"}");
    bh_rig_push(&rig, "sms", "{\"id\":\"other\",\"to\":\"+49171999990504\",\"text\":\"Ring?\"}");
    bh_rig_push(&rig, "sms",
                "{\"id\":\"free\",\"to\":\"+49171999990504\",\"text\":\"Ring!\",\"no_reload\":1}");
    bh_rig_wait_state(&rig, "sms", "other", "sent");
    bh_rig_wait_state(&rig, "sms", "free", "sent");
    bh_rig_wait_state(&rig, "sms", "b", "held");
    daemon_check_status(&rig, "sms", "b", "b", "reason=reload_lock");
    daemon_check_status(&rig, "sms", "b", "b", "attempts=0");
    bh_rig_wait_state(&rig, "sms", "b", "sent");
    daemon_check_status(&rig, "sms", "b", "b", "attempts=1");
    cr_expect_geq(accepted_at(&rig, "b") - accepted_at(&rig, "a"), 2000);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "locked"), 0, "the gateway never had to refuse");
    cr_expect_eq(bh_tap_count(rig.tap, "foreign_id", "b"), 1);
    bh_rig_stop(&rig);
}

Test(daemon_time, ends_as_duplicate_what_somebody_else_keeps_sending, .timeout = 100)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.gateway = "reload_lock = 1s"};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault",
                "{\"kind\":\"code\",\"code\":402,\"count\":2,\"match\":{\"text\":\"theirs\"}}");
    bh_rig_push(&rig, "sms", "{\"id\":\"theirs\",\"to\":\"491719990505\",\"text\":\"theirs\"}");
    bh_rig_wait_state(&rig, "sms", "theirs", "held");
    bh_rig_wait_state(&rig, "sms", "theirs", "duplicate");
    daemon_check_status(&rig, "sms", "theirs", "theirs", "code=402");
    daemon_check_status(&rig, "sms", "theirs", "theirs", "attempts=0");
    bh_rig_stop(&rig);
}

/* An answer that was lost: the second, identical request inside the lock's time tells what became of the first. */
Test(daemon_time, asks_the_lock_what_became_of_a_lost_answer, .timeout = 100)
{
    static const struct {
        const char *id, *fault, *confirmed_by;
    } rows[] = {
        {"taken",   "\"kind\":\"drop\",\"at\":\"after\"",                 "confirmed_by=reload_lock"},
        {"reset",   "\"kind\":\"drop\",\"at\":\"after\",\"end\":\"rst\"", "confirmed_by=reload_lock"},
        {"silent",  "\"kind\":\"hang\",\"at\":\"after\"",                 "confirmed_by=reload_lock"},
        {"garbled", "\"kind\":\"garbage\"",                               "confirmed_by=reload_lock"},
        {"lost",    "\"kind\":\"drop\",\"at\":\"before\"",                "confirmed_by=response"   },
        {"busy",    "\"kind\":\"status\",\"status\":502",                 "confirmed_by=response"   },
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true,
        .gateway = "reload_lock = 12s\ntimeout = 1s\nconnect_timeout = 500ms",
        .sim = "[lock]\nseconds = 12\n"};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *id = rows[i].id, *good = bh_rig_text(&rig, "good-%s", id);
        bh_rig_tell(&rig, "fault",
                    bh_rig_text(&rig, "{%s,\"match\":{\"foreign_id\":\"%s\"}}", rows[i].fault, id));
        bh_rig_push(
            &rig, "sms",
            bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"491719990506\",\"text\":\"%s\"}", id, id));
        bh_rig_wait_state(&rig, "sms", id, "retrying");
        /* One that goes through, so that the breaker stays closed. */
        bh_rig_push(&rig, "sms",
                    bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"491719990506\",\"text\":\"%s\"}",
                                good, good));
        bh_rig_wait_state(&rig, "sms", good, "sent");
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_rig_wait_state(&rig, "sms", rows[i].id, "sent");
        daemon_check_status(&rig, "sms", rows[i].id, rows[i].id, rows[i].confirmed_by);
        cr_expect_eq(bh_rig_accepted(&rig, rows[i].id), 1, "%s", rows[i].id);
        cr_expect_eq(bh_tap_count(rig.tap, "foreign_id", rows[i].id), 2, "%s", rows[i].id);
    }
    bh_rig_stop(&rig);
}

/*
 * The lock is the account's: what refuses the repetition may be another queue's message.  The first request of `lost` never
 * arrived, that of `taken` did, and its twin was refused.
 */
Test(daemon_time, does_not_take_the_lock_of_another_queues_message_for_its_own, .timeout = 100)
{
    static const struct {
        const char *id, *fault;
        const char *twin_state;
    } rows[] = {
        {"lost",  "before", "sent"},
        {"taken", "after",  "held"},
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .tap = true,
        .gateway = "reload_lock = 12s\ntimeout = 1s\nconnect_timeout = 500ms",
        .queues = "[queue sms]\n[queue bulk]\n[queue more]\n",
        .sim = "[lock]\nseconds = 12\n[key sim-live-key]\nrights = sms,balance\n"};
    bh_rig_start(&rig, &options);
    long long began_ms = bh_unix_ms();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *id = rows[i].id, *twin = bh_rig_text(&rig, "twin-%s", id);
        bh_rig_tell(
            &rig, "fault",
            bh_rig_text(&rig, "{\"kind\":\"drop\",\"at\":\"%s\",\"match\":{\"foreign_id\":\"%s\"}}",
                        rows[i].fault, id));
        bh_rig_push(
            &rig, "sms",
            bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"491719990509\",\"text\":\"%s\"}", id, id));
        bh_rig_wait_state(&rig, "sms", id, "retrying");
        bh_rig_push(&rig, "bulk",
                    bh_rig_text(&rig, "{\"id\":\"%s\",\"to\":\"+491719990509\",\"text\":\"%s\"}",
                                twin, id));
        bh_rig_wait_state(&rig, "bulk", twin, rows[i].twin_state);
        daemon_check_status(&rig, "bulk", twin, twin, i == 0 ? "attempts=1" : "attempts=0");
    }
    BH_RIG_UNTIL(&rig, strstr(bh_rig_field(&rig, "sms", "lost", "error"), "another queue") != NULL);
    cr_expect_eq(bh_rig_accepted(&rig, "lost"), 0);
    cr_expect_not(bh_rig_is(&rig, "sms", "lost", "state", "sent"));
    bh_rig_wait_state(&rig, "sms", "taken", "sent");
    daemon_check_status(&rig, "sms", "taken", "taken", "confirmed_by=reload_lock");
    cr_expect_eq(bh_rig_accepted(&rig, "taken"), 1);

    BH_RIG_UNTIL(&rig, bh_unix_ms() >= began_ms + 15000);
    bh_rig_wait_state(&rig, "sms", "lost", "sent");
    daemon_check_status(&rig, "sms", "lost", "lost", "confirmed_by=response");
    cr_expect_eq(bh_rig_accepted(&rig, "lost"), 1);
    cr_expect_eq(bh_rig_accepted(&rig, "twin-lost"), 1);
    bh_rig_stop(&rig);
}

/* ---- the daily limit ------------------------------------------------------------------------------- */

Test(daemon_time, holds_until_tomorrow_what_reached_the_daily_limit)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.gateway = "timezone = UTC",
                                           .sim = "[account]\ndaily_limit = 1\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push(&rig, "sms", "{\"id\":\"d1\",\"to\":\"491719990507\",\"text\":\"d1\"}");
    bh_rig_wait_state(&rig, "sms", "d1", "sent");
    bh_rig_push(&rig, "sms", "{\"id\":\"d2\",\"to\":\"491719990507\",\"text\":\"d2\"}");
    bh_rig_push(&rig, "sms", "{\"id\":\"d3\",\"to\":\"491719990507\",\"text\":\"d3\",\"ttl\":1}");
    bh_rig_push(&rig, "sms", "{\"id\":\"d4\",\"to\":\"491719990508\",\"text\":\"d4\"}");
    bh_rig_wait_state(&rig, "sms", "d2", "held");
    bh_rig_wait_state(&rig, "sms", "d3", "failed");
    bh_rig_wait_state(&rig, "sms", "d4", "sent");
    long long day = 24 * 3600 * 1000LL, next_ms = bh_rig_number(&rig, "sms", "d2", "next_at");
    cr_expect_leq(next_ms % day, 1800 * 1000, "within half an hour behind midnight: %lld", next_ms);
    cr_expect(next_ms > bh_unix_ms() && next_ms < bh_unix_ms() + day + 1800 * 1000);
    daemon_check_status(&rig, "sms", "d2", "d2", "reason=daily_limit");
    bh_rig_stop(&rig);
}
