#include "cli/wake.h"

#include "cli/session.h"
#include "core/str.h"
#include "redis/reply_reader.h"
#include "redis/reply_text.h"
#include "redis/sync.h"

#define WOKEN_MAX 1000

/* What stands behind " NAME=" up to the next blank; empty: no such field. */
static struct bh_str
field(struct bh_str line, const char *name)
{
    struct bh_str wanted = bh_str_from(name);
    struct bh_str nothing = {"", 0};
    for (size_t at = 0; at + wanted.len <= line.len; at++) {
        if ((at > 0 && line.ptr[at - 1] != ' ') ||
            !bh_str_starts_with((struct bh_str){line.ptr + at, line.len - at}, wanted))
            continue;
        size_t begin = at + wanted.len, end = begin;
        while (end < line.len && line.ptr[end] != ' ')
            end++;
        return (struct bh_str){line.ptr + begin, end - begin};
    }
    return nothing;
}

/* Workers call their connections INSTANCE/NUMBER. */
static bool
is_idle_worker(struct bh_str line)
{
    struct bh_str name = field(line, "name=");
    size_t digits = 0;
    if (!bh_str_equal_text(field(line, "cmd="), "blmove"))
        return false;
    while (digits < name.len && name.ptr[name.len - digits - 1] >= '0' &&
           name.ptr[name.len - digits - 1] <= '9')
        digits++;
    return digits > 0 && digits + 1 < name.len && name.ptr[name.len - digits - 1] == '/';
}

static void
unblock(struct bh_redis_sync *sync, struct bh_str id)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("CLIENT"), BH_STR_LITERAL("UNBLOCK"), id};
    struct redisReply *reply;
    if (bh_redis_sync_call(sync, BH_ARRAY_LEN(argv), argv, 0, &reply, NULL) == BH_OK)
        bh_redis_reply_free(reply);
}

void
bh_wake_workers(struct bh_cli *cli)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("CLIENT"), BH_STR_LITERAL("LIST"),
                                  BH_STR_LITERAL("TYPE"), BH_STR_LITERAL("NORMAL")};
    struct redisReply *reply;
    struct bh_str text;
    if (cli->session == NULL)
        return;
    struct bh_redis_sync *sync = bh_session_sync(cli);
    if (bh_redis_sync_call(sync, BH_ARRAY_LEN(argv), argv, 0, &reply, NULL) != BH_OK)
        return;
    if (!bh_reply_text(reply, &text))
        text = (struct bh_str){"", 0};
    int woken = 0;
    while (text.len > 0 && woken < WOKEN_MAX) {
        size_t end = 0;
        while (end < text.len && text.ptr[end] != '\n')
            end++;
        struct bh_str line = {text.ptr, end};
        if (is_idle_worker(line)) {
            unblock(sync, field(line, "id="));
            woken++;
        }
        size_t used = end < text.len ? end + 1 : end;
        text = (struct bh_str){text.ptr + used, text.len - used};
    }
    bh_redis_reply_free(reply);
}
