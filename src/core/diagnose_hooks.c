#include "core/diagnose_hooks.h"

#include <string.h>

#include "core/config_own.h"
#include "core/webhook_address.h"

#define TOKEN_CURE "[http] webhook_token = SECRET (openssl rand -hex 24 makes one)"

/* ---- what is configured ---- */

static bool
has_voice(const struct bh_config *config)
{
    for (size_t i = 0; i < config->queues_count; i++)
        if (config->queues[i].type == BH_JOB_VOICE)
            return true;
    return false;
}

struct bh_webhook_facts
bh_webhook_facts_from(const struct bh_config *config)
{
    const struct bh_config_http *http = &config->http;
    return (struct bh_webhook_facts){
        .url = http->webhook_url,
        .token = {http->webhook_token.bytes, http->webhook_token.len},
        .listens = http->listen.host[0] != '\0',
        .has_voice = has_voice(config),
        .is_picky = http->webhook_signed || http->webhook_from[0] != '\0',
    };
}

static bool
is_on_loopback(const char *url)
{
    struct bh_config_url parts;
    return bh_config_url_split(bh_str_from(url), &parts) && bh_config_host_is_loopback(parts.host);
}

bool
bh_diagnose_webhook_settings(struct bh_diagnosis *diagnosis, const struct bh_webhook_facts *facts)
{
    if (facts->token.len == 0) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "token",
                    "[http] webhook_token is not set: the endpoint takes no reports.");
        bh_diagnose_cure(diagnosis, TOKEN_CURE);
    } else {
        bh_diagnose(diagnosis, BH_GRADE_OK, "token", "[http] webhook_token is set.");
    }
    if (facts->url[0] == '\0') {
        bh_diagnose(
            diagnosis, BH_GRADE_BAD, "url",
            "[http] webhook_url is not set: under which URL does the gateway reach this endpoint?");
        bh_diagnose_cure(diagnosis, "[http] webhook_url = https://HOST");
    } else if (is_on_loopback(facts->url)) {
        bh_diagnose(
            diagnosis, BH_GRADE_RISK, "url",
            "[http] webhook_url is on this machine itself, where only bellhop-sim can reach it.");
        bh_diagnose_cure(diagnosis, "[http] webhook_url = https://HOST");
    }
    if (!facts->listens) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "listen",
                    "[http] listen is empty: bellhopd has no endpoint for reports.");
        bh_diagnose_cure(diagnosis, "[http] listen = 127.0.0.1:9177");
    }
    return facts->token.len > 0 && facts->url[0] != '\0';
}

/* ---- who is subscribed ---- */

/* An event, and how bad it is when it does not come. */
struct need {
    const char *event;
    enum bh_grade grade;
    const char *consequence;
};

static void
judge_event(struct bh_diagnosis *diagnosis, const struct need *need,
            const struct bh_hooks_found *found)
{
    const char *event = need->event;
    switch (found->fit) {
    case BH_HOOKS_FIT_NONE:
        bh_diagnose(diagnosis, need->grade, event, "Not subscribed: %s.", need->consequence);
        bh_diagnose_cure(diagnosis, "bellhop hooks add --event %s", event);
        return;
    case BH_HOOKS_FIT_FORMER:
        bh_diagnose(diagnosis, need->grade, event,
                    "Subscribed under another token (%s), which is answered 404: %s.",
                    found->hook->id, need->consequence);
        bh_diagnose_cure(diagnosis, "bellhop hooks add --event %s", event);
        return;
    case BH_HOOKS_FIT_DISABLED:
        bh_diagnose(diagnosis, need->grade, event,
                    "Subscribed (%s), but switched off at the gateway, which it may do itself "
                    "after failures: %s.",
                    found->hook->id, need->consequence);
        bh_diagnose_cure(diagnosis, "bellhop hooks remove %s", found->hook->id);
        bh_diagnose_cure(diagnosis, "bellhop hooks add --event %s", event);
        return;
    case BH_HOOKS_FIT_FILTERED:
        bh_diagnose(diagnosis, BH_GRADE_RISK, event,
                    "Subscribed (%s) with a filter: only some reports come.", found->hook->id);
        bh_diagnose_cure(diagnosis, "bellhop hooks add --event %s", event);
        return;
    case BH_HOOKS_FIT_GOOD: break;
    }
    if (found->good == 1) {
        bh_diagnose(diagnosis, BH_GRADE_OK, event, "Subscribed: %s.", found->hook->id);
        return;
    }
    bh_diagnose(diagnosis, BH_GRADE_NOTE, event,
                "Subscribed %zu times: each report comes as often, which does no harm.",
                found->good);
    bh_diagnose_cure(diagnosis, "bellhop hooks list");
    bh_diagnose_cure(diagnosis, "bellhop hooks remove ID");
}

