/* file.h — read a small file whole: configuration, keys. */
#ifndef GNATTER_WIRE_FILE_H
#define GNATTER_WIRE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/* Read the regular file at path into out, which has size bytes; *len gets its length, *mode its
 * permissions. Never waits, whatever stands at path. ERR_IO if it cannot be read (errno says why),
 * ERR_BAD_REQUEST if it is no regular file, ERR_TOO_LARGE if it has more than size bytes. */
enum err file_read(const char *path, char *out, size_t size, size_t *len, mode_t *mode);

#endif
