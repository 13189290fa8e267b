#include "cli/selection.h"

#include <string.h>
#include <unistd.h>

#include "cli/selection_private.h"
#include "core/alloc.h"

#define LOOKED_MAX ((size_t)1000000) /* unless the caller says otherwise */

/* ---- operands ---- */

static enum bh_exit
take_operand(struct bh_selection *selection, const char *operand)
{
    struct bh_error error;
    struct bh_str text = bh_str_from(operand);
    if (strcmp(operand, "-") == 0) {
        selection->from_input = true;
        return BH_EXIT_DONE;
    }
    if (!bh_filter_is_term(text)) {
        selection->owned_ids[selection->ids_count++] = operand;
        return BH_EXIT_DONE;
    }
    if (bh_filter_add(&selection->filter, text, &error) != BH_OK)
        return bh_cli_misuse("%s", error.text);
    return BH_EXIT_DONE;
}

static bool
is_by_id(const struct bh_selection *selection)
{
    return selection->ids_count > 0 || selection->from_input;
}

/* A filter that no queue passes is a mistake in its name. */
static enum bh_exit
check_queues(const struct bh_selection *selection)
{
    for (size_t i = 0; i < selection->queues.count; i++) {
        if (bh_walk_wants_queue(selection, i))
            return BH_EXIT_DONE;
    }
    return bh_cli_misuse("no queue of the configuration is called so; bellhop status names them");
}

static void
tell_about_ended(const struct bh_selection *selection)
{
    if (is_by_id(selection) ||
        (bh_filter_states_named(&selection->filter) & BH_FILTER_STATES_ENDED) == 0)
        return;
    bh_cli_warn("jobs that ended as sent, partial, expired, cancelled or duplicate have left the "
                "queues: they are found by their ids only");
}

enum bh_exit
bh_selection_prepare(struct bh_cli *cli, struct bh_operands operands, const char *queue,
                     enum bh_selection_default without, struct bh_selection *ret_selection)
{
    struct bh_selection *selection = ret_selection;
    enum bh_exit result = BH_EXIT_DONE;
    *selection = (struct bh_selection){.found = 0};
    bh_filter_init(&selection->filter);
    selection->owned_ids = bh_alloc_array(operands.count + 1, sizeof(selection->owned_ids[0]));
    if (selection->owned_ids == NULL)
        return bh_cli_fail("short of memory");
    selection->ids = selection->owned_ids;
    for (size_t i = 0; i < operands.count && result == BH_EXIT_DONE; i++)
        result = take_operand(selection, operands.values[i]);
    if (result != BH_EXIT_DONE)
        return result;
    if (operands.count == 0 && without == BH_SELECT_NEEDS_OPERAND) {
        if (isatty(STDIN_FILENO) == 1)
            return bh_cli_misuse(
                "which jobs?  Name ids or a filter such as state=retrying, or give "
                "ids on standard input");
        selection->from_input = true;
    }
    result = bh_configuration_queues(cli, queue, &selection->queues);
    if (result == BH_EXIT_DONE)
        result = check_queues(selection);
    if (result == BH_EXIT_DONE)
        tell_about_ended(selection);
    return result;
}

void
bh_selection_release(struct bh_selection *selection)
{
    bh_free(selection->owned_ids);
    selection->owned_ids = NULL;
    selection->ids = NULL;
}

/* ---- running ---- */

static enum bh_exit
walk_queues(struct bh_walk *walk)
{
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < walk->selection->queues.count; i++) {
        if (!bh_walk_wants_queue(walk->selection, i))
            continue;
        result = bh_walk_queue(walk, i);
        if (result != BH_EXIT_DONE || walk->stop)
            break;
    }
    return result;
}

enum bh_exit
bh_selection_run(struct bh_cli *cli, struct bh_selection *selection, bh_selection_on_job *on_job,
                 void *arg)
{
    struct bh_walk *walk = bh_alloc_zero(sizeof(*walk));
    if (walk == NULL)
        return bh_cli_fail("short of memory");
    walk->cli = cli;
    walk->selection = selection;
    walk->on_job = on_job;
    walk->arg = arg;
    walk->needs = bh_filter_needs(&selection->filter);
    walk->states = selection->states != 0 ? selection->states : BH_FILTER_STATES_ALL;
    if (!is_by_id(selection))
        walk->states &= bh_filter_states(&selection->filter);
    if (selection->limit == 0)
        selection->limit = BH_SELECTION_LIMIT_CHANGE;
    if (selection->looked_max == 0)
        selection->looked_max = LOOKED_MAX;
    bh_batch_init(&walk->statuses);
    bh_batch_init(&walk->payloads);
    bh_batch_init(&walk->wholes);
    bh_batch_init(&walk->located);
    bh_batch_init(&walk->asked);
    enum bh_exit result = is_by_id(selection) ? bh_walk_ids(walk) : walk_queues(walk);
    bh_batch_release(&walk->statuses);
    bh_batch_release(&walk->payloads);
    bh_batch_release(&walk->wholes);
    bh_batch_release(&walk->located);
    bh_batch_release(&walk->asked);
    bh_free(walk->seen);
    bh_free(walk);
    return result;
}

/* ---- what commands share ---- */

const char *
bh_place_name(enum bh_place place)
{
    static const char *const names[] = {
        [BH_PLACE_RAW] = "pushed",  [BH_PLACE_READY] = "ready",    [BH_PLACE_SUSPECTS] = "suspects",
        [BH_PLACE_DUE] = "waiting", [BH_PLACE_LEASES] = "in hand", [BH_PLACE_DEAD] = "dead",
        [BH_PLACE_GONE] = "ended",
    };
    return names[place];
}

enum bh_exit
bh_selection_limit(const char *text, size_t otherwise, size_t *ret_limit)
{
    int64_t limit;
    if (text == NULL) {
        *ret_limit = otherwise;
        return BH_EXIT_DONE;
    }
    if (!bh_str_to_int64(bh_str_from(text), &limit) || limit < 1 ||
        limit > BH_SELECTION_LIMIT_CHANGE)
        return bh_cli_misuse("--limit needs a number from 1 to %d", BH_SELECTION_LIMIT_CHANGE);
    *ret_limit = (size_t)limit;
    return BH_EXIT_DONE;
}

void
bh_selection_tell_rest(const struct bh_selection *selection)
{
    if (selection->limit_reached)
        bh_cli_warn("these are the first %zu; there are more", selection->found);
    if (selection->cut)
        bh_cli_warn("looked at %zu jobs and no further: there may be more", selection->looked_max);
    if (selection->unreadable > 0)
        bh_cli_warn("records that cannot be read, or have just gone: %zu, passed over",
                    selection->unreadable);
}
