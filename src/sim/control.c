#include "sim/control.h"

#include <stdio.h>
#include <string.h>

#include "sim/encoding.h"
#include "sim/hooks.h"
#include "sim/recipients.h"
#include "sim/reports.h"

#define LIMIT_USUAL 1000
#define LIMIT_MAX   1000000

static void
fail(struct bh_sim_exchange *exchange, const char *why)
{
    bh_sim_answer_clear(&exchange->answer);
    exchange->answer.status = 400;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_text(&exchange->answer.body, "{\"error\":");
    bh_sim_json_text(&exchange->answer.body, why);
    bh_sim_buf_char(&exchange->answer.body, '}');
}

static int64_t
number_param(const struct bh_sim_exchange *exchange, const char *name, int64_t usual)
{
    int64_t value = usual;
    bh_sim_str_to_int(bh_sim_params_text(&exchange->params, name), &value);
    return value;
}

static size_t
limit_param(const struct bh_sim_exchange *exchange)
{
    int64_t limit = number_param(exchange, "limit", LIMIT_USUAL);
    return limit < 0 || limit > LIMIT_MAX ? LIMIT_MAX : (size_t)limit;
}

static void
print_number(struct bh_sim_buf *buf, const char *name, uint64_t value)
{
    bh_sim_buf_printf(buf, ",\"%s\":%llu", name, (unsigned long long)value);
}

/* {"text":count,...} of entries with at least `least`. */
static void
print_table(struct bh_sim_buf *buf, const char *name, const struct bh_sim_table *table,
            int64_t least, size_t limit)
{
    bool first = true;
    bh_sim_buf_printf(buf, ",\"%s\":{", name);
    for (size_t at = 0; at < table->capacity && limit > 0; at++) {
        const struct bh_sim_table_entry *entry = &table->entries[at];
        if (entry->key.b == 0 || entry->text == NULL || entry->count < least)
            continue;
        if (!first)
            bh_sim_buf_char(buf, ',');
        bh_sim_json_text(buf, entry->text);
        bh_sim_buf_printf(buf, ":%lld", (long long)entry->count);
        first = false;
        limit--;
    }
    bh_sim_buf_char(buf, '}');
}

static uint64_t
count_above(const struct bh_sim_table *table, int64_t least)
{
    uint64_t count = 0;
    for (size_t at = 0; at < table->capacity; at++)
        if (table->entries[at].key.b != 0 && table->entries[at].count >= least)
            count++;
    return count;
}

static int64_t
count_of(struct bh_sim_table *table, struct bh_sim_str a, struct bh_sim_str b, struct bh_sim_str c)
{
    struct bh_sim_table_entry *entry = bh_sim_table_find(table, bh_sim_table_key(a, b, c));
    return entry != NULL ? entry->count : 0;
}

/* Counts of the one that the query names. */
static void
print_asked(struct bh_sim_world *world, const struct bh_sim_exchange *exchange,
            struct bh_sim_buf *buf)
{
    struct bh_sim_stats *stats = &world->stats;
    struct bh_sim_str to, text, foreign_id;
    struct bh_sim_buf number = {0};
    if (bh_sim_params_get(&exchange->params, "to", &to)) {
        if (!bh_sim_phone_normalise(to, &number))
            bh_sim_buf_str(&number, to);
        to = bh_sim_buf_view(&number);
        if (bh_sim_params_get(&exchange->params, "text", &text))
            bh_sim_buf_printf(buf, ",\"count\":%lld,\"voice_count\":%lld",
                              (long long)count_of(&stats->pairs, BH_SIM_STR("sms"), to, text),
                              (long long)count_of(&stats->pairs, BH_SIM_STR("voice"), to, text));
        else
            bh_sim_buf_printf(
                buf, ",\"count\":%lld",
                (long long)count_of(&stats->recipients, to, BH_SIM_STR_EMPTY, BH_SIM_STR_EMPTY));
    } else if (bh_sim_params_get(&exchange->params, "foreign_id", &foreign_id)) {
        bh_sim_buf_printf(buf, ",\"count\":%lld",
                          (long long)count_of(&stats->foreign_ids, foreign_id, BH_SIM_STR_EMPTY,
                                              BH_SIM_STR_EMPTY));
    }
    bh_sim_buf_release(&number);
}

