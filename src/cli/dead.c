/* dead: the jobs that need a person. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/list.h"
#include "cli/steer.h"
#include "core/did_you_mean.h"
#include "core/fault.h"

#define DEAD_FIELDS "id,queue,state,died,attempts,code,to,error"

#define DEAD_STATES (BH_FILTER_DEAD | BH_FILTER_FAILED | BH_FILTER_UNKNOWN | BH_FILTER_INVALID)

struct dead_options {
    struct bh_list_options list;
    bool yes;
    bool dry_run;
};

static const struct bh_option dead_option_rows[] = {
    BH_LIST_OPTION_ROWS,
    {"yes",     BH_OPTION_FLAG, NULL, "retry, purge: more than one job, without a question",
      offsetof(struct dead_options, yes)    },
    {"dry-run", BH_OPTION_FLAG, NULL, "retry, purge: show the jobs, change none",
      offsetof(struct dead_options, dry_run)},
};

static enum bh_exit
dead_list(struct bh_cli *cli, const struct dead_options *options, struct bh_operands operands)
{
    if (options->yes || options->dry_run)
        return bh_cli_misuse("--yes and --dry-run are for dead retry and dead purge");
    return bh_list_run(cli, &options->list, operands, DEAD_STATES, DEAD_FIELDS);
}

static enum bh_exit
dead_steer(struct bh_cli *cli, const struct dead_options *options, struct bh_operands operands,
           enum bh_steering operation)
{
    const struct bh_steer_options steer = {options->list.queue, options->yes, options->dry_run};
    if (options->list.limit != NULL || options->list.fields != NULL)
        return bh_cli_misuse("--limit and --fields are for dead list");
    return bh_steer_run(cli, &steer, operands, operation, DEAD_STATES, true);
}

static enum bh_exit
dead_retry(struct bh_cli *cli, const struct dead_options *options, struct bh_operands operands)
{
    return dead_steer(cli, options, operands, BH_STEER_REQUEUE);
}

static enum bh_exit
dead_purge(struct bh_cli *cli, const struct dead_options *options, struct bh_operands operands)
{
    return dead_steer(cli, options, operands, BH_STEER_DELETE);
}

/* What can be done with them; the operands are those behind the word. */
static const struct {
    const char *name;
    enum bh_exit (*run)(struct bh_cli *cli, const struct dead_options *options,
                        struct bh_operands operands);
} words[] = {
    {"list",  dead_list },
    {"retry", dead_retry},
    {"purge", dead_purge},
};

static enum bh_exit
dead_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    struct bh_did_you_mean search;
    if (operands.count == 0)
        return bh_cli_misuse("what about the dead?  bellhop dead list, retry or purge");
    struct bh_str word = bh_str_from(operands.values[0]);
    bh_did_you_mean_start(&search, word);
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (bh_str_equal_text(word, words[i].name))
            return words[i].run(cli, options,
                                (struct bh_operands){operands.values + 1, operands.count - 1});
        bh_did_you_mean_offer(&search, words[i].name);
    }
    if (search.name != NULL)
        return bh_cli_misuse("there is no `dead %s`, did you mean `dead %s`?", bh_quote(word).text,
                             search.name);
    return bh_cli_misuse("there is no `dead %s`", bh_quote(word).text);
}

const struct bh_command_row bh_command_dead = {
    .name = "dead",
    .summary = "list, retry or purge the jobs that need a person",
    .usage = "list [--queue NAME] [--limit COUNT] [--fields NAMES] [FILTER...|ID...|-]\n"
             "       bellhop dead retry|purge [--queue NAME] [--yes] [--dry-run] ID...|FILTER...|-",
    .text =
        "Jobs that ended as failed, unknown or invalid are kept in the dead set of their queue, by "
        "[queue]\n"
        "dead_max and dead_ttl.  `dead list` lists them, the oldest first; filters and fields are "
        "those of\n"
        "bellhop list.  `dead retry` lets them begin anew as bellhop requeue does, `dead purge` "
        "deletes "
        "them.\n\n"
        "examples:\n"
        "  bellhop dead list\n"
        "  bellhop dead list state=invalid --json\n"
        "  bellhop dead list code=900 'age<1d'\n"
        "  bellhop dead retry code=900 --yes\n"
        "  bellhop dead purge state=invalid --yes",
    .options = dead_option_rows,
    .options_count = BH_ARRAY_LEN(dead_option_rows),
    .options_size = sizeof(struct dead_options),
    .run = dead_run,
};
