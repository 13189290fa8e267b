/* send: make or read jobs, check them as the worker would, push them, follow them if asked. */
#include <bellhop/job.h>
#include <bellhop/sms.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/draft.h"
#include "cli/follow.h"
#include "cli/line_input.h"
#include "cli/push.h"
#include "core/duration.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/uuid.h"

struct send_options {
    const char *queue;
    struct bh_option_maybe wait;
    bool dry_run;
    struct bh_draft_options job;
};

#define FIELD(name, kind, value, help, member)                                                     \
    {                                                                                              \
        name, kind, value, help, offsetof(struct send_options, job.member)                         \
    }

static const struct bh_option send_option_rows[] = {
    {"queue",   BH_OPTION_TEXT,  "NAME",
     "the queue; may be left out where there is one (of the type) only",                           offsetof(struct send_options, queue)  },
    FIELD("to", BH_OPTION_LIST, "NUMBER", "recipient, contact or group; repeated or with commas",
          to),
    FIELD("text", BH_OPTION_TEXT, "TEXT", "what to send or to say", text),
    FIELD("text-file", BH_OPTION_TEXT, "PATH", "the text from a file; `-`: standard input",
          text_file),
    FIELD("type", BH_OPTION_TEXT, "TYPE", "sms or voice, instead of the queue's type", type),
    FIELD("from", BH_OPTION_TEXT, "SENDER", "who sends", from),
    FIELD("delay", BH_OPTION_TEXT, "WHEN",
          "\"+90s\" \"+2h\", \"2030-01-31 08:00\", or unix seconds", delay),
    FIELD("ttl", BH_OPTION_TEXT, "MINUTES", "how long it may wait before it is not worth sending",
          ttl),
    FIELD("id", BH_OPTION_TEXT, "ID", "the job's id; one is made up otherwise", id),
    FIELD("label", BH_OPTION_TEXT, "LABEL", "for the gateway's statistics", label),
    FIELD("foreign-id", BH_OPTION_TEXT, "ID", "comes back in delivery reports; else the job's id",
          foreign_id),
    FIELD("udh", BH_OPTION_TEXT, "HEX", "user data header", udh),
    FIELD("flash", BH_OPTION_FLAG, NULL, "show it at once, do not keep it", flash),
    FIELD("unicode", BH_OPTION_FLAG, NULL, "send as UCS-2 even where GSM would do", unicode),
    FIELD("utf8", BH_OPTION_FLAG, NULL, "the gateway's parameter of that name", utf8),
    FIELD("no-reload", BH_OPTION_FLAG, NULL, "without the gateway's reload lock", no_reload),
    FIELD("performance-tracking", BH_OPTION_FLAG, NULL, "count clicks on links",
          performance_tracking),
    FIELD("xml", BH_OPTION_FLAG, NULL, "voice: the text is XML", xml),
    FIELD("debug", BH_OPTION_FLAG, NULL, "let the gateway check it, send nothing, charge nothing",
          debug),
    FIELD("file", BH_OPTION_LIST, "PATH", "attach it as a link at [[NAME]] in the text", files),
    FIELD("file-validity", BH_OPTION_TEXT, "DAYS", "how long the files can be fetched",
          file_validity),
    FIELD("file-password", BH_OPTION_TEXT, "WORD", "what the recipient has to enter",
          file_password),
    FIELD("on-uncertain", BH_OPTION_TEXT, "WHAT", "hold or resend, instead of the queue's way",
          on_uncertain),
    FIELD("retry", BH_OPTION_TEXT, "SCHEDULE", "instead of the queue's, e.g. \"5s, 1m, 10m*\"",
          retry),
    FIELD("callback-url", BH_OPTION_TEXT, "URL", "where end and delivery are posted", callback_url),
    FIELD("enqueued-at", BH_OPTION_TEXT, "TIME", "unix seconds or ms; else now", enqueued_at),
    FIELD("meta", BH_OPTION_TEXT, "JSON", "an object of your own, given back with the status",
          meta),
    {"wait",    BH_OPTION_MAYBE, "TIME", "print each change until the end, or for TIME, e.g. 30s",
     offsetof(struct send_options,                                                                                               wait)   },
    {"dry-run", BH_OPTION_FLAG,  NULL,   "print the job, its encoding and parts; push nothing",
     offsetof(struct send_options,                                                                                               dry_run)},
};

struct send {
    struct bh_cli *cli;
    const struct send_options *options;
    struct bh_queue_choice queue; /* exactly one */
    struct bh_job_rules rules;
    struct bh_push push;
    bh_ms wait_ms;
    size_t line;
    size_t refused;
};

