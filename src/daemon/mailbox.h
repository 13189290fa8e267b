/*
 * mailbox - messages from one thread to another's event loop, in order.
 *
 * Any thread posts; the owner's loop receives, one callback per message.  Its lock is held
 * for a copy.  The box is bounded; a full one means that its owner does not
 * turn any more, which is a bug or a machine past help: the post is refused and the caller says so.
 */
#ifndef BH_DAEMON_MAILBOX_H
#define BH_DAEMON_MAILBOX_H

#include <uv.h>

#include "core/base.h"
#include "core/config.h"
#include "engine/engine.h"
#include "engine/protocol.h"

#define BH_MAILBOX_MAX 4096

enum bh_message_kind {
    /* to a worker */
    BH_MESSAGE_CONFIGURE, /* carries a reference, which the receiver takes over */
    BH_MESSAGE_ACCOUNT,
    BH_MESSAGE_DRAIN,
    BH_MESSAGE_STOP,
    BH_MESSAGE_PING,
    BH_MESSAGE_REOPEN,          /* its connections to Redis */
    BH_MESSAGE_GATEWAY_ANSWERS, /* it did not answer this one, but somebody else since */
    /* to the main thread */
    BH_MESSAGE_ACCOUNT_WORD,
    BH_MESSAGE_STORE, /* up or down */
    BH_MESSAGE_DRAINED,
    BH_MESSAGE_KEEPER_CLOSED, /* posted by the main thread to itself */
    BH_MESSAGE_STOPPED,       /* the worker's loop has ended; its thread can be joined */
};

struct bh_message {
    enum bh_message_kind kind;
    unsigned worker; /* the sender, for messages to the main thread */
    union {
        const struct bh_config *config;
        struct bh_account_event account;
        struct bh_account_command word;
        bool store_up;
        uint64_t posted_ns; /* of a PING, by uv_hrtime: how long it lies here is the loop's lag */
    };
};

typedef void bh_on_message(void *arg, const struct bh_message *message);

struct bh_mailbox {
    uv_async_t async;
    uv_mutex_t mutex;
    struct bh_message *items; /* owned ring */
    size_t first, count;
    bh_on_message *on_message;
    void *arg;
};

/* BH_ENOMEM or BH_EIO: there is no box, and nothing to close or release.  Else it stays where it is from here on. */
enum bh_status bh_mailbox_open(struct bh_mailbox *box, uv_loop_t *loop, bh_on_message *on_message,
                               void *arg) BH_MUST_CHECK;

/* From any thread, until release.  False when full; the message is still the caller's then. */
bool bh_mailbox_post(struct bh_mailbox *box, const struct bh_message *message) BH_MUST_CHECK;

/* From any thread, until close: the owner's loop turns, without a message. */
void bh_mailbox_nudge(struct bh_mailbox *box);

/* In the owner's loop, from inside of on_message too: what is still in the box is received no more. */
void bh_mailbox_close(struct bh_mailbox *box);

/* Behind the loop's end, when nobody posts any more.  Lets go of what the messages inside refer to. */
void bh_mailbox_release(struct bh_mailbox *box);

#endif
