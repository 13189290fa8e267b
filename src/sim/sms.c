#include "sim/sms.h"

#include <string.h>

#include "sim/calendar.h"
#include "sim/encoding.h"
#include "sim/hooks.h"
#include "sim/links.h"
#include "sim/lock.h"
#include "sim/message_answer.h"
#include "sim/recipients.h"
#include "sim/reports.h"

#define TEXT_CHARS_MAX   1520
#define LABEL_MAX        100u
#define FOREIGN_ID_MAX   64u
#define TTL_MINUTES      2880
#define TTL_MINUTES_MAX  1000000
#define DEBUG_ID         "1234567890"
#define MILLISECONDS_MIN 100000000000 /* twelve digits and more are no seconds of this age */

struct sms {
    struct bh_sim_str from, label, foreign_id, udh, connection;
    struct bh_sim_buf
        sent; /* owned: the text as the client sent it, UTF-8; what the lock compares */
    struct bh_sim_buf text; /* owned: with links */
    struct bh_sim_measure measure;
    bool debug, flash, is_binary, no_reload;
    int64_t send_ms, ttl_ms;
    bh_sim_money unit_price; /* of the last recipient looked at, for the details */
    bh_sim_money would_cost; /* sum in debug mode */
};

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* 11 alphanumeric characters, or 16 digits. */
static bool
sender_is_valid(struct bh_sim_str from)
{
    struct bh_sim_str digits = bh_sim_str_starts(from, "+") ? bh_sim_str_tail(from, 1) : from;
    bool numeric = digits.len > 0;
    for (size_t at = 0; at < digits.len; at++)
        numeric = numeric && is_digit(digits.ptr[at]);
    if (numeric)
        return digits.len <= 16;
    for (size_t at = 0; at < from.len; at++) {
        char c = from.ptr[at];
        if (!is_digit(c) && !is_letter(c) && (c == '\0' || strchr(" /.-@_!()+$,&", c) == NULL))
            return false;
    }
    return from.len > 0 && from.len <= 11;
}

bh_sim_money
bh_sim_sms_price(const struct bh_sim_config *config, struct bh_sim_str number)
{
    bh_sim_money price = config->price_sms;
    size_t longest = 0;
    for (size_t at = 0; at < config->prices.count; at++) {
        const struct bh_sim_pair *pair = &config->prices.items[at];
        size_t len = strlen(pair->name);
        if (len > longest && bh_sim_str_starts(number, pair->name) &&
            bh_sim_money_parse(bh_sim_str_from(pair->value), &price))
            longest = len;
    }
    return price;
}

static bool
is_tag(struct bh_sim_str text, size_t max)
{
    for (size_t at = 0; at < text.len; at++)
        if (!is_digit(text.ptr[at]) && !is_letter(text.ptr[at]) &&
            (text.ptr[at] == '\0' || strchr(".-_@", text.ptr[at]) == NULL))
            return false;
    return text.len <= max;
}

static struct bh_sim_str
cut(struct bh_sim_str text, size_t max)
{
    return (struct bh_sim_str){text.ptr, text.len < max ? text.len : max};
}

static int
read_tags(struct bh_sim_world *world, const struct bh_sim_params *params, struct sms *sms)
{
    sms->label = bh_sim_params_text(params, "label");
    sms->foreign_id = bh_sim_params_text(params, "foreign_id");
    if (world->config.limit_parameters != 0) {
        if (!is_tag(sms->foreign_id, FOREIGN_ID_MAX))
            return 801;
        if (!is_tag(sms->label, LABEL_MAX))
            return 802;
    }
    sms->label = cut(sms->label, LABEL_MAX);
    sms->foreign_id = cut(sms->foreign_id, FOREIGN_ID_MAX);
    return 0;
}

