/* pause, resume, limit and drain: what is true of a whole queue, or of the account. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/figures.h"
#include "cli/interrupt.h"
#include "cli/session.h"
#include "cli/wake.h"
#include "cli/who.h"
#include "core/duration.h"
#include "core/json.h"
#include "core/utf8.h"
#include "redis/queue_view.h"
#include "redis/reply_reader.h"

#define LINE_BYTES    ((size_t)4096)
#define REASON_MAX    200
#define LIMIT_MAX     1000000
#define DRAIN_LOOK_MS 200

struct control_options {
    const char *reason;
    const char *rate;
    const char *concurrency;
    const char *timeout;
    bool all;
    bool account;
    bool clear;
};

#define OPTION(name, kind, value, help, member)                                                    \
    {                                                                                              \
        name, kind, value, help, offsetof(struct control_options, member)                          \
    }

/* ---- which queues ---- */

static enum bh_exit
take_queue(struct bh_queue_choice *choice, struct bh_cli *cli, const char *name)
{
    struct bh_queue_choice one;
    for (size_t i = 0; i < choice->count; i++) {
        if (strcmp(choice->names[i], name) == 0)
            return BH_EXIT_DONE;
    }
    if (choice->count == BH_CONFIG_QUEUES_MAX)
        return bh_cli_misuse("too many queues");
    enum bh_exit result = bh_configuration_queues(cli, name, &one);
    if (result != BH_EXIT_DONE)
        return result;
    choice->names[choice->count] = one.names[0];
    choice->configs[choice->count] = one.configs[0];
    choice->keys[choice->count++] = one.keys[0];
    return BH_EXIT_DONE;
}

static enum bh_exit
choose(struct bh_cli *cli, bool all, struct bh_operands operands, struct bh_queue_choice *choice)
{
    enum bh_exit result = BH_EXIT_DONE;
    choice->count = 0;
    if (all && operands.count > 0)
        return bh_cli_misuse("either --all or the names of queues");
    if (all)
        return bh_configuration_queues(cli, NULL, choice);
    for (size_t i = 0; i < operands.count && result == BH_EXIT_DONE; i++)
        result = take_queue(choice, cli, operands.values[i]);
    return result;
}

/* ---- telling and keeping ---- */

static enum bh_exit
tell(struct bh_cli *cli, const char *queue, const char *operation, bool changed,
     const char *sentence)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    if (!cli->json) {
        printf("%s: %s\n", queue != NULL ? queue : "account", sentence);
        return BH_EXIT_DONE;
    }
    bh_buf_init(&line, LINE_BYTES);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    if (queue != NULL)
        bh_json_put_text(&writer, "queue", queue);
    else
        bh_json_put_bool(&writer, "account", true);
    bh_json_put_text(&writer, "operation", operation);
    bh_json_put_text(&writer, "result", changed ? "done" : "already");
    bh_json_put_text(&writer, "text", sentence);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

/* The change and its line in the audit are one call, which is released. */
static enum bh_exit
control(struct bh_cli *cli, const char *what, struct bh_call *call,
        struct bh_queue_control *ret_control)
{
    struct redisReply *reply;
    enum bh_exit result = bh_session_script(cli, what, call, &reply);
    bh_call_release(call);
    if (result != BH_EXIT_DONE)
        return result;
    if (bh_decode_control(reply, ret_control) != BH_OK)
        result = bh_cli_fail("cannot %s: Redis answers what our script does not give", what);
    bh_redis_reply_free(reply);
    return result;
}

/* ---- pause and resume ---- */

typedef void encode_change(struct bh_call *call, const struct bh_queue_keys *keys,
                           struct bh_str who, struct bh_str reason);

static enum bh_exit
change_queue(struct bh_cli *cli, const struct bh_queue_keys *keys, const char *what,
             encode_change *encode, const char *reason, bool *ret_changed)
{
    char who[BH_WHO_MAX];
    struct bh_call call;
    struct bh_queue_control answer;
    bh_who(who);
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    encode(&call, keys, bh_str_from(who), bh_str_from(reason));
    enum bh_exit result = control(cli, what, &call, &answer);
    if (result == BH_EXIT_DONE)
        *ret_changed = answer.changed;
    return result;
}

static enum bh_exit
check_reason(const char *reason)
{
    if (reason != NULL && strlen(reason) > REASON_MAX)
        return bh_cli_misuse("--reason takes at most %d bytes", REASON_MAX);
    if (reason != NULL && !bh_utf8_is_valid(bh_str_from(reason)))
        return bh_cli_misuse("--reason is not UTF-8");
    return BH_EXIT_DONE;
}

