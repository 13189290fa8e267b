/*
 * transport - HTTP requests to the gateway on one libuv loop, and the truth about what became of them.
 *
 * One transport per loop thread; nothing is shared between threads.  It knows nothing about jobs: a request is
 * a struct bh_submit_command, an answer is a struct bh_exchange, both named by the slot.
 *
 * Promises:
 *
 * - Each submit is answered exactly once, never from within submit, cancel or stop.
 * - No request goes out twice.  The HTTP library would repeat a POST on its own when a kept-alive
 *   connection dies before the answer; that is refused, and the exchange says that all was handed over.
 * - handed_over is judged by the bytes that left, never by the library's error code.
 * - Redirects are not followed, proxies of the environment are ignored, certificates are checked.
 * - Memory is bounded: `slots` requests, each with an answer of at most `answer_bytes_max`.
 *
 * Connections (HTTP/1.1): at most `max_connections` requests are under way; the others wait here, where no
 * timeout runs for them.  A connection carries at most `requests_per_connection` requests and is not used
 * again after `idle_ms`; when nothing is under way for that long all of them are closed.
 */
#ifndef BH_GATEWAY_TRANSPORT_H
#define BH_GATEWAY_TRANSPORT_H

#include <uv.h>

#include "core/base.h"
#include "core/instant.h"
#include "core/outcome.h"
#include "engine/protocol.h"

struct bh_gateway_transport;

/* Zero and NULL stand for the default.  Strings are copied. */
struct bh_gateway_transport_options {
    unsigned max_connections;         /* default 16 */
    unsigned requests_per_connection; /* default 500, the gateway's own bound */
    bh_ms connect_timeout_ms;         /* name, TCP and TLS together; default 5 s */
    bh_ms idle_ms;                    /* default 2 s: the gateway closes after 3 s */
    size_t answer_bytes_max;          /* default 1 MiB */
    const char *ca_file;              /* PEM; default: the system's */
    const char *proxy;                /* URL; default: none, whatever the environment says */
};

struct bh_gateway_transport_stats {
    uint64_t submitted;
    uint64_t answered;
    uint64_t connections_opened; /* sockets, failed attempts included */
    uint64_t resends_refused;    /* how often the library wanted to send a request again */
    unsigned in_flight;          /* handed to the library */
    unsigned waiting;            /* not yet */
    unsigned open_connections;   /* sockets that exist now, idle ones included */
};

/* Views inside `exchange` are valid until the function returns.  It may call everything here. */
typedef void bh_gateway_transport_on_answered(void *arg, struct bh_slot_handle slot,
                                              const struct bh_exchange *exchange);
typedef void bh_gateway_transport_on_stopped(void *arg);

/*
 * Once per process, before the first thread is started, and after the last one has ended.  Lets the HTTP
 * library take its memory from bh_alloc.
 */
enum bh_status bh_gateway_transport_global_init(void) BH_MUST_CHECK;
void bh_gateway_transport_global_release(void);

/* Slots are numbered from 0 to slots - 1.  The loop must outlive the transport.  BH_ENOMEM. */
enum bh_status
bh_gateway_transport_start(uv_loop_t *loop, size_t slots,
                           const struct bh_gateway_transport_options *options,
                           bh_gateway_transport_on_answered *on_answered, void *arg,
                           struct bh_gateway_transport **ret_transport) BH_MUST_CHECK;

/* For requests that are begun from now on.  After BH_ENOMEM the old options stay. */
enum bh_status
bh_gateway_transport_configure(struct bh_gateway_transport *transport,
                               const struct bh_gateway_transport_options *options) BH_MUST_CHECK;

/*
 * Send a request: a POST when it has a body, a GET when it has none.  What the command points to has to
 * stay until the answer.  The slot must be free; it is free again when its answer is delivered.
 * timeout_ms counts from the beginning of the sending, not while the request waits for a connection.
 */
void bh_gateway_transport_submit(struct bh_gateway_transport *transport,
                                 const struct bh_submit_command *command);

/* End the slot's request; it is answered as any other, with what is known so far.  Nothing happens when it is stale. */
void bh_gateway_transport_cancel(struct bh_gateway_transport *transport,
                                 struct bh_slot_handle slot);

/*
 * End everything: open requests are answered as cancelled, connections are closed, then `on_stopped` is
 * called once and the transport is gone.  Submits until then are answered as cancelled, too.
 */
void bh_gateway_transport_stop(struct bh_gateway_transport *transport,
                               bh_gateway_transport_on_stopped *on_stopped, void *arg);

/* Sockets to the gateway that exist now, idle ones included: exact. */
unsigned bh_gateway_transport_open_connections(const struct bh_gateway_transport *transport);

/*
 * Would the next submit open a connection?  Asked before a token of the account-wide limit on new
 * connections is spent.  A good estimate and no promise: an idle connection that the gateway has
 * closed already counts as usable until it is tried.
 */
bool bh_gateway_transport_needs_connection(const struct bh_gateway_transport *transport);

struct bh_gateway_transport_stats
bh_gateway_transport_stats(const struct bh_gateway_transport *transport);

#endif
