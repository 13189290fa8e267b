/* What is wrong with queues: of each cause the worst one is named, and how many others there are. */
#include <inttypes.h>
#include <stdio.h>

#include "core/gateway_code.h"
#include "core/span.h"
#include "core/verdict_own.h"

/* Nothing has left for a minute, and somebody waits for as long. */
#define STUCK_MS BH_MINUTE_MS

/* A job that has waited for this part of its life is too old. */
#define OLD_PART_OF_TTL 2

struct worst {
    const struct bh_verdict_queue *queue; /* NULL: none */
    size_t count;
    uint64_t weight;
    char others[48]; /* "", or " (and 2 other queues)" */
};

static void
offer(struct worst *worst, const struct bh_verdict_queue *queue, uint64_t weight)
{
    worst->count++;
    if (worst->queue != NULL && weight <= worst->weight)
        return;
    worst->queue = queue;
    worst->weight = weight;
}

static bool
found(struct worst *worst)
{
    worst->others[0] = '\0';
    if (worst->count > 1)
        (void)snprintf(worst->others, sizeof(worst->others), " (and %zu other queue%s)",
                       worst->count - 1, worst->count > 2 ? "s" : "");
    return worst->queue != NULL;
}

/* ---- Pace ---- */

bh_ms
bh_verdict_turn_ms(const struct bh_verdict_queue *queue)
{
    int64_t milli = queue->flow_known ? queue->out_milli : -1;
    if (queue->rate > 0 && queue->rate < INT64_MAX / 1000 &&
        (milli < 0 || queue->rate * 1000 < milli))
        milli = queue->rate * 1000;
    if (queue->waiting == 0)
        return 0;
    if (milli <= 0 || queue->waiting > INT64_MAX / 1000000)
        return -1;
    return (bh_ms)(queue->waiting * 1000000 / (uint64_t)milli);
}

bool
bh_verdict_is_too_slow(const struct bh_verdict_queue *queue)
{
    return queue->ttl_ms > 0 && bh_verdict_turn_ms(queue) > queue->ttl_ms;
}

static bool
is_stuck(const struct bh_verdict_queue *queue)
{
    return !queue->paused && queue->flow_known && queue->out_milli == 0 && queue->waiting > 0 &&
           queue->oldest_ms > STUCK_MS;
}

/* ---- Causes ---- */

static uint64_t
waits_in(const struct bh_verdict_queue *queue)
{
    return queue->waiting + queue->later;
}

void
bh_verdict_queue_paused(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].paused)
            offer(&worst, &facts->queues[i], waits_in(&facts->queues[i]));
    }
    if (!found(&worst))
        return;
    const struct bh_verdict_queue *queue = worst.queue;
    bh_verdict_add(list, BH_CAUSE_QUEUE_PAUSED,
                   waits_in(queue) > 0 ? BH_GRAVITY_ALARM : BH_GRAVITY_NOTE, queue->name,
                   "Queue %s%s has been paused for %s%s%.*s%s%.*s; %s.", queue->name, worst.others,
                   bh_span_format(queue->paused_ms).text, queue->pause_by.len > 0 ? " by " : "",
                   queue->pause_by.len < 64 ? (int)queue->pause_by.len : 64, queue->pause_by.ptr,
                   queue->pause_reason.len > 0 ? ": " : "",
                   queue->pause_reason.len < 128 ? (int)queue->pause_reason.len : 128,
                   queue->pause_reason.ptr, bh_verdict_jobs_wait(waits_in(queue)).text);
    bh_verdict_advise(list, "bellhop resume %s lets it go on.", queue->name);
}

/* Who runs has had the time to write its figures. */
static bool
is_unserved(const struct bh_verdict_queue *queue, const struct bh_verdict_facts *facts)
{
    return facts->running_ms >= BH_MINUTE_MS && !queue->paused && waits_in(queue) > 0 &&
           (queue->served_ms < 0 || queue->served_ms >= BH_VERDICT_UNSERVED_MS);
}

/* Nobody has it in his configuration, or who has it is not among those that run. */
static bool
queue_unserved(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    char since[64] = "";
    for (size_t i = 0; i < facts->queues_count; i++) {
        const struct bh_verdict_queue *queue = &facts->queues[i];
        if (is_unserved(queue, facts))
            offer(&worst, queue, waits_in(queue));
    }
    if (!found(&worst))
        return false;
    if (worst.queue->served_ms > 0)
        (void)snprintf(since, sizeof(since), ", for %s now",
                       bh_span_format(worst.queue->served_ms).text);
    bh_verdict_add(list, BH_CAUSE_QUEUE_STUCK, BH_GRAVITY_ALARM, worst.queue->name,
                   "No bellhopd looks after queue %s%s%s; %s.", worst.queue->name, worst.others,
                   since, bh_verdict_jobs_wait(waits_in(worst.queue)).text);
    bh_verdict_advise(list,
                      "Write [queue %s] into the configuration of one that runs and reload it, or "
                      "start the one that has it.",
                      worst.queue->name);
    return true;
}

