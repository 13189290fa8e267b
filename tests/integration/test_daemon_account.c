/*
 * The account as a whole: how the key is shown, what happens when it is refused or the credit is out, and how work goes
 * on afterwards.  Waiting for the account is no attempt, and nothing may be lost or sent twice by it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_rows.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
push_jobs(struct bh_rig *rig, const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bh_rig_push(rig, "sms",
                    bh_rig_text(rig, "{\"id\":\"%s-%u\",\"to\":\"4917199930%02u\",\"text\":\"%s\"}",
                                prefix, i, i, prefix));
}

static void
expect_all_sent_once(struct bh_rig *rig, const char *prefix, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const char *id = bh_rig_text(rig, "%s-%u", prefix, i);
        bh_rig_wait_state(rig, "sms", id, "sent");
        cr_expect_eq(bh_rig_accepted(rig, id), 1, "%s", id);
        daemon_check_status(rig, "sms", id, id, "attempts=1");
    }
    BH_RIG_UNTIL(rig, bh_rig_unfinished(rig, "sms") == 0);
}

/* ---- showing the key ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *gateway, *sim;
    const char *header, *value; /* which has to be there; NULL: none */
    const char *form;           /* "p=..." or "!p" */
} forms[] = {
    {"basic",             "auth = basic",                                    NULL, "Authorization", "basic sim-live-key", "!p"            },
    {"header",            "auth = header",                                   NULL, "X-Api-Key",     "sim-live-key",       "!p"            },
    {"parameter",         "auth = parameter",                                NULL, NULL,            NULL,                 "p=sim-live-key"},
    {"basic, signed",     "auth = basic\nsigning_key = sim-signing-key",
     "[account]\nsigning = required\n",                                            "X-Signature",   NULL,                 "!p"            },
    {"parameter, signed", "auth = parameter\nsigning_key = sim-signing-key",
     "[account]\nsigning = required\n",                                            "X-Signature",   NULL,                 "p=sim-live-key"},
};

Test(daemon_account, shows_the_key_in_every_way)
{
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct bh_rig rig;
        const struct bh_rig_options options = {
            .tap = true, .gateway = forms[i].gateway, .sim = forms[i].sim};
        bh_rig_start(&rig, &options);
        push_jobs(&rig, "key", 3);
        expect_all_sent_once(&rig, "key", 3);
        const struct bh_tap_request *request = bh_tap_find(rig.tap, "foreign_id", "key-0", 0);
        static const char *const headers[] = {"Authorization", "X-Api-Key", "X-Signature"};
        for (size_t k = 0; k < COUNT(headers); k++) {
            char *value = bh_tap_header(request, headers[k]);
            bool wanted = forms[i].header != NULL && strcmp(forms[i].header, headers[k]) == 0;
            if (wanted)
                cr_expect(
                    value != NULL && (forms[i].value == NULL || strcmp(value, forms[i].value) == 0),
                    "%s: %s is %s", forms[i].name, headers[k], value);
            if (!wanted && !(k == 0 && strstr(forms[i].name, "basic") != NULL))
                cr_expect_null(value, "%s: %s is %s", forms[i].name, headers[k], value);
            free(value);
        }
        char *p = bh_tap_form(request, "p", NULL);
        cr_expect_eq(p != NULL, forms[i].form[0] != '!', "%s", forms[i].name);
        free(p);
        cr_expect_null(strstr(request->head, "sim-live-key HTTP"), "never in the URL");
        cr_expect_null(strstr(request->head, "p=sim-live-key"), "never in the URL");
        bh_rig_stop(&rig);
    }
}

/* ---- a key that is refused ------------------------------------------------------------------------- */

static const struct {
    const char *name, *gateway, *sim, *code;
} refusals[] = {
    {"900: wrong key",       "api_key = wrong",                 NULL,                                   "900"},
    {"901: wrong signature", "signing_key = wrong-signing-key", "[account]\nsigning = required\n",
     "901"                                                                                                   },
    {"901: no signature",    NULL,                              "[account]\nsigning = required\n",      "901"},
    {"902: no right",        NULL,                              "[key sim-live-key]\nrights = voice\n", "902"},
    {"903: not our address", NULL,                              "[account]\nallow = 10.1.2.3\n",        "903"},
};

Test(daemon_account, holds_everything_when_the_key_is_refused)
{
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct bh_rig rig;
        const struct bh_rig_options options = {
            .tap = true, .gateway = refusals[i].gateway, .sim = refusals[i].sim};
        bh_rig_start(&rig, &options);
        bh_rig_push(&rig, "sms", "{\"id\":\"first\",\"to\":\"491719993001\",\"text\":\"first\"}");
        bh_rig_wait_state(&rig, "sms", "first", "held");
        daemon_check_status(&rig, "sms", "first", refusals[i].name, "reason=auth");
        daemon_check_status(&rig, "sms", "first", refusals[i].name, "attempts=0");
        daemon_check_status(&rig, "sms", "first", refusals[i].name,
                            bh_rig_text(&rig, "code=%s", refusals[i].code));
        BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 1);
        unsigned asked = bh_tap_count(rig.tap, NULL, NULL);
        push_jobs(&rig, "more", 20);
        /* An event that comes after the workers looked at the queue: a third of a second of silence is none. */
        bh_rig_push(&rig, "voice", "{\"id\":\"v\",\"to\":\"491719993001\",\"text\":\"v\"}");
        bh_sleep_ms(300);
        cr_expect_leq(bh_tap_count(rig.tap, NULL, NULL), asked + 1, "%s: the queue is not burnt",
                      refusals[i].name);
        cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 0);
        bh_rig_stop(&rig);
    }
}

