/* The rules of `bellhop doctor`: each fact that matters, its grade, and the line that cures it. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/diagnose_gateway.h"
#include "core/diagnose_machine.h"
#include "core/diagnose_redis.h"

#define MS INT64_C(1000)

#define PUT(member, text) snprintf((member), sizeof(member), "%s", (text))

static struct bh_diagnosis diagnosis;

static void
clear(void)
{
    memset(&diagnosis, 0, sizeof(diagnosis));
}

/* What a row wants of one line: that of the worst grade. */
struct wanted {
    enum bh_grade grade;
    const char *found; /* a piece; NULL: whatever */
    const char *cure;  /* a piece of one of its cures; NULL: whatever, "" none at all */
};

static const struct bh_diagnosis_line *
worst(void)
{
    const struct bh_diagnosis_line *line = &diagnosis.lines[0];
    for (size_t i = 1; i < diagnosis.count; i++) {
        if (diagnosis.lines[i].grade > line->grade)
            line = &diagnosis.lines[i];
    }
    return line;
}

static bool
has_cure(const struct bh_diagnosis_line *line, const char *piece)
{
    for (size_t i = 0; i < line->cures_count; i++) {
        if (strstr(line->cures[i], piece) != NULL)
            return true;
    }
    return false;
}

static void
expect(const char *name, const struct wanted *wanted)
{
    const struct bh_diagnosis_line *line = worst();
    cr_assert_gt(diagnosis.count, 0, "%s: nothing was found", name);
    cr_expect_eq(line->grade, wanted->grade, "%s: %s, wanted %s: %s", name,
                 bh_grade_name(line->grade), bh_grade_name(wanted->grade), line->found);
    if (wanted->found != NULL)
        cr_expect_not_null(strstr(line->found, wanted->found), "%s: no \"%s\" in: %s", name,
                           wanted->found, line->found);
    if (wanted->cure != NULL && wanted->cure[0] == '\0')
        cr_expect_eq(line->cures_count, 0, "%s: %s", name, line->cures[0]);
    else if (wanted->cure != NULL)
        cr_expect(has_cure(line, wanted->cure), "%s: no \"%s\" in: %s", name, wanted->cure,
                  line->cures[0]);
    if (line->grade != BH_GRADE_OK && wanted->cure == NULL)
        cr_expect_gt(line->cures_count, 0, "%s: nothing to change: %s", name, line->found);
    /* What is fine asks for nothing. */
    for (size_t i = 0; i < diagnosis.count; i++)
        cr_expect(diagnosis.lines[i].grade != BH_GRADE_OK || diagnosis.lines[i].cures_count == 0,
                  "%s: a cure for what is fine: %s", name, diagnosis.lines[i].cures[0]);
}

/* ---- The list ---- */

Test(diagnosis, counts_what_does_not_fit)
{
    clear();
    for (int i = 0; i < BH_DIAGNOSIS_LINES_MAX + 5; i++) {
        bh_diagnose(&diagnosis, BH_GRADE_RISK, "topic", "number %d", i);
        bh_diagnose_cure(&diagnosis, "cure %d", i);
    }
    cr_expect_eq(diagnosis.count, BH_DIAGNOSIS_LINES_MAX);
    cr_expect_eq(diagnosis.left_out, 5);
    cr_expect_eq(diagnosis.counts[BH_GRADE_RISK], BH_DIAGNOSIS_LINES_MAX + 5);
    const struct bh_diagnosis_line *last = &diagnosis.lines[BH_DIAGNOSIS_LINES_MAX - 1];
    cr_expect_eq(last->cures_count, 1, "the cure of a line that was left out went elsewhere");
}

Test(diagnosis, cuts_texts_and_cures_at_their_bounds)
{
    char word[2000];
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    clear();
    bh_diagnose_cure(&diagnosis, "a cure without a line");
    cr_expect_eq(diagnosis.count, 0);
    bh_diagnose(&diagnosis, BH_GRADE_BAD, "topic", "%s", word);
    for (int i = 0; i < BH_DIAGNOSIS_CURES_MAX + 3; i++)
        bh_diagnose_cure(&diagnosis, "%s", word);
    cr_expect_eq(strlen(diagnosis.lines[0].found), BH_DIAGNOSIS_FOUND_MAX - 1);
    cr_expect_eq(diagnosis.lines[0].cures_count, BH_DIAGNOSIS_CURES_MAX);
    cr_expect_eq(strlen(diagnosis.lines[0].cures[BH_DIAGNOSIS_CURES_MAX - 1]),
                 BH_DIAGNOSIS_CURE_MAX - 1);
}

