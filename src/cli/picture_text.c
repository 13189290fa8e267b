#include "cli/picture_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/money.h"

#define CODES_SHOWN_MAX 8
#define CODES_KNOWN_MAX 64

/* ---- Words ---- */

enum bh_style
bh_gravity_style(enum bh_gravity gravity)
{
    switch (gravity) {
    case BH_GRAVITY_FINE: return BH_STYLE_GOOD;
    case BH_GRAVITY_NOTE: return BH_STYLE_BOLD;
    case BH_GRAVITY_WARN: return BH_STYLE_WARN;
    case BH_GRAVITY_ALARM: return BH_STYLE_BAD;
    }
    return BH_STYLE_PLAIN;
}

const char *
bh_account_word(const struct bh_account_view *account)
{
    switch (account->state) {
    case BH_ACCOUNT_OPEN: return "open";
    case BH_ACCOUNT_PAUSED: return "paused";
    case BH_ACCOUNT_TRIAL: return "on trial";
    }
    return "unknown";
}

struct bh_cell_text
bh_rate_text(int64_t milli)
{
    struct bh_cell_text cell = {"-"};
    if (milli >= 100000)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64, milli / 1000);
    else if (milli >= 100)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64 ".%" PRId64, milli / 1000,
                       milli % 1000 / 100);
    else if (milli > 0)
        (void)snprintf(cell.text, sizeof(cell.text), "0.%03" PRId64, milli);
    return cell;
}

struct bh_cell_text
bh_drain_text(const struct bh_picture_queue *queue)
{
    struct bh_cell_text cell = {"-"};
    if (queue->ready + queue->held == 0)
        return cell;
    if (!queue->flow_known)
        (void)snprintf(cell.text, sizeof(cell.text), "?");
    else if (queue->drain_ms < 0)
        (void)snprintf(cell.text, sizeof(cell.text), "never");
    else
        (void)snprintf(cell.text, sizeof(cell.text), "%.31s",
                       bh_display_span(queue->drain_ms).text);
    return cell;
}

struct bh_cell_text
bh_latency_text(int64_t us)
{
    struct bh_cell_text cell = {"-"};
    if (us >= 10000000)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64 " s", us / 1000000);
    else if (us >= 1000000)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64 ".%" PRId64 " s", us / 1000000,
                       us % 1000000 / 100000);
    else if (us >= 1000)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64 " ms", us / 1000);
    else if (us >= 0)
        (void)snprintf(cell.text, sizeof(cell.text), "%" PRId64 " us", us);
    return cell;
}

/* ---- Lines ---- */

void
bh_picture_append_verdict(struct bh_buf *buf, const struct bh_judgement *verdict)
{
    (void)bh_display_append(buf, bh_str_from(verdict->text));
    if (verdict->todo[0] != '\0') {
        (void)bh_buf_append_text(buf, "  ");
        (void)bh_display_append(buf, bh_str_from(verdict->todo));
    }
}

/* Millionths, to the cent; the account's currency is not known. */
static void
append_money(struct bh_buf *buf, int64_t micro)
{
    int64_t cents = micro / 10000;
    (void)bh_buf_printf(buf, "%s%" PRId64 ".%02d", micro < 0 && cents > -100 ? "-" : "",
                        cents / 100, (int)(cents < 0 ? -(cents % 100) : cents % 100));
}

static const char *
persistence_word(enum bh_known appendonly)
{
    if (appendonly == BH_UNKNOWN)
        return "persistence unknown";
    return appendonly == BH_YES ? "append-only file" : "no append-only file";
}

void
bh_picture_append_server(struct bh_buf *buf, const struct bh_picture *picture)
{
    const struct bh_redis_survey *server = &picture->server;
    if (!picture->server_known)
        return;
    (void)bh_buf_append_text(buf, server->is_valkey ? "Valkey " : "Redis ");
    (void)bh_display_append(buf, bh_str_from(server->version));
    (void)bh_buf_append_text(buf, ", ");
    (void)bh_display_append(buf, bh_str_from(server->role));
    if (server->memory_used >= 0)
        (void)bh_buf_printf(buf, ", %s", bh_display_bytes(server->memory_used).text);
    if (server->memory_max > 0)
        (void)bh_buf_printf(buf, " of %s", bh_display_bytes(server->memory_max).text);
    (void)bh_buf_printf(buf, ", %s", persistence_word(server->appendonly));
}

void
bh_picture_append_account(struct bh_buf *buf, const struct bh_picture *picture)
{
    const struct bh_account_view *account = &picture->account;
    int64_t spend = bh_picture_spend_micro(picture);
    if (!picture->account_known)
        return;
    (void)bh_buf_printf(buf, "account %s", bh_account_word(account));
    if (account->state != BH_ACCOUNT_OPEN) {
        (void)bh_buf_append_text(buf, " (");
        (void)bh_display_append(buf, bh_str_from(account->reason));
        (void)bh_buf_printf(buf, ") since %s, %s ago", bh_display_time(account->since).text,
                            bh_display_span(account->server_now.ms - account->since.ms).text);
        if (account->text[0] != '\0') {
            (void)bh_buf_append_text(buf, ": ");
            (void)bh_display_append(buf, bh_str_from(account->text));
        }
    }
    if (account->balance_micro != INT64_MIN) {
        (void)bh_buf_append_text(buf, ", balance ");
        append_money(buf, account->balance_micro);
        (void)bh_buf_printf(buf, " (%s ago)",
                            bh_display_span(account->server_now.ms - account->balance_at.ms).text);
    }
    if (spend >= 0) {
        (void)bh_buf_append_text(buf, ", spends ");
        append_money(buf, spend);
        (void)bh_buf_append_text(buf, " per hour");
    }
}

