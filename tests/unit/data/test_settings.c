/* Typed settings: defaults, parsing, ranges, choices, messages, and text that reads back as the same values. */
#include "base/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

typedef struct toy {
    int64_t steps;
    double learning_rate;
    bool augment;
    char teacher[CAIRN_SETTING_TEXT_BYTES];
    int optimiser;
} toy;

static const cairn_setting table[] = {
    CAIRN_SETTING_INT_ROW(toy, steps, 400, 1, 1000000, "optimiser steps"),
    CAIRN_SETTING_FLOAT_ROW(toy, learning_rate, 1e-3, 0, 1, "step size"),
    CAIRN_SETTING_BOOL_ROW(toy, augment, 1, "photometric changes"),
    CAIRN_SETTING_TEXT_ROW(toy, teacher, "shapes", "an earlier stage"),
    CAIRN_SETTING_CHOICE_ROW(toy, optimiser, 0, "adam,sgd", "the rule of the update"),
    {0},
};

static void expect_error(toy *t, const char *name, const char *text, const char *const *parts)
{
    toy before = *t;
    assert_int_equal(cairn_settings_set(t, table, name, text, "demo.yaml:12"), CAIRN_E_INVALID);
    assert_memory_equal(&before, t, sizeof before);
    for (; *parts; parts++)
        if (!strstr(cairn_error_message(), *parts)) fail_msg("'%s' lacks '%s'", cairn_error_message(), *parts);
}

static void test_settings__defaults_and_values(void **state)
{
    (void)state;
    toy t;
    memset(&t, 0, sizeof t);
    cairn_settings_defaults(&t, table);
    assert_int_equal(t.steps, 400);
    assert_true(t.learning_rate == 1e-3 && t.augment && t.optimiser == 0);
    assert_string_equal(t.teacher, "shapes");
    assert_int_equal(cairn_settings_set(&t, table, "steps", "1e3", "here"), CAIRN_OK);
    assert_int_equal(cairn_settings_set(&t, table, "learning-rate", "0.1", "here"), CAIRN_OK);
    assert_int_equal(cairn_settings_set(&t, table, "augment", "No", "here"), CAIRN_OK);
    assert_int_equal(cairn_settings_set(&t, table, "optimiser", "sgd", "here"), CAIRN_OK);
    assert_int_equal(cairn_settings_set(&t, table, "teacher", "it's", "here"), CAIRN_OK);
    assert_int_equal(t.steps, 1000);
    assert_true(t.learning_rate == 0.1 && !t.augment && t.optimiser == 1);
}

static void test_settings__errors_say_where_and_what(void **state)
{
    (void)state;
    toy t;
    memset(&t, 0, sizeof t);
    cairn_settings_defaults(&t, table);
    expect_error(&t, "stepz", "3", (const char *[]){"demo.yaml:12", "stepz", "did you mean 'steps'", NULL});
    expect_error(&t, "colour", "3", (const char *[]){"demo.yaml:12", "colour", "known: steps, learning_rate", NULL});
    expect_error(&t, "steps", "0", (const char *[]){"demo.yaml:12", "steps", "1..1000000", "'0'", NULL});
    expect_error(&t, "steps", "1.5", (const char *[]){"whole number", NULL});
    expect_error(&t, "steps", "", (const char *[]){"whole number", NULL});
    expect_error(&t, "steps", "12x", (const char *[]){"whole number", NULL});
    expect_error(&t, "steps", "nan", (const char *[]){"whole number", NULL});
    expect_error(&t, "learning_rate", "inf", (const char *[]){"a number in 0..1", NULL});
    expect_error(&t, "learning_rate", "1e999", (const char *[]){"a number", NULL});
    expect_error(&t, "augment", "maybe", (const char *[]){"true or false", NULL});
    expect_error(&t, "optimiser", "ada", (const char *[]){"one of adam,sgd", NULL});
    expect_error(&t, "teacher", "a\nb", (const char *[]){"one line", NULL});
    char longer[CAIRN_SETTING_TEXT_BYTES + 1];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    expect_error(&t, "teacher", longer, (const char *[]){"511 bytes", NULL});
}

static void test_settings__written_text_reads_back(void **state)
{
    (void)state;
    toy a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    cairn_settings_defaults(&a, table);
    cairn_settings_defaults(&b, table);
    a.learning_rate = 1.0 / 3;
    a.optimiser = 1;
    a.steps = 123457;
    strcpy(a.teacher, "it's: a #text");
    for (const cairn_setting *row = table; row->name; row++) {
        char text[CAIRN_SETTING_TEXT_BYTES];
        cairn_settings_format(text, sizeof text, row, &a);
        assert_int_equal(cairn_settings_set(&b, table, row->name, text, "here"), CAIRN_OK);
    }
    assert_memory_equal(&a, &b, sizeof a);
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    cairn_settings_write(file, table, &a, 2);
    fclose(file);
    assert_non_null(strstr(text, "  steps: 123457\n"));
    assert_non_null(strstr(text, "  teacher: 'it''s: a #text'\n"));
    assert_non_null(strstr(text, "  optimiser: sgd\n"));
    free(text);
}

static void test_settings__closest_name(void **state)
{
    (void)state;
    const char *const names[] = {"devices", "detect", "run", NULL};
    assert_string_equal(cairn_closest_name("device", names), "devices");
    assert_string_equal(cairn_closest_name("detct", names), "detect");
    assert_null(cairn_closest_name("zebra-crossing", names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings__defaults_and_values),
        cmocka_unit_test(test_settings__errors_say_where_and_what),
        cmocka_unit_test(test_settings__written_text_reads_back),
        cmocka_unit_test(test_settings__closest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