/* ---- Redis ---- */

static struct bh_redis_survey
good_survey(void)
{
    return (struct bh_redis_survey){
        .version = "7.0.15",
        .major = 7,
        .role = "master",
        .loading = BH_NO,
        .appendonly = BH_YES,
        .append_writes = BH_YES,
        .snapshots = BH_YES,
        .appendfsync = "everysec",
        .eviction = "noeviction",
        .memory_used = 1000000,
        .memory_max = 100000000,
        .clock_known = true,
        .rights_known = true,
    };
}

static const struct bh_diagnose_redis_user user = {"queue", "bellhop"};

static void
survey_is(const char *name, const struct bh_redis_survey *survey, struct wanted wanted)
{
    clear();
    bh_diagnose_survey(&diagnosis, survey, &user);
    expect(name, &wanted);
}

Test(diagnose_redis, names_the_setting_that_cures)
{
    struct bh_redis_survey survey = good_survey();
    survey_is("all is well", &survey, (struct wanted){BH_GRADE_OK, NULL, ""});

    survey = good_survey();
    survey.memory_max = 0;
    survey_is("without a bound", &survey, (struct wanted){BH_GRADE_OK, NULL, ""});

    survey = good_survey();
    survey.appendonly = BH_NO;
    survey_is("no append-only file", &survey,
              (struct wanted){BH_GRADE_RISK, NULL, "redis-cli CONFIG SET appendonly yes"});
    cr_expect(has_cure(worst(), "redis.conf: appendonly yes"));

    survey = good_survey();
    PUT(survey.appendfsync, "no");
    survey_is("appendfsync no", &survey,
              (struct wanted){BH_GRADE_RISK, NULL, "CONFIG SET appendfsync everysec"});

    survey = good_survey();
    survey.append_writes = BH_NO;
    survey_is("a full disk", &survey, (struct wanted){BH_GRADE_RISK, "disk", "INFO persistence"});

    survey = good_survey();
    PUT(survey.eviction, "allkeys-lru");
    survey_is("it evicts", &survey,
              (struct wanted){BH_GRADE_RISK, "allkeys-lru", "maxmemory-policy noeviction"});

    survey = good_survey();
    survey.memory_used = 95000000;
    survey_is("nearly full", &survey,
              (struct wanted){BH_GRADE_RISK, NULL, "CONFIG SET maxmemory 200000000"});

    survey = good_survey();
    survey.clock_ahead_ms = -90000;
    survey_is("the clock", &survey, (struct wanted){BH_GRADE_RISK, "90 s behind", "timedatectl"});

    survey = good_survey();
    PUT(survey.role, "slave");
    survey_is("a replica", &survey, (struct wanted){BH_GRADE_BAD, "replica", "[redis] url"});

    survey = good_survey();
    survey.major = 6;
    survey_is("too old", &survey, (struct wanted){BH_GRADE_BAD, "6.2", NULL});

    survey = good_survey();
    survey.loading = BH_YES;
    survey_is("loading", &survey, (struct wanted){BH_GRADE_NOTE, "loading", ""});

    survey = (struct bh_redis_survey){.memory_used = -1, .memory_max = -1};
    survey_is("it tells nothing", &survey, (struct wanted){BH_GRADE_NOTE, NULL, NULL});
}

Test(diagnose_redis, gives_the_acl_line_for_what_is_denied)
{
    struct bh_redis_survey survey = good_survey();
    survey.denied_count = 2;
    PUT(survey.denied[0], "BLMOVE");
    PUT(survey.denied[1], "EVALSHA");
    survey_is("two", &survey,
              (struct wanted){BH_GRADE_BAD, "BLMOVE, EVALSHA",
                              "redis-cli ACL SETUSER queue '~bellhop:*' +blmove +evalsha"});

    survey.denied_count = 30;
    for (size_t i = 2; i < BH_SURVEY_DENIED_MAX; i++)
        memset(survey.denied[i], 'X', sizeof(survey.denied[i]) - 1);
    survey_is("more than are named", &survey,
              (struct wanted){BH_GRADE_BAD, "more", "+@read +@write"});

    survey.rights_known = false;
    survey_is("could not be tried", &survey, (struct wanted){BH_GRADE_NOTE, NULL, "'+acl|dryrun'"});

    clear();
    survey = good_survey();
    survey.denied_count = 1;
    PUT(survey.denied[0], "TIME");
    const struct bh_diagnose_redis_user nobody = {NULL, "b"};
    bh_diagnose_survey(&diagnosis, &survey, &nobody);
    cr_expect(has_cure(worst(), "SETUSER default '~b:*' +time"), "%s", worst()->cures[0]);
}

