/*
 * What came of each job: its status in Redis beside the simulator's count of what it accepted for each recipient.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/job_head.h"
#include "fault/storm_own.h"

#define TOLD_MAX 25 /* jobs that are shown with their history */

/* A job's id that the daemon has made up. */
struct name {
    char id[40];
    size_t job;
};

struct books {
    struct storm_world *world;
    unsigned *accepted; /* by number, owned */
    size_t *job_of;     /* the first job of a number, owned */
    struct name *names; /* sorted by id, owned */
    size_t names_count;
    long long waiting; /* in `due`, for a moment that is far away */
    long long nobodys; /* buried unopened, and they had no id by which one could know them */
    unsigned told;
    struct storm_requests requests;
};

static const char *const queues[] = {"sms", "careful", "voice"};
#define QUEUES (sizeof(queues) / sizeof(queues[0]))

static void *
memory(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- the simulator's side -------------------------------------------------------------------------- */

/* "recipients":{"4917...":1,...} */
static void
read_accepted(struct books *books)
{
    static const char mark[] = "\"recipients\":{";
    const char *stats = bh_rig_ask(&books->world->rig, "stats?limit=1000000");
    const char *at = strstr(stats, mark);
    if (at == NULL)
        bh_rig_fail(&books->world->rig, "the simulator tells nothing about recipients");
    for (at += strlen(mark); *at == '"'; at += *at == ',') {
        char *end;
        if (strncmp(at + 1, STORM_PREFIX, strlen(STORM_PREFIX)) != 0)
            bh_rig_fail(&books->world->rig, "a stranger was sent something: %.40s", at);
        unsigned long number = strtoul(at + 1 + strlen(STORM_PREFIX), &end, 10);
        long long count = strtoll(end + 2, &end, 10);
        if (number >= books->world->jobs.numbers)
            bh_rig_fail(&books->world->rig, "a stranger was sent something: %.40s", at);
        books->accepted[number] = (unsigned)count;
        books->world->toll->accepted += count;
        at = end;
    }
}

/* ---- Redis' side ----------------------------------------------------------------------------------- */

static void
index_numbers(struct books *books)
{
    const struct storm_jobs *jobs = &books->world->jobs;
    for (size_t i = 0; i < jobs->count; i++)
        for (unsigned k = 0; k < jobs->items[i].recipients; k++)
            if (jobs->items[i].kind != STORM_JOB_TWIN)
                books->job_of[jobs->items[i].number + k] = i;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->id, ((const struct name *)b)->id);
}

static struct storm_job *
find_job(struct books *books, const char *id)
{
    struct storm_jobs *jobs = &books->world->jobs;
    char *end;
    size_t index = id[0] == 's' ? strtoul(id + 1, &end, 10) : 0;
    if (id[0] == 's' && *end == '\0' && index < jobs->count)
        return &jobs->items[index];
    struct name wanted;
    snprintf(wanted.id, sizeof(wanted.id), "%s", id);
    const struct name *found =
        bsearch(&wanted, books->names, books->names_count, sizeof(wanted), compare_names);
    return found != NULL ? &jobs->items[found->job] : NULL;
}

static const char *
text_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? reply->str : "";
}

/* The job of a status: by its id, or by its number where the daemon has made up the id. */
static struct storm_job *
job_of_status(struct books *books, const char *id, const char *to)
{
    struct storm_job *job = find_job(books, id);
    if (job != NULL || strncmp(to, STORM_PREFIX, strlen(STORM_PREFIX)) != 0)
        return job;
    unsigned long number = strtoul(to + strlen(STORM_PREFIX), NULL, 10);
    if (number >= books->world->jobs.numbers)
        return NULL;
    struct name *name = &books->names[books->names_count++];
    snprintf(name->id, sizeof(name->id), "%s", id);
    name->job = books->job_of[number];
    job = &books->world->jobs.items[name->job];
    return storm_job_has_id(job->kind) ? NULL : job;
}

