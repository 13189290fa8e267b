#include "core/webhook_address.h"

#include <string.h>

#include "core/codec.h"

#define MASK "***"

static const struct bh_str webhook = {"/webhook/", 9};

static struct bh_str
tail(struct bh_str text, size_t from)
{
    return (struct bh_str){text.ptr + from, text.len - from};
}

static struct bh_str
head(struct bh_str text, size_t len)
{
    return (struct bh_str){text.ptr, len};
}

/* The first place of `piece` in `text`, or its length. */
static size_t
find(struct bh_str text, struct bh_str piece)
{
    for (size_t at = 0; piece.len > 0 && at + piece.len <= text.len; at++)
        if (memcmp(text.ptr + at, piece.ptr, piece.len) == 0)
            return at;
    return text.len;
}

static size_t
find_any(struct bh_str text, const char *bytes)
{
    for (size_t at = 0; at < text.len; at++)
        if (text.ptr[at] != '\0' && strchr(bytes, text.ptr[at]) != NULL)
            return at;
    return text.len;
}

/* ---- making it ---- */

static enum bh_status
encode(struct bh_str token, struct bh_buf *encoded)
{
    bh_buf_init(encoded, BH_WEBHOOK_ADDRESS_MAX);
    return bh_percent_append(encoded, token);
}

/* Behind the host: a short token may stand in a name by chance. */
static bool
has_token(struct bh_str url, struct bh_str token, struct bh_str encoded)
{
    size_t scheme = find(url, BH_STR_LITERAL("://"));
    struct bh_str rest = scheme < url.len ? tail(url, scheme + 3) : url;
    rest = tail(rest, find_any(rest, "/?#"));
    return find(rest, token) < rest.len || find(rest, encoded) < rest.len;
}

enum bh_status
bh_webhook_address(struct bh_str url, struct bh_str token, struct bh_buf *address)
{
    struct bh_buf encoded;
    if (url.len == 0 || token.len == 0)
        return BH_EINVAL;
    enum bh_status status = encode(token, &encoded);
    if (status == BH_OK && has_token(url, token, bh_buf_str(&encoded))) {
        status = bh_buf_append_str(address, url);
    } else if (status == BH_OK) {
        size_t path_end = find_any(url, "?#"), kept = path_end;
        kept -= kept > 0 && url.ptr[kept - 1] == '/' ? 1 : 0;
        bh_buf_append_str(address, head(url, kept));
        bh_buf_append_str(address, webhook);
        bh_buf_append_str(address, bh_buf_str(&encoded));
        bh_buf_append_str(address, tail(url, path_end));
        status = bh_buf_status(address);
    }
    bh_buf_release(&encoded);
    return status;
}

/* ---- showing it ---- */

/* Of "http://user:password@host" the part before the "@"; what has another scheme is none that the gateway takes. */
static struct bh_str
mask_user(struct bh_str url, struct bh_buf *text)
{
    size_t scheme = find(url, BH_STR_LITERAL("://"));
    struct bh_str name = head(url, scheme);
    bool is_web = bh_str_equal_nocase(name, BH_STR_LITERAL("http")) ||
                  bh_str_equal_nocase(name, BH_STR_LITERAL("https"));
    if (scheme == url.len || !is_web)
        return url;
    struct bh_str rest = tail(url, scheme + 3);
    struct bh_str authority = head(rest, find_any(rest, "/?#"));
    size_t at = authority.len;
    while (at > 0 && authority.ptr[at - 1] != '@')
        at--;
    if (at == 0)
        return url;
    bh_buf_append_str(text, head(url, scheme + 3));
    bh_buf_append_text(text, MASK "@");
    return tail(rest, at);
}

/* How much at the beginning of `text` is secret; the token in either spelling, or a segment behind /webhook/. */
static size_t
secret_len(struct bh_str text, struct bh_str token, struct bh_str encoded, bool behind_webhook)
{
    if (behind_webhook)
        return find_any(text, "?# \"'<>");
    if (token.len > 0 && bh_str_starts_with(text, token))
        return token.len;
    return encoded.len > 0 && bh_str_starts_with(text, encoded) ? encoded.len : 0;
}

