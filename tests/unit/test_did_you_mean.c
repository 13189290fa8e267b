#include <criterion/criterion.h>

#include <string.h>

#include "core/did_you_mean.h"

static const char *const fields[] = {
    "id",    "type", "to",    "text",       "from",  "delay", "ttl",     "no_reload", "unicode",
    "flash", "udh",  "label", "foreign_id", "debug", "json",  "details", "meta",      "files"};

Test(did_you_mean, finds_the_field_that_was_meant)
{
    static const struct {
        const char *given;
        const char *wanted;
    } rows[] = {
        {"tll",          "ttl"       }, /* one letter changed */
        {"udg",          "udh"       },
        {"tl",           "to"        }, /* "ttl" is as close, but comes later */
        {"tttl",         "ttl"       }, /* one too many */
        {"lable",        "label"     }, /* two swapped */
        {"forgein_id",   "foreign_id"}, /* one letter moved is two changes */
        {"foreignid",    "foreign_id"},
        {"frm",          "from"      },
        {"txet",         "text"      },
        {"TTL",          "ttl"       },
        {"Foreign_ID",   "foreign_id"},
        {"no-reload",    "no_reload" },
        {"norelod",      "no_reload" },
        {"delays",       "delay"     },
        {"file",         "files"     },
        {"tpye",         "type"      },
        {"ot",           "to"        },
        {"recipient",    NULL        },
        {"message",      NULL        },
        {"unicorn_mode", NULL        },
        {"xx",           NULL        },
        {"i",            NULL        },
        {"",             NULL        },
        {"xyz",          NULL        },
        {"abcd",         NULL        },
        {"\xFF\xFE",     NULL        },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got =
            bh_did_you_mean(bh_str_from(rows[i].given), fields, sizeof(fields) / sizeof(fields[0]));
        if (rows[i].wanted == NULL)
            cr_expect_null(got, "\"%s\": %s", rows[i].given, got);
        else
            cr_expect(got != NULL && strcmp(got, rows[i].wanted) == 0, "\"%s\": %s", rows[i].given,
                      got != NULL ? got : "nothing");
    }
}

Test(did_you_mean, prefers_the_closest_and_then_the_first)
{
    static const char *const names[] = {"timeouts", "timeout", "timeour"};
    cr_expect_str_eq(bh_did_you_mean(bh_str_from("timeout"), names, 3), "timeout");
    cr_expect_str_eq(bh_did_you_mean(bh_str_from("timeoux"), names, 3), "timeout");
    cr_expect_null(bh_did_you_mean(bh_str_from("timeout"), names, 0));
}

Test(did_you_mean, is_not_impressed_by_length)
{
    char word[200];
    memset(word, 'a', sizeof(word));
    word[BH_DID_YOU_MEAN_LEN_MAX] = '\0';
    const char *const longest[] = {word};
    cr_expect_eq(bh_did_you_mean((struct bh_str){word, BH_DID_YOU_MEAN_LEN_MAX - 1}, longest, 1),
                 word);
    cr_expect_null(bh_did_you_mean((struct bh_str){word, BH_DID_YOU_MEAN_LEN_MAX + 1}, longest, 1));
    cr_expect_null(bh_did_you_mean((struct bh_str){word, sizeof(word)}, longest, 1));
    cr_expect_null(bh_did_you_mean((struct bh_str){NULL, 0}, longest, 1));
}
