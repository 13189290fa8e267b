#include "sim_test.h"

#include <unistd.h>

static void
start_usual(void)
{
    start("[account]\nbalance = 20.5\n");
}

TestSuite(sim_control, .init = start_usual, .fini = stop);

static void
send_sms(const char *headers, const char *body)
{
    struct bh_test_http got;
    bh_test_http_call(sim.port, "POST", "/api/sms", headers, body, &got);
    bh_test_http_release(&got);
}

Test(sim_control, counts_what_was_accepted_and_nothing_else)
{
    tell("config", "{\"lock\":{\"enabled\":false}}");
    send_sms(LIVE FORM, "to=01711111111&text=once&foreign_id=a");
    send_sms(LIVE FORM, "to=01711111111&text=twice&foreign_id=b");
    send_sms(LIVE FORM, "to=%2B491711111111&text=twice&foreign_id=b");
    send_sms(LIVE FORM, "to=01722222222,01733333333,0&text=many");
    send_sms(LIVE FORM, "to=01711111111&text=debug&debug=1");
    send_sms(SANDBOX FORM, "to=01711111111&text=sandbox");
    send_sms(LIVE FORM, "to=01711111111");
    send_sms("X-Api-Key: wrong\r\n" FORM, "to=01711111111&text=wrong");
    static const struct row rows[] = {
        {"stats",      "GET", "/_sim/stats",         NULL, NULL, 200,
         "{\"accepted\":5,\"sms\":5,\"voice\":0,\"debug\":2,\"refused\":1,\"cancelled\":0,"
         "\"locked\":0,"
         "\"unlocked\":1,\"requests\":8,\"bad_requests\":0,*\"in_flight\":0,\"in_flight_max\":1,"
         "\"recipients_count\":3,\"messages_count\":4,\"doubled_count\":1,\"foreign_ids_count\":2,"
         "\"foreign_ids_doubled_count\":1,\"uncounted\":0,\"balance\":20.125,\"spent\":0.375,*"
         "\"doubled\":{\"sms 491711111111 twice\":2},\"foreign_ids_doubled\":{\"b\":2},*"            },
        {"codes",      "GET", "/_sim/stats",         NULL, NULL, 200, "*\"POST \\/api\\/sms 100\":5*"},
        {"partial",    "GET", "/_sim/stats",         NULL, NULL, 200, "*\"POST \\/api\\/sms 101\":1*"},
        {"missing",    "GET", "/_sim/stats",         NULL, NULL, 200, "*\"POST \\/api\\/sms 305\":1*"},
        {"wrong",      "GET", "/_sim/stats",         NULL, NULL, 200, "*\"POST \\/api\\/sms 900\":1*"},
        {"recipients", "GET", "/_sim/stats",         NULL, NULL, 200,
         "*\"recipients\":{*\"491711111111\":3*"                                                     },
        {"bounded",    "GET", "/_sim/stats?limit=0", NULL, NULL, 200, "*\"recipients\":{},*"         },
    };
    CHECK_ROWS(rows);
    expect_number("stats?to=0171%2F1111111", "count", 3);
    expect_number("stats?to=01711111111&text=twice", "count", 2);
    expect_number("stats?to=01711111111&text=debug", "count", 0);
    expect_number("stats?foreign_id=b", "count", 2);
    expect_number("stats?foreign_id=c", "count", 0);
}

Test(sim_control, sees_how_many_requests_were_in_flight)
{
    int fds[5];
    tell("config", "{\"gateway\":{\"answer_delay_ms\":1500}}");
    for (int at = 0; at < 5; at++) {
        static const char request[] = "GET /api/balance HTTP/1.1\r\nHost: x\r\n" LIVE "\r\n";
        fds[at] = bh_test_http_connect(sim.port, 10000);
        cr_assert(bh_test_http_send(fds[at], request, strlen(request)));
    }
    for (int at = 0; at < 5; at++) {
        struct bh_test_http got;
        bh_test_http_read(fds[at], &got);
        cr_expect_eq(got.status, 200);
        bh_test_http_release(&got);
        close(fds[at]);
    }
    long long most = bh_test_sim_number(&sim, "stats", "in_flight_max");
    cr_expect(most >= 2 && most <= 5, "%lld", most);
}

