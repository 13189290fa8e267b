/*
 * connection - one connection to one Redis server, kept up for as long as it is wanted.
 *
 * It resolves, connects (TCP, TLS or unix socket), logs in, selects the database, hands commands over and
 * gives each reply back to who asked; when the connection is lost it says so and connects again by itself.
 *
 * What it does not do: it never sends a command a second time, never keeps a command for later, knows
 * nothing about what commands mean (replies with an error are replies), and does not log.  It speaks RESP2
 * and needs a standalone server: URLs of sentinels and clusters are refused at init.
 *
 * States:
 *
 *   DOWN -> CONNECTING -> READY      DOWN: waiting to try again (or not started, or stopped)
 *     ^         |           |        CONNECTING: from the name's resolution up to the login's last reply
 *     |         v           v        READY: commands are accepted
 *     +------ CLOSING <-----+        CLOSING: every command has been or is being answered with NULL
 *
 * Commands are accepted in READY only.  Everything ends in one function, in this order: state CLOSING, the
 * socket closes, each open command is answered with NULL in the order of sending, then on_down.
 *
 * Promises to callers:
 *
 *   1. on_reply is called exactly once for each accepted command, in the order of sending, and never from
 *      within a function of this file: only from the loop.
 *   2. Every function may be called from every callback; what a call would destroy is destroyed later, from
 *      the loop.  One exception: bh_redis_connection_release and a new start belong behind on_closed (its
 *      own callback included).
 *   3. A NULL reply means: the command may or may not have been executed.
 *   4. Everything is bounded: what waits to be sent, how many commands wait for a reply, the size, element
 *      count and depth of a reply, and how long anything may take.
 *
 * A blocking command (BLMOVE, XREAD BLOCK) delays every command behind it: give blocking reads a connection
 * of their own, and a timeout of their block time plus two seconds.
 *
 * Errors that a reply may carry: see core/redis_error.h.  For class RECONNECT call
 * bh_redis_connection_reconnect from the callback.
 *
 * Belongs to one loop and is used from that loop's thread only.  The program has to ignore SIGPIPE.
 */
#ifndef BH_REDIS_CONNECTION_H
#define BH_REDIS_CONNECTION_H

#include <bellhop/error.h>
#include <uv.h>

#include "core/base.h"
#include "core/buf.h"
#include "core/dice.h"
#include "core/instant.h"
#include "core/reconnect.h"
#include "core/redis_error.h"
#include "core/redis_url.h"
#include "core/str.h"
#include "redis/link.h"
#include "redis/reply_reader.h"

struct redisReply; /* of <hiredis/hiredis.h>; included by those who look inside */

enum bh_redis_state {
    BH_REDIS_DOWN,
    BH_REDIS_CONNECTING,
    BH_REDIS_READY,
    BH_REDIS_CLOSING,
};

/* A zero takes the default that stands behind it. */
struct bh_redis_options {
    const struct bh_redis_url *url; /* borrowed until release */
    const char *client_name;        /* for CLIENT LIST; borrowed until release; NULL: none */
    struct bh_tls_files tls;        /* for rediss:// only; borrowed until init returns */
    bh_ms connect_timeout_ms;       /* 2000: from the name's resolution to the login's last reply */
    bh_ms command_timeout_ms;       /* 5000: from bh_redis_connection_send to the reply */
    struct bh_reconnect_policy reconnect; /* see core/reconnect.h */
    uint64_t seed;             /* dice for the reconnect delay; different in every process */
    size_t outgoing_bytes_max; /* 4 MiB: commands that the server has not taken yet */
    size_t pending_max;        /* 16384: commands without reply */
    size_t reply_bytes_max;    /* 64 MiB: one reply as it comes over the wire */
    size_t reply_elements_max; /* 1 Mi: elements of one reply over all its levels */
};

/* Why a connection, or an attempt at one, has ended.  Valid during on_down only. */
struct bh_redis_down {
    const char *reason; /* a sentence's part for people: "connection refused (127.0.0.1:6379)" */
    const char *advice; /* full sentences of core/redis_error.h; NULL: the reason says it all */
    enum bh_redis_class class; /* ALARM: a person has to act */
    bool was_up;               /* false: this attempt never came to on_up */
    unsigned failures;    /* ends in a row without a stable time in between, this one included */
    bh_ms retry_after_ms; /* until the next attempt; -1: none, because we were stopped */
};

/*
 * on_up: READY; commands may be sent from inside.
 * on_down: once for each on_up, and once for each attempt that failed (was_up tells which).
 * on_closed: the answer to stop.  No handle is open any more; nothing is called after it.
 * Each may be NULL.
 */
struct bh_redis_listener {
    void (*on_up)(void *arg);
    void (*on_down)(void *arg, const struct bh_redis_down *down);
    void (*on_closed)(void *arg);
    void *arg;
};

/*
 * The end of one command.  `reply` is borrowed until the callback returns (or see take_reply).  NULL: the
 * connection ended before the reply came, and `error_text` says why; else `error_text` is NULL.
 */
typedef void bh_redis_on_reply(void *arg, const struct redisReply *reply, const char *error_text);

/* Ever-growing. */
struct bh_redis_counters {
    uint64_t attempts;  /* begun attempts at a connection */
    uint64_t ups;       /* of these: came to READY */
    uint64_t commands;  /* accepted, the login's own included */
    uint64_t replies;   /* commands answered by the server */
    uint64_t lost;      /* commands answered with NULL */
    uint64_t refused;   /* sends that were not accepted */
    uint64_t timeouts;  /* connections ended because a command or an attempt took too long */
    uint64_t bytes_in;  /* of RESP, TLS not counted */
    uint64_t bytes_out; /* likewise */
    uint64_t writes;    /* hand-overs to the system: many commands share one */
};