static void
read_times(struct bh_sim_world *world, const struct bh_sim_params *params, struct sms *sms)
{
    int64_t now_ms = bh_sim_now_ms(world), at_ms, minutes = TTL_MINUTES;
    struct bh_sim_str delay = bh_sim_str_trim(bh_sim_params_text(params, "delay"));
    sms->send_ms = now_ms;
    if (bh_sim_str_to_int(delay, &at_ms)) {
        if (at_ms >= 0 && at_ms < MILLISECONDS_MIN)
            at_ms *= 1000;
        sms->send_ms = at_ms > now_ms ? at_ms : now_ms;
    } else if (bh_sim_calendar_parse(delay, &at_ms) && at_ms > now_ms) {
        sms->send_ms = at_ms;
    }
    bool given = bh_sim_str_to_int(bh_sim_params_text(params, "ttl"), &minutes) && minutes >= 1;
    if (!given)
        minutes = TTL_MINUTES;
    if (minutes > TTL_MINUTES_MAX)
        minutes = TTL_MINUTES_MAX;
    sms->ttl_ms = minutes * 60000;
}

static bool
is_hex(struct bh_sim_str text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (bh_sim_hex_value(text.ptr[at]) < 0)
            return false;
    }
    return text.len > 0 && text.len % 2 == 0;
}

static int
read_text(const struct bh_sim_params *params, struct sms *sms)
{
    struct bh_sim_str raw = bh_sim_params_text(params, "text");
    struct bh_sim_buf linked = {0};
    if (raw.len == 0)
        return 305;
    bh_sim_text_to_utf8(&sms->sent, raw, bh_sim_params_flag(params, "utf8"));
    if (bh_sim_measure_text(bh_sim_buf_view(&sms->sent), false).chars > TEXT_CHARS_MAX)
        return 401;
    if (!bh_sim_links_files(params, bh_sim_buf_view(&sms->sent), &linked)) {
        bh_sim_buf_release(&linked);
        return 600;
    }
    if (bh_sim_params_flag(params, "performance_tracking"))
        bh_sim_links_track(bh_sim_buf_view(&linked), &sms->text);
    else
        bh_sim_buf_str(&sms->text, bh_sim_buf_view(&linked));
    bh_sim_buf_release(&linked);

    struct bh_sim_str text = bh_sim_buf_view(&sms->text);
    sms->udh = bh_sim_params_text(params, "udh");
    sms->is_binary = is_hex(sms->udh) && is_hex(text);
    sms->measure = bh_sim_measure_text(text, bh_sim_params_flag(params, "unicode"));
    if (sms->is_binary) {
        sms->measure.ucs2 = false;
        sms->measure.parts = bh_sim_measure_binary(sms->udh.len / 2, text.len / 2);
    }
    return 0;
}

/* 0, or the code that refuses the whole request. */
static int
read_sms(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct sms *sms)
{
    const struct bh_sim_params *params = &exchange->params;
    if (!bh_sim_recipients_read(world, exchange, true))
        return 301;
    int code = read_text(params, sms);
    if (code != 0)
        return code;
    sms->from = bh_sim_str_trim(bh_sim_params_text(params, "from"));
    if (sms->from.len == 0)
        sms->from = bh_sim_str_from(world->config.sender);
    else if (!sender_is_valid(sms->from))
        return 201;
    read_times(world, params, sms);
    const struct bh_sim_header *sent_with = bh_sim_http_header(exchange->http, "sentwith");
    sms->connection = sent_with != NULL ? cut(sent_with->value, 100) : BH_SIM_STR("http");
    sms->flash = bh_sim_params_flag(params, "flash");
    sms->no_reload = bh_sim_params_flag(params, "no_reload");
    sms->debug = bh_sim_params_flag(params, "debug") || exchange->key->sandbox != 0;
    return read_tags(world, params, sms);
}

