#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/gateway_answer.h"
#include "core/json.h"
#include "support/scarce_memory.h"

#define A "491711234567"
#define B "491727654321"
#define C "491735555555"

static const struct bh_recipient alice = {"+49 171 1234567", A};
static const struct bh_recipient bob = {"0172/7654321", B};
static const struct bh_recipient carol = {C, C};
static const struct bh_recipient team = {"Team", NULL};
static const struct bh_recipient crew = {"Crew", NULL};

static const struct bh_recipient *const to_alice[] = {&alice};
static const struct bh_recipient *const to_three[] = {&alice, &bob, &carol};
static const struct bh_recipient *const to_team[] = {&team};
static const struct bh_recipient *const to_mixed[] = {&alice, &team, &bob};

static const struct bh_gateway_asked one = {
    .type = BH_JOB_SMS, .recipients = to_alice, .recipients_count = 1};
static const struct bh_gateway_asked one_debug = {
    .type = BH_JOB_SMS, .recipients = to_alice, .recipients_count = 1, .debug = true};
static const struct bh_gateway_asked call = {
    .type = BH_JOB_VOICE, .recipients = to_alice, .recipients_count = 1};
static const struct bh_gateway_asked three = {
    .type = BH_JOB_SMS, .recipients = to_three, .recipients_count = 3};
static const struct bh_gateway_asked group = {
    .type = BH_JOB_SMS, .recipients = to_team, .recipients_count = 1};
static const struct bh_gateway_asked mixed = {
    .type = BH_JOB_SMS, .recipients = to_mixed, .recipients_count = 3};

static struct bh_exchange
answered(int status, const char *body)
{
    return (struct bh_exchange){
        .handed_over = BH_HANDED_ALL,
        .http_status = status,
        .headers_complete = true,
        .body_complete = true,
        .retry_after_ms = -1,
        .body = bh_str_from(body),
    };
}

static struct bh_outcome
read_ok(const char *name, const struct bh_exchange *exchange, const struct bh_gateway_asked *asked)
{
    struct bh_outcome outcome;
    cr_assert_eq(bh_gateway_answer_read(exchange, asked, &outcome), BH_OK, "%s", name);
    cr_assert_eq(outcome.results_count, asked->recipients_count, "%s", name);
    cr_expect(
        (outcome.kind == BH_OUTCOME_ACCEPTED && outcome.code == 100) == (outcome.error[0] == '\0'),
        "%s: %s", name, outcome.error);
    return outcome;
}

/* One letter per recipient: + accepted, - failed, ? not answered; with code and id. */
static void
describe(const struct bh_outcome *outcome, char *ret_text, size_t size)
{
    size_t len = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < outcome->results_count && len < size; i++) {
        const struct bh_recipient_result *result = &outcome->results[i];
        len += (size_t)snprintf(ret_text + len, size - len, "%s%c%d", i > 0 ? " " : "",
                                result->accepted   ? '+'
                                : result->answered ? '-'
                                                   : '?',
                                result->code);
        if (result->id[0] != '\0' && len < size)
            len += (size_t)snprintf(ret_text + len, size - len, "#%s", result->id);
    }
}

struct row {
    const char *name;
    const struct bh_gateway_asked *asked;
    const char *body;
    enum bh_outcome_kind kind;
    int code;
    const char *results;
};

static void
check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_outcome outcome = read_ok(rows[i].name, &exchange, rows[i].asked);
        char text[256];
        describe(&outcome, text, sizeof(text));
        cr_expect_str_eq(bh_outcome_kind_name(outcome.kind), bh_outcome_kind_name(rows[i].kind),
                         "%s", rows[i].name);
        cr_expect_eq(outcome.code, rows[i].code, "%s: %d", rows[i].name, outcome.code);
        cr_expect_str_eq(text, rows[i].results, "%s: %s", rows[i].name, text);
        bh_outcome_release(&outcome);
    }
}

#define MSG(recipient, rest) "{\"recipient\":\"" recipient "\"," rest "}"
#define OK_(id)              "\"success\":true,\"error\":null,\"id\":\"" id "\""
#define BAD(code)            "\"success\":false,\"error\":" code ",\"error_text\":\"x\""
#define TOP(code, messages)  "{\"success\":\"" code "\",\"messages\":[" messages "]}"

