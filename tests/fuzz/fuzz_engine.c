/*
 * Whatever the store, the gateway and the clock do, the engine's invariants hold, it never asks to be woken in the
 * past, nothing is sent that was not admitted, and everything is freed.
 *
 * Each byte chooses what happens next, mostly an answer to the oldest open command; jobs, records and answers are
 * pieces of the input too.
 */
#include <stdio.h>
#include <string.h>

#include "engine/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const configs[] = {
    RIG_CONFIG,
    ("[gateway]\napi_key = k\nmax_connections = 2\nrequests_per_second = 3\n[queue a]\n[queue b]\n"
     "on_uncertain = hold\n"),
    "[gateway]\napi_key = k\nreload_lock = off\n[queue b]\nstrict = yes\n",
};

struct input {
    const uint8_t *at;
    size_t left;
};

static unsigned
next(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* A piece of the input as text; `plain` instead when there is little left or the dice say so. */
static const char *
piece(struct input *input, const char *plain, char *buffer, size_t size)
{
    size_t len = next(input);
    if (len % 2 == 0 || len > input->left)
        return plain;
    len = len < size ? len : size - 1;
    memcpy(buffer, input->at, len);
    buffer[len] = '\0';
    input->at += len;
    input->left -= len;
    return buffer;
}

static void
answer_claim(struct rig *rig, struct input *input, const struct bh_command *command)
{
    static const char *const payloads[] = {
        RIG_SMS("one"),
        "{\"to\":\"491710000001,491710000002\",\"text\":\"x\",\"ttl\":1}",
        "{\"to\":\"491710000001\",\"text\":\"x\",\"delay\":\"+9s\",\"on_uncertain\":\"hold\"}",
        "{\"type\":\"voice\",\"to\":\"491710000001\",\"text\":\"x\"}",
    };
    char payload[256], head[256];
    unsigned how = next(input);
    const char *plain = payloads[how % BH_ARRAY_LEN(payloads)];
    struct rig_job job = {piece(input, plain, payload, sizeof(payload)),
                          piece(input, NULL, head, sizeof(head))};
    size_t count = how % 5 == 0 ? 0 : 1 + how % command->claim.count;
    struct rig_job jobs[BH_CLAIM_MAX];
    for (size_t i = 0; i < count; i++)
        jobs[i] = job;
    if (how >= 250)
        rig_feed(rig,
                 &(struct bh_event){.kind = BH_EVENT_CLAIM_FAILED, .queue = command->claim.queue});
    else
        rig_claimed_late(rig, command, jobs, count, how % 3 == 0, how % 7 == 0 ? 29000 : how);
}

static void
answer_submit(struct rig *rig, struct input *input, const struct bh_command *command)
{
    static const char *const bodies[] = {"100", "402", "403", "500", "600", "700", "900", "202"};
    char body[256];
    unsigned how = next(input);
    BH_ASSERT(command->submit.body.len > 0);
    if (how % 8 == 0)
        rig_silence(rig, command, (enum bh_handed_over)(how / 8 % 3),
                    (enum bh_trouble)(how / 24 % (BH_TROUBLE_INTERNAL + 1)));
    else if (how % 8 == 1)
        rig_answered_status(rig, command, 200 + (int)(how * 3), (bh_ms)(how % 3) * 1000 - 1);
    else
        rig_answered(rig, command,
                     piece(input, bodies[how / 8 % BH_ARRAY_LEN(bodies)], body, sizeof(body)));
}

static void
answer_look_up(struct rig *rig, struct input *input, const struct bh_command *command)
{
    static const char *const bodies[] = {
        "[]",
        ("[{\"id\":\"1\",\"to\":\"491710000001\",\"foreign_id\":\"one\",\"text\":\"one\","
         "\"timestamp\":\"2026-06-16 12:00:30.000\"}]"),
        "902",
        "900",
        "<html>",
    };
    struct bh_command request = *command;
    char body[256];
    unsigned how = next(input);
    request.submit = command->look_up;
    BH_ASSERT(request.submit.body.len == 0);
    if (how % 8 == 0)
        rig_silence(rig, &request, (enum bh_handed_over)(how / 8 % 3),
                    (enum bh_trouble)(how / 24 % (BH_TROUBLE_INTERNAL + 1)));
    else if (how % 8 == 1)
        rig_answered_status(rig, &request, 200 + (int)(how * 3), -1);
    else
        rig_answered(rig, &request,
                     piece(input, bodies[how / 8 % BH_ARRAY_LEN(bodies)], body, sizeof(body)));
}

static void
answer(struct rig *rig, struct input *input, const struct bh_command *command)
{
    unsigned how;
    switch (command->kind) {
    case BH_COMMAND_CLAIM: answer_claim(rig, input, command); break;
    case BH_COMMAND_SUBMIT: answer_submit(rig, input, command); break;
    case BH_COMMAND_WAIT:
        rig_feed(rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = command->wait_queue});
        break;
    case BH_COMMAND_ADMIT:
        how = next(input);
        rig_admitted(rig, command,
                     how < 150 ? BH_ADMIT_OK : (enum bh_admit_code)(how % (BH_ADMIT_FAILED + 1)),
                     (bh_ms)how * 100);
        break;
    case BH_COMMAND_SETTLE:
        how = next(input);
        rig_settled(rig, command, (enum bh_settle_code)(how % (BH_SETTLED_FAILED + 1)));
        break;
    case BH_COMMAND_RENEW:
        rig_renewed(rig, command, (enum bh_renew_code)(next(input) % (BH_RENEW_FAILED + 1)));
        break;
    case BH_COMMAND_GRANT:
        how = next(input);
        rig_granted(rig, command, how % (command->grant.count + 1), (bh_ms)how);
        break;
    case BH_COMMAND_TWIN:
        how = next(input);
        rig_twin(rig, command, (enum bh_twin_code)(how % (BH_TWIN_FAILED + 1)), (bh_ms)how * 1000);
        break;
    case BH_COMMAND_LOOK_UP: answer_look_up(rig, input, command); break;
    case BH_COMMAND_CANCEL: /* answered by the end of its request */
    case BH_COMMAND_ACCOUNT: break;
    }
}

