/* doctor: Redis, what it knows of the account, and who has the instance's name. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/session.h"
#include "core/diagnose_redis.h"
#include "core/fault.h"
#include "core/gateway_profile.h"
#include "core/redis_error.h"
#include "core/redis_url.h"
#include "redis/instance.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"
#include "redis/sync.h"

#define PINGS 40

/* With a server far away so many pings would take long; a few tell as much. */
#define PINGS_TIME_US INT64_C(3000000)

#define HOST_NAME_SIZE 256

static int64_t
now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- Asking ---- */

/* NULL: no reply, and *error says why; an error reply is none. */
static struct redisReply *
ask(struct bh_doctor *doctor, size_t argc, const struct bh_str *argv, struct bh_error *error)
{
    struct redisReply *reply = NULL;
    struct bh_str words;
    (void)bh_error_set(error, NULL, "short of memory");
    if (bh_redis_sync_call(bh_session_sync(doctor->cli), argc, argv, 0, &reply, error) != BH_OK)
        return NULL;
    if (!bh_reply_error(reply, &words))
        return reply;
    (void)bh_error_set(error, NULL, "Redis says \"%s\"", bh_quote(words).text);
    bh_redis_reply_free(reply);
    return NULL;
}

/* A script by its digest, and in full when Redis does not know it. */
static struct redisReply *
ask_script(struct bh_doctor *doctor, struct bh_call *call, struct bh_error *error)
{
    enum { ARGV_MAX = 16 };
    const struct bh_str *argv;
    struct bh_str whole[ARGV_MAX];
    size_t argc;
    (void)bh_error_set(error, NULL, "short of memory");
    if (bh_call_argv(call, &argv, &argc) != BH_OK || argc > ARGV_MAX)
        return NULL;
    struct redisReply *reply = ask(doctor, argc, argv, error);
    if (reply != NULL || strstr(error->text, "NOSCRIPT") == NULL)
        return reply;
    memcpy(whole, argv, argc * sizeof(whole[0]));
    whole[0] = BH_STR_LITERAL("EVAL");
    whole[1] = bh_scripts[call->script].text;
    return ask(doctor, argc, whole, error);
}

/* ---- The server ---- */

static bool
account_keys(const struct bh_doctor *doctor, struct bh_account_keys *keys)
{
    const struct bh_config *config = doctor->cli->config;
    char account[BH_GATEWAY_ACCOUNT_MAX + 1];
    return bh_gateway_account_name(&config->gateway, account) == BH_OK &&
           bh_account_keys_init(keys, config->redis.prefix, account) == BH_OK;
}

static void
check_server(struct bh_doctor *doctor)
{
    const struct bh_config *config = doctor->cli->config;
    struct bh_redis_survey survey;
    struct bh_queue_keys queue;
    struct bh_account_keys account;
    struct bh_redis_url url;
    struct bh_error error = {.text = "short of memory"};
    const char *text = doctor->cli->redis_url;
    if (!account_keys(doctor, &account) ||
        bh_queue_keys_init(&queue, config->redis.prefix, config->queues[0].name) != BH_OK)
        return;
    if (bh_redis_sync_survey(bh_session_sync(doctor->cli), &queue, &account, &survey, &error) !=
        BH_OK) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_BAD, "redis", "It does not answer: %s.",
                    error.text);
        return;
    }
    if (bh_redis_url_parse(bh_str_from(text != NULL ? text : config->redis.url), &url, NULL) !=
        BH_OK)
        return;
    const struct bh_diagnose_redis_user user = {
        .name = text == NULL && config->redis.username[0] != '\0' ? config->redis.username
                                                                  : url.username,
        .prefix = config->redis.prefix,
    };
    bh_diagnose_survey(doctor->diagnosis, &survey, &user);
    bh_redis_url_release(&url);
}

static void
check_latency(struct bh_doctor *doctor)
{
    const struct bh_str ping[] = {BH_STR_LITERAL("PING")};
    int64_t times[PINGS], began = now_us();
    size_t count = 0;
    while (count < PINGS && now_us() - began < PINGS_TIME_US) {
        struct bh_error error;
        int64_t asked = now_us();
        struct redisReply *reply = ask(doctor, 1, ping, &error);
        if (reply == NULL)
            break;
        times[count++] = now_us() - asked;
        bh_redis_reply_free(reply);
    }
    bh_diagnose_latency(doctor->diagnosis, times, count);
}

/* ---- What it knows ---- */

/* For the reload lock, which others tell. */
static void
read_account(struct bh_doctor *doctor)
{
    struct bh_account_keys keys;
    struct bh_call call;
    struct bh_error error;
    if (!doctor->cli->account_known || !account_keys(doctor, &keys))
        return;
    bh_call_init(&call, BH_SCRIPT_ACCOUNT);
    bh_encode_account_read(&call, &keys);
    struct redisReply *reply = ask_script(doctor, &call, &error);
    bh_call_release(&call);
    doctor->account_read =
        reply != NULL && bh_decode_account_read(reply, &doctor->account) == BH_OK;
    bh_redis_reply_free(reply);
    if (!doctor->account_read) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "account",
                    "What the workers know of the account cannot be read: %s.", error.text);
        bh_diagnose_cure(doctor->diagnosis, "(the rights above)");
    } else if (doctor->account.state != BH_ACCOUNT_OPEN) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_RISK, "account", "Paused for all workers: %s. %s",
                    doctor->account.reason, doctor->account.text);
        bh_diagnose_cure(doctor->diagnosis, "bellhop status");
    }
}

