/*
 * probe-lock: does the account's reload lock work?  The same SMS is sent twice; the second has to be refused.
 *
 * It is the one command that speaks to the gateway, and it costs money, so it asks before it acts and reaches for
 * Redis, where the result has to go, before it sends.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bellhop/sms.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/figures.h"
#include "cli/gateway_line.h"
#include "core/duration.h"
#include "core/fault.h"
#include "core/gateway_answer.h"
#include "core/json.h"
#include "core/money.h"
#include "core/phone.h"

#define WAIT_DEFAULT_MS (2 * BH_SECOND_MS)
#define WAIT_MAX_MS     BH_MINUTE_MS

struct probe_options {
    const char *to;
    const char *from;
    const char *text;
    const char *wait;
    bool yes;
};

static const struct bh_option probe_option_rows[] = {
    {"to",   BH_OPTION_TEXT, "NUMBER", "the phone that gets the SMS; your own, best",
     offsetof(struct probe_options,                                                                                  to)  },
    {"from", BH_OPTION_TEXT, "SENDER", "who sends; else the account's default",
     offsetof(struct probe_options,                                                                                  from)},
    {"text", BH_OPTION_TEXT, "TEXT",   "what to send; else a sentence with the time",
     offsetof(struct probe_options,                                                                                  text)},
    {"wait", BH_OPTION_TEXT, "TIME",   "between the two requests; else 2s",
     offsetof(struct probe_options,                                                                                  wait)},
    {"yes",  BH_OPTION_FLAG, NULL,     "send without asking",                         offsetof(struct probe_options, yes) },
};

enum verdict {
    VERDICT_ON,
    VERDICT_OFF,
    VERDICT_UNDECIDED,
};

/* What one of the two requests led to; a copy, since an outcome's results are freed. */
struct attempt {
    bool made;
    enum bh_outcome_kind kind;
    int code;
    int http_status;
    char id[24];
    int64_t price_micro; /* -1 unknown */
    char error[200];
};

struct probe {
    struct bh_cli *cli;
    const struct probe_options *options;
    bh_ms wait_ms;
    struct bh_msisdn msisdn;
    struct bh_recipient recipient;
    char text[160];
    char foreign_id[48];
    struct bh_job job;
    struct bh_gateway_request request;
    struct bh_gateway_line *line;
    struct attempt attempts[2];
    enum verdict verdict;
    char reason[320]; /* why it is undecided */
    bool stored;
};

/* ---- what is to be sent ---- */

static enum bh_exit
read_options(struct probe *probe)
{
    const struct probe_options *options = probe->options;
    const struct bh_config_gateway *gateway = &probe->cli->config->gateway;
    struct bh_address address;
    struct bh_error error;
    if (bh_recipient_parse(bh_str_from(options->to), bh_str_from(gateway->country), &address,
                           &error) != BH_OK)
        return bh_cli_misuse("--to: %s", error.text);
    if (!address.is_number)
        return bh_cli_misuse("--to: one number, not a contact or a group");
    probe->msisdn = address.msisdn;
    probe->wait_ms = WAIT_DEFAULT_MS;
    if (options->wait != NULL && bh_duration_parse(bh_str_from(options->wait), BH_UNIT_REQUIRED,
                                                   &probe->wait_ms, &error) != BH_OK)
        return bh_cli_misuse("--wait: %s", error.text);
    if (probe->wait_ms > WAIT_MAX_MS)
        return bh_cli_misuse("--wait: at most a minute, the lock must not be over by then");
    return BH_EXIT_DONE;
}

/* A text that nobody has sent before, or an earlier SMS would hold the lock. */
static enum bh_exit
compose(struct probe *probe)
{
    const struct probe_options *options = probe->options;
    struct bh_wall now = bh_cli_now();
    struct bh_job *job = &probe->job;
    struct bh_sms_size size;
    struct bh_error error;
    snprintf(probe->foreign_id, sizeof(probe->foreign_id), "probe-lock-%lld", (long long)now.ms);
    snprintf(probe->text, sizeof(probe->text),
             "Bellhop tries the reload lock (%s.%03d). Of two SMS like this, one must arrive.",
             bh_display_time(now).text, (int)(now.ms % 1000));
    probe->recipient = (struct bh_recipient){options->to, probe->msisdn.digits};
    *job = (struct bh_job){
        .type = BH_JOB_SMS,
        .recipients = &probe->recipient,
        .recipients_count = 1,
        .text = options->text != NULL ? options->text : probe->text,
        .from = options->from,
        .foreign_id = probe->foreign_id,
    };
    if (!bh_sms_measure(job->text, strlen(job->text), NULL, &size, &error))
        return bh_cli_misuse("--text: %s", error.text);
    if (size.characters == 0 || size.parts != 1)
        return bh_cli_misuse("--text: as much as fits into one SMS; it would cost %zu", size.parts);
    return BH_EXIT_DONE;
}

