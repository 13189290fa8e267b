#include "sim/http.h"

#include <string.h>

#define KEPT_BYTES_MAX   (64u * 1024)
#define TARGET_BYTES_MAX (15u * 1024)
#define LINE_BYTES_MAX   1024u

void
bh_sim_http_release(struct bh_sim_http *http)
{
    bh_sim_buf_release(&http->head);
    bh_sim_buf_release(&http->body);
    bh_sim_buf_release(&http->line);
}

void
bh_sim_http_reset(struct bh_sim_http *http)
{
    if (http->body.capacity > KEPT_BYTES_MAX)
        bh_sim_buf_release(&http->body);
    struct bh_sim_buf head = http->head, body = http->body, line = http->line;
    head.len = body.len = line.len = 0;
    http->state = BH_SIM_HTTP_HEAD;
    http->status = 0;
    http->head = head;
    http->body = body;
    http->line = line;
    http->scanned = 0;
    http->left = 0;
    http->trailer_len = 0;
    http->method = http->target = http->path = http->query = http->host = BH_SIM_STR_EMPTY;
    http->minor = 1;
    http->keep_alive = http->expects_continue = http->has_length = http->chunked = false;
    http->headers_count = 0;
}

bool
bh_sim_http_is_idle(const struct bh_sim_http *http)
{
    return http->state == BH_SIM_HTTP_HEAD && http->head.len == 0;
}

static bool
refuse(struct bh_sim_http *http, int status)
{
    http->state = BH_SIM_HTTP_BAD;
    http->status = status;
    return false;
}

/* RFC 9110, section 5.6.2. */
static bool
is_token(struct bh_sim_str text)
{
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return text.len > 0;
}

static bool
has_control(struct bh_sim_str text, bool tab_allowed)
{
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        if ((c < 0x20 && !(tab_allowed && c == '\t')) || c == 0x7f)
            return true;
    }
    return false;
}

static bool
read_target(struct bh_sim_http *http)
{
    struct bh_sim_str target = http->target;
    if (target.len > TARGET_BYTES_MAX)
        return refuse(http, 414);
    if (target.len == 0 || has_control(target, false))
        return refuse(http, 400);

    /* Absolute form is what a proxy is sent; the authority then overrides Host and we need neither. */
    if (bh_sim_str_starts(target, "http://")) {
        const char *slash = memchr(target.ptr + 7, '/', target.len - 7);
        target = slash != NULL
                     ? (struct bh_sim_str){slash, target.len - (size_t)(slash - target.ptr)}
                     : BH_SIM_STR("/");
    }
    if (target.ptr[0] != '/')
        return refuse(http, 400);
    struct bh_sim_str rest = target, path;
    bh_sim_str_split(&rest, '?', &path);
    http->path = path;
    http->query = rest.ptr != NULL ? rest : BH_SIM_STR_EMPTY;
    return true;
}

static bool
read_request_line(struct bh_sim_http *http, struct bh_sim_str line)
{
    struct bh_sim_str rest = line, version;
    bool complete = bh_sim_str_split(&rest, ' ', &http->method) &&
                    bh_sim_str_split(&rest, ' ', &http->target) &&
                    bh_sim_str_split(&rest, ' ', &version) && rest.ptr == NULL;
    if (!complete || !is_token(http->method) || !bh_sim_str_starts(version, "HTTP/"))
        return refuse(http, 400);
    if (bh_sim_str_is(version, "HTTP/1.1"))
        http->minor = 1;
    else if (bh_sim_str_is(version, "HTTP/1.0"))
        http->minor = 0;
    else
        return refuse(http, 505);
    return read_target(http);
}

static bool
read_header_line(struct bh_sim_http *http, struct bh_sim_str line)
{
    if (http->headers_count == BH_SIM_HTTP_HEADERS_MAX)
        return refuse(http, 431);
    struct bh_sim_str rest = line, name;
    bh_sim_str_split(&rest, ':', &name);
    if (rest.ptr == NULL || !is_token(name))
        return refuse(http, 400);
    struct bh_sim_str value = bh_sim_str_trim(rest);
    if (has_control(value, true))
        return refuse(http, 400);
    http->headers[http->headers_count++] = (struct bh_sim_header){name, value};
    return true;
}

static size_t
count_header(const struct bh_sim_http *http, const char *name)
{
    size_t count = 0;
    for (size_t at = 0; at < http->headers_count; at++)
        if (bh_sim_str_is_nocase(http->headers[at].name, name))
            count++;
    return count;
}

const struct bh_sim_header *
bh_sim_http_header(const struct bh_sim_http *http, const char *name)
{
    for (size_t at = 0; at < http->headers_count; at++)
        if (bh_sim_str_is_nocase(http->headers[at].name, name))
            return &http->headers[at];
    return NULL;
}

