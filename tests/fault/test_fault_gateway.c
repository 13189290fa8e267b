/*
 * The gateway in the moods that concern many jobs at once: it asks for patience, sends us elsewhere, comes back.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault_jobs.h"
#include "support/linecut.h"

static void
expect_attempts(struct bh_rig *rig, const char *prefix, unsigned count, const char *attempts)
{
    for (unsigned i = 0; i < count; i++) {
        const char *id = bh_rig_text(rig, "%s-%u", prefix, i);
        cr_expect(bh_rig_is(rig, "sms", id, "attempts", attempts), "%s: %s attempts, not %s", id,
                  bh_rig_field(rig, "sms", id, "attempts"), attempts);
    }
}

/* How many messages were asked to be sent between these moments. */
static unsigned
requests_between(struct bh_rig *rig, long long from_ms, long long until_ms)
{
    unsigned count = 0;
    const struct bh_tap_request *request;
    for (unsigned i = 0; (request = bh_tap_find(rig->tap, NULL, NULL, i)) != NULL; i++)
        count += strncmp(request->head, "POST /api/sms", 13) == 0 && request->at_ms >= from_ms &&
                 request->at_ms < until_ms;
    return count;
}

/* 0: none yet. */
static long long
first_request_at(struct bh_rig *rig)
{
    const struct bh_tap_request *request;
    for (unsigned i = 0; (request = bh_tap_find(rig->tap, NULL, NULL, i)) != NULL; i++)
        if (strncmp(request->head, "POST /api/sms", 13) == 0)
            return request->at_ms;
    return 0;
}

static void
wait_out_retry_after(const char *kind)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true, .sim = "[gateway]\nanswer_delay_ms = 20\n"};
    bh_rig_start(&rig, &options);
    bh_rig_push_jobs(&rig, "sms", kind, 0, 20);
    bh_rig_expect_all_sent_once(&rig, "sms", kind, 20, FAULT_WAIT_MS);
    bh_rig_tell(&rig, "fault",
                bh_rig_text(&rig,
                            "{\"kind\":\"%s\",\"retry_after\":4,\"count\":-1,"
                            "\"match\":{\"path\":\"/api/sms\"}}",
                            kind));
    bh_rig_push_jobs(&rig, "sms", kind, 20, 80);
    BH_RIG_UNTIL(&rig, bh_rig_sim_number(&rig, "faults", "hits") > 0);
    long long refused = bh_now_ms();
    /* All that were under way together have their answers soon; then the door is shut. */
    bh_sleep_ms(1000);
    unsigned hits = (unsigned)bh_rig_sim_number(&rig, "faults", "hits");
    bh_rig_tell(&rig, "unfault", "{}");
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, requests_between(&rig, refused + 1000, bh_now_ms()) > 0);
    cr_expect_geq(bh_now_ms() - refused, 3500, "%s: asked again after %lld ms", kind,
                  bh_now_ms() - refused);
    cr_expect_leq(hits, 16, "%s: %u, more than were under way together", kind, hits);
    bh_rig_expect_all_sent_once(&rig, "sms", kind, 80, FAULT_WAIT_MS);
    expect_attempts(&rig, kind, 80, "1");
    bh_rig_stop(&rig);
}

Test(gateway_moods, too_many_requests_are_waited_out_and_burn_no_attempt)
{
    wait_out_retry_after("429");
}

Test(gateway_moods, an_unavailable_service_is_waited_out_and_burns_no_attempt)
{
    wait_out_retry_after("503");
}

/* A POST that is sent elsewhere is a POST in somebody else's hands. */
Test(gateway_moods, a_redirect_is_not_followed)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.tap = true};
    bh_rig_start(&rig, &options);
    bh_rig_tell(&rig, "fault", "{\"kind\":\"redirect\",\"count\":-1}");
    bh_rig_push_jobs(&rig, "sms", "away", 0, 3);
    fault_expect_line(&rig, 0, "gateway_down");
    for (unsigned i = 0; i < bh_tap_count(rig.tap, NULL, NULL); i++)
        cr_expect_null(strstr(bh_tap_find(rig.tap, NULL, NULL, i)->head, "elsewhere"));
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 0);
    bh_rig_tell(&rig, "unfault", "{}");
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);
    cr_expect_eq(bh_rig_accepted_in_all(&rig), 3);
    bh_rig_stop(&rig);
}

