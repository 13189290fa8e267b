#include "engine/alarm.h"

#include "core/alloc.h"

enum bh_status
bh_alarm_init(struct bh_alarm *alarm, uint32_t slots)
{
    *alarm = (struct bh_alarm){.capacity = slots};
    alarm->heap = bh_alloc_array(slots, sizeof(*alarm->heap));
    alarm->positions = bh_alloc_array(slots, sizeof(*alarm->positions));
    if (alarm->heap == NULL || alarm->positions == NULL) {
        bh_alarm_release(alarm);
        return BH_ENOMEM;
    }
    return BH_OK;
}

void
bh_alarm_release(struct bh_alarm *alarm)
{
    bh_free(alarm->heap);
    bh_free(alarm->positions);
    *alarm = (struct bh_alarm){0};
}

static void
place(struct bh_alarm *alarm, uint32_t index, struct bh_alarm_entry entry)
{
    alarm->heap[index] = entry;
    alarm->positions[entry.slot] = index + 1;
}

static void
sift_up(struct bh_alarm *alarm, uint32_t index, struct bh_alarm_entry entry)
{
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (alarm->heap[parent].at.ms <= entry.at.ms)
            break;
        place(alarm, index, alarm->heap[parent]);
        index = parent;
    }
    place(alarm, index, entry);
}

static void
sift_down(struct bh_alarm *alarm, uint32_t index, struct bh_alarm_entry entry)
{
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= alarm->count)
            break;
        if (child + 1 < alarm->count && alarm->heap[child + 1].at.ms < alarm->heap[child].at.ms)
            child++;
        if (entry.at.ms <= alarm->heap[child].at.ms)
            break;
        place(alarm, index, alarm->heap[child]);
        index = child;
    }
    place(alarm, index, entry);
}

static void
take_out(struct bh_alarm *alarm, uint32_t slot)
{
    uint32_t index = alarm->positions[slot] - 1;
    alarm->positions[slot] = 0;
    struct bh_alarm_entry last = alarm->heap[--alarm->count];
    if (index == alarm->count)
        return;
    if (index > 0 && last.at.ms < alarm->heap[(index - 1) / 2].at.ms)
        sift_up(alarm, index, last);
    else
        sift_down(alarm, index, last);
}

void
bh_alarm_set(struct bh_alarm *alarm, uint32_t slot, struct bh_mono at)
{
    BH_ASSERT(slot < alarm->capacity);
    uint32_t position = alarm->positions[slot];
    if (position > 0 && alarm->heap[position - 1].at.ms == at.ms)
        return;
    if (position > 0)
        take_out(alarm, slot);
    if (bh_mono_is_never(at))
        return;
    sift_up(alarm, alarm->count++, (struct bh_alarm_entry){at, slot});
}

struct bh_mono
bh_alarm_first(const struct bh_alarm *alarm)
{
    return alarm->count > 0 ? alarm->heap[0].at : BH_MONO_NEVER;
}

bool
bh_alarm_take_due(struct bh_alarm *alarm, struct bh_mono now, uint32_t *ret_slot)
{
    if (alarm->count == 0 || !bh_mono_reached(alarm->heap[0].at, now))
        return false;
    *ret_slot = alarm->heap[0].slot;
    take_out(alarm, *ret_slot);
    return true;
}

void
bh_alarm_check(const struct bh_alarm *alarm)
{
    uint32_t present = 0;
    for (uint32_t slot = 0; slot < alarm->capacity; slot++) {
        uint32_t position = alarm->positions[slot];
        if (position == 0)
            continue;
        present++;
        BH_ASSERT(position <= alarm->count);
        BH_ASSERT(alarm->heap[position - 1].slot == slot);
    }
    BH_ASSERT(present == alarm->count);
    for (uint32_t i = 1; i < alarm->count; i++)
        BH_ASSERT(alarm->heap[(i - 1) / 2].at.ms <= alarm->heap[i].at.ms);
}
