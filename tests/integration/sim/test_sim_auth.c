#include "sim_test.h"

#include <unistd.h>

static void
start_usual(void)
{
    start("[account]\nlogin = me\npassword = secret\nsigning_key = sekret\nbalance = 1.5\n"
          "[key few-rights]\nrights = balance, journal\n"
          "[key no-rights]\nrights = none\n"
          "[key dead]\nenabled = no\n"
          "[key another,key]\nclass = live\n");
}

TestSuite(sim_auth, .init = start_usual, .fini = stop);

#define BALANCE(name, headers, wanted)                                                             \
    {                                                                                              \
        name, "GET", "/api/balance", headers, NULL, 200, wanted                                    \
    }

Test(sim_auth, takes_the_key_in_every_form)
{
    static const struct row rows[] = {
        BALANCE("header", "X-Api-Key: sim-live-key\r\n", "1.5"),
        BALANCE("header, any case", "x-api-KEY:sim-live-key \r\n", "1.5"),
        BALANCE("basic", "Authorization: basic sim-live-key\r\n", "1.5"),
        BALANCE("Basic", "authorization: BASIC  sim-live-key\r\n", "1.5"),
        BALANCE("bearer", "Authorization: Bearer sim-bearer-token\r\n", "1.5"),
        {"query",                                 "GET",  "/api/balance?p=sim-live-key",                          NULL, NULL,                       200, "1.5"},
        {"form",                                  "POST", "/api/balance",                                         FORM, "p=sim-live-key",           200, "1.5"},
        {"json",                                  "POST", "/api/balance",                                         JSON, "{\"p\":\"sim-live-key\"}", 200, "1.5"},
        {"login",                                 "GET",  "/api/balance?u=me&p=secret",                           NULL, NULL,                       200, "1.5"},
        {"login with md5",                        "GET",  "/api/balance?u=me&p=5ebe2294ecd0e0f08eab7690d2a6ee69", NULL,
                                                                         NULL,                                                                                                                                      200, "1.5"},
        {"login and key",                         "GET",  "/api/balance?u=me&p=sim-live-key",                     NULL, NULL,                       200, "1.5"},
        BALANCE("subaccount is ignored", LIVE "X-Account-Id: 7\r\n", "1.5"),
        BALANCE("sandbox", SANDBOX, "1.5"),
        BALANCE("none", NULL, "900"),
        BALANCE("empty", "X-Api-Key:\r\n", "900"),
        BALANCE("wrong", "X-Api-Key: sim-live-keY\r\n", "900"),
        BALANCE("longer", "X-Api-Key: sim-live-key1\r\n", "900"),
        BALANCE("part", "X-Api-Key: sim-live-ke\r\n", "900"),
        BALANCE("twice", LIVE LIVE, "900"),
        BALANCE("two that join to no key", "X-Api-Key: another\r\nX-Api-Key: key\r\n", "900"),
        BALANCE("base64 is not taken", "Authorization: Basic c2ltLWxpdmUta2V5\r\n", "900"),
        BALANCE("other scheme", "Authorization: Digest sim-live-key\r\n", "900"),
        BALANCE("key as bearer", "Authorization: Bearer sim-live-key\r\n", "900"),
        BALANCE("disabled", "X-Api-Key: dead\r\n", "900"),
        {"wrong password",                        "GET",  "/api/balance?u=me&p=Secret",                           NULL, NULL,                       200, "900"},
        {"wrong login",                           "GET",  "/api/balance?u=you&p=secret",                          NULL, NULL,                       200, "900"},
        {"password without login",                "GET",  "/api/balance?p=secret",                                NULL, NULL,                       200, "900"},
        {"a wrong header beats a good parameter", "GET",  "/api/balance?p=sim-live-key",
                                                                         "X-Api-Key: x\r\n",                                                                                            NULL,                       200, "900"},
    };
    CHECK_ROWS(rows);
}

Test(sim_auth, refuses_in_the_recorded_shapes)
{
    static const struct row rows[] = {
        {"balance, json by parameter", "GET",  "/api/balance?json=1",    NULL,        NULL,          200, "\"900\""},
        BALANCE("balance, json by accept", ACCEPT, "\"900\""),
        {"sms, json",                  "POST", "/api/sms",               ACCEPT FORM, "to=1&text=x", 200, "900"    },
        {"voice, json",                "POST", "/api/voice",             ACCEPT FORM, "to=1&text=x", 200, "900"    },
        {"journal",                    "GET",  "/api/journal/outbound",  NULL,        NULL,          200, "900"    },
        {"hooks",                      "GET",  "/api/hooks?action=read", NULL,        NULL,          200, "900"    },
    };
    CHECK_ROWS(rows);
}

