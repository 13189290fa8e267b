#include "cli/push.h"

#include <bellhop/job.h>

#include <stdio.h>

#include "cli/session.h"
#include "core/alloc.h"
#include "core/json.h"
#include "redis/reply_reader.h"

void
bh_push_init(struct bh_push *push, struct bh_cli *cli, const char *queue,
             const struct bh_queue_keys *keys, bool keep_ids)
{
    *push = (struct bh_push){.cli = cli, .queue = queue, .keys = keys, .keep_ids = keep_ids};
    bh_buf_init(&push->bytes, BH_PUSH_BATCH_BYTES + BH_JOB_BYTES_MAX_WITH_FILES + 1024);
}

void
bh_push_release(struct bh_push *push)
{
    for (size_t i = 0; i < push->waiting_count; i++)
        bh_free(push->waiting[i]);
    for (size_t i = 0; push->keep_ids && i < push->pushed; i++)
        bh_free(push->ids[i]);
    bh_free(push->ids);
    bh_buf_release(&push->bytes);
}

enum bh_exit
bh_push_add(struct bh_push *push, const char *id, struct bh_str json)
{
    if (push->keep_ids && push->pushed + push->waiting_count == BH_PUSH_WATCHED_MAX)
        return bh_cli_fail("--wait follows at most %zu jobs", BH_PUSH_WATCHED_MAX);
    char *copy = bh_strdup(id);
    if (copy == NULL || bh_buf_append_str(&push->bytes, json) != BH_OK) {
        bh_free(copy);
        return bh_cli_fail("short of memory");
    }
    push->ends[push->waiting_count] = push->bytes.len;
    push->waiting[push->waiting_count++] = copy;
    if (push->waiting_count == BH_PUSH_BATCH || push->bytes.len >= BH_PUSH_BATCH_BYTES)
        return bh_push_flush(push);
    return BH_EXIT_DONE;
}

static enum bh_exit
push_batch(struct bh_push *push)
{
    struct bh_str argv[2 + BH_PUSH_BATCH] = {BH_STR_LITERAL("LPUSH"),
                                             bh_queue_key(push->keys, BH_KEY_RAW)};
    size_t begin = 0;
    for (size_t i = 0; i < push->waiting_count; i++) {
        argv[2 + i] = (struct bh_str){push->bytes.ptr + begin, push->ends[i] - begin};
        begin = push->ends[i];
    }
    struct redisReply *reply;
    enum bh_exit result =
        bh_session_command(push->cli, "push the job", 2 + push->waiting_count, argv, &reply);
    if (result == BH_EXIT_DONE) {
        bh_redis_reply_free(reply);
        return BH_EXIT_DONE;
    }
    if (bh_session_in_doubt(push->cli))
        bh_cli_warn("%s may or may not be in the queue%s; pushing again with the same id is safe, "
                    "since bellhopd sends an id only once",
                    push->waiting[0],
                    push->waiting_count > 1 ? ", like those that were given after it" : "");
    return result;
}

static enum bh_status
make_room_for_ids(struct bh_push *push)
{
    size_t needed = push->pushed + push->waiting_count;
    if (!push->keep_ids || needed <= push->ids_capacity)
        return BH_OK;
    size_t capacity = needed > 2 * push->ids_capacity ? needed : 2 * push->ids_capacity;
    char **ids = bh_realloc_array(push->ids, capacity, sizeof(push->ids[0]));
    if (ids == NULL)
        return BH_ENOMEM;
    push->ids = ids;
    push->ids_capacity = capacity;
    return BH_OK;
}

static void
print_id(const struct bh_push *push, const char *id)
{
    if (push->cli->json) /* neither can hold anything that JSON would want escaped */
        printf("{\"queue\":\"%s\",\"id\":\"%s\"}\n", push->queue, id);
    else
        printf("%s\n", id);
}

enum bh_exit
bh_push_flush(struct bh_push *push)
{
    if (push->waiting_count == 0)
        return BH_EXIT_DONE;
    if (make_room_for_ids(push) != BH_OK)
        return bh_cli_fail("short of memory");
    enum bh_exit result = push_batch(push);
    if (result != BH_EXIT_DONE)
        return result;
    for (size_t i = 0; i < push->waiting_count; i++) {
        print_id(push, push->waiting[i]);
        if (push->keep_ids)
            push->ids[push->pushed] = push->waiting[i];
        else
            bh_free(push->waiting[i]);
        push->pushed++;
    }
    fflush(
        stdout); /* whoever reads the ids may act on them; errors stay with the stream until the end */
    push->waiting_count = 0;
    bh_buf_clear(&push->bytes);
    return BH_EXIT_DONE;
}
