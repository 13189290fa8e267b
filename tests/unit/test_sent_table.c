#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/dice.h"
#include "core/sent_table.h"
#include "support/scarce_memory.h"

static struct bh_sent_table table;
static uint64_t sequence;

static void
setup(void)
{
    sequence = 0;
    cr_assert_eq(bh_sent_table_init(&table, 64), BH_OK);
}

static void
teardown(void)
{
    bh_sent_table_check(&table);
    bh_sent_table_release(&table);
}

TestSuite(sent_table, .init = setup, .fini = teardown);

static struct bh_sent_name
name(unsigned number)
{
    struct bh_sent_name name = {{0}};
    name.bytes[0] = (unsigned char)number;
    name.bytes[5] = (unsigned char)(number >> 8);
    return name;
}

static const unsigned queue = 200;

static void
apply(enum bh_sent_kind kind, enum bh_sent_result result, uint64_t handle, uint64_t token,
      unsigned payload)
{
    struct bh_sent_record record = {
        .kind = kind,
        .result = result,
        .sequence = ++sequence,
        .queue = name(queue),
        .payload = name(payload),
        .handle = handle,
        .token = token,
        .at = {(int64_t)sequence},
    };
    bh_sent_table_apply(&table, &record);
    bh_sent_table_check(&table);
}

/* Redis knows claims up to `token` of `known`; jobs that wait get handles from + 1 to to. */
static void
doubt(uint64_t token, uint64_t known, uint64_t from, uint64_t to)
{
    struct bh_sent_record record = {
        .kind = BH_SENT_DOUBT,
        .sequence = ++sequence,
        .queue = name(queue),
        .handle = from,
        .token = token,
        .other_handle = to,
        .other_token = known,
    };
    bh_sent_table_apply(&table, &record);
    bh_sent_table_check(&table);
}

/* The token of what is found; 0: nothing. */
static uint64_t
find(uint64_t handle, unsigned payload, bool *ret_moved)
{
    struct bh_sent_name queue_name = name(queue), payload_name = name(payload);
    const struct bh_sent_record *record =
        bh_sent_table_find(&table, &queue_name, &payload_name, handle, ret_moved);
    return record != NULL ? record->token : 0;
}

static uint64_t
take(uint64_t handle, uint64_t token, unsigned payload)
{
    bool moved;
    struct bh_sent_name queue_name = name(queue), payload_name = name(payload);
    const struct bh_sent_record *record =
        bh_sent_table_find(&table, &queue_name, &payload_name, handle, &moved);
    if (record == NULL)
        return 0;
    uint64_t found = record->token;
    if (moved) {
        struct bh_sent_record taken = *record;
        taken.kind = BH_SENT_TAKEN;
        taken.sequence = ++sequence;
        taken.other_handle = record->handle;
        taken.other_token = record->token;
        taken.handle = handle;
        taken.token = token;
        bh_sent_table_apply(&table, &taken);
        bh_sent_table_check(&table);
    }
    return found;
}

Test(sent_table, finds_a_job_by_its_handle_and_bytes)
{
    bool moved;
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 5, 3, 1);
    cr_expect_eq(find(5, 1, &moved), 3);
    cr_expect(!moved);
    cr_expect_eq(find(5, 2, &moved), 0, "another job of the same number");
    cr_expect_eq(find(6, 1, &moved), 0, "a twin");
    struct bh_sent_name other = name(7), payload = name(1);
    cr_expect_null(bh_sent_table_find(&table, &other, &payload, 5, &moved), "another queue's");
}

Test(sent_table, forgets_the_oldest_when_full)
{
    bool moved;
    for (unsigned i = 1; i <= 100; i++)
        apply(BH_SENT_BEGUN, BH_SENT_OPEN, i, i, i);
    for (unsigned i = 1; i <= 100; i++)
        cr_expect_eq(find(i, i, &moved), i <= 36 ? 0 : i, "%u", i);
}

