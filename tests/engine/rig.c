#include "engine/rig.h"

#include <stdio.h>
#include <string.h>

#include "support/config_fixture.h"

struct bh_config *
rig_config(const char *ini)
{
    struct bh_config_source source = fixture_source(bh_str_from(ini));
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    if (bh_config_read(&source, &report, &config) != BH_OK) {
        struct bh_buf text;
        bh_buf_init(&text, 64 * 1024);
        bh_config_report_print(&report, &text);
        fprintf(stderr, "%s", bh_buf_text(&text));
        BH_ASSERT(false && "a valid configuration");
    }
    bh_config_report_release(&report);
    return config;
}

static void
on_note(void *arg, const struct bh_note *note)
{
    struct rig *rig = arg;
    BH_ASSERT(rig->notes_count < RIG_NOTES);
    BH_ASSERT(note->text != NULL && note->event != NULL);
    struct rig_note *copy = &rig->notes[rig->notes_count++];
    snprintf(copy->event, sizeof(copy->event), "%s", note->event);
    snprintf(copy->id, sizeof(copy->id), "%s", note->id != NULL ? note->id : "");
    snprintf(copy->text, sizeof(copy->text), "%s", note->text);
    copy->level = note->level;
}

void
rig_start(struct rig *rig, const char *ini)
{
    memset(rig, 0, sizeof(*rig));
    rig->config = rig_config(ini);
    rig->now_ms = BH_DAY_MS;
    struct bh_engine_options options = {
        .config = rig->config,
        .seed = {1, 2, 3},
        .sent_with = "bellhop",
        .on_note = on_note,
        .note_arg = rig,
        .takes_suspects = true,
    };
    BH_ASSERT(bh_engine_new(&options, &rig->engine) == BH_OK);
    bh_engine_set_connections(rig->engine, RIG_CONNECTIONS);
}

void
rig_stop(struct rig *rig)
{
    bh_engine_free(rig->engine);
    bh_config_release(rig->config);
}

void
rig_configure(struct rig *rig, const char *ini)
{
    struct bh_config_report report = {0};
    struct bh_config *fresh = rig_config(ini);
    BH_ASSERT(bh_config_succeed(fresh, rig->config, &report) == BH_OK);
    bh_config_report_release(&report);
    bh_engine_configure(rig->engine, fresh);
    bh_config_release(rig->config);
    rig->config = fresh;
    rig_pump(rig);
}

struct bh_wall
rig_server_now(const struct rig *rig)
{
    return (struct bh_wall){RIG_EPOCH_MS + rig->now_ms};
}

struct bh_turn
rig_turn(const struct rig *rig)
{
    return (struct bh_turn){{rig->now_ms}, rig_server_now(rig)};
}

void
rig_pump(struct rig *rig)
{
    struct bh_command command;
    while (bh_engine_next(rig->engine, rig_turn(rig), &command)) {
        BH_ASSERT(rig->commands_count < RIG_COMMANDS);
        rig->commands[rig->commands_count++] = command;
        bh_engine_check(rig->engine);
    }
    bh_engine_check(rig->engine);
    /* Nothing was due any more, so what it sleeps for lies ahead: else the worker would spin. */
    struct bh_mono wake = bh_engine_wake_at(rig->engine, (struct bh_mono){rig->now_ms});
    BH_ASSERT(wake.ms > rig->now_ms);
}

void
rig_feed(struct rig *rig, const struct bh_event *event)
{
    bh_engine_feed(rig->engine, event, rig_turn(rig));
    bh_engine_check(rig->engine);
    rig_pump(rig);
}

void
rig_feed_kind(struct rig *rig, enum bh_event_kind kind)
{
    rig_feed(rig, &(struct bh_event){.kind = kind});
}

void
rig_wait(struct rig *rig, bh_ms by_ms)
{
    bh_ms until_ms = rig->now_ms + by_ms;
    for (unsigned turns = 0; rig->now_ms < until_ms; turns++) {
        BH_ASSERT(turns < 100000);
        struct bh_mono wake = bh_engine_wake_at(rig->engine, (struct bh_mono){rig->now_ms});
        rig->now_ms = bh_ms_min(wake.ms, until_ms);
        rig_pump(rig);
    }
}

