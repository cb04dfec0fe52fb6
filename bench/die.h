/* die.h — how the load generator gives up: one sentence on stderr, exit status 2.
 *
 * Status 2 means that nothing was measured (wrong options, no broker, no memory). A measurement
 * whose checks failed ends with status 1.
 */
#ifndef GNATTER_BENCH_DIE_H
#define GNATTER_BENCH_DIE_H

#include <stddef.h>

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory, or die. */
void *die_alloc(size_t count, size_t size);

#endif
