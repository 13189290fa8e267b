/*
 * overview_verdict - what is wrong, as far as this process knows: the overview's picture as the facts of core/verdict, so
 * that the dashboard names the same cause as the command line.
 */
#ifndef BH_DAEMON_OVERVIEW_VERDICT_H
#define BH_DAEMON_OVERVIEW_VERDICT_H

#include "core/verdict.h"
#include "daemon/overview.h"
#include "redis/facts.h"

/*
 * Numbers that somebody may have written into a reason are for the administrator alone: what takes them out of a text,
 * which it writes into `hidden`.
 */
typedef void bh_overview_hide(struct bh_str text, char *hidden, size_t size);

/* Room for what a verdict borrows. */
struct bh_overview_words {
    struct bh_verdict_queue queues[BH_CONFIG_QUEUES_MAX];
    char account_text[BH_ACCOUNT_TEXT_MAX + 1];
    char reasons[BH_CONFIG_QUEUES_MAX][128], by[BH_CONFIG_QUEUES_MAX][64];
};

/*
 * What is wrong, the cause first: bh_verdict_find with what this process knows.  `hide` NULL: texts go in as they are.
 * `words` has to live as long as the verdicts.
 */
size_t bh_overview_judge(const struct bh_overview_snapshot *snapshot,
                         const struct bh_config *config, bh_overview_hide *hide,
                         struct bh_overview_words *words,
                         struct bh_judgement verdicts[BH_CAUSE_COUNT]);

/* The queue's facts; `config` NULL: it is not configured any more. */
struct bh_verdict_queue bh_overview_queue_facts(const struct bh_overview_queue *queue,
                                                const struct bh_queue_config *config);

#endif
