#include "engine/slot.h"

#include "core/alloc.h"

/* The memo grows with the recipients of a job, at most a thousand lines of a hundred bytes. */
#define MEMO_BYTES_MAX ((size_t)256 * 1024)

/* A request body over this is not kept for the next job of the slot. */
#define BODY_KEPT_BYTES ((size_t)64 * 1024)

static void
list_append(struct bh_slot_table *table, struct bh_slot_list *list, struct bh_slot *slot)
{
    slot->next_index = BH_SLOT_NONE;
    slot->previous_index = list->tail;
    if (list->tail != BH_SLOT_NONE)
        table->slots[list->tail].next_index = slot->index;
    else
        list->head = slot->index;
    list->tail = slot->index;
    list->count++;
}

/* Before `next`, which is in the list. */
static void
list_insert(struct bh_slot_table *table, struct bh_slot_list *list, struct bh_slot *slot,
            struct bh_slot *next)
{
    slot->next_index = next->index;
    slot->previous_index = next->previous_index;
    if (next->previous_index != BH_SLOT_NONE)
        table->slots[next->previous_index].next_index = slot->index;
    else
        list->head = slot->index;
    next->previous_index = slot->index;
    list->count++;
}

static void
list_remove(struct bh_slot_table *table, struct bh_slot_list *list, struct bh_slot *slot)
{
    if (slot->previous_index != BH_SLOT_NONE)
        table->slots[slot->previous_index].next_index = slot->next_index;
    else
        list->head = slot->next_index;
    if (slot->next_index != BH_SLOT_NONE)
        table->slots[slot->next_index].previous_index = slot->previous_index;
    else
        list->tail = slot->previous_index;
    list->count--;
}

enum bh_status
bh_slot_table_init(struct bh_slot_table *table, uint32_t count)
{
    *table = (struct bh_slot_table){.count = count};
    for (size_t i = 0; i < BH_STAGE_COUNT; i++)
        table->lists[i] = (struct bh_slot_list){BH_SLOT_NONE, BH_SLOT_NONE, 0};

    table->slots = bh_alloc_array(count, sizeof(*table->slots));
    if (table->slots == NULL)
        return BH_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct bh_slot *slot = &table->slots[i];
        slot->index = i;
        slot->plan = (struct bh_plan){BH_TRY_FRESH, true, true};
        bh_gateway_request_init(&slot->request, 0);
        bh_fields_init(&slot->fields);
        bh_buf_init(&slot->memo, MEMO_BYTES_MAX);
        list_append(table, &table->lists[BH_STAGE_FREE], slot);
    }
    return BH_OK;
}

static void
drop_job(struct bh_slot *slot)
{
    bh_job_free(slot->job);
    bh_progress_release(&slot->progress);
    bh_free(slot->ledger);
    bh_free(slot->asked);
    bh_free((void *)slot->asked_recipients);
    bh_config_release(slot->config);
    bh_outcome_release(&slot->outcome);
    slot->job = NULL;
    slot->ledger = NULL;
    slot->asked = NULL;
    slot->asked_recipients = NULL;
    slot->config = NULL;
    slot->queue = NULL;
}

void
bh_slot_table_release(struct bh_slot_table *table)
{
    for (uint32_t i = 0; table->slots != NULL && i < table->count; i++) {
        struct bh_slot *slot = &table->slots[i];
        drop_job(slot);
        bh_gateway_request_release(&slot->request);
        bh_fields_release(&slot->fields);
        bh_buf_release(&slot->memo);
    }
    bh_free(table->slots);
    *table = (struct bh_slot_table){0};
}

void
bh_slot_move(struct bh_slot_table *table, struct bh_slot *slot, enum bh_stage stage)
{
    list_remove(table, &table->lists[slot->stage], slot);
    slot->stage = stage;
    list_append(table, &table->lists[stage], slot);
}

void
bh_slot_move_ahead(struct bh_slot_table *table, struct bh_slot *slot, enum bh_stage stage)
{
    list_remove(table, &table->lists[slot->stage], slot);
    slot->stage = stage;
    uint32_t at = table->lists[stage].head;
    while (at != BH_SLOT_NONE && table->slots[at].ahead)
        at = table->slots[at].next_index;
    if (at == BH_SLOT_NONE)
        list_append(table, &table->lists[stage], slot);
    else
        list_insert(table, &table->lists[stage], slot, &table->slots[at]);
}

struct bh_slot *
bh_slot_first(struct bh_slot_table *table, enum bh_stage stage)
{
    uint32_t index = table->lists[stage].head;
    return index != BH_SLOT_NONE ? &table->slots[index] : NULL;
}

struct bh_slot *
bh_slot_last(struct bh_slot_table *table, enum bh_stage stage)
{
    uint32_t index = table->lists[stage].tail;
    return index != BH_SLOT_NONE ? &table->slots[index] : NULL;
}

uint32_t
bh_slot_count(const struct bh_slot_table *table, enum bh_stage stage)
{
    return table->lists[stage].count;
}

struct bh_slot *
bh_slot_find(struct bh_slot_table *table, struct bh_slot_handle handle)
{
    if (handle.index >= table->count)
        return NULL;
    struct bh_slot *slot = &table->slots[handle.index];
    return slot->generation == handle.generation && slot->stage != BH_STAGE_FREE ? slot : NULL;
}

struct bh_slot_handle
bh_slot_handle(const struct bh_slot *slot)
{
    return (struct bh_slot_handle){slot->index, slot->generation};
}

static void
reset_request(struct bh_gateway_request *request)
{
    bh_gateway_request_release(request);
    bh_gateway_request_init(request, 0);
}

void
bh_slot_reset(struct bh_slot_table *table, struct bh_slot *slot)
{
    drop_job(slot);
    if (slot->request.body.capacity > BODY_KEPT_BYTES)
        reset_request(&slot->request);
    if (slot->fields.bytes.capacity > BODY_KEPT_BYTES)
        bh_buf_release(&slot->fields.bytes);
    bh_fields_clear(&slot->fields);
    bh_buf_clear(&slot->memo);
    slot->generation++;
    slot->ledger_count = 0;
    slot->asked_count = 0;
    slot->id[0] = '\0';
    slot->renew_due = slot->renewing = slot->lease_ended = slot->cancel_due = false;
    slot->requested = false;
    slot->first = slot->trial = slot->sent = slot->ledger_complete = false;
    slot->took_request_token = slot->took_connection_token = slot->ahead = false;
    slot->plan = (struct bh_plan){BH_TRY_FRESH, true, true};
    slot->ask = (struct bh_ask){.after = false};
    slot->comparison = (struct bh_comparison){.open = 0};
    slot->created = slot->due = slot->expires = slot->began = (struct bh_wall){0};
    slot->parts = 0;
    slot->verdict = (struct bh_verdict){0};
    bh_slot_move(table, slot, BH_STAGE_FREE);
}

void
bh_slot_table_check(const struct bh_slot_table *table)
{
    uint32_t total = 0;
    for (size_t stage = 0; stage < BH_STAGE_COUNT; stage++) {
        const struct bh_slot_list *list = &table->lists[stage];
        uint32_t count = 0;
        for (uint32_t at = list->head; at != BH_SLOT_NONE; at = table->slots[at].next_index) {
            BH_ASSERT(table->slots[at].stage == stage);
            BH_ASSERT(++count <= list->count);
        }
        BH_ASSERT(count == list->count);
        total += count;
    }
    BH_ASSERT(total == table->count);
}