enum bh_status
bh_webhook_mask(struct bh_str url, struct bh_str token, struct bh_buf *text)
{
    struct bh_buf encoded;
    enum bh_status status = encode(token, &encoded);
    struct bh_str rest = status == BH_OK ? mask_user(url, text) : (struct bh_str){NULL, 0};
    while (rest.len > 0) {
        bool behind = (size_t)(rest.ptr - url.ptr) >= webhook.len &&
                      memcmp(rest.ptr - webhook.len, webhook.ptr, webhook.len) == 0;
        size_t len = secret_len(rest, token, bh_buf_str(&encoded), behind);
        if (len > 0)
            bh_buf_append_text(text, MASK);
        else
            bh_buf_append_char(text, rest.ptr[0]);
        rest = tail(rest, len > 0 ? len : 1);
    }
    bh_buf_release(&encoded);
    return status == BH_OK ? bh_buf_status(text) : status;
}

/* ---- comparing ---- */

struct parts {
    struct bh_str scheme, host, port, rest; /* port without the colon; empty: the scheme's own */
};

static bool
take_apart(struct bh_str url, struct parts *ret_parts)
{
    struct parts parts;
    size_t scheme = find(url, BH_STR_LITERAL("://"));
    if (scheme == url.len)
        return false;
    parts.scheme = head(url, scheme);
    struct bh_str behind = tail(url, scheme + 3);
    parts.host = head(behind, find_any(behind, "/?#"));
    parts.rest = tail(behind, parts.host.len);
    parts.port = tail(parts.host, parts.host.len);
    for (size_t at = parts.host.len; at > 0 && parts.host.ptr[at - 1] != ']'; at--) {
        if (parts.host.ptr[at - 1] != ':')
            continue;
        parts.port = tail(parts.host, at);
        parts.host = head(parts.host, at - 1);
        break;
    }
    bool is_own = bh_str_equal_nocase(parts.scheme, BH_STR_LITERAL("https"))
                      ? bh_str_equal_text(parts.port, "443")
                      : bh_str_equal_text(parts.port, "80");
    if (is_own)
        parts.port.len = 0;
    if (bh_str_equal_text(parts.rest, "/"))
        parts.rest.len = 0;
    *ret_parts = parts;
    return true;
}

static bool
is_same_place(const struct parts *a, const struct parts *b)
{
    return bh_str_equal_nocase(a->scheme, b->scheme) && bh_str_equal_nocase(a->host, b->host) &&
           bh_str_equal(a->port, b->port);
}

bool
bh_webhook_is_same(struct bh_str a, struct bh_str b)
{
    struct parts left, right;
    if (!take_apart(a, &left) || !take_apart(b, &right))
        return bh_str_equal(a, b);
    return is_same_place(&left, &right) && bh_str_equal(left.rest, right.rest);
}

/* What stands before the last "/webhook/", provided that one segment is all that follows. */
static bool
cut_webhook(struct bh_str *path)
{
    size_t at = path->len;
    while (at > 0 && path->ptr[at - 1] != '/')
        at--;
    struct bh_str before = head(*path, at);
    if (at == path->len || before.len < webhook.len ||
        memcmp(before.ptr + before.len - webhook.len, webhook.ptr, webhook.len) != 0)
        return false;
    *path = before;
    return true;
}

bool
bh_webhook_is_former(struct bh_str url, struct bh_str address)
{
    struct parts left, right;
    if (!take_apart(url, &left) || !take_apart(address, &right) || !is_same_place(&left, &right) ||
        bh_str_equal(left.rest, right.rest))
        return false;
    return cut_webhook(&left.rest) && cut_webhook(&right.rest) &&
           bh_str_equal(left.rest, right.rest);
}
