#include "integration/script_stage.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct script_stage stage;

void
stage_set_up(void)
{
    stage.queue = (struct bh_store_queue){.name = "q",
                                          .lease_ms = LEASE,
                                          .payload_bytes_max = 65536,
                                          .dead_max = 100,
                                          .dead_ttl_ms = DAY,
                                          .retention_ms = DAY};
    cr_assert_eq(bh_queue_keys_init(&stage.keys, "bellhop", "q"), BH_OK);
    script_redis_start(&stage.redis);
    script_redis_reset(&stage.redis, T0);
}

void
stage_tear_down(void)
{
    script_redis_stop(&stage.redis);
}

int64_t
stage_int(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(stage.redis.context, format, args);
    va_end(args);
    cr_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR, "%s: %s", format,
              reply != NULL ? reply->str : stage.redis.context->errstr);
    int64_t value =
        reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : reply->integer;
    freeReplyObject(reply);
    return value;
}

int64_t
stage_counter(const char *field)
{
    return stage_int("HGET %s %s", stage.keys.text[BH_KEY_COUNTERS], field);
}

size_t
stage_claim(const char *owner, const struct bh_claim_command *claim)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, owner};
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CLAIM);
    bh_encode_claim(&call, &caller, claim);
    freeReplyObject(stage.claimed.reply);
    stage.claimed.reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_claim(stage.claimed.reply, stage.claimed.jobs, &stage.claimed.event),
                 BH_OK);
    return stage.claimed.event.jobs_count;
}

struct bh_claim_ref
stage_ref(size_t at)
{
    static char handles[16][24];
    static unsigned next;
    char *handle = handles[next++ % BH_ARRAY_LEN(handles)];
    cr_assert_lt(at, stage.claimed.event.jobs_count);
    (void)snprintf(handle, sizeof(handles[0]), "%.*s", BH_STR_ARGS(stage.claimed.jobs[at].handle));
    return (struct bh_claim_ref){.handle = bh_str_from(handle), .token = stage.claimed.event.token};
}

struct bh_admit_command
stage_admission(struct bh_claim_ref job, const char *id)
{
    static const struct bh_field fields[] = {
        {"type", {"sms", 3}          },
        {"to",   {"491701234567", 12}}
    };
    return (struct bh_admit_command){.claim = job,
                                     .first = true,
                                     .id = id,
                                     .created = {T0},
                                     .due = {T0},
                                     .expires = {T0 + DAY},
                                     .ledger_ms = 190000,
                                     .fields = fields,
                                     .fields_count = BH_ARRAY_LEN(fields)};
}

struct bh_admitted_event
stage_admit(const char *owner, struct bh_admit_command admit)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, owner};
    struct bh_command command = {.kind = BH_COMMAND_ADMIT, .admit = admit};
    struct bh_admitted_event event;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_ADMIT);
    bh_encode_admit(&call, &caller, &command, 1);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_admit(reply, 1, &event), BH_OK);
    freeReplyObject(reply);
    return event;
}

struct bh_settled_event
stage_settle(const char *owner, struct bh_settle_command settle)
{
    struct bh_store_caller caller = {&stage.queue, &stage.keys, owner};
    struct bh_command command = {.kind = BH_COMMAND_SETTLE, .settle = settle};
    struct bh_settled_event event;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_FINISH);
    bh_encode_settle(&call, &caller, &command, 1);
    redisReply *reply = script_redis_run(&stage.redis, &call);
    cr_assert_eq(bh_decode_settle(reply, 1, &event), BH_OK);
    freeReplyObject(reply);
    return event;
}
