#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/ascii.h"
#include "http/server_internal.h"

/* A request and what was read of it; from its first line to its end. */
struct exchange {
    char *uri; /* owned; as sent */
    bool begun, answered, passed_on;
    struct bh_http_request
        request; /* what of it is borrowed from the library as long as it lasts */
    struct bh_buf body;
};

/* What its headers say, as far as it matters here. */
struct head {
    unsigned count, hosts, lengths, codings;
    bool broken, chunked, passed_on;
    bool knows_codings; /* it is HTTP/1.1 */
    struct bh_str length;
    struct bh_http_request *request; /* filled */
};

void *
bh_http_exchange_on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct bh_http_server *server = arg;
    struct bh_http_visitor *visitor = bh_http_visitor_of(connection);
    struct exchange *exchange = bh_alloc_zero(sizeof(*exchange));
    if (visitor != NULL)
        visitor->busy = true;
    if (exchange == NULL)
        return NULL;
    bh_buf_init(&exchange->body, server->options.body_bytes_max);
    exchange->uri = bh_strdup(uri);
    return exchange;
}

void
bh_http_exchange_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                              enum MHD_RequestTerminationCode code)
{
    struct bh_http_server *server = arg;
    struct bh_http_visitor *visitor = bh_http_visitor_of(connection);
    struct exchange *exchange = *context;
    (void)code;
    if (visitor != NULL) {
        if (visitor->response != NULL)
            MHD_destroy_response(visitor->response);
        visitor->response = NULL;
        visitor->ticket = 0;
        visitor->busy = false;
        visitor->since = bh_mono_from_ns(uv_hrtime());
    }
    *context = NULL;
    if (exchange == NULL)
        return;
    if (!exchange->answered)
        server->counters.refused++;
    bh_buf_release(&exchange->body);
    bh_free(exchange->uri);
    bh_free(exchange);
}

/* ---- responses ---- */

static bool
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(response, name, value) == MHD_YES;
}

