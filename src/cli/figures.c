#include "cli/figures.h"

#include <stdio.h>

#include "cli/configuration.h"
#include "cli/session.h"
#include "core/config.h"
#include "core/digest.h"
#include "redis/reply_reader.h"
#include "redis/reply_text.h"
#include "redis/reply_view.h"

/* The order of the script's reply: see the head of inspect.lua. */
#define COUNTERS_AT 16

static bool
decode(const struct redisReply *reply, struct bh_figures *figures)
{
    int64_t code, paused;
    bool good = bh_reply_int(reply, 0, 0, 0, &code) &&
                bh_reply_int(reply, 1, 0, INT64_MAX, &figures->now.ms) &&
                bh_reply_int(reply, 2, 0, INT64_MAX, &figures->raw) &&
                bh_reply_int(reply, 3, 0, INT64_MAX, &figures->incoming) &&
                bh_reply_int(reply, 4, 0, INT64_MAX, &figures->line) &&
                bh_reply_int(reply, 5, 0, INT64_MAX, &figures->waiting) &&
                bh_reply_int(reply, 6, 0, INT64_MAX, &figures->in_flight) &&
                bh_reply_int(reply, 7, 0, INT64_MAX, &figures->dead) &&
                bh_reply_int(reply, 8, 0, INT64_MAX, &figures->next_due.ms) &&
                bh_reply_int(reply, 9, 0, INT64_MAX, &figures->head_created.ms) &&
                bh_reply_int(reply, 10, 0, 1, &paused) &&
                bh_reply_str(reply, 11, &figures->paused_reason) &&
                bh_reply_str(reply, 12, &figures->paused_by) &&
                bh_reply_int(reply, 13, 0, INT64_MAX, &figures->paused_since.ms) &&
                bh_reply_str(reply, 14, &figures->rate) &&
                bh_reply_str(reply, 15, &figures->concurrency);
    figures->paused = good && paused == 1;
    return good;
}

enum bh_exit
bh_figures_read(struct bh_cli *cli, const struct bh_queue_keys *keys,
                struct bh_figures *ret_figures)
{
    static const enum bh_key wanted[] = {
        BH_KEY_RAW,  BH_KEY_IN,    BH_KEY_READY,   BH_KEY_DUE,      BH_KEY_LEASES,
        BH_KEY_DEAD, BH_KEY_HEADS, BH_KEY_CONTROL, BH_KEY_COUNTERS,
    };
    struct bh_call call;
    struct bh_figures figures = {0};
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++)
        bh_call_key(&call, bh_queue_key(keys, wanted[i]));
    enum bh_exit result = bh_session_script(cli, "read the queue's figures", &call, &figures.reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE)
        return result;
    if (!decode(figures.reply, &figures)) {
        bh_figures_release(&figures);
        return bh_cli_fail("Redis' answer about the queue cannot be read");
    }
    *ret_figures = figures;
    return BH_EXIT_DONE;
}

void
bh_figures_release(struct bh_figures *figures)
{
    bh_redis_reply_free(figures->reply);
    *figures = (struct bh_figures){0};
}

int64_t
bh_figures_counter(const struct bh_figures *figures, const char *name)
{
    struct bh_str field, value;
    int64_t number;
    for (size_t i = COUNTERS_AT; i + 1 < bh_reply_count(figures->reply); i += 2) {
        if (bh_reply_str(figures->reply, i, &field) && bh_str_equal_text(field, name) &&
            bh_reply_str(figures->reply, i + 1, &value) && bh_str_to_int64(value, &number))
            return number;
    }
    return 0;
}

int64_t
bh_figures_ready(const struct bh_figures *figures)
{
    return figures->raw + figures->incoming + figures->line;
}

int64_t
bh_figures_held(const struct bh_figures *figures, enum bh_reason reason)
{
    char name[64];
    snprintf(name, sizeof(name), "now:held:%s", bh_reason_name(reason));
    return bh_figures_counter(figures, name);
}

int64_t
bh_figures_outcome(const struct bh_figures *figures, enum bh_state state)
{
    char name[64];
    snprintf(name, sizeof(name), "outcome:%s", bh_state_name(state));
    return bh_figures_counter(figures, name);
}

/* Who shares URL and key shares an account; the worker names it in the same way. */
static enum bh_status
account_keys(const struct bh_config *config, struct bh_account_keys *keys)
{
    const struct bh_str pieces[] = {
        bh_str_from(config->gateway.url),
        {config->gateway.api_key.bytes, config->gateway.api_key.len},
    };
    struct bh_digest digest;
    char account[BH_ACCOUNT_MAX + 1];
    enum bh_status status = bh_digest_pieces(pieces, BH_ARRAY_LEN(pieces), &digest);
    if (status != BH_OK)
        return status;
    snprintf(account, sizeof(account), "%.*s", BH_ACCOUNT_MAX, digest.hex);
    return bh_account_keys_init(keys, config->redis.prefix, account);
}

enum bh_exit
bh_figures_account(struct bh_cli *cli, struct bh_account_view *ret_view)
{
    enum bh_exit result = bh_configuration_load(cli);
    if (result != BH_EXIT_DONE)
        return result;
    if (!cli->account_known)
        return BH_EXIT_NOTHING;
    struct bh_account_keys keys;
    struct bh_call call;
    struct redisReply *reply;
    if (account_keys(cli->config, &keys) != BH_OK)
        return bh_cli_fail("the account's name cannot be made from URL and key");
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    bh_encode_account_read(&call, &keys);
    result = bh_session_script(cli, "read the account's state", &call, &reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE)
        return result;
    bool readable = bh_decode_account_read(reply, ret_view) == BH_OK;
    bh_redis_reply_free(reply);
    return readable ? BH_EXIT_DONE : bh_cli_fail("Redis' answer about the account cannot be read");
}

enum bh_exit
bh_figures_server(struct bh_cli *cli, struct bh_redis_survey *ret_survey)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("INFO")};
    struct redisReply *reply;
    struct bh_str text;
    enum bh_exit result = bh_session_command(cli, "ask Redis about itself", 1, argv, &reply);
    if (result != BH_EXIT_DONE)
        return result;
    bool readable = bh_reply_text(reply, &text);
    if (readable) {
        *ret_survey = (struct bh_redis_survey){.memory_used = -1, .memory_max = -1};
        bh_redis_survey_read_info(ret_survey, text);
    }
    bh_redis_reply_free(reply);
    return readable ? BH_EXIT_DONE : bh_cli_fail("Redis' answer about itself cannot be read");
}
