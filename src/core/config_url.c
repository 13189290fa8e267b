#include <string.h>

#include "core/ascii.h"
#include "core/config_own.h"

static bool
all_visible(struct bh_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7F)
            return false;
    }
    return true;
}

static bool
read_port(struct bh_str text, uint16_t *ret_port)
{
    int64_t port;
    if (text.len == 0 || text.len > 5 || !bh_is_digit(text.ptr[0]) ||
        !bh_str_to_int64(text, &port) || port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* A name, or an IPv4 address. */
static bool
is_host(struct bh_str host)
{
    if (host.len == 0 || host.len > 255)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!bh_is_alnum(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return true;
}

/* What stands in brackets: an IPv6 address, judged by its characters alone. */
static bool
is_address6(struct bh_str host)
{
    if (host.len < 2 || host.len > 45 || memchr(host.ptr, ':', host.len) == NULL)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (bh_hex_value(c) < 0 && c != ':' && c != '.')
            return false;
    }
    return true;
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT; *ret_port_text has a NULL pointer when there is no colon. */
static bool
split_host(struct bh_str text, struct bh_str *ret_host, struct bh_str *ret_port_text)
{
    struct bh_str host = text, behind = {NULL, 0};
    if (text.len > 0 && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        if (end == NULL)
            return false;
        host = (struct bh_str){text.ptr + 1, (size_t)(end - text.ptr) - 1};
        behind = (struct bh_str){end + 1, text.len - host.len - 2};
        if (!is_address6(host) || (behind.len > 0 && behind.ptr[0] != ':'))
            return false;
    } else {
        const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
        if (colon != NULL) {
            host.len = (size_t)(colon - text.ptr);
            behind = (struct bh_str){colon, text.len - host.len};
        }
        if (!is_host(host))
            return false;
    }
    *ret_host = host;
    *ret_port_text =
        behind.len > 0 ? (struct bh_str){behind.ptr + 1, behind.len - 1} : (struct bh_str){NULL, 0};
    return true;
}

/* Cut "SCHEME://" off. */
static bool
take_scheme(struct bh_str *text, struct bh_str *ret_scheme)
{
    size_t len = 0;
    while (len < text->len &&
           (bh_is_alnum(text->ptr[len]) || text->ptr[len] == '+' || text->ptr[len] == '-'))
        len++;
    struct bh_str behind = {text->ptr + len, text->len - len};
    if (len == 0 || !bh_str_starts_with(behind, BH_STR_LITERAL("://")))
        return false;
    *ret_scheme = (struct bh_str){text->ptr, len};
    *text = (struct bh_str){behind.ptr + 3, behind.len - 3};
    return true;
}

bool
bh_config_url_split(struct bh_str text, struct bh_config_url *ret_url)
{
    struct bh_config_url url = {0};
    if (!all_visible(text) || !take_scheme(&text, &url.scheme))
        return false;

    size_t len = 0;
    while (len < text.len && text.ptr[len] != '/' && text.ptr[len] != '?' && text.ptr[len] != '#')
        len++;
    struct bh_str authority = {text.ptr, len};
    url.rest = (struct bh_str){text.ptr + len, text.len - len};
    for (size_t i = authority.len; i > 0; i--) {
        if (authority.ptr[i - 1] == '@') {
            url.login = (struct bh_str){authority.ptr, i - 1};
            authority = (struct bh_str){authority.ptr + i, authority.len - i};
            break;
        }
    }

    struct bh_str port;
    if (!split_host(authority, &url.host, &port))
        return false;
    if (port.ptr != NULL && (!read_port(port, &url.port) || url.port == 0))
        return false;
    *ret_url = url;
    return true;
}

bool
bh_config_host_port_split(struct bh_str text, struct bh_str *ret_host, uint16_t *ret_port)
{
    struct bh_str host, port_text;
    uint16_t port;
    if (!split_host(text, &host, &port_text) || !read_port(port_text, &port))
        return false;
    *ret_host = host;
    *ret_port = port;
    return true;
}

/* Only digits and dots behind 127.: the name 127.example.org is somebody else's machine. */
static bool
is_loopback4(struct bh_str host)
{
    if (!bh_str_starts_with(host, BH_STR_LITERAL("127.")))
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (!bh_is_digit(host.ptr[i]) && host.ptr[i] != '.')
            return false;
    }
    return true;
}

bool
bh_config_host_is_loopback(struct bh_str host)
{
    return bh_str_equal_nocase(host, BH_STR_LITERAL("localhost")) ||
           bh_str_equal_text(host, "::1") || is_loopback4(host);
}

bool
bh_config_zone_name_is_safe(struct bh_str name)
{
    if (name.len == 0 || name.len > 64 || name.ptr[0] == '/' || name.ptr[name.len - 1] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        /* No dot, so neither `..` nor the tables that lie beside the zones. */
        if (!bh_is_alnum(c) && c != '_' && c != '-' && c != '+' && c != '/')
            return false;
        if (c == '/' && name.ptr[i + 1] == '/')
            return false;
    }
    return true;
}
