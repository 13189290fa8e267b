#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "daemon/overview_internal.h"
#include "daemon/overview_verdict.h"

/* Names of counters are ours, but for codes of the gateway, of which there are a thousand at most. */
#define COUNTERS_MAX 1200

static void
take_text(char *text, size_t size, struct bh_str view)
{
    size_t len = view.len < size ? view.len : size - 1;
    if (len > 0)
        memcpy(text, view.ptr, len);
    text[len] = '\0';
}

/* NULL with *ret_count not 0 when short of memory: the old ones stay. */
static struct bh_overview_counter *
copy_counters(const struct bh_queue_view *view, size_t *ret_count)
{
    size_t count = view->counters_count < COUNTERS_MAX ? view->counters_count : COUNTERS_MAX;
    struct bh_overview_counter *counters = bh_alloc_array(count + 1, sizeof(*counters));
    size_t kept = 0;
    *ret_count = count;
    if (counters == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct bh_str name;
        if (!bh_queue_view_counter(view, i, &name, &counters[kept].value) ||
            name.len >= sizeof(counters[kept].name))
            continue;
        take_text(counters[kept].name, sizeof(counters[kept].name), name);
        kept++;
    }
    *ret_count = kept;
    return counters;
}

static void
copy_figures(struct bh_overview_queue *queue, const struct bh_queue_view *view)
{
    queue->at = view->server_now;
    queue->raw = view->raw;
    queue->moved = view->moved;
    queue->ready = view->ready;
    queue->due = view->due;
    queue->leases = view->leases;
    queue->dead = view->dead;
    queue->overdue = view->overdue;
    queue->callbacks = view->callbacks;
    queue->callbacks_failing = view->callbacks_failing;
    queue->callbacks_due = view->callbacks_due;
    queue->callbacks_failing_since = view->callbacks_failing_since;
    take_text(queue->callbacks_error, sizeof(queue->callbacks_error), view->callbacks_error);
    queue->next_due = view->next_due;
    queue->oldest_ms = bh_minutes_oldest_ms(&queue->minutes, view);
    queue->paused = view->paused;
    queue->since = view->since;
    queue->rate = view->rate;
    queue->concurrency = view->concurrency;
    queue->open = view->open;
    memcpy(queue->open_for, view->open_for, sizeof(queue->open_for));
    queue->silent_since = view->silent_since;
    queue->tally = bh_tally_of_view(view);
    take_text(queue->reason, sizeof(queue->reason), view->reason);
    take_text(queue->by, sizeof(queue->by), view->by);
}

void
bh_overview_queue_take(struct bh_overview_queue *queue, const struct bh_queue_view *view,
                       struct bh_mono now)
{
    size_t count;
    struct bh_overview_counter *counters = copy_counters(view, &count);
    if (counters == NULL)
        return;
    bh_free(queue->counters);
    queue->counters = counters;
    queue->counters_count = count;
    copy_figures(queue, view);
    queue->read_at = now;
    queue->known = true;
}

void
bh_overview_queue_release(struct bh_overview_queue *queue)
{
    bh_free(queue->counters);
    queue->counters = NULL;
    queue->counters_count = 0;
    bh_minutes_release(&queue->minutes);
}

/* ---- reading ---- */

int64_t
bh_overview_queue_find(const struct bh_overview_queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->counters_count; i++) {
        if (strcmp(queue->counters[i].name, name) == 0)
            return queue->counters[i].value;
    }
    return 0;
}

static uint64_t
gauge(const struct bh_overview_queue *queue, const char *name)
{
    int64_t value = bh_overview_queue_find(queue, name);
    return value > 0 ? (uint64_t)value : 0;
}

static int64_t
find_counter(const void *arg, const char *name)
{
    return bh_overview_queue_find(arg, name);
}

static struct bh_counter_source
counters_of(const struct bh_overview_queue *queue)
{
    return (struct bh_counter_source){find_counter, queue};
}

uint64_t
bh_overview_queue_held(const struct bh_overview_queue *queue, enum bh_reason reason)
{
    const struct bh_counter_source counters = counters_of(queue);
    return bh_count_held_for(&counters, reason);
}

/* What was copied, as it was read. */
static struct bh_queue_view
view_of(const struct bh_overview_queue *queue)
{
    return (struct bh_queue_view){
        .server_now = queue->at,
        .raw = queue->raw,
        .moved = queue->moved,
        .ready = queue->ready,
        .due = queue->due,
        .leases = queue->leases,
        .dead = queue->dead,
        .overdue = queue->overdue,
        .callbacks = queue->callbacks,
        .callbacks_failing = queue->callbacks_failing,
        .callbacks_due = queue->callbacks_due,
        .callbacks_failing_since = queue->callbacks_failing_since,
        .callbacks_error = bh_str_from(queue->callbacks_error),
        .next_due = queue->next_due,
        .paused = queue->paused,
        .reason = bh_str_from(queue->reason),
        .by = bh_str_from(queue->by),
        .since = queue->since,
        .rate = queue->rate,
        .concurrency = queue->concurrency,
        .open = queue->open,
        .silent_since = queue->silent_since,
    };
}

struct bh_verdict_queue
bh_overview_queue_facts(const struct bh_overview_queue *queue, const struct bh_queue_config *config)
{
    const struct bh_queue_view view = view_of(queue);
    const struct bh_queue_source source = {
        .name = queue->name,
        .config = config,
        .view = queue->known ? &view : NULL,
        .minutes = &queue->minutes,
        .tally = &queue->tally,
        .oldest_ms = queue->oldest_ms,
        .counters = counters_of(queue),
    };
    return bh_queue_facts(&source);
}

uint64_t
bh_overview_queue_count(const struct bh_overview_queue *queue, enum bh_overview_state state)
{
    const struct bh_counter_source counters = counters_of(queue);
    const struct bh_queue_view view = view_of(queue);
    switch (state) {
    case BH_OVERVIEW_READY: return bh_count_ready(&view, &counters);
    case BH_OVERVIEW_SCHEDULED: return gauge(queue, "now:scheduled");
    case BH_OVERVIEW_RETRYING: return gauge(queue, "now:retrying") + gauge(queue, "now:uncertain");
    case BH_OVERVIEW_HELD: return bh_count_held(&counters);
    case BH_OVERVIEW_INFLIGHT: return queue->leases;
    case BH_OVERVIEW_DEAD: return queue->dead;
    }
    return 0;
}

const char *
bh_overview_state_name(enum bh_overview_state state)
{
    static const char *const names[BH_OVERVIEW_STATE_COUNT] = {
        [BH_OVERVIEW_READY] = "ready",       [BH_OVERVIEW_SCHEDULED] = "scheduled",
        [BH_OVERVIEW_RETRYING] = "retrying", [BH_OVERVIEW_HELD] = "held",
        [BH_OVERVIEW_INFLIGHT] = "inflight", [BH_OVERVIEW_DEAD] = "dead",
    };
    return names[state];
}

bool
bh_overview_queue_flow(const struct bh_overview_queue *queue, bh_ms window_ms,
                       struct bh_flow *ret_flow)
{
    return bh_minutes_flow(&queue->minutes, &queue->tally, window_ms, ret_flow);
}

int64_t
bh_overview_queue_grown(const struct bh_overview_queue *queue, const char *name, bh_ms window_ms)
{
    const struct bh_minute *minute = bh_minutes_before(&queue->minutes, queue->at, window_ms);
    int64_t grown =
        minute != NULL ? bh_overview_queue_find(queue, name) - bh_minute_find(minute, name) : 0;
    return grown > 0 ? grown : 0;
}
