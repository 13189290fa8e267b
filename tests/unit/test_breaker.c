#include <criterion/criterion.h>

#include "engine/breaker.h"

#define AT(time_ms) ((struct bh_mono){time_ms})

static void
feed_many(struct bh_breaker *breaker, enum bh_gateway_mood mood, unsigned times, unsigned in_flight,
          bh_ms now_ms)
{
    for (unsigned i = 0; i < times; i++)
        bh_breaker_feed(breaker, mood, -1, in_flight, 0, AT(now_ms));
}

Test(breaker, starts_with_the_whole_window_and_never_exceeds_it)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 8);
    cr_expect_eq(bh_breaker_room(&breaker, 0, AT(0)), 8);
    cr_expect_eq(bh_breaker_room(&breaker, 7, AT(0)), 1);
    cr_expect_eq(bh_breaker_room(&breaker, 8, AT(0)), 0);
    cr_expect_eq(bh_breaker_room(&breaker, 9, AT(0)), 0);
    feed_many(&breaker, BH_MOOD_GOOD, 1000, 0, 0);
    cr_expect_eq(breaker.window, 8);
    cr_expect(bh_mono_is_never(bh_breaker_wake_at(&breaker, AT(0))));
}

Test(breaker, says_nothing_about_what_says_nothing)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 8);
    feed_many(&breaker, BH_MOOD_BAD, 2, 0, 0);
    struct bh_breaker before = breaker;
    feed_many(&breaker, BH_MOOD_NEUTRAL, 100, 3, 0);
    cr_expect_eq(breaker.window, before.window);
    cr_expect_eq(breaker.bad_in_row, before.bad_in_row);
    cr_expect_not(breaker.open);
}

Test(breaker, knows_since_when_no_answer_was_good)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 8);
    feed_many(&breaker, BH_MOOD_NEUTRAL, 1, 0, 5);
    cr_expect_eq(breaker.ill_since.ms, 0);
    feed_many(&breaker, BH_MOOD_THROTTLED, 1, 0, 10);
    feed_many(&breaker, BH_MOOD_BAD, 5, 0, 20);
    cr_expect_eq(breaker.ill_since.ms, 10);
    feed_many(&breaker, BH_MOOD_GOOD, 1, 0, 30);
    cr_expect_eq(breaker.ill_since.ms, 0);
    feed_many(&breaker, BH_MOOD_BAD, 5, 0, 40);
    cr_expect_eq(breaker.ill_since.ms, 40);
    bh_breaker_hear_good(&breaker);
    cr_expect_eq(breaker.ill_since.ms, 0);
}

Test(breaker, opens_after_three_failures_in_a_row)
{
    static const struct {
        const char *name;
        const char *answers; /* g good, b bad, n neutral, X broken certificate */
        bool open;
    } rows[] = {
        {"two failures",                 "bb",        false},
        {"three failures",               "bbb",       true },
        {"a good one between",           "bbgbb",     false},
        {"neutral ones do not separate", "bbnnb",     true },
        {"a certificate, once",          "X",         true },
        {"a good one closes it again",   "bbbg",      false},
        {"good ones forgive",            "bbgbbgbbg", false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_breaker breaker;
        bh_breaker_init(&breaker, 16);
        for (const char *at = rows[i].answers; *at != '\0'; at++) {
            enum bh_gateway_mood mood = *at == 'g'   ? BH_MOOD_GOOD
                                        : *at == 'b' ? BH_MOOD_BAD
                                        : *at == 'n' ? BH_MOOD_NEUTRAL
                                                     : BH_MOOD_BROKEN;
            bh_breaker_feed(&breaker, mood, -1, 0, 0, AT(0));
        }
        cr_expect_eq(breaker.open, rows[i].open, "%s", rows[i].name);
    }
}

/* Feed failures until open, then fail each probe at its moment; the distances go to ret_ms. */
static void
probe_distances(enum bh_gateway_mood mood, uint32_t dice, bh_ms *ret_ms, size_t count)
{
    struct bh_breaker breaker;
    bh_ms now_ms = 1000;
    bh_breaker_init(&breaker, 16);
    for (size_t i = 0; i < count; i++) {
        for (unsigned n = 0; n < (i == 0 ? 3u : 1u); n++)
            bh_breaker_feed(&breaker, mood, -1, 0, dice, AT(now_ms));
        cr_assert(breaker.open);
        struct bh_mono wake = bh_breaker_wake_at(&breaker, AT(now_ms));
        cr_assert_eq(bh_breaker_room(&breaker, 0, AT(wake.ms - 1)), 0);
        cr_assert_eq(bh_breaker_room(&breaker, 0, wake), 1, "one probe and not more");
        cr_assert_eq(bh_breaker_room(&breaker, 1, wake), 0);
        ret_ms[i] = wake.ms - now_ms;
        now_ms = wake.ms;
    }
}

Test(breaker, probes_at_growing_distances_that_jitter_only_lengthens)
{
    static const bh_ms bad[] = {2000, 5000, 15000, 30000, 60000, 60000, 60000};
    static const bh_ms broken[] = {60000, 60000, 60000, 60000, 60000, 60000, 60000};
    bh_ms got[BH_ARRAY_LEN(bad)];
    probe_distances(BH_MOOD_BAD, 0, got, BH_ARRAY_LEN(bad));
    cr_expect_arr_eq(got, bad, sizeof(bad));
    probe_distances(BH_MOOD_BROKEN, 0, got, BH_ARRAY_LEN(broken));
    cr_expect_arr_eq(got, broken, sizeof(broken));

    static const uint32_t dice[] = {1, 0x80000000, UINT32_MAX};
    for (size_t d = 0; d < BH_ARRAY_LEN(dice); d++) {
        probe_distances(BH_MOOD_BAD, dice[d], got, BH_ARRAY_LEN(bad));
        for (size_t i = 0; i < BH_ARRAY_LEN(bad); i++)
            cr_expect(got[i] >= bad[i] && got[i] <= bad[i] + bad[i] / 5, "dice %u, %zu: %lld",
                      dice[d], i, (long long)got[i]);
    }
}

Test(breaker, counts_answers_to_requests_from_before_it_opened_not_as_probes)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 16);
    feed_many(&breaker, BH_MOOD_BAD, 3, 13, 0);
    struct bh_mono first = breaker.closed_until;
    feed_many(&breaker, BH_MOOD_BAD, 13, 0, 100);
    cr_expect_eq(breaker.closed_until.ms, first.ms);
    cr_expect_eq(breaker.openings, 1);
}

