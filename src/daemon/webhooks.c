#include "daemon/webhooks.h"

#include <string.h>

#include "core/address_list.h"
#include "core/alloc.h"
#include "core/webhook_address.h"
#include "core/webhook_signature.h"
#include "daemon/clock.h"
#include "daemon/hush.h"
#include "daemon/log.h"

struct bh_webhooks {
    const struct bh_config *config; /* owned reference */
    struct bh_reports *reports;     /* borrowed; NULL: none */
    struct bh_http_webhook route;
    struct bh_buf target; /* the URL that is subscribed, and that the gateway signs */
    enum bh_status target_status;
    struct bh_address_list from;
    struct bh_nonce_memory nonces;
    struct bh_webhook_counts counts;
    struct bh_hush hush;
};

/* ---- names ---- */

static const char *const kind_names[BH_WEBHOOK_KINDS] = {
    [BH_WEBHOOK_KIND_DLR] = "dlr",
    [BH_WEBHOOK_KIND_VOICE_STATUS] = "voice_status",
    [BH_WEBHOOK_KIND_SMS_MO] = "sms_mo",
    [BH_WEBHOOK_KIND_VOICE_CALL] = "voice_call",
    [BH_WEBHOOK_KIND_VOICE_DTMF] = "voice_dtmf",
    [BH_WEBHOOK_KIND_TRACKING] = "tracking",
    [BH_WEBHOOK_KIND_RCS] = "rcs",
    [BH_WEBHOOK_KIND_OTHER] = "other",
};

static const char *const refusal_names[BH_HTTP_REFUSALS] = {
    [BH_HTTP_WRONG_TOKEN] = "wrong_token",
    [BH_HTTP_NO_REPORT] = "unreadable",
    [BH_HTTP_WRONG_ADDRESS] = "wrong_address",
    [BH_HTTP_WRONG_SIGNATURE] = "wrong_signature",
};

const char *
bh_webhook_kind_name(enum bh_webhook_kind kind)
{
    return kind_names[kind];
}

const char *
bh_webhook_refusal_name(enum bh_http_refusal refusal)
{
    return refusal_names[refusal];
}

static enum bh_webhook_kind
kind_of(const struct bh_delivery_report *report)
{
    if (report->event == BH_WEBHOOK_DLR)
        return BH_WEBHOOK_KIND_DLR;
    if (report->event == BH_WEBHOOK_VOICE)
        return BH_WEBHOOK_KIND_VOICE_STATUS;
    for (int i = 0; i < BH_WEBHOOK_KINDS; i++) {
        if (bh_str_equal_nocase(bh_str_from(report->event_word), bh_str_from(kind_names[i])))
            return (enum bh_webhook_kind)i;
    }
    return bh_str_starts_with(bh_str_from(report->event_word), BH_STR_LITERAL("rcs_"))
               ? BH_WEBHOOK_KIND_RCS
               : BH_WEBHOOK_KIND_OTHER;
}

/* ---- the route ---- */

static bool
route_is_welcome(void *arg, const struct bh_http_request *request)
{
    const struct bh_webhooks *webhooks = arg;
    return bh_address_list_has(&webhooks->from, request->peer);
}

static enum bh_http_proof
route_is_genuine(void *arg, const struct bh_http_request *request, const char **ret_why)
{
    struct bh_webhooks *webhooks = arg;
    const struct bh_config *config = webhooks->config;
    enum bh_webhook_proof proof;
    struct bh_wall now = bh_clock_wall();
    if (!config->http.webhook_signed)
        return BH_HTTP_GENUINE;
    if (webhooks->target_status != BH_OK)
        return BH_HTTP_CANNOT_TELL;
    const struct bh_webhook_signed posted = {
        .method = request->method == BH_HTTP_POST ? BH_STR_LITERAL("POST") : BH_STR_LITERAL("GET"),
        .url = bh_buf_str(&webhooks->target),
        .query = request->query,
        .body = request->body,
        .timestamp = request->timestamp,
        .nonce = request->nonce,
        .signature = request->signature,
    };
    const struct bh_config_secret *key = &config->gateway.signing_key;
    if (bh_webhook_verify((struct bh_str){key->bytes, key->len}, &posted, now, &proof) != BH_OK)
        return BH_HTTP_CANNOT_TELL;
    *ret_why = bh_webhook_proof_text(proof);
    if (proof != BH_WEBHOOK_GENUINE)
        return BH_HTTP_FORGED;
    if (!bh_nonce_memory_has(&webhooks->nonces, request->nonce, now))
        return BH_HTTP_GENUINE;
    webhooks->counts.repeated++;
    return BH_HTTP_REPEATED;
}

static struct bh_reports_receipt
receipt_of(const struct bh_webhooks *webhooks, const struct bh_http_request *request)
{
    struct bh_reports_receipt receipt = {.ticket = request->ticket, .nonce = ""};
    if (webhooks->config->http.webhook_signed && request->nonce.len < sizeof(receipt.nonce)) {
        memcpy(receipt.nonce, request->nonce.ptr, request->nonce.len);
        receipt.nonce[request->nonce.len] = '\0';
    }
    return receipt;
}

