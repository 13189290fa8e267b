/* doctor: the way to the gateway, the key, the account, and what could tell about a lost answer. */
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/gateway_line.h"
#include "core/diagnose_gateway.h"
#include "core/diagnose_hooks.h"
#include "core/gateway_answer.h"
#include "core/webhook_address.h"
#include "gateway/inspect_host.h"

#define NAME_TIMEOUT_MS (10 * BH_SECOND_MS)
#define HOST_MAX        256

static const char *
given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* The host of a URL whose form has been checked, without brackets; returns the port. */
static unsigned
take_host(const char *url, char host[HOST_MAX])
{
    unsigned port = strncmp(url, "http:", 5) == 0 ? 80 : 443;
    const char *begin = strstr(url, "://");
    begin = begin != NULL ? begin + 3 : url;
    bool brackets = begin[0] == '[';
    begin += brackets ? 1 : 0;
    size_t len = strcspn(begin, brackets ? "]" : ":/?");
    snprintf(host, HOST_MAX, "%.*s", (int)(len < HOST_MAX ? len : HOST_MAX - 1), begin);
    const char *rest = begin + len + (brackets ? 1 : 0);
    int64_t number;
    if (rest[0] == ':' &&
        bh_str_to_int64((struct bh_str){rest + 1, strcspn(rest + 1, "/?")}, &number) &&
        number > 0 && number <= UINT16_MAX)
        port = (unsigned)number;
    return port;
}

/* ---- The way ---- */

static bool
check_name(struct bh_doctor *doctor, const char *host)
{
    struct bh_name_facts facts;
    if (bh_inspect_name(host, NAME_TIMEOUT_MS, &facts) != BH_OK) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "dns",
                    "Could not be tried: short of memory or threads.");
        return true;
    }
    bh_diagnose_name(doctor->diagnosis, host, &facts);
    return facts.addresses_count > 0;
}

/* Whether there is any use in asking something. */
static bool
check_way(struct bh_doctor *doctor)
{
    const struct bh_config_gateway *gateway = &doctor->cli->config->gateway;
    char host[HOST_MAX];
    struct bh_host_facts facts;
    unsigned port = take_host(gateway->url, host);
    const struct bh_inspect_options options = {
        .url = gateway->url,
        .ca_file = given(gateway->ca_file),
        .proxy = given(gateway->proxy),
        .timeout_ms = gateway->connect_timeout_ms,
    };
    const struct bh_host_asked asked = {
        .host = host,
        .port = port,
        .proxied = options.proxy != NULL,
        .ca_file = options.ca_file != NULL,
        .now = bh_cli_now(),
    };
    /* With a proxy the name is its business. */
    if (options.proxy == NULL && !check_name(doctor, host))
        return false;
    if (bh_inspect_host(&options, &facts) != BH_OK) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "tcp",
                    "Could not be tried: short of memory.");
        return true;
    }
    bh_diagnose_host(doctor->diagnosis, &asked, &facts);
    return facts.trouble == BH_TROUBLE_NONE;
}

/* ---- Questions ---- */

struct question {
    struct bh_doctor *doctor;
    const struct bh_config_gateway *gateway;
    bool key_taken;
};

static void
balance_on_answer(void *arg, const struct bh_exchange *exchange)
{
    struct question *question = arg;
    struct bh_outcome outcome;
    if (bh_gateway_answer_read_balance(exchange, &outcome) != BH_OK)
        return;
    question->key_taken = bh_diagnose_balance(question->doctor->diagnosis, &outcome,
                                              question->gateway->low_balance_micro,
                                              question->gateway->signing_key.len > 0);
    bh_outcome_release(&outcome);
}

static void
journal_on_answer(void *arg, const struct bh_exchange *exchange)
{
    struct question *question = arg;
    struct bh_journal_entry entry;
    enum bh_journal_finding finding =
        bh_gateway_journal_probe(exchange, question->gateway->zone, &entry);
    bh_diagnose_journal(question->doctor->diagnosis, finding, entry.code);
}

static void
ask(struct question *question, struct bh_gateway_line *line, struct bh_gateway_request *request,
    bool journal)
{
    const struct bh_gateway_journal_query query = {.limit = 1};
    struct bh_gateway_caller caller;
    struct bh_error error = {.text = "short of memory"};
    enum bh_status status = bh_gateway_caller_init(question->doctor->cli, &caller, &error);
    if (status == BH_OK)
        status = journal
                     ? bh_gateway_request_journal(request, &caller.profile, &caller.stamp, &query,
                                                  &error)
                     : bh_gateway_request_balance(request, &caller.profile, &caller.stamp, &error);
    if (status != BH_OK)
        bh_diagnose(question->doctor->diagnosis, BH_GRADE_BAD, journal ? "journal" : "key",
                    "The gateway cannot be asked: %s.", error.text);
    else
        bh_gateway_line_ask(line, request, journal ? journal_on_answer : balance_on_answer,
                            question);
}

