/*
 * Random operations on the scripts and on a model of them.  All replies must agree, and so must the whole
 * content: after each step of the run with a fresh seed, and every so many steps of the known ones.
 *
 * BELLHOP_TEST_SEED repeats one run, BELLHOP_TEST_STEPS makes runs longer, BELLHOP_TEST_EVERY=1 looks at the
 * content after each step.
 */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "integration/script_redis.h"
#include "integration/scripts_model.h"
#include "redis/queue_view.h"
#include "redis/steer.h"
#include "redis/store_codec.h"

#define BATCH_MAX 8
#define REFS      96
#define LEASE     ((bh_ms)30000)
#define T0        ((bh_ms)1700000000000)

/* A claim that some worker remembers, perhaps wrongly. */
struct remembered {
    char handle[24];
    char id[8];
    uint64_t token;
    size_t owner;
};

struct run {
    uint64_t dice;
    struct script_redis redis;
    struct model model;
    struct bh_queue_keys keys;
    char dump_digest[41];
    struct remembered refs[REFS];
    size_t refs_count;
    unsigned serial;
    uint64_t seed;
    uint64_t step;
    uint64_t every;               /* steps between two looks at the content */
    uint64_t jobs;                /* operations on single jobs */
    uint64_t resolved;            /* of these, uncertain ones that were settled by a word */
    uint64_t steered;             /* of these, ones that an operator has steered */
    char line[BH_STEER_LINE_MAX]; /* of the audit, by the step `line_step` */
    uint64_t line_step;
    struct bh_buf wanted;
};

static const char *const owners[MODEL_OWNERS] = {"alpha", "beta/1", "gamma"};

static uint64_t
roll(struct run *run, uint64_t sides)
{
    run->dice ^= run->dice << 13;
    run->dice ^= run->dice >> 7;
    run->dice ^= run->dice << 17;
    return run->dice % sides;
}

static struct bh_store_caller
caller(struct run *run, size_t owner)
{
    return (struct bh_store_caller){&run->model.queue, &run->keys, owners[owner]};
}

/* ---- comparison ---------------------------------------------------------------------------------- */

static void
show_difference(struct run *run, const char *wanted, const char *got)
{
    size_t same = 0, line = 0;
    while (wanted[same] != '\0' && wanted[same] == got[same]) {
        same++;
        if (wanted[same - 1] == '\n')
            line = same;
    }
    fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 "\nwanted: %.*s\ngot:    %.*s\n", run->seed,
            run->step, (int)strcspn(wanted + line, "\n"), wanted + line,
            (int)strcspn(got + line, "\n"), got + line);
}

static void
send_dump(struct run *run)
{
    const char *argv[5 + MODEL_LOCKS] = {"EVALSHA", run->dump_digest, "0"};
    char ids[8], locks[8], digests[MODEL_LOCKS][33];
    (void)snprintf(ids, sizeof(ids), "%d", MODEL_IDS);
    (void)snprintf(locks, sizeof(locks), "%d", MODEL_LOCKS);
    argv[3] = ids;
    argv[4] = locks;
    for (size_t i = 0; i < MODEL_LOCKS; i++) {
        model_lock_digest(i, digests[i]);
        argv[5 + i] = digests[i];
    }
    redisAppendCommandArgv(run->redis.context, 5 + MODEL_LOCKS, argv, NULL);
}

static bool
looks_at_content(const struct run *run)
{
    return run->step % run->every == 0;
}

static void
compare_content(struct run *run)
{
    if (!looks_at_content(run))
        return;
    redisReply *dump = script_redis_reply(&run->redis);
    cr_assert_eq(dump->type, REDIS_REPLY_STRING, "%s", dump->str);
    bh_buf_clear(&run->wanted);
    model_print(&run->model, &run->wanted);
    if (strcmp(bh_buf_text(&run->wanted), dump->str) != 0) {
        show_difference(run, bh_buf_text(&run->wanted), dump->str);
        freeReplyObject(dump);
        cr_assert_fail("the content differs from the model's");
    }
    freeReplyObject(dump);
}

/* Run the call and look at the content; the reply belongs to the caller. */
static redisReply *
finish_step(struct run *run, struct bh_call *call)
{
    script_redis_send(&run->redis, call);
    if (looks_at_content(run))
        send_dump(run);
    bh_call_release(call);
    redisReply *reply = script_redis_reply(&run->redis);
    cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "seed %" PRIu64 ", step %" PRIu64 ": %s",
                  run->seed, run->step, reply->str);
    return reply;
}

