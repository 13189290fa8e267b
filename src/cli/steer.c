#include "cli/steer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"
#include "cli/interrupt.h"
#include "cli/session.h"
#include "cli/steer_words.h"
#include "cli/wake.h"
#include "cli/who.h"
#include "core/alloc.h"
#include "core/fault.h"
#include "core/job_word.h"
#include "core/json.h"
#include "redis/reply_reader.h"

#define HANDLE_MAX    24
#define LINE_BYTES    ((size_t)4096)
#define CHOSEN_BYTES  ((size_t)512)
#define SAMPLE        5
#define TOLD_MAX      20 /* so many jobs are told one by one to a person */
#define PROGRESS_FROM 1000

/* Gathered first and changed afterwards: a list that shrinks while it is walked hides jobs. */
struct chosen {
    size_t queue;
    uint32_t states;
    bool unclaimed; /* no worker has met it */
    char id[BH_JOB_ID_MAX + 1];
    char handle[HANDLE_MAX];
};

struct steering {
    struct bh_cli *cli;
    enum bh_steering operation;
    struct bh_selection selection;
    struct chosen *jobs; /* owned */
    size_t count;
    size_t capacity;
    char who[BH_WHO_MAX];
    struct bh_buf chosen_by;
    char line[BH_STEER_LINE_MAX]; /* of the audit of this queue */
    size_t done;
    size_t refused;
    size_t told;
    bool shows_progress;
};

/* ---- choosing ---- */

static struct chosen *
add(struct steering *steering)
{
    if (steering->count == steering->capacity) {
        size_t capacity = steering->capacity == 0 ? 64 : 2 * steering->capacity;
        struct chosen *jobs = bh_realloc_array(steering->jobs, capacity, sizeof(*jobs));
        if (jobs == NULL)
            return NULL;
        steering->jobs = jobs;
        steering->capacity = capacity;
    }
    struct chosen *job = &steering->jobs[steering->count++];
    *job = (struct chosen){.queue = 0};
    return job;
}

static enum bh_exit
on_job(void *arg, const struct bh_found_job *found)
{
    struct steering *steering = arg;
    /* What nobody has claimed may say anything of itself. */
    bool named = bh_job_is_word(found->id, BH_JOB_ID_MAX);
    if (found->handle.len >= HANDLE_MAX)
        return BH_EXIT_DONE;
    struct chosen *job = add(steering);
    if (job == NULL)
        return bh_cli_fail("short of memory");
    job->queue = found->queue;
    job->states = found->states;
    job->unclaimed = found->place == BH_PLACE_RAW;
    if (named)
        snprintf(job->id, sizeof(job->id), "%.*s", BH_STR_ARGS(found->id));
    snprintf(job->handle, sizeof(job->handle), "%.*s", BH_STR_ARGS(found->handle));
    return bh_interrupted() ? bh_cli_fail("interrupted: nothing was changed") : BH_EXIT_DONE;
}

/* What nobody has claimed yet can be cancelled all the same, in a queue that is certain. */
static enum bh_exit
on_missing(void *arg, const char *id)
{
    struct steering *steering = arg;
    if (steering->selection.queues.count != 1) {
        bh_cli_warn("%s is not known; if it was pushed, but not claimed yet, name its queue with "
                    "--queue",
                    id);
        steering->refused++;
        return BH_EXIT_DONE;
    }
    struct chosen *job = add(steering);
    if (job == NULL)
        return bh_cli_fail("short of memory");
    job->unclaimed = true;
    snprintf(job->id, sizeof(job->id), "%s", id);
    return BH_EXIT_DONE;
}