/* ---- Webhooks ---- */

struct hooks_question {
    struct bh_doctor *doctor;
    const char *address;
};

static void
hooks_on_answer(void *arg, const struct bh_exchange *exchange)
{
    const struct hooks_question *question = arg;
    const struct bh_webhook_facts facts = bh_webhook_facts_from(question->doctor->cli->config);
    struct bh_hooks_answer list;
    if (bh_hooks_read_list(exchange, &list) != BH_OK)
        return;
    bh_diagnose_webhook_list(question->doctor->diagnosis, &facts, &list, question->address);
    bh_hooks_answer_release(&list);
}

/* Where nobody has configured them, nobody waits for reports. */
static void
ask_hooks(struct bh_doctor *doctor, struct bh_gateway_line *line,
          struct bh_gateway_request *request)
{
    const struct bh_config_http *http = &doctor->cli->config->http;
    const struct bh_gateway_hooks_query query = {.action = BH_HOOKS_READ};
    struct bh_gateway_caller caller;
    struct bh_error error = {.text = "short of memory"};
    struct bh_buf address;
    bh_buf_init(&address, BH_WEBHOOK_ADDRESS_MAX);
    enum bh_status status = bh_webhook_address(
        bh_str_from(http->webhook_url),
        (struct bh_str){http->webhook_token.bytes, http->webhook_token.len}, &address);
    bool is_wanted = status == BH_OK;
    struct hooks_question question = {doctor, bh_buf_text(&address)};
    if (status == BH_OK)
        status = bh_gateway_caller_init(doctor->cli, &caller, &error);
    if (status == BH_OK)
        status = bh_gateway_request_hooks(request, &caller.profile, &caller.stamp, &query, &error);
    if (status == BH_OK)
        bh_gateway_line_ask(line, request, hooks_on_answer, &question);
    else if (is_wanted)
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "webhooks",
                    "The gateway cannot be asked: %s.", error.text);
    bh_buf_release(&address);
}

/* ---- The key ---- */

static void
check_key(struct bh_doctor *doctor)
{
    struct question question = {.doctor = doctor, .gateway = &doctor->cli->config->gateway};
    struct bh_gateway_line *line;
    struct bh_gateway_request request;
    if (!doctor->cli->account_known) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "key",
                    "The API key cannot be read, so neither key nor balance were tried.");
        bh_diagnose_cure(doctor->diagnosis, "sudo -u bellhop bellhop doctor");
        return;
    }
    if (bh_gateway_line_open(doctor->cli, &line) != BH_EXIT_DONE)
        return;
    bh_gateway_request_init(&request, 0);
    ask(&question, line, &request, false);
    if (question.key_taken)
        ask(&question, line, &request, true);
    if (question.key_taken && doctor->examined.all)
        ask_hooks(doctor, line, &request);
    bh_gateway_request_release(&request);
    bh_gateway_line_close(line);
}

/* ---- The reload lock ---- */

/* What Redis knows of it: nothing is asked of the gateway. */
static void
check_lock(struct bh_doctor *doctor)
{
    const struct bh_account_view *account = &doctor->account;
    enum bh_lock_fact lock = BH_LOCK_FACT_ASSUMED;
    if (doctor->cli->config->gateway.reload_lock_ms == 0)
        lock = BH_LOCK_FACT_CONFIGURED_OFF;
    else if (!doctor->account_read)
        return;
    else if (account->lock == BH_LOCK_ON)
        lock = BH_LOCK_FACT_PROVEN;
    else if (account->lock == BH_LOCK_OFF)
        lock = BH_LOCK_FACT_SEEN_OFF;
    else if (account->lock_at.ms > 0)
        lock = BH_LOCK_FACT_DOUBTFUL;
    bh_diagnose_lock(doctor->diagnosis, lock, account->server_now.ms - account->lock_at.ms);
}

void
bh_doctor_gateway(struct bh_doctor *doctor)
{
    if (!doctor->examined.gateway) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "gateway",
                    "Not looked at: [gateway] or [pool] of the configuration is not right.");
        bh_diagnose_cure(doctor->diagnosis, "(the lines above)");
        return;
    }
    if (doctor->offline)
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "gateway",
                    "Left out: DNS, TCP, TLS, key, balance and journal (--offline).");
    else if (check_way(doctor))
        check_key(doctor);
    check_lock(doctor);
}