static enum bh_exit
control_account(struct bh_cli *cli, bool pause, const char *reason)
{
    bool changed;
    enum bh_exit result = bh_figures_pause_account(cli, pause, bh_str_from(reason), &changed);
    if (result != BH_EXIT_DONE)
        return result;
    return tell(cli, NULL, pause ? "pause" : "resume", changed,
                pause ? changed ? "paused until `bellhop resume --account`" : "is paused already"
                : changed ? "goes on"
                          : "is not paused");
}

static enum bh_exit
pause_or_resume(struct bh_cli *cli, const struct control_options *options,
                struct bh_operands operands, bool pause)
{
    struct bh_queue_choice queues;
    const char *verb = pause ? "pause" : "resume";
    const char *reason = options->reason != NULL ? options->reason : "";
    enum bh_exit result = check_reason(options->reason);
    if (result != BH_EXIT_DONE)
        return result;
    if (!options->all && !options->account && operands.count == 0)
        return bh_cli_misuse("%s what?  The name of a queue, --all or --account", verb);
    result = choose(cli, options->all, operands, &queues);
    for (size_t i = 0; i < queues.count && result == BH_EXIT_DONE; i++) {
        bool changed = false;
        result =
            change_queue(cli, &queues.keys[i], pause ? "pause the queue" : "resume the queue",
                         pause ? bh_encode_queue_pause : bh_encode_queue_resume, reason, &changed);
        if (result == BH_EXIT_DONE)
            result = tell(cli, queues.names[i], verb, changed,
                          pause ? changed ? "paused; what is in flight ends" : "is paused already"
                          : changed ? "goes on within a second"
                                    : "is not paused");
    }
    if (result == BH_EXIT_DONE && options->account)
        result = control_account(cli, pause, reason);
    return result;
}

static enum bh_exit
pause_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    return pause_or_resume(cli, options, operands, true);
}

static enum bh_exit
resume_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    enum bh_exit result = pause_or_resume(cli, options, operands, false);
    if (result == BH_EXIT_DONE)
        bh_wake_workers(cli);
    return result;
}

/* ---- limit ---- */

static enum bh_exit
read_limit(const char *option, const char *text, int64_t *ret_limit)
{
    int64_t limit;
    if (text == NULL)
        return BH_EXIT_DONE;
    if (!bh_str_to_int64(bh_str_from(text), &limit) || limit < 0 || limit > LIMIT_MAX)
        return bh_cli_misuse("--%s needs a number from 0 (no limit) to %d", option, LIMIT_MAX);
    *ret_limit = limit;
    return BH_EXIT_DONE;
}

static void
append_limit(struct bh_buf *buf, const char *name, int64_t limit, int64_t configured)
{
    bool set = limit != BH_QUEUE_LIMIT_UNSET;
    int64_t holds = set ? limit : configured;
    if (holds < 0)
        (void)bh_buf_printf(buf, "%s as configured where bellhopd runs", name);
    else if (holds == 0)
        (void)bh_buf_printf(buf, "%s without limit", name);
    else
        (void)bh_buf_printf(buf, "%s %lld", name, (long long)holds);
    if (holds >= 0)
        (void)bh_buf_append_text(buf, set ? " (set at run time)" : " (configuration)");
}

static enum bh_exit
tell_limits(struct bh_cli *cli, const struct bh_queue_choice *queues, size_t at,
            const struct bh_queue_control *limits)
{
    const struct bh_queue_config *config = queues->configs[at];
    struct bh_buf text;
    bh_buf_init(&text, LINE_BYTES);
    append_limit(&text, "rate", limits->rate, config != NULL ? (int64_t)config->rate : -1);
    (void)bh_buf_append_text(&text, ", ");
    append_limit(&text, "concurrency", limits->concurrency,
                 config != NULL ? (int64_t)config->concurrency : -1);
    enum bh_exit result = bh_buf_status(&text) == BH_OK ? tell(cli, queues->names[at], "limit",
                                                               limits->changed, bh_buf_text(&text))
                                                        : bh_cli_fail("short of memory");
    bh_buf_release(&text);
    return result;
}

static enum bh_exit
show_limits(struct bh_cli *cli, const struct bh_queue_choice *queues, size_t at)
{
    struct bh_figures figures;
    enum bh_exit result = bh_figures_read(cli, &queues->keys[at], &figures);
    if (result != BH_EXIT_DONE)
        return result;
    const struct bh_queue_control limits = {false, figures.view.rate, figures.view.concurrency};
    bh_figures_release(&figures);
    return tell_limits(cli, queues, at, &limits);
}

