#include "sim/directory.h"

#include <stdlib.h>
#include <string.h>

#include "sim/calendar.h"

#define DONE   152
#define FAILED 151

static bool
is_method(const struct bh_sim_exchange *exchange, const char *name)
{
    return bh_sim_str_is(exchange->http->method, name);
}

static int64_t
id_of(struct bh_sim_str text)
{
    int64_t id = 0;
    bh_sim_str_to_int(text, &id);
    return id;
}

/* First generation: {"ID":"1","Name":"a","Number":"49..."} or a line of CSV. */
static void
print_old_contact(const struct bh_sim_pair *contact, bool json, struct bh_sim_buf *buf)
{
    if (!json) {
        bh_sim_buf_printf(buf, "\"%lld\";\"%s\";\"%s\"\n", (long long)contact->id, contact->name,
                          contact->value);
        return;
    }
    bh_sim_buf_printf(buf, "{\"ID\":\"%lld\",\"Name\":", (long long)contact->id);
    bh_sim_json_text(buf, contact->name);
    bh_sim_buf_text(buf, ",\"Number\":");
    bh_sim_json_text(buf, contact->value);
    bh_sim_buf_char(buf, '}');
}

static void
read_old(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    const struct bh_sim_pairs *contacts = &world->config.contacts;
    struct bh_sim_buf *buf = &exchange->answer.body;
    int64_t wanted = id_of(bh_sim_params_text(&exchange->params, "id"));
    bool json = exchange->wants_json, first = true;
    if (json) {
        exchange->answer.content_type = BH_SIM_TYPE_JSON;
        bh_sim_buf_char(buf, '[');
    }
    for (size_t at = 0; at < contacts->count; at++) {
        if (wanted != 0 && contacts->items[at].id != wanted)
            continue;
        if (json && !first)
            bh_sim_buf_char(buf, ',');
        print_old_contact(&contacts->items[at], json, buf);
        first = false;
    }
    if (json)
        bh_sim_buf_char(buf, ']');
}

static void
answer_old(struct bh_sim_exchange *exchange, int code, int64_t id)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    exchange->answer.code = code;
    if (!exchange->wants_json) {
        bh_sim_buf_int(buf, code);
        if (id > 0)
            bh_sim_buf_printf(buf, "\n%lld", (long long)id);
        return;
    }
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_printf(buf, "{\"return\":\"%d\"", code);
    if (id > 0)
        bh_sim_buf_printf(buf, ",\"id\":\"%lld\"", (long long)id);
    bh_sim_buf_char(buf, '}');
}

static void
rename_pair(struct bh_sim_pair *pair, struct bh_sim_str name, struct bh_sim_str value)
{
    if (name.len > 0) {
        free(pair->name);
        pair->name = bh_sim_strndup(name.ptr, name.len);
    }
    if (value.len > 0) {
        free(pair->value);
        pair->value = bh_sim_strndup(value.ptr, value.len);
    }
}

static void
write_old(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_pairs *contacts = &world->config.contacts;
    struct bh_sim_str nick = bh_sim_params_text(&exchange->params, "nick");
    struct bh_sim_str number = bh_sim_params_text(&exchange->params, "empfaenger");
    int64_t id = id_of(bh_sim_params_text(&exchange->params, "id"));
    struct bh_sim_pair *known = id > 0 ? bh_sim_pairs_by_id(contacts, id) : NULL;
    if (known != NULL)
        rename_pair(known, nick, number);
    else if (id > 0 || !bh_sim_pairs_set(contacts, nick, number)) {
        answer_old(exchange, FAILED, 0);
        return;
    }
    answer_old(exchange, DONE, known != NULL ? id : contacts->last_id);
}

static void
print_property(struct bh_sim_buf *buf, const char *name, struct bh_sim_str value)
{
    bh_sim_buf_printf(buf, ",\"%s\":", name);
    bh_sim_json_string_or_null(buf, value);
}

static void
print_contact(const struct bh_sim_pair *contact, struct bh_sim_buf *buf)
{
    struct bh_sim_str name = bh_sim_str_from(contact->name);
    bh_sim_buf_printf(
        buf,
        "{\"id\":%lld,\"avatar\":\"\",\"created\":\"2022-01-01 00:00:00\",\"groups\":[],"
        "\"initials\":{\"color\":\"#888888\",\"initials\":",
        (long long)contact->id);
    bh_sim_json_string(buf, (struct bh_sim_str){name.ptr, name.len > 0 ? 1 : 0});
    bh_sim_buf_text(buf, "},\"properties\":{\"fullname\":");
    bh_sim_json_string(buf, name);
    print_property(buf, "firstname", name);
    print_property(buf, "mobile_number", bh_sim_str_from(contact->value));
    bh_sim_buf_text(buf, ",\"lastname\":null,\"address\":null,\"birthday\":null,\"city\":null,"
                         "\"email\":null,\"home_number\":null,\"notes\":null,\"postal_code\":null},"
                         "\"validation\":{\"state\":null,\"timestamp\":null}}");
}

static void
print_paging(struct bh_sim_buf *buf, size_t total)
{
    bh_sim_buf_printf(buf,
                      "\"pagingMetadata\":{\"offset\":0,\"count\":%zu,\"total\":%zu,\"limit\":%zu,"
                      "\"has_more\":false}",
                      total, total, total);
}

