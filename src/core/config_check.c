/* Rules between keys.  Each is one function of a few lines; a rule about a broken value is silent. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/address_list.h"
#include "core/callback.h"
#include "core/config_own.h"
#include "core/duration.h"
#include "core/fault.h"
#include "core/redis_url.h"

struct check {
    const struct bh_config *config;
    struct bh_config_report *report;
};

/* The key that a rule is about. */
struct subject {
    const struct bh_config_section *section;
    size_t row;
    size_t queue;
};

static struct subject
subject_of(const char *section, const char *key, size_t queue)
{
    struct subject subject = {.section = bh_config_section_get(bh_str_from(section)),
                              .queue = queue};
    const struct bh_config_row *row = bh_config_row_get(subject.section, bh_str_from(key));
    BH_ASSERT(row != NULL);
    subject.row = (size_t)(row - subject.section->rows);
    return subject;
}

static const struct bh_config_slot *
slot_of(const struct check *check, struct subject subject)
{
    return bh_config_slot_get(check->config, subject.section, subject.row, subject.queue);
}

static bool
is_broken(const struct check *check, struct subject subject)
{
    return slot_of(check, subject)->broken;
}

static void complain(const struct check *check, enum bh_config_severity severity,
                     struct subject subject, const char *format, ...) BH_PRINTF(4, 5);

static void
complain(const struct check *check, enum bh_config_severity severity, struct subject subject,
         const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    bh_config_report_add(
        check->report, severity, bh_config_slot_where(check->config, slot_of(check, subject)).text,
        "%s: %s", bh_config_label(check->config, subject.section, subject.row, subject.queue).text,
        text);
}

/* Of two keys that do not go together, the one that somebody wrote is to blame rather than a default. */
static struct subject
to_blame(const struct check *check, struct subject a, struct subject b)
{
    return slot_of(check, a)->origin == BH_CONFIG_FROM_DEFAULT ? b : a;
}

/* ---- Redis ---- */

static void
check_redis_login(const struct check *check, const struct bh_redis_url *url)
{
    struct subject at = subject_of("redis", "url", 0);
    const struct bh_config_redis *redis = &check->config->redis;
    if ((url->username != NULL || url->password != NULL) &&
        (redis->username[0] != '\0' || redis->password.len > 0 || redis->password_file[0] != '\0'))
        complain(check, BH_CONFIG_ERROR, at,
                 "the URL holds a login, and username, password or password_file are set too; "
                 "keep one of the two.");
    if (url->username == NULL && redis->username[0] != '\0' && redis->password.len == 0 &&
        redis->password_file[0] == '\0')
        complain(check, BH_CONFIG_WARNING, subject_of("redis", "username", 0),
                 "there is a username but no password, so nobody will be logged in.");
}

static void
check_redis_tls(const struct check *check, const struct bh_redis_url *url)
{
    const struct bh_config_redis *redis = &check->config->redis;
    bool cert = redis->tls_cert[0] != '\0', key = redis->tls_key[0] != '\0';
    if (cert != key)
        complain(check, BH_CONFIG_ERROR, subject_of("redis", cert ? "tls_cert" : "tls_key", 0),
                 "a certificate and its key go together: set tls_cert and tls_key.");
    if (!url->tls && (cert || key || redis->tls_ca[0] != '\0'))
        complain(check, BH_CONFIG_WARNING, subject_of("redis", "url", 0),
                 "tls_ca, tls_cert and tls_key have no effect, since the URL does not begin with "
                 "rediss://.");
}

static void
check_redis(const struct check *check)
{
    struct bh_redis_url url = {0};
    if (is_broken(check, subject_of("redis", "url", 0)))
        return;
    /* The text was read before, so only memory can be short. */
    if (bh_redis_url_parse(bh_str_from(check->config->redis.url), &url, NULL) != BH_OK) {
        check->report->failed = BH_ENOMEM;
        return;
    }
    check_redis_login(check, &url);
    check_redis_tls(check, &url);
    bh_redis_url_release(&url);
}

/* ---- Gateway ---- */

static void
check_api_key(const struct check *check)
{
    struct subject key = subject_of("gateway", "api_key", 0);
    struct subject file = subject_of("gateway", "api_key_file", 0);
    const struct bh_config_gateway *gateway = &check->config->gateway;
    if (gateway->api_key.len > 0 || gateway->api_key_file[0] != '\0' || is_broken(check, key) ||
        is_broken(check, file))
        return;
    complain(check, BH_CONFIG_ERROR, key,
             "the account's API key is missing; set api_key, api_key_file or the variable "
             "BELLHOP_GATEWAY_API_KEY.");
}

