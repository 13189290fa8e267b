#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log_line.h"
#include "daemon/log.h"
#include "support/config_fixture.h"

/*
 * Standard error becomes a socket that keeps the borders of what was written: one write(2), one datagram.
 * Each test of Criterion is a process, so it is its own standard error.
 */
static int listener = -1;

static void
listen_to_stderr(void)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    cr_assert_eq(dup2(pair[1], STDERR_FILENO), STDERR_FILENO);
    close(pair[1]);
    listener = pair[0];
    unsetenv("JOURNAL_STREAM");
}

/* What the next write(2) wrote; "" when there was none. */
static const char *
hear(void)
{
    static char text[256 * 1024];
    ssize_t len = recv(listener, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void
configure(const char *log_section)
{
    char text[256];
    struct bh_config_report report = {0};
    struct bh_config *config = NULL;
    snprintf(text, sizeof(text), "[gateway]\napi_key = k\n[queue sms]\n[log]\n%s", log_section);
    struct bh_config_source source = fixture_source(bh_str_from(text));
    cr_assert_eq(bh_config_read(&source, &report, &config), BH_OK, "%s", log_section);
    bh_log_configure(config);
    bh_config_report_release(&report);
    bh_config_release(config);
}

/* Behind the time, which is not ours to choose. */
static const char *
without_time(const char *line)
{
    const char *blank = strchr(line, ' ');
    return blank != NULL ? blank + 1 : line;
}

Test(log, filters_by_level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    listen_to_stderr();
    bh_log_open();
    for (int configured = BH_LOG_ERROR; configured <= BH_LOG_DEBUG; configured++) {
        char section[64];
        snprintf(section, sizeof(section), "level = %s\n", names[configured]);
        configure(section);
        for (int level = BH_LOG_ERROR; level <= BH_LOG_DEBUG; level++) {
            const struct bh_note note = {
                .level = (enum bh_log_level)level, .event = "e", .took_ms = -1, .text = "t"};
            bool wanted = level <= configured;
            cr_expect_eq(bh_log_wants((enum bh_log_level)level), wanted);
            bh_log_write((enum bh_log_level)level, "event", NULL, 0, "text");
            cr_expect_eq(hear()[0] != '\0', wanted, "%s at %s", names[level], names[configured]);
            bh_log_note(&note, 0);
            cr_expect_eq(hear()[0] != '\0', wanted, "%s at %s", names[level], names[configured]);
        }
    }
}

Test(log, writes_text_or_json)
{
    const struct bh_log_field fields[] = {
        bh_log_text("queue", "sms"),
        bh_log_int("code", 100),
        bh_log_duration("took", 40000),
    };
    listen_to_stderr();
    bh_log_open();
    configure("format = text\n");
    bh_log_write(BH_LOG_WARN, "held", fields, BH_ARRAY_LEN(fields), "%s %d", "waits", 3);
    const char *line = hear();
    cr_expect_str_eq(without_time(line),
                     "warn  held queue=sms code=100 took=40s msg=\"waits 3\"\n");
    cr_expect_eq(line[4], '-', "the time comes first: %s", line);
    cr_expect_not_null(strstr(line, "+00:00 "), "in the configured zone: %s", line);

    configure("format = json\n");
    bh_log_write(BH_LOG_WARN, "held", fields, BH_ARRAY_LEN(fields), "%s %d", "waits", 3);
    line = hear();
    cr_expect_eq(strncmp(line, "{\"time\":\"", 9), 0, "%s", line);
    const char *rest = strstr(line, "\"level\"");
    cr_assert_not_null(rest);
    cr_expect_str_eq(rest, "\"level\":\"warn\",\"event\":\"held\",\"queue\":\"sms\",\"code\":100,"
                           "\"took_ms\":40000,\"msg\":\"waits 3\"}\n");
}

Test(log, tells_the_journal_the_priority_if_it_is_the_journal)
{
    struct row {
        const char *name, *stream; /* NULL: not set; %s: the right one */
        const char *prefix;
    };
    static const struct row rows[] = {
        {"no journal",            NULL,      "20"   },
        {"the journal",           "%s",      "<4>20"},
        {"another file",          "1:2",     "20"   },
        {"empty",                 "",        "20"   },
        {"nonsense",              "journal", "20"   },
        {"more than the journal", "%s:3",    "20"   },
        {"with a sign",           "+%s",     "20"   },
    };
    struct stat about;
    char right[64], stream[80];
    listen_to_stderr();
    configure("");
    cr_assert_eq(fstat(STDERR_FILENO, &about), 0);
    snprintf(right, sizeof(right), "%llu:%llu", (unsigned long long)about.st_dev,
             (unsigned long long)about.st_ino);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        unsetenv("JOURNAL_STREAM");
        if (rows[i].stream != NULL) {
            const char *mark = strstr(rows[i].stream, "%s");
            snprintf(stream, sizeof(stream), "%.*s%s%s",
                     mark != NULL ? (int)(mark - rows[i].stream) : (int)strlen(rows[i].stream),
                     rows[i].stream, mark != NULL ? right : "", mark != NULL ? mark + 2 : "");
            setenv("JOURNAL_STREAM", stream, 1);
        }
        bh_log_open();
        bh_log_write(BH_LOG_WARN, "event", NULL, 0, "text");
        const char *line = hear();
        cr_expect_eq(strncmp(line, rows[i].prefix, strlen(rows[i].prefix)), 0, "%s: %s",
                     rows[i].name, line);
    }
}

/* ---- notes ---- */

Test(log, shows_of_a_note_what_is_known)
{
    struct row {
        const char *name;
        struct bh_note note;
        const char *wanted;
    };
    static const struct row rows[] = {
        {"nothing but words",
         {.level = BH_LOG_INFO, .event = "drained", .took_ms = -1, .text = "all is done"},
         "info  drained worker=3 msg=\"all is done\"\n"                           },
        {"everything",
         {.level = BH_LOG_WARN,
          .event = "retrying",
          .queue = "sms",
          .id = "a1",
          .reason = "busy",
          .attempt = 2,
          .code = 600,
          .http_status = 200,
          .took_ms = 1250,
          .text = "refused",
          .next = "again in 40 s"},
         "warn  retrying queue=sms job=a1 attempt=2 code=600 http=200 reason=busy took=1250ms "
         "worker=3 msg=\"refused; again in 40 s\"\n"                              },
        {"empty words",
         {.level = BH_LOG_INFO,
          .event = "sent",
          .queue = "sms",
          .reason = "",
          .took_ms = 0,
          .text = "accepted",
          .next = ""},
         "info  sent queue=sms took=0s worker=3 msg=\"accepted\"\n"               },
        {"a stranger's words",
         {.level = BH_LOG_INFO,
          .event = "sent",
          .id = "a\nb",
          .took_ms = -1,
          .text = "line\r\n2026-01-01 forged"},
         "info  sent job=\"a\\nb\" worker=3 msg=\"line\\r\\n2026-01-01 forged\"\n"},
    };
    listen_to_stderr();
    bh_log_open();
    configure("level = debug\n");
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        bh_log_note(&rows[i].note, 3);
        const char *line = hear();
        cr_expect_str_eq(without_time(line), rows[i].wanted, "%s:\n%s", rows[i].name, line);
    }
}

