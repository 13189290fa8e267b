#include <bellhop/job.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/buf.h"

/*
 * Rows are written with ' for ", which no row needs for itself.  `wanted` is NULL for a valid job, else the
 * whole sentence, or a part of it when it begins with "...".
 */
struct row {
    const char *json;
    const char *wanted;
};

static void
check_sentence(const char *json, const char *wanted, enum bh_job_verdict verdict,
               const struct bh_error *error)
{
    if (wanted == NULL) {
        cr_expect_eq(verdict, BH_JOB_VALID, "%s\n  got    %s", json, error->text);
        return;
    }
    cr_expect_eq(verdict, BH_JOB_BAD, "%s\n  was accepted", json);
    bool same = strncmp(wanted, "...", 3) == 0 ? strstr(error->text, wanted + 3) != NULL
                                               : strcmp(error->text, wanted) == 0;
    cr_expect(same, "%s\n  got    %s\n  wanted %s", json, error->text, wanted);
}

static void
check_row(const char *json, size_t len, const char *wanted)
{
    struct bh_job *job = NULL;
    struct bh_error error = {.text = ""};
    enum bh_job_verdict verdict = bh_job_parse(json, len, NULL, &job, &error);
    check_sentence(json, wanted, verdict, &error);
    cr_expect_eq(job != NULL, verdict == BH_JOB_VALID, "%s", json);
    bh_job_free(job);
}

/* Each row inside `frame`, which holds one %s. */
static void
check_rows(const char *head, const char *tail, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bh_buf buf;
        bh_buf_init(&buf, 1 << 16);
        bh_buf_printf(&buf, "%s%s%s", head, rows[i].json, tail);
        for (size_t at = 0; at < buf.len; at++) {
            if (buf.ptr[at] == '\'')
                buf.ptr[at] = '"';
        }
        check_row(buf.ptr, buf.len, rows[i].wanted);
        bh_buf_release(&buf);
    }
}

#define WORD64 "0123456789012345678901234567890123456789012345678901234567890123"
#define HEX56  "00112233445566778899aabbccddeeff00112233445566778899AABB"

Test(job, reads_the_whole_object)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"{'to':'49171999999999','text':'Hi'}", NULL},
        {" \n{ 'text' : 'Hi' , 'to' : [ '49171999999999' ] }\t", NULL},
        {"", "not valid JSON at byte 1: the text is empty"},
        {"null", "a job must be a JSON object, not null"},
        {"[]", "a job must be a JSON object, not an array"},
        {"'sms'", "a job must be a JSON object, not a string"},
        {"42", "a job must be a JSON object, not a number"},
        {"true", "a job must be a JSON object, not true or false"},
        {"[{'to':'49171999999999','text':'Hi'}]", "a job must be a JSON object, not an array"},
        {"{}", "field `to` is missing"},
        {"{'text':'Hi'}", "field `to` is missing"},
        {"{'to':'49171999999999'}", "field `text` is missing"},
        {"{'type':'sms'}", "field `to` is missing"},
        {"{'to':'49171999999999','text':'Hi'", "...a comma or } must stand here"},
        {"{'to':'49171999999999','text':'Hi'}{}", "...more text behind the end of the value"},
        {"{'to':'49171999999999','text':'Hi',}", "...a member's name in quotation marks"},
        {"{'to':'49171999999999','text':'Hi','text':'Ho'}", "field `text` is given twice"},
        {"{'to':'49171999999999','text':'Hi','t\\u006f':'1'}", "field `to` is given twice"},
        {"{'to':'49171999999999','text':'Hi\\u0000'}", "...\\u0000 is not allowed in a string"},
        {"{'to':'49171999999999','text':'\xff'}", "...bytes that are not UTF-8"},
        {"{'to':'49171999999999','text':'a\nb'}", "...a raw control character in a string"},
        {"to=49171999999999&text=Hi", "...no value starts here"},
        {"<xml/>", "...no value starts here"},
        {"{'to':'49171999999999','text':'Hi','':1}",
         "unknown field ``; a producer's own data goes into `meta`"},
        {"{'to':'49171999999999','text':'Hi','\\n\\u001b[0m':1}",
         "unknown field `\\x0A\\x1B[0m`; a producer's own data goes into `meta`"},
        {"{'to':'49171999999999','text':'Hi','customer':1}",
         "unknown field `customer`; a producer's own data goes into `meta`"},
        {"{'to':'49171999999999','text':'Hi','tll':1}", "unknown field `tll`, did you mean `ttl`?"},
        {"{'to':'49171999999999','text':'Hi','TTL':1}", "unknown field `TTL`, did you mean `ttl`?"},
        {"{'to':'49171999999999','text':'Hi','foreignid':'a'}",
         "unknown field `foreignid`, did you mean `foreign_id`?"},
        {"{'to':'49171999999999','Text':'Hi'}", "unknown field `Text`, did you mean `text`?"},
        {"{'to':'49171999999999','text':'Hi','resend_of':'a.1','resend_number':1}", NULL},
        {"{'to':'49171999999999','text':'Hi','resend_number':'99'}", NULL},
        {"{'to':'49171999999999','text':'Hi','resend_number':0}",
         "field `resend_number` is 0; it must be a whole number from 1 to 99"},
        {"{'to':'49171999999999','text':'Hi','resend_number':100}",
         "field `resend_number` is 100; it must be a whole number from 1 to 99"},
        {"{'to':'49171999999999','text':'Hi','resend_number':1.0}",
         "field `resend_number` is 1.0; it must be a whole number from 1 to 99"},
        {"{'to':'49171999999999','text':'Hi','resend_of':''}",
         "...field `resend_of` is \"\"; it must be a string of 1 to 64"},
        {"{'to':'49171999999999','text':'Hi','resend_of':7}", "...field `resend_of` is 7; it must be"},
        {"{'to':'49171999999999','text':'Hi','p':'key'}", "...unknown field `p`; a producer's own data"},
        {"{'to':'49171999999999','text':'Hi','sender':'a'}", "...unknown field `sender`; a producer's"},
        {"{'to':'49171999999999','text':'Hi','lable':'a'}",
         "unknown field `lable`, did you mean `label`?"},
    };
    /* clang-format on */
    check_rows("", "", rows, BH_ARRAY_LEN(rows));
}

