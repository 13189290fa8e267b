/* shape: how old what waits is, by queue or whatever tells the cause; after Postfix' qshape. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "cli/selection.h"
#include "cli/table.h"
#include "core/alloc.h"
#include "core/json.h"
#include "core/phone.h"

#define BUCKETS        10 /* 5, 10, 20, ... 1280 minutes, and older */
#define GROUPS_MAX     200
#define GROUP_NAME_MAX 100 /* bytes of a group's name: those of a label */
#define LINE_BYTES     ((size_t)16 * 1024)
#define FIRST_BOUND    (5 * BH_MINUTE_MS)

#define WAITING                                                                                    \
    (BH_FILTER_READY | BH_FILTER_SCHEDULED | BH_FILTER_RETRYING | BH_FILTER_HELD |                 \
     BH_FILTER_SENDING | BH_FILTER_UNCERTAIN)

struct shape_options {
    const char *queue;
    const char *by;
};

static const struct bh_option shape_option_rows[] = {
    {"by",    BH_OPTION_TEXT, "WHAT", "queue (default), country, from, label or reason",
     offsetof(struct shape_options,                                                                                     by)   },
    {"queue", BH_OPTION_TEXT, "NAME", "this queue only",                                 offsetof(struct shape_options, queue)},
};

enum by {
    BY_QUEUE,
    BY_COUNTRY,
    BY_FROM,
    BY_LABEL,
    BY_REASON,
};

static const struct {
    const char *name;
    unsigned read;
    const char *nothing; /* the row of jobs that have none */
} by_rows[] = {
    [BY_QUEUE] = {"queue",   0,               ""               },
    [BY_COUNTRY] = {"country", BH_READ_STATUS,  "(no number)"    },
    [BY_FROM] = {"from",    BH_READ_PAYLOAD, "(no sender)"    },
    [BY_LABEL] = {"label",   BH_READ_STATUS,  "(no label)"     },
    [BY_REASON] = {"reason",  0,               "(not held back)"},
};

struct group {
    char name[GROUP_NAME_MAX + 1];
    bool rest; /* all that came when there were too many groups */
    uint64_t total;
    uint64_t unknown; /* of no known age */
    uint64_t jobs[BUCKETS];
};

struct shape {
    struct bh_cli *cli;
    enum by by;
    struct group all;
    struct group *groups; /* owned; GROUPS_MAX + 1 */
    size_t count;
    uint64_t later; /* scheduled for a time that has not come: not counted */
};

/* ---- counting ---- */

static bh_ms
bound_of(size_t bucket)
{
    return FIRST_BOUND << bucket;
}

static size_t
bucket_of(bh_ms age)
{
    size_t bucket = 0;
    while (bucket < BUCKETS - 1 && age >= bound_of(bucket))
        bucket++;
    return bucket;
}

static struct bh_str
country_of(struct bh_str to)
{
    struct bh_str rest = to, first = {NULL, 0};
    if (!bh_str_split(&rest, ',', &first))
        return first;
    first = bh_str_trim(first);
    for (size_t i = 0; i < first.len; i++) {
        if (first.ptr[i] < '0' || first.ptr[i] > '9')
            return (struct bh_str){NULL, 0};
    }
    first.len = bh_country_code_len(first);
    return first;
}

static struct bh_str
name_of(const struct shape *shape, const struct bh_found_job *job)
{
    switch (shape->by) {
    case BY_QUEUE: return bh_str_from(job->queue_name);
    case BY_COUNTRY: return country_of(job->to);
    case BY_FROM: return job->from;
    case BY_LABEL: return job->label;
    case BY_REASON: return job->reason;
    }
    return (struct bh_str){NULL, 0};
}

