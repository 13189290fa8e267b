/*
 * Every allocation on a job's way through the engine fails once, and then all from some one on.
 *
 * Whatever fails: nothing leaks, no invariant breaks, the engine does not spin, no half request is sent, and
 * the job is settled rightly, given back, or left to its lease.  What the gateway has accepted is never called
 * unsent or failed.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rig.h"
#include "fault/torture_memory.h"

/* ---- the world around the engine ---- */

#define CONFIG                                                                                     \
    "[gateway]\napi_key = k\nurl = http://127.0.0.1:7077/api\nsigning_key = s\n"                   \
    "requests_per_second = 100\n[queue a]\n"

#define MESSAGE(to, id)                                                                            \
    "{\"id\":\"" id "\",\"recipient\":\"" to                                                       \
    "\",\"parts\":1,\"price\":0.075,\"encoding\":\"gsm\",\"success\":true,\"error\":null}"
#define REFUSED_MESSAGE(to)                                                                        \
    "{\"id\":null,\"recipient\":\"" to                                                             \
    "\",\"parts\":1,\"price\":0,\"success\":false,\"error\":\"202\",\"error_text\":\"invalid\"}"
#define ACCEPTED(messages)                                                                         \
    "{\"success\":\"100\",\"total_price\":0.075,\"balance\":9.5,\"sms_type\":\"direct\","          \
    "\"messages\":[" messages "]}"

struct scenario {
    const char *name;
    const char *payload;
    const char *body; /* of the answer; NULL: `http_status`, or silence when that is 0 */
    int http_status;
    enum bh_handed_over handed_over; /* of a silence */
    bool accepted;                   /* the gateway took it */
};

static const struct scenario scenarios[] = {
    {"one recipient",                                          "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\",\"label\":\"l\"}",
     ACCEPTED(MESSAGE("491710000001",                                                             "77")),                                                                                                                                  200,                                                                                                                                                BH_HANDED_ALL,                                                                                                                                                                                                                                                                                                                                                                 true},
    {"three recipients",
     "{\"id\":\"three\",\"to\":[\"491710000001\",\"491710000002\",\"491710000003\"],"
     "\"text\":\"hello\",\"meta\":{\"a\":1}}",                                                                                                                    ACCEPTED(MESSAGE("491710000001",                                                    "77") "," MESSAGE("491710000002",                                         "78") "," MESSAGE(
         "491710000003",                                                                                                        "79")),
     200, BH_HANDED_ALL, true},
    {"some of three",
     "{\"id\":\"some\",\"to\":[\"491710000001\",\"491710000002\",\"491710000003\"],"
     "\"text\":\"hello\"}",                                                                                                                      ACCEPTED(MESSAGE("491710000001",                                                                    "77") "," REFUSED_MESSAGE("491710000002") "," MESSAGE(
         "491710000003",                                                                                                                                                                                                           "79")),
     200,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   BH_HANDED_ALL, true},
    {"a group",                                  "{\"id\":\"group\",\"to\":\"Team\",\"text\":\"hello\"}",
     ACCEPTED(MESSAGE("491710000001",                                                                                         "77") "," MESSAGE("491710000002",                                                                                                                                                                                                                   "78")),                                                                                                                                                                                                                                                                                                                                                                 200,BH_HANDED_ALL,
     true},
    {"files",
     "{\"id\":\"files\",\"to\":\"491710000001\",\"text\":\"see [[f]]\","
     "\"files\":[{\"name\":\"f\",\"contents\":\"aGVsbG8=\",\"validity\":3,\"password\":\"p\"}]}",                                                                                                         ACCEPTED(MESSAGE("491710000001","77")),200,BH_HANDED_ALL,      true},
    {"only a code",                                                        "{\"id\":\"code\",\"to\":\"491710000001\",\"text\":\"hello\"}",                                                                                                                               "100", 200,
     BH_HANDED_ALL,                                                                                                                                                                                                           true                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   },
    {"refused",                                                    "{\"id\":\"bad\",\"to\":\"491710000001\",\"text\":\"hello\"}",                                                                                                                                 "202",                                                                       200,
     BH_HANDED_ALL,                                                                                                        false                                                                                                                                                                                                                                                                                                                                                                                                                                                                            },
    {"no credit",                                                    "{\"id\":\"poor\",\"to\":\"491710000001\",\"text\":\"hello\"}",                                                                                                                                 "500",                                                                           200,
     BH_HANDED_ALL,false},
    {"a code that nobody knows",                                                   "{\"id\":\"odd\",\"to\":\"491710000001\",\"text\":\"hello\"}",
     "777",                                                                        200,                                                                                              BH_HANDED_ALL,    false},
    {"throttled",                                                   "{\"id\":\"busy\",\"to\":\"491710000001\",\"text\":\"hello\"}",                                                                                                                                NULL,                                                         429,
     BH_HANDED_ALL,                                                                                                                                                                                                                                                                                                                                                                                    false                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      },
    {"silence",                                                   "{\"id\":\"lost\",\"to\":\"491710000001\",\"text\":\"hello\"}",                                                                                                                                NULL,                                                                        0,
     BH_HANDED_ALL,                                                                                                           false                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     },
    {"not connected",                                                   "{\"id\":\"away\",\"to\":\"491710000001\",\"text\":\"hello\"}",                                                                                                                                NULL,                                                                          0,
     BH_HANDED_NOTHING,false},
    {"invalid",                                                   "{\"id\":\"inv\",\"to\":\"491710000001\",\"text\":\"hello\",\"ttll\":5}",                                                                                                                                NULL,                                                                    0,
     BH_HANDED_NOTHING,false},
    {"no JSON",                                                   "hello",                                                                                                                                NULL,                                                                          0,                                                                                       BH_HANDED_NOTHING,                                                                                                                                                                                                                                                                                                                                                                          false                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       },
    {"later",                                                   "{\"id\":\"late\",\"to\":\"491710000001\",\"text\":\"x\",\"delay\":\"+90s\"}",                                                                                                                                NULL,
     0,                                                                                                                                                        BH_HANDED_NOTHING,                                                                                                                                                                        false                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             },
    {"a call",                                                   "{\"id\":\"call\",\"type\":\"voice\",\"to\":\"491710000001\",\"text\":\"hello\"}",
     "100\n1384013\n0.1",                                                                            200,                                                                                    BH_HANDED_ALL,true                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      },
};

