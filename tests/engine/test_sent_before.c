/*
 * Jobs of which the journal of what was sent knows more than Redis does.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "engine/rig.h"

#define SMS "{\"to\":\"491710000001\",\"text\":\"hello\"}"
#define THREE                                                                                      \
    "{\"id\":\"three\",\"to\":[\"491710000001\",\"491710000002\",\"491710000003\"],\"text\":"      \
    "\"hello\"}"
#define GOOD     "{\"success\":\"100\",\"messages\":[{\"id\":\"77\",\"success\":true}]}"
#define TOO_LATE "{\"success\":\"402\"}"

static struct rig rig; /* a test is a process of its own */

static void
start(const char *ini)
{
    rig_start(&rig, ini);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
}

static struct bh_sent_trace
trace(bool accepted, uint32_t attempts)
{
    return (struct bh_sent_trace){
        .accepted = accepted,
        .since = rig_server_now(&rig),
        .attempts = attempts,
        .id = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee",
        .message_ids = accepted ? "77,78,79" : "",
    };
}

static const char *
field(const struct bh_command *settle, const char *name)
{
    const char *value = rig_field(settle->settle.fields, settle->settle.fields_count, name);
    return value != NULL ? value : "(none)";
}

Test(sent_before, what_was_accepted_is_not_sent_again)
{
    static const struct {
        const char *payload, *head, *ids, *id;
    } rows[] = {
        {SMS,   NULL,                                     "77",       "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"},
        {THREE, NULL,                                     "77,78,79", "three"                               },
        {SMS,   "1 u uncertain 1 1 me 7 0 1 1 9 1 old\n", "77",       "old"                                 },
        {SMS,   "1 r - 3 0 me 7 0 1 1 9 0 old\n",         "77",       "old"                                 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(RIG_CONFIG);
        struct bh_sent_trace known = trace(true, 2);
        rig_give_known(&rig, rows[i].payload, rows[i].head, &known);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), 0, "row %zu", i);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, "sent");
        cr_expect_eq(settle.settle.disposition, BH_SETTLE_FINAL);
        cr_expect_str_eq(settle.settle.id, rows[i].id, "row %zu: %s", i, settle.settle.id);
        cr_expect_str_eq(field(&settle, "message_id"), rows[i].ids);
        cr_expect_str_eq(field(&settle, "confirmed_by"), "response");
        cr_expect_str_eq(field(&settle, "code"), "100");
        cr_expect_geq(settle.settle.attempts, 2);
        cr_expect_eq(settle.settle.uncertain_since.ms, 0);
        cr_expect_not(settle.settle.sent);
        cr_expect_eq(settle.settle.result, BH_SENT_ACCEPTED);
        rig_settled(&rig, &settle, BH_SETTLED_OK);
        cr_expect_eq(rig_noted(&rig, "sent"), 1);
        cr_expect_eq(bh_engine_stats(rig.engine)->slots_used, 0);
        rig_stop(&rig);
    }
}

Test(sent_before, a_request_without_an_answer_makes_a_new_job_uncertain)
{
    start(RIG_CONFIG);
    struct bh_sent_trace known = trace(false, 1);
    rig_give_known(&rig, SMS, NULL, &known);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "retrying");
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    cr_expect_eq(settle.settle.attempts, 1);
    cr_expect_eq(settle.settle.uncertain_since.ms, known.since.ms);
    cr_expect_str_eq(settle.settle.id, known.id, "its id of before: the journal knows it by that");
    cr_expect_eq(settle.settle.result, BH_SENT_OPEN, "nothing was sent in this claim");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    rig_stop(&rig);
}

Test(sent_before, under_hold_it_ends_unknown)
{
    start(RIG_CONFIG "on_uncertain = hold\n");
    rig_witnesses(&rig, BH_JOURNAL_DENIED, BH_LOCK_UNKNOWN);
    struct bh_sent_trace known = trace(false, 1);
    rig_give_known(&rig, SMS, NULL, &known);
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "unknown");
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_DEAD);
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    rig_stop(&rig);
}

Test(sent_before, a_record_that_counts_as_many_attempts_knows_it_all)
{
    static const struct {
        const char *name, *head;
        uint32_t attempts;
        bool goes_on;
    } rows[] = {
        {"as many",       "1 r - 1 0 me 7 0 1 1 99999999999999 0 x\n",                  1, true },
        {"more",          "1 r - 2 0 me 7 0 1 1 99999999999999 0 x\n",                  1, true },
        {"fewer",         "1 r - 1 0 me 7 0 1 1 99999999999999 0 x\n",                  2, false},
        {"an operator's",
         "1 r operator 1 0 me 7 0 1 1 99999999999999 0 x\nretries=0\n0 u 0 0 -1 - -\n", 1, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(RIG_CONFIG);
        struct bh_sent_trace known = trace(false, rows[i].attempts);
        rig_give_known(&rig, SMS, rows[i].head, &known);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_ADMIT), rows[i].goes_on, "%s", rows[i].name);
        cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), !rows[i].goes_on, "%s", rows[i].name);
        rig_stop(&rig);
    }
}

Test(sent_before, a_request_tells_what_it_will_be_remembered_by)
{
    static const struct {
        const char *name, *body; /* NULL: no answer */
        enum bh_sent_result result;
    } rows[] = {
        {"accepted", GOOD,                    BH_SENT_ACCEPTED },
        {"refused",  "{\"success\":\"201\"}", BH_SENT_REFUSED  },
        {"locked",   TOO_LATE,                BH_SENT_REFUSED  },
        {"lost",     NULL,                    BH_SENT_UNCERTAIN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(RIG_CONFIG);
        struct bh_command submit = rig_bring_to_submit(&rig, SMS);
        const struct bh_sent_mark *mark = &submit.submit.mark;
        cr_expect_str_eq(mark->payload->hex, "00112233445566778899aabbccddeeff");
        cr_expect_eq(mark->claim.token, rig.token);
        cr_expect(bh_str_equal_text(mark->claim.handle, "1"));
        cr_expect_eq(mark->attempts, 1);
        cr_expect_eq(mark->began.ms, rig_server_now(&rig).ms);
        cr_expect_eq(mark->uncertain_since.ms, 0);
        cr_expect_eq(strlen(mark->id), 36);
        if (rows[i].body != NULL)
            rig_answered(&rig, &submit, rows[i].body);
        else
            rig_silence(&rig, &submit, BH_HANDED_ALL, BH_TROUBLE_RESET);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        cr_expect_eq(settle.settle.result, rows[i].result, "%s", rows[i].name);
        cr_expect(bh_str_equal_text(settle.settle.message_ids,
                                    rows[i].result == BH_SENT_ACCEPTED ? "77" : ""));
        rig_stop(&rig);
    }
}