void
bh_verdict_queue_stuck(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (is_stuck(&facts->queues[i]))
            offer(&worst, &facts->queues[i], (uint64_t)facts->queues[i].oldest_ms);
    }
    if (queue_unserved(list, facts) || !found(&worst))
        return;
    bh_verdict_add(list, BH_CAUSE_QUEUE_STUCK, BH_GRAVITY_ALARM, worst.queue->name,
                   "Nothing leaves queue %s%s: %s, the oldest for %s.", worst.queue->name,
                   worst.others, bh_verdict_jobs_wait(worst.queue->waiting).text,
                   bh_span_format(worst.queue->oldest_ms).text);
    bh_verdict_advise(list, "Does a bellhopd have this queue in its configuration?  See bellhop "
                            "workers.");
}

static void
append_flow(char text[96], const struct bh_verdict_queue *queue)
{
    text[0] = '\0';
    if (queue->flow_known)
        (void)snprintf(text, 96, " (in %" PRId64 ".%" PRId64 "/s, out %" PRId64 ".%" PRId64 "/s)",
                       queue->in_milli / 1000, queue->in_milli % 1000 / 100,
                       queue->out_milli / 1000, queue->out_milli % 1000 / 100);
    else if (queue->rate > 0)
        (void)snprintf(text, 96, " (limited to %" PRId64 "/s)", queue->rate);
}

void
bh_verdict_too_slow(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    char flow[96];
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (!facts->queues[i].paused && bh_verdict_is_too_slow(&facts->queues[i]))
            offer(&worst, &facts->queues[i], (uint64_t)bh_verdict_turn_ms(&facts->queues[i]));
    }
    if (!found(&worst))
        return;
    append_flow(flow, worst.queue);
    bh_verdict_add(list, BH_CAUSE_TOO_SLOW, BH_GRAVITY_ALARM, worst.queue->name,
                   "Queue %s%s is flooded: %s%s, the last needs %s for its turn "
                   "and expires after %s.",
                   worst.queue->name, worst.others, bh_verdict_jobs_wait(worst.queue->waiting).text,
                   flow, bh_span_format(bh_verdict_turn_ms(worst.queue)).text,
                   bh_span_format(worst.queue->ttl_ms).text);
    bh_verdict_advise(list, "Raise its rate or concurrency, or stop its producer.");
}

/* A queue whose jobs live for a minute is late sooner than others. */
static bh_ms
old_from(const struct bh_verdict_queue *queue, bh_ms limit_ms)
{
    if (limit_ms > 0)
        return limit_ms;
    if (queue->ttl_ms > 0)
        return bh_ms_min(BH_VERDICT_OLD_MS, queue->ttl_ms / OLD_PART_OF_TTL);
    return BH_VERDICT_OLD_MS;
}

bool
bh_verdict_is_late(const struct bh_verdict_queue *queue, bh_ms limit_ms)
{
    return !queue->paused && queue->oldest_ms > old_from(queue, limit_ms);
}

void
bh_verdict_too_old(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        const struct bh_verdict_queue *queue = &facts->queues[i];
        if (bh_verdict_is_late(queue, facts->oldest_limit_ms))
            offer(&worst, queue, (uint64_t)queue->oldest_ms);
    }
    if (found(&worst))
        bh_verdict_add(list, BH_CAUSE_TOO_OLD, BH_GRAVITY_WARN, worst.queue->name,
                       "Queue %s%s is late: its oldest job that could run has waited for %s; %s.",
                       worst.queue->name, worst.others, bh_span_format(worst.queue->oldest_ms).text,
                       bh_verdict_jobs_wait(worst.queue->waiting).text);
}

static uint64_t
failures(const struct bh_verdict_queue *queue)
{
    return queue->failed_just_now + queue->invalid_just_now;
}

static bool
jobs_fail(const struct bh_verdict_queue *queue)
{
    return queue->ended_just_now >= BH_VERDICT_FAIL_ENDS &&
           failures(queue) >= queue->ended_just_now / (100 / BH_VERDICT_FAIL_PERCENT);
}

