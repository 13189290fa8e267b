#include <criterion/criterion.h>

#include <string.h>

#include "core/fault.h"
#include "core/utf8.h"

#define TEN       "0123456789"
#define FORTY     TEN TEN TEN TEN
#define EURO      "\xE2\x82\xAC"
#define EIGHT_EUR EURO EURO EURO EURO EURO EURO EURO EURO
#define SMILE     "\xF0\x9F\x98\x80"
#define SMILES_13 SMILE SMILE SMILE SMILE SMILE SMILE SMILE SMILE SMILE SMILE SMILE SMILE SMILE
#define SMILES_39 SMILES_13 SMILES_13 SMILES_13
#define EUROS_48  EIGHT_EUR EIGHT_EUR EIGHT_EUR EIGHT_EUR EIGHT_EUR EIGHT_EUR

Test(fault, quotes_a_strangers_value)
{
    const struct {
        const char *name;
        struct bh_str input;
        const char *wanted;
    } rows[] = {
        {"empty",                   BH_STR_LITERAL(""),                         ""                 },
        {"null view",               {NULL, 0},                                  ""                 },
        {"plain",                   BH_STR_LITERAL("tll"),                      "tll"              },
        {"umlaut and euro stay",    BH_STR_LITERAL("gr\xC3\xBC\xC3\x9F " EURO),
         "gr\xC3\xBC\xC3\x9F " EURO                                                                },
        {"48 characters fit",       BH_STR_LITERAL(FORTY "12345678"),           FORTY "12345678"   },
        {"49 are cut",              BH_STR_LITERAL(FORTY "123456789"),          FORTY "12345678..."},
        {"48 euros fit",            BH_STR_LITERAL(EUROS_48),                   EUROS_48           },
        {"39 emoji fit the bytes",  BH_STR_LITERAL(SMILES_39),                  SMILES_39          },
        {"40 emoji are cut at 39",  BH_STR_LITERAL(SMILES_39 SMILE),            SMILES_39 "..."    },
        {"line feed and escape",    BH_STR_LITERAL("a\nb\x1B[31mc"),            "a\\x0Ab\\x1B[31mc"},
        {"nul",                     BH_STR_LITERAL("a\0b"),                     "a\\x00b"          },
        {"delete",                  BH_STR_LITERAL("\x7F"),                     "\\x7F"            },
        {"C1 control, well-formed",
         BH_STR_LITERAL("\xC2\x9B"
                        "31m"),
         "\\xC2\\x9B31m"                                                                           },
        {"right-to-left override",
         BH_STR_LITERAL("\xE2\x80\xAE"
                        "evil"),
         "\\xE2\\x80\\xAEevil"                                                                     },
        {"line separator",          BH_STR_LITERAL("\xE2\x80\xA8"),             "\\xE2\\x80\\xA8"  },
        {"isolate",                 BH_STR_LITERAL("\xE2\x81\xA6"),             "\\xE2\\x81\\xA6"  },
        {"byte order mark",         BH_STR_LITERAL("\xEF\xBB\xBFid"),           "\\xEF\\xBB\\xBFid"},
        {"latin-1",                 BH_STR_LITERAL("gr\xFC\xDF"),               "gr\\xFC\\xDF"     },
        {"cut sequence",            BH_STR_LITERAL("x\xE2\x82"),                "x\\xE2\\x82"      },
        {"surrogate",               BH_STR_LITERAL("\xED\xA0\x80"),             "\\xED\\xA0\\x80"  },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_quoted quoted = bh_quote(rows[i].input);
        cr_expect_str_eq(quoted.text, rows[i].wanted, "%s: %s", rows[i].name, quoted.text);
    }
}

Test(fault, quotes_any_length_of_worst_case_within_its_bytes)
{
    static const char *const fills[] = {"\xFF", "\x01", "\xE2\x80\xAE", SMILE, "a\xC2\x80"};
    for (size_t fill = 0; fill < sizeof(fills) / sizeof(fills[0]); fill++) {
        char bytes[800];
        size_t len = 0;
        size_t unit = strlen(fills[fill]);
        while (len + unit <= sizeof(bytes)) {
            struct bh_quoted quoted = bh_quote((struct bh_str){bytes, len});
            struct bh_str text = bh_str_from(quoted.text);
            cr_assert_lt(text.len, sizeof(quoted.text));
            cr_assert(bh_utf8_is_valid(text), "%zu bytes of fill %zu", len, fill);
            memcpy(bytes + len, fills[fill], unit);
            len += unit;
        }
    }
}

Test(fault, sets_field_and_text_and_marks_a_cut)
{
    struct bh_error error;
    cr_expect_eq(bh_error_set(&error, "ttl", "must be %d or more", 1), BH_EINVAL);
    cr_expect_str_eq(error.field, "ttl");
    cr_expect_str_eq(error.text, "must be 1 or more");
    cr_expect_eq(bh_error_set(NULL, "ttl", "nobody listens"), BH_EINVAL);

    char long_text[BH_ERROR_TEXT_MAX * 2];
    for (size_t at = 0; at + 2 < sizeof(long_text); at += 2)
        memcpy(long_text + at, "\xC3\xBC", 3);
    bh_error_set(&error, NULL, "x%s", long_text);
    struct bh_str text = bh_str_from(error.text);
    cr_expect_str_eq(error.field, "");
    cr_expect(bh_utf8_is_valid(text));
    cr_expect_str_eq(error.text + text.len - 3, "...");
}

Test(fault, cuts_a_long_field_between_characters)
{
    struct bh_error error;
    (void)bh_error_set(&error, EUROS_48, "x");
    cr_expect(bh_utf8_is_valid(bh_str_from(error.field)), "%s", error.field);
    cr_expect_eq(strcmp(error.field + strlen(error.field) - 3, "..."), 0);
    cr_expect_lt(strlen(error.field), BH_ERROR_FIELD_MAX);
    cr_expect_str_eq(error.text, "x");
}
