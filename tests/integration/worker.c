#include "integration/worker.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS   5
#define TICKS_MAX 6000

static void
note_claimed(struct worker *worker, const struct bh_claimed_event *claimed, struct heard *heard)
{
    heard->queue = claimed->queue;
    heard->code = (int)claimed->code;
    heard->count = (unsigned)claimed->jobs_count;
    heard->wait_ms = claimed->wait_ms;
    heard->next_due_ms = claimed->next_due_ms;
    heard->more = claimed->more;
    worker->token = claimed->token;
    for (size_t i = 0; i < claimed->jobs_count; i++) {
        const struct bh_claimed_job *job = &claimed->jobs[i];
        (void)snprintf(worker->handles[i], sizeof(worker->handles[i]), "%.*s",
                       BH_STR_ARGS(job->handle));
        (void)snprintf(worker->payloads[i], sizeof(worker->payloads[i]), "%.*s",
                       BH_STR_ARGS(job->payload));
        (void)snprintf(worker->heads[i], sizeof(worker->heads[i]), "%.*s", BH_STR_ARGS(job->head));
    }
}

static void
note(struct worker *worker, const struct bh_event *event, struct heard *heard)
{
    switch (event->kind) {
    case BH_EVENT_CLAIMED: note_claimed(worker, &event->claimed, heard); break;
    case BH_EVENT_CLAIM_FAILED:
    case BH_EVENT_WOKEN: heard->queue = event->queue; break;
    case BH_EVENT_ADMITTED:
        heard->slot = event->admitted.slot.index;
        heard->code = (int)event->admitted.code;
        heard->wait_ms = event->admitted.wait_ms;
        break;
    case BH_EVENT_SETTLED:
        heard->slot = event->settled.slot.index;
        heard->code = (int)event->settled.code;
        heard->next_due_ms = event->settled.next_due_ms;
        break;
    case BH_EVENT_RENEWED:
        heard->slot = event->renewed.slot.index;
        heard->code = (int)event->renewed.code;
        break;
    case BH_EVENT_GRANTED:
        heard->count = event->granted.count;
        heard->wait_ms = event->granted.wait_ms;
        break;
    case BH_EVENT_TWIN:
        heard->slot = event->twin.slot.index;
        heard->code = (int)event->twin.code;
        heard->wait_ms = event->twin.wait_ms;
        break;
    case BH_EVENT_STORE_UP:
    case BH_EVENT_STORE_DOWN: break;
    case BH_EVENT_ANSWERED:
    case BH_EVENT_ACCOUNT:
    case BH_EVENT_GATEWAY_ANSWERS:
    case BH_EVENT_DRAIN: cr_assert_fail("the store does not give this event");
    }
}

static void
worker_on_event(void *arg, const struct bh_event *event)
{
    struct worker *worker = arg;
    cr_assert_not(worker->calling, "an event came from within a call");
    cr_assert_lt(worker->count, WORKER_EVENTS_MAX);
    struct heard *heard = &worker->events[worker->count++];
    *heard = (struct heard){.kind = event->kind};
    note(worker, event, heard);
    if (worker->when_event != NULL)
        worker->when_event(worker, event);
}

static void
worker_on_trouble(void *arg, const struct bh_store_trouble *trouble)
{
    struct worker *worker = arg;
    worker->troubles++;
    (void)snprintf(worker->trouble, sizeof(worker->trouble), "%s: %s", trouble->what,
                   trouble->text);
}

static void
worker_on_closed(void *arg)
{
    ((struct worker *)arg)->closed = true;
}

static void
on_tick(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    if (worker->ticks_left > 0)
        worker->ticks_left--;
}

static struct bh_store_mark
worker_recall(void *arg, const char *queue)
{
    const struct worker *worker = arg;
    (void)queue;
    return worker->recalled;
}

static void
worker_on_rolled_back(void *arg, const struct bh_store_roll_back *roll_back)
{
    struct worker *worker = arg;
    worker->rolled_back = *roll_back;
    worker->rolled_back.queue = NULL;
    worker->roll_backs++;
}

void
worker_init(struct worker *worker, const char *url, const char *owner)
{
    memset(worker, 0, sizeof(*worker));
    cr_assert_eq(uv_loop_init(&worker->loop), 0);
    uv_timer_init(&worker->loop, &worker->tick);
    worker->tick.data = worker;
    uv_timer_start(&worker->tick, on_tick, TICK_MS, TICK_MS);
    cr_assert_eq(bh_redis_url_parse(bh_str_from(url), &worker->url, NULL), BH_OK);
    worker->options = (struct bh_store_options){
        .redis = {.url = &worker->url, .reconnect = {.first_ms = 10, .max_ms = 50}},
        .prefix = "bellhop",
        .owner = owner,
        .account = "0123456789ab",
        .on_event = worker_on_event,
        .on_trouble = worker_on_trouble,
        .recall = worker_recall,
        .on_rolled_back = worker_on_rolled_back,
        .on_closed = worker_on_closed,
        .arg = worker,
    };
    cr_assert_eq(bh_store_new(&worker->loop, &worker->options, &worker->store, NULL), BH_OK);
}

