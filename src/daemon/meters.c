#include "daemon/meters.h"

#include <uv.h>

#include "core/alloc.h"

struct bh_meters_sending {
    bool waits; /* its wait is to be counted with its answer */
    unsigned queue;
    bh_ms waited_ms;
    uint64_t submitted_ns;
};

const char *
bh_gateway_phase_name(enum bh_gateway_phase phase)
{
    static const char *const names[] = {
        [BH_GATEWAY_CONNECT] = "connect",
        [BH_GATEWAY_FIRST_BYTE] = "first_byte",
        [BH_GATEWAY_TOTAL] = "total",
    };
    return names[phase];
}

enum bh_status
bh_meters_init(struct bh_meters *meters, uint32_t slots)
{
    meters->slots = slots;
    meters->sending = bh_alloc_array(slots, sizeof(*meters->sending));
    return meters->sending != NULL ? BH_OK : BH_ENOMEM;
}

void
bh_meters_release(struct bh_meters *meters)
{
    bh_free(meters->sending);
    meters->sending = NULL;
}

/* There is one writer, so that this needs no locked instruction. */
static void
grow(atomic_ullong *number, uint64_t by)
{
    unsigned long long before = atomic_load_explicit(number, memory_order_relaxed);
    atomic_store_explicit(number, before + by, memory_order_relaxed);
}

void
bh_meter_add(struct bh_meter *meter, int64_t us)
{
    grow(&meter->counts[bh_histogram_bucket(us)], 1);
    grow(&meter->sum_us, us > 0 ? (uint64_t)us : 0);
}

void
bh_meters_submitted(struct bh_meters *meters, const struct bh_submit_command *command)
{
    BH_ASSERT(command->slot.index < meters->slots);
    unsigned queue = command->mark.claim.queue;
    if (command->late_ms >= 0)
        bh_meter_add(&meters->lateness, command->late_ms * 1000);
    meters->sending[command->slot.index] = (struct bh_meters_sending){
        .waits = command->waited_ms >= 0 && queue < BH_CONFIG_QUEUE_NUMBERS_MAX,
        .queue = queue,
        .waited_ms = command->waited_ms,
        .submitted_ns = uv_hrtime(),
    };
}

static void
count_phases(struct bh_meters *meters, const struct bh_exchange *exchange)
{
    if (exchange->connected_at_us > 0)
        bh_meter_add(&meters->gateway[BH_GATEWAY_CONNECT], exchange->connected_at_us);
    if (exchange->sent_at_us > 0 && exchange->first_byte_at_us > 0)
        bh_meter_add(&meters->gateway[BH_GATEWAY_FIRST_BYTE],
                     exchange->first_byte_at_us - exchange->sent_at_us);
    if (exchange->total_us > 0)
        bh_meter_add(&meters->gateway[BH_GATEWAY_TOTAL], exchange->total_us);
}

/* What it waited before it was handed to the transport, in the transport's line, and for its connection. */
void
bh_meters_answered(struct bh_meters *meters, struct bh_slot_handle slot,
                   const struct bh_exchange *exchange)
{
    BH_ASSERT(slot.index < meters->slots);
    struct bh_meters_sending *sending = &meters->sending[slot.index];
    count_phases(meters, exchange);
    if (sending->waits && exchange->sent_at_us > 0) {
        int64_t in_hand_us = (int64_t)(uv_hrtime() - sending->submitted_ns) / 1000;
        bh_meter_add(&meters->wait[sending->queue], sending->waited_ms * 1000 + in_hand_us -
                                                        exchange->total_us + exchange->sent_at_us);
    }
    sending->waits = false;
}

void
bh_meter_read(const struct bh_meter *meter, struct bh_histogram *histogram)
{
    for (size_t i = 0; i < BH_HISTOGRAM_BUCKETS; i++) {
        uint64_t count = atomic_load_explicit(&meter->counts[i], memory_order_relaxed);
        histogram->counts[i] += count;
        histogram->count += count;
    }
    histogram->sum_us += atomic_load_explicit(&meter->sum_us, memory_order_relaxed);
}