bool
rig_take(struct rig *rig, enum bh_command_kind kind, struct bh_command *ret_command)
{
    for (size_t i = 0; i < rig->commands_count; i++) {
        if (rig->commands[i].kind != kind)
            continue;
        *ret_command = rig->commands[i];
        rig->commands_count--;
        memmove(&rig->commands[i], &rig->commands[i + 1],
                (rig->commands_count - i) * sizeof(rig->commands[0]));
        return true;
    }
    return false;
}

struct bh_command
rig_get(struct rig *rig, enum bh_command_kind kind)
{
    struct bh_command command = {0};
    bool found = rig_take(rig, kind, &command);
    BH_ASSERT(found);
    return command;
}

unsigned
rig_count(const struct rig *rig, enum bh_command_kind kind)
{
    unsigned count = 0;
    for (size_t i = 0; i < rig->commands_count; i++)
        count += rig->commands[i].kind == kind;
    return count;
}

void
rig_forget(struct rig *rig, enum bh_command_kind kind)
{
    struct bh_command command;
    while (rig_take(rig, kind, &command)) {
    }
}

unsigned
rig_noted(const struct rig *rig, const char *event)
{
    unsigned count = 0;
    for (size_t i = 0; i < rig->notes_count; i++)
        count += strcmp(rig->notes[i].event, event) == 0;
    return count;
}

/* ---- answers ---- */

void
rig_claimed_late(struct rig *rig, const struct bh_command *claim, const struct rig_job *jobs,
                 size_t count, bool more, bh_ms ago_ms)
{
    struct bh_claimed_job claimed[BH_CLAIM_MAX];
    char handles[BH_CLAIM_MAX][16];
    BH_ASSERT(count <= claim->claim.count);
    for (size_t i = 0; i < count; i++) {
        const char *head = jobs[i].head != NULL ? jobs[i].head : "1 n - 0 0 me 7 0 0 0 0 0 \n";
        snprintf(handles[i], sizeof(handles[i]), "%u", ++rig->handles);
        claimed[i] = (struct bh_claimed_job){
            .handle = bh_str_from(handles[i]),
            .head = bh_str_from(head),
            .payload = bh_str_from(jobs[i].payload),
            .payload_bytes = strlen(jobs[i].payload),
            .payload_digest = {"00112233445566778899aabbccddeeff"},
            .sent_before = rig->sent_before,
        };
    }
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_CLAIMED,
                      .claimed = {.queue = claim->claim.queue,
                                  .code = BH_CLAIM_DONE,
                                  .asked_at = {rig->now_ms - ago_ms},
                                  .server_now = {RIG_EPOCH_MS + rig->now_ms - ago_ms / 2},
                                  .next_due_ms = -1,
                                  .wait_ms = -1,
                                  .more = more,
                                  .suspects = rig->suspects,
                                  .token = ++rig->token,
                                  .jobs = claimed,
                                  .jobs_count = count},
    });
}

void
rig_claimed(struct rig *rig, const struct bh_command *claim, const struct rig_job *jobs,
            size_t count, bool more)
{
    rig_claimed_late(rig, claim, jobs, count, more, 0);
}

void
rig_give(struct rig *rig, const char *const *payloads, size_t count)
{
    struct rig_job jobs[BH_CLAIM_MAX] = {
        {NULL, NULL}
    };
    struct bh_command claim = rig_get(rig, BH_COMMAND_CLAIM);
    BH_ASSERT(count <= BH_CLAIM_MAX);
    for (size_t i = 0; i < count; i++)
        jobs[i].payload = payloads[i];
    rig_claimed(rig, &claim, jobs, count, false);
}