#define AGREE(run, got, wanted)                                                                    \
    cr_assert_eq((got), (wanted), "seed %" PRIu64 ", step %" PRIu64 ": got %lld, wanted %lld",     \
                 (run)->seed, (run)->step, (long long)(got), (long long)(wanted))

/* ---- commands by dice ---------------------------------------------------------------------------- */

/* Mostly one that exists; the handles of ended jobs come too. */
static const struct remembered *
some_ref(struct run *run)
{
    size_t known = run->refs_count < REFS ? run->refs_count : REFS;
    size_t recent = known < 16 || roll(run, 4) == 0 ? known : 16;
    return known == 0 ? NULL : &run->refs[(run->refs_count - 1 - roll(run, recent)) % REFS];
}

static struct bh_claim_ref
claim_ref(struct run *run, const struct remembered *ref)
{
    uint64_t token = roll(run, 50) == 0 ? ref->token + 1 : ref->token;
    return (struct bh_claim_ref){.handle = bh_str_from(ref->handle), .token = token};
}

static const struct bh_field callback_url = {
    "callback_url", {"https://a.example/", 18}
};

static struct bh_command
some_admit(struct run *run, const struct remembered *ref, char (*digest)[33])
{
    bool schedule = roll(run, 4) == 0;
    model_lock_digest(model_lock_number(ref->id), *digest);
    return (struct bh_command){
        .kind = BH_COMMAND_ADMIT,
        .admit = {.claim = claim_ref(run, ref),
                  .mode = schedule ? BH_ADMIT_SCHEDULE : BH_ADMIT_SEND,
                  .first = roll(run, 10) != 0,
                  .id = ref->id,
                  .created = {roll(run, 2) == 0 ? 0 : run->model.now - 5},
                  .due = {run->model.now + (int64_t)roll(run, 50000)},
                  .expires = {run->model.now + 100000},
                  .ledger = (const char(*)[33])digest,
                  .ledger_count = roll(run, 2),
                  .ledger_ms = 1000000000,
                  .fields = &callback_url,
                  .fields_count = model_asks(ref->id)}
    };
}

static struct bh_command
some_settle(struct run *run, const struct remembered *ref, char (*digest)[33])
{
    static const char *const finals[] = {"sent", "failed", "expired", "unknown"};
    static const char *const reasons[] = {"", "credit", "gateway_down"};
    static const char *const memos[] = {"", "memo", "two\nlines"};
    static const char *const errors[] = {"", "first", "second"};
    static const char letters[] = "nsrhu";
    static const int codes[] = {100, 0, 402, -3, 1000};
    enum bh_disposition disposition = (enum bh_disposition)roll(run, 4);
    bool ends = disposition == BH_SETTLE_FINAL || disposition == BH_SETTLE_DEAD;
    char letter = letters[roll(run, 5)];
    model_lock_digest(model_lock_number(ref->id), *digest);
    return (struct bh_command){
        .kind = BH_COMMAND_SETTLE,
        .settle = {.claim = claim_ref(run, ref),
                   .disposition = disposition,
                   .delay_ms = (bh_ms)roll(run, 50000),
                   .waiting = letter,
                   .reason = letter == 'h' ? reasons[1 + roll(run, 2)] : reasons[roll(run, 3)],
                   .attempts = (uint32_t)roll(run, 5),
                   .uncertain_since = {roll(run, 2) == 0 ? 0 : run->model.now},
                   .memo = bh_str_from(memos[roll(run, 3)]),
                   .id = ref->id,
                   .ledger = (const char(*)[33])digest,
                   .ledger_count = roll(run, 2),
                   .ledger_action = (enum bh_ledger_action)roll(run, 3),
                   .ledger_ms = 1000000000,
                   .state = ends ? finals[roll(run, 4)] : "retrying",
                   .code = codes[roll(run, 5)],
                   .sent = roll(run, 2) == 0,
                   .message_ids = bh_str_from(roll(run, 2) == 0 ? "" : model_message(ref->id)),
                   .callback = (enum bh_callback)roll(run, 3),
                   .first_error = bh_str_from(errors[roll(run, 3)]),
                   .fields = &callback_url,
                   .fields_count = model_asks(ref->id)}
    };
}

