/* audit: who changed what by hand. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/display.h"
#include "cli/figures.h"
#include "cli/selection.h"
#include "cli/session.h"
#include "cli/table.h"
#include "core/alloc.h"
#include "core/json.h"
#include "redis/reply_reader.h"
#include "redis/reply_view.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     1000 /* the stream holds hardly more */
#define LINE_BYTES    ((size_t)16 * 1024)
#define IDS_SHOWN     60
#define FIELDS        8

static const char *const field_names[FIELDS] = {"at",    "who",    "what",  "id",
                                                "count", "before", "after", "chosen_by"};
enum field { AT, WHO, WHAT, ID, COUNT, BEFORE, AFTER, CHOSEN_BY };

struct entry {
    const char *queue; /* NULL: the account */
    int64_t at;
    struct bh_str fields[FIELDS]; /* borrowed from the replies */
};

struct audit_options {
    const char *queue;
    const char *limit;
};

struct listing {
    struct bh_cli *cli;
    struct bh_queue_choice queues;
    struct redisReply *replies[BH_CONFIG_QUEUES_MAX + 1]; /* the account's behind the queues' */
    size_t replies_count;
    struct entry *entries; /* owned */
    size_t count;
};

static const struct bh_option audit_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME",  "this queue only",            offsetof(struct audit_options, queue)},
    {"limit", BH_OPTION_TEXT, "COUNT", "at most so many lines (50)",
     offsetof(struct audit_options,                                                                 limit)},
};

/* ---- reading ---- */

static enum bh_exit
read_stream(struct listing *listing, struct bh_str key, size_t limit)
{
    char count[24];
    snprintf(count, sizeof(count), "%zu", limit);
    const struct bh_str argv[] = {
        BH_STR_LITERAL("XREVRANGE"), key,
        BH_STR_LITERAL("+"),         BH_STR_LITERAL("-"),
        BH_STR_LITERAL("COUNT"),     bh_str_from(count),
    };
    return bh_session_command(listing->cli, "read the audit", BH_ARRAY_LEN(argv), argv,
                              &listing->replies[listing->replies_count++]);
}

/* Where the API key cannot be read, the account has no name. */
static enum bh_exit
read_account(struct listing *listing, size_t limit)
{
    struct bh_account_keys keys;
    if (!listing->cli->account_known) {
        bh_cli_warn("the API key cannot be read here: what was done to the account is not shown");
        return BH_EXIT_DONE;
    }
    if (bh_figures_account_keys(listing->cli->config, &keys) != BH_OK)
        return bh_cli_fail("the account's name cannot be made from URL and key");
    return read_stream(listing, bh_str_from(keys.audit), limit);
}

static enum bh_exit
read_all(struct listing *listing, size_t limit, bool account)
{
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < listing->queues.count && result == BH_EXIT_DONE; i++)
        result = read_stream(listing, bh_queue_key(&listing->queues.keys[i], BH_KEY_AUDIT), limit);
    return result == BH_EXIT_DONE && account ? read_account(listing, limit) : result;
}

static void
take_entry(struct entry *entry, const struct redisReply *fields)
{
    for (size_t i = 0; i + 1 < bh_reply_count(fields); i += 2) {
        struct bh_str name, value;
        if (!bh_reply_str(fields, i, &name) || !bh_reply_str(fields, i + 1, &value))
            continue;
        for (size_t k = 0; k < FIELDS; k++) {
            if (bh_str_equal_text(name, field_names[k]))
                entry->fields[k] = value;
        }
    }
    if (!bh_str_to_int64(entry->fields[AT], &entry->at))
        entry->at = 0;
}

/* Newest first; those of one moment as their queues come. */
static int
compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    return a->at < b->at ? 1 : a->at > b->at ? -1 : 0;
}

static enum bh_exit
gather(struct listing *listing, size_t limit, bool account)
{
    size_t capacity = 0;
    enum bh_exit result = read_all(listing, limit, account);
    if (result != BH_EXIT_DONE)
        return result;
    for (size_t i = 0; i < listing->replies_count; i++)
        capacity += bh_reply_count(listing->replies[i]);
    listing->entries = bh_alloc_array(capacity + 1, sizeof(*listing->entries));
    if (listing->entries == NULL)
        return bh_cli_fail("short of memory");
    for (size_t i = 0; i < listing->replies_count; i++) {
        for (size_t k = 0; k < bh_reply_count(listing->replies[i]); k++) {
            struct entry *entry = &listing->entries[listing->count++];
            *entry = (struct entry){.queue = i < listing->queues.count ? listing->queues.names[i]
                                                                       : NULL};
            for (size_t f = 0; f < FIELDS; f++)
                entry->fields[f] = (struct bh_str){"", 0};
            take_entry(entry, bh_reply_at(bh_reply_at(listing->replies[i], k), 1));
        }
    }
    qsort(listing->entries, listing->count, sizeof(*listing->entries), compare);
    if (listing->count > limit)
        listing->count = limit;
    return BH_EXIT_DONE;
}

/* ---- printing ---- */

