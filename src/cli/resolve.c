/* resolve: an operator's word about jobs that may or may not have been sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bellhop/job.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/line_input.h"
#include "cli/session.h"
#include "cli/uncertain.h"
#include "cli/wake.h"
#include "cli/who.h"
#include "core/fault.h"
#include "core/job_word.h"
#include "core/json.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"
#include "redis/resolve.h"

#define LIST_DEFAULT   100
#define LINE_MAX       ((size_t)64 * 1024)
#define MESSAGE_ID_MAX 64

struct resolve_options {
    const char *queue;
    const char *message_id;
    const char *limit;
    bool yes;
    bool list;
};

static const struct bh_option resolve_option_rows[] = {
    {"queue",      BH_OPTION_TEXT, "NAME",   "look in this queue only",
     offsetof(struct resolve_options,                                                                                          queue)     },
    {"message-id", BH_OPTION_TEXT, "NUMBER",
     "the gateway's id of the message, as its records have it; for `sent`",                   offsetof(struct resolve_options, message_id)},
    {"yes",        BH_OPTION_FLAG, NULL,     "resolve more than one job",
     offsetof(struct resolve_options,                                                                                          yes)       },
    {"list",       BH_OPTION_FLAG, NULL,     "tell which jobs wait for a word, oldest first",
     offsetof(struct resolve_options,                                                                                          list)      },
    {"limit",      BH_OPTION_TEXT, "COUNT",  "with --list: at most so many (100)",
     offsetof(struct resolve_options,                                                                                          limit)     },
};

struct resolver {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    enum bh_resolve_word word;
    const char *message_id; /* NULL: none */
    char who[BH_WHO_MAX];
    size_t done;
    size_t refused;
    size_t missing;
};

/* ---- what happened, in words ---- */

/* What is said to a person about one job. */
struct told {
    const char *queue; /* NULL: not known in any */
    const char *id;
    const char *result; /* one word for machines */
    const struct bh_resolved *resolved;
    struct bh_buf sentence;
};

static const char *
after_sentence(const struct bh_resolved *resolved)
{
    if (bh_str_equal_text(resolved->after, "sent"))
        return "sent, confirmed by operator";
    if (bh_str_equal_text(resolved->after, "partial"))
        return "partial, confirmed by operator: some of its recipients were not reached";
    if (bh_str_equal_text(resolved->after, "failed"))
        return "failed, kept in the dead set";
    return "retrying: a worker takes it up within seconds";
}

static void
say_done(struct told *told)
{
    const struct bh_resolved *resolved = told->resolved;
    bool ended = bh_str_equal_text(resolved->before, "unknown");
    told->result = "done";
    (void)bh_buf_printf(&told->sentence, "was %s", ended ? "unknown" : "uncertain");
    if (resolved->since.ms > 0)
        (void)bh_buf_printf(&told->sentence, " since %s", bh_display_time(resolved->since).text);
    if (resolved->why.len > 0) {
        (void)bh_buf_append_text(&told->sentence, " (");
        (void)bh_display_append(&told->sentence, resolved->why);
        (void)bh_buf_append_char(&told->sentence, ')');
    }
    (void)bh_buf_printf(&told->sentence, ", now %s", after_sentence(resolved));
}

struct certain_row {
    const char *state;
    const char *advice;
};

/* Why there is nothing to resolve, by state. */
static const struct certain_row certain_rows[] = {
    {"sent",      "the gateway has accepted it"                                             },
    {"partial",   "what became of each recipient is known: see `bellhop show`"              },
    {"failed",    "it was certainly not sent; correct the cause and send it as a new job"   },
    {"invalid",   "it was never sent; correct whoever pushed it"                            },
    {"expired",   "it was certainly not sent; send it as a new job if it is still wanted"   },
    {"cancelled", "it was certainly not sent"                                               },
    {"duplicate", "it was certainly not sent: the same message was sent by another job"     },
    {"scheduled", "it was not sent yet, and goes on by itself"                              },
    {"retrying",  "its requests were answered, and it goes on by itself: see `bellhop show`"},
    {"held",
     "its requests were answered, and it goes on when the cause is gone: see `bellhop show`"},
    {"sending",   "its worker has not lost an answer yet: see `bellhop show`"               },
};

