#include "sim/world.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/hooks.h"
#include "sim/json.h"

/* First ids in the magnitude of recorded ones: SMS ids do not fit 32 bits. */
static const int64_t first_ids[BH_SIM_KIND_COUNT] = {77214945865, 1038704, 2340100};

static void
init_state(struct bh_sim_world *world, const int64_t next_ids[BH_SIM_KIND_COUNT])
{
    size_t counters = (size_t)world->config.counters_max;
    size_t locks = (size_t)world->config.locks_max;
    world->dice = (uint64_t)world->config.dice;
    world->stats = (struct bh_sim_stats){0};
    bh_sim_table_init(&world->stats.recipients, counters);
    bh_sim_table_init(&world->stats.pairs, counters);
    bh_sim_table_init(&world->stats.foreign_ids, counters);
    bh_sim_table_init(&world->stats.answers, 10000);
    bh_sim_table_init(&world->locks, locks);
    bh_sim_table_init(&world->daily, locks);
    bh_sim_table_init(&world->nonces, locks);
    bh_sim_table_init(&world->plans, 100000);
    bh_sim_table_init(&world->validated, 100000);
    for (int kind = 0; kind < BH_SIM_KIND_COUNT; kind++)
        bh_sim_journal_init(&world->journals[kind], (size_t)world->config.journal_max,
                            next_ids[kind]);
}

static void
release_state(struct bh_sim_world *world)
{
    struct bh_sim_table *const tables[] = {
        &world->stats.recipients, &world->stats.pairs, &world->stats.foreign_ids,
        &world->stats.answers,    &world->locks,       &world->daily,
        &world->nonces,           &world->plans,       &world->validated};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(tables); at++)
        bh_sim_table_release(tables[at]);
    for (int kind = 0; kind < BH_SIM_KIND_COUNT; kind++)
        bh_sim_journal_release(&world->journals[kind]);
    bh_sim_faults_clear(&world->faults);
}

bool
bh_sim_world_init(struct bh_sim_world *world, const char *ini, struct bh_error *ret_error)
{
    *world = (struct bh_sim_world){0};
    bh_sim_config_init(&world->config);
    if (ini != NULL) {
        if (!bh_sim_config_read(&world->config, bh_sim_str_from(ini), ret_error)) {
            bh_sim_config_release(&world->config);
            return false;
        }
        world->ini = bh_sim_strndup(ini, strlen(ini));
    }
    init_state(world, first_ids);
    return true;
}

void
bh_sim_world_release(struct bh_sim_world *world)
{
    release_state(world);
    bh_sim_config_release(&world->config);
    free(world->ini);
    world->ini = NULL;
}

void
bh_sim_world_reset(struct bh_sim_world *world)
{
    int64_t next_ids[BH_SIM_KIND_COUNT];
    for (int kind = 0; kind < BH_SIM_KIND_COUNT; kind++)
        next_ids[kind] = world->journals[kind].next_id;
    uint64_t open = world->stats.open, in_flight = world->stats.in_flight;
    bool allow_remote = world->config.allow_remote;
    struct bh_error error;

    release_state(world);
    bh_sim_config_release(&world->config);
    bh_sim_config_init(&world->config);
    world->config.allow_remote = allow_remote;
    world->clock_offset_ms = 0;
    /* The text was accepted once, so it is accepted again. */
    if (world->ini != NULL &&
        !bh_sim_config_read(&world->config, bh_sim_str_from(world->ini), &error))
        abort();
    init_state(world, next_ids);
    world->stats.open = world->stats.open_max = open;
    world->stats.in_flight = world->stats.in_flight_max = in_flight;
    if (world->hooks != NULL)
        bh_sim_hooks_reset(world->hooks);
}

bool
bh_sim_happens(struct bh_sim_world *world, int64_t share)
{
    return share > 0 && bh_sim_dice_unit(&world->dice) * 1e6 < (double)share;
}

int64_t
bh_sim_now_ms(const struct bh_sim_world *world)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + world->clock_offset_ms;
}

void
bh_sim_exchange_release(struct bh_sim_exchange *exchange)
{
    bh_sim_params_release(&exchange->params);
    bh_sim_answer_release(&exchange->answer);
    bh_sim_buf_release(&exchange->scratch);
    free(exchange->results);
    exchange->results = NULL;
    exchange->results_count = exchange->results_capacity = 0;
}

void
bh_sim_exchange_clear(struct bh_sim_exchange *exchange)
{
    bh_sim_params_clear(&exchange->params);
    bh_sim_answer_clear(&exchange->answer);
    bh_sim_effect_init(&exchange->effect);
    exchange->scratch.len = 0;
    exchange->results_count = 0;
    exchange->key = NULL;
    exchange->body_unreadable = false;
    exchange->wants_json = exchange->accepts_json = false;
}

void
bh_sim_exchange_hold(struct bh_sim_exchange *exchange, int64_t hold_ms)
{
    if (exchange->effect.delay_after_ms < hold_ms)
        exchange->effect.delay_after_ms = hold_ms;
}

struct bh_sim_result *
bh_sim_exchange_add_result(struct bh_sim_exchange *exchange)
{
    if (exchange->results_count == exchange->results_capacity) {
        exchange->results_capacity =
            exchange->results_capacity > 0 ? exchange->results_capacity * 2 : 4;
        exchange->results = bh_sim_realloc(exchange->results,
                                           exchange->results_capacity * sizeof *exchange->results);
    }
    struct bh_sim_result *result = &exchange->results[exchange->results_count++];
    *result = (struct bh_sim_result){.code = 100};
    return result;
}

