#include "core/sent_table.h"

#include <string.h>

#include "core/alloc.h"

/* In chains and buckets 0 is "none" and everything else is an index + 1, so that fresh zeros are empty. */
struct links {
    uint32_t next, previous;
};

struct bh_sent_entry {
    struct bh_sent_record record;
    struct links handle, payload;
    uint16_t queue; /* index + 1; 0: the entry is free */
    bool in_doubt;  /* in the chain of its payload */
};

/* ---- making -------------------------------------------------------------------------------------- */

enum bh_status
bh_sent_table_init(struct bh_sent_table *table, uint32_t capacity)
{
    uint32_t buckets = 1;
    BH_ASSERT(capacity >= 1 && capacity <= (uint32_t)1 << 24);
    while (buckets < capacity)
        buckets *= 2;
    *table = (struct bh_sent_table){.capacity = capacity, .buckets_mask = buckets - 1};
    table->entries = bh_alloc_array(capacity, sizeof(*table->entries));
    table->by_handle = bh_alloc_array(buckets, sizeof(*table->by_handle));
    table->by_payload = bh_alloc_array(buckets, sizeof(*table->by_payload));
    table->queues = bh_alloc_array(BH_SENT_QUEUES_MAX, sizeof(*table->queues));
    if (table->entries != NULL && table->by_handle != NULL && table->by_payload != NULL &&
        table->queues != NULL)
        return BH_OK;
    bh_sent_table_release(table);
    return BH_ENOMEM;
}

void
bh_sent_table_release(struct bh_sent_table *table)
{
    bh_free(table->entries);
    bh_free(table->by_handle);
    bh_free(table->by_payload);
    bh_free(table->queues);
    *table = (struct bh_sent_table){0};
}

/* ---- queues -------------------------------------------------------------------------------------- */

/* Index + 1; 0: not known. */
static uint16_t
find_queue(const struct bh_sent_table *table, const struct bh_sent_name *name)
{
    for (size_t i = 0; i < table->queues_count; i++) {
        if (bh_sent_name_equal(&table->queues[i].name, name))
            return (uint16_t)(i + 1);
    }
    return 0;
}

static uint16_t
need_queue(struct bh_sent_table *table, const struct bh_sent_name *name)
{
    uint16_t queue = find_queue(table, name);
    if (queue != 0 || table->queues_count == BH_SENT_QUEUES_MAX)
        return queue;
    table->queues[table->queues_count++] = (struct bh_sent_queue){.name = *name};
    return (uint16_t)table->queues_count;
}

static void
meet(struct bh_sent_queue *queue, uint64_t token, uint64_t handle, struct bh_wall at)
{
    if (token > queue->token)
        queue->token = token;
    if (handle > queue->handle)
        queue->handle = handle;
    if (at.ms > queue->at.ms)
        queue->at = at;
}

void
bh_sent_table_meet(struct bh_sent_table *table, const struct bh_sent_name *queue, uint64_t token,
                   uint64_t handle, struct bh_wall at)
{
    uint16_t number = need_queue(table, queue);
    if (number != 0)
        meet(&table->queues[number - 1], token, handle, at);
}

const struct bh_sent_queue *
bh_sent_table_queue(const struct bh_sent_table *table, const struct bh_sent_name *queue)
{
    static const struct bh_sent_queue unknown = {0};
    uint16_t number = find_queue(table, queue);
    return number != 0 ? &table->queues[number - 1] : &unknown;
}

/* ---- chains -------------------------------------------------------------------------------------- */

static uint32_t *
handle_bucket(const struct bh_sent_table *table, uint16_t queue, uint64_t handle)
{
    uint64_t mixed = (handle + ((uint64_t)queue << 48)) * UINT64_C(0x9e3779b97f4a7c15);
    return &table->by_handle[(uint32_t)(mixed >> 32) & table->buckets_mask];
}

static uint32_t *
payload_bucket(const struct bh_sent_table *table, const struct bh_sent_name *payload)
{
    uint32_t piece;
    memcpy(&piece, payload->bytes, sizeof(piece));
    return &table->by_payload[piece & table->buckets_mask];
}

static struct links *
links_of(struct bh_sent_entry *entry, bool of_payload)
{
    return of_payload ? &entry->payload : &entry->handle;
}

static void
chain(struct bh_sent_table *table, uint32_t *bucket, uint32_t place, bool of_payload)
{
    struct links *own = links_of(&table->entries[place - 1], of_payload);
    *own = (struct links){.next = *bucket};
    if (*bucket != 0)
        links_of(&table->entries[*bucket - 1], of_payload)->previous = place;
    *bucket = place;
}

static void
unchain(struct bh_sent_table *table, uint32_t *bucket, uint32_t place, bool of_payload)
{
    struct links *own = links_of(&table->entries[place - 1], of_payload);
    if (own->previous != 0)
        links_of(&table->entries[own->previous - 1], of_payload)->next = own->next;
    else
        *bucket = own->next;
    if (own->next != 0)
        links_of(&table->entries[own->next - 1], of_payload)->previous = own->previous;
    *own = (struct links){0};
}