Test(diagnose_redis, judges_the_time_of_pings)
{
    const struct {
        const char *name;
        int64_t times[5];
        size_t count;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"none", {0}, 0, {BH_GRADE_BAD, "No ping", "--latency"}},
        {"one", {250}, 1, {BH_GRADE_OK, "p50 0.25 ms", ""}},
        {"out of order", {9 * MS, 1 * MS, 3 * MS},                   3,
         {BH_GRADE_OK, "p50 3.00 ms, longest 9.00 ms", ""}},
        {"just fast", {19999}, 1, {BH_GRADE_OK, NULL, ""}},
        {"far", {20 * MS}, 1, {BH_GRADE_NOTE, NULL, "[redis] url"}},
        {"too far", {200 * MS}, 1, {BH_GRADE_RISK, NULL, "[redis] url"}},
        {"it stood still", {1 * MS, 1 * MS, 1 * MS, 1 * MS, 1200 * MS}, 5,
         {BH_GRADE_RISK, "stood still", "SLOWLOG"}},
        {"a hiccup", {1 * MS, 1 * MS, 1 * MS, 1 * MS, 900 * MS}, 5, {BH_GRADE_OK, "longest 900.00", ""}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        int64_t times[5];
        memcpy(times, rows[i].times, sizeof(times));
        clear();
        bh_diagnose_latency(&diagnosis, times, rows[i].count);
        expect(rows[i].name, &rows[i].wanted);
    }
}

Test(diagnose_redis, tells_who_has_the_name)
{
    const struct {
        const char *name;
        struct bh_diagnose_holder holder;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"nobody", {false, false, "", "", 0, 0}, {BH_GRADE_OK, "free", ""}},
        {"we", {true, false, "here", "7", 9000, 60000}, {BH_GRADE_OK, "process 7", ""}},
        {"another", {true, false, "there", "7", 9000, 60000},
         {BH_GRADE_BAD, "\"there\"", "[pool] instance = one-2"}},
        {"another, over", {true, true, "there", "7", 9000, 60000}, {BH_GRADE_OK, "free", ""}},
        {"another, lapsed", {true, false, "there", "7", 0, 60000}, {BH_GRADE_OK, "free", ""}},
        {"a host without name", {true, false, "", "", 1, 0}, {BH_GRADE_BAD, NULL, NULL}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        clear();
        bh_diagnose_instance(&diagnosis, "one", "here", &rows[i].holder);
        expect(rows[i].name, &rows[i].wanted);
    }
}

/* ---- The gateway ---- */

Test(diagnose_gateway, judges_names)
{
    const struct {
        const char *name;
        struct bh_name_facts facts;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"both",
         {.took_us = 5 * MS, .addresses_count = 2, .ipv4_count = 1, .ipv6_count = 1, .ipv4_routed = true,
          .ipv6_routed = true, .addresses = {"192.0.2.1", "2001:db8::1"}},
         {BH_GRADE_OK, "5.0 ms: 192.0.2.1, 2001:db8::1 (IPv4 1, IPv6 1)", ""}},
        {"IPv6 without a way",
         {.addresses_count = 1, .ipv4_count = 1, .ipv6_count = 1, .ipv4_routed = true},
         {BH_GRADE_NOTE, "IPv6", "gai.conf"}},
        {"IPv6 only, without a way",
         {.addresses_count = 1, .ipv6_count = 1, .addresses = {"2001:db8::1"}},
         {BH_GRADE_BAD, "no route", "ip route get 2001:db8::1"}},
        {"more than are kept",
         {.addresses_count = 8, .ipv4_count = 40, .ipv4_routed = true},
         {BH_GRADE_OK, "and 32 more", ""}},
        {"slow",
         {.took_us = 1500 * MS, .addresses_count = 1, .ipv4_count = 1, .ipv4_routed = true},
         {BH_GRADE_RISK, "slow", "options timeout:1"}},
        {"unknown", {.problem = "Name or service not known"},
         {BH_GRADE_BAD, "Name or service not known", "[gateway] url"}},
        {"silent", {.timed_out = true, .took_us = 10000 * MS},
         {BH_GRADE_BAD, "no answer within 10 s", "getent ahosts gw"}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        clear();
        bh_diagnose_name(&diagnosis, "gw", &rows[i].facts);
        expect(rows[i].name, &rows[i].wanted);
    }
}