static bool
fault_hits(const struct bh_sim_exchange *exchange, const struct bh_sim_result *result)
{
    const struct bh_sim_effect *effect = &exchange->effect;
    if (effect->kind != BH_SIM_FAULT_CODE || effect->recipient[0] == '\0')
        return false;
    struct bh_sim_buf number = {0};
    bh_sim_phone_normalise(bh_sim_str_from(effect->recipient), &number);
    bool hit = number.len > 0 && bh_sim_str_equal(bh_sim_buf_view(&number), result->number);
    bh_sim_buf_release(&number);
    return hit;
}

/* The code of one recipient; nothing is changed yet. */
static int
judge(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct sms *sms,
      const struct bh_sim_result *result, bh_sim_money price)
{
    if (result->code != 100)
        return result->code;
    if (fault_hits(exchange, result))
        return (int)exchange->effect.code;
    if (sms->debug)
        return 100;
    struct bh_sim_str sent = bh_sim_buf_view(&sms->sent);
    bool locked = bh_sim_lock_holds(world, result->number, sent);
    if (locked && world->config.lock_enabled != 0 && !sms->no_reload) {
        world->stats.locked++;
        return 402;
    }
    if (bh_sim_daily_reached(world, result->number))
        return 403;
    if (world->config.balance < price)
        return 500;
    if (locked)
        world->stats.unlocked++;
    return 100;
}

static void
accept_sms(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct sms *sms,
           struct bh_sim_result *result, bh_sim_money price)
{
    struct bh_sim_message draft = {
        .kind = BH_SIM_KIND_SMS,
        .at_ms = bh_sim_now_ms(world),
        .send_ms = sms->send_ms,
        .price = price,
        .parts = sms->measure.parts,
        .ucs2 = sms->measure.ucs2,
        .flash = sms->flash,
        .is_binary = sms->is_binary,
        .from = sms->from,
        .to = result->number,
        .text = bh_sim_buf_view(&sms->text),
        .label = sms->label,
        .foreign_id = sms->foreign_id,
        .connection = sms->connection,
        .udh = sms->udh,
    };
    bh_sim_reports_plan(world, &draft, sms->ttl_ms);
    bh_sim_exchange_hold(exchange, bh_sim_reports_hasten(world, &draft));
    struct bh_sim_message *message = bh_sim_journal_add(&world->journals[BH_SIM_KIND_SMS], &draft);
    bh_sim_stats_accept(world, message);
    bh_sim_lock_arm(world, result->number, bh_sim_buf_view(&sms->sent));
    bh_sim_daily_count(world, result->number);
    world->config.balance -= price;
    world->stats.spent += price;
    result->id = message->id;
    result->price = price;
    bh_sim_hooks_schedule(world, message);
}

static void
send_all(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct sms *sms)
{
    for (size_t at = 0; at < exchange->results_count; at++) {
        struct bh_sim_result *result = &exchange->results[at];
        sms->unit_price = bh_sim_sms_price(&world->config, result->number);
        bh_sim_money price = sms->unit_price * (bh_sim_money)sms->measure.parts;
        result->code = judge(world, exchange, sms, result, price);
        if (result->code != 100) {
            world->stats.refused++;
        } else if (sms->debug) {
            sms->would_cost += price;
            world->stats.debug_accepted++;
        } else {
            accept_sms(world, exchange, sms, result, price);
        }
    }
}

int
bh_sim_overall_code(const struct bh_sim_config *config, const struct bh_sim_exchange *exchange)
{
    size_t failed = 0;
    int first = 100;
    for (size_t at = 0; at < exchange->results_count; at++) {
        if (exchange->results[at].code == 100)
            continue;
        if (failed++ == 0)
            first = exchange->results[at].code;
    }
    if (failed == 0)
        return 100;
    if (failed < exchange->results_count)
        return (int)config->partial_code;
    if (config->all_failed == BH_SIM_ALL_FAILED_CODE)
        return first;
    return config->all_failed == BH_SIM_ALL_FAILED_100 ? 100 : 101;
}

