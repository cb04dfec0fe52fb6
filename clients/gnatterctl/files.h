/* files.h — files made and removed so that a failure leaves nothing half done. */
#ifndef GNATTERCTL_FILES_H
#define GNATTERCTL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All of these say on stderr what went wrong, and return false, NULL or -1. */

/* Join dir and name into out. False if it does not fit. */
bool path_join(char *out, size_t size, const char *dir, const char *name);

/* Make a directory with exactly this mode. */
bool make_dir(const char *path, mode_t mode);

/* Write and sync a new file; it must not exist. */
bool write_new_file(const char *path, mode_t mode, const void *data, size_t len);

/* Remove what lies in dir, of whatever kind, and dir itself too if asked. Symbolic links are not
 * followed. */
bool remove_tree(const char *dir, bool itself);

/* Give dir and everything in it to that user and group. Symbolic links are not followed. */
bool give_tree(const char *dir, uid_t uid, gid_t gid);

/* Milliseconds of a clock that never runs backwards; since 1970. */
int64_t now_ms(void);
int64_t wall_ms(void);

#endif
