/* estimate: how a text would travel as SMS, what makes it dear, and what it would cost. */
#include <stdio.h>
#include <string.h>

#include <bellhop/job.h>
#include <bellhop/sms.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "cli/file.h"
#include "cli/gateway_price.h"
#include "core/fault.h"
#include "core/gsm0338.h"
#include "core/json.h"
#include "core/money.h"
#include "core/utf8.h"

#define TEXT_BYTES_MAX   BH_JOB_BYTES_MAX
#define OUTPUT_BYTES_MAX ((size_t)1024 * 1024)
#define FOREIGN_SHOWN    20
#define RECIPIENTS_MAX   1000000
#define TITLE_WIDTH      12

struct estimate_options {
    const char *text;
    const char *udh;
    const char *price;
    const char *recipients;
    const char *to;
    bool ask;
    bool unicode;
};

static const struct bh_option estimate_option_rows[] = {
    {"text",       BH_OPTION_TEXT, "TEXT",   "the message (else standard input)",
     offsetof(struct estimate_options, text)      },
    {"unicode",    BH_OPTION_FLAG, NULL,     "with the job's field `unicode`",
     offsetof(struct estimate_options, unicode)   },
    {"udh",        BH_OPTION_TEXT, "HEX",    "with this user data header",
     offsetof(struct estimate_options, udh)       },
    {"price",      BH_OPTION_TEXT, "AMOUNT", "what a part costs, e.g. 0.075",
     offsetof(struct estimate_options, price)     },
    {"ask",        BH_OPTION_FLAG, NULL,     "ask the gateway what a part to --to costs",
     offsetof(struct estimate_options, ask)       },
    {"to",         BH_OPTION_TEXT, "NUMBER", "a recipient, for --ask: prices differ by country",
     offsetof(struct estimate_options, to)        },
    {"recipients", BH_OPTION_TEXT, "COUNT",  "to so many recipients (1)",
     offsetof(struct estimate_options, recipients)},
};

/* Characters that word processors put in, and what GSM 03.38 has instead. */
static const struct {
    uint32_t code;
    const char *instead;
} plain[] = {
    {0x2018, "'"  },
    {0x2019, "'"  },
    {0x201A, "'"  },
    {0x201C, "\"" },
    {0x201D, "\"" },
    {0x201E, "\"" },
    {0x2013, "-"  },
    {0x2014, "-"  },
    {0x2010, "-"  },
    {0x2011, "-"  },
    {0x2212, "-"  },
    {0x2026, "..."},
    {0x2022, "*"  },
    {0x00B4, "'"  },
    {0x0060, "'"  },
    {0x00A0, " "  },
    {0x202F, " "  },
    {0x2009, " "  },
    {0x0009, " "  },
    {0x200B, ""   },
    {0xFEFF, ""   },
    {0x00AB, "\"" },
    {0x00BB, "\"" },
};

struct estimate {
    struct bh_str text;
    struct bh_sms_size size;
    size_t parts_plain; /* without the characters outside the alphabet */
    bool dear;          /* these characters made it UCS-2 */
    int64_t low_micro;  /* what a part costs, at least and at most; below 0: not known */
    int64_t high_micro;
    struct bh_pricing pricing; /* what the gateway said; no networks: it was not asked */
    int64_t recipients;
};

/* ---- characters outside GSM 03.38 ---- */

struct foreign {
    uint32_t code;
    struct bh_str bytes;
    size_t place; /* characters before it and itself */
    size_t line, column;
};

/* The next one from *rest on; *foreign carries the places on.  False at the end. */
static bool
next_foreign(struct bh_str *rest, struct foreign *foreign)
{
    uint32_t code;
    for (;;) {
        const char *begin = rest->ptr;
        if (!bh_utf8_next(rest, &code))
            return false;
        foreign->place++;
        foreign->column++;
        if (bh_gsm0338_septets(code) == 0) {
            foreign->code = code;
            foreign->bytes = (struct bh_str){begin, (size_t)(rest->ptr - begin)};
            return true;
        }
        if (code == '\n') {
            foreign->line++;
            foreign->column = 0;
        }
    }
}

