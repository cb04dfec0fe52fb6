/* url.c — see url.h. */
#include "bridge/push/url.h"

#include "bridge/push/libcurl.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The parts of a URL as libcurl's parser sees them: its strings. */
struct parts {
	CURLU *handle;
	char *text, *scheme, *host, *port;
};

void url_free(struct url *u)
{
	buf_free(&u->text);
	buf_free(&u->origin);
}

static void parts_finish(struct parts *p)
{
	libcurl()->free(p->text);
	libcurl()->free(p->scheme);
	libcurl()->free(p->host);
	libcurl()->free(p->port);
	libcurl()->url_cleanup(p->handle);
}

/* What libcurl would put up with: bytes and forms that RFC 3986 does not know, and parts that are
 * there but empty. */
static const char *refuse_bytes(const char *text)
{
	const char *slashes = strstr(text, "://");

	if (strlen(text) > URL_MAX)
		return "the URL is too long";
	for (const char *c = text; *c; c++) {
		if (*c <= 0x20 || *c >= 0x7f || *c == '\\')
			return "the URL holds a byte that does not belong there";
	}
	if (!slashes || slashes[3] == '/')
		return "this is no URL";
	if (strchr(text, '#'))
		return "the URL has a fragment";
	if (memchr(slashes + 3, '@', strcspn(slashes + 3, "/?")))
		return "the URL names a user";
	return NULL;
}

/* Does it end in a number, as only an address may? (WHATWG URL, "ends in a number") */
static bool is_numeric(const char *host)
{
	size_t len = strlen(host), start;

	if (len > 0 && host[len - 1] == '.')
		len--;
	for (start = len; start > 0 && host[start - 1] != '.';)
		start--;
	host += start;
	len -= start;
	if (len >= 2 && host[0] == '0' && (host[1] == 'x' || host[1] == 'X'))
		return strspn(host + 2, "0123456789abcdefABCDEF") >= len - 2;
	return len > 0 && strspn(host, "0123456789") >= len;
}

static bool is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host), name_len = sizeof(name) - 1;

	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len < name_len || strncasecmp(host + len - name_len, name, name_len) != 0)
		return false;
	return len == name_len || host[len - name_len - 1] == '.';
}

static const char *judge_address(struct url *out, const char *host)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;
	char inner[64];
	size_t len = strlen(host);

	out->literal = true;
	if (host[0] != '[') {
		if (inet_pton(AF_INET, host, &ipv4) != 1)
			return "the host of the URL is no address";
		out->net = guard_ipv4(ntohl(ipv4.s_addr));
		return NULL;
	}
	if (len < 2 || len - 2 >= sizeof(inner) || host[len - 1] != ']')
		return "the host of the URL is no address";
	memcpy(inner, host + 1, len - 2);
	inner[len - 2] = '\0';
	if (inet_pton(AF_INET6, inner, &ipv6) != 1)
		return "the host of the URL is no address";
	out->net = guard_ipv6(ipv6.s6_addr);
	return NULL;
}

static const char *judge_host(struct url *out, const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	out->literal = false;
	out->net = GUARD_UNKNOWN;
	if (host[0] == '[' || is_numeric(host)) {
		const char *why = judge_address(out, host);

		out->local = out->net == GUARD_LOOPBACK;
		return why;
	}
	out->local = is_localhost(host);
	if (strlen(host) > 253 || host[0] == '.' || host[0] == '-' || host[0] == '\0' ||
		host[strspn(host, allowed)] != '\0')
		return "the host of the URL is no name";
	return NULL;
}

static bool has(CURLU *handle, CURLUPart part)
{
	char *value = NULL;
	CURLUcode code = libcurl()->url_get(handle, part, &value, 0);

	libcurl()->free(value);
	return code == CURLUE_OK;
}

static const char *judge(struct url *out, const struct parts *p)
{
	out->plain = strcmp(p->scheme, "http") == 0;
	if (!out->plain && strcmp(p->scheme, "https") != 0)
		return "the URL is not one of https";
	if (has(p->handle, CURLUPART_USER) || has(p->handle, CURLUPART_PASSWORD))
		return "the URL names a user";
	if (has(p->handle, CURLUPART_ZONEID))
		return "the URL names a zone";
	if (strcmp(p->port, "0") == 0)
		return "the port of the URL is out of range";
	return judge_host(out, p->host);
}

static enum err take_apart(struct parts *p, const char *text, const char **why)
{
	CURLUcode code = p->handle ? libcurl()->url_set(p->handle, CURLUPART_URL, text, 0)
				   : CURLUE_OUT_OF_MEMORY;

	if (code == CURLUE_OK)
		code = libcurl()->url_get(p->handle, CURLUPART_URL, &p->text, 0);
	if (code == CURLUE_OK)
		code = libcurl()->url_get(p->handle, CURLUPART_SCHEME, &p->scheme, 0);
	if (code == CURLUE_OK)
		code = libcurl()->url_get(p->handle, CURLUPART_HOST, &p->host, 0);
	if (code == CURLUE_OK)
		code = libcurl()->url_get(p->handle, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT);
	if (code == CURLUE_OUT_OF_MEMORY)
		return ERR_NOMEM;
	*why = code == CURLUE_UNSUPPORTED_SCHEME ? "the URL is not one of https"
						 : "this is no URL that can be connected to";
	return code == CURLUE_OK ? ERR_OK : ERR_BAD_REQUEST;
}

/* RFC 6454, section 6.2: the port is left out where it is the scheme's own. */
static void put_origin(struct buf *b, const struct url *u, const struct parts *p)
{
	buf_reset(b);
	buf_printf(b, "%s://", p->scheme);
	for (const char *c = p->host; *c; c++)
		buf_u8(b, (uint8_t)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c));
	if (strcmp(p->port, u->plain ? "80" : "443") != 0)
		buf_printf(b, ":%s", p->port);
	buf_u8(b, '\0');
}

enum err url_parse(struct url *out, const char *text, const char **why)
{
	struct parts p = {0};
	enum err err;

	*why = refuse_bytes(text);
	if (*why)
		return ERR_BAD_REQUEST;
	p.handle = libcurl()->url();
	err = take_apart(&p, text, why);
	if (err == ERR_OK) {
		*why = judge(out, &p);
		err = *why ? ERR_BAD_REQUEST : ERR_OK;
	}
	if (err == ERR_OK) {
		buf_reset(&out->text);
		buf_put(&out->text, p.text, strlen(p.text) + 1);
		put_origin(&out->origin, out, &p);
		err = out->text.failed || out->origin.failed ? ERR_NOMEM : ERR_OK;
	}
	parts_finish(&p);
	return err;
}
