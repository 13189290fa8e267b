#include "http/api_route.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/form.h"
#include "core/job_word.h"

static const char only_get[] = "GET, HEAD";
static const char only_post[] = "POST";

/* ---- names ---- */

static bool
take_text(char *text, size_t size, struct bh_str view)
{
    if (view.len >= size)
        return false;
    if (view.len > 0)
        memcpy(text, view.ptr, view.len);
    text[view.len] = '\0';
    return true;
}

static bool
take_queue(struct bh_api_route *route, struct bh_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !bh_is_digit(c) && c != '_' && c != '-')
            return false;
    }
    return name.len > 0 && take_text(route->queue, sizeof(route->queue), name);
}

static bool
take_id(struct bh_api_route *route, struct bh_str id)
{
    return bh_job_is_word(id, BH_API_ID_MAX) && take_text(route->id, sizeof(route->id), id);
}

/* "12 34" of a set, "12" of a list; what else it may mean is the script's. */
static bool
take_cursor(struct bh_api_route *route, struct bh_str cursor)
{
    for (size_t i = 0; i < cursor.len; i++) {
        if (!bh_is_digit(cursor.ptr[i]) && cursor.ptr[i] != ' ')
            return false;
    }
    return take_text(route->cursor, sizeof(route->cursor), cursor);
}

static bool
take_place(struct bh_api_route *route, struct bh_str word)
{
    static const char *const words[] = {
        [BH_API_PLACE_DUE] = "due",           [BH_API_PLACE_READY] = "ready",
        [BH_API_PLACE_LEASES] = "leases",     [BH_API_PLACE_DEAD] = "dead",
        [BH_API_PLACE_SUSPECTS] = "suspects", [BH_API_PLACE_UNCLAIMED] = "unclaimed",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(words); i++) {
        if (bh_str_equal_text(word, words[i])) {
            route->place = (enum bh_api_place)i;
            return true;
        }
    }
    return false;
}

static bool
take_state(struct bh_api_route *route, struct bh_str word)
{
    static const struct {
        const char *word, *waiting;
    } rows[] = {
        {"",          "" },
        {"new",       "n"},
        {"scheduled", "s"},
        {"retrying",  "r"},
        {"held",      "h"},
        {"uncertain", "u"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        if (bh_str_equal_text(word, rows[i].word))
            return take_text(route->waiting, sizeof(route->waiting), bh_str_from(rows[i].waiting));
    }
    return false;
}

/* ---- queries ---- */

enum parameter { QUEUE = 1, ID = 2, PLACE = 4, STATE = 8, CURSOR = 16 };

static const struct {
    const char *name, *why;
    enum parameter bit;
    bool (*take)(struct bh_api_route *route, struct bh_str value);
} parameters[] = {
    {"queue",  "queue: the name of a queue is wanted",                             QUEUE,  take_queue },
    {"id",     "id: the id of a job is wanted",                                    ID,     take_id    },
    {"place",  "place: due, ready, leases, dead, suspects or unclaimed is wanted", PLACE,
     take_place                                                                                       },
    {"state",  "state: new, scheduled, retrying, held or uncertain is wanted",     STATE,  take_state },
    {"cursor", "cursor: what an earlier page gave as `next` is wanted",            CURSOR, take_cursor},
};

static void
be_bad(struct bh_api_route *route, const char *why)
{
    route->kind = BH_API_BAD;
    route->why = why;
}

/* The parameter of that name, if the route knows it; what it does not know is not looked at. */
static void
take_field(struct bh_api_route *route, const struct bh_form_field *field, unsigned allowed,
           unsigned *seen)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(parameters); i++) {
        unsigned bit = parameters[i].bit;
        if ((allowed & bit) == 0 || strcmp(field->name, parameters[i].name) != 0)
            continue;
        if ((*seen & bit) != 0 || !parameters[i].take(route, bh_str_from(field->value)))
            be_bad(route, parameters[i].why);
        *seen |= bit;
    }
}

static void
read_query(struct bh_api_route *route, struct bh_str query, unsigned needed, unsigned allowed)
{
    struct bh_form form = bh_form_from(query);
    struct bh_form_field field;
    unsigned seen = 0;
    while (route->kind != BH_API_BAD && bh_form_next(&form, &field))
        take_field(route, &field, allowed, &seen);
    for (size_t i = 0; i < BH_ARRAY_LEN(parameters) && route->kind != BH_API_BAD; i++) {
        if ((needed & parameters[i].bit) != 0 && (seen & parameters[i].bit) == 0)
            be_bad(route, parameters[i].why);
    }
}

/* ---- paths ---- */