Test(job, checks_the_recipients)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"'0049171999999999'", NULL},
        {"'+49171999999999'", NULL},
        {"'49171999999999'", NULL},
        {"'0171999999999'", NULL},
        {"' 0171 / 9999-99999 '", NULL},
        {"'49171999999999,49171999999998'", NULL},
        {"'49171999999999 , Group1,M\xC3\xBCller'", NULL},
        {"['49171999999999','+436641234567']", NULL},
        {"[49171999999999]", NULL},
        {"[49171999999999,'Friends']", NULL},
        {"''", "field `to` is empty"},
        {"'  '", "field `to` is empty"},
        {"'\\t\\n'", "field `to` is empty"},
        {"','", "field `to` has nothing as recipient 1"},
        {"'49171999999999,'", "field `to` has nothing as recipient 2"},
        {"',49171999999999'", "field `to` has nothing as recipient 1"},
        {"'49171999999999,,49171999999998'", "field `to` has nothing as recipient 2"},
        {"'49171999999999, ,49171999999998'", "field `to` has nothing as recipient 2"},
        {"[]", "field `to` is an empty array"},
        {"['']", "field `to` has nothing as recipient 1"},
        {"['49171999999999','']", "field `to` has nothing as recipient 2"},
        {"['49171999999999,49171999999998']", "...field `to`: "},
        {"null", "field `to` is null; leave it out instead"},
        {"true",
         "field `to` is true; it must be a string, or an array of strings and whole numbers"},
        {"{}",
         "field `to` is an object; it must be a string, or an array of strings and whole numbers"},
        {"49171999999999",
         "field `to` is 49171999999999; it must be a string, or an array of strings and whole numbers"},
        {"[null]", "field `to[0]` is null; leave it out instead"},
        {"[true]", "field `to[0]` is true; it must be a string or a whole number"},
        {"[-49171999999999]",
         "field `to[0]` is -49171999999999; it must be a string or a whole number"},
        {"[4917199999999.5]",
         "field `to[0]` is 4917199999999.5; it must be a string or a whole number"},
        {"[4.9171999999999e13]", "...it must be a string or a whole number"},
        {"[['49171999999999']]",
         "field `to[0]` is an array; it must be a string or a whole number"},
        {"[{'number':'49171999999999'}]",
         "field `to[0]` is an object; it must be a string or a whole number"},
        {"[18446744073709551616]", "...it must be a string or a whole number"},
        {"'1'", "...a phone number has 7 to 15"},
        {"'1234567890123456'", "...a phone number has 7 to 15"},
        {"'+49 (0) 171 999999'", "...has a zero between country code and number"},
        {"'0171.999999'", "...is not a phone number"},
        {"'++49171999999999'", "...is not a phone number"},
        {"'49171999999999;49171999999998'", "...is not a phone number"},
        {"'#12'", "...is not a phone number"},
        {"'Group\\u0007'", "...control character"},
        {"'49171999999999,49171999999999'",
         "...recipient twice: \"49171999999999\" and \"49171999999999\" are"},
        {"'0171999999999,+49 171 999999999'",
         "...recipient twice: \"0171999999999\" and \"+49 171 999999999\" are"},
        {"['49171999999999',49171999999999]", "...are the same"},
        {"['a','b','c','d','e','a']",
         "field `to` has a recipient twice: \"a\" and \"a\" are the same"},
        {"['a','A']", NULL},
        {"'" WORD64 "a'", NULL},
        {"'" WORD64 WORD64 "a'", "...is longer than 100 characters"},
    };
    /* clang-format on */
    check_rows("{'text':'Hi','to':", "}", rows, BH_ARRAY_LEN(rows));
}