/* Visible characters only: the key becomes a header's value. */
static void
check_key_characters(const struct check *check, const char *name,
                     const struct bh_config_secret *secret)
{
    for (size_t i = 0; i < secret->len; i++) {
        if (secret->bytes[i] <= 0x20 || secret->bytes[i] >= 0x7F) {
            complain(check, BH_CONFIG_ERROR, subject_of("gateway", name, 0),
                     "the key holds a blank or a character that cannot stand in a request's "
                     "header.");
            return;
        }
    }
}

static void
check_gateway_url(const struct check *check)
{
    struct subject at = subject_of("gateway", "url", 0);
    struct bh_config_url url;
    if (is_broken(check, at) || !bh_config_url_split(bh_str_from(check->config->gateway.url), &url))
        return;
    if (bh_str_equal_nocase(url.scheme, BH_STR_LITERAL("http")) &&
        !bh_config_host_is_loopback(url.host))
        complain(check, BH_CONFIG_WARNING, at,
                 "the API key and all messages will travel in the clear; use https://.");
}

/* ---- Times ---- */

struct times {
    struct subject less;
    bh_ms less_ms;
    struct subject more;
    bh_ms more_ms;
};

/* `because` ends the sentence. */
static void
check_order(const struct check *check, struct times times, const char *because)
{
    if (times.less_ms < times.more_ms || is_broken(check, times.less) ||
        is_broken(check, times.more))
        return;
    struct bh_config_label less =
        bh_config_label(check->config, times.less.section, times.less.row, times.less.queue);
    struct bh_config_label more =
        bh_config_label(check->config, times.more.section, times.more.row, times.more.queue);
    bh_config_report_add(
        check->report, BH_CONFIG_ERROR,
        bh_config_slot_where(check->config, slot_of(check, to_blame(check, times.less, times.more)))
            .text,
        "%s (%s) must be less than %s (%s), %s", less.text, bh_duration_format(times.less_ms).text,
        more.text, bh_duration_format(times.more_ms).text, because);
}

static void
check_times(const struct check *check)
{
    const struct bh_config *config = check->config;
    struct subject lease = subject_of("pool", "lease", 0);
    struct subject timeout = subject_of("gateway", "timeout", 0);
    check_order(check,
                (struct times){timeout, config->gateway.timeout_ms, lease, config->pool.lease_ms},
                "or a job could be sent by two workers.");
    check_order(
        check,
        (struct times){subject_of("gateway", "connect_timeout", 0),
                       config->gateway.connect_timeout_ms, timeout, config->gateway.timeout_ms},
        "which it is a part of.");
    check_order(check,
                (struct times){subject_of("redis", "command_timeout", 0),
                               config->redis.command_timeout_ms, lease, config->pool.lease_ms},
                "or a lease could end before its renewal is answered.");
    check_order(
        check,
        (struct times){subject_of("gateway", "reload_lock", 0), config->gateway.reload_lock_ms,
                       subject_of("status", "retention", 0), config->status.retention_ms},
        "or a job would be forgotten while its answer is still open.");
    struct subject drain = subject_of("pool", "drain_timeout", 0);
    if (config->pool.drain_timeout_ms < config->gateway.timeout_ms && !is_broken(check, drain) &&
        !is_broken(check, timeout))
        complain(check, BH_CONFIG_WARNING, to_blame(check, drain, timeout),
                 "a stop waits %s while a request may take %s; requests that are cut off end as "
                 "uncertain.",
                 bh_duration_format(config->pool.drain_timeout_ms).text,
                 bh_duration_format(config->gateway.timeout_ms).text);
}

/* ---- HTTP ---- */

/* A shorter one can be found by trying. */
#define TOKEN_BYTES_MIN 16

static void
check_token(const struct check *check, const char *key, const struct bh_config_secret *secret,
            const char *power)
{
    struct subject token = subject_of("http", key, 0);
    if (secret->len > 0 && secret->len < TOKEN_BYTES_MIN && !is_broken(check, token))
        complain(check, BH_CONFIG_WARNING, token,
                 "a token of less than %d characters can be guessed, and whoever knows it can %s.",
                 TOKEN_BYTES_MIN, power);
}

static void
check_subscription(const struct check *check)
{
    const struct bh_config_http *http = &check->config->http;
    struct subject url = subject_of("http", "webhook_url", 0);
    if (http->webhook_url[0] == '\0' || is_broken(check, url))
        return;
    if (http->webhook_token.len == 0 && !is_broken(check, subject_of("http", "webhook_token", 0)))
        complain(check, BH_CONFIG_WARNING, url,
                 "without webhook_token no reports are taken, and nothing is subscribed.");
    else if (http->listen.host[0] == '\0' && !is_broken(check, subject_of("http", "listen", 0)))
        complain(check, BH_CONFIG_WARNING, url,
                 "without listen nobody takes the reports that are subscribed.");
}

