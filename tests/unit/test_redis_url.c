#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/redis_url.h"

static void
expect_masked(const char *name, const struct bh_redis_url *url, const char *wanted)
{
    struct bh_buf buf;
    bh_buf_init(&buf, BH_REDIS_URL_MAX * 4);
    cr_expect_eq(bh_redis_url_format_masked(url, &buf), BH_OK);
    cr_expect_str_eq(bh_buf_text(&buf), wanted, "%s", name);
    bh_buf_release(&buf);
}

static const char *
or_none(const char *text)
{
    return text != NULL ? text : "(none)";
}

/* `masked` shows every member but the password; the second column is that one. */
static const struct {
    const char *url;
    const char *password;
    const char *masked;
} good[] = {
    {"redis://localhost",                          NULL,          "redis://localhost:6379/0"          },
    {"redis://localhost/",                         NULL,          "redis://localhost:6379/0"          },
    {"redis://h:1/15",                             NULL,          "redis://h:1/15"                    },
    {"redis://h:65535/2147483647",                 NULL,          "redis://h:65535/2147483647"        },
    {"rediss://r.example:6380/2",                  NULL,          "rediss://r.example:6380/2"         },
    {"redis://user:pass@h:1/3",                    "pass",        "redis://user:***@h:1/3"            },
    {"redis://:pass@h",                            "pass",        "redis://:***@h:6379/0"             },
    {"redis://user@h",                             NULL,          "redis://user@h:6379/0"             },
    {"redis://user:@h",                            NULL,          "redis://user@h:6379/0"             },
    {"redis://@h",                                 NULL,          "redis://h:6379/0"                  },
    {"redis://:@h",                                NULL,          "redis://h:6379/0"                  },
    {"redis://u:a:b@h",                            "a:b",         "redis://u:***@h:6379/0"            },
    {"redis://us%40er:%2f%3F%23%40%25@h",          "/?#@%",       "redis://us%40er:***@h:6379/0"      },
    {"redis://u:p%C3%A4ss@h",                      "p\xc3\xa4ss", "redis://u:***@h:6379/0"            },
    {"redis://[::1]:7/1",                          NULL,          "redis://[::1]:7/1"                 },
    {"redis://[2001:db8::1]",                      NULL,          "redis://[2001:db8::1]:6379/0"      },
    {"redis://[fe80::1%eth0]:7",                   NULL,          "redis://[fe80::1%eth0]:7/0"        },
    {"redis://[::ffff:1.2.3.4]",                   NULL,          "redis://[::ffff:1.2.3.4]:6379/0"   },
    {"unix:///run/redis.sock",                     NULL,          "unix:///run/redis.sock?db=0"       },
    {"unix:///run/redis.sock?db=4",                NULL,          "unix:///run/redis.sock?db=4"       },
    {"unix:///a%20b/%23c?db=0",                    NULL,          "unix:///a%20b/%23c?db=0"           },
    {"unix:///a@b",                                NULL,          "unix:///a%40b?db=0"                },
    {"unix://u:p@/s",                              "p",           "unix://u:***@/s?db=0"              },
    {"redis+sentinel://a:1,b,[::1]:3/my%2Fname/7", NULL,
     "redis+sentinel://a:1,b:26379,[::1]:3/my%2Fname/7"                                               },
    {"redis+sentinel://u:p@a/m",                   "p",           "redis+sentinel://u:***@a:26379/m/0"},
    {"redis+cluster://a:1,b",                      NULL,          "redis+cluster://a:1,b:6379"        },
    {"redis+cluster://:p@a/0",                     "p",           "redis+cluster://:***@a:6379"       },
};

Test(redis_url, reads_what_is_right_and_shows_no_password)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(good); i++) {
        struct bh_redis_url url;
        struct bh_error error = {0};
        enum bh_status status = bh_redis_url_parse(bh_str_from(good[i].url), &url, &error);
        cr_expect_eq(status, BH_OK, "%s: %s", good[i].url, error.text);
        if (status != BH_OK)
            continue;
        cr_expect_str_eq(or_none(url.password), or_none(good[i].password), "%s", good[i].url);
        expect_masked(good[i].url, &url, good[i].masked);
        bh_redis_url_release(&url);
    }
}