static const char *
instead_of(uint32_t code)
{
    for (size_t i = 0; i < BH_ARRAY_LEN(plain); i++) {
        if (plain[i].code == code)
            return plain[i].instead;
    }
    return NULL;
}

/* The parts of the text with one septet for each character outside the alphabet. */
static enum bh_status
measure_plain(struct estimate *estimate, const struct bh_sms_options *options)
{
    struct bh_buf copy;
    struct bh_str rest = estimate->text;
    struct bh_sms_size size;
    uint32_t code;
    bh_buf_init(&copy, TEXT_BYTES_MAX + 1);
    for (const char *begin = rest.ptr; bh_utf8_next(&rest, &code); begin = rest.ptr) {
        if (bh_gsm0338_septets(code) > 0)
            (void)bh_buf_append(&copy, begin, (size_t)(rest.ptr - begin));
        else
            (void)bh_buf_append_char(&copy, '?');
    }
    enum bh_status status = bh_buf_status(&copy);
    if (status == BH_OK && bh_sms_measure(bh_buf_text(&copy), copy.len, options, &size, NULL))
        estimate->parts_plain = size.parts;
    bh_buf_release(&copy);
    return status;
}

/* ---- telling ---- */

static const char *
encoding_title(enum bh_sms_encoding encoding)
{
    switch (encoding) {
    case BH_SMS_GSM: return "GSM 03.38";
    case BH_SMS_UCS2: return "UCS-2";
    case BH_SMS_BINARY: return "binary";
    }
    return "";
}

static const char *
unit_title(enum bh_sms_encoding encoding)
{
    switch (encoding) {
    case BH_SMS_GSM: return "septets";
    case BH_SMS_UCS2: return "UTF-16 units";
    case BH_SMS_BINARY: return "octets";
    }
    return "";
}

static void
append_title(struct bh_buf *buf, const char *title, bool colour)
{
    (void)bh_buf_printf(buf, "%s%-*s%s", bh_style_begin(BH_STYLE_DIM, colour), TITLE_WIDTH, title,
                        bh_style_end(BH_STYLE_DIM, colour));
}

static void
append_foreign(struct bh_buf *buf, const struct estimate *estimate, bool colour)
{
    struct foreign foreign = {.line = 1};
    struct bh_str rest = estimate->text;
    for (size_t count = 0; next_foreign(&rest, &foreign); count++) {
        const char *instead = instead_of(foreign.code);
        append_title(buf, count == 0 ? "outside GSM" : "", colour);
        if (count == FOREIGN_SHOWN) {
            (void)bh_buf_printf(buf, "and %zu more\n", estimate->size.foreign_count - count);
            return;
        }
        (void)bh_buf_append_text(buf, bh_style_begin(BH_STYLE_WARN, colour));
        (void)bh_display_append(buf, foreign.bytes);
        (void)bh_buf_printf(buf, "%s  U+%04X at character %zu (line %zu, column %zu)",
                            bh_style_end(BH_STYLE_WARN, colour), (unsigned)foreign.code,
                            foreign.place, foreign.line, foreign.column);
        if (instead != NULL && instead[0] == '\0')
            (void)bh_buf_append_text(buf, ": leave it out");
        else if (instead != NULL)
            (void)bh_buf_printf(buf, ": write %s instead",
                                strcmp(instead, " ") == 0 ? "a blank" : instead);
        (void)bh_buf_append_char(buf, '\n');
    }
}

static void
append_cost(struct bh_buf *buf, const struct estimate *estimate, size_t parts)
{
    int64_t count = (int64_t)parts * estimate->recipients;
    (void)bh_buf_append_text(buf, bh_money_format(estimate->low_micro * count).text);
    if (estimate->high_micro > estimate->low_micro)
        (void)bh_buf_printf(buf, " to %s", bh_money_format(estimate->high_micro * count).text);
}

