/*
 * Quiet in a process: a worker that asks for it is alone when the hands of all others are empty and cannot fill, and
 * for no longer than it said.
 */
#include <criterion/criterion.h>

#include <stdio.h>

#include "core/dice.h"
#include "engine/quiet.h"

static struct bh_mono
at(int64_t ms)
{
    return (struct bh_mono){ms};
}

/* A story's line: a worker begins a turn and sees, or ends one and somebody is to be woken. */
struct line {
    char what; /* b begins, e ends */
    unsigned worker;
    int64_t now;
    bool in_hand;
    int64_t wish; /* alone until then; 0 no */
    /* wanted */
    bool hushed, alone, others;
    enum bh_quiet_wake wake;
};

#define LINES_MAX 16

static const struct story {
    const char *name;
    unsigned workers;
    struct line lines[LINES_MAX];
} stories[] = {
  /* clang-format off */
    {"one worker is always alone", 1, {
        {.what = 'b', .worker = 0, .now = 10, .alone = true},
        {.what = 'e', .worker = 0, .now = 10, .in_hand = true, .wish = 50},
        {.what = 'b', .worker = 0, .now = 90, .alone = true},
        {.what = 'e', .worker = 0, .now = 90}}},
    {"idle others give quiet at once, and are woken when it is over", 3, {
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 0, .now = 11, .alone = true},
        {.what = 'e', .worker = 0, .now = 11, .in_hand = true, .wish = 90},
        {.what = 'b', .worker = 1, .now = 12, .hushed = true, .others = true},
        {.what = 'e', .worker = 1, .now = 12},
        {.what = 'b', .worker = 0, .now = 60, .alone = true},
        {.what = 'e', .worker = 0, .now = 60, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 1, .now = 61},
        {.what = 'e', .worker = 1, .now = 61, .in_hand = true}}},
    {"busy others drain first, the last one wakes the taker", 3, {
        {.what = 'b', .worker = 1, .now = 1},
        {.what = 'e', .worker = 1, .now = 1, .in_hand = true},
        {.what = 'b', .worker = 2, .now = 2, .others = true},
        {.what = 'e', .worker = 2, .now = 2, .in_hand = true},
        {.what = 'b', .worker = 0, .now = 10, .others = true},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 1, .now = 11, .hushed = true, .others = true},
        {.what = 'e', .worker = 1, .now = 11},
        {.what = 'b', .worker = 0, .now = 12, .others = true},
        {.what = 'e', .worker = 0, .now = 12, .wish = 50},
        {.what = 'b', .worker = 2, .now = 13, .hushed = true},
        {.what = 'e', .worker = 2, .now = 13, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 0, .now = 14, .alone = true}}},
    {"a turn that began before the wish may claim", 2, {
        {.what = 'b', .worker = 1, .now = 9},
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 0, .now = 11},
        {.what = 'e', .worker = 1, .now = 11, .in_hand = true},
        {.what = 'e', .worker = 0, .now = 11, .wish = 50},
        {.what = 'b', .worker = 0, .now = 12, .others = true},
        {.what = 'e', .worker = 0, .now = 12, .wish = 50},
        {.what = 'b', .worker = 1, .now = 13, .hushed = true},
        {.what = 'e', .worker = 1, .now = 13, .wake = BH_QUIET_WAKE_TAKER}}},
    {"and if it claims nothing the taker hears of that", 2, {
        {.what = 'b', .worker = 1, .now = 9},
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'e', .worker = 1, .now = 11, .wake = BH_QUIET_WAKE_TAKER}}},
    {"a taker that hangs is waited for until the moment it named", 2, {
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 1, .now = 49, .hushed = true},
        {.what = 'e', .worker = 1, .now = 49},
        {.what = 'b', .worker = 1, .now = 50},
        {.what = 'e', .worker = 1, .now = 50, .in_hand = true},
        {.what = 'b', .worker = 0, .now = 51, .others = true}}},
    {"it may ask again when its time is over, and starts anew", 2, {
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .in_hand = true, .wish = 50, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 1, .now = 50, .others = true},
        {.what = 'e', .worker = 1, .now = 50, .in_hand = true},
        {.what = 'b', .worker = 0, .now = 60, .others = true},
        {.what = 'e', .worker = 0, .now = 60, .in_hand = true, .wish = 99, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 1, .now = 61, .hushed = true, .others = true}}},
    {"a wish whose time is over is none, however often it is repeated", 2, {
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .in_hand = true, .wish = 50, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 0, .now = 50},
        {.what = 'e', .worker = 0, .now = 50, .in_hand = true, .wish = 50, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 0, .now = 51},
        {.what = 'e', .worker = 0, .now = 51, .in_hand = true, .wish = 50}}},
    {"another worker hangs: no quiet, whatever else", 3, {
        {.what = 'b', .worker = 2, .now = 1},
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 1, .now = 11, .hushed = true},
        {.what = 'e', .worker = 1, .now = 11},
        {.what = 'b', .worker = 0, .now = 40},
        {.what = 'e', .worker = 0, .now = 40, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 1, .now = 41}}},
    {"two wish: the first one has it", 2, {
        {.what = 'b', .worker = 0, .now = 10},
        {.what = 'e', .worker = 0, .now = 10, .wish = 50, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 1, .now = 11, .hushed = true},
        {.what = 'e', .worker = 1, .now = 11, .wish = 90},
        {.what = 'b', .worker = 0, .now = 12, .alone = true},
        {.what = 'e', .worker = 0, .now = 12, .wake = BH_QUIET_WAKE_OTHERS},
        {.what = 'b', .worker = 1, .now = 13},
        {.what = 'e', .worker = 1, .now = 13, .wish = 90, .wake = BH_QUIET_WAKE_TAKER},
        {.what = 'b', .worker = 0, .now = 14, .hushed = true}}},
  /* clang-format on */
};