#define NOW_S INT64_C(1800000000)
#define DAY_S INT64_C(86400)

Test(diagnose_gateway, judges_connections_and_certificates)
{
    const struct bh_host_asked asked = {.host = "gw", .port = 8443, .now = {NOW_S * 1000}};
    const struct {
        const char *name;
        struct bh_host_facts facts;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"good",
         {.address = "192.0.2.1", .connected_us = 9 * MS, .secured_us = 30 * MS, .is_tls = true,
          .protocol = "TLSv1.3", .expires_at_s = NOW_S + 60 * DAY_S},
         {BH_GRADE_OK, "connected to 192.0.2.1", ""}},
        {"no end is told", {.is_tls = true}, {BH_GRADE_OK, NULL, ""}},
        {"two weeks",
         {.is_tls = true, .expires_at_s = NOW_S + 15 * DAY_S - 1},
         {BH_GRADE_NOTE, "14 more days", "renew"}},
        {"three days",
         {.is_tls = true, .expires_at_s = NOW_S + 4 * DAY_S - 1},
         {BH_GRADE_RISK, "3 more days", "renew"}},
        {"ended, and taken all the same",
         {.is_tls = true, .expires_at_s = NOW_S - DAY_S},
         {BH_GRADE_RISK, "ended 1 days ago", "renew"}},
        {"ended",
         {.trouble = BH_TROUBLE_CERTIFICATE, .detail = "certificate has expired", .is_tls = true,
          .expires_at_s = NOW_S - 3 * DAY_S},
         {BH_GRADE_BAD, "certificate has expired. A certificate of the chain ended 3 days ago",
          "openssl s_client -connect gw:8443"}},
        {"signed by nobody",
         {.trouble = BH_TROUBLE_CERTIFICATE, .detail = "self-signed certificate"},
         {BH_GRADE_BAD, "self-signed", "ca-certificates"}},
        {"refused",
         {.trouble = BH_TROUBLE_CONNECT, .detail = "refused"},
         {BH_GRADE_BAD, "no connection: refused", "[gateway] url"}},
        {"silent",
         {.trouble = BH_TROUBLE_CONNECT, .timed_out = true},
         {BH_GRADE_BAD, "connect", "[gateway] connect_timeout"}},
        {"no TLS behind it",
         {.trouble = BH_TROUBLE_TLS, .detail = "wrong version number"},
         {BH_GRADE_BAD, "no TLS connection: wrong version", "[gateway] url"}},
        {"slow", {.connected_us = 1200 * MS, .is_tls = true},
         {BH_GRADE_RISK, "slow", "connect_timeout = 10s"}},
        {"plain", {.address = "192.0.2.1"}, {BH_GRADE_NOTE, "http:", "https"}},
        {"plain on loopback", {.address = "127.0.0.1"}, {BH_GRADE_OK, NULL, ""}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        clear();
        bh_diagnose_host(&diagnosis, &asked, &rows[i].facts);
        expect(rows[i].name, &rows[i].wanted);
    }
    struct bh_host_asked with_file = asked;
    with_file.ca_file = true;
    clear();
    bh_diagnose_host(&diagnosis, &with_file, &rows[6].facts);
    cr_expect(has_cure(worst(), "[gateway] ca_file"));
}

