/*
 * server - a small HTTP/1.1 server on a libuv loop: few routes, short requests, answers at once.
 *
 * It reads a request whole, has it answered by one function, and knows nothing about what is asked.  The parser is
 * libmicrohttpd's in its strict setting; what that lets through and we do not want is refused here: a length
 * beside a transfer coding, two lengths, another coding than chunked, a coding in HTTP/1.0, header names with blanks,
 * control characters, bodies of GET.  A refused request is the last of its connection.
 *
 * An answer may be put off, for as long as a request may take; the connection waits meanwhile, and others do not.  Whoever
 * ends its own side while it waits has left.
 *
 * Bounds: connections, bytes of a head (about 32 KiB), headers (64), bytes of a body, and the time from the end of one
 * request to the end of the next, however the bytes drip in.  At the bound of connections new ones wait in the
 * system's queue, and from three quarters of it on each answer ends its connection, so that those who ask now and then
 * cannot keep others out in between.
 *
 * Plain HTTP only: TLS belongs to a proxy in front.  Belongs to one loop and is used from that loop's thread only.
 */
#ifndef BH_HTTP_SERVER_H
#define BH_HTTP_SERVER_H

#include <uv.h>

#include <bellhop/error.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/str.h"

#define BH_HTTP_HEADERS_MAX 64
#define BH_HTTP_ANSWER_MAX  ((size_t)4 * 1024 * 1024)
#define BH_HTTP_ADDRESS_MAX 48 /* an IPv6 address as text, with its NUL */

enum bh_http_method {
    BH_HTTP_GET,
    BH_HTTP_HEAD,
    BH_HTTP_POST,
};

/* Borrowed while on_request runs. */
struct bh_http_request {
    enum bh_http_method method;
    struct bh_str path;  /* as sent, still percent-encoded, begins with "/" */
    struct bh_str query; /* as sent, without "?" */
    struct bh_str content_type;
    struct bh_str authorization; /* headers that are not there are empty */
    struct bh_str host;
    struct bh_str origin;
    struct bh_str fetch_site; /* Sec-Fetch-Site */
    struct bh_str if_none_match;
    struct bh_str signature; /* X-Signature, X-Timestamp, X-Nonce */
    struct bh_str timestamp;
    struct bh_str nonce;
    struct bh_str
        address; /* of the other side, as text; what stands for a network of IPv6 is cut to 64 bits */
    struct bh_str peer; /* the same, whole */
    bool is_local;      /* from a loopback address, and no proxy says that it passes it on */
    struct bh_str body;
    uint64_t ticket; /* names the request in bh_http_server_answer */
};

struct bh_http_answer {
    unsigned status;
    const char *content_type;   /* NULL: text/plain */
    const char *allow;          /* the methods of a 405; else NULL */
    const char *content_policy; /* Content-Security-Policy of a page; NULL: none */
    const char *etag; /* quoted; the answer may be kept and asked for again.  NULL: it may not */
    unsigned retry_after_s; /* of a 429 or 503; 0: not told */
    bool later;             /* nothing else is set: bh_http_server_answer follows */
    struct bh_buf body;     /* made and released by the server */
};

/*
 * The status has to be set, or `later`; 500 goes out when the body's buffer has failed.  It must not stop the server.
 */
typedef void bh_http_on_request(void *arg, const struct bh_http_request *request,
                                struct bh_http_answer *ret_answer);

/* Zero stands for the default. */
struct bh_http_server_options {
    const char *host;         /* an address, or a name; copied */
    uint16_t port;            /* 0: any that is free */
    unsigned connections_max; /* default 64 */
    size_t body_bytes_max;    /* default 256 KiB */
    bh_ms request_timeout_ms; /* default 10 s */
    bh_http_on_request *on_request;
    void (*on_closed)(void *arg); /* the answer to stop */
    void *arg;
};

/* Ever-growing. */
struct bh_http_counters {
    uint64_t connections;
    uint64_t requests; /* handed to on_request */
    uint64_t refused;  /* not handed to it */
    uint64_t timeouts; /* connections that were too slow */
    uint64_t starved;  /* tries to take a connection without a descriptor or memory for it */
};

struct bh_http_server;

/* BH_ENOMEM.  Opens nothing. */
enum bh_status bh_http_server_new(uv_loop_t *loop, const struct bh_http_server_options *options,
                                  struct bh_http_server **ret_server) BH_MUST_CHECK;

/*
 * Open the address and serve.  BH_EIO with a sentence when it cannot be had now (it may be tried again), BH_EINVAL when it is
 * no address of this machine.  A name is resolved here, once, and blocks the loop for as long as that takes.
 */
enum bh_status bh_http_server_listen(struct bh_http_server *server,
                                     struct bh_error *error) BH_MUST_CHECK;

/* The port that is served, 0 while none is. */
uint16_t bh_http_server_port(const struct bh_http_server *server);

const struct bh_http_counters *bh_http_server_counters(const struct bh_http_server *server);

/*
 * The answer to a request that was put off.  Its body is taken over and released here, and has to be a buffer without
 * bounds of its own, or one of at most BH_HTTP_ANSWER_MAX.  Whoever has left meanwhile, or was told 504 because it took too
 * long, is not there any more: then nothing happens.  Not from within on_request.
 */
void bh_http_server_answer(struct bh_http_server *server, uint64_t ticket,
                           struct bh_http_answer *answer);

/* Connections that are open now. */
unsigned bh_http_server_connections(const struct bh_http_server *server);

/*
 * Take no more connections, give requests that have begun up to a second to end, then close all.  on_closed follows, from the
 * loop.  A second call does nothing.  Only while it listens.
 */
void bh_http_server_stop(struct bh_http_server *server);

/* Behind on_closed, or when never listened.  NULL is fine. */
void bh_http_server_free(struct bh_http_server *server);

#endif
