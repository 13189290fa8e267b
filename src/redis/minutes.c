#include "redis/minutes.h"

#include <string.h>

#include "core/alloc.h"
#include "redis/reply_view.h"

#define EXACT_MAX ((int64_t)1 << 53)

/* The line that a look back starts from has to be so far away, else chance is all that it shows. */
#define AWAY_MS (30 * BH_SECOND_MS)

/* ---- the script ---- */

void
bh_encode_minute(struct bh_call *call, const struct bh_queue_keys *keys, bh_ms oldest_ms)
{
    static const enum bh_key order[] = {BH_KEY_MINUTES, BH_KEY_RAW,     BH_KEY_IN,
                                        BH_KEY_READY,   BH_KEY_DUE,     BH_KEY_LEASES,
                                        BH_KEY_DEAD,    BH_KEY_COUNTERS};
    for (size_t i = 0; i < BH_ARRAY_LEN(order); i++)
        bh_call_key(call, bh_queue_key(keys, order[i]));
    bh_call_int(call, bh_ms_max(oldest_ms, 0));
}

enum bh_status
bh_decode_minute(const struct redisReply *reply, bool *ret_written, bh_ms *ret_wait_ms)
{
    int64_t written, wait_ms;
    if (bh_reply_count(reply) != 2 || !bh_reply_int(reply, 0, 0, 1, &written) ||
        !bh_reply_int(reply, 1, 1, BH_MINUTE_MS, &wait_ms))
        return BH_EPROTO;
    *ret_written = written == 1;
    *ret_wait_ms = wait_ms;
    return BH_OK;
}

/* ---- the lines ---- */

void
bh_minutes_read_argv(const struct bh_queue_keys *keys, struct bh_str argv[BH_MINUTES_ARGC])
{
    argv[0] = BH_STR_LITERAL("LRANGE");
    argv[1] = bh_queue_key(keys, BH_KEY_MINUTES);
    argv[2] = BH_STR_LITERAL("0");
    argv[3] = BH_STR_LITERAL("60");
}

static bool
split_int(struct bh_str *rest, int64_t *ret_value)
{
    struct bh_str word;
    return bh_str_split(rest, ' ', &word) && bh_str_to_int64(word, ret_value) && *ret_value >= 0 &&
           *ret_value <= EXACT_MAX;
}

static bool
read_line(struct bh_str line, struct bh_minute *ret_minute)
{
    int64_t numbers[8];
    struct bh_str rest = line;
    for (size_t i = 0; i < BH_ARRAY_LEN(numbers); i++) {
        if (!split_int(&rest, &numbers[i]))
            return false;
    }
    *ret_minute = (struct bh_minute){
        .at = {numbers[0]},
        .raw = (uint64_t)numbers[1],
        .moved = (uint64_t)numbers[2],
        .ready = (uint64_t)numbers[3],
        .due = (uint64_t)numbers[4],
        .leases = (uint64_t)numbers[5],
        .dead = (uint64_t)numbers[6],
        .oldest_ms = numbers[7],
        .counters = rest,
    };
    return true;
}

static size_t
bytes_of(const struct redisReply *reply, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct bh_str line;
        if (bh_reply_str(reply, i, &line) && line.len <= BH_MINUTE_BYTES_MAX)
            bytes += line.len;
    }
    return bytes;
}

enum bh_status
bh_decode_minutes(const struct redisReply *reply, struct bh_minutes *ret_minutes)
{
    struct bh_minutes minutes = {.count = 0};
    size_t count = bh_reply_count(reply), used = 0;
    if (count == 0 && !bh_reply_is_array(reply))
        return BH_EPROTO;
    if (count > BH_MINUTES_MAX)
        count = BH_MINUTES_MAX;
    minutes.text = bh_alloc(bytes_of(reply, count) + 1);
    if (minutes.text == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct bh_str line;
        if (!bh_reply_str(reply, i, &line) || line.len == 0 || line.len > BH_MINUTE_BYTES_MAX)
            continue;
        memcpy(minutes.text + used, line.ptr, line.len);
        const struct bh_str copy = {minutes.text + used, line.len};
        if (!read_line(copy, &minutes.rows[minutes.count]))
            continue;
        minutes.count++;
        used += line.len;
    }
    *ret_minutes = minutes;
    return BH_OK;
}

void
bh_minutes_release(struct bh_minutes *minutes)
{
    bh_free(minutes->text);
    minutes->text = NULL;
    minutes->count = 0;
}

/* A number of jobs or millionths: beyond what Lua's numbers hold exactly, nothing is one. */
static int64_t
sane(int64_t value)
{
    return value >= -EXACT_MAX && value <= EXACT_MAX ? value : 0;
}

/* The counters from *rest on; false behind the last one.  A value that is no number counts as 0. */
static bool
next_counter(struct bh_str *rest, struct bh_str *ret_name, int64_t *ret_value)
{
    struct bh_str value;
    if (!bh_str_split(rest, ' ', ret_name) || !bh_str_split(rest, ' ', &value))
        return false;
    if (!bh_str_to_int64(value, ret_value))
        *ret_value = 0;
    *ret_value = sane(*ret_value);
    return true;
}

