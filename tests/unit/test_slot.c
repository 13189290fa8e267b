#include <criterion/criterion.h>

#include "core/dice.h"
#include "engine/slot.h"

#define SLOTS 16

Test(slot, keeps_the_order_of_arrival_in_each_stage)
{
    struct bh_slot_table table;
    cr_assert_eq(bh_slot_table_init(&table, 3), BH_OK);
    struct bh_slot *a = bh_slot_first(&table, BH_STAGE_FREE);
    bh_slot_move(&table, a, BH_STAGE_GATED);
    struct bh_slot *b = bh_slot_first(&table, BH_STAGE_FREE);
    bh_slot_move(&table, b, BH_STAGE_GATED);
    cr_expect_eq(bh_slot_first(&table, BH_STAGE_GATED), a);
    bh_slot_move(&table, a, BH_STAGE_GATED);
    cr_expect_eq(bh_slot_first(&table, BH_STAGE_GATED), b, "moved to the end");
    cr_expect_eq(bh_slot_count(&table, BH_STAGE_GATED), 2);
    cr_expect_eq(bh_slot_count(&table, BH_STAGE_FREE), 1);
    cr_expect_null(bh_slot_first(&table, BH_STAGE_SENDING));
    bh_slot_table_check(&table);
    bh_slot_table_release(&table);
}

Test(slot, knows_a_handle_only_as_long_as_its_job)
{
    struct bh_slot_table table;
    cr_assert_eq(bh_slot_table_init(&table, 2), BH_OK);
    struct bh_slot *slot = bh_slot_first(&table, BH_STAGE_FREE);
    cr_expect_null(bh_slot_find(&table, bh_slot_handle(slot)), "a free slot is nobody's");
    bh_slot_move(&table, slot, BH_STAGE_GATED);
    struct bh_slot_handle handle = bh_slot_handle(slot);
    cr_expect_eq(bh_slot_find(&table, handle), slot);

    bh_slot_reset(&table, slot);
    bh_slot_move(&table, slot, BH_STAGE_GATED);
    cr_expect_null(bh_slot_find(&table, handle), "the next job's");
    cr_expect_null(bh_slot_find(&table, (struct bh_slot_handle){2, 0}));
    cr_expect_null(bh_slot_find(&table, (struct bh_slot_handle){UINT32_MAX, 0}));
    bh_slot_table_release(&table);
}

Test(slot, forgets_everything_about_its_last_job)
{
    struct bh_slot_table table;
    cr_assert_eq(bh_slot_table_init(&table, 1), BH_OK);
    struct bh_slot *slot = bh_slot_first(&table, BH_STAGE_FREE);
    bh_slot_move(&table, slot, BH_STAGE_GATED);
    slot->created.ms = slot->due.ms = slot->expires.ms = 5;
    slot->began.ms = 5;
    slot->parts = 3;
    slot->sent = slot->first = slot->trial = slot->lease_ended = slot->renewing = true;
    slot->ledger_complete = slot->took_request_token = slot->took_connection_token = true;
    slot->id[0] = 'x';
    slot->verdict.state = BH_STATE_SENT;
    bh_fields_add_text(&slot->fields, "a", "b");
    bh_buf_append_text(&slot->memo, "memo");
    bh_slot_reset(&table, slot);

    cr_expect_eq(slot->created.ms | slot->due.ms | slot->expires.ms | slot->began.ms, 0);
    cr_expect_eq(slot->parts, 0);
    cr_expect_not(slot->sent || slot->first || slot->trial || slot->lease_ended || slot->renewing);
    cr_expect_not(slot->ledger_complete || slot->took_request_token || slot->took_connection_token);
    cr_expect_eq(slot->id[0], '\0');
    cr_expect_eq(slot->fields.count + slot->memo.len, 0);
    cr_expect_eq(slot->verdict.state, 0);
    bh_slot_table_release(&table);
}

Test(slot, stays_whole_over_random_moves)
{
    struct bh_slot_table table;
    struct bh_dice dice;
    bh_dice_init_number(&dice, 5);
    cr_assert_eq(bh_slot_table_init(&table, SLOTS), BH_OK);
    for (unsigned step = 0; step < 20000; step++) {
        struct bh_slot *slot = &table.slots[bh_dice_below(&dice, SLOTS)];
        enum bh_stage stage = (enum bh_stage)bh_dice_below(&dice, BH_STAGE_COUNT);
        if (stage == BH_STAGE_FREE && slot->stage != BH_STAGE_FREE)
            bh_slot_reset(&table, slot);
        else if (stage != BH_STAGE_FREE)
            bh_slot_move(&table, slot, stage);
        bh_slot_table_check(&table);
    }
    bh_slot_table_release(&table);
}
