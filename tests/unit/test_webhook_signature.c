#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/webhook_signature.h"

#define KEY   "sekret"
#define NONCE "67gpa0q6i4wchdx727kzpxyy4vdbxfco"
#define URL   "https://hooks.example/webhook/t0ken"
#define BODY  "msg_id=77&status=DELIVERED"
#define NOW_S 1795316484

static const struct bh_wall now = {(int64_t)NOW_S * 1000};

static struct bh_webhook_signed
a_request(void)
{
    return (struct bh_webhook_signed){
        .method = BH_STR_LITERAL("POST"),
        .url = BH_STR_LITERAL(URL),
        .body = BH_STR_LITERAL(BODY),
        .timestamp = BH_STR_LITERAL("1795316484"),
        .nonce = BH_STR_LITERAL(NONCE),
    };
}

static void
sign(const char *key, const char *method, const char *url, const char *body, int64_t timestamp_s,
     char signature[BH_SIGNATURE_BYTES])
{
    const struct bh_signing_parts parts = {
        .timestamp_s = timestamp_s,
        .nonce = BH_STR_LITERAL(NONCE),
        .method = bh_str_from(method),
        .url = bh_str_from(url),
        .body = bh_str_from(body),
    };
    cr_assert_eq(bh_signing_sign(bh_str_from(key), &parts, signature), BH_OK);
}

static enum bh_webhook_proof
verify(const struct bh_webhook_signed *request)
{
    enum bh_webhook_proof proof = BH_WEBHOOK_FORGED;
    cr_assert_eq(bh_webhook_verify(BH_STR_LITERAL(KEY), request, now, &proof), BH_OK);
    return proof;
}

Test(webhook_signature, knows_the_one_that_the_vendors_client_has_made)
{
    struct bh_webhook_signed request = a_request();
    request.url = BH_STR_LITERAL("http://127.0.0.1:18080/api/sms");
    request.body = BH_STR_LITERAL("{\"text\":\"signed\",\"to\":\"49179999999999\"}");
    request.signature =
        BH_STR_LITERAL("6bfc94fddde1b61b44fcfdbed8e9933a8c238fbc6f4684a923b2cf26ffd4a0e8");
    cr_expect_eq(verify(&request), BH_WEBHOOK_GENUINE);
}

Test(webhook_signature, covers_all_that_is_believed)
{
    /* What the gateway signed, and what came. */
    static const struct {
        const char *name, *key, *method, *url, *body; /* signed; NULL: as it came */
        const char *configured, *query;
        enum bh_webhook_proof wanted;
    } rows[] = {
        {"the full URL",               NULL,     NULL,  URL,                                  NULL,      URL,                 "",    BH_WEBHOOK_GENUINE},
        {"the path alone",             NULL,     NULL,  "/webhook/t0ken",                     NULL,      URL,                 "",    BH_WEBHOOK_GENUINE},
        {"the full URL with a query",  NULL,     NULL,  URL "?a=1",                           NULL,      URL,                 "a=1", BH_WEBHOOK_GENUINE},
        {"the path with a query",      NULL,     NULL,  "/webhook/t0ken?a=1",                 NULL,      URL,                 "a=1",
         BH_WEBHOOK_GENUINE                                                                                                                            },
        {"a query that is configured", NULL,     NULL,  URL "?a=1",                           NULL,      URL "?a=1",          "a=1",
         BH_WEBHOOK_GENUINE                                                                                                                            },
        {"no path",                    NULL,     NULL,  "/",                                  NULL,      "https://h.example", "",    BH_WEBHOOK_GENUINE},
        {"another query",              NULL,     NULL,  URL "?a=1",                           NULL,      URL,                 "a=2", BH_WEBHOOK_FORGED },
        {"one query more",             NULL,     NULL,  URL,                                  NULL,      URL,                 "a=1", BH_WEBHOOK_FORGED },
        {"one query less",             NULL,     NULL,  URL "?a=1",                           NULL,      URL "?a=1",          "",    BH_WEBHOOK_FORGED },
        {"another configured query",   NULL,     NULL,  URL "?a=1",                           NULL,      URL "?a=1",          "a=2",
         BH_WEBHOOK_FORGED                                                                                                                             },
        {"another key",                "Sekret", NULL,  URL,                                  NULL,      URL,                 "",    BH_WEBHOOK_FORGED },
        {"no key",                     "",       NULL,  URL,                                  NULL,      URL,                 "",    BH_WEBHOOK_FORGED },
        {"another method",             NULL,     "GET", URL,                                  NULL,      URL,                 "",    BH_WEBHOOK_FORGED },
        {"another host",               NULL,     NULL,  "https://evil.example/webhook/t0ken", NULL,      URL,                 "",
         BH_WEBHOOK_FORGED                                                                                                                             },
        {"another scheme",             NULL,     NULL,  "http://hooks.example/webhook/t0ken", NULL,      URL,                 "",
         BH_WEBHOOK_FORGED                                                                                                                             },
        {"a slash more",               NULL,     NULL,  URL "/",                              NULL,      URL,                 "",    BH_WEBHOOK_FORGED },
        {"another body",               NULL,     NULL,  URL,                                  BODY "&x", URL,                 "",    BH_WEBHOOK_FORGED },
        {"no body",                    NULL,     NULL,  URL,                                  "",        URL,                 "",    BH_WEBHOOK_FORGED },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char signature[BH_SIGNATURE_BYTES];
        struct bh_webhook_signed request = a_request();
        request.url = bh_str_from(rows[i].configured);
        request.query = bh_str_from(rows[i].query);
        sign(rows[i].key != NULL ? rows[i].key : KEY,
             rows[i].method != NULL ? rows[i].method : "POST", rows[i].url,
             rows[i].body != NULL ? rows[i].body : BODY, NOW_S, signature);
        request.signature = bh_str_from(signature);
        cr_expect_eq(verify(&request), rows[i].wanted, "%s", rows[i].name);
    }
}