/* ---- steps --------------------------------------------------------------------------------------- */

static void
step_push(struct run *run)
{
    for (uint64_t left = 1 + roll(run, 4); left > 0; left--) {
        char payload[24];
        bool jump = roll(run, 8) == 0;
        if (run->model.raw.count + run->model.in.count + run->model.jobs_count >= 60)
            return;
        (void)snprintf(payload, sizeof(payload), "i%d.%u", (int)roll(run, MODEL_IDS),
                       run->serial++);
        freeReplyObject(script_redis_command(
            &run->redis, jump ? "RPUSH bellhop:{q} %s" : "LPUSH bellhop:{q} %s", payload));
        model_push(&run->model, payload, jump);
        run->jobs++;
    }
}

static void
step_move_aside(struct run *run)
{
    freeReplyObject(
        script_redis_command(&run->redis, "LMOVE bellhop:{q} bellhop:{q}:in RIGHT LEFT"));
    model_move_aside(&run->model);
}

static void
remember(struct run *run, const struct bh_claimed_job *job, uint64_t token, size_t owner)
{
    struct remembered *ref = &run->refs[run->refs_count++ % REFS];
    (void)snprintf(ref->handle, sizeof(ref->handle), "%.*s", BH_STR_ARGS(job->handle));
    const struct model_job *known = model_job(&run->model, strtoll(ref->handle, NULL, 10));
    (void)snprintf(ref->id, sizeof(ref->id), "%.*s", (int)strcspn(known->payload, "."),
                   known->payload);
    AGREE(run, job->payload_bytes, strlen(known->payload));
    AGREE(run, job->payload.len == 0, known->recoveries > BH_SUSPECT_RECOVERIES);
    ref->token = token;
    ref->owner = owner;
}

static void
step_claim_of(struct run *run, size_t owner, unsigned count, bool alone)
{
    struct bh_store_caller who = caller(run, owner);
    struct bh_claimed_job jobs[BH_CLAIM_MAX];
    struct bh_claimed_event got = {0};
    struct model_claimed wanted;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CLAIM);
    bh_encode_claim(&call, &who, &(struct bh_claim_command){.count = count, .alone = alone});
    model_claim(&run->model, owners[owner], count, alone, &wanted);
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(bh_decode_claim(reply, jobs, &got), BH_OK);
    AGREE(run, got.code, wanted.code);
    AGREE(run, got.jobs_count, wanted.count);
    AGREE(run, got.next_due_ms, wanted.next_due);
    AGREE(run, got.wait_ms, wanted.wait);
    AGREE(run, got.more, wanted.more);
    AGREE(run, (int64_t)got.suspects, wanted.suspects);
    AGREE(run, (int64_t)got.token, wanted.token);
    AGREE(run, got.server_now.ms, run->model.now);
    for (size_t i = 0; i < got.jobs_count; i++) {
        AGREE(run, strtoll(got.jobs[i].handle.ptr, NULL, 10), wanted.handles[i]);
        remember(run, &got.jobs[i], got.token, owner);
    }
    run->jobs += got.jobs_count;
    freeReplyObject(reply);
    compare_content(run);
}

static void
step_claim(struct run *run)
{
    step_claim_of(run, (size_t)roll(run, MODEL_OWNERS), 1 + (unsigned)roll(run, 12),
                  roll(run, 3) == 0);
}

/* A batch of one owner about any jobs, his or not. */
static size_t
gather(struct run *run, struct bh_command *commands, const struct remembered **refs,
       char (*digests)[33],
       struct bh_command (*make)(struct run *, const struct remembered *, char (*)[33]))
{
    size_t count = 1 + (size_t)roll(run, BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        refs[i] = some_ref(run);
        if (refs[i] == NULL)
            return 0;
        commands[i] = make(run, refs[i], &digests[i]);
    }
    return count;
}

/* Mostly the one who claimed the first job of the batch. */
static size_t
some_owner(struct run *run, const struct remembered *ref)
{
    return roll(run, 20) == 0 ? (size_t)roll(run, MODEL_OWNERS) : ref->owner;
}