static void
print_hook_stats(const struct bh_sim_world *world, struct bh_sim_buf *buf)
{
    if (world->hooks == NULL)
        return;
    const struct bh_sim_hooks_stats *stats = bh_sim_hooks_stats(world->hooks);
    bh_sim_buf_printf(buf, ",\"hooks\":{\"pending\":%zu", bh_sim_hooks_pending(world->hooks));
    print_number(buf, "scheduled", stats->scheduled);
    print_number(buf, "dropped", stats->dropped);
    print_number(buf, "attempts", stats->attempts);
    print_number(buf, "delivered", stats->delivered);
    print_number(buf, "retried", stats->retried);
    print_number(buf, "failed", stats->failed);
    print_number(buf, "remote_refused", stats->remote_refused);
    print_number(buf, "repeated", stats->repeated);
    print_number(buf, "emptied", stats->emptied);
    print_number(buf, "lost", stats->lost);
    print_number(buf, "late", stats->late);
    print_number(buf, "early", world->stats.early);
    print_number(buf, "disabled", stats->disabled);
    bh_sim_buf_char(buf, '}');
}

static void
stats(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    const struct bh_sim_stats *all = &world->stats;
    size_t limit = limit_param(exchange);
    bh_sim_buf_printf(
        buf, "{\"accepted\":%llu",
        (unsigned long long)(all->accepted[BH_SIM_KIND_SMS] + all->accepted[BH_SIM_KIND_VOICE]));
    print_number(buf, "sms", all->accepted[BH_SIM_KIND_SMS]);
    print_number(buf, "voice", all->accepted[BH_SIM_KIND_VOICE]);
    print_number(buf, "debug", all->debug_accepted);
    print_number(buf, "refused", all->refused);
    print_number(buf, "cancelled", all->cancelled);
    print_number(buf, "locked", all->locked);
    print_number(buf, "unlocked", all->unlocked);
    print_number(buf, "requests", all->requests);
    print_number(buf, "bad_requests", all->bad_requests);
    print_number(buf, "connections", all->connections);
    print_number(buf, "connections_refused", all->connections_refused);
    print_number(buf, "open", all->open);
    print_number(buf, "open_max", all->open_max);
    print_number(buf, "in_flight", all->in_flight);
    print_number(buf, "in_flight_max", all->in_flight_max);
    print_number(buf, "recipients_count", all->recipients.used);
    print_number(buf, "messages_count", all->pairs.used);
    print_number(buf, "doubled_count", count_above(&all->pairs, 2));
    print_number(buf, "foreign_ids_count", all->foreign_ids.used);
    print_number(buf, "foreign_ids_doubled_count", count_above(&all->foreign_ids, 2));
    print_number(buf, "uncounted",
                 all->recipients.refused + all->pairs.refused + all->foreign_ids.refused);
    bh_sim_buf_text(buf, ",\"balance\":");
    bh_sim_money_print(buf, world->config.balance);
    bh_sim_buf_text(buf, ",\"spent\":");
    bh_sim_money_print(buf, all->spent);
    print_asked(world, exchange, buf);
    print_hook_stats(world, buf);
    print_table(buf, "recipients", &all->recipients, 1, limit);
    print_table(buf, "doubled", &all->pairs, 2, limit);
    print_table(buf, "foreign_ids_doubled", &all->foreign_ids, 2, limit);
    print_table(buf, "answers", &all->answers, 1, LIMIT_MAX);
    bh_sim_buf_char(buf, '}');
}

