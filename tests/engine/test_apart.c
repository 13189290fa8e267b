/*
 * Suspects: room is made for them, they are tried alone, and after the third time they are buried unopened.  And the
 * engine's own measure of a claim that is not answered.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "engine/rig.h"

#define SUSPECT    "1 n - 0 2 ~host/0 7 0 0 0 0 0 \n"
#define CONVICT    "1 n - 0 3 ~host/0 7 0 0 0 0 0 \n"
#define SIXTY_FOUR "1234567890123456789012345678901234567890123456789012345678901234"
#define TWO_QUEUES RIG_CONFIG "[queue b]\n"

static struct rig rig; /* a test is a process of its own */

static void
start(const char *ini)
{
    rig_start(&rig, ini);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
}

static void
finish(void)
{
    rig_stop(&rig);
}

static void
accept(const struct bh_command *submit)
{
    rig_answered(&rig, submit,
                 "{\"success\":\"100\",\"messages\":[{\"id\":\"1\",\"success\":true}]}");
    struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_str_eq(settle.settle.state, "sent");
    rig_settled(&rig, &settle, BH_SETTLED_OK);
}

static struct bh_command
bring_to_submit(const struct bh_command *claim, const char *payload, const char *head, bool more)
{
    rig_claimed(&rig, claim, &(struct rig_job){payload, head}, 1, more);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    return rig_get(&rig, BH_COMMAND_SUBMIT);
}

static unsigned
tried_apart(void)
{
    return (unsigned)bh_engine_stats(rig.engine)->tried_apart;
}

Test(apart, makes_room_for_a_suspect_and_handles_it_alone)
{
    start(TWO_QUEUES);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect_not(claim.claim.alone);
    rig.suspects = 1;
    struct bh_command good = bring_to_submit(&claim, RIG_SMS("good"), NULL, true);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "room is made");
    rig_wait(&rig, BH_SECOND_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "the good one is still under way");
    rig.suspects = 0;
    accept(&good);

    struct bh_command alone = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect(alone.claim.alone);
    cr_expect_eq(alone.claim.queue, claim.claim.queue);
    cr_expect_eq(alone.claim.count, 1);
    struct bh_command bad = bring_to_submit(&alone, RIG_SMS("bad"), SUSPECT, true);
    rig_wait(&rig, 10 * BH_SECOND_MS);
    rig_forget(&rig, BH_COMMAND_RENEW);
    cr_expect_eq(rig.commands_count, 0, "nothing is claimed, nothing is waited for");
    accept(&bad);
    cr_expect_eq(tried_apart(), 1);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1, "and on it goes");
    cr_expect_not(rig_get(&rig, BH_COMMAND_CLAIM).claim.alone);
    finish();
}

Test(apart, gives_back_what_holds_up_the_room_and_gives_up_in_the_end)
{
    start("[gateway]\napi_key = k\nmax_connections = 1\n[queue a]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig.suspects = 1;
    rig_claimed(&rig, &claim,
                (struct rig_job[]){
                    {RIG_SMS("a"), NULL},
                    {RIG_SMS("b"), NULL}
    },
                2, true);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    rig_wait(&rig, 4900);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SETTLE), 0);
    rig_wait(&rig, 100);
    struct bh_command back = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(back.settle.disposition, BH_SETTLE_READY);
    cr_expect_str_eq(back.settle.id, "b");
    rig_settled(&rig, &back, BH_SETTLED_OK);
    /* The request takes longer than it may: a job is better than none. */
    rig_wait(&rig, 24900);
    rig_forget(&rig, BH_COMMAND_RENEW);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    rig_wait(&rig, 200);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    cr_expect_not(rig_get(&rig, BH_COMMAND_CLAIM).claim.alone);
    finish();
}

