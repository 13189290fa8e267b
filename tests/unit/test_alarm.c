#include <criterion/criterion.h>

#include "core/dice.h"
#include "engine/alarm.h"

#define SLOTS 24

Test(alarm, gives_out_what_is_due_and_nothing_else)
{
    struct bh_alarm alarm;
    uint32_t slot = 77;
    cr_assert_eq(bh_alarm_init(&alarm, 4), BH_OK);
    cr_expect(bh_mono_is_never(bh_alarm_first(&alarm)));
    cr_expect_not(bh_alarm_take_due(&alarm, (struct bh_mono){INT64_MAX - 1}, &slot));

    bh_alarm_set(&alarm, 3, (struct bh_mono){100});
    bh_alarm_set(&alarm, 1, (struct bh_mono){50});
    bh_alarm_set(&alarm, 2, (struct bh_mono){-5});
    cr_expect_eq(bh_alarm_first(&alarm).ms, -5);
    cr_expect_not(bh_alarm_take_due(&alarm, (struct bh_mono){-6}, &slot));
    cr_expect_eq(slot, 77, "written on failure");
    cr_expect(bh_alarm_take_due(&alarm, (struct bh_mono){50}, &slot) && slot == 2);
    cr_expect(bh_alarm_take_due(&alarm, (struct bh_mono){50}, &slot) && slot == 1);
    cr_expect_not(bh_alarm_take_due(&alarm, (struct bh_mono){99}, &slot));
    bh_alarm_set(&alarm, 3, BH_MONO_NEVER);
    cr_expect(bh_mono_is_never(bh_alarm_first(&alarm)));
    bh_alarm_set(&alarm, 3, BH_MONO_NEVER);
    bh_alarm_check(&alarm);
    bh_alarm_release(&alarm);
}

/* The naive model: an array of instants, searched from end to end. */
static uint32_t
earliest(const int64_t *at)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < SLOTS; i++) {
        if (at[i] < at[best])
            best = i;
    }
    return best;
}

static void
take_as_the_model(struct bh_alarm *alarm, int64_t *at, int64_t now)
{
    uint32_t slot;
    bool wanted = at[earliest(at)] <= now;
    cr_assert_eq(bh_alarm_take_due(alarm, (struct bh_mono){now}, &slot), wanted);
    if (!wanted)
        return;
    cr_assert_eq(at[slot], at[earliest(at)], "slot %u is not the earliest", slot);
    at[slot] = INT64_MAX;
}

Test(alarm, agrees_with_a_plain_array_over_random_operations)
{
    struct bh_alarm alarm;
    struct bh_dice dice;
    int64_t at[SLOTS];
    bh_dice_init_number(&dice, 20);
    cr_assert_eq(bh_alarm_init(&alarm, SLOTS), BH_OK);
    for (uint32_t i = 0; i < SLOTS; i++)
        at[i] = INT64_MAX;

    for (unsigned step = 0; step < 50000; step++) {
        uint32_t slot = (uint32_t)bh_dice_below(&dice, SLOTS);
        int64_t when = (int64_t)bh_dice_below(&dice, 40); /* few values, so that many are equal */
        switch (bh_dice_below(&dice, 4)) {
        case 0: take_as_the_model(&alarm, at, when); break;
        case 1: bh_alarm_set(&alarm, slot, (struct bh_mono){at[slot] = INT64_MAX}); break;
        default: bh_alarm_set(&alarm, slot, (struct bh_mono){at[slot] = when}); break;
        }
        bh_alarm_check(&alarm);
        cr_assert_eq(bh_alarm_first(&alarm).ms, at[earliest(at)], "step %u", step);
    }
    bh_alarm_release(&alarm);
}
