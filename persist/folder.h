/* folder.h — the folder that holds a store or a directory: is it there, is it ours to fill.
 *
 * `what` is the word for it in sentences: "store", "directory". Sentences go into why, of why_size
 * bytes.
 */
#ifndef GNATTER_PERSIST_FOLDER_H
#define GNATTER_PERSIST_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/buf.h"
#include "wire/err.h"

#define FOLDER_PATH_MAX 4096

/* Is there a folder that allows access_mode (as of access(2))? ERR_NOT_FOUND, ERR_CORRUPT
 * (something else stands there), ERR_IO. Changes nothing. */
enum err folder_look(
	const char *path, int access_mode, const char *what, char *why, size_t why_size);

/* Make the folder, or take one that is empty; *made tells which. ERR_EXISTS if something is in it.
 */
enum err folder_claim(
	const char *path, mode_t mode, const char *what, bool *made, char *why, size_t why_size);

/* Give a claimed folder back as it was found: remove the files in it, and the folder itself if
 * made. */
void folder_abandon(const char *path, bool made);

/* Write the names in the folder, and its own name in its parent, to disk. */
enum err folder_sync(const char *path);

/* path/name into out; ERR_TOO_LARGE if it does not fit. */
enum err folder_file(char out[FOLDER_PATH_MAX], const char *path, const char *name);

/* Append what is in path/name to *out, at most max bytes. ERR_NOT_FOUND, ERR_TOO_LARGE (more than
 * max), ERR_NOMEM, ERR_IO with errno set. */
enum err folder_read(struct buf *out, const char *path, const char *name, size_t max);

/* Size on disk of the files in the folder, in bytes; 0 if it cannot be read. */
uint64_t folder_bytes(const char *path);

#endif
