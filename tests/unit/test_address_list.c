#include <criterion/criterion.h>

#include <string.h>

#include "core/address_list.h"

Test(address_list, knows_who_is_in_it)
{
    static const struct {
        const char *name, *list, *address;
        bool wanted;
    } rows[] = {
        {"nobody is named",               "",                           "192.0.2.1",                                              true },
        {"nobody is named, nobody asks",  "",                           "",                                                       true },
        {"blanks alone",                  " \t ",                       "::1",                                                    true },
        {"one address",                   "192.0.2.1",                  "192.0.2.1",                                              true },
        {"another address",               "192.0.2.1",                  "192.0.2.2",                                              false},
        {"the second of three",           "::1, 192.0.2.1 ,10.0.0.0/8", "192.0.2.1",                                              true },
        {"the last of three",             "::1, 192.0.2.1 ,10.0.0.0/8", "10.255.255.255",                                         true },
        {"none of three",                 "::1, 192.0.2.1 ,10.0.0.0/8", "11.0.0.0",                                               false},
        {"the first of a network",        "192.0.2.0/24",               "192.0.2.0",                                              true },
        {"the last of a network",         "192.0.2.0/24",               "192.0.2.255",                                            true },
        {"behind a network",              "192.0.2.0/24",               "192.0.3.0",                                              false},
        {"before a network",              "192.0.2.0/24",               "192.0.1.255",                                            false},
        {"bits inside of a byte",         "192.0.2.128/25",             "192.0.2.127",                                            false},
        {"a network of one",              "192.0.2.1/32",               "192.0.2.1",                                              true },
        {"a network of two",              "192.0.2.0/31",               "192.0.2.2",                                              false},
        {"all of IPv4",                   "0.0.0.0/0",                  "203.0.113.9",                                            true },
        {"all of IPv4 is not IPv6",       "0.0.0.0/0",                  "2001:db8::1",                                            false},
        {"all of IPv6 has IPv4 in it",    "::/0",                       "203.0.113.9",                                            true },
        {"an address of IPv6",            "2a01:4f8:13a:8e7::2",        "2a01:4f8:13a:8e7:0::2",                                  true },
        {"its neighbour",                 "2a01:4f8:13a:8e7::2",        "2a01:4f8:13a:8e7::3",                                    false},
        {"a network of IPv6",             "2001:db8::/32",              "2001:db8:ffff::1",                                       true },
        {"behind a network of IPv6",      "2001:db8::/32",              "2001:db9::",                                             false},
        {"IPv4 mapped, asked",            "192.0.2.1",                  "::ffff:192.0.2.1",                                       true },
        {"IPv4 mapped, named",            "::ffff:192.0.2.1",           "192.0.2.1",                                              true },
        {"a network of mapped ones",      "::ffff:192.0.2.0/120",       "192.0.2.77",                                             true },
        {"IPv4 compatible is not mapped", "192.0.2.1",                  "::192.0.2.1",                                            false},
        {"no address",                    "0.0.0.0/0",                  "",                                                       false},
        {"a name",                        "::/0",                       "localhost",                                              false},
        {"a scope",                       "::/0",                       "fe80::1%eth0",                                           false},
        {"needless zeros",                "0.0.0.0/0",                  "192.0.02.1",                                             false},
        {"too long for any",              "::/0",                       "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
         false                                                                                                                         },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_address_list list;
        struct bh_error error = {"", ""};
        cr_assert_eq(bh_address_list_parse(bh_str_from(rows[i].list), &list, &error), BH_OK,
                     "%s: %s", rows[i].name, error.text);
        cr_expect_eq(bh_address_list_has(&list, bh_str_from(rows[i].address)), rows[i].wanted, "%s",
                     rows[i].name);
    }
}

