#include "core/redis_url.h"

#include <limits.h>
#include <string.h>

#include "core/alloc.h"
#include "core/ascii.h"
#include "core/fault.h"

/* One reading under way: what is built, and where the sentence goes. */
struct parse {
    struct bh_redis_url url;
    struct bh_error *error;
};

/* The text cut into its parts; user info, path and query have a NULL pointer when they are absent. */
struct parts {
    struct bh_str userinfo;
    struct bh_str hosts;
    struct bh_str path; /* without its leading slash */
    struct bh_str query;
};

struct scheme {
    const char *name;
    enum bh_redis_url_kind kind;
    bool tls;
    uint16_t port;
};

static const struct scheme schemes[] = {
    {"redis",          BH_REDIS_TCP,      false, BH_REDIS_PORT         },
    {"rediss",         BH_REDIS_TCP,      true,  BH_REDIS_PORT         },
    {"unix",           BH_REDIS_UNIX,     false, 0                     },
    {"redis+sentinel", BH_REDIS_SENTINEL, false, BH_REDIS_SENTINEL_PORT},
    {"redis+cluster",  BH_REDIS_CLUSTER,  false, BH_REDIS_PORT         },
};

/* A constant, so that the compiler sees, too, that nobody reads the outputs of what was refused. */
static enum bh_status
refuse(struct parse *parse, const char *sentence)
{
    (void)bh_error_set(parse->error, "url", "%s", sentence);
    return BH_EINVAL;
}

/* The compiler must not drop the wiping of memory that is freed next, hence volatile. */
static void
free_secret(char *secret)
{
    if (secret == NULL)
        return;
    for (volatile char *at = secret; *at != '\0'; at++)
        *at = '\0';
    bh_free(secret);
}

/* ---- characters ------------------------------------------------------------------------------------ */

static const char *
find_char(struct bh_str text, char c)
{
    return text.len > 0 ? memchr(text.ptr, c, text.len) : NULL;
}

/* `text` up to `at` (exclusive) and from there on (inclusive); `at` NULL: all and nothing. */
static void
cut_at(struct bh_str text, const char *at, struct bh_str *ret_before, struct bh_str *ret_from)
{
    *ret_before = text;
    *ret_from = (struct bh_str){NULL, 0};
    if (at == NULL)
        return;
    ret_before->len = (size_t)(at - text.ptr);
    *ret_from = (struct bh_str){at, text.len - ret_before->len};
}

static struct bh_str
without_first(struct bh_str text)
{
    return text.len == 0 ? text : (struct bh_str){text.ptr + 1, text.len - 1};
}

/* Percent-decode into a new string.  BH_EINVAL, without a sentence, for a broken escape or a NUL. */
static enum bh_status
decode(struct bh_str text, char **ret_decoded)
{
    char *decoded = bh_alloc(text.len + 1);
    if (decoded == NULL)
        return BH_ENOMEM;

    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? bh_hex_value(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? bh_hex_value(text.ptr[i + 2]) : -1;
            c = low >= 0 ? high * 16 + low : 0;
            i += 2;
        }
        if (c == 0) {
            decoded[len] = '\0';
            free_secret(decoded);
            return BH_EINVAL;
        }
        decoded[len++] = (char)c;
    }
    decoded[len] = '\0';
    *ret_decoded = decoded;
    return BH_OK;
}

/* ---- parts ----------------------------------------------------------------------------------------- */

static enum bh_status
parse_userinfo(struct parse *parse, struct bh_str userinfo)
{
    struct bh_str user, password;
    cut_at(userinfo, find_char(userinfo, ':'), &user, &password);
    password = without_first(password);

    enum bh_status status = BH_OK;
    if (user.len > 0)
        status = decode(user, &parse->url.username);
    if (status == BH_OK && password.len > 0)
        status = decode(password, &parse->url.password);
    if (status == BH_EINVAL)
        return refuse(parse, "user or password contain a '%' that no two hexadecimal digits follow "
                             "(write '%' itself as %25), or a NUL character");
    return status;
}

