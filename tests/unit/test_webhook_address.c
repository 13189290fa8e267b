#include <criterion/criterion.h>

#include <string.h>

#include "core/webhook_address.h"

#define TOKEN "tok-0123456789abcdef"

/* clang-format off */
Test(webhook_address, is_made_of_url_and_token)
{
    static const struct {
        const char *name, *url, *token, *wanted; /* NULL: none can be made */
    } rows[] = {
        {"a host",              "https://sms.example",               TOKEN, "https://sms.example/webhook/" TOKEN},
        {"a slash",             "https://sms.example/",              TOKEN, "https://sms.example/webhook/" TOKEN},
        {"a port",              "http://127.0.0.1:9177",             TOKEN, "http://127.0.0.1:9177/webhook/" TOKEN},
        {"a path",              "https://sms.example/bellhop",       TOKEN, "https://sms.example/bellhop/webhook/" TOKEN},
        {"a path with a slash", "https://sms.example/bellhop/",      TOKEN, "https://sms.example/bellhop/webhook/" TOKEN},
        {"a query",             "https://sms.example/x?a=1",         TOKEN, "https://sms.example/x/webhook/" TOKEN "?a=1"},
        {"a query alone",       "https://sms.example?a=/",           TOKEN, "https://sms.example/webhook/" TOKEN "?a=/"},
        {"the token in it",     "https://sms.example/in/" TOKEN,     TOKEN, "https://sms.example/in/" TOKEN},
        {"the token as query",  "https://sms.example/in?t=" TOKEN,   TOKEN, "https://sms.example/in?t=" TOKEN},
        {"the token, encoded",  "https://sms.example/in/a%2Fb%20c",  "a/b c", "https://sms.example/in/a%2Fb%20c"},
        {"a token to encode",   "https://sms.example",               "a/b c", "https://sms.example/webhook/a%2Fb%20c"},
        {"the token in the host", "https://sms.example",             "sms", "https://sms.example/webhook/sms"},
        {"another token in it", "https://sms.example/webhook/other", TOKEN, "https://sms.example/webhook/other/webhook/" TOKEN},
        {"no URL",              "",                                  TOKEN, NULL},
        {"no token",            "https://sms.example",               "",    NULL},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_buf address;
        bh_buf_init(&address, BH_WEBHOOK_ADDRESS_MAX);
        enum bh_status status =
            bh_webhook_address(bh_str_from(rows[i].url), bh_str_from(rows[i].token), &address);
        cr_expect_eq(status, rows[i].wanted != NULL ? BH_OK : BH_EINVAL, "%s", rows[i].name);
        cr_expect_str_eq(bh_buf_text(&address), rows[i].wanted != NULL ? rows[i].wanted : "", "%s: %s",
                         rows[i].name, bh_buf_text(&address));
        bh_buf_release(&address);
    }
}

Test(webhook_address, shows_no_secret)
{
    static const struct {
        const char *name, *url, *token, *wanted;
    } rows[] = {
        {"ours",                    "https://sms.example/webhook/" TOKEN,      TOKEN, "https://sms.example/webhook/***"},
        {"a former token",          "https://sms.example/webhook/older",       TOKEN, "https://sms.example/webhook/***"},
        {"without knowing one",     "https://sms.example/webhook/older",       "",    "https://sms.example/webhook/***"},
        {"up to the query",         "https://sms.example/webhook/older?a=1",   TOKEN, "https://sms.example/webhook/***?a=1"},
        {"in a sentence",           "bad: https://h/webhook/older, sorry",     "",    "bad: https://h/webhook/*** sorry"},
        {"in quotation marks",      "\"https://h/webhook/older\" is bad",      "",    "\"https://h/webhook/***\" is bad"},
        {"the token as query",      "https://sms.example/in?t=" TOKEN "&x=1",  TOKEN, "https://sms.example/in?t=***&x=1"},
        {"the token twice",         "http://h/" TOKEN "/" TOKEN,               TOKEN, "http://h/***/***"},
        {"the token, encoded",      "http://h/in/a%2Fb",                       "a/b", "http://h/in/***"},
        {"user and password",       "https://u:p@sms.example/x",               TOKEN, "https://***@sms.example/x"},
        {"an at in the password",   "https://u:p@q@sms.example/x",             TOKEN, "https://***@sms.example/x"},
        {"an at in the path",       "https://sms.example/x@y",                 TOKEN, "https://sms.example/x@y"},
        {"nothing to hide",         "https://sms.example/hook",                TOKEN, "https://sms.example/hook"},
        {"nothing behind webhook",  "https://sms.example/webhook/",            TOKEN, "https://sms.example/webhook/"},
        {"a scheme alone",          "http",                                    TOKEN, "http"},
        {"no URL at all",           "x",                                       TOKEN, "x"},
        {"empty",                   "",                                        TOKEN, ""},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_buf text;
        bh_buf_init(&text, 4096);
        cr_expect_eq(bh_webhook_mask(bh_str_from(rows[i].url), bh_str_from(rows[i].token), &text), BH_OK,
                     "%s", rows[i].name);
        cr_expect_str_eq(bh_buf_text(&text), rows[i].wanted, "%s: %s", rows[i].name, bh_buf_text(&text));
        bh_buf_release(&text);
    }
}