/* ---- entries ------------------------------------------------------------------------------------- */

/* The next one of the chain from `place` on that has the handle: index + 1; 0: none. */
static uint32_t
with_handle(const struct bh_sent_table *table, uint32_t place, uint16_t queue, uint64_t handle)
{
    while (place != 0) {
        const struct bh_sent_entry *entry = &table->entries[place - 1];
        if (entry->queue == queue && entry->record.handle == handle)
            return place;
        place = entry->handle.next;
    }
    return 0;
}

/* The last one that was added, and those before it; index + 1, 0: none. */
static uint32_t
first_with_handle(const struct bh_sent_table *table, uint16_t queue, uint64_t handle)
{
    uint32_t place = queue != 0 ? *handle_bucket(table, queue, handle) : 0;
    return with_handle(table, place, queue, handle);
}

static uint32_t
next_with_handle(const struct bh_sent_table *table, uint32_t place)
{
    const struct bh_sent_entry *entry = &table->entries[place - 1];
    return with_handle(table, entry->handle.next, entry->queue, entry->record.handle);
}

/* Index + 1; 0: none. */
static uint32_t
find_job(const struct bh_sent_table *table, uint16_t queue, uint64_t handle,
         const struct bh_sent_name *payload)
{
    uint32_t place = first_with_handle(table, queue, handle);
    while (place != 0 && !bh_sent_name_equal(&table->entries[place - 1].record.payload, payload))
        place = next_with_handle(table, place);
    return place;
}

static void
end_doubt(struct bh_sent_table *table, uint32_t place)
{
    struct bh_sent_entry *entry = &table->entries[place - 1];
    if (!entry->in_doubt)
        return;
    unchain(table, payload_bucket(table, &entry->record.payload), place, true);
    entry->in_doubt = false;
    table->queues[entry->queue - 1].doubts--;
}

static void
forget(struct bh_sent_table *table, uint32_t place)
{
    struct bh_sent_entry *entry = &table->entries[place - 1];
    if (entry->queue == 0)
        return;
    end_doubt(table, place);
    unchain(table, handle_bucket(table, entry->queue, entry->record.handle), place, false);
    entry->queue = 0;
}

static void
add(struct bh_sent_table *table, uint16_t queue, const struct bh_sent_record *record)
{
    uint32_t place = table->next + 1;
    table->next = (table->next + 1) % table->capacity;
    forget(table, place);
    struct bh_sent_entry *entry = &table->entries[place - 1];
    entry->record = *record;
    entry->queue = queue;
    chain(table, handle_bucket(table, queue, record->handle), place, false);
}

/* A request that was refused for certain is not in doubt: sending the job again is right. */
static bool
may_be_sent(const struct bh_sent_record *record)
{
    return record->result != BH_SENT_REFUSED || record->uncertain_since.ms != 0;
}

static void
doubt(struct bh_sent_table *table, uint16_t queue, const struct bh_sent_record *record)
{
    for (uint32_t place = 1; place <= table->capacity; place++) {
        struct bh_sent_entry *entry = &table->entries[place - 1];
        if (entry->queue != queue || entry->in_doubt || entry->record.token <= record->token ||
            entry->record.token > record->other_token || !may_be_sent(&entry->record))
            continue;
        entry->in_doubt = true;
        table->queues[queue - 1].doubts++;
        chain(table, payload_bucket(table, &entry->record.payload), place, true);
    }
    table->queues[queue - 1].doubt = *record;
}

static void
take_result(struct bh_sent_table *table, uint32_t place, const struct bh_sent_record *record)
{
    table->entries[place - 1].record = *record;
    if (!may_be_sent(record))
        end_doubt(table, place);
}

/* A TAKEN is written once more with the result of the request that was under way when the job moved. */
static bool
is_same_claim(const struct bh_sent_record *entry, const struct bh_sent_record *record)
{
    return entry->kind == BH_SENT_TAKEN && entry->token == record->token &&
           entry->other_token == record->other_token && entry->other_handle == record->other_handle;
}

void
bh_sent_table_apply(struct bh_sent_table *table, const struct bh_sent_record *record)
{
    uint16_t queue = need_queue(table, &record->queue);
    if (queue == 0)
        return;
    uint32_t place = find_job(table, queue, record->handle, &record->payload);
    switch (record->kind) {
    case BH_SENT_DOUBT:
        doubt(table, queue, record);
        meet(&table->queues[queue - 1], record->other_token, record->handle, record->at);
        return;
    case BH_SENT_ENDED:
        if (place != 0) {
            take_result(table, place, record);
            return;
        }
        break;
    case BH_SENT_TAKEN: {
        if (place != 0 && is_same_claim(&table->entries[place - 1].record, record)) {
            take_result(table, place, record);
            return;
        }
        uint32_t old = find_job(table, queue, record->other_handle, &record->payload);
        if (old != 0 && old != place)
            forget(table, old);
        break;
    }
    case BH_SENT_BEGUN: break;
    }
    if (place != 0)
        forget(table, place);
    add(table, queue, record);
    meet(&table->queues[queue - 1], record->token, record->handle, record->at);
}