Test(apart, leaves_fresh_jobs_as_much_time_as_it_takes_for_suspects)
{
    start(RIG_CONFIG);
    rig.suspects = 50;
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    struct bh_command fresh = bring_to_submit(&claim, RIG_SMS("one"), NULL, true);
    accept(&fresh);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_assert(claim.claim.alone);
    struct bh_command slow = bring_to_submit(&claim, RIG_SMS("bad"), SUSPECT, true);
    rig_wait(&rig, 9 * BH_SECOND_MS);
    rig_forget(&rig, BH_COMMAND_RENEW);
    accept(&slow);
    bh_ms quiet_until = rig.now_ms + 9 * BH_SECOND_MS;
    unsigned ordinary = 0;
    for (;; ordinary++) {
        claim = rig_get(&rig, BH_COMMAND_CLAIM);
        if (claim.claim.alone)
            break;
        fresh = bring_to_submit(&claim, RIG_SMS("next"), NULL, true);
        rig_wait(&rig, 100);
        accept(&fresh);
    }
    cr_expect_geq(rig.now_ms, quiet_until);
    cr_expect_leq(rig.now_ms, quiet_until + 200);
    cr_expect_geq(ordinary, 80);
    finish();
}

Test(apart, works_off_a_hundred_suspects_of_two_queues_when_nothing_else_waits)
{
    start(TWO_QUEUES);
    rig.suspects = 50;
    struct bh_command first = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed(&rig, &first, NULL, 0, false);
    bh_ms begin = rig.now_ms;
    unsigned by_queue[2] = {0, 0};
    while (tried_apart() < 100) {
        struct bh_command claim, wait;
        while (rig_take(&rig, BH_COMMAND_WAIT, &wait))
            cr_expect(wait.wait_queue < 2);
        if (!rig_take(&rig, BH_COMMAND_CLAIM, &claim)) {
            rig_wait(&rig, 10);
            continue;
        }
        if (!claim.claim.alone) {
            rig_claimed(&rig, &claim, NULL, 0, false);
            continue;
        }
        by_queue[claim.claim.queue]++;
        rig.suspects = 50 - by_queue[claim.claim.queue];
        struct bh_command submit = bring_to_submit(&claim, RIG_SMS("s"), SUSPECT, false);
        rig_wait(&rig, 200);
        accept(&submit);
    }
    cr_expect_eq(by_queue[0], 50);
    cr_expect_eq(by_queue[1], 50);
    cr_expect_leq(rig.now_ms - begin, 60 * BH_SECOND_MS, "%lld ms",
                  (long long)(rig.now_ms - begin));
    rig.suspects = 0;
    rig_wait(&rig, BH_HOUR_MS);
    cr_expect_leq(rig.commands_count, 2, "and then it is still");
    finish();
}

Test(apart, is_not_led_astray_by_answers_without_a_suspect)
{
    start(RIG_CONFIG);
    rig.suspects = 3;
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed(&rig, &claim, NULL, 0, false);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_assert(claim.claim.alone);
    rig.suspects = 0;
    rig_claimed(&rig, &claim, NULL, 0, false); /* another process was quicker */
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    rig_wait(&rig, BH_HOUR_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "it would spin");
    cr_expect_eq(rig_count(&rig, BH_COMMAND_WAIT), 1);
    finish();
}

Test(apart, makes_no_room_while_nothing_may_be_sent)
{
    start(RIG_CONFIG);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_account(&rig, BH_ACCOUNT_PAUSED, BH_REASON_CREDIT);
    rig.suspects = 1;
    rig_claimed(&rig, &claim, NULL, 0, false);
    rig_wait(&rig, BH_HOUR_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    rig_account(&rig, BH_ACCOUNT_OPEN, BH_REASON_NONE);
    cr_expect(rig_get(&rig, BH_COMMAND_CLAIM).claim.alone);
    finish();
}

Test(apart, goes_on_when_the_store_goes_away_in_the_middle)
{
    start(RIG_CONFIG);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig.suspects = 1;
    rig_claimed(&rig, &claim, NULL, 0, false);
    cr_assert(rig_get(&rig, BH_COMMAND_CLAIM).claim.alone);
    rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_CLAIM_FAILED, .queue = 0});
    rig_feed_kind(&rig, BH_EVENT_STORE_DOWN);
    rig_wait(&rig, BH_MINUTE_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    finish();
}

Test(apart, drains_with_a_suspect_in_hand)
{
    start(RIG_CONFIG);
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig.suspects = 1;
    rig_claimed(&rig, &claim, NULL, 0, false);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    struct bh_command bad = bring_to_submit(&claim, RIG_SMS("bad"), SUSPECT, true);
    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    accept(&bad);
    cr_expect_eq(bh_engine_phase(rig.engine), BH_PHASE_DRAINED);
    finish();
}

