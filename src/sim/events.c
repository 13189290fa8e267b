#include "sim/events.h"

#include <stdlib.h>

static bool
is_earlier(const struct bh_sim_event *a, const struct bh_sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void
swap(struct bh_sim_event *a, struct bh_sim_event *b)
{
    struct bh_sim_event held = *a;
    *a = *b;
    *b = held;
}

static void
sift_up(struct bh_sim_events *events, size_t at)
{
    while (at > 0 && is_earlier(&events->items[at], &events->items[(at - 1) / 2])) {
        swap(&events->items[at], &events->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void
sift_down(struct bh_sim_events *events, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < events->count; child++)
            if (is_earlier(&events->items[child], &events->items[least]))
                least = child;
        if (least == at)
            return;
        swap(&events->items[at], &events->items[least]);
        at = least;
    }
}

struct bh_sim_event
bh_sim_events_pop(struct bh_sim_events *events)
{
    struct bh_sim_event first = events->items[0];
    events->items[0] = events->items[--events->count];
    if (events->count > 0)
        sift_down(events, 0);
    return first;
}

bool
bh_sim_events_push(struct bh_sim_events *events, const struct bh_sim_event *event)
{
    if (events->count == events->capacity) {
        events->capacity = events->capacity > 0 ? events->capacity * 2 : 64;
        events->items = bh_sim_realloc(events->items, events->capacity * sizeof *events->items);
    }
    uint64_t number = events->next_number++;
    events->items[events->count] = *event;
    events->items[events->count].number = number;
    sift_up(events, events->count++);
    return events->items[0].number == number;
}

void
bh_sim_events_release(struct bh_sim_events *events)
{
    free(events->items);
    *events = (struct bh_sim_events){0};
}
