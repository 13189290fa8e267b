#include "engine/quiet.h"

void
bh_quiet_init(struct bh_quiet *quiet, unsigned count)
{
    BH_ASSERT(count >= 1 && count <= BH_QUIET_WORKERS_MAX);
    *quiet = (struct bh_quiet){.count = count};
}

static bool
is_asked_for(const struct bh_quiet *quiet, struct bh_mono now)
{
    return quiet->until.ms != 0 && !bh_mono_reached(quiet->until, now);
}

static unsigned
others_busy(const struct bh_quiet *quiet, unsigned number)
{
    return quiet->busy - (quiet->hands[number] != BH_HAND_EMPTY);
}

static void
set_hand(struct bh_quiet *quiet, unsigned number, enum bh_quiet_hand hand)
{
    quiet->busy -= quiet->hands[number] != BH_HAND_EMPTY;
    quiet->full -= quiet->hands[number] == BH_HAND_FULL;
    quiet->hands[number] = hand;
    quiet->busy += hand != BH_HAND_EMPTY;
    quiet->full += hand == BH_HAND_FULL;
}

struct bh_company
bh_quiet_begin_turn(struct bh_quiet *quiet, unsigned number, struct bh_mono now)
{
    BH_ASSERT(number < quiet->count);
    bool asked = is_asked_for(quiet, now);
    bool hushed = asked && quiet->taker != number;
    if (!hushed && quiet->hands[number] == BH_HAND_EMPTY)
        set_hand(quiet, number, BH_HAND_OPEN);
    return (struct bh_company){
        .hushed = hushed,
        .until = hushed ? quiet->until : (struct bh_mono){0},
        .alone = quiet->count == 1 ||
                 (asked && quiet->taker == number && others_busy(quiet, number) == 0),
        .others_have_jobs = quiet->full > (quiet->hands[number] == BH_HAND_FULL),
    };
}

static enum bh_quiet_wake
wish(struct bh_quiet *quiet, unsigned number, struct bh_mono until, struct bh_mono now)
{
    bool asked = is_asked_for(quiet, now);
    if (asked && quiet->taker != number)
        return BH_QUIET_WAKE_NOBODY;
    quiet->taker = number;
    quiet->until = until;
    if (asked || quiet->count == 1)
        return BH_QUIET_WAKE_NOBODY;
    return others_busy(quiet, number) > 0 ? BH_QUIET_WAKE_OTHERS : BH_QUIET_WAKE_TAKER;
}

enum bh_quiet_wake
bh_quiet_end_turn(struct bh_quiet *quiet, unsigned number, const struct bh_bearing *bearing,
                  struct bh_mono now)
{
    BH_ASSERT(number < quiet->count);
    bool was_busy = quiet->hands[number] != BH_HAND_EMPTY;
    set_hand(quiet, number, bearing->in_hand ? BH_HAND_FULL : BH_HAND_EMPTY);
    /* One whose time is over is none: it is not put off. */
    if (bearing->alone_until.ms != 0 && !bh_mono_reached(bearing->alone_until, now))
        return wish(quiet, number, bearing->alone_until, now);
    if (quiet->until.ms != 0 && quiet->taker == number) {
        quiet->until = (struct bh_mono){0};
        return quiet->count > 1 ? BH_QUIET_WAKE_OTHERS : BH_QUIET_WAKE_NOBODY;
    }
    bool is_last = was_busy && !bearing->in_hand && is_asked_for(quiet, now) &&
                   others_busy(quiet, quiet->taker) == 0;
    return is_last ? BH_QUIET_WAKE_TAKER : BH_QUIET_WAKE_NOBODY;
}

unsigned
bh_quiet_taker(const struct bh_quiet *quiet)
{
    return quiet->taker;
}