/* The oldest open command, or the second oldest, and so on. */
static void
answer_one(struct rig *rig, struct input *input, size_t which)
{
    if (rig->commands_count == 0)
        return;
    which %= rig->commands_count;
    struct bh_command command = rig->commands[which];
    rig->commands_count--;
    memmove(&rig->commands[which], &rig->commands[which + 1],
            (rig->commands_count - which) * sizeof(rig->commands[0]));
    answer(rig, input, &command);
}

static void
happen(struct rig *rig, struct input *input)
{
    unsigned what = next(input);
    rig->notes_count = 0;
    if (what < 160) {
        answer_one(rig, input, what < 120 ? 0 : what);
    } else if (what < 200) {
        rig_wait(rig, (bh_ms)next(input) * (what < 190 ? 10 : 250));
    } else if (what < 210) {
        if (what < 205)
            rig_account(rig, (enum bh_account_state)(what % 3), BH_REASON_CREDIT);
        else
            rig_witnesses(rig, (enum bh_journal_access)(what % 3),
                          (enum bh_lock_knowledge)(what / 3 % 3));
    } else if (what < 220) {
        rig_configure(rig, configs[what % BH_ARRAY_LEN(configs)]);
    } else if (what < 230) {
        rig_feed_kind(rig, what % 2 == 0 ? BH_EVENT_STORE_UP : BH_EVENT_STORE_DOWN);
    } else if (what < 240) {
        bh_engine_set_connections(rig->engine, what % 4);
    } else if (what < 250) { /* an answer that nobody waits for */
        struct bh_command stale = {.settle = {.slot = {next(input), next(input) + 100000}}};
        rig_settled(rig, &stale, BH_SETTLED_OK);
    } else if (what == 255) {
        rig_feed_kind(rig, BH_EVENT_DRAIN);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct rig rig;
    struct input input = {bytes, len};
    rig_start(&rig, configs[next(&input) % BH_ARRAY_LEN(configs)]);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    for (unsigned turns = 0; input.left > 0 && turns < 2000; turns++)
        happen(&rig, &input);
    rig_stop(&rig);
    return 0;
}