bool
bh_sim_http_joined(const struct bh_sim_http *http, const char *name, struct bh_sim_buf *buf)
{
    bool found = false;
    for (size_t at = 0; at < http->headers_count; at++) {
        if (!bh_sim_str_is_nocase(http->headers[at].name, name))
            continue;
        if (found)
            bh_sim_buf_text(buf, ", ");
        bh_sim_buf_str(buf, http->headers[at].value);
        found = true;
    }
    return found;
}

static bool
read_length(struct bh_sim_http *http, struct bh_sim_str value)
{
    int64_t length;
    if (value.len == 0 || value.ptr[0] == '+' || value.ptr[0] == '-' ||
        !bh_sim_str_to_int(value, &length))
        return refuse(http, 400);
    if (length > (int64_t)BH_SIM_HTTP_BODY_MAX)
        return refuse(http, 413);
    http->has_length = true;
    http->left = (uint64_t)length;
    return true;
}

static bool
read_framing(struct bh_sim_http *http)
{
    const struct bh_sim_header *length = bh_sim_http_header(http, "content-length");
    const struct bh_sim_header *coding = bh_sim_http_header(http, "transfer-encoding");
    if (count_header(http, "content-length") > 1 || count_header(http, "transfer-encoding") > 1)
        return refuse(http, 400);
    if (length != NULL && coding != NULL)
        return refuse(http, 400);
    if (coding != NULL) {
        if (http->minor == 0)
            return refuse(http, 400);
        if (!bh_sim_str_is_nocase(coding->value, "chunked"))
            return refuse(http, 501);
        http->chunked = true;
    }
    return length == NULL || read_length(http, length->value);
}

static bool
list_has(struct bh_sim_str list, const char *word)
{
    struct bh_sim_str piece;
    while (bh_sim_str_split(&list, ',', &piece))
        if (bh_sim_str_is_nocase(bh_sim_str_trim(piece), word))
            return true;
    return false;
}

static bool
read_meaning(struct bh_sim_http *http)
{
    size_t hosts = count_header(http, "host");
    if (hosts > 1 || (hosts == 0 && http->minor == 1))
        return refuse(http, 400);
    const struct bh_sim_header *host = bh_sim_http_header(http, "host");
    const struct bh_sim_header *connection = bh_sim_http_header(http, "connection");
    const struct bh_sim_header *expect = bh_sim_http_header(http, "expect");
    if (host != NULL)
        http->host = host->value;
    http->keep_alive = http->minor == 1;
    if (connection != NULL && list_has(connection->value, "close"))
        http->keep_alive = false;
    else if (connection != NULL && list_has(connection->value, "keep-alive"))
        http->keep_alive = true;
    http->expects_continue =
        http->minor == 1 && expect != NULL && bh_sim_str_is_nocase(expect->value, "100-continue");
    return read_framing(http);
}

/* `head` is complete: every line ends in CR LF, the last one is empty. */
static bool
read_head(struct bh_sim_http *http)
{
    struct bh_sim_str rest = {http->head.ptr, http->head.len - 2};
    for (bool first = true; rest.len > 0; first = false) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        if (end == NULL || end == rest.ptr || end[-1] != '\r')
            return refuse(http, 400);
        struct bh_sim_str line = {rest.ptr, (size_t)(end - rest.ptr) - 1};
        rest = (struct bh_sim_str){end + 1, rest.len - line.len - 2};
        if (memchr(line.ptr, '\r', line.len) != NULL)
            return refuse(http, 400);
        if (!(first ? read_request_line(http, line) : read_header_line(http, line)))
            return false;
    }
    if (!read_meaning(http))
        return false;
    http->state = BH_SIM_HTTP_HEAD_DONE;
    return true;
}

/* Where the head ends in the bytes collected so far, or 0. */
static size_t
find_head_end(struct bh_sim_http *http)
{
    size_t at = http->scanned > 3 ? http->scanned - 3 : 0;
    const char *bytes = http->head.ptr;
    while (at + 4 <= http->head.len) {
        const char *cr = memchr(bytes + at, '\r', http->head.len - at - 3);
        if (cr == NULL)
            break;
        at = (size_t)(cr - bytes);
        if (memcmp(cr, "\r\n\r\n", 4) == 0)
            return at + 4;
        at++;
    }
    http->scanned = http->head.len;
    return 0;
}

