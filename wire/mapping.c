/* mapping.c — see mapping.h; proc(5) has the format of /proc/PID/maps. */
#include "wire/mapping.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LINE_MAX_BYTES 8192

/* Is this line about a shared mapping of that file? */
static bool is_of(const char *line, const struct stat *file, uintptr_t *from, uintptr_t *to)
{
	unsigned dev_major, dev_minor;
	uint64_t inode;
	char rights[8];

	return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %x:%x %" SCNu64, from, to, rights,
		       &dev_major, &dev_minor, &inode) == 6 &&
	       rights[3] == 's' && inode == file->st_ino && dev_major == major(file->st_dev) &&
	       dev_minor == minor(file->st_dev);
}

void mapping_relieve(int fd)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[LINE_MAX_BYTES];
	uintptr_t from, to;
	struct stat file;

	if (maps && fstat(fd, &file) == 0)
		while (fgets(line, sizeof(line), maps))
			if (is_of(line, &file, &from, &to))
				madvise((void *)from, to - from, MADV_DONTNEED);
	if (maps)
		fclose(maps);
}
