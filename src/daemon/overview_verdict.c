#include "daemon/overview_verdict.h"

#include <string.h>

#define FRESH_MS (15 * BH_SECOND_MS)

/* This one as it is now, the others as they have reported. */
static struct bh_process_sum
sum_up(const struct bh_overview_snapshot *snapshot)
{
    struct bh_process_sum sum = bh_process_sum_begin();
    if (snapshot->workers_started)
        bh_process_sum_add(&sum, &snapshot->self);
    for (size_t i = 0; i < snapshot->processes.count; i++) {
        const struct bh_process_row *row = &snapshot->processes.rows[i];
        bool is_self = strcmp(row->report.instance, snapshot->self.instance) == 0;
        if (!is_self || !snapshot->workers_started)
            bh_process_sum_add_row(&sum, row, snapshot->server_now);
    }
    return sum;
}

static struct bh_str
hide_view(bh_overview_hide *hide, struct bh_str text, char *hidden, size_t size)
{
    if (hide == NULL)
        return text;
    hide(text, hidden, size);
    return bh_str_from(hidden);
}

static void
put_queues(const struct bh_overview_snapshot *snapshot, const struct bh_config *config,
           bh_overview_hide *hide, struct bh_overview_words *words)
{
    for (size_t i = 0; i < snapshot->queues_count; i++) {
        const struct bh_overview_queue *queue = &snapshot->queues[i];
        struct bh_verdict_queue *facts = &words->queues[i];
        *facts =
            bh_overview_queue_facts(queue, bh_config_queue_get(config, bh_str_from(queue->name)));
        facts->pause_reason =
            hide_view(hide, facts->pause_reason, words->reasons[i], sizeof(words->reasons[i]));
        facts->pause_by = hide_view(hide, facts->pause_by, words->by[i], sizeof(words->by[i]));
    }
}

static void
put_redis(const struct bh_overview_snapshot *snapshot, struct bh_verdict_facts *facts)
{
    bool answered = snapshot->answered_at.ms != 0;
    facts->redis_up = snapshot->redis_up && answered && snapshot->redis_trouble[0] == '\0';
    facts->redis_trouble = snapshot->redis_trouble;
    if (snapshot->redis_trouble[0] == '\0')
        facts->redis_trouble = answered ? "it is not connected" : "it has not answered yet";
    if (answered && !facts->redis_up)
        facts->redis_down_ms = bh_ms_max(snapshot->mono.ms - snapshot->answered_at.ms, 0);
    /* As it should be now, as far as the last answer is from lately. */
    bh_ms age_ms = snapshot->mono.ms - snapshot->answered_at.ms;
    if (facts->redis_up && age_ms < FRESH_MS && snapshot->now.ms > 0)
        facts->clock_ahead_ms = snapshot->server_now.ms + age_ms - snapshot->now.ms;
    facts->server = snapshot->server_known ? &snapshot->server : NULL;
}

size_t
bh_overview_judge(const struct bh_overview_snapshot *snapshot, const struct bh_config *config,
                  bh_overview_hide *hide, struct bh_overview_words *words,
                  struct bh_judgement verdicts[BH_CAUSE_COUNT])
{
    const struct bh_process_sum sum = sum_up(snapshot);
    struct bh_verdict_facts facts = {
        .awaited_name = snapshot->workers_started ? NULL : snapshot->self.instance,
        .queues = words->queues,
        .queues_count = snapshot->queues_count,
        .oldest_limit_ms = snapshot->oldest_limit_ms,
    };
    put_redis(snapshot, &facts);
    if (snapshot->processes_known || snapshot->workers_started)
        bh_process_facts(&facts, &sum);
    if (snapshot->workers_started)
        facts.running_ms = 0; /* the queues of its picture are its own */
    bh_account_facts(&facts, snapshot->account_known, &snapshot->account,
                     snapshot->low_balance_micro);
    facts.account_text = hide_view(hide, bh_str_from(snapshot->account.text), words->account_text,
                                   sizeof(words->account_text))
                             .ptr;
    put_queues(snapshot, config, hide, words);
    return bh_verdict_find(&facts, verdicts);
}