Test(daemon_account, goes_on_at_once_with_a_new_key)
{
    struct bh_rig rig;
    struct bh_rig_options options = {.gateway = "api_key = wrong"};
    bh_rig_start(&rig, &options);
    push_jobs(&rig, "key", 5);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 1);
    options.gateway = NULL;
    bh_rig_reload(&rig, 0, &options);
    expect_all_sent_once(&rig, "key", 5);
    bh_rig_stop(&rig);
}

/* ---- no credit ------------------------------------------------------------------------------------- */

/* The next probe comes a minute after the pause; here it comes now.  The entry in the log wakes the keepers. */
static void
probe_now(struct bh_rig *rig)
{
    redisReply *keys = bh_rig_command(rig, "KEYS bellhop:{@*}:control");
    cr_assert_eq(keys->elements, 1);
    const char *key = keys->element[0]->str;
    /* The end of a probe is logged before it is written, and would set the time of the next. */
    BH_RIG_UNTIL(rig, bh_rig_integer(rig, "HEXISTS %s probe:until", key) == 0);
    bh_rig_integer(rig, "HSET %s probe:at 0", key);
    const char *log = bh_rig_text(rig, "%.*slog", (int)(strlen(key) - strlen("control")), key);
    freeReplyObject(bh_rig_command(rig, "XADD %s * wake 1", log));
    freeReplyObject(keys);
}

static const char two_queues[] = "[queue sms]\ntype = sms\n[queue voice]\ntype = voice\n";

Test(daemon_account, waits_for_credit_in_all_processes_and_loses_nothing)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {
        .queues = two_queues, .sim = "[account]\nbalance = 0.1\n", .pool = "workers = 2"};
    bh_rig_start(&rig, &options);
    struct bh_daemon *second = bh_rig_start_daemon(&rig, NULL, NULL);
    push_jobs(&rig, "credit", 60);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 1 &&
                           bh_process_count(&second->process, "error account_paused") == 1);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 1, "the credit is enough for one");
    /* Both processes know: what is pushed from now on is not even tried. */
    bh_rig_push(&rig, "sms", "{\"id\":\"late\",\"to\":\"491719993099\",\"text\":\"late\"}");
    long long requests = bh_rig_sim_number(&rig, "stats", "refused");
    cr_expect_leq(requests, 2 * 2 * 64, "no more than what was under way");

    /* An answer that was under way all the time would pause the account again, and rightly. */
    BH_RIG_UNTIL(&rig, bh_rig_integer(&rig, "ZCARD bellhop:{sms}:leases") == 0);
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":100}}");
    probe_now(&rig);
    expect_all_sent_once(&rig, "credit", 60);
    bh_rig_wait_state(&rig, "sms", "late", "sent");
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 61);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "foreign_ids_doubled_count"), 0);
    bh_rig_stop(&rig);
}

Test(daemon_account, stays_paused_while_the_probe_finds_no_credit)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.sim = "[account]\nbalance = 0\n"};
    bh_rig_start(&rig, &options);
    push_jobs(&rig, "none", 3);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 1);
    probe_now(&rig);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "still no credit") == 1);
    for (unsigned i = 0; i < 3; i++)
        cr_expect(!bh_rig_is(&rig, "sms", bh_rig_text(&rig, "none-%u", i), "state", "sent"));
    /* Credit for one message only: the trial gets through, and the pause comes again. */
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":0.1}}");
    probe_now(&rig);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 2);
    cr_expect_eq(bh_rig_sim_number(&rig, "stats", "accepted"), 1);
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":5}}");
    probe_now(&rig);
    expect_all_sent_once(&rig, "none", 3);
    bh_rig_stop(&rig);
}

/* A pause outlives the process that learnt of it. */
Test(daemon_account, is_still_paused_after_a_restart)
{
    struct bh_rig rig;
    const struct bh_rig_options options = {.sim = "[account]\nbalance = 0\n", .tap = true};
    bh_rig_start(&rig, &options);
    push_jobs(&rig, "kept", 3);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 1);
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    unsigned asked = bh_tap_count(rig.tap, "json", "1");
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    BH_RIG_UNTIL(&rig, bh_process_count(&rig.daemons[0].process, "error account_paused") == 1);
    cr_expect_eq(bh_tap_count(rig.tap, "json", "1"), asked, "nothing was tried again");
    bh_rig_tell(&rig, "config", "{\"account\":{\"balance\":5}}");
    probe_now(&rig);
    expect_all_sent_once(&rig, "kept", 3);
    bh_rig_stop(&rig);
}
