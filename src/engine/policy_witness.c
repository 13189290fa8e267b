/*
 * Witnesses: what the gateway's journal and its reload lock say about a request whose answer was lost.
 */
#include <stdio.h>
#include <string.h>

#include "engine/policy_internal.h"

/*
 * Only if 402 on a second request of this job can have no other cause than the first, begun at `since`: one
 * recipient that is a number, a text that the gateway does not rewrite, no twin of ours, and no request of
 * this job that the gateway refused: whether a refused one arms the lock is not documented.
 */
bool
bh_policy_lock_can_witness(const struct bh_case *c, struct bh_wall since)
{
    int64_t refused_at_ms = c->progress->refused_at_s * BH_SECOND_MS;
    bool may_be_armed =
        refused_at_ms != 0 && refused_at_ms + bh_policy_lock_ms(c->gateway) > since.ms;
    return c->ledger_held && !may_be_armed && c->job->recipients_count == 1 &&
           c->job->recipients[0].msisdn != NULL && c->job->files_count == 0 &&
           !c->job->performance_tracking;
}

bool
bh_policy_lock_proves(const struct bh_case *c)
{
    return c->twins == BH_TWINS_NONE && c->uncertain_since.ms != 0 &&
           bh_policy_lock_can_witness(c, c->uncertain_since) &&
           c->began.ms < c->uncertain_since.ms + bh_policy_lock_ms(c->gateway);
}

bool
bh_policy_is_only_guarded(const struct bh_case *c)
{
    return c->ledger_held && c->progress->first_lost_s == c->uncertain_since.ms / BH_SECOND_MS;
}

/* ---- the journal ---- */

/* Calls carry no foreign id, and what is not sent is in no journal. */
static bool
stands_in_journals(const struct bh_case *c)
{
    return c->job->type == BH_JOB_SMS && !c->job->debug;
}

static bool
has_journal(const struct bh_case *c)
{
    return c->journal == BH_JOURNAL_READABLE && stands_in_journals(c);
}

/* What a contact or group became stands under numbers that we do not know, told apart by the foreign id alone. */
static bool
can_be_found(const struct bh_case *c, size_t recipient)
{
    return c->job->recipients[recipient].msisdn != NULL || c->job->recipients_count == 1;
}

static bool
has_findable(const struct bh_case *c)
{
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        if (c->progress->recipients[i].state == BH_RECIPIENT_UNCERTAIN && can_be_found(c, i))
            return true;
    }
    return false;
}

bool
bh_policy_can_look(const struct bh_case *c)
{
    return has_journal(c) && has_findable(c);
}

bool
bh_policy_may_look_later(const struct bh_case *c)
{
    return c->journal == BH_JOURNAL_UNKNOWN && stands_in_journals(c) && has_findable(c);
}

void
bh_policy_mark_uncertain(const struct bh_case *c)
{
    for (size_t i = 0; i < c->progress->recipients_count; i++) {
        struct bh_recipient_progress *one = &c->progress->recipients[i];
        one->look_up = one->state == BH_RECIPIENT_UNCERTAIN && can_be_found(c, i);
    }
}

void
bh_policy_mark_answered(const struct bh_case *c, size_t recipient)
{
    c->progress->recipients[recipient].look_up = has_journal(c) && can_be_found(c, recipient);
}

/*
 * Until a twin of ours could be sent, which may bear the same foreign id: with the reader's slack just before our
 * ledger's entry lapses.
 */
struct bh_window
bh_policy_journal_window(const struct bh_case *c, struct bh_wall created)
{
    const struct bh_progress *progress = c->progress;
    bh_ms beyond_ms =
        bh_ms_max(bh_policy_lock_ms(c->gateway) - BH_JOURNAL_SLACK_MS, c->gateway->timeout_ms);
    struct bh_window window = {created, c->now, false};
    int64_t refused_ms = (int64_t)progress->refused_at_s * BH_SECOND_MS;
    /* What was refused may stand in the journal as well; the reader's slack reaches back to its end. */
    if (refused_ms != 0 && refused_ms + BH_JOURNAL_SLACK_MS > window.from.ms)
        window.from.ms = refused_ms + BH_JOURNAL_SLACK_MS;
    if (progress->first_lost_s != 0) {
        window.from.ms = (int64_t)progress->first_lost_s * BH_SECOND_MS;
        window.until.ms = (int64_t)progress->last_lost_s * BH_SECOND_MS + beyond_ms;
        window.skips_failed = progress->refused_at_s > progress->first_lost_s;
    }
    /* Entries of our last request are there, whatever the earlier ones were. */
    if (c->began.ms + beyond_ms > window.until.ms)
        window.until.ms = c->began.ms + beyond_ms;
    return window;
}

void
bh_policy_found(const struct bh_case *c, size_t recipient, const struct bh_journal_entry *entry)
{
    struct bh_recipient_progress *one = &c->progress->recipients[recipient];
    struct bh_recipient_result *result = &one->result;
    bool was_accepted = one->state == BH_RECIPIENT_ACCEPTED;
    one->state = BH_RECIPIENT_ACCEPTED;
    if (!was_accepted)
        *result = (struct bh_recipient_result){.code = 100, .price_micro = -1};
    result->answered = result->accepted = true;
    if (result->id[0] == '\0')
        memcpy(result->id, entry->id, sizeof(result->id));
    if (result->price_micro <= 0)
        result->price_micro = entry->price_micro;
}

void
bh_policy_looked(const struct bh_case *c, enum bh_looked looked)
{
    if (looked != BH_LOOKED_ABSENT)
        return;
    c->progress->looked_at_s = bh_policy_seconds(c->now.ms);
    if (c->progress->absent_at_s == 0)
        c->progress->absent_at_s = c->progress->looked_at_s;
}

void
bh_policy_say_doubt(struct bh_verdict *v)
{
    if (v->doubled)
        snprintf(v->error, sizeof(v->error),
                 "sent twice: the gateway's journal shows that an earlier request without an "
                 "answer was accepted, too");
    else if (v->doubt)
        bh_verdict_say_error(v, "accepted now; an earlier request without an answer may have been "
                                "accepted, too");
}

/* It stays sent, for the journal may lag, or be switched off; but one of the two is wrong. */
static void
say_contradiction(const struct bh_case *c, struct bh_verdict *v)
{
    bool is_by_lock = v->confirmed_by != NULL && strcmp(v->confirmed_by, "reload_lock") == 0;
    if (!is_by_lock || c->found || c->looked != BH_LOOKED_ABSENT)
        return;
    v->contradicted = true;
    bh_verdict_say_error(v, "the reload lock refuses it as sent, but the gateway's journal does "
                            "not show it");
}

void
bh_policy_looked_after(const struct bh_case *c, struct bh_verdict *v)
{
    size_t left = bh_progress_count(c->progress, BH_RECIPIENT_OPEN) +
                  bh_progress_count(c->progress, BH_RECIPIENT_UNCERTAIN);
    v->look_up = false;
    if (c->found && left == 0) {
        const char *confirmed_by = v->confirmed_by;
        bh_verdict_end_by_recipients(c, v);
        v->confirmed_by = confirmed_by != NULL ? confirmed_by : "journal";
        v->delay_ms = 0;
    }
    v->doubled = c->doubled;
    if (c->doubled && c->try == BH_TRY_GUARDED && v->only_guarded)
        v->lock_doubtful = true;
    /* A journal that does not even show the message that was just accepted lags behind. */
    if (c->found && c->looked == BH_LOOKED_ABSENT)
        v->doubt = false;
    bh_policy_say_doubt(v);
    say_contradiction(c, v);
}
