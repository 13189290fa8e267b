#include "daemon/alert_facts.h"

#include <stdio.h>
#include <string.h>

#include "core/money.h"
#include "engine/policy.h"

/* ---- gathering ---- */

static void
gather_queue(const struct bh_overview_queue *queue, struct bh_mono now, bool up,
             struct bh_alert_queue_facts *facts)
{
    *facts = (struct bh_alert_queue_facts){
        .known = queue->known && (up || now.ms - queue->read_at.ms < BH_ALERT_STALE_MS),
        .oldest_ms = queue->oldest_ms,
        .dead = queue->dead,
        .unknown_ever = bh_overview_queue_find(queue, "outcome:unknown"),
    };
    snprintf(facts->name, sizeof(facts->name), "%s", queue->name);
}

void
bh_alert_facts_gather(const struct bh_overview_snapshot *snapshot, bool surveyed,
                      const char *redis_risk, struct bh_alert_facts *ret_facts)
{
    const struct bh_account_view *account = &snapshot->account;
    *ret_facts = (struct bh_alert_facts){
        .redis_up = snapshot->redis_up,
        .surveyed = surveyed,
        .account_known = snapshot->account_known && snapshot->redis_up,
        .account_open = account->state == BH_ACCOUNT_OPEN,
        .balance_known = snapshot->account_known && account->balance_micro != INT64_MIN,
        .balance_micro = account->balance_micro,
        .queues_count = snapshot->queues_count,
    };
    snprintf(ret_facts->redis_trouble, sizeof(ret_facts->redis_trouble), "%s",
             snapshot->redis_trouble);
    snprintf(ret_facts->redis_risk, sizeof(ret_facts->redis_risk), "%s", redis_risk);
    snprintf(ret_facts->account_reason, sizeof(ret_facts->account_reason), "%s", account->reason);
    snprintf(ret_facts->account_text, sizeof(ret_facts->account_text), "%s", account->text);
    for (size_t i = 0; i < snapshot->queues_count; i++)
        gather_queue(&snapshot->queues[i], snapshot->mono, snapshot->redis_up,
                     &ret_facts->queues[i]);
}

/* ---- judging ---- */

static enum bh_alert_sight
sight(bool known, bool holds)
{
    return !known ? BH_ALERT_SIGHT_UNKNOWN : holds ? BH_ALERT_SIGHT_YES : BH_ALERT_SIGHT_NO;
}

/* One line, and nothing that a terminal obeys: what is told goes into mails and onto screens. */
static void
tidy(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7F)
            *at = ' ';
        else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0) /* U+0080 to U+009F */
            at[0] = at[1] = ' ';
    }
}

static void BH_PRINTF(3, 4) show(struct bh_alert_board *board, struct bh_alert_condition *condition,
                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(condition->text, sizeof(condition->text), format, args);
    va_end(args);
    tidy(condition->text);
    bh_alert_show(board, condition);
}

static void
show_redis(const struct bh_alert_facts *facts, struct bh_alert_board *board)
{
    struct bh_alert_condition away = {
        .kind = BH_ALERT_REDIS_AWAY,
        .sight = sight(true, !facts->redis_up),
        .hold_ms = BH_ALERT_REDIS_HOLD_MS,
    };
    bool said = facts->redis_trouble[0] != '\0';
    show(board, &away,
         "Redis cannot be used%s%s; nothing is claimed, jobs wait there, and results wait here.",
         said ? ": " : "", facts->redis_trouble);
    struct bh_alert_condition risk = {
        .kind = BH_ALERT_REDIS_UNSAFE,
        .sight = sight(facts->surveyed, facts->redis_risk[0] != '\0'),
    };
    show(board, &risk, "Redis is not set up for a queue that must not lose jobs: %s",
         facts->redis_risk);
}

static void
show_account(const struct bh_alert_facts *facts, const struct bh_config *config,
             struct bh_alert_board *board)
{
    struct bh_alert_condition paused = {
        .kind = BH_ALERT_ACCOUNT_PAUSED,
        .sight = sight(facts->account_known, !facts->account_open),
    };
    const char *text = facts->account_text;
    show(board, &paused,
         "The gateway's account is paused (%s)%s%s; no message is sent until it works again.",
         facts->account_reason, text[0] != '\0' ? ": " : "", text);