/* Names are kept as they may be shown; beyond GROUPS_MAX of them all share a row. */
static enum bh_exit
find_group(struct shape *shape, struct bh_str name, struct group **ret_group)
{
    struct bh_buf safe;
    bh_buf_init(&safe, 4096);
    if (name.len > GROUP_NAME_MAX)
        name.len = GROUP_NAME_MAX;
    enum bh_status status = name.len > 0 ? bh_display_append(&safe, name)
                                         : bh_buf_append_text(&safe, by_rows[shape->by].nothing);
    if (status != BH_OK) {
        bh_buf_release(&safe);
        (void)bh_cli_fail("short of memory");
        return BH_EXIT_FAILED;
    }
    size_t at = 0;
    while (at < shape->count &&
           (shape->groups[at].rest ||
            strncmp(shape->groups[at].name, bh_buf_text(&safe), GROUP_NAME_MAX) != 0))
        at++;
    if (at == shape->count && at < GROUPS_MAX) {
        snprintf(shape->groups[at].name, GROUP_NAME_MAX + 1, "%s", bh_buf_text(&safe));
        shape->count++;
    } else if (at >= shape->count) {
        at = GROUPS_MAX;
        shape->groups[at].rest = true;
        snprintf(shape->groups[at].name, GROUP_NAME_MAX + 1, "(others)");
        shape->count = GROUPS_MAX + 1;
    }
    bh_buf_release(&safe);
    *ret_group = &shape->groups[at];
    return BH_EXIT_DONE;
}

static void
count_in(struct group *group, struct bh_wall since, struct bh_wall now)
{
    group->total++;
    if (since.ms == 0)
        group->unknown++;
    else
        group->jobs[bucket_of(bh_ms_max(0, now.ms - since.ms))]++;
}

/* Its age counts from when it was wanted: from its creation, or from the end of its delay. */
static enum bh_exit
on_job(void *arg, const struct bh_found_job *job)
{
    struct shape *shape = arg;
    struct group *group;
    struct bh_wall since = job->created;
    if (job->has_head && job->head.due.ms > since.ms)
        since = job->head.due;
    if (since.ms > job->server_now.ms && (job->states & BH_FILTER_SCHEDULED) != 0) {
        shape->later++;
        return BH_EXIT_DONE;
    }
    enum bh_exit result = find_group(shape, name_of(shape, job), &group);
    if (result != BH_EXIT_DONE)
        return result;
    count_in(group, since, job->server_now);
    count_in(&shape->all, since, job->server_now);
    return BH_EXIT_DONE;
}

/* The largest first, what is left over last. */
static int
compare_groups(const void *left, const void *right)
{
    const struct group *a = left, *b = right;
    if (a->rest != b->rest)
        return a->rest ? 1 : -1;
    if (a->total != b->total)
        return a->total > b->total ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* ---- telling ---- */

static void
add_row(struct bh_table *table, const struct shape *shape, const struct group *group,
        enum bh_style style)
{
    bh_table_add(table, style, "%s", group->name);
    bh_table_add_count(table, style, (int64_t)group->total);
    for (size_t i = 0; i < BUCKETS; i++)
        bh_table_add_count(table, i == BUCKETS - 1 ? BH_STYLE_BAD : style, (int64_t)group->jobs[i]);
    if (shape->all.unknown > 0)
        bh_table_add_count(table, style, (int64_t)group->unknown);
}

static enum bh_status
print_table(const struct shape *shape)
{
    struct bh_table table;
    bh_table_init(&table, BUCKETS + 2 + (shape->all.unknown > 0 ? 1 : 0), ~1U);
    bh_table_add(&table, BH_STYLE_DIM, "%s, minutes", by_rows[shape->by].name);
    bh_table_add(&table, BH_STYLE_DIM, "T");
    for (size_t i = 0; i < BUCKETS - 1; i++)
        bh_table_add(&table, BH_STYLE_DIM, "%lld", (long long)(bound_of(i) / BH_MINUTE_MS));
    bh_table_add(&table, BH_STYLE_DIM, "%lld+", (long long)(bound_of(BUCKETS - 2) / BH_MINUTE_MS));
    if (shape->all.unknown > 0)
        bh_table_add(&table, BH_STYLE_DIM, "?");
    add_row(&table, shape, &shape->all, BH_STYLE_BOLD);
    for (size_t i = 0; i < shape->count; i++)
        add_row(&table, shape, &shape->groups[i], BH_STYLE_PLAIN);
    enum bh_status status = bh_table_print(&table, stdout, shape->cli->colour);
    bh_table_release(&table);
    return status;
}

static enum bh_status
print_json(const struct shape *shape, const struct group *group)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_BYTES);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "by", by_rows[shape->by].name);
    if (group == &shape->all)
        bh_json_put_bool(&writer, "all", true);
    else if (group->rest)
        bh_json_put_bool(&writer, "others", true);
    else
        bh_json_put_text(&writer, by_rows[shape->by].name,
                         strcmp(group->name, by_rows[shape->by].nothing) == 0 ? NULL : group->name);
    bh_json_put_int(&writer, "jobs", (int64_t)group->total);
    bh_json_open_array(&writer, "ages");
    for (size_t i = 0; i < BUCKETS; i++) {
        bh_json_open_object(&writer, NULL);
        if (i < BUCKETS - 1)
            bh_json_put_int(&writer, "under_ms", bound_of(i));
        bh_json_put_int(&writer, "jobs", (int64_t)group->jobs[i]);
        bh_json_close_object(&writer);
    }
    bh_json_close_array(&writer);
    bh_json_put_int(&writer, "age_unknown", (int64_t)group->unknown);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