static size_t
feed_head(struct bh_sim_http *http, const char *bytes, size_t len)
{
    size_t used = 0;
    /* Empty lines before a request are to be skipped (RFC 9112, section 2.2). */
    while (http->head.len == 0 && used < len && (bytes[used] == '\r' || bytes[used] == '\n'))
        used++;
    if (used == len)
        return used;

    size_t before = http->head.len;
    size_t room = BH_SIM_HTTP_HEAD_MAX - before;
    size_t taken = len - used < room ? len - used : room;
    bh_sim_buf_append(&http->head, bytes + used, taken);
    size_t end = find_head_end(http);
    if (end > 0) {
        http->head.len = end;
        read_head(http);
        return used + (end - before);
    }
    if (http->head.len == BH_SIM_HTTP_HEAD_MAX)
        refuse(http, memchr(http->head.ptr, '\n', http->head.len) == NULL ? 414 : 431);
    return used + taken;
}

static size_t
feed_counted(struct bh_sim_http *http, const char *bytes, size_t len)
{
    size_t taken = len < http->left ? len : (size_t)http->left;
    bh_sim_buf_append(&http->body, bytes, taken);
    http->left -= taken;
    if (http->left == 0)
        http->state = http->chunked ? BH_SIM_HTTP_CHUNK_END : BH_SIM_HTTP_DONE;
    return taken;
}

static bool
read_chunk_size(struct bh_sim_http *http, struct bh_sim_str line)
{
    uint64_t size = 0;
    size_t at = 0;
    for (; at < line.len && bh_sim_hex_value(line.ptr[at]) >= 0; at++) {
        if (at == 8)
            return refuse(http, 413);
        size = size * 16 + (uint64_t)bh_sim_hex_value(line.ptr[at]);
    }
    struct bh_sim_str extension = bh_sim_str_trim(bh_sim_str_tail(line, at));
    if (at == 0 || (extension.len > 0 && extension.ptr[0] != ';') || has_control(extension, true))
        return refuse(http, 400);
    if (size > BH_SIM_HTTP_BODY_MAX || http->body.len + size > BH_SIM_HTTP_BODY_MAX)
        return refuse(http, 413);
    http->left = size;
    http->state = size > 0 ? BH_SIM_HTTP_CHUNK_DATA : BH_SIM_HTTP_TRAILER;
    return true;
}

static bool
read_line(struct bh_sim_http *http, struct bh_sim_str line)
{
    if (http->state == BH_SIM_HTTP_CHUNK_SIZE)
        return read_chunk_size(http, line);
    if (http->state == BH_SIM_HTTP_CHUNK_END) {
        if (line.len > 0)
            return refuse(http, 400);
        http->state = BH_SIM_HTTP_CHUNK_SIZE;
        return true;
    }
    http->trailer_len += line.len + 2;
    if (http->trailer_len > BH_SIM_HTTP_HEAD_MAX || has_control(line, true))
        return refuse(http, 400);
    if (line.len == 0)
        http->state = BH_SIM_HTTP_DONE;
    return true;
}

static size_t
feed_line(struct bh_sim_http *http, const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    size_t taken = end != NULL ? (size_t)(end - bytes) + 1 : len;
    if (http->line.len + taken > LINE_BYTES_MAX) {
        refuse(http, 400);
        return len;
    }
    bh_sim_buf_append(&http->line, bytes, taken);
    if (end == NULL)
        return taken;
    struct bh_sim_str line = bh_sim_buf_view(&http->line);
    if (line.len < 2 || line.ptr[line.len - 2] != '\r') {
        refuse(http, 400);
        return taken;
    }
    line.len -= 2;
    read_line(http, line);
    http->line.len = 0;
    return taken;
}

static void
leave_head(struct bh_sim_http *http)
{
    if (http->chunked)
        http->state = BH_SIM_HTTP_CHUNK_SIZE;
    else
        http->state = http->left > 0 ? BH_SIM_HTTP_BODY : BH_SIM_HTTP_DONE;
    if (http->has_length)
        bh_sim_buf_reserve(&http->body, http->left < 65536 ? (size_t)http->left : 65536);
}

size_t
bh_sim_http_feed(struct bh_sim_http *http, const char *bytes, size_t len)
{
    if (http->state == BH_SIM_HTTP_HEAD_DONE)
        leave_head(http);
    size_t used = 0;
    while (used < len && http->state != BH_SIM_HTTP_DONE && http->state != BH_SIM_HTTP_BAD &&
           http->state != BH_SIM_HTTP_HEAD_DONE) {
        if (http->state == BH_SIM_HTTP_HEAD)
            used += feed_head(http, bytes + used, len - used);
        else if (http->state == BH_SIM_HTTP_BODY || http->state == BH_SIM_HTTP_CHUNK_DATA)
            used += feed_counted(http, bytes + used, len - used);
        else
            used += feed_line(http, bytes + used, len - used);
    }
    return used;
}