static void
check_webhook(const struct check *check)
{
    const struct bh_config_http *http = &check->config->http;
    struct subject from = subject_of("http", "webhook_from", 0);
    struct subject is_signed = subject_of("http", "webhook_signed", 0);
    struct bh_address_list list;
    struct bh_error error = {"", ""};
    if (!is_broken(check, from) &&
        bh_address_list_parse(bh_str_from(http->webhook_from), &list, &error) != BH_OK)
        complain(check, BH_CONFIG_ERROR, from, "%s.", error.text);
    if (!http->webhook_signed || is_broken(check, is_signed))
        return;
    if (check->config->gateway.signing_key.len == 0 &&
        check->config->gateway.signing_key_file[0] == '\0' &&
        !is_broken(check, subject_of("gateway", "signing_key", 0)))
        complain(check, BH_CONFIG_ERROR, is_signed,
                 "there is no [gateway] signing_key to check a signature with.");
    if (http->webhook_url[0] == '\0' && !is_broken(check, subject_of("http", "webhook_url", 0)))
        complain(check, BH_CONFIG_ERROR, is_signed,
                 "the URL is a part of what is signed, so webhook_url must be set.");
}

static void
check_http(const struct check *check)
{
    const struct bh_config_http *http = &check->config->http;
    struct subject listen = subject_of("http", "listen", 0);
    check_token(check, "webhook_token", &http->webhook_token, "report messages as sent");
    check_token(check, "admin_token", &http->admin_token, "pause queues and cancel messages");
    check_webhook(check);
    check_subscription(check);
    if (is_broken(check, listen) || http->listen.host[0] == '\0' ||
        bh_config_host_is_loopback(bh_str_from(http->listen.host)))
        return;
    if (http->admin_token.len == 0 && !is_broken(check, subject_of("http", "admin_token", 0)))
        complain(check, BH_CONFIG_ERROR, listen,
                 "other machines can reach this address, so admin_token must be set.");
}

/* ---- Asking for reports ---- */

static void
check_pull(const struct check *check)
{
    const struct bh_config *config = check->config;
    struct subject after = subject_of("gateway", "pull_after", 0);
    struct subject retention = subject_of("status", "retention", 0);
    if (config->gateway.pull_reports)
        check_order(check,
                    (struct times){after, config->gateway.pull_after_ms, retention,
                                   config->status.retention_ms},
                    "or a job would be forgotten before anybody asks what became of it.");
}

/* ---- Callbacks ---- */

static void
check_callback_url(const struct check *check, struct subject at, const char *text)
{
    struct bh_config_url url;
    const char *problem = bh_callback_prefix_problem(bh_str_from(text));
    if (problem != NULL)
        complain(check, BH_CONFIG_ERROR, at, "it %s.", problem);
    else if (bh_config_url_split(bh_str_from(text), &url) &&
             bh_str_equal_nocase(url.scheme, BH_STR_LITERAL("http")) &&
             !bh_config_host_is_loopback(url.host))
        complain(check, BH_CONFIG_WARNING, at,
                 "recipients and results will travel in the clear; use https://.");
}

static void
check_callback_key(const struct check *check)
{
    struct subject at = subject_of("http", "callback_key", 0);
    size_t len = check->config->http.callback_key.len;
    if (len > 0 && len < TOKEN_BYTES_MIN && !is_broken(check, at))
        complain(check, BH_CONFIG_WARNING, at,
                 "a key of less than %d characters can be guessed, and whoever knows it can forge "
                 "callbacks.",
                 TOKEN_BYTES_MIN);
}

static void
check_callbacks(const struct check *check, size_t at)
{
    const struct bh_queue_config *queue = &check->config->queues[at];
    struct subject url = subject_of("queue", "callback_url", at);
    struct subject all = subject_of("queue", "callback_all", at);
    if (is_broken(check, url))
        return;
    if (queue->callback_url[0] != '\0')
        check_callback_url(check, url, queue->callback_url);
    else if (queue->callback_all && !is_broken(check, all))
        complain(check, BH_CONFIG_ERROR, all, "there is no callback_url to post to.");
}

/* ---- Queues ---- */

