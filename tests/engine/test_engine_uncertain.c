#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/story.h"

#define SMS   "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\"}"
#define SHORT "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\",\"ttl\":5}"
#define CALL  "{\"id\":\"one\",\"to\":\"491710000001\",\"text\":\"hello\",\"type\":\"voice\"}"
#define HOLDS "[gateway]\napi_key = k\n[queue a]\non_uncertain = hold\n"

#define STEPS 24

static struct rig rig; /* a test is a process of its own */
static struct story story;

static void
start(const char *ini, enum bh_journal_access journal, enum bh_lock_knowledge lock)
{
    rig_start(&rig, ini);
    rig_feed_kind(&rig, BH_EVENT_STORE_UP);
    rig_witnesses(&rig, journal, lock);
}

/* Which words the account's keeper heard about journal and lock, as letters in the order of the enum. */
static void
heard(char *ret_words)
{
    static const char letters[] = {
        [BH_ACCOUNT_SAYS_GOOD] = 'g',          [BH_ACCOUNT_SAYS_CREDIT] = 'c',
        [BH_ACCOUNT_SAYS_AUTH] = 'a',          [BH_ACCOUNT_SAYS_NO_JOURNAL] = 'j',
        [BH_ACCOUNT_SAYS_LOCK_DOUBTFUL] = 'l',
    };
    struct bh_command word;
    size_t len = 0;
    while (rig_take(&rig, BH_COMMAND_ACCOUNT, &word) && len < 8)
        ret_words[len++] = letters[word.account.word];
    ret_words[len] = '\0';
}

enum { HOLD, RESEND };

#define NO     BH_JOURNAL_UNKNOWN
#define YES    BH_JOURNAL_READABLE
#define DENIED BH_JOURNAL_DENIED
#define MAYBE  BH_LOCK_UNKNOWN
#define ON     BH_LOCK_ON
#define OFF    BH_LOCK_OFF

#define S(at, answer)                                                                              \
    {                                                                                              \
        (at) * BH_SECOND_MS, STORY_SEND, answer                                                    \
    }
#define L(at, answer)                                                                              \
    {                                                                                              \
        (at) * BH_SECOND_MS, STORY_LOOK, answer                                                    \
    }

struct tale {
    const char *name;
    const char *payload;
    int policy;
    enum bh_journal_access journal;
    enum bh_lock_knowledge lock;
    struct story_step steps[STEPS];
    const char *state, *reason, *confirmed_by, *error, *words;
};

static void
tell(const struct tale *tale)
{
    char words[16];
    start(tale->policy == HOLD ? HOLDS : RIG_CONFIG, tale->journal, tale->lock);
    story_begin(&story, &rig, tale->payload, "one");
    for (size_t i = 0; i < STEPS && tale->steps[i].act != STORY_END; i++) {
        bool is_as_told = story_step(&story, &tale->steps[i]);
        cr_assert(is_as_told, "%s: step %zu", tale->name, i);
        rig.notes_count = 0;
    }
    struct bh_command settle = story_end(&story, tale->reason[0] != '\0');
    const struct bh_settle_command *done = &settle.settle;
    cr_expect_str_eq(done->state, tale->state, "%s: %s", tale->name, done->state);
    cr_expect_str_eq(done->reason, tale->reason, "%s: %s", tale->name, done->reason);
    cr_expect_eq(rig_count(&rig, BH_COMMAND_SUBMIT) + rig_count(&rig, BH_COMMAND_LOOK_UP), 0, "%s",
                 tale->name);
    const char *by = rig_field(done->fields, done->fields_count, "confirmed_by");
    cr_expect_str_eq(by != NULL ? by : "", tale->confirmed_by, "%s: %s", tale->name,
                     by != NULL ? by : "");
    const char *error = rig_field(done->fields, done->fields_count, "error");
    if (tale->error == NULL)
        cr_expect_null(error, "%s: %s", tale->name, error);
    else
        cr_expect(error != NULL && strstr(error, tale->error) != NULL, "%s: %s", tale->name, error);
    heard(words);
    cr_expect_str_eq(words, tale->words, "%s: %s", tale->name, words);
    rig_stop(&rig);
}

static void
tell_all(const struct tale *tales, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tell(&tales[i]);
}

#define LOST       "not certain"
#define MAY_BE_TWO "may have been accepted, too"

