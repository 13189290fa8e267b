#include "cli/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/configuration.h"
#include "core/alloc.h"
#include "core/fault.h"
#include "core/redis_error.h"
#include "core/redis_url.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"
#include "redis/script_call.h"
#include "redis/sync.h"

#define ARGV_MAX 1024

/* The largest job, twice: a batch is sent when it has passed half of this. */
#define OUTGOING_BYTES_MAX ((size_t)32 * 1024 * 1024)

struct bh_session {
    struct bh_redis_url url;    /* owned */
    struct bh_buf place;        /* the URL without password */
    struct bh_redis_sync *sync; /* owned */
    bool in_doubt;
};

static const char *
given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static enum bh_status
read_url(struct bh_session *session, const struct bh_cli *cli, struct bh_error *error)
{
    const struct bh_config_redis *redis = &cli->config->redis;
    const char *text = cli->redis_url != NULL ? cli->redis_url : redis->url;
    enum bh_status status = bh_redis_url_parse(bh_str_from(text), &session->url, error);
    if (status == BH_OK && cli->redis_url == NULL)
        status = bh_redis_url_set_login(&session->url, given(redis->username),
                                        redis->password.len > 0 ? redis->password.bytes : NULL);
    if (status == BH_OK)
        status = bh_redis_url_format_masked(&session->url, &session->place);
    return status;
}

static enum bh_status
open_sync(struct bh_session *session, const struct bh_cli *cli, struct bh_error *error)
{
    const struct bh_config_redis *redis = &cli->config->redis;
    struct bh_redis_options options = {
        .url = &session->url,
        .client_name = "bellhop",
        .tls = {given(redis->tls_ca), given(redis->tls_cert), given(redis->tls_key)},
        .connect_timeout_ms = redis->connect_timeout_ms,
        .command_timeout_ms = redis->command_timeout_ms,
        .outgoing_bytes_max = OUTGOING_BYTES_MAX,
    };
    ssize_t seeded = getrandom(&options.seed, sizeof(options.seed), 0);
    (void)seeded; /* it only spreads reconnects */
    return bh_redis_sync_open(&options, &session->sync, error);
}

enum bh_status
bh_session_open(struct bh_cli *cli, struct bh_error *ret_error)
{
    (void)bh_error_set(ret_error, NULL, "short of memory");
    struct bh_session *session = bh_alloc_zero(sizeof(*session));
    if (session == NULL)
        return BH_ENOMEM;
    bh_buf_init(&session->place, BH_REDIS_URL_MAX * 2);
    struct bh_error error = *ret_error;
    enum bh_status status = read_url(session, cli, &error);
    if (status == BH_OK)
        status = open_sync(session, cli, &error);
    if (status == BH_OK) {
        cli->session = session;
        return BH_OK;
    }
    if (status == BH_EDOWN)
        (void)bh_error_set(ret_error, NULL, "%s (%s)", error.text, bh_buf_text(&session->place));
    else
        (void)bh_error_set(ret_error, NULL, "[redis] url: %s", error.text);
    bh_session_close(session);
    return status;
}

struct bh_redis_sync *
bh_session_sync(const struct bh_cli *cli)
{
    return cli->session->sync;
}

/* cli->session, connected. */
static enum bh_exit
need_session(struct bh_cli *cli)
{
    struct bh_error error;
    if (cli->session != NULL)
        return BH_EXIT_DONE;
    enum bh_exit result = bh_configuration_load(cli);
    if (result != BH_EXIT_DONE)
        return result;
    return bh_session_open(cli, &error) == BH_OK ? BH_EXIT_DONE : bh_cli_fail("%s", error.text);
}

void
bh_session_close(struct bh_session *session)
{
    if (session == NULL)
        return;
    bh_redis_sync_close(session->sync);
    bh_redis_url_release(&session->url);
    bh_buf_release(&session->place);
    bh_free(session);
}

const char *
bh_session_place(struct bh_cli *cli)
{
    return need_session(cli) == BH_EXIT_DONE ? bh_buf_text(&cli->session->place) : NULL;
}

