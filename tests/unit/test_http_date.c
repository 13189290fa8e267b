#include <criterion/criterion.h>

#include "core/http_date.h"

Test(http_date, reads_the_three_forms_and_nothing_else)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: not a date */
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT",    784111777   },
        {"Sunday, 06-Nov-94 08:49:37 GMT",   784111777   },
        {"Sun Nov  6 08:49:37 1994",         784111777   },
        {"Wed Nov 16 08:49:37 1994",         784975777   },
        {"Thu, 01 Jan 1970 00:00:00 GMT",    0           },
        {"Thu, 29 Feb 2024 23:59:59 GMT",    1709251199  },
        {"Fri, 01 Mar 2024 00:00:00 GMT",    1709251200  },
        {"Tue, 29 Feb 2000 00:00:00 GMT",    951782400   },
        {"Mon, 01 Mar 2100 00:00:00 GMT",    4107542400  },
        {"Fri, 31 Dec 9999 23:59:59 GMT",    253402300799},
        {"Thursday, 01-Jan-70 00:00:00 GMT", 0           },
        {"Tuesday, 31-Dec-69 23:59:59 GMT",  3155759999  },
        {"Sat, 31 Dec 2016 23:59:60 GMT",    1483228799  },
        {"Mon, 06 Nov 1994 08:49:37 GMT",    784111777   },
        {"Thu, 29 Feb 2023 00:00:00 GMT",    -1          },
        {"Thu, 29 Feb 2100 00:00:00 GMT",    -1          },
        {"Thu, 31 Apr 2023 00:00:00 GMT",    -1          },
        {"Thu, 00 Apr 2023 00:00:00 GMT",    -1          },
        {"Sun, 06 Nov 1994 24:00:00 GMT",    -1          },
        {"Sun, 06 Nov 1994 08:60:00 GMT",    -1          },
        {"Sun, 06 Nov 1994 08:49:61 GMT",    -1          },
        {"Wed, 31 Dec 1969 23:59:59 GMT",    -1          },
        {"Sun, 06 Nov 0000 08:49:37 GMT",    -1          },
        {"sun, 06 nov 1994 08:49:37 gmt",    -1          },
        {"Sun, 06 Nov 1994 08:49:37 UTC",    -1          },
        {"Sun, 06 Nov 1994 08:49:37",        -1          },
        {"Sun, 06 Nov 1994 08:49:37 GMT ",   -1          },
        {"Sun, 06 Nov 1994 08:49:37 GMT+1",  -1          },
        {"Sun, 6 Nov 1994 08:49:37 GMT",     -1          },
        {"Sun 06 Nov 1994 08:49:37 GMT",     -1          },
        {"06 Nov 1994 08:49:37 GMT",         -1          },
        {"Sun, 06 Now 1994 08:49:37 GMT",    -1          },
        {"Sun, +6 Nov 1994 08:49:37 GMT",    -1          },
        {"Sun, 06 Nov -994 08:49:37 GMT",    -1          },
        {"Sun, 06-Nov-94 08:49:37 GMT",      -1          },
        {"Sunday, 06-Nov-1994 08:49:37 GMT", -1          },
        {"Sun Nov 6 08:49:37 1994",          -1          },
        {"Sun Nov  6 08:49:37 19945",        -1          },
        {"1994-11-06T08:49:37Z",             -1          },
        {"784111777",                        -1          },
        {"Sun, 06 Nov 1994 08:49:3",         -1          },
        {"Sun",                              -1          },
        {"",                                 -1          },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_wall date = {42};
        bool wanted = rows[i].seconds >= 0;
        cr_expect_eq(bh_http_date_parse(bh_str_from(rows[i].text), &date), wanted, "%s",
                     rows[i].text);
        cr_expect_eq(date.ms, wanted ? rows[i].seconds * 1000 : 42, "%s gives %lld", rows[i].text,
                     (long long)date.ms);
    }
}

Test(http_date, reads_retry_after_as_seconds_or_date_within_bounds)
{
    static const struct {
        const char *text;
        int64_t now_ms;
        bh_ms wanted_ms; /* -1: unreadable */
    } rows[] = {
        {"0",                             0,            0                    },
        {"120",                           0,            120000               },
        {" 5 ",                           0,            5000                 },
        {"007",                           0,            7000                 },
        {"86400",                         0,            BH_RETRY_AFTER_MAX_MS},
        {"86401",                         0,            BH_RETRY_AFTER_MAX_MS},
        {"9223372036854775808",           0,            BH_RETRY_AFTER_MAX_MS},
        {"99999999999999999999999999999", 0,            BH_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111770000, 7000                 },
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000, 0                    },
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777001, 0                    },
        {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_MAX,    0                    },
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0,            BH_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_MIN,    BH_RETRY_AFTER_MAX_MS},
        {"-1",                            0,            -1                   },
        {"1.5",                           0,            -1                   },
        {"5s",                            0,            -1                   },
        {"soon",                          0,            -1                   },
        {"",                              0,            -1                   },
        {"  ",                            0,            -1                   },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bh_ms delay = 42;
        bool wanted = rows[i].wanted_ms >= 0;
        cr_expect_eq(bh_retry_after_parse(bh_str_from(rows[i].text),
                                          (struct bh_wall){rows[i].now_ms}, &delay),
                     wanted, "%s", rows[i].text);
        cr_expect_eq(delay, wanted ? rows[i].wanted_ms : 42, "%s gives %lld", rows[i].text,
                     (long long)delay);
    }
}
