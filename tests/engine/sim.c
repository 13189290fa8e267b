/*
 * sim - real engines against a model of the store and a model of the gateway, with everything going wrong.
 *
 * Several workers, each a process or a few together in one, share the queues.  They are stopped and go on later, they are killed at
 * any point and started again, their connection to the store breaks with commands under way, the gateway loses
 * requests and answers, some jobs end every process that handles them, the gateway runs out of credit, throttles and locks; configurations change and workers drain.  After
 * each step the invariants are checked, and at the end each job has to be in exactly one final state that
 * agrees with what the gateway really accepted.
 *
 * The seed is printed first and last; BELLHOP_SEED=N replays one run, BELLHOP_SIM_TRACE=1 says
 * everything that happens in it, BELLHOP_SIM_RUNS=N makes more runs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/engine_internal.h"
#include "engine/rig.h"
#include "engine/sim_gateway.h"
#include "engine/sim_leases.h"
#include "engine/sim_store.h"

#define WORKERS_MAX  4
#define MESSAGES_MAX 8192
#define SLOTS_MAX    128
#define TOKENS_MAX   65536
#define STEPS_MAX    2000000
#define RUNS         120
#define TIMEOUT_MS   (20 * BH_SECOND_MS)
#define SLOW_MS      (8 * BH_SECOND_MS)

enum kind { TO_STORE, TO_WORKER, TO_GATEWAY, TO_KEEPER, CONNECT, RESTART, WORLD, KEEPER };

struct message {
    int64_t at;
    uint64_t seq;
    enum kind kind;
    unsigned worker, life;
    bool of_store; /* a request to the store or its answer: lost with the connection */
    struct sim_request *request; /* owned */
    struct bh_event event;
    struct sim_claimed *claimed; /* owned; what event.claimed points into */
    struct sim_call call;
    struct bh_slot_handle slot;
    bool cancelled;
    struct sim_answer *answer; /* owned; what event.answered points into */
    struct sim_page *page;     /* the same, of the journal */
    struct bh_account_command word;
};

struct worker {
    struct bh_engine *engine; /* NULL: not running */
    struct bh_config *config;
    unsigned life;
    int64_t offset; /* its monotonic clock minus the world's */
    int64_t stopped_until;
    int64_t wake_at; /* in the world's time */
    bool store_up, draining;
    bool was_up;              /* in this life */
    bool dies;                /* of a job, as soon as the commands at hand are carried out */
    bool told_up;             /* what its engine knows of that */
    unsigned jobs[SLOTS_MAX]; /* by slot: the job that it holds */
    unsigned store_queues[BH_CONFIG_QUEUE_NUMBERS_MAX]; /* by its numbers */
    uint64_t tokens[TOKENS_MAX];
    size_t tokens_count;
    unsigned in_flight;
    bool looks[SLOTS_MAX]; /* by slot: its request is a question to the journal */
    unsigned share_max;    /* the largest share of connections that it ever had */
};

struct world {
    uint64_t seed;
    int64_t now; /* the world's time, 0 at the start */
    int64_t epoch;
    uint64_t seq;
    struct bh_dice dice;
    struct sim_store store;
    struct sim_gateway gateway;
    struct worker workers[WORKERS_MAX];
    unsigned workers_count;
    unsigned together; /* workers of a process */
    struct bh_quiet processes[WORKERS_MAX];
    int64_t offsets[WORKERS_MAX]; /* the clocks of processes with several workers */
    struct message *messages[MESSAGES_MAX];
    size_t messages_count;
    unsigned to_push;
    uint64_t pace_ms; /* between disturbances, at most */
    bool crashes, stops, outages, twins;
    bool only_jobs_kill; /* nothing but bad jobs ends a process or costs a lease */
    bool foreign;        /* somebody else on the account sends the same texts */
    bool calm;           /* nothing goes wrong any more */
    bool quick; /* no call to the store is slow, lost or delayed by a stop: leases must be kept */
    enum bh_account_state account;
    enum bh_reason account_reason;
    enum bh_journal_access journal; /* as the keeper knows it */
    enum bh_lock_knowledge lock;
    bool lock_was_on; /* somebody has ever been told so */
    int trial_worker;
    int64_t trial_until, probe_at;
    unsigned steps;
};

/* What all runs together have met, so that a test that tests nothing is noticed. */
static struct {
    unsigned jobs, steps, crashes, stops, outages, reloads, drains, cancels;
    unsigned calls, accepted, locked, late, stale, recovered, doubled;
    unsigned strict, looks, shown, denials, doubts;
    unsigned twins_held, twins_cleared;
    unsigned poisoned, deaths, buried, innocents, apart;
    unsigned fates[SIM_FATES];
    unsigned states[BH_STATE_COUNT];
} total;

static struct world *world; /* one at a time; big */
static bool traces;         /* say everything that happens */

static const char *const command_names[] = {
    "claim",  "wait",  "admit", "submit", "look up", "cancel",
    "settle", "renew", "grant", "twin",   "account",
};
static const char *const event_names[] = {
    [BH_EVENT_STORE_UP] = "store up",
    [BH_EVENT_STORE_DOWN] = "store down",
    [BH_EVENT_CLAIMED] = "claimed",
    [BH_EVENT_CLAIM_FAILED] = "claim failed",
    [BH_EVENT_WOKEN] = "woken",
    [BH_EVENT_ADMITTED] = "admitted",
    [BH_EVENT_ANSWERED] = "answered",
    [BH_EVENT_SETTLED] = "settled",
    [BH_EVENT_RENEWED] = "renewed",
    [BH_EVENT_GRANTED] = "granted",
    [BH_EVENT_TWIN] = "twin",
    [BH_EVENT_ACCOUNT] = "account",
    [BH_EVENT_GATEWAY_ANSWERS] = "gateway answers",
    [BH_EVENT_DRAIN] = "drain",
};

static void
trace(unsigned worker, const char *what, int a, int b)
{
    if (traces)
        printf("%9lld w%u %s %d %d\n", (long long)world->now, worker, what, a, b);
}

static uint64_t
below(uint64_t limit)
{
    return bh_dice_below(&world->dice, limit);
}

static bool
chance(unsigned per_mille)
{
    return below(1000) < per_mille;
}

static int64_t
server_now(void)
{
    return world->epoch + world->now;
}

/* ---- messages ---- */

static void
drop(struct message *message)
{
    if (message->request != NULL)
        free(message->request->memo);
    free(message->request);
    for (size_t i = 0; message->claimed != NULL && i < BH_CLAIM_MAX; i++)
        free(message->claimed->heads[i]);
    free(message->claimed);
    free(message->answer);
    free(message->page);
    free(message);
}

static struct message *
send(enum kind kind, unsigned worker, int64_t delay_ms)
{
    struct message *message = calloc(1, sizeof(*message));
    BH_ASSERT(message != NULL && world->messages_count < MESSAGES_MAX);
    message->kind = kind;
    message->worker = worker;
    message->life = world->workers[worker].life;
    message->at = world->now + delay_ms;
    message->seq = world->seq++;
    world->messages[world->messages_count++] = message;
    return message;
}

