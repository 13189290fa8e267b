/*
 * completion: a script for the shell, made from the tables of the commands.
 *
 * The script knows commands and options; what changes (queues, states, keys of filters) it asks for with
 * `bellhop completion words KIND`, which reads the configuration and nothing else: no key press waits for Redis.
 */
#include <bellhop/state.h>

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "core/filter.h"
#include "core/gateway_hooks.h"

/* What is completed behind an option with that name for its value, or as an operand. */
static const char *
kind_of(const char *value)
{
    if (value == NULL)
        return "";
    if (strcmp(value, "FILE") == 0 || strcmp(value, "PATH") == 0)
        return "files";
    if (strcmp(value, "NAME") == 0 || strcmp(value, "QUEUE") == 0)
        return "queues";
    if (strcmp(value, "EVENT") == 0)
        return "events";
    return strcmp(value, "STATE") == 0 ? "states" : "";
}

/* Within single quotation marks of a shell. */
static void
print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
    putchar('\'');
}

typedef void on_option(const char *command, const struct bh_option *option);

/* The command's own, then the global ones; `command` NULL: only these. */
static void
each_option(const struct bh_command_row *command, on_option *handle)
{
    size_t count;
    const struct bh_option *global = bh_cli_options(&count);
    for (size_t i = 0; command != NULL && i < command->options_count; i++)
        handle(command->name, &command->options[i]);
    for (size_t i = 0; i < count; i++)
        handle(command != NULL ? command->name : "", &global[i]);
}

/* ---- bash ---- */

static void
bash_option(const char *command, const struct bh_option *option)
{
    (void)command;
    printf(" --%s%s", option->name, option->kind == BH_OPTION_MAYBE ? "=" : "");
}

static void
bash_value(const char *command, const struct bh_option *option)
{
    if (option->kind == BH_OPTION_FLAG || option->kind == BH_OPTION_MAYBE)
        return;
    printf("        %s:--%s) kind='%s' ;;\n", command[0] != '\0' ? command : "*", option->name,
           option->value != NULL && kind_of(option->value)[0] != '\0' ? kind_of(option->value)
                                                                      : "none");
}

static void
bash_words(void)
{
    printf("    local commands='");
    for (size_t i = 0; bh_commands[i] != NULL; i++)
        printf("%s ", bh_commands[i]->name);
    printf("help'\n    local options=''\n    case \"$command\" in\n");
    for (size_t i = 0; bh_commands[i] != NULL; i++) {
        printf("        %s) options='", bh_commands[i]->name);
        each_option(bh_commands[i], bash_option);
        printf("' ;;\n");
    }
    printf("        *) options='");
    each_option(NULL, bash_option);
    printf("' ;;\n    esac\n    local kind=''\n    case \"$command:$previous\" in\n");
    for (size_t i = 0; bh_commands[i] != NULL; i++) {
        for (size_t n = 0; n < bh_commands[i]->options_count; n++)
            bash_value(bh_commands[i]->name, &bh_commands[i]->options[n]);
    }
    each_option(NULL, bash_value);
    printf("    esac\n");
}

/* COMP_WORDBREAKS splits at "=": what is behind it is the word, what is before it stands before that. */
static void
print_bash(void)
{
    printf("# bash completion for bellhop; made by bellhop completion bash\n"
           "_bellhop() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous='' command='' i\n"
           "    if ((COMP_CWORD > 0)); then previous=${COMP_WORDS[COMP_CWORD-1]}; fi\n"
           "    if [[ $current == = ]]; then\n"
           "        current=''\n"
           "    elif [[ $previous == = ]] && ((COMP_CWORD > 1)); then\n"
           "        previous=${COMP_WORDS[COMP_CWORD-2]}\n"
           "    fi\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case ${COMP_WORDS[i]} in\n"
           "            --config|--redis) ((i++)) ;;\n"
           "            -*|=) ;;\n"
           "            *) command=${COMP_WORDS[i]}; break ;;\n"
           "        esac\n"
           "    done\n");
    bash_words();
    printf(
        "    case \"$previous\" in\n"
        "        queue) kind=queues ;;\n"
        "        state) kind=states ;;\n"
        "        reason) kind=reasons ;;\n"
        "    esac\n"
        "    COMPREPLY=()\n"
        "    case \"$kind\" in\n"
        "        none) return ;;\n"
        "        files) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n"
        "        queues|states|reasons|events)\n"
        "            mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" completion words "
        "\"$kind\" 2>/dev/null)\" -- \"$current\")\n"
        "            return ;;\n"
        "    esac\n"
        "    if [[ $current == -* ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
        "    elif [[ -z $command || $command == help ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\")\n"
        "    else\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$(\"${COMP_WORDS[0]}\" completion words "
        "\"operands:$command\" 2>/dev/null)\" -- \"$current\")\n"
        "        if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace; fi\n"
        "    fi\n"
        "}\n"
        "complete -o default -F _bellhop bellhop\n");
}

/* ---- zsh ---- */

