#include "daemon/resender.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "core/alloc.h"
#include "daemon/crash_point.h"
#include "daemon/log.h"
#include "engine/policy.h"
#include "redis/resend.h"

/* One report, from its delivery to what follows. */
struct step {
    struct bh_redis_connection *connection; /* borrowed */
    const struct bh_config *config;         /* owned reference */
    enum bh_delivery delivery;
    bh_report_on_done *on_done;
    void *arg;

    /* What the delivery came to, kept for the bringer. */
    struct bh_report_result result;
    char queue[BH_CONFIG_QUEUE_NAME_MAX + 1];
    char id[BH_JOB_ID_MAX + 1];
};

static void
end(struct step *step, enum bh_status status, const char *error_text)
{
    step->on_done(step->arg, status, &step->result, error_text);
    bh_config_release(step->config);
    bh_free(step);
}

/* ---- what is told ---- */

static void
tell_pushed(const struct step *step, const struct bh_resend_result *result)
{
    const struct bh_log_field fields[] = {
        bh_log_text("id", step->id),
        bh_log_text("queue", step->queue),
        bh_log_text("delivery", bh_delivery_name(step->delivery)),
        bh_log_text("resent_as", result->new_id),
        bh_log_int("number", result->resend.number),
        bh_log_int("due", result->resend.due.ms / BH_SECOND_MS),
        bh_log_int("ttl", result->resend.ttl_minutes),
    };
    bh_log_write(BH_LOG_INFO, "resent", fields, BH_ARRAY_LEN(fields),
                 "its message did not arrive; it is sent again as a new job");
}

static void
tell_lapsed(const struct step *step, const struct bh_resend_result *result)
{
    const struct bh_resend *resend = &result->resend;
    const struct bh_log_field fields[] = {
        bh_log_text("id", step->id),
        bh_log_text("queue", step->queue),
        bh_log_text("delivery", bh_delivery_name(step->delivery)),
        bh_log_int("number", resend->number),
    };
    /* The words of a job that is not valid may hold its content. */
    bh_log_write(resend->answer == BH_RESEND_UNREADABLE ? BH_LOG_WARN : BH_LOG_INFO, "not_resent",
                 fields, BH_ARRAY_LEN(fields),
                 "its message did not arrive, and is not sent again: %s",
                 bh_resend_reason(resend->answer));
}

static void
tell_recalled(const struct step *step, const struct bh_resend_result *result)
{
    bool in_time = result->fate == BH_RESEND_RECALLED;
    const struct bh_log_field fields[] = {
        bh_log_text("id", step->id),
        bh_log_text("queue", step->queue),
        bh_log_text("delivery", bh_delivery_name(step->delivery)),
        bh_log_text("resent_as", result->new_id),
    };
    bh_log_write(in_time ? BH_LOG_INFO : BH_LOG_WARN,
                 in_time ? "resend_recalled" : "resend_too_late", fields, BH_ARRAY_LEN(fields),
                 "%s",
                 in_time ? "its message has arrived after all; the job that was to be sent in its "
                           "place is cancelled"
                         : "its message has arrived after all, and has been sent again meanwhile");
}

/* ---- the steps ---- */

static void
resend_on_done(void *arg, enum bh_status status, const struct bh_resend_result *result,
               const char *error_text)
{
    struct step *step = arg;
    bh_crash_point("after_resend");
    if (status == BH_OK) {
        switch (result->fate) {
        case BH_RESEND_NOTHING: break;
        case BH_RESEND_PUSHED: tell_pushed(step, result); break;
        case BH_RESEND_LAPSED: tell_lapsed(step, result); break;
        case BH_RESEND_RECALLED:
        case BH_RESEND_TOO_LATE: tell_recalled(step, result); break;
        }
    }
    end(step, status, error_text);
}

static enum bh_status
resend(struct step *step)
{
    bh_ms lock_ms = step->config->gateway.reload_lock_ms;
    struct bh_resend_errand errand = {
        .queue = step->queue,
        .id = step->id,
        /* As long as our own ledger holds it, which is not shorter than the gateway's. */
        .lock_ms = lock_ms > 0 ? lock_ms + BH_LOCK_MARGIN_MS : 0,
    };
    if (getrandom(errand.random, sizeof(errand.random), 0) != (ssize_t)sizeof(errand.random))
        return BH_EDOWN;
    return bh_resend_run(step->connection, step->config, &errand, resend_on_done, step);
}

static const struct bh_queue_config *
find_queue(const struct bh_config *config, const char *name)
{
    for (size_t i = 0; i < config->queues_count; i++) {
        if (strcmp(config->queues[i].name, name) == 0)
            return &config->queues[i];
    }
    return NULL;
}

/* A good word may come when the message has been sent again by a bad one. */
static bool
asks_for_more(const struct step *step)
{
    const struct bh_report_result *result = &step->result;
    if (result->queue == NULL || result->id == NULL)
        return false;
    const struct bh_queue_config *queue = find_queue(step->config, result->queue);
    bool is_on = queue != NULL && (queue->resend_on_report || queue->redial > 0);
    return result->may_resend || (is_on && bh_resend_is_over(step->delivery));
}

static void
report_on_done(void *arg, enum bh_status status, const struct bh_report_result *result,
               const char *error_text)
{
    struct step *step = arg;
    step->result = *result;
    if (result->queue != NULL) {
        (void)snprintf(step->queue, sizeof(step->queue), "%s", result->queue);
        step->result.queue = step->queue;
    }
    if (result->id != NULL) {
        (void)snprintf(step->id, sizeof(step->id), "%s", result->id);
        step->result.id = step->id;
    }
    if (status != BH_OK || !asks_for_more(step)) {
        end(step, status, error_text);
        return;
    }
    bh_crash_point("before_resend");
    status = resend(step);
    if (status != BH_OK)
        end(step, status, NULL);
}

enum bh_status
bh_resender_deliver(struct bh_redis_connection *connection, const struct bh_config *config,
                    const struct bh_delivery_report *report, bh_report_on_done *on_done, void *arg)
{
    struct step *step = bh_alloc_zero(sizeof(*step));
    if (step == NULL)
        return BH_ENOMEM;
    step->connection = connection;
    step->config = bh_config_retain(config);
    step->delivery = report->status;
    step->on_done = on_done;
    step->arg = arg;
    enum bh_status status = bh_report_deliver(connection, config, report, report_on_done, step);
    if (status != BH_OK) {
        bh_config_release(step->config);
        bh_free(step);
    }
    return status;
}