static bool
is_earlier(const struct message *a, const struct message *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static size_t
first_message(void)
{
    size_t best = 0;
    for (size_t i = 1; i < world->messages_count; i++) {
        if (is_earlier(world->messages[i], world->messages[best]))
            best = i;
    }
    return best;
}

static struct message *
take_message(size_t index)
{
    struct message *message = world->messages[index];
    world->messages[index] = world->messages[--world->messages_count];
    return message;
}

static void
tell(unsigned worker, struct bh_event event, int64_t delay_ms)
{
    send(TO_WORKER, worker, delay_ms)->event = event;
}

/* ---- commands of the engines ---- */

static struct bh_turn
turn_of(const struct worker *worker)
{
    return (struct bh_turn){{world->now + worker->offset}, {server_now()}};
}

static unsigned
job_of(struct bh_str handle)
{
    int64_t number;
    BH_ASSERT(bh_str_to_int64(handle, &number));
    BH_ASSERT(number >= 0 && number < world->store.jobs_count);
    return (unsigned)number;
}

static void
name_job(struct sim_request *request, struct bh_slot_handle slot, const struct bh_claim_ref *claim,
         struct worker *worker)
{
    BH_ASSERT(slot.index < SLOTS_MAX);
    request->slot = slot;
    request->job = job_of(claim->handle);
    request->token = claim->token;
    worker->jobs[slot.index] = request->job;
}

static void
copy_ledger(struct sim_request *request, const char (*ledger)[33], size_t count)
{
    BH_ASSERT(count <= SIM_PEOPLE_MAX);
    request->ledger_count = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        memcpy(request->ledger[i], ledger[i], sizeof(request->ledger[i]));
}

static void
copy_admit(struct sim_request *request, const struct bh_admit_command *admit, struct worker *worker)
{
    name_job(request, admit->slot, &admit->claim, worker);
    request->mode = admit->mode;
    snprintf(request->id, sizeof(request->id), "%s", admit->id);
    request->created = admit->created.ms;
    request->due = admit->due.ms;
    request->expires = admit->expires.ms;
    request->ledger_ms = admit->ledger_ms;
    copy_ledger(request, admit->ledger, admit->ledger_count);
    BH_ASSERT(admit->expires.ms > admit->due.ms);
}

static void
copy_settle(struct sim_request *request, const struct bh_settle_command *settle,
            struct worker *worker)
{
    name_job(request, settle->slot, &settle->claim, worker);
    request->disposition = settle->disposition;
    request->delay_ms = settle->delay_ms;
    request->waiting = settle->waiting;
    snprintf(request->reason, sizeof(request->reason), "%s", settle->reason);
    snprintf(request->state, sizeof(request->state), "%s", settle->state);
    snprintf(request->id, sizeof(request->id), "%s", settle->id);
    request->attempts = settle->attempts;
    request->uncertain = settle->uncertain_since.ms;
    request->action = settle->ledger_action;
    request->sent = settle->sent;
    request->ledger_ms = settle->ledger_ms;
    copy_ledger(request, settle->ledger, settle->ledger_count);
    request->memo = calloc(1, settle->memo.len + 1);
    BH_ASSERT(request->memo != NULL);
    if (settle->memo.len > 0)
        memcpy(request->memo, settle->memo.ptr, settle->memo.len);
}

/* Mostly quick, sometimes so slow that it matters for leases. */
static int64_t
travel_ms(void)
{
    return (int64_t)below(!world->quick && chance(20) ? SLOW_MS : 60);
}

/* The answer is that there is none. */
static void
fail(struct message *message)
{
    message->event = sim_store_failed(message->request);
    if (message->event.kind == BH_EVENT_CLAIM_FAILED || message->event.kind == BH_EVENT_WOKEN)
        message->event.queue = message->request->number;
    message->kind = TO_WORKER;
    message->of_store = false;
    message->at = world->now;
    message->seq = world->seq++;
}

/* A request to the store travels a moment; what it points to may be gone by then, so it is copied. */
static void
ask_store(unsigned number, const struct bh_command *command)
{
    struct worker *worker = &world->workers[number];
    struct sim_request *request = calloc(1, sizeof(*request));
    BH_ASSERT(request != NULL && worker->told_up);
    request->kind = command->kind;
    request->owner = (int)number;
    request->asked_at.ms = world->now + worker->offset;
    int64_t delay_ms = travel_ms();
    switch (command->kind) {
    case BH_COMMAND_CLAIM:
        request->number = command->claim.queue;
        request->count = command->claim.count;
        request->alone = command->claim.alone;
        break;
    case BH_COMMAND_WAIT:
        request->number = command->wait_queue;
        delay_ms = 30 * BH_SECOND_MS;
        break;
    case BH_COMMAND_ADMIT: copy_admit(request, &command->admit, worker); break;
    case BH_COMMAND_SETTLE: copy_settle(request, &command->settle, worker); break;
    case BH_COMMAND_RENEW:
        name_job(request, command->renew.slot, &command->renew.claim, worker);
        break;
    case BH_COMMAND_GRANT:
        BH_ASSERT(command->grant.count > 0);
        request->limit = command->grant.limit;
        request->count = command->grant.count;
        request->limit_rate = (unsigned)(request->limit == BH_LIMIT_REQUESTS
                                             ? worker->config->gateway.requests_per_second
                                             : worker->config->gateway.connections_per_second);
        request->limit_rate = request->limit_rate > 0 ? request->limit_rate : 1;
        break;
    case BH_COMMAND_TWIN:
        request->number = command->twin.queue;
        request->slot = command->twin.slot;
        snprintf(request->ledger[0], sizeof(request->ledger[0]), "%s", command->twin.digest);
        break;
    case BH_COMMAND_SUBMIT:
    case BH_COMMAND_LOOK_UP:
    case BH_COMMAND_CANCEL:
    case BH_COMMAND_ACCOUNT: BH_ASSERT(!"a command for the store");
    }
    request->queue = worker->store_queues[request->number];
    struct message *message = send(TO_STORE, number, delay_ms);
    message->request = request;
    message->of_store = worker->store_up;
    if (!worker->store_up) /* broken, which the engine has not heard of yet */
        fail(message);
}

/* Whom the request is for, read from its body as the gateway does. */
static void
read_people(const struct bh_submit_command *submit, const struct sim_job *job,
            struct sim_call *ret_call)
{
    char body[8192];
    snprintf(body, sizeof(body), "&%.*s", BH_STR_ARGS(submit->body));
    char *at = strstr(body, "&to=");
    BH_ASSERT(at != NULL);
    for (at += 4; *at >= '0' && *at <= '9';) {
        unsigned long long number = strtoull(at, &at, 10);
        size_t person = 0;
        while (person < job->people_count && job->people[person] != number)
            person++;
        BH_ASSERT(person < job->people_count && ret_call->people_count < SIM_PEOPLE_MAX);
        ret_call->people[ret_call->people_count++] = person;
        if (strncmp(at, "%2C", 3) == 0)
            at += 3;
        else if (*at == ',')
            at++;
    }
    BH_ASSERT(ret_call->people_count > 0);
    const char *id = strstr(body, "&foreign_id=");
    BH_ASSERT(id != NULL || job->voice);
    for (size_t i = 0; id != NULL && i < BH_JOB_ID_MAX; i++) {
        char c = id[strlen("&foreign_id=") + i];
        if (c == '\0' || c == '&')
            break;
        ret_call->foreign_id[i] = c;
    }
}

/* Who is asked again whose request was lost: not before it can be known that it is over, nor where it must not be. */
static void
check_again(const struct sim_job *job, const struct sim_call *call)
{
    bool has_lock = !job->voice && !job->no_reload;
    for (size_t i = 0; i < call->people_count; i++) {
        size_t person = call->people[i];
        if (!job->unsure[person])
            continue;
        /* A gateway that is still busy with an earlier request has not armed its lock. */
        BH_ASSERT(!has_lock || server_now() >= job->lost_at[person] + TIMEOUT_MS - SLOW_MS);
        BH_ASSERT(!job->holds || world->lock_was_on);
        BH_ASSERT(!job->known[person]);
    }
}

static void
answer_later(unsigned number, struct bh_slot_handle slot, struct sim_answer *answer,
             int64_t delay_ms)
{
    struct message *message = send(TO_WORKER, number, delay_ms);
    message->slot = slot;
    message->answer = answer;
    message->event = (struct bh_event){
        .kind = BH_EVENT_ANSWERED, .answered = {slot, &answer->exchange}
    };
}

static void
submit(unsigned number, const struct bh_submit_command *command)
{
    struct worker *worker = &world->workers[number];
    struct sim_job *job = &world->store.jobs[worker->jobs[command->slot.index]];
    struct sim_call call = {.job = worker->jobs[command->slot.index]};

    /* Nothing is sent from a lapsed lease, nor before the job was marked as being sent. */
    BH_ASSERT(job->place == SIM_LEASED && job->head.owner == (int)number);
    BH_ASSERT(server_now() < job->lease_end);
    BH_ASSERT(job->head.started != 0);
    BH_ASSERT(command->not_after.ms > turn_of(worker).mono.ms);
    /* Its idea of the store's time is wrong by half of a slow claim at most. */
    BH_ASSERT(server_now() < job->head.expires + SLOW_MS);
    BH_ASSERT(++job->submits <= 300);
    BH_ASSERT(++worker->in_flight <= worker->share_max);
    worker->looks[command->slot.index] = false;

    if (job->poison == SIM_AT_SENDING) {
        job->deaths++;
        worker->dies = true;
    }
    read_people(command, job, &call);
    check_again(job, &call);
    call.fate = sim_gateway_throw(&world->gateway);
    trace(number, "fate of job", (int)call.job, (int)call.fate);
    bool lost = call.fate == SIM_LOST_REQUEST || call.fate == SIM_LOST_ANSWER ||
                call.fate == SIM_GARBLED || call.fate == SIM_SERVER_ERROR;
    job->was_uncertain = job->was_uncertain || lost;
    job->sent_at = server_now();
    memset(job->asked, 0, sizeof(job->asked));
    for (size_t i = 0; i < call.people_count; i++)
        job->asked[call.people[i]] = true;
    if (lost)
        sim_store_lose(job);
    bool arrives = call.fate == SIM_ANSWERED || call.fate == SIM_LOST_ANSWER ||
                   call.fate == SIM_GARBLED || (call.fate == SIM_SERVER_ERROR && chance(500));
    int64_t delay_ms = (int64_t)(1 + below(chance(50) ? 19000 : 1500));
    if (arrives) {
        struct message *message = send(TO_GATEWAY, number, delay_ms);
        message->call = call;
        message->slot = command->slot;
        return;
    }
    struct sim_answer *answer = calloc(1, sizeof(*answer));
    BH_ASSERT(answer != NULL);
    sim_gateway_silence(&world->gateway, call.fate, answer);
    bool waits = answer->exchange.trouble == BH_TROUBLE_TIMEOUT && lost;
    answer_later(number, command->slot, answer, waits ? TIMEOUT_MS : delay_ms);
}

/* A question to the journal goes the way of a request, but leaves no trace. */
static void
look_up(unsigned number, const struct bh_submit_command *command)
{
    struct worker *worker = &world->workers[number];
    /* A question does not say which job it is about, and nothing else may have been said about it before. */
    const struct bh_slot *slot = &worker->engine->slots.slots[command->slot.index];
    unsigned index = worker->jobs[command->slot.index] = job_of(slot->claim.handle);
    const struct sim_job *job = &world->store.jobs[index];
    BH_ASSERT(job->place == SIM_LEASED && job->head.owner == (int)number);
    BH_ASSERT(server_now() < job->lease_end);
    BH_ASSERT(!job->voice && command->body.len == 0);
    BH_ASSERT(++worker->in_flight <= worker->share_max);
    worker->looks[command->slot.index] = true;

    struct sim_page *page = malloc(sizeof(*page));
    BH_ASSERT(page != NULL);
    sim_journal_answer(&world->gateway.journal, command->url, index, server_now(),
                       worker->config->gateway.zone, world->gateway.key_refused, page);
    int64_t delay_ms = (int64_t)(1 + below(chance(50) ? 19000 : 1500));
    struct message *message = send(TO_WORKER, number, page->is_lost ? TIMEOUT_MS : delay_ms);
    message->slot = command->slot;
    message->page = page;
    message->event = (struct bh_event){
        .kind = BH_EVENT_ANSWERED, .answered = {command->slot, &page->exchange}
    };
}

static bool
is_about(const struct message *message, unsigned number, struct bh_slot_handle slot)
{
    return message->worker == number && message->life == world->workers[number].life &&
           message->slot.index == slot.index && message->slot.generation == slot.generation &&
           (message->kind == TO_GATEWAY || message->answer != NULL || message->page != NULL);
}

/* The request is ended; what has left may be judged all the same. */
static void
cancel(unsigned number, struct bh_slot_handle slot)
{
    struct sim_job *job = &world->store.jobs[world->workers[number].jobs[slot.index]];
    if (!world->workers[number].looks[slot.index]) {
        job->was_uncertain = true;
        sim_store_lose(job);
    }
    for (size_t i = world->messages_count; i-- > 0;) {
        if (!is_about(world->messages[i], number, slot))
            continue;
        if (world->messages[i]->kind == TO_GATEWAY && chance(600))
            world->messages[i]->cancelled = true;
        else
            drop(take_message(i));
    }
    struct sim_answer *answer = calloc(1, sizeof(*answer));
    BH_ASSERT(answer != NULL);
    answer->exchange = (struct bh_exchange){
        .handed_over = BH_HANDED_ALL, .trouble = BH_TROUBLE_CANCELLED, .retry_after_ms = -1};
    answer_later(number, slot, answer, 1);
}

static void
carry_out(unsigned number, const struct bh_command *command)
{
    trace(number, command_names[command->kind], -1, 0);
    if (traces && command->kind == BH_COMMAND_SETTLE)
        printf("          job %u %s %s code %d attempts %u delay %lld\n",
               job_of(command->settle.claim.handle), command->settle.state, command->settle.reason,
               command->settle.code, command->settle.attempts, (long long)command->settle.delay_ms);
    if (traces && command->kind == BH_COMMAND_ADMIT)
        printf("          job %u\n", job_of(command->admit.claim.handle));
    switch (command->kind) {
    case BH_COMMAND_SUBMIT: submit(number, &command->submit); break;
    case BH_COMMAND_LOOK_UP: look_up(number, &command->look_up); break;
    case BH_COMMAND_CANCEL: cancel(number, command->cancel); break;
    case BH_COMMAND_ACCOUNT:
        send(TO_KEEPER, number, (int64_t)below(50))->word = command->account;
        break;
    case BH_COMMAND_CLAIM:
    case BH_COMMAND_WAIT:
    case BH_COMMAND_ADMIT:
    case BH_COMMAND_SETTLE:
    case BH_COMMAND_RENEW:
    case BH_COMMAND_GRANT:
    case BH_COMMAND_TWIN: ask_store(number, command); break;
    }
}

static void end_worker(unsigned number, int64_t restart_ms);
static void end_process(unsigned number);

static struct bh_quiet *
quiet_of(unsigned number)
{
    return &world->processes[number / world->together];
}

/* The nudge that bellhopd's workers give each other. */
static void
end_turn(unsigned number, struct bh_bearing bearing)
{
    struct bh_quiet *quiet = quiet_of(number);
    unsigned me = number % world->together, first = number - me;
    enum bh_quiet_wake whom =
        bh_quiet_end_turn(quiet, me, &bearing, turn_of(&world->workers[number]).mono);
    for (unsigned i = 0; i < world->together && first + i < world->workers_count; i++) {
        bool is_meant = whom == BH_QUIET_WAKE_TAKER    ? i == bh_quiet_taker(quiet)
                        : whom == BH_QUIET_WAKE_OTHERS ? i != me
                                                       : false;
        if (is_meant && world->workers[first + i].engine != NULL)
            world->workers[first + i].wake_at = world->now;
    }
}

/* While one tries a suspect, the others of its process have nothing in hand and ask for nothing. */
static void
check_quiet(unsigned number)
{
    unsigned first = number - number % world->together;
    for (unsigned i = 0; i < world->together && first + i < world->workers_count; i++) {
        const struct worker *taker = &world->workers[first + i];
        if (taker->engine == NULL || taker->engine->apart.phase < BH_APART_ASKING ||
            bh_mono_reached(taker->engine->apart.quiet_until, turn_of(taker).mono))
            continue;
        for (unsigned k = 0; k < world->together && first + k < world->workers_count; k++) {
            const struct worker *other = &world->workers[first + k];
            BH_ASSERT(k == i || other->engine == NULL || !bh_engine_bearing(other->engine).in_hand);
        }
    }
}

static void
pump(unsigned number)
{
    struct worker *worker = &world->workers[number];
    struct bh_command command;
    unsigned commands = 0;
    struct bh_mono mono = turn_of(worker).mono;
    struct bh_company company =
        bh_quiet_begin_turn(quiet_of(number), number % world->together, mono);
    bh_engine_set_company(worker->engine, &company);
    while (bh_engine_next(worker->engine, turn_of(worker), &command)) {
        BH_ASSERT(++commands < 1000);
        carry_out(number, &command);
    }
    if (worker->dies) {
        trace(number, "dies", -1, 0);
        end_process(number);
        return;
    }
    bh_engine_check(worker->engine);
    sim_leases_check_belief(worker->engine, &world->store, (int)number,
                            world->epoch - worker->offset);
    struct bh_mono wake = bh_engine_wake_at(worker->engine, mono);
    BH_ASSERT(wake.ms > mono.ms); /* else it would spin */
    worker->wake_at = bh_mono_is_never(wake) ? INT64_MAX : wake.ms - worker->offset;
    end_turn(number, bh_engine_bearing(worker->engine));
    check_quiet(number);
}

/* ---- workers ---- */

static struct bh_config *
throw_config(void)
{
    char text[1024];
    /* Who does not serve a queue does not see its ledger: twins must be everybody's. */
    bool has_c = world->calm || chance(700) || world->twins;
    snprintf(text, sizeof(text),
             "[gateway]\napi_key = k\nurl = http://127.0.0.1:7077/api\nmax_connections = %u\n"
             "requests_per_second = %u\nconnections_per_second = %u\n[pool]\nworkers = %u\n"
             "[queue a]\nweight = %u\n[queue b]\non_uncertain = hold\nweight = %u\n%s",
             (unsigned)(world->workers_count * (1 + below(6))),
             chance(300) ? (unsigned)(2 + below(20)) : 0, chance(300) ? 5 : 50,
             world->workers_count, (unsigned)(1 + below(5)), (unsigned)(1 + below(5)),
             has_c ? (chance(300) ? "[queue c]\nstrict = yes\n" : "[queue c]\n") : "");
    return rig_config(text);
}

static void
note_config(struct worker *worker)
{
    const struct bh_config *config = worker->config;
    unsigned share = (unsigned)config->gateway.max_connections / world->workers_count;
    worker->share_max = worker->share_max > share ? worker->share_max : share;
    for (size_t i = 0; i < config->queues_count; i++)
        worker->store_queues[config->queues[i].no] = (unsigned)(config->queues[i].name[0] - 'a');
}

static void
start_worker(unsigned number)
{
    struct worker *worker = &world->workers[number];
    unsigned life = worker->life + 1;
    *worker = (struct worker){.life = life, .offset = (int64_t)below(BH_DAY_MS) + 1};
    if (world->together > 1)
        worker->offset = world->offsets[number / world->together];
    worker->config = throw_config();
    note_config(worker);
    struct bh_engine_options options = {
        .config = worker->config,
        .sent_with = "bellhop",
        .takes_suspects =
            number % world->together == 0 && (number == 0 || world->together > 1 || chance(500)),
    };
    bh_dice_bytes(&world->dice, options.seed, sizeof(options.seed));
    BH_ASSERT(bh_engine_new(&options, &worker->engine) == BH_OK);
    BH_ASSERT(bh_engine_slots(worker->engine) <= SLOTS_MAX);
    bh_engine_set_connections(worker->engine, (unsigned)below(3) * 4);
    pump(number);
    tell(number,
         (struct bh_event){
             .kind = BH_EVENT_ACCOUNT,
             .account = {world->account == BH_ACCOUNT_TRIAL ? BH_ACCOUNT_PAUSED : world->account,
                         world->account_reason, world->journal, world->lock},
    },
         0);
    send(CONNECT, number, (int64_t)below(2000));
}

static void
end_worker(unsigned number, int64_t restart_ms)
{
    struct worker *worker = &world->workers[number];
    if (world->together > 1)
        total.apart += (unsigned)bh_engine_stats(worker->engine)->tried_apart;
    bh_engine_free(worker->engine);
    bh_config_release(worker->config);
    worker->engine = NULL;
    worker->config = NULL;
    worker->wake_at = INT64_MAX;
    end_turn(number, (struct bh_bearing){0});
    for (size_t i = world->messages_count; i-- > 0;) {
        struct message *message = world->messages[i];
        if (message->worker != number || message->kind == TO_GATEWAY ||
            message->kind == TO_KEEPER || message->kind == WORLD || message->kind == KEEPER)
            continue;
        /* What has left arrives nevertheless. */
        if (message->kind == TO_STORE && message->request->kind != BH_COMMAND_WAIT && chance(500)) {
            struct sim_claimed claimed = {.heads = {NULL}};
            sim_store_execute(&world->store, message->request, server_now(), &claimed);
            for (size_t n = 0; n < BH_CLAIM_MAX; n++)
                free(claimed.heads[n]);
        }
        drop(take_message(i));
    }
    if (restart_ms >= 0)
        send(RESTART, number, restart_ms);
}

/* The process of that worker, and all that it had. */
static void
end_process(unsigned number)
{
    unsigned first = number - number % world->together;
    for (unsigned i = first; i < first + world->together && i < world->workers_count; i++) {
        if (world->workers[i].engine != NULL)
            end_worker(i, (int64_t)below(3000));
    }
}

/* The connection to the store breaks: what is under way may or may not have happened. */
static void
break_connection(unsigned number, int64_t for_ms)
{
    struct worker *worker = &world->workers[number];
    if (!worker->store_up)
        return;
    total.outages++;
    worker->store_up = false;
    for (size_t i = 0; i < world->messages_count; i++) {
        struct message *message = world->messages[i];
        if (!message->of_store || message->worker != number || message->life != worker->life)
            continue;
        if (message->kind == TO_STORE && message->request->kind != BH_COMMAND_WAIT && chance(500)) {
            struct sim_claimed claimed = {.heads = {NULL}};
            sim_store_execute(&world->store, message->request, server_now(), &claimed);
            for (size_t n = 0; n < BH_CLAIM_MAX; n++)
                free(claimed.heads[n]);
        }
        fail(message);
    }
    tell(number, (struct bh_event){.kind = BH_EVENT_STORE_DOWN}, 0);
    send(CONNECT, number, for_ms);
}

static void
connect(unsigned number)
{
    struct worker *worker = &world->workers[number];
    sim_store_adopt(&world->store, (int)number, !worker->was_up, server_now(), worker->tokens,
                    worker->tokens_count);
    worker->was_up = true;
    worker->store_up = true;
    struct message *message = send(TO_WORKER, number, 0);
    message->event.kind = BH_EVENT_STORE_UP;
}

static void
reload(unsigned number)
{
    struct worker *worker = &world->workers[number];
    struct bh_config_report report = {0};
    struct bh_config *fresh = throw_config();
    total.reloads++;
    BH_ASSERT(bh_config_succeed(fresh, worker->config, &report) == BH_OK);
    bh_config_report_release(&report);
    bh_engine_configure(worker->engine, fresh);
    bh_config_release(worker->config);
    worker->config = fresh;
    note_config(worker);
    pump(number);
}

/* ---- the keeper of the account ---- */

static void
tell_account(unsigned number, enum bh_account_state state)
{
    if (world->workers[number].engine != NULL)
        tell(number,
             (struct bh_event){
                 .kind = BH_EVENT_ACCOUNT,
                 .account = {state, world->account_reason, world->journal, world->lock}
        },
             (int64_t)below(40));
}

static void
set_account(enum bh_account_state state, enum bh_reason reason)
{
    world->account = state;
    world->account_reason = reason;
    world->trial_worker = -1;
    world->probe_at = world->now + BH_MINUTE_MS;
    for (unsigned i = 0; i < world->workers_count; i++)
        tell_account(i, state == BH_ACCOUNT_TRIAL ? BH_ACCOUNT_PAUSED : state);
}

static void
tell_everybody(void)
{
    for (unsigned i = 0; i < world->workers_count; i++)
        tell_account(i, world->account == BH_ACCOUNT_TRIAL && world->trial_worker != (int)i
                            ? BH_ACCOUNT_PAUSED
                            : world->account);
}

/* What has nothing to do with whether the account works. */
static bool
hear_of_witnesses(const struct bh_account_command *word)
{
    if (word->word == BH_ACCOUNT_SAYS_NO_JOURNAL) {
        BH_ASSERT(world->gateway.journal.refuses || world->journal == BH_JOURNAL_DENIED ||
                  total.denials > 0);
        total.denials++;
        world->journal = BH_JOURNAL_DENIED;
    } else if (word->word == BH_ACCOUNT_SAYS_LOCK_DOUBTFUL) {
        BH_ASSERT(world->gateway.lock_off || world->lock != BH_LOCK_ON);
        total.doubts++;
        world->lock = BH_LOCK_UNKNOWN;
    } else {
        return false;
    }
    tell_everybody();
    return true;
}

static void
hear(unsigned number, const struct bh_account_command *word)
{
    (void)number;
    if (hear_of_witnesses(word))
        return;
    if (word->word == BH_ACCOUNT_SAYS_GOOD) {
        BH_ASSERT(word->trial);
        if (world->account == BH_ACCOUNT_TRIAL)
            set_account(BH_ACCOUNT_OPEN, BH_REASON_NONE);
    } else {
        set_account(BH_ACCOUNT_PAUSED,
                    word->word == BH_ACCOUNT_SAYS_CREDIT ? BH_REASON_CREDIT : BH_REASON_AUTH);
    }
}

static void
keep_account(void)
{
    send(KEEPER, 0, 5 * BH_SECOND_MS);
    if (world->account == BH_ACCOUNT_PAUSED && world->now >= world->probe_at) {
        world->probe_at = world->now + BH_MINUTE_MS;
        if (!world->gateway.no_credit && !world->gateway.key_refused)
            set_account(BH_ACCOUNT_TRIAL, world->account_reason);
    }
    if (world->account != BH_ACCOUNT_TRIAL ||
        (world->trial_worker >= 0 && world->now < world->trial_until))
        return;
    if (world->trial_worker >= 0)
        tell_account((unsigned)world->trial_worker, BH_ACCOUNT_PAUSED);
    world->trial_worker = (int)below(world->workers_count);
    world->trial_until = world->now + BH_MINUTE_MS;
    tell_account((unsigned)world->trial_worker, BH_ACCOUNT_TRIAL);
}

/* ---- producers ---- */

static void
describe_text(struct sim_job *job, unsigned index)
{
    snprintf(job->text, sizeof(job->text), "t%u", index);
    job->people_count = chance(300) ? 1 + (unsigned)below(SIM_PEOPLE_MAX) : 1;
    for (unsigned i = 0; i < job->people_count; i++) {
        unsigned last = 1 + (unsigned)below(6);
        if (chance(40))
            last = 9;
        else if (chance(20))
            last = 8;
        job->people[i] = 491700000000ULL + index * 100ULL + i * 10ULL + last;
    }
    if (world->twins && index > 0 && chance(150)) {
        const struct sim_job *twin = &world->store.jobs[index - 1 - below(index < 5 ? index : 5)];
        memcpy(job->text, twin->text, sizeof(job->text));
        memcpy(job->people, twin->people, sizeof(job->people));
        job->people_count = twin->people_count;
    }
}

static void
push_job(void)
{
    unsigned index = world->store.jobs_count;
    struct sim_job *job = &world->store.jobs[index];
    memset(job, 0, sizeof(*job));
    job->queue = (unsigned)below(SIM_QUEUES);
    describe_text(job, index);
    job->voice = chance(60) && job->people_count == 1;
    job->no_reload = !job->voice && chance(30);
    job->invalid = chance(20);
    if (world->crashes && chance(15))
        job->poison = (enum sim_poison)(SIM_AT_OPEN + below(3));
    bool says = chance(300), resends = chance(500);
    job->holds = says ? !resends : job->voice || job->queue == 1;
    if (chance(30) && index > 10)
        snprintf(job->id, sizeof(job->id), "j%u", (unsigned)below(index));
    else if (chance(800))
        snprintf(job->id, sizeof(job->id), "j%u", index);

    struct bh_buf text;
    bh_buf_init(&text, sizeof(job->payload) - 1);
    bh_buf_printf(&text, "{\"text\":\"%s\",\"to\":\"", job->text);
    for (unsigned i = 0; i < job->people_count; i++)
        bh_buf_printf(&text, "%s%llu", i > 0 ? "," : "", job->people[i]);
    bh_buf_printf(&text, "\",\"ttl\":%u", (unsigned)(chance(100) ? 1 + below(4) : 10 + below(180)));
    if (job->id[0] != '\0')
        bh_buf_printf(&text, ",\"id\":\"%s\"", job->id);
    if (job->voice)
        bh_buf_append_text(&text, ",\"type\":\"voice\"");
    if (job->no_reload)
        bh_buf_append_text(&text, ",\"no_reload\":true");
    if (job->invalid)
        bh_buf_append_text(&text, ",\"tll\":1");
    if (says)
        bh_buf_printf(&text, ",\"on_uncertain\":\"%s\"", resends ? "resend" : "hold");
    if (chance(100))
        bh_buf_printf(&text, ",\"delay\":\"+%us\"", (unsigned)(1 + below(600)));
    if (chance(50))
        bh_buf_append_text(&text, ",\"retry\":\"5s, 10s\"");
    bh_buf_append_char(&text, '}');
    BH_ASSERT(bh_buf_status(&text) == BH_OK);
    snprintf(job->payload, sizeof(job->payload), "%s", bh_buf_text(&text));
    bh_buf_release(&text);
    sim_store_push(&world->store);
    world->to_push--;
    for (size_t i = 0; i < world->messages_count; i++) {
        struct message *message = world->messages[i];
        if (message->kind == TO_STORE && message->request->kind == BH_COMMAND_WAIT &&
            message->request->queue == job->queue && message->at > world->now + 10) {
            message->at = world->now + (int64_t)below(10);
            break;
        }
    }
}

/* ---- the world ---- */

/* Short ones, long ones, and those that end about when the lease does. */
static int64_t
throw_stop_ms(void)
{
    switch (below(3)) {
    case 0: return (int64_t)below(20000);
    case 1: return SIM_LEASE_MS - 2000 + (int64_t)below(4000);
    default: return (int64_t)below(200000);
    }
}

static void
disturb_worker(unsigned number)
{
    struct worker *worker = &world->workers[number];
    bool runs = worker->engine != NULL && !worker->draining;
    if (!runs)
        return;
    switch (below(6)) {
    case 0:
        if (world->crashes && !world->only_jobs_kill) {
            total.crashes++;
            if (world->together > 1)
                end_process(number);
            else
                end_worker(number, (int64_t)below(chance(300) ? 90000 : 3000));
        }
        break;
    case 1:
        if (world->stops && worker->stopped_until <= world->now) {
            total.stops++;
            worker->stopped_until = world->now + throw_stop_ms();
            /* Where others may only take back what it had, it is late when it goes on. */
            bool helpless = chance(500);
            for (unsigned q = 0; helpless && q < SIM_QUEUES; q++)
                world->store.queues[q].paused = true;
        }
        break;
    case 2:
        if (world->outages)
            break_connection(number, (int64_t)below(chance(200) ? 100000 : 5000));
        break;
    case 3:
        if (worker->stopped_until <= world->now)
            reload(number);
        break;
    case 4: tell(number, (struct bh_event){.kind = BH_EVENT_GATEWAY_ANSWERS}, 0); break;
    default:
        total.drains++;
        worker->draining = true;
        tell(number, (struct bh_event){.kind = BH_EVENT_DRAIN}, 0);
    }
}

static void
disturb_store(void)
{
    struct sim_queue *queue = &world->store.queues[below(SIM_QUEUES)];
    unsigned index = (unsigned)below(world->store.jobs_count > 0 ? world->store.jobs_count : 1);
    switch (below(4)) {
    case 0: queue->paused = chance(400); break;
    case 1: queue->rate = chance(500) ? 0 : (unsigned)(1 + below(10)); break;
    case 2: queue->concurrency = chance(500) ? 0 : (unsigned)(1 + below(5)); break;
    default:
        if (chance(200) && world->store.jobs[index].id[0] != '\0') {
            total.cancels++;
            world->store.jobs[index].cancelled = true;
        }
    }
}

static void
disturb(void)
{
    if (world->calm)
        return;
    send(WORLD, 0, (int64_t)below(world->pace_ms));
    if (world->to_push > 0 && chance(600)) {
        for (uint64_t n = below(12) + 1; n > 0 && world->to_push > 0; n--)
            push_job();
    }
    if (chance(150))
        disturb_worker((unsigned)below(world->workers_count));
    if (chance(100))
        disturb_store();
    if (chance(12))
        world->gateway.no_credit = chance(400);
    if (chance(6))
        world->gateway.key_refused = chance(300);
    if (!world->gateway.is_strict && world->journal != BH_JOURNAL_UNKNOWN && chance(8)) {
        world->gateway.journal.refuses = chance(300);
        if (!world->gateway.journal.refuses && world->journal == BH_JOURNAL_DENIED) {
            world->journal = BH_JOURNAL_READABLE;
            tell_everybody();
        }
    }
    for (unsigned i = 0; i < world->store.jobs_count && world->foreign; i++) {
        if (world->store.jobs[i].ends == 0 && chance(20))
            sim_gateway_foreign(&world->gateway, &world->store.jobs[i], server_now());
    }
}

static void
calm_down(void)
{
    world->calm = world->gateway.is_well = true;
    world->gateway.journal.has_faults = false;
    world->gateway.no_credit = world->gateway.key_refused = false;
    for (unsigned q = 0; q < SIM_QUEUES; q++) {
        world->store.queues[q].paused = false;
        world->store.queues[q].rate = world->store.queues[q].concurrency = 0;
    }
    for (unsigned i = 0; i < world->workers_count; i++) {
        struct worker *worker = &world->workers[i];
        if (worker->engine == NULL || worker->draining)
            continue;
        if (worker->stopped_until > world->now)
            end_worker(i, 1);
        else
            reload(i); /* with all queues */
    }
}

/* ---- time ---- */

/* Whether the event ends its worker. */
static bool
is_deadly(const struct worker *worker, const struct bh_event *event)
{
    if (event->kind == BH_EVENT_ADMITTED && event->admitted.code == BH_ADMIT_OK) {
        struct sim_job *job = &world->store.jobs[worker->jobs[event->admitted.slot.index]];
        job->deaths += job->poison == SIM_AT_ADMISSION;
        return job->poison == SIM_AT_ADMISSION;
    }
    for (size_t i = 0; event->kind == BH_EVENT_CLAIMED && i < event->claimed.jobs_count; i++) {
        struct sim_job *job = &world->store.jobs[job_of(event->claimed.jobs[i].handle)];
        if (job->poison == SIM_AT_OPEN && !job->buried) {
            job->deaths++;
            return true;
        }
    }
    return false;
}

static bool
has_queue(const struct bh_config *config, unsigned number)
{
    for (size_t i = 0; i < config->queues_count; i++) {
        if (config->queues[i].no == number)
            return true;
    }
    return false;
}

static void
deliver(struct message *message)
{
    struct worker *worker = &world->workers[message->worker];
    const struct bh_event *event = &message->event;
    /* What it claimed for a queue that has left its configuration meanwhile it lets lapse. */
    if (event->kind == BH_EVENT_CLAIMED && event->claimed.jobs_count > 0 &&
        has_queue(worker->config, event->claimed.queue)) {
        BH_ASSERT(worker->tokens_count < TOKENS_MAX);
        worker->tokens[worker->tokens_count++] = event->claimed.token;
    }
    if (event->kind == BH_EVENT_ANSWERED) {
        BH_ASSERT(worker->in_flight > 0);
        worker->in_flight--;
    }
    if (message->page != NULL) {
        struct sim_job *job = &world->store.jobs[worker->jobs[message->slot.index]];
        bool is_ours = job->place == SIM_LEASED && job->head.owner == (int)message->worker;
        for (size_t i = 0; i < SIM_PEOPLE_MAX && is_ours; i++)
            job->known[i] = job->known[i] || message->page->shows[i];
    }
    if (event->kind == BH_EVENT_STORE_UP || event->kind == BH_EVENT_STORE_DOWN)
        worker->told_up = event->kind == BH_EVENT_STORE_UP;
    trace(message->worker, event_names[event->kind],
          event->kind == BH_EVENT_CLAIMED ? (int)event->claimed.jobs_count : -1,
          event->kind == BH_EVENT_CLAIMED ? (int)event->claimed.code : -1);
    if (is_deadly(worker, event)) {
        trace(message->worker, "dies", -1, 0);
        end_process(message->worker);
        return;
    }
    bh_engine_feed(worker->engine, event, turn_of(worker));
    bh_engine_check(worker->engine);
    pump(message->worker);
    if (worker->engine != NULL && worker->draining &&
        bh_engine_phase(worker->engine) == BH_PHASE_DRAINED) {
        BH_ASSERT(worker->in_flight == 0);
        end_worker(message->worker, (int64_t)below(5000));
    }
}

static void
execute(struct message *message)
{
    struct sim_claimed *claimed = calloc(1, sizeof(*claimed));
    BH_ASSERT(claimed != NULL);
    struct bh_event event =
        sim_store_execute(&world->store, message->request, server_now(), claimed);
    if (event.kind == BH_EVENT_CLAIMED)
        event.claimed.queue = message->request->number;
    if (event.kind == BH_EVENT_WOKEN)
        event.queue = message->request->number;
    struct message *answer = send(TO_WORKER, message->worker, travel_ms());
    answer->life = message->life;
    answer->of_store = true;
    answer->event = event;
    answer->claimed = claimed;
    answer->request = message->request;
    message->request = NULL;
}

static void
arrive(struct message *message)
{
    struct sim_answer *answer = calloc(1, sizeof(*answer));
    BH_ASSERT(answer != NULL);
    sim_gateway_judge(&world->gateway, &world->store, &message->call, server_now(), answer);
    if (traces)
        printf("          judged job %u: %s\n", message->call.job, answer->body);
    bool lost = answer->exchange.http_status == 0;
    struct sim_job *job = &world->store.jobs[message->call.job];
    if (job->accepted[message->call.people[0]] > 1)
        total.doubled++;
    if (message->cancelled || message->life != world->workers[message->worker].life ||
        world->workers[message->worker].engine == NULL) {
        free(answer);
        return;
    }
    answer_later(message->worker, message->slot, answer,
                 lost && answer->exchange.trouble == BH_TROUBLE_TIMEOUT ? TIMEOUT_MS
                                                                        : 1 + (int64_t)below(900));
}

/* Deliver one message; false: it has been put off because its worker is stopped. */
static void
handle(struct message *message)
{
    struct worker *worker = &world->workers[message->worker];
    bool is_gone = worker->engine == NULL || message->life != worker->life;
    bool is_stopped = worker->engine != NULL && worker->stopped_until > world->now;
    if (message->kind == TO_WORKER && !is_gone && is_stopped) {
        message->at = worker->stopped_until;
        world->messages[world->messages_count++] = message;
        return;
    }
    switch (message->kind) {
    case TO_STORE: execute(message); break;
    case TO_WORKER:
        if (!is_gone)
            deliver(message);
        break;
    case TO_GATEWAY: arrive(message); break;
    case TO_KEEPER: hear(message->worker, &message->word); break;
    case CONNECT:
        if (!is_gone)
            connect(message->worker);
        break;
    case RESTART: start_worker(message->worker); break;
    case WORLD: disturb(); break;
    case KEEPER: keep_account(); break;
    }
    drop(message);
}

static int
next_to_wake(void)
{
    int best = -1;
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < world->workers_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->engine == NULL)
            continue;
        int64_t at =
            worker->wake_at > worker->stopped_until ? worker->wake_at : worker->stopped_until;
        if (worker->wake_at != INT64_MAX && at < first) {
            first = at;
            best = (int)i;
        }
    }
    return best;
}