static bool
is_final(const char *state)
{
    static const char *const open[] = {"scheduled", "sending", "retrying", "held", ""};
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        if (strcmp(state, open[i]) == 0)
            return false;
    return true;
}

/* A storm hits now and then one job three times in a row; it is buried as if it had killed its workers. */
static bool
is_buried(const char *error)
{
    return strncmp(error, "3 times in a row its worker ended", 33) == 0;
}

static void
leave(struct books *books, const char *key, const char *why)
{
    books->world->toll->left++;
    if (books->told++ < TOLD_MAX)
        fprintf(stderr, "storm: left behind: %s %s\n", key, why);
}

static void
read_status(struct books *books, const char *key, bool expires)
{
    redisReply *fields =
        bh_rig_command(&books->world->rig, "HMGET %s state to error sent_at reason", key);
    const char *state = text_of(fields->element[0]);
    const char *id = strstr(key, ":status:") + strlen(":status:");
    struct storm_job *job = job_of_status(books, id, text_of(fields->element[1]));
    bool buried = is_buried(text_of(fields->element[2]));
    books->world->toll->buried += buried;
    if (job == NULL && buried) {
        books->nobodys++;
    } else if (job == NULL || job->seen) {
        leave(books, key, job == NULL ? "is nobody's" : "is the second status of one job");
    } else {
        long long sent_at = strtoll(text_of(fields->element[3]), NULL, 10);
        job->seen = true;
        job->buried = buried;
        job->final = is_final(state);
        job->undecided = (job->kind == STORM_JOB_CAREFUL || job->kind == STORM_JOB_SHORT) &&
                         strcmp(state, "retrying") == 0 &&
                         strcmp(text_of(fields->element[4]), "uncertain") == 0;
        snprintf(job->state, sizeof(job->state), "%s", state);
        snprintf(job->error, sizeof(job->error), "%s", text_of(fields->element[2]));
        books->world->toll->early += sent_at != 0 && sent_at < job->not_before;
    }
    if (!expires && is_final(state))
        leave(books, key, "never expires");
    freeReplyObject(fields);
}