static enum bh_exit
choose(struct steering *steering, const struct bh_steer_options *options,
       struct bh_operands operands, uint32_t states, bool only)
{
    struct bh_selection *selection = &steering->selection;
    enum bh_exit result = bh_selection_prepare(steering->cli, operands, options->queue,
                                               BH_SELECT_NEEDS_OPERAND, selection);
    if (result != BH_EXIT_DONE)
        return result;
    bool by_id = selection->ids_count > 0 || selection->from_input;
    selection->states = by_id && !only ? 0 : states;
    if (steering->operation == BH_STEER_CANCEL)
        selection->on_missing = on_missing;
    for (size_t i = 0; i < operands.count; i++)
        (void)bh_buf_printf(&steering->chosen_by, "%s%s", i > 0 ? " " : "", operands.values[i]);
    if (bh_buf_status(&steering->chosen_by) != BH_OK) {
        bh_buf_clear(&steering->chosen_by);
        (void)bh_buf_printf(&steering->chosen_by, "%zu operands", operands.count);
    }
    result = bh_selection_run(steering->cli, selection, on_job, steering);
    if (result == BH_EXIT_DONE)
        bh_selection_tell_rest(selection);
    return result;
}

/* ---- asking ---- */

static const char *
shown_id(const struct chosen *job)
{
    return job->id[0] != '\0' ? job->id : "(without id)";
}

static const char *
state_name(const struct chosen *job)
{
    return job->states != 0 ? bh_filter_state_name(job->states) : "not claimed yet";
}

static bool
agrees(void)
{
    char answer[16];
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

/* More than one job needs a person's word. */
static enum bh_exit
ask(const struct steering *steering, const struct bh_steer_options *options)
{
    const char *verb = bh_steer_verb(steering->operation);
    if (steering->count == 1 || options->yes)
        return BH_EXIT_DONE;
    if (steering->selection.from_input || isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return bh_cli_misuse("this would %s %zu jobs: add --yes to do it, --dry-run to see them",
                             verb, steering->count);
    for (size_t i = 0; i < steering->count && i < SAMPLE; i++)
        fprintf(stderr, "  %s  %s  %s\n", shown_id(&steering->jobs[i]),
                steering->selection.queues.names[steering->jobs[i].queue],
                state_name(&steering->jobs[i]));
    if (steering->count > SAMPLE)
        fprintf(stderr, "  ... and %zu more\n", steering->count - SAMPLE);
    fprintf(stderr, "%s these %zu jobs? [y/N] ", verb, steering->count);
    fflush(stderr);
    return agrees() ? BH_EXIT_DONE : bh_cli_fail("nothing was changed");
}

/* ---- telling ---- */

static enum bh_exit
print_line(const struct steering *steering, const struct chosen *job, const char *result,
           const struct bh_steered *steered, struct bh_str sentence)
{
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, LINE_BYTES);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "queue", steering->selection.queues.names[job->queue]);
    bh_json_put_text(&writer, "id", job->id);
    bh_json_put_text(&writer, "operation", bh_steering_name(steering->operation));
    bh_json_put_text(&writer, "result", result);
    if (steered == NULL)
        bh_json_put_text(&writer, "state", state_name(job));
    if (steered != NULL && steered->before.len > 0)
        bh_json_put_string(&writer, "before", steered->before);
    if (steered != NULL && steered->after.len > 0)
        bh_json_put_string(&writer, "after", steered->after);
    if (sentence.len > 0)
        bh_json_put_string(&writer, "text", sentence);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status == BH_OK ? BH_EXIT_DONE : bh_cli_fail("short of memory");
}

static enum bh_exit
show_dry(const struct steering *steering)
{
    enum bh_exit result = BH_EXIT_DONE;
    for (size_t i = 0; i < steering->count && result == BH_EXIT_DONE; i++) {
        const struct chosen *job = &steering->jobs[i];
        if (steering->cli->json)
            result = print_line(steering, job, "would", NULL, (struct bh_str){"", 0});
        else
            printf("%s  %s  %s\n", shown_id(job), steering->selection.queues.names[job->queue],
                   state_name(job));
    }
    if (!steering->cli->json)
        printf("would %s %zu job%s, if their states allow it\n", bh_steer_verb(steering->operation),
               steering->count, steering->count == 1 ? "" : "s");
    return result;
}