/* What the gateway said, and how sure that is. */
static void
append_source(struct bh_buf *buf, const struct estimate *estimate)
{
    const struct bh_pricing *pricing = &estimate->pricing;
    if (pricing->networks == 0)
        return;
    (void)bh_buf_append_text(buf, "; a part costs ");
    (void)bh_buf_append_text(buf, bh_money_format(pricing->low_micro).text);
    if (pricing->high_micro > pricing->low_micro)
        (void)bh_buf_printf(buf, " to %s", bh_money_format(pricing->high_micro).text);
    if (pricing->country[0] != '\0') {
        (void)bh_buf_append_text(buf, " in ");
        (void)bh_display_append(buf, bh_str_from(pricing->country));
    }
    if (pricing->countries > 1)
        (void)bh_buf_printf(buf, " and %u more with its calling code", pricing->countries - 1);
    if (pricing->high_micro > pricing->low_micro)
        (void)bh_buf_printf(buf, ", by the network (%u)", pricing->networks);
}

static void
append_price(struct bh_buf *buf, const struct estimate *estimate, bool colour)
{
    append_title(buf, "price", colour);
    if (estimate->low_micro < 0) {
        (void)bh_buf_append_text(buf,
                                 "not known: --ask --to NUMBER asks the gateway, --price AMOUNT "
                                 "names that of a part\n");
        return;
    }
    append_cost(buf, estimate, estimate->size.parts);
    if (estimate->recipients > 1)
        (void)bh_buf_printf(buf, " for %lld recipients", (long long)estimate->recipients);
    if (estimate->dear && estimate->parts_plain < estimate->size.parts) {
        (void)bh_buf_append_text(buf, "; ");
        append_cost(buf, estimate, estimate->parts_plain);
        (void)bh_buf_append_text(buf, " in GSM 03.38");
    }
    append_source(buf, estimate);
    (void)bh_buf_append_char(buf, '\n');
}

static enum bh_status
print_for_people(const struct bh_cli *cli, const struct estimate *estimate)
{
    const struct bh_sms_size *size = &estimate->size;
    bool colour = cli->colour;
    struct bh_buf buf;
    bh_buf_init(&buf, OUTPUT_BYTES_MAX);
    append_title(&buf, "encoding", colour);
    (void)bh_buf_append_text(&buf, encoding_title(size->encoding));
    if (estimate->dear)
        (void)bh_buf_printf(&buf, ", because of %zu character%s", size->foreign_count,
                            size->foreign_count == 1 ? "" : "s");
    else if (size->encoding == BH_SMS_UCS2)
        (void)bh_buf_append_text(&buf, ", as asked for");
    (void)bh_buf_append_char(&buf, '\n');
    append_title(&buf, "characters", colour);
    (void)bh_buf_printf(&buf, "%zu, at most %d\n", size->characters, BH_JOB_SMS_TEXT_MAX);
    append_title(&buf, "length", colour);
    (void)bh_buf_printf(&buf, "%zu %s, %zu in a part\n", size->units, unit_title(size->encoding),
                        size->units_per_part);
    append_title(&buf, "parts", colour);
    (void)bh_buf_printf(&buf, "%zu", size->parts);
    if (size->parts_strict > size->parts)
        (void)bh_buf_printf(&buf, ", or %zu where no character is split between parts",
                            size->parts_strict);
    if (estimate->dear && estimate->parts_plain < size->parts)
        (void)bh_buf_printf(&buf, "; %zu in GSM 03.38", estimate->parts_plain);
    (void)bh_buf_append_char(&buf, '\n');
    append_price(&buf, estimate, colour);
    append_foreign(&buf, estimate, colour);
    enum bh_status status = bh_buf_status(&buf);
    if (status == BH_OK)
        fputs(bh_buf_text(&buf), stdout);
    bh_buf_release(&buf);
    return status;
}

static void
put_foreign(struct bh_json_writer *writer, const struct estimate *estimate)
{
    struct foreign foreign = {.line = 1};
    struct bh_str rest = estimate->text;
    bh_json_open_array(writer, "foreign");
    for (size_t count = 0; count < FOREIGN_SHOWN && next_foreign(&rest, &foreign); count++) {
        char code[16];
        snprintf(code, sizeof(code), "U+%04X", (unsigned)foreign.code);
        bh_json_open_object(writer, NULL);
        bh_json_put_string(writer, "character", foreign.bytes);
        bh_json_put_text(writer, "code", code);
        bh_json_put_int(writer, "place", (int64_t)foreign.place);
        bh_json_put_int(writer, "line", (int64_t)foreign.line);
        bh_json_put_int(writer, "column", (int64_t)foreign.column);
        if (instead_of(foreign.code) != NULL)
            bh_json_put_text(writer, "instead", instead_of(foreign.code));
        bh_json_close_object(writer);
    }
    bh_json_close_array(writer);
}