static enum bh_status
parse_db(struct parse *parse, struct bh_str text)
{
    int64_t db;
    if (text.len == 0 || !bh_is_digit(text.ptr[0]) || !bh_str_to_int64(text, &db) || db > INT_MAX)
        return refuse(parse, "the database has to be a number, 0 or greater");
    parse->url.db = (int)db;
    return BH_OK;
}

static bool
is_ipv6(struct bh_str name)
{
    size_t colons = 0, i = 0;
    for (; i < name.len && name.ptr[i] != '%'; i++) {
        char c = name.ptr[i];
        if (c != ':' && c != '.' && bh_hex_value(c) < 0)
            return false;
        colons += c == ':';
    }
    /* What follows a '%' is the zone, e.g. an interface: RFC 4007 section 11. */
    for (size_t j = i + 1; j < name.len; j++) {
        if (!bh_is_alnum(name.ptr[j]) && find_char(BH_STR_LITERAL("-._"), name.ptr[j]) == NULL)
            return false;
    }
    return colons >= 2 && i + 1 != name.len;
}

static bool
is_host_name(struct bh_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!bh_is_alnum(name.ptr[i]) && find_char(BH_STR_LITERAL("-._"), name.ptr[i]) == NULL)
            return false;
    }
    return name.len > 0;
}

/* Cut "[address]" or "name" off the front; the rest is ":port" or nothing. */
static enum bh_status
parse_host_name(struct parse *parse, struct bh_str text, struct bh_str *ret_name,
                struct bh_str *ret_rest)
{
    if (text.len > 0 && text.ptr[0] == '[') {
        const char *end = find_char(text, ']');
        if (end == NULL)
            return refuse(parse, "the closing ']' behind an IPv6 address is missing");
        cut_at(text, end, ret_name, ret_rest);
        *ret_name = without_first(*ret_name);
        *ret_rest = without_first(*ret_rest);
        if (!is_ipv6(*ret_name))
            return refuse(parse, "what stands between '[' and ']' is not an IPv6 address");
    } else {
        cut_at(text, find_char(text, ':'), ret_name, ret_rest);
        if (ret_rest->len > 0 && find_char(without_first(*ret_rest), ':') != NULL)
            return refuse(parse, "an IPv6 address has to stand in brackets, e.g. [::1]:6379");
        if (ret_name->len == 0)
            return refuse(parse, "the host is missing");
        if (!is_host_name(*ret_name))
            return refuse(parse, "the host contains a character that host names cannot have");
    }
    if (ret_name->len > BH_REDIS_HOST_MAX)
        return refuse(parse, "the host is longer than a host name may be");
    return BH_OK;
}

static enum bh_status
parse_host(struct parse *parse, struct bh_str text, uint16_t port_default)
{
    struct bh_str name = {NULL, 0}, rest = {NULL, 0};
    enum bh_status status = parse_host_name(parse, text, &name, &rest);
    if (status != BH_OK)
        return status;

    int64_t port = port_default;
    if (rest.ptr != NULL && rest.len > 0) {
        struct bh_str digits = {rest.ptr + 1, rest.len - 1};
        bool is_number = rest.ptr[0] == ':' && digits.len > 0 && bh_is_digit(digits.ptr[0]) &&
                         bh_str_to_int64(digits, &port);
        if (!is_number || port < 1 || port > 65535)
            return refuse(parse, "the port has to be a number from 1 to 65535");
    }

    struct bh_redis_host *host = &parse->url.hosts[parse->url.hosts_count];
    host->name = bh_strndup(name.ptr, name.len);
    if (host->name == NULL)
        return BH_ENOMEM;
    host->port = (uint16_t)port;
    parse->url.hosts_count++;
    return BH_OK;
}