/* ---- other workers of the process ---- */

static void
keep_company(struct bh_company company)
{
    bh_engine_set_company(rig.engine, &company);
}

static struct bh_mono
in(bh_ms ms)
{
    return (struct bh_mono){rig.now_ms + ms};
}

Test(apart, claims_the_suspect_when_the_other_workers_have_nothing_in_hand_either)
{
    start(RIG_CONFIG);
    keep_company((struct bh_company){.others_have_jobs = true});
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_expect_eq(bh_engine_bearing(rig.engine).alone_until.ms, 0);
    cr_expect(bh_engine_bearing(rig.engine).in_hand, "a claim is under way");
    rig.suspects = 1;
    rig_claimed(&rig, &claim, NULL, 0, false);
    struct bh_bearing bearing = bh_engine_bearing(rig.engine);
    cr_expect_not(bearing.in_hand);
    cr_expect_geq(bearing.alone_until.ms, in(30 * BH_SECOND_MS).ms);
    cr_expect_leq(bearing.alone_until.ms, in(60 * BH_SECOND_MS).ms);
    rig_wait(&rig, 10 * BH_SECOND_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 0, "the others are not done");
    keep_company((struct bh_company){.alone = true});
    rig_pump(&rig);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_assert(claim.claim.alone);
    /* A hang of this one costs the others a lease and what the suspect may take, and no more. */
    cr_expect_geq(bh_engine_bearing(rig.engine).alone_until.ms, in(60 * BH_SECOND_MS).ms);
    cr_expect_leq(bh_engine_bearing(rig.engine).alone_until.ms, in(150 * BH_SECOND_MS).ms);
    rig.suspects = 0;
    struct bh_command bad = bring_to_submit(&claim, RIG_SMS("bad"), SUSPECT, false);
    cr_expect_neq(bh_engine_bearing(rig.engine).alone_until.ms, 0);
    accept(&bad);
    cr_expect_eq(bh_engine_bearing(rig.engine).alone_until.ms, 0);
    finish();
}

Test(apart, gives_up_when_the_others_do_not_come_to_rest_and_lets_them_go_on_for_as_long)
{
    start(RIG_CONFIG);
    keep_company((struct bh_company){.others_have_jobs = true});
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig.suspects = 1;
    rig_claimed(&rig, &claim, NULL, 0, false);
    bh_ms began = rig.now_ms;
    while (bh_engine_bearing(rig.engine).alone_until.ms != 0)
        rig_wait(&rig, BH_SECOND_MS);
    bh_ms quiet = rig.now_ms - began;
    cr_expect(quiet >= 20 * BH_SECOND_MS && quiet <= 60 * BH_SECOND_MS, "%lld", (long long)quiet);
    began = rig.now_ms;
    while (bh_engine_bearing(rig.engine).alone_until.ms == 0)
        rig_wait(&rig, BH_SECOND_MS);
    cr_expect_geq(rig.now_ms - began, quiet - BH_SECOND_MS);
    cr_expect_leq(rig.now_ms - began, quiet + BH_SECOND_MS);
    finish();
}

Test(apart, keeps_quiet_for_another_worker_and_gives_back_what_only_waits)
{
    start("[gateway]\napi_key = k\nmax_connections = 1\n[queue a]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    keep_company((struct bh_company){.hushed = true, .until = in(BH_MINUTE_MS)});
    rig_claimed(&rig, &claim,
                (struct rig_job[]){
                    {RIG_SMS("a"), NULL},
                    {RIG_SMS("b"), NULL}
    },
                2, true);
    struct bh_command admit = rig_get(&rig, BH_COMMAND_ADMIT);
    rig_admitted(&rig, &admit, BH_ADMIT_OK, 0);
    struct bh_command submit = rig_get(&rig, BH_COMMAND_SUBMIT);
    rig_wait(&rig, 5 * BH_SECOND_MS);
    struct bh_command back = rig_get(&rig, BH_COMMAND_SETTLE);
    cr_expect_eq(back.settle.disposition, BH_SETTLE_READY);
    rig_settled(&rig, &back, BH_SETTLED_OK);
    cr_expect(bh_engine_bearing(rig.engine).in_hand);
    accept(&submit);
    cr_expect_not(bh_engine_bearing(rig.engine).in_hand);
    rig_wait(&rig, 50 * BH_SECOND_MS);
    cr_expect_eq(rig.commands_count, 0, "neither claims nor waits");
    struct bh_mono silent = bh_engine_silent_since(rig.engine, rig_turn(&rig));
    cr_expect(bh_mono_is_never(silent), "which nobody is to blame it for");
    /* Nobody tells it that it is over. */
    rig_wait(&rig, 5 * BH_SECOND_MS);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1);
    finish();
}

