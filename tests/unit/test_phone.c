#include <criterion/criterion.h>

#include <string.h>

#include "core/phone.h"

enum kind { NUMBER, NAME, REFUSED };

static const struct bh_str german = {"49", 2};

Test(phone, tells_numbers_from_names_and_both_from_nonsense)
{
    static const struct {
        const char *input;
        enum kind kind;
        const char *wanted; /* digits, name, or a part of the sentence */
    } rows[] = {
  /* the four forms */
        {"0049171999999999",                                                     NUMBER,  "49171999999999"                  },
        {"+49171999999999",                                                      NUMBER,  "49171999999999"                  },
        {"49171999999999",                                                       NUMBER,  "49171999999999"                  },
        {"0171999999999",                                                        NUMBER,  "49171999999999"                  },
 /* separators */
        {"0171 / 123-456",                                                       NUMBER,  "49171123456"                     },
        {"(0171) 123 456",                                                       NUMBER,  "49171123456"                     },
        {"  +49 171 123456\t",                                                   NUMBER,  "49171123456"                     },
        {"00 49 171 123456",                                                     NUMBER,  "49171123456"                     },
        {"(+49) 171/123456",                                                     NUMBER,  "49171123456"                     },
        {"+1 (650) 555-1234",                                                    NUMBER,  "16505551234"                     },
        {"+39 06 1234567",                                                       NUMBER,  "39061234567"                     },
        {"+1 (05) 5551234",                                                      REFUSED, "zero"                            },
 /* other countries, as they are */
        {"436641234567",                                                         NUMBER,  "436641234567"                    },
        {"+354 581 2345",                                                        NUMBER,  "3545812345"                      },
        {"2901234",                                                              NUMBER,  "2901234"                         },
 /* length */
        {"123456",                                                               REFUSED, "6 digits"                        },
        {"1234567",                                                              NUMBER,  "1234567"                         },
        {"123456789012345",                                                      NUMBER,  "123456789012345"                 },
        {"1234567890123456",                                                     REFUSED, "16 digits"                       },
        {"00123456789012345",                                                    NUMBER,  "123456789012345"                 },
        {"01234567890123",                                                       NUMBER,  "491234567890123"                 },
        {"012345678901234",                                                      REFUSED, "16 digits"                       },
        {"01234",                                                                REFUSED, "6 digits"                        },
        {"0",                                                                    REFUSED, "2 digits"                        },
        {"00",                                                                   REFUSED, "0 digits"                        },
        {"7",                                                                    REFUSED, "1 digits"                        },
        {"00000000000000000000000000000000000000000000000000000000000000000000", REFUSED,
         "phone number"                                                                                                     },
        {"123456789012345678901234567890123456789012345678901234567890123",      REFUSED, "63 digits"                       },
        {"023456789012345678901234567890123456789012345678901234567890123",      REFUSED, "64 digits"                       },
        {"1234567890123456789012345678901234567890123456789012345678901234",     REFUSED,
         "not a phone number"                                                                                               },
 /* zeros */
        {"+0171999999",                                                          REFUSED, "too many zeros"                  },
        {"000491719999999",                                                      REFUSED, "too many zeros"                  },
        {"+49 (0)171 123456",                                                    REFUSED, "zero between"                    },
        {"0049 ( 0 ) 171 123456",                                                REFUSED, "zero between"                    },
        {"+43(0)6641234567",                                                     REFUSED, "zero between"                    },
        {"+490171123456",                                                        REFUSED, "zero between"                    },
        {"00490171123456",                                                       REFUSED, "zero between"                    },
        {"490171123456",                                                         REFUSED, "zero between"                    },
 /* almost numbers */
        {"",                                                                     REFUSED, "empty"                           },
        {" \t ",                                                                 REFUSED, "empty"                           },
        {"+",                                                                    REFUSED, "not a phone"                     },
        {"-",                                                                    REFUSED, "not a phone"                     },
        {"()",                                                                   REFUSED, "not a phone"                     },
        {"++49171999999",                                                        REFUSED, "not a phone"                     },
        {"49+171999999",                                                         REFUSED, "not a phone"                     },
        {"0171.123.456",                                                         REFUSED, "not a phone"                     },
        {"0171,123456",                                                          REFUSED, "not a phone"                     },
        {"0171\t123456",                                                         REFUSED, "\\x09"                           },
        {"#12",                                                                  REFUSED, "not a phone"                     },
        {"*31#0171123456",                                                       REFUSED, "not a phone"                     },
        {"0171_123456",                                                          REFUSED, "not a phone"                     },
        {"1.7199999e9",                                                          NAME,    "1.7199999e9"                     },
        {"0171\xC2\xA0"
         "123456",                                                      REFUSED, "not a phone"                     }, /* no-break space of a web page */
        {"\xE2\x80\xAA+49171123456\xE2\x80\xAC",                                 REFUSED,
         "\\xE2\\x80\\xAA"                                                                                                  }, /* marks of an address book */
        {"0171\xE2\x80\x93"
         "123456",                                                      REFUSED, "not a phone"                     }, /* en dash */
        {"\xEF\xBC\x90\xEF\xBC\x91\xEF\xBC\x97\xEF\xBC\x91",                     REFUSED,
         "not a phone"                                                                                                      }, /* full-width */
  /* names */
        {"Max Mustermann",                                                       NAME,    "Max Mustermann"                  },
        {"  Vertrieb-Nord ",                                                     NAME,    "Vertrieb-Nord"                   },
        {"\xC3\x84rzte",                                                         NAME,    "\xC3\x84rzte"                    },
        {"\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD",                                     NAME,    "\xD0\x98\xD0\xB2\xD0\xB0\xD0\xBD"},
        {"\xF0\x9F\x98\x80",                                                     NAME,    "\xF0\x9F\x98\x80"                },
        {"24h-Team",                                                             NAME,    "24h-Team"                        },
        {"+49 Max",                                                              NAME,    "+49 Max"                         },
        {"0171x123456",                                                          NAME,    "0171x123456"                     },
        {"a\nb",                                                                 REFUSED, "control"                         },
        {"a,b",                                                                  REFUSED, "comma"                           },
        {"M\xFCller",                                                            REFUSED, "not UTF-8"                       },
        {"0171123456\xFF",                                                       REFUSED, "not UTF-8"                       },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_address got = {.is_number = false};
        struct bh_error error = {.text = ""};
        enum bh_status status =
            bh_recipient_parse(bh_str_from(rows[i].input), german, &got, &error);
        cr_expect_eq(status, rows[i].kind == REFUSED ? BH_EINVAL : BH_OK, "\"%s\": %s",
                     rows[i].input, error.text);
        if (status != BH_OK) {
            cr_expect_not_null(strstr(error.text, rows[i].wanted), "\"%s\": %s", rows[i].input,
                               error.text);
            continue;
        }
        cr_expect_eq(got.is_number, rows[i].kind == NUMBER, "\"%s\"", rows[i].input);
        if (got.is_number)
            cr_expect_str_eq(got.msisdn.digits, rows[i].wanted, "\"%s\": %s", rows[i].input,
                             got.msisdn.digits);
        else
            cr_expect(bh_str_equal_text(got.name, rows[i].wanted), "\"%s\"", rows[i].input);
    }
}