static void
put_money(struct bh_json_writer *writer, const char *name, int64_t micro)
{
    bh_json_put_raw(writer, name, bh_str_from(bh_money_format(micro).text));
}

/* `price` is the least that is certain to be enough. */
static void
put_price(struct bh_json_writer *writer, const struct estimate *estimate)
{
    const struct bh_pricing *pricing = &estimate->pricing;
    int64_t count = (int64_t)estimate->size.parts * estimate->recipients;
    if (estimate->low_micro < 0)
        return;
    put_money(writer, "price", estimate->high_micro * count);
    put_money(writer, "price_least", estimate->low_micro * count);
    put_money(writer, "part", estimate->high_micro);
    if (pricing->networks == 0)
        return;
    bh_json_put_string(writer, "country", bh_str_from(pricing->country));
    bh_json_put_int(writer, "countries", pricing->countries);
    bh_json_put_int(writer, "networks", pricing->networks);
}

static enum bh_status
print_json(const struct estimate *estimate)
{
    const struct bh_sms_size *size = &estimate->size;
    struct bh_json_writer writer;
    struct bh_buf line;
    bh_buf_init(&line, OUTPUT_BYTES_MAX);
    bh_json_writer_init(&writer, &line);
    bh_json_open_object(&writer, NULL);
    bh_json_put_text(&writer, "encoding", bh_sms_encoding_name(size->encoding));
    bh_json_put_int(&writer, "characters", (int64_t)size->characters);
    bh_json_put_int(&writer, "units", (int64_t)size->units);
    bh_json_put_int(&writer, "units_per_part", (int64_t)size->units_per_part);
    bh_json_put_int(&writer, "parts", (int64_t)size->parts);
    bh_json_put_int(&writer, "parts_strict", (int64_t)size->parts_strict);
    if (estimate->dear)
        bh_json_put_int(&writer, "parts_in_gsm", (int64_t)estimate->parts_plain);
    bh_json_put_int(&writer, "recipients", estimate->recipients);
    put_price(&writer, estimate);
    bh_json_put_int(&writer, "foreign_count", (int64_t)size->foreign_count);
    put_foreign(&writer, estimate);
    bh_json_close_object(&writer);
    enum bh_status status = bh_buf_status(&line);
    if (status == BH_OK)
        printf("%s\n", bh_buf_text(&line));
    bh_buf_release(&line);
    return status;
}

/* ---- the command ---- */

static enum bh_exit
read_numbers(const struct estimate_options *options, struct estimate *estimate)
{
    estimate->low_micro = -1;
    estimate->recipients = 1;
    if (options->ask && options->price != NULL)
        return bh_cli_misuse("either --ask or --price");
    if (options->ask != (options->to != NULL))
        return bh_cli_misuse("--ask and --to NUMBER go together: prices differ by country");
    if (options->price != NULL &&
        (!bh_money_parse(bh_str_from(options->price), &estimate->low_micro) ||
         estimate->low_micro < 0 || estimate->low_micro > BH_PRICING_MICRO_MAX))
        return bh_cli_misuse("--price needs an amount from 0 to 1000, e.g. 0.075");
    estimate->high_micro = estimate->low_micro;
    if (options->recipients != NULL &&
        (!bh_str_to_int64(bh_str_from(options->recipients), &estimate->recipients) ||
         estimate->recipients < 1 || estimate->recipients > RECIPIENTS_MAX))
        return bh_cli_misuse("--recipients needs a number from 1 to %d", RECIPIENTS_MAX);
    return BH_EXIT_DONE;
}

/* From standard input without the line feed at its end, which an editor or `echo` has put there. */
static enum bh_exit
read_text(const struct estimate_options *options, struct bh_buf *buf)
{
    struct bh_error error = {.text = "short of memory"};
    if (options->text != NULL)
        return bh_buf_append_text(buf, options->text) == BH_OK
                   ? BH_EXIT_DONE
                   : bh_cli_fail("--text is longer than a job may be");
    if (bh_file_read("-", buf, &error) != BH_OK)
        return bh_cli_fail("%s", error.text);
    if (buf->len > 0 && buf->ptr[buf->len - 1] == '\n')
        buf->ptr[--buf->len] = '\0';
    return BH_EXIT_DONE;
}