Test(engine_uncertain, follows_the_procedure_without_a_journal)
{
    static const struct tale tales[] = {
        {"the lock proves it",
         SMS,                                         RESEND,
         NO,                                                       MAYBE,
         {S(0, "-"), S(45, "402")},
         "sent",                                                                                  "",
         "reload_lock",                                                                                              NULL,
         ""                                                                                                                                                                               },
        {"at the second moment",
         SMS,                                         RESEND,
         NO,                                                       MAYBE,
         {S(0, "-"), S(45, "-"), S(100, "402")},
         "sent",                                                                                  "",
         "reload_lock",                                                                                              NULL,
         ""                                                                                                                                                                               },
        {"nothing tells",
         SMS,                                         RESEND,
         NO,                                                       MAYBE,
         {S(0, "-"), S(45, "-"), S(100, "-"), S(190, "100")},
         "sent",                                                                                  "",
         "response",                                                                                                 MAY_BE_TWO,
         ""                                                                                                                                                                               },
        {"accepted under an unknown lock",
         SMS,                                         RESEND,
         NO,                                                       MAYBE,
         {S(0, "-"), S(45, "100")},
         "sent",                                                                                  "",
         "response",                                                                                                 MAY_BE_TWO,
         ""                                                                                                                                                                               },
        {"accepted under a lock that works",
         SMS,                                         RESEND,
         NO,                                                       ON,
         {S(0, "-"), S(45, "100")},
         "sent",                                                                                  "",
         "response",                                                                                                 NULL,
         ""                                                                                                                                                                               },
        {"without a lock no guard",
         SMS,                                         RESEND,
         NO,                                                       OFF,
         {S(0, "-"), S(190, "100")},
         "sent",                                                                                  "",
         "response",                                                                                                 MAY_BE_TWO,
         ""                                                                                                                                                                               },
        {"a lock that is not off after all",
         SMS,                                         RESEND,
         NO,                                                       OFF,
         {S(0, "-"), S(190, "402")},
         "held",                                                                                  "reload_lock",
         "",                                                                                                         "402",
         "l"                                                                                                                                                                              },
        {"held, and nothing tells",
         SMS,                                         HOLD,
         DENIED,                                                   MAYBE,
         {S(0, "-")},
         "unknown",                                                                               "",
         "",                                                                                                         LOST,
         ""                                                                                                                                                                               },
        {"held, the journal denied",
         SMS,                                         HOLD,
         DENIED,                                                   MAYBE,
         {S(0, "-")},
         "unknown",                                                                               "",
         "",                                                                                                         LOST,
         ""                                                                                                                                                                               },
        {"held, a lock that is off",
         SMS,                                         HOLD,
         DENIED,                                                   OFF,
         {S(0, "-")},
         "unknown",                                                                               "",
         "",                                                                                                         LOST,
         ""                                                                                                                                                                               },
        {"held, the lock proves it",
         SMS,                                         HOLD,
         NO,                                                       ON,
         {S(0, "-"), S(45, "402")},
         "sent",                                                                                  "",
         "reload_lock",                                                                                              NULL,
         ""                                                                                                                                                                               },
        {"held, it was never taken",
         SMS,                                         HOLD,
         NO,                                                       ON,
         {S(0, "-"), S(45, "-"), S(100, "100")},
         "sent",                                                                                  "",
         "response",                                                                                                 NULL,
         ""                                                                                                                                                                               },
        {"held, the guards are lost too",
         SMS,                                         HOLD,
         DENIED,                                                   ON,
         {S(0, "-"), S(45, "-"), S(100, "-")},
         "unknown",                                                                               "",
         "",                                                                                                         LOST,
         ""                                                                                                                                                                               },
        {"held, refused in between",
         SMS,                                         HOLD,
         DENIED,                                                   ON,
         {S(0, "-"), S(45, "600")},
         "unknown",                                                                               "",
         "",                                                                                                         "code 600); whether an earlier request was accepted is not known",
         ""                                                                                                                                                                               },
        {"refused in between, 402 is no proof",
         SMS,                                         RESEND,
         NO,                                                       MAYBE,
         {S(0, "-"), S(45, "600"), S(230, "402")},
         "held",                                                                                  "reload_lock",
         "",                                                                                                         "402",
         ""                                                                                                                                                                               },
        {"a call",                              CALL, RESEND, NO,  ON,    {S(0, "-")}, "unknown", "",            "", LOST,                                                              ""},
        {"a call, with a journal",              CALL, RESEND, YES, ON,    {S(0, "-")}, "unknown", "",            "", LOST,                                                              ""},
        {"too short a ttl for another",
         SHORT,                                       RESEND,
         DENIED,                                                   MAYBE,
         {S(0, "-"), S(45, "-"), S(100, "-"), S(190, "-"), S(235, "-"), S(280, "-")},
         "unknown",                                                                               "",
         "",                                                                                                         LOST,
         ""                                                                                                                                                                               },
    };
    tell_all(tales, BH_ARRAY_LEN(tales));
}