/* In _arguments' own words, brackets and colons have a meaning. */
static void
print_zsh_help(const char *help)
{
    for (; *help != '\0'; help++) {
        if (strchr("[]:\\", *help) != NULL)
            putchar('\\');
        if (*help == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*help);
    }
}

static void
zsh_option(const char *command, const struct bh_option *option)
{
    (void)command;
    const char *kind = kind_of(option->value);
    printf(" \\\n                '%s--%s%s[", option->kind == BH_OPTION_LIST ? "*" : "",
           option->name, option->kind == BH_OPTION_MAYBE ? "=-" : "");
    print_zsh_help(option->help);
    putchar(']');
    if (option->kind != BH_OPTION_FLAG)
        printf("%s%s:%s", option->kind == BH_OPTION_MAYBE ? "::" : ":",
               option->value != NULL ? option->value : "value",
               strcmp(kind, "files") == 0 ? "_files"
               : kind[0] != '\0'          ? "_bellhop_words"
                                          : "");
    if (kind[0] != '\0' && strcmp(kind, "files") != 0)
        printf(" %s", kind);
    putchar('\'');
}

static void
print_zsh(void)
{
    printf("#compdef bellhop\n# zsh completion for bellhop; made by bellhop completion zsh\n"
           "_bellhop_words() {\n"
           "    local -a candidates\n" /* `words` is the line itself */
           "    candidates=(${(f)\"$(command bellhop completion words $@[-1] 2>/dev/null)\"})\n"
           "    compadd \"${(@)@[1,-2]}\" -S '' -a candidates\n"
           "}\n"
           "_bellhop() {\n"
           "    local context state line\n"
           "    local -a commands\n"
           "    commands=(\n");
    for (size_t i = 0; bh_commands[i] != NULL; i++) {
        printf("        '%s:", bh_commands[i]->name);
        print_zsh_help(bh_commands[i]->summary);
        printf("'\n");
    }
    printf("        'help:explain a command'\n    )\n    _arguments -C");
    each_option(NULL, zsh_option);
    printf(" \\\n                '1:command:->command' '*::operand:->operand'\n"
           "    case $state in\n"
           "        command) _describe command commands ;;\n"
           "        operand)\n"
           "            case $words[1] in\n");
    for (size_t i = 0; bh_commands[i] != NULL; i++) {
        printf("            %s) _arguments", bh_commands[i]->name);
        each_option(bh_commands[i], zsh_option);
        printf(" \\\n                '*:operand:_bellhop_words terms:%s' ;;\n",
               bh_commands[i]->name);
    }
    printf(
        "            help) _describe command commands ;;\n"
        "            esac ;;\n"
        "    esac\n"
        "}\n"
        "if [ \"$funcstack[1]\" = _bellhop ]; then _bellhop \"$@\"; else compdef _bellhop bellhop; "
        "fi\n");
}

/* ---- fish ---- */

/* An option's value is a file only where that is said. */
static void
fish_option(const char *command, const struct bh_option *option)
{
    const char *kind = kind_of(option->value);
    printf("complete -c bellhop");
    if (command[0] != '\0')
        printf(" -n '__bellhop_is %s'", command);
    printf(" -l %s", option->name);
    if (strcmp(kind, "files") == 0)
        printf(" -r -F");
    else if (option->kind == BH_OPTION_TEXT || option->kind == BH_OPTION_LIST)
        printf(" -x");
    if (kind[0] != '\0' && strcmp(kind, "files") != 0)
        printf(" -a '(command bellhop completion words %s 2>/dev/null)'", kind);
    printf(" -d ");
    print_quoted(option->help);
    putchar('\n');
}

static void
fish_command(const char *condition, const struct bh_command_row *command)
{
    printf("complete -c bellhop -n '%s' -a %s -d ", condition, command->name);
    print_quoted(command->summary);
    putchar('\n');
}

/* What fish brings along takes the value of --config for the command. */
static void
print_fish(void)
{
    static const char none[] = "not __bellhop_command >/dev/null";
    printf("# fish completion for bellhop; made by bellhop completion fish\n"
           "function __bellhop_command\n"
           "    set -l words (commandline -opc)\n"
           "    set -l skip 1\n"
           "    for word in $words\n"
           "        if test $skip = 1\n"
           "            set skip 0\n"
           "            continue\n"
           "        end\n"
           "        switch $word\n"
           "            case --config --redis\n"
           "                set skip 1\n"
           "            case '-*'\n"
           "            case '*'\n"
           "                echo $word\n"
           "                return 0\n"
           "        end\n"
           "    end\n"
           "    return 1\n"
           "end\n"
           "function __bellhop_is\n"
           "    test \"$argv[1]\" = (__bellhop_command; or echo '')\n"
           "end\n"
           "complete -c bellhop -f\n");
    each_option(NULL, fish_option);
    for (size_t i = 0; bh_commands[i] != NULL; i++) {
        const struct bh_command_row *command = bh_commands[i];
        fish_command(none, command);
        fish_command("__bellhop_is help", command);
        printf("complete -c bellhop -n '__bellhop_is %s' -a '(command bellhop completion words "
               "terms:%s 2>/dev/null)'\n",
               command->name, command->name);
        for (size_t n = 0; n < command->options_count; n++)
            fish_option(command->name, &command->options[n]);
    }
    printf("complete -c bellhop -n '%s' -a help -d 'explain a command'\n", none);
}

