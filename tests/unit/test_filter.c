#include <criterion/criterion.h>

#include <string.h>

#include "core/base.h"
#include "core/filter.h"

#define ALL_KNOWN ((UINT32_C(1) << BH_FILTER_FIELDS) - 1)

static struct bh_filter_facts
job(void)
{
    return (struct bh_filter_facts){
        .known = ALL_KNOWN,
        .states = BH_FILTER_RETRYING | BH_FILTER_UNCERTAIN,
        .reason = BH_STR_LITERAL("uncertain"),
        .queue = BH_STR_LITERAL("sms"),
        .id = BH_STR_LITERAL("order-4711"),
        .type = BH_STR_LITERAL("sms"),
        .to = BH_STR_LITERAL("491701234567,436641234567,Jane Doe"),
        .label = BH_STR_LITERAL("news"),
        .from = BH_STR_LITERAL("Shop"),
        .attempts = 3,
        .code = 600,
        .age = 10 * BH_MINUTE_MS,
        .waits = true,
        .next = 30 * BH_SECOND_MS,
    };
}

/* Terms with blanks between them; false: one was refused. */
static bool
read_filter(const char *text, struct bh_filter *filter, struct bh_error *error)
{
    struct bh_str rest = bh_str_from(text), term;
    bh_filter_init(filter);
    while (bh_str_split(&rest, ' ', &term)) {
        if (bh_filter_add(filter, term, error) != BH_OK)
            return false;
    }
    return true;
}

Test(filter, chooses_the_jobs_that_all_terms_hold_for)
{
    static const struct {
        const char *terms;
        bool wanted;
    } rows[] = {
        {"state=retrying",                        true },
        {"state=uncertain",                       true },
        {"state=held",                            false},
        {"state=held,retrying",                   true },
        {"state!=held",                           true },
        {"state!=held,uncertain",                 false},
        {"state=retrying state=held",             false},
        {"state=inflight",                        false},
        {"state=dead",                            false},
        {"reason=uncertain",                      true },
        {"reason=none",                           false},
        {"reason!=credit,auth",                   true },
        {"queue=sms",                             true },
        {"queue=SMS",                             false},
        {"queue~s*",                              true },
        {"id=order-4711",                         true },
        {"id~order-*",                            true },
        {"id~order",                              false},
        {"id~*",                                  true },
        {"id~**4**7**1**1**",                     true },
        {"id~*4712",                              false},
        {"id~o*r*d*e*r*-*4*7*1*1*1",              false},
        {"id!=order-4711",                        false},
        {"type=sms",                              true },
        {"type=voice",                            false},
        {"type=voice,sms",                        true },
        {"label=news",                            true },
        {"label=new",                             false},
        {"from=Shop",                             true },
        {"from=shop",                             false},
        {"to=491701234567",                       true },
        {"to=+491701234567",                      true },
        {"to=00491701234567",                     true },
        {"to=436641234567",                       true },
        {"to~4366*",                              true },
        {"to~+4366*",                             true },
        {"to~*Doe",                               true },
        {"to=Jane",                               false},
        {"to!=436641234567",                      false},
        {"to=491701234567,1",                     true },
        {"to~4366*,43*",                          true },
        {"attempts=3",                            true },
        {"attempts=2,3",                          true },
        {"attempts!=3",                           false},
        {"attempts>2",                            true },
        {"attempts>3",                            false},
        {"attempts>=3",                           true },
        {"attempts<3",                            false},
        {"attempts<=3",                           true },
        {"code=600",                              true },
        {"code>=500 code<=599",                   false},
        {"age>10m",                               false},
        {"age>=10m",                              true },
        {"age>9m",                                true },
        {"age<600001ms",                          true },
        {"next<1m",                               true },
        {"next>1m",                               false},
        {"state=retrying code=600 age>1m to~49*", true },
        {"state=retrying code=600 age>1m to~41*", false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_filter filter;
        struct bh_error error = {.text = ""};
        struct bh_filter_facts facts = job();
        cr_assert(read_filter(rows[i].terms, &filter, &error), "%s: %s", rows[i].terms, error.text);
        cr_expect_eq(bh_filter_matches(&filter, &facts), rows[i].wanted, "%s", rows[i].terms);
    }
}

/* What is not there is neither over nor under anything, and equal to nothing. */
Test(filter, knows_what_a_job_does_not_have)
{
    static const struct {
        const char *terms;
        bool wanted;
    } rows[] = {
        {"code=600",    false},
        {"code!=600",   true },
        {"code<600",    false},
        {"code>0",      false},
        {"age>0ms",     false},
        {"age<9d",      false},
        {"next<9d",     false},
        {"to!=49",      true },
        {"to~*",        true },
        {"label~*",     true },
        {"label!=news", true },
        {"label=news",  false},
        {"from~?*",     false},
        {"reason=none", true },
        {"id~*",        true },
    };
    const struct bh_filter_facts nothing = {.known = ALL_KNOWN, .code = -1, .age = -1};
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_filter filter;
        struct bh_error error;
        cr_assert(read_filter(rows[i].terms, &filter, &error), "%s", rows[i].terms);
        cr_expect_eq(bh_filter_matches(&filter, &nothing), rows[i].wanted, "%s", rows[i].terms);
    }
}