Test(sent_table, a_new_request_replaces_the_old_one)
{
    bool moved;
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 5, 3, 1);
    apply(BH_SENT_ENDED, BH_SENT_REFUSED, 5, 3, 1);
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 5, 9, 1);
    cr_expect_eq(find(5, 1, &moved), 9);
    apply(BH_SENT_ENDED, BH_SENT_REFUSED, 6, 4, 2);
    cr_expect_eq(find(6, 2, &moved), 4, "a result whose beginning was overwritten counts");
}

Test(sent_table, finds_forgotten_jobs_by_their_bytes_once_each)
{
    bool moved;
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 1, 1, 7);
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 2, 2, 7);
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 3, 3, 7);
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 4, 4, 8);
    cr_expect_eq(find(11, 7, &moved), 0, "nothing is in doubt");
    doubt(1, 4, 10, 14);
    struct bh_sent_name queue_name = name(queue);
    cr_expect_eq(bh_sent_table_queue(&table, &queue_name)->doubts, 3);
    cr_expect_neq(take(11, 5, 7), 0);
    cr_expect_neq(take(12, 5, 7), 0);
    cr_expect_eq(take(13, 5, 7), 0, "the third twin was never sent");
    cr_expect_eq(take(14, 5, 8), 4);
    cr_expect_eq(find(1, 7, &moved), 1, "Redis knows the claim: the job has kept its handle");
    cr_expect_eq(find(11, 7, &moved), 5, "it is found by its new handle from then on");
    cr_expect_not(moved);
    cr_expect_eq(bh_sent_table_queue(&table, &queue_name)->doubts, 0);
}

Test(sent_table, jobs_that_came_later_are_new)
{
    bool moved;
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 1, 1, 7);
    doubt(0, 1, 10, 12);
    cr_expect_eq(find(10, 7, &moved), 0, "it had a handle before");
    cr_expect_eq(find(13, 7, &moved), 0, "it was pushed since");
    cr_expect_eq(find(12, 7, &moved), 1);
}

Test(sent_table, what_was_refused_is_not_in_doubt)
{
    bool moved;
    apply(BH_SENT_ENDED, BH_SENT_REFUSED, 1, 1, 7);
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 2, 2, 8);
    apply(BH_SENT_ENDED, BH_SENT_UNCERTAIN, 3, 3, 9);
    doubt(0, 3, 10, 20);
    cr_expect_eq(find(11, 7, &moved), 0);
    cr_expect_eq(find(12, 8, &moved), 2);
    cr_expect_eq(find(13, 9, &moved), 3);
    apply(BH_SENT_ENDED, BH_SENT_REFUSED, 2, 2, 8);
    cr_expect_eq(find(12, 8, &moved), 0, "its result came late");
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 3, 3, 9);
    cr_expect_eq(find(13, 9, &moved), 3);
}

Test(sent_table, a_second_roll_back_forgets_the_moves_as_well)
{
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 1, 1, 7);
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 2, 2, 8);
    doubt(0, 2, 10, 12);
    cr_expect_eq(take(11, 5, 7), 1);
    doubt(2, 5, 20, 22);
    cr_expect_eq(take(21, 6, 7), 5);
    cr_expect_eq(take(22, 6, 8), 2, "still in doubt from the first time");
}

/*
 * Redis has given another host the handles that it had given us, for other jobs, before we could raise its counter.
 * Handles 5 to 7 were ours for payloads 15 to 17, all accepted; `given` is what is claimed now, in this order.
 */
