/* tail: the changes of jobs as they happen, from the event streams of the queues. */
#include <bellhop/state.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/picture.h"
#include "cli/session.h"
#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/json.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"

#define LINE_MAX  ((size_t)64 * 1024)
#define BLOCK_MS  5000
#define PAGE      "200"
#define LAST_MAX  10000
#define STREAM_ID 44 /* of an entry: two numbers of 20 digits */
#define AGAIN_MS  1000

struct tail_options {
    const char *last;
    const char *count;
};

static const struct bh_option tail_option_rows[] = {
    {"last",  BH_OPTION_TEXT, "N", "begin with the N latest changes of each queue",
     offsetof(struct tail_options,                                                                                last) },
    {"count", BH_OPTION_TEXT, "N", "end after N changes",                           offsetof(struct tail_options, count)},
};

struct tail {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    char after[BH_CONFIG_QUEUES_MAX][STREAM_ID]; /* the entry that was seen last */
    unsigned states;                             /* bit per enum bh_state; 0: all */
    const char *id;                              /* NULL: all */
    uint64_t left;                               /* until it ends; UINT64_MAX: never */
};

struct event {
    struct bh_str id, state, reason, code, attempts, at, delivery, message_id;
};

/* ---- Terms: queue=, state=, id= ---- */

static bool
state_of(struct bh_str word, enum bh_state *ret_state)
{
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (!bh_str_equal_text(word, bh_state_name((enum bh_state)state)))
            continue;
        *ret_state = (enum bh_state)state;
        return true;
    }
    return false;
}

static const char *
guess_state(struct bh_str word)
{
    struct bh_did_you_mean search;
    bh_did_you_mean_start(&search, word);
    for (int state = 0; state < BH_STATE_COUNT; state++)
        bh_did_you_mean_offer(&search, bh_state_name((enum bh_state)state));
    return search.name;
}

static enum bh_exit
take_states(struct tail *tail, struct bh_str value)
{
    struct bh_str word;
    while (bh_str_split(&value, ',', &word)) {
        enum bh_state state;
        if (!state_of(word, &state)) {
            const char *guess = guess_state(word);
            return bh_cli_misuse("there is no state `%s`%s%s%s", bh_quote(word).text,
                                 guess != NULL ? "; did you mean `" : "",
                                 guess != NULL ? guess : "", guess != NULL ? "`?" : "");
        }
        tail->states |= 1U << state;
    }
    return BH_EXIT_DONE;
}

static enum bh_exit
take_term(struct tail *tail, const char *term, const char **queue)
{
    if (strncmp(term, "queue=", 6) == 0 && *queue != NULL)
        return bh_cli_misuse("queue= was given twice; without it all queues are followed");
    if (strncmp(term, "queue=", 6) == 0)
        *queue = term + 6;
    else if (strncmp(term, "state=", 6) == 0)
        return take_states(tail, bh_str_from(term + 6));
    else if (strncmp(term, "id=", 3) == 0)
        tail->id = term + 3;
    else
        return bh_cli_misuse("`%s` is none of queue=NAME, state=STATE,... and id=ID",
                             bh_quote(bh_str_from(term)).text);
    return BH_EXIT_DONE;
}

static enum bh_exit
take_number(const char *text, const char *option, uint64_t max, uint64_t *ret_number)
{
    int64_t number;
    if (!bh_str_to_int64(bh_str_from(text), &number) || number < 1 || (uint64_t)number > max)
        return bh_cli_misuse("--%s takes a number from 1 to %" PRIu64, option, max);
    *ret_number = (uint64_t)number;
    return BH_EXIT_DONE;
}

/* ---- Printing ---- */

static void
take_field(struct event *event, struct bh_str name, struct bh_str value)
{
    const struct {
        const char *name;
        struct bh_str *member;
    } fields[] = {
        {"id",         &event->id        },
        {"state",      &event->state     },
        {"reason",     &event->reason    },
        {"code",       &event->code      },
        {"attempts",   &event->attempts  },
        {"at",         &event->at        },
        {"delivery",   &event->delivery  },
        {"message_id", &event->message_id},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(fields); i++) {
        if (bh_str_equal_text(name, fields[i].name))
            *fields[i].member = value;
    }
}

static bool
is_wanted(const struct tail *tail, const struct event *event)
{
    enum bh_state state;
    if (tail->id != NULL && !bh_str_equal_text(event->id, tail->id))
        return false;
    if (tail->states == 0)
        return true;
    return state_of(event->state, &state) && (tail->states & (1U << state)) != 0;
}

static int64_t
number_of(struct bh_str text)
{
    int64_t number;
    return bh_str_to_int64(text, &number) ? number : 0;
}