static enum bh_exit
limit_queue(struct bh_cli *cli, const struct bh_queue_choice *queues, size_t at, int64_t rate,
            int64_t concurrency)
{
    char who[BH_WHO_MAX];
    struct bh_queue_control limits;
    struct bh_call call;
    if (rate == BH_QUEUE_LIMIT_STAYS && concurrency == BH_QUEUE_LIMIT_STAYS)
        return show_limits(cli, queues, at);
    bh_who(who);
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    bh_encode_queue_limit(&call, &queues->keys[at], bh_str_from(who), rate, concurrency);
    enum bh_exit result = control(cli, "limit the queue", &call, &limits);
    return result == BH_EXIT_DONE ? tell_limits(cli, queues, at, &limits) : result;
}

static enum bh_exit
limit_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct control_options *wanted = options;
    struct bh_queue_choice queues;
    int64_t rate = wanted->clear ? BH_QUEUE_LIMIT_UNSET : BH_QUEUE_LIMIT_STAYS;
    int64_t concurrency = rate;
    if (!wanted->all && operands.count == 0)
        return bh_cli_misuse("limit what?  The name of a queue, or --all");
    if (wanted->clear && (wanted->rate != NULL || wanted->concurrency != NULL))
        return bh_cli_misuse("either --clear or new limits");
    enum bh_exit result = read_limit("rate", wanted->rate, &rate);
    if (result == BH_EXIT_DONE)
        result = read_limit("concurrency", wanted->concurrency, &concurrency);
    if (result == BH_EXIT_DONE)
        result = choose(cli, wanted->all, operands, &queues);
    for (size_t i = 0; result == BH_EXIT_DONE && i < queues.count; i++)
        result = limit_queue(cli, &queues, i, rate, concurrency);
    return result;
}

/* ---- drain ---- */

static enum bh_exit
count_in_flight(struct bh_cli *cli, const struct bh_queue_choice *queues, uint64_t *ret_count)
{
    uint64_t count = 0;
    for (size_t i = 0; i < queues->count; i++) {
        struct bh_figures figures;
        enum bh_exit result = bh_figures_read(cli, &queues->keys[i], &figures);
        if (result != BH_EXIT_DONE)
            return result;
        count += figures.view.leases;
        bh_figures_release(&figures);
    }
    *ret_count = count;
    return BH_EXIT_DONE;
}

static enum bh_exit
stay_paused(const char *why, uint64_t count)
{
    return bh_cli_fail("%s with %llu in flight; the queues stay paused, `bellhop resume` lets them "
                       "go on",
                       why, (unsigned long long)count);
}

static enum bh_exit
wait_until_empty(struct bh_cli *cli, const struct bh_queue_choice *queues, bh_ms timeout_ms)
{
    const struct timespec pause = {0, DRAIN_LOOK_MS * 1000000L};
    bool progress = isatty(STDERR_FILENO) == 1;
    struct bh_wall begin = bh_cli_now();
    uint64_t count, told = UINT64_MAX;
    for (;;) {
        enum bh_exit result = count_in_flight(cli, queues, &count);
        if (result != BH_EXIT_DONE)
            return result;
        if (progress && count != told)
            fprintf(stderr, "\r\033[K%llu in flight", (unsigned long long)count);
        told = count;
        bool over = timeout_ms >= 0 && bh_cli_now().ms - begin.ms >= timeout_ms;
        if (count == 0 || over || bh_interrupted())
            break;
        (void)nanosleep(&pause, NULL);
    }
    if (progress)
        fputs("\r\033[K", stderr);
    if (count == 0)
        return BH_EXIT_DONE;
    return stay_paused(bh_interrupted() ? "interrupted" : "not done in time", count);
}

static enum bh_exit
drain_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct control_options *wanted = options;
    struct bh_queue_choice queues;
    struct bh_error error;
    bh_ms timeout_ms = -1;
    enum bh_exit result = check_reason(wanted->reason);
    if (result == BH_EXIT_DONE && wanted->timeout != NULL &&
        bh_duration_parse(bh_str_from(wanted->timeout), 0, &timeout_ms, &error) != BH_OK)
        return bh_cli_misuse("--timeout: %s", error.text);
    if (result == BH_EXIT_DONE)
        result = choose(cli, wanted->all || operands.count == 0, operands, &queues);
    if (result != BH_EXIT_DONE)
        return result;
    bh_interrupt_watch();
    for (size_t i = 0; i < queues.count && result == BH_EXIT_DONE; i++) {
        bool changed;
        result = change_queue(cli, &queues.keys[i], "pause the queue", bh_encode_queue_drain,
                              wanted->reason != NULL ? wanted->reason : "drain", &changed);
    }
    if (result == BH_EXIT_DONE)
        result = wait_until_empty(cli, &queues, timeout_ms);
    for (size_t i = 0; i < queues.count && result == BH_EXIT_DONE; i++)
        result = tell(cli, queues.names[i], "drain", true,
                      "paused, and nothing of it is in flight; `bellhop resume` lets it go on");
    return result;
}