Test(sent_table, a_handle_that_was_given_twice_hides_no_job)
{
    static const struct {
        const char *name;
        struct {
            uint64_t handle;
            unsigned payload;
            uint64_t wanted; /* token of what is known; 0: it is new, and is sent */
        } given[3];
    } rows[] = {
        {"the same order",                {{5, 15, 5}, {6, 16, 6}, {7, 17, 7}}},
        {"turned around",                 {{7, 15, 5}, {6, 16, 6}, {5, 17, 7}}},
        {"shifted by one",                {{6, 15, 5}, {7, 16, 6}, {8, 17, 7}}},
        {"a new one on ours",             {{5, 99, 0}, {6, 15, 5}, {8, 16, 6}}},
        {"a new one on one that follows", {{7, 99, 0}, {8, 17, 7}, {9, 15, 5}}},
        {"a twin of ours is a new one",   {{7, 15, 5}, {8, 15, 0}, {9, 17, 7}}},
        {"the twin behind its own",       {{5, 15, 5}, {8, 15, 0}, {9, 16, 6}}},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        teardown();
        setup();
        apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 4, 4, 14);
        for (unsigned k = 5; k <= 7; k++)
            apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, k, k, k + 10);
        doubt(4, 7, 4, 9);
        for (unsigned k = 0; k < 3; k++) {
            uint64_t handle = rows[i].given[k].handle;
            unsigned payload = rows[i].given[k].payload;
            cr_expect_eq(take(handle, 20 + k, payload), rows[i].given[k].wanted, "%s: %u",
                         rows[i].name, k);
            if (rows[i].given[k].wanted == 0)
                apply(BH_SENT_BEGUN, BH_SENT_OPEN, handle, 20 + k, payload);
        }
    }
}

Test(sent_table, a_roll_back_that_we_did_not_notice_moves_jobs_to_a_later_block)
{
    static const uint64_t block = BH_SENT_HANDLES_BLOCK;
    static const struct {
        const char *name;
        uint64_t handle;
        bool found;
    } rows[] = {
        {"the first of ours",       block + 1,      true },
        {"the last of ours",        block + 3,      true },
        {"pushed later",            block + 4,      false},
        {"late in the same block",  2 * block - 1,  false},
        {"the next block",          2 * block + 1,  true },
        {"its last of ours",        2 * block + 3,  true },
        {"pushed later there",      2 * block + 4,  false},
        {"a block far behind",      77 * block + 2, true },
        {"the same, pushed later",  77 * block + 9, false},
        {"of before the roll-back", 40,             false},
        {"before, by another host", 41,             true },
    };
    apply(BH_SENT_ENDED, BH_SENT_ACCEPTED, 50, 5, 7);
    doubt(4, 5, 40, block + 3);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bool moved;
        cr_expect_eq(find(rows[i].handle, 7, &moved) != 0, rows[i].found, "%s", rows[i].name);
    }
}

/* Each of these shares a handle with another job's entry. */
Test(sent_table, a_late_result_finds_its_own_among_jobs_of_one_handle)
{
    struct bh_sent_name queue_name = name(queue);
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 5, 3, 1);
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 6, 3, 2);
    doubt(2, 3, 4, 9);
    cr_expect_eq(take(6, 7, 1), 3, "it gets the handle that another of the same claim has had");
    const struct bh_sent_name own = name(1), other = name(2);
    const struct bh_sent_record *record = bh_sent_table_begun(&table, &queue_name, 6, 3);
    cr_assert_not_null(record);
    cr_expect(bh_sent_name_equal(&record->payload, &other));
    record = bh_sent_table_begun(&table, &queue_name, 5, 3);
    cr_assert_not_null(record);
    cr_expect(bh_sent_name_equal(&record->payload, &own));
    record = bh_sent_table_begun(&table, &queue_name, 6, 7);
    cr_assert_not_null(record);
    cr_expect(bh_sent_name_equal(&record->payload, &own));
    cr_expect_null(bh_sent_table_begun(&table, &queue_name, 6, 4), "of neither");
}