Test(job, checks_every_field_of_the_sms_page)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"'id':'order-1.a_b@C'", NULL},
        {"'id':'" WORD64 "'", NULL},
        {"'id':'" WORD64 "x'",
         "...it must be a string of 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"},
        {"'id':''",
         "field `id` is \"\"; it must be a string of 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"},
        {"'id':42", "...field `id` is 42; it must be a string"},
        {"'id':null", "field `id` is null; leave it out instead"},
        {"'id':'a b'", "...field `id` is \"a b\"; it must be"},
        {"'id':'a:b'", "...field `id` is \"a:b\"; it must be"},
        {"'id':'a/b'", "...field `id` is \"a/b\""},
        {"'id':'{a}'", "...field `id` is \"{a}\""},
        {"'id':'\xC3\xA4'", "...field `id` is \"\xC3\xA4\""},
        {"'id':'a\\n'", "...field `id` is \"a\\x0A\""},
        {"'id':'a\\u202eb'", "...field `id` is \"a\\xE2\\x80\\xAEb\""},
        {"'type':'sms'", NULL},
        {"'type':'SMS'", "field `type` is \"SMS\"; it must be \"sms\" or \"voice\""},
        {"'type':''", "field `type` is \"\"; it must be \"sms\" or \"voice\""},
        {"'type':'call'", "field `type` is \"call\"; it must be \"sms\" or \"voice\""},
        {"'type':'direct'", "field `type` is \"direct\"; it must be \"sms\" or \"voice\""},
        {"'type':null", "field `type` is null; leave it out instead"},
        {"'type':1", "field `type` is 1; it must be \"sms\" or \"voice\""},
        {"'type':['sms']", "field `type` is an array; it must be \"sms\" or \"voice\""},

        {"'from':'Sender'", NULL},
        {"'from':'sms77.io'", NULL},
        {"'from':'12345678901'", NULL},
        {"'from':'1234567890123456'", NULL},
        {"'from':'+1234567890123456'", NULL},
        {"'from':'+1'", NULL},
        {"'from':491771783130", NULL},
        {"'from':'A /.-@_!()+'", NULL},
        {"'from':'a$,&'", NULL},
        {"'from':'ABCDEFGHIJK'", NULL},
        {"'from':'ABCDEFGHIJKL'",
         "field `from` is \"ABCDEFGHIJKL\"; it must be up to 11 characters of A-Z a-z 0-9, blank and /.-@_!()+$,&, or a number of up to 16 digits"},
        {"'from':'12345678901234567'", "...or a number of up to 16 digits"},
        {"'from':'+12345678901234567'", "...or a number of up to 16 digits"},
        {"'from':'1234567890a2'", "...or a number of up to 16 digits"},
        {"'from':''", "...field `from` is \"\"; it must be"},
        {"'from':' '", "...field `from` is \" \"; it must be"},
        {"'from':'+'", "...field `from` is \"+\"; it must be"},
        {"'from':'...'", "...field `from` is \"...\"; it must be"},
        {"'from':' a'", "...field `from` is \" a\"; it must be"},
        {"'from':'a '", "...field `from` is \"a \"; it must be"},
        {"'from':'M\xC3\xBCller'", "...field `from` is \"M\xC3\xBCller\"; it must be"},
        {"'from':'a#b'", "...it must be up to 11 characters"},
        {"'from':'a\\tb'", "...it must be up to 11 characters"},
        {"'from':'++49'", NULL},
        {"'from':-5", "...it must be up to 11 characters"},
        {"'from':1.5", "...it must be up to 11 characters"},
        {"'from':true", "...it must be up to 11 characters"},
        {"'from':['a']", "...field `from` is an array; it must be up to 11"},
        {"'from':null", "field `from` is null; leave it out instead"},

        {"'ttl':1", NULL},
        {"'ttl':'2880'", NULL},
        {"'ttl':525600", NULL},
        {"'ttl':0", "field `ttl` is 0; it must be a whole number of minutes from 1 to 525600"},
        {"'ttl':525601",
         "field `ttl` is 525601; it must be a whole number of minutes from 1 to 525600"},
        {"'ttl':-1", "...field `ttl` is -1; it must be a whole number"},
        {"'ttl':1.5", "...field `ttl` is 1.5; it must be a whole number"},
        {"'ttl':1.0", "...field `ttl` is 1.0; it must be a whole number"},
        {"'ttl':1e2", "...field `ttl` is 1e2; it must be a whole number"},
        {"'ttl':'0'", "...field `ttl` is \"0\"; it must be"},
        {"'ttl':''", "...field `ttl` is \"\"; it must be"},
        {"'ttl':' 5'", "...field `ttl` is \" 5\"; it must be"},
        {"'ttl':'5m'", "...field `ttl` is \"5m\"; it must be"},
        {"'ttl':'0x10'", "...field `ttl` is \"0x10\"; it must be"},
        {"'ttl':99999999999999999999", "...field `ttl` is 99999999999999999999; it must be"},
        {"'ttl':true", "...field `ttl` is true; it must be"},
        {"'ttl':null", "field `ttl` is null; leave it out instead"},
        {"'ttl':[1]", "...field `ttl` is an array; it must be"},

        {"'no_reload':true", NULL},
        {"'no_reload':0", NULL},
        {"'unicode':1", NULL},
        {"'unicode':'0'", NULL},
        {"'flash':'1'", NULL},
        {"'flash':false", NULL},
        {"'utf8':1", NULL},
        {"'performance_tracking':true", NULL},
        {"'debug':1", NULL},
        {"'json':1", NULL},
        {"'details':'0'", NULL},
        {"'return_msg_id':true", NULL},
        {"'no_reload':2", "field `no_reload` is 2; it must be true, false, 0 or 1"},
        {"'no_reload':-0", "field `no_reload` is -0; it must be true, false, 0 or 1"},
        {"'unicode':'true'", "field `unicode` is \"true\"; it must be true, false, 0 or 1"},
        {"'unicode':1.0", "field `unicode` is 1.0; it must be true, false, 0 or 1"},
        {"'flash':'yes'", "field `flash` is \"yes\"; it must be true, false, 0 or 1"},
        {"'flash':''", "field `flash` is \"\"; it must be true, false, 0 or 1"},
        {"'flash':null", "field `flash` is null; leave it out instead"},
        {"'utf8':[]", "field `utf8` is an array; it must be true, false, 0 or 1"},
        {"'utf8':{}", "field `utf8` is an object; it must be true, false, 0 or 1"},
        {"'performance_tracking':'01'",
         "field `performance_tracking` is \"01\"; it must be true, false, 0 or 1"},
        {"'debug':'on'", "field `debug` is \"on\"; it must be true, false, 0 or 1"},
        {"'json':2", "field `json` is 2; it must be true, false, 0 or 1"},
        {"'details':'x'", "field `details` is \"x\"; it must be true, false, 0 or 1"},
        {"'return_msg_id':{}",
         "field `return_msg_id` is an object; it must be true, false, 0 or 1"},

        {"'udh':'050003CC0201'", NULL},
        {"'udh':'05'", NULL},
        {"'udh':'050003cc0201'", NULL},
        {"'udh':''", "field `udh` is \"\"; it must be a string of an even number of hex digits"},
        {"'udh':'050'",
         "field `udh` is \"050\"; it must be a string of an even number of hex digits"},
        {"'udh':'05 0003CC0201'", "...it must be a string of an even number of hex digits"},
        {"'udh':'0x0500'", "...it must be a string of an even number of hex digits"},
        {"'udh':'zz'", "...field `udh` is \"zz\""},
        {"'udh':5", "...field `udh` is 5; it must be"},
        {"'udh':null", "field `udh` is null; leave it out instead"},
        {"'udh':'" HEX56 HEX56 HEX56 HEX56 HEX56 "'", "...field `udh`: "},
        {"'udh':'" HEX56 HEX56 HEX56 HEX56 HEX56 "00'",
         "field `udh` has 282 hex digits; at most 280 fit into a message"},

        {"'label':'Customer_1'", NULL},
        {"'label':'" WORD64 "012345678901234567890123456789012345'", NULL},
        {"'label':'" WORD64 "0123456789012345678901234567890123456'",
         "...it must be a string of 1 to 100 of the characters A-Z a-z 0-9 . _ @ -"},
        {"'label':''", "...field `label` is \"\"; it must be a string of 1 to 100"},
        {"'label':'a b'", "...field `label` is \"a b\"; it must be"},
        {"'label':'a,b'", "...field `label` is \"a,b\"; it must be"},
        {"'label':'\xE2\x82\xAC'", "...field `label` is \"\xE2\x82\xAC\"; it must be"},
        {"'label':7", "...field `label` is 7; it must be a string"},
        {"'label':null", "field `label` is null; leave it out instead"},
        {"'foreign_id':'id12345'", NULL},
        {"'foreign_id':'" WORD64 "'", NULL},
        {"'foreign_id':'" WORD64 "0'",
         "...it must be a string of 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"},
        {"'foreign_id':''", "...field `foreign_id` is \"\"; it must be"},
        {"'foreign_id':'a#b'", "...field `foreign_id` is \"a#b\"; it must be"},
        {"'foreign_id':12345", "...field `foreign_id` is 12345; it must be a string"},
        {"'foreign_id':{}", "...field `foreign_id` is an object; it must be a string"},

        {"'enqueued_at':1795316484", NULL},
        {"'enqueued_at':1795316484123", NULL},
        {"'enqueued_at':'1795316484'", NULL},
        {"'enqueued_at':0",
         "field `enqueued_at` is 0; it must be a whole number of unix seconds (10 digits) or milliseconds (13 digits)"},
        {"'enqueued_at':999999999",
         "...field `enqueued_at` is 999999999; it must be a whole number"},
        {"'enqueued_at':10000000000", "...field `enqueued_at` is 10000000000; it must be"},
        {"'enqueued_at':999999999999", "...field `enqueued_at` is 999999999999; it must be"},
        {"'enqueued_at':10000000000000", "...field `enqueued_at` is 10000000000000; it must be"},
        {"'enqueued_at':1795316484123456",
         "...field `enqueued_at` is 1795316484123456; it must be"},
        {"'enqueued_at':1795316484.5",
         "...field `enqueued_at` is 1795316484.5; it must be a whole number"},
        {"'enqueued_at':-1795316484", "...field `enqueued_at` is -1795316484; it must be"},
        {"'enqueued_at':'now'", "...field `enqueued_at` is \"now\"; it must be"},
        {"'enqueued_at':'2026-01-01'", "...field `enqueued_at` is \"2026-01-01\"; it must be"},
        {"'enqueued_at':null", "field `enqueued_at` is null; leave it out instead"},
        {"'on_uncertain':'hold'", NULL},
        {"'on_uncertain':'resend'", NULL},
        {"'on_uncertain':'Hold'",
         "field `on_uncertain` is \"Hold\"; it must be \"hold\" or \"resend\""},
        {"'on_uncertain':''", "field `on_uncertain` is \"\"; it must be \"hold\" or \"resend\""},
        {"'on_uncertain':true", "field `on_uncertain` is true; it must be \"hold\" or \"resend\""},
        {"'on_uncertain':null", "field `on_uncertain` is null; leave it out instead"},
        {"'retry':'5s, 15s*2, 30m*'", NULL},
        {"'retry':'1m'", NULL},
        {"'retry':''", "...field `retry`: the retry schedule is empty"},
        {"'retry':'5'", "...field `retry`: "},
        {"'retry':'5s,'", "...field `retry`: "},
        {"'retry':'5s*, 1m'", "...field `retry`: nothing comes after"},
        {"'retry':'0s'", "...field `retry`: "},
        {"'retry':'-5s'", "...field `retry`: "},
        {"'retry':'31d'", "...field `retry`: "},
        {"'retry':'5s*0'", "...field `retry`: "},
        {"'retry':5", "...field `retry` is 5; it must be a string with a retry schedule"},
        {"'retry':['5s']", "...field `retry` is an array; it must be a string with"},
        {"'callback_url':'https://example.com/hook?x=1'", NULL},
        {"'callback_url':'http://127.0.0.1:8080'", NULL},
        {"'callback_url':''",
         "field `callback_url` is \"\"; it must start with http:// or https://"},
        {"'callback_url':'ftp://a/'",
         "field `callback_url` is \"ftp://a/\"; it must start with http:// or https://"},
        {"'callback_url':'https://a:b@c/'",
         "field `callback_url` is \"https://a:b@c/\"; it must not carry a user name"},
        {"'callback_url':'https://a/\\r\\nX: y'", "...it must be printable ASCII without blanks"},
        {"'callback_url':'https:///x'", "...it must name a host"},
        {"'callback_url':'https://a:99999/'", "...it must have a port from 1 to 65535 or none"},
        {"'callback_url':42",
         "field `callback_url` is 42; it must be a string with an http or https URL"},
        {"'meta':{}", NULL},
        {"'meta':{'a':[1,{'b':null}],'c':1.50}", NULL},
        {"'meta':[]", "field `meta` is an array; it must be an object"},
        {"'meta':'x'", "field `meta` is \"x\"; it must be an object"},
        {"'meta':null", "field `meta` is null; leave it out instead"},
        {"'meta':{'a':1,'a':2}", "field `a` is given twice"},
        {"'xml':1", "field `xml` is for voice only"},
        {"'xml':'rubbish'", "field `xml` is for voice only"},
    };
    /* clang-format on */
    check_rows("{'to':'49171999999999','text':'Hi',", "}", rows, BH_ARRAY_LEN(rows));
}