Test(breaker, halves_once_for_all_that_were_under_way_together)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 16);
    bh_breaker_feed(&breaker, BH_MOOD_BAD, -1, 4, 0, AT(0));
    cr_expect_eq(breaker.window, 8);
    static const enum bh_gateway_mood cohort[] = {BH_MOOD_GOOD, BH_MOOD_BAD, BH_MOOD_GOOD,
                                                  BH_MOOD_BAD};
    for (size_t i = 0; i < BH_ARRAY_LEN(cohort); i++) {
        bh_breaker_feed(&breaker, cohort[i], -1, 3, 0, AT(0));
        cr_expect_eq(breaker.window, 8, "answer %zu", i);
    }
    bh_breaker_feed(&breaker, BH_MOOD_BAD, -1, 4, 0, AT(0));
    cr_expect_eq(breaker.window, 4, "the next cohort halves again");
    cr_expect_not(breaker.open);
}

Test(breaker, recovers_from_one_upwards_by_one_per_window)
{
    static const unsigned windows[] = {2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4};
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 4);
    feed_many(&breaker, BH_MOOD_BAD, 3, 0, 0);
    struct bh_mono probe = bh_breaker_wake_at(&breaker, AT(0));
    cr_expect_eq(breaker.window, 1);
    for (size_t i = 0; i < BH_ARRAY_LEN(windows); i++) {
        bh_breaker_feed(&breaker, BH_MOOD_GOOD, -1, 0, 0, probe);
        cr_expect_not(breaker.open);
        cr_expect_eq(bh_breaker_room(&breaker, 0, probe), windows[i], "after %zu good ones", i + 1);
    }
    feed_many(&breaker, BH_MOOD_BAD, 3, 0, probe.ms);
    cr_expect_eq(breaker.closed_until.ms - probe.ms, 2000, "the distances begin anew");
}

Test(breaker, waits_as_long_as_the_gateway_asks)
{
    static const struct {
        const char *name;
        bh_ms asked_ms;
        bh_ms wanted_ms;
    } rows[] = {
        {"nothing asked",    -1,                BH_SECOND_MS     },
        {"at once",          0,                 0                },
        {"a while",          30 * BH_SECOND_MS, 30 * BH_SECOND_MS},
        {"an hour",          BH_HOUR_MS,        BH_HOUR_MS       },
        {"longer than sane", 30 * BH_DAY_MS,    BH_HOUR_MS       },
        {"for ever",         INT64_MAX,         BH_HOUR_MS       },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        for (uint32_t dice = 0; dice < 3; dice++) {
            struct bh_breaker breaker;
            bh_breaker_init(&breaker, 16);
            bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, rows[i].asked_ms, 0,
                            dice == 2 ? UINT32_MAX : dice, AT(500));
            bh_ms closed_ms = breaker.closed_until.ms - 500;
            cr_expect(closed_ms >= rows[i].wanted_ms &&
                          closed_ms <= rows[i].wanted_ms + rows[i].wanted_ms / 5,
                      "%s: %lld", rows[i].name, (long long)closed_ms);
            cr_expect_eq(breaker.window, 8, "%s", rows[i].name);
            cr_expect_not(breaker.open, "%s", rows[i].name);
            cr_expect_geq(bh_breaker_delay(&breaker, 0, AT(500)), rows[i].wanted_ms);
        }
    }
}