    int64_t low = config->gateway.low_balance_micro;
    struct bh_alert_condition balance = {
        .kind = BH_ALERT_BALANCE_LOW,
        .sight =
            low == 0 ? BH_ALERT_SIGHT_NO : sight(facts->balance_known, facts->balance_micro < low),
        .value = facts->balance_known ? facts->balance_micro : 0,
        .limit = low,
    };
    show(board, &balance,
         "The gateway's account has a balance of %s, less than %s; top it up before messages wait.",
         bh_money_format(balance.value).text, bh_money_format(low).text);
}

/* Its place in the memory; NULL when there is none for it, which a reload that renames all queues may do for a round. */
static bool
unknown_grows(struct bh_alert_memory *memory, size_t place,
              const struct bh_alert_queue_facts *queue, struct bh_mono now, int64_t *ret_more)
{
    int64_t ever = queue->unknown_ever;
    if (strcmp(memory->queues[place].name, queue->name) != 0 ||
        ever < memory->queues[place].last) { /* another queue, or counters that began anew */
        memset(&memory->queues[place], 0, sizeof(memory->queues[place]));
        memcpy(memory->queues[place].name, queue->name, sizeof(queue->name));
        memory->queues[place].first = memory->queues[place].last = ever;
    }
    if (ever > memory->queues[place].last) {
        memory->queues[place].last = ever;
        memory->queues[place].grown = true;
        memory->queues[place].grown_at = now;
    }
    if (memory->queues[place].grown &&
        now.ms - memory->queues[place].grown_at.ms >= BH_ALERT_UNCERTAIN_MS) {
        memory->queues[place].grown = false;
        memory->queues[place].first = ever;
    }
    *ret_more = ever - memory->queues[place].first;
    return memory->queues[place].grown;
}

static void
show_queue(const struct bh_alert_queue_facts *queue, size_t place, const struct bh_config *config,
           struct bh_alert_memory *memory, struct bh_alert_board *board)
{
    const struct bh_config_alert *limits = &config->alert;
    int64_t more = 0;
    bool grows = queue->known && unknown_grows(memory, place, queue, board->now, &more);

    struct bh_alert_condition oldest = {
        .kind = BH_ALERT_OLDEST_JOB,
        .sight = limits->oldest_job_ms == 0
                     ? BH_ALERT_SIGHT_NO
                     : sight(queue->known, queue->oldest_ms >= limits->oldest_job_ms),
        .value = queue->oldest_ms,
        .limit = limits->oldest_job_ms,
    };
    struct bh_alert_condition dead = {
        .kind = BH_ALERT_DEAD_JOBS,
        .sight = limits->dead_jobs == 0
                     ? BH_ALERT_SIGHT_NO
                     : sight(queue->known, queue->dead >= (uint64_t)limits->dead_jobs),
        .value = (int64_t)queue->dead,
        .limit = limits->dead_jobs,
    };
    struct bh_alert_condition unknown = {
        .kind = BH_ALERT_UNCERTAIN,
        .sight = sight(queue->known, grows),
        .value = more,
        .limit = 1,
    };
    memcpy(oldest.subject, queue->name, sizeof(queue->name));
    memcpy(dead.subject, queue->name, sizeof(queue->name));
    memcpy(unknown.subject, queue->name, sizeof(queue->name));
    show(board, &oldest, "The oldest job of queue %s has waited for %s; the limit is %s.",
         queue->name, bh_span(queue->oldest_ms).text, bh_span(limits->oldest_job_ms).text);
    show(board, &dead, "The dead set of queue %s holds %lld job%s; the limit is %lld. %s a person.",
         queue->name, (long long)dead.value, dead.value == 1 ? "" : "s", (long long)dead.limit,
         dead.value == 1 ? "It needs" : "They need");
    show(board, &unknown,
         "%lld job%s of queue %s ended as unknown: nobody can tell whether %s sent. See bellhop "
         "dead list state=unknown.",
         (long long)more, more == 1 ? "" : "s", queue->name,
         more == 1 ? "its message was" : "their messages were");
}

void
bh_alert_facts_show(const struct bh_alert_facts *facts, const struct bh_config *config,
                    struct bh_alert_memory *memory, struct bh_alert_board *board)
{
    show_redis(facts, board);
    show_account(facts, config, board);
    for (size_t i = 0; i < facts->queues_count; i++)
        show_queue(&facts->queues[i], i, config, memory, board);
}
