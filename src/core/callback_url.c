/* Where a callback may go. */
#include <string.h>

#include "core/ascii.h"
#include "core/callback.h"
#include "core/http_url.h"

/* The pieces of a URL that bh_http_url_problem has accepted. */
struct pieces {
    struct bh_str scheme, host;
    int64_t port;
    struct bh_str path;  /* "/" when there is none */
    struct bh_str query; /* without its question mark; NULL pointer: none */
};

static struct bh_str
behind(struct bh_str text, size_t at)
{
    return (struct bh_str){text.ptr + at, text.len - at};
}

static size_t
find_any(struct bh_str text, const char *set)
{
    size_t at = 0;
    while (at < text.len && strchr(set, text.ptr[at]) == NULL)
        at++;
    return at;
}

static struct bh_str
cut_authority(struct bh_str *rest)
{
    size_t len = find_any(*rest, "/?");
    struct bh_str authority = {rest->ptr, len};
    *rest = behind(*rest, len);
    return authority;
}

/* The port's digits; empty when there are none. */
static struct bh_str
split_authority(struct bh_str authority, struct bh_str *ret_host)
{
    size_t len = authority.ptr[0] == '[' ? find_any(authority, "]") + 1 : find_any(authority, ":");
    *ret_host = (struct bh_str){authority.ptr, len};
    struct bh_str port = behind(authority, len);
    return port.len > 0 ? behind(port, 1) : port;
}

static struct pieces
take_apart(struct bh_str url)
{
    struct pieces pieces = {
        .scheme = {url.ptr, find_any(url, ":")}
    };
    struct bh_str rest = behind(url, pieces.scheme.len + 3);
    struct bh_str port = split_authority(cut_authority(&rest), &pieces.host);
    if (!bh_str_to_int64(port, &pieces.port))
        pieces.port = pieces.scheme.len == 5 ? 443 : 80;
    size_t len = find_any(rest, "?");
    pieces.path = len > 0 ? (struct bh_str){rest.ptr, len} : BH_STR_LITERAL("/");
    if (len < rest.len)
        pieces.query = behind(rest, len + 1);
    return pieces;
}

/* The byte that is written as %XX at `at`; -1: something else is. */
static int
byte_at(struct bh_str path, size_t at)
{
    if (at + 2 >= path.len || path.ptr[at] != '%')
        return -1;
    return bh_hex_value(path.ptr[at + 1]) * 16 + bh_hex_value(path.ptr[at + 2]);
}

/* The beginning of a character in more bytes than it needs (RFC 3629, 10): C0 AE is a dot to those who do not count. */
static bool
is_overlong(int byte, int next)
{
    return byte == 0xC0 || byte == 0xC1 || (byte == 0xE0 && next >= 0x80 && next < 0xA0) ||
           (byte == 0xF0 && next >= 0x80 && next < 0x90);
}

/* What one server reads as an ordinary character of a name, and the next one as a way up or the end of the text. */
static bool
hides_something(struct bh_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        int byte = byte_at(path, i);
        if (byte < 0)
            continue;
        if (byte < 0x20 || byte == 0x7F || memchr("/\\.%;", byte, 5) != NULL ||
            is_overlong(byte, byte_at(path, i + 3)))
            return true;
    }
    return false;
}

static struct bh_str
without_blanks(struct bh_str segment)
{
    while (segment.len >= 3 && byte_at(segment, segment.len - 3) == ' ')
        segment.len -= 3;
    return segment;
}

/* "." or "..", also with what some servers cut off before they look: parameters and blanks behind, "..;x" and "..%20". */
static bool
climbs(struct bh_str path)
{
    struct bh_str segment;
    while (bh_str_split(&path, '/', &segment)) {
        segment.len = segment.len > 0 ? find_any(segment, ";") : 0;
        segment = without_blanks(segment);
        if (bh_str_equal_text(segment, ".") || bh_str_equal_text(segment, ".."))
            return true;
    }
    return false;
}

static const char *
path_problem(const struct pieces *pieces)
{
    if (climbs(pieces->path))
        return "must not have . or .. in its path";
    if (hides_something(pieces->path))
        return "must not hide a slash, a dot, a percent sign or a control character in its path as "
               "%XX";
    return NULL;
}

const char *
bh_callback_prefix_problem(struct bh_str prefix)
{
    const char *problem = bh_http_url_problem(prefix);
    if (problem != NULL)
        return problem;
    const struct pieces pieces = take_apart(prefix);
    return path_problem(&pieces);
}

static bool
is_same_server(const struct pieces *a, const struct pieces *b)
{
    return bh_str_equal_nocase(a->scheme, b->scheme) && bh_str_equal_nocase(a->host, b->host) &&
           a->port == b->port;
}

static bool
is_beneath(struct bh_str path, struct bh_str prefix)
{
    if (!bh_str_starts_with(path, prefix))
        return false;
    return path.len == prefix.len || prefix.ptr[prefix.len - 1] == '/' ||
           path.ptr[prefix.len] == '/';
}

static bool
is_same_place(const struct pieces *a, const struct pieces *b)
{
    return bh_str_equal(a->path, b->path) && b->query.ptr != NULL &&
           bh_str_equal(a->query, b->query);
}

const char *
bh_callback_url_problem(struct bh_str prefix, struct bh_str url)
{
    const char *problem = bh_http_url_problem(url);
    if (problem != NULL)
        return problem;
    if (bh_callback_prefix_problem(prefix) != NULL)
        return "is compared with something that is no URL";
    const struct pieces allowed = take_apart(prefix), wanted = take_apart(url);
    if (!is_same_server(&allowed, &wanted))
        return "must have the scheme, host and port that are allowed";
    problem = path_problem(&wanted);
    if (problem != NULL)
        return problem;
    if (allowed.query.ptr != NULL ? !is_same_place(&allowed, &wanted)
                                  : !is_beneath(wanted.path, allowed.path))
        return "must have a path beneath the one that is allowed";
    return NULL;
}

struct bh_str
bh_callback_origin(struct bh_str url)
{
    if (bh_http_url_problem(url) != NULL)
        return (struct bh_str){"", 0};
    size_t scheme = find_any(url, ":") + 3;
    struct bh_str rest = behind(url, scheme);
    return (struct bh_str){url.ptr, scheme + cut_authority(&rest).len};
}