/* NULL for want of memory.  `close`: nothing more of this connection is looked at. */
static struct MHD_Response *
make_response(const struct bh_http_answer *answer, bool close)
{
    static char nothing[1];
    char retry_after[16] = "";
    struct bh_str body = bh_buf_str(&answer->body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, body.len > 0 ? answer->body.ptr : nothing, MHD_RESPMEM_MUST_COPY);
    const char *type = answer->content_type != NULL ? answer->content_type : "text/plain";
    snprintf(retry_after, sizeof(retry_after), "%u", answer->retry_after_s);
    if (response == NULL)
        return NULL;
    if (add_header(response, "Content-Type", type) &&
        add_header(response, "Cache-Control", answer->etag != NULL ? "no-cache" : "no-store") &&
        add_header(response, "ETag", answer->etag) &&
        add_header(response, "Content-Security-Policy", answer->content_policy) &&
        add_header(response, "X-Content-Type-Options", "nosniff") &&
        add_header(response, "Referrer-Policy", "no-referrer") &&
        add_header(response, "Allow", answer->allow) &&
        add_header(response, "WWW-Authenticate",
                   answer->status == MHD_HTTP_UNAUTHORIZED ? "Bearer" : NULL) &&
        add_header(response, "Retry-After", answer->retry_after_s > 0 ? retry_after : NULL) &&
        add_header(response, "Connection", close ? "close" : NULL))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static enum MHD_Result
respond(struct MHD_Connection *connection, const struct bh_http_answer *answer, bool close)
{
    struct MHD_Response *response = make_response(answer, close);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- answering later ---- */

/*
 * Most visitors ask again in a while and keep their connection until then.  When few are left, nobody may keep one, so that
 * they go round.
 */
static bool
may_keep(const struct bh_http_server *server)
{
    return !server->stopping && server->visitors_count <= server->options.connections_max / 4 * 3;
}

static void
put_off(struct bh_http_visitor *visitor, struct MHD_Connection *connection, uint64_t ticket)
{
    visitor->ticket = ticket;
    visitor->connection = connection;
    MHD_suspend_connection(connection);
}

void
bh_http_visitor_answer(struct bh_http_visitor *visitor, const struct bh_http_answer *answer)
{
    visitor->ticket = 0;
    visitor->since = bh_mono_from_ns(uv_hrtime());
    visitor->status = answer->status;
    visitor->response = make_response(answer, !may_keep(visitor->server));
    MHD_resume_connection(visitor->connection);
}

void
bh_http_visitor_refuse(struct bh_http_visitor *visitor, unsigned status, const char *why)
{
    struct bh_http_answer answer = {.status = status};
    bh_buf_init(&answer.body, BH_HTTP_ANSWER_MAX);
    bh_buf_append_text(&answer.body, why);
    bh_buf_append_char(&answer.body, '\n');
    bh_http_visitor_answer(visitor, &answer);
    bh_buf_release(&answer.body);
}

/* Without memory for it the connection is closed. */
static enum MHD_Result
respond_now(struct bh_http_visitor *visitor, struct MHD_Connection *connection)
{
    if (visitor->response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(connection, visitor->status, visitor->response);
    MHD_destroy_response(visitor->response);
    visitor->response = NULL;
    return result;
}

/* ---- answering ---- */

static enum MHD_Result
refuse(struct bh_http_server *server, struct exchange *exchange, struct MHD_Connection *connection,
       unsigned status, const char *why)
{
    struct bh_http_answer answer = {.status = status};
    exchange->answered = true;
    server->counters.refused++;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        answer.allow = "GET, HEAD, POST";
    bh_buf_init(&answer.body, BH_HTTP_ANSWER_MAX);
    bh_buf_append_text(&answer.body, why);
    bh_buf_append_char(&answer.body, '\n');
    enum MHD_Result result = respond(connection, &answer, true);
    bh_buf_release(&answer.body);
    return result;
}

static enum MHD_Result
serve(struct bh_http_server *server, struct exchange *exchange, struct bh_http_visitor *visitor,
      struct MHD_Connection *connection)
{
    struct bh_http_answer answer = {.status = 0};
    struct bh_http_request *request = &exchange->request;
    enum MHD_Result result = MHD_YES;
    request->query = bh_str_from(exchange->uri);
    bh_str_split(&request->query, '?', &request->path);
    request->address = bh_str_from(visitor->address);
    request->peer = bh_str_from(visitor->peer);
    request->is_local = visitor->is_loopback && !exchange->passed_on;
    request->body = bh_buf_str(&exchange->body);
    request->ticket = ++server->tickets;
    exchange->answered = true;
    server->counters.requests++;
    bh_buf_init(&answer.body, BH_HTTP_ANSWER_MAX);
    server->options.on_request(server->options.arg, request, &answer);
    BH_ASSERT(answer.status != 0 || answer.later);
    if (bh_buf_status(&answer.body) != BH_OK)
        answer.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    if (answer.later)
        put_off(visitor, connection, request->ticket);
    else
        result = respond(connection, &answer, !may_keep(server));
    bh_buf_release(&answer.body);
    return result;
}

/* ---- judging the head ---- */

/* What RFC 9110 (5.6.2) allows in the name of a header.  A blank before the colon hides a header from one of two. */
static bool
is_token(struct bh_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!bh_is_alnum(name.ptr[i]) && memchr("!#$%&'*+-.^_`|~", name.ptr[i], 15) == NULL)
            return false;
    }
    return name.len > 0;
}

static bool
is_value(struct bh_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

/* A header that stands there twice counts as it is written last. */
static void
keep_header(struct bh_http_request *request, struct bh_str key, struct bh_str text)
{
    const struct {
        struct bh_str name;
        struct bh_str *value;
    } kept[] = {
        {BH_STR_LITERAL("Host"),           &request->host         },
        {BH_STR_LITERAL("Content-Type"),   &request->content_type },
        {BH_STR_LITERAL("Authorization"),  &request->authorization},
        {BH_STR_LITERAL("Origin"),         &request->origin       },
        {BH_STR_LITERAL("Sec-Fetch-Site"), &request->fetch_site   },
        {BH_STR_LITERAL("If-None-Match"),  &request->if_none_match},
        {BH_STR_LITERAL("X-Signature"),    &request->signature    },
        {BH_STR_LITERAL("X-Timestamp"),    &request->timestamp    },
        {BH_STR_LITERAL("X-Nonce"),        &request->nonce        },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(kept); i++) {
        if (bh_str_equal_nocase(key, kept[i].name))
            *kept[i].value = text;
    }
}

/* What a proxy adds; a proxy on this machine asks from loopback for people who are elsewhere. */
static bool
is_of_proxies(struct bh_str key)
{
    static const char *const names[] = {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host",
                                        "X-Real-IP"};
    for (size_t i = 0; i < BH_ARRAY_LEN(names); i++) {
        if (bh_str_equal_nocase(key, bh_str_from(names[i])))
            return true;
    }
    return false;
}

static enum MHD_Result
head_on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
               const char *value, size_t value_len)
{
    struct head *head = arg;
    const struct bh_str key = {name, name_len};
    const struct bh_str text = {value != NULL ? value : "", value != NULL ? value_len : 0};
    (void)kind;
    if (++head->count > BH_HTTP_HEADERS_MAX)
        return MHD_NO;
    if (!is_token(key) || !is_value(text))
        head->broken = true;
    if (bh_str_equal_nocase(key, BH_STR_LITERAL("Host"))) {
        head->hosts++;
    } else if (bh_str_equal_nocase(key, BH_STR_LITERAL("Content-Length"))) {
        head->lengths++;
        head->length = text;
    } else if (bh_str_equal_nocase(key, BH_STR_LITERAL("Transfer-Encoding"))) {
        head->codings++;
        head->chunked = bh_str_equal_nocase(text, BH_STR_LITERAL("chunked"));
    }
    head->passed_on |= is_of_proxies(key);
    keep_header(head->request, key, text);
    return MHD_YES;
}

/* Visible ASCII that begins with a slash. */
static bool
is_target(const char *uri)
{
    for (const char *c = uri; *c != '\0'; c++) {
        if (*c <= 0x20 || *c >= 0x7F)
            return false;
    }
    return uri[0] == '/';
}

static bool
read_method(const char *word, enum bh_http_method *ret_method)
{
    static const char *const words[] = {
        [BH_HTTP_GET] = "GET", [BH_HTTP_HEAD] = "HEAD", [BH_HTTP_POST] = "POST"};
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_method = (enum bh_http_method)i;
            return true;
        }
    }
    return false;
}