int64_t
bh_minute_find(const struct bh_minute *minute, const char *name)
{
    struct bh_str rest = minute->counters, found;
    int64_t value;
    while (next_counter(&rest, &found, &value)) {
        if (bh_str_equal_text(found, name))
            return value;
    }
    return 0;
}

const struct bh_minute *
bh_minutes_before(const struct bh_minutes *minutes, struct bh_wall now, bh_ms window_ms)
{
    const struct bh_minute *best = NULL;
    bh_ms best_off = 0;
    for (size_t i = 0; i < minutes->count; i++) {
        bh_ms age = now.ms - minutes->rows[i].at.ms;
        bh_ms off = age > window_ms ? age - window_ms : window_ms - age;
        if (age < AWAY_MS || (best != NULL && off >= best_off))
            continue;
        best = &minutes->rows[i];
        best_off = off;
    }
    return best;
}

/*
 * Jobs are taken in the order of their pushing, and each one that is taken gets a handle: as long as fewer were given
 * than lay there at some minute, one of those lies there still.
 */
static bh_ms
oldest_unseen_ms(const struct bh_minutes *minutes, const struct bh_queue_view *view)
{
    uint64_t taken = (uint64_t)bh_queue_view_find(view, "handle");
    bh_ms oldest_ms = 0;
    for (size_t i = 0; i < minutes->count && view->raw + view->moved > 0; i++) {
        const struct bh_minute *minute = &minutes->rows[i];
        uint64_t then = (uint64_t)bh_minute_find(minute, "handle") + minute->raw + minute->moved;
        if (then > taken)
            oldest_ms = bh_ms_max(oldest_ms, view->server_now.ms - minute->at.ms);
    }
    return oldest_ms;
}

static bh_ms
age_of(struct bh_wall at, struct bh_wall now)
{
    return at.ms > 0 ? bh_ms_max(now.ms - at.ms, 0) : 0;
}

bh_ms
bh_minutes_oldest_ms(const struct bh_minutes *minutes, const struct bh_queue_view *view)
{
    bh_ms oldest_ms = age_of(view->ready_created, view->server_now);
    oldest_ms = bh_ms_max(oldest_ms, age_of(view->pushed_at, view->server_now));
    oldest_ms = bh_ms_max(oldest_ms, age_of(view->next_due, view->server_now));
    return bh_ms_max(oldest_ms, oldest_unseen_ms(minutes, view));
}

/* ---- in and out ---- */

static bool
is_end(struct bh_str name)
{
    return bh_str_starts_with(name, BH_STR_LITERAL("outcome:"));
}

struct bh_tally
bh_tally_of_view(const struct bh_queue_view *view)
{
    struct bh_tally tally = {
        .at = view->server_now,
        .pushed = (int64_t)(view->raw + view->moved) + sane(bh_queue_view_find(view, "handle")),
    };
    for (size_t i = 0; i < view->counters_count; i++) {
        struct bh_str name;
        int64_t value;
        if (bh_queue_view_counter(view, i, &name, &value) && is_end(name))
            tally.left += sane(value);
    }
    return tally;
}

struct bh_tally
bh_tally_of_minute(const struct bh_minute *minute)
{
    struct bh_tally tally = {
        .at = minute->at,
        .pushed = (int64_t)(minute->raw + minute->moved) + bh_minute_find(minute, "handle"),
    };
    struct bh_str rest = minute->counters, name;
    int64_t value;
    while (next_counter(&rest, &name, &value))
        tally.left += is_end(name) ? value : 0;
    return tally;
}

/* Counters that fell, because Redis went back in time, tell nothing. */
static int64_t
milli_rate(int64_t now, int64_t before, bh_ms over_ms)
{
    int64_t grown = now - before;
    if (grown <= 0)
        return 0;
    return grown > INT64_MAX / 1000000 ? INT64_MAX : grown * 1000000 / over_ms;
}

bool
bh_minutes_flow(const struct bh_minutes *minutes, const struct bh_tally *now, bh_ms window_ms,
                struct bh_flow *ret_flow)
{
    const struct bh_minute *minute = bh_minutes_before(minutes, now->at, window_ms);
    if (minute == NULL)
        return false;
    const struct bh_tally before = bh_tally_of_minute(minute);
    bh_ms over_ms = now->at.ms - before.at.ms;
    *ret_flow = (struct bh_flow){
        .in_milli = milli_rate(now->pushed, before.pushed, over_ms),
        .out_milli = milli_rate(now->left, before.left, over_ms),
        .over_ms = over_ms,
    };
    return true;
}

bh_ms
bh_flow_drain_ms(const struct bh_flow *flow, uint64_t waiting)
{
    int64_t net_milli = flow->out_milli - flow->in_milli;
    if (waiting == 0)
        return 0;
    if (net_milli <= 0)
        return -1;
    return waiting > INT64_MAX / 1000000 ? -1 : (bh_ms)(waiting * 1000000 / (uint64_t)net_milli);
}