Test(sim_control, resets_everything_but_the_ids)
{
    static const struct row rows[] = {
        {"config is as it was", "GET",  "/api/balance",   LIVE,      NULL, 200, "20.5"            },
        {"no hooks",            "GET",  "/api/hooks",     LIVE,      NULL, 200, "*\"hooks\":[]}"  },
        {"no faults",           "GET",  "/_sim/faults",   NULL,      NULL, 200, "[]"              },
        {"no messages",         "GET",  "/_sim/messages", NULL,      NULL, 200, "[]"              },
        {"no lock, a new id",   "POST", "/api/sms",       LIVE FORM,
         "to=01711111111&text=x&return_msg_id=1",                          200, "100\n77214945866"},
    };
    send_sms(LIVE FORM, "to=01711111111&text=x");
    tell("fault", "{\"kind\":\"503\",\"count\":-1}");
    tell("config", "{\"account\":{\"balance\":1}}");
    tell("clock", "{\"advance_ms\":1000000}");
    tell("reset", "{}");
    expect_number("stats", "accepted", 0);
    expect_number("stats", "requests", 0);
    CHECK_ROWS(rows);
}

Test(sim_control, refuses_settings_that_are_none)
{
    static const struct row rows[] = {
        {"unknown section", "POST", "/_sim/config", JSON, "{\"x\":{\"y\":1}}",                     400,
         "{\"error\":\"x.y: is no setting of the simulator\"}"                                             },
        {"unknown key",     "POST", "/_sim/config", JSON, "{\"lock\":{\"minutes\":1}}",            400,
         "*lock.minutes*"                                                                                  },
        {"no section",      "POST", "/_sim/config", JSON, "{\"lock\":1}",                          400, "*"},
        {"too small",       "POST", "/_sim/config", JSON, "{\"gateway\":{\"era\":2020}}",          400,
         "*gateway.era*"                                                                                   },
        {"no number",       "POST", "/_sim/config", JSON, "{\"gateway\":{\"era\":\"x\"}}",         400, "*"},
        {"fraction",        "POST", "/_sim/config", JSON, "{\"gateway\":{\"era\":2022.5}}",        400, "*"},
        {"no choice",       "POST", "/_sim/config", JSON, "{\"gateway\":{\"labels\":\"french\"}}", 400,
         "*"                                                                                               },
        {"no flag",         "POST", "/_sim/config", JSON, "{\"lock\":{\"enabled\":\"maybe\"}}",    400, "*"},
        {"no amount",       "POST", "/_sim/config", JSON, "{\"account\":{\"balance\":\"1e5\"}}",   400,
         "*"                                                                                               },
        {"no speed",        "POST", "/_sim/config", JSON, "{\"reports\":{\"speed\":0}}",           400, "*"},
        {"no right",        "POST", "/_sim/config", JSON, "{\"key k\":{\"rights\":\"sms,fly\"}}",  400,
         "*"                                                                                               },
        {"no class",        "POST", "/_sim/config", JSON, "{\"key k\":{\"class\":\"gold\"}}",      400, "*"},
        {"clock too far",   "POST", "/_sim/clock",  JSON, "{\"advance_ms\":99999999999999999}",    400,
         "*"                                                                                               },
        {"unknown control", "POST", "/_sim/dance",  JSON, "{}",                                    404, "*"},
        {"no control",      "POST", "/_sim/",       JSON, "{}",                                    404, "*"},
        {"stats by post",   "POST", "/_sim/stats",  JSON, "{}",                                    405, "*"},
    };
    CHECK_ROWS(rows);
    static const struct row show[] = {
        {"shown", "GET", "/_sim/config", NULL, NULL, 200,
         "[gateway]\nera = 2022\n*labels = german\n*[account]\nbalance = 20.5\n*[lock]\nenabled = "
         "yes\nseconds = 180\n*"},
    };
    CHECK_ROWS(show);
}