Test(job, checks_every_field_of_the_voice_page)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"'to':'49171999999999','text':'Hi'", NULL},
        {"'to':['0171999999999'],'text':'Hi'", NULL},
        {"'to':'Anna','text':'Hi'", NULL},
        {"'to':'49171999999999','text':'Hi','from':'491771783130'", NULL},
        {"'to':'49171999999999','text':'Hi','from':'+491771783130'", NULL},
        {"'to':'49171999999999','text':'Hi','from':491771783130", NULL},
        {"'to':'49171999999999','text':'Hi','debug':1,'json':1,'details':0,'return_msg_id':0",
         NULL},
        {"'to':'49171999999999','text':'<a>Hi</a>','xml':1", NULL},
        {"'to':'49171999999999','text':'a < b','xml':0", NULL},
        {"'to':'49171999999999','text':'[[a]]'", NULL},
        {"'to':'49171999999999','text':'Hi','id':'a','delay':1795316484,'ttl':5,'enqueued_at':1795316484,'on_uncertain':'hold','retry':'1m','callback_url':'http://a','meta':{}",
         NULL},
        {"'to':'49171999999999,49171999999998','text':'Hi'",
         "field `to` has 2 recipients; a voice job has exactly one"},
        {"'to':['49171999999999','49171999999998'],'text':'Hi'",
         "field `to` has 2 recipients; a voice job has exactly one"},
        {"'to':'49171999999999,','text':'Hi'",
         "field `to` has 2 recipients; a voice job has exactly one"},
        {"'to':[],'text':'Hi'", "field `to` is an empty array"},
        {"'to':'','text':'Hi'", "field `to` is empty"},
        {"'text':'Hi'", "field `to` is missing"},
        {"'to':'49171999999999'", "field `text` is missing"},
        {"'to':'49171999999999','text':''",
         "field `text` is \"\"; it must be a string that is not empty"},
        {"'to':'49171999999999','text':'Hi','from':'Sender'",
         "field `from` is \"Sender\"; it must be a number of up to 16 digits for a voice job"},
        {"'to':'49171999999999','text':'Hi','from':'12345678901234567'",
         "...it must be a number of up to 16 digits"},
        {"'to':'49171999999999','text':'Hi','from':''",
         "...it must be a number of up to 16 digits"},
        {"'to':'49171999999999','text':'Hi','from':'0177-1783130'",
         "...it must be a number of up to 16 digits"},
        {"'to':'49171999999999','text':'Hi','from':-1",
         "...it must be a number of up to 16 digits"},
        {"'to':'49171999999999','text':'Hi','from':null",
         "field `from` is null; leave it out instead"},
        {"'to':'49171999999999','text':'Hi','no_reload':1", "field `no_reload` is for sms only"},
        {"'to':'49171999999999','text':'Hi','unicode':1", "field `unicode` is for sms only"},
        {"'to':'49171999999999','text':'Hi','flash':1", "field `flash` is for sms only"},
        {"'to':'49171999999999','text':'Hi','flash':0", "field `flash` is for sms only"},
        {"'to':'49171999999999','text':'Hi','utf8':1", "field `utf8` is for sms only"},
        {"'to':'49171999999999','text':'Hi','performance_tracking':1",
         "field `performance_tracking` is for sms only"},
        {"'to':'49171999999999','text':'Hi','udh':'05'", "field `udh` is for sms only"},
        {"'to':'49171999999999','text':'Hi','label':'a'", "field `label` is for sms only"},
        {"'to':'49171999999999','text':'Hi','foreign_id':'a'",
         "field `foreign_id` is for sms only"},
        {"'to':'49171999999999','text':'Hi','files':[]", "field `files` is for sms only"},
        {"'to':'49171999999999','text':'Hi','xml':2",
         "field `xml` is 2; it must be true, false, 0 or 1"},
        {"'to':'49171999999999','text':'Hi','xml':null",
         "field `xml` is null; leave it out instead"},
        {"'to':'49171999999999','text':'Hi','ringtime':30", "...unknown field `ringtime`"},
        {"'to':'49171999999999','text':'Hi','xml':1",
         "field `text` is not well-formed XML: syntax error in line 1, column 1"},
        {"'to':'49171999999999','text':'<a>Hi','xml':true",
         "field `text` is not well-formed XML: no element found in line 1, column 6"},
        {"'xml':1,'to':'49171999999999','text':'<a>Hi</b>'",
         "...is not well-formed XML: mismatched tag in line 1, column 8"},
        {"'to':'49171999999999','text':'<a>&nbsp;</a>','xml':1",
         "...is not well-formed XML: undefined entity"},
        {"'to':'49171999999999','text':'<!DOCTYPE a><a/>','xml':1",
         "...a document type declaration is not allowed"},
        {"'to':'49171999999999','text':'Hi','tex':1", "unknown field `tex`, did you mean `text`?"},
    };
    /* clang-format on */
    check_rows("{'type':'voice',", "}", rows, BH_ARRAY_LEN(rows));
    /* The type counts wherever it stands. */
    check_rows("{", ",'type':'voice'}", rows, BH_ARRAY_LEN(rows));
}