Test(webhook_address, knows_the_same_place_in_another_spelling)
{
    static const struct {
        const char *name, *a, *b;
        bool same, former;
    } rows[] = {
        {"equal",                  "https://h/webhook/a",     "https://h/webhook/a",     true,  false},
        {"host in capitals",       "https://H.Example/a",     "https://h.example/a",     true,  false},
        {"scheme in capitals",     "HTTPS://h/a",             "https://h/a",             true,  false},
        {"path in capitals",       "https://h/A",             "https://h/a",             false, false},
        {"the scheme's port",      "https://h:443/a",         "https://h/a",             true,  false},
        {"the other's port",       "http://h:443/a",          "http://h/a",              false, false},
        {"http's port",            "http://h:80/a",           "http://h/a",              true,  false},
        {"an empty path",          "https://h/",              "https://h",               true,  false},
        {"a slash more",           "https://h/a/",            "https://h/a",             false, false},
        {"a query",                "https://h/a?x",           "https://h/a",             false, false},
        {"another scheme",         "http://h/webhook/a",      "https://h/webhook/a",     false, false},
        {"an address of IPv6",     "http://[::1]:80/a",       "http://[::1]/a",          true,  false},
        {"ports of IPv6",          "http://[::1]:81/a",       "http://[::1]/a",          false, false},
        {"another token",          "https://h/webhook/b",     "https://h/webhook/a",     false, true},
        {"... below a path",       "https://h/x/webhook/b",   "https://h/x/webhook/a",   false, true},
        {"... below another",      "https://h/y/webhook/b",   "https://h/x/webhook/a",   false, false},
        {"no token",               "https://h/webhook/",      "https://h/webhook/a",     false, false},
        {"deeper",                 "https://h/webhook/b/c",   "https://h/webhook/a",     false, false},
        {"another host",           "https://g/webhook/b",     "https://h/webhook/a",     false, false},
        {"not a URL, equal",       "x",                       "x",                       true,  false},
        {"not a URL",              "x",                       "https://h/webhook/a",     false, false},
        {"empty",                  "",                        "https://h/webhook/a",     false, false},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_str a = bh_str_from(rows[i].a), b = bh_str_from(rows[i].b);
        cr_expect_eq(bh_webhook_is_same(a, b), rows[i].same, "%s", rows[i].name);
        cr_expect_eq(bh_webhook_is_same(b, a), rows[i].same, "%s, the other way", rows[i].name);
        cr_expect_eq(bh_webhook_is_former(a, b), rows[i].former, "%s: former", rows[i].name);
    }
}
/* clang-format on */

Test(webhook_address, keeps_its_bound)
{
    struct bh_buf address;
    bh_buf_init(&address, 20);
    cr_expect_eq(
        bh_webhook_address(BH_STR_LITERAL("https://sms.example"), BH_STR_LITERAL(TOKEN), &address),
        BH_ETOOBIG);
    bh_buf_release(&address);
}
