/* hooks: who is subscribed to the gateway's webhooks, and subscribing this Bellhop. */
#include "cli/hooks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/table.h"
#include "core/fault.h"
#include "core/json.h"
#include "core/webhook_address.h"

#define LINE_MAX       ((size_t)16 * 1024)
#define METHOD_DEFAULT "JSON"

static const struct bh_option hooks_option_rows[] = {
    {"event",      BH_OPTION_LIST, "EVENT",  "add: what is to be told; else dlr and voice_status",
     offsetof(struct bh_hooks_options, events)    },
    {"method",     BH_OPTION_TEXT, "METHOD", "add: POST, GET or JSON; else JSON",
     offsetof(struct bh_hooks_options, method)    },
    {"filter",     BH_OPTION_TEXT, "FILTER", "add: only of this number, say",
     offsetof(struct bh_hooks_options, filter)    },
    {"show-token", BH_OPTION_FLAG, NULL,     "show the secret part of the URLs",
     offsetof(struct bh_hooks_options, show_token)},
    {"yes",        BH_OPTION_FLAG, NULL,     "remove: several without asking",
     offsetof(struct bh_hooks_options, yes)       },
};

/* ---- Asking the gateway ---- */

struct question {
    bool is_list;
    enum bh_status status;
    struct bh_hooks_answer *answer;
};

static void
on_answer(void *arg, const struct bh_exchange *exchange)
{
    struct question *question = arg;
    question->status = question->is_list ? bh_hooks_read_list(exchange, question->answer)
                                         : bh_hooks_read_change(exchange, question->answer);
}

enum bh_exit
bh_hooks_ask(struct bh_hooks *hooks, const struct bh_gateway_hooks_query *query,
             struct bh_hooks_answer *ret_answer)
{
    struct question question = {
        .is_list = query->action == BH_HOOKS_READ, .status = BH_ENOMEM, .answer = ret_answer};
    struct bh_gateway_caller caller;
    struct bh_gateway_request request;
    struct bh_error error = {.text = "short of memory"};
    bh_gateway_request_init(&request, 0);
    enum bh_status status = bh_gateway_caller_init(hooks->cli, &caller, &error);
    if (status == BH_OK)
        status = bh_gateway_request_hooks(&request, &caller.profile, &caller.stamp, query, &error);
    if (status == BH_OK) {
        bh_gateway_line_ask(hooks->line, &request, on_answer, &question);
        status = question.status;
    }
    bh_gateway_request_release(&request);
    return status == BH_OK ? BH_EXIT_DONE
                           : bh_cli_fail("the gateway cannot be asked: %s", error.text);
}

/* The answer to a change that was not made, with what to do; it is released. */
static enum bh_exit
fail_by(struct bh_hooks_answer *answer, const char *what)
{
    const char *advice = bh_hooks_advice(answer);
    bool is_open = answer->result == BH_HOOKS_UNANSWERED;
    enum bh_exit result =
        bh_cli_fail("%s: %s%s%s", what, answer->error, advice[0] != '\0' ? "; " : "", advice);
    if (is_open)
        bh_cli_warn("whether it was done nevertheless is shown by bellhop hooks list");
    bh_hooks_answer_release(answer);
    return result;
}

static enum bh_exit
read_list(struct bh_hooks *hooks, struct bh_hooks_answer *ret_list)
{
    enum bh_exit result =
        bh_hooks_ask(hooks, &(struct bh_gateway_hooks_query){.action = BH_HOOKS_READ}, ret_list);
    if (result != BH_EXIT_DONE || ret_list->result == BH_HOOKS_DONE)
        return result;
    const char *advice = bh_hooks_advice(ret_list);
    result = bh_cli_fail("the gateway does not tell who is subscribed: %s%s%s", ret_list->error,
                         advice[0] != '\0' ? "; " : "", advice);
    bh_hooks_answer_release(ret_list);
    return result;
}

/* ---- Showing ---- */