Test(job, checks_delays)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"1795316484", NULL},
        {"'1795316484'", NULL},
        {"'2026-03-04 23:25'", NULL},
        {"'2026-03-04 23:25:04'", NULL},
        {"'2028-02-29 00:00'", NULL},
        {"'+90s'", NULL},
        {"'+15m'", NULL},
        {"'+2h'", NULL},
        {"'+1d'", NULL},
        {"''", "...field `delay`"},
        {"' '", "...field `delay`"},
        {"'tomorrow'", "...field `delay`"},
        {"'90s'", "...field `delay`"},
        {"'+90'", "...field `delay`"},
        {"'+'", "...field `delay`"},
        {"'-90s'", "...field `delay`"},
        {"'+1w'", "...field `delay`"},
        {"'+1.5h'", "...field `delay`"},
        {"'+99999999999999999d'", "...field `delay`"},
        {"'2027-02-29 00:00'", "...field `delay`"},
        {"'2026-13-01 00:00'", "...field `delay`"},
        {"'2026-00-01 00:00'", "...field `delay`"},
        {"'2026-04-31 00:00'", "...field `delay`"},
        {"'2026-03-04 24:00'", "...field `delay`"},
        {"'2026-03-04 23:60'", "...field `delay`"},
        {"'2026-03-04'", "...field `delay`"},
        {"'2026-3-4 23:25'", "...field `delay`"},
        {"'04.03.2026 23:25'", "...field `delay`"},
        {"'2026-03-04 23:25 Z'", "...field `delay`"},
        {"-1", "...field `delay`"},
        {"1795316484.5", "...field `delay` is 1795316484.5; it must be"},
        {"1e9", "...field `delay` is 1e9; it must be"},
        {"99999999999999999999", "...field `delay` is 99999999999999999999; it must be"},
        {"true", "...field `delay` is true; it must be"},
        {"null", "field `delay` is null; leave it out instead"},
        {"[1795316484]", "...field `delay` is an array; it must be"},
    };
    /* clang-format on */
    check_rows("{'to':'49171999999999','text':'Hi','delay':", "}", rows, BH_ARRAY_LEN(rows));
}

Test(job, checks_files_and_their_places_in_the_text)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"'[[a.pdf]]','files':[{'name':'a.pdf','contents':'aGk='}]", NULL},
        {"'See [[a]] and [[b c]]','files':[{'name':'b c','contents':'aGk=','validity':3,'password':'x'},{'contents':'aGk=','name':'a','validity':'30'}]",
         NULL},
        {"'[[a]] [[a]]','files':[{'name':'a','contents':'aGk='}]", NULL},
        {"'[[a]]'", NULL},
        {"'Hi','files':[]", "field `files` has 0 files; it must be an array of 1 to 10 objects"},
        {"'Hi','files':null", "field `files` is null; leave it out instead"},
        {"'Hi','files':{}", "field `files` is an object; it must be an array of 1 to 10 objects"},
        {"'Hi','files':'a'", "field `files` is \"a\"; it must be an array of 1 to 10 objects"},
        {"'Hi','files':[1]", "field `files[0]` is 1; it must be an object"},
        {"'Hi','files':[[]]", "field `files[0]` is an array; it must be an object"},
        {"'Hi','files':[null]", "field `files[0]` is null; leave it out instead"},
        {"'Hi','files':[{}]", "field `files[0].name` is missing"},
        {"'Hi','files':[{'name':'a'}]", "field `files[0].contents` is missing"},
        {"'Hi','files':[{'contents':'aGk='}]", "field `files[0].name` is missing"},
        {"'Hi','files':[{'name':'a','contents':'aGk='}]",
         "field `text` does not contain [[a]], the place of that file"},
        {"'[[A]]','files':[{'name':'a','contents':'aGk='}]",
         "field `text` does not contain [[a]], the place of that file"},
        {"'[[a]','files':[{'name':'a','contents':'aGk='}]",
         "field `text` does not contain [[a]], the place of that file"},
        {"'[[ a]]','files':[{'name':'a','contents':'aGk='}]",
         "field `text` does not contain [[a]], the place of that file"},
        {"'[[a]][[b]]','files':[{'name':'a','contents':'aGk='}]",
         "field `files` has no file for [[b]] in `text`"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk='},{'name':'a','contents':'aGk='}]",
         "field `files` has \"a\" twice"},
        {"'[[a]]','files':[{'name':'','contents':'aGk='}]",
         "field `files[0].name` is \"\"; it must be a file name of 1 to 100 characters without [ and ]"},
        {"'[[a]]','files':[{'name':'a[b','contents':'aGk='}]",
         "...field `files[0].name` is \"a[b\"; it must be"},
        {"'[[a]]','files':[{'name':'a\\nb','contents':'aGk='}]",
         "...field `files[0].name` is \"a\\x0Ab\""},
        {"'[[a]]','files':[{'name':'" WORD64 WORD64 "','contents':'aGk='}]",
         "...it must be a file name of 1 to 100"},
        {"'[[a]]','files':[{'name':1,'contents':'aGk='}]",
         "...field `files[0].name` is 1; it must be"},
        {"'[[a]]','files':[{'name':'a','contents':''}]",
         "field `files[0].contents` is \"\"; it must be base64 without blanks and not empty"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk'}]",
         "...field `files[0].contents` is \"aGk\"; it must be base64"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk =' }]",
         "...it must be base64 without blanks"},
        {"'[[a]]','files':[{'name':'a','contents':'aG\\nk='}]",
         "...it must be base64 without blanks"},
        {"'[[a]]','files':[{'name':'a','contents':'aG-_'}]", "...it must be base64"},
        {"'[[a]]','files':[{'name':'a','contents':'aGl='}]", "...it must be base64"},
        {"'[[a]]','files':[{'name':'a','contents':'===='}]", "...it must be base64"},
        {"'[[a]]','files':[{'name':'a','contents':'data:text/plain;base64,aGk='}]",
         "...it must be base64"},
        {"'[[a]]','files':[{'name':'a','contents':null}]",
         "field `files[0].contents` is null; leave it out instead"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','validity':0}]",
         "field `files[0].validity` is 0; it must be a whole number of days from 1 to 3650"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','validity':3651}]",
         "...it must be a whole number of days"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','validity':'3d'}]",
         "...it must be a whole number of days"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','validity':1.5}]",
         "...it must be a whole number of days"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','password':''}]",
         "field `files[0].password` must be a string of 1 to 100 characters"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','password':1234}]",
         "field `files[0].password` must be a string of 1 to 100 characters"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','password':'" WORD64 WORD64 "'}]",
         "field `files[0].password` must be a string of 1 to 100 characters"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk=','size':1}]",
         "field `files[0]` has an unknown member `size`; a file has name, contents, validity and password"},
        {"'[[a]]','files':[{'Name':'a','contents':'aGk='}]", "...has an unknown member `Name`"},
        {"'[[a]]','files':[{'name':'a','contents':'aGk='},7]",
         "field `files[1]` is 7; it must be an object"},
        {"'[[a]]','files':[{},{},{},{},{},{},{},{},{},{},{}]",
         "field `files` has 11 files; it must be an array of 1 to 10 objects"},
        {"'[[a]]','files':[{'name':'a','name':'a','contents':'aGk='}]",
         "field `name` is given twice"},
    };
    /* clang-format on */
    check_rows("{'to':'49171999999999','text':", "}", rows, BH_ARRAY_LEN(rows));
}