void
rig_give_one(struct rig *rig, const char *payload, const char *head)
{
    struct bh_command claim = rig_get(rig, BH_COMMAND_CLAIM);
    rig_claimed(rig, &claim, &(struct rig_job){payload, head}, 1, false);
}

void
rig_give_known(struct rig *rig, const char *payload, const char *head,
               const struct bh_sent_trace *sent_before)
{
    rig->sent_before = sent_before;
    rig_give_one(rig, payload, head);
    rig->sent_before = NULL;
}

void
rig_admitted(struct rig *rig, const struct bh_command *admit, enum bh_admit_code code,
             bh_ms wait_ms)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_ADMITTED,
                      .admitted = {admit->admit.slot, code, wait_ms, rig_server_now(rig), -1},
    });
}

void
rig_answered_exchange(struct rig *rig, const struct bh_command *submit,
                      const struct bh_exchange *exchange)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_ANSWERED,
                      .answered = {submit->submit.slot, exchange},
    });
}

void
rig_answered(struct rig *rig, const struct bh_command *submit, const char *body)
{
    rig_answered_exchange(rig, submit,
                          &(struct bh_exchange){
                              .handed_over = BH_HANDED_ALL,
                              .http_status = 200,
                              .headers_complete = true,
                              .body_complete = true,
                              .retry_after_ms = -1,
                              .body = bh_str_from(body),
                          });
}

void
rig_answered_status(struct rig *rig, const struct bh_command *submit, int http_status,
                    bh_ms retry_after_ms)
{
    rig_answered_exchange(rig, submit,
                          &(struct bh_exchange){
                              .handed_over = BH_HANDED_ALL,
                              .http_status = http_status,
                              .headers_complete = true,
                              .body_complete = true,
                              .retry_after_ms = retry_after_ms,
                          });
}

void
rig_silence(struct rig *rig, const struct bh_command *submit, enum bh_handed_over handed_over,
            enum bh_trouble trouble)
{
    rig_answered_exchange(
        rig, submit,
        &(struct bh_exchange){
            .handed_over = handed_over, .trouble = trouble, .retry_after_ms = -1});
}

void
rig_settled(struct rig *rig, const struct bh_command *settle, enum bh_settle_code code)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_SETTLED,
                      .settled = {settle->settle.slot, code, -1},
    });
}

void
rig_renewed(struct rig *rig, const struct bh_command *renew, enum bh_renew_code code)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_RENEWED,
                      .renewed = {renew->renew.slot, code, {rig->now_ms}},
    });
}

void
rig_granted(struct rig *rig, const struct bh_command *grant, unsigned count, bh_ms wait_ms)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_GRANTED,
                      .granted = {grant->grant.limit, count, wait_ms},
    });
}

void
rig_witnesses(struct rig *rig, enum bh_journal_access journal, enum bh_lock_knowledge lock)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_ACCOUNT,
                      .account = {BH_ACCOUNT_OPEN, BH_REASON_NONE, journal, lock},
    });
}

void
rig_twin(struct rig *rig, const struct bh_command *twin, enum bh_twin_code code, bh_ms wait_ms)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_TWIN,
                      .twin = {twin->twin.slot, code, wait_ms},
    });
}

void
rig_account(struct rig *rig, enum bh_account_state state, enum bh_reason reason)
{
    rig_feed(rig, &(struct bh_event){
                      .kind = BH_EVENT_ACCOUNT, .account = {.state = state, .reason = reason}
    });
}

struct bh_command
rig_bring_to_submit(struct rig *rig, const char *payload)
{
    rig_give_one(rig, payload, NULL);
    struct bh_command admit = rig_get(rig, BH_COMMAND_ADMIT);
    rig_admitted(rig, &admit, BH_ADMIT_OK, 0);
    return rig_get(rig, BH_COMMAND_SUBMIT);
}

const char *
rig_field(const struct bh_field *fields, size_t count, const char *name)
{
    static char value[4096];
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) != 0)
            continue;
        snprintf(value, sizeof(value), "%.*s", BH_STR_ARGS(fields[i].value));
        return value;
    }
    return NULL;
}