Test(diagnose_gateway, judges_key_and_balance)
{
    const struct {
        const char *name;
        struct bh_outcome outcome;
        int64_t low;
        bool signs, taken;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"plenty",
         {.kind = BH_OUTCOME_ACCEPTED, .balance_micro = 20000000}, 10000000, false, true,
         {BH_GRADE_OK, NULL, ""}},
        {"exactly the bound",
         {.kind = BH_OUTCOME_ACCEPTED, .balance_micro = 10000000}, 10000000, false, true,
         {BH_GRADE_OK, NULL, ""}},
        {"below the bound",
         {.kind = BH_OUTCOME_ACCEPTED, .balance_micro = 9999999}, 10000000, false, true,
         {BH_GRADE_RISK, "9.999999", "top up"}},
        {"no bound",
         {.kind = BH_OUTCOME_ACCEPTED, .balance_micro = 9999999}, 0, false, true,
         {BH_GRADE_NOTE, "low_balance", "[gateway] low_balance"}},
        {"nothing left",
         {.kind = BH_OUTCOME_ACCEPTED, .balance_micro = 0}, 0, false, true,
         {BH_GRADE_BAD, "nothing can be sent", "top up"}},
        {"a wrong key",
         {.kind = BH_OUTCOME_REFUSED, .code = 900, .error = "no"}, 0, false, false,
         {BH_GRADE_BAD, "no", "[gateway] api_key"}},
        {"a wrong key, by status",
         {.kind = BH_OUTCOME_REFUSED, .http_status = 401, .error = "no"}, 0, false, false,
         {BH_GRADE_BAD, NULL, "[gateway] api_key"}},
        {"a wrong signature",
         {.kind = BH_OUTCOME_REFUSED, .code = 901, .error = "no"}, 0, true, false,
         {BH_GRADE_BAD, NULL, "[gateway] signing_key = KEY"}},
        {"no signature",
         {.kind = BH_OUTCOME_REFUSED, .code = 901, .error = "no"}, 0, false, false,
         {BH_GRADE_BAD, NULL, "it is not set"}},
        {"a foreign address",
         {.kind = BH_OUTCOME_REFUSED, .code = 903, .error = "no"}, 0, false, false,
         {BH_GRADE_BAD, NULL, "address"}},
        {"not the gateway",
         {.kind = BH_OUTCOME_REFUSED, .http_status = 404, .error = "no"}, 0, false, false,
         {BH_GRADE_BAD, NULL, "[gateway] url"}},
        {"silence", {.kind = BH_OUTCOME_UNCERTAIN, .trouble = BH_TROUBLE_TIMEOUT}, 0, false, false,
         {BH_GRADE_BAD, "timeout", "[gateway] url"}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        clear();
        bool taken = bh_diagnose_balance(&diagnosis, &rows[i].outcome, rows[i].low, rows[i].signs);
        cr_expect_eq(taken, rows[i].taken, "%s", rows[i].name);
        expect(rows[i].name, &rows[i].wanted);
    }
}