static void
say_certain(struct told *told)
{
    const struct bh_resolved *resolved = told->resolved;
    told->result = "not_uncertain";
    (void)bh_buf_append_text(&told->sentence, "is ");
    (void)bh_display_append(&told->sentence, resolved->before);
    (void)bh_buf_append_text(&told->sentence, ", not uncertain");
    for (size_t i = 0; i < BH_ARRAY_LEN(certain_rows); i++) {
        if (bh_str_equal_text(resolved->before, certain_rows[i].state))
            (void)bh_buf_printf(&told->sentence, ": %s", certain_rows[i].advice);
    }
}

static void
say_leased(struct told *told)
{
    bh_ms wait_ms = told->resolved->wait_ms;
    told->result = "leased";
    if (wait_ms > 0)
        (void)bh_buf_printf(&told->sentence, "is in a worker's hand right now; try again in %lld s",
                            (long long)((wait_ms + BH_SECOND_MS - 1) / BH_SECOND_MS));
    else
        (void)bh_buf_append_text(
            &told->sentence, "was in a worker's hand whose lease has ended, and no other worker "
                             "has taken it back; is bellhopd running?");
}

static void
say_rest(struct told *told)
{
    struct bh_buf *sentence = &told->sentence;
    switch (told->resolved->code) {
    case BH_RESOLVED_ALREADY:
        told->result = "already";
        (void)bh_buf_append_text(sentence, "is ");
        (void)bh_display_append(sentence, told->resolved->before);
        (void)bh_buf_append_text(sentence, " already");
        break;
    case BH_RESOLVED_GONE:
        told->result = "gone";
        (void)bh_buf_append_text(
            sentence, "cannot be sent again: its text is no longer kept.  Send it as a new "
                      "job, and resolve this one as sent or failed");
        break;
    case BH_RESOLVED_EXPIRED:
        told->result = "expired";
        (void)bh_buf_printf(sentence,
                            "would only expire: its ttl ran out at %s.  Send it as a new job, and "
                            "resolve this one as sent or failed",
                            bh_display_time(told->resolved->expired).text);
        break;
    case BH_RESOLVED_SEVERAL:
        told->result = "others_wait";
        (void)bh_buf_append_text(
            sentence, "cannot end as sent: it was not sent to all of its recipients yet, and the "
                      "others still wait.  See `bellhop show`, and try again when they are done");
        break;
    case BH_RESOLVED_DONE:
    case BH_RESOLVED_NONE:
    case BH_RESOLVED_CERTAIN:
    case BH_RESOLVED_LEASED: told->result = "refused"; break;
    }
}

static void
say(struct told *told)
{
    switch (told->resolved->code) {
    case BH_RESOLVED_DONE: say_done(told); break;
    case BH_RESOLVED_CERTAIN: say_certain(told); break;
    case BH_RESOLVED_LEASED: say_leased(told); break;
    case BH_RESOLVED_NONE:
    case BH_RESOLVED_ALREADY:
    case BH_RESOLVED_GONE:
    case BH_RESOLVED_EXPIRED:
    case BH_RESOLVED_SEVERAL: say_rest(told); break;
    }
}

