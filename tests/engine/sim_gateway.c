#include "engine/sim_gateway.h"

#include <stdio.h>
#include <string.h>

/* In place of a code: the answer does not speak of him. */
#define LEFT_OUT 0

static bool
chance(struct sim_gateway *gateway, unsigned per_mille)
{
    return bh_dice_below(gateway->dice, 1000) < per_mille;
}

enum sim_fate
sim_gateway_throw(struct sim_gateway *gateway)
{
    static const struct {
        enum sim_fate fate;
        unsigned per_mille;
    } faults[] = {
        {SIM_NEVER_LEFT,   30},
        {SIM_CUT_BODY,     10},
        {SIM_LOST_REQUEST, 25},
        {SIM_LOST_ANSWER,  40},
        {SIM_GARBLED,      10},
        {SIM_SERVER_ERROR, 20},
        {SIM_THROTTLED,    20},
        {SIM_NOT_THERE,    5 },
    };
    gateway->calls++;
    enum sim_fate fate = SIM_ANSWERED;
    if (gateway->has_faults && !gateway->is_well) {
        for (size_t i = 0; i < BH_ARRAY_LEN(faults) && fate == SIM_ANSWERED; i++) {
            if (chance(gateway, faults[i].per_mille))
                fate = faults[i].fate;
        }
    }
    gateway->fates[fate]++;
    return fate;
}

/* ---- the reload lock ---- */

static struct sim_lock *
find_lock(struct sim_gateway *gateway, unsigned long long number, const char *text, int64_t now)
{
    for (unsigned i = 0; i < gateway->locks_count; i++) {
        struct sim_lock *lock = &gateway->locks[i];
        while (i < gateway->locks_count && lock->until <= now)
            *lock = gateway->locks[--gateway->locks_count];
        if (i < gateway->locks_count && lock->number == number && strcmp(lock->text, text) == 0)
            return lock;
    }
    return NULL;
}

static void
arm(struct sim_gateway *gateway, unsigned long long number, const char *text, int64_t now)
{
    struct sim_lock *lock = find_lock(gateway, number, text, now);
    if (lock == NULL) {
        BH_ASSERT(gateway->locks_count < BH_ARRAY_LEN(gateway->locks));
        lock = &gateway->locks[gateway->locks_count++];
        lock->number = number;
        snprintf(lock->text, sizeof(lock->text), "%s", text);
    }
    lock->until = now + SIM_LOCK_MS;
}

void
sim_gateway_foreign(struct sim_gateway *gateway, const struct sim_job *job, int64_t now)
{
    arm(gateway, job->people[0], job->text, now);
}

/* ---- judging ---- */

/* A refusal, or 100.  Numbers ending in 9 do not exist, those ending in 8 have had their share for ever. */
static int
code_for(struct sim_gateway *gateway, const struct sim_job *job, unsigned long long number,
         int64_t now)
{
    if (gateway->key_refused)
        return 900;
    if (number % 10 == 9)
        return 202;
    if (!gateway->lock_off && !job->voice && !job->no_reload &&
        find_lock(gateway, number, job->text, now) != NULL)
        return 402;
    if (gateway->no_credit)
        return 500;
    if (number % 10 == 8)
        return 403;
    if (gateway->is_well)
        return 100;
    if (chance(gateway, 5)) { /* the credit ends in the middle of a request */
        gateway->no_credit = true;
        return 500;
    }
    if (chance(gateway, 40))
        return 600;
    if (chance(gateway, 15))
        return 11;
    if (gateway->has_faults && chance(gateway, 10))
        return 700;
    return chance(gateway, 1) ? 999 : 100;
}

/* The promise that is on trial: nobody is sent to twice unless it could not be known and the job prefers it. */
static void
accept(struct sim_gateway *gateway, const struct sim_call *call, struct sim_job *job, size_t person,
       int64_t now)
{
    job->accepted[person]++;
    gateway->accepted++;
    bool may_double = job->unsure[person] && !job->holds && !job->known[person];
    BH_ASSERT(job->accepted[person] == 1 || may_double);
    BH_ASSERT(job->accepted[person] == 1 || !gateway->is_strict || job->voice);
    BH_ASSERT(job->ends == 0 || job->was_uncertain);
    struct sim_entry entry = {
        .job = call->job, .person = person, .number = job->people[person], .at = now};
    memcpy(entry.foreign_id, call->foreign_id, sizeof(entry.foreign_id));
    if (!job->voice)
        sim_journal_note(&gateway->journal, &entry);
    if (!job->voice && !job->no_reload)
        arm(gateway, job->people[person], job->text, now);
}

