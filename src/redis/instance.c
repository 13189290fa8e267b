#include "redis/instance.h"

#include <stdio.h>
#include <string.h>

#include "redis/keys.h"
#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

enum bh_status
bh_instance_key(char key[BH_INSTANCE_KEY_MAX], const char *prefix, const char *name)
{
    size_t length = strlen(name);
    if (!bh_key_prefix_valid(bh_str_from(prefix)) || length < 1 || length > BH_INSTANCE_NAME_MAX ||
        strpbrk(name, "{}") != NULL)
        return BH_EINVAL;
    (void)snprintf(key, BH_INSTANCE_KEY_MAX, "%s:{@instance:%s}", prefix, name);
    return BH_OK;
}

void
bh_encode_instance(struct bh_call *call, const char *key, enum bh_instance_operation operation,
                   const struct bh_instance_self *self, bh_ms ttl_ms)
{
    static const char *const names[] = {
        [BH_INSTANCE_REGISTER] = "register",
        [BH_INSTANCE_RENEW] = "renew",
        [BH_INSTANCE_RELEASE] = "release",
    };
    bh_call_key(call, bh_str_from(key));
    bh_call_text(call, names[operation]);
    bh_call_text(call, self->life);
    bh_call_int(call, ttl_ms);
    bh_call_text(call, self->host);
    bh_call_text(call, self->boot);
    bh_call_text(call, self->network);
    bh_call_text(call, self->lock);
    bh_call_int(call, self->pid);
}

static void
take_text(char *text, size_t size, struct bh_str view)
{
    size_t length = view.len < size ? view.len : size - 1;
    if (length > 0)
        memcpy(text, view.ptr, length);
    text[length] = '\0';
}

/* Only what we would write ourselves: it is given to the store as the name of a life. */
static bool
is_life(struct bh_str view)
{
    for (size_t i = 0; i < view.len; i++) {
        if (view.ptr[i] == '\0' || strchr("0123456789abcdef", view.ptr[i]) == NULL)
            return false;
    }
    return view.len == 0 || view.len == BH_LIFE_LEN;
}

enum bh_status
bh_decode_instance(const struct redisReply *reply, struct bh_instance_view *ret_view)
{
    int64_t code, now;
    struct bh_str life, host, pid, since, until;
    struct bh_instance_view view = {0};
    if (bh_reply_count(reply) != 7 || !bh_reply_int(reply, 0, 0, 1, &code) ||
        !bh_reply_int(reply, 1, 0, EXACT_MAX, &now) || !bh_reply_str(reply, 2, &life) ||
        !bh_reply_str(reply, 3, &host) || !bh_reply_str(reply, 4, &pid) ||
        !bh_reply_str(reply, 5, &since) || !bh_reply_str(reply, 6, &until) ||
        !bh_str_to_int64(since, &view.since.ms) || !bh_str_to_int64(until, &view.until.ms))
        return BH_EPROTO;
    view.ours = code == 0;
    view.server_now.ms = now;
    if (!is_life(life) && view.ours)
        return BH_EPROTO;
    take_text(view.life, sizeof(view.life), life);
    take_text(view.host, sizeof(view.host), host);
    take_text(view.pid, sizeof(view.pid), pid);
    *ret_view = view;
    return BH_OK;
}
