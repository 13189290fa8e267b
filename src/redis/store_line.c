#include "redis/store_private.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "redis/reply_view.h"

/* Above the leases that one worker can hold; what is not known is adopted, which is safe. */
#define KNOWN_MAX 4096

/* Said again when an adoption failed for a cause that passes. */
#define ADOPT_RETRY_MS ((bh_ms)500)

static void forget_ended(struct bh_line *line);
static void mark_number(struct bh_line *line, unsigned number, bool has);

struct bh_line *
bh_line_new(struct bh_store *store, const struct bh_store_queue *queue)
{
    struct bh_line *line = bh_alloc_zero(sizeof(*line));
    if (line == NULL)
        return NULL;
    line->store = store;
    line->waiter.wake_at = BH_MONO_NEVER;
    (void)snprintf(line->name, sizeof(line->name), "%s", queue->name);
    enum bh_status status = bh_queue_keys_init(&line->keys, store->prefix, line->name);
    BH_ASSERT(status == BH_OK);
    bh_line_configure(line, queue);
    return line;
}

static void
mark_number(struct bh_line *line, unsigned number, bool has)
{
    unsigned char bit = (unsigned char)(1U << number % 8);
    BH_ASSERT(number < BH_CONFIG_QUEUE_NUMBERS_MAX);
    if (has)
        line->numbers[number / 8] |= bit;
    else
        line->numbers[number / 8] &= (unsigned char)~bit;
}

void
bh_line_configure(struct bh_line *line, const struct bh_store_queue *queue)
{
    line->config = *queue;
    line->config.name = line->name;
    line->gone = false;
    for (struct bh_line *other = line->store->lines; other != NULL; other = other->next)
        mark_number(other, queue->number, false);
    mark_number(line, queue->number, true);
}

void
bh_line_free(struct bh_line *line)
{
    if (line->waiter.initialised)
        bh_redis_connection_release(&line->waiter.connection);
    bh_free(line->known);
    bh_free(line);
}

struct bh_line *
bh_line_by_name(struct bh_store *store, const char *name)
{
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (strcmp(line->name, name) == 0)
            return line;
    }
    return NULL;
}

struct bh_line *
bh_line_by_number(struct bh_store *store, unsigned number)
{
    for (struct bh_line *line = store->lines; line != NULL; line = line->next) {
        if (!line->gone && line->config.number == number)
            return line;
    }
    return NULL;
}

struct bh_line *
bh_line_in_hand(struct bh_store *store, unsigned number)
{
    struct bh_line *line = bh_line_by_number(store, number);
    if (line != NULL)
        return line;
    for (line = store->lines; line != NULL; line = line->next) {
        if (number < BH_CONFIG_QUEUE_NUMBERS_MAX && (line->numbers[number / 8] >> number % 8 & 1))
            return line;
    }
    return NULL;
}

struct bh_store_caller
bh_line_caller(const struct bh_line *line)
{
    return (struct bh_store_caller){&line->config, &line->keys, line->store->owner};
}

/* Jobs that were in hand when it went are ended like any others, until their leases are over. */
static bool
is_unused(struct bh_line *line)
{
    if (!line->gone || line->batches > 0 || line->adopting || line->waiter.started ||
        line->waiter.open > 0)
        return false;
    forget_ended(line);
    return line->known_count == 0;
}

void
bh_line_sweep(struct bh_store *store)
{
    struct bh_line **at = &store->lines;
    if (store->walks > 0)
        return;
    while (*at != NULL) {
        struct bh_line *line = *at;
        if (!is_unused(line)) {
            at = &line->next;
            continue;
        }
        *at = line->next;
        bh_line_free(line);
    }
}

/* ---- known claims -------------------------------------------------------------------------------- */

/*
 * After a reconnect the leases that this store does not know are given back: they belong to claims whose
 * answers were lost.  A claim that is forgotten here too early is only treated like a crash of ours, and one
 * that is kept too long only leaves its lease to expire; so this list may be approximate.
 */

static struct bh_known_claim *
find_known(struct bh_line *line, uint64_t token)
{
    for (size_t i = 0; i < line->known_count; i++) {
        if (line->known[i].token == token)
            return &line->known[i];
    }
    return NULL;
}