static void
print_message(const struct bh_sim_world *world, const struct sms *sms,
              const struct bh_sim_result *result, struct bh_sim_buf *buf)
{
    bh_sim_message_open(buf, result, "\"", sms->from, bh_sim_buf_view(&sms->text));
    bh_sim_buf_text(buf, ",\"encoding\":");
    bh_sim_json_text(buf, sms->measure.ucs2 ? "ucs2" : "gsm");
    bh_sim_buf_text(buf, ",\"label\":");
    bh_sim_json_string_or_null(buf, sms->label);
    bh_sim_buf_text(buf, ",\"parts\":");
    bh_sim_buf_int(buf, (int64_t)sms->measure.parts);
    if (world->config.era >= 2022) {
        bh_sim_buf_text(buf, ",\"udh\":");
        bh_sim_json_string_or_null(buf, sms->udh);
        bh_sim_buf_text(buf, ",\"is_binary\":");
        bh_sim_json_bool(buf, sms->is_binary);
    }
    bh_sim_message_close(buf, result);
}

static void
answer_json(struct bh_sim_world *world, struct bh_sim_exchange *exchange, const struct sms *sms)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    /* Recorded: in debug mode the balance shown is reduced by what would have been charged. */
    bh_sim_answer_open(world, exchange, world->config.balance - sms->would_cost);
    bh_sim_buf_printf(buf, "\"%s\",\"sms_type\":\"direct\",\"messages\":[",
                      sms->debug ? "true" : "false");
    for (size_t at = 0; at < exchange->results_count; at++) {
        if (at > 0)
            bh_sim_buf_char(buf, ',');
        print_message(world, sms, &exchange->results[at], buf);
    }
    bh_sim_buf_text(buf, "]}");
}

static void
print_ids(const struct bh_sim_exchange *exchange, const struct sms *sms, struct bh_sim_buf *buf)
{
    bool any = false;
    for (size_t at = 0; at < exchange->results_count; at++) {
        const struct bh_sim_result *result = &exchange->results[at];
        if (result->code != 100)
            continue;
        any = true;
        if (sms->debug)
            bh_sim_buf_text(buf, "\n" DEBUG_ID);
        else
            bh_sim_buf_printf(buf, "\n%lld", (long long)result->id);
    }
    if (!any)
        bh_sim_buf_char(buf, '\n');
}

static void
print_details(struct bh_sim_world *world, const struct bh_sim_exchange *exchange,
              const struct sms *sms, struct bh_sim_buf *buf)
{
    static const char *const labels[2][9] = {
        {"Verbucht", "Preis", "Guthaben", "Text", "SMS-Typ",  "Flash SMS", "Encoding", "GSM0338",
         "Debug"},
        {"booked",   "price", "credit",   "text", "SMS type", "Flash SMS", "Encoding", "GSM0338",
         "Debug"},
    };
    bool english = world->config.labels == BH_SIM_LABELS_ENGLISH;
    const char *const *label = labels[english ? 1 : 0];
    bh_sim_buf_printf(buf, "\n%s: ", label[0]);
    bh_sim_money_print(buf, bh_sim_total_price(exchange));
    bh_sim_buf_printf(buf, "\n%s: ", label[1]);
    bh_sim_money_print(buf, sms->unit_price * (bh_sim_money)sms->measure.parts);
    bh_sim_buf_printf(buf, "\n%s: ", label[2]);
    bh_sim_money_print(buf, world->config.balance);
    bh_sim_buf_printf(buf, "\n%s: ", label[3]);
    bh_sim_buf_str(buf, bh_sim_buf_view(&sms->text));
    bh_sim_buf_printf(buf, "\n%s: direct\n%s: ", label[4], label[5]);
    if (english)
        bh_sim_buf_text(buf, sms->flash ? "on" : "off");
    else
        bh_sim_buf_text(buf, sms->flash ? "true" : "false");
    const char *encoding = english ? "ASCII" : "gsm";
    bh_sim_buf_printf(
        buf, "\n%s: %s\n%s: %s\n%s: %s", label[6], sms->measure.ucs2 ? "ucs2" : encoding, label[7],
        sms->measure.ucs2 ? "false" : "true", label[8], sms->debug ? "true" : "false");
}

