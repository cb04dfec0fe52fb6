/* libcurl.c — see libcurl.h. It is never unloaded: OpenSSL and others leave things behind that
 * point into it. */
#include "bridge/push/libcurl.h"
#include "wire/logline.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libcurl.so.4" /* what <curl/curl.h> of these years belongs to */

static const struct {
	const char *name;
	size_t at;
} calls[] = {
#define LIBCURL_ROW(name) {"curl_" #name, offsetof(struct libcurl, name)},
	LIBCURL_CALLS(LIBCURL_ROW)
#undef LIBCURL_ROW
};

static struct libcurl table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void missing(void)
{
	log_line("libcurl cannot be loaded: %s", dlerror());
	exit(1);
}

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

	if (!library)
		missing();
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		void *call = dlsym(library, calls[i].name);

		if (!call)
			missing();
		memcpy((char *)&table + calls[i].at, &call, sizeof(call));
	}
}

const struct libcurl *libcurl(void)
{
	pthread_once(&once, load);
	return &table;
}
