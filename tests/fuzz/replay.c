/* replay.c — feed every file of a corpus to a fuzz target, without libFuzzer.
 *
 *   NAME_replay [FOLDER|FILE]...      default: tests/fuzz/corpus/NAME
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned count;

/* The input lies in a block of just its size, so that AddressSanitizer sees a read too far. */
static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t size;

	if (!f || fstat(fileno(f), &st) != 0) {
		perror(path);
		return 1;
	}
	size = (size_t)st.st_size;
	data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, f) != size) {
		fprintf(stderr, "%s: cannot read it\n", path);
		return 1;
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	count++;
	return 0;
}

static int replay(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	int failed = 0;

	if (!folder)
		return replay_file(path);
	while ((entry = readdir(folder))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		failed |= replay_file(file);
	}
	closedir(folder);
	return failed;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	char path[4096];
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	if (argc == 1) {
		name = name ? name + 1 : argv[0];
		snprintf(path, sizeof(path), "tests/fuzz/corpus/%.*s",
			(int)(strlen(name) - strlen("_replay")), name);
		failed |= replay(path);
	}
	printf("%u inputs replayed\n", count);
	return failed || count == 0;
}