static void
check_store(void)
{
    sim_store_check(&world->store);
    for (unsigned i = 0; world->quick && i < world->workers_count; i++) {
        const struct worker *worker = &world->workers[i];
        if (worker->engine != NULL)
            sim_leases_check_renewed(&world->store, (int)i, worker->tokens, worker->tokens_count,
                                     server_now());
    }
}

static void
step(void)
{
    size_t index = first_message();
    int waking = next_to_wake();
    BH_ASSERT(world->messages_count > 0);
    BH_ASSERT(++world->steps < STEPS_MAX);
    if (waking >= 0) {
        struct worker *worker = &world->workers[waking];
        int64_t at =
            worker->wake_at > worker->stopped_until ? worker->wake_at : worker->stopped_until;
        /* Who goes on after a stop may look at its sockets first, or at its clock. */
        if (at < world->messages[index]->at || (at == world->messages[index]->at && chance(500))) {
            world->now = at > world->now ? at : world->now;
            pump((unsigned)waking);
            return;
        }
    }
    struct message *message = take_message(index);
    world->now = message->at > world->now ? message->at : world->now;
    handle(message);
    if (world->steps % 16 == 0)
        check_store();
}

/* ---- a run ---- */

/* Each job ended once, and as what really happened. */
static void
check_end(const struct sim_job *job)
{
    unsigned accepted = 0, people = 0;
    for (unsigned i = 0; i < job->people_count; i++) {
        accepted += job->accepted[i];
        people += job->accepted[i] > 0;
    }
    if (traces)
        printf("%u %s %s: %u accepted for %u of %u, %u submits%s%s\n",
               (unsigned)(job - world->store.jobs), job->payload, job->state, accepted, people,
               job->people_count, job->submits, job->was_uncertain ? ", uncertain" : "",
               job->holds ? ", holds" : "");
    BH_ASSERT(job->ends == 1);
    /* No job ends more than three workers, and what ends them before anything is sent is never sent. */
    BH_ASSERT(job->deaths <= BH_SUSPECT_RECOVERIES + 1);
    BH_ASSERT(job->submits == 0 || (job->poison != SIM_AT_OPEN && job->poison != SIM_AT_ADMISSION));
    BH_ASSERT(!world->only_jobs_kill || !job->buried || job->poison != SIM_HARMLESS);
    total.poisoned += job->poison != SIM_HARMLESS;
    total.deaths += job->deaths;
    total.buried += job->buried;
    total.innocents += job->buried && job->poison == SIM_HARMLESS;
    if (strcmp(job->state, "duplicate_id") == 0) {
        BH_ASSERT(accepted == 0);
        return;
    }
    enum bh_state state;
    bool known = bh_state_from_name(job->state, &state);
    BH_ASSERT(known);
    total.states[state]++;
    switch (state) {
    case BH_STATE_SENT: BH_ASSERT(people == job->people_count); break;
    case BH_STATE_PARTIAL: BH_ASSERT(people > 0 && people < job->people_count); break;
    case BH_STATE_FAILED:
    case BH_STATE_EXPIRED:
    case BH_STATE_DUPLICATE:
    case BH_STATE_INVALID: BH_ASSERT(accepted == 0); break;
    case BH_STATE_CANCELLED:
        BH_ASSERT(accepted == 0 || job->was_uncertain || job->people_count > 1);
        break;
    case BH_STATE_UNKNOWN: BH_ASSERT(job->was_uncertain); break;
    case BH_STATE_SCHEDULED:
    case BH_STATE_SENDING:
    case BH_STATE_RETRYING:
    case BH_STATE_HELD: BH_ASSERT(!"a final state");
    }
}