static void
step_admit(struct run *run)
{
    struct bh_command commands[BATCH_MAX];
    const struct remembered *refs[BATCH_MAX];
    char digests[BATCH_MAX][33];
    struct bh_admitted_event got[BATCH_MAX];
    struct bh_call call;
    size_t count = gather(run, commands, refs, digests, some_admit);
    if (count == 0)
        return;
    size_t owner = some_owner(run, refs[0]);
    struct bh_store_caller who = caller(run, owner);
    bh_call_init(&call, BH_SCRIPT_ADMIT);
    bh_encode_admit(&call, &who, commands, count);
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(bh_decode_admit(reply, count, got), BH_OK);
    for (size_t i = 0; i < count; i++) {
        AGREE(run, got[i].code, model_admit(&run->model, owners[owner], &commands[i].admit));
        AGREE(run, got[i].wait_ms > 0, got[i].code == BH_ADMIT_LOCKED);
    }
    AGREE(run, got[0].next_due_ms, model_next_due(&run->model));
    run->jobs += count;
    freeReplyObject(reply);
    compare_content(run);
}

static void
step_settle(struct run *run)
{
    struct bh_command commands[BATCH_MAX];
    const struct remembered *refs[BATCH_MAX];
    char digests[BATCH_MAX][33];
    struct bh_settled_event got[BATCH_MAX];
    struct bh_call call;
    size_t count = gather(run, commands, refs, digests, some_settle);
    if (count == 0)
        return;
    size_t owner = some_owner(run, refs[0]);
    struct bh_store_caller who = caller(run, owner);
    bh_call_init(&call, BH_SCRIPT_FINISH);
    bh_encode_settle(&call, &who, commands, count);
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(bh_decode_settle(reply, count, got), BH_OK);
    for (size_t i = 0; i < count; i++)
        AGREE(run, got[i].code, model_settle(&run->model, owners[owner], &commands[i].settle));
    model_trim_dead(&run->model);
    AGREE(run, got[0].next_due_ms, model_next_due(&run->model));
    run->jobs += count;
    freeReplyObject(reply);
    compare_content(run);
}

static struct bh_command
some_renew(struct run *run, const struct remembered *ref, char (*digest)[33])
{
    (void)digest;
    return (struct bh_command){.kind = BH_COMMAND_RENEW, .renew = {.claim = claim_ref(run, ref)}};
}

static void
step_renew(struct run *run)
{
    struct bh_command commands[BATCH_MAX];
    const struct remembered *refs[BATCH_MAX];
    char digests[BATCH_MAX][33];
    struct bh_renewed_event got[BATCH_MAX];
    struct bh_call call;
    size_t count = gather(run, commands, refs, digests, some_renew);
    if (count == 0)
        return;
    size_t owner = some_owner(run, refs[0]);
    struct bh_store_caller who = caller(run, owner);
    bh_call_init(&call, BH_SCRIPT_RENEW);
    bh_encode_renew(&call, &who, commands, count);
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(bh_decode_renew(reply, count, got), BH_OK);
    for (size_t i = 0; i < count; i++)
        AGREE(run, got[i].code, model_renew(&run->model, owners[owner], &commands[i].renew.claim));
    run->jobs += count;
    freeReplyObject(reply);
    compare_content(run);
}

static void
step_adopt(struct run *run)
{
    size_t owner = (size_t)roll(run, MODEL_OWNERS), known_count = (size_t)roll(run, 3);
    struct bh_store_caller who = caller(run, owner);
    bool restarted = roll(run, 2) == 0;
    uint64_t known[2] = {0};
    struct bh_store_mark met = {0};
    struct bh_adopted got;
    struct model_adopted wanted;
    struct bh_call call;
    /* Now and then Redis has rolled back: the caller has met more than it knows. */
    if (roll(run, 8) == 0)
        met = (struct bh_store_mark){roll(run, 400), roll(run, 4000), false};
    for (size_t i = 0; i < known_count; i++) {
        const struct remembered *ref = some_ref(run);
        known[i] = ref != NULL ? ref->token : 0;
    }
    bh_call_init(&call, BH_SCRIPT_ADOPT);
    bh_encode_adopt(&call, &who, bh_str_from("0"), restarted, &met, known, known_count);
    redisReply *reply = finish_step(run, &call);
    model_adopt(&run->model, owners[owner], restarted, &met, known, known_count, &wanted);
    cr_assert_eq(bh_decode_adopt(reply, &got), BH_OK);
    cr_assert(bh_str_equal_text(got.cursor, "0"), "a set this small is looked at in one page");
    AGREE(run, got.recovered, wanted.recovered);
    AGREE(run, got.seen, wanted.seen);
    AGREE(run, got.token, wanted.token);
    AGREE(run, got.handle, wanted.handle);
    AGREE(run, got.waiting, wanted.waiting);
    freeReplyObject(reply);
    compare_content(run);
}

