/* keyfile.h — read a file that holds a secret, and refuse one that is open to others. */
#ifndef GNATTER_WIRE_KEYFILE_H
#define GNATTER_WIRE_KEYFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/* Read the text file at path into text, which has size bytes, with a NUL after its *len bytes. A
 * file whose mode has a bit of `forbidden` is refused, and one that holds a NUL, or does not fit.
 * On failure *why says what is wrong in a static sentence: ERR_IO if it cannot be read, else
 * ERR_BAD_REQUEST. The caller wipes text, whatever is answered. */
enum err keyfile_read(
	char *text, size_t size, size_t *len, const char *path, mode_t forbidden, const char **why);

#endif