Test(apart, gives_a_suspect_back_that_only_waits_so_that_the_others_can_go_on)
{
    start("[gateway]\napi_key = k\nrequests_per_second = 1\n[queue a]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig.suspects = 1;
    rig_claimed(&rig, &claim, NULL, 0, false);
    claim = rig_get(&rig, BH_COMMAND_CLAIM);
    cr_assert(claim.claim.alone);
    rig_claimed(&rig, &claim, &(struct rig_job){RIG_SMS("bad"), SUSPECT}, 1, false);
    bh_ms until = bh_engine_bearing(rig.engine).alone_until.ms;
    struct bh_command grant, settle, renew;
    while (!rig_take(&rig, BH_COMMAND_SETTLE, &settle)) {
        cr_assert_lt(rig.now_ms, until, "no token comes");
        if (rig_take(&rig, BH_COMMAND_GRANT, &grant))
            rig_granted(&rig, &grant, 0, BH_SECOND_MS);
        if (rig_take(&rig, BH_COMMAND_RENEW, &renew))
            rig_renewed(&rig, &renew, BH_RENEW_OK);
        rig_wait(&rig, 500);
    }
    cr_expect_eq(settle.settle.disposition, BH_SETTLE_READY);
    rig_settled(&rig, &settle, BH_SETTLED_OK);
    cr_expect_eq(bh_engine_bearing(rig.engine).alone_until.ms, 0);
    finish();
}

/* ---- buried ---- */

Test(apart, buries_a_job_by_its_record_alone)
{
    static const struct {
        const char *name, *head, *state, *id, *memo;
        uint32_t attempts;
        const char *says; /* its id, as the claim tells; NULL: what is no id */
    } rows[] = {
  /* clang-format off */
        {"never admitted", CONVICT, "failed", NULL, "", 0, NULL},
        {"never admitted, and says nothing", CONVICT, "failed", NULL, "", 0, ""},
        {"never admitted, and says its id", CONVICT, "failed", "my.id", "", 0, "my.id"},
        {"as long as an id may be", CONVICT, "failed", SIXTY_FOUR, "", 0, SIXTY_FOUR},
        {"longer", CONVICT, "failed", NULL, "", 0, SIXTY_FOUR "5"},
        {"an id that is none", CONVICT, "failed", NULL, "", 0, "my id"},
        {"admitted, unsent", "1 r - 1 3 ~h/0 7 0 5 5 9 0 my.id\nr=1", "failed", "my.id", "r=1", 1, NULL},
        {"its record knows better", "1 r - 1 3 ~h/0 7 0 5 5 9 0 my.id\nr=1", "failed", "my.id", "r=1", 1, "yours"},
        {"may have been sent", "1 u uncertain 2 3 ~h/0 7 0 5 5 9 6 my.id\ng=1", "unknown", "my.id", "g=1", 2, NULL},
        {"sent to some", "1 r - 1 3 ~h/0 7 0 5 5 9 0 my.id\nr=1\n1 a 100 1 0 x 4917", "partial", "my.id",
         "r=1\n1 a 100 1 0 x 4917", 1, NULL},
        {"a memo like nothing", "1 r - 1 4294967295 - 7 0 5 5 9 0 my.id\n\n\n a\n a\n99999 a", "partial", "my.id",
         "\n\n a\n a\n99999 a", 1, NULL},
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        start(RIG_CONFIG);
        struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
        /* Not a byte of it is looked at: it is neither JSON nor as long as it says. */
        const char *payload = rows[i].says != NULL ? rows[i].says : "{\"id\":\"my.id\"";
        rig_claimed(&rig, &claim, &(struct rig_job){payload, rows[i].head}, 1, false);
        struct bh_command settle = rig_get(&rig, BH_COMMAND_SETTLE);
        cr_expect_str_eq(settle.settle.state, rows[i].state, "%s", rows[i].name);
        cr_expect_eq(settle.settle.disposition, BH_SETTLE_DEAD, "%s", rows[i].name);
        cr_expect_eq(settle.settle.ledger_action, BH_LEDGER_KEEP, "%s", rows[i].name);
        cr_expect_eq(settle.settle.attempts, rows[i].attempts, "%s", rows[i].name);
        cr_expect(bh_str_equal_text(settle.settle.memo, rows[i].memo), "%s: %.*s", rows[i].name,
                  BH_STR_ARGS(settle.settle.memo));
        cr_expect(rows[i].id == NULL ? strlen(settle.settle.id) == 36
                                     : strcmp(settle.settle.id, rows[i].id) == 0,
                  "%s: %s", rows[i].name, settle.settle.id);
        const char *error = rig_field(settle.settle.fields, settle.settle.fields_count, "error");
        cr_expect_not_null(error, "%s", rows[i].name);
        cr_expect_not_null(strstr(error, "times in a row"), "%s: %s", rows[i].name, error);
        cr_expect_eq(rig_field(settle.settle.fields, settle.settle.fields_count, "to") != NULL,
                     strcmp(rows[i].head, CONVICT) == 0, "%s: what the status says already stays",
                     rows[i].name);
        cr_expect_eq(rig_noted(&rig, rows[i].state), 1, "%s", rows[i].name);
        rig_settled(&rig, &settle, BH_SETTLED_OK);
        cr_expect_eq(bh_engine_stats(rig.engine)->buried, 1);
        finish();
    }
}

/* ---- silence ---- */

static bh_ms
silence(void)
{
    struct bh_mono since = bh_engine_silent_since(rig.engine, rig_turn(&rig));
    return bh_mono_is_never(since) ? -1 : rig.now_ms - since.ms;
}

Test(apart, measures_for_how_long_a_claim_is_not_answered)
{
    rig_start(&rig, RIG_CONFIG);
    cr_expect_eq(silence(), -1, "Redis is away");
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    cr_expect_eq(silence(), 0);
    rig_wait(&rig, 40000);
    cr_expect_eq(silence(), 40000, "the claim is under way");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed(&rig, &claim, NULL, 0, false);
    cr_expect_eq(silence(), 0);
    rig_wait(&rig, 40000);
    cr_expect_eq(silence(), 40000, "nobody wakes it");
    rig_account(&rig, BH_ACCOUNT_PAUSED, BH_REASON_CREDIT);
    cr_expect_eq(silence(), -1);
    rig_account(&rig, BH_ACCOUNT_OPEN, BH_REASON_NONE);
    cr_expect_eq(silence(), 0, "from now on");
    rig_wait(&rig, 3000);
    rig_feed_kind(&rig, BH_EVENT_STORE_DOWN);
    cr_expect_eq(silence(), -1);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    cr_expect_eq(silence(), 0);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_CLAIM), 1, "what was open is forgotten");
    rig_feed_kind(&rig, BH_EVENT_DRAIN);
    cr_expect_eq(silence(), -1);
    finish();
}

Test(apart, is_not_silent_with_its_hands_full)
{
    start("[gateway]\napi_key = k\nmax_connections = 1\n[queue a]\n");
    struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
    rig_claimed(&rig, &claim,
                (struct rig_job[]){
                    {RIG_SMS("a"), NULL},
                    {RIG_SMS("b"), NULL}
    },
                2, true);
    rig_wait(&rig, 5000);
    cr_expect_eq(silence(), -1);
    finish();
}

Test(apart, hears_of_one_queue_that_is_never_woken)
{
    start(TWO_QUEUES);
    for (int i = 0; i < 2; i++) {
        struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
        rig_claimed(&rig, &claim, NULL, 0, false);
    }
    cr_expect_eq(rig_count(&rig, BH_COMMAND_WAIT), 2);
    cr_expect_eq(silence(), 0);
    for (int second = 5; second <= 30; second += 5) {
        rig_wait(&rig, 5000);
        rig_feed(&rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
        struct bh_command claim = rig_get(&rig, BH_COMMAND_CLAIM);
        rig_claimed(&rig, &claim, NULL, 0, false);
        cr_expect_eq(silence(), second * 1000);
    }
    finish();
}