Test(gateway_answer, reads_bodies_for_a_single_recipient)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"recorded form", &one,
         "{\"success\":\"100\",\"total_price\":0.075,\"balance\":54.013,\"debug\":\"false\","
         "\"sms_type\":\"direct\",\"messages\":[{\"id\":\"77214945865\",\"sender\":\"SMS\","
         "\"recipient\":\"" A "\",\"text\":\"Gr\\u00fc\\u00dfe \\ud83d\\ude00 a\\/b\","
         "\"encoding\":\"ucs2\",\"label\":null,\"parts\":1,\"udh\":null,\"is_binary\":false,"
         "\"price\":0.075,\"success\":true,\"error\":null,\"error_text\":null}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100#77214945865"},
        {"number for success and id", &one,
         "{\"success\":100,\"messages\":[{\"id\":123456789012345678901,\"success\":1}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100#123456789012345678901"},
        {"bool for success", &one, "{\"success\":true,\"messages\":[{\"success\":\"true\"}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"\"1\" for success", &one, "{\"success\":\"1\",\"messages\":[{\"success\":\"1\"}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"code for a message's success", &one, TOP("100", MSG(A, "\"success\":\"100\"")),
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"blank around the code", &one, "{\"success\":\" 100 \"}", BH_OUTCOME_ACCEPTED, 100,
         "+100"},
        {"message without success follows the request", &one, TOP("100", MSG(A, "\"id\":\"5\"")),
         BH_OUTCOME_ACCEPTED, 100, "+100#5"},
        {"no messages", &one, TOP("100", ""), BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"no list of messages", &one, "{\"success\":\"100\"}", BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"list of messages is null", &one, "{\"success\":\"100\",\"messages\":null}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"list of messages is a string", &one, "{\"success\":\"100\",\"messages\":\"x\"}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"messages as an object, as PHP does with holes", &one,
         "{\"success\":\"100\",\"messages\":{\"3\":" MSG(A, OK_("7")) "}}", BH_OUTCOME_ACCEPTED,
         100, "+100#7"},
        {"id that is no number is not kept", &one, TOP("100", MSG(A, OK_("12a"))),
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"id that is too long is not kept", &one,
         TOP("100", MSG(A, OK_("123456789012345678901234"))), BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"id is an object", &one,
         "{\"success\":\"100\",\"messages\":[{\"id\":{},\"success\":true}]}", BH_OUTCOME_ACCEPTED,
         100, "+100"},
        {"id is null", &one, "{\"success\":\"100\",\"messages\":[{\"id\":null,\"success\":true}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"byte order mark and blanks", &one, " \r\n\xef\xbb\xbf {\"success\":\"100\"} \n",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"unknown number, one of one", &one, TOP("100", MSG("4915", OK_("7"))), BH_OUTCOME_ACCEPTED,
         100, "+100#7"},
        {"recipient written with +", &one, TOP("100", MSG("+" A, OK_("7"))), BH_OUTCOME_ACCEPTED,
         100, "+100#7"},
        {"debug answers have placeholders for ids", &one_debug, TOP("100", MSG(A, OK_("7"))),
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"sandbox key", &one,
         "{\"success\":\"100\",\"debug\":\"true\",\"messages\":[" MSG(A, OK_("7")) "]}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"voice, bool debug, number id", &call,
         "{\"success\":\"100\",\"debug\":false,\"total_price\":0.1,\"messages\":[{\"id\":1384013,"
         "\"recipient\":\"" A "\",\"success\":true,\"error\":null}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100#1384013"},
        {"voice in debug", &call,
         "{\"success\":\"100\",\"debug\":true,\"messages\":[{\"id\":123456789,\"success\":true}]}",
         BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"100 above, refused below", &one,
         "{\"success\":\"100\",\"messages\":[{\"recipient\":null,\"success\":false,\"error\":301}]"
         "}", BH_OUTCOME_REFUSED, 301, "-301"},
        {"error as string", &one, TOP("101", MSG(A, BAD("\"402\""))), BH_OUTCOME_REFUSED, 402,
         "-402"},
        {"error without success", &one, TOP("100", MSG(A, "\"error\":202")), BH_OUTCOME_REFUSED,
         202, "-202"},
        {"success 0 and no error", &one, TOP("100", MSG(A, "\"success\":0")), BH_OUTCOME_REFUSED,
         101, "-0"},
        {"error in words only", &one, TOP("101", MSG(A, BAD("\"recipient invalid\""))),
         BH_OUTCOME_REFUSED, 101, "-0"},
        {"error in the message's success", &one, TOP("101", MSG(A, "\"success\":\"403\"")),
         BH_OUTCOME_REFUSED, 403, "-403"},
        {"refused, because it was accepted", &one,
         TOP("433", MSG(A, "\"success\":false,\"error\":100")), BH_OUTCOME_REFUSED, 433, "-433"},
        {"refused as accepted below 100", &one,
         TOP("100", MSG(A, "\"success\":false,\"error\":100")), BH_OUTCOME_UNCERTAIN, 100, "?0"},
        {"refused message takes the request's code", &one, TOP("500", MSG(A, "\"success\":false")),
         BH_OUTCOME_REFUSED, 500, "-500"},
        {"code and no messages", &one, TOP("900", ""), BH_OUTCOME_REFUSED, 900, "-900"},
        {"code as number", &one, "{\"success\":902}", BH_OUTCOME_REFUSED, 902, "-902"},
        {"unknown code", &one, "{\"success\":\"999\"}", BH_OUTCOME_REFUSED, 999, "-999"},
        {"false with error", &one, "{\"success\":false,\"error\":\"903\"}", BH_OUTCOME_REFUSED, 903,
         "-903"},
        {"false with code", &one, "{\"success\":false,\"code\":600}", BH_OUTCOME_REFUSED, 600,
         "-600"},
        {"false with words", &one, "{\"success\":false,\"error\":\"no\"}", BH_OUTCOME_REFUSED, 0,
         "-0"},
        {"101 alone is about the only recipient", &one, "{\"success\":\"101\"}", BH_OUTCOME_REFUSED,
         101, "-0"},
        {"refused above, accepted below: never send again", &one,
         TOP("900", MSG(A, "\"success\":true")), BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"two-digit code", &one, TOP("11", ""), BH_OUTCOME_REFUSED, 11, "-11"},
        {"101 and a message that says nothing", &one, TOP("101", MSG(A, "\"id\":\"5\"")),
         BH_OUTCOME_UNCERTAIN, 101, "?0#5"},
        {"message is no object", &one, TOP("100", "null"), BH_OUTCOME_UNCERTAIN, 100, "?0"},
        {"success is missing", &one, "{\"messages\":[" MSG(A, OK_("7")) "]}", BH_OUTCOME_UNCERTAIN,
         0, "?0"},
        {"success is null", &one, "{\"success\":null}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"success is an object", &one, "{\"success\":{}}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"success is words", &one, "{\"success\":\"yes\"}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"success is an amount", &one, "{\"success\":100.5}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"success has leading zeros", &one, "{\"success\":\"010\"}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"success has four digits", &one, "{\"success\":1000}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"success is negative", &one, "{\"success\":-10}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"names have case", &one, "{\"Success\":\"100\"}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"empty object", &one, "{}", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"cut object", &one, "{\"success\":\"100\",\"messages\":[{\"id\":\"772149",
         BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"text behind the object", &one, "{\"success\":\"100\"}x", BH_OUTCOME_UNCERTAIN, 0, "?0"},
        {"two objects", &one, "{\"success\":\"100\"}{\"success\":\"900\"}", BH_OUTCOME_UNCERTAIN, 0,
         "?0"},
        {"broken UTF-8", &one, "{\"success\":\"100\",\"x\":\"\xff\"}", BH_OUTCOME_UNCERTAIN, 0,
         "?0"},
        {"array", &one, "[{\"success\":\"100\"}]", BH_OUTCOME_UNCERTAIN, 0, "?0"},
    };
    /* clang-format on */
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(gateway_answer, reads_lines_of_text)
{
    static const char german[] = "100\n77214945865\nVerbucht: 1\nPreis: 0.075\nGuthaben: 8.495\n"
                                 "Text: a\nPreis: 9\nGuthaben: 1\nb\nSMS-Typ: direct\n"
                                 "Flash SMS: false\nEncoding: gsm\nGSM0338: true\nDebug: false";
    static const struct row rows[] = {
        {"bare code",                             &one,       "100",                                  BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"quoted code",                           &one,       "\"100\"",                              BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"line feed behind",                      &one,       "100\r\n",                              BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"byte order mark",                       &one,
         "\xef\xbb\xbf"
         "100",                                                                                       BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"with id",                               &one,       "100\n77214945865",                     BH_OUTCOME_ACCEPTED,  100, "+100#77214945865"    },
        {"with id in debug",                      &one_debug, "100\n1234567890",                      BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"German details",                        &one,       german,                                 BH_OUTCOME_ACCEPTED,  100, "+100#77214945865"    },
        {"junk behind the code",                  &one,       "100\n<html>",                          BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"three, one code",                       &three,     "100",                                  BH_OUTCOME_ACCEPTED,  100, "+100 +100 +100"      },
        {"three ids",                             &three,     "100\n1\n2\n3",                         BH_OUTCOME_ACCEPTED,  100, "+100#1 +100#2 +100#3"},
        {"one id for three",                      &three,     "100\n1",                               BH_OUTCOME_ACCEPTED,  100, "+100#1 +100 +100"    },
        {"five ids for three",                    &three,     "100\n1\n2\n3\n4\n5",                   BH_OUTCOME_ACCEPTED,  100,
         "+100#1 +100#2 +100#3"                                                                                                                        },
        {"group with ids",                        &group,     "100\n1\n2",                            BH_OUTCOME_ACCEPTED,  100, "+100#1"              },
        {"voice",                                 &call,      "100\n1038704\n0.1",                    BH_OUTCOME_ACCEPTED,  100, "+100#1038704"        },
        {"voice, price without decimals",         &call,      "100\n1038704\n0",                      BH_OUTCOME_ACCEPTED,  100,
         "+100#1038704"                                                                                                                                },
        {"voice without id",                      &call,      "100\n\n0.1",                           BH_OUTCOME_ACCEPTED,  100, "+100"                },
        {"voice refused",                         &call,      "301\n\n0.1",                           BH_OUTCOME_REFUSED,   301, "-301"                },
        {"refused",                               &one,       "900",                                  BH_OUTCOME_REFUSED,   900, "-900"                },
        {"refused and quoted",                    &one,       "\"900\"",                              BH_OUTCOME_REFUSED,   900, "-900"                },
        {"three refused",                         &three,     "500",                                  BH_OUTCOME_REFUSED,   500, "-500 -500 -500"      },
        {"unknown code",                          &one,       "123",                                  BH_OUTCOME_REFUSED,   123, "-123"                },
        {"101 for one",                           &one,       "101",                                  BH_OUTCOME_REFUSED,   101, "-0"                  },
        {"101 for three says nothing about each", &three,     "101\n1\n2",                            BH_OUTCOME_UNCERTAIN, 101,
         "?0 ?0 ?0"                                                                                                                                    },
        {"101 for a group says nothing",          &group,     "101",                                  BH_OUTCOME_UNCERTAIN, 101, "?0"                  },
        {"empty",                                 &one,       "",                                     BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"blanks",                                &one,       " \r\n\t",                              BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"mark alone",                            &one,       "\xef\xbb\xbf",                         BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"a page",                                &one,       "<html><body>100</body></html>",        BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"words",                                 &one,       "OK",                                   BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"code with words",                       &one,       "100 OK",                               BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"code not on the first line",            &one,       "notice\n100",                          BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"amount",                                &one,       "54.218",                               BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"one digit",                             &one,       "1",                                    BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"four digits",                           &one,       "1000",                                 BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"leading zero",                          &one,       "0100",                                 BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"minus",                                 &one,       "-90",                                  BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"one quotation mark",                    &one,       "\"100",                                BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"quotation marks alone",                 &one,       "\"\"",                                 BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"true",                                  &one,       "true",                                 BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"null",                                  &one,       "null",                                 BH_OUTCOME_UNCERTAIN, 0,   "?0"                  },
        {"full-width digits",                     &one,       "\xef\xbc\x91\xef\xbc\x90\xef\xbc\x90", BH_OUTCOME_UNCERTAIN, 0,
         "?0"                                                                                                                                          },
    };
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(gateway_answer, maps_messages_back_to_their_recipients)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"in order", &three, TOP("100", MSG(A, OK_("1")) "," MSG(B, OK_("2")) "," MSG(C, OK_("3"))),
         BH_OUTCOME_ACCEPTED, 100, "+100#1 +100#2 +100#3"},
        {"in another order", &three,
         TOP("100", MSG(C, OK_("3")) "," MSG(A, OK_("1")) "," MSG(B, OK_("2"))),
         BH_OUTCOME_ACCEPTED, 100, "+100#1 +100#2 +100#3"},
        {"partial failure under 100", &three,
         TOP("100", MSG(A, OK_("1")) "," MSG(B, BAD("202")) "," MSG(C, OK_("3"))),
         BH_OUTCOME_ACCEPTED, 101, "+100#1 -202 +100#3"},
        {"partial failure under 101", &three,
         TOP("101", MSG(B, BAD("402")) "," MSG(A, BAD("500")) "," MSG(C, OK_("3"))),
         BH_OUTCOME_ACCEPTED, 101, "-500 -402 +100#3"},
        {"all refused with one code", &three,
         TOP("100", MSG(A, BAD("500")) "," MSG(B, BAD("500")) "," MSG(C, BAD("500"))),
         BH_OUTCOME_REFUSED, 500, "-500 -500 -500"},
        {"all refused with several codes", &three,
         TOP("100", MSG(A, BAD("202")) "," MSG(B, BAD("500")) "," MSG(C, BAD("500"))),
         BH_OUTCOME_REFUSED, 101, "-202 -500 -500"},
        {"unreadable recipient by position", &three,
         TOP("101", MSG(A, OK_("1")) ",{\"recipient\":null," BAD("202") "}," MSG(C, OK_("3"))),
         BH_OUTCOME_ACCEPTED, 101, "+100#1 -202 +100#3"},
        {"one is left out, nobody guesses", &three,
         TOP("100", MSG(A, OK_("1")) "," MSG(C, OK_("3"))), BH_OUTCOME_ACCEPTED, 101,
         "+100#1 ?0 +100#3"},
        {"unreadable one for the only one left", &three, TOP("101",
         "{\"recipient\":null," BAD("301") "}," MSG(C, OK_("3")) "," MSG(A, OK_("1")) ",7"),
         BH_OUTCOME_ACCEPTED, 101, "+100#1 -301 +100#3"},
        {"two are left, an unreadable one belongs to nobody", &three,
         TOP("101", "{\"recipient\":null," BAD("301") "}," MSG(C, OK_("3"))), BH_OUTCOME_ACCEPTED,
         101, "?0 ?0 +100#3"},
        {"nobody accepted, one left out", &three,
         TOP("101", MSG(A, BAD("202")) "," MSG(C, BAD("202"))), BH_OUTCOME_UNCERTAIN, 101,
         "-202 ?0 -202"},
        {"refused as a whole covers those left out", &three, TOP("900", MSG(A, BAD("900"))),
         BH_OUTCOME_REFUSED, 900, "-900 -900 -900"},
        {"too many messages", &three,
         TOP("100", MSG(A, OK_("1")) "," MSG(B, OK_("2")) "," MSG(C, OK_("3")) "," MSG(
         "4999", OK_("4")) "," MSG(A, OK_("5"))), BH_OUTCOME_ACCEPTED, 100, "+100#1 +100#2 +100#3"},
        {"a number twice in the answer, once refused", &three,
         TOP("101", MSG(A, OK_("1")) "," MSG(A, BAD("402")) "," MSG(C, OK_("3"))),
         BH_OUTCOME_ACCEPTED, 101, "+100#1 -402 +100#3"},
        {"group of one", &group, TOP("100", MSG(B, OK_("2"))), BH_OUTCOME_ACCEPTED, 100, "+100#2"},
        {"group, first refused", &group,
         TOP("101", MSG(A, BAD("202")) "," MSG(B, OK_("2")) "," MSG(C, OK_("3"))),
         BH_OUTCOME_ACCEPTED, 101, "+100#2"},
        {"group, all refused", &group, TOP("101", MSG(A, BAD("202")) "," MSG(B, BAD("402"))),
         BH_OUTCOME_REFUSED, 202, "-202"},
        {"group without messages", &group, TOP("100", ""), BH_OUTCOME_ACCEPTED, 100, "+100"},
        {"number, group, number", &mixed, TOP("100",
         MSG(A, OK_("1")) "," MSG(C, OK_("3")) "," MSG("4999", OK_("4")) "," MSG(B, OK_("2"))),
         BH_OUTCOME_ACCEPTED, 100, "+100#1 +100#3 +100#2"},
        {"group came to nothing", &mixed, TOP("100", MSG(A, OK_("1")) "," MSG(B, OK_("2"))),
         BH_OUTCOME_ACCEPTED, 101, "+100#1 ?0 +100#2"},
    };
    /* clang-format on */
    check_rows(rows, BH_ARRAY_LEN(rows));
}

Test(gateway_answer, tells_equal_recipients_apart_by_position)
{
    const struct bh_recipient *const twice[] = {&alice, &alice};
    struct bh_gateway_asked asked = {.recipients = twice, .recipients_count = 2};
    struct bh_exchange exchange =
        answered(200, TOP("101", MSG(A, OK_("1")) "," MSG(A, BAD("402"))));
    struct bh_outcome outcome = read_ok("twice", &exchange, &asked);
    cr_expect(outcome.results[0].accepted);
    cr_expect_eq(outcome.results[1].code, 402);
    bh_outcome_release(&outcome);
}

Test(gateway_answer, gives_two_groups_what_stands_at_their_place)
{
    const struct bh_recipient *const both[] = {&team, &alice, &crew};
    struct bh_gateway_asked asked = {.recipients = both, .recipients_count = 3};
    struct bh_exchange exchange = answered(
        200, TOP("100", MSG("491", OK_("1")) "," MSG("492", OK_("2")) "," MSG(A, OK_("3")) "," MSG(
                            "493", OK_("4")) "," MSG("494", OK_("5"))));
    struct bh_outcome outcome = read_ok("two groups", &exchange, &asked);
    cr_expect_str_eq(outcome.results[0].id, "1");
    cr_expect_str_eq(outcome.results[1].id, "3");
    cr_expect_str_eq(outcome.results[2].id, "4");
    cr_assert_eq(outcome.extras_count, 2);
    cr_expect_str_eq(outcome.extras[0].id, "2");
    cr_expect_str_eq(outcome.extras[1].id, "5");
    bh_outcome_release(&outcome);
}

Test(gateway_answer, adds_up_what_a_group_costs)
{
    struct bh_exchange exchange = answered(
        200,
        TOP("101",
            MSG(A, BAD("202") ",\"price\":0,\"parts\":0") "," MSG(
                B, OK_("2") ",\"price\":0.15,"
                            "\"parts\":2,"
                            "\"encoding\":"
                            "\"gsm\"") "," MSG(C, OK_("3") ",\"price\":\"0.075\",\"parts\":1")));
    struct bh_outcome outcome = read_ok("group", &exchange, &group);
    cr_expect_str_eq(outcome.results[0].id, "2");
    cr_expect_str_eq(outcome.results[0].msisdn, B);
    cr_expect_eq(outcome.results[0].parts, 3);
    cr_expect_eq(outcome.results[0].price_micro, 225000);
    cr_assert_eq(outcome.extras_count, 2);
    cr_expect_eq(outcome.extras[0].code, 202);
    cr_expect_str_eq(outcome.extras[1].id, "3");
    cr_expect_eq(outcome.extras[1].price_micro, 75000);
    cr_expect_str_eq(outcome.encoding, "gsm");
    bh_outcome_release(&outcome);
}

Test(gateway_answer, bounds_what_a_group_can_become)
{
    struct bh_buf body;
    bh_buf_init(&body, (size_t)1 << 20);
    bh_buf_append_text(&body, "{\"success\":\"100\",\"messages\":[");
    for (int i = 0; i < 5000; i++)
        bh_buf_printf(&body, "%s{\"id\":\"%d\",\"success\":true}", i > 0 ? "," : "", i + 1);
    bh_buf_append_text(&body, "]}");
    struct bh_exchange exchange = answered(200, bh_buf_text(&body));
    struct bh_outcome outcome = read_ok("big group", &exchange, &group);
    cr_expect_eq(outcome.extras_count, BH_GATEWAY_EXTRAS_MAX);
    bh_outcome_release(&outcome);
    bh_buf_release(&body);
}

Test(gateway_answer, keeps_prices_balance_words_and_number)
{
    struct bh_exchange exchange = answered(
        200, "{\"success\":\"100\",\"total_price\":0.15,\"balance\":\"593.994\",\"messages\":["
             "{\"id\":1,\"recipient\":" A ",\"encoding\":\"ucs2\",\"parts\":2,\"price\":1.5e-1,"
             "\"success\":true}]}");
    struct bh_outcome outcome = read_ok("json", &exchange, &one);
    cr_expect_eq(outcome.total_price_micro, 150000);
    cr_expect_eq(outcome.balance_micro, 593994000);
    cr_expect_eq(outcome.results[0].price_micro, 150000);
    cr_expect_eq(outcome.results[0].parts, 2);
    cr_expect_str_eq(outcome.results[0].msisdn, A);
    cr_expect_str_eq(outcome.encoding, "ucs2");
    bh_outcome_release(&outcome);

    exchange = answered(200, "{\"success\":\"100\",\"total_price\":-1,\"balance\":[],\"messages\":["
                             "{\"parts\":-1,\"price\":null,\"success\":true,"
                             "\"encoding\":\"klingon\",\"recipient\":\"Team\"}]}");
    outcome = read_ok("nonsense", &exchange, &one);
    cr_expect_eq(outcome.total_price_micro, -1);
    cr_expect_eq(outcome.balance_micro, INT64_MIN);
    cr_expect_eq(outcome.results[0].price_micro, -1);
    cr_expect_eq(outcome.results[0].parts, 0);
    cr_expect_str_empty(outcome.results[0].msisdn);
    cr_expect_str_empty(outcome.encoding);
    bh_outcome_release(&outcome);

    exchange = answered(200, TOP("101", "{\"success\":false,\"error\":202,\"error_text\":"
                                        "\"line\\nbreak \\u001b[31m\"}"));
    outcome = read_ok("words", &exchange, &one);
    cr_expect_str_eq(outcome.results[0].error, "line break  [31m");
    bh_outcome_release(&outcome);
}

Test(gateway_answer, cuts_the_gateways_words_between_characters)
{
    struct bh_buf body;
    bh_buf_init(&body, 4096);
    bh_buf_append_text(&body,
                       "{\"success\":\"101\",\"messages\":[{\"success\":false,\"error_text\":\"x");
    for (int i = 0; i < 100; i++)
        bh_buf_append_text(&body, "\xc3\xa4");
    bh_buf_append_text(&body, "\"}]}");
    struct bh_exchange exchange = answered(200, bh_buf_text(&body));
    struct bh_outcome outcome = read_ok("long words", &exchange, &one);
    cr_expect_eq(strlen(outcome.results[0].error), 95);
    cr_expect_eq(outcome.results[0].error[94], '\xa4');
    bh_outcome_release(&outcome);
    bh_buf_release(&body);
}

Test(gateway_answer, reads_details_around_a_text_with_line_breaks)
{
    static const struct {
        const char *name;
        const struct bh_gateway_asked *asked;
        const char *body;
        int64_t price, balance;
        const char *encoding;
    } rows[] = {
        {"German",                                   &one,
         "100\nVerbucht: 1\nPreis: 0.075\nGuthaben: 8.495\nText: x\nSMS-Typ: direct\n"
         "Flash SMS: false\nEncoding: gsm\nGSM0338: true\nDebug: false",                                      75000,  8495000,   "gsm" },
        {"English",                                  &one,
         "100\nbooked: 0\nprice: 0.089\ncredit: 27.38\ntext: x\nSMS type: direct\n"
         "Flash SMS: off\nEncoding: ASCII\nGSM0338: true\nDebug: false",                                      89000,  27380000,  ""    },
        {"text that looks like details",             &one,
         "100\nVerbucht: 1\nPreis: 0.075\nGuthaben: 8.495\nText: x\nPreis: 7\nEncoding: gsm\n"
         "Debug: true\nSMS-Typ: direct\nFlash SMS: false\nEncoding: ucs2\nGSM0338: false\n"
         "Debug: false\n",                                                                                    75000,  8495000,   "ucs2"},
        {"debug costs nothing",                      &one,
         "100\nVerbucht: 0\nPreis: 0.075\nGuthaben: 8.495\nText: x\nSMS-Typ: direct\n"
         "Flash SMS: false\nEncoding: gsm\nGSM0338: true\nDebug: true",                                       0,      8495000,   "gsm" },
        {"voice",                                    &call,  "100\n1038704\n0.1",                             100000, INT64_MIN, ""    },
        {"voice in debug",                           &call,  "100\n123456789\n0",                             0,      INT64_MIN, ""    },
        {"refused call costs nothing that is known", &call,  "301\n\n0.1",                                    -1,     INT64_MIN, ""    },
        {"price of several is ambiguous",            &three, "100\nVerbucht: 3\nPreis: 0.075\nGuthaben: 1.5",
         -1,                                                                                                          1500000,   ""    },
        {"no values",                                &one,   "100\nVerbucht:\nPreis:\nGuthaben: viel",        -1,     INT64_MIN, ""    },
        {"labels without colon",                     &one,   "100\nVerbucht\nPreis 1\nGuthaben 2",            -1,     INT64_MIN, ""    },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_outcome outcome = read_ok(rows[i].name, &exchange, rows[i].asked);
        cr_expect_eq(outcome.total_price_micro, rows[i].price, "%s: %lld", rows[i].name,
                     (long long)outcome.total_price_micro);
        cr_expect_eq(outcome.balance_micro, rows[i].balance, "%s", rows[i].name);
        cr_expect_str_eq(outcome.encoding, rows[i].encoding, "%s", rows[i].name);
        bh_outcome_release(&outcome);
    }
}

Test(gateway_answer, judges_exchanges_without_readable_body)
{
    static const char good[] = TOP("100", MSG(A, OK_("1")));
    static const struct {
        const char *name;
        struct bh_exchange exchange;
        enum bh_outcome_kind kind;
    } rows[] = {
        {"DNS",
         {.handed_over = BH_HANDED_NOTHING, .trouble = BH_TROUBLE_RESOLVE, .retry_after_ms = -1},
         BH_OUTCOME_UNSENT   },
        {"certificate",
         {.handed_over = BH_HANDED_NOTHING,
          .trouble = BH_TROUBLE_CERTIFICATE,
          .retry_after_ms = -1},
         BH_OUTCOME_UNSENT   },
        {"cancelled before",
         {.handed_over = BH_HANDED_NOTHING, .trouble = BH_TROUBLE_CANCELLED, .retry_after_ms = -1},
         BH_OUTCOME_UNSENT   },
        {"half sent",
         {.handed_over = BH_HANDED_PART, .trouble = BH_TROUBLE_RESET, .retry_after_ms = -1},
         BH_OUTCOME_UNSENT   },
        {"timeout after all",
         {.handed_over = BH_HANDED_ALL, .trouble = BH_TROUBLE_TIMEOUT, .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"cancelled after all",
         {.handed_over = BH_HANDED_ALL, .trouble = BH_TROUBLE_CANCELLED, .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"reset after all",
         {.handed_over = BH_HANDED_ALL, .trouble = BH_TROUBLE_RESET, .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"nothing is known at all",
         {.handed_over = BH_HANDED_ALL, .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"200, headers cut",
         {.handed_over = BH_HANDED_ALL, .http_status = 200, .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"200, headers cut but a body",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 200,
          .body_complete = true,
          .body = {good, sizeof(good) - 1},
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"200, body cut though it reads well",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 200,
          .headers_complete = true,
          .trouble = BH_TROUBLE_RESET,
          .body = {good, sizeof(good) - 1},
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"200, cut right behind a code",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 200,
          .headers_complete = true,
          .trouble = BH_TROUBLE_RESET,
          .body = {"900", 3},
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"204",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 204,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"302",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 302,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_REFUSED  },
        {"404 with a fine body",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 404,
          .headers_complete = true,
          .body_complete = true,
          .body = {good, sizeof(good) - 1},
          .retry_after_ms = -1},
         BH_OUTCOME_REFUSED  },
        {"401",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 401,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_REFUSED  },
        {"429 while still sending",
         {.handed_over = BH_HANDED_PART,
          .http_status = 429,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = 3000},
         BH_OUTCOME_REFUSED  },
        {"429, headers cut",
         {.handed_over = BH_HANDED_ALL, .http_status = 429, .retry_after_ms = -1},
         BH_OUTCOME_REFUSED  },
        {"503 with Retry-After",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 503,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = 0},
         BH_OUTCOME_REFUSED  },
        {"503 without",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 503,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"500",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 500,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"502 with a code for a body",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 502,
          .headers_complete = true,
          .body_complete = true,
          .body = {"900", 3},
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"504",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 504,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"408",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 408,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
        {"999",
         {.handed_over = BH_HANDED_ALL,
          .http_status = 999,
          .headers_complete = true,
          .body_complete = true,
          .retry_after_ms = -1},
         BH_OUTCOME_UNCERTAIN},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_outcome outcome = read_ok(rows[i].name, &rows[i].exchange, &three);
        cr_expect_str_eq(bh_outcome_kind_name(outcome.kind), bh_outcome_kind_name(rows[i].kind),
                         "%s", rows[i].name);
        cr_expect_eq(outcome.code, 0, "%s", rows[i].name);
        cr_expect_eq(outcome.http_status, rows[i].exchange.http_status, "%s", rows[i].name);
        cr_expect_eq(outcome.retry_after_ms, rows[i].exchange.retry_after_ms, "%s", rows[i].name);
        cr_expect_eq(outcome.trouble, rows[i].exchange.trouble, "%s", rows[i].name);
        for (size_t j = 0; j < 3; j++)
            cr_expect_not(outcome.results[j].answered || outcome.results[j].accepted, "%s",
                          rows[i].name);
        size_t len = strlen(outcome.error);
        cr_expect(len > 10 && outcome.error[len - 1] == '.', "%s: %s", rows[i].name, outcome.error);
        bh_outcome_release(&outcome);
    }
}

Test(gateway_answer, never_repeats_numbers_or_words_in_a_sentence)
{
    static const char *const bodies[] = {
        TOP("101", MSG(A, "\"success\":false,\"error\":202,\"error_text\":\"SECRET " A "\"")),
        TOP("100", MSG(B, OK_("1"))),
        "SECRET " A,
        "{\"success\":\"SECRET " A "\"}",
        "{\"success\":false,\"error\":\"SECRET " A "\"}",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(bodies); i++) {
        struct bh_exchange exchange = answered(200, bodies[i]);
        struct bh_outcome outcome = read_ok(bodies[i], &exchange, &three);
        cr_expect_null(strstr(outcome.error, "SECRET"), "%s", outcome.error);
        cr_expect_null(strstr(outcome.error, A), "%s", outcome.error);
        bh_outcome_release(&outcome);
    }
}

Test(gateway_answer, has_a_whole_sentence_for_every_code_and_status)
{
    for (int code = 10; code < 1000; code++) {
        char body[8];
        snprintf(body, sizeof(body), "%d", code);
        struct bh_exchange exchange = answered(200, body);
        struct bh_outcome outcome = read_ok(body, &exchange, &one);
        size_t len = strlen(outcome.error);
        cr_expect(code == 100 || outcome.error[len - 1] == '.', "%s", outcome.error);
        bh_outcome_release(&outcome);
        exchange = answered(code, "");
        outcome = read_ok(body, &exchange, &one);
        len = strlen(outcome.error);
        cr_expect(outcome.error[len - 1] == '.', "%s", outcome.error);
        bh_outcome_release(&outcome);
    }
}

Test(gateway_answer, reads_the_balance_in_all_its_forms)
{
    static const struct {
        const char *body;
        enum bh_outcome_kind kind;
        int code;
        int64_t micro;
    } rows[] = {
        {"54.218",                                   BH_OUTCOME_ACCEPTED,  100, 54218000  },
        {"54.218\n",                                 BH_OUTCOME_ACCEPTED,  100, 54218000  },
        {"\"54.218\"",                               BH_OUTCOME_ACCEPTED,  100, 54218000  },
        {"-1.5",                                     BH_OUTCOME_ACCEPTED,  100, -1500000  },
        {"0",                                        BH_OUTCOME_ACCEPTED,  100, 0         },
        {"54",                                       BH_OUTCOME_ACCEPTED,  100, 54000000  },
        {"100",                                      BH_OUTCOME_ACCEPTED,  100, 100000000 },
        {"402",                                      BH_OUTCOME_ACCEPTED,  100, 402000000 },
        {"900.0",                                    BH_OUTCOME_ACCEPTED,  100, 900000000 },
        {"1000",                                     BH_OUTCOME_ACCEPTED,  100, 1000000000},
        {"{\"amount\":54.218,\"currency\":\"EUR\"}", BH_OUTCOME_ACCEPTED,  100, 54218000  },
        {"{\"amount\":\"54.218\"}",                  BH_OUTCOME_ACCEPTED,  100, 54218000  },
        {"{\"amount\":900}",                         BH_OUTCOME_ACCEPTED,  100, 900000000 },
        {"\xef\xbb\xbf{\"amount\":0}",               BH_OUTCOME_ACCEPTED,  100, 0         },
        {"900",                                      BH_OUTCOME_REFUSED,   900, INT64_MIN },
        {"\"900\"",                                  BH_OUTCOME_REFUSED,   900, INT64_MIN },
        {"901",                                      BH_OUTCOME_REFUSED,   901, INT64_MIN },
        {"902",                                      BH_OUTCOME_REFUSED,   902, INT64_MIN },
        {"\"903\"\n",                                BH_OUTCOME_REFUSED,   903, INT64_MIN },
        {"300",                                      BH_OUTCOME_REFUSED,   300, INT64_MIN },
        {"600",                                      BH_OUTCOME_REFUSED,   600, INT64_MIN },
        {"{\"success\":\"900\"}",                    BH_OUTCOME_REFUSED,   900, INT64_MIN },
        {"{\"success\":902,\"amount\":null}",        BH_OUTCOME_REFUSED,   902, INT64_MIN },
        {"{\"success\":\"100\"}",                    BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"{\"amount\":\"much\"}",                    BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"{\"amount\":[1]}",                         BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"{\"amount\":1",                            BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"[54.2]",                                   BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"",                                         BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"null",                                     BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"54,218",                                   BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"54.218 EUR",                               BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
        {"<html>",                                   BH_OUTCOME_UNCERTAIN, 0,   INT64_MIN },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_exchange exchange = answered(200, rows[i].body);
        struct bh_outcome outcome;
        cr_assert_eq(bh_gateway_answer_read_balance(&exchange, &outcome), BH_OK);
        cr_expect_str_eq(bh_outcome_kind_name(outcome.kind), bh_outcome_kind_name(rows[i].kind),
                         "%s", rows[i].body);
        cr_expect_eq(outcome.code, rows[i].code, "%s: %d", rows[i].body, outcome.code);
        cr_expect_eq(outcome.balance_micro, rows[i].micro, "%s", rows[i].body);
        cr_expect((outcome.error[0] == '\0') == (rows[i].kind == BH_OUTCOME_ACCEPTED), "%s",
                  rows[i].body);
        cr_expect_null(outcome.results);
        bh_outcome_release(&outcome);
    }
}

Test(gateway_answer, judges_a_balance_without_an_answer)
{
    struct bh_outcome outcome;
    struct bh_exchange exchange = {.trouble = BH_TROUBLE_CONNECT, .retry_after_ms = -1};
    cr_assert_eq(bh_gateway_answer_read_balance(&exchange, &outcome), BH_OK);
    cr_expect_eq(outcome.kind, BH_OUTCOME_UNSENT);
    exchange = answered(403, "54.2");
    cr_assert_eq(bh_gateway_answer_read_balance(&exchange, &outcome), BH_OK);
    cr_expect_eq(outcome.kind, BH_OUTCOME_REFUSED);
    cr_expect_eq(outcome.balance_micro, INT64_MIN);
    exchange = answered(200, "54.2");
    exchange.body_complete = false;
    cr_assert_eq(bh_gateway_answer_read_balance(&exchange, &outcome), BH_OK);
    cr_expect_eq(outcome.kind, BH_OUTCOME_UNCERTAIN);
}

Test(gateway_answer, reports_every_failing_allocation_and_leaks_nothing)
{
    static const char *const bodies[] = {
        TOP("101", MSG(A, OK_("1")) "," MSG("4999", BAD("202")) "," MSG(B, OK_("2")) "," MSG(
                       "4998", OK_("3"))),
        "100\n1\n2\n3\n4",
    };
    bh_use_scarce_memory();
    bh_json_use_allocator();
    for (size_t i = 0; i < BH_ARRAY_LEN(bodies); i++) {
        struct bh_exchange exchange = answered(200, bodies[i]);
        enum bh_status status = BH_ENOMEM;
        int nth = 0;
        for (; status != BH_OK && nth < 1000; nth++) {
            struct bh_outcome outcome;
            bh_allocations_left = nth;
            status = bh_gateway_answer_read(&exchange, &mixed, &outcome);
            bh_allocations_left = 1000;
            if (status == BH_OK)
                bh_outcome_release(&outcome);
            else
                cr_expect_eq(status, BH_ENOMEM, "allocation %d", nth);
        }
        cr_expect(nth > 4 && nth < 1000, "%d", nth);
    }
    bh_alloc_replace(NULL);
}
