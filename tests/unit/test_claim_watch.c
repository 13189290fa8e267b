#include <criterion/criterion.h>

#include "daemon/claim_watch.h"

#define START ((int64_t)1000000)

static struct bh_claim_watch watch;
static int64_t now_ms;

static struct bh_mono
now(void)
{
    return (struct bh_mono){now_ms};
}

static void
begin(unsigned workers)
{
    cr_assert_eq(bh_claim_watch_init(&watch, workers), BH_OK);
    bh_claim_watch_configure(&watch, 5000);
    now_ms = START;
    (void)bh_claim_watch_pulse(&watch, now());
}

/* Seconds pass with worker 0 silent since then; true when a look was wanted, which ends them. */
static bool
pass(int seconds, int64_t silent_since_ms, uint64_t answers)
{
    for (; seconds > 0; seconds--) {
        now_ms += 1000;
        bh_claim_watch_show(&watch, 0, (struct bh_mono){silent_since_ms}, answers);
        if (bh_claim_watch_pulse(&watch, now()))
            return true;
    }
    return false;
}

static enum bh_claim_advice
look(void)
{
    bh_claim_watch_looked(&watch, now());
    return bh_claim_watch_advise(&watch, 0, now());
}

Test(claim_watch, asks_whether_work_waits_only_after_a_long_silence)
{
    begin(1);
    cr_expect_not(pass(30, START, 0));
    cr_expect(pass(1, START, 0));
    cr_expect_eq(now_ms - START, 31000);
    cr_expect_not(pass(100, START, 0), "one look at a time");
    bh_claim_watch_release(&watch);
}

Test(claim_watch, never_asks_about_a_worker_that_is_well)
{
    begin(1);
    cr_expect_not(pass(1000, BH_MONO_NEVER.ms, 0));
    for (int i = 0; i < 1000; i++)
        cr_expect_not(pass(7, now_ms, (uint64_t)i));
    bh_claim_watch_release(&watch);
}

Test(claim_watch, waits_a_while_when_no_work_waits)
{
    begin(1);
    cr_assert(pass(31, START, 0));
    bh_claim_watch_looked(&watch, now());
    cr_expect_not(pass(9, START, 0));
    cr_expect(pass(1, START, 0));
    bh_claim_watch_release(&watch);
}

Test(claim_watch, gives_longer_for_slower_commands)
{
    begin(1);
    bh_claim_watch_configure(&watch, 60000);
    cr_expect_not(pass(75, START, 0));
    cr_expect(pass(1, START, 0));
    bh_claim_watch_release(&watch);
}

Test(claim_watch, has_connections_opened_anew_once_and_then_gives_up)
{
    begin(1);
    cr_assert(pass(31, START, 3));
    cr_expect_eq(look(), BH_CLAIM_ADVICE_REOPEN);
    cr_expect_eq(look(), BH_CLAIM_ADVICE_NONE, "it was helped a moment ago");
    int64_t up = now_ms + 1000;
    cr_expect_not(pass(1, BH_MONO_NEVER.ms, 3));
    cr_expect_not(pass(30, up, 3));
    cr_assert(pass(2, up, 3));
    cr_expect_eq(look(), BH_CLAIM_ADVICE_END);
    cr_expect(bh_claim_watch_any_silent(&watch, now()));
    bh_claim_watch_release(&watch);
}

Test(claim_watch, forgets_its_help_when_a_claim_is_answered)
{
    begin(1);
    cr_assert(pass(31, START, 3));
    cr_expect_eq(look(), BH_CLAIM_ADVICE_REOPEN);
    int64_t answered = now_ms + 2000;
    cr_expect_not(pass(30, answered, 4));
    cr_assert(pass(20, answered, 4));
    cr_expect_eq(look(), BH_CLAIM_ADVICE_REOPEN);
    bh_claim_watch_release(&watch);
}

Test(claim_watch, does_not_count_the_time_that_the_process_slept)
{
    begin(1);
    cr_expect_not(pass(20, START, 0));
    now_ms += 3600 * 1000;
    cr_expect_not(pass(30, START, 0));
    cr_expect(pass(2, START, 0));
    bh_claim_watch_release(&watch);
}

Test(claim_watch, advises_about_the_silent_one_alone)
{
    begin(2);
    bh_claim_watch_show(&watch, 1, BH_MONO_NEVER, 0);
    cr_assert(pass(31, START, 0));
    bh_claim_watch_looked(&watch, now());
    cr_expect_eq(bh_claim_watch_advise(&watch, 1, now()), BH_CLAIM_ADVICE_NONE);
    cr_expect_eq(bh_claim_watch_advise(&watch, 0, now()), BH_CLAIM_ADVICE_REOPEN);
    bh_claim_watch_release(&watch);
}
