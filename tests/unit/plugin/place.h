/* place.h — a fresh folder for each test of the plugin, and what tests do with files in it. */
#ifndef GNATTER_TESTS_PLUGIN_PLACE_H
#define GNATTER_TESTS_PLUGIN_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/buf.h"
#include "wire/err.h"

extern char place[64];       /* the folder of the test that runs */
extern char place_why[1024]; /* the last sentence */

/* cmocka's setup and teardown. */
int place_make(void **state);
int place_remove(void **state);

/* place/name; good until the fourth call after. */
const char *in_place(const char *name);

void place_write(const char *name, const void *data, size_t len);
void place_overwrite(const char *name, size_t at, const void *data, size_t len);
size_t place_size(const char *name);

/* Names, modes, times and contents of all that is there, as one number. */
uint64_t place_fingerprint(void);

/* fn's answer from another process, as user nobody if we are root. */
int place_unprivileged(int (*fn)(void));

static inline struct bytes bytes_of_text(const char *s)
{
	return (struct bytes){s, __builtin_strlen(s)};
}

/* Fails with the sentence if e is not `want`. */
#define assert_err(e, want)                                                                        \
	do {                                                                                       \
		enum err e_ = (e);                                                                 \
		if (e_ != (want))                                                                  \
			fail_msg("%s instead of %s: %s", err_code(e_), err_code(want), place_why); \
	} while (0)

#define PLACE_CASE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

#endif
