#include "core/gateway_request.h"

#include <stdio.h>
#include <string.h>

#include "core/civil.h"
#include "core/codec.h"
#include "core/fault.h"
#include "core/http_url.h"
#include "core/phone.h"
#include "core/signing.h"

#define URL_MAX          ((size_t)8 * 1024)
#define HEADER_BYTES_MAX ((size_t)8 * 1024)
#define MESSAGE_IDS_MAX  ((size_t)4 * 1024)

void
bh_gateway_request_init(struct bh_gateway_request *request, size_t body_bytes_max)
{
    *request = (struct bh_gateway_request){0};
    bh_buf_init(&request->url, URL_MAX);
    bh_buf_init(&request->body, body_bytes_max > 0 ? body_bytes_max : BH_GATEWAY_BODY_MAX);
    bh_buf_init(&request->header_bytes, HEADER_BYTES_MAX);
}

void
bh_gateway_request_release(struct bh_gateway_request *request)
{
    bh_buf_release(&request->url);
    bh_buf_release(&request->body);
    bh_buf_release(&request->header_bytes);
    request->method = NULL;
    request->headers[0] = NULL;
}

static void
clear(struct bh_gateway_request *request)
{
    bh_buf_clear(&request->url);
    bh_buf_clear(&request->body);
    bh_buf_clear(&request->header_bytes);
    request->method = NULL;
    request->headers[0] = NULL;
}

/* ---- what may stand in a request ----------------------------------------------------------------- */

/* Printable ASCII, blanks only inside: all that is safe in a header's value on every server. */
static bool
is_header_safe(struct bh_str value)
{
    if (value.len == 0 || value.ptr[0] == ' ' || value.ptr[value.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7e)
            return false;
    return true;
}

/* Scheme, something behind it, no blank, no query: our paths are appended to it. */
static bool
is_base_url(struct bh_str url)
{
    struct bh_str http = BH_STR_LITERAL("http://"), https = BH_STR_LITERAL("https://");
    size_t scheme = bh_str_starts_with(url, https)  ? https.len
                    : bh_str_starts_with(url, http) ? http.len
                                                    : 0;
    if (scheme == 0 || url.len == scheme || url.ptr[scheme] == '/')
        return false;
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if (c <= 0x20 || c > 0x7e || c == '?' || c == '#')
            return false;
    }
    return true;
}

static bool
is_signed(const struct bh_gateway_profile *profile)
{
    return profile->signing_key != NULL && profile->signing_key[0] != '\0';
}

static enum bh_status
check_profile(const struct bh_gateway_profile *profile, const struct bh_gateway_stamp *stamp,
              struct bh_error *error)
{
    if (!is_base_url(bh_str_from(profile->url)))
        return bh_error_set(error, "url",
                            "the gateway's address must be http:// or https:// with a host, "
                            "without blanks and query");
    if (!is_header_safe(bh_str_from(profile->api_key)))
        return bh_error_set(error, "api_key",
                            "the API key is empty or has characters that no key has");
    if (!is_header_safe(bh_str_from(profile->sent_with)))
        return bh_error_set(error, "sent_with", "the name sent with requests must be plain ASCII");
    if (is_signed(profile) &&
        (stamp == NULL || !bh_signing_nonce_is_valid(bh_str_from(stamp->nonce))))
        return bh_error_set(error, "nonce",
                            "a signed request needs a nonce of %d letters or digits", BH_NONCE_LEN);
    return BH_OK;
}

/* ---- pieces -------------------------------------------------------------------------------------- */

static void
put_url(struct bh_gateway_request *request, const struct bh_gateway_profile *profile,
        const char *path)
{
    struct bh_str base = bh_str_from(profile->url);
    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    bh_buf_append_str(&request->url, base);
    bh_buf_append_char(&request->url, '/');
    bh_buf_append_text(&request->url, path);
}

static void
put_name(struct bh_buf *form, const char *name)
{
    if (form->len > 0)
        bh_buf_append_char(form, '&');
    bh_percent_append(form, bh_str_from(name));
    bh_buf_append_char(form, '=');
}