static const struct {
    const char *path;
    enum bh_api_kind kind;
    unsigned needed, allowed; /* parameters of the query */
} reads[] = {
    {"/",                BH_API_PAGE,     0,             0                             },
    {"/dashboard.js",    BH_API_SCRIPT,   0,             0                             },
    {"/dashboard.css",   BH_API_STYLE,    0,             0                             },
    {"/dashboard.svg",   BH_API_ICON,     0,             0                             },
    {"/api/v1/overview", BH_API_OVERVIEW, 0,             0                             },
    {"/api/v1/history",  BH_API_HISTORY,  QUEUE,         QUEUE                         },
    {"/api/v1/shape",    BH_API_SHAPE,    QUEUE,         QUEUE                         },
    {"/api/v1/jobs",     BH_API_JOBS,     QUEUE | PLACE, QUEUE | PLACE | STATE | CURSOR},
    {"/api/v1/job",      BH_API_JOB,      QUEUE | ID,    QUEUE | ID                    },
};

static const struct {
    const char *about, *operation;
    enum bh_api_kind kind;
    unsigned names; /* between the two: a queue's, and a job's */
} changes[] = {
    {"queue",   "pause",   BH_API_QUEUE_PAUSE,    1},
    {"queue",   "resume",  BH_API_QUEUE_RESUME,   1},
    {"account", "pause",   BH_API_ACCOUNT_PAUSE,  0},
    {"account", "resume",  BH_API_ACCOUNT_RESUME, 0},
    {"job",     "retry",   BH_API_JOB_RETRY,      2},
    {"job",     "cancel",  BH_API_JOB_CANCEL,     2},
    {"job",     "resolve", BH_API_JOB_RESOLVE,    2},
};

#define PIECES_MAX 4

static bool
read_names(struct bh_api_route *route, const struct bh_str *names, unsigned count)
{
    char text[BH_API_ID_MAX + 1];
    if (count >= 1 && !take_queue(route, names[0]))
        return false;
    return count < 2 || (bh_percent_decode(names[1], false, text, sizeof(text)) &&
                         take_id(route, bh_str_from(text)));
}

static void
read_change(struct bh_api_route *route, enum bh_http_method method, struct bh_str path)
{
    struct bh_str pieces[PIECES_MAX + 1], rest = path;
    unsigned count = 0;
    while (count <= PIECES_MAX && bh_str_split(&rest, '/', &pieces[count]))
        count++;
    for (size_t i = 0; i < BH_ARRAY_LEN(changes); i++) {
        if (count != changes[i].names + 2 || !bh_str_equal_text(pieces[0], changes[i].about) ||
            !bh_str_equal_text(pieces[count - 1], changes[i].operation) ||
            !read_names(route, pieces + 1, changes[i].names))
            continue;
        route->kind = method == BH_HTTP_POST ? changes[i].kind : BH_API_NOT_ALLOWED;
        route->allow = method == BH_HTTP_POST ? NULL : only_post;
    }
}

void
bh_api_route_parse(const struct bh_http_request *request, struct bh_api_route *ret_route)
{
    static const struct bh_str api = {"/api/", 5}, v1 = {"/api/v1/", 8};
    struct bh_str path = request->path;
    memset(ret_route, 0, sizeof(*ret_route));
    for (size_t i = 0; i < BH_ARRAY_LEN(reads); i++) {
        if (!bh_str_equal_text(path, reads[i].path))
            continue;
        ret_route->kind = request->method == BH_HTTP_POST ? BH_API_NOT_ALLOWED : reads[i].kind;
        ret_route->allow = request->method == BH_HTTP_POST ? only_get : NULL;
        if (ret_route->allow == NULL)
            read_query(ret_route, request->query, reads[i].needed, reads[i].allowed);
        return;
    }
    if (!bh_str_starts_with(path, api))
        return;
    ret_route->kind = BH_API_NOT_FOUND;
    if (bh_str_starts_with(path, v1))
        read_change(ret_route, request->method,
                    (struct bh_str){path.ptr + v1.len, path.len - v1.len});
}

bool
bh_api_is_change(enum bh_api_kind kind)
{
    return kind >= BH_API_QUEUE_PAUSE;
}

bool
bh_api_is_data(enum bh_api_kind kind)
{
    return kind >= BH_API_OVERVIEW;
}

/* ---- hosts ---- */

/* Without ":PORT".  An IPv6 address stands in brackets there, which fall away too. */
static struct bh_str
without_port(struct bh_str host)
{
    struct bh_str rest = host, name = {"", 0}; /* a header that is not there is no text at all */
    if (host.len > 0 && host.ptr[0] == '[') {
        const char *end = memchr(host.ptr, ']', host.len);
        if (end == NULL)
            return (struct bh_str){"", 0};
        return (struct bh_str){host.ptr + 1, (size_t)(end - host.ptr) - 1};
    }
    bh_str_split(&rest, ':', &name);
    return name;
}

bool
bh_api_is_own_host(struct bh_str host, struct bh_str listen_host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char text[64];
    struct bh_str name = without_port(host);
    if (name.len == 0 || !take_text(text, sizeof(text), name))
        return name.len > 0 && bh_str_equal_nocase(name, listen_host);
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1 ||
           bh_str_equal_nocase(name, BH_STR_LITERAL("localhost")) ||
           bh_str_equal_nocase(name, listen_host);
}
