#ifndef CAIRN_BASE_SETTINGS_H
#define CAIRN_BASE_SETTINGS_H
/* Named, typed, checked values in plain structs: recipe stages and program options describe theirs by a table.
 *
 * A table ends with {0}. A struct holds one field for each row, of the type that the row's kind says. Nothing here
 * allocates for the caller: texts are arrays inside the struct, so that settings can be copied by assignment. */
#include "base/status.h"

#include <stddef.h>
#include <stdio.h>

enum { CAIRN_SETTING_TEXT_BYTES = 512 }; /* with the ending zero */

typedef enum cairn_setting_type {
    CAIRN_SETTING_END,
    CAIRN_SETTING_INT,   /* int64_t */
    CAIRN_SETTING_FLOAT, /* double */
    CAIRN_SETTING_BOOL,  /* bool: true, false, yes, no, on, off */
    CAIRN_SETTING_TEXT,  /* char [CAIRN_SETTING_TEXT_BYTES] */
    CAIRN_SETTING_CHOICE /* int: index into `choices` */
} cairn_setting_type;

typedef struct cairn_setting {
    const char *name;
    cairn_setting_type type;
    size_t offset;             /* of the field in its struct */
    double fallback;           /* numbers, BOOL (0, 1) and CHOICE (index): the value when nothing sets it */
    double low, high;          /* numbers: inclusive range; both 0 means any */
    const char *fallback_text; /* TEXT: NULL means "" */
    const char *choices;       /* CHOICE: "adam,sgd" */
    const char *help;          /* one line, with the unit */
} cairn_setting;

/* Rows of a table for the struct `type`: the field's name is the setting's name. */
#define CAIRN_SETTING_INT_ROW(type, field, fallback_, low_, high_, help_)                                              \
    {                                                                                                                  \
#field, CAIRN_SETTING_INT, offsetof(type, field), fallback_, low_, high_, NULL, NULL, help_                    \
    }
#define CAIRN_SETTING_FLOAT_ROW(type, field, fallback_, low_, high_, help_)                                            \
    {                                                                                                                  \
#field, CAIRN_SETTING_FLOAT, offsetof(type, field), fallback_, low_, high_, NULL, NULL, help_                  \
    }
#define CAIRN_SETTING_BOOL_ROW(type, field, fallback_, help_)                                                          \
    {                                                                                                                  \
#field, CAIRN_SETTING_BOOL, offsetof(type, field), fallback_, 0, 0, NULL, NULL, help_                          \
    }
#define CAIRN_SETTING_TEXT_ROW(type, field, fallback_, help_)                                                          \
    {                                                                                                                  \
#field, CAIRN_SETTING_TEXT, offsetof(type, field), 0, 0, 0, fallback_, NULL, help_                             \
    }
#define CAIRN_SETTING_CHOICE_ROW(type, field, fallback_, choices_, help_)                                              \
    {                                                                                                                  \
#field, CAIRN_SETTING_CHOICE, offsetof(type, field), fallback_, 0, 0, NULL, choices_, help_                    \
    }

void cairn_settings_defaults(void *out, const cairn_setting *table);

/* Sets one value from text. A hyphen in `name` counts as an underscore, so that options may be written --top-k.
 * where   stands in front of the message: "demo.yaml:12" or "command line"
 * error   CAIRN_E_INVALID with where, name and what was expected (type, range or choices; for an unknown name the
 *         closest known one); *out is then unchanged */
cairn_status cairn_settings_set(void *out, const cairn_setting *table, const char *name, const char *text,
                                const char *where);

/* NULL if there is none. */
const cairn_setting *cairn_settings_find(const cairn_setting *table, const char *name);
/* The text of a value, readable by cairn_settings_set: at most `size` bytes with the ending zero. */
void cairn_settings_format(char *text, size_t size, const cairn_setting *row, const void *settings);
/* One YAML line "name: value" for each row, `indent` spaces before it. */
void cairn_settings_write(FILE *file, const cairn_setting *table, const void *settings, int indent);
/* One aligned line for each row: name, what it accepts, default, help. prefix: "--" for options, "" for recipes
 * (options are shown with hyphens). */
void cairn_settings_help(FILE *file, const cairn_setting *table, const char *prefix);

/* The entry of the NULL-ended list that is closest to `name` by edit distance, or NULL if none is similar. */
const char *cairn_closest_name(const char *name, const char *const *known);
#endif
