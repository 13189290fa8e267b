/*
 * alarm - which slot has to be looked at next: a binary heap of (instant, slot index).
 *
 * Each slot stands in the heap at most once; setting it again moves it.  BH_MONO_NEVER takes it out.  The
 * capacity is fixed at init, so nothing here fails later.  Invariant: bh_alarm_check().
 */
#ifndef BH_ENGINE_ALARM_H
#define BH_ENGINE_ALARM_H

#include "core/base.h"
#include "core/instant.h"

struct bh_alarm_entry {
    struct bh_mono at;
    uint32_t slot;
};

struct bh_alarm {
    struct bh_alarm_entry *heap; /* owned */
    uint32_t *positions;         /* owned; by slot: index in `heap` + 1, 0 when absent */
    uint32_t count;
    uint32_t capacity;
};

enum bh_status bh_alarm_init(struct bh_alarm *alarm, uint32_t slots) BH_MUST_CHECK;
void bh_alarm_release(struct bh_alarm *alarm);

void bh_alarm_set(struct bh_alarm *alarm, uint32_t slot, struct bh_mono at);

/* The earliest instant, BH_MONO_NEVER when empty. */
struct bh_mono bh_alarm_first(const struct bh_alarm *alarm);

/* Take out one slot that is due; false when none is. */
bool bh_alarm_take_due(struct bh_alarm *alarm, struct bh_mono now, uint32_t *ret_slot);

/* Abort unless the heap is ordered and the positions agree with it. */
void bh_alarm_check(const struct bh_alarm *alarm);

#endif
