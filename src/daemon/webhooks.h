/*
 * webhooks - who may post a webhook to us, and what becomes of what was posted: token, addresses, signatures and nonces of the
 * configuration, joined to the reports.
 *
 * Belongs to the main thread.
 */
#ifndef BH_DAEMON_WEBHOOKS_H
#define BH_DAEMON_WEBHOOKS_H

#include "core/config.h"
#include "daemon/reports.h"
#include "http/router.h"

/* The events that the gateway is known to tell of. */
enum bh_webhook_kind {
    BH_WEBHOOK_KIND_DLR,
    BH_WEBHOOK_KIND_VOICE_STATUS,
    BH_WEBHOOK_KIND_SMS_MO,
    BH_WEBHOOK_KIND_VOICE_CALL,
    BH_WEBHOOK_KIND_VOICE_DTMF,
    BH_WEBHOOK_KIND_TRACKING,
    BH_WEBHOOK_KIND_RCS,
    BH_WEBHOOK_KIND_OTHER,
};
#define BH_WEBHOOK_KINDS (BH_WEBHOOK_KIND_OTHER + 1)

/* "dlr" */
const char *bh_webhook_kind_name(enum bh_webhook_kind kind);

/* Of this process; ever-growing. */
struct bh_webhook_counts {
    uint64_t events[BH_WEBHOOK_KINDS];
    uint64_t taken;     /* answered 200: Redis has it, or it is nobody's concern */
    uint64_t not_taken; /* answered 500 */
    uint64_t repeated;  /* the same signed request once more */
    uint64_t refused[BH_HTTP_REFUSALS];
};

/* "wrong_token" */
const char *bh_webhook_refusal_name(enum bh_http_refusal refusal);

struct bh_webhooks;

/* A reference to the configuration is taken. */
enum bh_status bh_webhooks_new(const struct bh_config *config,
                               struct bh_webhooks **ret_webhooks) BH_MUST_CHECK;
void bh_webhooks_configure(struct bh_webhooks *webhooks, const struct bh_config *config);

/* Where reports go; borrowed.  Without it each one is asked to come again. */
void bh_webhooks_join(struct bh_webhooks *webhooks, struct bh_reports *reports);

/* Valid until the next configure. */
const struct bh_http_webhook *bh_webhooks_route(const struct bh_webhooks *webhooks);

/* How a report ended that was put off. */
void bh_webhooks_note(struct bh_webhooks *webhooks, const struct bh_reports_receipt *receipt,
                      bool taken);

const struct bh_webhook_counts *bh_webhooks_counts(const struct bh_webhooks *webhooks);

/* NULL is fine. */
void bh_webhooks_free(struct bh_webhooks *webhooks);

#endif
