/*
 * witness - what could tell about a message whose answer is lost: the gateway's journal and its reload lock.
 *
 * A part of the keeper, on the main thread.  It asks the journal for one entry to learn whether the key may read it at all:
 * when the account's state is first known, after a reload, and once a day for all processes of the account.
 * It hears from the workers what contradicts the knowledge, writes it to the account in Redis, and says in
 * the log what all of it means.  Whether a repeated SMS is refused is tried by `bellhop probe-lock`, never by
 * the daemon: it costs a message.
 */
#ifndef BH_DAEMON_WITNESS_H
#define BH_DAEMON_WITNESS_H

#include <uv.h>

#include "core/config.h"
#include "core/gateway_request.h"
#include "engine/protocol.h"
#include "gateway/transport.h"
#include "redis/account.h"

struct bh_witness_options {
    const struct bh_config *config;         /* borrowed until the next configure */
    const char *sent_with;                  /* borrowed */
    const struct bh_account_desk *desk;     /* borrowed */
    struct bh_gateway_transport *transport; /* borrowed until close */
    uint32_t slot;                          /* the transport's, for the journal alone */
};

struct bh_witness {
    struct bh_witness_options options;
    uv_timer_t timer; /* the next question */
    struct bh_gateway_request request;
    struct bh_account_view view;
    bool view_known;
    bool asking;
    bool stale;        /* the question under way was rendered from an older configuration */
    bool answered;     /* in this life: whether it may be read */
    bool trouble_told; /* since the last answer */
    bh_ms gap_ms;      /* before an unanswered question is asked again */
    enum bh_journal_access journal_told; /* what the log says */
    bool closing;
    void (*on_closed)(void *arg);
    void *arg;
};

void bh_witness_init(struct bh_witness *witness, uv_loop_t *loop);

/* Before the first view; the transport exists by now. */
void bh_witness_open(struct bh_witness *witness, const struct bh_witness_options *options);

/* The account's state as it is in Redis, whenever it has changed. */
void bh_witness_view(struct bh_witness *witness, const struct bh_account_view *view);

/* The journal's answer, or what became of the question. */
void bh_witness_answered(struct bh_witness *witness, const struct bh_exchange *exchange);

/* A worker's word: NO_JOURNAL or LOCK_DOUBTFUL. */
void bh_witness_hear(struct bh_witness *witness, const struct bh_account_command *word);

/* The journal is asked anew: somebody may just have given the key the right. */
void bh_witness_configure(struct bh_witness *witness, const struct bh_config *config);

/* An answer that is still under way is not heard any more. */
void bh_witness_close(struct bh_witness *witness, void (*on_closed)(void *arg), void *arg);
void bh_witness_release(struct bh_witness *witness);

#endif
