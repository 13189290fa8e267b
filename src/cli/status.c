/* status: queues, account and Redis on one screen.  Every figure is read at constant cost. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/figures.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/json.h"

#define LINE_MAX ((size_t)64 * 1024)

struct status_options {
    const char *queue;
};

static const struct bh_option status_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME", "this queue only", offsetof(struct status_options, queue)},
};

struct status {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    struct bh_figures figures[BH_CONFIG_QUEUES_MAX];
    size_t figures_count;
    struct bh_account_view account;
    bool account_known;
    struct bh_redis_survey server;
};

/* ---- What is summed ---- */

static int64_t
sum_held(const struct bh_figures *figures)
{
    int64_t sum = 0;
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++)
        sum += bh_figures_held(figures, (enum bh_reason)reason);
    return sum;
}

/* Ends that are neither sent nor failed. */
static int64_t
sum_other_ends(const struct bh_figures *figures)
{
    int64_t sum = bh_queue_view_find(&figures->view, "outcome:duplicate_id");
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_state_is_final((enum bh_state)state) && state != BH_STATE_SENT &&
            state != BH_STATE_FAILED)
            sum += bh_figures_outcome(figures, (enum bh_state)state);
    }
    return sum;
}

/* ---- For people ---- */

static void
add_titles(struct bh_table *table)
{
    static const char *const titles[] = {"QUEUE", "READY",     "SCHEDULED", "RETRYING",
                                         "HELD",  "IN FLIGHT", "UNCERTAIN", "DEAD",
                                         "TAKEN", "SENT",      "FAILED",    "OTHER"};
    bh_table_init(table, BH_ARRAY_LEN(titles), 0xFFE);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(table, BH_STYLE_DIM, "%s", titles[i]);
}

static void
add_row(struct bh_table *table, const char *queue, const struct bh_figures *figures)
{
    bh_table_add(table, figures->view.paused ? BH_STYLE_WARN : BH_STYLE_BOLD, "%s", queue);
    bh_table_add_count(table, BH_STYLE_PLAIN, bh_figures_ready(figures));
    bh_table_add_count(table, BH_STYLE_PLAIN, bh_queue_view_find(&figures->view, "now:scheduled"));
    bh_table_add_count(table, BH_STYLE_WARN, bh_queue_view_find(&figures->view, "now:retrying"));
    bh_table_add_count(table, BH_STYLE_WARN, sum_held(figures));
    bh_table_add_count(table, BH_STYLE_PLAIN, (int64_t)figures->view.leases);
    bh_table_add_count(table, BH_STYLE_WARN, bh_queue_view_find(&figures->view, "now:uncertain"));
    bh_table_add_count(table, BH_STYLE_BAD, (int64_t)figures->view.dead);
    bh_table_add_count(table, BH_STYLE_PLAIN, bh_queue_view_find(&figures->view, "handle"));
    bh_table_add_count(table, BH_STYLE_GOOD, bh_figures_outcome(figures, BH_STATE_SENT));
    bh_table_add_count(table, BH_STYLE_BAD, bh_figures_outcome(figures, BH_STATE_FAILED));
    bh_table_add_count(table, BH_STYLE_PLAIN, sum_other_ends(figures));
}

static void
append_pause(struct bh_buf *buf, const char *queue, const struct bh_figures *figures)
{
    if (!figures->view.paused)
        return;
    (void)bh_buf_printf(buf, "%s: paused since %s", queue,
                        bh_display_time(figures->view.since).text);
    if (figures->view.by.len > 0) {
        (void)bh_buf_append_text(buf, " by ");
        (void)bh_display_append(buf, figures->view.by);
    }
    if (figures->view.reason.len > 0) {
        (void)bh_buf_append_text(buf, ": ");
        (void)bh_display_append(buf, figures->view.reason);
    }
    (void)bh_buf_append_char(buf, '\n');
}

static void
append_held(struct bh_buf *buf, const char *queue, const struct bh_figures *figures)
{
    const char *joint = "";
    if (sum_held(figures) == 0)
        return;
    (void)bh_buf_printf(buf, "%s: held for ", queue);
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++) {
        int64_t held = bh_figures_held(figures, (enum bh_reason)reason);
        if (held == 0)
            continue;
        (void)bh_buf_printf(buf, "%s%s %" PRId64, joint, bh_reason_name((enum bh_reason)reason),
                            held);
        joint = ", ";
    }
    (void)bh_buf_append_char(buf, '\n');
}