Test(address_list, says_what_is_wrong_with_it)
{
    static const struct {
        const char *name, *list, *said;
    } rows[] = {
        {"a name",                "gateway.example",         "names are not looked up"           },
        {"a port",                "192.0.2.1:80",            "neither an address nor"            },
        {"brackets",              "[::1]",                   "neither an address nor"            },
        {"three numbers",         "192.0.2",                 "neither an address nor"            },
        {"five numbers",          "192.0.2.1.1",             "neither an address nor"            },
        {"too large a number",    "192.0.2.256",             "neither an address nor"            },
        {"octal",                 "192.0.2.010",             "neither an address nor"            },
        {"one number",            "3221225985",              "neither an address nor"            },
        {"hex",                   "0xC0000201",              "neither an address nor"            },
        {"two blocks of zeros",   "2001::db8::1",            "neither an address nor"            },
        {"a blank inside",        "192.0.2.1 192.0.2.2",     "neither an address nor"            },
        {"three colons",          "2001:::1",                "neither an address nor"            },
        {"a colon alone",         ":",                       "neither an address nor"            },
        {"a colon in front",      ":1::2",                   "neither an address nor"            },
        {"a colon at the end",    "1::2:",                   "neither an address nor"            },
        {"nine groups",           "1:2:3:4:5:6:7:8:9",       "neither an address nor"            },
        {"seven groups",          "1:2:3:4:5:6:7",           "neither an address nor"            },
        {"nothing left out",      "1:2:3:4::5:6:7:8",        "neither an address nor"            },
        {"five hex digits",       "::12345",                 "neither an address nor"            },
        {"IPv4 in the middle",    "::192.0.2.1:1",           "neither an address nor"            },
        {"IPv4 in front",         "192.0.2.1::1",            "neither an address nor"            },
        {"IPv4 as a ninth",       "1:2:3:4:5:6:7:1.2.3.4",   "neither an address nor"            },
        {"nothing between",       "192.0.2.1,,192.0.2.2",    "nothing between two commas"        },
        {"nothing behind",        "192.0.2.1,",              "nothing between two commas"        },
        {"nothing before",        ",192.0.2.1",              "nothing between two commas"        },
        {"a slash alone",         "/",                       "neither an address nor"            },
        {"no length",             "192.0.2.0/",              "from 0 to 32"                      },
        {"too long for IPv4",     "192.0.2.0/33",            "from 0 to 32"                      },
        {"too long for IPv6",     "2001:db8::/129",          "from 0 to 128"                     },
        {"a negative length",     "192.0.2.0/-1",            "from 0 to 32"                      },
        {"a padded length",       "192.0.2.0/024",           "from 0 to 32"                      },
        {"a mask",                "192.0.2.0/255.255.255.0", "from 0 to 32"                      },
        {"two slashes",           "192.0.2.0/24/24",         "from 0 to 32"                      },
        {"inside of a network",   "192.0.2.1/24",            "the bits behind the first 24 must" },
        {"inside of one, IPv6",   "2001:db8::1/64",          "the bits behind the first 64 must" },
        {"inside of one, mapped", "::ffff:192.0.2.1/120",    "the bits behind the first 120 must"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_address_list list = {.count = 77};
        struct bh_error error = {"", ""};
        cr_expect_eq(bh_address_list_parse(bh_str_from(rows[i].list), &list, &error), BH_EINVAL,
                     "%s", rows[i].name);
        cr_expect(strstr(error.text, rows[i].said) != NULL, "%s: %s", rows[i].name, error.text);
        cr_expect_eq(list.count, 77, "%s: touched", rows[i].name);
    }
}

Test(address_list, has_room_for_so_many_and_no_more)
{
    char text[1000] = "";
    struct bh_address_list list;
    for (size_t i = 0; i < BH_ADDRESS_LIST_MAX; i++)
        strncat(text, i == 0 ? "::1" : ",::1", sizeof(text) - strlen(text) - 1);
    cr_expect_eq(bh_address_list_parse(bh_str_from(text), &list, NULL), BH_OK);
    cr_expect_eq(list.count, BH_ADDRESS_LIST_MAX);
    strncat(text, ",::1", sizeof(text) - strlen(text) - 1);
    cr_expect_eq(bh_address_list_parse(bh_str_from(text), &list, NULL), BH_EINVAL);
}