Test(quiet, is_given_and_ended_as_told)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(stories); i++) {
        const struct story *story = &stories[i];
        struct bh_quiet quiet;
        bh_quiet_init(&quiet, story->workers);
        for (size_t n = 0; n < LINES_MAX && story->lines[n].what != '\0'; n++) {
            const struct line *line = &story->lines[n];
            if (line->what == 'b') {
                struct bh_company got = bh_quiet_begin_turn(&quiet, line->worker, at(line->now));
                cr_expect(got.hushed == line->hushed && got.alone == line->alone &&
                              got.others_have_jobs == line->others,
                          "%s, line %zu: hushed %d, alone %d, others %d", story->name, n,
                          got.hushed, got.alone, got.others_have_jobs);
                cr_expect_eq(got.until.ms != 0, got.hushed, "%s, line %zu", story->name, n);
            } else {
                struct bh_bearing bearing = {line->in_hand, at(line->wish)};
                enum bh_quiet_wake wake =
                    bh_quiet_end_turn(&quiet, line->worker, &bearing, at(line->now));
                cr_expect_eq(wake, line->wake, "%s, line %zu: %d", story->name, n, wake);
            }
        }
    }
}

/* ---- threads in any order ---- */

#define WORKERS 5

struct party {
    bool in_turn, full;
    struct bh_company company;
    bool awake; /* has a turn to come */
};

/*
 * Turns of several workers, cut into beginning and end and shuffled.  Those that may claim do so as they like; worker 0
 * asks for quiet now and then.  Nobody claims while it is alone; it always gets its quiet, and everybody his turn
 * behind it, although a worker is only woken when the rule says so.
 */
Test(quiet, holds_in_whatever_order_turns_begin_and_end)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct bh_dice dice;
        struct bh_quiet quiet;
        struct party parties[WORKERS] = {{0}};
        unsigned granted = 0, asked = 0, claims = 0;
        bool wishes = false, is_alone = false;
        bh_dice_init_number(&dice, seed);
        bh_quiet_init(&quiet, WORKERS);
        for (int64_t now = 1; now < 4000; now++) {
            unsigned number = (unsigned)bh_dice_below(&dice, WORKERS);
            struct party *party = &parties[number];
            /* Jobs end, and arrive, by themselves; else a worker sleeps until it is woken. */
            bool has_cause = bh_dice_below(&dice, 4) == 0 || party->awake;
            if (!party->in_turn && has_cause) {
                party->company = bh_quiet_begin_turn(&quiet, number, at(now));
                party->in_turn = true;
                party->awake = false;
                continue;
            }
            if (!party->in_turn)
                continue;
            party->in_turn = false;
            if (number == 0) {
                cr_assert(!party->company.alone || wishes);
                if (is_alone) /* it has had what it wanted */
                    wishes = is_alone = false;
                else if (party->company.alone)
                    is_alone = true, granted++;
                else if (!wishes && bh_dice_below(&dice, 20) == 0)
                    wishes = true, asked++;
                for (unsigned i = 1; is_alone && i < WORKERS; i++)
                    cr_assert_not(parties[i].full, "seed %u, %lld: worker %u", seed, (long long)now,
                                  i);
            } else if (party->full) {
                party->full = bh_dice_below(&dice, 3) > 0;
                party->awake = party->full;
            } else if (!party->company.hushed && bh_dice_below(&dice, 2) == 0) {
                cr_assert_not(is_alone, "seed %u, %lld", seed, (long long)now);
                party->full = party->awake = true;
                claims++;
            }
            struct bh_bearing bearing = {party->full,
                                         wishes && number == 0 ? at(now + 100000) : at(0)};
            enum bh_quiet_wake wake = bh_quiet_end_turn(&quiet, number, &bearing, at(now));
            for (unsigned i = 0; i < WORKERS; i++)
                parties[i].awake = parties[i].awake ||
                                   (wake == BH_QUIET_WAKE_TAKER && i == bh_quiet_taker(&quiet)) ||
                                   (wake == BH_QUIET_WAKE_OTHERS && i != number);
        }
        cr_assert_gt(asked, 0, "seed %u", seed);
        cr_assert_geq(granted + 1, asked, "seed %u: %u of %u", seed, granted, asked);
        cr_assert_gt(claims, 100, "seed %u: %u", seed, claims);
    }
}