static void
put_text(struct bh_buf *form, const char *name, const char *value)
{
    if (value == NULL)
        return;
    put_name(form, name);
    bh_percent_append(form, bh_str_from(value));
}

/* Left out when false: that is every parameter's default. */
static void
put_flag(struct bh_buf *form, const char *name, bool flag)
{
    if (flag)
        put_text(form, name, "1");
}

static void
put_number(struct bh_buf *form, const char *name, int64_t value)
{
    put_name(form, name);
    bh_buf_append_int(form, value);
}

/* Numbers in their one normalised spelling, so that the reload lock and our ledger compare alike. */
static void
put_recipients(struct bh_buf *form, const struct bh_gateway_message *message)
{
    put_name(form, "to");
    for (size_t i = 0; i < message->recipients_count; i++) {
        const struct bh_recipient *recipient = message->recipients[i];
        if (i > 0)
            bh_percent_append(form, BH_STR_LITERAL(","));
        bh_percent_append(
            form, bh_str_from(recipient->msisdn != NULL ? recipient->msisdn : recipient->written));
    }
}

static const char *
file_field(char *name, size_t size, size_t index, const char *field)
{
    snprintf(name, size, "files[%zu][%s]", index, field);
    return name;
}

static void
put_file(struct bh_buf *form, size_t index, const struct bh_file *file)
{
    char name[48];
    put_text(form, file_field(name, sizeof(name), index, "name"), file->name);
    put_text(form, file_field(name, sizeof(name), index, "contents"), file->contents);
    if (file->validity_days > 0)
        put_number(form, file_field(name, sizeof(name), index, "validity"), file->validity_days);
    put_text(form, file_field(name, sizeof(name), index, "password"), file->password);
}

static void
put_sms(struct bh_buf *form, const struct bh_gateway_message *message)
{
    const struct bh_job *job = message->job;
    const char *foreign_id = message->foreign_id != NULL ? message->foreign_id
                             : job->foreign_id != NULL   ? job->foreign_id
                                                         : job->id;
    put_recipients(form, message);
    put_text(form, "text", job->text);
    put_text(form, "from", job->from);
    put_text(form, "udh", job->udh);
    put_text(form, "label", job->label);
    put_text(form, "foreign_id", foreign_id);
    if (message->ttl_minutes > 0)
        put_number(form, "ttl", message->ttl_minutes);
    put_flag(form, "no_reload", job->no_reload);
    put_flag(form, "unicode", job->unicode);
    put_flag(form, "flash", job->flash);
    put_flag(form, "utf8", job->utf8);
    put_flag(form, "performance_tracking", job->performance_tracking);
    put_flag(form, "debug", job->debug);
    for (size_t i = 0; i < job->files_count; i++)
        put_file(form, i, &job->files[i]);
    put_flag(form, "json", true);
}

static void
put_voice(struct bh_buf *form, const struct bh_gateway_message *message)
{
    const struct bh_job *job = message->job;
    put_recipients(form, message);
    put_text(form, "text", job->text);
    put_text(form, "from", job->from);
    put_flag(form, "xml", job->xml);
    put_flag(form, "debug", job->debug);
    put_flag(form, "json", true);
}

/* ---- headers ------------------------------------------------------------------------------------- */

/* Headers stand one behind the other, each with its NUL; pointers are set when all of them are there. */
static void
put_header(struct bh_gateway_request *request, const char *name, const char *value)
{
    bh_buf_append_text(&request->header_bytes, name);
    bh_buf_append_text(&request->header_bytes, value);
    bh_buf_append_char(&request->header_bytes, '\0');
}

static enum bh_status
put_signature(struct bh_gateway_request *request, const struct bh_gateway_profile *profile,
              const struct bh_gateway_stamp *stamp)
{
    char signature[BH_SIGNATURE_BYTES], timestamp[24];
    struct bh_signing_parts parts = {
        .timestamp_s = stamp->timestamp_s,
        .nonce = bh_str_from(stamp->nonce),
        .method = bh_str_from(request->method),
        .url = bh_buf_str(&request->url),
        .body = bh_buf_str(&request->body),
    };
    enum bh_status status = bh_signing_sign(bh_str_from(profile->signing_key), &parts, signature);
    if (status != BH_OK)
        return status;
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)stamp->timestamp_s);
    put_header(request, "X-Signature: ", signature);
    put_header(request, "X-Timestamp: ", timestamp);
    put_header(request, "X-Nonce: ", stamp->nonce);
    return BH_OK;
}

