#include "core/form.h"

#include "core/ascii.h"

/* The byte at the front of *rest, decoded; -1 when it is badly encoded or NUL. */
static int
take_byte(struct bh_str *rest, bool plus_is_blank)
{
    char c = rest->ptr[0];
    size_t taken = 1;
    int byte = plus_is_blank && c == '+' ? ' ' : (unsigned char)c;
    if (c == '%') {
        int high = rest->len >= 3 ? bh_hex_value(rest->ptr[1]) : -1;
        int low = rest->len >= 3 ? bh_hex_value(rest->ptr[2]) : -1;
        if (high < 0 || low < 0)
            return -1;
        byte = high * 16 + low;
        taken = 3;
    }
    rest->ptr += taken;
    rest->len -= taken;
    return byte != 0 ? byte : -1;
}

bool
bh_percent_decode(struct bh_str text, bool plus_is_blank, char *out, size_t size)
{
    size_t len = 0;
    while (text.len > 0) {
        int byte = take_byte(&text, plus_is_blank);
        if (byte < 0 || len + 1 >= size) {
            out[0] = '\0';
            return false;
        }
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return true;
}

struct bh_form
bh_form_from(struct bh_str text)
{
    return (struct bh_form){
        .rest = text.len > 0 ? text : (struct bh_str){NULL, 0}
    };
}

bool
bh_form_next_written(struct bh_form *form, struct bh_str *ret_name, struct bh_str *ret_value)
{
    struct bh_str value, name;
    while (form->seen < BH_FORM_FIELDS_MAX && bh_str_split(&form->rest, '&', &value)) {
        form->seen++;
        if (!bh_str_split(&value, '=', &name) || name.len == 0)
            continue;
        *ret_name = name;
        *ret_value = value;
        return true;
    }
    return false;
}

bool
bh_form_next(struct bh_form *form, struct bh_form_field *ret_field)
{
    struct bh_str name, value;
    struct bh_form_field field;
    while (bh_form_next_written(form, &name, &value)) {
        if (!bh_percent_decode(name, true, field.name, sizeof(field.name)) ||
            !bh_percent_decode(value, true, field.value, sizeof(field.value)))
            continue;
        *ret_field = field;
        return true;
    }
    return false;
}
