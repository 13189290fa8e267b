/*
 * Every allocation in the life of a job whose answer was lost fails once, and then all for some seconds: its claims,
 * waits and claims again from its record, the look-ups in the gateway's journal and their reading, the guarded
 * retries, reloads in between.  The gateway took the first request.  Whatever fails, it takes no other, and
 * the job is never called anything but sent, or unknown.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/story.h"
#include "fault/torture_memory.h"

#define GATEWAY "[gateway]\napi_key = k\nurl = http://127.0.0.1:7077/api\nsigning_key = s\n"
#define RESENDS GATEWAY "[queue a]\non_uncertain = resend\n"
#define HOLDS   GATEWAY "[queue a]\non_uncertain = hold\n"
#define ONE     "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\",\"meta\":{\"a\":1}}"
#define TWO     "{\"id\":\"one\",\"to\":\"491710000001,491710000002\",\"text\":\"hello\"}"

#define STEP_MS  500
#define STEPS    2000
#define LOCK_MS  (180 * BH_SECOND_MS)
#define AWAY_MS  (10 * BH_SECOND_MS) /* memory does not stay away for longer */
#define LEASE_MS (30 * BH_SECOND_MS)

struct scenario {
    const char *name, *ini, *payload;
    enum bh_journal_access journal;
    enum bh_lock_knowledge lock;
    const char *found; /* what the journal says: "found", "absent"... */
    bool reloads;      /* the configuration is read again whenever the job waits */
    const char *state;
    unsigned submits; /* with enough memory */
};

static const struct scenario scenarios[] = {
    {"found in the journal",                  RESENDS,                          ONE, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN, "found",  false,
     "sent",                                                                                                                                        1},
    {"the lock tells",                        RESENDS,                          ONE, BH_JOURNAL_DENIED,   BH_LOCK_ON,      "absent", false, "sent", 2},
    {"the lock tells while the journal lags", RESENDS,                          ONE, BH_JOURNAL_READABLE, BH_LOCK_ON,
     "other",                                                                                                                        false, "sent", 2},
    {"the lock and the other queues tell",    RESENDS "[queue b]\n[queue c]\n", ONE, BH_JOURNAL_DENIED,
     BH_LOCK_ON,                                                                                                           "absent", false, "sent", 2},
    {"found for two",                         RESENDS,                          TWO, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN, "found",  false, "sent",
     1                                                                                                                                               },
    {"held and found",                        HOLDS,                            ONE, BH_JOURNAL_READABLE, BH_LOCK_OFF,     "found",  false, "sent", 1},
    {"held without a witness",                HOLDS,                            ONE, BH_JOURNAL_DENIED,   BH_LOCK_OFF,     "absent", false,
     "unknown",                                                                                                                                     1},
    {"found behind reloads",                  RESENDS,                          ONE, BH_JOURNAL_READABLE, BH_LOCK_UNKNOWN, "found",  true,
     "sent",                                                                                                                                        1},
};

static struct rig rig; /* a test is a process of its own */

struct life {
    const struct scenario *scenario;
    struct story story; /* for its journal */
    char head[8192];    /* as the store would give it out; empty: fresh */
    bool waits;         /* in the store, until `due_ms` */
    bool started;
    bh_ms due_ms, accepted_ms, failed_ms;
    int64_t created_ms, expires_ms, uncertain_ms, started_ms;
    unsigned attempts, recoveries, submits, accepted, looks, drops;
    char state[16];
};

static void
keep_head(struct life *life, char waiting, const char *reason, struct bh_str memo)
{
    char copy[4096];
    snprintf(copy, sizeof(copy), "%.*s", BH_STR_ARGS(memo));
    snprintf(life->head, sizeof(life->head), "1 %c %s %u %u me 7 0 %lld %lld %lld %lld one\n%s",
             waiting, reason[0] != '\0' ? reason : "-", life->attempts, life->recoveries,
             (long long)life->created_ms, (long long)life->created_ms, (long long)life->expires_ms,
             (long long)life->uncertain_ms, copy);
}

