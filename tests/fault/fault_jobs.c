#include "fault/fault_jobs.h"

const char *const fault_durable[] = {
    "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes", NULL};

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