static enum bh_status
print_json(const struct told *told)
{
    const struct bh_resolved *resolved = told->resolved;
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    if (told->queue != NULL)
        bh_json_put_text(&writer, "queue", told->queue);
    bh_json_put_text(&writer, "id", told->id);
    bh_json_put_text(&writer, "result", told->result);
    if (resolved->before.len > 0)
        bh_json_put_string(&writer, "before", resolved->before);
    if (resolved->after.len > 0)
        bh_json_put_string(&writer, "after", resolved->after);
    if (resolved->since.ms > 0)
        bh_json_put_int(&writer, "since", resolved->since.ms);
    if (resolved->code == BH_RESOLVED_LEASED)
        bh_json_put_int(&writer, "wait_ms", resolved->wait_ms);
    bh_json_put_string(&writer, "text", bh_buf_str(&told->sentence));
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

/* Results go to standard output; for people, refusals go to standard error. */
static enum bh_exit
tell(const struct resolver *resolver, const struct told *told, bool refused)
{
    enum bh_status status = bh_buf_status(&told->sentence);
    if (status == BH_OK && resolver->cli->json)
        status = print_json(told);
    else if (status == BH_OK && refused)
        bh_cli_warn("%s: %s", told->id, bh_buf_text(&told->sentence));
    else if (status == BH_OK)
        printf("%s: %s\n", told->id, bh_buf_text(&told->sentence));
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

/* ---- one job ---- */

static enum bh_exit
tell_resolved(struct resolver *resolver, size_t queue, const char *id,
              const struct bh_resolved *resolved)
{
    struct told told = {.queue = resolver->queues.names[queue], .id = id, .resolved = resolved};
    bool refused = resolved->code != BH_RESOLVED_DONE && resolved->code != BH_RESOLVED_ALREADY;
    bh_buf_init(&told.sentence, LINE_MAX);
    say(&told);
    resolver->refused += refused;
    resolver->done += !refused;
    enum bh_exit result = tell(resolver, &told, refused);
    bh_buf_release(&told.sentence);
    return result;
}

static enum bh_exit
tell_apart(struct resolver *resolver, const char *id, const char *result_word, const char *sentence)
{
    const struct bh_resolved nothing = {.code = BH_RESOLVED_NONE};
    struct told told = {.id = id, .result = result_word, .resolved = &nothing};
    bh_buf_init(&told.sentence, LINE_MAX);
    (void)bh_buf_append_text(&told.sentence, sentence);
    enum bh_exit result = tell(resolver, &told, true);
    bh_buf_release(&told.sentence);
    return result;
}

static enum bh_exit
resolve_in_queue(struct resolver *resolver, size_t queue, const char *id, const char *handle)
{
    const struct bh_field message_id = {
        "message_id", bh_str_from(resolver->message_id != NULL ? resolver->message_id : "")};
    const struct bh_resolve resolve = {
        .id = id,
        .word = resolver->word,
        .source = BH_RESOLVE_BY_OPERATOR,
        .who = bh_str_from(resolver->who),
        .handle = bh_str_from(handle),
        .retention_ms = resolver->cli->config->status.retention_ms,
        .events_cap = (uint32_t)resolver->cli->config->status.events_max,
        .tracking = bh_tracking_of(
            resolver->cli->config,
            bh_config_queue_get(resolver->cli->config, bh_str_from(resolver->queues.names[queue]))),
        .fields = &message_id,
        .fields_count = resolver->message_id != NULL,
    };
    struct bh_resolved resolved;
    struct bh_call call;
    struct redisReply *reply;
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &resolver->queues.keys[queue], &resolve);
    enum bh_exit result = bh_session_script(resolver->cli, "resolve the job", &call, &reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE) {
        if (bh_session_in_doubt(resolver->cli))
            bh_cli_warn("%s: whether it was done is not known; to say it again does no harm", id);
        return result;
    }
    if (bh_decode_resolve(reply, &resolved) != BH_OK)
        result = bh_cli_fail("cannot resolve %s: Redis answers what our script does not give", id);
    else if (resolved.code == BH_RESOLVED_NONE)
        result = BH_EXIT_NOTHING;
    else
        result = tell_resolved(resolver, queue, id, &resolved);
    bh_redis_reply_free(reply);
    return result;
}

static enum bh_exit
has_status(struct resolver *resolver, size_t queue, const char *id, bool *ret_has)
{
    struct bh_buf key;
    struct redisReply *reply;
    struct bh_str state;
    bh_buf_init(&key, BH_KEY_MAX + BH_JOB_ID_MAX + 16);
    if (bh_key_append_status(&key, &resolver->queues.keys[queue], id) != BH_OK) {
        bh_buf_release(&key);
        return bh_cli_fail("short of memory");
    }
    /* An array, because that is what our readers of replies take apart. */
    const struct bh_str argv[] = {BH_STR_LITERAL("HMGET"), bh_buf_str(&key),
                                  BH_STR_LITERAL("state")};
    enum bh_exit result =
        bh_session_command(resolver->cli, "read the job's status", 3, argv, &reply);
    bh_buf_release(&key);
    if (result != BH_EXIT_DONE)
        return result;
    *ret_has = bh_reply_str(reply, 0, &state);
    bh_redis_reply_free(reply);
    return BH_EXIT_DONE;
}

/* Which queue has a status of that id.  BH_EXIT_NOTHING: none; *ret_others counts those behind the first. */
static enum bh_exit
find_queue(struct resolver *resolver, const char *id, size_t *ret_queue, size_t *ret_others)
{
    size_t found = 0;
    for (size_t i = 0; i < resolver->queues.count; i++) {
        bool has = false;
        enum bh_exit result = has_status(resolver, i, id, &has);
        if (result != BH_EXIT_DONE)
            return result;
        if (has && found++ == 0)
            *ret_queue = i;
    }
    *ret_others = found > 0 ? found - 1 : 0;
    return found > 0 ? BH_EXIT_DONE : BH_EXIT_NOTHING;
}

static enum bh_exit
resolve_forgotten(struct resolver *resolver, const char *id)
{
    char handle[BH_UNCERTAIN_HANDLE_MAX];
    size_t queue;
    enum bh_exit result = bh_uncertain_find(resolver->cli, &resolver->queues, id, &queue, handle);
    return result == BH_EXIT_DONE ? resolve_in_queue(resolver, queue, id, handle) : result;
}

static enum bh_exit
resolve_known(struct resolver *resolver, const char *id)
{
    size_t queue = 0, others = 0;
    enum bh_exit result = find_queue(resolver, id, &queue, &others);
    if (result == BH_EXIT_DONE && others > 0) {
        resolver->refused++;
        return tell_apart(resolver, id, "ambiguous",
                          "is the id of jobs in several queues; name one with --queue");
    }
    if (result == BH_EXIT_DONE)
        result = resolve_in_queue(resolver, queue, id, "");
    else if (result == BH_EXIT_NOTHING)
        result = resolve_forgotten(resolver, id);
    if (result != BH_EXIT_NOTHING)
        return result;
    resolver->missing++;
    return tell_apart(resolver, id, "not_known",
                      "is not known: never claimed by a worker, or ended so long ago that it "
                      "has been forgotten");
}

static enum bh_exit
resolve_id(void *arg, struct bh_str text)
{
    struct resolver *resolver = arg;
    if (!bh_job_is_word(text, BH_JOB_ID_MAX)) {
        bh_cli_warn("\"%s\" is no id of a job: 1 to 64 characters of A-Z a-z 0-9 . _ @ -",
                    bh_quote(text).text);
        resolver->refused++;
        return BH_EXIT_DONE;
    }
    char id[BH_JOB_ID_MAX + 1];
    snprintf(id, sizeof(id), "%.*s", BH_STR_ARGS(text));
    return resolve_known(resolver, id);
}

/* ---- the command ---- */

static enum bh_exit
list(struct bh_cli *cli, const struct resolve_options *options, struct bh_operands operands)
{
    int64_t limit = LIST_DEFAULT;
    struct bh_queue_choice queues;
    if (operands.count > 0)
        return bh_cli_misuse("--list takes no ids");
    if (options->limit != NULL && (!bh_str_to_int64(bh_str_from(options->limit), &limit) ||
                                   limit < 1 || limit > BH_UNCERTAIN_MAX))
        return bh_cli_misuse("--limit needs a number from 1 to %d", BH_UNCERTAIN_MAX);
    enum bh_exit result = bh_configuration_queues(cli, options->queue, &queues);
    return result == BH_EXIT_DONE ? bh_uncertain_list(cli, &queues, (size_t)limit) : result;
}

/* The last operand is the word, all before it are ids. */
static enum bh_exit
check(const struct resolve_options *options, struct bh_operands operands,
      enum bh_resolve_word *ret_word)
{
    if (options->limit != NULL)
        return bh_cli_misuse("--limit is for --list");
    if (operands.count == 0)
        return bh_cli_misuse("which job, and what became of it?  bellhop resolve ID "
                             "sent|failed|resend, or bellhop resolve --list");
    const char *last = operands.values[operands.count - 1];
    if (!bh_resolve_word_from_name(last, ret_word))
        return bh_cli_misuse(
            "what became of it?  The last word is sent, failed or resend, not \"%s\"",
            bh_quote(bh_str_from(last)).text);
    if (operands.count == 1)
        return bh_cli_misuse(
            "which job?  bellhop resolve ID... %s, or `-` for ids on standard input", last);
    size_t ids = operands.count - 1;
    bool from_input = false;
    for (size_t i = 0; i < ids; i++)
        from_input = from_input || strcmp(operands.values[i], "-") == 0;
    if ((ids > 1 || from_input) && !options->yes)
        return bh_cli_misuse("more than one job: add --yes if all of them %s",
                             *ret_word == BH_RESOLVE_SENT     ? "were sent"
                             : *ret_word == BH_RESOLVE_FAILED ? "were not sent"
                                                              : "are to be sent again");
    if (options->message_id == NULL)
        return BH_EXIT_DONE;
    if (*ret_word != BH_RESOLVE_SENT || ids > 1 || from_input)
        return bh_cli_misuse("--message-id is for one job that was sent");
    if (!bh_job_is_word(bh_str_from(options->message_id), MESSAGE_ID_MAX))
        return bh_cli_misuse("--message-id needs the id of the gateway's, e.g. 77135016");
    return BH_EXIT_DONE;
}

static enum bh_exit
resolve_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct resolve_options *wanted = options;
    struct resolver resolver = {.cli = cli, .message_id = wanted->message_id};
    if (wanted->list)
        return list(cli, wanted, operands);
    enum bh_exit result = check(wanted, operands, &resolver.word);
    if (result == BH_EXIT_DONE)
        result = bh_configuration_queues(cli, wanted->queue, &resolver.queues);
    bh_who(resolver.who);
    for (size_t i = 0; i + 1 < operands.count && result == BH_EXIT_DONE; i++) {
        if (strcmp(operands.values[i], "-") == 0)
            result = bh_line_input_each(BH_JOB_ID_LINE_MAX, resolve_id, NULL, &resolver);
        else
            result = resolve_id(&resolver, bh_str_from(operands.values[i]));
    }
    if (resolver.done > 0 && resolver.word == BH_RESOLVE_RESEND)
        bh_wake_workers(cli);
    if (result != BH_EXIT_DONE)
        return result;
    if (resolver.done + resolver.refused == 0)
        return BH_EXIT_NOTHING;
    return resolver.refused + resolver.missing > 0 ? BH_EXIT_FAILED : BH_EXIT_DONE;
}

