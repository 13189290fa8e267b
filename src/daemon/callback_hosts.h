/*
 * callback_hosts - how many posts a receiver may get now.
 *
 * One row per server (scheme, host and port as an address has them).  Pure: the time is an argument.  Bounded: a
 * configuration names at most BH_CONFIG_QUEUES_MAX servers, and a row is free again when no queue names it and nothing is under way
 * to it.
 */
#ifndef BH_DAEMON_CALLBACK_HOSTS_H
#define BH_DAEMON_CALLBACK_HOSTS_H

#include "core/config.h"
#include "core/instant.h"
#include "core/str.h"

#define BH_CALLBACK_HOSTS_MAX (2 * BH_CONFIG_QUEUES_MAX)

/* So many failures in a row, and it is asked by one post at a time, and less and less often. */
#define BH_CALLBACK_HOST_FAILURES   3
#define BH_CALLBACK_HOST_REST_MS    BH_SECOND_MS /* doubles */
#define BH_CALLBACK_HOST_REST_MAX   BH_MINUTE_MS
#define BH_CALLBACK_HOST_ASKED_MAX  (5 * BH_MINUTE_MS) /* most of a Retry-After that holds for all */
#define BH_CALLBACK_HOST_ORIGIN_MAX 300

struct bh_callback_host {
    char origin[BH_CALLBACK_HOST_ORIGIN_MAX]; /* "": free */
    bool named;                               /* by a queue */
    unsigned under_way;
    unsigned failures; /* in a row */
    struct bh_mono rest_until;
};

/* All zero is the beginning. */
struct bh_callback_hosts {
    struct bh_callback_host rows[BH_CALLBACK_HOSTS_MAX];
};

/* Before the queues of another configuration are named: nobody is. */
void bh_callback_hosts_begin(struct bh_callback_hosts *hosts);

/* The row of that server, named by a queue from now on; what is known of it stays.  NULL: `origin` is empty or too long. */
struct bh_callback_host *bh_callback_hosts_name(struct bh_callback_hosts *hosts,
                                                struct bh_str origin);

/* How many more posts it may get now; 0 while it rests. */
unsigned bh_callback_host_room(const struct bh_callback_host *host, unsigned most,
                               struct bh_mono now);

/* One of those under way has ended.  `retry_after_ms` -1: it asks for nothing. */
void bh_callback_host_done(struct bh_callback_host *host);
void bh_callback_host_failed(struct bh_callback_host *host, bh_ms retry_after_ms,
                             struct bh_mono now);

#endif