static bool
is_uncertain(struct run *run, const struct model_job *job)
{
    if (job->id[0] == '\0' || job->place == MODEL_LEASED)
        return false;
    if (job->place == MODEL_DEAD)
        return strcmp(run->model.statuses[model_id_number(job->id)].state, "unknown") == 0;
    return job->waiting == 'u' || job->uncertain != 0;
}

/* Mostly an uncertain job if there is one, else one that was claimed not long ago, or any. */
static void
some_id(struct run *run, char *ret_id, size_t size)
{
    const struct remembered *ref = some_ref(run);
    size_t count = run->model.jobs_count, begin = count > 0 ? (size_t)roll(run, count) : 0;
    for (size_t i = 0; i < count && roll(run, 40) != 0; i++) {
        const struct model_job *job = &run->model.jobs[(begin + i) % count];
        if (is_uncertain(run, job)) {
            (void)snprintf(ret_id, size, "%s", job->id);
            return;
        }
    }
    if (ref != NULL && roll(run, 8) != 0)
        (void)snprintf(ret_id, size, "%s", ref->id);
    else
        (void)snprintf(ret_id, size, "i%d", (int)roll(run, MODEL_IDS));
}

static void
step_resolve(struct run *run)
{
    static const enum bh_resolve_word words[] = {BH_RESOLVE_SENT, BH_RESOLVE_FAILED,
                                                 BH_RESOLVE_RESEND};
    char id[8];
    some_id(run, id, sizeof(id));
    const struct bh_resolve resolve = {.id = id,
                                       .word = words[roll(run, 3)],
                                       .who = bh_str_from("the test"),
                                       .retention_ms = run->model.queue.retention_ms};
    struct bh_resolved got;
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_RESOLVE);
    bh_encode_resolve(&call, &run->keys, &resolve);
    enum bh_resolve_code wanted = model_resolve(&run->model, id, resolve.word);
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(bh_decode_resolve(reply, &got), BH_OK);
    AGREE(run, got.code, wanted);
    AGREE(run, got.after.len > 0, wanted == BH_RESOLVED_DONE);
    run->resolved += wanted == BH_RESOLVED_DONE;
    run->jobs++;
    freeReplyObject(reply);
    compare_content(run);
}

/* Mostly one that waits or is dead, by its handle; or any id; or a handle that was once some job's. */
static struct bh_steer_job
some_steered(struct run *run, char *id, char *handle)
{
    const struct remembered *ref = some_ref(run);
    size_t count = run->model.jobs_count;
    id[0] = handle[0] = '\0';
    if (count > 0 && roll(run, 8) != 0) {
        size_t begin = (size_t)roll(run, count);
        const struct model_job *job = &run->model.jobs[begin];
        for (size_t i = 0; i < count && roll(run, 40) != 0; i++) {
            job = &run->model.jobs[(begin + i) % count];
            if (job->id[0] != '\0' && job->place != MODEL_LEASED)
                break;
        }
        (void)snprintf(id, 8, "%s", job->id);
        if (id[0] == '\0' || roll(run, 3) != 0)
            (void)snprintf(handle, 24, "%lld", (long long)job->handle);
    } else {
        (void)snprintf(id, 8, "i%d", (int)roll(run, MODEL_IDS));
        if (ref != NULL && roll(run, 2) == 0)
            (void)snprintf(handle, 24, "%s", ref->handle);
    }
    return (struct bh_steer_job){id, bh_str_from(handle)};
}