void
bh_picture_append_gateway(struct bh_buf *buf, const struct bh_picture *picture)
{
    const struct bh_process_sum sum = bh_picture_sum(picture);
    if (sum.alive == 0)
        return;
    (void)bh_buf_printf(
        buf, "gateway p50 %s, p95 %s, p99 %s", bh_latency_text(sum.gateway_p50_us).text,
        bh_latency_text(sum.gateway_p95_us).text, bh_latency_text(sum.gateway_p99_us).text);
    if (sum.window_ms > 0)
        (void)bh_buf_printf(buf, " (%" PRIu64 " requests in %s)", sum.gateway_count,
                            bh_display_span(sum.window_ms).text);
    (void)bh_buf_printf(buf, ", %u connections", sum.connections);
}

void
bh_picture_append_workers(struct bh_buf *buf, const struct bh_picture *picture)
{
    const struct bh_process_sum sum = bh_picture_sum(picture);
    unsigned in_flight = 0;
    if (!picture->processes_known)
        return;
    for (size_t i = 0; i < picture->processes.count; i++) {
        const struct bh_process_row *row = &picture->processes.rows[i];
        for (size_t n = 0; n < row->report.workers_count; n++)
            in_flight += bh_process_is_alive(row, picture->server_now)
                             ? row->report.workers[n].in_flight
                             : 0;
    }
    (void)bh_buf_printf(buf, "%zu bellhopd, %zu worker%s, %u request%s in flight", sum.alive,
                        sum.workers, sum.workers == 1 ? "" : "s", in_flight,
                        in_flight == 1 ? "" : "s");
    if (sum.draining > 0)
        (void)bh_buf_printf(buf, ", %zu draining", sum.draining);
    if (sum.holding > 0)
        (void)bh_buf_printf(buf, ", %zu hold back from the gateway", sum.holding);
    if (sum.stalled > 0)
        (void)bh_buf_printf(buf, ", %zu stand still", sum.stalled);
    else if (sum.workers > 0)
        (void)bh_buf_printf(buf, ", all loops turn (p99 lag %s)",
                            bh_latency_text(sum.lag_p99_us).text);
    if (sum.cut_off > 0)
        (void)bh_buf_printf(buf, ", %zu without Redis", sum.cut_off);
}

void
bh_picture_append_held(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    const char *joint = "";
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++) {
        uint64_t held = bh_picture_held(queue, (enum bh_reason)reason);
        if (held == 0)
            continue;
        (void)bh_buf_printf(buf, "%s%s %" PRIu64, joint, bh_reason_name((enum bh_reason)reason),
                            held);
        joint = ", ";
    }
}

/* ---- Codes ---- */

struct code_sum {
    struct bh_str code;
    int64_t grown;
};

static struct code_sum *
find_code(struct code_sum *sums, size_t *count, struct bh_str code)
{
    for (size_t i = 0; i < *count; i++) {
        if (bh_str_equal(sums[i].code, code))
            return &sums[i];
    }
    if (*count == CODES_KNOWN_MAX)
        return NULL;
    sums[*count] = (struct code_sum){code, 0};
    return &sums[(*count)++];
}

/* False: no minute reaches back. */
static bool
add_codes(struct code_sum *sums, size_t *count, const struct bh_picture_queue *queue,
          bh_ms window_ms)
{
    const struct bh_str prefix = BH_STR_LITERAL("code:");
    bool known = false;
    for (size_t i = 0; queue->reply != NULL && i < queue->view.counters_count; i++) {
        struct bh_str name;
        int64_t value;
        bh_ms over_ms;
        char text[48];
        if (!bh_queue_view_counter(&queue->view, i, &name, &value) ||
            !bh_str_starts_with(name, prefix) || name.len >= sizeof(text))
            continue;
        (void)snprintf(text, sizeof(text), "%.*s", BH_STR_ARGS(name));
        int64_t grown = bh_picture_grown(queue, text, window_ms, &over_ms);
        struct code_sum *sum =
            find_code(sums, count, (struct bh_str){name.ptr + prefix.len, name.len - prefix.len});
        if (sum != NULL && grown > 0)
            sum->grown += grown;
        known = known || grown >= 0;
    }
    return known || queue->minutes.count > 1;
}

static size_t
largest(const struct code_sum *sums, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (sums[i].grown > sums[best].grown)
            best = i;
    }
    return best;
}

void
bh_picture_append_codes(struct bh_buf *buf, const struct bh_picture *picture, bh_ms window_ms)
{
    struct code_sum sums[CODES_KNOWN_MAX];
    size_t count = 0, shown = 0;
    bool known = false;
    for (size_t i = 0; i < picture->queues_count; i++)
        known = add_codes(sums, &count, &picture->queues[i], window_ms) || known;
    for (; shown < CODES_SHOWN_MAX && count > 0; shown++) {
        struct code_sum *sum = &sums[largest(sums, count)];
        if (sum->grown == 0)
            break;
        (void)bh_buf_append_text(buf, shown > 0 ? ", " : "");
        (void)bh_display_append(buf, sum->code);
        (void)bh_buf_printf(buf, ": %" PRId64, sum->grown);
        sum->grown = 0;
    }
    if (shown == 0)
        (void)bh_buf_append_text(buf, known ? "-" : "?");
}
