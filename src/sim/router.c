#include "sim/router.h"

#include <string.h>

#include "sim/auth.h"
#include "sim/control.h"
#include "sim/directory.h"
#include "sim/hooks.h"
#include "sim/lookup.h"
#include "sim/records.h"
#include "sim/sms.h"
#include "sim/voice.h"

enum method { GET = 1, POST = 2, DELETE = 4, PATCH = 8, PUT = 16 };

typedef void handler(struct bh_sim_world *world, struct bh_sim_exchange *exchange);
typedef void rest_handler(struct bh_sim_world *world, struct bh_sim_exchange *exchange,
                          struct bh_sim_str rest);

/* `rest_handler` serves paths below: it gets what follows "path/". */
struct route {
    const char *path;
    unsigned methods;
    enum bh_sim_right right;
    handler *handle;
    rest_handler *handle_rest;
};

static void
balance(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_buf *buf = &exchange->answer.body;
    bool object = exchange->accepts_json && world->config.era >= 2024;
    if (!object) {
        bh_sim_money_print(buf, world->config.balance);
        return;
    }
    exchange->answer.content_type = BH_SIM_TYPE_JSON;
    bh_sim_buf_text(buf, "{\"amount\":");
    bh_sim_money_print(buf, world->config.balance);
    bh_sim_buf_text(buf, ",\"currency\":\"EUR\"}");
}

static void
sms(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    if (bh_sim_str_is(exchange->http->method, "DELETE"))
        bh_sim_sms_delete(world, exchange);
    else
        bh_sim_sms_send(world, exchange);
}

static void
voice_rest(struct bh_sim_world *world, struct bh_sim_exchange *exchange, struct bh_sim_str rest)
{
    struct bh_sim_str id;
    bh_sim_str_split(&rest, '/', &id);
    if (bh_sim_str_is(rest, "hangup"))
        bh_sim_voice_hangup(world, exchange, id);
    else
        exchange->answer.status = 404;
}

static const struct route routes[] = {
    {"/api/sms",                GET | POST | DELETE,               BH_SIM_RIGHT_SMS,       sms,                      NULL                    },
    {"/api/voice",              GET | POST,                        BH_SIM_RIGHT_VOICE,     bh_sim_voice_call,        voice_rest              },
    {"/api/balance",            GET | POST,                        BH_SIM_RIGHT_BALANCE,   balance,                  NULL                    },
    {"/api/hooks",              GET | POST | DELETE,               BH_SIM_RIGHT_HOOKS,     bh_sim_hooks_endpoint,    NULL                    },
    {"/api/status",             GET | POST,                        BH_SIM_RIGHT_STATUS,    bh_sim_records_status,    NULL                    },
    {"/api/journal",            GET | POST,                        BH_SIM_RIGHT_JOURNAL,   bh_sim_records_journal,
     bh_sim_records_journal_type                                                                                                             },
    {"/api/pricing",            GET | POST,                        BH_SIM_RIGHT_PRICING,   bh_sim_lookup_pricing,    NULL                    },
    {"/api/lookup",             GET | POST,                        BH_SIM_RIGHT_LOOKUP,    bh_sim_lookup,            bh_sim_lookup_type      },
    {"/api/validate_for_voice", GET | POST,                        BH_SIM_RIGHT_VALIDATE,  bh_sim_lookup_validate,   NULL                    },
    {"/api/contacts",           GET | POST | DELETE | PATCH | PUT, BH_SIM_RIGHT_CONTACTS,
     bh_sim_directory_contacts,                                                                                      bh_sim_directory_contact},
    {"/api/groups",             GET | POST | DELETE | PATCH | PUT, BH_SIM_RIGHT_GROUPS,    bh_sim_directory_groups,
     bh_sim_directory_group                                                                                                                  },
    {"/api/analytics",          GET | POST,                        BH_SIM_RIGHT_ANALYTICS, bh_sim_records_analytics,
     bh_sim_records_analytics_by                                                                                                             },
};

static unsigned
method_of(struct bh_sim_str name)
{
    static const struct {
        const char *name;
        unsigned method;
    } methods[] = {
        {"GET",    GET   },
        {"POST",   POST  },
        {"DELETE", DELETE},
        {"PATCH",  PATCH },
        {"PUT",    PUT   }
    };
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(methods); at++)
        if (bh_sim_str_is(name, methods[at].name))
            return methods[at].method;
    return 0;
}

/* The path without a slash at its end, which clients that join URLs leave behind. */
static struct bh_sim_str
plain_path(struct bh_sim_str path)
{
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

static const struct route *
find_route(struct bh_sim_str path, struct bh_sim_str *ret_rest)
{
    for (size_t at = 0; at < BH_SIM_ARRAY_LEN(routes); at++) {
        const struct route *route = &routes[at];
        size_t len = strlen(route->path);
        if (!bh_sim_str_starts(path, route->path))
            continue;
        *ret_rest = bh_sim_str_tail(path, len + 1);
        if (path.len == len || (path.ptr[len] == '/' && route->handle_rest != NULL))
            return route;
    }
    return NULL;
}

static void
answer_page(struct bh_sim_answer *answer, int status, const char *title)
{
    answer->status = status;
    answer->content_type = BH_SIM_TYPE_HTML;
    bh_sim_buf_printf(&answer->body, "<html><head><title>%d %s</title></head></html>\n", status,
                      title);
}

/* A wrong key on /api/balance was recorded as a JSON string when JSON was asked for. */
static void
refuse(struct bh_sim_world *world, struct bh_sim_exchange *exchange, enum bh_sim_right right,
       int code)
{
    int64_t form = world->config.json_refusal;
    if (right == BH_SIM_RIGHT_BALANCE)
        world->config.json_refusal = BH_SIM_REFUSAL_QUOTED;
    else if (right != BH_SIM_RIGHT_SMS && right != BH_SIM_RIGHT_VOICE &&
             form == BH_SIM_REFUSAL_OBJECT)
        world->config.json_refusal = BH_SIM_REFUSAL_BARE;
    bh_sim_refuse(world, exchange, code);
    world->config.json_refusal = form;
}

bool
bh_sim_route_is_control(const struct bh_sim_exchange *exchange)
{
    return bh_sim_str_starts(exchange->http->path, "/_sim/");
}

void
bh_sim_route(struct bh_sim_world *world, struct bh_sim_exchange *exchange)
{
    struct bh_sim_str path = plain_path(exchange->http->path), rest;
    if (bh_sim_route_is_control(exchange)) {
        bh_sim_control(world, exchange, bh_sim_str_tail(path, 6));
        return;
    }
    const struct route *route = find_route(path, &rest);
    if (route == NULL) {
        answer_page(&exchange->answer, 404, "Not Found");
        return;
    }
    if ((route->methods & method_of(exchange->http->method)) == 0) {
        answer_page(&exchange->answer, 405, "Method Not Allowed");
        return;
    }
    int code = bh_sim_auth_check(world, exchange, route->right);
    if (code != 0)
        refuse(world, exchange, route->right, code);
    else if (rest.len > 0)
        route->handle_rest(world, exchange, rest);
    else
        route->handle(world, exchange);
}