static void
agree_about_steered(struct run *run, enum bh_steering operation, const struct bh_steer_job *jobs,
                    const struct bh_steered *got, size_t count)
{
    bool changed = false;
    for (size_t i = 0; i < count; i++) {
        int64_t handle = strtoll(jobs[i].handle.ptr, NULL, 10);
        enum bh_steer_code wanted = model_steer(&run->model, operation, jobs[i].id, handle);
        if (got[i].code != wanted)
            fprintf(stderr, "%s of id \"%s\", handle \"%s\"\n", bh_steering_name(operation),
                    jobs[i].id, jobs[i].handle.ptr);
        AGREE(run, got[i].code, wanted);
        bool done = wanted == BH_STEERED_DONE || wanted == BH_STEERED_UNKNOWN;
        changed = changed || done || wanted == BH_STEERED_LEFT;
        run->steered += done;
    }
    /* A line that is continued is replaced. */
    if (changed && !(run->line_step + 1 == run->step && run->line[0] != '\0'))
        run->model.audited++;
}

static void
steer_jobs(struct run *run, enum bh_steering operation, const struct bh_steer_job *jobs,
           size_t count)
{
    struct bh_steered got[BATCH_MAX];
    struct bh_str line;
    struct bh_call call;
    bool continued = run->line_step + 1 == run->step;
    struct bh_steer steer = {
        .operation = operation,
        .who = bh_str_from("the test"),
        .chosen_by = bh_str_from("by dice"),
        .line = bh_str_from(continued ? run->line : ""),
        .retention_ms = run->model.queue.retention_ms,
        .jobs = jobs,
        .count = count,
    };
    bh_call_init(&call, BH_SCRIPT_STEER);
    bh_encode_steer(&call, &run->keys, &steer);
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(bh_decode_steer(reply, steer.count, got, &line), BH_OK);
    agree_about_steered(run, steer.operation, jobs, got, steer.count);
    (void)snprintf(run->line, sizeof(run->line), "%.*s", BH_STR_ARGS(line));
    run->line_step = run->step;
    run->jobs += steer.count;
    freeReplyObject(reply);
    compare_content(run);
}

/* Mostly one that suits the job. */
static enum bh_steering
some_steering(struct run *run, const struct bh_steer_job *about)
{
    static const enum bh_steering of_dead[] = {BH_STEER_REQUEUE, BH_STEER_DELETE};
    static const enum bh_steering of_held[] = {BH_STEER_RELEASE, BH_STEER_RETRY, BH_STEER_CANCEL};
    for (size_t i = 0; i < run->model.jobs_count && roll(run, 30) != 0; i++) {
        const struct model_job *job = &run->model.jobs[i];
        if (about->id[0] == '\0' || strcmp(job->id, about->id) != 0)
            continue;
        if (job->place == MODEL_DEAD)
            return of_dead[roll(run, 2)];
        if (job->waiting == 'h')
            return of_held[roll(run, 3)];
        return (enum bh_steering)roll(run, BH_STEERINGS - 1);
    }
    return (enum bh_steering)roll(run, BH_STEERINGS);
}

