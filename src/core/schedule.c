#include "core/schedule.h"

#include "core/duration.h"
#include "core/fault.h"

/* What stands behind the star: nothing is endless, else a plain number. */
static bool
parse_times(struct bh_str text, uint32_t *ret_times)
{
    if (text.len == 0) {
        *ret_times = BH_SCHEDULE_ENDLESS;
        return true;
    }
    int64_t times;
    if (!bh_str_to_int64(text, &times) || times < 1 || times > BH_SCHEDULE_TIMES_MAX)
        return false;
    *ret_times = (uint32_t)times;
    return true;
}

static enum bh_status
parse_step(struct bh_str text, struct bh_schedule_step *ret_step, struct bh_error *error)
{
    struct bh_quoted shown = bh_quote(text);
    struct bh_schedule_step step = {.times = 1};
    struct bh_str times = text;
    struct bh_str delay = text;
    bh_str_split(&times, '*', &delay);
    enum bh_status status = bh_duration_parse(delay, BH_UNIT_REQUIRED, &step.delay, error);
    if (status != BH_OK)
        return status;
    if (step.delay < 1 || step.delay > BH_SCHEDULE_DELAY_MAX)
        return bh_error_set(error, NULL, "retry delay \"%s\" is not between 1ms and 30d",
                            shown.text);
    if (times.ptr != NULL && !parse_times(times, &step.times))
        return bh_error_set(error, NULL, "\"%s\" does not repeat 1 to %d times", shown.text,
                            BH_SCHEDULE_TIMES_MAX);
    *ret_step = step;
    return BH_OK;
}

enum bh_status
bh_schedule_parse(struct bh_str text, struct bh_schedule *ret_schedule, struct bh_error *error)
{
    struct bh_schedule schedule = {.steps_len = 0};
    struct bh_str rest = text;
    struct bh_str piece;
    if (bh_str_trim(text).len == 0)
        return bh_error_set(error, NULL,
                            "the retry schedule is empty; write for example 5s, 1m*3, 30m*");

    while (bh_str_split(&rest, ',', &piece)) {
        if (schedule.steps_len == BH_SCHEDULE_STEPS_MAX)
            return bh_error_set(error, NULL, "the retry schedule has more than %d entries",
                                BH_SCHEDULE_STEPS_MAX);
        piece = bh_str_trim(piece);
        struct bh_schedule_step *step = &schedule.steps[schedule.steps_len];
        enum bh_status status = parse_step(piece, step, error);
        if (status != BH_OK)
            return status;
        if (step->times == BH_SCHEDULE_ENDLESS && rest.ptr != NULL)
            return bh_error_set(error, NULL, "nothing comes after \"%s\", which repeats for ever",
                                bh_quote(piece).text);
        schedule.steps_len++;
    }
    *ret_schedule = schedule;
    return BH_OK;
}

bool
bh_schedule_delay(const struct bh_schedule *schedule, uint32_t retry_index, bh_ms *ret_delay)
{
    for (size_t i = 0; i < schedule->steps_len; i++) {
        const struct bh_schedule_step *step = &schedule->steps[i];
        if (step->times == BH_SCHEDULE_ENDLESS || retry_index < step->times) {
            *ret_delay = step->delay;
            return true;
        }
        retry_index -= step->times;
    }
    return false;
}

enum bh_status
bh_schedule_format(const struct bh_schedule *schedule, struct bh_buf *buf)
{
    for (size_t i = 0; i < schedule->steps_len; i++) {
        const struct bh_schedule_step *step = &schedule->steps[i];
        bh_buf_printf(buf, "%s%s", i > 0 ? ", " : "", bh_duration_format(step->delay).text);
        if (step->times == BH_SCHEDULE_ENDLESS)
            bh_buf_append_char(buf, '*');
        else if (step->times > 1)
            bh_buf_printf(buf, "*%u", (unsigned)step->times);
    }
    return bh_buf_status(buf);
}

bh_ms
bh_jitter_up(bh_ms delay, uint32_t dice, unsigned percent)
{
    BH_ASSERT(delay >= 0 && percent <= 100);
    /* In two halves, so that no product leaves 64 bits; the few units lost by it do not matter. */
    uint64_t most = (uint64_t)delay / 100 * percent + (uint64_t)delay % 100 * percent / 100;
    uint64_t extra = (most >> 32) * dice + ((most & UINT32_MAX) * ((uint64_t)dice + 1) >> 32);
    if (extra > (uint64_t)(INT64_MAX - delay))
        return INT64_MAX;
    return delay + (bh_ms)extra;
}