static void
take(const struct redisReply *reply, size_t at, char *text, size_t size)
{
    struct bh_str value;
    text[0] = '\0';
    if (bh_reply_str(reply, at, &value))
        snprintf(text, size, "%.*s", BH_STR_ARGS(value));
}

static int64_t
take_number(const struct redisReply *reply, size_t at)
{
    struct bh_str value;
    int64_t number;
    return bh_reply_str(reply, at, &value) && bh_str_to_int64(value, &number) && number >= 0 &&
                   number < INT64_C(1) << 53
               ? number
               : 0;
}

/* Since and until are Redis' time. */
static bool
read_server_time(struct bh_doctor *doctor, int64_t *ret_ms, struct bh_error *error)
{
    const struct bh_str argv[] = {BH_STR_LITERAL("TIME")};
    struct redisReply *reply = ask(doctor, 1, argv, error);
    if (reply == NULL)
        return false;
    *ret_ms = take_number(reply, 0) * 1000 + take_number(reply, 1) / 1000;
    bh_redis_reply_free(reply);
    return true;
}

static void
judge_holder(struct bh_doctor *doctor, const struct redisReply *reply, int64_t now_ms)
{
    char host[BH_INSTANCE_HOST_MAX + 1], pid[24], ended[8], our_host[HOST_NAME_SIZE] = "";
    take(reply, 0, host, sizeof(host));
    take(reply, 1, pid, sizeof(pid));
    take(reply, 4, ended, sizeof(ended));
    if (gethostname(our_host, sizeof(our_host) - 1) != 0)
        our_host[0] = '\0';
    const struct bh_diagnose_holder holder = {
        .registered = take_number(reply, 3) > 0,
        .ended = ended[0] != '\0',
        .host = host,
        .pid = pid,
        .lapses_ms = take_number(reply, 3) - now_ms,
        .since_ms = now_ms - take_number(reply, 2),
    };
    doctor->daemon_here = holder.registered && !holder.ended && holder.lapses_ms > 0 &&
                          host[0] != '\0' && strcmp(host, our_host) == 0;
    bh_diagnose_instance(doctor->diagnosis, doctor->cli->config->pool.instance, our_host, &holder);
}

static void
check_instance(struct bh_doctor *doctor)
{
    const struct bh_config *config = doctor->cli->config;
    char key[BH_INSTANCE_KEY_MAX];
    int64_t now_ms = 0;
    struct bh_error error;
    if (bh_instance_key(key, config->redis.prefix, config->pool.instance) != BH_OK)
        return;
    const struct bh_str argv[] = {
        BH_STR_LITERAL("HMGET"), bh_str_from(key),        BH_STR_LITERAL("host"),
        BH_STR_LITERAL("pid"),   BH_STR_LITERAL("since"), BH_STR_LITERAL("until"),
        BH_STR_LITERAL("ended"),
    };
    struct redisReply *reply = ask(doctor, BH_ARRAY_LEN(argv), argv, &error);
    if (reply != NULL && read_server_time(doctor, &now_ms, &error))
        judge_holder(doctor, reply, now_ms);
    else
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "instance",
                    "Who has the name \"%s\" cannot be read: %s.", config->pool.instance,
                    error.text);
    bh_redis_reply_free(reply);
}

void
bh_doctor_redis(struct bh_doctor *doctor)
{
    struct bh_error error;
    if (!doctor->examined.redis) {
        bh_diagnose(doctor->diagnosis, BH_GRADE_NOTE, "redis",
                    "Not looked at: the configuration does not say where it is.");
        bh_diagnose_cure(doctor->diagnosis, "(the lines above)");
        return;
    }
    if (bh_session_open(doctor->cli, &error) != BH_OK) {
        size_t at;
        const struct bh_redis_error *refusal = bh_redis_error_search(error.text, &at);
        bh_diagnose(doctor->diagnosis, BH_GRADE_BAD, "redis", "%s.", error.text);
        if (refusal != NULL) {
            bh_diagnose_cure(doctor->diagnosis, "%s", refusal->advice);
            return;
        }
        bh_diagnose_cure(doctor->diagnosis, "[redis] url = redis://HOST:6379");
        bh_diagnose_cure(doctor->diagnosis, "systemctl start redis-server");
        return;
    }
    bh_diagnose(doctor->diagnosis, BH_GRADE_OK, "redis", "Connected and logged in: %s.",
                bh_session_place(doctor->cli));
    check_server(doctor);
    check_latency(doctor);
    read_account(doctor);
    if (doctor->examined.gateway) /* [pool] is right, too */
        check_instance(doctor);
}
