#include "redis/call.h"

#include <stdio.h>

#include "core/alloc.h"

#define FIXED_ARGS 3 /* EVALSHA, digest, number of keys */

void
bh_call_init(struct bh_call *call, enum bh_script_id script)
{
    *call = (struct bh_call){.script = script};
    bh_buf_init(&call->bytes, BH_CALL_BYTES_MAX);
}

void
bh_call_release(struct bh_call *call)
{
    bh_buf_release(&call->bytes);
    bh_free(call->ends);
    bh_free(call->argv);
    *call = (struct bh_call){.script = call->script};
}

struct bh_buf *
bh_call_buf(struct bh_call *call)
{
    return &call->bytes;
}

static bool
make_room(struct bh_call *call)
{
    if (call->count < call->capacity)
        return true;
    size_t capacity = call->capacity == 0 ? 64 : 2 * call->capacity;
    size_t *ends = bh_realloc_array(call->ends, capacity, sizeof(*ends));
    if (ends == NULL)
        return false;
    call->ends = ends;
    call->capacity = capacity;
    return true;
}

static void
end_argument(struct bh_call *call)
{
    if (call->failed != BH_OK)
        return;
    call->failed = bh_buf_status(&call->bytes);
    if (call->failed == BH_OK && !make_room(call))
        call->failed = BH_ENOMEM;
    if (call->failed == BH_OK)
        call->ends[call->count++] = call->bytes.len;
}

void
bh_call_end_key(struct bh_call *call)
{
    BH_ASSERT(call->failed != BH_OK || call->keys_count == call->count);
    end_argument(call);
    if (call->failed == BH_OK)
        call->keys_count = call->count;
}

void
bh_call_key(struct bh_call *call, struct bh_str key)
{
    bh_buf_append_str(&call->bytes, key);
    bh_call_end_key(call);
}

void
bh_call_str(struct bh_call *call, struct bh_str argument)
{
    bh_buf_append_str(&call->bytes, argument);
    end_argument(call);
}

void
bh_call_text(struct bh_call *call, const char *argument)
{
    bh_call_str(call, bh_str_from(argument));
}

void
bh_call_int(struct bh_call *call, int64_t argument)
{
    bh_buf_append_int(&call->bytes, argument);
    end_argument(call);
}

void
bh_call_char(struct bh_call *call, char argument)
{
    bh_buf_append_char(&call->bytes, argument);
    end_argument(call);
}

enum bh_status
bh_call_argv(struct bh_call *call, const struct bh_str **ret_argv, size_t *ret_argc)
{
    size_t begin = 0;
    if (call->failed != BH_OK)
        return call->failed;
    struct bh_str *argv =
        bh_realloc_array(call->argv, FIXED_ARGS + call->count, sizeof(*call->argv));
    if (argv == NULL)
        return BH_ENOMEM;
    call->argv = argv;
    (void)snprintf(call->keys_text, sizeof(call->keys_text), "%zu", call->keys_count);
    argv[0] = BH_STR_LITERAL("EVALSHA");
    argv[1] = bh_str_from(bh_scripts[call->script].digest);
    argv[2] = bh_str_from(call->keys_text);
    for (size_t i = 0; i < call->count; i++) {
        struct bh_str argument = {NULL, call->ends[i] - begin};
        if (argument.len > 0)
            argument.ptr = call->bytes.ptr + begin;
        argv[FIXED_ARGS + i] = argument;
        begin = call->ends[i];
    }
    *ret_argv = argv;
    *ret_argc = FIXED_ARGS + call->count;
    return BH_OK;
}

enum bh_status
bh_call_eval_argv(struct bh_call *call, const struct bh_str **ret_argv, size_t *ret_argc)
{
    enum bh_status status = bh_call_argv(call, ret_argv, ret_argc);
    if (status != BH_OK)
        return status;
    call->argv[0] = BH_STR_LITERAL("EVAL");
    call->argv[1] = bh_scripts[call->script].text;
    return BH_OK;
}
