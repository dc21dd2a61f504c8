#ifndef CAIRN_TESTS_SUPPORT_JOINT_H
#define CAIRN_TESTS_SUPPORT_JOINT_H
/* A recipe whose stage "joint" trains detector and descriptors on three small photographs, in the scratch folder. */
#include "support/program.h"

enum { TEST_JOINT_PHOTOS = 3, TEST_JOINT_STEPS = 9, TEST_JOINT_WORDS = 16 };

/* Group setup of cmocka: the scratch folder with joint.yaml and photos/. It learns nothing (lr 0) and has no
 * normalisation unless a test's settings say so. */
int test_joint_create(void **state);
/* The command line of a run into run/, with these settings of the recipe ("joint.lr=0.01"), NULL-ended, 10 at most. */
void test_joint_words(const char *words[TEST_JOINT_WORDS], const char *const *settings);
/* Runs it; fails the running test where the program does. */
void test_joint_train(cairn_program_run *run, const char *const *settings);
/* Numbers of this name in the log of run/joint, in order, at most `most`; returns how many. */
int test_joint_logged(double *out, int most, const char *name);
#endif
