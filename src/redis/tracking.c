#include "redis/tracking.h"

struct bh_tracking
bh_tracking_of(const struct bh_config *config, const struct bh_queue_config *queue)
{
    struct bh_tracking tracking = {
        .keeps_sms = queue != NULL && queue->resend_on_report,
        .keeps_calls = queue != NULL && queue->redial > 0,
    };
    bool asks = config->gateway.pull_reports;
    if (config->http.webhook_token.len > 0 || asks || tracking.keeps_sms || tracking.keeps_calls)
        tracking.open_ms = bh_ms_min(BH_TRACKING_OPEN_MS, config->status.retention_ms);
    if (asks)
        tracking.pull_after_ms = config->gateway.pull_after_ms;
    return tracking;
}
