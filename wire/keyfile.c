/* keyfile.c — a private key is of use only while nobody else has it: the mode is looked at first.
 */
#include "keyfile.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

static enum err refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return ERR_BAD_REQUEST;
}

enum err keyfile_read(
	char *text, size_t size, size_t *len, const char *path, mode_t forbidden, const char **why)
{
	mode_t mode;

	assert(size > 0);
	*why = "";
	switch (file_read(path, text, size - 1, len, &mode)) {
	case ERR_OK:
		break;
	case ERR_TOO_LARGE:
		return refuse(why, "the key file is too long");
	case ERR_BAD_REQUEST:
		return refuse(why, "the key file is not a file");
	default:
		*why = "the key file cannot be read";
		return ERR_IO;
	}
	text[*len] = '\0';
	if (mode & forbidden)
		return refuse(why, "the key file is open to others: chmod o-rwx it");
	return memchr(text, '\0', *len) ? refuse(why, "the key file is not text") : ERR_OK;
}