/* It may become known only after Redis has forgotten the move as well. */
Test(sent_table, a_late_result_ends_no_doubt)
{
    bool moved;
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 5, 3, 1);
    doubt(2, 3, 10, 12);
    cr_expect_eq(take(11, 7, 1), 3);
    doubt(6, 7, 10, 22);
    struct bh_sent_name queue_name = name(queue);
    struct bh_sent_record record = *bh_sent_table_begun(&table, &queue_name, 5, 3);
    record.result = BH_SENT_ACCEPTED;
    record.sequence = ++sequence;
    bh_sent_table_apply(&table, &record);
    bh_sent_table_check(&table);
    cr_expect_eq(find(21, 1, &moved), 7);
    cr_expect(moved);
}

Test(sent_table, a_late_result_finds_its_job_where_it_has_moved)
{
    struct bh_sent_name queue_name = name(queue);
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 5, 3, 1);
    cr_expect_null(bh_sent_table_begun(&table, &queue_name, 6, 3));
    doubt(2, 3, 10, 12);
    cr_expect_eq(take(11, 7, 1), 3);
    const struct bh_sent_record *record = bh_sent_table_begun(&table, &queue_name, 5, 3);
    cr_assert_not_null(record);
    cr_expect_eq(record->handle, 11);
    cr_expect_null(bh_sent_table_begun(&table, &queue_name, 5, 2));
}

Test(sent_table, remembers_the_largest_that_it_has_met)
{
    struct bh_sent_name queue_name = name(queue), other = name(9);
    apply(BH_SENT_BEGUN, BH_SENT_OPEN, 50, 3, 1);
    bh_sent_table_meet(&table, &queue_name, 7, 2, (struct bh_wall){99});
    cr_expect_eq(bh_sent_table_queue(&table, &queue_name)->token, 7);
    cr_expect_eq(bh_sent_table_queue(&table, &queue_name)->handle, 50);
    cr_expect_eq(bh_sent_table_queue(&table, &queue_name)->at.ms, 99);
    cr_expect_eq(bh_sent_table_queue(&table, &other)->token, 0);
}

Test(sent_table, knows_so_many_queues_and_no_more)
{
    for (unsigned i = 0; i < BH_SENT_QUEUES_MAX + 10; i++) {
        struct bh_sent_name queue_name = name(i);
        struct bh_sent_record record = {
            .kind = BH_SENT_BEGUN, .sequence = i + 1, .queue = queue_name, .handle = 1, .token = 5};
        bh_sent_table_apply(&table, &record);
        cr_expect_eq(bh_sent_table_queue(&table, &queue_name)->token,
                     i < BH_SENT_QUEUES_MAX ? 5 : 0);
    }
}

/* Any order of records leaves a table that agrees with itself; what a file holds after crashes is any order. */
Test(sent_table, holds_together_under_any_records)
{
    struct bh_dice dice;
    bh_dice_init_number(&dice, 4711);
    for (int i = 0; i < 20000; i++) {
        struct bh_sent_record record = {
            .kind = (enum bh_sent_kind)(1 + bh_dice_below(&dice, 4)),
            .result = (enum bh_sent_result)bh_dice_below(&dice, 5),
            .sequence = ++sequence,
            .queue = name((unsigned)bh_dice_below(&dice, 3)),
            .payload = name((unsigned)bh_dice_below(&dice, 6)),
            .handle = 1 + bh_dice_below(&dice, 90),
            .token = 1 + bh_dice_below(&dice, 50),
            .other_handle = bh_dice_below(&dice, 90),
            .other_token = bh_dice_below(&dice, 50),
        };
        bh_sent_table_apply(&table, &record);
        if (i % 50 == 0)
            bh_sent_table_check(&table);
    }
}

Test(sent_table, says_when_memory_is_short)
{
    struct bh_sent_table scarce;
    bh_use_scarce_memory();
    for (long left = 0; left < 4; left++) {
        bh_allocations_left = left;
        cr_expect_eq(bh_sent_table_init(&scarce, 64), BH_ENOMEM);
    }
    bh_alloc_replace(NULL);
}