static void
print_message(const struct bh_sim_world *world, const struct bh_sim_message *message,
              struct bh_sim_buf *buf)
{
    const struct bh_sim_step *step = bh_sim_message_step(message, bh_sim_now_ms(world));
    bh_sim_buf_printf(buf, "{\"id\":\"%lld\",\"kind\":\"%s\",\"from\":", (long long)message->id,
                      message->kind == BH_SIM_KIND_VOICE ? "voice" : "sms");
    bh_sim_json_string(buf, message->from);
    bh_sim_buf_text(buf, ",\"to\":");
    bh_sim_json_string(buf, message->to);
    bh_sim_buf_text(buf, ",\"text\":");
    bh_sim_json_string(buf, message->text);
    bh_sim_buf_text(buf, ",\"label\":");
    bh_sim_json_string_or_null(buf, message->label);
    bh_sim_buf_text(buf, ",\"foreign_id\":");
    bh_sim_json_string_or_null(buf, message->foreign_id);
    bh_sim_buf_text(buf, ",\"udh\":");
    bh_sim_json_string_or_null(buf, message->udh);
    bh_sim_buf_text(buf, ",\"connection\":");
    bh_sim_json_string(buf, message->connection);
    bh_sim_buf_printf(buf,
                      ",\"at_ms\":%lld,\"send_ms\":%lld,\"parts\":%zu,\"encoding\":\"%s\","
                      "\"flash\":%s,\"is_binary\":%s,\"xml\":%s,\"cancelled\":%s,\"price\":",
                      (long long)message->at_ms, (long long)message->send_ms, message->parts,
                      message->ucs2 ? "ucs2" : "gsm", message->flash ? "true" : "false",
                      message->is_binary ? "true" : "false", message->xml ? "true" : "false",
                      message->cancelled ? "true" : "false");
    bh_sim_money_print(buf, message->price);
    bh_sim_buf_printf(buf, ",\"status\":\"%s\"}",
                      step != NULL ? BH_SIM_STATUS_NAMES[step->status] : "");
}

static bool
is_wanted(const struct bh_sim_exchange *exchange, const struct bh_sim_message *message,
          struct bh_sim_str number)
{
    struct bh_sim_str value;
    if (number.len > 0 && !bh_sim_str_equal(number, message->to))
        return false;
    if (bh_sim_params_get(&exchange->params, "text", &value) &&
        !bh_sim_str_equal(value, message->text))
        return false;
    return !bh_sim_params_get(&exchange->params, "foreign_id", &value) ||
           bh_sim_str_equal(value, message->foreign_id);
}

static void
messages(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    struct bh_sim_str kind = bh_sim_params_text(&exchange->params, "kind");
    struct bh_sim_str to = bh_sim_params_text(&exchange->params, "to");
    struct bh_sim_buf number = {0};
    size_t limit = limit_param(exchange), shown = 0;
    int64_t skip = number_param(exchange, "offset", 0);
    int64_t since = number_param(exchange, "since", 0);
    if (to.len > 0 && !bh_sim_phone_normalise(to, &number))
        bh_sim_buf_str(&number, to);
    bh_sim_buf_char(buf, '[');
    for (int which = BH_SIM_KIND_SMS; which <= BH_SIM_KIND_VOICE; which++) {
        const struct bh_sim_journal *journal = &world->journals[which];
        if (kind.len > 0 && !bh_sim_str_is(kind, which == BH_SIM_KIND_SMS ? "sms" : "voice"))
            continue;
        for (int64_t id = bh_sim_journal_oldest(journal); id < journal->next_id; id++) {
            const struct bh_sim_message *message = bh_sim_journal_find(journal, id);
            if (id < since || !is_wanted(exchange, message, bh_sim_buf_view(&number)) || skip-- > 0)
                continue;
            if (shown == limit)
                break;
            if (shown++ > 0)
                bh_sim_buf_char(buf, ',');
            print_message(world, message, buf);
        }
    }
    bh_sim_buf_char(buf, ']');
    bh_sim_buf_release(&number);
}

