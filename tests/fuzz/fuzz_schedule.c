/*
 * A schedule is within its bounds, formats to a text that parses to the same, and jitter stays
 * within 20 %.
 */
#include "core/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_delays(const struct bh_schedule *schedule)
{
    bool used_up = false;
    for (uint32_t retry = 0; retry < 40000; retry += 97) {
        bh_ms delay;
        if (!bh_schedule_delay(schedule, retry, &delay)) {
            used_up = true;
            continue;
        }
        BH_ASSERT(!used_up);
        BH_ASSERT(delay >= 1 && delay <= BH_SCHEDULE_DELAY_MAX);
        bh_ms longer = bh_jitter_up(delay, retry * 2654435761u, 20);
        BH_ASSERT(longer >= delay && longer - delay <= delay / 5);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bh_schedule schedule, again;
    if (bh_schedule_parse((struct bh_str){(const char *)bytes, len}, &schedule, NULL) != BH_OK)
        return 0;
    BH_ASSERT(schedule.steps_len >= 1 && schedule.steps_len <= BH_SCHEDULE_STEPS_MAX);
    check_delays(&schedule);

    struct bh_buf once, twice;
    bh_buf_init(&once, 4096);
    bh_buf_init(&twice, 4096);
    BH_ASSERT(bh_schedule_format(&schedule, &once) == BH_OK);
    BH_ASSERT(bh_schedule_parse(bh_buf_str(&once), &again, NULL) == BH_OK);
    BH_ASSERT(bh_schedule_format(&again, &twice) == BH_OK);
    BH_ASSERT(bh_str_equal(bh_buf_str(&once), bh_buf_str(&twice)));
    bh_buf_release(&once);
    bh_buf_release(&twice);
    return 0;
}