/* The URL as it may be shown, safe for a terminal; released by the caller, and empty when memory is short. */
static void
show_url(const struct bh_hooks *hooks, const char *url, bool for_people, struct bh_buf *ret_text)
{
    const struct bh_config_secret *token = &hooks->cli->config->http.webhook_token;
    struct bh_buf masked;
    bh_buf_init(&masked, LINE_MAX);
    bh_buf_init(ret_text, LINE_MAX);
    if (hooks->options->show_token)
        (void)bh_buf_append_text(&masked, url);
    else
        (void)bh_webhook_mask(bh_str_from(url), (struct bh_str){token->bytes, token->len}, &masked);
    if (for_people)
        (void)bh_display_append(ret_text, bh_buf_str(&masked));
    else
        (void)bh_buf_append_str(ret_text, bh_buf_str(&masked));
    bh_buf_release(&masked);
}

static bool
is_ours(const struct bh_hooks *hooks, const struct bh_gateway_hook *hook)
{
    return hooks->address.len > 0 &&
           bh_webhook_is_same(bh_str_from(hook->url), bh_buf_str(&hooks->address));
}

static enum bh_status
print_json(const struct bh_hooks *hooks, const struct bh_gateway_hook *hook)
{
    struct bh_json_writer writer;
    struct bh_buf line, url;
    bh_buf_init(&line, LINE_MAX);
    show_url(hooks, hook->url, false, &url);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "id", hook->id);
    bh_json_put_text(&writer, "event", hook->event);
    bh_json_put_text(&writer, "url", bh_buf_text(&url));
    bh_json_put_text(&writer, "method", hook->method);
    bh_json_put_text(&writer, "filter", hook->filter);
    bh_json_put_bool(&writer, "enabled", hook->enabled);
    bh_json_put_text(&writer, "created", hook->created);
    bh_json_put_bool(&writer, "ours", is_ours(hooks, hook));
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&url);
    bh_buf_release(&line);
    return status;
}

static void
add_cell(struct bh_table *table, enum bh_style style, const char *text)
{
    struct bh_buf safe;
    bh_buf_init(&safe, LINE_MAX);
    (void)bh_display_append(&safe, bh_str_from(text));
    bh_table_add(table, style, "%s", safe.len > 0 ? bh_buf_text(&safe) : "-");
    bh_buf_release(&safe);
}

static void
add_row(const struct bh_hooks *hooks, const struct bh_gateway_hook *hook, struct bh_table *table)
{
    struct bh_buf url;
    show_url(hooks, hook->url, true, &url);
    add_cell(table, BH_STYLE_BOLD, hook->id);
    add_cell(table, BH_STYLE_PLAIN, hook->event);
    add_cell(table, BH_STYLE_PLAIN, hook->method);
    add_cell(table, hook->enabled ? BH_STYLE_GOOD : BH_STYLE_BAD, hook->enabled ? "on" : "off");
    add_cell(table, BH_STYLE_PLAIN, is_ours(hooks, hook) ? "yes" : "");
    add_cell(table, BH_STYLE_PLAIN, hook->filter != NULL ? hook->filter : "");
    add_cell(table, BH_STYLE_PLAIN, hook->created);
    add_cell(table, BH_STYLE_PLAIN, bh_buf_text(&url));
    bh_buf_release(&url);
}

static enum bh_status
print_list(const struct bh_hooks *hooks, const struct bh_hooks_answer *list)
{
    static const char *const titles[] = {"ID",   "EVENT",  "METHOD",  "STATE",
                                         "OURS", "FILTER", "CREATED", "URL"};
    struct bh_table table;
    enum bh_status status = BH_OK;
    bh_table_init(&table, BH_ARRAY_LEN(titles), 0);
    for (size_t i = 0; i < BH_ARRAY_LEN(titles); i++)
        bh_table_add(&table, BH_STYLE_DIM, "%s", titles[i]);
    for (size_t i = 0; i < list->count && status == BH_OK; i++) {
        if (hooks->cli->json)
            status = print_json(hooks, &list->hooks[i]);
        else
            add_row(hooks, &list->hooks[i], &table);
    }
    if (status == BH_OK && !hooks->cli->json)
        status = bh_table_print(&table, stdout, hooks->cli->colour);
    bh_table_release(&table);
    return status;
}

