#include <stdio.h>

#include "daemon/overview.h"
#include "redis/facts.h"

/* Figures that are older than this were asked for in vain. */
#define UNANSWERED_MS (15 * BH_SECOND_MS)

static bool
any_worker_turns(const struct bh_process_report *self)
{
    for (size_t i = 0; i < self->workers_count; i++) {
        if (self->workers[i].turned_ms_ago <= BH_WORKER_STANDS_STILL_MS)
            return true;
    }
    return false;
}

static bool
any_worker_has_redis(const struct bh_process_report *self)
{
    for (size_t i = 0; i < self->workers_count; i++) {
        if (self->workers[i].store_up)
            return true;
    }
    return false;
}

static const char *
redis_unready(const struct bh_overview_snapshot *snapshot, char text[BH_OVERVIEW_REASON_MAX])
{
    bool unanswered = snapshot->answered_at.ms == 0 ||
                      snapshot->mono.ms - snapshot->answered_at.ms > UNANSWERED_MS;
    if (snapshot->redis_up && !unanswered && any_worker_has_redis(&snapshot->self))
        return NULL;
    (void)snprintf(text, BH_OVERVIEW_REASON_MAX, "Redis is not usable: %s",
                   snapshot->redis_trouble[0] != '\0' ? snapshot->redis_trouble
                   : unanswered                       ? "it has not answered yet"
                                                      : "no worker is connected");
    return text;
}

static const char *
account_unready(const struct bh_overview_snapshot *snapshot, char text[BH_OVERVIEW_REASON_MAX])
{
    const struct bh_account_view *account = &snapshot->account;
    if (!snapshot->account_known)
        return "the gateway account's state is not known yet";
    if (account->state == BH_ACCOUNT_OPEN)
        return NULL;
    (void)snprintf(text, BH_OVERVIEW_REASON_MAX, "the gateway account is %s (%s)%s%s",
                   account->state == BH_ACCOUNT_TRIAL ? "paused, and one job tries it" : "paused",
                   account->reason, account->text[0] != '\0' ? ": " : "", account->text);
    return text;
}

const char *
bh_overview_unready(const struct bh_overview_snapshot *snapshot, char text[BH_OVERVIEW_REASON_MAX])
{
    if (snapshot->stopping || snapshot->self.draining)
        return "draining: nothing more is claimed";
    if (!snapshot->workers_started)
        return "waiting for the instance's name";
    if (!any_worker_turns(&snapshot->self))
        return "no worker's loop turns";
    const char *redis = redis_unready(snapshot, text);
    return redis != NULL ? redis : account_unready(snapshot, text);
}