struct result {
    unsigned submits, settles, scheduled;
    char state[16], reason[24];
    enum bh_disposition disposition;
    char url[256], body[4096];
    bh_ms submitted_ms;
    uint64_t dropped;
};

static struct rig rig; /* a test is a process of its own */

static void
answer_submit(const struct scenario *scenario, const struct bh_command *command,
              struct result *result)
{
    const struct bh_submit_command *submit = &command->submit;
    result->submits++;
    result->submitted_ms = rig.now_ms;
    snprintf(result->url, sizeof(result->url), "%s", submit->url);
    snprintf(result->body, sizeof(result->body), "%.*s", BH_STR_ARGS(submit->body));
    if (scenario->body != NULL)
        rig_answered(&rig, command, scenario->body);
    else if (scenario->http_status != 0)
        rig_answered_status(&rig, command, scenario->http_status, 2000);
    else
        rig_silence(
            &rig, command, scenario->handed_over,
            scenario->handed_over == BH_HANDED_ALL ? BH_TROUBLE_TIMEOUT : BH_TROUBLE_CONNECT);
}

static void
answer_settle(const struct bh_command *command, struct result *result)
{
    const struct bh_settle_command *settle = &command->settle;
    result->settles++;
    result->disposition = settle->disposition;
    snprintf(result->state, sizeof(result->state), "%s", settle->state);
    snprintf(result->reason, sizeof(result->reason), "%s", settle->reason);
    rig_settled(&rig, command, BH_SETTLED_OK);
}

static void
answer_admit(const struct bh_command *command, struct result *result)
{
    bool schedule = command->admit.mode == BH_ADMIT_SCHEDULE;
    result->scheduled += schedule;
    rig_admitted(&rig, command, schedule ? BH_ADMIT_SCHEDULED : BH_ADMIT_OK, 0);
}

/* Answer what was asked, once; the job is given to the first claim alone. */
static bool
answer_one(const struct scenario *scenario, bool *given, struct result *result)
{
    struct bh_command command;
    if (rig_take(&rig, BH_COMMAND_CLAIM, &command)) {
        const struct rig_job job = {scenario->payload, NULL};
        size_t count = *given ? 0 : 1;
        *given = true;
        rig_claimed(&rig, &command, &job, count, false);
    } else if (rig_take(&rig, BH_COMMAND_ADMIT, &command)) {
        answer_admit(&command, result);
    } else if (rig_take(&rig, BH_COMMAND_SUBMIT, &command)) {
        answer_submit(scenario, &command, result);
    } else if (rig_take(&rig, BH_COMMAND_SETTLE, &command)) {
        answer_settle(&command, result);
    } else if (rig_take(&rig, BH_COMMAND_RENEW, &command)) {
        rig_renewed(&rig, &command, BH_RENEW_OK);
    } else if (rig_take(&rig, BH_COMMAND_GRANT, &command)) {
        rig_granted(&rig, &command, command.grant.count, 0);
    } else {
        return false;
    }
    return true;
}

/* The whole way; fails unless the engine comes to rest.  What fails, fails from behind the start on. */
static struct result
run(const struct scenario *scenario, long from, long length)
{
    struct result result = {0};
    bool given = false;
    fails_from = -1;
    rig_start(&rig, CONFIG);
    made = 0;
    fails_from = from;
    fails_until = from + length;
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    for (unsigned steps = 0;; steps++) {
        while (answer_one(scenario, &given, &result))
            continue;
        if (given && bh_engine_stats(rig.engine)->slots_used == 0)
            break;
        cr_assert_lt(steps, 200, "%s: allocation %ld, %ld of them: no end", scenario->name, from,
                     length);
        /* Memory does not stay away for ever. */
        if (steps == 100)
            fails_from = -1;
        rig_wait(&rig, 500);
    }
    result.dropped = bh_engine_stats(rig.engine)->dropped;
    fails_from = -1;
    rig_stop(&rig);
    cr_assert_eq(outstanding, 0, "%s: allocation %ld, %ld of them: %ld blocks leak", scenario->name,
                 from, length, outstanding);
    return result;
}

