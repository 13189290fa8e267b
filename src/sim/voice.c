#include "sim/voice.h"

#include "sim/encoding.h"
#include "sim/hooks.h"
#include "sim/message_answer.h"
#include "sim/recipients.h"
#include "sim/reports.h"
#include "sim/sms.h"

#define TEXT_CHARS_MAX   10000
#define FROM_MAX         16u
#define DEBUG_ID         123456789
#define RING_SECONDS     30
#define RING_SECONDS_MIN 5
#define RING_SECONDS_MAX 60

struct call {
    struct bh_sim_str from, foreign_id, connection;
    struct bh_sim_buf text; /* owned; UTF-8 */
    bool debug, xml;
    int64_t ring_s;
    bh_sim_money price; /* announced */
};

static int
read_call(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct call *call)
{
    const struct bh_sim_params *params = &exchange->params;
    if (!bh_sim_recipients_read(world, exchange, false))
        return 301;
    struct bh_sim_str raw = bh_sim_params_text(params, "text");
    if (raw.len == 0)
        return 305;
    bh_sim_text_to_utf8(&call->text, raw, bh_sim_params_flag(params, "utf8"));
    if (bh_sim_measure_text(bh_sim_buf_view(&call->text), false).chars > TEXT_CHARS_MAX)
        return 401;
    call->from = bh_sim_str_trim(bh_sim_params_text(params, "from"));
    if (call->from.len == 0)
        call->from = bh_sim_str_from(world->config.caller);
    else if (call->from.len > FROM_MAX)
        return 201;
    /* One recipient per call until the stricter documentation allowed several. */
    if (exchange->results_count > 1 && world->config.era < 2024)
        return 202;
    const struct bh_sim_header *sent_with = bh_sim_http_header(exchange->http, "sentwith");
    call->connection = sent_with != NULL ? sent_with->value : BH_SIM_STR("http");
    call->foreign_id = bh_sim_params_text(params, "foreign_id");
    call->ring_s = RING_SECONDS;
    if (!bh_sim_str_to_int(bh_sim_params_text(params, "ringtime"), &call->ring_s) ||
        call->ring_s < RING_SECONDS_MIN || call->ring_s > RING_SECONDS_MAX)
        call->ring_s = RING_SECONDS;
    call->xml = bh_sim_params_flag(params, "xml");
    call->debug = bh_sim_params_flag(params, "debug") || exchange->key->sandbox != 0;
    call->price = call->debug ? 0 : world->config.price_voice;
    return 0;
}

static bool
fault_hits(const struct bh_sim_exchange *exchange, const struct bh_sim_result *result)
{
    const struct bh_sim_effect *effect = &exchange->effect;
    return effect->kind == BH_SIM_FAULT_CODE && effect->recipient[0] != '\0' &&
           bh_sim_str_is(result->number, effect->recipient);
}

static int
judge(struct bh_sim_world *world, const struct bh_sim_exchange *exchange, const struct call *call,
      const struct bh_sim_result *result)
{
    if (result->code != 100)
        return result->code;
    if (fault_hits(exchange, result))
        return (int)exchange->effect.code;
    return !call->debug && world->config.balance < call->price ? 500 : 100;
}

static void
accept_call(struct bh_sim_world *world, struct bh_sim_exchange *exchange, const struct call *call,
            struct bh_sim_result *result)
{
    int64_t now_ms = bh_sim_now_ms(world);
    struct bh_sim_message draft = {
        .kind = BH_SIM_KIND_VOICE,
        .at_ms = now_ms,
        .send_ms = now_ms,
        .price = call->price,
        .parts = 1,
        .xml = call->xml,
        .ring_s = call->ring_s,
        .from = call->from,
        .to = result->number,
        .text = bh_sim_buf_view(&call->text),
        .foreign_id = call->foreign_id,
        .connection = call->connection,
    };
    bh_sim_reports_plan(world, &draft, 0);
    bh_sim_exchange_hold(exchange, bh_sim_reports_hasten(world, &draft));
    struct bh_sim_message *message =
        bh_sim_journal_add(&world->journals[BH_SIM_KIND_VOICE], &draft);
    bh_sim_stats_accept(world, message);
    result->id = message->id;
    result->price = call->price;
    bh_sim_hooks_schedule(world, message);
}

