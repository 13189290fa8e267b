/*
 * What is kept out of the log while the gateway, the account or Redis is away, and what is said instead.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/outage.h"

static const struct bh_outage_notes none;

/* Told twice in a row by a worker whose Redis is there, or not: `1` passes, `0` is kept back. */
static const struct {
    const char *name, *event, *reason;
    bool store_up;
    const char *wanted;
} rows[] = {
    {"sent",                            "sent",           "",              true,  "111"},
    {"held for the gateway",            "held",           "gateway_down",  true,  "100"},
    {"given back for want of credit",   "given_back",     "credit",        true,  "100"},
    {"given back for the key",          "given_back",     "auth",          true,  "100"},
    {"given back for an operator",      "given_back",     "paused",        true,  "100"},
    {"held for another reason",         "held",           "reload_lock",   true,  "111"},
    {"held for no reason",              "held",           "",              true,  "111"},
    {"held for a reason nobody knows",  "held",           "gateway_downs", true,  "111"},
    {"held, reason missing",            "held",           NULL,            true,  "111"},
    {"uncertain for the gateway",       "retrying",       "uncertain",     true,  "111"},
    {"failed for want of credit",       "failed",         "credit",        true,  "111"},
    {"invalid",                         "invalid",        "",              true,  "111"},
    {"dropped while Redis is away",     "dropped",        NULL,            false, "100"},
    {"lease lost while Redis is away",  "lease_lost",     NULL,            false, "100"},
    {"dropped while Redis is there",    "dropped",        NULL,            true,  "111"},
    {"sent while Redis is away",        "sent",           "",              false, "111"},
    {"the gateway is lost by three",    "gateway_down",   NULL,            true,  "100"},
    {"the account is paused for three", "account_paused", "credit",        true,  "100"},
    {"open, never paused",              "account_open",   "",              true,  "000"},
};

Test(outage, keeps_back_what_waits_for_its_end)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_outage_notes notes = none;
        const struct bh_note note = {.event = rows[i].event, .reason = rows[i].reason};
        char passed[4] = "";
        for (size_t n = 0; n < 3; n++)
            passed[n] = bh_outage_passes(&notes, &note, rows[i].store_up) ? '1' : '0';
        cr_expect_str_eq(passed, rows[i].wanted, "%s: %s", rows[i].name, passed);
    }
}

static bool
passes(struct bh_outage_notes *notes, const char *event)
{
    return bh_outage_passes(notes, &(struct bh_note){.event = event}, true);
}

Test(outage, tells_the_first_that_loses_the_gateway_and_the_last_that_has_it_again)
{
    struct bh_outage_notes notes = none;
    static const struct {
        const char *event;
        bool passes;
    } story[] = {
        {"gateway_down",   true },
        {"gateway_down",   false},
        {"gateway_up",     false},
        {"gateway_down",   false},
        {"gateway_up",     false},
        {"gateway_up",     true },
        {"gateway_down",   true },
        {"gateway_up",     true },
        {"account_paused", true },
        {"account_paused", false},
        {"account_open",   true },
        {"account_open",   false},
        {"account_paused", true },
    };
    for (size_t i = 0; i < sizeof(story) / sizeof(story[0]); i++)
        cr_expect_eq(passes(&notes, story[i].event), story[i].passes, "%zu: %s", i, story[i].event);
}

/* An outage of so many seconds in which so many jobs are held each second: what is said when. */
static void
play(int seconds, int jobs, char *said, size_t size)
{
    struct bh_outage_notes notes = none;
    struct bh_outage_watch watch = {0};
    struct bh_outage_summary summary;
    said[0] = '\0';
    for (int at = 0; at < seconds + 60; at++) {
        const struct bh_note note = {.event = "held", .reason = "gateway_down"};
        for (int job = 0; at < seconds && job < jobs; job++)
            (void)bh_outage_passes(&notes, &note, true);
        enum bh_outage_word word = bh_outage_pulse(&watch, &notes, BH_OUTAGE_GATEWAY, at < seconds,
                                                   (struct bh_mono){at * BH_SECOND_MS}, &summary);
        if (word != BH_OUTAGE_SAYS_NOTHING)
            snprintf(said + strlen(said), size - strlen(said), "%c%d,%d,%u ",
                     word == BH_OUTAGE_SAYS_OVER ? 'o' : 'l', at,
                     (int)(summary.lasted_ms / BH_SECOND_MS), summary.kept_back);
    }
}

static const struct {
    const char *name;
    int seconds, jobs;
    const char *wanted;
} plays[] = {
    {"none",                          0,   0,  ""                                                           },
    {"short, nobody waits",           20,  0,  ""                                                           },
    {"short, one job waits",          1,   1,  ""                                                           },
    {"short, jobs wait",              10,  10, "o14,9,99 "                                                  },
    {"half a minute",                 40,  1,  "l30,30,30 o44,39,9 "                                        },
    {"minutes",                       500, 2,  "l30,30,61 l90,90,120 l210,210,240 l450,450,480 o504,499,98 "},
    {"minutes in which nobody waits", 300, 0,  "l30,30,0 l90,90,0 l210,210,0 o304,299,0 "                   },
};

Test(outage, is_summed_up_with_growing_distance)
{
    for (size_t i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
        char said[256];
        play(plays[i].seconds, plays[i].jobs, said, sizeof(said));
        cr_expect_str_eq(said, plays[i].wanted, "%s: %s", plays[i].name, said);
    }
}

Test(outage, is_never_silent_for_longer_than_an_hour)
{
    struct bh_outage_notes notes = none;
    struct bh_outage_watch watch = {0};
    struct bh_outage_summary summary;
    bh_ms last = 0;
    unsigned said = 0;
    for (bh_ms at = 0; at < 2 * BH_DAY_MS; at += 5 * BH_SECOND_MS) {
        if (bh_outage_pulse(&watch, &notes, BH_OUTAGE_REDIS, true, (struct bh_mono){at},
                            &summary) == BH_OUTAGE_SAYS_NOTHING)
            continue;
        cr_expect_leq(at - last, BH_HOUR_MS);
        last = at;
        said++;
    }
    cr_expect_gt(said, 48);
    cr_expect_lt(said, 60);
}

/* Lines of an outage that begins and ends between two looks are counted all the same, and the next one has its example. */
Test(outage, is_noticed_by_its_lines_alone)
{
    struct bh_outage_notes notes = none;
    struct bh_outage_watch watch = {0};
    struct bh_outage_summary summary = {0};
    const struct bh_note note = {.event = "held", .reason = "gateway_down"};
    for (int i = 0; i < 5; i++)
        (void)bh_outage_passes(&notes, &note, true);
    enum bh_outage_word word = BH_OUTAGE_SAYS_NOTHING;
    for (bh_ms at = 0; at <= BH_OUTAGE_OVER_MS; at += BH_SECOND_MS)
        word = bh_outage_pulse(&watch, &notes, BH_OUTAGE_GATEWAY, false, (struct bh_mono){at},
                               &summary);
    cr_expect_eq(word, BH_OUTAGE_SAYS_OVER);
    cr_expect_eq(summary.kept_back, 4);
    cr_expect(bh_outage_passes(&notes, &note, true));
}