static void
append_times(struct bh_buf *buf, const char *queue, const struct bh_figures *figures)
{
    int64_t oldest = figures->view.ready_created.ms;
    int64_t due = figures->view.next_due.ms;
    if (oldest > 0 && oldest < figures->view.server_now.ms)
        (void)bh_buf_printf(buf, "%s: the next job in the line is %s old\n", queue,
                            bh_display_span(figures->view.server_now.ms - oldest).text);
    if (due > figures->view.server_now.ms)
        (void)bh_buf_printf(buf, "%s: the next waiting job is due in %s\n", queue,
                            bh_display_span(due - figures->view.server_now.ms).text);
    else if (due > 0)
        (void)bh_buf_printf(buf, "%s: a waiting job has been due for %s\n", queue,
                            bh_display_span(figures->view.server_now.ms - due).text);
}

static void
append_limits(struct bh_buf *buf, const char *queue, const struct bh_figures *figures)
{
    if (figures->view.rate != BH_QUEUE_LIMIT_UNSET)
        (void)bh_buf_printf(buf, "%s: limited to %" PRId64 " jobs per second (0: no limit)\n",
                            queue, figures->view.rate);
    if (figures->view.concurrency != BH_QUEUE_LIMIT_UNSET)
        (void)bh_buf_printf(buf, "%s: limited to %" PRId64 " jobs in flight (0: no limit)\n", queue,
                            figures->view.concurrency);
}

static const char *
account_word(const struct bh_account_view *account)
{
    switch (account->state) {
    case BH_ACCOUNT_OPEN: return "open";
    case BH_ACCOUNT_PAUSED: return "paused";
    case BH_ACCOUNT_TRIAL: return "on trial";
    }
    return "unknown";
}

/* Millionths, to the cent; the account's currency is not known. */
static void
append_money(struct bh_buf *buf, int64_t micro)
{
    int64_t cents = micro / 10000;
    (void)bh_buf_printf(buf, "%s%" PRId64 ".%02d", micro < 0 && cents > -100 ? "-" : "",
                        cents / 100, (int)(cents < 0 ? -(cents % 100) : cents % 100));
}

static void
append_account(struct bh_buf *buf, const struct status *status)
{
    const struct bh_account_view *account = &status->account;
    if (!status->account_known)
        return;
    (void)bh_buf_printf(buf, "account %s", account_word(account));
    if (account->state != BH_ACCOUNT_OPEN) {
        (void)bh_buf_printf(buf, " (%s) since %s, %s ago", account->reason,
                            bh_display_time(account->since).text,
                            bh_display_span(account->server_now.ms - account->since.ms).text);
        if (account->text[0] != '\0') {
            (void)bh_buf_append_text(buf, ": ");
            (void)bh_display_append(buf, bh_str_from(account->text));
        }
    }
    if (account->balance_micro != INT64_MIN) {
        (void)bh_buf_append_text(buf, ", balance ");
        append_money(buf, account->balance_micro);
        (void)bh_buf_printf(buf, " (%s ago)",
                            bh_display_span(account->server_now.ms - account->balance_at.ms).text);
    }
    (void)bh_buf_append_char(buf, '\n');
}

static const char *
journal_word(enum bh_journal_access journal)
{
    switch (journal) {
    case BH_JOURNAL_UNKNOWN: return "not asked yet";
    case BH_JOURNAL_READABLE: return "readable";
    case BH_JOURNAL_DENIED: return "denied";
    }
    return "unknown";
}

/* What could tell about a lost answer. */
static void
append_witnesses(struct bh_buf *buf, const struct status *status)
{
    const struct bh_account_view *account = &status->account;
    struct bh_time_text at = bh_display_time(account->lock_at);
    if (!status->account_known)
        return;
    (void)bh_buf_append_text(buf, "reload lock: ");
    if (status->cli->config->gateway.reload_lock_ms == 0)
        (void)bh_buf_append_text(buf, "off by configuration");
    else if (account->lock == BH_LOCK_ON)
        (void)bh_buf_printf(buf, "proven on %s", at.text);
    else if (account->lock == BH_LOCK_OFF)
        (void)bh_buf_printf(buf, "off, seen on %s", at.text);
    else if (account->lock_at.ms > 0)
        (void)bh_buf_printf(buf, "doubtful since %s, run bellhop probe-lock", at.text);
    else
        (void)bh_buf_append_text(buf, "assumed");
    (void)bh_buf_printf(buf, "; journal: %s\n", journal_word(account->journal));
}

static const char *
persistence_word(enum bh_known appendonly)
{
    if (appendonly == BH_UNKNOWN)
        return "persistence unknown";
    return appendonly == BH_YES ? "append-only file" : "no append-only file";
}