static void
read_body(struct bh_sim_exchange *exchange)
{
    struct bh_sim_str body = bh_sim_buf_view(&exchange->http->body);
    const struct bh_sim_header *type = bh_sim_http_header(exchange->http, "content-type");
    struct bh_sim_str rest = type != NULL ? type->value : BH_SIM_STR_EMPTY, media;
    bh_sim_str_split(&rest, ';', &media);
    media = bh_sim_str_trim(media);
    if (body.len == 0)
        return;
    if (bh_sim_str_is_nocase(media, "application/json"))
        exchange->body_unreadable = !bh_sim_json_add(&exchange->params, body);
    else if (bh_sim_str_is_nocase(media, "multipart/form-data"))
        bh_sim_params_add_multipart(&exchange->params, type->value, body);
    else
        bh_sim_params_add_form(&exchange->params, body);
}

void
bh_sim_exchange_open(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    bh_sim_params_add_form(&exchange->params, exchange->http->query);
    read_body(exchange);
    const struct bh_sim_header *accept = bh_sim_http_header(exchange->http, "accept");
    exchange->accepts_json =
        accept != NULL && bh_sim_str_contains(accept->value, BH_SIM_STR("application/json"));
    exchange->wants_json = bh_sim_params_flag(&exchange->params, "json") ||
                           (exchange->accepts_json && world->config.era >= 2022);
}

void
bh_sim_answer_json(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    exchange->answer.content_type =
        world->config.era >= 2022 || exchange->accepts_json ? BH_SIM_TYPE_JSON : BH_SIM_TYPE_TEXT;
}

void
bh_sim_refuse(struct bh_sim_world *world, struct bh_sim_exchange *exchange, int code)
{
    struct bh_sim_answer *answer = &exchange->answer;
    bh_sim_answer_clear(answer);
    answer->code = code;
    if (!exchange->wants_json) {
        bh_sim_buf_int(&answer->body, code);
        return;
    }
    bh_sim_answer_json(world, exchange);
    switch ((enum bh_sim_refusal)world->config.json_refusal) {
    case BH_SIM_REFUSAL_BARE: bh_sim_buf_int(&answer->body, code); break;
    case BH_SIM_REFUSAL_QUOTED: bh_sim_buf_printf(&answer->body, "\"%d\"", code); break;
    case BH_SIM_REFUSAL_OBJECT:
        bh_sim_buf_printf(&answer->body,
                          "{\"success\":\"%d\",\"total_price\":0,\"balance\":", code);
        bh_sim_money_print(&answer->body, world->config.balance);
        bh_sim_buf_text(&answer->body,
                        ",\"debug\":\"false\",\"sms_type\":\"direct\",\"messages\":[]}");
        break;
    }
}

static struct bh_sim_table_entry *
count(struct bh_sim_table *table, struct bh_sim_str a, struct bh_sim_str b, struct bh_sim_str c)
{
    struct bh_sim_table_entry *entry = bh_sim_table_put(table, bh_sim_table_key(a, b, c), 0);
    if (entry != NULL)
        entry->count++;
    return entry;
}

void
bh_sim_stats_accept(struct bh_sim_world *world, const struct bh_sim_message *message)
{
    struct bh_sim_stats *stats = &world->stats;
    stats->accepted[message->kind]++;
    struct bh_sim_table_entry *entry =
        count(&stats->recipients, message->to, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    if (entry != NULL && entry->text == NULL)
        entry->text = bh_sim_strndup(message->to.ptr, message->to.len);

    struct bh_sim_str kind =
        message->kind == BH_SIM_KIND_VOICE ? BH_SIM_STR("voice") : BH_SIM_STR("sms");
    entry = count(&stats->pairs, kind, message->to, message->text);
    if (entry != NULL && entry->count == 2) {
        struct bh_sim_buf text = {0};
        bh_sim_buf_printf(&text, "%.*s %.*s ", BH_SIM_STR_ARGS(kind), BH_SIM_STR_ARGS(message->to));
        bh_sim_buf_str(&text, message->text);
        entry->text = text.ptr;
    }
    if (message->foreign_id.len == 0)
        return;
    entry = count(&stats->foreign_ids, message->foreign_id, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY);
    if (entry != NULL && entry->text == NULL)
        entry->text = bh_sim_strndup(message->foreign_id.ptr, message->foreign_id.len);
}

/* What the client got: the code, else the HTTP status, else how it was left alone. */
static struct bh_sim_str
outcome_of(const struct bh_sim_exchange *exchange, char digits[static 24])
{
    struct bh_sim_buf text = {.ptr = digits, .capacity = 24};
    if (exchange->effect.kind == BH_SIM_FAULT_DROP)
        return BH_SIM_STR("dropped");
    if (exchange->effect.kind == BH_SIM_FAULT_HANG)
        return BH_SIM_STR("hung");
    int code = exchange->answer.code;
    bh_sim_buf_int(&text, code > 0 ? code : exchange->answer.status);
    return bh_sim_buf_view(&text);
}

void
bh_sim_stats_answer(struct bh_sim_world *world, const struct bh_sim_exchange *exchange)
{
    char digits[24];
    struct bh_sim_str outcome = outcome_of(exchange, digits);
    struct bh_sim_table_entry *entry =
        count(&world->stats.answers, exchange->http->method, exchange->http->path, outcome);
    if (entry == NULL || entry->text != NULL)
        return;
    struct bh_sim_buf text = {0};
    bh_sim_buf_str(&text, exchange->http->method);
    bh_sim_buf_char(&text, ' ');
    bh_sim_buf_str(&text, exchange->http->path);
    bh_sim_buf_char(&text, ' ');
    bh_sim_buf_str(&text, outcome);
    entry->text = text.ptr;
}
