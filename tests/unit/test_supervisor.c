#include <criterion/criterion.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/supervisor.h"

/* A supervisor of the test's own; each test of Criterion is a process, so the environment is its own too. */
struct listener {
    int fd;
    char dir[64];
    char name[80]; /* as NOTIFY_SOCKET has it */
};

static void
listen_at(struct listener *listener, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    cr_assert_lt(len, sizeof(address.sun_path));
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    listener->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert_geq(listener->fd, 0);
    cr_assert_eq(bind(listener->fd, (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
                 0);
    snprintf(listener->name, sizeof(listener->name), "%s", name);
    setenv("NOTIFY_SOCKET", name, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void
listen_on_path(struct listener *listener)
{
    char name[80];
    snprintf(listener->dir, sizeof(listener->dir), "/tmp/bellhop-notify.XXXXXX");
    cr_assert_not_null(mkdtemp(listener->dir));
    snprintf(name, sizeof(name), "%s/socket", listener->dir);
    listen_at(listener, name);
}

static void
listen_in_the_abstract(struct listener *listener)
{
    char name[80];
    snprintf(name, sizeof(name), "@bellhop-test-%ld", (long)getpid());
    listen_at(listener, name);
}

static void
stop_listening(struct listener *listener)
{
    close(listener->fd);
    if (listener->name[0] == '/') {
        unlink(listener->name);
        rmdir(listener->dir);
    }
}

/* The next datagram; "" when there is none. */
static const char *
hear(struct listener *listener)
{
    static char text[1024];
    ssize_t len = recv(listener->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void
say_everything(void (*listen)(struct listener *))
{
    struct listener listener;
    struct bh_supervisor supervisor;
    listen(&listener);
    setenv("WATCHDOG_USEC", "30000000", 1);
    bh_supervisor_open(&supervisor);
    cr_assert_geq(supervisor.fd, 0);
    cr_expect_eq(supervisor.watchdog_ms, 30000);
    cr_expect_neq(fcntl(supervisor.fd, F_GETFD) & FD_CLOEXEC, 0);

    bh_supervisor_ready(&supervisor);
    cr_expect_str_eq(hear(&listener), "READY=1");
    bh_supervisor_pet(&supervisor);
    cr_expect_str_eq(hear(&listener), "WATCHDOG=1");
    bh_supervisor_status(&supervisor, "Redis %s, %d jobs", "up", 3);
    cr_expect_str_eq(hear(&listener), "STATUS=Redis up, 3 jobs");
    bh_supervisor_reloading(&supervisor, INT64_C(123456789012345));
    cr_expect_str_eq(hear(&listener), "RELOADING=1\nMONOTONIC_USEC=123456789012345");
    bh_supervisor_stopping(&supervisor);
    cr_expect_str_eq(hear(&listener), "STOPPING=1");
    cr_expect_str_eq(hear(&listener), "", "nothing more");

    bh_supervisor_close(&supervisor);
    cr_expect_eq(supervisor.fd, -1);
    bh_supervisor_ready(&supervisor);
    bh_supervisor_close(&supervisor);
    cr_expect_str_eq(hear(&listener), "", "nothing after the close");
    stop_listening(&listener);
}

Test(supervisor, tells_everything_to_a_socket_in_the_file_system)
{
    say_everything(listen_on_path);
}

Test(supervisor, tells_everything_to_an_abstract_socket)
{
    say_everything(listen_in_the_abstract);
}

Test(supervisor, tells_the_status_on_change_only)
{
    struct listener listener;
    struct bh_supervisor supervisor;
    listen_in_the_abstract(&listener);
    bh_supervisor_open(&supervisor);
    bh_supervisor_status(&supervisor, "one");
    cr_expect_str_eq(hear(&listener), "STATUS=one");
    bh_supervisor_status(&supervisor, "%s", "one");
    cr_expect_str_eq(hear(&listener), "");
    bh_supervisor_status(&supervisor, "two");
    cr_expect_str_eq(hear(&listener), "STATUS=two");
    bh_supervisor_status(&supervisor, "one");
    cr_expect_str_eq(hear(&listener), "STATUS=one");
    bh_supervisor_close(&supervisor);
    stop_listening(&listener);
}

Test(supervisor, cuts_a_status_that_is_too_long)
{
    struct listener listener;
    struct bh_supervisor supervisor;
    char text[1000], wanted[7 + 256];
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    snprintf(wanted, sizeof(wanted), "STATUS=%.255s", text);
    listen_in_the_abstract(&listener);
    bh_supervisor_open(&supervisor);
    bh_supervisor_status(&supervisor, "%s", text);
    cr_expect_str_eq(hear(&listener), wanted);
    bh_supervisor_status(&supervisor, "%s", text);
    cr_expect_str_eq(hear(&listener), "", "and remembers it");
    bh_supervisor_close(&supervisor);
    stop_listening(&listener);
}

Test(supervisor, watches_only_when_it_is_meant)
{
    struct row {
        const char *name, *usec, *pid;
        bh_ms wanted;
    };
    char own[24], other[24];
    snprintf(own, sizeof(own), "%ld", (long)getpid());
    snprintf(other, sizeof(other), "%ld", (long)getppid());
    const struct row rows[] = {
        {"not asked for",      NULL,                   NULL,   0   },
        {"asked for",          "2000000",              NULL,   2000},
        {"of us",              "2000000",              own,    2000},
        {"of another process", "2000000",              other,  0   },
        {"of nobody",          "2000000",              "",     0   },
        {"of nonsense",        "2000000",              "self", 0   },
        {"of us, but no time", NULL,                   own,    0   },
        {"an empty time",      "",                     own,    0   },
        {"zero",               "0",                    own,    0   },
        {"negative",           "-5000000",             own,    0   },
        {"with a unit",        "30s",                  own,    0   },
        {"too large a number", "99999999999999999999", own,    0   },
    };
    struct listener listener;
    listen_in_the_abstract(&listener);
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_supervisor supervisor;
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        if (rows[i].usec != NULL)
            setenv("WATCHDOG_USEC", rows[i].usec, 1);
        if (rows[i].pid != NULL)
            setenv("WATCHDOG_PID", rows[i].pid, 1);
        bh_supervisor_open(&supervisor);
        cr_expect_eq(supervisor.watchdog_ms, rows[i].wanted, "%s", rows[i].name);
        bh_supervisor_pet(&supervisor);
        cr_expect_str_eq(hear(&listener), rows[i].wanted > 0 ? "WATCHDOG=1" : "", "%s",
                         rows[i].name);
        bh_supervisor_ready(&supervisor);
        cr_expect_str_eq(hear(&listener), "READY=1", "%s: the rest is told all the same",
                         rows[i].name);
        bh_supervisor_close(&supervisor);
    }
    stop_listening(&listener);
}

Test(supervisor, does_nothing_when_nobody_listens)
{
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name));
    long_name[0] = '/';
    long_name[sizeof(long_name) - 1] = '\0';
    const char *const rows[] = {
        NULL,
        "",
        "/",
        "@",
        "relative/path",
        "/nonexistent/socket",
        "@bellhop-test-nobody",
        long_name,
        " ",
        "vsock:2:1234",
    };
    setenv("WATCHDOG_USEC", "1000000", 1);
    unsetenv("WATCHDOG_PID");
    for (size_t i = 0; i < BH_ARRAY_LEN(rows); i++) {
        struct bh_supervisor supervisor;
        unsetenv("NOTIFY_SOCKET");
        if (rows[i] != NULL)
            setenv("NOTIFY_SOCKET", rows[i], 1);
        bh_supervisor_open(&supervisor);
        cr_expect_eq(supervisor.fd, -1, "row %zu", i);
        cr_expect_eq(supervisor.watchdog_ms, 0, "row %zu", i);
        bh_supervisor_ready(&supervisor);
        bh_supervisor_pet(&supervisor);
        bh_supervisor_status(&supervisor, "up");
        bh_supervisor_reloading(&supervisor, 1);
        bh_supervisor_stopping(&supervisor);
        bh_supervisor_close(&supervisor);
    }
}

Test(supervisor, survives_a_listener_that_goes_away)
{
    struct listener listener;
    struct bh_supervisor supervisor;
    listen_on_path(&listener);
    bh_supervisor_open(&supervisor);
    stop_listening(&listener);
    bh_supervisor_ready(&supervisor);
    bh_supervisor_status(&supervisor, "up");
    cr_expect_not(supervisor.ready_owed);
    bh_supervisor_close(&supervisor);
}

/* Until the listener's queue is full; how many fitted. */
static unsigned
fill(struct bh_supervisor *supervisor)
{
    unsigned count = 0;
    char last[sizeof(supervisor->status)];
    do {
        cr_assert_lt(count, 1000000);
        memcpy(last, supervisor->status, sizeof(last));
        bh_supervisor_status(supervisor, "filling %u", count++);
    } while (strcmp(last, supervisor->status) != 0);
    return count - 1;
}

static void
empty(struct listener *listener)
{
    while (hear(listener)[0] != '\0')
        continue;
}

Test(supervisor, tells_again_what_the_full_queue_did_not_take)
{
    struct listener listener;
    struct bh_supervisor supervisor;
    listen_in_the_abstract(&listener);
    bh_supervisor_open(&supervisor);
    cr_expect_gt(fill(&supervisor), 0);
    bh_supervisor_status(&supervisor, "up");
    bh_supervisor_ready(&supervisor);
    cr_expect(supervisor.ready_owed);
    bh_supervisor_pet(&supervisor);
    cr_expect(supervisor.ready_owed, "still full");
    empty(&listener);

    bh_supervisor_pet(&supervisor);
    cr_expect_str_eq(hear(&listener), "READY=1");
    bh_supervisor_pet(&supervisor);
    cr_expect_str_eq(hear(&listener), "", "once");
    bh_supervisor_status(&supervisor, "up");
    cr_expect_str_eq(hear(&listener), "STATUS=up");
    bh_supervisor_close(&supervisor);
    stop_listening(&listener);
}

Test(supervisor, is_not_ready_any_more_once_it_stops)
{
    struct listener listener;
    struct bh_supervisor supervisor;
    listen_in_the_abstract(&listener);
    bh_supervisor_open(&supervisor);
    fill(&supervisor);
    bh_supervisor_ready(&supervisor);
    empty(&listener);
    bh_supervisor_stopping(&supervisor);
    bh_supervisor_pet(&supervisor);
    cr_expect_str_eq(hear(&listener), "STOPPING=1");
    cr_expect_str_eq(hear(&listener), "", "a READY that is late is none");
    bh_supervisor_close(&supervisor);
    stop_listening(&listener);
}
