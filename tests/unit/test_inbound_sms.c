#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/inbound_sms.h"

static enum bh_status
parse(const char *type, const char *query, const char *body, struct bh_inbound_sms *ret_sms,
      struct bh_error *error)
{
    const struct bh_webhook_post post = {bh_str_from(type), bh_str_from(query), bh_str_from(body)};
    return bh_inbound_sms_parse(&post, NULL, ret_sms, error);
}

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"

Test(inbound_sms, is_read_in_all_forms)
{
    static const struct {
        const char *name, *type, *query, *body;
        const char *id, *sender, *system, *text, *word;
        int64_t at_ms;
    } rows[] = {
        {"as the gateway's page has it",              JSON, "",
         "{\"data\":{\"id\":\"681590\",\"sender\":\"491771783130\",\"system\":\"491771783130\","
         "\"text\":\"Hello. "
         "W\\u00f6rld\",\"time\":\"1605878104\",\"message_type\":\"SMS\"},\"webhook_event\":\"sms_"
         "mo\",\"webhook_timestamp\":\"2020-12-02 "
         "11:55:44\"}",                                                                                                                "681590", "491771783130", "491771783130", "Hello. W\xc3\xb6rld", "SMS", 1605878104000},
        {"flat JSON",                                 JSON, "",                       "{\"id\":7,\"sender\":\"Shop\",\"text\":\"a\"}", "7",      "Shop",         "",
         "a",                                                                                                                                                                                           "",    0            },
        {"a nested form",                             FORM, "",
         "data[id]=7&data[sender]=%2B491&data[text]=a+b%0Ac&data[time]=1605878104",                                                    "7",      "+491",         "",
         "a b\nc",                                                                                                                                                                                      "",    1605878104000},
        {"a flat form",                               FORM, "",                       "id=7&sender=491&system=492&text=x",             "7",      "491",          "492",          "x",                   "",
         0                                                                                                                                                                                                                  },
        {"a query",                                   "",   "id=7&sender=491&text=x", "",                                              "7",      "491",          "",             "x",                   "",    0            },
        {"the posting's time when there is no other", FORM, "",
         "id=7&webhook_timestamp=2020-12-02T11:55:44Z",                                                                                "7",      "",             "",             "",                    "",    1606910144000},
        {"no text",                                   FORM, "",                       "id=7",                                          "7",      "",             "",             "",                    "",    0            },
        {"no id",                                     FORM, "",                       "sender=491&text=x",                             "",       "491",          "",             "x",                   "",    0            },
        {"the first of two",                          FORM, "id=9&text=z",            "id=7&id=8&text=x&text=y",                       "7",      "",             "",             "x",                   "",
         0                                                                                                                                                                                                                  },
        {"an id that is none",                        FORM, "",                       "id=7;8&sender=491",                             "",       "491",          "",             "",                    "",    0            },
        {"an endless id",                             FORM, "",                       "id=1234567890123456789012345&sender=491",       "",       "491",          "",             "",
         "",                                                                                                                                                                                                   0            },
        {"a sender with control characters",          FORM, "",                       "id=7&sender=4%0D%0A1",                          "7",      "",             "",             "",                    "",
         0                                                                                                                                                                                                                  },
        {"a sender beyond ASCII",                     FORM, "",                       "id=7&sender=%C3%A4",                            "7",      "",             "",             "",                    "",    0            },
        {"a text that is not UTF-8",                  FORM, "",                       "id=7&text=a%FFb%C3",                            "7",      "",             "",             "ab",                  "",    0            },
        {"a type with a blank",                       FORM, "",                       "id=7&message_type=SMS+x",                       "7",      "",             "",             "",                    "",    0            },
        {"a time of nonsense",                        FORM, "",                       "id=7&time=yesterday",                           "7",      "",             "",             "",                    "",    0            },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_inbound_sms sms;
        struct bh_error error = {"", ""};
        cr_assert_eq(parse(rows[i].type, rows[i].query, rows[i].body, &sms, &error), BH_OK,
                     "%s: %s", rows[i].name, error.text);
        cr_expect_str_eq(sms.id, rows[i].id, "%s: %s", rows[i].name, sms.id);
        cr_expect_str_eq(sms.sender, rows[i].sender, "%s: %s", rows[i].name, sms.sender);
        cr_expect_str_eq(sms.system, rows[i].system, "%s: %s", rows[i].name, sms.system);
        cr_expect_str_eq(sms.text, rows[i].text, "%s: %s", rows[i].name, sms.text);
        cr_expect_str_eq(sms.type, rows[i].word, "%s: %s", rows[i].name, sms.type);
        cr_expect_eq(sms.at.ms, rows[i].at_ms, "%s: %lld", rows[i].name, (long long)sms.at.ms);
        cr_expect_not(sms.is_cut, "%s", rows[i].name);
    }
}

Test(inbound_sms, needs_an_id_or_a_sender)
{
    static const char *const bodies[] = {
        "",   "text=x", "id=&sender=",   "id=abc",
        "{}", "[]",     "{\"data\":[]}", "{\"id\":null,\"sender\":{}}",
        "{"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct bh_inbound_sms sms = {.id = "untouched"};
        struct bh_error error = {"", ""};
        cr_expect_eq(parse("", "", bodies[i], &sms, &error), BH_EINVAL, "%s", bodies[i]);
        cr_expect_str_not_empty(error.text, "%s", bodies[i]);
        cr_expect_str_eq(sms.id, "untouched", "%s", bodies[i]);
    }
}

Test(inbound_sms, cuts_a_long_text_between_characters)
{
    size_t len = BH_INBOUND_TEXT_MAX + 100;
    char *body = malloc(len + 20);
    struct bh_inbound_sms sms;
    cr_assert_not_null(body);
    memcpy(body, "id=7&text=x", 11);
    for (size_t i = 11; i + 2 <= len; i += 2)
        memcpy(body + i, "\xc3\xa4", 3);
    cr_assert_eq(parse(FORM, "", body, &sms, NULL), BH_OK);
    cr_expect(sms.is_cut);
    cr_expect_eq(strlen(sms.text), BH_INBOUND_TEXT_MAX - 1);
    cr_expect_eq((unsigned char)sms.text[BH_INBOUND_TEXT_MAX - 2], 0xa4);
    free(body);
}