Test(phone, bounds_the_length_of_a_name_in_characters)
{
    char name[BH_RECIPIENT_NAME_MAX * 2 + 3];
    struct bh_address got;
    for (size_t at = 0; at + 2 < sizeof(name); at += 2)
        memcpy(name + at, "\xC3\xA4", 3);
    struct bh_str text = {name, BH_RECIPIENT_NAME_MAX * 2};
    cr_expect_eq(bh_recipient_parse(text, german, &got, NULL), BH_OK);
    text.len += 2;
    cr_expect_eq(bh_recipient_parse(text, german, &got, NULL), BH_EINVAL);
}

Test(phone, takes_a_number_only_where_a_name_makes_no_sense)
{
    struct bh_msisdn msisdn = {"kept"};
    struct bh_error error;
    cr_expect_eq(bh_msisdn_parse(bh_str_from("Max"), &msisdn, &error), BH_EINVAL);
    cr_expect_str_eq(msisdn.digits, "kept");
    cr_expect_eq(bh_msisdn_parse((struct bh_str){NULL, 0}, &msisdn, NULL), BH_EINVAL);
    cr_expect_eq(bh_msisdn_parse(BH_STR_LITERAL("0171999\0"
                                                "999"),
                                 &msisdn, NULL),
                 BH_EINVAL);
    cr_expect_eq(bh_msisdn_parse(bh_str_from("0171999999"), &msisdn, NULL), BH_OK);
    cr_expect_str_eq(msisdn.digits, "49171999999");
}

Test(phone, gives_itself_back_when_parsed_again)
{
    static const char *const inputs[] = {"0171 / 123-456", "+1 650 555 1234", "0039061234567",
                                         "2901234"};
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct bh_msisdn once, twice;
        cr_assert_eq(bh_msisdn_parse(bh_str_from(inputs[i]), &once, NULL), BH_OK);
        cr_assert_eq(bh_msisdn_parse(bh_str_from(once.digits), &twice, NULL), BH_OK);
        cr_expect_str_eq(once.digits, twice.digits, "%s", inputs[i]);
    }
}

Test(phone, knows_how_long_a_country_code_is)
{
    static const struct {
        const char *digits;
        size_t len;
    } rows[] = {
        {"49171999999",  2},
        {"16505551234",  1},
        {"79161234567",  1},
        {"436641234567", 2},
        {"3545812345",   3},
        {"41791234567",  2},
        {"423123456",    3},
        {"2901234",      3},
        {"27123456789",  2},
        {"20123456789",  2},
        {"8821612345",   3},
        {"886912345678", 3},
        {"971501234567", 3},
        {"989123456789", 2},
        {"4",            1},
        {"",             0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(bh_country_code_len(bh_str_from(rows[i].digits)), rows[i].len, "%s",
                     rows[i].digits);
}

Test(phone, puts_national_numbers_into_the_country_asked_for)
{
    static const struct {
        const char *text, *country, *wanted;
    } rows[] = {
        {"0664 123456",     "43",  "43664123456"  },
        {"0664 123456",     "1",   "1664123456"   },
        {"06641234567",     "423", "4236641234567"},
        {"+39 06 123456",   "39",  "3906123456"   },
        {"0049171123456",   "43",  "49171123456"  },
        {"49171123456",     "43",  "49171123456"  },
        {"+49 0171 123456", "43",  NULL           },
        {"01",              "43",  NULL           },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_address got = {.is_number = false};
        enum bh_status status =
            bh_recipient_parse(bh_str_from(rows[i].text), bh_str_from(rows[i].country), &got, NULL);
        cr_expect_eq(status, rows[i].wanted != NULL ? BH_OK : BH_EINVAL, "%s", rows[i].text);
        if (status == BH_OK)
            cr_expect_str_eq(got.msisdn.digits, rows[i].wanted, "%s", rows[i].text);
    }
    static const char *const countries[] = {"", "0", "049", "1234", "+49", "a"};
    for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
        cr_expect_not(bh_country_is_valid(bh_str_from(countries[i])), "%s", countries[i]);
}