/* ---- asking before it costs ---- */

static bool
is_confirmed(const struct probe *probe)
{
    char answer[16];
    fprintf(stderr,
            "This sends an SMS to %s through %s, and the same once more, which\n"
            "the gateway should refuse.  It costs one SMS, and two if the reload lock is off.\n"
            "Go on? [y/N] ",
            probe->msisdn.digits, probe->cli->config->gateway.url);
    (void)fflush(stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static enum bh_exit
confirm(const struct probe *probe)
{
    if (probe->options->yes)
        return BH_EXIT_DONE;
    if (isatty(STDIN_FILENO) != 1)
        return bh_cli_misuse("probe-lock sends an SMS, which costs money (two SMS if the reload "
                             "lock is off): add --yes");
    return is_confirmed(probe) ? BH_EXIT_DONE : bh_cli_fail("nothing was sent");
}

/* ---- one request ---- */

static void
on_answer(void *arg, const struct bh_exchange *exchange)
{
    struct probe *probe = arg;
    struct attempt *attempt = &probe->attempts[probe->attempts[0].made ? 1 : 0];
    const struct bh_recipient *recipient = &probe->recipient;
    const struct bh_gateway_asked asked = {
        .type = BH_JOB_SMS, .recipients = &recipient, .recipients_count = 1};
    struct bh_outcome outcome;
    *attempt = (struct attempt){.made = true, .kind = BH_OUTCOME_UNCERTAIN, .price_micro = -1};
    if (bh_gateway_answer_read(exchange, &asked, &outcome) != BH_OK) {
        snprintf(attempt->error, sizeof(attempt->error),
                 "The answer could not be read: short of memory.");
        return;
    }
    const struct bh_recipient_result *result = &outcome.results[0];
    attempt->kind = outcome.kind;
    attempt->code = outcome.code;
    attempt->http_status = outcome.http_status;
    memcpy(attempt->id, result->id, sizeof(attempt->id));
    attempt->price_micro =
        outcome.total_price_micro >= 0 ? outcome.total_price_micro : result->price_micro;
    memcpy(attempt->error, outcome.error, sizeof(attempt->error));
    bh_outcome_release(&outcome);
}

static enum bh_exit
send_once(struct probe *probe)
{
    const struct bh_recipient *recipient = &probe->recipient;
    const struct bh_gateway_message message = {
        .job = &probe->job, .recipients = &recipient, .recipients_count = 1};
    struct bh_gateway_caller caller;
    struct bh_error error = {.text = "short of memory"};
    enum bh_status status = bh_gateway_caller_init(probe->cli, &caller, &error);
    if (status == BH_OK)
        status = bh_gateway_request_message(&probe->request, &caller.profile, &caller.stamp,
                                            &message, &error);
    if (status != BH_OK)
        return bh_cli_fail("the request cannot be made: %s", error.text);
    bh_gateway_line_ask(probe->line, &probe->request, on_answer, probe);
    return BH_EXIT_DONE;
}

/* ---- what it means ---- */

static const char *
advice_for(const struct attempt *attempt)
{
    static const struct {
        int code;
        const char *advice;
    } rows[] = {
        {11,  "Try again later."                                                               },
        {201, "Give another sender with --from."                                               },
        {202, "Give another number with --to."                                                 },
        {402, "The same SMS was sent a moment ago: wait three minutes, or give another --text."},
        {403, "Give another number with --to, or try again tomorrow."                          },
        {500, "Top up the account."                                                            },
        {600, "Try again later, or with another number."                                       },
        {900, "Correct [gateway] api_key."                                                     },
        {901, "Correct [gateway] signing_key, or this machine's clock."                        },
        {902, "Give the key the right to send SMS."                                            },
        {903, "Add this machine's address to those that the account allows."                   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        if (rows[i].code == attempt->code)
            return rows[i].advice;
    if (attempt->kind == BH_OUTCOME_UNSENT)
        return "Look at [gateway] url, and at the network.";
    return "Try again.";
}

/* Sandbox keys take everything and send nothing, and keep no lock that could be tried. */
static bool
is_sandbox(const struct attempt *attempt)
{
    return attempt->id[0] == '\0' && attempt->price_micro == 0;
}

static void
judge_first(struct probe *probe)
{
    const struct attempt *first = &probe->attempts[0];
    probe->verdict = VERDICT_UNDECIDED;
    if (first->kind != BH_OUTCOME_ACCEPTED)
        snprintf(probe->reason, sizeof(probe->reason), "%s %s", first->error, advice_for(first));
    else if (is_sandbox(first))
        snprintf(probe->reason, sizeof(probe->reason),
                 "This is a sandbox key: nothing is sent, and there is no lock to be tried.");
}

static void
judge_second(struct probe *probe)
{
    const struct attempt *second = &probe->attempts[1];
    if (second->kind == BH_OUTCOME_REFUSED && second->code == 402) {
        probe->verdict = VERDICT_ON;
    } else if (second->kind == BH_OUTCOME_ACCEPTED) {
        probe->verdict = VERDICT_OFF;
    } else {
        snprintf(probe->reason, sizeof(probe->reason),
                 "The first SMS was sent, but the repetition tells nothing. %s %s", second->error,
                 advice_for(second));
    }
}

static void
pause_between(bh_ms wait_ms)
{
    struct timespec left = {.tv_sec = (time_t)(wait_ms / BH_SECOND_MS),
                            .tv_nsec = (long)(wait_ms % BH_SECOND_MS) * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static enum bh_exit
send_twice(struct probe *probe)
{
    enum bh_exit result = send_once(probe);
    if (result != BH_EXIT_DONE)
        return result;
    judge_first(probe);
    if (probe->reason[0] != '\0')
        return BH_EXIT_DONE;
    pause_between(probe->wait_ms);
    result = send_once(probe);
    if (result == BH_EXIT_DONE)
        judge_second(probe);
    return result;
}

/* ---- keeping and telling ---- */

static enum bh_exit
store(struct probe *probe)
{
    static const char *const why[] = {
        [VERDICT_ON] = "the same SMS was sent twice, and the repetition was refused (code 402)",
        [VERDICT_OFF] = "the same SMS was sent twice, and both were accepted",
    };
    if (probe->verdict == VERDICT_UNDECIDED)
        return BH_EXIT_DONE;
    enum bh_exit result = bh_figures_know_lock(
        probe->cli, probe->verdict == VERDICT_ON ? BH_LOCK_ON : BH_LOCK_OFF, why[probe->verdict]);
    probe->stored = result == BH_EXIT_DONE;
    return result;
}

static void
put_attempt(struct bh_json_writer *writer, const char *name, const struct attempt *attempt)
{
    if (!attempt->made)
        return;
    bh_json_open_object(writer, name);
    bh_json_put_text(writer, "outcome", bh_outcome_kind_name(attempt->kind));
    bh_json_put_int(writer, "code", attempt->code);
    bh_json_put_int(writer, "http_status", attempt->http_status);
    if (attempt->id[0] != '\0')
        bh_json_put_text(writer, "message_id", attempt->id);
    if (attempt->price_micro >= 0)
        bh_json_put_raw(writer, "price", bh_str_from(bh_money_format(attempt->price_micro).text));
    bh_json_close_object(writer);
}

static enum bh_status
print_json(const struct probe *probe)
{
    static const char *const words[] = {
        [VERDICT_ON] = "on", [VERDICT_OFF] = "off", [VERDICT_UNDECIDED] = "undecided"};
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, 8192);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "reload_lock", words[probe->verdict]);
    bh_json_put_bool(&writer, "stored", probe->stored);
    if (probe->reason[0] != '\0')
        bh_json_put_text(&writer, "reason", probe->reason);
    bh_json_put_text(&writer, "foreign_id", probe->foreign_id);
    put_attempt(&writer, "first", &probe->attempts[0]);
    put_attempt(&writer, "second", &probe->attempts[1]);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

static int64_t
spent(const struct probe *probe)
{
    int64_t sum = 0;
    for (size_t i = 0; i < BH_ARRAY_LEN(probe->attempts); i++)
        if (probe->attempts[i].kind == BH_OUTCOME_ACCEPTED && probe->attempts[i].price_micro > 0)
            sum += probe->attempts[i].price_micro;
    return sum;
}

static void
print_for_people(const struct probe *probe)
{
    switch (probe->verdict) {
    case VERDICT_ON:
        printf("The reload lock works: the repetition was refused (code 402).\n"
               "After a lost answer Bellhop repeats within the lock's time, which cannot send a "
               "message twice.\n");
        break;
    case VERDICT_OFF:
        printf("The reload lock is off: both SMS were accepted, so two were sent.\n"
               "Bellhop does not rely on it any more: what became of a message whose answer was "
               "lost is told by\n"
               "the gateway's journal and by delivery reports, or by nobody. Switch the lock on in "
               "the account's\n"
               "settings and run this again, or set [gateway] reload_lock = off.\n");
        break;
    case VERDICT_UNDECIDED: printf("Undecided. %s\n", probe->reason); break;
    }
    if (spent(probe) > 0)
        printf("It cost %s.\n", bh_money_format(spent(probe)).text);
}

/* ---- the command ---- */

/* What has to be right before anything is sent: key, and a Redis that can keep the result. */
static enum bh_exit
check_account(struct probe *probe)
{
    struct bh_account_view view;
    enum bh_exit result = bh_figures_account(probe->cli, &view);
    if (result == BH_EXIT_NOTHING)
        return bh_cli_fail("the gateway's API key cannot be read from the configuration; this "
                           "command has to send through the gateway");
    if (result != BH_EXIT_DONE)
        return result;
    if (view.state != BH_ACCOUNT_OPEN)
        return bh_cli_fail("the account is paused (%s): nothing was sent", view.reason);
    if (probe->cli->config->gateway.reload_lock_ms == 0)
        bh_cli_warn("[gateway] reload_lock is off: as long as it is, the result is not used");
    return BH_EXIT_DONE;
}

static enum bh_exit
run_probe(struct probe *probe)
{
    enum bh_exit result = bh_gateway_line_open(probe->cli, &probe->line);
    if (result != BH_EXIT_DONE)
        return result;
    bh_gateway_request_init(&probe->request, 0);
    result = send_twice(probe);
    bh_gateway_request_release(&probe->request);
    bh_gateway_line_close(probe->line);
    if (result != BH_EXIT_DONE)
        return result;
    result = store(probe);
    if (!probe->cli->json)
        print_for_people(probe);
    else if (print_json(probe) != BH_OK)
        result = bh_cli_fail("short of memory");
    if (result == BH_EXIT_DONE && probe->verdict != VERDICT_ON)
        result = BH_EXIT_FAILED;
    return result;
}

static enum bh_exit
probe_lock_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    struct probe probe = {.cli = cli, .options = options};
    if (operands.count > 0)
        return bh_cli_misuse("probe-lock takes no operands; the number is --to NUMBER");
    if (probe.options->to == NULL)
        return bh_cli_misuse("probe-lock needs --to NUMBER, a phone that may get the SMS");
    enum bh_exit result = bh_configuration_load(cli);
    if (result == BH_EXIT_DONE)
        result = read_options(&probe);
    if (result == BH_EXIT_DONE)
        result = compose(&probe);
    if (result == BH_EXIT_DONE)
        result = confirm(&probe);
    if (result == BH_EXIT_DONE)
        result = check_account(&probe);
    return result == BH_EXIT_DONE ? run_probe(&probe) : result;
}

const struct bh_command_row bh_command_probe_lock = {
    .name = "probe-lock",
    .summary = "try whether the gateway refuses a repeated SMS",
    .usage = "--to NUMBER [--from SENDER] [--text TEXT] [--wait TIME] [--yes]",
    .text =
        "Sends an SMS and the same once more.  If the gateway's reload lock works, it refuses the "
        "second one;\n"
        "then Bellhop can tell after a lost answer whether a message was sent, by repeating it.  "
        "The result\n"
        "is kept in Redis, for all workers of the account, until an answer contradicts it.\n"
        "It costs one SMS, and two if the lock is off.\n\n"
        "exit status: 0 the lock works, 1 it does not or it cannot be told, 2 used wrongly\n\n"
        "examples:\n"
        "  bellhop probe-lock --to +491701234567\n"
        "  bellhop probe-lock --to +491701234567 --yes --json",
    .options = probe_option_rows,
    .options_count = BH_ARRAY_LEN(probe_option_rows),
    .options_size = sizeof(struct probe_options),
    .run = probe_lock_run,
};
