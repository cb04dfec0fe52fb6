/* fuzz.h — the fuzz targets: one file a parser, each with this one function.
 *
 *   clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. tests/fuzz/json.c wire/[a-z]*.c \
 *         -lcjson -lsodium -o fuzz-json && ./fuzz-json tests/fuzz/corpus/json
 *
 * A target aborts when a property does not hold; the properties are told at the top of each file.
 * `make test` replays the corpus (replay.c) without libFuzzer.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that no build leaves out. */
static inline void must(int holds)
{
	if (!holds)
		abort();
}

#endif