static int
judge_person(struct sim_gateway *gateway, const struct sim_call *call, struct sim_job *job,
             size_t person, int64_t now)
{
    int code = code_for(gateway, job, job->people[person], now);
    if (code == 700) {
        job->was_uncertain = job->unsure[person] = true;
        job->lost_at[person] = now;
    }
    if (code == 100 || (code == 700 && chance(gateway, 500)))
        accept(gateway, call, job, person, now);
    else if (gateway->refusals_arm && call->fate == SIM_ANSWERED && !job->voice &&
             (code == 500 || code == 600 || code == 11))
        arm(gateway, job->people[person], job->text, now);
    gateway->locked += code == 402;
    return code;
}

static void
write_body(const struct sim_call *call, const struct sim_job *job, const int *codes, bool bare,
           struct sim_answer *answer)
{
    bool all = true, same = true;
    int len = 0, size = (int)sizeof(answer->body);
    for (size_t i = 0; i < call->people_count; i++) {
        all = all && codes[i] == 100;
        same = same && codes[i] == codes[0];
    }
    if ((bare && same) || job->voice || codes[0] == 900) {
        snprintf(answer->body, sizeof(answer->body), "%d", codes[0]);
    } else {
        len = snprintf(answer->body, (size_t)size, "{\"success\":\"%d\",\"messages\":[",
                       all ? 100 : 101);
        for (size_t i = 0; i < call->people_count && len < size; i++)
            len += codes[i] == LEFT_OUT
                       ? 0
                       : snprintf(
                             answer->body + len, (size_t)(size - len),
                             "%s{\"recipient\":\"%llu\",\"success\":%s,\"error\":\"%d\",\"id\":%s}",
                             answer->body[len - 1] == '[' ? "" : ",", job->people[call->people[i]],
                             codes[i] == 100 ? "true" : "false", codes[i],
                             codes[i] == 100 ? "\"77\"" : "null");
        if (len < size)
            snprintf(answer->body + len, (size_t)(size - len), "]}");
    }
    answer->exchange.body = bh_str_from(answer->body);
}

void
sim_gateway_judge(struct sim_gateway *gateway, struct sim_store *store, const struct sim_call *call,
                  int64_t now, struct sim_answer *ret_answer)
{
    struct sim_job *job = &store->jobs[call->job];
    int codes[SIM_PEOPLE_MAX];
    for (size_t i = 0; i < call->people_count; i++)
        codes[i] = judge_person(gateway, call, job, call->people[i], now);
    /* A key that is refused is answered by a code for all. */
    if (gateway->has_faults && call->people_count > 1 && codes[0] != 900 && chance(gateway, 100)) {
        size_t out = bh_dice_below(gateway->dice, call->people_count);
        codes[out] = LEFT_OUT;
        job->was_uncertain = job->unsure[call->people[out]] = true;
        job->lost_at[call->people[out]] = now;
    }
    *ret_answer = (struct sim_answer){
        .exchange = {.handed_over = BH_HANDED_ALL,
                     .http_status = 200,
                     .headers_complete = true,
                     .body_complete = true,
                     .retry_after_ms = -1},
    };
    write_body(call, job, codes, chance(gateway, 300), ret_answer);
    if (call->fate == SIM_GARBLED)
        ret_answer->exchange.body = BH_STR_LITERAL("<html>");
    if (call->fate == SIM_SERVER_ERROR)
        ret_answer->exchange.http_status = 502;
    if (call->fate == SIM_LOST_ANSWER)
        sim_gateway_silence(gateway, call->fate, ret_answer);
}

void
sim_gateway_silence(struct sim_gateway *gateway, enum sim_fate fate, struct sim_answer *ret_answer)
{
    static const enum bh_trouble before[] = {BH_TROUBLE_RESOLVE, BH_TROUBLE_CONNECT, BH_TROUBLE_TLS,
                                             BH_TROUBLE_CERTIFICATE};
    *ret_answer = (struct sim_answer){
        .exchange = {.handed_over = BH_HANDED_ALL,
                     .trouble = chance(gateway, 500) ? BH_TROUBLE_TIMEOUT : BH_TROUBLE_RESET,
                     .retry_after_ms = -1},
    };
    struct bh_exchange *exchange = &ret_answer->exchange;
    switch (fate) {
    case SIM_NEVER_LEFT:
        exchange->handed_over = BH_HANDED_NOTHING;
        exchange->trouble = before[bh_dice_below(gateway->dice, BH_ARRAY_LEN(before))];
        break;
    case SIM_CUT_BODY: exchange->handed_over = BH_HANDED_PART; break;
    case SIM_THROTTLED:
        exchange->http_status = chance(gateway, 500) ? 429 : 503;
        exchange->retry_after_ms = (bh_ms)bh_dice_below(gateway->dice, 30000);
        break;
    case SIM_NOT_THERE: exchange->http_status = 404; break;
    case SIM_SERVER_ERROR: exchange->http_status = 502; break;
    case SIM_ANSWERED:
    case SIM_LOST_REQUEST:
    case SIM_LOST_ANSWER:
    case SIM_GARBLED:
    case SIM_FATES: break;
    }
    exchange->headers_complete = exchange->body_complete = exchange->http_status != 0;
}