static void
step_steer(struct run *run)
{
    struct bh_steer_job jobs[BATCH_MAX];
    char ids[BATCH_MAX][8], handles[BATCH_MAX][24];
    size_t count = 1 + (size_t)roll(run, BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        jobs[i] = some_steered(run, ids[i], handles[i]);
    steer_jobs(run, some_steering(run, &jobs[0]), jobs, count);
}

/* So that a worker can end them. */
static void
release_all(struct run *run)
{
    char ids[MODEL_JOBS][8];
    size_t count = 0;
    for (size_t i = 0; i < run->model.jobs_count; i++) {
        const struct model_job *job = &run->model.jobs[i];
        if (job->place == MODEL_DUE && job->waiting == 'h' && strcmp(job->reason, "operator") == 0)
            (void)snprintf(ids[count++], sizeof(ids[0]), "%s", job->id);
    }
    for (size_t i = 0; i < count; i++)
        steer_jobs(run, BH_STEER_RELEASE,
                   &(struct bh_steer_job){
                       .id = ids[i], .handle = {"", 0}
        },
                   1);
}

static void
advance(struct run *run, bh_ms by)
{
    run->model.now += by;
    script_redis_set_clock(&run->redis, run->model.now);
}

static void
step_clock(struct run *run)
{
    static const uint64_t most[] = {2, 1000, 10000, 40000, 100000};
    advance(run, (bh_ms)roll(run, most[roll(run, 5)]));
}

static void
step_tombstone(struct run *run)
{
    size_t number = (size_t)roll(run, MODEL_IDS);
    freeReplyObject(script_redis_command(&run->redis, "SET bellhop:{q}:cancel:i%d 1", (int)number));
    run->model.cancels[number] = true;
}

/* What time does to a status, and to a ledger entry; the fake clock cannot. */
static void
step_expire(struct run *run)
{
    char digest[33];
    size_t number = (size_t)roll(run, MODEL_IDS), lock = (size_t)roll(run, MODEL_LOCKS);
    struct model_status *status = &run->model.statuses[number];
    if (status->exists && status->final) {
        freeReplyObject(
            script_redis_command(&run->redis, "DEL bellhop:{q}:status:i%d", (int)number));
        status->exists = false;
    }
    if (roll(run, 3) == 0) {
        model_lock_digest(lock, digest);
        freeReplyObject(script_redis_command(&run->redis, "DEL bellhop:{q}:lock:%s", digest));
        run->model.locks[lock] = 0;
    }
}

static void
set_paused(struct run *run, bool paused)
{
    struct bh_call call;
    bh_call_init(&call, BH_SCRIPT_CONTROL);
    if (paused)
        bh_encode_queue_pause(&call, &run->keys, bh_str_from("the test"), bh_str_from("because"));
    else
        bh_encode_queue_resume(&call, &run->keys, bh_str_from("the test"), bh_str_from(""));
    redisReply *reply = finish_step(run, &call);
    cr_assert_eq(reply->element[0]->integer, run->model.paused == paused ? 1 : 0);
    freeReplyObject(reply);
    run->model.audited += run->model.paused != paused;
    run->model.paused = paused;
    compare_content(run);
}

static void
step_control(struct run *run)
{
    static const uint32_t rates[] = {0, 0, 0, 3, 7, 20}, concurrencies[] = {0, 0, 5, 12};
    set_paused(run, roll(run, 4) == 0);
    run->model.queue.rate = rates[roll(run, BH_ARRAY_LEN(rates))];
    run->model.queue.concurrency = concurrencies[roll(run, BH_ARRAY_LEN(concurrencies))];
    run->model.queue.dead_max = (uint32_t)roll(run, 6);
}

/* ---- runs ---------------------------------------------------------------------------------------- */

static void
random_step(struct run *run)
{
    uint64_t die = roll(run, 100);
    if (die < 18)
        step_push(run);
    else if (die < 22)
        step_move_aside(run);
    else if (die < 42)
        step_claim(run);
    else if (die < 60)
        step_admit(run);
    else if (die < 78)
        step_settle(run);
    else if (die < 82)
        step_renew(run);
    else if (die < 84)
        step_adopt(run);
    else if (die < 87)
        step_resolve(run);
    else if (die < 90)
        step_steer(run);
    else if (die < 93)
        step_clock(run);
    else if (die < 94)
        step_tombstone(run);
    else if (die < 98)
        step_expire(run);
    else
        step_control(run);
}

static bool
is_drained(const struct run *run)
{
    return run->model.raw.count + run->model.in.count + run->model.ready.count +
               run->model.suspects.count + run->model.jobs_count ==
           0;
}

/* The worker that ends everything that it gets. */
static void
drain(struct run *run)
{
    set_paused(run, false);
    run->model.queue.rate = 0;
    run->model.queue.concurrency = 0;
    run->model.queue.dead_max = 0;
    release_all(run);
    for (int rounds = 0; rounds < 200 && !is_drained(run); rounds++) {
        advance(run, 200000);
        size_t before = run->refs_count;
        step_claim_of(run, 0, 16, roll(run, 2) == 0);
        size_t taken = run->refs_count - before;
        struct bh_command commands[16];
        struct bh_call call;
        struct bh_store_caller who = caller(run, 0);
        for (size_t i = 0; i < taken; i++) {
            const struct remembered *ref = &run->refs[(before + i) % REFS];
            commands[i] = (struct bh_command){
                .kind = BH_COMMAND_SETTLE,
                .settle = {.claim = {.handle = bh_str_from(ref->handle), .token = ref->token},
                           .reason = "",
                           .id = ref->id,
                           .state = "sent"}
            };
            AGREE(run, model_settle(&run->model, owners[0], &commands[i].settle), BH_SETTLED_OK);
        }
        model_trim_dead(&run->model);
        bh_call_init(&call, BH_SCRIPT_FINISH);
        bh_encode_settle(&call, &who, commands, taken);
        freeReplyObject(finish_step(run, &call));
        compare_content(run);
    }
    cr_assert(is_drained(run), "seed %" PRIu64, run->seed);
}

static void
nothing_stays_behind(struct run *run)
{
    static const char *const may_stay[] = {"bellhop:{q}:counters", "bellhop:{q}:control",
                                           "test:clock"};
    redisReply *keys = script_redis_command(&run->redis, "KEYS *");
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        bool fine =
            strncmp(key, "bellhop:{q}:cancel:", 19) == 0; /* made by the test, without a TTL */
        for (size_t k = 0; k < BH_ARRAY_LEN(may_stay); k++)
            fine = fine || strcmp(key, may_stay[k]) == 0;
        if (!fine) {
            redisReply *ttl = script_redis_command(&run->redis, "PTTL %s", key);
            cr_expect_gt(ttl->integer, 0, "seed %" PRIu64 ": %s stays for ever", run->seed, key);
            freeReplyObject(ttl);
        }
    }
    freeReplyObject(keys);
}