/*
 * Hundreds of jobs have waited for it.  Each worker asks with one request; where that is good its window grows by one
 * with each full round, so that within n round trips it has sent no more than 1 + 2 + ... + n.
 */
#define ROUND_MS 200
#define WORKERS  4

Test(gateway_moods, a_recovered_gateway_is_not_overrun)
{
    struct bh_rig rig;
    struct bh_rig_options options = {
        .tap = true,
        .without_daemon = true,
        .pool = "workers = 2",
        .log = "level = debug", /* each worker tells of its breaker */
        .gateway = "max_connections = 16",
        .sim = "[gateway]\nanswer_delay_ms = 200\n",
    };
    bh_rig_start(&rig, &options);
    /* A port on which nobody listens yet: what accepts and closes could have read a request. */
    struct bh_linecut *nobody = bh_linecut_start(&(struct bh_linecut_options){0});
    const struct bh_linecut_options to_tap = {.listen_port = bh_linecut_port(nobody),
                                              .upstream_port = rig.gateway_port};
    bh_linecut_stop(nobody);
    rig.gateway_port = to_tap.listen_port;
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_start_daemon(&rig, NULL, NULL);
    bh_rig_push_jobs(&rig, "sms", "herd", 0, 400);
    /* All four breakers are open: each had its failures, and the jobs wait for it. */
    for (unsigned i = 0; i < 2; i++)
        BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[i].process, " gateway_down ") >= 2);
    struct bh_linecut *line = bh_linecut_start(&to_tap);
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, first_request_at(&rig) != 0);
    long long first = first_request_at(&rig);
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_now_ms() > first + 1000);
    unsigned rounds = 1000 / ROUND_MS, most = 0;
    for (unsigned i = 1; i <= rounds; i++)
        most += i * WORKERS;
    unsigned seen = requests_between(&rig, first, first + 1000);
    cr_expect_leq(requests_between(&rig, first, first + ROUND_MS), WORKERS,
                  "one request of each worker finds out");
    cr_expect_gt(seen, 0);
    cr_expect_leq(seen, most, "%u requests in the first second", seen);
    fprintf(stderr, "herd: %u requests in the first second, at most %u\n", seen, most);
    bh_rig_expect_all_sent_once(&rig, "sms", "herd", 400, FAULT_WAIT_MS);
    expect_attempts(&rig, "herd", 400, "1");
    bh_rig_stop(&rig);
    bh_linecut_stop(line);
}

/* It accepts connections and says nothing, in the places where a request can get stuck before it is read. */
Test(gateway_moods, what_is_stuck_before_it_is_read_is_not_lost_or_doubled)
{
    static const struct {
        const char *name, *fault;
    } rows[] = {
        {"head", "{\"kind\":\"hang\",\"at\":\"head\",\"count\":3}"            },
        {"body", "{\"kind\":\"hang\",\"at\":\"body\",\"bytes\":5,\"count\":3}"},
        {"read", "{\"kind\":\"hang\",\"at\":\"before\",\"count\":3}"          },
        {"late", "{\"kind\":\"hang\",\"at\":\"after\",\"count\":3}"           },
    };
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .gateway = FAULT_GATEWAY, .queues = "[queue sms]\nretry = 1s*\n", .sim = FAULT_SIM};
    bh_rig_start(&rig, &options);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bh_rig_tell(&rig, "fault", rows[i].fault);
        for (unsigned k = 0; k < 6; k++)
            bh_rig_push(
                &rig, "sms",
                bh_rig_text(&rig, "{\"id\":\"%s-%u\",\"to\":\"4917188%02zu%02u\",\"text\":\"%s\"}",
                            rows[i].name, k, i, k, rows[i].name));
    }
    BH_RIG_UNTIL_MS(&rig, FAULT_WAIT_MS, bh_rig_unfinished(&rig, "sms") == 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned k = 0; k < 6; k++) {
            const char *id = bh_rig_text(&rig, "%s-%u", rows[i].name, k);
            bh_rig_wait_state(&rig, "sms", id, "sent");
            cr_expect_eq(bh_rig_accepted(&rig, id), 1, "%s: %lld", id, bh_rig_accepted(&rig, id));
        }
    bh_rig_stop(&rig);
}