static void
append_json(struct bh_buf *line, const char *queue, const struct event *event)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", queue);
    bh_json_put_string(&writer, "id", event->id);
    bh_json_put_string(&writer, "state", event->state);
    bh_json_put_string(&writer, "reason", event->reason);
    bh_json_put_int(&writer, "code", number_of(event->code));
    bh_json_put_int(&writer, "attempts", number_of(event->attempts));
    if (event->delivery.len > 0) {
        bh_json_put_string(&writer, "delivery", event->delivery);
        bh_json_put_string(&writer, "message_id", event->message_id);
    }
    bh_json_put_int(&writer, "at", number_of(event->at));
    bh_json_close_object(&writer);
}

static void
append_words(struct bh_buf *line, const char *queue, const struct event *event)
{
    (void)bh_buf_printf(line, "%s  %s  ",
                        bh_display_time((struct bh_wall){number_of(event->at)}).text, queue);
    (void)bh_display_append(line, event->id);
    (void)bh_buf_append_text(line, "  ");
    (void)bh_display_append(line, event->state);
    if (event->reason.len > 0) {
        (void)bh_buf_append_text(line, " (");
        (void)bh_display_append(line, event->reason);
        (void)bh_buf_append_text(line, ")");
    }
    if (event->delivery.len > 0) {
        (void)bh_buf_append_text(line, ", delivery ");
        (void)bh_display_append(line, event->delivery);
    }
    if (number_of(event->code) != 0)
        (void)bh_buf_printf(line, ", code %" PRId64, number_of(event->code));
    if (number_of(event->attempts) > 0)
        (void)bh_buf_printf(line, ", attempt %" PRId64, number_of(event->attempts));
}

static enum bh_exit
print_event(struct tail *tail, const char *queue, const struct event *event)
{
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    if (tail->cli->json)
        append_json(&line, queue, event);
    else
        append_words(&line, queue, event);
    bool fine = bh_buf_status(&line) == BH_OK;
    if (fine) {
        printf("%s\n", bh_buf_text(&line));
        fflush(stdout); /* somebody is watching; errors stay with the stream until the end */
    }
    bh_buf_release(&line);
    if (fine && tail->left != UINT64_MAX)
        tail->left--;
    if (ferror(stdout) != 0)
        return BH_EXIT_FAILED; /* told at the end */
    return fine ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

/* An entry is [id, [name, value, ...]]; what is none is passed over. */
static enum bh_exit
take_entry(struct tail *tail, size_t queue, const struct redisReply *entry)
{
    struct event event = {
        .id = {"", 0}
    };
    const struct redisReply *fields = bh_reply_at(entry, 1);
    struct bh_str id, name, value;
    if (!bh_reply_str(entry, 0, &id) || id.len >= STREAM_ID)
        return BH_EXIT_DONE;
    (void)snprintf(tail->after[queue], STREAM_ID, "%.*s", BH_STR_ARGS(id));
    for (size_t i = 0; i + 1 < bh_reply_count(fields); i += 2) {
        if (bh_reply_str(fields, i, &name) && bh_reply_str(fields, i + 1, &value))
            take_field(&event, name, value);
    }
    if (!is_wanted(tail, &event))
        return BH_EXIT_DONE;
    return print_event(tail, tail->queues.names[queue], &event);
}

/* ---- Reading ---- */

/* Where the stream ends now, and on the way what `last` asks for. */
static enum bh_exit
begin(struct tail *tail, size_t queue, uint64_t last)
{
    char count[24];
    (void)snprintf(count, sizeof(count), "%" PRIu64, last > 0 ? last : 1);
    const struct bh_str argv[] = {
        BH_STR_LITERAL("XREVRANGE"), bh_queue_key(&tail->queues.keys[queue], BH_KEY_EVENTS),
        BH_STR_LITERAL("+"),         BH_STR_LITERAL("-"),
        BH_STR_LITERAL("COUNT"),     bh_str_from(count)};
    struct redisReply *reply;
    struct bh_str id;
    enum bh_exit result =
        bh_session_command(tail->cli, "read the events", BH_ARRAY_LEN(argv), argv, &reply);
    if (result != BH_EXIT_DONE)
        return result;
    (void)snprintf(tail->after[queue], STREAM_ID, "0-0");
    size_t rows = bh_reply_count(reply);
    const struct redisReply *newest = bh_reply_at(reply, 0);
    if (last == 0 && bh_reply_str(newest, 0, &id) && id.len < STREAM_ID)
        (void)snprintf(tail->after[queue], STREAM_ID, "%.*s", BH_STR_ARGS(id));
    for (size_t i = last > 0 ? rows : 0; i > 0 && result == BH_EXIT_DONE && tail->left > 0; i--)
        result = take_entry(tail, queue, bh_reply_at(reply, i - 1));
    bh_redis_reply_free(reply);
    return result;
}

/* Which queue a stream of the answer belongs to; `count`: none. */
static size_t
queue_of(const struct tail *tail, struct bh_str key)
{
    size_t at = 0;
    while (at < tail->queues.count &&
           !bh_str_equal(bh_queue_key(&tail->queues.keys[at], BH_KEY_EVENTS), key))
        at++;
    return at;
}

static enum bh_exit
take_page(struct tail *tail, const struct redisReply *page)
{
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < bh_reply_count(page); i++) {
        const struct redisReply *stream = bh_reply_at(page, i);
        const struct redisReply *entries = bh_reply_at(stream, 1);
        struct bh_str key;
        size_t queue = bh_reply_str(stream, 0, &key) ? queue_of(tail, key) : tail->queues.count;
        if (queue == tail->queues.count)
            continue;
        for (size_t n = 0; n < bh_reply_count(entries) && result == BH_EXIT_DONE && tail->left > 0;
             n++)
            result = take_entry(tail, queue, bh_reply_at(entries, n));
    }
    return result;
}