Test(sim_command, has_a_help_a_version_and_a_manner_to_refuse)
{
    static const struct {
        const char *name;
        const char *arguments[4];
        int code;
        const char *wanted;
    } rows[] = {
        {"help",                {"--help"},                          0, "usage: bellhop-sim *\n"},
        {"version",             {"--version"},                       0, "bellhop-sim *.*\n"     },
        {"settings",            {"--print-config"},                  0, "[gateway]\n*"          },
        {"unknown option",      {"--fly"},                           2, "*--fly*"               },
        {"argument",            {"127.0.0.1:0"},                     2, "*unexpected*"          },
        {"no such file",        {"--config", "/nonexistent/x"},      3, "*cannot read*"         },
        {"not an address",      {"--listen", "here"},                1, "*HOST:PORT*"           },
        {"host name",           {"--listen", "example.com:1"},       1, "*HOST:PORT*"           },
        {"port too large",      {"--listen", "127.0.0.1:65536"},     1, "*HOST:PORT*"           },
        {"all addresses",       {"--listen", "0.0.0.0:0"},           1, "*--allow-remote*"      },
        {"all addresses, IPv6", {"--listen", "[::]:0"},              1, "*--allow-remote*"      },
        {"another machine",     {"--listen", "192.0.2.1:0"},         1, "*--allow-remote*"      },
        {"empty path",          {"--listen", "unix:"},               1, "*path*"                },
        {"no directory",        {"--listen", "unix:/nonexistent/s"}, 1, "*cannot listen*"       },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        char output[16384];
        int code = bh_test_sim_run(rows[at].arguments, output, sizeof output);
        cr_expect_eq(code, rows[at].code, "%s: exit %d", rows[at].name, code);
        cr_expect(bh_test_matches(rows[at].wanted, output), "%s: %s", rows[at].name, output);
    }
}

Test(sim_command, refuses_a_port_that_is_taken)
{
    struct bh_test_sim first;
    char address[64], output[1024];
    cr_assert(bh_test_sim_start(&first, NULL));
    snprintf(address, sizeof address, "127.0.0.1:%d", first.port);
    const char *const arguments[] = {"--listen", address, NULL};
    cr_expect_eq(bh_test_sim_run(arguments, output, sizeof output), 1);
    cr_expect(bh_test_matches("*address already in use*", output), "%s", output);
    cr_expect_eq(bh_test_sim_stop(&first), 0);
}

Test(sim_command, runs_on_its_example_and_says_the_same_as_without_it)
{
    char with[16384], without[16384];
    const char *const example[] = {"--config", BH_SIM_EXAMPLE, "--print-config", NULL};
    const char *const none[] = {"--print-config", NULL};
    cr_expect_eq(bh_test_sim_run(example, with, sizeof with), 0, "%s", with);
    cr_expect_eq(bh_test_sim_run(none, without, sizeof without), 0);
    cr_expect_str_eq(with, without, "the example no longer shows the defaults");
}

Test(sim_command, names_the_line_of_a_bad_config)
{
    static const struct {
        const char *ini, *wanted;
    } rows[] = {
        {"[lock]\n\n# c\n; c\nseconds = x\n", "*line 5: lock.seconds*"},
        {"[lock\n",                           "*line 1: *bracket*"    },
        {"[lock]\nseconds\n",                 "*line 2: *key = value*"},
        {"seconds = 1\n",                     "*line 1: *"            },
        {"[gateway]\nera = 2022\nera = 1\n",  "*line 3: *"            },
        {"[prices]\nsms.x = 1\n",             "*line 2: *sms.PREFIX*" },
        {"[key ]\nclass = live\n",            "*line 2: *"            },
    };
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        char path[] = "/tmp/bellhop-sim-XXXXXX", output[1024];
        int fd = mkstemp(path);
        cr_assert_eq(write(fd, rows[at].ini, strlen(rows[at].ini)), (ssize_t)strlen(rows[at].ini));
        close(fd);
        const char *const arguments[] = {"--config", path, NULL};
        cr_expect_eq(bh_test_sim_run(arguments, output, sizeof output), 3, "%s", rows[at].ini);
        cr_expect(bh_test_matches(rows[at].wanted, output), "%s: %s", rows[at].ini, output);
        unlink(path);
    }
}