static bool
is_done(void)
{
    for (unsigned i = 0; i < world->store.jobs_count; i++) {
        if (world->store.jobs[i].ends == 0)
            return false;
    }
    return world->to_push == 0;
}

/* What can be known about lost requests, and what is believed. */
static void
throw_witnesses(bool loses)
{
    struct sim_gateway *gateway = &world->gateway;
    bool is_readable = chance(600);
    gateway->is_strict = loses && is_readable && chance(400);
    gateway->lock_off = loses && chance(250);
    world->journal = is_readable ? BH_JOURNAL_READABLE : BH_JOURNAL_UNKNOWN;
    world->lock = BH_LOCK_UNKNOWN;
    if (chance(500))
        world->lock = gateway->lock_off ? BH_LOCK_OFF : BH_LOCK_ON;
    world->lock_was_on = world->lock == BH_LOCK_ON;
    gateway->journal.has_faults = !gateway->is_strict;
    gateway->journal.lag_ms = gateway->is_strict ? 5 * BH_SECOND_MS : (int64_t)below(240) * 1000;
    total.strict += gateway->is_strict;
}

static void
set_up(uint64_t seed)
{
    world = calloc(1, sizeof(*world));
    BH_ASSERT(world != NULL);
    world->seed = seed;
    bh_dice_init_number(&world->dice, seed);
    world->epoch = SIM_EPOCH_MS + (int64_t)below(BH_DAY_MS);
    world->workers_count = 2 + (unsigned)below(3);
    world->to_push = 50 + (unsigned)below(350);
    world->pace_ms = 300 + below(4000);
    world->trial_worker = -1;
    /*
     * Two things make a 402 lie, and nothing that a worker can see tells: somebody else's twin, or a refusal
     * that armed the lock, in place of a request whose answer was lost.  So they are not mixed with losses.
     */
    bool foreign = chance(150);
    world->gateway.refusals_arm = chance(200);
    bool loses = !foreign && !world->gateway.refusals_arm;
    throw_witnesses(loses);
    world->gateway.dice = world->gateway.journal.dice = &world->dice;
    world->foreign = foreign;
    world->gateway.has_faults = !foreign && chance(900);
    world->crashes = loses && chance(700);
    world->stops = loses && chance(700);
    world->outages = loses && chance(700);
    world->quick = chance(150);
    world->only_jobs_kill = world->crashes && chance(400);
    world->quick = world->quick || world->only_jobs_kill;
    if (world->quick)
        world->stops = world->outages = false;
    world->together = 1 + (unsigned)below(world->workers_count);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        bh_quiet_init(&world->processes[i], world->together);
        world->offsets[i] = (int64_t)below(BH_DAY_MS) + 1;
    }
    world->twins = !world->gateway.refusals_arm && chance(500);
    for (unsigned i = 0; i < world->workers_count; i++)
        start_worker(i);
    send(WORLD, 0, 0);
    send(KEEPER, 0, 0);
}

