/* libcurl.h — libcurl, loaded when something is to be sent over it.
 *
 * With all that it brings along (LDAP, Kerberos, SSH, a second TLS library) it takes 5 MB and 4 of
 * the 7 ms before main(). Who pushes nothing over HTTP need not pay for it, so the daemon is not
 * linked with it: its functions are called through this table.
 */
#ifndef GNATTER_BRIDGE_PUSH_LIBCURL_H
#define GNATTER_BRIDGE_PUSH_LIBCURL_H

#include <curl/curl.h>

/* X(name): curl_name() of <curl/curl.h>. */
#define LIBCURL_CALLS(X)       \
	X(easy_cleanup)        \
	X(easy_getinfo)        \
	X(easy_init)           \
	X(easy_reset)          \
	X(easy_setopt)         \
	X(easy_strerror)       \
	X(free)                \
	X(getdate)             \
	X(global_cleanup)      \
	X(global_init)         \
	X(multi_add_handle)    \
	X(multi_cleanup)       \
	X(multi_info_read)     \
	X(multi_init)          \
	X(multi_remove_handle) \
	X(multi_setopt)        \
	X(multi_socket_action) \
	X(slist_append)        \
	X(slist_free_all)      \
	X(url)                 \
	X(url_cleanup)         \
	X(url_get)             \
	X(url_set)             \
	X(version_info)

struct libcurl {
#define LIBCURL_FIELD(name) __typeof__(curl_##name) *name;
	LIBCURL_CALLS(LIBCURL_FIELD)
#undef LIBCURL_FIELD
};

/* The first call loads it. Where it is not there, the program ends with a sentence, as it does
 * where any other library is missing. Any thread. */
const struct libcurl *libcurl(void);

#endif
