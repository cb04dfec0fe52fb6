/* programs.c */
#include "clients/gnatterctl/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/gnatterctl/say.h"

/* The folder of this very program. */
static bool own_folder(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return false;
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
	return slash != NULL;
}

/* The first of the places (relative to this program, ending in NULL) at which there is something.
 */
static bool beside(char out[PATH_MAX], const char *what, const char *const places[])
{
	char folder[PATH_MAX] = "?", path[PATH_MAX * 2];

	if (own_folder(folder))
		for (size_t i = 0; places[i]; i++) {
			snprintf(path, sizeof(path), "%s/%s", folder, places[i]);
			if (realpath(path, out))
				return true;
		}
	fail("there is no %s beside gnatterctl in %s: was everything built or installed?", what,
		folder);
	return false;
}

bool programs_daemon(char out[PATH_MAX])
{
	static const char *const places[] = {"gnatterd", "../sbin/gnatterd", NULL};

	return beside(out, "gnatterd", places);
}

bool programs_plugin(char out[PATH_MAX])
{
	static const char *const places[] = {"gnatter.so", "../lib/gnatter/gnatter.so", NULL};

	return beside(out, "gnatter.so", places);
}

bool programs_client(char out[PATH_MAX])
{
	static const char *const places[] = {"gnatter", NULL};
	char folder[PATH_MAX];
	size_t len;

	if (!beside(out, "gnatter", places))
		return false;
	len = getcwd(folder, sizeof(folder)) ? strlen(folder) : 0;
	if (len > 0 && strncmp(out, folder, len) == 0 && out[len] == '/')
		memmove(out, out + len + 1, strlen(out + len + 1) + 1);
	return true;
}

bool programs_broker(char out[PATH_MAX])
{
	static const char sbin[] = ":/usr/local/sbin:/usr/sbin:/sbin";
	const char *named = getenv("MOSQUITTO"), *path = getenv("PATH");
	char *folders, *at, *folder;
	bool found = false;

	if (named && *named) {
		if (realpath(named, out) && access(out, X_OK) == 0)
			return true;
		fail("$MOSQUITTO names %s, which is no program", named);
		return false;
	}
	folders = need(malloc((path ? strlen(path) : 0) + sizeof(sbin)));
	sprintf(folders, "%s%s", path ? path : "", sbin);
	at = folders;
	while (!found && (folder = strsep(&at, ":"))) {
		int n = snprintf(out, PATH_MAX, "%s/mosquitto", folder);

		found = *folder == '/' && n < PATH_MAX && access(out, X_OK) == 0;
	}
	free(folders);
	if (!found)
		fail("there is no mosquitto on this machine; on Debian: apt-get install mosquitto");
	return found;
}
