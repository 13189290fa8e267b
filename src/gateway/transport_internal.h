/*
 * transport_internal - what the files of the transport share.
 *
 * transport.c          slots, the line of waiting requests, start and stop
 * transport_exchange.c one request: options, callbacks, and the judgement at its end
 * transport_socket.c   the HTTP library's sockets and timer on libuv; which connection is used how often
 */
#ifndef BH_GATEWAY_TRANSPORT_INTERNAL_H
#define BH_GATEWAY_TRANSPORT_INTERNAL_H

#include <curl/curl.h>

#include "core/buf.h"
#include "gateway/transport.h"

struct bh_gateway_sending;

/* A socket to the gateway, from its opening to its closing. */
struct bh_gateway_connection {
    struct bh_gateway_transport *transport;
    struct bh_gateway_connection *next;
    struct bh_gateway_sending *user; /* whose request is on it; NULL: idle, or not yet connected */
    struct bh_gateway_sending
        *opener; /* whose request it was opened for; valid until its first use */
    curl_socket_t fd;
    unsigned requests; /* begun on it */
    uint64_t idle_since_ns;
};

enum bh_gateway_sending_state {
    BH_SENDING_FREE,
    BH_SENDING_WAITING, /* in the line */
    BH_SENDING_RUNNING, /* in the library's hands */
    BH_SENDING_FAILED,  /* could not be begun; answered in a later turn */
};

struct bh_gateway_sending {
    struct bh_gateway_transport *transport;
    enum bh_gateway_sending_state state;
    struct bh_gateway_sending *next; /* in the line */
    struct bh_submit_command command;
    CURL *easy; /* owned; made at the slot's first use, and anew when the options change */
    unsigned options_version;
    struct curl_slist *headers; /* owned while RUNNING */

    /* Why we end it ourselves; NONE: we do not. */
    enum bh_trouble doom;

    /* What was handed over. */
    unsigned prereq_calls;
    long bytes_before; /* request bytes counted before the first of ours: a proxy's CONNECT */
    bool resend_refused;
    bool opened_socket;
    bool was_connected; /* a socket of it got as far as TCP, and then no request could be sent */
    bool socket_failed; /* for want of descriptors or memory */
    bool is_first_use;  /* of its connection */
    bool is_put_off;    /* its time is over, see transport_late.c */
    struct bh_gateway_connection *connection;

    /* What came back. */
    int http_status;
    bool headers_complete;
    size_t header_bytes;
    bool too_big;
    bool no_memory;
    bool has_date;
    struct bh_wall date;
    char retry_after[64];
    struct bh_buf body;

    uint64_t started_ns;
    uint64_t sending_ns; /* right before its first byte */
    uint64_t first_byte_ns;
    char error[CURL_ERROR_SIZE];
};

struct bh_gateway_transport {
    uv_loop_t *loop;
    bh_gateway_transport_on_answered *on_answered;
    void *on_answered_arg;
    bh_gateway_transport_on_stopped *on_stopped;
    void *on_stopped_arg;
    bool is_stopping;
    bool is_closing;
    unsigned open_handles; /* of libuv, closing ones included */

    struct bh_gateway_transport_options options; /* strings owned */
    unsigned options_version;

    CURLM *multi;          /* NULL until the first request, and after a rest */
    CURLSH *share;         /* names and TLS sessions outlive the multi handle */
    uv_timer_t timer;      /* the library's */
    uv_timer_t later;      /* work that must not happen within the caller's call */
    uv_timer_t rest;       /* nothing is under way: close the connections */
    uv_timer_t late;       /* the end of requests that were put off */
    uint64_t wanted_at_ns; /* when the library's timer has to come; 0: no matter when */
    uint64_t late_until_ns;

    struct bh_gateway_sending *requests; /* owned, one per slot */
    size_t slots;
    struct bh_gateway_sending *waiting_first;
    struct bh_gateway_sending *waiting_last;
    struct bh_gateway_connection *connections; /* owned */
    struct bh_gateway_transport_stats stats;
};

/* ---- transport.c ---- */

/* Run what does not fit into the present call, in a turn of its own. */
void bh_gateway_transport_do_later(struct bh_gateway_transport *transport);

/* Answer what has ended; begin what waits. */
void bh_gateway_transport_drain(struct bh_gateway_transport *transport);

/* ---- transport_exchange.c ---- */

/* Fit a request for the library.  BH_ENOMEM; or BH_EINVAL: an option that it refuses. */
enum bh_status bh_gateway_sending_prepare(struct bh_gateway_sending *request) BH_MUST_CHECK;

/* What became of it, before its handle is taken out of the library's hands.  The body stays in the request. */
struct bh_exchange bh_gateway_sending_judge(const struct bh_gateway_sending *request,
                                            CURLcode code);

/* Has anything of the request left?  The library's count of request bytes is the one that it never sets back. */
bool bh_gateway_sending_has_left(const struct bh_gateway_sending *request);

/* The library wants another connection for a request that has left: not with us.  False: it may have one. */
bool bh_gateway_sending_refuse_resend(struct bh_gateway_sending *request);

/* How long the whole request may take. */
bh_ms bh_gateway_sending_timeout_ms(const struct bh_gateway_sending *request);

/* Forget what the last exchange left, keep the handle. */
void bh_gateway_sending_clean(struct bh_gateway_sending *request);

/* ---- transport_late.c ---- */

/* To be called before the library is: have we been asleep for so long that its timer comes too late? */
void bh_gateway_transport_awake(struct bh_gateway_transport *transport);

/* ---- transport_socket.c ---- */

enum bh_status
bh_gateway_transport_open_multi(struct bh_gateway_transport *transport) BH_MUST_CHECK;
void bh_gateway_transport_close_multi(struct bh_gateway_transport *transport);

/* Options of a handle that concern its sockets. */
CURLcode bh_gateway_sending_set_sockets(struct bh_gateway_sending *request);

/* The request is about to go out on the connection with this local end. */
void bh_gateway_connection_take(struct bh_gateway_sending *request, const char *local_ip,
                                int local_port);
void bh_gateway_connection_leave(struct bh_gateway_sending *request);

#endif