static bool
read_page(struct tail *tail, struct redisReply **ret_page, struct bh_error *trouble)
{
    struct bh_str argv[6 + 2 * BH_CONFIG_QUEUES_MAX] = {
        BH_STR_LITERAL("XREAD"), BH_STR_LITERAL("COUNT"), BH_STR_LITERAL(PAGE),
        BH_STR_LITERAL("BLOCK"), BH_STR_LITERAL("5000"),  BH_STR_LITERAL("STREAMS")};
    size_t count = tail->queues.count;
    for (size_t i = 0; i < count; i++) {
        argv[6 + i] = bh_queue_key(&tail->queues.keys[i], BH_KEY_EVENTS);
        argv[6 + count + i] = bh_str_from(tail->after[i]);
    }
    return bh_picture_ask(tail->cli, 6 + 2 * count, argv, 2 * BLOCK_MS, ret_page, trouble);
}

/* Redis that goes away does not end it: it is told once, and what came meanwhile is read when it is back. */
static enum bh_exit
follow(struct tail *tail)
{
    static const struct timespec again = {AGAIN_MS / 1000, 0};
    enum bh_exit result = BH_EXIT_DONE;
    bool told = false;
    while (result == BH_EXIT_DONE && tail->left > 0) {
        struct redisReply *page;
        struct bh_error trouble = {.text = ""};
        if (!read_page(tail, &page, &trouble)) {
            if (!told)
                bh_cli_warn("Redis cannot be asked: %s; trying again", trouble.text);
            told = true;
            (void)nanosleep(&again, NULL);
            continue;
        }
        if (told)
            bh_cli_warn("Redis answers again");
        told = false;
        result = take_page(tail, page);
        bh_redis_reply_free(page);
    }
    return result;
}

/* ---- The command ---- */

/* Somebody else's configuration may have switched them on: then there is a stream. */
static enum bh_exit
check_switched_on(struct tail *tail)
{
    for (size_t i = 0; i < tail->queues.count; i++) {
        if (strcmp(tail->after[i], "0-0") != 0)
            return BH_EXIT_DONE;
    }
    if (tail->cli->config->status.events_max > 0)
        return BH_EXIT_DONE;
    return bh_cli_fail("events are switched off; set events = 100000 in [status] of bellhopd's "
                       "configuration and reload it (systemctl reload bellhopd)");
}

static enum bh_exit
tail_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct tail_options *wanted = options;
    struct tail tail = {.cli = cli, .left = UINT64_MAX};
    const char *queue = NULL;
    uint64_t last = 0;
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < operands.count && result == BH_EXIT_DONE; i++)
        result = take_term(&tail, operands.values[i], &queue);
    if (result == BH_EXIT_DONE && wanted->last != NULL)
        result = take_number(wanted->last, "last", LAST_MAX, &last);
    if (result == BH_EXIT_DONE && wanted->count != NULL)
        result = take_number(wanted->count, "count", UINT32_MAX, &tail.left);
    if (result == BH_EXIT_DONE)
        result = bh_configuration_queues(cli, queue, &tail.queues);
    for (size_t i = 0; i < tail.queues.count && result == BH_EXIT_DONE && tail.left > 0; i++)
        result = begin(&tail, i, last);
    if (result == BH_EXIT_DONE && tail.left > 0)
        result = check_switched_on(&tail);
    return result == BH_EXIT_DONE ? follow(&tail) : result;
}

const struct bh_command_row bh_command_tail = {
    .name = "tail",
    .summary = "follow the changes of jobs as they happen",
    .usage = "[queue=NAME] [state=STATE,...] [id=ID] [--last N] [--count N]",
    .text = "Prints each change of a job's state, until it is interrupted.  Needs the events "
            "streams: events = 100000\n"
            "in [status] of the configuration.  When Redis goes away it waits, and goes on where "
            "it was.\n\n"
            "examples:\n"
            "  bellhop tail\n"
            "  bellhop tail state=failed,unknown,invalid\n"
            "  bellhop tail queue=sms --last 20 --json | jq -r .id",
    .options = tail_option_rows,
    .options_count = BH_ARRAY_LEN(tail_option_rows),
    .options_size = sizeof(struct tail_options),
    .run = tail_run,
};
