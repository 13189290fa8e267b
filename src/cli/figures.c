#include "cli/figures.h"

#include <stdio.h>

#include "cli/configuration.h"
#include "cli/session.h"
#include "cli/who.h"
#include "core/config.h"
#include "core/gateway_profile.h"
#include "redis/reply_reader.h"
#include "redis/reply_text.h"

enum bh_exit
bh_figures_read(struct bh_cli *cli, const struct bh_queue_keys *keys,
                struct bh_figures *ret_figures)
{
    struct bh_call call;
    struct bh_figures figures = {0};
    bh_call_init(&call, BH_SCRIPT_INSPECT);
    bh_encode_inspect(&call, keys);
    enum bh_exit result = bh_session_script(cli, "read the queue's figures", &call, &figures.reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_decode_inspect(figures.reply, &figures.view) != BH_OK) {
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
bh_figures_ready(const struct bh_figures *figures)
{
    return (int64_t)(figures->view.raw + figures->view.moved + figures->view.ready);
}

int64_t
bh_figures_held(const struct bh_figures *figures, enum bh_reason reason)
{
    char name[64];
    snprintf(name, sizeof(name), "now:held:%s", bh_reason_name(reason));
    return bh_queue_view_find(&figures->view, name);
}

int64_t
bh_figures_outcome(const struct bh_figures *figures, enum bh_state state)
{
    char name[64];
    snprintf(name, sizeof(name), "outcome:%s", bh_state_name(state));
    return bh_queue_view_find(&figures->view, name);
}

enum bh_status
bh_figures_account_keys(const struct bh_config *config, struct bh_account_keys *keys)
{
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    enum bh_status status = bh_gateway_account_name(&config->gateway, account);
    if (status != BH_OK)
        return status;
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
    if (bh_figures_account_keys(cli->config, &keys) != BH_OK)
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
bh_figures_pause_account(struct bh_cli *cli, bool pause, struct bh_str reason, bool *ret_changed)
{
    char who[BH_WHO_MAX];
    struct bh_account_keys keys;
    struct bh_call call;
    struct redisReply *reply;
    bh_ms wait_ms;
    enum bh_exit result = bh_configuration_load(cli);
    if (result != BH_EXIT_DONE)
        return result;
    if (!cli->account_known)
        return bh_cli_fail("which account?  The API key is not known here");
    if (bh_figures_account_keys(cli->config, &keys) != BH_OK)
        return bh_cli_fail("the account's name cannot be made from URL and key");
    bh_who(who);
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    if (pause)
        bh_encode_operator_pause(&call, &keys, bh_str_from(who), reason);
    else
        bh_encode_operator_resume(&call, &keys, bh_str_from(who), reason);
    result =
        bh_session_script(cli, pause ? "pause the account" : "resume the account", &call, &reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_decode_account_done(reply, ret_changed, &wait_ms) != BH_OK)
        result = bh_cli_fail("Redis' answer about the account cannot be read");
    bh_redis_reply_free(reply);
    return result;
}

enum bh_exit
bh_figures_know_lock(struct bh_cli *cli, enum bh_lock_knowledge lock, const char *why)
{
    struct bh_account_keys keys;
    struct bh_call call;
    struct redisReply *reply;
    if (bh_figures_account_keys(cli->config, &keys) != BH_OK)
        return bh_cli_fail("the account's name cannot be made from URL and key");
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    bh_encode_account_lock(&call, &keys, lock, bh_str_from(why));
    enum bh_exit result = bh_session_script(cli, "keep the result", &call, &reply);
    bh_call_release(&call);
    if (result == BH_EXIT_DONE)
        bh_redis_reply_free(reply);
    return result;
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
