#include "sim/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/recipients.h"
#include "sim/world.h"

static const char *const kind_names[BH_SIM_FAULT_KIND_COUNT] = {
    "none",       "delay",     "code",        "status",    "drop",       "hang",     "cut_head",
    "cut_body",   "bad_chunk", "garbage",     "endless",   "drip",       "continue", "empty",
    "unparsable", "bare_code", "quoted_code", "duplicate", "close_idle", "redirect",
};

static const char *const moment_names[] = {"connect", "head", "body", "before", "after"};
static const char *const framing_names[] = {"chunked", "length", "close"};

static void
free_fault(struct bh_sim_fault *fault)
{
    char **const texts[] = {&fault->path,      &fault->method, &fault->to,
                            &fault->text,      &fault->key,    &fault->foreign_id,
                            &fault->recipient, &fault->body,   &fault->location};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(texts); at++) {
        free(*texts[at]);
        *texts[at] = NULL;
    }
}

void
bh_sim_faults_clear(struct bh_sim_faults *faults)
{
    for (size_t at = 0; at < faults->count; at++)
        free_fault(&faults->items[at]);
    free(faults->items);
    faults->items = NULL;
    faults->count = 0;
}

bool
bh_sim_faults_remove(struct bh_sim_faults *faults, int64_t id)
{
    for (size_t at = 0; at < faults->count; at++) {
        if (faults->items[at].id != id)
            continue;
        free_fault(&faults->items[at]);
        memmove(&faults->items[at], &faults->items[at + 1],
                (faults->count - at - 1) * sizeof *faults->items);
        faults->count--;
        return true;
    }
    return false;
}

static bool
fail(struct bh_error *ret_error, const char *field, const char *why)
{
    snprintf(ret_error->field, sizeof ret_error->field, "%s", field);
    snprintf(ret_error->text, sizeof ret_error->text, "%s %s", field, why);
    return false;
}

static bool
read_number(const struct bh_sim_params *params, const char *name, int64_t min, int64_t max,
            int64_t *number, struct bh_error *ret_error)
{
    struct bh_sim_str value;
    int64_t parsed;
    if (!bh_sim_params_get(params, name, &value))
        return true;
    if (!bh_sim_str_to_int(value, &parsed) || parsed < min || parsed > max)
        return fail(ret_error, name, "is no number in its range");
    *number = parsed;
    return true;
}

static void
read_text(const struct bh_sim_params *params, const char *name, char **ret_text)
{
    struct bh_sim_str value;
    if (bh_sim_params_get(params, name, &value) && value.len > 0)
        *ret_text = bh_sim_strndup(value.ptr, value.len);
}

static int
find_name(struct bh_sim_str word, const char *const names[], size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (bh_sim_str_is(word, names[at]))
            return (int)at;
    return -1;
}

/* "429" and "503" are short for a status fault. */
static bool
read_kind(const struct bh_sim_params *params, struct bh_sim_fault *fault,
          struct bh_error *ret_error)
{
    struct bh_sim_str word = bh_sim_params_text(params, "kind");
    if (bh_sim_str_is(word, "429") || bh_sim_str_is(word, "503")) {
        fault->kind = BH_SIM_FAULT_STATUS;
        fault->status = bh_sim_str_is(word, "429") ? 429 : 503;
        return true;
    }
    int kind = find_name(word, kind_names, BH_SIM_FAULT_KIND_COUNT);
    if (kind <= BH_SIM_FAULT_NONE)
        return fail(ret_error, "kind", "is unknown");
    fault->kind = (enum bh_sim_fault_kind)kind;
    return true;
}

/* Faults of the answer leave the processing alone, refusals prevent it, unless told otherwise. */
static enum bh_sim_moment
usual_moment(enum bh_sim_fault_kind kind)
{
    bool refuses =
        kind == BH_SIM_FAULT_CODE || kind == BH_SIM_FAULT_STATUS || kind == BH_SIM_FAULT_REDIRECT;
    return refuses ? BH_SIM_AT_BEFORE : BH_SIM_AT_AFTER;
}

static bool
read_moment(const struct bh_sim_params *params, struct bh_sim_fault *fault,
            struct bh_error *ret_error)
{
    struct bh_sim_str word;
    fault->at = usual_moment(fault->kind);
    if (!bh_sim_params_get(params, "at", &word))
        return true;
    int at = find_name(word, moment_names, BH_SIM_ARRAY_LEN(moment_names));
    if (at < 0)
        return fail(ret_error, "at", "is none of connect, head, body, before, after");
    fault->at = (enum bh_sim_moment)at;
    bool closes = fault->kind == BH_SIM_FAULT_DROP || fault->kind == BH_SIM_FAULT_HANG;
    return closes || at >= BH_SIM_AT_BEFORE ||
           fail(ret_error, "at", "is before the whole request, where only drop and hang can act");
}