/* ---- rows ---- */

/* clang-format off */
static const struct bh_option pause_rows[] = {
    OPTION("all", BH_OPTION_FLAG, NULL, "all queues of the configuration", all),
    OPTION("account", BH_OPTION_FLAG, NULL, "the gateway account, whatever queue uses it", account),
    OPTION("reason", BH_OPTION_TEXT, "TEXT", "why, for those who find it paused", reason),
};

static const struct bh_option resume_rows[] = {
    OPTION("all", BH_OPTION_FLAG, NULL, "all queues of the configuration", all),
    OPTION("account", BH_OPTION_FLAG, NULL, "the gateway account", account),
};

static const struct bh_option limit_rows[] = {
    OPTION("all", BH_OPTION_FLAG, NULL, "all queues of the configuration", all),
    OPTION("rate", BH_OPTION_TEXT, "COUNT", "jobs per second over all workers; 0 for no limit", rate),
    OPTION("concurrency", BH_OPTION_TEXT, "COUNT", "jobs in flight over all workers; 0 for no limit", concurrency),
    OPTION("clear", BH_OPTION_FLAG, NULL, "back to the configuration's limits", clear),
};

static const struct bh_option drain_rows[] = {
    OPTION("all", BH_OPTION_FLAG, NULL, "all queues, as without any name", all),
    OPTION("timeout", BH_OPTION_TEXT, "DURATION", "wait no longer, e.g. 30s", timeout),
    OPTION("reason", BH_OPTION_TEXT, "TEXT", "why, for those who find it paused (drain)", reason),
};

#define ROW(name_, rows_, summary_, usage_, text_)                                                 \
    const struct bh_command_row bh_command_##name_ = {                                             \
        .name = #name_,                                                                            \
        .summary = summary_,                                                                       \
        .usage = usage_,                                                                           \
        .text = text_,                                                                             \
        .options = rows_,                                                                          \
        .options_count = BH_ARRAY_LEN(rows_),                                                      \
        .options_size = sizeof(struct control_options),                                            \
        .run = name_##_run,                                                                        \
    }

ROW(pause, pause_rows, "stop sending from queues, or by the account",
    "[--reason TEXT] QUEUE...|--all|--account",
    "Workers claim nothing more from the queue; what is in flight ends as usual, and producers may go on\n"
    "pushing.  A paused account stops every queue that uses it; only bellhop resume lets it go on.\n\n"
    "examples:\n"
    "  bellhop pause sms --reason \"wrong text in the newsletter\"\n"
    "  bellhop pause --account");

ROW(resume, resume_rows, "let queues, or the account, go on",
    "QUEUE...|--all|--account",
    "A paused account goes on whatever it was paused for; if the cause still stands, it is soon paused\n"
    "again.\n\n"
    "examples:\n"
    "  bellhop resume sms\n"
    "  bellhop resume --all --account");

ROW(limit, limit_rows, "show or set how fast a queue is sent",
    "[--rate COUNT] [--concurrency COUNT] [--clear] QUEUE...|--all",
    "Limits that are set here go before the configuration's, hold over all workers and stay until they\n"
    "are cleared.  They work at each worker's next claim.  Without options the limits are shown.\n\n"
    "examples:\n"
    "  bellhop limit sms\n"
    "  bellhop limit sms --rate 5\n"
    "  bellhop limit sms --clear");

ROW(drain, drain_rows, "pause queues and wait until nothing is in flight",
    "[--timeout DURATION] [--reason TEXT] [QUEUE...]",
    "For work on the gateway's account, on Redis, or before bellhopd is replaced everywhere: all queues\n"
    "(or those that are named) are paused, and the command ends when no worker has a job of theirs in\n"
    "hand.  Ctrl-C ends the waiting; the queues stay paused until bellhop resume.  To stop one bellhopd,\n"
    "SIGTERM is enough: it drains itself and claims nothing meanwhile.\n\n"
    "examples:\n"
    "  bellhop drain\n"
    "  bellhop drain sms --timeout 30s && redis-cli save; bellhop resume sms");
/* clang-format on */
