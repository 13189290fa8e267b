#include "engine/breaker.h"

#include "core/schedule.h"

#define JITTER_PERCENT   20
#define RETRY_AFTER_MAX  BH_HOUR_MS
#define THROTTLE_FIRST   BH_SECOND_MS
#define THROTTLE_LONGEST BH_MINUTE_MS

/* Distances between probes of a gateway that is down. */
static const bh_ms probe_delays[] = {2 * BH_SECOND_MS, 5 * BH_SECOND_MS, 15 * BH_SECOND_MS,
                                     30 * BH_SECOND_MS, BH_MINUTE_MS};

/* A refused certificate does not heal in seconds, and each try is a page in somebody's night. */
static const bh_ms broken_delay = BH_MINUTE_MS;

void
bh_breaker_init(struct bh_breaker *breaker, unsigned limit)
{
    BH_ASSERT(limit > 0);
    *breaker = (struct bh_breaker){.limit = limit, .window = limit};
}

void
bh_breaker_set_limit(struct bh_breaker *breaker, unsigned limit)
{
    BH_ASSERT(limit > 0);
    bool is_full = breaker->window == breaker->limit && !breaker->open;
    if (is_full || breaker->window > limit)
        breaker->window = limit;
    breaker->limit = limit;
}

unsigned
bh_breaker_room(const struct bh_breaker *breaker, unsigned in_flight, struct bh_mono now)
{
    if (!bh_mono_reached(breaker->closed_until, now))
        return 0;
    unsigned allowed = breaker->open ? 1 : breaker->window;
    return in_flight < allowed ? allowed - in_flight : 0;
}

struct bh_mono
bh_breaker_wake_at(const struct bh_breaker *breaker, struct bh_mono now)
{
    return bh_mono_reached(breaker->closed_until, now) ? BH_MONO_NEVER : breaker->closed_until;
}

static bh_ms
probe_delay(const struct bh_breaker *breaker)
{
    unsigned last = BH_ARRAY_LEN(probe_delays) - 1;
    return probe_delays[breaker->openings < last ? breaker->openings : last];
}

static void
close_for(struct bh_breaker *breaker, bh_ms delay, uint32_t dice, struct bh_mono now)
{
    struct bh_mono until = bh_mono_add(now, bh_jitter_up(delay, dice, JITTER_PERCENT));
    if (until.ms > breaker->closed_until.ms)
        breaker->closed_until = until;
}

/* Halve once for all requests that were under way together: they tell of the same moment. */
static void
halve(struct bh_breaker *breaker, unsigned in_flight)
{
    breaker->good_in_cohort = 0;
    if (breaker->cooling > 0) {
        breaker->cooling--;
        return;
    }
    breaker->window = breaker->window > 1 ? breaker->window / 2 : 1;
    breaker->cooling = in_flight;
}

static void
forget_failures(struct bh_breaker *breaker)
{
    breaker->bad_in_row = 0;
    breaker->openings = 0;
    breaker->open = false;
}

static void
feed_good(struct bh_breaker *breaker, struct bh_mono now)
{
    breaker->good_at = now;
    breaker->ill_since.ms = 0;
    forget_failures(breaker);
    if (breaker->cooling > 0)
        breaker->cooling--;
    if (breaker->window == breaker->limit)
        return;
    if (++breaker->good_in_cohort >= breaker->window) {
        breaker->good_in_cohort = 0;
        breaker->window++;
    }
}

static void
feed_bad(struct bh_breaker *breaker, bh_ms delay, unsigned in_flight, uint32_t dice,
         struct bh_mono now)
{
    breaker->bad_at = now;
    halve(breaker, in_flight);
    breaker->bad_in_row++;
    bool probe_failed = breaker->open && bh_mono_reached(breaker->closed_until, now);
    bool opens = !breaker->open && breaker->bad_in_row >= BH_BREAKER_OPENS_AFTER;
    if (!probe_failed && !opens)
        return;
    breaker->open = true;
    breaker->window = 1;
    close_for(breaker, delay, dice, now);
    breaker->openings++;
}

static void
feed_throttled(struct bh_breaker *breaker, bh_ms retry_after_ms, unsigned in_flight, uint32_t dice,
               struct bh_mono now)
{
    /* An answer to a request from before the door closed tells of the same moment as the one that closed it. */
    bool is_news = bh_mono_reached(breaker->closed_until, now);
    halve(breaker, in_flight);
    bh_ms delay = retry_after_ms;
    if (delay < 0) {
        if (!is_news)
            return;
        unsigned doublings = breaker->openings < 6 ? breaker->openings : 6;
        delay = bh_ms_min(THROTTLE_FIRST << doublings, THROTTLE_LONGEST);
    }
    close_for(breaker, bh_ms_min(delay, RETRY_AFTER_MAX), dice, now);
    breaker->throttled_until = breaker->closed_until;
    breaker->openings += is_news;
}

static void
note_illness(struct bh_breaker *breaker, enum bh_gateway_mood mood, struct bh_mono now)
{
    if (mood != BH_MOOD_NEUTRAL && mood != BH_MOOD_GOOD && breaker->ill_since.ms == 0)
        breaker->ill_since = now;
}

void
bh_breaker_feed(struct bh_breaker *breaker, enum bh_gateway_mood mood, bh_ms retry_after_ms,
                unsigned in_flight, uint32_t dice, struct bh_mono now)
{
    note_illness(breaker, mood, now);
    switch (mood) {
    case BH_MOOD_NEUTRAL: break;
    case BH_MOOD_GOOD: feed_good(breaker, now); break;
    case BH_MOOD_BAD: feed_bad(breaker, probe_delay(breaker), in_flight, dice, now); break;
    case BH_MOOD_BROKEN:
        breaker->bad_in_row = BH_BREAKER_OPENS_AFTER;
        feed_bad(breaker, bh_ms_max(broken_delay, probe_delay(breaker)), in_flight, dice, now);
        break;
    case BH_MOOD_THROTTLED: feed_throttled(breaker, retry_after_ms, in_flight, dice, now); break;
    }
}

void
bh_breaker_hear_good(struct bh_breaker *breaker)
{
    if (!breaker->open)
        return;
    forget_failures(breaker);
    breaker->ill_since.ms = 0;
    breaker->closed_until = breaker->throttled_until;
}

bh_ms
bh_breaker_delay(const struct bh_breaker *breaker, uint32_t dice, struct bh_mono now)
{
    bh_ms closed = bh_ms_max(breaker->closed_until.ms - now.ms, 0);
    return bh_jitter_up(bh_ms_max(closed, probe_delays[0]), dice, JITTER_PERCENT);
}
