#include "daemon/reload.h"

#include "daemon/config_load.h"
#include "daemon/log.h"

extern char **environ;

void
bh_reload_log_report(const struct bh_config_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct bh_config_message *message = &report->messages[i];
        const struct bh_log_field where = bh_log_text("where", message->where);
        bool error = message->severity == BH_CONFIG_ERROR;
        bh_log_write(error ? BH_LOG_ERROR : BH_LOG_WARN, "config", &where, 1, "%s", message->text);
    }
}

static void
report_changes(const struct bh_config_diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct bh_config_change *change = &diff->changes[i];
        const struct bh_log_field fields[] = {
            bh_log_text("key", change->key),
            bh_log_text("was", change->was),
            bh_log_text("now", change->now),
        };
        bool restart = change->reload == BH_CONFIG_RESTART;
        bh_log_write(restart ? BH_LOG_WARN : BH_LOG_INFO, "config_changed", fields,
                     BH_ARRAY_LEN(fields), "%s",
                     restart ? "needs a restart; the old value stays in force" : "in force now");
    }
}

/* Completely, before anything of it is applied. */
static enum bh_status
read_successor(const char *path, const struct bh_config *old, struct bh_config_report *report,
               struct bh_config **ret_config)
{
    struct bh_config *fresh = NULL;
    struct bh_config_diff diff;
    enum bh_status status = bh_config_load(path, (const char *const *)environ, report, &fresh);
    if (status != BH_OK)
        return status;
    status = bh_config_diff(old, fresh, &diff);
    if (status == BH_OK) {
        status = bh_config_succeed(fresh, old, report);
        if (status == BH_OK)
            report_changes(&diff);
        bh_config_diff_release(&diff);
    }
    if (status != BH_OK) {
        bh_config_release(fresh);
        return status;
    }
    *ret_config = fresh;
    return BH_OK;
}

enum bh_status
bh_reload_read(const char *path, const struct bh_config *old, struct bh_config **ret_config)
{
    struct bh_config_report report = {0};
    enum bh_status status = read_successor(path, old, &report, ret_config);
    bh_reload_log_report(&report);
    bh_config_report_release(&report);
    if (status != BH_OK)
        bh_log_write(BH_LOG_ERROR, "reload_refused", NULL, 0,
                     "nothing of the new configuration is applied; the old one stays in force");
    return status;
}