struct fail_words {
    char text[200];
};

static struct fail_words
why_they_fail(const struct bh_verdict_queue *queue)
{
    struct fail_words why = {""};
    if (queue->invalid_just_now > queue->failed_just_now)
        (void)snprintf(why.text, sizeof(why.text), ", most because they are no valid jobs");
    else if (queue->fail_code != 0)
        (void)snprintf(why.text, sizeof(why.text), ", most because the gateway says: %s (code %d)",
                       bh_gateway_code_find(queue->fail_code)->meaning, queue->fail_code);
    return why;
}

void
bh_verdict_jobs_fail(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (jobs_fail(&facts->queues[i]))
            offer(&worst, &facts->queues[i], failures(&facts->queues[i]));
    }
    if (!found(&worst))
        return;
    const struct bh_verdict_queue *queue = worst.queue;
    bool none_sent = queue->sent_just_now == 0;
    bh_verdict_add(list, BH_CAUSE_JOBS_FAIL, none_sent ? BH_GRAVITY_ALARM : BH_GRAVITY_WARN,
                   queue->name,
                   "Jobs of queue %s%s fail: %" PRIu64 " of the %" PRIu64
                   " that ended within the last %s%s%s.",
                   queue->name, worst.others, failures(queue), queue->ended_just_now,
                   bh_span_format(BH_VERDICT_FAIL_WINDOW_MS).text,
                   none_sent ? ", and none was sent" : "", why_they_fail(queue).text);
    bh_verdict_advise(list,
                      "bellhop dead list --queue %s shows them; bellhop requeue sends them "
                      "again when that is mended.",
                      queue->name);
}

void
bh_verdict_uncertain(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].uncertain > 0)
            offer(&worst, &facts->queues[i], facts->queues[i].uncertain);
    }
    if (!found(&worst))
        return;
    bh_verdict_add(list, BH_CAUSE_UNCERTAIN, BH_GRAVITY_WARN, worst.queue->name,
                   "Queue %s%s has %s whose answer was lost; bellhopd looks for evidence.",
                   worst.queue->name, worst.others, bh_verdict_jobs(worst.queue->uncertain).text);
    bh_verdict_advise(list, "bellhop resolve --list shows them.");
}

void
bh_verdict_unknown(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].unknown_lately > 0)
            offer(&worst, &facts->queues[i], facts->queues[i].unknown_lately);
    }
    if (!found(&worst))
        return;
    bh_verdict_add(list, BH_CAUSE_UNKNOWN, BH_GRAVITY_WARN, worst.queue->name,
                   "Of queue %s%s %s ended unknown within the last hour: nothing "
                   "could tell whether %s sent.",
                   worst.queue->name, worst.others,
                   bh_verdict_jobs(worst.queue->unknown_lately).text,
                   worst.queue->unknown_lately == 1 ? "it was" : "they were");
    bh_verdict_advise(list, "bellhop resolve --list names them; give your word on each: bellhop "
                            "resolve ID sent, failed or resend.");
}

void
bh_verdict_expired(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].expired_lately > 0)
            offer(&worst, &facts->queues[i], facts->queues[i].expired_lately);
    }
    if (found(&worst))
        bh_verdict_add(list, BH_CAUSE_EXPIRED, BH_GRAVITY_WARN, worst.queue->name,
                       "Of queue %s%s %s expired unsent within the last hour.", worst.queue->name,
                       worst.others, bh_verdict_jobs(worst.queue->expired_lately).text);
}

/* ---- What the world is told, and tells ---- */

void
bh_verdict_reports_silent(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        const struct bh_verdict_queue *queue = &facts->queues[i];
        if (queue->silent_ms >= BH_VERDICT_SILENT_MS &&
            queue->messages_lately >= BH_VERDICT_SILENT_MESSAGES)
            offer(&worst, queue, (uint64_t)queue->silent_ms);
    }
    if (!found(&worst))
        return;
    bh_verdict_add(list, BH_CAUSE_REPORTS_SILENT, BH_GRAVITY_WARN, worst.queue->name,
                   "Messages of queue %s%s go out, and no delivery report has come for %s: nobody "
                   "can tell whether they arrive.",
                   worst.queue->name, worst.others, bh_span_format(worst.queue->silent_ms).text);
    bh_verdict_advise(list, "bellhop hooks check tells where reports get lost.");
}

struct receiver {
    char text[112];
};

