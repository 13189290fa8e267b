/* status: what is wrong in one sentence, then queues, account, gateway and workers.  Every figure is read at constant cost. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/picture.h"
#include "cli/picture_json.h"
#include "cli/picture_text.h"
#include "cli/session.h"
#include "cli/table.h"

#define LINE_MAX ((size_t)64 * 1024)

/* A silence that is worth a line: most reports come within seconds. */
#define SILENCE_MS (10 * BH_MINUTE_MS)

struct status_options {
    const char *queue;
};

static const struct bh_option status_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME", "this queue only", offsetof(struct status_options, queue)},
};

struct status {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    struct bh_picture picture;
    struct bh_judgement verdicts[BH_CAUSE_COUNT];
    size_t verdicts_count;
};

/* Ends that are neither sent nor failed. */
static int64_t
sum_other_ends(const struct bh_picture_queue *queue)
{
    int64_t sum = bh_picture_find(queue, "outcome:duplicate_id");
    for (int state = 0; state < BH_STATE_COUNT; state++) {
        if (bh_state_is_final((enum bh_state)state) && state != BH_STATE_SENT &&
            state != BH_STATE_FAILED)
            sum += bh_picture_outcome(queue, (enum bh_state)state);
    }
    return sum;
}

/* ---- For people: the table ---- */

static void
add_titles(struct bh_table *table)
{
    static const char *const titles[] = {"QUEUE",  "READY",     "SCHEDULED", "RETRYING",
                                         "HELD",   "IN FLIGHT", "UNCERTAIN", "DEAD",
                                         "OLDEST", "IN/S",      "OUT/S",     "DRAIN"};
    bh_table_init(table, BH_ARRAY_LEN(titles), 0xFFE);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(table, BH_STYLE_DIM, "%s", titles[i]);
}

static void
add_flow(struct bh_table *table, const struct bh_picture_queue *queue)
{
    const struct bh_verdict_queue facts = bh_picture_queue_facts(queue);
    bool late = bh_verdict_is_too_slow(&facts);
    bh_table_add(table, BH_STYLE_PLAIN, "%s",
                 queue->oldest_ms > 0 ? bh_display_span(queue->oldest_ms).text : "-");
    bh_table_add(table, BH_STYLE_PLAIN, "%s",
                 queue->flow_known ? bh_rate_text(queue->flow.in_milli).text : "?");
    bh_table_add(table, BH_STYLE_PLAIN, "%s",
                 queue->flow_known ? bh_rate_text(queue->flow.out_milli).text : "?");
    bh_table_add(table, late ? BH_STYLE_BAD : BH_STYLE_PLAIN, "%s%s", bh_drain_text(queue).text,
                 late ? " !" : "");
}

static void
add_row(struct bh_table *table, const struct bh_picture_queue *queue)
{
    bh_table_add(table, queue->view.paused ? BH_STYLE_WARN : BH_STYLE_BOLD, "%s", queue->name);
    bh_table_add_count(table, BH_STYLE_PLAIN, (int64_t)queue->ready);
    bh_table_add_count(table, BH_STYLE_PLAIN, bh_picture_find(queue, "now:scheduled"));
    bh_table_add_count(table, BH_STYLE_WARN, bh_picture_find(queue, "now:retrying"));
    bh_table_add_count(table, BH_STYLE_WARN, (int64_t)queue->held);
    bh_table_add_count(table, BH_STYLE_PLAIN, (int64_t)queue->view.leases);
    bh_table_add_count(table, BH_STYLE_WARN, bh_picture_find(queue, "now:uncertain"));
    bh_table_add_count(table, BH_STYLE_BAD, (int64_t)queue->view.dead);
    add_flow(table, queue);
}

/* ---- For people: a queue's further lines ---- */

static void
append_pause(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    if (!queue->view.paused)
        return;
    (void)bh_buf_printf(buf, "%s: paused since %s", queue->name,
                        bh_display_time(queue->view.since).text);
    if (queue->view.by.len > 0) {
        (void)bh_buf_append_text(buf, " by ");
        (void)bh_display_append(buf, queue->view.by);
    }
    if (queue->view.reason.len > 0) {
        (void)bh_buf_append_text(buf, ": ");
        (void)bh_display_append(buf, queue->view.reason);
    }
    (void)bh_buf_append_char(buf, '\n');
}

static void
append_held(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    if (queue->held == 0)
        return;
    (void)bh_buf_printf(buf, "%s: held for ", queue->name);
    bh_picture_append_held(buf, queue);
    (void)bh_buf_append_char(buf, '\n');
}

