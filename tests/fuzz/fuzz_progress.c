/*
 * A memo that can be read is written in a form that reads as the same again, and never names a recipient that
 * the job does not have.
 */
#include "engine/progress.h"

#define PEOPLE_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_same(const struct bh_progress *one, const struct bh_progress *other)
{
    size_t open_one[PEOPLE_MAX], open_other[PEOPLE_MAX];
    size_t count = bh_progress_open(one, open_one);
    BH_ASSERT(count <= one->recipients_count);
    BH_ASSERT(count == bh_progress_open(other, open_other));
    for (size_t i = 0; i < count; i++)
        BH_ASSERT(open_one[i] == open_other[i] && open_one[i] < one->recipients_count);
    BH_ASSERT(one->retries == other->retries && one->lock_waits == other->lock_waits);
    BH_ASSERT(one->daily_waits == other->daily_waits && one->refused_at_s == other->refused_at_s);
    BH_ASSERT(one->guarded_tries == other->guarded_tries);
    BH_ASSERT(one->first_lost_s == other->first_lost_s && one->last_lost_s == other->last_lost_s);
    BH_ASSERT(one->looked_at_s == other->looked_at_s && one->absent_at_s == other->absent_at_s);
    BH_ASSERT(one->resend_due_s == other->resend_due_s && one->open_due_s == other->open_due_s);
    BH_ASSERT(bh_progress_count(one, BH_RECIPIENT_UNCERTAIN) ==
              bh_progress_count(other, BH_RECIPIENT_UNCERTAIN));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    struct bh_progress progress, again;
    size_t people = bytes[0] % PEOPLE_MAX + 1u;
    if (bh_progress_init(&progress, people) != BH_OK || bh_progress_init(&again, people) != BH_OK)
        return 0;
    struct bh_str memo = {(const char *)bytes + 1, len - 1};
    if (bh_progress_parse(memo, &progress) == BH_OK) {
        struct bh_buf once, twice;
        bh_buf_init(&once, 64 * 1024);
        bh_buf_init(&twice, 64 * 1024);
        BH_ASSERT(bh_progress_format(&progress, &once) == BH_OK);
        BH_ASSERT(bh_progress_parse(bh_buf_str(&once), &again) == BH_OK);
        check_same(&progress, &again);
        BH_ASSERT(bh_progress_format(&again, &twice) == BH_OK);
        BH_ASSERT(bh_str_equal(bh_buf_str(&once), bh_buf_str(&twice)));
        bh_buf_release(&once);
        bh_buf_release(&twice);
    }
    bh_progress_release(&progress);
    bh_progress_release(&again);
    return 0;
}
