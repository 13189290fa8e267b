#include "engine/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gateway_journal.h"
#include "core/zone.h"

#define BODY_BYTES (64 * 1024)

void
story_begin(struct story *story, struct rig *rig, const char *payload, const char *id)
{
    *story = (struct story){.rig = rig, .payload = payload, .id = id};
    rig_give_one(rig, payload, NULL);
}

/* The record as finish.lua leaves it. */
static void
write_head(struct story *story, const struct bh_settle_command *settle)
{
    snprintf(story->head, sizeof(story->head), "1 %c %s %u 0 - 7 0 %lld %lld %lld %lld %s\n%.*s",
             settle->waiting, settle->reason[0] != '\0' ? settle->reason : "-", settle->attempts,
             (long long)story->created_ms, (long long)story->created_ms,
             (long long)story->expires_ms, (long long)settle->uncertain_since.ms, story->id,
             BH_STR_ARGS(settle->memo));
}

static void
claim_again(struct story *story)
{
    struct rig *rig = story->rig;
    rig_forget(rig, BH_COMMAND_WAIT);
    if (rig_count(rig, BH_COMMAND_CLAIM) == 0)
        rig_feed(rig, &(struct bh_event){.kind = BH_EVENT_WOKEN, .queue = 0});
    rig_give_one(rig, story->payload, story->head);
}

void
story_come_back(struct story *story, const struct bh_command *settle)
{
    const struct bh_settle_command *done = &settle->settle;
    bh_ms delay_ms = done->disposition == BH_SETTLE_WAIT ? done->delay_ms : 0;
    BH_ASSERT(done->disposition == BH_SETTLE_WAIT || done->disposition == BH_SETTLE_READY);
    write_head(story, done);
    rig_settled(story->rig, settle, BH_SETTLED_OK);
    rig_wait(story->rig, delay_ms);
    claim_again(story);
}

/* ---- the journal ---- */

static void
put_entry(char *body, size_t *len, const char *foreign_id, const char *to, unsigned id, int64_t at,
          const char *delivery)
{
    struct bh_config *config = rig_config(RIG_CONFIG);
    struct bh_datetime local = bh_zone_to_local(config->gateway.zone, (struct bh_wall){at});
    bh_config_release(config);
    int written = snprintf(
        body + *len, BODY_BYTES - *len,
        "%s{\"id\":\"%u\",\"to\":\"%s\",\"foreign_id\":\"%s\",\"text\":\"t\",\"price\":\"0.0750\","
        "\"dlr\":\"%s\",\"timestamp\":\"%04d-%02u-%02u %02u:%02u:%02u.%03u\"}",
        *len > 1 ? "," : "", id, to, foreign_id, delivery, local.year, local.month, local.day,
        local.hour, local.minute, local.second, local.millisecond);
    BH_ASSERT(written > 0 && (size_t)written < BODY_BYTES - *len);
    *len += (size_t)written;
}

char *
story_journal(const struct story *story, const struct bh_command *look_up, const char *what)
{
    char *body = malloc(BODY_BYTES), to[24] = "";
    BH_ASSERT(body != NULL);
    const char *number = strstr(look_up->look_up.url, "&to=");
    BH_ASSERT(number != NULL);
    snprintf(to, sizeof(to), "%.*s", (int)strspn(number + 4, "0123456789"), number + 4);
    int64_t at = RIG_EPOCH_MS + story->began_ms + BH_SECOND_MS;
    size_t len = 1;
    body[0] = '[';
    if (strcmp(what, "failed") == 0 || strcmp(what, "failed, found") == 0)
        put_entry(body, &len, story->id, to, 4713, at + 45 * BH_SECOND_MS, "FAILED");
    if (strcmp(what, "found") == 0 || strcmp(what, "twice") == 0 ||
        strcmp(what, "failed, found") == 0)
        put_entry(body, &len, story->id, to, 4711, at, "DELIVERED");
    if (strcmp(what, "twice") == 0)
        put_entry(body, &len, story->id, to, 4712, at, "DELIVERED");
    if (strcmp(what, "old") == 0)
        put_entry(body, &len, story->id, to, 4710, at - 10 * BH_MINUTE_MS, "DELIVERED");
    if (strcmp(what, "other") == 0)
        put_entry(body, &len, "another", to, 4709, at, "DELIVERED");
    for (unsigned i = 0; strcmp(what, "full") == 0 && i < BH_JOURNAL_PAGE; i++)
        put_entry(body, &len, "another", to, i + 1, at, "DELIVERED");
    snprintf(body + len, BODY_BYTES - len, "]");
    return body;
}

