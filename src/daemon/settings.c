#include "daemon/settings.h"

#include <string.h>
#include <sys/random.h>

#include "core/alloc.h"

static const char *
given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

enum bh_status
bh_settings_redis(struct bh_settings *settings, const struct bh_config *config,
                  const char *client_name, struct bh_error *error)
{
    *settings = (struct bh_settings){0};
    const struct bh_config_redis *redis = &config->redis;
    enum bh_status status = bh_redis_url_parse(bh_str_from(redis->url), &settings->url, error);
    if (status != BH_OK)
        return status;
    status = bh_redis_url_set_login(&settings->url, given(redis->username),
                                    redis->password.len > 0 ? redis->password.bytes : NULL);
    settings->client_name = bh_strdup(client_name);
    if (status != BH_OK || settings->client_name == NULL) {
        bh_settings_release(settings);
        return BH_ENOMEM;
    }
    settings->redis = (struct bh_redis_options){
        .url = &settings->url,
        .client_name = settings->client_name,
        .tls = {given(redis->tls_ca), given(redis->tls_cert), given(redis->tls_key)},
        .connect_timeout_ms = redis->connect_timeout_ms,
        .command_timeout_ms = redis->command_timeout_ms,
    };
    /* The dice only spread reconnects: without a seed they all come at the same distance. */
    ssize_t seeded = getrandom(&settings->redis.seed, sizeof(settings->redis.seed), 0);
    (void)seeded;
    return BH_OK;
}

void
bh_settings_release(struct bh_settings *settings)
{
    bh_redis_url_release(&settings->url);
    bh_free(settings->client_name);
    *settings = (struct bh_settings){0};
}

size_t
bh_settings_queues(const struct bh_config *config, struct bh_store_queue *queues)
{
    for (size_t i = 0; i < config->queues_count; i++) {
        const struct bh_queue_config *queue = &config->queues[i];
        queues[i] = (struct bh_store_queue){
            .number = queue->no,
            .name = queue->name,
            .lease_ms = config->pool.lease_ms,
            .payload_bytes_max = (size_t)queue->max_job_with_files_bytes,
            .rate = (uint32_t)queue->rate,
            .concurrency = (uint32_t)queue->concurrency,
            .dead_max = (uint32_t)queue->dead_max,
            .dead_ttl_ms = queue->dead_ttl_ms,
            .retention_ms = config->status.retention_ms,
            .events_cap = (uint32_t)config->status.events_max,
            .tracking = bh_tracking_of(config, queue),
        };
    }
    return config->queues_count;
}

void
bh_settings_limits(const struct bh_config *config, struct bh_store_limit *limits)
{
    limits[BH_LIMIT_REQUESTS] =
        (struct bh_store_limit){(uint32_t)config->gateway.requests_per_second};
    limits[BH_LIMIT_CONNECTIONS] =
        (struct bh_store_limit){(uint32_t)config->gateway.connections_per_second};
}

bool
bh_settings_journal_is_off(const struct bh_config *config)
{
    return strcmp(config->pool.journal, "off") == 0;
}

struct bh_sent_journal_options
bh_settings_journal(const struct bh_config *config, struct bh_str state_directory)
{
    struct bh_str directory = bh_str_from(config->pool.journal);
    if (directory.len == 0 && !bh_str_split(&state_directory, ':', &directory))
        directory = (struct bh_str){NULL, 0};
    return (struct bh_sent_journal_options){
        .directory = directory,
        .prefix = config->redis.prefix,
        .instance = config->pool.instance,
        .records = (uint32_t)config->pool.journal_records,
    };
}

struct bh_gateway_transport_options
bh_settings_transport(const struct bh_config *config)
{
    const struct bh_config_gateway *gateway = &config->gateway;
    unsigned connections = (unsigned)gateway->max_connections / (unsigned)config->pool.workers;
    return (struct bh_gateway_transport_options){
        .connect_timeout_ms = gateway->connect_timeout_ms,
        .max_connections = connections > 0 ? connections : 1,
        .requests_per_connection = (unsigned)gateway->requests_per_connection,
        .ca_file = given(gateway->ca_file),
        .proxy = given(gateway->proxy),
    };
}
