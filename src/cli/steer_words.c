#include "cli/steer_words.h"

#include "cli/display.h"

/* clang-format off */
static const struct {
    const char *participle;
    const char *done;
} words[BH_STEERINGS] = {
    [BH_STEER_HOLD]    = {"held",      "held until `bellhop release`; its ttl runs on"},
    [BH_STEER_RELEASE] = {"released",  "released"},
    [BH_STEER_CANCEL]  = {"cancelled", "cancelled, not sent"},
    [BH_STEER_EXPIRE]  = {"expired",   "expired, not sent"},
    [BH_STEER_RETRY]   = {"hastened",  "goes as soon as a worker is free"},
    [BH_STEER_REQUEUE] = {"requeued",  "begins anew: no attempts, a whole ttl"},
    [BH_STEER_DELETE]  = {"deleted",   "deleted; its status stays until its time is over"},
};

static const char *const results[BH_STEERED_CODES] = {
    [BH_STEERED_DONE] = "done",
    [BH_STEERED_NONE] = "not_known",
    [BH_STEERED_IN_HAND] = "in_hand",
    [BH_STEERED_STATE] = "wrong_state",
    [BH_STEERED_ALREADY] = "already",
    [BH_STEERED_GONE] = "gone",
    [BH_STEERED_UNCERTAIN] = "uncertain",
    [BH_STEERED_UNKNOWN] = "unknown",
    [BH_STEERED_PARTLY] = "partly_sent",
    [BH_STEERED_HELD] = "held",
    [BH_STEERED_EARLY] = "not_claimed",
    [BH_STEERED_LEFT] = "left_word",
    [BH_STEERED_TAKEN] = "id_taken",
};

static const char *const fixed[BH_STEERED_CODES] = {
    [BH_STEERED_NONE] = "is not known, or has just ended",
    [BH_STEERED_IN_HAND] = "is in a worker's hand right now; try again in a moment, or `bellhop cancel` it, "
                           "which holds as soon as the worker puts it back",
    [BH_STEERED_GONE] = "cannot be brought back: its text is no longer kept.  Send it as a new job",
    [BH_STEERED_UNCERTAIN] = "may have been sent already, so nothing was done: say what became of it with "
                             "`bellhop resolve`",
    [BH_STEERED_UNKNOWN] = "will not be sent any more, but an earlier request of it may have been accepted: it "
                           "ended as unknown.  See `bellhop resolve`",
    [BH_STEERED_PARTLY] = "has reached some of its recipients, who would get it twice; `bellhop retry` goes on with "
                          "the others",
    [BH_STEERED_HELD] = "is held by an operator: `bellhop release` it",
    [BH_STEERED_EARLY] = "has not been claimed by a worker yet: `bellhop cancel` works on its id, all else when it "
                         "was claimed",
    [BH_STEERED_TAKEN] = "died long ago, and another job has its id by now; it can only be deleted",
};
/* clang-format on */

bool
bh_steer_went_well(enum bh_steer_code code)
{
    return code == BH_STEERED_DONE || code == BH_STEERED_ALREADY || code == BH_STEERED_LEFT;
}

const char *
bh_steer_result_name(enum bh_steer_code code)
{
    return results[code];
}

const char *
bh_steer_verb(enum bh_steering operation)
{
    return bh_steering_name(operation);
}

const char *
bh_steer_participle(enum bh_steering operation)
{
    return words[operation].participle;
}

static const char *
advice(enum bh_steering operation, struct bh_str before)
{
    bool dead = bh_str_equal_text(before, "failed") || bh_str_equal_text(before, "invalid");
    if (dead && operation != BH_STEER_DELETE)
        return ": `bellhop requeue` lets it begin anew, `bellhop delete` ends it";
    if (operation == BH_STEER_DELETE && !dead)
        return ": only the dead are deleted; `bellhop cancel` ends what waits";
    if (operation == BH_STEER_RELEASE)
        return ", not held";
    if (bh_str_equal_text(before, "unknown"))
        return ": say what became of it with `bellhop resolve`";
    return ": nothing of it waits any more";
}

void
bh_steer_sentence(enum bh_steering operation, const struct bh_steered *steered,
                  struct bh_buf *sentence)
{
    bool in_hand = bh_str_equal_text(steered->before, "sending");
    switch (steered->code) {
    case BH_STEERED_DONE:
        if (operation != BH_STEER_DELETE && bh_str_equal_text(steered->after, "partial"))
            (void)bh_buf_append_text(sentence, "ended as partial: some of its recipients had been "
                                               "reached, the others will not be");
        else
            (void)bh_buf_append_text(sentence, words[operation].done);
        break;
    case BH_STEERED_ALREADY:
        (void)bh_buf_append_text(
            sentence, operation == BH_STEER_RETRY ? "is in the line already" : "is so already");
        break;
    case BH_STEERED_LEFT:
        (void)bh_buf_append_text(sentence,
                                 in_hand ? "is in a worker's hand: it is cancelled unless this "
                                           "very try sends it"
                                         : "is cancelled when a worker claims it");
        break;
    case BH_STEERED_STATE:
        (void)bh_buf_append_text(sentence, "is ");
        (void)bh_display_append(
            sentence, steered->before.len > 0 ? steered->before : bh_str_from("unreadable"));
        (void)bh_buf_append_text(sentence, advice(operation, steered->before));
        break;
    case BH_STEERED_NONE:
    case BH_STEERED_IN_HAND:
    case BH_STEERED_GONE:
    case BH_STEERED_UNCERTAIN:
    case BH_STEERED_UNKNOWN:
    case BH_STEERED_PARTLY:
    case BH_STEERED_HELD:
    case BH_STEERED_EARLY:
    case BH_STEERED_TAKEN: (void)bh_buf_append_text(sentence, fixed[steered->code]); break;
    }
}