/* ---- Which queue ---- */

static bool
type_fits(const struct bh_queue_config *queue, const char *type)
{
    return type == NULL || strcmp(bh_job_type_name(queue->type), type) == 0;
}

/* The only queue, or the only one of the wanted type; guessing any further could ring a phone by mistake. */
static enum bh_exit
choose_queue(struct send *send)
{
    struct bh_queue_choice *all = &send->queue;
    const char *type = send->options->job.type;
    enum bh_exit result = bh_configuration_queues(send->cli, send->options->queue, all);
    if (result != BH_EXIT_DONE || send->options->queue != NULL)
        return result;
    size_t fitting = 0, chosen = 0;
    char names[256] = "";
    for (size_t i = 0; i < all->count; i++) {
        size_t len = strlen(names);
        snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "", all->names[i]);
        if (type_fits(all->configs[i], type)) {
            chosen = i;
            fitting++;
        }
    }
    if (fitting != 1)
        return bh_cli_misuse("which queue?  Add --queue NAME; there are: %s", names);
    all->names[0] = all->names[chosen];
    all->configs[0] = all->configs[chosen];
    all->keys[0] = all->keys[chosen];
    all->count = 1;
    return BH_EXIT_DONE;
}

static void
set_rules(struct send *send)
{
    const struct bh_queue_config *queue = send->queue.configs[0];
    if (queue == NULL)
        return;
    send->rules = (struct bh_job_rules){
        .default_type = queue->type,
        .bytes_max = (size_t)queue->max_job_bytes,
        .bytes_max_with_files = (size_t)queue->max_job_with_files_bytes,
        .country = send->cli->config->gateway.country,
    };
}

/* ---- Dry run ---- */

static void
print_plan_json(const struct bh_job *job, struct bh_str json, const struct bh_sms_size *size,
                struct bh_buf *out)
{
    struct bh_json_writer writer;
    bh_json_writer_init(&writer, out);
    bh_json_open_object(&writer, NULL);
    bh_json_put_raw(&writer, "job", json);
    bh_json_put_text(&writer, "type", bh_job_type_name(job->type));
    bh_json_put_int(&writer, "recipients", (int64_t)job->recipients_count);
    if (size != NULL) {
        bh_json_put_text(&writer, "encoding", bh_sms_encoding_name(size->encoding));
        bh_json_put_int(&writer, "characters", (int64_t)size->characters);
        bh_json_put_int(&writer, "parts", (int64_t)size->parts);
    }
    bh_json_close_object(&writer);
    (void)bh_buf_append_char(out, '\n');
}

static void
print_plan_text(const struct send *send, const struct bh_job *job, struct bh_str json,
                const struct bh_sms_size *size, struct bh_buf *out)
{
    (void)bh_buf_append_str(out, json);
    (void)bh_buf_printf(out, "\n%s for queue %s, %zu recipient%s", bh_job_type_name(job->type),
                        send->queue.names[0], job->recipients_count,
                        job->recipients_count == 1 ? "" : "s");
    if (size != NULL) {
        (void)bh_buf_printf(out, ", encoding %s, %zu character%s, %zu part%s",
                            bh_sms_encoding_name(size->encoding), size->characters,
                            size->characters == 1 ? "" : "s", size->parts,
                            size->parts == 1 ? "" : "s");
        if (size->encoding == BH_SMS_UCS2 && size->foreign_count > 0)
            (void)bh_buf_printf(out, "; character %zu (U+%04lX) is not in the GSM alphabet",
                                size->foreign_index + 1, (unsigned long)size->foreign_code);
    }
    (void)bh_buf_append_text(out, "; nothing was pushed\n");
}