static void
dial_all(struct bh_sim_world *world, struct bh_sim_exchange *exchange, const struct call *call)
{
    for (size_t at = 0; at < exchange->results_count; at++) {
        struct bh_sim_result *result = &exchange->results[at];
        result->code = judge(world, exchange, call, result);
        if (result->code != 100) {
            world->stats.refused++;
        } else if (call->debug) {
            result->id = DEBUG_ID;
            world->stats.debug_accepted++;
        } else {
            accept_call(world, exchange, call, result);
        }
    }
}

static void
answer_json(struct bh_sim_world *world, struct bh_sim_exchange *exchange, const struct call *call)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    const char *quote = world->config.era >= 2023 ? "" : "\"";
    /* Not reduced: a call is charged by its duration when it is over. */
    bh_sim_answer_open(world, exchange, world->config.balance);
    bh_sim_buf_printf(buf, "%s,\"messages\":[", call->debug ? "true" : "false");
    for (size_t at = 0; at < exchange->results_count; at++) {
        if (at > 0)
            bh_sim_buf_char(buf, ',');
        bh_sim_message_open(buf, &exchange->results[at], quote, call->from,
                            bh_sim_buf_view(&call->text));
        bh_sim_message_close(buf, &exchange->results[at]);
    }
    bh_sim_buf_text(buf, "]}");
}

static void
answer_text(const struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    bh_sim_buf_int(buf, exchange->answer.code);
    bool fine = exchange->answer.code == 100 || exchange->answer.code == 101;
    if (!fine && world->config.voice_failure == BH_SIM_VOICE_FAILURE_BARE)
        return;
    bh_sim_buf_char(buf, '\n');
    if (exchange->results_count > 0 && exchange->results[0].id > 0)
        bh_sim_buf_int(buf, exchange->results[0].id);
    bh_sim_buf_char(buf, '\n');
    bh_sim_money_print(buf, fine ? bh_sim_total_price(exchange) : world->config.price_voice);
}

void
bh_sim_voice_call(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct call call = {0};
    int code = read_call(world, exchange, &call);
    if (code == 0) {
        dial_all(world, exchange, &call);
        code = bh_sim_overall_code(&world->config, exchange);
        exchange->answer.code = code;
        if (exchange->wants_json)
            answer_json(world, exchange, &call);
        else
            answer_text(world, exchange);
    } else if (exchange->wants_json || world->config.voice_failure == BH_SIM_VOICE_FAILURE_BARE) {
        bh_sim_refuse(world, exchange, code);
    } else {
        exchange->results_count = 0;
        exchange->answer.code = code;
        answer_text(world, exchange);
    }
    bh_sim_buf_release(&call.text);
}

bh_sim_money
bh_sim_voice_price(const struct bh_sim_world *world, const struct bh_sim_message *message)
{
    return world->config.price_voice_minute * ((message->duration_s + 59) / 60);
}

void
bh_sim_voice_charge(struct bh_sim_world *world, struct bh_sim_message *message)
{
    if (message->charged)
        return;
    message->charged = true;
    bh_sim_money price = bh_sim_voice_price(world, message);
    world->config.balance -= price;
    world->stats.spent += price;
}

void
bh_sim_voice_hangup(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                    struct bh_sim_str id)
{
    int64_t number = 0, now_ms = bh_sim_now_ms(world);
    struct bh_sim_message *message = NULL;
    if (bh_sim_str_to_int(id, &number))
        message = bh_sim_journal_find(&world->journals[BH_SIM_KIND_VOICE], number);
    const struct bh_sim_step *step = message != NULL ? bh_sim_message_step(message, now_ms) : NULL;
    bool running = step != NULL && step->status == BH_SIM_STATUS_IN_PROGRESS;
    if (running) {
        size_t at = (size_t)(step - message->steps);
        message->duration_s = (now_ms - step->at_ms + 999) / 1000;
        message->steps_count = at + 1;
        if (message->steps_count < BH_SIM_STEPS_MAX)
            message->steps[message->steps_count++] =
                (struct bh_sim_step){.at_ms = now_ms, .status = BH_SIM_STATUS_COMPLETED};
        bh_sim_hooks_schedule_from(world, message, at + 1);
    }
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_printf(&exchange->answer.body, "{\"success\":%s,\"error\":%s}",
                      running ? "true" : "false", running ? "null" : "\"call is not in progress\"");
}
