#include "daemon/pull_places.h"

#define NO_RIGHT 902

static bool
is_shut(const struct bh_pull_places *places, enum bh_pull_source source, struct bh_mono now)
{
    return !bh_mono_reached(places->places[source].shut_until, now);
}

void
bh_pull_places_shut(struct bh_pull_places *places, enum bh_pull_source source, struct bh_mono now)
{
    struct bh_pull_place *place = &places->places[source];
    place->shut_ms =
        bh_ms_min(bh_ms_max(place->shut_ms * 2, BH_PULL_SHUT_FIRST_MS), BH_PULL_SHUT_MAX_MS);
    place->shut_until = bh_mono_add(now, place->shut_ms);
    places->hollow = 0;
}

bool
bh_pull_places_find(const struct bh_pull_places *places, bool calls, struct bh_mono now,
                    enum bh_pull_source *ret_source)
{
    enum bh_pull_source source = calls ? BH_PULL_CALLS : BH_PULL_STATUS;
    if (source == BH_PULL_STATUS && is_shut(places, source, now))
        source = BH_PULL_JOURNAL;
    *ret_source = source;
    return !is_shut(places, source, now);
}

struct bh_mono
bh_pull_places_all_shut(const struct bh_pull_places *places, struct bh_mono now)
{
    struct bh_mono first = BH_MONO_NEVER;
    for (int i = 0; i < BH_PULL_SOURCE_COUNT; i++) {
        if (!is_shut(places, (enum bh_pull_source)i, now))
            return BH_MONO_NEVER;
        first = bh_mono_min(first, places->places[i].shut_until);
    }
    return first;
}

static bool
tells_something(const struct bh_pull_question *question)
{
    for (size_t i = 0; i < question->count; i++)
        if (question->messages[i].delivery != BH_DELIVERY_NONE)
            return true;
    return false;
}

void
bh_pull_places_hear(struct bh_pull_places *places, const struct bh_pull_question *question,
                    struct bh_mono now)
{
    if (question->source != BH_PULL_STATUS) {
        places->places[question->source].shut_ms = 0;
    } else if (tells_something(question)) {
        places->hollow = 0;
        places->places[BH_PULL_STATUS].shut_ms = 0;
    } else if (++places->hollow >= BH_PULL_HOLLOW_MAX) {
        bh_pull_places_shut(places, BH_PULL_STATUS, now);
    }
}

bool
bh_pull_places_concern(enum bh_pulled pulled, int code, int http_status)
{
    return pulled == BH_PULLED_NOT_SO ||
           (pulled == BH_PULLED_REFUSED && (code == NO_RIGHT || (code == 0 && http_status == 403)));
}