/* A text of `count` times `piece` in a job. */
static void
check_text(const char *type, const char *piece, size_t count, const char *wanted)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 1 << 18);
    bh_buf_printf(&buf, "{\"type\":\"%s\",\"to\":\"49171999999999\",\"text\":\"", type);
    for (size_t i = 0; i < count; i++)
        bh_buf_append_text(&buf, piece);
    bh_buf_append_text(&buf, "\"}");
    check_row(buf.ptr, buf.len, wanted);
    bh_buf_release(&buf);
}

Test(job, counts_characters_of_the_text_not_bytes)
{
    check_text("sms", "a", 1520, NULL);
    check_text("sms", "a", 1521, "field `text` has 1521 characters; an sms has at most 1520");
    check_text("sms", "\xC3\xA4", 1520, NULL);
    check_text("sms", "\xF0\x9F\x98\x80", 1520, NULL);
    check_text("sms", "\\ud83d\\ude00", 1520, NULL);
    check_text("sms", "\\ud83d\\ude00", 1521,
               "field `text` has 1521 characters; an sms has at most 1520");
    check_text("sms", "\\n", 1520, NULL);
    check_text("sms", "", 0, "field `text` is \"\"; it must be a string that is not empty");
    check_text("voice", "a", 10000, NULL);
    check_text("voice", "a", 10001,
               "field `text` has 10001 characters; a voice job has at most 10000");
    check_text("voice", "\xE2\x82\xAC", 10000, NULL);
}

Test(job, wants_text_to_be_a_string)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"1", "field `text` is 1; it must be a string that is not empty"},
        {"true", "field `text` is true; it must be a string that is not empty"},
        {"null", "field `text` is null; leave it out instead"},
        {"[]", "field `text` is an array; it must be a string that is not empty"},
        {"['a']", "field `text` is an array; it must be a string that is not empty"},
        {"{}", "field `text` is an object; it must be a string that is not empty"},
        {"' '", NULL},
        {"'\\u0001'", NULL},
    };
    /* clang-format on */
    check_rows("{'to':'49171999999999','text':", "}", rows, BH_ARRAY_LEN(rows));
}

Test(job, bounds_bytes_recipients_and_meta)
{
    struct bh_buf buf;
    bh_buf_init(&buf, 10 << 20);
    struct bh_error error;
    struct bh_job *job = NULL;

    /* Blanks make a job of exactly as many bytes as allowed, and one more. */
    static const char text[] = "{\"to\":\"49171999999999\",\"text\":\"Hi\"}";
    bh_buf_append_text(&buf, text);
    while (buf.len < BH_JOB_BYTES_MAX)
        bh_buf_append_char(&buf, ' ');
    check_row(buf.ptr, buf.len, NULL);
    bh_buf_append_char(&buf, ' ');
    check_row(buf.ptr, buf.len, "the job has 65537 bytes; without files at most 65536 are allowed");

    struct bh_job_rules rules = {.bytes_max = 100, .bytes_max_with_files = 50};
    cr_expect_eq(bh_job_parse(buf.ptr, 100, &rules, &job, &error), BH_JOB_VALID);
    bh_job_free(job);
    cr_expect_eq(bh_job_parse(buf.ptr, 101, &rules, &job, &error), BH_JOB_BAD);
    cr_expect_str_eq(error.text, "the JSON text has 101 bytes; at most 100 are allowed");

    bh_buf_clear(&buf);
    bh_buf_append_text(
        &buf,
        "{\"to\":\"49171999999999\",\"text\":\"[[a]]\",\"files\":[{\"name\":\"a\",\"contents\":\"");
    while (buf.len < BH_JOB_BYTES_MAX_WITH_FILES - 16)
        bh_buf_append_text(&buf, "aGkh");
    bh_buf_append_text(&buf, "\"}]}");
    check_row(buf.ptr, buf.len, NULL);
    while (buf.len <= BH_JOB_BYTES_MAX_WITH_FILES)
        bh_buf_append_char(&buf, ' ');
    check_row(buf.ptr, buf.len, "the JSON text has 8388609 bytes; at most 8388608 are allowed");

    for (int count = BH_JOB_RECIPIENTS_MAX; count <= BH_JOB_RECIPIENTS_MAX + 1; count++) {
        bh_buf_clear(&buf);
        bh_buf_append_text(&buf, "{\"text\":\"Hi\",\"to\":\"");
        for (int i = 0; i < count; i++)
            bh_buf_printf(&buf, "%s4917100%06d", i > 0 ? "," : "", i);
        bh_buf_append_text(&buf, "\"}");
        check_row(buf.ptr, buf.len,
                  count > BH_JOB_RECIPIENTS_MAX
                      ? "field `to` has 1001 recipients; at most 1000 are allowed"
                      : NULL);
    }

    for (int len = BH_JOB_META_MAX; len <= BH_JOB_META_MAX + 1; len++) {
        bh_buf_clear(&buf);
        bh_buf_printf(&buf,
                      "{\"to\":\"49171999999999\",\"text\":\"Hi\",\"meta\": {\"a\":\"%0*d\"} }",
                      len - 8, 0);
        check_row(
            buf.ptr, buf.len,
            len > BH_JOB_META_MAX ? "field `meta` has 4097 bytes; at most 4096 are allowed" : NULL);
    }
    bh_buf_release(&buf);
}