static enum bh_exit
hooks_list(struct bh_hooks *hooks)
{
    struct bh_hooks_answer list;
    enum bh_exit result = read_list(hooks, &list);
    if (result != BH_EXIT_DONE)
        return result;
    if (list.count == 0) {
        bh_cli_warn("nobody is subscribed to the gateway's webhooks; bellhop hooks add");
        result = BH_EXIT_NOTHING;
    } else if (print_list(hooks, &list) != BH_OK) {
        result = bh_cli_fail("short of memory");
    }
    bh_hooks_answer_release(&list);
    return result;
}

/* ---- Subscribing ---- */

static void
tell_added(const struct bh_hooks *hooks, const char *event, const char *id, bool is_new)
{
    if (hooks->cli->json)
        printf("{\"event\":\"%s\",\"id\":\"%s\",\"added\":%s}\n", event, id,
               is_new ? "true" : "false");
    else if (is_new)
        printf("%s: subscribed%s%s\n", event, id[0] != '\0' ? " as " : "", id);
    else
        printf("%s: is subscribed already, as %s\n", event, id);
}

static enum bh_exit
add_event(struct bh_hooks *hooks, const struct bh_hooks_answer *list, const char *url,
          const char *event)
{
    const struct bh_gateway_hooks_query query = {
        .action = BH_HOOKS_SUBSCRIBE,
        .url = url,
        .event = event,
        .method = hooks->options->method != NULL ? hooks->options->method : METHOD_DEFAULT,
        .filter = hooks->options->filter,
    };
    struct bh_hooks_answer answer;
    struct bh_hooks_found found = bh_hooks_find(list, url, event);
    if (found.fit == BH_HOOKS_FIT_GOOD) {
        tell_added(hooks, event, found.hook->id, false);
        return BH_EXIT_DONE;
    }
    enum bh_exit result = bh_hooks_ask(hooks, &query, &answer);
    if (result != BH_EXIT_DONE)
        return result;
    if (answer.result != BH_HOOKS_DONE)
        return fail_by(&answer, event);
    tell_added(hooks, event, answer.id, true);
    bh_hooks_answer_release(&answer);
    return BH_EXIT_DONE;
}

/* What a person has mistyped is told before anything is asked. */
static enum bh_exit
check_add(const struct bh_hooks *hooks)
{
    const struct bh_hooks_options *options = hooks->options;
    bool known = options->method == NULL;
    if (hooks->operands.count > 1)
        return bh_cli_misuse("hooks add takes one URL at most");
    for (size_t i = 0; i < options->events.count; i++)
        if (!bh_hooks_event_is_known(options->events.values[i]))
            return bh_cli_misuse("--event: the gateway has no event \"%s\"",
                                 bh_quote(bh_str_from(options->events.values[i])).text);
    for (size_t i = 0; bh_hooks_methods[i] != NULL && !known; i++)
        known = strcmp(options->method, bh_hooks_methods[i]) == 0;
    if (!known)
        return bh_cli_misuse("--method: one of POST, GET and JSON");
    if (hooks->operands.count == 0 && hooks->address.len == 0)
        return bh_cli_fail("which URL?  Give one, or set [http] webhook_url and webhook_token, of "
                           "which it is made");
    return BH_EXIT_DONE;
}

static enum bh_exit
hooks_add(struct bh_hooks *hooks)
{
    static const char *const needed[] = {"dlr", "voice_status"};
    const struct bh_option_list *given = &hooks->options->events;
    const char *const *events = given->count > 0 ? given->values : needed;
    size_t count = given->count > 0 ? given->count : BH_ARRAY_LEN(needed);
    struct bh_hooks_answer list;
    enum bh_exit result = check_add(hooks);
    if (result == BH_EXIT_DONE)
        result = read_list(hooks, &list);
    if (result != BH_EXIT_DONE)
        return result;
    const char *url =
        hooks->operands.count > 0 ? hooks->operands.values[0] : bh_buf_text(&hooks->address);
    for (size_t i = 0; i < count && result == BH_EXIT_DONE; i++)
        result = add_event(hooks, &list, url, events[i]);
    bh_hooks_answer_release(&list);
    return result;
}

/* ---- Removing ---- */

