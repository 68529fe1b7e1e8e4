/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macros of system headers that look like no C, for cppcheck, which does not read those headers.
 * Included by nothing but the lint.
 */
#define json_object_object_foreach(o, k, v)                                                        \
	char *k = NULL;                                                                            \
	struct json_object *v = NULL;                                                              \
	for (; next(o, &k, &v);)
