#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/http_date.h"
#include "gateway/transport_internal.h"

#define HEADER_BYTES_MAX   ((size_t)64 * 1024)
#define BODY_KEPT_MAX      ((size_t)16 * 1024) /* memory of an answer that a slot keeps for its next */
#define DEFAULT_TIMEOUT_MS 20000

/* ---- callbacks ----------------------------------------------------------------------------------- */

static void
mark_first_byte(struct bh_gateway_sending *request)
{
    if (request->first_byte_ns == 0)
        request->first_byte_ns = uv_hrtime();
}

/* "HTTP/1.1 200 OK" begins the next answer: an interim one, or the final one. */
static bool
take_status_line(struct bh_gateway_sending *request, struct bh_str line)
{
    struct bh_str rest = line, word;
    int64_t status;
    if (!bh_str_starts_with(line, BH_STR_LITERAL("HTTP/")))
        return false;
    request->http_status = 0;
    request->has_date = false;
    request->retry_after[0] = '\0';
    if (bh_str_split(&rest, ' ', &word) && bh_str_split(&rest, ' ', &word) &&
        bh_str_to_int64(word, &status) && status >= 200 && status <= 999)
        request->http_status = (int)status;
    return true;
}

static void
take_field(struct bh_gateway_sending *request, struct bh_str line)
{
    struct bh_str value = line, name;
    if (!bh_str_split(&value, ':', &name) || value.ptr == NULL)
        return;
    value = bh_str_trim(value);
    if (bh_str_equal_nocase(name, BH_STR_LITERAL("Date")))
        request->has_date = bh_http_date_parse(value, &request->date);
    if (bh_str_equal_nocase(name, BH_STR_LITERAL("Retry-After")) && value.len > 0 &&
        value.len < sizeof(request->retry_after)) {
        memcpy(request->retry_after, value.ptr, value.len);
        request->retry_after[value.len] = '\0';
    }
}

static size_t
request_on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct bh_gateway_sending *request = arg;
    size_t len = size * count;
    struct bh_str line = bh_str_trim((struct bh_str){bytes, len});

    mark_first_byte(request);
    request->header_bytes += len;
    if (request->header_bytes > HEADER_BYTES_MAX) {
        request->too_big = true;
        return 0;
    }
    if (request->headers_complete) /* a trailer behind a chunked body */
        return len;
    if (line.len == 0)
        request->headers_complete = request->http_status >= 200;
    else if (!take_status_line(request, line))
        take_field(request, line);
    return len;
}

static size_t
request_on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct bh_gateway_sending *request = arg;
    size_t len = size * count;
    enum bh_status status = bh_buf_append(&request->body, bytes, len);
    mark_first_byte(request);
    request->too_big = request->too_big || status == BH_ETOOBIG;
    request->no_memory = request->no_memory || status == BH_ENOMEM;
    return status == BH_OK ? len : 0;
}

/*
 * A process that was stopped while it connected hears of the connection before its timers run, and may have
 * lost the right to send long ago.
 */
static bool
is_too_late(const struct bh_gateway_sending *request)
{
    struct bh_mono not_after = request->command.not_after;
    return not_after.ms != 0 && bh_mono_reached(not_after, bh_mono_from_ns(uv_hrtime()));
}

bool
bh_gateway_sending_has_left(const struct bh_gateway_sending *request)
{
    long bytes = 0;
    if (request->prereq_calls == 0)
        return false;
    return curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK ||
           bytes > request->bytes_before;
}

bool
bh_gateway_sending_refuse_resend(struct bh_gateway_sending *request)
{
    if (!bh_gateway_sending_has_left(request))
        return false;
    request->resend_refused = true;
    request->transport->stats.resends_refused++;
    return true;
}

/*
 * Called right before a request goes out on a connection that stands; a second time when the library found
 * the connection dead and took another.  That is fine as long as nothing of the request has left.
 */
static int
request_on_sending(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct bh_gateway_sending *request = arg;
    (void)remote_ip;
    (void)remote_port;
    if (bh_gateway_sending_refuse_resend(request))
        return CURL_PREREQFUNC_ABORT;
    if (request->prereq_calls++ == 0)
        curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &request->bytes_before);
    if (is_too_late(request)) {
        request->doom = BH_TROUBLE_CANCELLED;
        return CURL_PREREQFUNC_ABORT;
    }
    request->sending_ns = uv_hrtime();
    bh_gateway_connection_take(request, local_ip, local_port);
    return CURL_PREREQFUNC_OK;
}

/* ---- before ---------------------------------------------------------------------------------------- */