static void
answer_text(struct bh_sim_world *world, struct bh_sim_exchange *exchange, const struct sms *sms)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    bh_sim_buf_int(buf, exchange->answer.code);
    if (exchange->answer.code != 100 && exchange->answer.code != 101)
        return;
    if (bh_sim_params_flag(&exchange->params, "return_msg_id"))
        print_ids(exchange, sms, buf);
    if (bh_sim_params_flag(&exchange->params, "details"))
        print_details(world, exchange, sms, buf);
}

/* No recipient can be paid for: then the request as a whole is refused, as an empty account is. */
static bool
is_broke(const struct bh_sim_exchange *exchange)
{
    for (size_t at = 0; at < exchange->results_count; at++)
        if (exchange->results[at].code != 500)
            return false;
    return true;
}

void
bh_sim_sms_send(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct sms sms = {0};
    int code = read_sms(world, exchange, &sms);
    if (code == 0) {
        send_all(world, exchange, &sms);
        if (is_broke(exchange))
            code = 500;
    }
    if (code != 0) {
        bh_sim_refuse(world, exchange, code);
    } else {
        exchange->answer.code = bh_sim_overall_code(&world->config, exchange);
        if (exchange->wants_json)
            answer_json(world, exchange, &sms);
        else
            answer_text(world, exchange, &sms);
    }
    bh_sim_buf_release(&sms.sent);
    bh_sim_buf_release(&sms.text);
}

/* A delayed message that has not been sent yet. */
static struct bh_sim_message *
find_delayed(struct bh_sim_world *world, struct bh_sim_str id)
{
    int64_t number;
    if (!bh_sim_str_to_int(bh_sim_str_trim(id), &number))
        return NULL;
    struct bh_sim_message *message = bh_sim_journal_find(&world->journals[BH_SIM_KIND_SMS], number);
    bool waiting = message != NULL && !message->cancelled && message->send_ms > message->at_ms &&
                   message->send_ms > bh_sim_now_ms(world);
    return waiting ? message : NULL;
}

static void
cancel(struct bh_sim_world *world, struct bh_sim_message *message, size_t *deleted,
       struct bh_sim_buf *buf)
{
    message->cancelled = true;
    world->stats.cancelled++;
    world->config.balance += message->price;
    world->stats.spent -= message->price;
    bh_sim_buf_printf(buf, "%s\"%lld\"", (*deleted)++ > 0 ? "," : "", (long long)message->id);
}

void
bh_sim_sms_delete(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf list = {0}, names = {0};
    size_t asked = 0, deleted = 0;
    bh_sim_params_joined(&exchange->params, "ids", &list);
    struct bh_sim_str rest = bh_sim_buf_view(&list), id;
    while (bh_sim_str_split(&rest, ',', &id)) {
        if (bh_sim_str_trim(id).len == 0)
            continue;
        asked++;
        struct bh_sim_message *message = find_delayed(world, id);
        if (message != NULL)
            cancel(world, message, &deleted, &names);
    }
    struct bh_sim_buf *buf = &exchange->answer.body;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_printf(buf, "{\"success\":%s,\"deleted\":", deleted > 0 ? "true" : "false");
    if (asked > 0 && deleted == 0)
        bh_sim_buf_text(buf, "null");
    else
        bh_sim_buf_printf(buf, "[%.*s]", BH_SIM_STR_ARGS(bh_sim_buf_view(&names)));
    bh_sim_buf_char(buf, '}');
    bh_sim_buf_release(&list);
    bh_sim_buf_release(&names);
}