/* One command on its way. */
struct bh_redis_pending {
    bh_redis_on_reply *on_reply;
    void *arg; /* borrowed until on_reply */
    struct bh_mono deadline;
};

/* Whose doing an end was. */
enum bh_redis_end_by {
    BH_REDIS_END_BY_US,
    BH_REDIS_END_BY_LINK,
    BH_REDIS_END_BY_SERVER, /* it said why */
};

/* All members are private to connection.c and connection_login.c. */
struct bh_redis_connection {
    uv_loop_t *loop; /* borrowed until on_closed */
    struct bh_redis_options options;
    struct bh_redis_listener listener;
    enum bh_redis_state state;
    struct bh_redis_counters counters;

    uv_timer_t timer; /* DOWN: next attempt; CONNECTING: its limit; READY: the next deadline */
    uv_idle_t idle;   /* active while `check` has work, so that the loop does not sleep before it */
    uv_check_t check; /* once per turn: send what has gathered, end what has to end */
    unsigned handles; /* of these three, how many are open */
    bool started;
    bool stopping;
    bool turn_wanted;

    struct bh_tls_context *tls_context; /* owned; NULL: no TLS */
    struct bh_redis_link link;
    struct bh_reply_reader reader;
    struct bh_buf outgoing; /* encoded commands that the link has not taken */

    struct bh_redis_pending *pending; /* owned ring; power of two */
    size_t pending_capacity;
    size_t pending_first;
    size_t pending_count;
    struct bh_mono timer_due; /* READY: what the timer is set to */
    bool deadline_suspected;  /* the timer fired; decided after one more look at the socket */
    struct redisReply *reply; /* owned during on_reply; NULL: taken */

    bool ending; /* to be ended by the next check; the fields below say why */
    enum bh_redis_end_by end_by;
    bool was_up;
    enum bh_redis_class end_class;
    const char *end_advice;
    char end_reason[400];
    bh_ms retry_after_ms; /* CLOSING: for the timer in DOWN */

    struct bh_reconnect reconnect;
    struct bh_mono up_since;
    struct bh_dice dice;
};

/*
 * Check the options, load certificates, allocate buffers.  Opens no socket and no handle.
 * BH_EINVAL: *ret_error (may be NULL) says in one sentence what is wrong (a sentinel or cluster URL, an
 * unreadable certificate); BH_ENOMEM.  After BH_OK: bh_redis_connection_release, in the end.
 * `conn` must stay where it is from here on.
 */
enum bh_status bh_redis_connection_init(struct bh_redis_connection *conn, uv_loop_t *loop,
                                        const struct bh_redis_options *options,
                                        const struct bh_redis_listener *listener,
                                        struct bh_error *ret_error) BH_MUST_CHECK;

/* Free what init made.  Only when never started, or behind on_closed. */
void bh_redis_connection_release(struct bh_redis_connection *conn);

/* Begin to connect, and keep connected.  Not while started. */
void bh_redis_connection_start(struct bh_redis_connection *conn);

/*
 * End for good: open commands are answered with NULL, on_down follows if there was something to end, then
 * on_closed.  Commands are refused from now on.  A second call does nothing.  Not unless started.
 * on_closed waits for a running name resolution, which the system does not let us abandon.
 */
void bh_redis_connection_stop(struct bh_redis_connection *conn);

/*
 * Send one command of `argc` >= 1 binary-safe arguments; they are copied.  `timeout_ms` 0 takes the
 * options' command timeout.  When the time is over the connection is ended: replies carry no number, so
 * the later ones could not be matched any more.
 *
 * BH_EDOWN: not READY.  BH_ETOOBIG: pending_max or outgoing_bytes_max would be passed; wait for replies.
 * BH_ENOMEM.  In all three nothing was sent and on_reply will not be called.
 * The commands of one turn of the loop share one system call.
 */
enum bh_status bh_redis_connection_send(struct bh_redis_connection *conn, size_t argc,
                                        const struct bh_str *argv, bh_ms timeout_ms,
                                        bh_redis_on_reply *on_reply, void *arg) BH_MUST_CHECK;

/*
 * Drop this connection on purpose and connect anew, e.g. because a reply was of class RECONNECT.
 * `error` is that reply's row (NULL: none).  `reason` is copied.  Replies that have already arrived are
 * still delivered; nothing happens unless CONNECTING or READY.
 */
void bh_redis_connection_reconnect(struct bh_redis_connection *conn,
                                   const struct bh_redis_error *error, const char *reason);

/*
 * Keep the reply that on_reply was called with: the caller becomes its owner (bh_redis_reply_free of
 * redis/reply_reader.h).  Only inside on_reply, once, and not when the reply was NULL.
 */
struct redisReply *bh_redis_connection_take_reply(struct bh_redis_connection *conn) BH_MUST_CHECK;

enum bh_redis_state bh_redis_connection_state(const struct bh_redis_connection *conn);

/* Commands accepted and not answered yet. */
size_t bh_redis_connection_pending(const struct bh_redis_connection *conn);

/* Borrowed until release. */
const struct bh_redis_counters *
bh_redis_connection_counters(const struct bh_redis_connection *conn);

/* uv handles and requests that are not finished; 0 before start and from on_closed on.  For tests. */
unsigned bh_redis_connection_handles(const struct bh_redis_connection *conn);

#endif
