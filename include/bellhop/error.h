/*
 * error - a failure told to a person.
 */
#ifndef BELLHOP_ERROR_H
#define BELLHOP_ERROR_H

#define BH_ERROR_FIELD_MAX 64
#define BH_ERROR_TEXT_MAX  320

/*
 * What is wrong, in one sentence that names field, value and rule, without a final newline.
 * Both members are NUL-terminated; values of strangers are shortened and made printable first.
 */
struct bh_error {
    char field[BH_ERROR_FIELD_MAX]; /* what is at fault; empty when it is no field in particular */
    char text[BH_ERROR_TEXT_MAX];
};

#endif
