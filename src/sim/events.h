/*
 * events - what is due when: a heap with the earliest event first.  Pure; the bound is the caller's.
 */
#ifndef BH_SIM_EVENTS_H
#define BH_SIM_EVENTS_H

#include "sim/journal.h"

struct bh_sim_letter;

/* One thing that is due at an instant: a step of a message, or another attempt of a letter. */
struct bh_sim_event {
    int64_t at_ms;
    uint64_t number;              /* set by push: events of the same instant keep their order */
    struct bh_sim_letter *letter; /* whoever holds the event owns it; NULL: a step */
    enum bh_sim_kind kind;
    int64_t id;
    size_t step;
    int repeats; /* how often the step was told before */
};

struct bh_sim_events {
    struct bh_sim_event *items; /* owned; items[0] is the earliest */
    size_t count, capacity;
    uint64_t next_number;
};

/* True when the new event is now the first one. */
bool bh_sim_events_push(struct bh_sim_events *events, const struct bh_sim_event *event);

/* Take the earliest; there has to be one. */
struct bh_sim_event bh_sim_events_pop(struct bh_sim_events *events);

/* Letters of events that are still there are the caller's affair. */
void bh_sim_events_release(struct bh_sim_events *events);

#endif
