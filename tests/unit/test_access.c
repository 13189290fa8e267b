#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "http/access.h"

#define TOKEN "an administrator's token"

static const struct bh_mono start = {1000000};

static struct bh_http_request
get(const char *authorization, const char *address)
{
    return (struct bh_http_request){
        .method = BH_HTTP_GET,
        .authorization = bh_str_from(authorization),
        .host = bh_str_from("127.0.0.1:9177"),
        .address = bh_str_from(address),
    };
}

Test(access, knows_the_administrator_by_the_token_alone)
{
    static const struct {
        const char *name, *token, *authorization;
        enum bh_access wanted;
    } rows[] = {
        {"no header",          TOKEN, "",                     BH_ACCESS_STRANGER},
        {"the token",          TOKEN, "Bearer " TOKEN,        BH_ACCESS_ADMIN   },
        {"scheme in any case", TOKEN, "bEARER " TOKEN,        BH_ACCESS_ADMIN   },
        {"blanks around it",   TOKEN, "Bearer   " TOKEN "  ", BH_ACCESS_ADMIN   },
        {"another token",      TOKEN, "Bearer " TOKEN "x",    BH_ACCESS_WRONG   },
        {"its beginning",      TOKEN, "Bearer an",            BH_ACCESS_WRONG   },
        {"nothing behind",     TOKEN, "Bearer ",              BH_ACCESS_WRONG   },
        {"no scheme",          TOKEN, TOKEN,                  BH_ACCESS_WRONG   },
        {"another scheme",     TOKEN, "Basic " TOKEN,         BH_ACCESS_WRONG   },
        {"none is configured", "",    "Bearer ",              BH_ACCESS_WRONG   },
        {"and somebody tries", "",    "Bearer " TOKEN,        BH_ACCESS_WRONG   },
        {"and nobody tries",   "",    "",                     BH_ACCESS_STRANGER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_access_guard guard = {0};
        const struct bh_http_request request = get(rows[i].authorization, "10.0.0.1");
        enum bh_access access =
            bh_access_judge(&guard, &request, bh_str_from(rows[i].token), start);
        cr_expect_eq(access, rows[i].wanted, "%s: %d", rows[i].name, access);
    }
}

Test(access, refuses_changes_that_another_site_asks_for)
{
    static const struct {
        const char *name, *host, *origin, *site, *type;
        enum bh_access wanted;
    } rows[] = {
        {"a program",               "a:9177", "",                   "",            "application/json",                  BH_ACCESS_ADMIN  },
        {"our own page",            "a:9177", "http://a:9177",      "same-origin", "application/json",
         BH_ACCESS_ADMIN                                                                                                                 },
        {"behind a proxy with TLS", "b.test", "https://b.test",     "same-origin", "application/json",
         BH_ACCESS_ADMIN                                                                                                                 },
        {"hosts in any case",       "B.test", "https://b.TEST",     "",            "application/json",                  BH_ACCESS_ADMIN  },
        {"a charset",               "a",      "",                   "none",        "Application/JSON; charset=utf-8",   BH_ACCESS_ADMIN  },
        {"another site",            "a:9177", "http://evil.test",   "",            "application/json",                  BH_ACCESS_FOREIGN},
        {"another port",            "a:9177", "http://a:9178",      "",            "application/json",                  BH_ACCESS_FOREIGN},
        {"ours in front of it",     "a",      "http://a.evil.test", "",            "application/json",
         BH_ACCESS_FOREIGN                                                                                                               },
        {"ours as its user",        "a",      "http://a@evil",      "",            "application/json",                  BH_ACCESS_FOREIGN},
        {"a file, a sandbox",       "a:9177", "null",               "",            "application/json",                  BH_ACCESS_FOREIGN},
        {"the browser says so",     "a:9177", "",                   "cross-site",  "application/json",                  BH_ACCESS_FOREIGN},
        {"a neighbour",             "a:9177", "",                   "same-site",   "application/json",                  BH_ACCESS_FOREIGN},
        {"a form",                  "a:9177", "",                   "",            "application/x-www-form-urlencoded", BH_ACCESS_FOREIGN},
        {"a form with plain text",  "a:9177", "",                   "",            "text/plain",                        BH_ACCESS_FOREIGN},
        {"JSON behind something",   "a:9177", "",                   "",            "text/plain;application/json",
         BH_ACCESS_FOREIGN                                                                                                               },
        {"no type",                 "a:9177", "",                   "",            "",                                  BH_ACCESS_FOREIGN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_access_guard guard = {0};
        struct bh_http_request request = get("Bearer " TOKEN, "10.0.0.1");
        request.method = BH_HTTP_POST;
        request.host = bh_str_from(rows[i].host);
        request.origin = bh_str_from(rows[i].origin);
        request.fetch_site = bh_str_from(rows[i].site);
        request.content_type = bh_str_from(rows[i].type);
        enum bh_access access = bh_access_judge(&guard, &request, bh_str_from(TOKEN), start);
        cr_expect_eq(access, rows[i].wanted, "%s: %d", rows[i].name, access);
    }
    /* No header at all is not an empty one. */
    struct bh_access_guard guard = {0};
    struct bh_http_request bare = get("Bearer " TOKEN, "10.0.0.1");
    bare.method = BH_HTTP_POST;
    bare.host = bare.content_type = (struct bh_str){NULL, 0};
    cr_expect_eq(bh_access_judge(&guard, &bare, bh_str_from(TOKEN), start), BH_ACCESS_FOREIGN);
}

static enum bh_access
show(struct bh_access_guard *guard, const char *token, const char *address, bh_ms at_ms)
{
    char header[64];
    snprintf(header, sizeof(header), "Bearer %s", token);
    const struct bh_http_request request = get(header, address);
    return bh_access_judge(guard, &request, bh_str_from(TOKEN), bh_mono_add(start, at_ms));
}

Test(access, slows_who_guesses_and_nobody_else)
{
    struct bh_access_guard guard = {0};
    const struct bh_str guesser = bh_str_from("10.0.0.1");
    for (int i = 0; i < BH_ACCESS_TRIES; i++)
        cr_expect_eq(show(&guard, "guess", "10.0.0.1", 0), BH_ACCESS_WRONG, "try %d", i);
    cr_expect_eq(bh_access_wait(&guard, guesser, start), BH_ACCESS_TRY_MS);
    cr_expect_eq(show(&guard, "guess", "10.0.0.1", 0), BH_ACCESS_SLOWED);
    cr_expect_eq(show(&guard, TOKEN, "10.0.0.1", 0), BH_ACCESS_SLOWED, "that would tell");
    cr_expect_eq(show(&guard, "", "10.0.0.1", BH_ACCESS_TRY_MS - 1), BH_ACCESS_SLOWED);
    const struct bh_http_request stranger = get("", "10.0.0.1");
    cr_expect_eq(bh_access_judge(&guard, &stranger, bh_str_from(TOKEN), start), BH_ACCESS_STRANGER);
    cr_expect_eq(show(&guard, TOKEN, "10.0.0.2", 0), BH_ACCESS_ADMIN, "somebody else");

    cr_expect_eq(show(&guard, "guess", "10.0.0.1", BH_ACCESS_TRY_MS), BH_ACCESS_WRONG, "one each");
    cr_expect_eq(show(&guard, "guess", "10.0.0.1", BH_ACCESS_TRY_MS), BH_ACCESS_SLOWED);
    bh_ms later = BH_ACCESS_TRY_MS * (BH_ACCESS_TRIES + 1);
    for (int i = 0; i < BH_ACCESS_TRIES; i++)
        cr_expect_eq(show(&guard, "guess", "10.0.0.1", later), BH_ACCESS_WRONG, "afresh, %d", i);
    cr_expect_eq(show(&guard, "guess", "10.0.0.1", later), BH_ACCESS_SLOWED);
}

Test(access, is_bounded_whoever_comes)
{
    struct bh_access_guard guard = {0};
    char address[32];
    for (int i = 0; i < BH_ACCESS_ADDRESSES; i++) {
        snprintf(address, sizeof(address), "10.1.0.%d", i);
        cr_expect_eq(show(&guard, "guess", address, 0), BH_ACCESS_WRONG);
    }
    /* No room for them: they share what is left. */
    for (int i = 0; i < BH_ACCESS_TRIES; i++) {
        snprintf(address, sizeof(address), "10.2.0.%d", i);
        cr_expect_eq(show(&guard, "guess", address, 0), BH_ACCESS_WRONG, "%s", address);
    }
    cr_expect_eq(show(&guard, TOKEN, "10.3.0.1", 0), BH_ACCESS_SLOWED);
    cr_expect_eq(show(&guard, TOKEN, "10.1.0.5", 0), BH_ACCESS_ADMIN, "who is known is not");
    cr_expect_eq(show(&guard, TOKEN, "10.3.0.1", BH_ACCESS_TRY_MS), BH_ACCESS_ADMIN);
    /* The rows are free again. */
    cr_expect_eq(show(&guard, "guess", "10.4.0.1", BH_ACCESS_TRY_MS), BH_ACCESS_WRONG);
    cr_expect_str_eq(guard.rows[0].address, "10.4.0.1");
}

/* clang-format off */
Test(access, lets_strangers_look_from_this_machine_alone)
{
    static const struct {
        const char *name;
        bool is_local;
        const char *host, *authorization;
        enum bh_access wanted;
    } rows[] = {
        {"a browser here",              true,  "127.0.0.1:9177",  "",                 BH_ACCESS_STRANGER},
        {"a program without Host",      true,  "",                "",                 BH_ACCESS_STRANGER},
        {"by the name of the listener", true,  "bell.example:1",  "",                 BH_ACCESS_STRANGER},
        {"a page that rebinds names",   true,  "evil.example:1",  "",                 BH_ACCESS_MISNAMED},
        {"from elsewhere",              false, "127.0.0.1:9177",  "",                 BH_ACCESS_AFAR    },
        {"from elsewhere, no Host",     false, "",                "",                 BH_ACCESS_AFAR    },
        {"from elsewhere, by name",     false, "evil.example",    "",                 BH_ACCESS_AFAR    },
        {"from elsewhere, wrong",       false, "127.0.0.1:9177",  "Bearer x",         BH_ACCESS_WRONG   },
        {"from elsewhere, empty",       false, "127.0.0.1:9177",  "Bearer ",          BH_ACCESS_WRONG   },
        {"here and wrong",              true,  "127.0.0.1:9177",  "Bearer x",         BH_ACCESS_WRONG   },
        {"the administrator elsewhere", false, "evil.example",    "Bearer " TOKEN,    BH_ACCESS_ADMIN   },
        {"the administrator here",      true,  "evil.example",    "Bearer " TOKEN,    BH_ACCESS_ADMIN   },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_access_guard guard = {0};
        struct bh_http_request request = get(rows[i].authorization, "10.0.0.1");
        request.is_local = rows[i].is_local;
        request.host = bh_str_from(rows[i].host);
        enum bh_access access = bh_access_judge_look(&guard, &request, bh_str_from(TOKEN),
                                                     bh_str_from("bell.example"), start);
        cr_expect_eq(access, rows[i].wanted, "%s: %d", rows[i].name, access);
    }
}
/* clang-format on */
