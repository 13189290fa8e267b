/* retries: when the next tries come, and which try each is. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "cli/selection.h"
#include "cli/table.h"
#include "core/json.h"

#define LINE_BYTES ((size_t)4096)

struct retries_options {
    const char *queue;
};

static const struct bh_option retries_option_rows[] = {
    {"queue", BH_OPTION_TEXT, "NAME", "this queue only", offsetof(struct retries_options, queue)},
};

/* A row counts what comes before its bound and was not counted above. */
static const struct {
    const char *title;
    bh_ms within;
} rows[] = {
    {"now",           0                },
    {"within 10 s",   10 * BH_SECOND_MS},
    {"within 1 min",  BH_MINUTE_MS     },
    {"within 5 min",  5 * BH_MINUTE_MS },
    {"within 15 min", 15 * BH_MINUTE_MS},
    {"within 1 h",    BH_HOUR_MS       },
    {"within 6 h",    6 * BH_HOUR_MS   },
    {"within 1 d",    BH_DAY_MS        },
    {"within 7 d",    7 * BH_DAY_MS    },
    {"later",         365 * BH_DAY_MS  },
    {"when released", INT64_MAX        }, /* an operator's hold has no end */
};

/* Which try it will be. */
static const struct {
    const char *title;
    uint32_t most;
} tries[] = {
    {"1st",    1         },
    {"2nd",    2         },
    {"3rd",    3         },
    {"4th",    4         },
    {"5th",    5         },
    {"to 10",  10        },
    {"to 20",  20        },
    {"beyond", UINT32_MAX},
};

#define ROWS  BH_ARRAY_LEN(rows)
#define TRIES BH_ARRAY_LEN(tries)

struct retries {
    struct bh_cli *cli;
    uint64_t jobs[ROWS][TRIES];
    uint64_t sums[ROWS];
    uint64_t all[TRIES];
};

static enum bh_exit
on_job(void *arg, const struct bh_found_job *job)
{
    struct retries *retries = arg;
    bh_ms distance = job->next.ms > 0 ? job->next.ms - job->server_now.ms : 0;
    uint32_t number = job->attempts < UINT32_MAX ? job->attempts + 1 : UINT32_MAX;
    size_t row = 0, try = 0;
    while (row < ROWS - 1 && distance > rows[row].within)
        row++;
    while (try < TRIES - 1 && number > tries[try].most)
        try++;
    retries->jobs[row][try]++;
    retries->sums[row]++;
    retries->all[try]++;
    return BH_EXIT_DONE;
}

static enum bh_status
print_table(const struct retries *retries, uint64_t total)
{
    struct bh_table table;
    bh_table_init(&table, TRIES + 2, ~1U);
    bh_table_add(&table, BH_STYLE_DIM, "NEXT TRY");
    bh_table_add(&table, BH_STYLE_DIM, "T");
    for (size_t try = 0; try < TRIES; try++)
        bh_table_add(&table, BH_STYLE_DIM, "%s", tries[try].title);
    bh_table_add(&table, BH_STYLE_BOLD, "TOTAL");
    bh_table_add_count(&table, BH_STYLE_BOLD, (int64_t)total);
    for (size_t try = 0; try < TRIES; try++)
        bh_table_add_count(&table, BH_STYLE_BOLD, (int64_t)retries->all[try]);
    for (size_t row = 0; row < ROWS; row++) {
        bh_table_add(&table, BH_STYLE_PLAIN, "%s", rows[row].title);
        bh_table_add_count(&table, BH_STYLE_PLAIN, (int64_t)retries->sums[row]);
        for (size_t try = 0; try < TRIES; try++)
            bh_table_add_count(&table, BH_STYLE_PLAIN, (int64_t)retries->jobs[row][try]);
    }
    enum bh_status status = bh_table_print(&table, stdout, retries->cli->colour);
    bh_table_release(&table);
    return status;
}

/* `row` is ROWS for all of them. */
static enum bh_status
print_json(const struct retries *retries, size_t row, uint64_t jobs)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_BYTES);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    if (row == ROWS)
        bh_json_put_bool(&writer, "all", true);
    else if (row < ROWS - 2)
        bh_json_put_int(&writer, "within_ms", rows[row].within);
    else
        bh_json_put_text(&writer, "when", row == ROWS - 2 ? "later" : "released");
    bh_json_put_int(&writer, "jobs", (int64_t)jobs);
    bh_json_open_array(&writer, "tries");
    for (size_t try = 0; try < TRIES; try++) {
        bh_json_open_object(&writer, NULL);
        if (try < TRIES - 1)
            bh_json_put_int(&writer, "up_to", tries[try].most);
        bh_json_put_int(&writer, "jobs",
                        (int64_t)(row == ROWS ? retries->all[try] : retries->jobs[row][try]));
        bh_json_close_object(&writer);
    }
    bh_json_close_array(&writer);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

static enum bh_exit
tell(const struct retries *retries, const struct bh_selection *selection)
{
    enum bh_status status;
    if (retries->cli->json) {
        status = print_json(retries, ROWS, selection->found);
        for (size_t row = 0; row < ROWS && status == BH_OK; row++)
            status = print_json(retries, row, retries->sums[row]);
    } else {
        status = print_table(retries, selection->found);
    }
    if (status != BH_OK)
        return bh_cli_fail("short of memory");
    bh_selection_tell_rest(selection);
    return BH_EXIT_DONE;
}

static enum bh_exit
retries_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct retries_options *wanted = options;
    struct retries retries = {.cli = cli};
    struct bh_selection selection;
    enum bh_exit result =
        bh_selection_prepare(cli, operands, wanted->queue, BH_SELECT_ALL, &selection);
    if (result == BH_EXIT_DONE) {
        selection.states = BH_FILTER_RETRYING | BH_FILTER_HELD | BH_FILTER_UNCERTAIN;
        selection.looked_max = BH_SELECTION_LIMIT_CHANGE;
        result = bh_selection_run(cli, &selection, on_job, &retries);
    }
    if (result == BH_EXIT_DONE)
        result = tell(&retries, &selection);
    if (result == BH_EXIT_DONE && selection.found == 0)
        result = BH_EXIT_NOTHING;
    bh_selection_release(&selection);
    return result;
}

const struct bh_command_row bh_command_retries = {
    .name = "retries",
    .summary = "count the next tries by when they come",
    .usage = "[--queue NAME] [FILTER...]",
    .text =
        "One row per distance to the next try, one column per number of that try: what comes at "
        "once when\n"
        "the gateway is back, and how often it has been tried.  Counts jobs that are retried, held "
        "or\n"
        "uncertain; those that may run already come `now`.  At most 100000 jobs are looked at.\n"
        "Filters are those of bellhop list.\n\n"
        "examples:\n"
        "  bellhop retries\n"
        "  bellhop retries state=retrying code=600\n"
        "  bellhop retries queue=sms --json",
    .options = retries_option_rows,
    .options_count = BH_ARRAY_LEN(retries_option_rows),
    .options_size = sizeof(struct retries_options),
    .run = retries_run,
};
