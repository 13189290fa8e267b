/*
 * remove_tree - take a test's directory away again.
 */
#ifndef BH_TEST_REMOVE_TREE_H
#define BH_TEST_REMOVE_TREE_H

/* Remove a directory and all in it, three levels deep: what a test makes is not deeper. */
void bh_remove_tree(const char *path);

#endif
