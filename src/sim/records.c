#include "sim/records.h"

#include "sim/calendar.h"
#include "sim/recipients.h"
#include "sim/reports.h"
#include "sim/voice.h"

#define PAGE_MAX       100
#define STATUS_IDS_MAX 1000

/* The gateway's status page: nothing is told of what is older. */
#define STATUS_AGE_MAX_MS ((int64_t)30 * 86400 * 1000)

static int64_t
number_param(const struct bh_sim_exchange *exchange, const char *name, int64_t usual)
{
    int64_t value = usual;
    bh_sim_str_to_int(bh_sim_params_text(&exchange->params, name), &value);
    return value;
}

static struct bh_sim_message *
find_sms(struct bh_sim_world *world, struct bh_sim_str id)
{
    int64_t number;
    if (!bh_sim_str_to_int(bh_sim_str_trim(id), &number))
        return NULL;
    struct bh_sim_message *message = bh_sim_journal_find(&world->journals[BH_SIM_KIND_SMS], number);
    bool is_old = message != NULL && message->at_ms < bh_sim_now_ms(world) - STATUS_AGE_MAX_MS;
    return is_old ? NULL : message;
}

static void
print_status(const struct bh_sim_world *world, struct bh_sim_str id,
             const struct bh_sim_message *message, struct bh_sim_buf *buf)
{
    const struct bh_sim_step *step =
        message != NULL ? bh_sim_message_step(message, bh_sim_now_ms(world)) : NULL;
    bh_sim_buf_text(buf, "{\"id\":");
    bh_sim_json_string(buf, id);
    bh_sim_buf_text(buf, ",\"status\":");
    if (step == NULL) {
        bh_sim_buf_text(buf, "null,\"status_time\":null}");
        return;
    }
    bh_sim_json_text(buf, BH_SIM_STATUS_NAMES[step->status]);
    bh_sim_buf_text(buf, ",\"status_time\":\"");
    bh_sim_calendar_print(buf, step->at_ms, 3);
    bh_sim_buf_text(buf, "\"}");
}

static void
status_list(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_str ids)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    struct bh_sim_str id;
    int shown = 0;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_char(buf, '[');
    while (shown < STATUS_IDS_MAX && bh_sim_str_split(&ids, ',', &id)) {
        id = bh_sim_str_trim(id);
        if (id.len == 0)
            continue;
        if (shown++ > 0)
            bh_sim_buf_char(buf, ',');
        print_status(world, id, find_sms(world, id), buf);
    }
    bh_sim_buf_char(buf, ']');
}

void
bh_sim_records_status(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf joined = {0};
    bh_sim_params_joined(&exchange->params, "msg_id", &joined);
    struct bh_sim_str ids = bh_sim_str_trim(bh_sim_buf_view(&joined));
    bool several = bh_sim_str_contains(ids, BH_SIM_STR(","));
    if (several || (exchange->accepts_json && world->config.era >= 2024)) {
        status_list(world, exchange, ids);
        bh_sim_buf_release(&joined);
        return;
    }
    const struct bh_sim_message *message = find_sms(world, ids);
    bh_sim_buf_release(&joined);
    if (message == NULL) {
        /* 901 meant "invalid message id" before signing existed. */
        exchange->answer.code = world->config.era >= 2023 ? 600 : 901;
        bh_sim_buf_int(&exchange->answer.body, exchange->answer.code);
        return;
    }
    const struct bh_sim_step *step = bh_sim_message_step(message, bh_sim_now_ms(world));
    struct bh_sim_buf *buf = &exchange->answer.body;
    /* Before the first report nothing is documented; an accepted message is at least that. */
    bh_sim_buf_text(buf, BH_SIM_STATUS_NAMES[step != NULL ? step->status : BH_SIM_STATUS_ACCEPTED]);
    bh_sim_buf_char(buf, '\n');
    bh_sim_calendar_print(buf, step != NULL ? step->at_ms : message->at_ms, 3);
}

struct filter {
    struct bh_sim_str state;
    struct bh_sim_buf to; /* owned; normalised */
    int64_t id;
    int64_t from_ms, until_ms;
    int64_t limit, offset;
};

