#include "core/http_url.h"

#include <string.h>

#include "core/ascii.h"
#include "core/base.h"

static bool
has_allowed_bytes(struct bh_str url)
{
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        if (c <= ' ' || c >= 0x7F || strchr("\"<>\\^`{|}", c) != NULL)
            return false;
        if (c == '%' && (i + 2 >= url.len || bh_hex_value(url.ptr[i + 1]) < 0 ||
                         bh_hex_value(url.ptr[i + 2]) < 0))
            return false;
    }
    return true;
}

static bool
cut_scheme(struct bh_str *rest)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < BH_ARRAY_LEN(schemes); i++) {
        struct bh_str scheme = bh_str_from(schemes[i]);
        if (rest->len >= scheme.len &&
            bh_str_equal_nocase((struct bh_str){rest->ptr, scheme.len}, scheme)) {
            *rest = (struct bh_str){rest->ptr + scheme.len, rest->len - scheme.len};
            return true;
        }
    }
    return false;
}

/* Labels of letters, digits and inner hyphens, at most 63 long; addresses of IPv4 pass as such. */
static bool
is_host_name(struct bh_str host)
{
    if (host.len == 0 || host.len > 253)
        return false;
    struct bh_str label;
    while (bh_str_split(&host, '.', &label)) {
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++) {
            if (!bh_is_alnum(label.ptr[i]) && label.ptr[i] != '-')
                return false;
        }
    }
    return true;
}

/* Inside the brackets.  The resolver has the last word; here it is enough that nothing else can hide in it. */
static bool
is_ipv6(struct bh_str host)
{
    size_t colons = 0;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == ':')
            colons++;
        else if (bh_hex_value(host.ptr[i]) < 0 && host.ptr[i] != '.')
            return false;
    }
    return colons >= 2 && colons <= 7;
}

static bool
is_port(struct bh_str text)
{
    int64_t port;
    return text.len <= 5 && bh_str_to_int64(text, &port) && port >= 1 && port <= 65535;
}

/* Host and port: what stands before the path. */
static const char *
authority_problem(struct bh_str authority)
{
    static const char host_rule[] = "must name a host";
    static const char port_rule[] = "must have a port from 1 to 65535 or none";
    if (authority.len > 0 && memchr(authority.ptr, '@', authority.len) != NULL)
        return "must not carry a user name";

    struct bh_str host = authority, port = {NULL, 0};
    bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    if (bracketed) {
        struct bh_str rest = {authority.ptr + 1, authority.len - 1};
        if (!bh_str_split(&rest, ']', &host) || rest.ptr == NULL || !is_ipv6(host))
            return host_rule;
        if (rest.len == 0)
            return NULL;
        if (rest.ptr[0] != ':')
            return host_rule;
        port = (struct bh_str){rest.ptr + 1, rest.len - 1};
        return is_port(port) ? NULL : port_rule;
    }

    struct bh_str rest = authority;
    if (authority.len == 0 || !bh_str_split(&rest, ':', &host) || !is_host_name(host))
        return host_rule;
    return rest.ptr == NULL || is_port(rest) ? NULL : port_rule;
}

const char *
bh_http_url_problem(struct bh_str url)
{
    struct bh_str rest = url;
    if (url.len > BH_HTTP_URL_MAX)
        return "must not be longer than 2048 bytes";
    if (!cut_scheme(&rest))
        return "must start with http:// or https://";
    if (!has_allowed_bytes(rest))
        return "must be printable ASCII without blanks, with other bytes as %XX";
    if (rest.len > 0 && memchr(rest.ptr, '#', rest.len) != NULL)
        return "must not have a fragment";

    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    return authority_problem((struct bh_str){rest.ptr, len});
}