static void
append_late(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    const struct bh_verdict_queue facts = bh_picture_queue_facts(queue);
    if (bh_verdict_is_too_slow(&facts))
        (void)bh_buf_printf(
            buf, "%s: jobs will expire: the last one needs %s for its turn, the ttl is %s\n",
            queue->name, bh_display_span(bh_verdict_turn_ms(&facts)).text,
            bh_display_span(facts.ttl_ms).text);
}

static void
append_next(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    int64_t due = queue->view.next_due.ms, now = queue->view.server_now.ms;
    if (due > now)
        (void)bh_buf_printf(buf, "%s: the next waiting job is due in %s\n", queue->name,
                            bh_display_span(due - now).text);
    else if (due > 0)
        (void)bh_buf_printf(buf, "%s: a waiting job has been due for %s\n", queue->name,
                            bh_display_span(now - due).text);
}

static void
append_limits(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    if (queue->view.rate != BH_QUEUE_LIMIT_UNSET)
        (void)bh_buf_printf(buf, "%s: limited to %" PRId64 " jobs per second (0: no limit)\n",
                            queue->name, queue->view.rate);
    if (queue->view.concurrency != BH_QUEUE_LIMIT_UNSET)
        (void)bh_buf_printf(buf, "%s: limited to %" PRId64 " jobs in flight (0: no limit)\n",
                            queue->name, queue->view.concurrency);
}

/* Only where somebody waits for reports. */
static void
append_open(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    const struct bh_queue_view *view = &queue->view;
    if (view->open == 0)
        return;
    (void)bh_buf_printf(buf,
                        "%s: %" PRIu64 " message%s for the final report, %" PRIu64
                        " of them for more than ten minutes\n",
                        queue->name, view->open, view->open == 1 ? " waits" : "s wait",
                        view->open_for[BH_QUEUE_OPEN_AGES - 1]);
    int64_t silent_ms = bh_picture_silence_ms(view);
    if (silent_ms >= SILENCE_MS)
        (void)bh_buf_printf(buf, "%s: messages have gone out, and no report has come for %s\n",
                            queue->name, bh_display_span(silent_ms).text);
}

static void
append_callbacks(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    if (queue->view.callbacks_failing > 0)
        (void)bh_buf_printf(
            buf, "%s: %" PRIu64 " callback%s, and posts of %" PRIu64 " have failed\n", queue->name,
            queue->view.callbacks, queue->view.callbacks == 1 ? " waits" : "s wait",
            queue->view.callbacks_failing);
}

static void
append_ever(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    if (bh_picture_find(queue, "handle") > 0)
        (void)bh_buf_printf(buf,
                            "%s: taken %" PRId64 " ever, sent %" PRId64 ", failed %" PRId64
                            ", other ends %" PRId64 "\n",
                            queue->name, bh_picture_find(queue, "handle"),
                            bh_picture_outcome(queue, BH_STATE_SENT),
                            bh_picture_outcome(queue, BH_STATE_FAILED), sum_other_ends(queue));
}

static void
append_queue(struct bh_buf *buf, const struct bh_picture_queue *queue)
{
    append_pause(buf, queue);
    append_held(buf, queue);
    append_late(buf, queue);
    append_limits(buf, queue);
    append_next(buf, queue);
    append_open(buf, queue);
    append_callbacks(buf, queue);
    append_ever(buf, queue);
}

/* ---- For people: the whole ---- */

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
    const struct bh_account_view *account = &status->picture.account;
    struct bh_time_text at = bh_display_time(account->lock_at);
    if (!status->picture.account_known)
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
    (void)bh_buf_printf(buf, "; journal: %s", journal_word(account->journal));
}

static void
end_line(struct bh_buf *buf, size_t before)
{
    if (buf->len > before)
        (void)bh_buf_append_char(buf, '\n');
}

static void
append_head(struct bh_buf *buf, const struct status *status)
{
    const struct bh_picture *picture = &status->picture;
    size_t before = buf->len;
    bh_picture_append_account(buf, picture);
    end_line(buf, before);
    before = buf->len;
    bh_picture_append_gateway(buf, picture);
    end_line(buf, before);
    before = buf->len;
    bh_picture_append_workers(buf, picture);
    end_line(buf, before);
    before = buf->len;
    bh_picture_append_server(buf, picture);
    if (buf->len > before)
        (void)bh_buf_printf(buf, ", %s", bh_session_place(status->cli));
    end_line(buf, before);
    before = buf->len;
    append_witnesses(buf, status);
    end_line(buf, before);
}