Test(log, quotes_a_job_only_when_nothing_is_masked)
{
    const struct bh_note note = {
        .level = BH_LOG_WARN,
        .event = "invalid",
        .took_ms = -1,
        .text = "not a valid job: see its field `to`",
        .detail = "not a valid job: \"0171-SECRET\" is no number",
        .next = "kept in the dead set",
    };
    listen_to_stderr();
    bh_log_open();
    configure("");
    bh_log_note(&note, 0);
    cr_expect_str_eq(without_time(hear()), "warn  invalid worker=0 msg=\"not a valid job: see its "
                                           "field `to`; kept in the dead set\"\n");
    configure("mask = no\n");
    bh_log_note(&note, 0);
    const char *line = hear();
    cr_expect_not_null(strstr(line, "SECRET"), "%s", line);
    configure("mask = yes\nlevel = debug\n");
    bh_log_note(&note, 0);
    line = hear();
    cr_expect_null(strstr(line, "SECRET"), "%s", line);
}

/* ---- lines stay whole ---- */

Test(log, loses_no_line_for_its_length)
{
    static char words[8000];
    memset(words, '\x01', sizeof(words) - 1);
    const struct bh_log_field fields[] = {
        bh_log_text("a", words), bh_log_text("b", words), bh_log_text("c", words),
        bh_log_text("d", words), bh_log_text("e", words), bh_log_text("f", words),
        bh_log_text("g", words), bh_log_text("h", words), bh_log_text("i", words),
        bh_log_text("j", words),
    };
    listen_to_stderr();
    bh_log_open();
    for (int json = 0; json < 2; json++) {
        configure(json ? "format = json\n" : "format = text\n");
        bh_log_write(BH_LOG_ERROR, "event", fields, BH_ARRAY_LEN(fields), "%s", words);
        const char *line = hear();
        size_t len = strlen(line);
        cr_expect_gt(len, 10 * 6 * BH_LOG_VALUE_MAX, "%zu", len);
        cr_expect_eq(strchr(line, '\n'), line + len - 1, "one line, and whole");
    }
}