static bool
waits_again(const struct result *got)
{
    return got->disposition == BH_SETTLE_READY || got->disposition == BH_SETTLE_WAIT;
}

/* Whether what became of the job is right although memory failed; `wanted` is what becomes of it otherwise. */
static const char *
find_fault(const struct scenario *scenario, const struct result *wanted, const struct result *got)
{
    if (got->submits > 1)
        return "sent twice";
    if (got->settles + got->scheduled > 1)
        return "settled twice";
    if (got->submits > wanted->submits)
        return "sent, which it should not be";
    if (got->submits == 1 &&
        (strcmp(got->url, wanted->url) != 0 ||
         (got->submitted_ms == wanted->submitted_ms && strcmp(got->body, wanted->body) != 0)))
        return "another request was sent";
    if (got->settles + got->scheduled == 0)
        return got->dropped == 1 ? NULL : "gone without a word";
    if (got->scheduled == wanted->scheduled && strcmp(got->state, wanted->state) == 0 &&
        strcmp(got->reason, wanted->reason) == 0 && got->disposition == wanted->disposition)
        return NULL;
    if (got->submits == 0)
        return waits_again(got) ? NULL : "ended without being sent";
    /* An answer that there was no memory to read is an answer that was lost: policy `hold` ends there. */
    if (strcmp(got->state, "unknown") == 0)
        return NULL;
    if (scenario->accepted && strcmp(got->reason, "uncertain") != 0)
        return "accepted, and it is not known to be so";
    return waits_again(got) ? NULL : "ended in another way";
}

static void
expect_right(const struct scenario *scenario, const struct result *wanted, const struct result *got,
             long from, long length)
{
    const char *fault = find_fault(scenario, wanted, got);
    cr_expect_null(fault,
                   "%s: allocation %ld, %ld of them: %s (%u sent, %u settled, state %s, reason %s, "
                   "disposition %d, dropped %llu)",
                   scenario->name, from, length, fault, got->submits, got->settles, got->state,
                   got->reason, (int)got->disposition, (unsigned long long)got->dropped);
}

static void
torture(long length)
{
    use_scarce_memory();
    for (size_t i = 0; i < BH_ARRAY_LEN(scenarios); i++) {
        const struct scenario *scenario = &scenarios[i];
        struct result wanted = run(scenario, -1, 0);
        long count = made;
        cr_assert_gt(count, 0, "%s: %ld allocations", scenario->name, count);
        cr_assert_lt(count, 5000, "%s: %ld allocations", scenario->name, count);
        for (long from = 0; from < count; from++) {
            struct result got = run(scenario, from, length);
            expect_right(scenario, &wanted, &got, from, length);
        }
    }
}

TestSuite(torture_engine, .timeout = 110);

Test(torture_engine, each_scenario_ends_as_it_should_with_enough_memory)
{
    static const char *const states[BH_ARRAY_LEN(scenarios)] = {
        "sent",   "sent", "partial",  "sent", "sent",    "sent",    "failed", "held",
        "failed", "held", "retrying", "held", "invalid", "invalid", "",       "sent",
    };
    use_scarce_memory();
    for (size_t i = 0; i < BH_ARRAY_LEN(scenarios); i++) {
        struct result got = run(&scenarios[i], -1, 0);
        cr_expect_str_eq(got.state, states[i], "%s: %s", scenarios[i].name, got.state);
        cr_expect_eq(got.dropped, 0, "%s", scenarios[i].name);
    }
}

Test(torture_engine, any_single_allocation_may_fail)
{
    torture(1);
}

Test(torture_engine, any_three_in_a_row_may_fail)
{
    torture(3);
}

Test(torture_engine, memory_may_be_away_for_a_while)
{
    torture(1000000);
}

Test(torture_engine, a_new_engine_is_whole_or_none)
{
    use_scarce_memory();
    struct bh_config *config = rig_config(CONFIG);
    const struct bh_engine_options options = {.config = config, .sent_with = "bellhop"};
    struct bh_engine *engine = NULL;
    long before = outstanding, tries = 0;
    enum bh_status status = BH_ENOMEM;
    for (; status != BH_OK; tries++) {
        cr_assert_lt(tries, 10000);
        made = 0;
        fails_from = tries;
        fails_until = tries + 1;
        status = bh_engine_new(&options, &engine);
        cr_assert(status == BH_OK || status == BH_ENOMEM, "%s", bh_status_name(status));
        cr_assert(status == BH_OK || outstanding == before, "%ld blocks leak at %ld",
                  outstanding - before, tries);
    }
    cr_expect_gt(tries, 3);
    fails_from = -1;
    bh_engine_free(engine);
    bh_config_release(config);
    cr_expect_eq(outstanding, 0);
}