static void
load_dump(struct run *run)
{
    static char text[8192];
    FILE *file = fopen(BH_TEST_DUMP_LUA, "r");
    cr_assert_not_null(file);
    size_t length = fread(text, 1, sizeof(text), file);
    fclose(file);
    cr_assert_lt(length, sizeof(text));
    redisReply *reply = script_redis_command(&run->redis, "SCRIPT LOAD %b", text, length);
    cr_assert_eq(reply->type, REDIS_REPLY_STRING, "%s", reply->str);
    (void)snprintf(run->dump_digest, sizeof(run->dump_digest), "%s", reply->str);
    freeReplyObject(reply);
}

static struct run run;

static void
start_server(void)
{
    script_redis_start(&run.redis);
    bh_buf_init(&run.wanted, (size_t)1024 * 1024);
    cr_assert_eq(bh_queue_keys_init(&run.keys, "bellhop", "q"), BH_OK);
}

static void
stop_server(void)
{
    bh_buf_release(&run.wanted);
    script_redis_stop(&run.redis);
}

static uint64_t
from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void
run_seed(uint64_t seed, uint64_t steps, uint64_t every)
{
    run.every = from_environment("BELLHOP_TEST_EVERY", every);
    run.seed = seed;
    run.dice = seed * 0x9e3779b97f4a7c15U + 1;
    run.refs_count = 0;
    run.line[0] = '\0';
    memset(&run.model, 0, sizeof(run.model));
    run.model.now = T0;
    run.model.queue = (struct bh_store_queue){
        .name = "q",
        .lease_ms = LEASE,
        .payload_bytes_max = 1000,
        .dead_max = 4,
        .dead_ttl_ms = 300000,
        .retention_ms = 1000000000,
        .tracking = {.open_ms = 1000000000000, .pull_after_ms = 60000}
    };
    script_redis_reset(&run.redis, T0);
    load_dump(&run);
    for (run.step = 0; run.step < steps; run.step++)
        random_step(&run);
    run.every = 1;
    drain(&run);
    nothing_stays_behind(&run);
}

TestSuite(scripts_model, .init = start_server, .fini = stop_server);

Test(scripts_model, agrees_with_the_scripts_for_known_seeds)
{
    uint64_t steps = from_environment("BELLHOP_TEST_STEPS", 5000);
    for (uint64_t seed = 1; seed <= 16; seed++)
        run_seed(seed, steps, 10);
    printf("%" PRIu64 " operations on jobs, %" PRIu64 " settled by a word, %" PRIu64 " steered\n",
           run.jobs, run.resolved, run.steered);
    cr_expect_gt(run.resolved, run.jobs / 500, "too few to mean anything");
    cr_expect_gt(run.steered, run.jobs / 400, "too few to mean anything");
}

Test(scripts_model, agrees_with_the_scripts_for_a_fresh_seed)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = from_environment("BELLHOP_TEST_SEED",
                                     (uint64_t)now.tv_sec * 1000003U + (uint64_t)now.tv_nsec);
    printf("BELLHOP_TEST_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    run_seed(seed, from_environment("BELLHOP_TEST_STEPS", 5000), 1);
    printf("BELLHOP_TEST_SEED=%" PRIu64 " passed, %" PRIu64 " operations on jobs\n", seed,
           run.jobs);
}