Test(sim_auth, gives_rights_per_endpoint)
{
    static const struct row rows[] = {
        BALANCE("has it", "X-Api-Key: few-rights\r\n", "1.5"),
        {"has it too", "GET",  "/api/journal/outbound", "X-Api-Key: few-rights\r\n", NULL,                 200,
                                                        "[]" },
        {"has it not", "POST", "/api/sms",              "X-Api-Key: few-rights\r\n", "to=01719999&text=x", 200,
                                                        "902"},
        {"nor that",   "POST", "/api/voice",            "X-Api-Key: few-rights\r\n", "to=01719999&text=x", 200,
                                                        "902"},
        BALANCE("none at all", "X-Api-Key: no-rights\r\n", "902"),
    };
    static const struct row changed[] = {
        BALANCE("taken away", "X-Api-Key: few-rights\r\n", "902"),
        {"given", "POST", "/api/sms", "X-Api-Key: few-rights\r\n", "to=01719999&text=x", 200,
                                                            "100"},
    };
    CHECK_ROWS(rows);
    tell("config", "{\"key few-rights\":{\"rights\":\"sms\"}}");
    CHECK_ROWS(changed);
}

Test(sim_auth, lets_keys_be_made_and_disabled_at_run_time)
{
    static const struct row off[] = {BALANCE("off", LIVE, "900")};
    static const struct row on[] = {BALANCE("on", LIVE, "1.5"),
                                    BALANCE("new", "X-Api-Key: n\r\n", "1.5")};
    tell("config", "{\"key sim-live-key\":{\"enabled\":false}}");
    CHECK_ROWS(off);
    tell("config", "{\"key sim-live-key\":{\"enabled\":true},\"key n\":{\"class\":\"live\"}}");
    CHECK_ROWS(on);
}

Test(sim_auth, allows_listed_addresses_only)
{
    static const struct {
        const char *json, *wanted;
    } rows[] = {
        {"{\"account\":{\"allow\":\"10.0.0.1\"}}",                      "903"},
        {"{\"account\":{\"allow\":\"10.0.0.1, 127.0.0.1\"}}",           "1.5"},
        {"{\"account\":{\"allow\":\"127.0.0.2\"}}",                     "903"},
        {"{\"account\":{\"allow\":\"::1\"}}",                           "903"},
        {"{\"account\":{\"allow\":\"localhost\"}}",                     "1.5"},
        {"{\"account\":{\"allow\":\"no.such.host.invalid,10.9.9.9\"}}", "903"},
        {"{\"account\":{\"allow\":\",\"}}",                             "903"},
        {"{\"account\":{\"allow\":\"unix\"}}",                          "903"},
        {"{\"account\":{\"allow\":\"\"}}",                              "1.5"},
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct row row = BALANCE(rows[at].json, LIVE, rows[at].wanted);
        tell("config", rows[at].json);
        check_row(&row);
    }
    static const struct row order[] = {
        BALANCE("a wrong key is told first", "X-Api-Key: x\r\n", "900"),
        BALANCE("the address before the right", "X-Api-Key: no-rights\r\n", "903"),
    };
    tell("config", "{\"account\":{\"allow\":\"10.0.0.1\"}}");
    CHECK_ROWS(order);
}

/* Vectors made with the vendor's own library, and recomputed independently. */
#define POST_VECTOR                                                                                \
    "X-Timestamp: 1795316484\r\nX-Nonce: 67gpa0q6i4wchdx727kzpxyy4vdbxfco\r\n"                     \
    "X-Signature: 6bfc94fddde1b61b44fcfdbed8e9933a8c238fbc6f4684a923b2cf26ffd4a0e8\r\n"
#define GET_VECTOR                                                                                 \
    "X-Timestamp: 1795316485\r\nX-Nonce: o5yulq4uwm1ro69chejynerien5sks3j\r\n"                     \
    "X-Signature: 6b9e57666b55c869101f599b63017b253ad74a76a602084ea8b4d6757177b153\r\n"
#define SIGNED_BODY "{\"text\":\"signed\",\"to\":\"49179999999999\"}"

