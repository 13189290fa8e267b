#include <criterion/criterion.h>

#include <string.h>

#include "core/redis_error.h"

static const struct {
    const char *reply;
    enum bh_redis_class class;
    const char *word;
} rows[] = {
    {"LOADING Redis is loading the dataset in memory",                                           BH_REDIS_WAIT,        "LOADING"                          },
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL",                       BH_REDIS_WAIT,        "BUSY"                             },
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
     BH_REDIS_WAIT,                                                                                                    "MASTERDOWN"                       },
    {"TRYAGAIN Multiple keys request during rehashing of slot",                                  BH_REDIS_WAIT,        "TRYAGAIN"                         },
    {"CLUSTERDOWN Hash slot not served",                                                         BH_REDIS_WAIT,        "CLUSTERDOWN"                      },
    {"ERR max number of clients reached",                                                        BH_REDIS_WAIT,        "ERR max number of clients reached"},
    {"READONLY You can't write against a read only replica.",                                    BH_REDIS_RECONNECT,   "READONLY"                         },
    {"UNBLOCKED force unblock from blocking operation",                                          BH_REDIS_RECONNECT,   "UNBLOCKED"                        },
    {"NOREPLICAS Not enough good replicas to write.",                                            BH_REDIS_RECONNECT,   "NOREPLICAS"                       },
    {"MOVED 3999 127.0.0.1:6381",                                                                BH_REDIS_RECONNECT,   "MOVED"                            },
    {"ASK 3999 127.0.0.1:6381",                                                                  BH_REDIS_RECONNECT,   "ASK"                              },
    {"NOSCRIPT No matching script. Please use EVAL.",                                            BH_REDIS_LOAD_SCRIPT, "NOSCRIPT"                         },
    {"OOM command not allowed when used memory > 'maxmemory'.",                                  BH_REDIS_FULL,        "OOM"                              },
    {"MISCONF Redis is configured to save RDB snapshots",                                        BH_REDIS_ALARM,       "MISCONF"                          },
    {"NOAUTH Authentication required.",                                                          BH_REDIS_ALARM,       "NOAUTH"                           },
    {"WRONGPASS invalid username-password pair or user is disabled.",                            BH_REDIS_ALARM,       "WRONGPASS"                        },
    {"NOPERM this user has no permissions to run the 'ping' command",                            BH_REDIS_ALARM,       "NOPERM"                           },
    {"WRONGTYPE Operation against a key holding the wrong kind of value",                        BH_REDIS_ALARM,
     "WRONGTYPE"                                                                                                                                          },
    {"CROSSSLOT Keys in request don't hash to the same slot",                                    BH_REDIS_ALARM,       "CROSSSLOT"                        },
    {"DENIED Redis is running in protected mode because",                                        BH_REDIS_ALARM,       "DENIED"                           },
    {"ERR DB index is out of range",                                                             BH_REDIS_ALARM,       "ERR DB index"                     },
    {"ERR unknown command 'BLMOVE', with args beginning with: 'a'",                              BH_REDIS_ALARM,
     "ERR unknown command"                                                                                                                                },
    {"ERR AUTH <password> called without any password configured for the default user.",
     BH_REDIS_ALARM,                                                                                                   "ERR AUTH"                         },
 /* Inside a script, before and since 7.0. */
    {"ERR Error running script (call to f_ab12): @user_script:1: -OOM command not allowed when "
     "used memory > 'maxmemory'.",                                                          BH_REDIS_FULL,        "OOM"                              },
    {"ERR Error running script (call to f_ab12): @user_script:3: @user_script: 3: -READONLY You "
     "can't write: -LOADING",                                                               BH_REDIS_RECONNECT,   "READONLY"                         },
    {"OOM command not allowed when used memory > 'maxmemory'. script: ab12, on @user_script:1.",
     BH_REDIS_FULL,                                                                                                    "OOM"                              },
    {"ERR Error running script (call to f_ab12): @user_script:1: Script attempted to access "
     "nonexistent global variable 'x'",                                                     BH_REDIS_OTHER,       ""                                 },
    {"ERR Error running script: -",                                                              BH_REDIS_OTHER,       ""                                 },
    {"ERR something: -OOM else",                                                                 BH_REDIS_OTHER,       ""                                 },
 /* Words that only look alike. */
    {"BUSYKEY Target key name already exists.",                                                  BH_REDIS_OTHER,       ""                                 },
    {"BUSYGROUP Consumer Group name already exists",                                             BH_REDIS_OTHER,       ""                                 },
    {"loading",                                                                                  BH_REDIS_OTHER,       ""                                 },
    {" LOADING",                                                                                 BH_REDIS_OTHER,       ""                                 },
    {"ASKING",                                                                                   BH_REDIS_OTHER,       ""                                 },
    {"ERR AUTHENTIC",                                                                            BH_REDIS_OTHER,       ""                                 },
    {"ERR",                                                                                      BH_REDIS_OTHER,       ""                                 },
    {"-OOM",                                                                                     BH_REDIS_OTHER,       ""                                 },
    {"",                                                                                         BH_REDIS_OTHER,       ""                                 },
 /* The word alone, and ended by something else than a blank. */
    {"OOM",                                                                                      BH_REDIS_FULL,        "OOM"                              },
    {"NOAUTH:",                                                                                  BH_REDIS_ALARM,       "NOAUTH"                           },
    {"READONLY\r\n",                                                                             BH_REDIS_RECONNECT,   "READONLY"                         },
};

