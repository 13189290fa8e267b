/*
 * A process that was stopped or starved past its requests' timeouts finds their answers in its sockets, where they have
 * been in time.  The library looks at its clock before it reads, and would throw them away: each of
 * them would be an uncertain message.  So the timeouts are put off for a moment when the timer comes far too
 * late; what has no answer then either is ended here, because the library asks for no second timer.
 */
#include "gateway/transport_internal.h"

/* No busy loop is that late, and every answer that lies ready is read within the other. */
#define LATE_MS   250
#define REREAD_MS 500

#define MS_NS ((uint64_t)1000000)

static bh_ms
age_ms(const struct bh_gateway_sending *request, uint64_t now_ns)
{
    return (bh_ms)((now_ns - request->started_ns) / MS_NS);
}

static void put_off(struct bh_gateway_transport *transport, uint64_t now_ns);

static void
late_on_timeout(uv_timer_t *timer)
{
    struct bh_gateway_transport *transport = timer->data;
    uint64_t now_ns = uv_hrtime();
    /* Asleep once more meanwhile. */
    if (now_ns > transport->late_until_ns + LATE_MS * MS_NS) {
        put_off(transport, now_ns);
        return;
    }
    for (size_t i = 0; i < transport->slots; i++) {
        struct bh_gateway_sending *request = &transport->requests[i];
        if (request->state != BH_SENDING_RUNNING || !request->is_put_off)
            continue;
        request->is_put_off = false;
        if (request->doom == BH_TROUBLE_NONE)
            request->doom = BH_TROUBLE_TIMEOUT;
    }
    bh_gateway_transport_do_later(transport);
}

/* Only what has run out of its time: the library still watches over the others. */
static void
put_off(struct bh_gateway_transport *transport, uint64_t now_ns)
{
    for (size_t i = 0; i < transport->slots; i++) {
        struct bh_gateway_sending *request = &transport->requests[i];
        if (request->state != BH_SENDING_RUNNING)
            continue;
        bh_ms until_ms = age_ms(request, now_ns) + REREAD_MS;
        if (bh_gateway_sending_timeout_ms(request) > until_ms)
            continue;
        /* Longer than our own timer, which decides. */
        request->is_put_off = true;
        curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, (long)(until_ms + BH_HOUR_MS));
    }
    transport->late_until_ns = now_ns + REREAD_MS * MS_NS;
    uv_update_time(transport->loop);
    uv_timer_start(&transport->late, late_on_timeout, REREAD_MS, 0);
}

void
bh_gateway_transport_awake(struct bh_gateway_transport *transport)
{
    uint64_t now_ns = uv_hrtime();
    if (transport->wanted_at_ns == 0 || now_ns <= transport->wanted_at_ns + LATE_MS * MS_NS)
        return;
    transport->wanted_at_ns = 0;
    put_off(transport, now_ns);
}
