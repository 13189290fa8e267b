/*
 * redis_url - where Redis is and how to log in, read from one URL.
 *
 *   redis://USER:PASSWORD@HOST:PORT/DB          TCP; rediss:// is the same inside TLS
 *   unix://USER:PASSWORD@/PATH?db=DB            unix socket; mostly written unix:///PATH
 *   redis+sentinel://H1:P,H2:P/NAME/DB          the master called NAME, found by asking sentinels
 *   redis+cluster://H1:P,H2:P                   a cluster, found by asking any of its nodes
 *
 * Everything but the scheme and the host has a default.  User, password, path and NAME are
 * percent-decoded; an IPv6 address stands in brackets.  The text is judged strictly: what it does not
 * understand is an error and never a guess, since a misread password ends as an outage.
 *
 * Pure: nothing is resolved or opened.  An error's sentence never quotes any part of the URL, because a
 * mistyped URL may show its password at any place.
 */
#ifndef BH_CORE_REDIS_URL_H
#define BH_CORE_REDIS_URL_H

#include <bellhop/error.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/str.h"

#define BH_REDIS_PORT          6379
#define BH_REDIS_SENTINEL_PORT 26379
#define BH_REDIS_URL_MAX       4096 /* bytes of the whole text */
#define BH_REDIS_HOSTS_MAX     16
#define BH_REDIS_HOST_MAX      255 /* bytes of one name: RFC 1035 section 2.3.4 */
#define BH_REDIS_PATH_MAX      107 /* bytes that a unix socket's address holds beside its NUL */

enum bh_redis_url_kind {
    BH_REDIS_TCP,
    BH_REDIS_UNIX,
    BH_REDIS_SENTINEL,
    BH_REDIS_CLUSTER,
};

struct bh_redis_host {
    char *name; /* owned; name or address, without brackets */
    uint16_t port;
};

/* All pointers are owned; NULL means "not given".  Passwords are wiped before they are freed. */
struct bh_redis_url {
    enum bh_redis_url_kind kind;
    bool tls;
    struct bh_redis_host *hosts; /* exactly one for TCP, none for UNIX, at least one otherwise */
    size_t hosts_count;
    char *path;     /* UNIX only */
    char *master;   /* SENTINEL only: the master's name */
    char *username; /* NULL: the default user */
    char *password; /* NULL: no login; an empty one counts as not given */
    int db;
};

/*
 * Read `text`.  BH_EINVAL: *ret_error (may be NULL) says in one sentence what is wrong.  BH_ENOMEM: no
 * sentence.  On BH_OK the caller owns *ret_url (bh_redis_url_release).
 */
enum bh_status bh_redis_url_parse(struct bh_str text, struct bh_redis_url *ret_url,
                                  struct bh_error *ret_error) BH_MUST_CHECK;

/* Frees and empties; a zeroed struct is fine. */
void bh_redis_url_release(struct bh_redis_url *url);

/*
 * Replace user and password by those of other settings.  NULL leaves what the URL gave, "" removes it.
 * BH_ENOMEM leaves both as they were.
 */
enum bh_status bh_redis_url_set_login(struct bh_redis_url *url, const char *username,
                                      const char *password) BH_MUST_CHECK;

/*
 * Append the URL in its full form with "***" in the place of a password, for logs and `--print-config`.
 * Parsing the result gives the same URL with "***" as its password.  Returns the buffer's status.
 */
enum bh_status bh_redis_url_format_masked(const struct bh_redis_url *url, struct bh_buf *buf);

#endif
