/* instance.c */
#include "clients/gnatterctl/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/say.h"

#define TURN_MS       10000
#define TURN_RETRY_MS 20

bool instance_path(const struct instance *in, const char *name, char out[PATH_SIZE])
{
	return path_join(out, PATH_SIZE, in->dir, name);
}

bool become_user(unsigned uid, unsigned gid)
{
	struct passwd *pw = getpwuid(uid);

	if (pw ? initgroups(pw->pw_name, gid) : setgroups(1, &gid))
		goto fail;
	if (setgid(gid) != 0 || setuid(uid) != 0)
		goto fail;
	return true;
fail:
	fail("cannot become the user %s: %s", pw ? pw->pw_name : "that owns the instance",
		strerror(errno));
	return false;
}

static const char *which_dir(const char *dir)
{
	const char *env = getenv("GNATTER_DIR");

	if (dir)
		return dir;
	if (env && *env)
		return env;
	if (access("gnatter.conf", F_OK) == 0)
		return ".";
	fail("which instance? Name it with -d DIR or $GNATTER_DIR, or work in its directory");
	return NULL;
}

static bool enter(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0) {
		fail("cannot look at %s: %s", dir, strerror(errno));
		return false;
	}
	if (geteuid() != 0 || st.st_uid == 0)
		return true;
	return become_user(st.st_uid, st.st_gid);
}

bool instance_open(struct instance *in, const char *dir)
{
	char path[PATH_SIZE], real[PATH_MAX], why[1024];
	enum err e;

	dir = which_dir(dir);
	if (!dir || !enter(dir))
		return false;
	if (!realpath(dir, real)) {
		fail("cannot open %s: %s", dir, strerror(errno));
		return false;
	}
	if (strlen(real) >= sizeof(in->dir)) {
		fail("the path %s is too long", real);
		return false;
	}
	memcpy(in->dir, real, strlen(real) + 1);
	if (!instance_path(in, "gnatter.conf", path))
		return false;
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		fail("%s is no instance: it holds no gnatter.conf; gnatterctl init makes one",
			in->dir);
		return false;
	}
	e = conf_load(&in->conf, path, why, sizeof(why));
	if (e != ERR_OK) {
		fail("%s", why);
		return false;
	}
	return true;
}

bool instance_daemon_runs(const struct instance *in)
{
	char path[PATH_SIZE];
	bool held;
	int fd;

	if (!instance_path(in, "run/gnatterd.pid", path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

int instance_take_turn(const struct instance *in)
{
	int64_t until = now_ms() + TURN_MS;
	int fd = open(in->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail("cannot open %s: %s", in->dir, strerror(errno));
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK || now_ms() >= until) {
			fail("another gnatterctl is at work on %s", in->dir);
			close(fd);
			return -1;
		}
		poll(NULL, 0, TURN_RETRY_MS);
	}
	return fd;
}