static enum bh_exit
tell(struct shape *shape, const struct bh_selection *selection)
{
    enum bh_status status;
    if (shape->count > 0)
        qsort(shape->groups, shape->count, sizeof(shape->groups[0]), compare_groups);
    if (shape->cli->json) {
        status = print_json(shape, &shape->all);
        for (size_t i = 0; i < shape->count && status == BH_OK; i++)
            status = print_json(shape, &shape->groups[i]);
    } else {
        status = print_table(shape);
    }
    if (status != BH_OK)
        return bh_cli_fail("short of memory");
    if (shape->later > 0)
        bh_cli_warn("not counted, because their time has not come: %llu",
                    (unsigned long long)shape->later);
    bh_selection_tell_rest(selection);
    return BH_EXIT_DONE;
}

/* ---- the command ---- */

static enum bh_exit
read_by(const char *text, enum by *ret_by)
{
    *ret_by = BY_QUEUE;
    if (text == NULL)
        return BH_EXIT_DONE;
    for (size_t i = 0; i < BH_ARRAY_LEN(by_rows); i++) {
        if (strcmp(text, by_rows[i].name) == 0) {
            *ret_by = (enum by)i;
            return BH_EXIT_DONE;
        }
    }
    return bh_cli_misuse("--by is queue, country, from, label or reason");
}

static enum bh_exit
shape_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct shape_options *wanted = options;
    struct shape shape = {.cli = cli, .all = {.name = "TOTAL"}};
    struct bh_selection selection;
    enum bh_exit result = read_by(wanted->by, &shape.by);
    if (result != BH_EXIT_DONE)
        return result;
    shape.groups = bh_alloc_array(GROUPS_MAX + 1, sizeof(shape.groups[0]));
    if (shape.groups == NULL)
        return bh_cli_fail("short of memory");
    result = bh_selection_prepare(cli, operands, wanted->queue, BH_SELECT_ALL, &selection);
    if (result == BH_EXIT_DONE) {
        selection.read = by_rows[shape.by].read;
        selection.looked_max = BH_SELECTION_LIMIT_CHANGE;
        selection.states = bh_filter_states_named(&selection.filter) == 0 ? WAITING : 0;
        result = bh_selection_run(cli, &selection, on_job, &shape);
    }
    if (result == BH_EXIT_DONE)
        result = tell(&shape, &selection);
    if (result == BH_EXIT_DONE && selection.found == 0)
        result = BH_EXIT_NOTHING;
    bh_selection_release(&selection);
    bh_free(shape.groups);
    return result;
}

const struct bh_command_row bh_command_shape = {
    .name = "shape",
    .summary = "count what waits by its age",
    .usage = "[--by WHAT] [--queue NAME] [FILTER...]",
    .text =
        "One row per queue (or country code, sender, label, reason), one column per age: the "
        "first\n"
        "counts jobs younger than 5 minutes, the next those younger than 10, and so on; T is their "
        "sum.\n"
        "A healthy queue is full on the left.  What is old on the right, and of one country or "
        "sender\n"
        "only, names the culprit.  Ages count from when the message was wanted: from the end of "
        "its\n"
        "delay, if it had one.  The dead are counted only when asked for: state=dead.\n\n"
        "At most 100000 jobs are looked at; a word tells when there were more.  Filters are those "
        "of\n"
        "bellhop list.\n\n"
        "examples:\n"
        "  bellhop shape\n"
        "  bellhop shape --by country state=retrying\n"
        "  bellhop shape --by reason queue=sms --json",
    .options = shape_option_rows,
    .options_count = BH_ARRAY_LEN(shape_option_rows),
    .options_size = sizeof(struct shape_options),
    .run = shape_run,
};