Test(diagnose_gateway, tells_what_could_clear_up_a_lost_answer)
{
    const struct {
        enum bh_lock_fact lock;
        struct wanted wanted;
        /* clang-format off */
    } locks[] = {
        {BH_LOCK_FACT_CONFIGURED_OFF, {BH_GRADE_NOTE, "configuration", "[gateway] reload_lock"}},
        {BH_LOCK_FACT_ASSUMED, {BH_GRADE_NOTE, "never tried", "bellhop probe-lock"}},
        {BH_LOCK_FACT_DOUBTFUL, {BH_GRADE_RISK, "2 days", "bellhop probe-lock"}},
        {BH_LOCK_FACT_PROVEN, {BH_GRADE_OK, "2 days", ""}},
        {BH_LOCK_FACT_SEEN_OFF, {BH_GRADE_RISK, "2 days", "[gateway] reload_lock = off"}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(locks); i++) {
        clear();
        bh_diagnose_lock(&diagnosis, locks[i].lock, 2 * BH_DAY_MS);
        expect("lock", &locks[i].wanted);
    }
    const struct {
        enum bh_journal_finding finding;
        struct wanted wanted;
        /* clang-format off */
    } journals[] = {
        {BH_JOURNAL_FOUND, {BH_GRADE_OK, NULL, ""}},
        {BH_JOURNAL_ABSENT, {BH_GRADE_OK, NULL, ""}},
        {BH_JOURNAL_MORE, {BH_GRADE_OK, NULL, ""}},
        {BH_JOURNAL_REFUSED, {BH_GRADE_RISK, "902", "right"}},
        {BH_JOURNAL_UNREADABLE, {BH_GRADE_NOTE, NULL, "later"}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(journals); i++) {
        clear();
        bh_diagnose_journal(&diagnosis, journals[i].finding, 902);
        expect(bh_journal_finding_name(journals[i].finding), &journals[i].wanted);
    }
}

/* ---- The machine ---- */

Test(diagnose_machine, judges_rights_of_files)
{
    const struct {
        const char *name;
        unsigned mode;
        enum bh_file_use use;
        bool owner, group, ours;
        const char *service_group;
        int error;
        const char *path;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"a secret", 0600, BH_FILE_SECRET, true, false, true, NULL, 0, "/k", {BH_GRADE_OK, "0600", ""}},
        {"for our group", 0640, BH_FILE_SECRET, true, true, true, NULL, 0, "/k", {BH_GRADE_OK, NULL, ""}},
        {"for any group", 0640, BH_FILE_SECRET, true, false, true, NULL, 0, "/k",
         {BH_GRADE_BAD, "its group", "chmod 600 /k"}},
        {"for everybody", 0644, BH_FILE_SECRET, true, true, true, NULL, 0, "/k",
         {BH_GRADE_BAD, "everybody", "chmod 600 /k"}},
        {"for everybody, not the service's",
         0644, BH_FILE_SECRET, true, true, true, "bellhop", 0, "/k",
         {BH_GRADE_BAD, "everybody", "chgrp bellhop /k && chmod 640 /k"}},
        {"others write", 0602, BH_FILE_SECRET, true, true, true, NULL, 0, "/k",
         {BH_GRADE_BAD, "changed by others", "chmod 600 /k"}},
        {"public", 0644, BH_FILE_PUBLIC, true, false, true, NULL, 0, "/k", {BH_GRADE_OK, NULL, ""}},
        {"public, others write", 0666, BH_FILE_PUBLIC, true, true, true, NULL, 0, "/k",
         {BH_GRADE_BAD, NULL, "chmod 644 /k"}},
        {"public, any group writes", 0664, BH_FILE_PUBLIC, true, false, true, NULL, 0, "/k",
         {BH_GRADE_BAD, NULL, "chmod 644 /k"}},
        {"public, our group writes", 0664, BH_FILE_PUBLIC, true, true, true, NULL, 0, "/k",
         {BH_GRADE_OK, NULL, ""}},
        {"a stranger's", 0600, BH_FILE_SECRET, false, false, true, NULL, 0, "/k",
         {BH_GRADE_RISK, "belongs to", "chown root /k"}},
        {"not there",          0, BH_FILE_SECRET, true, true, true, NULL, ENOENT, "/k",
         {BH_GRADE_BAD, "oh no", "[a] b = FILE"}},
        {"not for us",         0, BH_FILE_SECRET, true, true, false, NULL, EACCES, "/k",
         {BH_GRADE_NOTE, NULL, "sudo -u bellhop"}},
        {"not for the service", 0, BH_FILE_SECRET, true, true, true, NULL, EACCES, "/k",
         {BH_GRADE_BAD, NULL, "chown bellhop /k"}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        const struct bh_file_facts facts = {
            .path = rows[i].path,
            .key = "[a] b",
            .use = rows[i].use,
            .error = rows[i].error,
            .problem = "oh no",
            .mode = rows[i].mode,
            .owner_trusted = rows[i].owner,
            .group_trusted = rows[i].group,
            .service_group = rows[i].service_group,
            .is_ours = rows[i].ours,
            .owner = "mallory",
        };
        clear();
        bh_diagnose_file(&diagnosis, &facts);
        expect(rows[i].name, &rows[i].wanted);

        struct bh_file_facts blind = facts;
        blind.service_blind = true;
        clear();
        bh_diagnose_file(&diagnosis, &blind);
        if (facts.error == 0)
            cr_expect_eq(worst()->grade, BH_GRADE_BAD, "%s: the service cannot read it",
                         rows[i].name);

        struct bh_file_facts guarded = facts;
        guarded.guarded = true;
        clear();
        bh_diagnose_file(&diagnosis, &guarded);
        cr_expect_eq(worst()->grade, BH_GRADE_OK, "%s: the service manager guards it",
                     rows[i].name);
    }
}

Test(diagnose_machine, judges_the_directory_of_the_journal)
{
#define GOOD                                                                                       \
    .path = "/j", .is_directory = true, .writable = true, .runs_as_service = true, .mode = 0700,   \
    .free_bytes = 1 << 30, .records = 1000
    const struct {
        const char *name;
        struct bh_journal_directory_facts facts;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"good", {GOOD}, {BH_GRADE_OK, NULL, ""}},
        {"off", {.off = true}, {BH_GRADE_RISK, "Off", "[pool] journal"}},
        {"in memory", {.by_unit = true}, {BH_GRADE_RISK, "memory", "StateDirectory=bellhop"}},
        {"not there yet", {.path = "/j", .by_unit = true, .error = ENOENT, .problem = "x"},
         {BH_GRADE_OK, "first start", ""}},
        {"not there", {.path = "/j", .error = ENOENT, .problem = "x"},
         {BH_GRADE_BAD, NULL, "install -d"}},
        {"behind a wall", {.path = "/j", .error = EACCES, .problem = "x"},
         {BH_GRADE_NOTE, NULL, "sudo -u bellhop"}},
        {"behind a wall, and ours", {.path = "/j", .error = EACCES, .problem = "x", .runs_as_service = true},
         {BH_GRADE_BAD, NULL, "install -d"}},
        {"a file", {.path = "/j"}, {BH_GRADE_BAD, "not a directory", NULL}},
        {"read-only", {.path = "/j", .is_directory = true, .runs_as_service = true, .mode = 0500},
         {BH_GRADE_BAD, "cannot be written", "chmod 700 /j"}},
        {"the service's alone", {.path = "/j", .is_directory = true, .mode = 0700, .free_bytes = -1},
         {BH_GRADE_OK, "only the service", ""}},
        {"for everybody", {.path = "/j", .is_directory = true, .writable = true, .mode = 0777, .free_bytes = -1},
         {BH_GRADE_RISK, "forged", "chmod 700 /j"}},
        {"no room", {.path = "/j", .is_directory = true, .writable = true, .mode = 0700, .records = 1000,
          .free_bytes = 255999},
         {BH_GRADE_BAD, "256000", "[pool] journal_records = 499"}},
        {"just room", {.path = "/j", .is_directory = true, .writable = true, .mode = 0700, .records = 1000,
          .free_bytes = 256000},
         {BH_GRADE_OK, NULL, ""}},
        {"no room, and has it already",
         {.path = "/j", .is_directory = true, .writable = true, .mode = 0700, .records = 1000, .file_exists = true},
         {BH_GRADE_OK, NULL, ""}},
    };
    /* clang-format on */
#undef GOOD
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        clear();
        bh_diagnose_journal_directory(&diagnosis, &rows[i].facts);
        expect(rows[i].name, &rows[i].wanted);
    }
}

