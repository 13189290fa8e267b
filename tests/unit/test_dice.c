#include <criterion/criterion.h>

#include <inttypes.h>

#include "core/base.h"
#include "core/dice.h"

/* xoshiro256** from the state 1, 2, 3, 4, computed by the authors' reference program. */
Test(dice, rolls_the_sequence_of_its_algorithm)
{
    static const uint64_t wanted[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
    };
    struct bh_dice dice = {
        {1, 2, 3, 4}
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++) {
        uint64_t got = bh_dice_next(&dice);
        cr_expect_eq(got, wanted[i], "%zu: %" PRIu64, i, got);
    }
}

Test(dice, repeats_itself_from_the_same_seed_only)
{
    struct bh_dice one, same, other;
    bh_dice_init_number(&one, 1);
    bh_dice_init_number(&same, 1);
    bh_dice_init_number(&other, 2);
    unsigned equal = 0;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t value = bh_dice_next(&one);
        cr_assert_eq(value, bh_dice_next(&same));
        equal += value == bh_dice_next(&other);
    }
    cr_expect_eq(equal, 0);
}

Test(dice, escapes_the_state_that_never_changes)
{
    static const uint8_t zeros[32] = {0};
    struct bh_dice dice;
    bh_dice_init(&dice, zeros);
    cr_expect_neq(bh_dice_next(&dice) | bh_dice_next(&dice), 0);
}

Test(dice, stays_below_its_limit_and_reaches_all_of_it)
{
    static const uint64_t limits[] = {1, 2, 3, 7, 64, 1000};
    struct bh_dice dice;
    bh_dice_init_number(&dice, 3);
    for (size_t i = 0; i < BH_ARRAY_LEN(limits); i++) {
        unsigned counts[1000] = {0};
        for (unsigned n = 0; n < 64 * limits[i]; n++) {
            uint64_t value = bh_dice_below(&dice, limits[i]);
            cr_assert_lt(value, limits[i]);
            counts[value]++;
        }
        for (uint64_t v = 0; v < limits[i]; v++)
            cr_expect(counts[v] > 10 && counts[v] < 10 + 64 * 4, "%" PRIu64 " of %" PRIu64, v,
                      limits[i]);
    }
    cr_expect_lt(bh_dice_below(&dice, UINT64_MAX), UINT64_MAX);
}

Test(dice, fills_any_number_of_bytes_and_none_behind_them)
{
    struct bh_dice dice;
    bh_dice_init_number(&dice, 4);
    for (size_t len = 0; len <= 20; len++) {
        uint8_t bytes[24] = {0};
        unsigned changed = 0;
        for (unsigned n = 0; n < 20; n++) {
            uint8_t fresh[24] = {0};
            bh_dice_bytes(&dice, fresh, len);
            for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] |= fresh[i];
        }
        for (size_t i = 0; i < sizeof(bytes); i++)
            changed += bytes[i] != 0;
        cr_expect_eq(changed, len);
    }
}