static struct receiver
receiver_of(const struct bh_verdict_queue *queue, const char *unknown)
{
    struct receiver receiver;
    (void)snprintf(receiver.text, sizeof(receiver.text), "%s", unknown);
    if (queue->callback_to.len > 0)
        (void)snprintf(receiver.text, sizeof(receiver.text), "%.*s",
                       queue->callback_to.len < 100 ? (int)queue->callback_to.len : 100,
                       queue->callback_to.ptr);
    return receiver;
}

/* How long its receiver has failed; 0: it does not, or nothing waits for it. */
static bh_ms
failing_ms(const struct bh_verdict_queue *queue)
{
    bool fails =
        queue->callbacks_failing > 0 && queue->callbacks_failing_ms >= BH_VERDICT_CALLBACKS_FAIL_MS;
    return fails ? queue->callbacks_failing_ms : 0;
}

static bool
callbacks_failing(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (failing_ms(&facts->queues[i]) > 0)
            offer(&worst, &facts->queues[i], (uint64_t)failing_ms(&facts->queues[i]));
    }
    if (!found(&worst))
        return false;
    const struct bh_verdict_queue *queue = worst.queue;
    bh_verdict_add(list, BH_CAUSE_CALLBACKS, BH_GRAVITY_WARN, queue->name,
                   "Callbacks of queue %s%s fail: %s has taken none for %s (%.*s); %" PRIu64
                   " wait%s.",
                   queue->name, worst.others, receiver_of(queue, "the producer").text,
                   bh_span_format(queue->callbacks_failing_ms).text,
                   queue->callbacks_error.len < 120 ? (int)queue->callbacks_error.len : 120,
                   queue->callbacks_error.ptr, queue->callbacks, queue->callbacks == 1 ? "s" : "");
    bh_verdict_advise(
        list,
        "Mend that receiver, or [queue %s] callback_url; what is not taken within two "
        "days is given up.",
        queue->name);
    return true;
}

static bool
callbacks_late(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].callbacks_late_ms >= BH_VERDICT_CALLBACKS_LATE_MS)
            offer(&worst, &facts->queues[i], (uint64_t)facts->queues[i].callbacks_late_ms);
    }
    if (!found(&worst))
        return false;
    const struct bh_verdict_queue *queue = worst.queue;
    bh_verdict_add(list, BH_CAUSE_CALLBACKS, BH_GRAVITY_WARN, queue->name,
                   "Callbacks of queue %s%s are late: %" PRIu64
                   " wait%s, the first should have been posted %s ago.",
                   queue->name, worst.others, queue->callbacks, queue->callbacks == 1 ? "s" : "",
                   bh_span_format(queue->callbacks_late_ms).text);
    bh_verdict_advise(list, "Is %s slow?  It gets eight at a time.",
                      receiver_of(queue, "the producer").text);
    return true;
}

void
bh_verdict_callbacks(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    if (callbacks_failing(list, facts) || callbacks_late(list, facts))
        return;
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].callbacks_given_up_lately > 0)
            offer(&worst, &facts->queues[i], facts->queues[i].callbacks_given_up_lately);
    }
    if (!found(&worst))
        return;
    const struct bh_verdict_queue *queue = worst.queue;
    bh_verdict_add(list, BH_CAUSE_CALLBACKS, BH_GRAVITY_WARN, queue->name,
                   "Of queue %s%s %" PRIu64 " callback%s given up within the last hour: %s was not "
                   "told what became of these jobs.",
                   queue->name, worst.others, queue->callbacks_given_up_lately,
                   queue->callbacks_given_up_lately == 1 ? " was" : "s were",
                   receiver_of(queue, "the producer").text);
    bh_verdict_advise(list, "The log names them: callback_given_up.");
}

void
bh_verdict_dead(struct bh_verdict_list *list, const struct bh_verdict_facts *facts)
{
    struct worst worst = {0};
    for (size_t i = 0; i < facts->queues_count; i++) {
        if (facts->queues[i].dead > 0)
            offer(&worst, &facts->queues[i], facts->queues[i].dead);
    }
    if (!found(&worst))
        return;
    bh_verdict_add(list, BH_CAUSE_DEAD, BH_GRAVITY_NOTE, worst.queue->name,
                   "%s %s%s keeps %" PRIu64
                   " dead job%s (failed, invalid or unknown) for somebody to look at.",
                   list->count == 0 ? "Nothing is stuck; queue" : "Queue", worst.queue->name,
                   worst.others, worst.queue->dead, worst.queue->dead == 1 ? "" : "s");
    bh_verdict_advise(list, "bellhop dead list --queue %s shows them.", worst.queue->name);
}