static bool
read_rest(const struct bh_sim_params *params, struct bh_sim_fault *fault,
          struct bh_error *ret_error)
{
    struct bh_sim_str word;
    if (bh_sim_params_get(params, "end", &word)) {
        if (!bh_sim_str_is(word, "fin") && !bh_sim_str_is(word, "rst"))
            return fail(ret_error, "end", "is neither fin nor rst");
        fault->reset = bh_sim_str_is(word, "rst");
    }
    if (bh_sim_params_get(params, "framing", &word)) {
        fault->framing = find_name(word, framing_names, BH_SIM_ARRAY_LEN(framing_names));
        if (fault->framing < 0)
            return fail(ret_error, "framing", "is none of chunked, length, close");
    }
    if (bh_sim_params_get(params, "probability", &word)) {
        bh_sim_money parsed;
        if (!bh_sim_money_parse(word, &parsed) || parsed < 0 || parsed > 1000000)
            return fail(ret_error, "probability", "is not between 0 and 1");
        fault->probability = (double)parsed / 1e6;
    }
    return read_number(params, "count", -1, INT64_MAX, &fault->left, ret_error) &&
           read_number(params, "match[nth]", 1, INT64_MAX, &fault->nth, ret_error) &&
           read_number(params, "match[every]", 1, INT64_MAX, &fault->every, ret_error) &&
           read_number(params, "match[connection_request]", 1, INT64_MAX,
                       &fault->connection_request, ret_error) &&
           read_number(params, "code", 0, 999, &fault->code, ret_error) &&
           read_number(params, "status", 200, 599, &fault->status, ret_error) &&
           read_number(params, "retry_after", 0, 86400, &fault->retry_after, ret_error) &&
           read_number(params, "ms", 0, 3600000, &fault->ms, ret_error) &&
           read_number(params, "bytes", 0, INT64_MAX, &fault->bytes, ret_error);
}

bool
bh_sim_faults_add(struct bh_sim_faults *faults, const struct bh_sim_params *params, int64_t *ret_id,
                  struct bh_error *ret_error)
{
    struct bh_sim_fault fault = {.left = 1,
                                 .nth = 1,
                                 .every = 1,
                                 .probability = 1,
                                 .code = 600,
                                 .status = 500,
                                 .retry_after = -1,
                                 .bytes = -1,
                                 .framing = -1};
    if (faults->count == BH_SIM_FAULTS_MAX)
        return fail(ret_error, "fault", "is one too many");
    if (!read_kind(params, &fault, ret_error) || !read_moment(params, &fault, ret_error) ||
        !read_rest(params, &fault, ret_error))
        return false;
    read_text(params, "match[path]", &fault.path);
    read_text(params, "match[method]", &fault.method);
    read_text(params, "match[to]", &fault.to);
    read_text(params, "match[text]", &fault.text);
    read_text(params, "match[foreign_id]", &fault.foreign_id);
    read_text(params, "match[key]", &fault.key);
    read_text(params, "recipient", &fault.recipient);
    read_text(params, "body", &fault.body);
    read_text(params, "location", &fault.location);
    fault.id = ++faults->next_id;
    faults->items = bh_sim_realloc(faults->items, (faults->count + 1) * sizeof *faults->items);
    faults->items[faults->count++] = fault;
    *ret_id = fault.id;
    return true;
}

void
bh_sim_faults_print(const struct bh_sim_faults *faults, struct bh_sim_buf *buf)
{
    bh_sim_buf_char(buf, '[');
    for (size_t at = 0; at < faults->count; at++) {
        const struct bh_sim_fault *fault = &faults->items[at];
        bh_sim_buf_printf(
            buf,
            "%s{\"id\":%lld,\"kind\":\"%s\",\"at\":\"%s\",\"left\":%lld,\"seen\":%lld,"
            "\"hits\":%lld}",
            at > 0 ? "," : "", (long long)fault->id, kind_names[fault->kind],
            moment_names[fault->at], (long long)fault->left, (long long)fault->seen,
            (long long)fault->hits);
    }
    bh_sim_buf_char(buf, ']');
}

void
bh_sim_effect_init(struct bh_sim_effect *effect)
{
    effect->kind = BH_SIM_FAULT_NONE;
    effect->at = BH_SIM_AT_AFTER;
    effect->accept = true;
    effect->code = effect->status = effect->ms = 0;
    effect->retry_after = effect->bytes = -1;
    effect->reset = false;
    effect->framing = -1;
    effect->delay_before_ms = effect->delay_after_ms = 0;
    effect->body[0] = effect->location[0] = effect->recipient[0] = '\0';
}

/* Count the match, and decide whether this is one of those on which the fault acts. */
static bool
is_due(struct bh_sim_world *world, struct bh_sim_fault *fault)
{
    fault->seen++;
    if (fault->left == 0 || fault->seen < fault->nth ||
        (fault->seen - fault->nth) % fault->every != 0)
        return false;
    if (fault->probability < 1 && bh_sim_dice_unit(&world->dice) >= fault->probability)
        return false;
    fault->hits++;
    if (fault->left > 0)
        fault->left--;
    return true;
}