/* ---- steps ---- */

static void
silence(struct story *story, const struct bh_command *submit, const char *answer)
{
    struct rig *rig = story->rig;
    if (strcmp(answer, "down") == 0) {
        rig_silence(rig, submit, BH_HANDED_NOTHING, BH_TROUBLE_CONNECT);
        return;
    }
    struct bh_command renew;
    rig_wait(rig, submit->submit.timeout_ms);
    if (rig_take(rig, BH_COMMAND_RENEW, &renew))
        rig_renewed(rig, &renew, BH_RENEW_OK);
    rig_silence(rig, submit, BH_HANDED_ALL, BH_TROUBLE_TIMEOUT);
}

static void
answer_step(struct story *story, const struct bh_command *command, const struct story_step *step)
{
    static const char *const of_journal[] = {"found", "twice", "absent", "old",
                                             "other", "full",  "failed", "failed, found"};
    struct bh_command request = *command;
    if (request.kind == BH_COMMAND_LOOK_UP)
        request.submit = command->look_up;
    if (strcmp(step->answer, "-") == 0 || strcmp(step->answer, "down") == 0) {
        silence(story, &request, step->answer);
        return;
    }
    if (strcmp(step->answer, "http 500") == 0) {
        rig_answered_status(story->rig, &request, 500, -1);
        return;
    }
    for (size_t i = 0; i < BH_ARRAY_LEN(of_journal); i++) {
        if (strcmp(step->answer, of_journal[i]) != 0)
            continue;
        char *body = story_journal(story, command, step->answer);
        rig_answered(story->rig, &request, body);
        free(body);
        return;
    }
    rig_answered(story->rig, &request, step->answer);
}

/* Say yes to what stands before the next request, and let the job come back when it waits. */
static bool
advance(struct story *story, struct bh_command *ret_command)
{
    struct rig *rig = story->rig;
    for (unsigned turns = 0; turns < 20; turns++) {
        struct bh_command command;
        if (rig_take(rig, BH_COMMAND_SUBMIT, ret_command) ||
            rig_take(rig, BH_COMMAND_LOOK_UP, ret_command))
            return true;
        if (rig_take(rig, BH_COMMAND_ADMIT, &command)) {
            if (story->created_ms == 0) {
                story->created_ms = command.admit.created.ms;
                story->expires_ms = command.admit.expires.ms;
            }
            rig_admitted(rig, &command, BH_ADMIT_OK, 0);
        } else if (rig_take(rig, BH_COMMAND_SETTLE, &command)) {
            if (command.settle.disposition != BH_SETTLE_WAIT) {
                fprintf(stderr, "it ends as %s\n", command.settle.state);
                return false;
            }
            story_come_back(story, &command);
        } else {
            return false;
        }
    }
    return false;
}

bool
story_step(struct story *story, const struct story_step *step)
{
    struct bh_command command;
    bool is_there = advance(story, &command);
    bh_ms at_ms = story->rig->now_ms - story->began_ms;
    if (!story->has_begun) {
        story->began_ms = story->rig->now_ms;
        story->has_begun = true;
        at_ms = 0;
    }
    enum story_act act = !is_there                            ? STORY_END
                         : command.kind == BH_COMMAND_LOOK_UP ? STORY_LOOK
                                                              : STORY_SEND;
    /* Waits are lengthened by up to a twentieth each. */
    if (act != step->act || at_ms < step->at_ms || at_ms > step->at_ms + step->at_ms / 8) {
        static const char *const names[] = {"the end", "a message", "a look-up"};
        fprintf(stderr, "%s at %lld ms instead of %s at %lld ms\n", names[act], (long long)at_ms,
                names[step->act], (long long)step->at_ms);
        return false;
    }
    answer_step(story, &command, step);
    return true;
}

struct bh_command
story_end(struct story *story, bool waits)
{
    struct bh_command settle = {
        .settle = {.state = "nothing", .reason = ""}
    };
    (void)story;
    for (unsigned i = 0; i < 10 && rig_take(story->rig, BH_COMMAND_SETTLE, &settle); i++) {
        if (waits || settle.settle.disposition != BH_SETTLE_WAIT)
            break;
        story_come_back(story, &settle);
    }
    return settle;
}