static void
append_server(struct bh_buf *buf, const struct status *status)
{
    const struct bh_redis_survey *server = &status->server;
    const char *place = bh_session_place(status->cli);
    (void)bh_buf_append_text(buf, server->is_valkey ? "Valkey " : "Redis ");
    (void)bh_display_append(buf, bh_str_from(server->version));
    (void)bh_buf_append_text(buf, ", ");
    (void)bh_display_append(buf, bh_str_from(server->role));
    if (server->memory_used >= 0)
        (void)bh_buf_printf(buf, ", %s", bh_display_bytes(server->memory_used).text);
    if (server->memory_max > 0)
        (void)bh_buf_printf(buf, " of %s", bh_display_bytes(server->memory_max).text);
    (void)bh_buf_printf(buf, ", %s, %s\n", persistence_word(server->appendonly),
                        place != NULL ? place : "");
    if (strcmp(server->role, "slave") == 0)
        (void)bh_buf_append_text(buf, "      a replica: bellhopd needs the master\n");
    if (server->memory_max > 0 && server->eviction[0] != '\0' &&
        strcmp(server->eviction, "noeviction") != 0)
        (void)bh_buf_append_text(
            buf, "      maxmemory-policy lets Redis throw jobs away: it must be noeviction\n");
}

static enum bh_status
print_for_people(const struct status *status)
{
    struct bh_table table;
    struct bh_buf notes, head;
    bh_buf_init(&notes, LINE_MAX);
    bh_buf_init(&head, LINE_MAX);
    append_server(&head, status);
    append_account(&head, status);
    append_witnesses(&head, status);
    add_titles(&table);
    for (size_t i = 0; i < status->figures_count; i++) {
        const char *queue = status->queues.names[i];
        add_row(&table, queue, &status->figures[i]);
        append_pause(&notes, queue, &status->figures[i]);
        append_held(&notes, queue, &status->figures[i]);
        append_limits(&notes, queue, &status->figures[i]);
        append_times(&notes, queue, &status->figures[i]);
    }
    enum bh_status result = bh_buf_status(&head);
    if (result == BH_OK)
        result = bh_buf_status(&notes);
    if (result == BH_OK) {
        printf("%s\n", bh_buf_text(&head));
        result = bh_table_print(&table, stdout, status->cli->colour);
    }
    if (result == BH_OK && notes.len > 0)
        printf("\n%s", bh_buf_text(&notes));
    bh_table_release(&table);
    bh_buf_release(&head);
    bh_buf_release(&notes);
    return result;
}

/* ---- For machines ---- */

static void
put_held(struct bh_json_writer *writer, const struct bh_figures *figures)
{
    bh_json_open_object(writer, "held");
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++)
        bh_json_put_int(writer, bh_reason_name((enum bh_reason)reason),
                        bh_figures_held(figures, (enum bh_reason)reason));
    bh_json_close_object(writer);
}

static void
put_outcomes(struct bh_json_writer *writer, const struct bh_figures *figures)
{
    bh_json_open_object(writer, "outcomes");
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_state_is_final((enum bh_state)state))
            bh_json_put_int(writer, bh_state_name((enum bh_state)state),
                            bh_figures_outcome(figures, (enum bh_state)state));
    }
    bh_json_put_int(writer, "duplicate_id",
                    bh_queue_view_find(&figures->view, "outcome:duplicate_id"));
    bh_json_close_object(writer);
}

/* As the account's hash has them; null while nothing is known. */
static const char *const lock_words[] = {
    [BH_LOCK_UNKNOWN] = NULL,
    [BH_LOCK_ON] = "on",
    [BH_LOCK_OFF] = "off",
};

static const char *const journal_words[] = {
    [BH_JOURNAL_UNKNOWN] = NULL,
    [BH_JOURNAL_READABLE] = "yes",
    [BH_JOURNAL_DENIED] = "no",
};

static void
put_account(struct bh_json_writer *writer, const struct status *status)
{
    const struct bh_account_view *account = &status->account;
    if (!status->account_known)
        return;
    bh_json_open_object(writer, "account");
    bh_json_put_text(writer, "state",
                     account->state == BH_ACCOUNT_TRIAL ? "trial" : account_word(account));
    bh_json_put_text(writer, "reason", account->reason);
    bh_json_put_int(writer, "since", account->since.ms);
    bh_json_put_text(writer, "reload_lock", lock_words[account->lock]);
    bh_json_put_int(writer, "reload_lock_at", account->lock_at.ms);
    bh_json_put_text(writer, "journal", journal_words[account->journal]);
    bh_json_close_object(writer);
}

