#include "sim/journal.h"

#include <stdlib.h>
#include <string.h>

const char *const BH_SIM_STATUS_NAMES[BH_SIM_STATUS_COUNT] = {
    "",          "DELIVERED", "NOTDELIVERED", "BUFFERED",  "TRANSMITTED",
    "ACCEPTED",  "EXPIRED",   "REJECTED",     "FAILED",    "UNKNOWN",
    "initiated", "ringing",   "in-progress",  "completed", "no-answer",
    "failed",
};

static void
free_message(struct bh_sim_message *message)
{
    if (message != NULL)
        free(message->strings);
    free(message);
}

void
bh_sim_journal_init(struct bh_sim_journal *journal, size_t max, int64_t first_id)
{
    *journal = (struct bh_sim_journal){
        .ring = bh_sim_alloc_zero(max * sizeof(struct bh_sim_message *)),
        .max = max,
        .first_id = first_id,
        .next_id = first_id,
    };
}

void
bh_sim_journal_release(struct bh_sim_journal *journal)
{
    for (size_t at = 0; at < journal->max; at++)
        free_message(journal->ring[at]);
    free(journal->ring);
    *journal = (struct bh_sim_journal){0};
}

static struct bh_sim_str
move_string(char **place, struct bh_sim_str text)
{
    if (text.len > 0)
        memcpy(*place, text.ptr, text.len);
    struct bh_sim_str moved = {*place, text.len};
    *place += text.len;
    return moved;
}

struct bh_sim_message *
bh_sim_journal_add(struct bh_sim_journal *journal, const struct bh_sim_message *draft)
{
    struct bh_sim_message **slot =
        &journal->ring[(size_t)(journal->next_id - journal->first_id) % journal->max];
    struct bh_sim_message *message = *slot != NULL ? *slot : bh_sim_alloc(sizeof *message);
    char *strings = *slot != NULL ? (*slot)->strings : NULL;
    size_t bytes = draft->from.len + draft->to.len + draft->text.len + draft->label.len +
                   draft->foreign_id.len + draft->connection.len + draft->udh.len;
    strings = bh_sim_realloc(strings, bytes);
    *message = *draft;
    message->id = journal->next_id++;
    message->strings = strings;

    char *place = strings;
    message->from = move_string(&place, draft->from);
    message->to = move_string(&place, draft->to);
    message->text = move_string(&place, draft->text);
    message->label = move_string(&place, draft->label);
    message->foreign_id = move_string(&place, draft->foreign_id);
    message->connection = move_string(&place, draft->connection);
    message->udh = move_string(&place, draft->udh);
    *slot = message;
    return message;
}

int64_t
bh_sim_journal_oldest(const struct bh_sim_journal *journal)
{
    int64_t kept = (int64_t)journal->max;
    bool all = journal->next_id - journal->first_id <= kept;
    return all ? journal->first_id : journal->next_id - kept;
}

struct bh_sim_message *
bh_sim_journal_find(const struct bh_sim_journal *journal, int64_t id)
{
    if (id < bh_sim_journal_oldest(journal) || id >= journal->next_id)
        return NULL;
    return journal->ring[(size_t)(id - journal->first_id) % journal->max];
}

const struct bh_sim_step *
bh_sim_message_step(const struct bh_sim_message *message, int64_t now_ms)
{
    const struct bh_sim_step *found = NULL;
    if (message->cancelled)
        return NULL;
    for (size_t at = 0; at < message->steps_count; at++)
        if (message->steps[at].at_ms <= now_ms)
            found = &message->steps[at];
    return found;
}
