/* Values that lie in files of their own: secrets, and the rules of the time zone. */
#include "core/alloc.h"
#include "core/config_own.h"
#include "core/fault.h"
#include "core/zone.h"

struct reader {
    struct bh_config *config;
    const struct bh_config_files *files;
    struct bh_config_report *report;
};

/* A file's bytes as a secret: one line end goes, and nothing that an editor leaves may stay. */
static enum bh_status
trim_secret(struct bh_str *bytes, struct bh_error *error)
{
    if (bytes->len > 0 && bytes->ptr[bytes->len - 1] == '\n')
        bytes->len--;
    if (bytes->len > 0 && bytes->ptr[bytes->len - 1] == '\r')
        bytes->len--;
    if (bytes->len == 0)
        return bh_error_set(error, "", "the file is empty.");
    for (size_t i = 0; i < bytes->len; i++) {
        unsigned char c = (unsigned char)bytes->ptr[i];
        if (c == '\n' || c == '\r')
            return bh_error_set(error, "",
                                "the file has more than one line; it must hold the "
                                "secret and nothing else.");
        if (c < 0x20 || c == 0x7F)
            return bh_error_set(error, "", "the file holds control characters.");
    }
    if (bytes->ptr[0] == ' ' || bytes->ptr[bytes->len - 1] == ' ')
        return bh_error_set(error, "", "the file begins or ends with a blank.");
    if (bh_str_starts_with(*bytes, BH_STR_LITERAL("\xEF\xBB\xBF")))
        return bh_error_set(error, "", "the file begins with a byte order mark.");
    return BH_OK;
}

/* The slot of a secret and that of the path where it may lie instead. */
struct secret {
    const struct bh_config_row *row;
    struct bh_config_slot *slot;
    struct bh_config_slot *path;
    struct bh_config_label path_label;
};

static enum bh_status
take_secret(const struct reader *reader, const struct secret *secret, struct bh_buf *bytes,
            struct bh_error *error)
{
    const struct bh_config_files *files = reader->files;
    bool exposed = false;
    enum bh_status status =
        files->read_secret(files->arg, secret->path->text, bytes, &exposed, error);
    if (status != BH_OK)
        return status == BH_ENOMEM ? BH_ENOMEM : BH_EINVAL;
    if (exposed)
        bh_config_report_add(reader->report, BH_CONFIG_WARNING,
                             bh_config_slot_where(reader->config, secret->path).text,
                             "%s: others than the owner may read the file; take that right away.",
                             secret->path_label.text);
    struct bh_str text = bh_buf_str(bytes);
    status = trim_secret(&text, error);
    if (status == BH_OK)
        status = bh_config_slot_read(secret->row, text, secret->slot, error);
    if (status != BH_OK)
        return status;
    return bh_config_slot_set_origin(secret->slot, BH_CONFIG_FROM_SECRET_FILE,
                                     bh_str_from(secret->path->text));
}

static enum bh_status
read_secret(const struct reader *reader, const struct secret *secret)
{
    if (secret->path->len == 0 || secret->path->broken || secret->slot->broken)
        return BH_OK;
    struct bh_config_where where = bh_config_slot_where(reader->config, secret->path);
    if (secret->slot->len > 0) {
        bh_config_report_add(reader->report, BH_CONFIG_ERROR, where.text,
                             "%s: `%s` is set too; set one of them and leave the other empty.",
                             secret->path_label.text, secret->row->key);
        return BH_OK;
    }
    struct bh_buf bytes;
    struct bh_error error = {0};
    bh_buf_init(&bytes, BH_CONFIG_SECRET_MAX + 2);
    enum bh_status status = take_secret(reader, secret, &bytes, &error);
    bh_config_wipe(bytes.ptr, bytes.len);
    bh_buf_release(&bytes);
    if (status != BH_EINVAL)
        return status;
    secret->slot->broken = true;
    bh_config_report_add(reader->report, BH_CONFIG_ERROR, where.text, "%s: \"%s\": %s",
                         secret->path_label.text, bh_quote(bh_str_from(secret->path->text)).text,
                         error.text);
    return BH_OK;
}

/* A secret KEY may lie in a file when the section has a key KEY_file. */
static enum bh_status
read_secrets_of(const struct reader *reader, const struct bh_config_section *section)
{
    for (size_t r = 0; r + 1 < section->rows_count; r++) {
        const struct bh_config_row *row = &section->rows[r];
        const struct bh_config_row *next = row + 1;
        if (row->type != BH_CONFIG_SECRET || next->type != BH_CONFIG_PATH)
            continue;
        struct secret secret = {
            .row = row,
            .slot = bh_config_slot_get(reader->config, section, r, 0),
            .path = bh_config_slot_get(reader->config, section, r + 1, 0),
            .path_label = bh_config_label(reader->config, section, r + 1, 0),
        };
        if (read_secret(reader, &secret) != BH_OK)
            return BH_ENOMEM;
    }
    return BH_OK;
}

enum bh_status
bh_config_read_secrets(struct bh_config *config, const struct bh_config_files *files,
                       struct bh_config_report *report)
{
    struct reader reader = {config, files, report};
    for (size_t s = 0; s < BH_CONFIG_SECTIONS; s++) {
        if (!bh_config_sections[s].is_queue &&
            read_secrets_of(&reader, &bh_config_sections[s]) != BH_OK)
            return BH_ENOMEM;
    }
    return BH_OK;
}

static enum bh_status
take_zone(const struct reader *reader, const char *name, struct bh_buf *bytes,
          struct bh_error *error)
{
    const struct bh_config_files *files = reader->files;
    enum bh_status status = files->read_zone(files->arg, name, bytes, error);
    if (status == BH_OK)
        status = bh_zone_parse(bytes->ptr, bytes->len, &reader->config->own->zone, error);
    return status == BH_OK || status == BH_ENOMEM ? status : BH_EINVAL;
}

enum bh_status
bh_config_read_zone(struct bh_config *config, const struct bh_config_files *files,
                    struct bh_config_report *report)
{
    const struct bh_config_section *gateway = bh_config_section_get(BH_STR_LITERAL("gateway"));
    const struct bh_config_row *row = bh_config_row_get(gateway, BH_STR_LITERAL("timezone"));
    size_t row_at = (size_t)(row - gateway->rows);
    struct bh_config_slot *slot = bh_config_slot_get(config, gateway, row_at, 0);
    if (slot->broken)
        return BH_OK;

    struct reader reader = {config, files, report};
    struct bh_buf bytes;
    struct bh_error error = {0};
    bh_buf_init(&bytes, BH_ZONE_BYTES_MAX);
    enum bh_status status = take_zone(&reader, slot->text, &bytes, &error);
    bh_buf_release(&bytes);
    if (status != BH_EINVAL)
        return status;
    slot->broken = true;
    bh_config_report_add(report, BH_CONFIG_ERROR, bh_config_slot_where(config, slot).text,
                         "%s: \"%s\" cannot be taken from the zone database (package tzdata): %s",
                         bh_config_label(config, gateway, row_at, 0).text,
                         bh_quote(bh_str_from(slot->text)).text, error.text);
    return BH_OK;
}