/* ---- questions ----------------------------------------------------------------------------------- */

static bool
is_forgotten_job(const struct bh_sent_queue *queue, uint64_t handle)
{
    uint64_t first = queue->doubt.handle, last = queue->doubt.other_handle;
    if (queue->doubts == 0 || handle <= first)
        return false;
    return handle <= last || (handle / BH_SENT_HANDLES_BLOCK > last / BH_SENT_HANDLES_BLOCK &&
                              handle % BH_SENT_HANDLES_BLOCK <= last % BH_SENT_HANDLES_BLOCK);
}

const struct bh_sent_record *
bh_sent_table_find(const struct bh_sent_table *table, const struct bh_sent_name *queue,
                   const struct bh_sent_name *payload, uint64_t handle, bool *ret_moved)
{
    uint16_t number = find_queue(table, queue);
    uint32_t place = find_job(table, number, handle, payload);
    *ret_moved = false;
    if (number == 0)
        return NULL;
    if (place != 0) {
        *ret_moved = table->entries[place - 1].in_doubt;
        return &table->entries[place - 1].record;
    }
    if (!is_forgotten_job(&table->queues[number - 1], handle))
        return NULL;
    for (place = *payload_bucket(table, payload); place != 0;
         place = table->entries[place - 1].payload.next) {
        const struct bh_sent_entry *entry = &table->entries[place - 1];
        if (entry->queue == number && bh_sent_name_equal(&entry->record.payload, payload)) {
            *ret_moved = true;
            return &entry->record;
        }
    }
    return NULL;
}

/* Jobs move only when Redis has rolled back, and few of them while their request is under way. */
static const struct bh_sent_record *
find_moved(const struct bh_sent_table *table, uint16_t queue, uint64_t handle, uint64_t token)
{
    for (uint32_t i = 0; i < table->capacity; i++) {
        const struct bh_sent_entry *entry = &table->entries[i];
        if (entry->queue == queue && entry->record.kind == BH_SENT_TAKEN &&
            entry->record.other_handle == handle && entry->record.other_token == token)
            return &entry->record;
    }
    return NULL;
}

const struct bh_sent_record *
bh_sent_table_begun(const struct bh_sent_table *table, const struct bh_sent_name *queue,
                    uint64_t handle, uint64_t token)
{
    uint16_t number = find_queue(table, queue);
    uint32_t first = first_with_handle(table, number, handle);
    for (uint32_t place = first; place != 0; place = next_with_handle(table, place)) {
        const struct bh_sent_record *record = &table->entries[place - 1].record;
        bool stayed = record->other_handle == handle && record->other_token == token;
        if (record->token == token || stayed)
            return record;
    }
    if (number == 0)
        return NULL;
    if (table->queues[number - 1].doubt.sequence != 0) {
        const struct bh_sent_record *moved = find_moved(table, number, handle, token);
        if (moved != NULL)
            return moved;
    }
    bool alone = first != 0 && next_with_handle(table, first) == 0;
    return alone ? &table->entries[first - 1].record : NULL;
}

const struct bh_sent_record *
bh_sent_table_at(const struct bh_sent_table *table, uint32_t place)
{
    BH_ASSERT(place < table->capacity);
    return table->entries[place].queue != 0 ? &table->entries[place].record : NULL;
}

void
bh_sent_table_shift(struct bh_sent_table *table, uint64_t by)
{
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].queue != 0)
            table->entries[i].record.sequence += by;
    }
    for (size_t i = 0; i < table->queues_count; i++) {
        if (table->queues[i].doubt.sequence != 0)
            table->queues[i].doubt.sequence += by;
    }
}

/* ---- check --------------------------------------------------------------------------------------- */

static size_t
count_chain(const struct bh_sent_table *table, uint32_t place, bool of_payload)
{
    size_t count = 0;
    uint32_t previous = 0;
    while (place != 0) {
        struct bh_sent_entry *entry = &table->entries[place - 1];
        BH_ASSERT(entry->queue != 0 && (!of_payload || entry->in_doubt));
        BH_ASSERT(links_of(entry, of_payload)->previous == previous);
        previous = place;
        place = links_of(entry, of_payload)->next;
        count++;
    }
    return count;
}

void
bh_sent_table_check(const struct bh_sent_table *table)
{
    size_t used = 0, doubts = 0, chained = 0, doubted = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        const struct bh_sent_entry *entry = &table->entries[i];
        used += entry->queue != 0;
        doubts += entry->in_doubt;
        BH_ASSERT(entry->queue <= table->queues_count && (entry->queue != 0 || !entry->in_doubt));
        BH_ASSERT(entry->queue == 0 || find_job(table, entry->queue, entry->record.handle,
                                                &entry->record.payload) == i + 1);
    }
    for (size_t i = 0; i <= table->buckets_mask; i++) {
        chained += count_chain(table, table->by_handle[i], false);
        doubted += count_chain(table, table->by_payload[i], true);
    }
    BH_ASSERT(used == chained && doubts == doubted);
    for (size_t i = 0; i < table->queues_count; i++)
        doubts -= table->queues[i].doubts;
    BH_ASSERT(doubts == 0);
}