/* The vectors name host and port, so the Host header has to. */
static void
raw(const char *request, const char *wanted, const char *name)
{
    struct bh_test_http got;
    int fd = bh_test_http_connect(sim.port, 10000);
    cr_assert(bh_test_http_send(fd, request, strlen(request)));
    bh_test_http_read(fd, &got);
    cr_expect(bh_test_matches(wanted, got.body), "%s: %s, not %s", name, got.body, wanted);
    bh_test_http_release(&got);
    close(fd);
}

#define POST_SIGNED(host, headers, body, length)                                                   \
    "POST /api/sms HTTP/1.1\r\nHost: " host "\r\n" LIVE JSON headers "Content-Length: " length     \
    "\r\n\r\n" body

Test(sim_auth, verifies_the_vendors_signatures)
{
    tell("clock", "{\"now\":1795316490}");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR, SIGNED_BODY, "39"), "100", "good");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR, SIGNED_BODY, "39"), "901", "replayed");
    raw("GET /api/status?msg_id=1 HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n" LIVE GET_VECTOR "\r\n",
        "901", "good, but an unknown message id, whose code is 901 in this era");
    tell("config", "{\"gateway\":{\"era\":2023}}");
    tell("reset", "{}");
    tell("config", "{\"gateway\":{\"era\":2023}}");
    tell("clock", "{\"now\":1795316490}");
    raw("GET /api/status?msg_id=1 HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n" LIVE GET_VECTOR "\r\n",
        "600", "good, and 600 in this era");
}

Test(sim_auth, refuses_signatures_that_do_not_fit)
{
    tell("clock", "{\"now\":1795316490}");
    raw(POST_SIGNED("127.0.0.1:18081", POST_VECTOR, SIGNED_BODY, "39"), "901", "other host");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR,
                    "{\"text\":\"signed\",\"to\":\"49179999999998\"}", "39"),
        "901", "other body");
    raw("POST /api/sms?x=1 HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n" LIVE JSON POST_VECTOR
        "Content-Length: 39\r\n\r\n" SIGNED_BODY,
        "901", "other query");
    raw("GET /api/sms HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n" LIVE JSON POST_VECTOR
        "Content-Length: 39\r\n\r\n" SIGNED_BODY,
        "901", "other method");
    raw(POST_SIGNED(
            "127.0.0.1:18080",
            "X-Timestamp: 1795316484\r\nX-Nonce: 67gpa0q6i4wchdx727kzpxyy4vdbxfcO\r\n"
            "X-Signature: 6bfc94fddde1b61b44fcfdbed8e9933a8c238fbc6f4684a923b2cf26ffd4a0e8\r\n",
            SIGNED_BODY, "39"),
        "901", "other nonce");
    raw(POST_SIGNED(
            "127.0.0.1:18080",
            "X-Timestamp: 1795316484\r\n"
            "X-Signature: 6bfc94fddde1b61b44fcfdbed8e9933a8c238fbc6f4684a923b2cf26ffd4a0e8\r\n",
            SIGNED_BODY, "39"),
        "901", "no nonce");
    raw(POST_SIGNED("127.0.0.1:18080", "X-Signature: 6bfc\r\n", SIGNED_BODY, "39"), "901", "short");
    tell("clock", "{\"now\":1795316516}");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR, SIGNED_BODY, "39"), "901", "32 s old");
    tell("clock", "{\"now\":1795316450}");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR, SIGNED_BODY, "39"), "901", "34 s ahead");
    tell("config", "{\"account\":{\"signing_key\":\"other\"}}");
    tell("clock", "{\"now\":1795316490}");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR, SIGNED_BODY, "39"), "901", "other key");
    tell("config", "{\"account\":{\"signing\":\"off\"}}");
    raw(POST_SIGNED("127.0.0.1:18080", POST_VECTOR, SIGNED_BODY, "39"), "100", "nobody looks");
}

Test(sim_auth, can_demand_a_signature_and_stand_behind_a_public_name)
{
    static const struct row rows[] = {BALANCE("unsigned", LIVE, "901")};
    tell("clock", "{\"now\":1795316490}");
    tell("config", "{\"account\":{\"signing\":\"required\"}}");
    CHECK_ROWS(rows);
    tell("config", "{\"account\":{\"public_url\":\"http://127.0.0.1:18080\"}}");
    raw(POST_SIGNED("whatever", POST_VECTOR, SIGNED_BODY, "39"), "100",
        "signed for the public name");
}
