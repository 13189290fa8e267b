#include "daemon/pull_log.h"

#include <stdio.h>

#include "core/gateway_code.h"
#include "daemon/log.h"

struct bh_pull_reason
bh_pull_reason(const struct bh_exchange *exchange, int code)
{
    struct bh_pull_reason reason;
    if (code != 0)
        snprintf(reason.text, sizeof(reason.text), "%s (code %d)",
                 bh_gateway_code_find(code)->meaning, code);
    else if (exchange->http_status >= 300)
        snprintf(reason.text, sizeof(reason.text), "%s (HTTP %d)",
                 bh_gateway_status_find(exchange->http_status, false)->meaning,
                 exchange->http_status);
    else if (exchange->trouble != BH_TROUBLE_NONE)
        snprintf(reason.text, sizeof(reason.text), "%s", bh_trouble_sentence(exchange->trouble));
    else
        snprintf(reason.text, sizeof(reason.text), "the answer cannot be understood");
    return reason;
}

void
bh_pull_log_shut(enum bh_pull_source source, const char *reason)
{
    static const char *const texts[BH_PULL_SOURCE_COUNT] = {
        [BH_PULL_STATUS] = "the gateway does not tell the status of messages by their numbers; its "
                           "journal is asked instead",
        [BH_PULL_JOURNAL] = "the gateway's journal does not tell what became of SMS; give the key "
                            "the right to read it, or have reports posted to a webhook",
        [BH_PULL_CALLS] = "the gateway's journal of calls does not tell what became of them; give "
                          "the key the right to read it, or have reports posted to a webhook",
    };
    const struct bh_log_field fields[] = {
        bh_log_text("place", bh_pull_source_name(source)),
        bh_log_text("reason", reason),
    };
    bh_log_write(source == BH_PULL_STATUS ? BH_LOG_INFO : BH_LOG_WARN, "pull_refused", fields,
                 BH_ARRAY_LEN(fields), "%s", texts[source]);
}

void
bh_pull_log_summary(const struct bh_puller_counters *counters)
{
    const uint64_t *answers = counters->answers;
    const struct bh_log_field fields[] = {
        bh_log_int("read", (int64_t)answers[BH_PULLED_READ]),
        bh_log_int("refused", (int64_t)answers[BH_PULLED_REFUSED]),
        bh_log_int("not_so", (int64_t)answers[BH_PULLED_NOT_SO]),
        bh_log_int("nothing", (int64_t)answers[BH_PULLED_NOTHING]),
        bh_log_int("asked", (int64_t)counters->asked),
        bh_log_int("reports", (int64_t)counters->reports),
        bh_log_int("given_up", (int64_t)counters->given_up),
    };
    if (answers[BH_PULLED_READ] + answers[BH_PULLED_REFUSED] + answers[BH_PULLED_NOT_SO] +
            answers[BH_PULLED_NOTHING] >
        0)
        bh_log_write(BH_LOG_INFO, "pulled", fields, BH_ARRAY_LEN(fields),
                     "questions about messages since the start");
}
