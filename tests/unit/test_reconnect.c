#include <criterion/criterion.h>

#include "core/reconnect.h"

static struct bh_reconnect
fresh(bh_ms first_ms, bh_ms max_ms, bh_ms stable_ms)
{
    struct bh_reconnect reconnect;
    struct bh_reconnect_policy policy = {first_ms, max_ms, stable_ms};
    bh_reconnect_init(&reconnect, &policy);
    return reconnect;
}

Test(reconnect, doubles_from_50_ms_to_5_s_by_default)
{
    static const bh_ms wanted[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    struct bh_reconnect reconnect = fresh(0, 0, 0);
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++)
        cr_expect_eq(bh_reconnect_ended(&reconnect, 0, false, 0), wanted[i], "end %zu", i + 1);
    cr_expect_eq(reconnect.failures, BH_ARRAY_LEN(wanted));
}

Test(reconnect, is_lengthened_by_dice_up_to_a_half_and_never_shortened)
{
    bh_ms least = INT64_MAX, most = 0;
    for (uint64_t dice = 0; dice < 1000; dice++) {
        struct bh_reconnect reconnect = fresh(100, 1000, 1000);
        bh_ms delay = bh_reconnect_ended(&reconnect, 0, false, dice * 0x9e3779b97f4a7c15u);
        least = bh_ms_min(least, delay);
        most = bh_ms_max(most, delay);
    }
    cr_expect_eq(least, 100);
    cr_expect_eq(most, 150);
    struct bh_reconnect reconnect = fresh(100, 1000, 1000);
    cr_expect_leq(bh_reconnect_ended(&reconnect, 0, false, UINT64_MAX), 150);
}

Test(reconnect, begins_anew_only_after_a_stable_time)
{
    struct bh_reconnect reconnect = fresh(50, 5000, 10000);
    for (int i = 0; i < 5; i++)
        (void)bh_reconnect_ended(&reconnect, 0, false, 0);
    cr_expect_eq(bh_reconnect_ended(&reconnect, 9999, false, 0), 1600, "accepted and dropped");
    cr_expect_eq(bh_reconnect_ended(&reconnect, 10000, false, 0), 50);
    cr_expect_eq(reconnect.failures, 1);
    cr_expect_eq(bh_reconnect_ended(&reconnect, 0, false, 0), 100);
}

Test(reconnect, goes_to_the_longest_delay_at_once_for_what_waiting_does_not_heal)
{
    struct bh_reconnect reconnect = fresh(50, 5000, 10000);
    cr_expect_eq(bh_reconnect_ended(&reconnect, 0, true, 0), 5000);
    cr_expect_eq(bh_reconnect_ended(&reconnect, 0, false, 0), 100);
}

Test(reconnect, survives_odd_policies_and_endless_failures)
{
    struct bh_reconnect reconnect = fresh(1000, 10, 1);
    cr_expect_eq(bh_reconnect_ended(&reconnect, 0, false, 0), 10, "first_ms above max_ms");
    reconnect = fresh(1, INT64_MAX / 4, 1);
    reconnect.failures = UINT32_MAX;
    cr_expect_eq(bh_reconnect_ended(&reconnect, 0, false, 0), INT64_MAX / 4);
    cr_expect_eq(reconnect.failures, UINT32_MAX);
}
