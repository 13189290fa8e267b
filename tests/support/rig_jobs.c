#include "support/rig_jobs.h"

void
bh_rig_push_jobs(struct bh_rig *rig, const char *queue, const char *prefix, unsigned from,
                 unsigned to)
{
    for (unsigned i = from; i < to; i++)
        bh_rig_push(rig, queue,
                    bh_rig_text(rig, "{\"id\":\"%s-%u\",\"to\":\"49171%06u\",\"text\":\"%s %u\"}",
                                prefix, i, i, prefix, i));
}

long long
bh_rig_accepted_in_all(struct bh_rig *rig)
{
    return bh_rig_sim_number(rig, "stats?limit=0", "accepted");
}

static void
expect_number(struct bh_rig *rig, const char *name, long long wanted)
{
    long long is = bh_rig_sim_number(rig, "stats?limit=0", name);
    if (is != wanted)
        bh_rig_fail(rig, "%s is %lld, wanted %lld: %s", name, is, wanted,
                    bh_rig_ask(rig, "stats?limit=5"));
}

void
bh_rig_expect_all_sent_once(struct bh_rig *rig, const char *queue, const char *prefix,
                            unsigned count, int timeout_ms)
{
    BH_RIG_UNTIL_MS(rig, timeout_ms, bh_rig_unfinished(rig, queue) == 0);
    for (unsigned i = 0; i < count; i++) {
        const char *id = bh_rig_text(rig, "%s-%u", prefix, i);
        if (!bh_rig_is(rig, queue, id, "state", "sent"))
            bh_rig_wait_state(rig, queue, id, "sent");
    }
    expect_number(rig, "foreign_ids_count", count);
    expect_number(rig, "foreign_ids_doubled_count", 0);
    expect_number(rig, "accepted", count);
}
