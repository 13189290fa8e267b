#include "daemon/mailbox.h"

#include "core/alloc.h"

static bool
take(struct bh_mailbox *box, struct bh_message *ret_message)
{
    uv_mutex_lock(&box->mutex);
    bool any = box->count > 0;
    if (any) {
        *ret_message = box->items[box->first];
        box->first = (box->first + 1) % BH_MAILBOX_MAX;
        box->count--;
    }
    uv_mutex_unlock(&box->mutex);
    return any;
}

static void
mailbox_on_async(uv_async_t *async)
{
    struct bh_mailbox *box = async->data;
    struct bh_message message;
    while (!uv_is_closing((const uv_handle_t *)async) && take(box, &message))
        box->on_message(box->arg, &message);
}

enum bh_status
bh_mailbox_open(struct bh_mailbox *box, uv_loop_t *loop, bh_on_message *on_message, void *arg)
{
    *box = (struct bh_mailbox){.on_message = on_message, .arg = arg};
    box->items = bh_alloc_array(BH_MAILBOX_MAX, sizeof(*box->items));
    if (box->items == NULL)
        return BH_ENOMEM;
    if (uv_mutex_init(&box->mutex) != 0) {
        bh_free(box->items);
        box->items = NULL;
        return BH_EIO;
    }
    if (uv_async_init(loop, &box->async, mailbox_on_async) != 0) {
        bh_mailbox_release(box);
        return BH_EIO;
    }
    box->async.data = box;
    return BH_OK;
}

bool
bh_mailbox_post(struct bh_mailbox *box, const struct bh_message *message)
{
    uv_mutex_lock(&box->mutex);
    bool room = box->count < BH_MAILBOX_MAX;
    if (room)
        box->items[(box->first + box->count++) % BH_MAILBOX_MAX] = *message;
    uv_mutex_unlock(&box->mutex);
    /* Also when full: the owner may just need the reminder. */
    uv_async_send(&box->async);
    return room;
}

void
bh_mailbox_nudge(struct bh_mailbox *box)
{
    uv_async_send(&box->async);
}

void
bh_mailbox_close(struct bh_mailbox *box)
{
    uv_close((uv_handle_t *)&box->async, NULL);
}

void
bh_mailbox_release(struct bh_mailbox *box)
{
    struct bh_message message;
    while (box->items != NULL && take(box, &message)) {
        if (message.kind == BH_MESSAGE_CONFIGURE)
            bh_config_release(message.config);
    }
    uv_mutex_destroy(&box->mutex);
    bh_free(box->items);
    box->items = NULL;
}