Test(job, gives_out_what_was_written)
{
    static const char text[] = "{\"id\":\"a-1\",\"to\":[\" 0171 / 999999999\",\"Friends "
                               "\",436641234567],\"text\":\"Hi \\u00e4 [[x]]\","
                               "\"from\":\"Sender\",\"delay\":1795316484,\"ttl\":\"60\",\"no_"
                               "reload\":1,\"unicode\":true,\"flash\":\"1\","
                               "\"utf8\":1,\"performance_tracking\":true,\"udh\":\"0500\","
                               "\"label\":\"L\",\"foreign_id\":\"F\","
                               "\"files\":[{\"name\":\"x\",\"contents\":\"aGk=\",\"validity\":3,"
                               "\"password\":\"p\"}],\"debug\":1,"
                               "\"enqueued_at\":1795316484,\"on_uncertain\":\"hold\",\"retry\":"
                               "\"5s, 1m*\",\"callback_url\":\"http://a/\","
                               "\"meta\": { \"n\": 1.50, \"a\":\"\\u00e4\" } }";
    char copy[sizeof(text)];
    memcpy(copy, text, sizeof(text));
    struct bh_job *job = NULL;
    struct bh_error error = {.text = ""};
    cr_assert_eq(bh_job_parse(copy, sizeof(copy) - 1, NULL, &job, &error), BH_JOB_VALID, "%s",
                 error.text);
    /* Nothing in the job points into the caller's bytes. */
    memset(copy, 'x', sizeof(copy));

    cr_expect_eq(job->type, BH_JOB_SMS);
    cr_expect_str_eq(job->id, "a-1");
    cr_expect_eq(job->recipients_count, 3);
    cr_expect_str_eq(job->recipients[0].written, "0171 / 999999999");
    cr_expect_str_eq(job->recipients[0].msisdn, "49171999999999");
    cr_expect_str_eq(job->recipients[1].written, "Friends");
    cr_expect_null(job->recipients[1].msisdn);
    cr_expect_str_eq(job->recipients[2].written, "436641234567");
    cr_expect_str_eq(job->recipients[2].msisdn, "436641234567");
    cr_expect_str_eq(job->text, "Hi \xC3\xA4 [[x]]");
    cr_expect_str_eq(job->from, "Sender");
    cr_expect_str_eq(job->delay, "1795316484");
    cr_expect_eq(job->ttl_minutes, 60);
    cr_expect(job->no_reload && job->unicode && job->flash && job->utf8);
    cr_expect(job->performance_tracking && job->debug && !job->xml);
    cr_expect_str_eq(job->udh, "0500");
    cr_expect_str_eq(job->label, "L");
    cr_expect_str_eq(job->foreign_id, "F");
    cr_expect_eq(job->files_count, 1);
    cr_expect_str_eq(job->files[0].name, "x");
    cr_expect_str_eq(job->files[0].contents, "aGk=");
    cr_expect_eq(job->files[0].validity_days, 3);
    cr_expect_str_eq(job->files[0].password, "p");
    cr_expect_eq(job->enqueued_at_ms, INT64_C(1795316484000));
    cr_expect_eq(job->on_uncertain, BH_ON_UNCERTAIN_HOLD);
    cr_expect_str_eq(job->retry, "5s, 1m*");
    cr_expect_str_eq(job->callback_url, "http://a/");
    cr_expect_str_eq(job->meta, "{ \"n\": 1.50, \"a\":\"\\u00e4\" }");
    bh_job_free(job);
}

Test(job, leaves_empty_what_was_not_written)
{
    static const char text[] =
        "{\"to\":\"49171999999999\",\"text\":\"Hi\",\"flash\":0,\"debug\":false}";
    struct bh_job *job = NULL;
    struct bh_job_rules rules = {.default_type = BH_JOB_SMS};
    cr_assert_eq(bh_job_parse(text, strlen(text), &rules, &job, NULL), BH_JOB_VALID);
    cr_expect_null(job->id);
    cr_expect_null(job->from);
    cr_expect_null(job->udh);
    cr_expect_null(job->label);
    cr_expect_null(job->foreign_id);
    cr_expect_null(job->files);
    cr_expect_null(job->delay);
    cr_expect_null(job->retry);
    cr_expect_null(job->callback_url);
    cr_expect_null(job->meta);
    cr_expect_eq(job->files_count, 0);
    cr_expect_eq(job->ttl_minutes, 0);
    cr_expect_eq(job->enqueued_at_ms, 0);
    cr_expect_eq(job->on_uncertain, BH_ON_UNCERTAIN_DEFAULT);
    cr_expect_not(job->flash || job->debug || job->no_reload || job->unicode || job->utf8);
    bh_job_free(job);
    bh_job_free(NULL);
}

Test(job, follows_its_rules)
{
    static const char text[] = "{\"to\":\"0664123456\",\"text\":\"Hi\"}";
    struct bh_job_rules rules = {.default_type = BH_JOB_VOICE, .country = "43"};
    struct bh_job *job = NULL;
    struct bh_error error;
    cr_assert_eq(bh_job_parse(text, strlen(text), &rules, &job, NULL), BH_JOB_VALID);
    cr_expect_eq(job->type, BH_JOB_VOICE);
    cr_expect_str_eq(job->recipients[0].msisdn, "43664123456");
    bh_job_free(job);

    job = NULL;
    rules.country = "Austria";
    cr_expect_eq(bh_job_parse(text, strlen(text), &rules, &job, &error), BH_JOB_BAD);
    cr_expect_str_eq(error.text, "the country \"Austria\" is not a calling code");
    cr_expect_null(job);
    cr_expect_str_eq(bh_job_type_name(BH_JOB_SMS), "sms");
    cr_expect_str_eq(bh_job_type_name(BH_JOB_VOICE), "voice");
}

Test(job, names_the_field_that_is_at_fault)
{
    static const struct {
        const char *json, *field;
    } rows[] = {
        {"{\"to\":\"49171999999999\",\"text\":\"Hi\",\"ttl\":0}",             "ttl"     },
        {"{\"to\":\"49171999999999\",\"text\":\"Hi\",\"xml\":0}",             "xml"     },
        {"{\"to\":\"49171999999999\",\"text\":\"Hi\",\"tll\":0}",             "tll"     },
        {"{\"to\":\"1\",\"text\":\"Hi\"}",                                    "to"      },
        {"{\"to\":\"49171999999999\"}",                                       "text"    },
        {"{\"to\":\"49171999999999\",\"text\":\"Hi\",\"text\":\"Hi\"}",       "text"    },
        {"{\"to\":\"49171999999999\",\"text\":\"Hi\",\"files\":[{\"a\":1}]}", "files[0]"},
        {"{\"to\":\"49171999999999\",\"text\":\"Hi\",\"retry\":\"\"}",        "retry"   },
        {"[]",                                                                ""        },
        {"",                                                                  ""        },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_job *job = NULL;
        struct bh_error error;
        memset(&error, 'x', sizeof(error));
        cr_assert_eq(bh_job_parse(rows[i].json, strlen(rows[i].json), NULL, &job, &error),
                     BH_JOB_BAD, "%s", rows[i].json);
        cr_expect_str_eq(error.field, rows[i].field, "%s: %s", rows[i].json, error.field);
        cr_expect_gt(strlen(error.text), 0);
    }
}