/* The first failure of a row of calls is kept. */
#define SET(code, easy, option, value)                                                             \
    ((code) = (code) == CURLE_OK ? curl_easy_setopt((easy), (option), (value)) : (code))

static long
to_long(bh_ms ms)
{
    return ms > INT_MAX ? INT_MAX : ms < 1 ? 1 : (long)ms;
}

/*
 * An idle connection is used again while its age in whole seconds is not above the option; one second
 * less makes "younger than idle_ms" of it.
 */
static long
idle_seconds(bh_ms idle_ms)
{
    long seconds = (long)(bh_ms_min(idle_ms, BH_DAY_MS) / BH_SECOND_MS) - 1;
    return seconds > 1 ? seconds : 1;
}

static CURLcode
set_safety(CURL *easy)
{
    CURLcode code = CURLE_OK;
    SET(code, easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(code, easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(code, easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(code, easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(code, easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(code, easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(code, easy, CURLOPT_NOSIGNAL, 1L);
    SET(code, easy, CURLOPT_QUICK_EXIT, 1L);
    SET(code, easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(code, easy, CURLOPT_NOPROXY, "");
    return code;
}

static CURLcode
set_callbacks(struct bh_gateway_sending *request)
{
    CURL *easy = request->easy;
    CURLcode code = bh_gateway_sending_set_sockets(request);
    SET(code, easy, CURLOPT_PRIVATE, request);
    SET(code, easy, CURLOPT_SHARE, request->transport->share);
    SET(code, easy, CURLOPT_ERRORBUFFER, request->error);
    SET(code, easy, CURLOPT_HEADERFUNCTION, request_on_header);
    SET(code, easy, CURLOPT_HEADERDATA, request);
    SET(code, easy, CURLOPT_WRITEFUNCTION, request_on_body);
    SET(code, easy, CURLOPT_WRITEDATA, request);
    SET(code, easy, CURLOPT_PREREQFUNCTION, request_on_sending);
    SET(code, easy, CURLOPT_PREREQDATA, request);
    return code;
}

/* Once per handle; a change of the options makes a new one. */
static CURLcode
set_options(struct bh_gateway_sending *request)
{
    const struct bh_gateway_transport_options *options = &request->transport->options;
    CURL *easy = request->easy;
    CURLcode code = set_safety(easy);
    if (code == CURLE_OK)
        code = set_callbacks(request);
    SET(code, easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "");
    if (options->ca_file != NULL)
        SET(code, easy, CURLOPT_CAINFO, options->ca_file);
    SET(code, easy, CURLOPT_CONNECTTIMEOUT_MS, to_long(options->connect_timeout_ms));
    SET(code, easy, CURLOPT_MAXAGE_CONN, idle_seconds(options->idle_ms));
    if (code == CURLE_OK)
        request->options_version = request->transport->options_version;
    return code;
}

bh_ms
bh_gateway_sending_timeout_ms(const struct bh_gateway_sending *request)
{
    return request->command.timeout_ms > 0 ? request->command.timeout_ms : DEFAULT_TIMEOUT_MS;
}

static CURLcode
set_request(struct bh_gateway_sending *request)
{
    const struct bh_submit_command *command = &request->command;
    request->body.max = request->transport->options.answer_bytes_max;
    bh_ms timeout = bh_gateway_sending_timeout_ms(request);
    CURL *easy = request->easy;
    CURLcode code = CURLE_OK;
    SET(code, easy, CURLOPT_URL, command->url);
    SET(code, easy, CURLOPT_HTTPHEADER, request->headers);
    SET(code, easy, CURLOPT_TIMEOUT_MS, to_long(timeout));
    SET(code, easy, CURLOPT_FORBID_REUSE, 0L);
    if (command->body.len > 0) {
        SET(code, easy, CURLOPT_POST, 1L);
        SET(code, easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)command->body.len);
        SET(code, easy, CURLOPT_POSTFIELDS, command->body.ptr);
    } else {
        SET(code, easy, CURLOPT_HTTPGET, 1L);
    }
    return code;
}

static enum bh_status
copy_headers(struct bh_gateway_sending *request)
{
    const char *const *header = request->command.headers;
    for (; header != NULL && *header != NULL; header++) {
        struct curl_slist *longer = curl_slist_append(request->headers, *header);
        if (longer == NULL)
            return BH_ENOMEM;
        request->headers = longer;
    }
    return BH_OK;
}

enum bh_status
bh_gateway_sending_prepare(struct bh_gateway_sending *request)
{
    CURLcode code = CURLE_OK;
    if (request->options_version != request->transport->options_version) {
        /*
         * A new handle, not the library's reset: that one does not tell when it runs out of memory, and then
         * leaves defaults unset, so that a POST goes out without its body.
         */
        curl_easy_cleanup(request->easy);
        request->easy = curl_easy_init();
        code = request->easy != NULL ? set_options(request) : CURLE_OUT_OF_MEMORY;
    }
    if (code == CURLE_OK && copy_headers(request) != BH_OK)
        code = CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = set_request(request);
    if (code == CURLE_OK)
        return BH_OK;
    snprintf(request->error, sizeof(request->error), "%s", curl_easy_strerror(code));
    return code == CURLE_OUT_OF_MEMORY ? BH_ENOMEM : BH_EINVAL;
}

void
bh_gateway_sending_clean(struct bh_gateway_sending *request)
{
    bh_gateway_connection_leave(request);
    if (request->easy != NULL)
        curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(request->headers);
    if (request->body.capacity > BODY_KEPT_MAX)
        bh_buf_release(&request->body);

    struct bh_buf body = request->body;
    bh_buf_clear(&body);
    *request = (struct bh_gateway_sending){
        .transport = request->transport,
        .easy = request->easy,
        .options_version = request->options_version,
        .body = body,
    };
}

/* ---- after ----------------------------------------------------------------------------------------- */

/*
 * By bytes, in this order: never called before sending: nothing; nothing counted since: nothing; a body that
 * is not whole: a part, on which HTTP's framing forbids to act; everything else: all.
 *
 * A body of which nothing was counted may have left all the same: the library sets that count back when it begins anew
 * because the connection died without an answer, and may then not even get to another connection.
 */
static enum bh_handed_over
judge_handed_over(const struct bh_gateway_sending *request)
{
    curl_off_t uploaded = 0;
    if (!bh_gateway_sending_has_left(request))
        return BH_HANDED_NOTHING;
    if (curl_easy_getinfo(request->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded) != CURLE_OK)
        return BH_HANDED_ALL;
    if (uploaded > 0 && uploaded < (curl_off_t)request->command.body.len)
        return BH_HANDED_PART;
    return BH_HANDED_ALL;
}

/* Which step a request was in when its time was over. */
static enum bh_trouble
trouble_of_timeout(const struct bh_gateway_sending *request)
{
    if (request->prereq_calls > 0)
        return BH_TROUBLE_TIMEOUT;
    if (!request->opened_socket)
        return BH_TROUBLE_RESOLVE;
    return request->was_connected ? BH_TROUBLE_TLS : BH_TROUBLE_CONNECT;
}

static enum bh_trouble
trouble_of_code(const struct bh_gateway_sending *request, CURLcode code)
{
    static const struct {
        CURLcode code;
        enum bh_trouble trouble;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST,     BH_TROUBLE_RESOLVE    },
        {CURLE_COULDNT_RESOLVE_PROXY,    BH_TROUBLE_RESOLVE    },
        {CURLE_COULDNT_CONNECT,          BH_TROUBLE_CONNECT    },
        {CURLE_PROXY,                    BH_TROUBLE_CONNECT    },
        {CURLE_SSL_CONNECT_ERROR,        BH_TROUBLE_TLS        },
        {CURLE_SSL_CIPHER,               BH_TROUBLE_TLS        },
        {CURLE_PEER_FAILED_VERIFICATION, BH_TROUBLE_CERTIFICATE},
        {CURLE_SSL_CACERT_BADFILE,       BH_TROUBLE_CERTIFICATE},
        {CURLE_SSL_ISSUER_ERROR,         BH_TROUBLE_CERTIFICATE},
        {CURLE_SSL_INVALIDCERTSTATUS,    BH_TROUBLE_CERTIFICATE},
        {CURLE_WEIRD_SERVER_REPLY,       BH_TROUBLE_GARBAGE    },
        {CURLE_BAD_CONTENT_ENCODING,     BH_TROUBLE_GARBAGE    },
        {CURLE_UNSUPPORTED_PROTOCOL,     BH_TROUBLE_GARBAGE    }, /* said of answers that are not HTTP */
        {CURLE_OUT_OF_MEMORY,            BH_TROUBLE_INTERNAL   },
        {CURLE_FAILED_INIT,              BH_TROUBLE_INTERNAL   },
        {CURLE_URL_MALFORMAT,            BH_TROUBLE_INTERNAL   },
        {CURLE_BAD_FUNCTION_ARGUMENT,    BH_TROUBLE_INTERNAL   },
        {CURLE_SSL_CERTPROBLEM,          BH_TROUBLE_INTERNAL   },
        {CURLE_SSL_ENGINE_INITFAILED,    BH_TROUBLE_INTERNAL   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        if (rows[i].code == code)
            return rows[i].trouble;
    return request->prereq_calls > 0 ? BH_TROUBLE_RESET : BH_TROUBLE_CONNECT;
}

/* Of a name that is looked up anew for a resend, when it is said of a request that has left. */
static bool
is_of_resolving(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
}

static enum bh_trouble
judge_trouble(const struct bh_gateway_sending *request, CURLcode code)
{
    if (request->doom != BH_TROUBLE_NONE)
        return request->doom;
    if (request->too_big)
        return BH_TROUBLE_TOO_BIG;
    if (request->resend_refused || (bh_gateway_sending_has_left(request) && is_of_resolving(code)))
        return BH_TROUBLE_RESET;
    if (request->no_memory || (request->socket_failed && code == CURLE_COULDNT_CONNECT))
        return BH_TROUBLE_INTERNAL;
    if (code == CURLE_OK)
        return request->headers_complete ? BH_TROUBLE_NONE : BH_TROUBLE_RESET;
    if (code == CURLE_UNSUPPORTED_PROTOCOL && request->prereq_calls == 0)
        return BH_TROUBLE_INTERNAL; /* the address is not ours to use */
    if (code == CURLE_OPERATION_TIMEDOUT)
        return trouble_of_timeout(request);
    return trouble_of_code(request, code);
}

static bh_ms
judge_retry_after(const struct bh_gateway_sending *request)
{
    struct timespec clock = {0};
    struct bh_wall now = request->date;
    bh_ms delay;
    if (request->retry_after[0] == '\0')
        return -1;
    if (!request->has_date) {
        clock_gettime(CLOCK_REALTIME, &clock);
        now = bh_wall_from_timespec(clock.tv_sec, clock.tv_nsec);
    }
    return bh_retry_after_parse(bh_str_from(request->retry_after), now, &delay) ? delay : -1;
}

/* The library's words may hold bytes of the other side: only printable ASCII is passed on. */
static void
copy_detail(const struct bh_gateway_sending *request, CURLcode code, char *ret_text, size_t size)
{
    const char *words = "";
    if (request->error[0] != '\0')
        words = request->error;
    else if (code != CURLE_OK && request->doom == BH_TROUBLE_NONE)
        words = curl_easy_strerror(code);
    size_t len = 0;
    for (; len < size - 1 && words[len] != '\0'; len++)
        ret_text[len] = words[len] >= 0x20 && words[len] <= 0x7e ? words[len] : '?';
    ret_text[len] = '\0';
}

/* A time of the library's own; without TLS its handshake is never over. */
static int64_t
connected_at_us(const struct bh_gateway_sending *request)
{
    curl_off_t tcp_us = 0, tls_us = 0;
    if (!request->is_first_use ||
        curl_easy_getinfo(request->easy, CURLINFO_CONNECT_TIME_T, &tcp_us) != CURLE_OK ||
        curl_easy_getinfo(request->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us) != CURLE_OK)
        return 0;
    return tls_us > 0 ? tls_us : tcp_us;
}

/* Rounded up: 0 means that it did not happen. */
static int64_t
since_start_us(const struct bh_gateway_sending *request, uint64_t at_ns)
{
    return at_ns > 0 ? (int64_t)(at_ns - request->started_ns) / 1000 + 1 : 0;
}

struct bh_exchange
bh_gateway_sending_judge(const struct bh_gateway_sending *request, CURLcode code)
{
    bool began = request->state == BH_SENDING_RUNNING;
    uint64_t now_ns = uv_hrtime();
    struct bh_exchange exchange = {
        .handed_over = began ? judge_handed_over(request) : BH_HANDED_NOTHING,
        .trouble = judge_trouble(request, code),
        .http_status = request->http_status,
        .headers_complete = request->headers_complete,
        .body_complete =
            code == CURLE_OK && request->headers_complete && request->doom == BH_TROUBLE_NONE,
        .retry_after_ms = judge_retry_after(request),
        .new_connection =
            request->prereq_calls > 0 ? request->is_first_use : request->opened_socket,
    };
    if (began)
        exchange.total_us = (int64_t)(now_ns - request->started_ns) / 1000;
    if (began)
        exchange.connected_at_us = connected_at_us(request);
    exchange.sent_at_us = since_start_us(request, request->sending_ns);
    exchange.first_byte_at_us = since_start_us(request, request->first_byte_ns);
    copy_detail(request, code, exchange.detail, sizeof(exchange.detail));
    return exchange;
}