static void
tear_down(void)
{
    for (unsigned i = 0; i < world->workers_count; i++) {
        if (world->workers[i].engine != NULL)
            end_worker(i, -1);
    }
    while (world->messages_count > 0)
        drop(take_message(0));
    sim_store_release(&world->store);
    free(world);
}

static void
add_up(void)
{
    for (unsigned i = 0; i < world->store.jobs_count; i++)
        check_end(&world->store.jobs[i]);
    total.jobs += world->store.jobs_count;
    total.steps += world->steps;
    total.calls += world->gateway.calls;
    total.accepted += world->gateway.accepted;
    total.locked += world->gateway.locked;
    total.looks += world->gateway.journal.asked;
    total.shown += world->gateway.journal.shown;
    total.twins_held += world->store.twins_asked[BH_TWIN_HELD];
    total.twins_cleared += world->store.twins_asked[BH_TWIN_NONE];
    total.late += world->store.late;
    total.stale += world->store.stale;
    total.recovered += world->store.recovered;
    for (size_t i = 0; i < SIM_FATES; i++)
        total.fates[i] += world->gateway.fates[i];
}

static void
run(uint64_t seed)
{
    set_up(seed);
    while (world->to_push > 0 || world->now < 20 * BH_MINUTE_MS)
        step();
    calm_down();
    while (!is_done()) {
        step();
        BH_ASSERT(world->now < 40 * BH_HOUR_MS);
    }
    sim_store_check(&world->store);
    add_up();
    tear_down();
}