static enum bh_exit
print_plan(const struct send *send, const struct bh_job *job, struct bh_str json)
{
    struct bh_sms_size size;
    struct bh_error error;
    const struct bh_sms_size *known = NULL;
    if (job->type == BH_JOB_SMS) {
        const struct bh_sms_options options = {job->unicode, job->udh,
                                               job->udh != NULL ? strlen(job->udh) : 0};
        if (!bh_sms_measure(job->text, strlen(job->text), &options, &size, &error))
            return bh_cli_fail("%s", error.text);
        known = &size;
    }
    struct bh_buf out;
    bh_buf_init(&out, BH_JOB_BYTES_MAX_WITH_FILES + 4096);
    if (send->cli->json)
        print_plan_json(job, json, known, &out);
    else
        print_plan_text(send, job, json, known, &out);
    bool complete = bh_buf_status(&out) == BH_OK;
    if (complete)
        fputs(bh_buf_text(&out), stdout);
    bh_buf_release(&out);
    return complete ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

/* ---- One job ---- */

/* An id for a job that came without one.  The system's dice have to do. */
static enum bh_exit
make_id(struct bh_uuid_text *ret_id)
{
    unsigned char random[BH_UUID_RANDOM_BYTES];
    ssize_t got;
    do {
        got = getrandom(random, sizeof(random), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(random))
        return bh_cli_fail("the system gives no random numbers for an id; give one with --id");
    *ret_id = bh_uuid7_format(bh_cli_now(), random);
    return BH_EXIT_DONE;
}

/* `json` is the whole job as it is to be pushed. */
static enum bh_exit
take_job(struct send *send, const struct bh_job *job, const char *id, struct bh_str json)
{
    if (send->options->dry_run)
        return print_plan(send, job, json);
    return bh_push_add(&send->push, id, json);
}

static enum bh_exit
send_draft(struct send *send, const struct bh_draft *draft)
{
    char *json = NULL;
    struct bh_job *job = NULL;
    struct bh_error error;
    enum bh_job_verdict verdict = bh_job_make(&draft->fields, &send->rules, &json, &error);
    if (verdict == BH_JOB_VALID)
        verdict = bh_job_parse(json, strlen(json), &send->rules, &job, &error);
    enum bh_exit result;
    if (verdict == BH_JOB_VALID)
        result = take_job(send, job, draft->fields.id, bh_str_from(json));
    else if (verdict == BH_JOB_BAD)
        result = bh_cli_fail("not pushed: %s", error.text);
    else
        result = bh_cli_fail("short of memory");
    bh_job_free(job);
    bh_job_json_free(json);
    return result == BH_EXIT_DONE && !send->options->dry_run ? bh_push_flush(&send->push) : result;
}

static enum bh_exit
send_from_options(struct send *send)
{
    struct bh_uuid_text uuid;
    struct bh_draft draft;
    struct bh_error error = {.text = "short of memory"};
    char now[24];
    enum bh_exit result = make_id(&uuid);
    if (result != BH_EXIT_DONE)
        return result;
    snprintf(now, sizeof(now), "%lld", (long long)bh_cli_now().ms);
    if (bh_draft_make(&send->options->job, uuid.text, now, &draft, &error) != BH_OK)
        return bh_cli_fail("%s", error.text);
    result = send_draft(send, &draft);
    bh_draft_release(&draft);
    return result;
}

/* ---- Jobs on standard input ---- */

/*
 * The job with what it lacks put in front of its first member.  The rest stays byte for byte as the producer
 * wrote it.  A valid job is an object with members, so a comma can follow.
 */
static enum bh_status
complete(const struct bh_job *job, const char *id, struct bh_str json, struct bh_buf *out)
{
    const char *brace = memchr(json.ptr, '{', json.len);
    BH_ASSERT(brace != NULL);
    size_t head = (size_t)(brace - json.ptr) + 1;
    (void)bh_buf_append_char(out, '{');
    if (job->id == NULL)
        (void)bh_buf_printf(out, "\"id\":\"%s\",", id);
    if (job->enqueued_at_ms == 0)
        (void)bh_buf_printf(out, "\"enqueued_at\":%lld,", (long long)bh_cli_now().ms);
    return bh_buf_append(out, json.ptr + head, json.len - head);
}

static enum bh_exit
take_line_job(struct send *send, const struct bh_job *job, struct bh_str json)
{
    struct bh_uuid_text uuid;
    enum bh_exit result = make_id(&uuid);
    if (result != BH_EXIT_DONE)
        return result;
    const char *id = job->id != NULL ? job->id : uuid.text;
    struct bh_buf whole;
    bh_buf_init(&whole, json.len + 256);
    result = complete(job, id, json, &whole) == BH_OK ? take_job(send, job, id, bh_buf_str(&whole))
                                                      : bh_cli_fail("short of memory");
    bh_buf_release(&whole);
    return result;
}

/* A bad line does not stop the good ones; it is told, and decides the exit status. */
static enum bh_exit
send_line(void *arg, struct bh_str line)
{
    struct send *send = arg;
    struct bh_job *job = NULL;
    struct bh_error error;
    send->line++;
    enum bh_job_verdict verdict = bh_job_parse(line.ptr, line.len, &send->rules, &job, &error);
    if (verdict == BH_JOB_NO_MEMORY)
        return bh_cli_fail("short of memory");
    if (verdict == BH_JOB_BAD) {
        send->refused++;
        bh_cli_warn("job %zu is not pushed: %s", send->line, error.text);
        return BH_EXIT_DONE;
    }
    enum bh_exit result = take_line_job(send, job, line);
    bh_job_free(job);
    return result;
}

static enum bh_exit
send_gathered(void *arg)
{
    struct send *send = arg;
    return bh_push_flush(&send->push);
}

static enum bh_exit
send_from_input(struct send *send)
{
    enum bh_exit result =
        bh_line_input_each(BH_JOB_BYTES_MAX_WITH_FILES, send_line, send_gathered, send);
    if (result == BH_EXIT_DONE && send->line == 0) {
        bh_cli_warn("there was no job on standard input");
        return BH_EXIT_NOTHING;
    }
    if (result == BH_EXIT_DONE && send->refused > 0)
        return bh_cli_fail("%zu of %zu jobs were not pushed", send->refused, send->line);
    return result;
}

/* ---- The command ---- */

static bool
has_job_options(const struct bh_draft_options *job)
{
    return job->to.count > 0 || job->text != NULL || job->text_file != NULL || job->id != NULL;
}

static enum bh_exit
read_wait(struct send *send)
{
    const struct bh_option_maybe *wait = &send->options->wait;
    struct bh_error error;
    send->wait_ms = BH_FOLLOW_FOREVER;
    if (wait->value != NULL && bh_duration_parse(bh_str_from(wait->value), BH_UNIT_REQUIRED,
                                                 &send->wait_ms, &error) != BH_OK)
        return bh_cli_misuse("--wait: %s", error.text);
    return BH_EXIT_DONE;
}

static enum bh_exit
follow_pushed(struct send *send)
{
    if (!send->options->wait.given || send->push.pushed == 0)
        return BH_EXIT_DONE;
    const struct bh_follow follow = {
        .queue = send->queue.names[0],
        .keys = &send->queue.keys[0],
        .ids = (const char *const *)send->push.ids,
        .count = send->push.pushed,
        .timeout_ms = send->wait_ms,
    };
    return bh_follow_run(send->cli, &follow);
}

static enum bh_exit
send_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    struct send send = {.cli = cli, .options = options};
    bool from_input = operands.count == 1 && strcmp(operands.values[0], "-") == 0;
    if (operands.count > 0 && !from_input)
        return bh_cli_misuse("%s is no option; the text belongs behind --text",
                             bh_quote(bh_str_from(operands.values[0])).text);
    if (from_input && has_job_options(&send.options->job))
        return bh_cli_misuse(
            "a job comes from options or, with `-`, from standard input, not both");
    if (!from_input && !has_job_options(&send.options->job))
        return bh_cli_misuse("what?  bellhop send --to NUMBER --text TEXT, or `-` for jobs as JSON "
                             "on standard input");
    enum bh_exit result = read_wait(&send);
    if (result == BH_EXIT_DONE)
        result = choose_queue(&send);
    if (result != BH_EXIT_DONE)
        return result;
    set_rules(&send);
    bh_push_init(&send.push, cli, send.queue.names[0], &send.queue.keys[0],
                 send.options->wait.given);
    result = from_input ? send_from_input(&send) : send_from_options(&send);
    enum bh_exit followed = follow_pushed(&send);
    bh_push_release(&send.push);
    return result != BH_EXIT_DONE ? result : followed;
}

const struct bh_command_row bh_command_send = {
    .name = "send",
    .summary = "push jobs onto a queue",
    .usage = "[--queue NAME] --to NUMBER --text TEXT [OPTIONS] | [--queue NAME] -",
    .text =
        "Checks the job as the worker would, pushes it, and prints its id.  `-` reads jobs as JSON "
        "from\n"
        "standard input, one per line; `id` and `enqueued_at` are filled in where they are "
        "missing.\n"
        "With --wait the exit status is 0 only if everything was sent.\n\n"
        "examples:\n"
        "  bellhop send --to +491701234567 --text 'Your table is ready' --from Bistro\n"
        "  bellhop send --queue voice --to +491701234567 --text 'Your code is 1 2 3' --wait=30s\n"
        "  bellhop send --to +491701234567 --text 'Contract: [[offer.pdf]]' --file offer.pdf\n"
        "  bellhop send --dry-run --to +491701234567 --text 'Grüße 🎉'\n"
        "  jq -c '.[]' jobs.json | bellhop send --queue sms -",
    .options = send_option_rows,
    .options_count = BH_ARRAY_LEN(send_option_rows),
    .options_size = sizeof(struct send_options),
    .run = send_run,
};