/* The account's keeper has not heard yet whether the journal can be read when the job has to be decided about. */
Test(engine_uncertain, waits_for_the_first_word_about_the_journal)
{
    static const struct tale tales[] = {
        {"nobody knows of it yet",
         SMS,                            HOLD,
         NO,                                         MAYBE,
         {S(0, "-")},
         "retrying",                                                                "uncertain",
         "",                                                                                         LOST,
         ""                                                                                                        },
        {"the guards are lost",
         SMS,                            HOLD,
         NO,                                         ON,
         {S(0, "-"), S(45, "-"), S(100, "-")},
         "retrying",                                                                "uncertain",
         "",                                                                                         LOST,
         ""                                                                                                        },
        {"a guard is refused",
         SMS,                            HOLD,
         NO,                                         ON,
         {S(0, "-"), S(45, "600")},
         "retrying",                                                                "uncertain",
         "",                                                                                         "code 600",
         ""                                                                                                        },
        {"a call",                 CALL, RESEND, NO, ON,    {S(0, "-")}, "unknown", "",          "", LOST,       ""},
    };
    tell_all(tales, BH_ARRAY_LEN(tales));

    struct bh_command settle;
    start(HOLDS, NO, MAYBE);
    story_begin(&story, &rig, SMS, "one");
    cr_assert(story_step(&story, &(struct story_step)S(0, "-")));
    cr_assert(rig_take(&rig, BH_COMMAND_SETTLE, &settle));
    cr_expect_str_eq(settle.settle.state, "retrying");
    cr_expect_str_eq(settle.settle.reason, "uncertain");
    cr_expect(settle.settle.delay_ms >= 30000 && settle.settle.delay_ms <= 31500);
    rig_witnesses(&rig, YES, MAYBE);
    story_come_back(&story, &settle);
    cr_assert(story_step(&story, &(struct story_step)L(50, "found")));
    settle = story_end(&story, false);
    cr_expect_str_eq(settle.settle.state, "sent");
    rig_stop(&rig);
}