static void
print_total(void)
{
    printf("%u jobs, %u steps, %u calls, %u accepted, %u locked, %u doubled\n", total.jobs,
           total.steps, total.calls, total.accepted, total.locked, total.doubled);
    printf("%u crashes, %u stops, %u outages, %u reloads, %u drains, %u cancelled\n", total.crashes,
           total.stops, total.outages, total.reloads, total.drains, total.cancels);
    printf("%u late, %u stale, %u recovered\n", total.late, total.stale, total.recovered);
    printf("%u runs with everything to be known, %u look-ups, %u shown, %u denied, %u doubts\n",
           total.strict, total.looks, total.shown, total.denials, total.doubts);
    printf("%u refusals that a twin of another queue explains, %u that one does not\n",
           total.twins_held, total.twins_cleared);
    printf("%u poisoned, %u deaths by them, %u buried, %u of these innocent, %u tried apart from "
           "others\n",
           total.poisoned, total.deaths, total.buried, total.innocents, total.apart);
    for (unsigned i = 0; i < BH_STATE_COUNT; i++)
        printf("%s %u%s", bh_state_name((enum bh_state)i), total.states[i],
               i + 1 < BH_STATE_COUNT ? ", " : "\n");
}

/* A simulation in which nothing happens would pass as well. */
static void
check_total(void)
{
    static const enum bh_state wanted[] = {BH_STATE_SENT,      BH_STATE_PARTIAL,  BH_STATE_FAILED,
                                           BH_STATE_EXPIRED,   BH_STATE_UNKNOWN,  BH_STATE_INVALID,
                                           BH_STATE_DUPLICATE, BH_STATE_CANCELLED};
    for (size_t i = 0; i < BH_ARRAY_LEN(wanted); i++)
        BH_ASSERT(total.states[wanted[i]] > 0);
    for (size_t i = 0; i < SIM_FATES; i++)
        BH_ASSERT(total.fates[i] > 0);
    BH_ASSERT(total.strict > 0 && total.looks > 0 && total.shown > 0 && total.denials > 0);
    BH_ASSERT(total.deaths > 0 && total.buried > 0 && total.apart > 0);
    BH_ASSERT(total.twins_held > 0);
    BH_ASSERT(total.late > 0 && total.stale > 0 && total.recovered > 0 && total.doubled > 0);
}

int
main(void)
{
    const char *given = getenv("BELLHOP_SEED"), *more = getenv("BELLHOP_SIM_RUNS");
    traces = getenv("BELLHOP_SIM_TRACE") != NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (given != NULL) {
        uint64_t seed = strtoull(given, NULL, 10);
        printf("seed %" PRIu64 "\n", seed);
        run(seed);
        print_total();
        return 0;
    }
    unsigned runs = more != NULL ? (unsigned)strtoul(more, NULL, 10) : RUNS;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    uint64_t fresh = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
    printf("fresh seed %" PRIu64 "\n", fresh);
    for (uint64_t seed = 1; seed <= runs; seed++) {
        printf("seed %" PRIu64 "\n", seed);
        run(seed);
    }
    print_total();
    check_total();
    printf("seed %" PRIu64 "\n", fresh);
    run(fresh);
    printf("fresh seed %" PRIu64 ", all is well\n", fresh);
    return 0;
}