/* Its lease runs out, and the next claim takes it back: uncertain where it was marked as being sent. */
static void
recover(struct life *life)
{
    const char *memo = strchr(life->head, '\n');
    life->drops++;
    life->recoveries = 0; /* of those that count, none */
    life->waits = true;
    life->due_ms = rig.now_ms + LEASE_MS;
    if (!life->started)
        return;
    life->started = false;
    life->attempts++;
    if (life->uncertain_ms == 0)
        life->uncertain_ms = life->started_ms;
    keep_head(life, 'u', "uncertain", bh_str_from(memo != NULL ? memo + 1 : ""));
}

static void
answer_claim(struct life *life, const struct bh_command *command)
{
    const struct rig_job job = {life->scenario->payload, life->head[0] != '\0' ? life->head : NULL};
    bool given = life->waits && rig.now_ms >= life->due_ms;
    if (given)
        life->waits = false;
    rig_claimed(&rig, command, &job, given, false);
}

static void
answer_admit(struct life *life, const struct bh_command *command)
{
    if (life->created_ms == 0) {
        life->created_ms = command->admit.created.ms;
        life->expires_ms = command->admit.expires.ms;
    }
    life->started = true;
    life->started_ms = rig_server_now(&rig).ms;
    if (!life->story.has_begun)
        life->story.began_ms = rig.now_ms;
    life->story.has_begun = true;
    rig_admitted(&rig, command, BH_ADMIT_OK, 0);
}

/* The gateway as it is: it takes the first, and refuses the same again within its lock. */
static void
answer_submit(struct life *life, const struct bh_command *command)
{
    life->submits++;
    if (life->accepted > 0 && rig.now_ms < life->accepted_ms + LOCK_MS) {
        rig_answered(&rig, command, "402");
        return;
    }
    life->accepted++;
    life->accepted_ms = rig.now_ms;
    rig_wait(&rig, BH_SECOND_MS);
    rig_silence(&rig, command, BH_HANDED_ALL, BH_TROUBLE_RESET);
}

static void
answer_look_up(struct life *life, struct bh_command *command)
{
    long from = fails_from, before = made;
    fails_from = -1; /* the journal's memory is its own */
    char *body = story_journal(&life->story, command, life->scenario->found);
    made = before;
    fails_from = from;
    life->looks++;
    command->submit = command->look_up;
    rig_answered(&rig, command, body);
    free(body);
}

static void
reload(void)
{
    long from = fails_from, before = made;
    fails_from = -1;
    rig_configure(&rig, RESENDS "[queue b]\n");
    made = before;
    fails_from = from;
}

static void
answer_settle(struct life *life, const struct bh_command *command)
{
    const struct bh_settle_command *settle = &command->settle;
    bool waits = settle->disposition == BH_SETTLE_WAIT || settle->disposition == BH_SETTLE_READY;
    life->started = false;
    life->attempts = settle->attempts;
    life->uncertain_ms = settle->uncertain_since.ms;
    if (waits) {
        keep_head(life, (char)settle->waiting, settle->reason, settle->memo);
        life->waits = true;
        life->due_ms = rig.now_ms + (settle->disposition == BH_SETTLE_WAIT ? settle->delay_ms : 0);
    } else {
        snprintf(life->state, sizeof(life->state), "%s", settle->state);
    }
    rig_settled(&rig, command, BH_SETTLED_OK);
    if (waits && life->scenario->reloads)
        reload();
}

static bool
answer_one(struct life *life)
{
    struct bh_command command;
    if (rig_take(&rig, BH_COMMAND_CLAIM, &command))
        answer_claim(life, &command);
    else if (rig_take(&rig, BH_COMMAND_ADMIT, &command))
        answer_admit(life, &command);
    else if (rig_take(&rig, BH_COMMAND_SUBMIT, &command))
        answer_submit(life, &command);
    else if (rig_take(&rig, BH_COMMAND_LOOK_UP, &command))
        answer_look_up(life, &command);
    else if (rig_take(&rig, BH_COMMAND_SETTLE, &command))
        answer_settle(life, &command);
    else if (rig_take(&rig, BH_COMMAND_RENEW, &command))
        rig_renewed(&rig, &command, BH_RENEW_OK);
    else if (rig_take(&rig, BH_COMMAND_TWIN, &command))
        rig_twin(&rig, &command, BH_TWIN_NONE, 0);
    else if (rig_take(&rig, BH_COMMAND_GRANT, &command))
        rig_granted(&rig, &command, command.grant.count, 0);
    else
        return false;
    return true;
}

