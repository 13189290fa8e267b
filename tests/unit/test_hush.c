#include <criterion/criterion.h>

#include <stdio.h>

#include "daemon/hush.h"

static struct bh_mono
at(bh_ms ms)
{
    /* A machine's monotonic clock does not begin at 0. */
    return (struct bh_mono){123456789 + ms};
}

Test(hush, says_the_first_and_counts_the_rest)
{
    struct bh_hush hush = {0};
    unsigned kept_back = 99;
    cr_expect(bh_hush_may_say(&hush, "connection", NULL, at(0), &kept_back));
    cr_expect_eq(kept_back, 0);
    for (bh_ms ms = 1000; ms < BH_HUSH_FIRST_MS; ms += 1000)
        cr_expect_not(bh_hush_may_say(&hush, "connection", NULL, at(ms), &kept_back), "%lld",
                      (long long)ms);
    cr_expect_eq(kept_back, 0, "written only when it is said");
    cr_expect(bh_hush_may_say(&hush, "connection", NULL, at(BH_HUSH_FIRST_MS), &kept_back));
    cr_expect_eq(kept_back, 59);
}

Test(hush, says_it_at_distances_that_double_up_to_an_hour)
{
    struct bh_hush hush = {0};
    bh_ms said[64];
    size_t count = 0;
    unsigned kept_back;
    for (bh_ms ms = 0; ms < BH_DAY_MS; ms += 10 * BH_SECOND_MS)
        if (bh_hush_may_say(&hush, "wait", "NOPERM", at(ms), &kept_back))
            said[count++] = ms;
    static const bh_ms minutes[] = {0, 1, 3, 7, 15, 31, 63, 123, 183, 243};
    cr_assert_geq(count, BH_ARRAY_LEN(minutes));
    for (size_t i = 0; i < BH_ARRAY_LEN(minutes); i++)
        cr_expect_eq(said[i], minutes[i] * BH_MINUTE_MS, "%zu: %lld s", i,
                     (long long)(said[i] / BH_SECOND_MS));
    cr_expect_leq(count, 30, "%zu lines a day", count);
}

Test(hush, takes_what_was_quiet_for_news)
{
    struct bh_hush hush = {0};
    unsigned kept_back;
    cr_expect(bh_hush_may_say(&hush, "connection", NULL, at(0), &kept_back));
    cr_expect_not(bh_hush_may_say(&hush, "connection", NULL, at(50000), &kept_back));
    cr_expect_not(bh_hush_may_say(&hush, "connection", NULL, at(59999), &kept_back));
    kept_back = 99;
    cr_expect(bh_hush_may_say(&hush, "connection", NULL, at(59999 + BH_HUSH_OVER_MS), &kept_back));
    cr_expect_eq(kept_back, 0, "those of the time before are over");
    cr_expect_not(
        bh_hush_may_say(&hush, "connection", NULL, at(60000 + BH_HUSH_OVER_MS), &kept_back));
}

Test(hush, keeps_matters_apart)
{
    static const char *const matters[][2] = {
        {"connection",         NULL     },
        {"waiting connection", NULL     },
        {"wait",               "NOPERM" },
        {"claim",              "NOPERM" },
        {"claim",              "MISCONF"},
        {"claim",              ""       },
        {"",                   NULL     },
    };
    struct bh_hush hush = {0};
    unsigned kept_back;
    char copy[32];
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < BH_ARRAY_LEN(matters); i++)
            cr_expect_eq(
                bh_hush_may_say(&hush, matters[i][0], matters[i][1], at(round), &kept_back),
                round == 0, "round %d, row %zu", round, i);
    snprintf(copy, sizeof(copy), "%s", "claim");
    cr_expect_not(bh_hush_may_say(&hush, copy, "NOPERM", at(5), &kept_back),
                  "the words count, not where they stand");
}

Test(hush, forgets_the_oldest_when_there_are_too_many)
{
    static char names[BH_HUSH_ROWS + 1][8];
    struct bh_hush hush = {0};
    unsigned kept_back;
    for (int i = 0; i <= BH_HUSH_ROWS; i++) {
        snprintf(names[i], sizeof(names[i]), "m%d", i);
        cr_expect(bh_hush_may_say(&hush, names[i], NULL, at(i), &kept_back));
    }
    for (int i = BH_HUSH_ROWS; i > 0; i--)
        cr_expect_not(bh_hush_may_say(&hush, names[i], NULL, at(100), &kept_back), "%s is known",
                      names[i]);
    cr_expect(bh_hush_may_say(&hush, names[0], NULL, at(101), &kept_back), "this one was given up");
}