/* Named by its id or by its URL. */
static bool
is_named(const struct bh_gateway_hook *hook, const struct bh_operands *names)
{
    for (size_t i = 0; i < names->count; i++)
        if ((hook->id[0] != '\0' && strcmp(hook->id, names->values[i]) == 0) ||
            bh_webhook_is_same(bh_str_from(hook->url), bh_str_from(names->values[i])))
            return true;
    return false;
}

static void
tell_hook(const struct bh_hooks *hooks, const struct bh_gateway_hook *hook, FILE *file,
          const char *before)
{
    struct bh_buf url;
    struct bh_quoted event = bh_quote(bh_str_from(hook->event));
    show_url(hooks, hook->url, true, &url);
    fprintf(file, "%s%s: %s to %s\n", before, hook->id, event.text, bh_buf_text(&url));
    bh_buf_release(&url);
}

static enum bh_exit
confirm(const struct bh_hooks *hooks, const struct bh_hooks_answer *list, size_t count)
{
    char answer[16];
    if (count < 2 || hooks->options->yes)
        return BH_EXIT_DONE;
    for (size_t i = 0; i < list->count; i++)
        if (is_named(&list->hooks[i], &hooks->operands))
            tell_hook(hooks, &list->hooks[i], stderr, "  ");
    if (isatty(STDIN_FILENO) != 1)
        return bh_cli_misuse("these %zu would be removed: add --yes", count);
    fprintf(stderr, "Remove these %zu? [y/N] ", count);
    (void)fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return BH_EXIT_DONE;
    return bh_cli_fail("nothing was removed");
}

static enum bh_exit
remove_one(struct bh_hooks *hooks, const struct bh_gateway_hook *hook)
{
    const struct bh_gateway_hooks_query query = {.action = BH_HOOKS_UNSUBSCRIBE, .id = hook->id};
    struct bh_hooks_answer answer;
    if (hook->id[0] == '\0')
        return bh_cli_fail(
            "a webhook without a number can be removed in the gateway's settings only");
    enum bh_exit result = bh_hooks_ask(hooks, &query, &answer);
    if (result != BH_EXIT_DONE)
        return result;
    if (answer.result != BH_HOOKS_DONE)
        return fail_by(&answer, hook->id);
    bh_hooks_answer_release(&answer);
    if (hooks->cli->json)
        printf("{\"id\":\"%s\",\"removed\":true}\n", hook->id);
    else
        tell_hook(hooks, hook, stdout, "removed ");
    return BH_EXIT_DONE;
}

static enum bh_exit
remove_named(struct bh_hooks *hooks, const struct bh_hooks_answer *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += is_named(&list->hooks[i], &hooks->operands) ? 1 : 0;
    if (count == 0) {
        bh_cli_warn("there is no such webhook; bellhop hooks list");
        return BH_EXIT_NOTHING;
    }
    enum bh_exit result = confirm(hooks, list, count);
    for (size_t i = 0; i < list->count && result == BH_EXIT_DONE; i++)
        if (is_named(&list->hooks[i], &hooks->operands))
            result = remove_one(hooks, &list->hooks[i]);
    return result;
}

static enum bh_exit
hooks_remove(struct bh_hooks *hooks)
{
    struct bh_hooks_answer list;
    if (hooks->operands.count == 0)
        return bh_cli_misuse("hooks remove needs the ID of a webhook, or its URL");
    enum bh_exit result = read_list(hooks, &list);
    if (result != BH_EXIT_DONE)
        return result;
    result = remove_named(hooks, &list);
    bh_hooks_answer_release(&list);
    return result;
}

/* ---- The command ---- */

static const struct action {
    const char *name;
    enum bh_exit (*run)(struct bh_hooks *hooks);
    bool takes_operands;
} actions[] = {
    {"list",   hooks_list,     false},
    {"add",    hooks_add,      true },
    {"remove", hooks_remove,   true },
    {"check",  bh_hooks_check, false},
};

static const struct action *
find_action(const struct bh_operands *operands)
{
    for (size_t i = 0; operands->count > 0 && i < BH_ARRAY_LEN(actions); i++)
        if (strcmp(operands->values[0], actions[i].name) == 0)
            return &actions[i];
    return NULL;
}