Test(engine_uncertain, asks_the_journal_first)
{
    static const struct tale tales[] = {
        {"found",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "found")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"found, to be resent",
         SMS,   RESEND,
         YES, MAYBE,
         {S(0, "-"), L(30, "found")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"found late",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "absent"), L(60, "absent"), L(300, "found")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"never there",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "absent"), L(60, "absent"), L(300, "absent"), L(3600, "absent")},
         "unknown", "",
         "",            "journal does not show it",
         "" },
        {"another's entry",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "other"), L(60, "other"), L(300, "other"), L(3600, "other")},
         "unknown", "",
         "",            "journal does not show it",
         "" },
        {"an entry of an earlier request",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "old"), L(60, "old"), L(300, "old"), L(3600, "found")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"under a lock that works",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "402"), L(45, "found")},
         "sent",    "",
         "reload_lock", NULL,
         "" },
        {"proved by the lock, and not shown",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "402"), L(45, "absent")},
         "sent",    "",
         "reload_lock", "refuses it as sent, but the gateway's journal does not show it",
         "" },
        {"proved by the lock, and not to be read",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "402"), L(45, "http 500")},
         "sent",    "",
         "reload_lock", NULL,
         "" },
        {"the entry of a guard that was refused",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "600"), L(60, "failed"),
          L(300, "failed"), L(3600, "failed")},
         "unknown", "",
         "",            "journal does not show it",
         "" },
        {"the first one's entry behind it",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "600"), L(60, "failed, found")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"a failed one, with nothing refused",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "failed")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"accepted, and looked after",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "100"), L(45, "found")},
         "sent",    "",
         "response",    NULL,
         "" },
        {"twice after all",
         SMS,   HOLD,
         YES, ON,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "100"), L(45, "twice")},
         "sent",    "",
         "response",    "sent twice",
         "l"},
        {"looked after in vain",
         SMS,   RESEND,
         YES, MAYBE,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "100"), L(45, "http 500")},
         "sent",    "",
         "response",    MAY_BE_TWO,
         "" },
        {"looked after too early, when it shows neither",
         SMS,   RESEND,
         YES, MAYBE,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "100"), L(45, "absent")},
         "sent",    "",
         "response",    MAY_BE_TWO,
         "" },
        {"resent when it was absent twice",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "absent"), L(190, "absent"), S(190, "100")},
         "sent",    "",
         "response",    NULL,
         "" },
        {"resent after the guards",
         SMS,   RESEND,
         YES, MAYBE,
         {S(0, "-"), L(30, "absent"), L(45, "absent"), S(45, "-"), L(75, "absent"),
          L(100, "absent"), S(100, "-"), L(130, "absent"), L(190, "absent"), S(190, "100")},
         "sent",    "",
         "response",    NULL,
         "" },
        {"found before it is resent",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "absent"), L(190, "found")},
         "sent",    "",
         "journal",     NULL,
         "" },
        {"absent once is not enough",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "http 500"), L(190, "absent"), L(250, "absent"), S(250, "100")},
         "sent",    "",
         "response",    NULL,
         "" },
        {"absent once, and then in vain",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "absent"), L(190, "<html>"), L(220, "<html>"), L(250, "<html>"),
          L(280, "<html>"), L(300, "<html>"), S(300, "100")},
         "sent",    "",
         "response",    MAY_BE_TWO,
         "" },
        {"in vain, absent, in vain",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "<html>"), L(190, "<html>"), L(220, "<html>"), L(250, "<html>"),
          L(280, "absent"), L(340, "<html>"), S(340, "100")},
         "sent",    "",
         "response",    MAY_BE_TWO,
         "" },
        {"absent before the last request does not count",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "absent"), L(190, "absent"), S(190, "-"), L(220, "http 500"),
          L(380, "absent"), L(440, "absent"), S(440, "100")},
         "sent",    "",
         "response",    NULL,
         "" },
        {"a journal that never answers",
         SMS,   RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "<html>"), L(190, "<html>"), L(220, "<html>"), L(250, "<html>"),
          L(280, "<html>"), L(300, "<html>"), S(300, "100")},
         "sent",    "",
         "response",    MAY_BE_TWO,
         "" },
        {"denied",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "902")},
         "unknown", "",
         "",            "cannot be read",
         "j"},
        {"denied, and on without it",
         SMS,   RESEND,
         YES, MAYBE,
         {S(0, "-"), L(30, "903"), S(45, "402")},
         "sent",    "",
         "reload_lock", NULL,
         "j"},
        {"the key refused",
         SMS,   HOLD,
         YES, MAYBE,
         {S(0, "-"), L(30, "900")},
         "held",    "auth",
         "",            NULL,
         "a"},
        {"beyond its ttl",
         SHORT, RESEND,
         YES, OFF,
         {S(0, "-"), L(30, "<html>"), L(190, "<html>"), L(220, "<html>"), L(250, "<html>"),
          L(280, "<html>"), L(300, "absent"), L(3600, "found")},
         "sent",    "",
         "journal",     NULL,
         "" },
    };
    tell_all(tales, BH_ARRAY_LEN(tales));
}

Test(engine_uncertain, asks_the_journal_about_a_402_that_nothing_explains)
{
    static const struct tale tales[] = {
        {"it is ours",
         SMS, RESEND,
         YES, MAYBE,
         {S(0, "402"), L(0, "found")},
         "sent",      "",
         "journal", NULL,
         ""},
        {"it is not",
         SMS, RESEND,
         YES, MAYBE,
         {S(0, "402"), L(0, "absent")},
         "held",      "reload_lock",
         "",        "402",
         ""},
        {"it cannot be read",
         SMS, HOLD,
         YES, MAYBE,
         {S(0, "402"), L(0, "http 500")},
         "held",      "reload_lock",
         "",        "402",
         ""},
        {"before it is given up",
         SMS, RESEND,
         YES, MAYBE,
         {S(0, "402"), L(0, "absent"), S(190, "402"), L(190, "absent")},
         "duplicate", "",
         "",        "somebody else",
         ""},
        {"without a journal",
         SMS, RESEND,
         NO,  MAYBE,
         {S(0, "402")},
         "held",      "reload_lock",
         "",        "402",
         ""},
    };
    tell_all(tales, BH_ARRAY_LEN(tales));
}