bool
bh_session_in_doubt(const struct bh_cli *cli)
{
    return cli->session != NULL && cli->session->in_doubt;
}

/* Tell an error reply, with what can be done about it. */
static enum bh_exit
refused(const char *what, struct bh_str words)
{
    const struct bh_redis_error *known = bh_redis_error_find(words);
    bool advise = known->class == BH_REDIS_ALARM && known->advice != NULL;
    return bh_cli_fail("cannot %s: Redis says \"%s\"%s%s", what, bh_quote(words).text,
                       advise ? ". " : "", advise ? known->advice : "");
}

/* *ret_reply may be an error reply. */
static enum bh_exit
exchange(struct bh_cli *cli, const char *what, size_t argc, const struct bh_str *argv,
         struct redisReply **ret_reply)
{
    enum bh_exit result = need_session(cli);
    if (result != BH_EXIT_DONE)
        return result;
    struct bh_error error = {.text = "short of memory"};
    enum bh_status status =
        bh_redis_sync_call(cli->session->sync, argc, argv, 0, ret_reply, &error);
    cli->session->in_doubt = status == BH_EDOWN;
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("cannot %s: %s", what, error.text);
}

enum bh_exit
bh_session_command(struct bh_cli *cli, const char *what, size_t argc, const struct bh_str *argv,
                   struct redisReply **ret_reply)
{
    struct redisReply *reply;
    struct bh_str words;
    enum bh_exit result = exchange(cli, what, argc, argv, &reply);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_reply_error(reply, &words)) {
        result = refused(what, words);
        bh_redis_reply_free(reply);
        return result;
    }
    *ret_reply = reply;
    return BH_EXIT_DONE;
}

enum bh_exit
bh_session_commands(struct bh_cli *cli, const char *what,
                    const struct bh_redis_sync_command *commands, size_t count,
                    struct redisReply **ret_replies)
{
    enum bh_exit result = need_session(cli);
    if (result != BH_EXIT_DONE)
        return result;
    struct bh_error error = {.text = "short of memory"};
    struct bh_str words;
    if (bh_redis_sync_calls(cli->session->sync, commands, count, 0, ret_replies, &error) != BH_OK)
        return bh_cli_fail("cannot %s: %s", what, error.text);
    for (size_t i = 0; i < count && result == BH_EXIT_DONE; i++) {
        if (bh_reply_error(ret_replies[i], &words))
            result = refused(what, words);
    }
    for (size_t i = 0; i < count && result != BH_EXIT_DONE; i++) {
        bh_redis_reply_free(ret_replies[i]);
        ret_replies[i] = NULL;
    }
    return result;
}

/* EVAL runs the script and keeps it, so that the next EVALSHA finds it. */
static enum bh_exit
teach(struct bh_cli *cli, const char *what, const struct bh_call *call, size_t argc,
      const struct bh_str *argv, struct redisReply **ret_reply)
{
    struct bh_str copy[ARGV_MAX];
    BH_ASSERT(argc <= ARGV_MAX);
    memcpy(copy, argv, argc * sizeof(copy[0]));
    copy[0] = BH_STR_LITERAL("EVAL");
    copy[1] = bh_scripts[call->script].text;
    return bh_session_command(cli, what, argc, copy, ret_reply);
}

enum bh_exit
bh_session_script(struct bh_cli *cli, const char *what, struct bh_call *call,
                  struct redisReply **ret_reply)
{
    const struct bh_str *argv;
    size_t argc;
    struct redisReply *reply;
    struct bh_str words;
    if (bh_call_argv(call, &argv, &argc) != BH_OK)
        return bh_cli_fail("short of memory");
    enum bh_exit result = exchange(cli, what, argc, argv, &reply);
    if (result != BH_EXIT_DONE)
        return result;
    if (!bh_reply_error(reply, &words)) {
        *ret_reply = reply;
        return BH_EXIT_DONE;
    }
    bool unknown = bh_script_is_unknown(reply);
    if (!unknown)
        result = refused(what, words);
    bh_redis_reply_free(reply);
    return unknown ? teach(cli, what, call, argc, argv, ret_reply) : result;
}