/* ---- killed between the last byte of the request and the first byte of the answer ---- */

#define RESEND "[queue sms]\nretry = 1s*\n"
#define HOLD   RESEND "on_uncertain = hold\n"
/* The key may not read the gateway's journal. */
#define WITHOUT_JOURNAL FAULT_SIM "[key sim-live-key]\nrights = sms,balance\n"

struct widow {
    const char *name;
    const char *to; /* JSON */
    long long recipients;
    const char *queues, *sim;
    const char *state, *confirmed_by;
};

/* clang-format off */
static const struct widow widows[] = {
    {"one, told by journal or lock",      "\"491722000001\"", 1, RESEND, FAULT_SIM, "sent", NULL},
    {"one, told by the lock alone",       "\"491722000002\"", 1, RESEND, WITHOUT_JOURNAL, "sent", "reload_lock"},
    {"one, under hold, told by journal",  "\"491722000003\"", 1, HOLD, FAULT_SIM, "sent", "journal"},
    {"several, told by the journal",      "[\"491722000004\",\"491722000005\",\"491722000006\"]", 3, RESEND, FAULT_SIM, "sent", "journal"},
    {"several, under hold, nobody knows", "[\"491722000007\",\"491722000008\",\"491722000009\"]", 3, HOLD, WITHOUT_JOURNAL, "unknown", NULL},
};
/* clang-format on */

static void
expect_one_request(struct bh_rig *rig, const struct widow *row)
{
    static const char path[] = "{\"kind\":\"hang\",\"at\":\"after\",\"count\":-1,"
                               "\"match\":{\"path\":\"/api/sms\"}}";
    bh_rig_tell(rig, "fault", path);
    bh_rig_push(
        rig, "sms",
        bh_rig_text(rig, "{\"id\":\"widow\",\"to\":%s,\"text\":\"Are you there?\"}", row->to));
    BH_RIG_UNTIL(rig, bh_rig_accepted_in_all(rig) == row->recipients);
    bh_process_kill(&rig->daemons[0].process);
    cr_expect(bh_rig_is(rig, "sms", "widow", "state", "sending"), "%s: %s before the restart",
              row->name, bh_rig_field(rig, "sms", "widow", "state"));
    bh_rig_tell(rig, "unfault", "{}");
    bh_rig_restart_daemon(rig, &rig->daemons[0]);
    BH_RIG_UNTIL_MS(rig, FAULT_WAIT_MS, bh_rig_unfinished(rig, "sms") == 0);
    cr_expect(bh_rig_is(rig, "sms", "widow", "state", row->state), "%s: %s", row->name,
              bh_rig_field(rig, "sms", "widow", "state"));
    cr_expect(row->confirmed_by == NULL ||
                  bh_rig_is(rig, "sms", "widow", "confirmed_by", row->confirmed_by),
              "%s: by %s", row->name, bh_rig_field(rig, "sms", "widow", "confirmed_by"));
    cr_expect_eq(bh_rig_accepted_in_all(rig), row->recipients, "%s: accepted %lld", row->name,
                 bh_rig_accepted_in_all(rig));
}

/* The gateway has accepted and not answered when the worker dies; its successor finds out, and sends nothing twice. */
Test(lost_answer, of_a_worker_that_was_killed_while_it_waited_is_found_out, .timeout = 500)
{
    for (size_t i = 0; i < sizeof(widows) / sizeof(widows[0]); i++) {
        const struct widow *row = &widows[i];
        struct bh_rig rig;
        const struct bh_rig_options options = {
            .gateway = "reload_lock = 20s\ntimeout = 10s\nconnect_timeout = 1s\n",
            .pool = "lease = 15s\n",
            .queues = row->queues,
            .sim = row->sim,
        };
        bh_rig_start(&rig, &options);
        expect_one_request(&rig, row);
        bh_rig_stop(&rig);
    }
}