Test(filter, passes_over_terms_about_what_is_not_known_yet)
{
    struct bh_filter filter;
    struct bh_error error;
    struct bh_filter_facts facts = job();
    cr_assert(read_filter("state=retrying to=1 from=nobody", &filter, &error));
    cr_expect_eq(bh_filter_needs(&filter), UINT32_C(1) << BH_FILTER_STATE |
                                               UINT32_C(1) << BH_FILTER_TO |
                                               UINT32_C(1) << BH_FILTER_FROM);
    facts.known = UINT32_C(1) << BH_FILTER_STATE;
    cr_expect(bh_filter_matches(&filter, &facts));
    facts.known |= UINT32_C(1) << BH_FILTER_TO;
    cr_expect_not(bh_filter_matches(&filter, &facts));
    bh_filter_init(&filter);
    cr_expect(bh_filter_matches(&filter, &facts), "no terms: every job");
    cr_expect_eq(bh_filter_needs(&filter), 0);
}

Test(filter, refuses_what_is_no_term_and_says_what_is)
{
    static const struct {
        const char *name;
        const char *term;
        const char *says;
    } rows[] = {
  /* clang-format off */
        {"no operator",          "retrying",               "no term"                        },
        {"nothing",              "",                       "no term"                        },
        {"no field",             "=x",                     "jobs have no ``"                },
        {"a mistyped field",     "stat=retrying",          "did you mean `state`?"          },
        {"no such field",        "colour=red",             "a filter is about state, reason"},
        {"a mistyped state",     "state=retying",          "did you mean `retrying`?"       },
        {"no such state",        "state=xyzzy",            "ready, scheduled, retrying"     },
        {"an empty state",       "state=",                 "1 to 128 characters"            },
        {"an empty value",       "state=held,",            "1 to 128 characters"            },
        {"a comma alone",        "label=,",                "1 to 128 characters"            },
        {"a mistyped reason",    "reason=credits",         "did you mean `credit`?"         },
        {"no such reason",       "reason=full_moon",       "or none"                        },
        {"no such type",         "type=fax",               "sms or voice"                   },
        {"a state that is like", "state~ret*",             "a few words"                    },
        {"a state that is more", "state>held",             "no number"                      },
        {"a label that is less", "label<news",             "and ~"                          },
        {"an age that is equal", "age=10m",                "is a duration"                  },
        {"an age that is like",  "age~1*",                 "is a duration"                  },
        {"an age without unit",  "age>10",                 "has no unit"                    },
        {"an age below nothing", "age>-5m",                "`age`"                          },
        {"an age beyond all",    "age>99999999999999999d", "`age`"                          },
        {"a code that is like",  "code~6*",                "is a number"                    },
        {"a code in words",      "code=six",               "whole number"                   },
        {"a code with more",     "code=600x",              "whole number"                   },
        {"a code in halves",     "code=600,",              "1 to 128 characters"            },
        {"several for more",     "code>1,2",               "whole number"                   },
        {"more of nothing",      "attempts>",              "whole number"                   },
        {"beyond all numbers",   "attempts>9223372036854775808", "whole number"             },
        {"a lone !",             "state!held",             "followed by none of"            },
        {"two operators",        "state==held",            "no state `=held`"               },
        {"a blank before",       " state=held",            "did you mean `state`?"          },
        {"another case",         "State=held",             "did you mean `state`?"          },
        {"a terminal's word",    "state=\033[2J",          "no state `\\x1B[2J`"            },
        {"not UTF-8",            "\xFF\xFE=1",             "jobs have no `\\xFF\\xFE`"      },
        {"too many values",      "id=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "at most 16 values"},
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_filter filter;
        struct bh_error error = {.text = ""};
        bh_filter_init(&filter);
        cr_expect_eq(bh_filter_add(&filter, bh_str_from(rows[i].term), &error), BH_EINVAL, "%s",
                     rows[i].name);
        cr_expect_not_null(strstr(error.text, rows[i].says), "%s: \"%s\" without \"%s\"",
                           rows[i].name, error.text, rows[i].says);
        cr_expect_eq(filter.count, 0, "%s", rows[i].name);
    }
}

Test(filter, is_bounded)
{
    struct bh_filter filter;
    struct bh_error error;
    char value[BH_FILTER_VALUE_MAX + 8] = "id=";
    memset(value + 3, 'x', BH_FILTER_VALUE_MAX);
    bh_filter_init(&filter);
    cr_expect_eq(bh_filter_add(&filter, bh_str_from(value), &error), BH_OK);
    value[3 + BH_FILTER_VALUE_MAX] = 'x';
    cr_expect_eq(bh_filter_add(&filter, bh_str_from(value), &error), BH_EINVAL);
    for (size_t i = 1; i < BH_FILTER_TERMS_MAX; i++)
        cr_expect_eq(bh_filter_add(&filter, BH_STR_LITERAL("code=1"), &error), BH_OK);
    cr_expect_eq(bh_filter_add(&filter, BH_STR_LITERAL("code=1"), &error), BH_EINVAL);
    cr_expect_eq(filter.count, BH_FILTER_TERMS_MAX);
}

Test(filter, tells_ids_and_terms_apart)
{
    static const struct {
        const char *text;
        bool wanted;
    } rows[] = {
        {"order-4711", false},
        {"a.b_c@d-e",  false},
        {"-",          false},
        {"",           false},
        {"state=held", true },
        {"age>1m",     true },
        {"age<1m",     true },
        {"to~49*",     true },
        {"label!",     true },
        {"=",          true },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_eq(bh_filter_is_term(bh_str_from(rows[i].text)), rows[i].wanted, "%s",
                     rows[i].text);
}

/* Whoever looks for jobs needs to walk no place whose jobs cannot be chosen, and must walk all others. */
Test(filter, says_which_states_can_be_chosen)
{
    static const struct {
        const char *terms;
        uint32_t in;
        uint32_t out;
    } rows[] = {
  /* clang-format off */
        {"code=1",                 BH_FILTER_STATES_ALL,                      0                                    },
        {"state=held",             BH_FILTER_HELD,                            BH_FILTER_READY | BH_FILTER_DEAD      },
        {"state!=held",            BH_FILTER_READY | BH_FILTER_DEAD,          BH_FILTER_HELD                       },
        {"state=held state!=held", 0,                                         BH_FILTER_STATES_ALL                 },
        {"state=dead",             BH_FILTER_DEAD | BH_FILTER_INVALID | BH_FILTER_FAILED | BH_FILTER_UNKNOWN,
                                                                              BH_FILTER_HELD                       },
        {"state!=dead",            BH_FILTER_HELD,                            BH_FILTER_DEAD | BH_FILTER_INVALID   },
        {"state!=failed",          BH_FILTER_DEAD | BH_FILTER_INVALID,        BH_FILTER_FAILED                     },
        {"state=uncertain",        BH_FILTER_RETRYING | BH_FILTER_SENDING | BH_FILTER_HELD,
                                                                              BH_FILTER_SCHEDULED | BH_FILTER_DEAD  },
        {"state!=uncertain",       BH_FILTER_RETRYING | BH_FILTER_SENDING,    0                                    },
        {"state=sent",             BH_FILTER_SENT,                            BH_FILTER_READY | BH_FILTER_FAILED   },
  /* clang-format on */
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_filter filter;
        struct bh_error error;
        cr_assert(read_filter(rows[i].terms, &filter, &error), "%s", rows[i].terms);
        uint32_t states = bh_filter_states(&filter);
        cr_expect_eq(states & rows[i].in, rows[i].in, "%s", rows[i].terms);
        cr_expect_eq(states & rows[i].out, 0, "%s", rows[i].terms);
    }
}

Test(filter, names_the_most_telling_state)
{
    static const struct {
        uint32_t bits;
        const char *wanted;
    } rows[] = {
        {BH_FILTER_RETRYING,                       "retrying" },
        {BH_FILTER_RETRYING | BH_FILTER_UNCERTAIN, "uncertain"},
        {BH_FILTER_READY | BH_FILTER_SCHEDULED,    "ready"    },
        {BH_FILTER_DEAD | BH_FILTER_FAILED,        "failed"   },
        {BH_FILTER_DEAD,                           "dead"     },
        {BH_FILTER_SENDING,                        "sending"  },
        {0,                                        ""         },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_str_eq(bh_filter_state_name(rows[i].bits), rows[i].wanted);
    for (uint32_t bit = 1; bit < BH_FILTER_STATES_ALL; bit <<= 1)
        cr_expect_eq(bh_filter_state_bit(bh_str_from(bh_filter_state_name(bit))), bit);
    cr_expect_eq(bh_filter_state_bit(BH_STR_LITERAL("frobnicated")), 0);
    cr_expect_eq(bh_filter_state_bit((struct bh_str){NULL, 0}), 0);
}
