#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

#define ARGS_MAX 8

struct values {
    bool flag;
    const char *text;
    struct bh_option_maybe maybe;
    struct bh_option_list list;
};

static const struct bh_option options[] = {
    {"json",      BH_OPTION_FLAG,  NULL,   "help", offsetof(struct values, flag) },
    {"label-one", BH_OPTION_TEXT,  "WORD", "help", offsetof(struct values, text) },
    {"wait",      BH_OPTION_MAYBE, "TIME", "help", offsetof(struct values, maybe)},
    {"to",        BH_OPTION_LIST,  "WHO",  "help", offsetof(struct values, list) },
};

struct row {
    const char *name;
    const char *args[ARGS_MAX];
    bool stop;
    const char *wanted; /* "flag text maybe list | operands"; NULL: refused */
    const char *error;  /* a piece of the sentence */
};

static const struct row rows[] = {
    {"nothing",                           {0},                                         false, "0 - no  |",                 NULL                  },
    {"a flag",                            {"--json"},                                  false, "1 - no  |",                 NULL                  },
    {"a value apart",                     {"--label-one", "x"},                        false, "0 x no  |",                 NULL                  },
    {"a value joined",                    {"--label-one=x=y"},                         false, "0 x=y no  |",               NULL                  },
    {"an empty value",                    {"--label-one="},                            false, "0  no  |",                  NULL                  },
    {"a value like an option",            {"--label-one", "--json"},                   false, "0 --json no  |",            NULL                  },
    {"underscore for dash",               {"--label_one", "x"},                        false, "0 x no  |",                 NULL                  },
    {"underscore in a value",             {"--label-one=a_b"},                         false, "0 a_b no  |",               NULL                  },
    {"a list",                            {"--to", "a", "--to=b"},                     false, "0 - no a,b |",              NULL                  },
    {"maybe without",                     {"--wait", "30s"},                           false, "0 - yes  | 30s",            NULL                  },
    {"maybe with",                        {"--wait=30s"},                              false, "0 - 30s  |",                NULL                  },
    {"operands between options",          {"a", "--json", "b"},                        false, "1 - no  | a b",             NULL                  },
    {"two dashes end options",            {"--json", "--", "--to", "-x"},              false, "1 - no  | --to -x",         NULL                  },
    {"one dash is an operand",            {"-", "--json"},                             false, "1 - no  | -",               NULL                  },
    {"an empty operand",                  {""},                                        false, "0 - no  | ",                NULL                  },
    {"stop at the command",
     {"--json", "send", "--nonsense"},
     true,                                                                                    "1 - no  | send --nonsense",
     NULL                                                                                                                                        },
    {"an unknown option",                 {"--jsn"},                                   false, NULL,                        "did you mean --json?"},
    {"nothing like it",                   {"--completely-different"},                  false, NULL,                        "there is no option"  },
    {"an abbreviation",                   {"--label", "x"},                            false, NULL,                        "there is no option"  },
    {"a flag with a value",               {"--json=yes"},                              false, NULL,                        "takes no value"      },
    {"a value is missing",                {"--label-one"},                             false, NULL,                        "needs a value"       },
    {"given twice",                       {"--label-one=a", "--label-one=b"},          false, NULL,                        "twice"               },
    {"a short option",                    {"-j"},                                      false, NULL,                        "two dashes"          },
    {"an escape sequence",                {"--\033[31m"},                              false, NULL,                        "\\x1B"               },
    {"a name without end",
     {"--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
     false,                                                                                   NULL,
     "there is no option"                                                                                                                        },
    {"a name that is cut to another one",
     {"--jsonaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
     false,                                                                                   NULL,
     "there is no option"                                                                                                                        },
};

static void
describe(const struct values *values, struct bh_operands operands, char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "%d %s %s ", values->flag,
                                  values->text != NULL ? values->text : "-",
                                  !values->maybe.given          ? "no"
                                  : values->maybe.value == NULL ? "yes"
                                                                : values->maybe.value);
    for (size_t i = 0; i < values->list.count; i++)
        len += (size_t)snprintf(text + len, size - len, "%s%s", i > 0 ? "," : "",
                                values->list.values[i]);
    len += (size_t)snprintf(text + len, size - len, " |");
    for (size_t i = 0; i < operands.count; i++)
        len += (size_t)snprintf(text + len, size - len, " %s", operands.values[i]);
}

Test(cli_options, reads_what_is_meant_and_refuses_the_rest)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        char copies[ARGS_MAX][128];
        char *argv[ARGS_MAX];
        int argc = 0;
        for (; argc < ARGS_MAX && row->args[argc] != NULL; argc++) {
            snprintf(copies[argc], sizeof(copies[argc]), "%s", row->args[argc]);
            argv[argc] = copies[argc];
        }
        struct values values = {0};
        const struct bh_option_set set = {options, BH_ARRAY_LEN(options), &values};
        struct bh_operands operands;
        struct bh_error error = {0};
        enum bh_status status = bh_options_read(&set, 1, argc, argv, row->stop, &operands, &error);
        if (row->wanted == NULL) {
            cr_expect_eq(status, BH_EINVAL, "%s", row->name);
            cr_expect_not_null(strstr(error.text, row->error), "%s: %s", row->name, error.text);
            continue;
        }
        char text[512];
        cr_assert_eq(status, BH_OK, "%s: %s", row->name, error.text);
        describe(&values, operands, text, sizeof(text));
        cr_expect_str_eq(text, row->wanted, "%s: \"%s\"", row->name, text);
    }
}

Test(cli_options, bounds_a_list)
{
    static char word[] = "--to=x";
    char *argv[BH_OPTION_LIST_MAX + 1];
    for (size_t i = 0; i < BH_ARRAY_LEN(argv); i++)
        argv[i] = word;
    struct values values = {0};
    const struct bh_option_set set = {options, BH_ARRAY_LEN(options), &values};
    struct bh_operands operands;
    struct bh_error error;
    cr_expect_eq(bh_options_read(&set, 1, BH_OPTION_LIST_MAX, argv, false, &operands, &error),
                 BH_OK);
    values.list.count = 0;
    cr_expect_eq(bh_options_read(&set, 1, BH_OPTION_LIST_MAX + 1, argv, false, &operands, &error),
                 BH_EINVAL);
}