static enum bh_status
print_json(const struct entry *entry)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    int64_t count;
    bh_buf_init(&line, LINE_BYTES);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    if (entry->queue != NULL)
        bh_json_put_text(&writer, "queue", entry->queue);
    else
        bh_json_put_bool(&writer, "account", true);
    bh_json_put_int(&writer, "at", entry->at);
    for (size_t i = WHO; i < FIELDS; i++) {
        if (i == COUNT && bh_str_to_int64(entry->fields[i], &count))
            bh_json_put_int(&writer, "count", count);
        else if (entry->fields[i].len > 0)
            bh_json_put_string(&writer, field_names[i], entry->fields[i]);
    }
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

static void
add_text(struct bh_table *table, struct bh_str text, size_t most)
{
    struct bh_buf cell;
    bool cut = text.len > most;
    bh_buf_init(&cell, LINE_BYTES);
    (void)bh_display_append(&cell, (struct bh_str){text.ptr, cut ? most : text.len});
    if (cut)
        (void)bh_buf_append_text(&cell, " ...");
    bh_table_add(table, BH_STYLE_PLAIN, "%s", text.len > 0 ? bh_buf_text(&cell) : "-");
    bh_buf_release(&cell);
}

/*
 * What chose the jobs, or the reason or the new limits; what was let go on tells what it had been, but what was stopped
 * without a reason does not: that it ran is none.
 */
static void
add_why(struct bh_table *table, const struct entry *entry)
{
    const struct bh_str *fields = entry->fields;
    bool of_jobs = fields[ID].len > 0 || fields[COUNT].len > 0;
    struct bh_str why = fields[CHOSEN_BY].len > 0 ? fields[CHOSEN_BY] : fields[AFTER];
    bool stopped = !bh_str_equal_text(fields[WHAT], "resume");
    add_text(table, why.len > 0 || of_jobs || stopped ? why : fields[BEFORE], LINE_BYTES);
}

static enum bh_status
print_table(const struct listing *listing)
{
    static const char *const titles[] = {"AT", "QUEUE", "WHO", "WHAT", "JOBS", "IDS", "WHY"};
    struct bh_table table;
    bh_table_init(&table, BH_ARRAY_LEN(titles), 1U << 4);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(&table, BH_STYLE_BOLD, "%s", titles[i]);
    for (size_t i = 0; i < listing->count; i++) {
        const struct entry *entry = &listing->entries[i];
        bool one = entry->fields[COUNT].len == 0 && entry->fields[ID].len > 0;
        bh_table_add(&table, BH_STYLE_PLAIN, "%s",
                     bh_display_time((struct bh_wall){entry->at}).text);
        bh_table_add(&table, BH_STYLE_PLAIN, "%s",
                     entry->queue != NULL ? entry->queue : "(account)");
        add_text(&table, entry->fields[WHO], LINE_BYTES);
        add_text(&table, entry->fields[WHAT], LINE_BYTES);
        add_text(&table, one ? bh_str_from("1") : entry->fields[COUNT], LINE_BYTES);
        add_text(&table, entry->fields[ID], IDS_SHOWN);
        add_why(&table, entry);
    }
    enum bh_status status = bh_table_print(&table, stdout, listing->cli->colour);
    bh_table_release(&table);
    return status;
}

static enum bh_exit
print(const struct listing *listing)
{
    enum bh_status status = BH_OK;
    if (listing->count == 0) {
        bh_cli_warn("nobody has changed anything yet");
        return BH_EXIT_NOTHING;
    }
    if (!listing->cli->json)
        status = print_table(listing);
    for (size_t i = 0; i < listing->count && listing->cli->json && status == BH_OK; i++)
        status = print_json(&listing->entries[i]);
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

static enum bh_exit
audit_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct audit_options *wanted = options;
    struct listing listing = {.cli = cli};
    size_t limit = LIMIT_DEFAULT;
    if (operands.count > 0)
        return bh_cli_misuse("audit takes no operands; --queue NAME narrows it");
    enum bh_exit result = bh_selection_limit(wanted->limit, LIMIT_DEFAULT, &limit);
    if (limit > LIMIT_MAX)
        limit = LIMIT_MAX;
    if (result == BH_EXIT_DONE)
        result = bh_configuration_queues(cli, wanted->queue, &listing.queues);
    if (result == BH_EXIT_DONE)
        result = gather(&listing, limit, wanted->queue == NULL);
    if (result == BH_EXIT_DONE)
        result = print(&listing);
    for (size_t i = 0; i < BH_ARRAY_LEN(listing.replies); i++) {
        if (listing.replies[i] != NULL)
            bh_redis_reply_free(listing.replies[i]);
    }
    bh_free(listing.entries);
    return result;
}

const struct bh_command_row bh_command_audit = {
    .name = "audit",
    .summary = "tell who changed what by hand, newest first",
    .usage = "[--queue NAME] [--limit COUNT]",
    .text =
        "One line for each command that has changed jobs, a queue or the account, and for each job "
        "that an\n"
        "operator or a report has settled; by whatever way: this command, bellhop top, the "
        "dashboard.  Redis\n"
        "keeps about the last 1000 of each queue and of the account, for 400 days at most; of the "
        "jobs of\n"
        "one command it keeps the first 64 ids.  With --queue, that queue's alone.\n\n"
        "examples:\n"
        "  bellhop audit\n"
        "  bellhop audit --queue sms --json | jq 'select(.what == \"cancel\")'",
    .options = audit_option_rows,
    .options_count = BH_ARRAY_LEN(audit_option_rows),
    .options_size = sizeof(struct audit_options),
    .run = audit_run,
};