#define LOADED "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nUser=bellhop\n"

Test(diagnose_machine, reads_and_judges_the_unit)
{
    const struct {
        const char *name;
        const char *text;
        int64_t shell;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"good",
         LOADED "LimitNOFILESoft=1024\nOOMScoreAdjust=-500\nWatchdogUSec=30s\nStateDirectory=bellhop\n", 10,
         {BH_GRADE_OK, NULL, ""}},
        {"no bound",
         LOADED "LimitNOFILESoft=infinity\nOOMScoreAdjust=-500\nWatchdogUSec=30s\n", 10,
         {BH_GRADE_OK, NULL, ""}},
        {"too few descriptors",
         LOADED "LimitNOFILESoft=1023\nOOMScoreAdjust=-500\nWatchdogUSec=30s\n", 99999,
         {BH_GRADE_BAD, "1024 are needed", "systemctl edit b.service: [Service] LimitNOFILE=1024"}},
        {"no watchdog",
         LOADED "LimitNOFILESoft=1024\nOOMScoreAdjust=-500\nWatchdogUSec=0\n", 10,
         {BH_GRADE_RISK, "WatchdogSec", "WatchdogSec=30s"}},
        {"a watchdog without end",
         LOADED "LimitNOFILESoft=1024\nOOMScoreAdjust=-500\nWatchdogUSec=infinity\n", 10,
         {BH_GRADE_RISK, "WatchdogSec", "WatchdogSec=30s"}},
        {"like any other when memory runs out",
         LOADED "LimitNOFILESoft=1024\nOOMScoreAdjust=0\nWatchdogUSec=30s\n", 10,
         {BH_GRADE_NOTE, "OOMScoreAdjust is 0", "OOMScoreAdjust=-500"}},
        {"as root",
         "LoadState=loaded\nUnitFileState=enabled\nUser=\nLimitNOFILESoft=1024\nWatchdogUSec=30s\n", 10,
         {BH_GRADE_RISK, "root", "User=bellhop"}},
        {"not at boot",
         "LoadState=loaded\nUnitFileState=disabled\nUser=b\nLimitNOFILESoft=1024\nWatchdogUSec=30s\n", 10,
         {BH_GRADE_NOTE, "not started at boot", "systemctl enable"}},
        {"nonsense for numbers",
         LOADED "LimitNOFILESoft=many\nOOMScoreAdjust=low\nWatchdogUSec=30s\n", 10,
         {BH_GRADE_NOTE, "was not told", "LimitNOFILE="}},
        {"no such unit",       "LoadState=not-found\n", 99999, {BH_GRADE_NOTE, "no b.service", "--unit NAME"}},
        {"no manager",         "", 99999, {BH_GRADE_NOTE, "No systemd", ""}},
        {"no manager, few descriptors", "=\n\n====\nLoadState", 1023, {BH_GRADE_NOTE, NULL, NULL}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_unit_facts facts;
        bh_unit_facts_read(&facts, bh_str_from(rows[i].text));
        clear();
        bh_diagnose_unit(&diagnosis, "b.service", &facts, 1024, rows[i].shell);
        expect(rows[i].name, &rows[i].wanted);
    }
}

