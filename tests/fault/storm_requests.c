/*
 * What the daemons' own journals say of their requests: the only witness of who has sent what Redis has forgotten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sent_record.h"
#include "fault/storm_own.h"

/* The last word of a daemon on the request that it made under a claim. */
struct storm_request {
    struct bh_sent_name payload;
    unsigned daemon;
    uint64_t token, handle, sequence;
    struct bh_wall at;
    enum bh_sent_result result;
};

const char *
storm_journal(struct storm_world *world, unsigned daemon)
{
    return bh_rig_text(&world->rig, "%s/journal-%u", world->rig.dir, daemon);
}

static void
add_request(struct storm_requests *requests, const struct bh_sent_record *record, unsigned daemon)
{
    /* A TAKEN is what was known before, under another handle; a DOUBT is no request's. */
    if (record->kind != BH_SENT_BEGUN && record->kind != BH_SENT_ENDED)
        return;
    if ((requests->count & (requests->count - 1)) == 0) {
        size_t capacity = requests->count == 0 ? 1 : requests->count * 2;
        requests->items = realloc(requests->items, capacity * sizeof(*requests->items));
        if (requests->items == NULL)
            abort();
    }
    requests->items[requests->count++] = (struct storm_request){
        .payload = record->payload,
        .daemon = daemon,
        .token = record->token,
        .handle = record->handle,
        .at = record->at,
        .sequence = record->sequence,
        .result = record->result,
    };
}

static void
read_journal(struct storm_world *world, unsigned daemon, struct storm_requests *requests)
{
    static const char *const instances[STORM_DAEMONS] = {"one", "two"};
    unsigned char bytes[BH_SENT_RECORD_BYTES];
    struct bh_sent_record record;
    const char *path =
        bh_rig_text(&world->rig, "%s/sent-%s", storm_journal(world, daemon), instances[daemon]);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        bh_rig_fail(&world->rig, "%s cannot be read", path);
    while (fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes))
        if (bh_sent_record_parse(bytes, &record) == BH_SENT_READ)
            add_request(requests, &record, daemon);
    fclose(file);
}

/* By payload, daemon and claim; the last word of each comes last. */
static int
compare_requests(const void *a, const void *b)
{
    const struct storm_request *one = a, *two = b;
    int order = memcmp(&one->payload, &two->payload, sizeof(one->payload));
    if (order != 0)
        return order;
    if (one->daemon != two->daemon)
        return one->daemon < two->daemon ? -1 : 1;
    if (one->token != two->token)
        return one->token < two->token ? -1 : 1;
    return one->sequence < two->sequence ? -1 : one->sequence > two->sequence;
}

static bool
same_claim(const struct storm_request *one, const struct storm_request *two)
{
    return memcmp(&one->payload, &two->payload, sizeof(one->payload)) == 0 &&
           one->daemon == two->daemon && one->token == two->token;
}

void
storm_requests_read(struct storm_world *world, struct storm_requests *ret_requests)
{
    struct storm_requests requests = {NULL, 0};
    size_t kept = 0;
    for (unsigned daemon = 0; daemon < STORM_DAEMONS; daemon++)
        read_journal(world, daemon, &requests);
    if (requests.count > 0)
        qsort(requests.items, requests.count, sizeof(*requests.items), compare_requests);
    for (size_t i = 0; i < requests.count; i++)
        if (i + 1 == requests.count || !same_claim(&requests.items[i], &requests.items[i + 1]))
            requests.items[kept++] = requests.items[i];
    requests.count = kept;
    *ret_requests = requests;
}

static bool
was_forgotten(const struct storm_world *world, long long at_ms)
{
    for (size_t i = 0; i < world->gaps_count; i++)
        if (at_ms >= world->gaps[i].from_ms && at_ms <= world->gaps[i].to_ms)
            return true;
    return false;
}

static struct bh_sent_name
payload_of(struct storm_world *world, const struct storm_job *job)
{
    char json[320];
    struct bh_digest digest;
    struct bh_sent_name payload;
    storm_job_print(job, (size_t)(job - world->jobs.items), json, sizeof(json));
    struct bh_str text = bh_str_from(json);
    if (bh_digest_pieces(&text, 1, &digest) != BH_OK || !bh_sent_name_from(&digest, &payload))
        bh_rig_fail(&world->rig, "no digest of %s", json);
    return payload;
}

void
storm_requests_tell(struct storm_world *world, const struct storm_requests *requests,
                    const struct storm_job *job)
{
    static const char *const results[] = {"open", "accepted", "partly", "refused", "uncertain"};
    struct bh_sent_name payload = payload_of(world, job);
    for (size_t i = 0; i < requests->count; i++) {
        const struct storm_request *one = &requests->items[i];
        if (bh_sent_name_equal(&one->payload, &payload))
            fprintf(stderr,
                    "storm:     journal of daemon %u: at %lld, claim %llu, handle %llu: %s\n",
                    one->daemon, (long long)one->at.ms, (unsigned long long)one->token,
                    (unsigned long long)one->handle, results[one->result]);
    }
}

unsigned
storm_sent_by_another(struct storm_world *world, const struct storm_requests *requests,
                      const struct storm_job *job, long long first_at)
{
    unsigned sent[STORM_DAEMONS] = {0};
    struct bh_sent_name payload = payload_of(world, job);
    for (size_t i = 0; i < requests->count; i++)
        if (bh_sent_name_equal(&requests->items[i].payload, &payload) &&
            requests->items[i].result != BH_SENT_REFUSED)
            sent[requests->items[i].daemon]++;
    return sent[0] == 1 && sent[1] == 1 && was_forgotten(world, first_at);
}