Test(webhook_signature, is_good_for_five_minutes)
{
    static const struct {
        int64_t apart_s;
        enum bh_webhook_proof wanted;
    } rows[] = {
        {-301, BH_WEBHOOK_WRONG_TIME},
        {-300, BH_WEBHOOK_GENUINE   },
        {0,    BH_WEBHOOK_GENUINE   },
        {300,  BH_WEBHOOK_GENUINE   },
        {301,  BH_WEBHOOK_WRONG_TIME},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char signature[BH_SIGNATURE_BYTES], timestamp[24];
        struct bh_webhook_signed request = a_request();
        (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(NOW_S + rows[i].apart_s));
        sign(KEY, "POST", URL, BODY, NOW_S + rows[i].apart_s, signature);
        request.timestamp = bh_str_from(timestamp);
        request.signature = bh_str_from(signature);
        cr_expect_eq(verify(&request), rows[i].wanted, "%lld", (long long)rows[i].apart_s);
    }
}

Test(webhook_signature, is_none_in_any_other_form)
{
    static const char good[] = "6bfc94fddde1b61b44fcfdbed8e9933a8c238fbc6f4684a923b2cf26ffd4a0e8";
    static const struct {
        const char *name, *timestamp, *nonce, *signature;
    } rows[] = {
        {"no headers",            "",              NONCE "",                           ""        },
        {"no timestamp",          "",              NONCE,                              good      },
        {"no nonce",              "1795316484",    "",                                 good      },
        {"no signature",          "1795316484",    NONCE,                              ""        },
        {"a signed timestamp",    "+1795316484",   NONCE,                              good      },
        {"a negative one",        "-1795316484",   NONCE,                              good      },
        {"a padded one",          "01795316484",   NONCE,                              good      },
        {"with a fraction",       "1795316484.0",  NONCE,                              good      },
        {"in milliseconds",       "1795316484000", NONCE,                              good      },
        {"a blank in front",      " 1795316484",   NONCE,                              good      },
        {"words",                 "now",           NONCE,                              good      },
        {"a short nonce",         "1795316484",    "67gpa0q6i4wchdx727kzpxyy4vdbxfc",  good      },
        {"a long nonce",          "1795316484",    NONCE "o",                          good      },
        {"a nonce with a hyphen", "1795316484",    "67gpa0q6-4wchdx727kzpxyy4vdbxfco", good      },
        {"half a signature",      "1795316484",    NONCE,                              "6bfc94fd"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_webhook_signed request = a_request();
        request.timestamp = bh_str_from(rows[i].timestamp);
        request.nonce = bh_str_from(rows[i].nonce);
        request.signature = bh_str_from(rows[i].signature);
        cr_expect_eq(verify(&request), BH_WEBHOOK_UNSIGNED, "%s", rows[i].name);
    }
}

Test(webhook_signature, says_what_is_wrong_and_nothing_when_nothing_is)
{
    cr_expect_str_empty(bh_webhook_proof_text(BH_WEBHOOK_GENUINE));
    for (int i = BH_WEBHOOK_UNSIGNED; i <= BH_WEBHOOK_FORGED; i++)
        cr_expect_str_not_empty(bh_webhook_proof_text((enum bh_webhook_proof)i), "%d", i);
}

Test(nonce_memory, remembers_as_long_as_a_signature_may_be_good)
{
    static struct bh_nonce_memory memory;
    const struct bh_str nonce = BH_STR_LITERAL(NONCE);
    const struct bh_str other = BH_STR_LITERAL("o5yulq4uwm1ro69chejynerien5sks3j");
    cr_expect_not(bh_nonce_memory_has(&memory, nonce, now));
    bh_nonce_memory_add(&memory, nonce, now);
    cr_expect(bh_nonce_memory_has(&memory, nonce, now));
    cr_expect_not(bh_nonce_memory_has(&memory, other, now));
    const struct bh_wall last = {now.ms + 2 * BH_WEBHOOK_WINDOW_MS};
    const struct bh_wall over = {last.ms + 1};
    cr_expect(bh_nonce_memory_has(&memory, nonce, last));
    cr_expect_not(bh_nonce_memory_has(&memory, nonce, over));
    bh_nonce_memory_add(&memory, other, now);
    cr_expect(bh_nonce_memory_has(&memory, other, now));
}

Test(nonce_memory, has_room_for_most_of_five_hundred)
{
    static struct bh_nonce_memory memory;
    char nonce[BH_NONCE_LEN + 1];
    unsigned known = 0;
    for (unsigned i = 0; i < 500; i++) {
        (void)snprintf(nonce, sizeof(nonce), "%032u", i * 7919);
        bh_nonce_memory_add(&memory, bh_str_from(nonce), now);
        cr_expect(bh_nonce_memory_has(&memory, bh_str_from(nonce), now));
    }
    for (unsigned i = 0; i < 500; i++) {
        (void)snprintf(nonce, sizeof(nonce), "%032u", i * 7919);
        known += bh_nonce_memory_has(&memory, bh_str_from(nonce), now);
    }
    cr_expect_gt(known, 400, "%u", known);
}