#define THREADS 4
#define LINES   400

static void *
write_lines(void *arg)
{
    const unsigned *number = arg;
    for (int i = 0; i < LINES; i++) {
        const struct bh_log_field field = bh_log_int("n", i);
        const struct bh_note note = {.level = BH_LOG_INFO,
                                     .event = "note",
                                     .took_ms = i,
                                     .text = "a note of some length, so that lines could mix"};
        bh_log_write(BH_LOG_INFO, "line", &field, 1, "a line of thread %u", *number);
        bh_log_note(&note, *number);
    }
    return NULL;
}

Test(log, writes_each_line_at_once_from_any_thread)
{
    static unsigned numbers[THREADS];
    pthread_t threads[THREADS];
    listen_to_stderr();
    bh_log_open();
    configure("format = json\n");
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (unsigned heard = 0; heard < THREADS * LINES * 2; heard++) {
        char line[1024];
        ssize_t len = recv(listener, line, sizeof(line) - 1, 0);
        cr_assert_gt(len, 0);
        line[len] = '\0';
        cr_assert_eq(strchr(line, '\n'), line + len - 1, "not one line: %s", line);
        cr_assert(line[0] == '{' && line[len - 2] == '}', "not whole: %s", line);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_str_eq(hear(), "", "and nothing else");
}

Test(log, goes_on_when_nobody_takes_the_lines)
{
    listen_to_stderr();
    bh_log_open();
    configure("");
    close(listener);
    signal(SIGPIPE, SIG_IGN);
    bh_log_write(BH_LOG_ERROR, "event", NULL, 0, "to a closed socket");
    close(STDERR_FILENO);
    bh_log_write(BH_LOG_ERROR, "event", NULL, 0, "to nowhere");
    cr_assert_eq(open("/dev/full", O_WRONLY), STDERR_FILENO);
    bh_log_write(BH_LOG_ERROR, "event", NULL, 0, "to a full disk");
}

/* A pipe takes a long line in pieces, and a signal may come in between. */
static void
ignore(int number)
{
    (void)number;
}

static void *
read_slowly(void *arg)
{
    static char got[512 * 1024];
    int fd = *(int *)arg;
    size_t len = 0;
    ssize_t piece;
    while ((piece = read(fd, got + len, 4096)) > 0) {
        len += (size_t)piece;
        kill(getpid(), SIGUSR1);
    }
    got[len] = '\0';
    return got;
}

Test(log, writes_the_rest_after_a_signal)
{
    static char words[3000];
    int ends[2];
    pthread_t reader;
    void *got;
    struct sigaction action = {.sa_handler = ignore}; /* no SA_RESTART */
    memset(words, '\x01', sizeof(words) - 1);
    const struct bh_log_field fields[] = {
        bh_log_text("a", words), bh_log_text("b", words), bh_log_text("c", words),
        bh_log_text("d", words), bh_log_text("e", words), bh_log_text("f", words),
        bh_log_text("g", words), bh_log_text("h", words), bh_log_text("i", words),
    };
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    sigaction(SIGUSR1, &action, NULL);
    /* The signals are for the writer. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    cr_assert_eq(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    bh_log_open();
    configure("");
    for (int i = 0; i < 3; i++)
        bh_log_write(BH_LOG_ERROR, "event", fields, BH_ARRAY_LEN(fields), "the end");
    close(STDERR_FILENO);
    pthread_join(reader, &got);
    const char *at = got;
    for (int i = 0; i < 3; i++) {
        at = strstr(at, "msg=\"the end\"\n");
        cr_assert_not_null(at, "line %d is not whole", i);
        at++;
    }
}