static void
forget_ended(struct bh_line *line)
{
    struct bh_mono now = bh_store_now(line->store);
    size_t kept = 0;
    for (size_t i = 0; i < line->known_count; i++) {
        if (line->known[i].jobs > 0 && !bh_mono_reached(line->known[i].ends_at, now))
            line->known[kept++] = line->known[i];
    }
    line->known_count = kept;
}

static bool
known_has_room(struct bh_line *line)
{
    if (line->known_count < line->known_capacity)
        return true;
    forget_ended(line);
    if (line->known_count < line->known_capacity)
        return true;
    size_t capacity = line->known_capacity == 0 ? 16 : 2 * line->known_capacity;
    if (capacity > KNOWN_MAX)
        return false;
    struct bh_known_claim *known = bh_realloc_array(line->known, capacity, sizeof(*known));
    if (known == NULL)
        return false;
    line->known = known;
    line->known_capacity = capacity;
    return true;
}

void
bh_line_claimed(struct bh_line *line, uint64_t token, size_t jobs, struct bh_mono asked_at)
{
    if (!known_has_room(line))
        return;
    line->known[line->known_count++] =
        (struct bh_known_claim){token, jobs, bh_mono_add(asked_at, line->config.lease_ms)};
}

void
bh_line_ended(struct bh_line *line, uint64_t token)
{
    struct bh_known_claim *claim = find_known(line, token);
    if (claim == NULL)
        return;
    if (claim->jobs > 0)
        claim->jobs--;
    if (claim->jobs == 0)
        *claim = line->known[--line->known_count];
}

void
bh_line_renewed(struct bh_line *line, uint64_t token, struct bh_mono asked_at)
{
    struct bh_known_claim *claim = find_known(line, token);
    if (claim != NULL)
        claim->ends_at = bh_mono_add(asked_at, line->config.lease_ms);
}

/* ---- roll-backs ---------------------------------------------------------------------------------- */

static uint64_t
handle_number(struct bh_str handle)
{
    int64_t number;
    return bh_str_to_int64(handle, &number) && number > 0 ? (uint64_t)number : 0;
}

bool
bh_line_meet(struct bh_line *line, const struct bh_claimed_event *claimed)
{
    if (claimed->jobs_count == 0)
        return true;
    if (claimed->token <= line->met.token) {
        line->remembered = line->behind ? line->remembered : claimed->token - 1;
        line->behind = true;
        return false;
    }
    line->met.token = claimed->token;
    for (size_t i = 0; i < claimed->jobs_count; i++) {
        uint64_t handle = handle_number(claimed->jobs[i].handle);
        if (handle > line->met.handle)
            line->met.handle = handle;
    }
    return true;
}

void
bh_line_behind(struct bh_line *line)
{
    static const struct bh_redis_error behind = {
        .class = BH_REDIS_RECONNECT,
        .advice =
            "Redis gave a claim the number of an earlier one: it was emptied, or has lost writes "
            "that it had acknowledged.  See appendonly, appendfsync and min-replicas-to-write.",
    };
    bh_redis_connection_reconnect(&line->store->connection, &behind,
                                  "a claim's token was given a second time");
}

/* What the caller remembers of the queue, and what this store does. */
static struct bh_store_mark
recall(const struct bh_line *line)
{
    const struct bh_store_options *options = &line->store->options;
    struct bh_store_mark mark = line->met;
    if (options->recall == NULL)
        return mark;
    struct bh_store_mark more = options->recall(options->arg, line->name);
    if (more.token > mark.token)
        mark.token = more.token;
    if (more.handle > mark.handle)
        mark.handle = more.handle;
    mark.fresh = more.fresh;
    return mark;
}

/*
 * Does Redis know the last claim that it has acknowledged?  Its own word on it (`seen`) counts, because the counter
 * may have been raised since by others' claims.  That word expires: missing, it proves something only when our
 * last claim was lately, or when the counter itself is behind.
 */