static void
point_headers(struct bh_gateway_request *request)
{
    struct bh_str rest = bh_buf_str(&request->header_bytes);
    size_t count = 0;
    while (rest.len > 0) {
        BH_ASSERT(count < BH_GATEWAY_HEADERS_MAX);
        size_t len = strlen(rest.ptr) + 1;
        request->headers[count++] = rest.ptr;
        rest.ptr += len;
        rest.len -= len;
    }
    request->headers[count] = NULL;
}

/* URL and body stand; add what goes before them.  Without an answer type in it the gateway of some eras replies in plain text. */
static enum bh_status
finish(struct bh_gateway_request *request, const struct bh_gateway_profile *profile,
       const struct bh_gateway_stamp *stamp)
{
    if (profile->auth == BH_AUTH_PARAMETER)
        put_text(&request->body, "p", profile->api_key);
    request->method = request->body.len > 0 ? "POST" : "GET";

    put_header(request, "Accept: ", "application/json");
    put_header(request, "SentWith: ", profile->sent_with);
    if (request->body.len > 0) {
        put_header(request, "Content-Type: ", "application/x-www-form-urlencoded");
        /* Waiting for "100 Continue" would add a round trip, or a second of silence. */
        put_header(request, "Expect:", "");
    }
    if (profile->auth == BH_AUTH_BASIC)
        put_header(request, "Authorization: basic ", profile->api_key);
    if (profile->auth == BH_AUTH_HEADER)
        put_header(request, "X-Api-Key: ", profile->api_key);

    enum bh_status status = BH_OK;
    if (is_signed(profile))
        status = put_signature(request, profile, stamp);
    if (status == BH_OK)
        status = bh_buf_status(&request->url);
    if (status == BH_OK)
        status = bh_buf_status(&request->body);
    if (status == BH_OK)
        status = bh_buf_status(&request->header_bytes);
    if (status == BH_OK)
        point_headers(request);
    else
        clear(request);
    return status;
}

/* ---- the questions -------------------------------------------------------------------------- */

static enum bh_status
check_message(const struct bh_gateway_message *message, struct bh_error *error)
{
    if (message->recipients_count == 0)
        return bh_error_set(error, "to", "there is nobody to send to");
    if (message->job->type == BH_JOB_VOICE && message->recipients_count != 1)
        return bh_error_set(error, "to", "a voice call goes to exactly one recipient");
    return BH_OK;
}

enum bh_status
bh_gateway_request_message(struct bh_gateway_request *request,
                           const struct bh_gateway_profile *profile,
                           const struct bh_gateway_stamp *stamp,
                           const struct bh_gateway_message *message, struct bh_error *ret_error)
{
    clear(request);
    enum bh_status status = check_profile(profile, stamp, ret_error);
    if (status == BH_OK)
        status = check_message(message, ret_error);
    if (status != BH_OK)
        return status;

    if (message->job->type == BH_JOB_VOICE) {
        put_url(request, profile, "voice");
        put_voice(&request->body, message);
    } else {
        put_url(request, profile, "sms");
        put_sms(&request->body, message);
    }
    return finish(request, profile, stamp);
}

enum bh_status
bh_gateway_request_balance(struct bh_gateway_request *request,
                           const struct bh_gateway_profile *profile,
                           const struct bh_gateway_stamp *stamp, struct bh_error *ret_error)
{
    clear(request);
    enum bh_status status = check_profile(profile, stamp, ret_error);
    if (status != BH_OK)
        return status;
    put_url(request, profile, "balance");
    return finish(request, profile, stamp);
}

/* ---- the journal ----------------------------------------------------------------------------------- */

