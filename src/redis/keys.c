#include "redis/keys.h"

#include <stdio.h>
#include <string.h>

static const char *const suffixes[BH_KEY_COUNT] = {
    [BH_KEY_RAW] = "",
    [BH_KEY_IN] = ":in",
    [BH_KEY_READY] = ":ready",
    [BH_KEY_DUE] = ":due",
    [BH_KEY_LEASES] = ":leases",
    [BH_KEY_JOBS] = ":jobs",
    [BH_KEY_HEADS] = ":heads",
    [BH_KEY_DEAD] = ":dead",
    [BH_KEY_CONTROL] = ":control",
    [BH_KEY_COUNTERS] = ":counters",
    [BH_KEY_EVENTS] = ":events",
    [BH_KEY_AUDIT] = ":audit",
    [BH_KEY_SUSPECTS] = ":suspects",
    [BH_KEY_MINUTES] = ":minutes",
    [BH_KEY_OPEN] = ":open",
    [BH_KEY_PULL] = ":pull",
    [BH_KEY_CALLBACKS] = ":callbacks",
    [BH_KEY_CALLBACK_TRIES] = ":callbacks:tries",
};

static bool
only_of(struct bh_str view, const char *allowed)
{
    for (size_t i = 0; i < view.len; i++) {
        if (view.ptr[i] == '\0' || strchr(allowed, view.ptr[i]) == NULL)
            return false;
    }
    return true;
}

bool
bh_queue_name_valid(struct bh_str name)
{
    return name.len >= 1 && name.len <= BH_QUEUE_NAME_MAX &&
           only_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
}

bool
bh_key_prefix_valid(struct bh_str prefix)
{
    if (prefix.len < 1 || prefix.len > BH_KEY_PREFIX_MAX)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        char c = prefix.ptr[i];
        if (c <= ' ' || c > '~' || c == '{' || c == '}')
            return false;
    }
    return true;
}

enum bh_status
bh_queue_keys_init(struct bh_queue_keys *keys, const char *prefix, const char *name)
{
    if (!bh_key_prefix_valid(bh_str_from(prefix)) || !bh_queue_name_valid(bh_str_from(name)))
        return BH_EINVAL;
    for (size_t i = 0; i < BH_KEY_COUNT; i++)
        (void)snprintf(keys->text[i], BH_KEY_MAX, "%s:{%s}%s", prefix, name, suffixes[i]);
    return BH_OK;
}

struct bh_str
bh_queue_key(const struct bh_queue_keys *keys, enum bh_key key)
{
    return bh_str_from(keys->text[key]);
}

static enum bh_status
append(struct bh_buf *buf, const struct bh_queue_keys *keys, const char *infix, const char *name)
{
    bh_buf_append_text(buf, keys->text[BH_KEY_RAW]);
    bh_buf_append_text(buf, infix);
    return bh_buf_append_text(buf, name);
}

enum bh_status
bh_key_append_status(struct bh_buf *buf, const struct bh_queue_keys *keys, const char *id)
{
    return append(buf, keys, ":status:", id);
}

enum bh_status
bh_key_append_cancel(struct bh_buf *buf, const struct bh_queue_keys *keys, const char *id)
{
    return append(buf, keys, ":cancel:", id);
}

enum bh_status
bh_key_append_lock(struct bh_buf *buf, const struct bh_queue_keys *keys, const char *digest)
{
    return append(buf, keys, ":lock:", digest);
}

enum bh_status
bh_key_append_seen(struct bh_buf *buf, const struct bh_queue_keys *keys, struct bh_str instance)
{
    append(buf, keys, ":seen:", "");
    return bh_buf_append_str(buf, instance);
}

enum bh_status
bh_key_append_message(struct bh_buf *buf, const struct bh_queue_keys *keys,
                      struct bh_str message_id)
{
    append(buf, keys, ":message:", "");
    return bh_buf_append_str(buf, message_id);
}

enum bh_status
bh_key_append_kept(struct bh_buf *buf, const struct bh_queue_keys *keys, const char *id)
{
    return append(buf, keys, ":kept:", id);
}

enum bh_status
bh_account_keys_init(struct bh_account_keys *keys, const char *prefix, const char *account)
{
    struct bh_str digits = bh_str_from(account);
    if (!bh_key_prefix_valid(bh_str_from(prefix)) || digits.len != BH_ACCOUNT_MAX ||
        !only_of(digits, "0123456789abcdef"))
        return BH_EINVAL;
    (void)snprintf(keys->control, BH_KEY_MAX, "%s:{@%s}:control", prefix, account);
    (void)snprintf(keys->log, BH_KEY_MAX, "%s:{@%s}:log", prefix, account);
    (void)snprintf(keys->audit, BH_KEY_MAX, "%s:{@%s}:audit", prefix, account);
    return BH_OK;
}