struct bh_store_queue
worker_queue(unsigned number, const char *name)
{
    return (struct bh_store_queue){.number = number,
                                   .name = name,
                                   .lease_ms = 30000,
                                   .payload_bytes_max = 65536,
                                   .dead_max = 100,
                                   .dead_ttl_ms = 86400000,
                                   .retention_ms = 86400000};
}

void
worker_configure(struct worker *worker, const struct bh_store_queue *queues, size_t count)
{
    worker->calling = true;
    cr_assert_eq(bh_store_configure(worker->store, queues, count), BH_OK);
    worker->calling = false;
}

void
worker_come_up(struct worker *worker)
{
    struct bh_store_queue queue = worker_queue(1, "q");
    worker_configure(worker, &queue, 1);
    worker->calling = true;
    bh_store_start(worker->store);
    worker->calling = false;
    WORK_UNTIL(worker, bh_store_is_up(worker->store));
}

static void
close_loop(struct worker *worker)
{
    uv_close((uv_handle_t *)&worker->tick, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&worker->loop), 0, "a handle was left open");
}

void
worker_finish(struct worker *worker)
{
    worker->calling = true;
    bh_store_stop(worker->store);
    worker->calling = false;
    WORK_UNTIL(worker, worker->closed);
    cr_assert_eq(bh_store_open(worker->store), 0);
    bh_store_release(worker->store);
    close_loop(worker);
    bh_redis_url_release(&worker->url);
}

void
worker_execute(struct worker *worker, struct bh_command command)
{
    bool nested = worker->calling;
    worker->calling = true;
    cr_assert_eq(bh_store_execute(worker->store, &command), BH_OK);
    worker->calling = nested;
}

void
worker_flush(struct worker *worker)
{
    bool nested = worker->calling;
    worker->calling = true;
    bh_store_flush(worker->store);
    worker->calling = nested;
}

void
worker_claim(struct worker *worker, unsigned queue, unsigned count)
{
    worker_execute(worker,
                   (struct bh_command){
                       .kind = BH_COMMAND_CLAIM, .claim = {.queue = queue, .count = count}
    });
}

void
worker_wait(struct worker *worker, unsigned queue)
{
    worker_execute(worker, (struct bh_command){.kind = BH_COMMAND_WAIT, .wait_queue = queue});
}

static struct bh_claim_ref
claim_ref(const struct worker *worker, size_t at)
{
    return (struct bh_claim_ref){1, bh_str_from(worker->handles[at]), worker->token};
}

void
worker_admit(struct worker *worker, size_t at, const char *id)
{
    worker_execute(worker, (struct bh_command){
                               .kind = BH_COMMAND_ADMIT,
                               .admit = {.slot = {(uint32_t)at, 0},
                                         .claim = claim_ref(worker, at),
                                         .first = true,
                                         .id = id}
    });
}

void
worker_settle(struct worker *worker, size_t at, const char *id, enum bh_disposition disposition,
              const char *state)
{
    worker_execute(worker, (struct bh_command){
                               .kind = BH_COMMAND_SETTLE,
                               .settle = {.slot = {(uint32_t)at, 0},
                                          .claim = claim_ref(worker, at),
                                          .disposition = disposition,
                                          .waiting = 'n',
                                          .reason = "",
                                          .id = id,
                                          .state = state}
    });
}

void
worker_renew(struct worker *worker, size_t at)
{
    worker_execute(worker,
                   (struct bh_command){
                       .kind = BH_COMMAND_RENEW,
                       .renew = {.slot = {(uint32_t)at, 0}, .claim = claim_ref(worker, at)}
    });
}

size_t
worker_count(const struct worker *worker, size_t from, enum bh_event_kind kind)
{
    size_t count = 0;
    for (size_t i = from; i < worker->count; i++)
        count += worker->events[i].kind == kind;
    return count;
}

const struct heard *
worker_last(const struct worker *worker, enum bh_event_kind kind)
{
    for (size_t i = worker->count; i > 0; i--) {
        if (worker->events[i - 1].kind == kind)
            return &worker->events[i - 1];
    }
    return NULL;
}

void
worker_begin_waiting(struct worker *worker)
{
    worker->ticks_left = TICKS_MAX;
}

bool
worker_may_wait(struct worker *worker)
{
    return worker->ticks_left > 0;
}