/* Decimal digits alone; other spellings of a length are read differently by different programs. */
static bool
read_length(struct bh_str text, int64_t *ret_length)
{
    return text.len > 0 && bh_is_digit(text.ptr[0]) && bh_str_to_int64(text, ret_length);
}

/* The status that refuses it, with a reason; 0 when it may go on. */
static unsigned
judge(const struct bh_http_server *server, const struct exchange *exchange, const struct head *head,
      const char **ret_why)
{
    int64_t length = 0;
    bool has_body = head->codings > 0;
    *ret_why = "bad request";
    if (head->count > BH_HTTP_HEADERS_MAX)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    if (head->broken || head->hosts > 1 || !is_target(exchange->uri))
        return MHD_HTTP_BAD_REQUEST;
    if (head->lengths > 1 || head->codings > 1 || (head->lengths > 0 && head->codings > 0))
        return MHD_HTTP_BAD_REQUEST;
    /* Older programs do not know codings and would see another end of the body (RFC 9112, 6.1). */
    if (head->codings > 0 && !head->knows_codings)
        return MHD_HTTP_BAD_REQUEST;
    if (head->codings > 0 && !head->chunked)
        return MHD_HTTP_NOT_IMPLEMENTED;
    if (head->lengths > 0) {
        if (!read_length(head->length, &length))
            return MHD_HTTP_BAD_REQUEST;
        has_body = length > 0;
    }
    if (has_body && exchange->request.method != BH_HTTP_POST)
        return MHD_HTTP_BAD_REQUEST;
    *ret_why = "the body is too long";
    if ((uint64_t)length > server->options.body_bytes_max)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    return 0;
}

static enum MHD_Result
begin(struct bh_http_server *server, struct exchange *exchange, struct MHD_Connection *connection,
      const char *method, const char *version)
{
    struct head head = {
        .knows_codings = strcmp(version, MHD_HTTP_VERSION_1_1) == 0,
        .request = &exchange->request,
    };
    const char *why;
    exchange->begun = true;
    if (!read_method(method, &exchange->request.method))
        return refuse(server, exchange, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "only GET, HEAD and POST");
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, head_on_header, &head);
    exchange->passed_on = head.passed_on;
    unsigned status = judge(server, exchange, &head, &why);
    if (status != 0)
        return refuse(server, exchange, connection, status, why);
    return MHD_YES;
}

/*
 * Called once with the head, then with each piece of the body, then once more, and again when an answer that was put off
 * is there.  Refused is at the first call, which makes
 * the library close behind the answer; in the middle of a body it can only be cut off.
 */
enum MHD_Result
bh_http_exchange_on_access(void *arg, struct MHD_Connection *connection, const char *url,
                           const char *method, const char *version, const char *upload,
                           size_t *upload_len, void **context)
{
    struct bh_http_server *server = arg;
    struct bh_http_visitor *visitor = bh_http_visitor_of(connection);
    struct exchange *exchange = *context;
    (void)url;
    if (visitor == NULL || exchange == NULL || exchange->uri == NULL)
        return MHD_NO;
    if (!exchange->begun)
        return begin(server, exchange, connection, method, version);
    if (*upload_len == 0 && exchange->answered)
        return respond_now(visitor, connection);
    if (*upload_len == 0)
        return serve(server, exchange, visitor, connection);
    if (bh_buf_append(&exchange->body, upload, *upload_len) != BH_OK)
        return MHD_NO;
    *upload_len = 0;
    return MHD_YES;
}
