#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "support/pty.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static long long
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
set_size(struct bh_pty *pty, size_t rows, size_t columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    cr_assert(rows <= BH_PTY_ROWS && columns <= BH_PTY_COLUMNS);
    cr_assert_eq(ioctl(pty->master, TIOCSWINSZ, &size), 0);
    pty->rows = rows;
    pty->columns = columns;
    memset(pty->screen, 0, sizeof(pty->screen));
}

static void
become(const struct bh_pty *pty, const char *name, const char *program, const char *const *args,
       const char *const *environment)
{
    char *argv[32] = {strdup(program)};
    for (size_t i = 0; args[i] != NULL && i < 30; i++)
        argv[i + 1] = strdup(args[i]);
    for (size_t i = 0; environment[i] != NULL; i++)
        putenv(strdup(environment[i]));
    setsid();
    int fd = open(name, O_RDWR); /* the first terminal of a session controls it */
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    close(pty->master);
    close(pty->slave);
    execv(program, argv);
    _exit(127);
}

void
bh_pty_start(struct bh_pty *pty, const char *program, const char *const *args,
             const char *const *environment, size_t rows, size_t columns)
{
    *pty = (struct bh_pty){.master = posix_openpt(O_RDWR | O_NOCTTY)};
    cr_assert(pty->master >= 0 && grantpt(pty->master) == 0 && unlockpt(pty->master) == 0);
    const char *name = ptsname(pty->master);
    pty->slave = open(name, O_RDWR | O_NOCTTY);
    cr_assert(pty->slave >= 0);
    set_size(pty, rows, columns);
    pty->pid = fork();
    cr_assert(pty->pid >= 0);
    if (pty->pid == 0)
        become(pty, name, program, args, environment);
}

void
bh_pty_resize(struct bh_pty *pty, size_t rows, size_t columns)
{
    set_size(pty, rows, columns);
    kill(pty->pid, SIGWINCH); /* the kernel sends it too, but only to the foreground */
}

void
bh_pty_type(struct bh_pty *pty, const char *keys)
{
    cr_assert_eq(write(pty->master, keys, strlen(keys)), (ssize_t)strlen(keys));
}

/* ---- The screen ---- */

static void
erase_line(struct bh_pty *pty)
{
    if (pty->row < pty->rows && pty->column < pty->columns)
        memset(pty->screen[pty->row] + pty->column, 0, BH_PTY_COLUMNS - pty->column);
}

/* The other screen is empty; what stood on the first one comes back. */
static void
switch_screen(struct bh_pty *pty, bool other)
{
    if (other == pty->other)
        return;
    pty->other = other;
    if (other) {
        memcpy(pty->first_screen, pty->screen, sizeof(pty->screen));
        pty->first_row = pty->row;
        pty->first_column = pty->column;
        memset(pty->screen, 0, sizeof(pty->screen));
    } else {
        memcpy(pty->screen, pty->first_screen, sizeof(pty->screen));
        pty->row = pty->first_row;
        pty->column = pty->first_column;
    }
}

/* The first screen scrolls; whoever draws all of the other one has no need to. */
static void
next_row(struct bh_pty *pty)
{
    if (pty->row + 1 < pty->rows || pty->other) {
        pty->row++;
        return;
    }
    memmove(pty->screen[0], pty->screen[1], (BH_PTY_ROWS - 1) * sizeof(pty->screen[0]));
    memset(pty->screen[pty->rows - 1], 0, sizeof(pty->screen[0]));
}

static void
obey(struct bh_pty *pty)
{
    pty->sequence[pty->sequence_len] = '\0';
    const char *sequence = pty->sequence;
    size_t len = pty->sequence_len;
    if (strcmp(sequence, "[H") == 0)
        pty->row = pty->column = 0;
    else if (strcmp(sequence, "[K") == 0)
        erase_line(pty);
    else if (strcmp(sequence, "[2J") == 0)
        memset(pty->screen, 0, sizeof(pty->screen));
    else if (strcmp(sequence, "[?1049h") == 0)
        switch_screen(pty, true);
    else if (strcmp(sequence, "[?1049l") == 0)
        switch_screen(pty, false);
    else if (strcmp(sequence, "[?25l") != 0 && strcmp(sequence, "[?25h") != 0 &&
             sequence[len - 1] != 'm')
        pty->strange++;
    pty->sequence_len = 0;
}