static void
copy_text(char *to, size_t size, const char *from, const char *usual)
{
    snprintf(to, size, "%s", from != NULL ? from : usual);
}

static void
act(const struct bh_sim_fault *fault, struct bh_sim_effect *effect)
{
    if (fault->kind == BH_SIM_FAULT_DELAY) {
        if (fault->at == BH_SIM_AT_BEFORE)
            effect->delay_before_ms += fault->ms;
        else
            effect->delay_after_ms += fault->ms;
        return;
    }
    effect->kind = fault->kind;
    effect->at = fault->at;
    effect->accept = fault->at == BH_SIM_AT_AFTER || fault->recipient != NULL;
    effect->code = fault->code;
    effect->status = fault->status;
    effect->retry_after = fault->retry_after;
    effect->ms = fault->ms;
    effect->bytes = fault->bytes;
    effect->reset = fault->reset;
    effect->framing = fault->framing;
    copy_text(effect->body, sizeof effect->body, fault->body, "");
    copy_text(effect->location, sizeof effect->location, fault->location, "/api/elsewhere");
    copy_text(effect->recipient, sizeof effect->recipient, fault->recipient, "");
}

static bool
matches_head(const struct bh_sim_fault *fault, const struct bh_sim_exchange *exchange)
{
    if (fault->path != NULL && !bh_sim_str_is(exchange->http->path, fault->path))
        return false;
    if (fault->method != NULL && !bh_sim_str_is(exchange->http->method, fault->method))
        return false;
    return fault->connection_request == 0 ||
           fault->connection_request == exchange->connection_request;
}

static bool
matches_recipient(struct bh_sim_world *world, struct bh_sim_exchange *exchange, const char *wanted)
{
    struct bh_sim_buf list = {0}, number = {0}, normal = {0};
    bool found = false;
    bh_sim_params_joined(&exchange->params, "to", &list);
    bh_sim_phone_normalise(bh_sim_str_from(wanted), &normal);
    struct bh_sim_str rest = bh_sim_buf_view(&list), piece;
    while (!found && bh_sim_str_split(&rest, ',', &piece)) {
        number.len = 0;
        piece = bh_sim_str_trim(piece);
        const char *contact = bh_sim_pairs_find(&world->config.contacts, piece);
        bh_sim_phone_normalise(contact != NULL ? bh_sim_str_from(contact) : piece, &number);
        found = bh_sim_str_is(piece, wanted) ||
                (number.len > 0 &&
                 bh_sim_str_equal(bh_sim_buf_view(&number), bh_sim_buf_view(&normal)));
    }
    bh_sim_buf_release(&list);
    bh_sim_buf_release(&number);
    bh_sim_buf_release(&normal);
    return found;
}

static bool
matches_request(struct bh_sim_world *world, const struct bh_sim_fault *fault,
                struct bh_sim_exchange *exchange)
{
    const struct bh_sim_params *params = &exchange->params;
    if (!matches_head(fault, exchange))
        return false;
    if (fault->text != NULL &&
        !bh_sim_str_contains(bh_sim_params_text(params, "text"), bh_sim_str_from(fault->text)))
        return false;
    if (fault->foreign_id != NULL &&
        !bh_sim_str_is(bh_sim_params_text(params, "foreign_id"), fault->foreign_id))
        return false;
    return fault->to == NULL || matches_recipient(world, exchange, fault->to);
}

bool
bh_sim_faults_at_connect(struct bh_sim_world *world, struct bh_sim_effect *ret_effect)
{
    for (size_t at = 0; at < world->faults.count; at++) {
        struct bh_sim_fault *fault = &world->faults.items[at];
        if (fault->at == BH_SIM_AT_CONNECT && is_due(world, fault)) {
            bh_sim_effect_init(ret_effect);
            act(fault, ret_effect);
            return true;
        }
    }
    return false;
}

bool
bh_sim_faults_at_head(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                      struct bh_sim_effect *ret_effect)
{
    for (size_t at = 0; at < world->faults.count; at++) {
        struct bh_sim_fault *fault = &world->faults.items[at];
        bool early = fault->at == BH_SIM_AT_HEAD || fault->at == BH_SIM_AT_BODY;
        if (early && matches_head(fault, exchange) && is_due(world, fault)) {
            bh_sim_effect_init(ret_effect);
            act(fault, ret_effect);
            return true;
        }
    }
    return false;
}

bool
bh_sim_faults_at_request(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                         struct bh_sim_effect *ret_effect)
{
    bool acted = false;
    for (size_t at = 0; at < world->faults.count; at++) {
        struct bh_sim_fault *fault = &world->faults.items[at];
        bool settled = ret_effect->kind != BH_SIM_FAULT_NONE && fault->kind != BH_SIM_FAULT_DELAY;
        if (fault->at < BH_SIM_AT_BEFORE || settled || !matches_request(world, fault, exchange) ||
            !is_due(world, fault))
            continue;
        act(fault, ret_effect);
        acted = true;
    }
    return acted;
}