static enum bh_http_taken
route_on_report(void *arg, const struct bh_http_report *posted)
{
    struct bh_webhooks *webhooks = arg;
    const struct bh_delivery_report *report = posted->report;
    struct bh_reports_receipt receipt = receipt_of(webhooks, posted->request);
    bool is_report = report->event == BH_WEBHOOK_DLR || report->event == BH_WEBHOOK_VOICE;
    bool let_in = false;
    webhooks->counts.events[kind_of(report)]++;
    if (!is_report && posted->sms == NULL) {
        webhooks->counts.taken++;
        return BH_HTTP_TAKEN;
    }
    if (webhooks->reports != NULL && is_report)
        let_in = bh_reports_take_for(webhooks->reports, report, &receipt);
    else if (webhooks->reports != NULL)
        let_in = bh_reports_take_sms(webhooks->reports, posted->sms, &receipt);
    webhooks->counts.not_taken += !let_in;
    return let_in ? BH_HTTP_LATER : BH_HTTP_NOT_TAKEN;
}

/* Whoever knocks again and again is told about with growing distance. */
static void
route_on_refused(void *arg, const struct bh_http_request *request, enum bh_http_refusal refusal,
                 const char *why)
{
    static const struct {
        const char *event, *text;
    } rows[BH_HTTP_REFUSALS] = {
        [BH_HTTP_WRONG_TOKEN] = {"webhook_token_wrong",
                                 "a webhook was called with a wrong token and was answered 404; if "
                                 "that is the gateway, its address does not end with [http] "
                                 "webhook_token"                                             },
        [BH_HTTP_NO_REPORT] = {"webhook_unreadable",
                                 "what was posted to the webhook is no report; it is dropped"},
        [BH_HTTP_WRONG_ADDRESS] = {"webhook_address_wrong",
                                 "a webhook was called from an address that is not among [http] "
                                   "webhook_from, and was answered 404"                      },
        [BH_HTTP_WRONG_SIGNATURE] = {"webhook_signature_wrong",
                                 "a webhook with the right token was not signed as it should "
                                     "be and was answered 403; it will not come again"       },
    };
    struct bh_webhooks *webhooks = arg;
    unsigned kept_back;
    char peer[BH_HTTP_ADDRESS_MAX] = "";
    webhooks->counts.refused[refusal]++;
    if (!bh_hush_may_say(&webhooks->hush, rows[refusal].event, NULL, bh_clock_mono(), &kept_back))
        return;
    if (request->peer.len > 0 && request->peer.len < sizeof(peer))
        memcpy(peer, request->peer.ptr, request->peer.len);
    const struct bh_log_field fields[] = {
        bh_log_int("kept_back", kept_back),
        bh_log_text("address", peer),
        bh_log_text("reason", why),
    };
    size_t count = why[0] != '\0' ? BH_ARRAY_LEN(fields) : BH_ARRAY_LEN(fields) - 1;
    bh_log_write(BH_LOG_WARN, rows[refusal].event, fields, count, "%s", rows[refusal].text);
}

const struct bh_http_webhook *
bh_webhooks_route(const struct bh_webhooks *webhooks)
{
    return &webhooks->route;
}

void
bh_webhooks_note(struct bh_webhooks *webhooks, const struct bh_reports_receipt *receipt, bool taken)
{
    struct bh_str nonce = bh_str_from(receipt->nonce);
    if (taken)
        webhooks->counts.taken++;
    else
        webhooks->counts.not_taken++;
    /* What was not taken has to come again, possibly with the same nonce. */
    if (taken && nonce.len == BH_NONCE_LEN)
        bh_nonce_memory_add(&webhooks->nonces, nonce, bh_clock_wall());
}

const struct bh_webhook_counts *
bh_webhooks_counts(const struct bh_webhooks *webhooks)
{
    return &webhooks->counts;
}

/* ---- life ---- */

static void
set_target(struct bh_webhooks *webhooks)
{
    bh_buf_clear(&webhooks->target);
    webhooks->target_status = bh_webhook_address(bh_str_from(webhooks->config->http.webhook_url),
                                                 webhooks->route.token, &webhooks->target);
}

void
bh_webhooks_configure(struct bh_webhooks *webhooks, const struct bh_config *config)
{
    const struct bh_config *old = webhooks->config;
    webhooks->config = bh_config_retain(config);
    bh_config_release(old);
    webhooks->route.token =
        (struct bh_str){config->http.webhook_token.bytes, config->http.webhook_token.len};
    webhooks->route.zone = config->gateway.zone;
    set_target(webhooks);
    /* It was read when the configuration was checked. */
    enum bh_status status =
        bh_address_list_parse(bh_str_from(config->http.webhook_from), &webhooks->from, NULL);
    BH_ASSERT(status == BH_OK);
}

enum bh_status
bh_webhooks_new(const struct bh_config *config, struct bh_webhooks **ret_webhooks)
{
    struct bh_webhooks *webhooks = bh_alloc_zero(sizeof(*webhooks));
    if (webhooks == NULL)
        return BH_ENOMEM;
    webhooks->route = (struct bh_http_webhook){
        .is_welcome = route_is_welcome,
        .is_genuine = route_is_genuine,
        .on_report = route_on_report,
        .on_refused = route_on_refused,
        .arg = webhooks,
    };
    bh_buf_init(&webhooks->target, BH_WEBHOOK_ADDRESS_MAX);
    bh_webhooks_configure(webhooks, config);
    *ret_webhooks = webhooks;
    return BH_OK;
}

void
bh_webhooks_join(struct bh_webhooks *webhooks, struct bh_reports *reports)
{
    webhooks->reports = reports;
}

void
bh_webhooks_free(struct bh_webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    bh_buf_release(&webhooks->target);
    bh_config_release(webhooks->config);
    bh_free(webhooks);
}
