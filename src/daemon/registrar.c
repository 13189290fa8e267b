#include "daemon/registrar.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/codec.h"
#include "core/zone.h"
#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/shells.h"
#include "redis/refusal.h"
#include "redis/script_call.h"

/* How often a name that is taken is looked at, and how soon a question that failed is repeated. */
#define LOOK_MS BH_SECOND_MS

/* How long the last word may take: a Redis that has gone away holds up nobody's end. */
#define RELEASE_MS (2 * BH_SECOND_MS)

struct bh_registrar {
    struct bh_registrar_options options;
    const struct bh_config *config; /* owned reference */
    char life[BH_LIFE_LEN + 1], lock[33];
    char host[BH_INSTANCE_HOST_MAX + 1], boot[40], network[32];
    struct bh_instance_self self;
    char key[BH_INSTANCE_KEY_MAX];
    char who[160];

    struct bh_settings settings;
    struct bh_redis_connection connection;
    struct bh_script_call call;
    uv_timer_t timer;
    enum bh_instance_operation operation; /* of the question under way */
    bool asking;
    bool held, refused;
    bool stopping, releasing, closing_shells;
    struct bh_shells shells; /* counted while they close */

    /* Whom we wait for. */
    char other_life[BH_LIFE_LEN + 1];
    struct bh_wall other_until;
};

/* ---- who we are ---- */

