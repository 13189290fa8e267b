/*
 * http - read one HTTP/1.1 request, byte by byte if need be.  Pure: no sockets, no clock.
 *
 * Why an own parser and server: a fault such as "read the header, then reset" or "cut the answer inside
 * a chunk" needs control over every byte and every close, which no server library gives.
 *
 * Strict where leniency lets two readers disagree about where a request ends (RFC 9112, section 6.3):
 * line ends are CR LF, no folding, no blank before the colon, one Content-Length, never together with
 * Transfer-Encoding, the only coding is "chunked", exactly one Host in HTTP/1.1.
 *
 * Invariant: all views of a request point into `head` or `body` and live until bh_sim_http_reset.
 */
#ifndef BH_SIM_HTTP_H
#define BH_SIM_HTTP_H

#include "sim/base.h"

#define BH_SIM_HTTP_HEAD_MAX    (16u * 1024)
#define BH_SIM_HTTP_BODY_MAX    (12u * 1024 * 1024)
#define BH_SIM_HTTP_HEADERS_MAX 100

enum bh_sim_http_state {
    BH_SIM_HTTP_HEAD,
    BH_SIM_HTTP_HEAD_DONE, /* stops here once, so that the caller can act between head and body */
    BH_SIM_HTTP_BODY,
    BH_SIM_HTTP_CHUNK_SIZE,
    BH_SIM_HTTP_CHUNK_DATA,
    BH_SIM_HTTP_CHUNK_END,
    BH_SIM_HTTP_TRAILER,
    BH_SIM_HTTP_DONE,
    BH_SIM_HTTP_BAD, /* `status` says why; the connection cannot be used any further */
};

struct bh_sim_header {
    struct bh_sim_str name;
    struct bh_sim_str value;
};

struct bh_sim_http {
    enum bh_sim_http_state state;
    int status;             /* of BH_SIM_HTTP_BAD: 400, 413, 414, 431, 501 or 505 */
    struct bh_sim_buf head; /* owned */
    struct bh_sim_buf body; /* owned */
    struct bh_sim_buf line; /* owned; a chunk size or trailer line that is still incomplete */
    size_t scanned;         /* bytes of head in which no end was found */
    uint64_t left;          /* bytes of the body or chunk still to come */
    size_t trailer_len;

    struct bh_sim_str method;
    struct bh_sim_str target; /* as sent, with the query */
    struct bh_sim_str path;
    struct bh_sim_str query; /* without the question mark */
    struct bh_sim_str host;
    int minor; /* HTTP/1.minor */
    bool keep_alive;
    bool expects_continue;
    bool has_length;
    bool chunked;
    struct bh_sim_header headers[BH_SIM_HTTP_HEADERS_MAX];
    size_t headers_count;
};

void bh_sim_http_release(struct bh_sim_http *http);

/* Ready for the next request; keeps small buffers. */
void bh_sim_http_reset(struct bh_sim_http *http);

/*
 * Take bytes from the wire.  Returns how many were used; the rest belongs to later states or to the
 * next request.  Feed again (0 bytes will do) after BH_SIM_HTTP_HEAD_DONE; stop at DONE and BAD.
 */
size_t bh_sim_http_feed(struct bh_sim_http *http, const char *bytes, size_t len);

/* True when nothing of a request has arrived yet. */
bool bh_sim_http_is_idle(const struct bh_sim_http *http);

/* The first header of that name (any case); NULL when there is none. */
const struct bh_sim_header *bh_sim_http_header(const struct bh_sim_http *http, const char *name);

/* All values of that name joined by ", ", as a front end does; false when there is none. */
bool bh_sim_http_joined(const struct bh_sim_http *http, const char *name, struct bh_sim_buf *buf);

#endif
