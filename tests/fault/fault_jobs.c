#include "fault/fault_jobs.h"

#include <criterion/criterion.h>

const char *const fault_durable[] = {
    "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes", NULL};

void
fault_push(struct bh_rig *rig, const char *prefix, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        bh_rig_push(rig, "sms",
                    bh_rig_text(rig, "{\"id\":\"%s-%u\",\"to\":\"49171%06u\",\"text\":\"%s %u\"}",
                                prefix, i, i, prefix, i));
}

long long
fault_accepted(struct bh_rig *rig)
{
    return bh_rig_sim_number(rig, "stats?limit=0", "accepted");
}

void
fault_expect_all_sent_once(struct bh_rig *rig, const char *prefix, unsigned count)
{
    BH_RIG_UNTIL_MS(rig, FAULT_WAIT_MS, bh_rig_unfinished(rig, "sms") == 0);
    for (unsigned i = 0; i < count; i++) {
        const char *id = bh_rig_text(rig, "%s-%u", prefix, i);
        if (!bh_rig_is(rig, "sms", id, "state", "sent"))
            bh_rig_wait_state(rig, "sms", id, "sent");
    }
    cr_expect_eq(bh_rig_sim_number(rig, "stats?limit=0", "foreign_ids_count"), count,
                 "each was accepted");
    cr_expect_eq(bh_rig_sim_number(rig, "stats?limit=0", "foreign_ids_doubled_count"), 0, "%s",
                 bh_rig_ask(rig, "stats?limit=5"));
    cr_expect_eq(fault_accepted(rig), count);
}

void
fault_expect_line(struct bh_rig *rig, unsigned index, const char *part)
{
    if (!bh_process_wait_line(&rig->daemons[index].process, part, BH_RIG_WAIT_MS))
        bh_rig_fail(rig, "daemon %u says nothing with: %s", index, part);
}

struct bh_daemon *
fault_start_behind(struct bh_rig *rig, const char *line_path, const char *more)
{
    struct bh_rig_options options = rig->options;
    options.redis = bh_rig_text(rig, "url = unix://%s\n%s", line_path, more);
    return bh_rig_start_daemon(rig, &options, NULL);
}