enum bh_status
bh_registrar_draw_life(char life[BH_LIFE_LEN + 1])
{
    uint8_t random[BH_LIFE_LEN / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return BH_EIO;
    bh_hex_write(random, sizeof(random), life);
    life[BH_LIFE_LEN] = '\0';
    return BH_OK;
}

/* The first line of a file of the kernel's; empty when there is none. */
static void
read_line(const char *path, char *text, size_t size)
{
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static void
look_at_self(struct bh_registrar *registrar)
{
    struct stat network;
    read_line("/proc/sys/kernel/random/boot_id", registrar->boot, sizeof(registrar->boot));
    if (stat("/proc/self/ns/net", &network) == 0)
        snprintf(registrar->network, sizeof(registrar->network), "%llu",
                 (unsigned long long)network.st_ino);
    if (gethostname(registrar->host, sizeof(registrar->host) - 1) != 0)
        snprintf(registrar->host, sizeof(registrar->host), "unknown");
    registrar->self = (struct bh_instance_self){
        .life = registrar->life,
        .host = registrar->host,
        .boot = registrar->boot,
        .network = registrar->network,
        .lock = registrar->lock,
        .pid = (int64_t)getpid(),
    };
}

/* ---- asking ---- */

static void timer_on_fire(uv_timer_t *timer);
static void reply_on_reply(void *arg, const struct redisReply *reply, const char *error_text);

static void
ask_again_in(struct bh_registrar *registrar, bh_ms wait_ms)
{
    if (!registrar->closing_shells)
        uv_timer_start(&registrar->timer, timer_on_fire, (uint64_t)wait_ms, 0);
}

static enum bh_status
send_question(struct bh_registrar *registrar)
{
    struct bh_call *call =
        bh_script_call_begin(&registrar->call, &registrar->connection, BH_SCRIPT_INSTANCE);
    bh_encode_instance(call, registrar->key, registrar->operation, &registrar->self,
                       BH_REGISTRAR_TTL_MS);
    return bh_script_call_send(&registrar->call, reply_on_reply, registrar);
}

static void
ask(struct bh_registrar *registrar, enum bh_instance_operation operation)
{
    if (registrar->asking || registrar->refused || registrar->closing_shells)
        return;
    registrar->operation = operation;
    registrar->asking = send_question(registrar) == BH_OK;
    if (!registrar->asking)
        ask_again_in(registrar, LOOK_MS);
}

static void
timer_on_fire(uv_timer_t *timer)
{
    struct bh_registrar *registrar = timer->data;
    if (!registrar->stopping)
        ask(registrar, registrar->held ? BH_INSTANCE_RENEW : BH_INSTANCE_REGISTER);
}

/* ---- answers ---- */

static void shells_close(struct bh_registrar *registrar);

static void
refuse(struct bh_registrar *registrar, const struct bh_instance_view *other)
{
    char text[800];
    struct bh_datetime since = bh_zone_to_local(NULL, other->since);
    snprintf(text, sizeof(text),
             "another bellhopd with the instance name \"%s\" runs on host %s (pid %s, since "
             "%04d-%02u-%02uT%02u:%02u:%02uZ)%s: give one of them another [pool] instance",
             registrar->config->pool.instance, other->host, other->pid, (int)since.year,
             since.month, since.day, since.hour, since.minute, since.second,
             registrar->held ? "; it took the name while this one was cut off from Redis" : "");
    registrar->refused = true;
    registrar->held = false;
    registrar->options.on_refused(registrar->options.arg, text);
}

static void
wait_for(struct bh_registrar *registrar, const struct bh_instance_view *other)
{
    bool known = registrar->other_life[0] != '\0';
    bool alive = known && (strcmp(registrar->other_life, other->life) != 0 ||
                           registrar->other_until.ms != other->until.ms);
    if (alive) {
        refuse(registrar, other);
        return;
    }
    if (!known) {
        const struct bh_log_field fields[] = {
            bh_log_text("host", other->host),
            bh_log_text("pid", other->pid),
            bh_log_duration("at_most", other->until.ms - other->server_now.ms),
        };
        bh_log_write(BH_LOG_WARN, "instance_taken", fields, BH_ARRAY_LEN(fields),
                     "the instance name \"%s\" was held by a bellhopd on host %s a moment ago; "
                     "waiting until it is certain that it is gone",
                     registrar->config->pool.instance, other->host);
    }
    memcpy(registrar->other_life, other->life, sizeof(registrar->other_life));
    registrar->other_until = other->until;
    ask_again_in(registrar, LOOK_MS);
}

static void
take_view(struct bh_registrar *registrar, const struct bh_instance_view *view)
{
    if (!view->ours) {
        if (registrar->held)
            refuse(registrar, view);
        else
            wait_for(registrar, view);
        return;
    }
    ask_again_in(registrar, BH_REGISTRAR_RENEW_MS);
    if (registrar->held)
        return;
    registrar->held = true;
    registrar->options.on_held(registrar->options.arg, view->life);
}

/* What Redis refuses (it is loading, full, or wants a person) has been told by the keeper; here it is asked again. */
static void
question_failed(struct bh_registrar *registrar, const struct redisReply *reply)
{
    (void)bh_redis_refusal(&registrar->connection, reply);
    ask_again_in(registrar, LOOK_MS);
}

/* The last word, then the end.  A question that was on its way has been answered. */
static void
release(struct bh_registrar *registrar)
{
    registrar->operation = BH_INSTANCE_RELEASE;
    registrar->asking =
        registrar->held && !registrar->releasing && send_question(registrar) == BH_OK;
    registrar->releasing = true;
    if (!registrar->asking)
        shells_close(registrar);
}

static void
reply_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_registrar *registrar = arg;
    struct bh_instance_view view;
    (void)error_text;
    registrar->asking = false;
    if (registrar->stopping) {
        release(registrar);
        return;
    }
    if (reply == NULL || bh_decode_instance(reply, &view) != BH_OK)
        question_failed(registrar, reply);
    else
        take_view(registrar, &view);
}

static void
connection_on_up(void *arg)
{
    struct bh_registrar *registrar = arg;
    if (!registrar->stopping)
        ask(registrar, registrar->held ? BH_INSTANCE_RENEW : BH_INSTANCE_REGISTER);
}

/* ---- life ---- */

static void
shell_on_closed(void *arg)
{
    struct bh_registrar *registrar = arg;
    bh_shells_closed(&registrar->shells);
}

static void
shells_close(struct bh_registrar *registrar)
{
    if (registrar->closing_shells)
        return;
    registrar->closing_shells = true;
    bh_shells_expect(&registrar->shells, 2, registrar->options.on_closed, registrar->options.arg);
    bh_shells_close_timer(&registrar->shells, &registrar->timer);
    bh_redis_connection_stop(&registrar->connection);
}

static void
release_on_timeout(uv_timer_t *timer)
{
    shells_close(timer->data);
}

void
bh_registrar_stop(struct bh_registrar *registrar)
{
    if (registrar->stopping)
        return;
    registrar->stopping = true;
    uv_timer_start(&registrar->timer, release_on_timeout, RELEASE_MS, 0);
    if (!registrar->asking)
        release(registrar);
}

static enum bh_status
open_connection(struct bh_registrar *registrar, uv_loop_t *loop, struct bh_error *error)
{
    enum bh_status status = bh_instance_key(registrar->key, registrar->config->redis.prefix,
                                            registrar->config->pool.instance);
    if (status == BH_OK)
        status = bh_settings_redis(&registrar->settings, registrar->config, registrar->who, error);
    if (status != BH_OK)
        return status;
    const struct bh_redis_listener listener = {
        .on_up = connection_on_up,
        .on_closed = shell_on_closed,
        .arg = registrar,
    };
    return bh_redis_connection_init(&registrar->connection, loop, &registrar->settings.redis,
                                    &listener, error);
}

enum bh_status
bh_registrar_new(uv_loop_t *loop, const struct bh_registrar_options *options,
                 struct bh_registrar **ret_registrar, struct bh_error *error)
{
    struct bh_registrar *registrar = bh_alloc_zero(sizeof(*registrar));
    if (registrar == NULL)
        return BH_ENOMEM;
    registrar->options = *options;
    registrar->config = bh_config_retain(options->config);
    snprintf(registrar->life, sizeof(registrar->life), "%s", options->life);
    snprintf(registrar->lock, sizeof(registrar->lock), "%s", options->lock);
    snprintf(registrar->who, sizeof(registrar->who), "%s/name", options->config->pool.instance);
    look_at_self(registrar);
    uv_timer_init(loop, &registrar->timer);
    registrar->timer.data = registrar;
    enum bh_status status = open_connection(registrar, loop, error);
    if (status == BH_OK)
        *ret_registrar = registrar;
    /* A half-built one is left to the end of the process, which follows at once. */
    return status;
}

void
bh_registrar_start(struct bh_registrar *registrar)
{
    bh_redis_connection_start(&registrar->connection);
}

void
bh_registrar_free(struct bh_registrar *registrar)
{
    if (registrar == NULL)
        return;
    bh_script_call_release(&registrar->call);
    bh_redis_connection_release(&registrar->connection);
    bh_settings_release(&registrar->settings);
    bh_config_release(registrar->config);
    bh_free(registrar);
}