/* What may stay without an end: one of each queue, bounded in itself. */
static bool
may_stay(const char *key)
{
    static const char *const ends[] = {":counters", ":control", ":events", ":due",
                                       ":dead",     ":jobs",    ":heads"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (strlen(key) > strlen(ends[i]) &&
            strcmp(key + strlen(key) - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

static void
read_key(struct books *books, const char *key)
{
    long long ttl = bh_rig_integer(&books->world->rig, "PTTL %s", key);
    bool expires = ttl != -1;
    if (ttl == -2)
        return; /* gone meanwhile */
    if (strstr(key, ":status:") != NULL)
        read_status(books, key, expires);
    else if (!expires && !may_stay(key))
        leave(books, key, "never expires");
}

static void
read_keys(struct books *books)
{
    struct bh_rig *rig = &books->world->rig;
    char cursor[32] = "0";
    do {
        redisReply *page = bh_rig_command(rig, "SCAN %s COUNT 1000", cursor);
        snprintf(cursor, sizeof(cursor), "%s", page->element[0]->str);
        for (size_t i = 0; i < page->element[1]->elements; i++)
            read_key(books, page->element[1]->element[i]->str);
        freeReplyObject(page);
    } while (strcmp(cursor, "0") != 0);
    qsort(books->names, books->names_count, sizeof(*books->names), compare_names);
}

/* Of those that wait, how many have lost their worker so often in a row that they are tried apart. */
static long long
count_suspects(struct bh_rig *rig, const char *queue)
{
    long long count = 0;
    redisReply *due = bh_rig_command(rig, "ZRANGE bellhop:{%s}:due 0 -1", queue);
    for (size_t i = 0; i < due->elements; i++) {
        redisReply *head =
            bh_rig_command(rig, "HGET bellhop:{%s}:heads %s", queue, due->element[i]->str);
        int recoveries = 0;
        if (sscanf(text_of(head), "%*s %*s %*s %*s %d", &recoveries) == 1)
            count += recoveries == BH_SUSPECT_RECOVERIES;
        freeReplyObject(head);
    }
    freeReplyObject(due);
    return count;
}

/* At the end nobody is on the way any more, but those whose fate a person has to tell. */
static void
check_gauge(struct books *books, const char *queue, const redisReply *name, const redisReply *value,
            long long waiting)
{
    long long stands = strtoll(value->str, NULL, 10), wanted = 0;
    if (strncmp(name->str, "now:", 4) != 0)
        return;
    if (strcmp(name->str, "now:uncertain") == 0)
        wanted = waiting;
    else if (strcmp(name->str, "now:suspects") == 0)
        wanted = count_suspects(&books->world->rig, queue);
    if (stands == wanted)
        return;
    books->world->toll->gauges_off++;
    fprintf(stderr, "storm: gauge %s of queue %s stands at %lld, not %lld\n", name->str, queue,
            stands, wanted);
}

/* The dead keep payload and record; nobody else does. */
static void
compare_records(struct books *books)
{
    for (size_t i = 0; i < QUEUES; i++) {
        struct bh_rig *rig = &books->world->rig;
        long long dead = bh_rig_integer(rig, "ZCARD bellhop:{%s}:dead", queues[i]);
        long long jobs = bh_rig_integer(rig, "HLEN bellhop:{%s}:jobs", queues[i]);
        long long heads = bh_rig_integer(rig, "HLEN bellhop:{%s}:heads", queues[i]);
        long long waiting = bh_rig_integer(rig, "ZCARD bellhop:{%s}:due", queues[i]);
        books->waiting += waiting;
        jobs -= waiting;
        heads -= waiting;
        books->world->toll->left += llabs(jobs - dead) + llabs(heads - dead);
        if (jobs != dead || heads != dead)
            fprintf(
                stderr,
                "storm: queue %s has %lld dead, and %lld payloads, %lld records of nobody else\n",
                queues[i], dead, jobs, heads);
        books->world->toll->recovered += bh_rig_counter(rig, queues[i], "recovered");
        redisReply *all = bh_rig_command(rig, "HGETALL bellhop:{%s}:counters", queues[i]);
        for (size_t k = 0; k + 1 < all->elements; k += 2)
            check_gauge(books, queues[i], all->element[k], all->element[k + 1], waiting);
        freeReplyObject(all);
    }
}

/* ---- histories ------------------------------------------------------------------------------------- */

static const char *
event_field(const redisReply *event, const char *name)
{
    const redisReply *fields = event->element[1];
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return "";
}

typedef void on_event(struct books *books, const redisReply *event, void *arg);

static void
read_events(struct books *books, const char *queue, on_event *visit, void *arg)
{
    char from[64] = "-";
    for (;;) {
        redisReply *page = bh_rig_command(
            &books->world->rig, "XRANGE bellhop:{%s}:events %s + COUNT 1000", queue, from);
        size_t count = page->elements;
        for (size_t i = 0; i < count; i++)
            visit(books, page->element[i], arg);
        if (count > 0)
            snprintf(from, sizeof(from), "(%s", page->element[count - 1]->element[0]->str);
        freeReplyObject(page);
        if (count < 1000)
            return;
    }
}

static void
note_uncertain(struct books *books, const redisReply *event, void *arg)
{
    (void)arg;
    struct storm_job *job = find_job(books, event_field(event, "id"));
    if (job != NULL && (strcmp(event_field(event, "reason"), "uncertain") == 0 ||
                        strcmp(event_field(event, "state"), "unknown") == 0))
        job->uncertain = true;
}

static void
tell_event(struct books *books, const redisReply *event, void *arg)
{
    const struct storm_job *wanted = arg;
    if (find_job(books, event_field(event, "id")) == wanted)
        fprintf(stderr, "storm:     %s %s %s code %s, %s attempts\n", event_field(event, "at"),
                event_field(event, "state"), event_field(event, "reason"),
                event_field(event, "code"), event_field(event, "attempts"));
}

/* Everything about one job, for the person who has to find out. */
static void
accuse(struct books *books, struct storm_job *job, const char *of_what)
{
    struct bh_rig *rig = &books->world->rig;
    if (job->accused || books->told++ >= TOLD_MAX)
        return;
    job->accused = true;
    fprintf(stderr, "storm: job s%td, kind %d, to %u (%u recipients) is %s: state \"%s\" (%s)\n",
            job - books->world->jobs.items, (int)job->kind, job->number, job->recipients, of_what,
            job->state, job->error);
    read_events(books, storm_job_queue(job->kind), tell_event, job);
    for (unsigned i = 0; i < job->recipients; i++)
        fprintf(stderr, "storm:     %s\n",
                bh_rig_ask(rig, bh_rig_text(rig, "messages?limit=5&to=" STORM_PREFIX "%08u",
                                            job->number + i)));
    storm_requests_tell(books->world, &books->requests, job);
    for (unsigned i = 0; i < STORM_DAEMONS; i++) {
        char line[2048], mark[48];
        snprintf(mark, sizeof(mark), "=s%td ", job - books->world->jobs.items);
        FILE *log = fopen(rig->daemons[i].process.log, "r");
        while (log != NULL && fgets(line, sizeof(line), log) != NULL)
            if (strstr(line, mark) != NULL)
                fprintf(stderr, "storm:     daemon %u: %s", i, line);
        if (log != NULL)
            fclose(log);
    }
}

/* ---- the balance ----------------------------------------------------------------------------------- */

static bool
is_state(const struct storm_job *job, const char *state)
{
    return strcmp(job->state, state) == 0;
}

static bool
may_end_so(const struct storm_job *job)
{
    if (job->buried)
        return is_state(job, "failed") || is_state(job, "unknown") || is_state(job, "partial");
    switch (job->kind) {
    case STORM_JOB_INVALID: return is_state(job, "invalid");
    case STORM_JOB_SHORT:
        return is_state(job, "sent") || is_state(job, "expired") ||
               (job->uncertain && is_state(job, "unknown"));
    case STORM_JOB_CAREFUL:
    case STORM_JOB_CALL:
        return is_state(job, "sent") || (job->uncertain && is_state(job, "unknown"));
    case STORM_JOB_PLAIN:
    case STORM_JOB_NAMELESS:
    case STORM_JOB_MANY:
    case STORM_JOB_TWIN:
    case STORM_JOB_DELAYED:
    case STORM_JOB_KINDS: break;
    }
    return is_state(job, "sent");
}

static void
count_state(struct storm_toll *toll, const struct storm_job *job)
{
    toll->jobs++;
    toll->recipients += job->recipients;
    toll->sent += is_state(job, "sent") || is_state(job, "partial");
    toll->unknown += is_state(job, "unknown");
    toll->undecided += job->undecided;
    toll->expired += is_state(job, "expired");
    toll->invalid += is_state(job, "invalid");
}

/* When the first of these messages was accepted, unix ms. */
static long long
first_message_at(struct books *books, unsigned number)
{
    static const char mark[] = "\"at_ms\":";
    const char *at = bh_rig_ask(
        &books->world->rig,
        bh_rig_text(&books->world->rig, "messages?limit=20&to=" STORM_PREFIX "%08u", number));
    long long first = INT64_MAX;
    while ((at = strstr(at, mark)) != NULL) {
        long long one = strtoll(at += strlen(mark), NULL, 10);
        first = one < first ? one : first;
    }
    return first;
}

/* Second messages that no host's journal could have prevented. */
static long long
count_elsewhere(struct books *books, const struct storm_job *job, const struct storm_job *twin,
                unsigned number)
{
    struct storm_world *world = books->world;
    if (world->gaps_count == 0)
        return 0;
    long long first = first_message_at(books, number);
    long long count = storm_sent_by_another(world, &books->requests, job, first);
    if (twin != NULL)
        count += storm_sent_by_another(world, &books->requests, twin, first);
    return count;
}

static void
count_doubles(struct books *books, struct storm_job *job, struct storm_job *twin, unsigned number,
              long long doubles)
{
    struct storm_toll *toll = books->world->toll;
    bool excused = job->uncertain && job->kind != STORM_JOB_CAREFUL && job->kind != STORM_JOB_CALL;
    excused = excused || (twin != NULL && twin->uncertain);
    long long elsewhere = excused ? 0 : count_elsewhere(books, job, twin, number);
    elsewhere = elsewhere < doubles ? elsewhere : doubles;
    toll->doubled_elsewhere += elsewhere;
    doubles -= elsewhere;
    *(excused ? &toll->doubled_uncertain : &toll->doubled) += doubles;
    /* Of several recipients nothing but the journal can tell; of one, somebody wants to know. */
    if (doubles > 0 && (!excused || job->recipients == 1))
        accuse(books, job, excused ? "doubled after an uncertain answer" : "doubled");
}

/* Redis has forgotten that it was pushed, so it has no end to tell; it may have been sent before. */
static bool
may_be_sent_unseen(const struct storm_job *job)
{
    return job->forgotten && !is_state(job, "sent");
}

/* Each number that this job is the first of: as many messages as jobs say that they have sent, not more. */
static void
balance_numbers(struct books *books, struct storm_job *job, struct storm_job *twin)
{
    long long wanted = is_state(job, "sent"), most = wanted;
    bool witness = true;
    most += is_state(job, "unknown") || is_state(job, "partial") || job->undecided ||
            may_be_sent_unseen(job);
    if (twin != NULL) {
        wanted += is_state(twin, "sent");
        most += is_state(twin, "sent") || is_state(twin, "unknown") || may_be_sent_unseen(twin);
        /* The ledger has forgotten one of them, too: its lock is taken for a proof that the other was accepted. */
        witness = !job->forgotten && !twin->forgotten;
    }
    for (unsigned i = 0; i < job->recipients; i++) {
        long long got = books->accepted[job->number + i];
        if (got < wanted && witness) {
            books->world->toll->lost += wanted - got;
            accuse(books, job, "called sent, and nobody accepted it");
        } else if (got > most) {
            count_doubles(books, job, twin, job->number + i, got - most);
        }
    }
}

static void
balance(struct books *books)
{
    struct storm_jobs *jobs = &books->world->jobs;
    struct storm_toll *toll = books->world->toll;
    for (size_t i = 0; i < jobs->count; i++) {
        struct storm_job *job = &jobs->items[i];
        struct storm_job *next = i + 1 < jobs->count ? job + 1 : NULL;
        bool has_twin = next != NULL && next->kind == STORM_JOB_TWIN;
        count_state(toll, job);
        if (!job->seen && !storm_job_has_id(job->kind) && books->nobodys > 0) {
            books->nobodys--;
            job->buried = true;
        } else if (!job->final && !job->undecided && !job->forgotten) {
            toll->lost++;
            accuse(books, job, job->seen ? "without an end" : "gone");
        } else if (job->final && !may_end_so(job)) {
            toll->odd++;
            accuse(books, job, "ended as it should not");
        }
        if (job->kind != STORM_JOB_TWIN)
            balance_numbers(books, job, has_twin ? next : NULL);
    }
    for (; books->nobodys > 0; books->nobodys--)
        leave(books, "a buried job's status", "is nobody's");
}

void
storm_count(struct storm_world *world)
{
    struct books books = {
        .world = world,
        .accepted = memory(world->jobs.numbers, sizeof(unsigned)),
        .job_of = memory(world->jobs.numbers, sizeof(size_t)),
        .names = memory(world->jobs.count * 2, sizeof(struct name)),
    };
    index_numbers(&books);
    storm_requests_read(world, &books.requests);
    bh_rig_integer(&world->rig, "DEL storm:pushed");
    read_accepted(&books);
    read_keys(&books);
    for (size_t i = 0; i < QUEUES; i++)
        read_events(&books, queues[i], note_uncertain, NULL);
    compare_records(&books);
    balance(&books);
    world->toll->left += llabs(books.waiting - world->toll->undecided);
    free(books.accepted);
    free(books.job_of);
    free(books.names);
    free(books.requests.items);
}