Test(diagnose_machine, tells_the_first_state_directory)
{
    struct bh_unit_facts facts;
    bh_unit_facts_read(&facts, bh_str_from("StateDirectory=bellhop other\nUser=queue\n"));
    cr_expect_str_eq(facts.state_directory, "bellhop");
    cr_expect_str_eq(facts.user, "queue");
    bh_unit_facts_read(&facts, bh_str_from("StateDirectory=\n"));
    cr_expect_str_eq(facts.state_directory, "");
}

Test(diagnose_machine, counts_descriptors_for_all_connections)
{
    struct bh_config config = {.pool = {.workers = 1}, .gateway = {.max_connections = 16}};
    int64_t few = bh_descriptors_needed(&config);
    config.gateway.max_connections = 1016;
    cr_expect_eq(bh_descriptors_needed(&config), few + 1000);
    config.gateway.max_connections = 16;
    config.http.listen.port = 1;
    cr_expect_gt(bh_descriptors_needed(&config), few);
    config.pool.workers = 64;
    cr_expect_geq(bh_descriptors_needed(&config), few + 63,
                  "each worker has one connection at least");
}

Test(diagnose_machine, judges_the_endpoint)
{
    const struct {
        const char *name;
        struct bh_endpoint_facts facts;
        struct wanted wanted;
        /* clang-format off */
    } rows[] = {
        {"off", {.host = ""}, {BH_GRADE_NOTE, "Off", "[http] listen"}},
        {"fine", {"127.0.0.1", 1, true, false, true, true, 200, ""}, {BH_GRADE_OK, NULL, ""}},
        {"hangs", {"127.0.0.1", 1, true, false, true, true, 503, ""}, {BH_GRADE_BAD, "503", "ss -ltnp"}},
        {"somebody else's", {"127.0.0.1", 1, true, false, false, true, 404, ""}, {BH_GRADE_BAD, "404", "ss -ltnp"}},
        {"does not answer", {"127.0.0.1", 1, true, false, true, true, 0, "silent"}, {BH_GRADE_BAD, "silent", NULL}},
        {"does not run", {"127.0.0.1", 1, true, false, false, true, 0, "refused"},
         {BH_GRADE_NOTE, "refused", "systemctl start"}},
        {"for all, with a token", {"0.0.0.0", 1, false, true, true, true, 200, ""}, {BH_GRADE_OK, NULL, ""}},
        {"for all, without", {"0.0.0.0", 1, false, false, true, true, 200, ""},
         {BH_GRADE_BAD, "admin_token", "[http] listen = 127.0.0.1:1"}},
    };
    /* clang-format on */
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        clear();
        bh_diagnose_endpoint(&diagnosis, &rows[i].facts);
        expect(rows[i].name, &rows[i].wanted);
    }
}