static void
append_codes(struct bh_buf *buf, const struct bh_picture *picture)
{
    static const struct {
        bh_ms window;
        const char *title;
    } rows[] = {
        {BH_MINUTE_MS,      "codes, 1 min"},
        {15 * BH_MINUTE_MS, "      15 min"},
        {BH_HOUR_MS,        "      60 min"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        (void)bh_buf_printf(buf, "%s  ", rows[i].title);
        bh_picture_append_codes(buf, picture, rows[i].window);
        (void)bh_buf_append_char(buf, '\n');
    }
}

static enum bh_status
print_verdicts(const struct status *status)
{
    struct bh_buf line;
    enum bh_status result = BH_OK;
    bh_buf_init(&line, LINE_MAX);
    for (size_t i = 0; i < status->verdicts_count && result == BH_OK; i++) {
        const struct bh_judgement *verdict = &status->verdicts[i];
        enum bh_style style = bh_gravity_style(verdict->gravity);
        bh_buf_clear(&line);
        bh_picture_append_verdict(&line, verdict);
        result = bh_buf_status(&line);
        printf("%s%s%s%s\n", i > 0 ? "also: " : "", bh_style_begin(style, status->cli->colour),
               bh_buf_text(&line), bh_style_end(style, status->cli->colour));
    }
    bh_buf_release(&line);
    return result;
}

static enum bh_status
print_for_people(const struct status *status)
{
    const struct bh_picture *picture = &status->picture;
    struct bh_table table;
    struct bh_buf notes, head;
    enum bh_status result = print_verdicts(status);
    if (!picture->redis_up)
        return result;
    bh_buf_init(&notes, LINE_MAX * 4);
    bh_buf_init(&head, LINE_MAX);
    append_head(&head, status);
    add_titles(&table);
    for (size_t i = 0; i < picture->queues_count; i++) {
        add_row(&table, &picture->queues[i]);
        append_queue(&notes, &picture->queues[i]);
    }
    append_codes(&notes, picture);
    if (result == BH_OK)
        result = bh_buf_status(&head);
    if (result == BH_OK)
        result = bh_buf_status(&notes);
    if (result == BH_OK) {
        printf("\n%s\n", bh_buf_text(&head));
        result = bh_table_print(&table, stdout, status->cli->colour);
    }
    if (result == BH_OK)
        printf("\n%s", bh_buf_text(&notes));
    bh_table_release(&table);
    bh_buf_release(&head);
    bh_buf_release(&notes);
    return result;
}

/* ---- The command ---- */

/* Loads the configuration, which a picture needs. */
static enum bh_exit
show(struct status *status)
{
    bh_picture_take(status->cli, &status->queues, 0, &status->picture);
    status->verdicts_count = bh_picture_judge(&status->picture, status->verdicts);
    enum bh_status printed = status->cli->json
                                 ? bh_picture_print_json(&status->picture, &status->verdicts[0])
                                 : print_for_people(status);
    enum bh_exit result = BH_EXIT_DONE;
    if (printed != BH_OK)
        result = bh_cli_fail("short of memory");
    else if (!status->picture.redis_up)
        result = bh_cli_fail("Redis cannot be asked: %s", status->picture.trouble.text);
    bh_picture_release(&status->picture);
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
    return result == BH_EXIT_DONE ? show(&status) : result;
}

const struct bh_command_row bh_command_status = {
    .name = "status",
    .summary = "say what is wrong, and show queues, account and workers",
    .usage = "[--queue NAME]",
    .text = "The first line names the cause: what is stuck, why, for how long, and what to do; or "
            "\"All is well\".\n"
            "Further causes follow as \"also:\".\n\n"
            "READY may be claimed now, SCHEDULED waits for its delay, RETRYING for its next try, "
            "HELD for a\n"
            "cause outside the job, UNCERTAIN for evidence whether an earlier request was "
            "accepted; DEAD is\n"
            "kept for a person to look at.  OLDEST is the age of the oldest job that could run "
            "now.  IN/S and\n"
            "OUT/S are of the last minute, DRAIN is how long the queue takes to be empty at this "
            "pace; \"!\" means\n"
            "that jobs expire before their turn comes, \"?\" that nothing is known yet.  Gateway "
            "latencies are\n"
            "those of the slowest bellhopd.  The account is shown where the API key can be "
            "read.\n\n"
            "examples:\n"
            "  bellhop status\n"
            "  bellhop status | head -1          the cause, for a message\n"
            "  bellhop status --json | jq 'select(.ready > 1000) | .queue'\n"
            "  bellhop status --json | jq -r .verdict.cause | head -1",
    .options = status_option_rows,
    .options_count = BH_ARRAY_LEN(status_option_rows),
    .options_size = sizeof(struct status_options),
    .run = status_run,
};