static void
compare(struct bh_line *line, const struct bh_store_mark *met, const struct bh_adopted *adopted)
{
    struct bh_store *store = line->store;
    uint64_t remembered = adopted->seen > 0 || met->fresh ? adopted->seen : met->token;
    if (adopted->token < remembered || (adopted->seen == 0 && adopted->token < met->token))
        remembered = adopted->token;
    if (line->behind && line->remembered < remembered)
        remembered = line->remembered;
    line->behind = false;
    if (remembered >= met->token)
        return;
    store->counters.rolled_back++;
    const struct bh_store_roll_back roll_back = {
        .queue = line->name,
        .remembered = remembered,
        .acknowledged = met->token,
        .handle = adopted->handle,
        .waiting = adopted->waiting,
    };
    if (store->options.on_rolled_back != NULL)
        store->options.on_rolled_back(store->options.arg, &roll_back);
}

/* ---- adoption ------------------------------------------------------------------------------------ */

static void
adopt_again_later(struct bh_line *line, bh_ms delay)
{
    struct bh_store *store = line->store;
    store->proceed_at = bh_mono_add(bh_store_now(store), bh_ms_max(delay, ADOPT_RETRY_MS));
    bh_store_arm(store);
}

static void
take_adopt_page(struct bh_line *line, const struct redisReply *reply)
{
    struct bh_store *store = line->store;
    struct bh_str text;
    struct bh_adopted adopted;
    if (bh_reply_error(reply, &text)) {
        /* Whatever it was, loading the scripts once more does no harm and heals a flushed cache. */
        store->loaded = false;
        adopt_again_later(line, bh_store_error(store, &store->connection, "adopt", text));
        return;
    }
    if (bh_decode_adopt(reply, &adopted) != BH_OK) {
        adopt_again_later(line, bh_store_garbled(store, "adopt"));
        return;
    }
    store->counters.adopted += adopted.recovered;
    /* The later pages find the counters raised already. */
    if (strcmp(line->cursor, "0") == 0)
        compare(line, &line->asked_with, &adopted);
    (void)snprintf(line->cursor, sizeof(line->cursor), "%.*s", BH_STR_ARGS(adopted.cursor));
    line->adopted = strcmp(line->cursor, "0") == 0;
    line->was_adopted = line->was_adopted || line->adopted;
}

static void
adopt_on_reply(void *arg, const struct redisReply *reply, const char *error_text)
{
    struct bh_line *line = arg;
    struct bh_store *store = line->store;
    (void)error_text;
    line->adopting = false;
    if (reply == NULL)
        return; /* on_down follows and begins anew */
    if (!line->gone)
        take_adopt_page(line, reply);
    bh_line_sweep(store);
    if (bh_mono_is_never(store->proceed_at))
        bh_store_proceed(store);
}

/* BH_ENOMEM when the list of tokens cannot be made. */
static enum bh_status
send_adopt(struct bh_line *line, struct bh_call *call)
{
    struct bh_store_caller caller = bh_line_caller(line);
    const struct bh_str *argv;
    size_t argc;
    forget_ended(line);
    uint64_t *tokens = bh_alloc_array(line->known_count + 1, sizeof(*tokens));
    if (tokens == NULL)
        return BH_ENOMEM;
    for (size_t i = 0; i < line->known_count; i++)
        tokens[i] = line->known[i].token;
    line->asked_with = recall(line);
    bh_encode_adopt(call, &caller, bh_str_from(line->cursor), !line->was_adopted, &line->asked_with,
                    tokens, line->known_count);
    if (line->store->past[0] != '\0')
        bh_encode_adopt_past(call, line->store->past);
    bh_free(tokens);
    enum bh_status status = bh_call_argv(call, &argv, &argc);
    if (status != BH_OK)
        return status;
    line->store->counters.commands++;
    return bh_redis_connection_send(&line->store->connection, argc, argv, 0, adopt_on_reply, line);
}

void
bh_line_adopt(struct bh_line *line)
{
    struct bh_call call;
    if (line->cursor[0] == '\0')
        (void)snprintf(line->cursor, sizeof(line->cursor), "0");
    bh_call_init(&call, BH_SCRIPT_ADOPT);
    if (send_adopt(line, &call) == BH_OK)
        line->adopting = true;
    else
        adopt_again_later(line, 0);
    bh_call_release(&call);
}

void
bh_line_down(struct bh_line *line)
{
    line->adopted = false;
    line->adopting = false;
    line->cursor[0] = '\0';
}