static void
wake_when_due(struct life *life)
{
    rig_forget(&rig, BH_COMMAND_WAIT);
    rig_forget(&rig, BH_COMMAND_ACCOUNT);
    if (life->waits && rig.now_ms >= life->due_ms && rig_count(&rig, BH_COMMAND_CLAIM) == 0)
        rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
}

static struct life
run(const struct scenario *scenario, long from, long length)
{
    struct life life = {.scenario = scenario, .waits = true};
    life.story = (struct story){.rig = &rig, .payload = scenario->payload, .id = "one"};
    fails_from = -1;
    rig_start(&rig, scenario->ini);
    made = 0;
    fails_from = from;
    fails_until = from + length;
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    rig_witnesses(&rig, scenario->journal, scenario->lock);
    for (unsigned steps = 0; life.state[0] == '\0'; steps++) {
        cr_assert_lt(steps, STEPS, "%s: allocation %ld, %ld of them: no end", scenario->name, from,
                     length);
        wake_when_due(&life);
        while (answer_one(&life))
            continue;
        if (life.state[0] == '\0' && !life.waits && bh_engine_stats(rig.engine)->slots_used == 0)
            recover(&life);
        if (from >= 0 && made > from && life.failed_ms == 0)
            life.failed_ms = rig.now_ms;
        if (life.failed_ms != 0 && rig.now_ms > life.failed_ms + AWAY_MS)
            fails_from = -1;
        if (life.state[0] == '\0')
            rig_wait(&rig, STEP_MS);
    }
    fails_from = -1;
    rig_stop(&rig);
    cr_assert_eq(outstanding, 0, "%s: allocation %ld, %ld of them: %ld blocks leak", scenario->name,
                 from, length, outstanding);
    return life;
}

static void
torture(long length)
{
    use_scarce_memory();
    for (size_t i = 0; i < BH_ARRAY_LEN(scenarios); i++) {
        const struct scenario *scenario = &scenarios[i];
        run(scenario, -1, 0);
        long count = made;
        cr_assert(count > 0 && count < 20000, "%s: %ld allocations", scenario->name, count);
        for (long from = 0; from < count; from++) {
            struct life life = run(scenario, from, length);
            bool known = strcmp(life.state, "sent") == 0 || strcmp(life.state, "unknown") == 0;
            cr_expect(
                known && life.accepted <= 1,
                "%s: allocation %ld, %ld of them: state %s, accepted %u times (%u requests, %u "
                "look-ups, dropped %u times)",
                scenario->name, from, length, life.state, life.accepted, life.submits, life.looks,
                life.drops);
        }
    }
}

TestSuite(torture_uncertain, .timeout = 250);

Test(torture_uncertain, each_life_ends_as_it_should_with_enough_memory)
{
    use_scarce_memory();
    for (size_t i = 0; i < BH_ARRAY_LEN(scenarios); i++) {
        struct life life = run(&scenarios[i], -1, 0);
        cr_expect_str_eq(life.state, scenarios[i].state, "%s: %s", scenarios[i].name, life.state);
        cr_expect_eq(life.submits, scenarios[i].submits, "%s: %u requests", scenarios[i].name,
                     life.submits);
        cr_expect_eq(life.accepted, 1, "%s: accepted %u times", scenarios[i].name, life.accepted);
        cr_expect_eq(life.drops, 0, "%s", scenarios[i].name);
    }
}

Test(torture_uncertain, any_single_allocation_may_fail)
{
    torture(1);
}

Test(torture_uncertain, any_three_in_a_row_may_fail)
{
    torture(3);
}

Test(torture_uncertain, memory_may_be_away_for_some_seconds)
{
    torture(1000000);
}
