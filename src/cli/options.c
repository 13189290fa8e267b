#include "cli/options.h"

#include <string.h>

#include "core/did_you_mean.h"
#include "core/fault.h"
#include "core/str.h"

#define NAME_MAX_BYTES 48
#define OPTIONS_MAX    64

/* The reading of one command line. */
struct reader {
    const struct bh_option_set *sets;
    size_t sets_count;
    int argc;
    char **argv;
    int at;
    struct bh_error *error;
};

/* An option as it was written. */
struct written {
    char name[NAME_MAX_BYTES]; /* with dashes for underscores */
    const char *value;         /* behind "="; NULL: none */
};

struct found {
    const struct bh_option *option; /* NULL: there is no such option */
    void *member;
};

static struct found
find(const struct reader *reader, const char *name)
{
    for (size_t s = 0; s < reader->sets_count; s++) {
        const struct bh_option_set *set = &reader->sets[s];
        for (size_t i = 0; i < set->count; i++) {
            if (strcmp(set->options[i].name, name) == 0)
                return (struct found){&set->options[i],
                                      (char *)set->values + set->options[i].offset};
        }
    }
    return (struct found){NULL, NULL};
}

static enum bh_status
unknown(const struct reader *reader, const struct written *written)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (size_t s = 0; s < reader->sets_count; s++) {
        const struct bh_option_set *set = &reader->sets[s];
        for (size_t i = 0; i < set->count && count < OPTIONS_MAX; i++)
            names[count++] = set->options[i].name;
    }
    struct bh_str name = bh_str_from(written->name);
    const char *guess = bh_did_you_mean(name, names, count);
    return bh_error_set(reader->error, written->name, "there is no option --%s%s%s%s",
                        bh_quote(name).text, guess != NULL ? "; did you mean --" : "",
                        guess != NULL ? guess : "", guess != NULL ? "?" : "");
}

static enum bh_status
take_list(struct reader *reader, struct found found, const char *value)
{
    struct bh_option_list *list = found.member;
    if (list->count == BH_OPTION_LIST_MAX)
        return bh_error_set(reader->error, found.option->name, "--%s may be given at most %d times",
                            found.option->name, BH_OPTION_LIST_MAX);
    list->values[list->count++] = value;
    return BH_OK;
}

static enum bh_status
take_text(struct reader *reader, struct found found, const char *value)
{
    const char **text = found.member;
    if (*text != NULL)
        return bh_error_set(reader->error, found.option->name, "--%s is given twice",
                            found.option->name);
    *text = value;
    return BH_OK;
}

/* An option that needs a value: behind "=" or the next argument. */
static enum bh_status
take_value(struct reader *reader, struct found found, const struct written *written)
{
    const char *value = written->value;
    if (value == NULL) {
        if (reader->at == reader->argc)
            return bh_error_set(reader->error, found.option->name, "--%s needs a value: --%s %s",
                                found.option->name, found.option->name, found.option->value);
        value = reader->argv[reader->at++];
    }
    if (found.option->kind == BH_OPTION_LIST)
        return take_list(reader, found, value);
    return take_text(reader, found, value);
}

static enum bh_status
take_option(struct reader *reader, const struct written *written)
{
    struct found found = find(reader, written->name);
    if (found.option == NULL)
        return unknown(reader, written);
    if (found.option->kind == BH_OPTION_FLAG) {
        if (written->value != NULL)
            return bh_error_set(reader->error, found.option->name, "--%s takes no value",
                                found.option->name);
        *(bool *)found.member = true;
        return BH_OK;
    }
    if (found.option->kind == BH_OPTION_MAYBE) {
        *(struct bh_option_maybe *)found.member = (struct bh_option_maybe){true, written->value};
        return BH_OK;
    }
    return take_value(reader, found, written);
}

/* Split "name=value"; a name that is too long for any option is cut and will not be found. */
static struct written
split(const char *text)
{
    struct written written = {"", NULL};
    size_t len = 0;
    for (; *text != '\0' && *text != '='; text++) {
        if (len < sizeof(written.name) - 1)
            written.name[len++] = *text == '_' ? '-' : *text;
    }
    written.name[len] = '\0';
    if (*text == '=')
        written.value = text + 1;
    return written;
}

enum bh_status
bh_options_read(const struct bh_option_set *sets, size_t sets_count, int argc, char **argv,
                bool stop_at_operand, struct bh_operands *ret_operands, struct bh_error *ret_error)
{
    struct reader reader = {sets, sets_count, argc, argv, 0, ret_error};
    size_t operands = 0;
    bool options_ended = false;

    while (reader.at < argc) {
        char *argument = argv[reader.at];
        bool is_option = !options_ended && argument[0] == '-' && argument[1] != '\0';
        if (!is_option && stop_at_operand)
            break;
        reader.at++;
        if (!is_option) {
            argv[operands++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            options_ended = true;
        } else if (argument[1] != '-' && strcmp(argument, "-h") != 0) {
            return bh_error_set(ret_error, "",
                                "there is no option %s; all options begin with two dashes",
                                bh_quote(bh_str_from(argument)).text);
        } else {
            struct written written = split(argument[1] == 'h' ? "help" : argument + 2);
            enum bh_status status = take_option(&reader, &written);
            if (status != BH_OK)
                return status;
        }
    }
    if (stop_at_operand)
        *ret_operands = (struct bh_operands){argv + reader.at, (size_t)(argc - reader.at)};
    else
        *ret_operands = (struct bh_operands){argv, operands};
    return BH_OK;
}