static void
show(struct bh_pty *pty, char byte)
{
    if (pty->row >= pty->rows || pty->column >= pty->columns) {
        pty->strange++; /* it draws beyond its screen */
        return;
    }
    char *line = pty->screen[pty->row];
    for (size_t i = strlen(line); i < pty->column; i++)
        line[i] = ' ';
    line[pty->column++] = byte;
}

static void
take(struct bh_pty *pty, char byte)
{
    if (pty->sequence_len > 0) {
        bool first = pty->sequence_len == 1 && pty->sequence[0] == 0x1B;
        if (first)
            pty->sequence_len = 0;
        pty->sequence[pty->sequence_len++] = byte;
        if ((!first && byte >= '@' && byte <= '~') ||
            pty->sequence_len + 1 == sizeof(pty->sequence))
            obey(pty);
    } else if (byte == 0x1B) {
        pty->sequence[pty->sequence_len++] = byte;
    } else if (byte == '\r') {
        pty->column = 0;
    } else if (byte == '\n') {
        next_row(pty);
    } else if ((unsigned char)byte >= 0x20 && ((unsigned char)byte & 0xC0) != 0x80) {
        show(pty, (unsigned char)byte < 0x7F ? byte : '?');
    } else if ((unsigned char)byte < 0x20) {
        pty->strange++;
    }
}

/* False: nothing came within the time. */
static bool
read_some(struct bh_pty *pty, int timeout_ms)
{
    char bytes[4096];
    struct pollfd wait = {.fd = pty->master, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) != 1)
        return false;
    ssize_t count = read(pty->master, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < count; i++)
        take(pty, bytes[i]);
    return count > 0;
}

bool
bh_pty_shows(const struct bh_pty *pty, const char *piece)
{
    for (size_t i = 0; i < pty->rows; i++) {
        if (strstr(pty->screen[i], piece) != NULL)
            return true;
    }
    return false;
}

bool
bh_pty_sees(struct bh_pty *pty, const char *piece)
{
    for (long long end = now_ms() + PATIENCE_MS; now_ms() < end;) {
        if (bh_pty_shows(pty, piece))
            return true;
        (void)read_some(pty, 100);
    }
    for (size_t i = 0; i < pty->rows; i++)
        fprintf(stderr, "|%s\n", pty->screen[i]);
    return false;
}

int
bh_pty_wait(struct bh_pty *pty)
{
    int status;
    for (long long end = now_ms() + PATIENCE_MS; now_ms() < end;) {
        if (waitpid(pty->pid, &status, WNOHANG) == pty->pid) {
            pty->pid = 0;
            while (read_some(pty, 0)) {
            }
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        }
        (void)read_some(pty, 50);
    }
    return -1000;
}

void
bh_pty_stop(struct bh_pty *pty)
{
    int status = 0;
    kill(pty->pid, SIGSTOP);
    for (long long end = now_ms() + PATIENCE_MS; !WIFSTOPPED(status) && now_ms() < end;) {
        (void)waitpid(pty->pid, &status, WNOHANG | WUNTRACED);
        (void)read_some(pty, 10);
    }
    while (read_some(pty, 0)) {
    }
}

bool
bh_pty_is_sane(const struct bh_pty *pty)
{
    struct termios now;
    cr_assert_eq(tcgetattr(pty->slave, &now), 0);
    return (now.c_lflag & ECHO) != 0 && (now.c_lflag & ICANON) != 0 && (now.c_iflag & ICRNL) != 0;
}

bool
bh_pty_turns_raw(struct bh_pty *pty)
{
    for (long long end = now_ms() + PATIENCE_MS; now_ms() < end;) {
        if (!bh_pty_is_sane(pty))
            return true;
        (void)read_some(pty, 50);
    }
    return false;
}

void
bh_pty_make_sane(struct bh_pty *pty)
{
    struct termios now;
    cr_assert_eq(tcgetattr(pty->slave, &now), 0);
    now.c_lflag |= ECHO | ICANON;
    now.c_iflag |= ICRNL;
    cr_assert_eq(tcsetattr(pty->slave, TCSANOW, &now), 0);
}

void
bh_pty_forget(struct bh_pty *pty)
{
    memset(pty->screen, 0, sizeof(pty->screen));
}

void
bh_pty_release(struct bh_pty *pty)
{
    if (pty->pid > 0) {
        kill(pty->pid, SIGKILL);
        waitpid(pty->pid, NULL, 0);
    }
    close(pty->master);
    close(pty->slave);
}