static void
read_filter(const struct bh_sim_exchange *exchange, struct filter *filter)
{
    const struct bh_sim_params *params = &exchange->params;
    struct bh_sim_str to = bh_sim_params_text(params, "to");
    struct bh_sim_str date_to = bh_sim_str_trim(bh_sim_params_text(params, "date_to"));
    *filter = (struct filter){.state = bh_sim_params_text(params, "state"),
                              .id = number_param(exchange, "id", 0),
                              .until_ms = INT64_MAX,
                              .limit = number_param(exchange, "limit", PAGE_MAX),
                              .offset = number_param(exchange, "offset", 0)};
    if (to.len > 0 && !bh_sim_phone_normalise(to, &filter->to))
        bh_sim_buf_str(&filter->to, to);
    bh_sim_calendar_parse(bh_sim_str_trim(bh_sim_params_text(params, "date_from")),
                          &filter->from_ms);
    /* A day alone means to its end. */
    if (bh_sim_calendar_parse(date_to, &filter->until_ms))
        filter->until_ms += date_to.len <= 10 ? 86399999 : 999;
    if (filter->limit < 1 || filter->limit > PAGE_MAX)
        filter->limit = PAGE_MAX;
}

/* An account without retention shows nothing, and what is young may not have got there yet. */
static bool
is_shown(const struct bh_sim_config *config, const struct bh_sim_message *message, int64_t now_ms)
{
    return config->journal_retention != 0 && message->at_ms <= now_ms - config->journal_lag_ms;
}

static bool
passes(const struct filter *filter, const struct bh_sim_message *message, int64_t now_ms)
{
    const struct bh_sim_step *step = bh_sim_message_step(message, now_ms);
    const char *state = step != NULL ? BH_SIM_STATUS_NAMES[step->status] : "";
    if (filter->id != 0 && filter->id != message->id)
        return false;
    if (filter->to.len > 0 && !bh_sim_str_equal(bh_sim_buf_view(&filter->to), message->to))
        return false;
    if (filter->state.len > 0 && !bh_sim_str_is_nocase(filter->state, state))
        return false;
    return message->at_ms >= filter->from_ms && message->at_ms <= filter->until_ms;
}

static void
print_string(struct bh_sim_buf *buf, const char *name, struct bh_sim_str value)
{
    bh_sim_buf_printf(buf, ",\"%s\":", name);
    bh_sim_json_string(buf, value);
}

static void
print_or_null(struct bh_sim_buf *buf, const char *name, struct bh_sim_str value)
{
    bh_sim_buf_printf(buf, ",\"%s\":", name);
    bh_sim_json_string_or_null(buf, value);
}

static void
print_base(const struct bh_sim_message *message, bh_sim_money price, struct bh_sim_buf *buf)
{
    bh_sim_buf_printf(buf, "{\"id\":\"%lld\"", (long long)message->id);
    print_string(buf, "from", message->from);
    print_string(buf, "to", message->to);
    print_string(buf, "text", message->text);
    bh_sim_buf_text(buf, ",\"timestamp\":\"");
    bh_sim_calendar_print(buf, message->at_ms, 3);
    bh_sim_buf_text(buf, "\",\"price\":\"");
    if (message->kind == BH_SIM_KIND_VOICE)
        bh_sim_money_print(buf, price);
    else
        bh_sim_money_print_fixed(buf, price);
    bh_sim_buf_char(buf, '"');
}

static void
print_outbound(struct bh_sim_world *world, const struct bh_sim_message *message,
               struct bh_sim_buf *buf)
{
    const struct bh_sim_step *step = bh_sim_message_step(message, bh_sim_now_ms(world));
    print_base(message, message->price, buf);
    if (step != NULL) {
        int64_t latency_ms = step->at_ms - message->send_ms;
        bh_sim_buf_printf(buf, ",\"dlr\":\"%s\",\"dlr_timestamp\":\"",
                          BH_SIM_STATUS_NAMES[step->status]);
        bh_sim_calendar_print(buf, step->at_ms, 3);
        bh_sim_buf_printf(buf, "\",\"mccmnc\":\"26201\",\"latency\":\"%lld.%03lld0\"",
                          (long long)(latency_ms / 1000), (long long)(latency_ms % 1000));
    } else {
        bh_sim_buf_text(buf,
                        ",\"dlr\":null,\"dlr_timestamp\":null,\"mccmnc\":null,\"latency\":null");
    }
    bh_sim_buf_text(buf, ",\"type\":\"direct\"");
    print_string(buf, "connection", message->connection);
    print_or_null(buf, "label", message->label);
    print_or_null(buf, "foreign_id", message->foreign_id);
    if (world->config.era >= 2024)
        bh_sim_buf_text(buf, ",\"channel\":\"SMS\"");
    bh_sim_buf_char(buf, '}');
}

