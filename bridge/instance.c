/* instance.c — see instance.h. */
#include "bridge/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err become_owner(const char *dir, char *why, size_t why_size)
{
	struct stat st;
	struct passwd *pw;

	if (geteuid() != 0)
		return ERR_OK;
	if (stat(dir, &st) != 0) {
		snprintf(why, why_size, "%s: %s", dir, strerror(errno));
		return ERR_IO;
	}
	if (st.st_uid == 0)
		return ERR_OK;
	pw = getpwuid(st.st_uid);
	if ((pw ? initgroups(pw->pw_name, st.st_gid) : setgroups(1, &st.st_gid)) != 0 ||
		setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0) {
		snprintf(why, why_size, "cannot become the owner of %s: %s", dir, strerror(errno));
		return ERR_IO;
	}
	return ERR_OK;
}

enum err instance_load(struct instance *i, const char *conf_path, char *why, size_t why_size)
{
	char dir[PATH_MAX];
	enum err err;

	*i = (struct instance){.lock_fd = -1};
	umask(0007);
	if (!realpath(conf_path, dir)) {
		snprintf(why, why_size, "%s: %s", conf_path, strerror(errno));
		return ERR_IO;
	}
	if (strlen(dir) >= sizeof(i->conf_path)) {
		snprintf(why, why_size, "%s: the path is too long", dir);
		return ERR_BAD_REQUEST;
	}
	strcpy(i->conf_path, dir);
	err = become_owner(dirname(dir), why, why_size);
	if (err != ERR_OK)
		return err;
	err = conf_defaults(&i->conf, dir);
	if (err != ERR_OK)
		snprintf(why, why_size, "%s: the path is too long", dir);
	else
		err = conf_load(&i->conf, i->conf_path, why, why_size);
	if (err == ERR_OK) {
		const char *reason = "";

		err = jwt_load_hs256(&i->keys, i->conf.token_key_file, &reason);
		if (err != ERR_OK)
			snprintf(why, why_size, "%s: %s", i->conf.token_key_file, reason);
	}
	return err;
}

enum err instance_lock(struct instance *i, char *why, size_t why_size)
{
	char path[CONF_PATH_MAX + 32];
	char pid[32];
	int len;

	snprintf(path, sizeof(path), "%s/run", i->conf.dir);
	if (mkdir(path, 0770) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	snprintf(path, sizeof(path), "%s/run/gnatterd.pid", i->conf.dir);
	i->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (i->lock_fd < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	if (flock(i->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, why_size, "another gnatterd works on %s", i->conf.dir);
		return ERR_CONFLICT;
	}
	len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(i->lock_fd, 0) != 0 || write(i->lock_fd, pid, (size_t)len) != len) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return errno == ENOSPC ? ERR_FULL : ERR_IO;
	}
	return ERR_OK;
}

static enum err open_both(struct instance *i, enum store_mode store_mode,
	enum directory_mode dir_mode, char *why, size_t why_size)
{
	char path[CONF_PATH_MAX + 16];
	enum err err;

	conf_store_path(&i->conf, path);
	err = store_open(&i->store, path, &i->conf, store_mode, why, why_size);
	if (err != ERR_OK)
		return err;
	conf_directory_path(&i->conf, path);
	return directory_open(
		&i->directory, path, (uint64_t)i->conf.directory_map_size, dir_mode, why, why_size);
}

enum err instance_open(struct instance *i, char *why, size_t why_size)
{
	return open_both(i, STORE_OPEN, DIRECTORY_WRITE, why, why_size);
}

enum err instance_create(struct instance *i, char *why, size_t why_size)
{
	if (mkdir(i->conf.data_dir, 0770) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "%s: %s", i->conf.data_dir, strerror(errno));
		return ERR_IO;
	}
	return open_both(i, STORE_CREATE, DIRECTORY_CREATE, why, why_size);
}

void instance_close(struct instance *i)
{
	directory_close(i->directory);
	store_close(i->store);
	if (i->lock_fd >= 0)
		close(i->lock_fd);
	*i = (struct instance){.lock_fd = -1};
}
