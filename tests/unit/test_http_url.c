#include <criterion/criterion.h>
#include <string.h>

#include "core/base.h"
#include "core/http_url.h"

Test(http_url, accepts_what_can_be_posted_to)
{
    static const char *const rows[] = {
        "http://a",
        "https://example.com",
        "HTTPS://Example.COM/",
        "https://example.com:8443/a/b?c=d&e=%C3%A4",
        "http://127.0.0.1:1/",
        "http://[::1]:8080/x",
        "http://[2001:db8::1]",
        "http://a-b.c1.example?x",
        "http://xn--mnchen-3ya.example/",
        "http://a/@b:c",
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++)
        cr_expect_null(bh_http_url_problem(bh_str_from(rows[i])), "%s: %s", rows[i],
                       bh_http_url_problem(bh_str_from(rows[i])));
}

Test(http_url, refuses_the_rest_with_the_rule)
{
    static const struct {
        const char *url, *wanted;
    } rows[] = {
        {"",                                   "start with http"},
        {"example.com",                        "start with http"},
        {"ftp://a",                            "start with http"},
        {"file:///etc/passwd",                 "start with http"},
        {"javascript:alert(1)",                "start with http"},
        {"//a",                                "start with http"},
        {"http:/a",                            "start with http"},
        {"httpx://a",                          "start with http"},
        {" http://a",                          "start with http"},
        {"http://",                            "name a host"    },
        {"http:///path",                       "name a host"    },
        {"http://?x",                          "name a host"    },
        {"http://:80/",                        "name a host"    },
        {"http://.a",                          "name a host"    },
        {"http://a..b",                        "name a host"    },
        {"http://a.",                          "name a host"    },
        {"http://-a",                          "name a host"    },
        {"http://a-.b",                        "name a host"    },
        {"http://a_b/",                        "name a host"    },
        {"http://a!b/",                        "name a host"    },
        {"http://a%41/",                       "name a host"    },
        {"http://[::1",                        "name a host"    },
        {"http://[]",                          "name a host"    },
        {"http://[1]",                         "name a host"    },
        {"http://[::1]x",                      "name a host"    },
        {"http://[::g]",                       "name a host"    },
        {"http://::1/",                        "name a host"    },
        {"http://a:",                          "port"           },
        {"http://a:0",                         "port"           },
        {"http://a:65536",                     "port"           },
        {"http://a:-1",                        "port"           },
        {"http://a:80:80",                     "port"           },
        {"http://a:8o/",                       "port"           },
        {"http://[::1]:x",                     "port"           },
        {"http://user@a/",                     "user name"      },
        {"http://user:pw@a/",                  "user name"      },
        {"https://good.example@evil.example/", "user name"      },
        {"http://a/#x",                        "fragment"       },
        {"http://a b/",                        "printable ASCII"},
        {"http://a/ ",                         "printable ASCII"},
        {"http://a/\t",                        "printable ASCII"},
        {"http://a\r\nHost: b",                "printable ASCII"},
        {"http://a\\@b",                       "printable ASCII"},
        {"http://a/%",                         "printable ASCII"},
        {"http://a/%4",                        "printable ASCII"},
        {"http://a/%zz",                       "printable ASCII"},
        {"http://a/<b>",                       "printable ASCII"},
        {"http://m\xC3\xBCnchen.example/",     "printable ASCII"},
        {"http://a/\x7f",                      "printable ASCII"},
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const char *problem = bh_http_url_problem(bh_str_from(rows[i].url));
        cr_assert_not_null(problem, "%s", rows[i].url);
        cr_expect(strstr(problem, rows[i].wanted) != NULL, "%s: %s", rows[i].url, problem);
    }
}

Test(http_url, bounds_the_length)
{
    char url[BH_HTTP_URL_MAX + 2];
    memset(url, 'a', sizeof(url));
    memcpy(url, "http://a/", 9);
    cr_expect_null(bh_http_url_problem((struct bh_str){url, BH_HTTP_URL_MAX}));
    cr_expect_not_null(bh_http_url_problem((struct bh_str){url, BH_HTTP_URL_MAX + 1}));

    char host[80] = "http://";
    memset(host + 7, 'a', 64);
    cr_expect_not_null(bh_http_url_problem((struct bh_str){host, 7 + 64}));
    cr_expect_null(bh_http_url_problem((struct bh_str){host, 7 + 63}));
}