/* The year 10000: a date has four digits for it. */
#define JOURNAL_TOO_LATE_MS ((int64_t)253402300800 * 1000)

/* So many digits fit into a number of ours. */
#define MESSAGE_ID_DIGITS_MAX 18
#define HOOK_ID_DIGITS_MAX    20

static bool
is_number(struct bh_str digits, size_t digits_max)
{
    if (digits.len == 0 || digits.len > digits_max)
        return false;
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
    return true;
}

static enum bh_status
check_journal(const struct bh_gateway_journal_query *query, struct bh_error *error)
{
    if (query->id != NULL && !is_number(bh_str_from(query->id), MESSAGE_ID_DIGITS_MAX))
        return bh_error_set(error, "id", "the journal is asked for a message's number in digits");
    if (query->msisdn != NULL && !is_number(bh_str_from(query->msisdn), BH_MSISDN_DIGITS_MAX))
        return bh_error_set(error, "to", "the journal is asked for a number in digits");
    if (query->from.ms < 0 || query->until.ms < 0 ||
        query->from.ms >= JOURNAL_TOO_LATE_MS - 2 * BH_DAY_MS ||
        query->until.ms >= JOURNAL_TOO_LATE_MS - 2 * BH_DAY_MS)
        return bh_error_set(error, "date_from", "the journal is asked for a time without a date");
    if (query->page >= BH_JOURNAL_PAGES_MAX || query->limit > BH_JOURNAL_PAGE)
        return bh_error_set(error, "offset", "the journal is asked for too much");
    return BH_OK;
}

static void
put_parameter(struct bh_buf *url, char separator, const char *name)
{
    bh_buf_append_char(url, separator);
    bh_buf_append_text(url, name);
    bh_buf_append_char(url, '=');
}

/* The day that clocks of the zone show at an instant, `shift` days moved. */
static void
put_day(struct bh_buf *url, const char *name, const struct bh_gateway_journal_query *query,
        struct bh_wall at, int shift)
{
    struct bh_datetime local = bh_zone_to_local(query->zone, at);
    struct bh_civil date = {local.year, local.month, local.day};
    date = bh_civil_from_days(bh_civil_to_days(date) + shift);
    put_parameter(url, '&', name);
    bh_buf_printf(url, "%04lld-%02u-%02u", (long long)date.year, date.month, date.day);
}

enum bh_status
bh_gateway_request_journal(struct bh_gateway_request *request,
                           const struct bh_gateway_profile *profile,
                           const struct bh_gateway_stamp *stamp,
                           const struct bh_gateway_journal_query *query, struct bh_error *ret_error)
{
    struct bh_buf *url = &request->url;
    unsigned limit = query->limit > 0 ? query->limit : BH_JOURNAL_PAGE;
    clear(request);
    enum bh_status status = check_profile(profile, stamp, ret_error);
    if (status == BH_OK)
        status = check_journal(query, ret_error);
    if (status != BH_OK)
        return status;
    put_url(request, profile, query->calls ? "journal/voice" : "journal/outbound");
    put_parameter(url, '?', "limit");
    bh_buf_append_int(url, limit);
    put_parameter(url, '&', "offset");
    bh_buf_append_int(url, (int64_t)query->page * limit);
    if (query->id != NULL) {
        put_parameter(url, '&', "id");
        bh_buf_append_text(url, query->id);
    }
    if (query->msisdn != NULL) {
        put_parameter(url, '&', "to");
        bh_buf_append_text(url, query->msisdn);
    }
    if (query->from.ms > 0)
        put_day(url, "date_from", query, query->from, -1);
    if (query->until.ms > 0)
        put_day(url, "date_to", query, query->until, 1);
    return finish(request, profile, stamp);
}

/* ---- webhooks -------------------------------------------------------------------------------------- */

static bool
is_method(const char *method)
{
    for (size_t i = 0; bh_hooks_methods[i] != NULL; i++)
        if (strcmp(method, bh_hooks_methods[i]) == 0)
            return true;
    return false;
}