/* Empty where it is not configured. */
static enum bh_status
take_address(struct bh_hooks *hooks)
{
    const struct bh_config_http *http = &hooks->cli->config->http;
    enum bh_status status = bh_webhook_address(
        bh_str_from(http->webhook_url),
        (struct bh_str){http->webhook_token.bytes, http->webhook_token.len}, &hooks->address);
    return status == BH_EINVAL ? BH_OK : status;
}

static enum bh_exit
run_action(struct bh_hooks *hooks, const struct action *action)
{
    if (take_address(hooks) != BH_OK)
        return bh_cli_fail("[http] webhook_url and webhook_token make too long an address");
    enum bh_exit result = bh_gateway_line_open(hooks->cli, &hooks->line);
    if (result != BH_EXIT_DONE)
        return result;
    result = action->run(hooks);
    bh_gateway_line_close(hooks->line);
    return result;
}

static enum bh_exit
check_options(const struct action *action, const struct bh_hooks_options *options,
              const struct bh_operands *operands)
{
    bool is_add = strcmp(action->name, "add") == 0, is_remove = strcmp(action->name, "remove") == 0;
    if (!action->takes_operands && operands->count > 1)
        return bh_cli_misuse("hooks %s takes nothing more", action->name);
    if (!is_add &&
        (options->events.count > 0 || options->method != NULL || options->filter != NULL))
        return bh_cli_misuse("--event, --method and --filter go with hooks add");
    if (!is_remove && options->yes)
        return bh_cli_misuse("--yes goes with hooks remove");
    return BH_EXIT_DONE;
}

static enum bh_exit
hooks_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    struct bh_hooks hooks = {.cli = cli, .options = options};
    const struct action *action = find_action(&operands);
    if (action == NULL)
        return bh_cli_misuse("hooks takes one of list, add, remove and check");
    enum bh_exit result = check_options(action, hooks.options, &operands);
    if (result == BH_EXIT_DONE)
        result = bh_configuration_load(cli);
    if (result != BH_EXIT_DONE)
        return result;
    if (!cli->account_known)
        return bh_cli_fail("the API key cannot be read here; try sudo -u bellhop bellhop hooks %s",
                           action->name);
    hooks.operands = (struct bh_operands){operands.values + 1, operands.count - 1};
    bh_buf_init(&hooks.address, BH_WEBHOOK_ADDRESS_MAX);
    result = run_action(&hooks, action);
    bh_buf_release(&hooks.address);
    return result;
}

const struct bh_command_row bh_command_hooks = {
    .name = "hooks",
    .summary = "see and change who gets the gateway's delivery reports",
    .usage = "list | add [--event EVENT]... [--method METHOD] [--filter FILTER] [URL] |\n"
             "                     remove ID|URL... [--yes] | check",
    .text =
        "The gateway tells by webhooks what became of messages.  list shows who is subscribed at "
        "the account;\n"
        "add subscribes this Bellhop (what bellhopd does by itself at its start when [http] "
        "webhook_url is set),\n"
        "or any other URL, and adds nothing that is there; remove ends subscriptions, also those "
        "of others;\n"
        "check says whether reports find their way here, and what to change.\n\n"
        "The URL that is subscribed is [http] webhook_url with /webhook/TOKEN behind it, or as it "
        "is when the\n"
        "token stands in it.  It is a secret, and shown without its token.\n"
        "Events: dlr, voice_status, sms_mo, all, voice_call, voice_dtmf, tracking, rcs.\n\n"
        "exit status: 0 done, or nothing is wrong; 1 failed, or something has to be changed; 2 "
        "used wrongly;\n"
        "3 there is no such webhook, or none at all\n\n"
        "examples:\n"
        "  bellhop hooks check\n"
        "  bellhop hooks add\n"
        "  bellhop hooks add --event sms_mo --method POST https://shop.example/sms-in\n"
        "  bellhop hooks list --json | jq -r 'select(.ours | not) | .id'\n"
        "  bellhop hooks remove 2045",
    .options = hooks_option_rows,
    .options_count = BH_ARRAY_LEN(hooks_option_rows),
    .options_size = sizeof(struct bh_hooks_options),
    .run = hooks_run,
};
