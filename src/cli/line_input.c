#include "cli/line_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"

#define CHUNK_BYTES ((size_t)64 * 1024)

struct input {
    struct bh_buf buf;
    bh_line_input_on_line *on_line;
    bh_line_input_on_idle *on_idle;
    void *arg;
};

static enum bh_exit
hand_over(const struct input *input, struct bh_str line)
{
    line = bh_str_trim(line);
    return line.len > 0 ? input->on_line(input->arg, line) : BH_EXIT_DONE;
}

/* Hand over the whole lines of the buffer. */
static enum bh_exit
take_lines(struct input *input)
{
    struct bh_str rest = bh_buf_str(&input->buf);
    enum bh_exit result = BH_EXIT_DONE;
    while (result == BH_EXIT_DONE && rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        if (end == NULL)
            break;
        size_t len = (size_t)(end - rest.ptr);
        result = hand_over(input, (struct bh_str){rest.ptr, len});
        rest = (struct bh_str){end + 1, rest.len - len - 1};
    }
    bh_buf_consume(&input->buf, input->buf.len - rest.len);
    return result;
}

static enum bh_exit
at_rest(const struct input *input)
{
    return input->on_idle != NULL ? input->on_idle(input->arg) : BH_EXIT_DONE;
}

static enum bh_exit
read_to_end(struct input *input, char *chunk)
{
    for (;;) {
        ssize_t got = read(STDIN_FILENO, chunk, CHUNK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bh_cli_fail("cannot read standard input: %s", strerror(errno));
        if (got == 0)
            break;
        enum bh_status status = bh_buf_append(&input->buf, chunk, (size_t)got);
        if (status != BH_OK)
            return bh_cli_fail(status == BH_ETOOBIG ? "standard input has a line that is too long"
                                                    : "short of memory");
        enum bh_exit result = take_lines(input);
        if (result == BH_EXIT_DONE)
            result = at_rest(input);
        if (result != BH_EXIT_DONE)
            return result;
    }
    enum bh_exit result = hand_over(input, bh_buf_str(&input->buf));
    return result == BH_EXIT_DONE ? at_rest(input) : result;
}

enum bh_exit
bh_line_input_each(size_t line_max, bh_line_input_on_line *on_line, bh_line_input_on_idle *on_idle,
                   void *arg)
{
    char chunk[CHUNK_BYTES];
    struct input input = {.on_line = on_line, .on_idle = on_idle, .arg = arg};
    bh_buf_init(&input.buf, line_max + CHUNK_BYTES);
    enum bh_exit result = read_to_end(&input, chunk);
    bh_buf_release(&input.buf);
    return result;
}