const struct bh_command_row bh_command_resolve = {
    .name = "resolve",
    .summary = "settle jobs that may or may not have been sent",
    .usage = "[--queue NAME] [--message-id NUMBER] [--yes] ID... sent|failed|resend\n"
             "       bellhop resolve --list [--queue NAME] [--limit COUNT]",
    .text =
        "When the answer to a request is lost, nobody here knows whether the message was sent.  "
        "Most\n"
        "such jobs are settled by evidence; some end as `unknown`, and a person decides:\n\n"
        "  sent      it was: the gateway's records have it, or the recipient does\n"
        "  failed    it was not, and it is no longer wanted\n"
        "  resend    send it again; if it was sent after all, it arrives twice.  The gateway's "
        "reload lock\n"
        "            may hold an SMS back for some minutes\n\n"
        "Jobs that still wait for evidence can be settled too, but not while a worker has them in "
        "hand.\n"
        "`-` reads ids from standard input, one per line.  What was changed, when and by whom is "
        "kept\n"
        "in Redis, in the stream of the queue that ends with :audit.\n\n"
        "examples:\n"
        "  bellhop resolve --list\n"
        "  bellhop resolve order-4711 sent --message-id 77135016\n"
        "  bellhop resolve order-4712 order-4713 resend --yes\n"
        "  bellhop resolve --list --json | jq -r .id | bellhop resolve - failed --yes",
    .options = resolve_option_rows,
    .options_count = BH_ARRAY_LEN(resolve_option_rows),
    .options_size = sizeof(struct resolve_options),
    .run = resolve_run,
};