/* Wherever a password may have got to, it is called "hunter2" here, and no sentence may show it. */
static const struct {
    const char *url;
    const char *sentence; /* a part of it */
} bad[] = {
    {"",                                                  "begin with redis://"      },
    {"hunter2",                                           "begin with redis://"      },
    {"http://hunter2@h",                                  "begin with redis://"      },
    {"REDIS://h",                                         "begin with redis://"      },
    {"redis:/h",                                          "begin with redis://"      },
    {"redis+sentinels://h/m",                             "begin with redis://"      },
    {"redis://",                                          "host is missing"          },
    {"redis:///0",                                        "host is missing"          },
    {"redis://:6379",                                     "host is missing"          },
    {"redis://u:hunter2@",                                "host is missing"          },
    {"redis://u:hunter2@:1",                              "host is missing"          },
    {"redis://hunter2:x",                                 "port has to be"           },
    {"redis://h:0",                                       "port has to be"           },
    {"redis://h:65536",                                   "port has to be"           },
    {"redis://h:-1",                                      "port has to be"           },
    {"redis://h:99999999999999999999",                    "port has to be"           },
    {"redis://h:",                                        "port has to be"           },
    {"redis://h:1x",                                      "port has to be"           },
    {"redis://h/x",                                       "database has to be"       },
    {"redis://h/-1",                                      "database has to be"       },
    {"redis://h/2147483648",                              "database has to be"       },
    {"redis://h/1/",                                      "database has to be"       },
    {"redis://h/1/hunter2",                               "database has to be"       },
    {"redis://h?db=1",                                    "nothing is known behind"  },
    {"redis://h/1?",                                      "nothing is known behind"  },
    {"redis://h/1?password=hunter2",                      "nothing is known behind"  },
    {"redis://h/1#x",                                     "'#' has no meaning"       },
    {"redis://u:hunt@hunter2@h",                          "'@' too many"             },
    {"redis://u:hun/hunter2@h",                           "'@' too many"             },
    {"redis://u:hun?hunter2@h",                           "'@' too many"             },
    {"redis://u:hun#hunter2@h",                           "'@' too many"             },
    {"redis://u:hunter2%@h",                              "hexadecimal"              },
    {"redis://u:hunter2%4@h",                             "hexadecimal"              },
    {"redis://u:hunter2%zz@h",                            "hexadecimal"              },
    {"redis://u:hunter2%4",                               "port has to be"           },
    {"redis://u:%00hunter2@h",                            "NUL"                      },
    {"redis://u:hunter2@h h",                             "blank or a control"       },
    {"redis://u:hunter2@h\n",                             "blank or a control"       },
    {"redis://\x7f",                                      "blank or a control"       },
    {"redis://a,b",                                       "character that host names"},
    {"redis://h%41",                                      "character that host names"},
    {"redis://h\xc3\xa4",                                 "character that host names"},
    {"redis://::1",                                       "brackets"                 },
    {"redis://2001:db8::1:6379",                          "brackets"                 },
    {"redis://[::1",                                      "closing ']'"              },
    {"redis://[]",                                        "not an IPv6"              },
    {"redis://[h]",                                       "not an IPv6"              },
    {"redis://[1.2.3.4]",                                 "not an IPv6"              },
    {"redis://[::1%]",                                    "not an IPv6"              },
    {"redis://[::1%a/b]",                                 "closing ']'"              },
    {"redis://[::1]6379",                                 "port has to be"           },
    {"redis://[::1]]",                                    "port has to be"           },
    {"unix://",                                           "path of the unix socket"  },
    {"unix:///",                                          "path of the unix socket"  },
    {"unix://?db=1",                                      "path of the unix socket"  },
    {"unix://run/redis.sock",                             "three slashes"            },
    {"unix://u:hunter2@run/redis.sock",                   "three slashes"            },
    {"unix://u:hunt/hunter2@/run/x",                      "three slashes"            },
    {"unix:///s?db=",                                     "database has to be"       },
    {"unix:///s?db=1&x=2",                                "database has to be"       },
    {"unix:///s?password=hunter2",                        "only db=NUMBER"           },
    {"unix:///s?",                                        "only db=NUMBER"           },
    {"unix:///s%0",                                       "path contains a '%'"      },
    {"unix:///s%00",                                      "path contains a '%'"      },
    {"redis+sentinel://h",                                "name of the master"       },
    {"redis+sentinel://h/",                               "name of the master"       },
    {"redis+sentinel://h//1",                             "name of the master"       },
    {"redis+sentinel://h/m/x",                            "database has to be"       },
    {"redis+sentinel://h/%/0",                            "master's name contains"   },
    {"redis+sentinel://,/m",                              "host is missing"          },
    {"redis+sentinel://a,/m",                             "host is missing"          },
    {"redis+sentinel://a,,b/m",                           "host is missing"          },
    {"redis+sentinel:///m",                               "host is missing"          },
    {"redis+cluster://a/1",                               "database 0 only"          },
    {"redis+cluster://a,b:x",                             "port has to be"           },
    {"redis+cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "more than 16"             },
};

Test(redis_url, refuses_what_is_wrong_without_quoting_it)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(bad); i++) {
        struct bh_redis_url url = {.db = 42};
        struct bh_error error = {0};
        cr_expect_eq(bh_redis_url_parse(bh_str_from(bad[i].url), &url, &error), BH_EINVAL, "%s",
                     bad[i].url);
        cr_expect_not_null(strstr(error.text, bad[i].sentence), "%s: %s", bad[i].url, error.text);
        cr_expect_null(strstr(error.text, "hunter2"), "%s: %s", bad[i].url, error.text);
        cr_expect_str_eq(error.field, "url");
        cr_expect_eq(url.db, 42, "%s: the output was touched", bad[i].url);
        cr_expect_eq(bh_redis_url_parse(bh_str_from(bad[i].url), &url, NULL), BH_EINVAL);
    }
}

