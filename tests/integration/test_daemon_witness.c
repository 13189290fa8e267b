/*
 * What could tell about a lost answer, journal and reload lock: what the daemon says about it at its start, how it learns of
 * changes, and that all processes know.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon_rows.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *
control_key(struct bh_rig *rig)
{
    redisReply *keys = bh_rig_command(rig, "KEYS bellhop:{@*}:control");
    cr_assert_eq(keys->elements, 1);
    const char *key = bh_rig_text(rig, "%s", keys->element[0]->str);
    freeReplyObject(keys);
    return key;
}

/* A field of the account; "" when it is not there. */
static const char *
account_field(struct bh_rig *rig, const char *name)
{
    redisReply *reply = bh_rig_command(rig, "HGET %s %s", control_key(rig), name);
    const char *text = bh_rig_text(rig, "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
    freeReplyObject(reply);
    return text;
}

static bool
said(const struct bh_daemon *daemon, const char *words)
{
    return bh_process_count(&daemon->process, words) > 0;
}

/* ---- what is said at the start ----------------------------------------------------------------------- */

static const struct {
    const char *name, *gateway, *sim;
    const char *journal, *lock; /* what the log has to say */
} starts[] = {
    {"readable",          NULL,                NULL,                                         "journal access=readable empty=yes", "lock=assumed"},
    {"denied",            NULL,                "[key sim-live-key]\nrights = sms,balance\n",
     "may not read the gateway's journal",                                                                                        "lock=assumed"},
    {"without lock",      "reload_lock = off", NULL,                                         "journal access=readable",           "lock=off"    },
    {"without retention", NULL,                "[journal]\nretention = no\n",                "empty=yes",                         "lock=assumed"},
};

Test(daemon_witness, says_at_its_start_what_could_tell_about_a_lost_answer)
{
    for (size_t i = 0; i < COUNT(starts); i++) {
        struct bh_rig rig;
        const struct bh_rig_options options = {
            .gateway = starts[i].gateway, .sim = starts[i].sim, .without_daemon = true};
        bh_rig_start(&rig, &options);
        struct bh_daemon *daemon = bh_rig_start_daemon(&rig, NULL, NULL);
        BH_RIG_UNTIL(&rig, said(daemon, starts[i].lock) && said(daemon, starts[i].journal));
        cr_expect_str_eq(account_field(&rig, "journal"),
                         strstr(starts[i].journal, "may not") != NULL ? "no" : "yes", "%s",
                         starts[i].name);
        bh_rig_stop(&rig);
    }
}

Test(daemon_witness, says_after_a_restart_that_the_journal_has_something_in_it)
{
    struct bh_rig rig;
    bh_rig_start(&rig, &(struct bh_rig_options){.gateway = "reload_lock = 3m"});
    bh_rig_push(&rig, "sms", "{\"id\":\"a\",\"to\":\"491719993001\",\"text\":\"a\"}");
    bh_rig_wait_state(&rig, "sms", "a", "sent");
    cr_assert_eq(bh_daemon_stop(&rig.daemons[0], BH_RIG_WAIT_MS), 0);
    bh_rig_restart_daemon(&rig, &rig.daemons[0]);
    BH_RIG_UNTIL(&rig, said(&rig.daemons[0], "journal access=readable msg="));
    cr_expect_not(said(&rig.daemons[0], "from the future"));
    bh_rig_stop(&rig);
}