static void
put_server(struct bh_json_writer *writer, const struct bh_redis_survey *server)
{
    bh_json_open_object(writer, "redis");
    bh_json_put_text(writer, "version", server->version);
    bh_json_put_text(writer, "role", server->role);
    bh_json_put_int(writer, "used_bytes", server->memory_used);
    bh_json_put_int(writer, "max_bytes", server->memory_max);
    if (server->appendonly != BH_UNKNOWN)
        bh_json_put_bool(writer, "append_only", server->appendonly == BH_YES);
    bh_json_close_object(writer);
}

static enum bh_status
print_json_line(const struct status *status, size_t at)
{
    const struct bh_figures *figures = &status->figures[at];
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", status->queues.names[at]);
    bh_json_put_int(&writer, "ready", bh_figures_ready(figures));
    bh_json_put_int(&writer, "scheduled", bh_queue_view_find(&figures->view, "now:scheduled"));
    bh_json_put_int(&writer, "retrying", bh_queue_view_find(&figures->view, "now:retrying"));
    put_held(&writer, figures);
    bh_json_put_int(&writer, "in_flight", (int64_t)figures->view.leases);
    bh_json_put_int(&writer, "uncertain", bh_queue_view_find(&figures->view, "now:uncertain"));
    bh_json_put_int(&writer, "suspects", bh_queue_view_find(&figures->view, "now:suspects"));
    bh_json_put_int(&writer, "dead", (int64_t)figures->view.dead);
    bh_json_put_int(&writer, "taken", bh_queue_view_find(&figures->view, "handle"));
    bh_json_put_int(&writer, "attempts", bh_queue_view_find(&figures->view, "attempts"));
    put_outcomes(&writer, figures);
    bh_json_put_bool(&writer, "paused", figures->view.paused);
    if (figures->view.paused) {
        bh_json_put_string(&writer, "paused_reason", figures->view.reason);
        bh_json_put_string(&writer, "paused_by", figures->view.by);
        bh_json_put_int(&writer, "paused_since", figures->view.since.ms);
    }
    bh_json_put_int(&writer, "next_due", figures->view.next_due.ms);
    put_account(&writer, status);
    put_server(&writer, &status->server);
    bh_json_close_object(&writer);
    enum bh_status result = bh_buf_status(&line);
    if (result == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return result;
}

static enum bh_status
print_json(const struct status *status)
{
    enum bh_status result = BH_OK;
    for (size_t i = 0; i < status->figures_count && result == BH_OK; i++)
        result = print_json_line(status, i);
    return result;
}

/* ---- The command ---- */

static enum bh_exit
gather(struct status *status)
{
    enum bh_exit result = bh_figures_server(status->cli, &status->server);
    if (result == BH_EXIT_DONE) {
        result = bh_figures_account(status->cli, &status->account);
        status->account_known = result == BH_EXIT_DONE;
        if (result == BH_EXIT_NOTHING)
            result = BH_EXIT_DONE;
    }
    for (size_t i = 0; i < status->queues.count && result == BH_EXIT_DONE; i++) {
        result = bh_figures_read(status->cli, &status->queues.keys[i], &status->figures[i]);
        if (result == BH_EXIT_DONE)
            status->figures_count++;
    }
    return result;
}

static enum bh_exit
status_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct status_options *wanted = options;
    struct status status = {.cli = cli};
    if (operands.count > 0)
        return bh_cli_misuse("status takes no operands; --queue NAME narrows it");
    enum bh_exit result = bh_configuration_queues(cli, wanted->queue, &status.queues);
    if (result == BH_EXIT_DONE)
        result = gather(&status);
    if (result == BH_EXIT_DONE &&
        (cli->json ? print_json(&status) : print_for_people(&status)) != BH_OK)
        result = bh_cli_fail("short of memory");
    for (size_t i = 0; i < status.figures_count; i++)
        bh_figures_release(&status.figures[i]);
    return result;
}

const struct bh_command_row bh_command_status = {
    .name = "status",
    .summary = "show queues, account and Redis on one screen",
    .usage = "[--queue NAME]",
    .text = "READY may be claimed now, SCHEDULED waits for its delay, RETRYING for its next try, "
            "HELD for a\n"
            "cause outside the job, UNCERTAIN for evidence whether an earlier request was "
            "accepted; DEAD is\n"
            "kept for a person to look at.  TAKEN, SENT, FAILED and OTHER count since the queue "
            "began.\n"
            "The account is shown where the API key can be read.\n\n"
            "examples:\n"
            "  bellhop status\n"
            "  watch -c bellhop status\n"
            "  bellhop status --json | jq 'select(.ready > 1000) | .queue'",
    .options = status_option_rows,
    .options_count = BH_ARRAY_LEN(status_option_rows),
    .options_size = sizeof(struct status_options),
    .run = status_run,
};