static void
print_voice(struct bh_sim_world *world, const struct bh_sim_message *message,
            struct bh_sim_buf *buf)
{
    int64_t now_ms = bh_sim_now_ms(world);
    const struct bh_sim_step *step = bh_sim_message_step(message, now_ms);
    enum bh_sim_status status = step != NULL ? step->status : BH_SIM_STATUS_NONE;
    bool over = status == BH_SIM_STATUS_COMPLETED;
    print_base(message, over ? bh_sim_voice_price(world, message) : 0, buf);
    bh_sim_buf_printf(buf, ",\"xml\":%s,\"duration\":\"%lld\",\"status\":\"%s\",\"error\":",
                      message->xml ? "true" : "false",
                      (long long)bh_sim_reports_duration_s(message, now_ms),
                      BH_SIM_STATUS_NAMES[status]);
    bh_sim_json_text(buf,
                     status == BH_SIM_STATUS_CALL_FAILED ? "the call could not be connected" : "");
    bh_sim_buf_char(buf, '}');
}

static void
print_inbound(struct bh_sim_world *world, const struct bh_sim_message *message,
              struct bh_sim_buf *buf)
{
    print_base(message, 0, buf);
    if (world->config.era >= 2024)
        bh_sim_buf_text(buf, ",\"reply_to_message_id\":null");
    bh_sim_buf_char(buf, '}');
}

static void
list(struct bh_sim_world *world, struct bh_sim_exchange *exchange, enum bh_sim_kind kind)
{
    static void (*const printers[BH_SIM_KIND_COUNT])(
        struct bh_sim_world *, const struct bh_sim_message *, struct bh_sim_buf *) = {
        print_outbound, print_voice, print_inbound};
    const struct bh_sim_journal *journal = &world->journals[kind];
    struct bh_sim_buf *buf = &exchange->answer.body;
    struct filter filter;
    int64_t shown = 0, now_ms = bh_sim_now_ms(world);
    read_filter(exchange, &filter);
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_char(buf, '[');
    for (int64_t id = journal->next_id; id-- > bh_sim_journal_oldest(journal);) {
        const struct bh_sim_message *message = bh_sim_journal_find(journal, id);
        if (!is_shown(&world->config, message, now_ms) || !passes(&filter, message, now_ms) ||
            filter.offset-- > 0)
            continue;
        if (shown == filter.limit)
            break;
        if (shown++ > 0)
            bh_sim_buf_char(buf, ',');
        printers[kind](world, message, buf);
    }
    bh_sim_buf_char(buf, ']');
    bh_sim_buf_release(&filter.to);
}

void
bh_sim_records_journal_type(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                            struct bh_sim_str type)
{
    if (bh_sim_str_is(type, "outbound") || type.len == 0)
        list(world, exchange, BH_SIM_KIND_SMS);
    else if (bh_sim_str_is(type, "voice"))
        list(world, exchange, BH_SIM_KIND_VOICE);
    else if (bh_sim_str_is(type, "inbound") || bh_sim_str_is(type, "replies"))
        list(world, exchange, BH_SIM_KIND_INBOUND);
    else
        bh_sim_refuse(world, exchange, 600);
}

void
bh_sim_records_journal(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    bh_sim_records_journal_type(world, exchange, bh_sim_params_text(&exchange->params, "type"));
}

void
bh_sim_records_analytics(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_str group = bh_sim_params_text(&exchange->params, "group_by");
    bh_sim_records_analytics_by(world, exchange, group.len > 0 ? group : BH_SIM_STR("date"));
}

/* One row with everything since the start: enough for a client to read, not a statistics product. */
void
bh_sim_records_analytics_by(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                            struct bh_sim_str group)
{
    struct bh_sim_buf *buf = &exchange->answer.body, today = {0};
    const struct bh_sim_stats *stats = &world->stats;
    bh_sim_calendar_print(&today, bh_sim_now_ms(world), 0);
    today.len = 10;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    if (bh_sim_str_is(group, "country"))
        bh_sim_buf_text(buf, "[{\"country\":\"DE\"");
    else if (bh_sim_str_is(group, "label"))
        bh_sim_buf_text(buf, "[{\"label\":\"\"");
    else if (bh_sim_str_is(group, "subaccount"))
        bh_sim_buf_text(buf, "[{\"account\":\"main\"");
    else
        bh_sim_buf_printf(buf, "[{\"date\":\"%.*s\"", BH_SIM_STR_ARGS(bh_sim_buf_view(&today)));
    bh_sim_buf_printf(buf,
                      ",\"sms\":%llu,\"rcs\":0,\"voice\":%llu,\"hlr\":0,\"mnp\":0,\"inbound\":%llu,"
                      "\"usage_eur\":",
                      (unsigned long long)stats->accepted[BH_SIM_KIND_SMS],
                      (unsigned long long)stats->accepted[BH_SIM_KIND_VOICE],
                      (unsigned long long)stats->accepted[BH_SIM_KIND_INBOUND]);
    bh_sim_money_print(buf, stats->spent);
    bh_sim_buf_text(buf, "}]");
    bh_sim_buf_release(&today);
}