Test(redis_error, gives_every_reply_a_class_by_its_first_word)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_redis_error *error = bh_redis_error_find(bh_str_from(rows[i].reply));
        cr_assert_not_null(error);
        cr_expect_eq(error->class, rows[i].class, "%s: %s", rows[i].reply,
                     bh_redis_class_name(error->class));
        cr_expect_str_eq(error->word, rows[i].word, "%s", rows[i].reply);
        cr_expect(strlen(error->advice) > 20 && error->advice[strlen(error->advice) - 1] == '.',
                  "%s: the advice is no sentence", rows[i].reply);
    }
    cr_expect_eq(bh_redis_error_find((struct bh_str){NULL, 0})->class, BH_REDIS_OTHER);
}

Test(redis_error, does_not_read_behind_the_end)
{
    /* Cut out of longer texts, so that a look too far would find the word. */
    cr_expect_eq(bh_redis_error_find((struct bh_str){"LOADING", 6})->class, BH_REDIS_OTHER);
    cr_expect_eq(bh_redis_error_find((struct bh_str){"LOADINGX", 7})->class, BH_REDIS_WAIT);
}

Test(redis_error, is_found_within_what_somebody_tells)
{
    static const struct {
        const char *text, *word;
        size_t at;
    } told[] = {
        {"MISCONF cannot save",                        "MISCONF", 0 },
        {"not ready: NOAUTH Authentication required.", "NOAUTH",  11},
        {"it says \"NOPERM no right\" - do something", "NOPERM",  9 },
        {"connection refused",                         NULL,      0 },
        {"the file /srv/MISCONF is away: xOOM",        NULL,      0 },
        {"",                                           NULL,      0 },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(told); i++) {
        size_t at = 0;
        const struct bh_redis_error *row = bh_redis_error_search(told[i].text, &at);
        const char *word = row != NULL ? row->word : "";
        cr_expect_str_eq(word, told[i].word != NULL ? told[i].word : "", "%s: %s", told[i].text,
                         word);
        cr_expect_eq(at, told[i].at, "%s: %zu", told[i].text, at);
    }
}

Test(redis_error, names_its_classes)
{
    cr_expect_str_eq(bh_redis_class_name(BH_REDIS_WAIT), "wait");
    cr_expect_str_eq(bh_redis_class_name(BH_REDIS_RECONNECT), "reconnect");
    cr_expect_str_eq(bh_redis_class_name(BH_REDIS_LOAD_SCRIPT), "load_script");
    cr_expect_str_eq(bh_redis_class_name(BH_REDIS_FULL), "full");
    cr_expect_str_eq(bh_redis_class_name(BH_REDIS_ALARM), "alarm");
    cr_expect_str_eq(bh_redis_class_name(BH_REDIS_OTHER), "other");
}