static enum bh_status
check_subscription(const struct bh_gateway_hooks_query *query, struct bh_error *error)
{
    const char *problem = bh_http_url_problem(bh_str_from(query->url));
    if (problem != NULL)
        return bh_error_set(error, "target_url", "the URL %s", problem);
    if (!bh_hooks_event_is_known(query->event))
        return bh_error_set(error, "event_type", "the gateway has no event \"%s\"",
                            bh_quote(bh_str_from(query->event)).text);
    if (!is_method(query->method))
        return bh_error_set(error, "request_method", "the method is one of POST, GET and JSON");
    if (query->filter != NULL && !is_header_safe(bh_str_from(query->filter)))
        return bh_error_set(error, "event_filter",
                            "the filter is empty or has characters that no number has");
    return BH_OK;
}

static enum bh_status
check_hooks(const struct bh_gateway_hooks_query *query, struct bh_error *error)
{
    if (query->action == BH_HOOKS_SUBSCRIBE)
        return check_subscription(query, error);
    if (query->action == BH_HOOKS_UNSUBSCRIBE &&
        !is_number(bh_str_from(query->id), HOOK_ID_DIGITS_MAX))
        return bh_error_set(error, "id", "the id of a webhook is a number");
    return BH_OK;
}

enum bh_status
bh_gateway_request_hooks(struct bh_gateway_request *request,
                         const struct bh_gateway_profile *profile,
                         const struct bh_gateway_stamp *stamp,
                         const struct bh_gateway_hooks_query *query, struct bh_error *ret_error)
{
    clear(request);
    enum bh_status status = check_profile(profile, stamp, ret_error);
    if (status == BH_OK)
        status = check_hooks(query, ret_error);
    if (status != BH_OK)
        return status;
    switch (query->action) {
    case BH_HOOKS_READ: put_url(request, profile, "hooks?action=read"); break;
    case BH_HOOKS_SUBSCRIBE:
        put_url(request, profile, "hooks");
        put_text(&request->body, "action", "subscribe");
        put_text(&request->body, "target_url", query->url);
        put_text(&request->body, "event_type", query->event);
        put_text(&request->body, "request_method", query->method);
        put_text(&request->body, "event_filter", query->filter);
        break;
    case BH_HOOKS_UNSUBSCRIBE:
        put_url(request, profile, "hooks");
        put_text(&request->body, "action", "unsubscribe");
        put_text(&request->body, "id", query->id);
        break;
    }
    return finish(request, profile, stamp);
}

/* ---- the price list -------------------------------------------------------------------------------- */

enum bh_status
bh_gateway_request_pricing(struct bh_gateway_request *request,
                           const struct bh_gateway_profile *profile,
                           const struct bh_gateway_stamp *stamp, struct bh_error *ret_error)
{
    clear(request);
    enum bh_status status = check_profile(profile, stamp, ret_error);
    if (status != BH_OK)
        return status;
    put_url(request, profile, "pricing");
    put_parameter(&request->url, '?', "format");
    bh_buf_append_text(&request->url, "json");
    return finish(request, profile, stamp);
}

/* ---- the status ------------------------------------------------------------------------------------ */

static bool
is_id_list(struct bh_str ids)
{
    struct bh_str rest = ids, id;
    int64_t number;
    if (ids.len == 0 || ids.len > MESSAGE_IDS_MAX)
        return false;
    while (bh_str_split(&rest, ',', &id))
        if (!bh_str_to_int64(id, &number) || id.ptr[0] == '-')
            return false;
    return true;
}

enum bh_status
bh_gateway_request_status(struct bh_gateway_request *request,
                          const struct bh_gateway_profile *profile,
                          const struct bh_gateway_stamp *stamp, struct bh_str message_ids,
                          struct bh_error *ret_error)
{
    clear(request);
    enum bh_status status = check_profile(profile, stamp, ret_error);
    if (status == BH_OK && !is_id_list(message_ids))
        status = bh_error_set(ret_error, "msg_id", "message ids are digits, separated by commas");
    if (status != BH_OK)
        return status;
    put_url(request, profile, "status?msg_id=");
    bh_percent_append(&request->url, message_ids);
    return finish(request, profile, stamp);
}