/* To a person, of many jobs those that were refused. */
static enum bh_exit
tell(struct steering *steering, const struct chosen *job, const struct bh_steered *steered)
{
    bool well = bh_steer_went_well(steered->code);
    struct bh_buf sentence;
    enum bh_exit result = BH_EXIT_DONE;
    steering->done += well;
    steering->refused += !well;
    if (!steering->cli->json &&
        (steering->told >= TOLD_MAX || (well && steering->count > TOLD_MAX)))
        return BH_EXIT_DONE;
    bh_buf_init(&sentence, LINE_BYTES);
    bh_steer_sentence(steering->operation, steered, &sentence);
    if (bh_buf_status(&sentence) != BH_OK)
        result = bh_cli_fail("short of memory");
    else if (steering->cli->json)
        result = print_line(steering, job, bh_steer_result_name(steered->code), steered,
                            bh_buf_str(&sentence));
    else if (well)
        printf("%s: %s\n", shown_id(job), bh_buf_text(&sentence));
    else
        bh_cli_warn("%s: %s", shown_id(job), bh_buf_text(&sentence));
    steering->told++;
    bh_buf_release(&sentence);
    return result;
}

static void
show_progress(const struct steering *steering)
{
    if (steering->shows_progress)
        fprintf(stderr, "\r%zu of %zu", steering->done + steering->refused, steering->count);
}

/* ---- changing ---- */

static enum bh_exit
change(struct steering *steering, size_t queue, const struct chosen *const *jobs, size_t count)
{
    struct bh_steer_job listed[BH_STEER_MAX];
    struct bh_steered steered[BH_STEER_MAX];
    struct bh_str line;
    struct bh_call call;
    struct redisReply *reply;
    for (size_t i = 0; i < count; i++)
        listed[i] = (struct bh_steer_job){jobs[i]->id, bh_str_from(jobs[i]->handle)};
    const struct bh_steer steer = {
        .operation = steering->operation,
        .who = bh_str_from(steering->who),
        .chosen_by = bh_buf_str(&steering->chosen_by),
        .line = bh_str_from(steering->line),
        .retention_ms = steering->cli->config->status.retention_ms,
        .events_cap = (uint32_t)steering->cli->config->status.events_max,
        .jobs = listed,
        .count = count,
    };
    bh_call_init(&call, BH_SCRIPT_STEER);
    bh_encode_steer(&call, &steering->selection.queues.keys[queue], &steer);
    enum bh_exit result = bh_session_script(steering->cli, "change the jobs", &call, &reply);
    bh_call_release(&call);
    if (result != BH_EXIT_DONE) {
        if (bh_session_in_doubt(steering->cli))
            bh_cli_warn("whether the last %zu were changed is not known; to say it again does no "
                        "harm",
                        count);
        return result;
    }
    if (bh_decode_steer(reply, count, steered, &line) != BH_OK)
        result = bh_cli_fail("cannot change the jobs: Redis answers what our script does not give");
    else
        snprintf(steering->line, sizeof(steering->line), "%.*s", BH_STR_ARGS(line));
    for (size_t i = 0; i < count && result == BH_EXIT_DONE; i++)
        result = tell(steering, jobs[i], &steered[i]);
    bh_redis_reply_free(reply);
    return result;
}

static bool
is_nameless(struct steering *steering, const struct chosen *job)
{
    const struct bh_steered early = {
        .code = BH_STEERED_EARLY, .before = {"", 0},
             .after = {"", 0}
    };
    bool nameless =
        job->unclaimed && (job->id[0] == '\0' || steering->operation != BH_STEER_CANCEL);
    return nameless && tell(steering, job, &early) == BH_EXIT_DONE;
}