static void
list_contacts(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    const struct bh_sim_pairs *contacts = &world->config.contacts;
    struct bh_sim_buf *buf = &exchange->answer.body;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_char(buf, '{');
    print_paging(buf, contacts->count);
    bh_sim_buf_text(buf, ",\"data\":[");
    for (size_t at = 0; at < contacts->count; at++) {
        if (at > 0)
            bh_sim_buf_char(buf, ',');
        print_contact(&contacts->items[at], buf);
    }
    bh_sim_buf_text(buf, "]}");
}

static struct bh_sim_str
new_name(const struct bh_sim_exchange *exchange)
{
    static const char *const names[] = {"fullname", "firstname", "lastname", "name", "email"};
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(names); at++) {
        struct bh_sim_str name = bh_sim_params_text(&exchange->params, names[at]);
        if (name.len > 0)
            return name;
    }
    return bh_sim_params_text(&exchange->params, "mobile_number");
}

static void
create_contact(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_pairs *contacts = &world->config.contacts;
    struct bh_sim_str number = bh_sim_params_text(&exchange->params, "mobile_number");
    if (!bh_sim_pairs_set(contacts, new_name(exchange), number)) {
        bh_sim_refuse(world, exchange, 600);
        return;
    }
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    print_contact(&contacts->items[contacts->count - 1], &exchange->answer.body);
}

void
bh_sim_directory_contacts(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_str action = bh_sim_params_text(&exchange->params, "action");
    if (bh_sim_str_is(action, "read"))
        read_old(world, exchange);
    else if (bh_sim_str_is(action, "write"))
        write_old(world, exchange);
    else if (bh_sim_str_is(action, "del"))
        answer_old(exchange,
                   bh_sim_pairs_remove(&world->config.contacts,
                                       id_of(bh_sim_params_text(&exchange->params, "id")))
                       ? DONE
                       : FAILED,
                   0);
    else if (is_method(exchange, "POST"))
        create_contact(world, exchange);
    else
        list_contacts(world, exchange);
}

static void
answer_success(struct bh_sim_exchange *exchange, bool success)
{
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_printf(&exchange->answer.body, "{\"success\":%s}", success ? "true" : "false");
}

void
bh_sim_directory_contact(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                         struct bh_sim_str id)
{
    struct bh_sim_pairs *contacts = &world->config.contacts;
    if (is_method(exchange, "DELETE")) {
        answer_success(exchange, bh_sim_pairs_remove(contacts, id_of(id)));
        return;
    }
    struct bh_sim_pair *contact = bh_sim_pairs_by_id(contacts, id_of(id));
    if (contact == NULL) {
        exchange->answer.status = 404;
        answer_success(exchange, false);
        return;
    }
    if (!is_method(exchange, "GET"))
        rename_pair(contact, new_name(exchange),
                    bh_sim_params_text(&exchange->params, "mobile_number"));
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    print_contact(contact, &exchange->answer.body);
}

static void
print_group(const struct bh_sim_pair *group, struct bh_sim_buf *buf)
{
    struct bh_sim_str rest = bh_sim_str_from(group->value), member;
    int members = 0;
    while (bh_sim_str_split(&rest, ',', &member))
        members += bh_sim_str_trim(member).len > 0 ? 1 : 0;
    bh_sim_buf_printf(buf, "{\"id\":%lld,\"name\":", (long long)group->id);
    bh_sim_json_text(buf, group->name);
    bh_sim_buf_printf(buf, ",\"members_count\":%d,\"created\":\"2022-01-01 00:00:00\"}", members);
}

void
bh_sim_directory_groups(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_pairs *groups = &world->config.groups;
    struct bh_sim_buf *buf = &exchange->answer.body;
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    if (is_method(exchange, "POST")) {
        if (bh_sim_pairs_set(groups, bh_sim_params_text(&exchange->params, "name"),
                             BH_SIM_STR_EMPTY))
            print_group(&groups->items[groups->count - 1], buf);
        else
            answer_success(exchange, false);
        return;
    }
    /* The vendor's library for this generation wants the bare list. */
    bh_sim_buf_char(buf, '[');
    for (size_t at = 0; at < groups->count; at++) {
        if (at > 0)
            bh_sim_buf_char(buf, ',');
        print_group(&groups->items[at], buf);
    }
    bh_sim_buf_char(buf, ']');
}

void
bh_sim_directory_group(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                       struct bh_sim_str id)
{
    struct bh_sim_pairs *groups = &world->config.groups;
    if (is_method(exchange, "DELETE")) {
        answer_success(exchange, bh_sim_pairs_remove(groups, id_of(id)));
        return;
    }
    struct bh_sim_pair *group = bh_sim_pairs_by_id(groups, id_of(id));
    if (group == NULL) {
        exchange->answer.status = 404;
        answer_success(exchange, false);
        return;
    }
    if (!is_method(exchange, "GET"))
        rename_pair(group, bh_sim_params_text(&exchange->params, "name"), BH_SIM_STR_EMPTY);
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    print_group(group, &exchange->answer.body);
}
