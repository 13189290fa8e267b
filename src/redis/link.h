/*
 * link - bytes to and from one server: name resolution, TCP or unix socket, TLS; on libuv.
 *
 * One open is one attempt: it tries the addresses of the name in turn and ends with on_open, or with
 * on_broken.  It has no memory of earlier attempts, does not reconnect, and gives no limit of time to the
 * whole (its owner does that by closing); only among several addresses it sees to it that one which stays
 * silent does not use up the time of the others.
 *
 * Owned by a connection.  Its callbacks must not release it; they may call close.
 *
 * The program has to ignore SIGPIPE: libuv writes to sockets without suppressing it.
 */
#ifndef BH_REDIS_LINK_H
#define BH_REDIS_LINK_H

#include <uv.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/instant.h"
#include "core/redis_url.h"
#include "redis/tls.h"

#define BH_REDIS_LINK_ADDRESSES_MAX 16

/*
 * on_open: bytes may be written.
 * on_bytes: borrowed until it returns.
 * on_drained: the write in flight was taken whole by the system.
 * on_broken: it may come from within open and write.  `alarm`: waiting will not heal it (a certificate was
 * refused).  Behind a failed write the reading goes on until close, because what the server said before it
 * closed explains more than the broken pipe: on_bytes may follow, and one further on_broken.
 * on_closed: the answer to close, never from within it; the link may be opened again or released.
 */
struct bh_redis_link_events {
    void (*on_open)(void *arg);
    void (*on_bytes)(void *arg, const char *bytes, size_t len);
    void (*on_drained)(void *arg);
    void (*on_broken)(void *arg, bool alarm, const char *reason);
    void (*on_closed)(void *arg);
    void *arg;
};

/* All members are private to link.c. */
struct bh_redis_link {
    uv_loop_t *loop; /* borrowed */
    struct bh_redis_link_events events;
    const struct bh_redis_url *url;     /* borrowed from open to on_closed */
    struct bh_tls_context *tls_context; /* borrowed likewise; NULL: plain */
    struct bh_tls tls;
    char *read_buffer; /* owned */

    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_timer_t timer; /* the share of one address among several */
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_write_t write;
    struct bh_buf in_flight; /* what `write` is writing */
    bool resolving;
    bool socket_open;
    bool timer_open;
    bool writing;

    struct addrinfo *addresses; /* owned; NULL: none, or a unix socket */
    struct addrinfo *address;   /* within `addresses`: the one being tried */
    unsigned addresses_left;    /* it included; bounded whatever the name server says */
    struct bh_mono give_up_at;  /* when the owner's time for connecting is over */
    char peer[112];             /* the address being tried, for people */
    char last_reason[96];       /* why the address tried last has failed */

    bool connected; /* the socket stands */
    bool open;      /* on_open was called */
    bool broken;
    bool deaf; /* broken, and what comes is not looked at */
    bool closing;
};

enum bh_status bh_redis_link_init(struct bh_redis_link *link, uv_loop_t *loop,
                                  const struct bh_redis_link_events *events) BH_MUST_CHECK;

/* Only when closed, or never opened. */
void bh_redis_link_release(struct bh_redis_link *link);

/* Begin an attempt; `timeout_ms` is the time that the owner has for it. */
void bh_redis_link_open(struct bh_redis_link *link, const struct bh_redis_url *url,
                        struct bh_tls_context *tls_context, bh_ms timeout_ms);

/*
 * Take the content of `bytes`, which is empty afterwards (its memory may have been exchanged).  Only while
 * open and not writing.  One try to write at once; what the system does not take goes out in the
 * background, and on_drained follows.
 */
void bh_redis_link_write(struct bh_redis_link *link, struct bh_buf *bytes);

bool bh_redis_link_is_writing(const struct bh_redis_link *link);

/* Bytes taken that the system has not. */
size_t bh_redis_link_in_flight(const struct bh_redis_link *link);

/* Give up whatever is under way and close.  on_closed follows.  A second call does nothing. */
void bh_redis_link_close(struct bh_redis_link *link);

/* uv handles and requests that are not finished. */
unsigned bh_redis_link_handles(const struct bh_redis_link *link);

/* The address in use or being tried, or the name while it is resolved; "" before the first open. */
const char *bh_redis_link_peer(const struct bh_redis_link *link);

/* What is being waited for: "resolving the name", "connecting", "the TLS handshake", "the login". */
const char *bh_redis_link_doing(const struct bh_redis_link *link);

#endif