static void
judge_former(struct bh_diagnosis *diagnosis, const struct bh_hooks_answer *list,
             struct bh_str address)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct bh_gateway_hook *hook = &list->hooks[i];
        if (!bh_webhook_is_former(bh_str_from(hook->url), address))
            continue;
        bh_diagnose(
            diagnosis, BH_GRADE_NOTE, "former",
            "%s is for this endpoint under another token; if no other bellhopd has it, it gets "
            "nothing but 404.",
            hook->id);
        bh_diagnose_cure(diagnosis, "bellhop hooks remove %s", hook->id);
    }
}

void
bh_diagnose_webhook_list(struct bh_diagnosis *diagnosis, const struct bh_webhook_facts *facts,
                         const struct bh_hooks_answer *list, const char *address)
{
    const struct need needs[] = {
        {"dlr",          BH_GRADE_BAD,                                    "what becomes of an SMS stays unknown"},
        {"voice_status", facts->has_voice ? BH_GRADE_BAD : BH_GRADE_NOTE,
         "what becomes of a call stays unknown"                                                                 },
    };
    if (list->result != BH_HOOKS_DONE) {
        const char *advice = bh_hooks_advice(list);
        bh_diagnose(diagnosis, BH_GRADE_BAD, "list", "Who is subscribed is not known: %s.",
                    list->error);
        if (advice[0] != '\0')
            bh_diagnose_cure(diagnosis, "%s", advice);
        return;
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(needs); i++) {
        struct bh_hooks_found found = bh_hooks_find(list, address, needs[i].event);
        judge_event(diagnosis, &needs[i], &found);
    }
    judge_former(diagnosis, list, bh_str_from(address));
}

/* ---- what answers there ---- */

/* The usual sentences speak of the gateway; this address is ours. */
static const char *
why_not_reached(enum bh_trouble trouble)
{
    if (trouble == BH_TROUBLE_RESOLVE)
        return "its name cannot be resolved";
    if (trouble == BH_TROUBLE_CONNECT)
        return "there is no connection to it";
    if (trouble == BH_TROUBLE_TLS)
        return "there is no secure connection to it (TLS)";
    if (trouble == BH_TROUBLE_CERTIFICATE)
        return "its certificate is not trusted";
    return bh_trouble_sentence(trouble);
}

static void
judge_no_answer(struct bh_diagnosis *diagnosis, const struct bh_exchange *exchange)
{
    bh_diagnose(
        diagnosis, BH_GRADE_RISK, "address",
        "From this machine the address cannot be reached: %s.  That proves nothing where it is "
        "behind a router that does not let its own side in.",
        why_not_reached(exchange->trouble));
    bh_diagnose_cure(diagnosis,
                     "curl -i WEBHOOK_URL/webhook/TOKEN (from outside; it should answer 200)");
}

void
bh_diagnose_webhook_reach(struct bh_diagnosis *diagnosis, const struct bh_webhook_facts *facts,
                          const struct bh_exchange *exchange)
{
    int status = exchange->http_status;
    struct bh_str body = bh_str_trim(exchange->body);
    bool is_ours = status == 200 && bh_str_equal_text(body, "ok");
    if (status == 0) {
        judge_no_answer(diagnosis, exchange);
    } else if (is_ours) {
        bh_diagnose(diagnosis, BH_GRADE_OK, "address",
                    "The address leads to a bellhopd that knows the token.");
    } else if (facts->is_picky && (status == 401 || status == 403 || status == 404)) {
        bh_diagnose(
            diagnosis, BH_GRADE_NOTE, "address",
            "Something answers at the address, with %d, which a question from here gets where only "
            "signed reports, or those of certain addresses, are taken.",
            status);
    } else if (status >= 500) {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "address",
                    "The address answers %d: the proxy finds no bellhopd, or that has no Redis.",
                    status);
        bh_diagnose_cure(diagnosis, "bellhop doctor");
    } else {
        bh_diagnose(diagnosis, BH_GRADE_BAD, "address",
                    "The address answers %d, which a bellhopd with this token does not: another "
                    "token is in "
                    "force there, or a proxy leads elsewhere.",
                    status);
        bh_diagnose_cure(diagnosis, "systemctl reload bellhopd (if the token was changed)");
        bh_diagnose_cure(diagnosis,
                         "[http] webhook_url = https://HOST (that leads to [http] listen)");
    }
}