static void
check_queue(const struct check *check, size_t at)
{
    const struct bh_queue_config *queue = &check->config->queues[at];
    struct subject uncertain = subject_of("queue", "on_uncertain", at);
    struct subject bundle = subject_of("queue", "bundle", at);
    struct subject max_job = subject_of("queue", "max_job", at);
    struct subject with_files = subject_of("queue", "max_job_with_files", at);
    bool voice = queue->type == BH_JOB_VOICE && !is_broken(check, subject_of("queue", "type", at));

    if (voice && queue->on_uncertain == BH_ON_UNCERTAIN_RESEND && !is_broken(check, uncertain))
        complain(check, BH_CONFIG_WARNING, uncertain,
                 "nothing protects a call from being made twice, so an unanswered request may ring "
                 "somebody a second time.");
    if (voice && queue->bundle > 1 && !is_broken(check, bundle))
        complain(check, BH_CONFIG_ERROR, bundle, "a call has exactly one recipient.");
    if (queue->max_job_bytes > queue->max_job_with_files_bytes && !is_broken(check, max_job) &&
        !is_broken(check, with_files))
        complain(check, BH_CONFIG_ERROR, to_blame(check, max_job, with_files),
                 "max_job must not be more than max_job_with_files.");
}

/* What is done by a report's word needs somebody who brings reports. */
static void
check_report_word(const struct check *check, const char *key, bool is_on, size_t at)
{
    struct subject subject = subject_of("queue", key, at);
    if (is_on && check->config->http.webhook_token.len == 0 &&
        !check->config->gateway.pull_reports && !is_broken(check, subject) &&
        !is_broken(check, subject_of("http", "webhook_token", 0)))
        complain(check, BH_CONFIG_WARNING, subject,
                 "it has no effect, because no delivery reports come: set [http] webhook_token, or "
                 "[gateway] pull_reports.");
}

static void
check_resend(const struct check *check, size_t at)
{
    const struct bh_queue_config *queue = &check->config->queues[at];
    struct subject resend = subject_of("queue", "resend_on_report", at);
    struct subject redial = subject_of("queue", "redial", at);
    bool type_known = !is_broken(check, subject_of("queue", "type", at));
    check_report_word(check, "resend_on_report", queue->resend_on_report, at);
    check_report_word(check, "redial", queue->redial > 0, at);
    if (type_known && queue->type == BH_JOB_VOICE && queue->resend_on_report &&
        !is_broken(check, resend))
        complain(check, BH_CONFIG_WARNING, resend,
                 "it is about SMS, and the jobs of this queue are calls unless they say otherwise; "
                 "for calls there is redial.");
    if (type_known && queue->type == BH_JOB_SMS && queue->redial > 0 && !is_broken(check, redial))
        complain(check, BH_CONFIG_WARNING, redial,
                 "it is about calls, and the jobs of this queue are SMS unless they say otherwise; "
                 "for SMS there is resend_on_report.");
}

/* ---- Keys of features that this version does not have ---- */

static void
check_reserved_row(const struct check *check, struct subject subject)
{
    const struct bh_config_row *row = &subject.section->rows[subject.row];
    const struct bh_config_slot *slot = slot_of(check, subject);
    if ((row->flags & BH_CONFIG_RESERVED) == 0 || slot->origin == BH_CONFIG_FROM_DEFAULT ||
        slot->broken)
        return;
    struct bh_config_slot standard = {0};
    if (bh_config_slot_read(row, bh_str_from(row->fallback), &standard, NULL) != BH_OK) {
        check->report->failed = BH_ENOMEM;
        return;
    }
    if (!bh_config_slot_equal(row, slot, &standard))
        complain(check, BH_CONFIG_WARNING, subject, "the key has no effect in this version.");
    bh_config_slot_release(&standard);
}

static void
check_reserved(const struct check *check)
{
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        const struct bh_config_section *section = &bh_config_sections[s];
        size_t times = section->is_queue ? check->config->queues_count : 1;
        for (size_t q = 0; q < times; q++) {
            for (size_t r = 0; r < section->rows_count; r++)
                check_reserved_row(check, (struct subject){section, r, q});
        }
    }
}

void
bh_config_check(const struct bh_config *config, struct bh_config_report *report)
{
    struct check check = {config, report};
    check_redis(&check);
    check_api_key(&check);
    check_key_characters(&check, "api_key", &config->gateway.api_key);
    check_key_characters(&check, "signing_key", &config->gateway.signing_key);
    check_gateway_url(&check);
    check_times(&check);
    check_http(&check);
    check_pull(&check);
    check_callback_key(&check);
    for (size_t q = 0; q < config->queues_count; q++) {
        check_queue(&check, q);
        check_callbacks(&check, q);
        check_resend(&check, q);
    }
    check_reserved(&check);
}
