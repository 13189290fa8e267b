#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/callback_hosts.h"

static const struct bh_mono t0 = {1000000};

static struct bh_callback_host *
name(struct bh_callback_hosts *hosts, const char *origin)
{
    return bh_callback_hosts_name(hosts, bh_str_from(origin));
}

Test(callback_hosts, one_server_is_one_row_for_all_queues)
{
    static struct bh_callback_hosts hosts;
    struct bh_callback_host *host = name(&hosts, "https://app.example");
    cr_assert_not_null(host);
    cr_expect_eq(name(&hosts, "HTTPS://App.Example"), host);
    cr_expect_neq(name(&hosts, "https://app.example:8443"), host);
    cr_expect_neq(name(&hosts, "http://app.example"), host);
    cr_expect_null(name(&hosts, ""));
    char long_one[BH_CALLBACK_HOST_ORIGIN_MAX + 1];
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    cr_expect_null(name(&hosts, long_one));
}

Test(callback_hosts, a_row_is_kept_while_something_is_under_way_to_it)
{
    static struct bh_callback_hosts hosts;
    struct bh_callback_host *old = name(&hosts, "http://old");
    old->under_way = 2;
    char origin[32];
    /* Every queue goes elsewhere, twice. */
    for (int round = 0; round < 2; round++) {
        bh_callback_hosts_begin(&hosts);
        for (int i = 0; i < BH_CONFIG_QUEUES_MAX; i++) {
            snprintf(origin, sizeof(origin), "http://host-%d-%d", round, i);
            cr_assert_neq(name(&hosts, origin), old);
        }
    }
    cr_expect_str_eq(old->origin, "http://old");
    bh_callback_host_done(old);
    cr_expect_eq(old->under_way, 1);
}

Test(callback_hosts, room_follows_what_is_under_way_and_what_failed)
{
    static const struct {
        const char *name;
        unsigned under_way, failures;
        bh_ms rest_ms;
        unsigned wanted;
    } rows[] = {
        {"new",                     0, 0, 0,  4},
        {"one under way",           1, 0, 0,  3},
        {"full",                    4, 0, 0,  0},
        {"more than full",          9, 0, 0,  0},
        {"failed a little",         0, 2, 0,  4},
        {"failed in a row",         0, 3, 0,  1},
        {"failed, and one asks",    1, 3, 0,  0},
        {"rests",                   0, 3, 1,  0},
        {"rests though it is good", 0, 0, 1,  0},
        {"has rested",              0, 3, -1, 1},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_callback_host host = {.under_way = rows[i].under_way,
                                              .failures = rows[i].failures,
                                              .rest_until = {t0.ms + rows[i].rest_ms}};
        cr_expect_eq(bh_callback_host_room(&host, 4, t0), rows[i].wanted, "%s", rows[i].name);
    }
}

Test(callback_hosts, rests_longer_and_longer_until_something_gets_through)
{
    static const bh_ms wanted_s[] = {0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct bh_callback_host host = {.origin = "http://a"};
    struct bh_mono now = t0;
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted_s); i++) {
        host.under_way = 1;
        bh_callback_host_failed(&host, -1, now);
        cr_expect_eq(host.rest_until.ms - now.ms, wanted_s[i] * BH_SECOND_MS, "%zu: %lld", i,
                     (long long)(host.rest_until.ms - now.ms));
        now = host.rest_until;
    }
    host.under_way = 1;
    bh_callback_host_done(&host);
    cr_expect_eq(bh_callback_host_room(&host, 4, now), 4);
}

Test(callback_hosts, rests_as_long_as_it_asks_within_reason)
{
    struct bh_callback_host host = {.under_way = 2};
    bh_callback_host_failed(&host, 7 * BH_SECOND_MS, t0);
    cr_expect_eq(host.rest_until.ms - t0.ms, 7 * BH_SECOND_MS);
    /* A later failure that asks for nothing does not shorten that. */
    bh_callback_host_failed(&host, -1, t0);
    cr_expect_eq(host.rest_until.ms - t0.ms, 7 * BH_SECOND_MS);
    host.under_way = 1;
    bh_callback_host_failed(&host, BH_DAY_MS, t0);
    cr_expect_eq(host.rest_until.ms - t0.ms, BH_CALLBACK_HOST_ASKED_MAX);
}
