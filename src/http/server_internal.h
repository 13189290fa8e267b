/*
 * server_internal - what the two halves of the server share: server.c has sockets, loop and time, and
 * server_exchange.c has one request and its answer.
 */
#ifndef BH_HTTP_SERVER_INTERNAL_H
#define BH_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "http/server.h"

/* One connection. */
struct bh_http_visitor {
    struct bh_http_server *server;
    bool taken;
    bool busy;                         /* inside of a request */
    bool cut;                          /* too slow: its socket was shut down */
    int fd;                            /* the library's */
    char address[BH_HTTP_ADDRESS_MAX]; /* its network */
    char peer[BH_HTTP_ADDRESS_MAX];
    bool is_loopback;
    uint64_t ticket;                   /* of the request that waits for its answer; 0: none */
    struct MHD_Connection *connection; /* suspended while it waits */
    struct MHD_Response *response;     /* owned; the answer that was put off, until it is queued */
    unsigned status;                   /* of that answer */
    struct bh_mono since;              /* the end of its last request, else its beginning */
};

struct bh_http_server {
    uv_loop_t *loop; /* borrowed */
    struct bh_http_server_options options;
    char *host; /* owned */
    struct bh_http_counters counters;
    struct MHD_Daemon *library; /* NULL: not listening */
    int listen_fd;              /* -1: none */
    uint16_t port;
    uv_poll_t listen_poll; /* connections that wait */
    uv_poll_t poll;        /* the library's own epoll descriptor */
    uv_timer_t timer;      /* the library's next timeout, and ours */
    unsigned handles;      /* of these three, how many are open */
    bool accepting, stopping;
    bool starved; /* no descriptor for who waits: asked again by the patrol, not at once */
    struct bh_mono stop_at;           /* stopping: when the last ones are cut off */
    struct bh_http_visitor *visitors; /* owned; connections_max of them */
    unsigned visitors_count;
    uint64_t tickets;                /* given so far */
    struct sockaddr_storage address; /* resolved; ss_family 0: not yet */
    socklen_t address_len;
};

/* The library's callbacks for requests; `server` is their argument. */
void *bh_http_exchange_on_uri(void *server, const char *uri, struct MHD_Connection *connection);
enum MHD_Result bh_http_exchange_on_access(void *server, struct MHD_Connection *connection,
                                           const char *url, const char *method, const char *version,
                                           const char *upload, size_t *upload_len, void **exchange);
void bh_http_exchange_on_completed(void *server, struct MHD_Connection *connection, void **exchange,
                                   enum MHD_RequestTerminationCode code);

struct bh_http_visitor *bh_http_visitor_of(struct MHD_Connection *connection);

/* An answer for the visitor who waits: it is let go on, and takes it at the library's next turn. */
void bh_http_visitor_answer(struct bh_http_visitor *visitor, const struct bh_http_answer *answer);

/* The same with a text alone. */
void bh_http_visitor_refuse(struct bh_http_visitor *visitor, unsigned status, const char *why);

#endif