static enum bh_status
parse_hosts(struct parse *parse, struct bh_str text, const struct scheme *scheme)
{
    bool is_list = scheme->kind != BH_REDIS_TCP;
    parse->url.hosts = bh_alloc_array(is_list ? BH_REDIS_HOSTS_MAX : 1, sizeof(*parse->url.hosts));
    if (parse->url.hosts == NULL)
        return BH_ENOMEM;
    if (text.len == 0)
        return refuse(parse, "the host is missing");
    if (!is_list)
        return parse_host(parse, text, scheme->port);

    struct bh_str host;
    while (bh_str_split(&text, ',', &host)) {
        if (parse->url.hosts_count == BH_REDIS_HOSTS_MAX)
            return refuse(parse, "more than 16 hosts are named");
        enum bh_status status = parse_host(parse, host, scheme->port);
        if (status != BH_OK)
            return status;
    }
    return BH_OK;
}

static enum bh_status
parse_master(struct parse *parse, struct bh_str text)
{
    if (text.len == 0)
        return refuse(parse, "the name of the master is missing: "
                             "redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB");
    enum bh_status status = decode(text, &parse->url.master);
    if (status == BH_EINVAL)
        return refuse(parse, "the master's name contains a '%' that no two hexadecimal digits "
                             "follow, or a NUL character");
    return status;
}

static enum bh_status
parse_socket_path(struct parse *parse, struct bh_str path)
{
    if (path.len == 0)
        return refuse(parse, "the path of the unix socket is missing: unix:///PATH?db=DB");
    /* The slash in front belongs to the path here; cut_at left it right before. */
    struct bh_str whole = {path.ptr - 1, path.len + 1};
    enum bh_status status = decode(whole, &parse->url.path);
    if (status == BH_EINVAL)
        return refuse(parse, "the path contains a '%' that no two hexadecimal digits follow, "
                             "or a NUL character");
    /* libuv would cut it silently and connect to another socket. */
    if (status == BH_OK && strlen(parse->url.path) > BH_REDIS_PATH_MAX)
        return refuse(parse, "the path is longer than the 107 bytes that a unix socket may have");
    return status;
}

static enum bh_status
parse_path(struct parse *parse, struct bh_str path)
{
    if (parse->url.kind == BH_REDIS_UNIX)
        return parse_socket_path(parse, path);

    struct bh_str db = path;
    if (parse->url.kind == BH_REDIS_SENTINEL) {
        struct bh_str master;
        cut_at(path, find_char(path, '/'), &master, &db);
        db = without_first(db);
        enum bh_status status = parse_master(parse, master);
        if (status != BH_OK)
            return status;
    }
    return db.len > 0 ? parse_db(parse, db) : BH_OK;
}

/* Only "db=N" is known, and only for a unix socket: elsewhere the path has its place. */
static enum bh_status
parse_query(struct parse *parse, struct bh_str query)
{
    if (query.ptr == NULL)
        return BH_OK;
    struct bh_str prefix = BH_STR_LITERAL("db=");
    if (parse->url.kind != BH_REDIS_UNIX)
        return refuse(parse, "nothing is known behind a '?' here; the database is written "
                             "HOST:PORT/DB, and a '?' in a password as %3F");
    if (!bh_str_starts_with(query, prefix))
        return refuse(parse, "behind the '?' only db=NUMBER is known");
    return parse_db(parse, (struct bh_str){query.ptr + prefix.len, query.len - prefix.len});
}

/* ---- the whole ------------------------------------------------------------------------------------- */