static void
answer_ok(struct bh_sim_exchange *exchange)
{
    bh_sim_buf_text(&exchange->answer.body, "{\"ok\":true}");
}

static void
fault(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_error error;
    int64_t id = 0;
    if (!bh_sim_faults_add(&world->faults, &exchange->params, &id, &error))
        fail(exchange, error.text);
    else
        bh_sim_buf_printf(&exchange->answer.body, "{\"ok\":true,\"id\":%lld}", (long long)id);
}

static void
faults(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    bh_sim_faults_print(&world->faults, &exchange->answer.body);
}

static void
unfault(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    int64_t id = number_param(exchange, "id", 0);
    if (id == 0)
        bh_sim_faults_clear(&world->faults);
    else if (!bh_sim_faults_remove(&world->faults, id)) {
        fail(exchange, "no such fault");
        return;
    }
    answer_ok(exchange);
}

/* "lock[seconds]" is section "lock", key "seconds". */
static bool
set_one(struct bh_sim_world *world, struct bh_sim_str key, struct bh_sim_str value,
        struct bh_error *ret_error)
{
    struct bh_sim_str rest = key, section;
    bh_sim_str_split(&rest, '[', &section);
    if (rest.ptr == NULL || rest.len == 0 || rest.ptr[rest.len - 1] != ']')
        return bh_sim_config_set(&world->config, key, BH_SIM_STR_EMPTY, value, ret_error);
    rest.len--;
    return bh_sim_config_set(&world->config, section, rest, value, ret_error);
}

static void
config(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_error error;
    if (bh_sim_str_is(exchange->http->method, "GET")) {
        exchange->answer.content_type = BH_SIM_TYPE_TEXT;
        bh_sim_config_print(&world->config, &exchange->answer.body);
        return;
    }
    for (size_t at = 0; at < exchange->params.count; at++) {
        if (!set_one(world, bh_sim_params_key(&exchange->params, at),
                     bh_sim_params_value(&exchange->params, at), &error)) {
            fail(exchange, error.text);
            return;
        }
    }
    /* A new seed starts the dice anew. */
    if (bh_sim_params_text(&exchange->params, "gateway[dice]").len > 0)
        world->dice = (uint64_t)world->config.dice;
    bh_sim_hooks_wake(world->hooks);
    answer_ok(exchange);
}

/* Absent leaves *number alone; anything but a whole number within +-`most` is refused. */
static bool
read_number(struct bh_sim_exchange *exchange, const char *name, int64_t most, int64_t *number)
{
    struct bh_sim_str value;
    int64_t parsed;
    if (!bh_sim_params_get(&exchange->params, name, &value))
        return true;
    if (!bh_sim_str_to_int(value, &parsed) || parsed > most || parsed < -most)
        return false;
    *number = parsed;
    return true;
}

static void
move_clock(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    const int64_t most_ms = (int64_t)400 * 365 * 86400000;
    int64_t now_s = -1, advance_ms = 0;
    if (!read_number(exchange, "advance_ms", most_ms, &advance_ms) ||
        !read_number(exchange, "now", most_ms / 1000, &now_s)) {
        fail(exchange, "the clock takes whole numbers within 400 years");
        return;
    }
    if (now_s >= 0)
        world->clock_offset_ms += now_s * 1000 - bh_sim_now_ms(world);
    world->clock_offset_ms += advance_ms;
    bh_sim_hooks_wake(world->hooks);
    bh_sim_buf_printf(&exchange->answer.body, "{\"ok\":true,\"now_ms\":%lld}",
                      (long long)bh_sim_now_ms(world));
}

