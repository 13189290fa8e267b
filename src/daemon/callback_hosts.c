#include "daemon/callback_hosts.h"

#include <string.h>

void
bh_callback_hosts_begin(struct bh_callback_hosts *hosts)
{
    for (size_t i = 0; i < BH_CALLBACK_HOSTS_MAX; i++)
        hosts->rows[i].named = false;
}

static bool
is_free(const struct bh_callback_host *host)
{
    return !host->named && host->under_way == 0;
}

struct bh_callback_host *
bh_callback_hosts_name(struct bh_callback_hosts *hosts, struct bh_str origin)
{
    struct bh_callback_host *found = NULL;
    if (origin.len == 0 || origin.len >= BH_CALLBACK_HOST_ORIGIN_MAX)
        return NULL;
    for (size_t i = 0; i < BH_CALLBACK_HOSTS_MAX; i++) {
        struct bh_callback_host *host = &hosts->rows[i];
        if (bh_str_equal_nocase(bh_str_from(host->origin), origin)) {
            host->named = true;
            return host;
        }
        if (found == NULL && is_free(host))
            found = host;
    }
    /* There are as many again as queues can name, and fewer posts under way than that. */
    BH_ASSERT(found != NULL);
    *found = (struct bh_callback_host){.named = true};
    memcpy(found->origin, origin.ptr, origin.len);
    return found;
}

unsigned
bh_callback_host_room(const struct bh_callback_host *host, unsigned most, struct bh_mono now)
{
    if (!bh_mono_reached(host->rest_until, now))
        return 0;
    unsigned bound = host->failures >= BH_CALLBACK_HOST_FAILURES ? 1 : most;
    return host->under_way < bound ? bound - host->under_way : 0;
}

void
bh_callback_host_done(struct bh_callback_host *host)
{
    host->under_way--;
    host->failures = 0;
    host->rest_until = (struct bh_mono){0};
}

static bh_ms
rest_ms(unsigned failures)
{
    bh_ms rest = BH_CALLBACK_HOST_REST_MS;
    if (failures < BH_CALLBACK_HOST_FAILURES)
        return 0;
    for (unsigned i = BH_CALLBACK_HOST_FAILURES; i < failures && rest < BH_CALLBACK_HOST_REST_MAX;
         i++)
        rest *= 2;
    return bh_ms_min(rest, BH_CALLBACK_HOST_REST_MAX);
}

void
bh_callback_host_failed(struct bh_callback_host *host, bh_ms retry_after_ms, struct bh_mono now)
{
    host->under_way--;
    if (host->failures < UINT32_MAX)
        host->failures++;
    bh_ms asked = bh_ms_min(retry_after_ms, BH_CALLBACK_HOST_ASKED_MAX);
    struct bh_mono until = bh_mono_add(now, bh_ms_max(rest_ms(host->failures), asked));
    if (until.ms > host->rest_until.ms)
        host->rest_until = until;
}
