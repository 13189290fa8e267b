#include "daemon/outage.h"

#include <string.h>

#include <bellhop/state.h>

const char *
bh_outage_name(enum bh_outage_kind kind)
{
    static const char *const names[] = {
        [BH_OUTAGE_GATEWAY] = "gateway",
        [BH_OUTAGE_ACCOUNT] = "account",
        [BH_OUTAGE_REDIS] = "redis",
    };
    return names[kind];
}

/* ---- notes ---- */

static bool
is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

/* Whether it is about one job that waits for an outage to end, and for which. */
static bool
job_waits(const struct bh_note *note, bool store_up, enum bh_outage_kind *ret_kind)
{
    static const char *const waiting[] = {"held", "given_back", NULL};
    static const char *const unsettled[] = {"dropped", "lease_lost", NULL};
    enum bh_reason reason;
    if (!store_up && is_one_of(note->event, unsettled)) {
        *ret_kind = BH_OUTAGE_REDIS;
        return true;
    }
    if (!is_one_of(note->event, waiting) || note->reason == NULL ||
        !bh_reason_from_name(note->reason, &reason))
        return false;
    *ret_kind = reason == BH_REASON_GATEWAY_DOWN ? BH_OUTAGE_GATEWAY : BH_OUTAGE_ACCOUNT;
    return reason == BH_REASON_GATEWAY_DOWN || reason == BH_REASON_CREDIT ||
           reason == BH_REASON_AUTH || reason == BH_REASON_PAUSED;
}

/* The first worker that loses it speaks, and the last one that has it again. */
static bool
is_first_or_last(struct bh_outage_notes *notes, const struct bh_note *note, bool *ret_passes)
{
    if (strcmp(note->event, "gateway_down") == 0)
        *ret_passes = atomic_fetch_add(&notes->gateways_down, 1) == 0;
    else if (strcmp(note->event, "gateway_up") == 0)
        *ret_passes = atomic_fetch_sub(&notes->gateways_down, 1) == 1;
    else if (strcmp(note->event, "account_paused") == 0)
        *ret_passes = !atomic_exchange(&notes->account_down, true);
    else if (strcmp(note->event, "account_open") == 0)
        *ret_passes = atomic_exchange(&notes->account_down, false);
    else
        return false;
    return true;
}

bool
bh_outage_passes(struct bh_outage_notes *notes, const struct bh_note *note, bool store_up)
{
    bool passes;
    enum bh_outage_kind kind;
    if (is_first_or_last(notes, note, &passes))
        return passes;
    if (!job_waits(note, store_up, &kind) || !atomic_exchange(&notes->shown[kind], true))
        return true;
    atomic_fetch_add(&notes->kept_back[kind], 1);
    return false;
}

/* ---- watch ---- */

static enum bh_outage_word
end(struct bh_outage_watch *watch, struct bh_outage_notes *notes, enum bh_outage_kind kind,
    struct bh_outage_summary *ret_summary)
{
    bool said = watch->rows[kind].said;
    *ret_summary = (struct bh_outage_summary){
        .lasted_ms = watch->rows[kind].seen_at.ms - watch->rows[kind].since.ms,
        .kept_back = atomic_exchange(&notes->kept_back[kind], 0),
    };
    atomic_store(&notes->shown[kind], false);
    watch->rows[kind].open = watch->rows[kind].said = false;
    return said || ret_summary->kept_back > 0 ? BH_OUTAGE_SAYS_OVER : BH_OUTAGE_SAYS_NOTHING;
}

enum bh_outage_word
bh_outage_pulse(struct bh_outage_watch *watch, struct bh_outage_notes *notes,
                enum bh_outage_kind kind, bool active, struct bh_mono now,
                struct bh_outage_summary *ret_summary)
{
    /* Lines that are kept back show that it is so, if only in between two pulses. */
    bool seen = active || (!watch->rows[kind].open && atomic_load(&notes->shown[kind]));
    if (seen && !watch->rows[kind].open) {
        watch->rows[kind].open = true;
        watch->rows[kind].since = watch->rows[kind].told_at = now;
        watch->rows[kind].distance_ms = BH_OUTAGE_FIRST_MS;
    }
    if (seen)
        watch->rows[kind].seen_at = now;
    if (!watch->rows[kind].open)
        return BH_OUTAGE_SAYS_NOTHING;
    if (now.ms - watch->rows[kind].seen_at.ms >= BH_OUTAGE_OVER_MS)
        return end(watch, notes, kind, ret_summary);
    if (!active || now.ms - watch->rows[kind].told_at.ms < watch->rows[kind].distance_ms)
        return BH_OUTAGE_SAYS_NOTHING;
    *ret_summary = (struct bh_outage_summary){
        .lasted_ms = now.ms - watch->rows[kind].since.ms,
        .kept_back = atomic_exchange(&notes->kept_back[kind], 0),
    };
    watch->rows[kind].said = true;
    watch->rows[kind].told_at = now;
    watch->rows[kind].distance_ms =
        bh_ms_min(watch->rows[kind].distance_ms * 2, BH_OUTAGE_LONGEST_MS);
    return BH_OUTAGE_SAYS_LASTS;
}