static void
plan(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf number = {0};
    bool good = bh_sim_phone_normalise(bh_sim_params_text(&exchange->params, "to"), &number) &&
                bh_sim_reports_plan_for(world, bh_sim_buf_view(&number),
                                        bh_sim_params_text(&exchange->params, "plan"));
    bh_sim_buf_release(&number);
    if (good)
        answer_ok(exchange);
    else
        fail(exchange, "wants a number in \"to\" and steps such as DELIVERED@1.5 in \"plan\"");
}

/* An SMS from a phone: into the journal, and to the subscribers of sms_mo. */
static void
inbound(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_message draft = {
        .kind = BH_SIM_KIND_INBOUND,
        .at_ms = bh_sim_now_ms(world),
        .send_ms = bh_sim_now_ms(world),
        .from = bh_sim_params_text(&exchange->params, "from"),
        .to = bh_sim_params_text(&exchange->params, "to"),
        .text = bh_sim_params_text(&exchange->params, "text"),
    };
    if (draft.from.len == 0 || draft.to.len == 0) {
        fail(exchange, "wants from and to");
        return;
    }
    const struct bh_sim_message *message =
        bh_sim_journal_add(&world->journals[BH_SIM_KIND_INBOUND], &draft);
    struct bh_sim_payload payload = {0};
    struct bh_sim_buf id = {0}, time = {0};
    world->stats.accepted[BH_SIM_KIND_INBOUND]++;
    bh_sim_buf_int(&id, message->id);
    bh_sim_buf_int(&time, message->at_ms / 1000);
    bh_sim_payload_string(&payload, "id", bh_sim_buf_view(&id));
    bh_sim_payload_string(&payload, "sender", message->from);
    bh_sim_payload_string(&payload, "system", message->to);
    bh_sim_payload_string(&payload, "text", message->text);
    bh_sim_payload_string(&payload, "time", bh_sim_buf_view(&time));
    bh_sim_payload_string(&payload, "message_type", BH_SIM_STR("SMS"));
    bh_sim_hooks_emit(world, "sms_mo", &payload, message->to);
    bh_sim_buf_printf(&exchange->answer.body, "{\"ok\":true,\"id\":%s}", id.ptr);
    bh_sim_payload_release(&payload);
    bh_sim_buf_release(&id);
    bh_sim_buf_release(&time);
}

static void
reset(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    bh_sim_world_reset(world);
    answer_ok(exchange);
}

/* What curl makes of JSON unless it is told otherwise. */
static bool
is_mislabelled(const struct bh_sim_exchange *exchange)
{
    struct bh_sim_str key = {"", 0};
    if (exchange->params.count > 0)
        key = bh_sim_params_key(&exchange->params, exchange->params.count - 1);
    return key.len > 0 && key.ptr[0] == '{';
}

void
bh_sim_control(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_str what)
{
    static const struct {
        const char *name;
        const char *methods;
        void (*handle)(struct bh_sim_world *, struct bh_sim_exchange *);
    } commands[] = {
        {"stats",    "GET",      stats     },
        {"messages", "GET",      messages  },
        {"fault",    "POST",     fault     },
        {"faults",   "GET",      faults    },
        {"unfault",  "POST",     unfault   },
        {"config",   "GET POST", config    },
        {"clock",    "POST",     move_clock},
        {"plan",     "POST",     plan      },
        {"inbound",  "POST",     inbound   },
        {"reset",    "POST",     reset     },
    };
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    if (exchange->body_unreadable) {
        fail(exchange, "the body is no JSON");
        return;
    }
    if (is_mislabelled(exchange)) {
        fail(exchange, "the body is JSON: say so, Content-Type: application/json");
        return;
    }
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(commands); at++) {
        if (!bh_sim_str_is(what, commands[at].name))
            continue;
        if (!bh_sim_str_contains(bh_sim_str_from(commands[at].methods), exchange->http->method)) {
            fail(exchange, "another method is needed");
            exchange->answer.status = 405;
            return;
        }
        commands[at].handle(world, exchange);
        return;
    }
    fail(exchange, "no such control");
    exchange->answer.status = 404;
}
