#include <criterion/criterion.h>

#include <math.h>

#include "core/dice.h"
#include "engine/share.h"

#define DRAWS 100000

Test(share, hands_out_in_proportion_to_the_weights)
{
    static const struct {
        const char *name;
        unsigned weights[5];
        size_t count;
        unsigned batch_max;
    } rows[] = {
        {"alone",             {1},               1, 1 },
        {"equal",             {1, 1, 1},         3, 1 },
        {"one to nine",       {1, 9},            2, 1 },
        {"odd ones",          {3, 7, 11, 13, 1}, 5, 1 },
        {"far apart",         {1, 1000},         2, 1 },
        {"in uneven batches", {1, 2, 5},         3, 64},
    };
    struct bh_dice dice;
    bh_dice_init_number(&dice, 7);
    for (size_t r = 0; r < BH_ARRAY_LEN(rows); r++) {
        struct bh_share shares[5] = {{0}};
        struct bh_share_candidate candidates[5];
        double got[5] = {0}, total = 0, weights = 0;
        for (size_t i = 0; i < rows[r].count; i++) {
            candidates[i] = (struct bh_share_candidate){&shares[i], rows[r].weights[i], false};
            weights += rows[r].weights[i];
        }
        for (unsigned draw = 0; draw < DRAWS; draw++) {
            size_t i = bh_share_choose(candidates, rows[r].count);
            unsigned jobs = 1 + (unsigned)bh_dice_below(&dice, rows[r].batch_max);
            bh_share_charge(&shares[i], rows[r].weights[i], jobs);
            got[i] += jobs;
            total += jobs;
        }
        for (size_t i = 0; i < rows[r].count; i++)
            cr_expect_lt(fabs(got[i] / total - rows[r].weights[i] / weights), 0.002, "%s: %zu: %f",
                         rows[r].name, i, got[i] / total);
    }
}

Test(share, serves_strict_ones_first_and_fairly_among_themselves)
{
    struct bh_share shares[3] = {{0}};
    struct bh_share_candidate candidates[] = {
        {&shares[0], 1000, false},
        {&shares[1], 1,    true },
        {&shares[2], 3,    true },
    };
    unsigned got[3] = {0};
    for (unsigned draw = 0; draw < 4000; draw++) {
        size_t i = bh_share_choose(candidates, 3);
        bh_share_charge(&shares[i], candidates[i].weight, 1);
        got[i]++;
    }
    cr_expect_eq(got[0], 0);
    cr_expect(got[1] >= 999 && got[1] <= 1001, "%u", got[1]);
}

Test(share, lets_nobody_save_up_while_idle)
{
    struct bh_share busy = {0}, idle = {0}, ahead = {UINT64_C(1) << 60};
    bh_share_charge(&busy, 1, 100000);
    bh_share_join(&idle, busy.pass);
    cr_expect_eq(idle.pass, busy.pass);
    bh_share_join(&ahead, busy.pass);
    cr_expect_eq(ahead.pass, UINT64_C(1) << 60, "nobody is set back");
}
