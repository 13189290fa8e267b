/*
 * alert_facts - what alerts are judged by, and the conditions that follow from it.
 *
 * The facts are filled in from the overview and the keeper (bh_alert_facts_gather); the conditions are made of nothing
 * else, so they can be tested by tables.
 */
#ifndef BH_DAEMON_ALERT_FACTS_H
#define BH_DAEMON_ALERT_FACTS_H

#include "core/alert.h"
#include "core/config.h"
#include "daemon/overview.h"

/* Redis has to be away for so long before somebody is told: a fail-over or a restart takes its time. */
#define BH_ALERT_REDIS_HOLD_MS (30 * BH_SECOND_MS)

/* Jobs that ended as unknown are an alert for so long behind the last one. */
#define BH_ALERT_UNCERTAIN_MS BH_HOUR_MS

/* Figures that are older than this count as unknown. */
#define BH_ALERT_STALE_MS (30 * BH_SECOND_MS)

struct bh_alert_queue_facts {
    char name[BH_CONFIG_QUEUE_NAME_MAX + 1];
    bool known;
    bh_ms oldest_ms;
    uint64_t dead;
    int64_t unknown_ever; /* jobs that ever ended as unknown */
};

struct bh_alert_facts {
    bool redis_up;
    char redis_trouble[256];
    bool surveyed;
    char redis_risk[320]; /* the worst finding of the survey; "" none */

    bool account_known;
    bool account_open;
    char account_reason[32], account_text[256];
    bool balance_known;
    int64_t balance_micro;

    struct bh_alert_queue_facts queues[BH_CONFIG_QUEUES_MAX];
    size_t queues_count;
};

/* What is remembered from round to round: when unknown jobs became more. */
struct bh_alert_memory {
    struct {
        char name[BH_CONFIG_QUEUE_NAME_MAX + 1];
        int64_t first,
            last; /* counted when this process saw it first, or when it was quiet for long; last */
        struct bh_mono grown_at;
        bool grown;
    } queues[BH_CONFIG_QUEUES_MAX];
};

void bh_alert_facts_gather(const struct bh_overview_snapshot *snapshot, bool surveyed,
                           const char *redis_risk, struct bh_alert_facts *ret_facts);

/* Show the board everything, inside a round that was begun. */
void bh_alert_facts_show(const struct bh_alert_facts *facts, const struct bh_config *config,
                         struct bh_alert_memory *memory, struct bh_alert_board *board);

#endif