Test(job, peeks_the_id_even_of_refused_jobs)
{
    static const struct {
        const char *json, *wanted;
    } rows[] = {
        {"{'id':'a-1','to':'49171999999999','text':'Hi'}", "a-1" },
        {"{'id':'a-1'}",                                   "a-1" },
        {"{'to':1,'to':2,'x':{},'id':'a-1'}",              "a-1" },
        {"{'ttl':-5,'id':'" WORD64 "'}",                   WORD64},
        {"{'\\u0069d':'a'}",                               "a"   },
        {"{'id':'a','id':'b'}",                            NULL  },
        {"{'id':'a','id':'a'}",                            NULL  },
        {"{'id':'" WORD64 "0'}",                           NULL  },
        {"{'id':''}",                                      NULL  },
        {"{'id':'a b'}",                                   NULL  },
        {"{'id':5}",                                       NULL  },
        {"{'id':null}",                                    NULL  },
        {"{'ID':'a'}",                                     NULL  },
        {"{'meta':{'id':'a'}}",                            NULL  },
        {"[{'id':'a'}]",                                   NULL  },
        {"'a'",                                            NULL  },
        {"{'id':'a'",                                      NULL  },
        {"{'id':'a'}}",                                    NULL  },
        {"",                                               NULL  },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char json[256], id[BH_JOB_ID_MAX + 1] = "untouched";
        snprintf(json, sizeof(json), "%s", rows[i].json);
        for (char *at = json; *at != '\0'; at++)
            *at = *at == '\'' ? '"' : *at;
        bool found = bh_job_peek_id(json, strlen(json), id);
        cr_expect_eq(found, rows[i].wanted != NULL, "%s", json);
        cr_expect_str_eq(id, found ? rows[i].wanted : "untouched", "%s", json);
    }
}

Test(job, makes_json_that_it_would_accept)
{
    struct bh_job_draft draft = {
        .id = "a-1",
        .type = "sms",
        .to = "0171999999999, Friends",
        .text = "He said \"\xC3\xA4\" [[x]]\n",
        .from = "Sender",
        .delay = "+90s",
        .ttl = "60",
        .udh = "0500",
        .label = "L",
        .foreign_id = "F",
        .files = " [{\"name\":\"x\",\"contents\":\"aGk=\"}] ",
        .enqueued_at = "1795316484123",
        .on_uncertain = "resend",
        .retry = "5s*3",
        .callback_url = "https://a/",
        .meta = "{\"n\":1.50}",
        .flash = true,
        .debug = true,
    };
    char *json = NULL;
    struct bh_error error = {.text = ""};
    cr_assert_eq(bh_job_make(&draft, NULL, &json, &error), BH_JOB_VALID, "%s", error.text);
    cr_expect_str_eq(
        json,
        "{\"id\":\"a-1\",\"type\":\"sms\",\"to\":\"0171999999999, Friends\",\"from\":\"Sender\","
        "\"text\":\"He said \\\"\xC3\xA4\\\" "
        "[[x]]\\n\",\"delay\":\"+90s\",\"ttl\":\"60\",\"udh\":\"0500\","
        "\"label\":\"L\",\"foreign_id\":\"F\",\"enqueued_at\":\"1795316484123\",\"on_uncertain\":"
        "\"resend\","
        "\"retry\":\"5s*3\",\"callback_url\":\"https://a/\",\"flash\":true,\"debug\":true,"
        "\"files\": [{\"name\":\"x\",\"contents\":\"aGk=\"}] ,\"meta\":{\"n\":1.50}}");
    bh_job_json_free(json);
    bh_job_json_free(NULL);
}

Test(job, refuses_to_make_what_it_would_refuse_to_read)
{
    static const struct {
        struct bh_job_draft draft;
        const char *wanted;
    } rows[] = {
        {{0},                                                                       "field `to` is missing"        },
        {{.to = "49171999999999"},                                                  "field `text` is missing"      },
        {{.to = "49171999999999", .text = ""},
         "field `text` is \"\"; it must be a string that is not empty"                                             },
        {{.to = "", .text = "Hi"},                                                  "field `to` is empty"          },
        {{.to = "49171999999999", .text = "\xff"},                                  "field `text` is not UTF-8"    },
        {{.to = "49171999999999", .text = "Hi", .from = "\xC3"},                    "field `from` is not UTF-8"    },
        {{.to = "49171999999999", .text = "Hi", .type = "voice", .flash = true},
         "field `flash` is for sms only"                                                                           },
        {{.to = "49171999999999", .text = "Hi", .xml = true},                       "field `xml` is for voice only"},
        {{.to = "49171999999999", .text = "Hi", .ttl = "0"},
         "field `ttl` is \"0\"; it must be a whole number of minutes from 1 to 525600"                             },
        {{.to = "49171999999999", .text = "Hi", .meta = "{},\"flash\":1,\"a\":{}"},
         "field `meta` is not valid JSON at byte 3: more text behind the end of the value"                         },
        {{.to = "49171999999999", .text = "Hi", .meta = ""},
         "field `meta` is not valid JSON at byte 1: the text is empty"                                             },
        {{.to = "49171999999999", .text = "Hi", .meta = "{}}"},
         "field `meta` is not valid JSON at byte 3: more text behind the end of the value"                         },
        {{.to = "49171999999999", .text = "Hi", .meta = "1"},
         "field `meta` is 1; it must be an object"                                                                 },
        {{.to = "49171999999999", .text = "Hi", .files = "[]],\"x\":[["},
         "field `files` is not valid JSON at byte 3: more text behind the end of the value"                        },
        {{.to = "49171999999999", .text = "\",\"debug\":1,\"id\":\""},              NULL                           },
    };
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        char *json = NULL;
        struct bh_error error = {.text = ""};
        enum bh_job_verdict verdict = bh_job_make(&rows[i].draft, NULL, &json, &error);
        char name[32];
        snprintf(name, sizeof(name), "draft %zu", i);
        check_sentence(name, rows[i].wanted, verdict, &error);
        cr_expect_eq(json != NULL, verdict == BH_JOB_VALID);
        bh_job_json_free(json);
    }
    struct bh_job_rules rules = {.bytes_max = 30, .bytes_max_with_files = 30};
    struct bh_job_draft draft = {.to = "49171999999999", .text = "This is too long"};
    char *json = NULL;
    struct bh_error error = {.text = ""};
    cr_expect_eq(bh_job_make(&draft, &rules, &json, &error), BH_JOB_BAD);
    cr_expect_str_eq(error.text, "the job has more than 30 bytes");
    cr_expect_null(json);
}