/* Any '@' behind the authority, and a second one in it, come from a password that was not encoded. */
static enum bh_status
split_parts(struct parse *parse, struct bh_str text, struct parts *ret_parts)
{
    size_t end = 0;
    while (end < text.len && text.ptr[end] != '/' && text.ptr[end] != '?' && text.ptr[end] != '#')
        end++;

    struct bh_str authority = {text.ptr, end}, rest = {text.ptr + end, text.len - end};
    const char *at = find_char(authority, '@');
    bool again = at != NULL &&
                 find_char((struct bh_str){at + 1, end - (size_t)(at + 1 - text.ptr)}, '@') != NULL;
    if (again || (parse->url.kind != BH_REDIS_UNIX && find_char(rest, '@') != NULL))
        return refuse(parse, "there is an '@' too many: in user and password write '@' as %40, "
                             "'/' as %2F, '?' as %3F, '#' as %23");
    if (find_char(rest, '#') != NULL)
        return refuse(parse, "a '#' has no meaning here: in user and password write it as %23");

    *ret_parts = (struct parts){.hosts = authority};
    if (at != NULL) {
        cut_at(authority, at, &ret_parts->userinfo, &ret_parts->hosts);
        ret_parts->hosts = without_first(ret_parts->hosts);
    }
    struct bh_str path;
    cut_at(rest, find_char(rest, '?'), &path, &ret_parts->query);
    ret_parts->query = without_first(ret_parts->query);
    ret_parts->path = path.len > 0 ? without_first(path) : (struct bh_str){NULL, 0};
    return BH_OK;
}

static enum bh_status
parse_parts(struct parse *parse, struct bh_str text, const struct scheme *scheme)
{
    struct parts parts = {0};
    enum bh_status status = split_parts(parse, text, &parts);
    if (status != BH_OK)
        return status;
    if (scheme->kind == BH_REDIS_UNIX && parts.hosts.len > 0)
        return refuse(parse, "a unix socket has no host: write three slashes, unix:///PATH?db=DB");

    status = parse_userinfo(parse, parts.userinfo);
    if (status == BH_OK && scheme->kind != BH_REDIS_UNIX)
        status = parse_hosts(parse, parts.hosts, scheme);
    if (status == BH_OK)
        status = parse_path(parse, parts.path);
    if (status == BH_OK)
        status = parse_query(parse, parts.query);
    if (status == BH_OK && scheme->kind == BH_REDIS_CLUSTER && parse->url.db != 0)
        return refuse(parse, "a cluster has database 0 only");
    return status;
}

static const struct scheme *
find_scheme(struct bh_str text, struct bh_str *ret_rest)
{
    struct bh_str separator = BH_STR_LITERAL("://");
    for (size_t i = 0; i < BH_ARRAY_LEN(schemes); i++) {
        struct bh_str name = bh_str_from(schemes[i].name);
        if (!bh_str_starts_with(text, name))
            continue;
        struct bh_str rest = {text.ptr + name.len, text.len - name.len};
        if (!bh_str_starts_with(rest, separator))
            continue;
        *ret_rest = (struct bh_str){rest.ptr + separator.len, rest.len - separator.len};
        return &schemes[i];
    }
    return NULL;
}

static enum bh_status
check_characters(struct parse *parse, struct bh_str text)
{
    if (text.len > BH_REDIS_URL_MAX)
        return refuse(parse, "the URL is longer than 4096 bytes");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f)
            return refuse(parse, "the URL contains a blank or a control character: write it as "
                                 "'%' and two hexadecimal digits");
    }
    return BH_OK;
}

enum bh_status
bh_redis_url_parse(struct bh_str text, struct bh_redis_url *ret_url, struct bh_error *ret_error)
{
    struct parse parse = {.error = ret_error};
    enum bh_status status = check_characters(&parse, text);
    if (status != BH_OK)
        return status;

    struct bh_str rest;
    const struct scheme *scheme = find_scheme(text, &rest);
    if (scheme == NULL)
        return refuse(&parse, "the URL has to begin with redis://, rediss://, unix://, "
                              "redis+sentinel:// or redis+cluster://");
    parse.url.kind = scheme->kind;
    parse.url.tls = scheme->tls;

    status = parse_parts(&parse, rest, scheme);
    if (status != BH_OK) {
        bh_redis_url_release(&parse.url);
        return status;
    }
    *ret_url = parse.url;
    return BH_OK;
}