Test(breaker, doubles_its_patience_while_it_is_throttled_without_a_word_for_how_long)
{
    static const bh_ms wanted[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct bh_breaker breaker;
    bh_ms now_ms = 0;
    bh_breaker_init(&breaker, 16);
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++) {
        bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, -1, 0, 0, AT(now_ms));
        cr_expect_eq(breaker.closed_until.ms - now_ms, wanted[i], "%zu", i);
        now_ms = breaker.closed_until.ms;
    }
    bh_breaker_feed(&breaker, BH_MOOD_GOOD, -1, 0, 0, AT(now_ms));
    bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, -1, 0, 0, AT(now_ms));
    cr_expect_eq(breaker.closed_until.ms - now_ms, 1000);
}

Test(breaker, takes_a_burst_of_throttled_answers_for_one_moment)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 16);
    for (unsigned in_flight = 16; in_flight-- > 0;)
        bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, -1, in_flight, 0, AT(10));
    cr_expect_eq(breaker.closed_until.ms, 1010);
    cr_expect_eq(breaker.window, 8);
    cr_expect_eq(breaker.openings, 1);

    bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, 20 * BH_SECOND_MS, 0, 0, AT(10));
    cr_expect_eq(breaker.closed_until.ms, 20010, "a wish is heard at any time");
    bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, BH_SECOND_MS, 0, 0, AT(10));
    cr_expect_eq(breaker.closed_until.ms, 20010, "a shorter one does not open the door");
}

Test(breaker, follows_a_changed_limit)
{
    static const struct {
        const char *name;
        unsigned limit, bad, fresh, window;
    } rows[] = {
        {"grows with a full window",   4,  0, 16, 16},
        {"keeps a halved window",      16, 1, 32, 8 },
        {"is cut",                     16, 0, 4,  4 },
        {"a halved one is cut too",    16, 1, 4,  4 },
        {"an open one does not burst", 1,  3, 16, 1 },
        {"down to one",                16, 0, 1,  1 },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_breaker breaker;
        bh_breaker_init(&breaker, rows[i].limit);
        feed_many(&breaker, BH_MOOD_BAD, rows[i].bad, 0, 0);
        bh_breaker_set_limit(&breaker, rows[i].fresh);
        cr_expect_eq(breaker.window, rows[i].window, "%s: %u", rows[i].name, breaker.window);
        cr_expect_eq(breaker.limit, rows[i].fresh);
    }
}

Test(breaker, tells_a_job_to_wait_no_less_than_two_seconds_nor_than_itself)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 4);
    cr_expect_eq(bh_breaker_delay(&breaker, 0, AT(0)), 2000);
    cr_expect_eq(bh_breaker_delay(&breaker, UINT32_MAX, AT(0)), 2400);
    bh_breaker_feed(&breaker, BH_MOOD_BROKEN, -1, 0, 0, AT(0));
    cr_expect_eq(bh_breaker_delay(&breaker, 0, AT(0)), 60000);
    cr_expect_eq(bh_breaker_delay(&breaker, 0, AT(59000)), 2000);
}

Test(breaker, closes_when_somebody_else_is_answered)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 16);
    feed_many(&breaker, BH_MOOD_BAD, 3, 0, 1000);
    cr_assert(breaker.open);
    cr_expect_eq(breaker.bad_at.ms, 1000);
    cr_expect_eq(bh_breaker_room(&breaker, 0, AT(1001)), 0);
    bh_breaker_hear_good(&breaker);
    cr_expect_not(breaker.open);
    cr_expect_eq(bh_breaker_room(&breaker, 0, AT(1001)), 1, "as carefully as behind a probe");
    feed_many(&breaker, BH_MOOD_BAD, 2, 0, 1002);
    cr_expect_not(breaker.open, "failures are counted anew");
}

Test(breaker, keeps_the_patience_that_it_was_asked_for_whoever_else_is_answered)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 16);
    feed_many(&breaker, BH_MOOD_BAD, 3, 0, 0);
    bh_ms probe_ms = breaker.closed_until.ms;
    bh_breaker_feed(&breaker, BH_MOOD_THROTTLED, 60000, 0, 0, AT(probe_ms));
    bh_breaker_hear_good(&breaker);
    cr_expect_not(breaker.open);
    cr_expect_eq(bh_breaker_room(&breaker, 0, AT(probe_ms + 59999)), 0);
    cr_expect_eq(bh_breaker_room(&breaker, 0, AT(probe_ms + 72000)), 1);
}

Test(breaker, hears_nothing_new_when_it_is_not_open)
{
    struct bh_breaker breaker;
    bh_breaker_init(&breaker, 16);
    feed_many(&breaker, BH_MOOD_BAD, 2, 0, 0);
    struct bh_breaker before = breaker;
    bh_breaker_hear_good(&breaker);
    cr_expect_eq(breaker.bad_in_row, before.bad_in_row);
    cr_expect_eq(breaker.window, before.window);
}