static enum bh_exit
change_queue(struct steering *steering, size_t queue)
{
    const struct chosen *batch[BH_STEER_MAX];
    size_t count = 0;
    enum bh_exit result = BH_EXIT_DONE;
    steering->line[0] = '\0';
    for (size_t i = 0; i < steering->count && result == BH_EXIT_DONE && !bh_interrupted(); i++) {
        const struct chosen *job = &steering->jobs[i];
        if (job->queue != queue || is_nameless(steering, job))
            continue;
        batch[count++] = job;
        if (count < BH_STEER_MAX)
            continue;
        result = change(steering, queue, batch, count);
        count = 0;
        show_progress(steering);
    }
    if (count > 0 && result == BH_EXIT_DONE && !bh_interrupted())
        result = change(steering, queue, batch, count);
    return result;
}

static bool
wakes_workers(enum bh_steering operation)
{
    return operation == BH_STEER_RELEASE || operation == BH_STEER_RETRY ||
           operation == BH_STEER_REQUEUE;
}

static enum bh_exit
change_all(struct steering *steering)
{
    enum bh_exit result = BH_EXIT_DONE;
    steering->shows_progress = steering->count >= PROGRESS_FROM && isatty(STDERR_FILENO) == 1;
    for (size_t i = 0; i < steering->selection.queues.count && result == BH_EXIT_DONE; i++)
        result = change_queue(steering, i);
    if (steering->shows_progress)
        fputs("\r\033[K", stderr);
    if (steering->done > 0 && wakes_workers(steering->operation))
        bh_wake_workers(steering->cli);
    return result;
}

static enum bh_exit
sum_up(const struct steering *steering, enum bh_exit result)
{
    size_t all = steering->done + steering->refused;
    bool interrupted = bh_interrupted();
    if (steering->count > TOLD_MAX && !steering->cli->json)
        printf("%s: %zu of %zu jobs%s\n", bh_steer_participle(steering->operation), steering->done,
               steering->count, steering->refused > 0 ? "; the others were refused" : "");
    if (interrupted || result != BH_EXIT_DONE)
        bh_cli_warn("%s%zu of %zu jobs were done, %zu refused, the rest is untouched",
                    interrupted ? "interrupted: " : "", steering->done, steering->count,
                    steering->refused);
    if (result != BH_EXIT_DONE)
        return result;
    if (all == 0 && !interrupted)
        return BH_EXIT_NOTHING;
    return interrupted || steering->refused > 0 ||
                   (steering->selection.missing > 0 && steering->selection.on_missing == NULL)
               ? BH_EXIT_FAILED
               : BH_EXIT_DONE;
}

/* A filter chooses among those jobs only whose state lets them be changed so. */
static void
tell_of_none(const struct steering *steering)
{
    if (steering->selection.states == 0)
        bh_cli_warn("there is no such job");
    else
        bh_cli_warn("there is no such job that can be %s",
                    bh_steer_participle(steering->operation));
}

static enum bh_exit
run(struct steering *steering, const struct bh_steer_options *options, struct bh_operands operands,
    uint32_t states, bool only)
{
    enum bh_exit result = choose(steering, options, operands, states, only);
    if (result != BH_EXIT_DONE)
        return result;
    if (steering->count == 0) {
        if (steering->selection.missing == 0)
            tell_of_none(steering);
        return BH_EXIT_NOTHING;
    }
    if (options->dry_run)
        return show_dry(steering);
    result = ask(steering, options);
    return result == BH_EXIT_DONE ? sum_up(steering, change_all(steering)) : result;
}

enum bh_exit
bh_steer_run(struct bh_cli *cli, const struct bh_steer_options *options,
             struct bh_operands operands, enum bh_steering operation, uint32_t states, bool only)
{
    struct steering *steering = bh_alloc_zero(sizeof(*steering));
    if (steering == NULL)
        return bh_cli_fail("short of memory");
    steering->cli = cli;
    steering->operation = operation;
    bh_buf_init(&steering->chosen_by, CHOSEN_BYTES);
    bh_who(steering->who);
    bh_interrupt_watch();
    enum bh_exit result = run(steering, options, operands, states, only);
    bh_selection_release(&steering->selection);
    bh_buf_release(&steering->chosen_by);
    bh_free(steering->jobs);
    bh_free(steering);
    return result;
}
