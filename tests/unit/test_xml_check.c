#include <criterion/criterion.h>
#include <string.h>

#include "core/buf.h"
#include "core/xml_check.h"

Test(xml_check, accepts_well_formed_xml)
{
    static const char *const rows[] = {
        "<a/>",
        "<Response><Say language=\"de-DE\">Hallo</Say><Play>http://x/y.mp3</Play></Response>",
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>\xC3\xA4 &amp; &lt; &gt; &quot; &apos; "
         "&#228; &#xE4;</a>\n"),
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xC3\xA4</a>",
        "<a><![CDATA[<b>&nothing;]]></a>",
        "<!-- a --><a><?target data?><!-- b --></a><!-- c -->",
        "<a b='1' c=\"2\"/>",
        "<n:a xmlns:n='urn:x'/>",
        "<\xC3\xA4/>",
        " <a/> ",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_error error = {.text = ""};
        cr_expect_eq(bh_xml_check(bh_str_from(rows[i]), &error), BH_OK, "%s: %s", rows[i],
                     error.text);
    }
}

Test(xml_check, refuses_everything_else_with_a_place)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"",                                               "no element found in line 1, column 1"                },
        {"Hello",                                          "syntax error in line 1, column 1"                    },
        {"<a>",                                            "no element found in line 1, column 4"                },
        {"<a></b>",                                        "mismatched tag in line 1, column 6"                  },
        {"<a>\n<b></a></b>",                               "mismatched tag in line 2, column 6"                  },
        {"</a>",                                           "in line 1"                                           },
        {"<a/><b/>",                                       "junk after document element in line 1, column 5"     },
        {"<a/>text",                                       "junk after document element"                         },
        {"text<a/>",                                       "not well-formed"                                     },
        {"<a b=1/>",                                       "not well-formed"                                     },
        {"<a b/>",                                         "not well-formed"                                     },
        {"<a b='1' b='2'/>",                               "duplicate attribute"                                 },
        {"<a b='<'/>",                                     "not well-formed"                                     },
        {"<a>&</a>",                                       "not well-formed"                                     },
        {"<a>&amp</a>",                                    "not well-formed"                                     },
        {"<a>&nbsp;</a>",                                  "undefined entity"                                    },
        {"<a>&#0;</a>",                                    "reference to invalid character number"               },
        {"<a>&#xD800;</a>",                                "reference to invalid character number"               },
        {"<a>]]></a>",                                     "not well-formed"                                     },
        {"<a><!-- -- --></a>",                             "not well-formed"                                     },
        {"<a><!-- </a>",                                   "unclosed token"                                      },
        {"<a><![CDATA[</a>",                               "unclosed CDATA section"                              },
        {"<1/>",                                           "not well-formed"                                     },
        {"< a/>",                                          "not well-formed"                                     },
        {"<a",                                             "unclosed token"                                      },
        {"<a\x01/>",                                       "not well-formed"                                     },
        {"<a>\x01</a>",                                    "not well-formed"                                     },
        {"<a>\xff</a>",                                    "not well-formed"                                     },
        {"<a>\xC3</a>",                                    "not well-formed"                                     },
        {" <?xml version='1.0'?><a/>",                     "XML or text declaration not at start of entity"      },
        {"<?xml version='1.0'?>",                          "no element found"                                    },
        {"<!DOCTYPE a><a/>",                               "a document type declaration is not allowed in line 1"},
        {"<!DOCTYPE a [<!ENTITY b \"x\">]><a>&b;</a>",
         "a document type declaration is not allowed"                                                            },
        {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
         "a document type declaration is not allowed"                                                            },
        {"<!ENTITY b \"x\"><a/>",                          "in line 1"                                           },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bh_error error = {.text = ""};
        cr_expect_eq(bh_xml_check(bh_str_from(rows[i].text), &error), BH_EINVAL, "%s",
                     rows[i].text);
        cr_expect_str_eq(error.field, "text");
        cr_expect(strstr(error.text, rows[i].wanted) != NULL, "%s: %s", rows[i].text, error.text);
    }
    cr_expect_eq(bh_xml_check((struct bh_str){"<a>\0</a>", 8}, NULL), BH_EINVAL);
}

Test(xml_check, bounds_depth_and_size)
{
    for (int depth = BH_XML_DEPTH_MAX; depth <= BH_XML_DEPTH_MAX + 1; depth++) {
        struct bh_buf buf;
        bh_buf_init(&buf, 1 << 17);
        for (int i = 0; i < depth; i++)
            bh_buf_append_text(&buf, "<a>");
        for (int i = 0; i < depth; i++)
            bh_buf_append_text(&buf, "</a>");
        struct bh_error error = {.text = ""};
        bool fits = depth == BH_XML_DEPTH_MAX;
        cr_expect_eq(bh_xml_check(bh_buf_str(&buf), &error), fits ? BH_OK : BH_EINVAL);
        cr_expect_eq(strstr(error.text, "nested deeper than 64 levels") != NULL, !fits);

        bh_buf_clear(&buf);
        bh_buf_append_text(&buf, "<a/>");
        while (buf.len <= BH_XML_BYTES_MAX)
            bh_buf_append_text(&buf, "          ");
        cr_expect_eq(bh_xml_check(bh_buf_str(&buf), NULL), BH_EINVAL);
        bh_buf_release(&buf);
    }
}
