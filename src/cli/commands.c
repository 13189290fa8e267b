#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "core/did_you_mean.h"
#include "core/str.h"

#define COMMANDS_MAX 48
#define HELP_COLUMN  28

const struct bh_command_row *const bh_commands[] = {
    &bh_command_send,    &bh_command_show,     &bh_command_status,     &bh_command_top,
    &bh_command_workers, &bh_command_codes,    &bh_command_balance,    &bh_command_tail,
    &bh_command_list,    &bh_command_shape,    &bh_command_retries,    &bh_command_dead,
    &bh_command_export,  &bh_command_estimate, &bh_command_hold,       &bh_command_release,
    &bh_command_cancel,  &bh_command_expire,   &bh_command_retry,      &bh_command_requeue,
    &bh_command_delete,  &bh_command_resolve,  &bh_command_pause,      &bh_command_resume,
    &bh_command_limit,   &bh_command_drain,    &bh_command_audit,      &bh_command_probe_lock,
    &bh_command_hooks,   &bh_command_doctor,   &bh_command_completion, NULL,
};

const struct bh_command_row *
bh_command_get(const char *name)
{
    for (size_t i = 0; bh_commands[i] != NULL; i++) {
        if (strcmp(bh_commands[i]->name, name) == 0)
            return bh_commands[i];
    }
    return NULL;
}

const char *
bh_command_guess(const char *name)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    for (; count < COMMANDS_MAX - 1 && bh_commands[count] != NULL; count++)
        names[count] = bh_commands[count]->name;
    names[count++] = "help";
    return bh_did_you_mean(bh_str_from(name), names, count);
}

static void
print_options(const struct bh_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct bh_option *option = &options[i];
        char left[64];
        const char *value = option->value != NULL ? option->value : "";
        const char *joint = option->kind == BH_OPTION_FLAG    ? ""
                            : option->kind == BH_OPTION_MAYBE ? "[="
                                                              : " ";
        const char *end = option->kind == BH_OPTION_MAYBE ? "]" : "";
        snprintf(left, sizeof(left), "  --%s%s%s%s", option->name, joint, value, end);
        if (strlen(left) >= HELP_COLUMN)
            printf("%s\n%*s%s\n", left, HELP_COLUMN, "", option->help);
        else
            printf("%-*s%s\n", HELP_COLUMN, left, option->help);
    }
}

void
bh_command_print_list(const struct bh_option *options, size_t count)
{
    printf("bellhop - push SMS and voice jobs, and see what became of them\n\n"
           "usage: bellhop [OPTIONS] COMMAND ...\n\ncommands:\n");
    for (size_t i = 0; bh_commands[i] != NULL; i++)
        printf("  %-12s%s\n", bh_commands[i]->name, bh_commands[i]->summary);
    printf("  %-12s%s\n", "help", "explain a command: bellhop help COMMAND");
    printf("\noptions:\n");
    print_options(options, count);
    printf("\nexit status: 0 done, 1 failed, 2 used wrongly, 3 nothing matched\n");
}

void
bh_command_print_help(const struct bh_command_row *command)
{
    printf("bellhop %s - %s\n\nusage: bellhop %s%s%s\n\n%s\n", command->name, command->summary,
           command->name, command->usage[0] != '\0' ? " " : "", command->usage, command->text);
    if (command->options_count > 0) {
        printf("\noptions:\n");
        print_options(command->options, command->options_count);
    }
}