Test(redis_url, has_bounds_for_whole_host_and_path)
{
    char text[BH_REDIS_URL_MAX + 16];
    struct bh_redis_url url;
    struct bh_error error;

    memset(text, 'a', sizeof(text));
    memcpy(text, "redis://", 8);
    cr_expect_eq(bh_redis_url_parse((struct bh_str){text, 8 + BH_REDIS_HOST_MAX}, &url, &error),
                 BH_OK);
    cr_expect_eq(strlen(url.hosts[0].name), BH_REDIS_HOST_MAX);
    bh_redis_url_release(&url);
    cr_expect_eq(bh_redis_url_parse((struct bh_str){text, 9 + BH_REDIS_HOST_MAX}, &url, &error),
                 BH_EINVAL);
    cr_expect_not_null(strstr(error.text, "longer than a host name"), "%s", error.text);
    cr_expect_eq(bh_redis_url_parse((struct bh_str){text, BH_REDIS_URL_MAX + 1}, &url, &error),
                 BH_EINVAL);
    cr_expect_not_null(strstr(error.text, "4096"), "%s", error.text);

    memcpy(text, "unix:///", 8);
    cr_expect_eq(bh_redis_url_parse((struct bh_str){text, 7 + BH_REDIS_PATH_MAX}, &url, &error),
                 BH_OK);
    cr_expect_eq(strlen(url.path), BH_REDIS_PATH_MAX);
    bh_redis_url_release(&url);
    cr_expect_eq(bh_redis_url_parse((struct bh_str){text, 8 + BH_REDIS_PATH_MAX}, &url, &error),
                 BH_EINVAL);
    cr_expect_not_null(strstr(error.text, "107 bytes"), "%s", error.text);
}

Test(redis_url, takes_a_login_from_elsewhere)
{
    static const struct {
        const char *url, *username, *password;
        const char *wanted_username, *wanted_password;
    } rows[] = {
        {"redis://u:p@h", NULL, NULL, "u",  "p" },
        {"redis://u:p@h", "v",  NULL, "v",  "p" },
        {"redis://u:p@h", NULL, "q",  "u",  "q" },
        {"redis://u:p@h", "",   "",   NULL, NULL},
        {"redis://u:p@h", "",   NULL, NULL, "p" },
        {"redis://h",     "v",  "q",  "v",  "q" },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_redis_url url;
        cr_assert_eq(bh_redis_url_parse(bh_str_from(rows[i].url), &url, NULL), BH_OK);
        cr_expect_eq(bh_redis_url_set_login(&url, rows[i].username, rows[i].password), BH_OK);
        cr_expect_str_eq(or_none(url.username), or_none(rows[i].wanted_username), "row %zu", i);
        cr_expect_str_eq(or_none(url.password), or_none(rows[i].wanted_password), "row %zu", i);
        bh_redis_url_release(&url);
    }
}
