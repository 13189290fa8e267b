/*
 * subscriber - sees to it that the gateway sends its delivery reports to us.
 *
 * A part of the keeper, on the main thread.  Where [http] webhook_url and webhook_token are set it asks the gateway who is
 * subscribed, and subscribes us for `dlr` and `voice_status` where we are missing: when the account's state is first known, after
 * a reload, and once a day, for the gateway may switch a receiver off.
 *
 * Of all processes of an account one does it at a time (the account's turn in Redis), and it looks before it subscribes, so
 * that nobody is subscribed twice.  It never removes anybody, itself included: what was switched off or has a filter was changed
 * by the gateway or by a person, who is told.  What fails is tried again with growing distance.
 */
#ifndef BH_DAEMON_SUBSCRIBER_H
#define BH_DAEMON_SUBSCRIBER_H

#include <uv.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/gateway_hooks.h"
#include "core/gateway_request.h"
#include "gateway/transport.h"
#include "redis/account.h"

/* The events that Bellhop reads. */
#define BH_SUBSCRIBER_EVENTS 2

struct bh_subscriber_options {
    const struct bh_config *config;         /* borrowed until the next configure */
    const char *sent_with;                  /* borrowed */
    const char *who;                        /* borrowed; unlike that of every other process */
    const struct bh_account_desk *desk;     /* borrowed */
    struct bh_gateway_transport *transport; /* borrowed until close */
    uint32_t slot;                          /* the transport's, for the subscriber alone */
};

enum bh_subscriber_stage {
    BH_SUBSCRIBER_IDLE,      /* the timer runs, or nothing is wanted */
    BH_SUBSCRIBER_TURN,      /* Redis is asked for our turn */
    BH_SUBSCRIBER_LIST,      /* the gateway is asked for the list */
    BH_SUBSCRIBER_SUBSCRIBE, /* ... to take the event number `event` */
};

struct bh_subscriber {
    struct bh_subscriber_options options;
    uv_timer_t timer; /* the next look */
    struct bh_gateway_request request;
    struct bh_buf address;
    enum bh_subscriber_stage stage;
    bool may_begin; /* the account's state was seen, and is none in which questions are useless */
    bool stale;     /* the configuration has changed since the stage began */
    bool missing[BH_SUBSCRIBER_EVENTS];
    size_t event;      /* under way */
    bool done;         /* since the last configuration: the list was right, or made so */
    bool trouble_told; /* since then */
    char told[200];    /* what was said about the subscriptions last */
    bh_ms gap_ms;      /* before a failed look is tried again */
    bool closing;
    void (*on_closed)(void *arg);
    void *arg;
};

void bh_subscriber_init(struct bh_subscriber *subscriber, uv_loop_t *loop);

/* Before the first view; the transport exists by now. */
void bh_subscriber_open(struct bh_subscriber *subscriber,
                        const struct bh_subscriber_options *options);

/* The account's state as it is in Redis, whenever it has changed. */
void bh_subscriber_view(struct bh_subscriber *subscriber, const struct bh_account_view *view);

/* The gateway's answer, or what became of the question. */
void bh_subscriber_answered(struct bh_subscriber *subscriber, const struct bh_exchange *exchange);

void bh_subscriber_configure(struct bh_subscriber *subscriber, const struct bh_config *config);

/* An answer that is still under way is not heard any more. */
void bh_subscriber_close(struct bh_subscriber *subscriber, void (*on_closed)(void *arg), void *arg);
void bh_subscriber_release(struct bh_subscriber *subscriber);

#endif