void
bh_redis_url_release(struct bh_redis_url *url)
{
    for (size_t i = 0; i < url->hosts_count; i++)
        bh_free(url->hosts[i].name);
    bh_free(url->hosts);
    bh_free(url->path);
    bh_free(url->master);
    bh_free(url->username);
    free_secret(url->password);
    *url = (struct bh_redis_url){0};
}

/* NULL: nothing to copy.  False when short of memory. */
static bool
copy_text(const char *text, char **ret_copy)
{
    *ret_copy = NULL;
    if (text == NULL || text[0] == '\0')
        return true;
    *ret_copy = bh_strdup(text);
    return *ret_copy != NULL;
}

enum bh_status
bh_redis_url_set_login(struct bh_redis_url *url, const char *username, const char *password)
{
    char *new_username, *new_password;
    if (!copy_text(username, &new_username))
        return BH_ENOMEM;
    if (!copy_text(password, &new_password)) {
        bh_free(new_username);
        return BH_ENOMEM;
    }
    if (username != NULL) {
        bh_free(url->username);
        url->username = new_username;
    }
    if (password != NULL) {
        free_secret(url->password);
        url->password = new_password;
    }
    return BH_OK;
}

/* ---- back to text ---------------------------------------------------------------------------------- */

/* RFC 3986 section 2.3, and the slash where a path keeps it. */
static void
append_encoded(struct bh_buf *buf, const char *text, bool slash_too)
{
    for (const char *at = text; *at != '\0'; at++) {
        bool plain = bh_is_alnum(*at) || find_char(BH_STR_LITERAL("-._~"), *at) != NULL ||
                     (*at == '/' && !slash_too);
        if (plain)
            bh_buf_append_char(buf, *at);
        else
            bh_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)*at);
    }
}

static void
append_host(struct bh_buf *buf, const struct bh_redis_host *host)
{
    bool brackets = strchr(host->name, ':') != NULL;
    bh_buf_printf(buf, brackets ? "[%s]:%u" : "%s:%u", host->name, (unsigned)host->port);
}

static void
append_login(struct bh_buf *buf, const struct bh_redis_url *url)
{
    if (url->username == NULL && url->password == NULL)
        return;
    if (url->username != NULL)
        append_encoded(buf, url->username, true);
    if (url->password != NULL)
        bh_buf_append_text(buf, ":***");
    bh_buf_append_char(buf, '@');
}

static const char *
scheme_of(const struct bh_redis_url *url)
{
    size_t i = 0;
    while (i < BH_ARRAY_LEN(schemes) &&
           (schemes[i].kind != url->kind || schemes[i].tls != url->tls))
        i++;
    BH_ASSERT(i < BH_ARRAY_LEN(schemes));
    return schemes[i].name;
}

enum bh_status
bh_redis_url_format_masked(const struct bh_redis_url *url, struct bh_buf *buf)
{
    bh_buf_printf(buf, "%s://", scheme_of(url));
    append_login(buf, url);
    for (size_t i = 0; i < url->hosts_count; i++) {
        if (i > 0)
            bh_buf_append_char(buf, ',');
        append_host(buf, &url->hosts[i]);
    }
    switch (url->kind) {
    case BH_REDIS_UNIX:
        append_encoded(buf, url->path, false);
        bh_buf_printf(buf, "?db=%d", url->db);
        break;
    case BH_REDIS_SENTINEL:
        bh_buf_append_char(buf, '/');
        append_encoded(buf, url->master, true);
        bh_buf_printf(buf, "/%d", url->db);
        break;
    case BH_REDIS_TCP: bh_buf_printf(buf, "/%d", url->db); break;
    case BH_REDIS_CLUSTER: break;
    }
    return bh_buf_status(buf);
}