/* ---- Words ---- */

static void
print_states(const char *before)
{
    static const char *const more[] = {"ready", "uncertain", "inflight", "dead"};
    for (int state = 0; state < BH_STATE_COUNT; state++)
        printf("%s%s\n", before, bh_state_name((enum bh_state)state));
    for (size_t i = 0; i < BH_ARRAY_LEN(more); i++)
        printf("%s%s\n", before, more[i]);
}

static void
print_queues(struct bh_cli *cli, const char *before)
{
    if (bh_configuration_load(cli) != BH_EXIT_DONE)
        return; /* told on standard error, which the scripts throw away */
    for (size_t i = 0; i < cli->config->queues_count; i++)
        printf("%s%s\n", before, cli->config->queues[i].name);
}

static void
print_reasons(const char *before)
{
    for (int reason = BH_REASON_NONE + 1; reason < BH_REASON_COUNT; reason++)
        printf("%s%s\n", before, bh_reason_name((enum bh_reason)reason));
}

/* Whole terms, for shells that do not split words at "=". */
static void
print_values(struct bh_cli *cli, const struct bh_command_row *command)
{
    bool filters = strstr(command->usage, "FILTER") != NULL;
    if (!filters && strcmp(command->name, "tail") != 0)
        return;
    print_states("state=");
    print_queues(cli, "queue=");
    if (filters) {
        print_reasons("reason=");
        printf("type=sms\ntype=voice\n");
    }
}

static void
print_lines(const char *const *lines)
{
    for (size_t i = 0; lines[i] != NULL; i++)
        printf("%s\n", lines[i]);
}

/* Words that begin an operand. */
static void
print_operands(struct bh_cli *cli, const struct bh_command_row *command)
{
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    static const char *const of_hooks[] = {"list", "add", "remove", "check", NULL};
    static const char *const of_dead[] = {"list", "retry", "purge", NULL};
    static const char *const of_resolve[] = {"sent", "failed", "resend", NULL};
    if (strcmp(command->name, "dead") == 0)
        print_lines(of_dead);
    if (strcmp(command->name, "completion") == 0) {
        print_lines(shells);
    } else if (strcmp(command->name, "hooks") == 0) {
        print_lines(of_hooks);
    } else if (strcmp(command->name, "resolve") == 0) {
        print_lines(of_resolve);
    } else if (strstr(command->usage, "FILTER") != NULL) {
        for (int field = 0; bh_filter_field_name(field) != NULL; field++)
            printf("%s=\n", bh_filter_field_name(field));
    } else if (strcmp(command->name, "tail") == 0) {
        printf("queue=\nstate=\nid=\n");
    } else if (strstr(command->usage, "QUEUE") != NULL) {
        print_queues(cli, "");
    }
}

static enum bh_exit
print_words(struct bh_cli *cli, const char *kind)
{
    const struct bh_command_row *command = NULL;
    if (strcmp(kind, "queues") == 0)
        print_queues(cli, "");
    else if (strcmp(kind, "states") == 0)
        print_states("");
    else if (strcmp(kind, "reasons") == 0)
        print_reasons("");
    else if (strcmp(kind, "events") == 0)
        print_lines(bh_hooks_events);
    else if (strncmp(kind, "operands:", 9) == 0 && (command = bh_command_get(kind + 9)) != NULL)
        print_operands(cli, command);
    else if (strncmp(kind, "terms:", 6) == 0 && (command = bh_command_get(kind + 6)) != NULL) {
        print_operands(cli, command);
        print_values(cli, command);
    } else
        return bh_cli_misuse(
            "words are queues, states, reasons, events, operands:COMMAND and terms:COMMAND");
    return BH_EXIT_DONE;
}

/* ---- The command ---- */

static enum bh_exit
completion_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {
        {"bash", print_bash},
        {"zsh",  print_zsh },
        {"fish", print_fish},
    };
    (void)options;
    if (operands.count == 2 && strcmp(operands.values[0], "words") == 0)
        return print_words(cli, operands.values[1]);
    for (size_t i = 0; operands.count == 1 && i < BH_ARRAY_LEN(shells); i++) {
        if (strcmp(operands.values[0], shells[i].shell) != 0)
            continue;
        shells[i].print();
        return BH_EXIT_DONE;
    }
    return bh_cli_misuse("completion takes one of bash, zsh and fish");
}

const struct bh_command_row bh_command_completion = {
    .name = "completion",
    .summary = "print a script that completes commands in a shell",
    .usage = "bash|zsh|fish",
    .text =
        "Completes commands, options, names of queues (of the configuration), states and keys of "
        "filters.  The\n"
        "installation has put the scripts where the shells look for them.\n\n"
        "examples:\n"
        "  . <(bellhop completion bash)\n"
        "  bellhop completion fish > ~/.config/fish/completions/bellhop.fish",
    .run = completion_run,
};
