#include "cli/batch.h"

#include <bellhop/job.h>

#include <stdio.h>

#include "cli/session.h"
#include "core/alloc.h"
#include "redis/reply_reader.h"
#include "redis/sync.h"

#define BYTES_MAX ((size_t)4 * 1024 * 1024)

void
bh_batch_init(struct bh_batch *batch)
{
    bh_buf_init(&batch->bytes, BYTES_MAX);
    batch->count = batch->args_count = 0;
    for (size_t i = 0; i < BH_BATCH_COMMANDS_MAX; i++)
        batch->replies[i] = NULL;
}

void
bh_batch_clear(struct bh_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        bh_redis_reply_free(batch->replies[i]);
        batch->replies[i] = NULL;
    }
    batch->count = batch->args_count = 0;
    bh_buf_clear(&batch->bytes);
}

void
bh_batch_release(struct bh_batch *batch)
{
    bh_batch_clear(batch);
    bh_buf_release(&batch->bytes);
}

static void
end_argument(struct bh_batch *batch)
{
    BH_ASSERT(batch->args_count < BH_BATCH_ARGS_MAX);
    batch->ends[batch->args_count++] = batch->bytes.len;
}

void
bh_batch_command(struct bh_batch *batch, const char *name)
{
    BH_ASSERT(batch->count < BH_BATCH_COMMANDS_MAX);
    batch->firsts[batch->count++] = batch->args_count;
    bh_batch_add_text(batch, name);
}

void
bh_batch_add(struct bh_batch *batch, struct bh_str argument)
{
    (void)bh_buf_append_str(&batch->bytes, argument);
    end_argument(batch);
}

void
bh_batch_add_text(struct bh_batch *batch, const char *argument)
{
    bh_batch_add(batch, bh_str_from(argument));
}

void
bh_batch_add_key(struct bh_batch *batch, const struct bh_queue_keys *keys, enum bh_key key)
{
    bh_batch_add(batch, bh_queue_key(keys, key));
}

void
bh_batch_add_status(struct bh_batch *batch, const struct bh_queue_keys *keys, struct bh_str id)
{
    char text[BH_JOB_ID_MAX + 1];
    snprintf(text, sizeof(text), "%.*s", BH_STR_ARGS(id));
    (void)bh_key_append_status(&batch->bytes, keys, text);
    end_argument(batch);
}

static size_t
args_end(const struct bh_batch *batch, size_t command)
{
    return command + 1 < batch->count ? batch->firsts[command + 1] : batch->args_count;
}

enum bh_exit
bh_batch_run(struct bh_cli *cli, const char *what, struct bh_batch *batch)
{
    struct bh_redis_sync_command commands[BH_BATCH_COMMANDS_MAX];
    if (batch->count == 0)
        return BH_EXIT_DONE;
    struct bh_str *args = bh_alloc_array(batch->args_count, sizeof(args[0]));
    if (args == NULL || bh_buf_status(&batch->bytes) != BH_OK) {
        bh_free(args);
        return bh_cli_fail("short of memory");
    }
    for (size_t i = 0, begin = 0; i < batch->args_count; begin = batch->ends[i++])
        args[i] = (struct bh_str){batch->bytes.ptr + begin, batch->ends[i] - begin};
    for (size_t i = 0; i < batch->count; i++) {
        commands[i].argv = &args[batch->firsts[i]];
        commands[i].argc = args_end(batch, i) - batch->firsts[i];
    }
    enum bh_exit result = bh_session_commands(cli, what, commands, batch->count, batch->replies);
    bh_free(args);
    return result;
}