static enum bh_exit
measure(struct bh_cli *cli, const struct estimate_options *options, struct estimate *estimate)
{
    const struct bh_sms_options how = {options->unicode, options->udh,
                                       options->udh != NULL ? strlen(options->udh) : 0};
    const struct bh_sms_options simple = {false, how.udh, how.udh_len};
    struct bh_error error;
    if (!bh_sms_measure(estimate->text.ptr, estimate->text.len, &how, &estimate->size, &error))
        return bh_cli_fail("%s", error.text);
    estimate->dear = estimate->size.encoding == BH_SMS_UCS2 && estimate->size.foreign_count > 0;
    enum bh_status status = estimate->dear ? measure_plain(estimate, &simple) : BH_OK;
    if (status == BH_OK)
        status = cli->json ? print_json(estimate) : print_for_people(cli, estimate);
    if (status != BH_OK)
        return bh_cli_fail("short of memory");
    if (estimate->size.characters > BH_JOB_SMS_TEXT_MAX)
        return bh_cli_fail("it cannot be sent: the gateway takes at most %d characters",
                           BH_JOB_SMS_TEXT_MAX);
    return BH_EXIT_DONE;
}

static enum bh_exit
ask_price(struct bh_cli *cli, const char *to, struct estimate *estimate)
{
    enum bh_exit result = bh_gateway_price_ask(cli, to, &estimate->pricing);
    if (result != BH_EXIT_DONE)
        return result;
    estimate->low_micro = estimate->pricing.low_micro;
    estimate->high_micro = estimate->pricing.high_micro;
    return BH_EXIT_DONE;
}

static enum bh_exit
estimate_run(struct bh_cli *cli, const void *options, struct bh_operands operands)
{
    const struct estimate_options *wanted = options;
    struct estimate estimate = {.recipients = 1};
    struct bh_buf text;
    if (operands.count > 0)
        return bh_cli_misuse("the text is given by --text or on standard input");
    enum bh_exit result = read_numbers(wanted, &estimate);
    if (result != BH_EXIT_DONE)
        return result;
    bh_buf_init(&text, TEXT_BYTES_MAX);
    result = read_text(wanted, &text);
    estimate.text = (struct bh_str){bh_buf_text(&text), text.len};
    if (result == BH_EXIT_DONE && wanted->ask)
        result = ask_price(cli, wanted->to, &estimate);
    if (result == BH_EXIT_DONE)
        result = measure(cli, wanted, &estimate);
    bh_buf_release(&text);
    return result;
}

const struct bh_command_row bh_command_estimate = {
    .name = "estimate",
    .summary = "tell how a text would travel as SMS, and its price",
    .usage = "[--text TEXT] [--unicode] [--udh HEX] [--price AMOUNT | --ask --to NUMBER] "
             "[--recipients COUNT]",
    .text =
        "Tells encoding, length and parts of a text, and names each character that is not in the "
        "alphabet of\n"
        "plain SMS (GSM 03.38): a single one makes the whole text UCS-2, where a part holds 70 "
        "characters\n"
        "instead of 160.  Nothing is sent.  The gateway's prices differ by country and network: "
        "--ask "
        "asks its\n"
        "price list for the country of --to, and where its networks differ tells the least and the "
        "most; or\n"
        "name the price of a part with --price.  A line feed at the end of standard input does not "
        "count.\n\n"
        "examples:\n"
        "  bellhop estimate --text 'See you at 8'\n"
        "  bellhop estimate --text 'See you at 8' --ask --to 491701234567\n"
        "  bellhop estimate --price 0.075 --recipients 1200 < newsletter.txt\n"
        "  bellhop estimate --json < newsletter.txt | jq .parts",
    .options = estimate_option_rows,
    .options_count = BH_ARRAY_LEN(estimate_option_rows),
    .options_size = sizeof(struct estimate_options),
    .run = estimate_run,
};
