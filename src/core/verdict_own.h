/*
 * verdict_own - what the files of verdict share.
 */
#ifndef BH_CORE_VERDICT_OWN_H
#define BH_CORE_VERDICT_OWN_H

#include "core/verdict.h"

struct bh_verdict_list {
    struct bh_judgement *rows;
    size_t count;
};

struct bh_verdict_words {
    char text[48];
};

/* "1 job", "5 jobs"; and "1 job waits", "5 jobs wait". */
struct bh_verdict_words bh_verdict_jobs(uint64_t count);
struct bh_verdict_words bh_verdict_jobs_wait(uint64_t count);

/* Add one; the caller goes through the causes in their order. */
void bh_verdict_add(struct bh_verdict_list *list, enum bh_cause cause, enum bh_gravity gravity,
                    const char *queue, const char *format, ...) BH_PRINTF(5, 6);

/* What to do about the one that was added last. */
void bh_verdict_advise(struct bh_verdict_list *list, const char *format, ...) BH_PRINTF(2, 3);

/* Those of queues, each in its place of the ranking. */
void bh_verdict_queue_paused(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_queue_stuck(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_too_slow(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_too_old(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_jobs_fail(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_uncertain(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_unknown(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_expired(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_reports_silent(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_callbacks(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);
void bh_verdict_dead(struct bh_verdict_list *list, const struct bh_verdict_facts *facts);

#endif
